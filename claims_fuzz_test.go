package eidas_test

import (
	"bytes"
	"crypto/x509"
	"crypto/x509/pkix"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/seed-b953571c/eidas"
)

// FuzzElements holds the TLV reader to cryptobyte's.
//
// Oracle: both accept the same octets and give the same tag, content and rest.
func FuzzElements(f *testing.F) {
	f.Add([]byte{0x30, 0x80, 0, 0})
	f.Add([]byte{0x30, 0x81, 0x80})
	f.Add(append([]byte{0x04, 0x81, 0x7f}, make([]byte, 127)...))
	f.Add(append([]byte{0x04, 0x82, 0x00, 0x80}, make([]byte, 128)...))
	f.Add(append([]byte{0x04, 0x81, 0x80}, make([]byte, 130)...))
	f.Add(append([]byte{0x04, 0x82, 1, 0}, make([]byte, 256)...))
	f.Add([]byte{0x30, 0x84, 0, 0, 0, 1, 0})
	f.Add([]byte{0x1f, 0x81, 0x01, 0})
	f.Add(lawful())
	f.Fuzz(func(t *testing.T, in []byte) {
		rest := cryptobyte.String(in)
		var full cryptobyte.String
		var tag cbasn1.Tag
		want := rest.ReadAnyASN1Element(&full, &tag)
		gotTag, body, gotRest, ok := eidas.Next(in)
		require.Equal(t, want, ok)
		if !ok {
			return
		}
		var content cryptobyte.String
		require.True(t, full.ReadAnyASN1(&content, &tag))
		require.Equal(t, byte(tag), gotTag)
		require.True(t, bytes.Equal(content, body))
		require.True(t, bytes.Equal(rest, gotRest))
		again, restAgain, ok := eidas.NextOf(byte(tag), in)
		require.True(t, ok)
		require.True(t, bytes.Equal(body, again) && bytes.Equal(gotRest, restAgain))
		_, _, ok = eidas.NextOf(byte(tag)^1, in)
		require.False(t, ok)
	})
}

// seedCertificates adds the certificates made here and, where there are any, a
// part of the real ones.
func seedCertificates(f *testing.F, add func(der []byte)) {
	f.Helper()
	add(lawful())
	for _, rows := range [][]findingRow{statementRows(), psd2Rows()} {
		for _, row := range rows {
			if der := row.der(); len(der) < 4096 {
				add(der)
			}
		}
	}
	root := os.Getenv("EIDAS_DATA")
	if root == "" {
		root = filepath.Join("..", "shared", "data")
	}
	files, err := filepath.Glob(filepath.Join(root, "certs", "*.der"))
	require.NoError(f, err)
	for _, name := range files {
		der, err := os.ReadFile(name)
		require.NoError(f, err)
		add(der)
	}
}

// FuzzStatements reads any octets as qcStatements of a certificate with a
// lawful identifier.
//
// Oracle: whatever is accepted strictly, a PSD2 statement encoded anew from the
// claims has the octets it was read from, save for the string types that are
// accepted with a finding; roles are granted only by an accepted certificate,
// and are those whose OID and name agree; lenient reading never grants less
// than strict reading, and never more than the roles listed; the error and the
// findings say the same.
func FuzzStatements(f *testing.F) {
	seedCertificates(f, func(der []byte) {
		claims, _ := eidas.ParseClaimsDER(der)
		if cert, err := x509.ParseCertificate(der); err == nil && claims.Statements.Present {
			for _, e := range cert.Extensions {
				if e.Id.String() == statementsOID {
					f.Add(e.Value)
				}
			}
		}
	})
	f.Fuzz(func(t *testing.T, value []byte) {
		cert := &x509.Certificate{
			RawSubject: sequence(orgID(tppID)),
			Extensions: []pkix.Extension{statementsExtension(value)},
		}
		claims, err := eidas.ParseClaims(cert)
		require.NotNil(t, claims)
		lenient, lenientErr := eidas.ParseClaimsLenient(cert)
		checkFindings(t, claims, err)
		checkFindings(t, lenient, lenientErr)
		require.False(t, claims.Lenient)
		if err == nil {
			require.NoError(t, lenientErr)
			require.Equal(t, claims, lenient)
		}
		if claims.PSD2 == nil {
			require.Nil(t, lenient.PSD2)
			return
		}
		require.Equal(t, claims.PSD2.Roles, lenient.PSD2.Roles)
		checkRoles(t, claims.PSD2, err)
		checkRoles(t, lenient.PSD2, lenientErr)
		if err == nil && len(findingsByCode(claims)[eidas.FindingNCANameType])+
			len(findingsByCode(claims)[eidas.FindingNCAIDType])+len(findingsByCode(claims)[eidas.FindingRoleNameType]) == 0 {
			require.Equal(t, psd2Info(claims), encodePSD2(t, claims.PSD2))
		}
		if id, idErr := claims.Identity(eidas.ProfileEU); idErr == nil {
			require.Equal(t, tppID, id.String())
			require.Equal(t, "LT-BL", claims.PSD2.NCAId)
		}
	})
}

// checkFindings: an error of the statements and a finding of severity error
// that is not about the identity go together.
func checkFindings(t *testing.T, c *eidas.Claims, err error) {
	t.Helper()
	require.LessOrEqual(t, len(c.Findings), eidas.MaxFindings)
	failed := len(c.Findings) == eidas.MaxFindings
	for _, f := range c.Findings {
		identity := strings.HasPrefix(string(f.Code), "orgid-") || strings.HasPrefix(string(f.Code), "cabf-") ||
			strings.HasSuffix(string(f.Code), "orgid") || f.Code == eidas.FindingSeveralOrgIDs ||
			f.Code == eidas.FindingNCAIDSyntax || f.Code == eidas.FindingNCAIDCountry || f.Code == eidas.FindingNCAIDNA
		failed = failed || f.Severity == eidas.SeverityError && !identity
		for _, r := range f.Detail {
			require.True(t, r >= ' ' && r < 0x7f, "%q", f.Detail)
		}
	}
	if err != nil {
		require.True(t, failed, "%v: %v", err, c.Findings)
		return
	}
	require.True(t, !failed || len(c.Findings) == eidas.MaxFindings, "%v", c.Findings)
}

func checkRoles(t *testing.T, p *eidas.PSD2, err error) {
	t.Helper()
	var agree eidas.Roles
	for _, r := range p.Roles {
		if eidas.RoleByOID(r.OID) == eidas.RoleByName(r.Name) {
			agree |= eidas.RoleByOID(r.OID)
		}
	}
	if err != nil {
		agree = 0
	}
	require.Equal(t, agree, p.Known)
}

func psd2Info(c *eidas.Claims) []byte {
	for _, s := range c.Statements.List {
		if s.OID == "0.4.0.19495.2" {
			return s.Info
		}
	}
	return nil
}

func encodePSD2(t *testing.T, p *eidas.PSD2) []byte {
	t.Helper()
	var roles []byte
	for _, r := range p.Roles {
		var oid x509.OID
		require.NoError(t, oid.UnmarshalText([]byte(r.OID)))
		content, err := oid.MarshalBinary()
		require.NoError(t, err)
		roles = append(roles, sequence(tlv(cbasn1.OBJECT_IDENTIFIER, content), utf8String(r.Name))...)
	}
	return sequence(sequence(roles), utf8String(p.NCAName), utf8String(p.NCAId))
}

// FuzzIdentity reads any text as an identity.
//
// Oracle: what is accepted is written back as it was; its parts put together
// are the value; it is valid UTF-8 without control characters; and it equals no
// identity of another text or profile.
func FuzzIdentity(f *testing.F) {
	for _, s := range []string{
		tppID, "test/" + tppID, "PSDMT-MFSA-A 12345", "VATEL-099755108", "NTRUS+CA-27380834", "LEIXG-254900ZNYA1FLUQ9U393",
		"SI:FR-434202180", "PSDSE-FINA-Å1", "PSDBG-BNB-АВ1", "", "eu/" + tppID, "PSDFIN-FINFSA-1", "PSDDE-BAFIN-\u200b1",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		id, err := eidas.ParseIdentity(s)
		if err != nil {
			require.ErrorIs(t, err, eidas.ReasonIdentityMalformed)
			require.True(t, id.IsZero())
			return
		}
		require.Equal(t, s, id.String())
		require.True(t, utf8.ValidString(s))
		require.False(t, strings.ContainsFunc(s, func(r rune) bool { return r < ' ' || r >= 0x7f && r < 0xc0 }))
		value := id.OrganizationIdentifier()
		require.True(t, strings.HasPrefix(value, string(id.Scheme())+id.Country()))
		require.True(t, strings.HasSuffix(value, "-"+id.Number()))
		require.NotEmpty(t, id.Number())
		if id.Scheme() == eidas.SchemePSD {
			require.Equal(t, "PSD"+id.Country()+"-"+id.Authority()+"-"+id.Number(), value)
		} else {
			require.Empty(t, id.Authority())
		}
		other, err := eidas.ParseOrganizationIdentifier("another", value)
		require.NoError(t, err)
		require.NotEqual(t, id == other, id.Profile() != "another")
		again, err := eidas.ParseOrganizationIdentifier(id.Profile(), value)
		require.NoError(t, err)
		require.Equal(t, id, again)
	})
}

// FuzzClaimsDER reads any octets as a certificate.
//
// Oracle: where crypto/x509 reads the certificate too, ParseClaims gives the
// same claims and the same reason, unless the frame is refused as no DER; the
// identity, if any, is written back as the one identifier there is.
func FuzzClaimsDER(f *testing.F) {
	seedCertificates(f, func(der []byte) { f.Add(der) })
	f.Fuzz(func(t *testing.T, der []byte) {
		before := bytes.Clone(der)
		claims, err := eidas.ParseClaimsDER(der)
		require.True(t, bytes.Equal(before, der))
		if claims == nil {
			require.ErrorIs(t, err, eidas.ReasonCertificateMalformed)
			return
		}
		if eidas.ReasonOf(err) != eidas.ReasonCertificateMalformed { // an unreadable subject has no finding
			checkFindings(t, claims, err)
		}
		if cert, certErr := x509.ParseCertificate(der); certErr == nil {
			again, errAgain := eidas.ParseClaims(cert)
			require.Equal(t, claims, again)
			require.Equal(t, eidas.ReasonOf(err), eidas.ReasonOf(errAgain))
		}
		id, err := claims.Identity(eidas.ProfileEU)
		if err != nil {
			require.True(t, id.IsZero())
			return
		}
		require.Len(t, claims.OrganizationIdentifiers, 1)
		require.Equal(t, claims.OrganizationIdentifiers[0].Value, id.String())
		again, err := eidas.ParseIdentity(id.String())
		require.NoError(t, err)
		require.Equal(t, id, again)
	})
}
