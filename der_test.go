package eidas_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/seed-b953571c/eidas"
)

// tlv encodes parts as the content of one TLV.
func tlv(tag cbasn1.Tag, parts ...[]byte) []byte {
	var b cryptobyte.Builder
	b.AddASN1(tag, func(b *cryptobyte.Builder) {
		for _, p := range parts {
			b.AddBytes(p)
		}
	})
	return b.BytesOrPanic()
}

func text(tag cbasn1.Tag, s string) []byte { return tlv(tag, []byte(s)) }
func sequence(parts ...[]byte) []byte      { return tlv(cbasn1.SEQUENCE, parts...) }
func utf8String(s string) []byte           { return text(cbasn1.UTF8String, s) }
func printableString(s string) []byte      { return text(cbasn1.PrintableString, s) }
func ia5String(s string) []byte            { return text(cbasn1.IA5String, s) }

func integer(n int64) []byte {
	var b cryptobyte.Builder
	b.AddASN1Int64(n)
	return b.BytesOrPanic()
}

func oidOf(dotted string) []byte {
	var b cryptobyte.Builder
	b.AddASN1ObjectIdentifier(parseOID(dotted))
	return b.BytesOrPanic()
}

// rdn is one RelativeDistinguishedName of attributes.
func rdn(attributes ...[]byte) []byte { return tlv(cbasn1.SET, attributes...) }

func attribute(oid string, value []byte) []byte { return sequence(oidOf(oid), value) }

const (
	orgIDAttribute = "2.5.4.97"
	statementsOID  = "1.3.6.1.5.5.7.1.3"
	cabfOID        = "2.23.140.3.1"
)

func orgID(value string) []byte { return rdn(attribute(orgIDAttribute, utf8String(value))) }

func lithuania() []byte { return rdn(attribute("2.5.4.6", printableString("LT"))) }

func extension(oid string, value []byte) []byte {
	return sequence(oidOf(oid), tlv(cbasn1.OCTET_STRING, value))
}

func criticalExtension(oid string, value []byte) []byte {
	return sequence(oidOf(oid), []byte{1, 1, 0xff}, tlv(cbasn1.OCTET_STRING, value))
}

var publicKeyInfo = sync.OnceValue(func() []byte {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		panic(err)
	}
	der, err := x509.MarshalPKIXPublicKey(key.Public())
	if err != nil {
		panic(err)
	}
	return der
})

// certificate encodes a certificate around a subject, given as its RDNs, and
// extensions. Its signature is not one: claims are read before it is judged.
func certificate(subject []byte, extensions ...[]byte) []byte {
	algorithm := sequence(oidOf("1.2.840.10045.4.3.2"))
	validity := sequence(text(cbasn1.UTCTime, "260101000000Z"), text(cbasn1.UTCTime, "270101000000Z"))
	parts := [][]byte{
		tlv(cbasn1.Tag(0).Constructed().ContextSpecific(), integer(2)), integer(1), algorithm,
		sequence(rdn(attribute("2.5.4.3", utf8String("Issuer")))), validity, sequence(subject), publicKeyInfo(),
	}
	if len(extensions) > 0 {
		parts = append(parts, tlv(cbasn1.Tag(3).Constructed().ContextSpecific(), sequence(extensions...)))
	}
	return sequence(sequence(parts...), algorithm, text(cbasn1.BIT_STRING, "\x00sig"))
}

// parseBoth reads claims from DER and, where crypto/x509 reads the certificate,
// from it too, and holds the two to each other.
func parseBoth(t *testing.T, der []byte) (*eidas.Claims, error) {
	t.Helper()
	claims, err := eidas.ParseClaimsDER(der)
	require.NotNil(t, claims, "%v", err)
	if cert, certErr := x509.ParseCertificate(der); certErr == nil {
		again, errAgain := eidas.ParseClaims(cert)
		require.Equal(t, claims, again)
		require.Equal(t, err, errAgain)
	}
	return claims, err
}

func TestKnownOIDsAgreeWithTheirDottedForm(t *testing.T) {
	seen := map[string]bool{}
	for _, e := range eidas.OIDTable() {
		var b cryptobyte.Builder
		b.AddASN1ObjectIdentifier(parseOID(e.Dotted))
		assert.Equal(t, string(b.BytesOrPanic()[2:]), e.DER, e.Dotted)
		assert.Equal(t, e.Name, eidas.OIDName(e.Dotted))
		if known := eidas.KnownOID([]byte(e.DER)); known != "" {
			assert.Equal(t, e.Dotted, known)
		}
		dotted, ok := eidas.Dotted([]byte(e.DER))
		assert.True(t, ok)
		assert.Equal(t, e.Dotted, dotted)
		assert.False(t, seen[e.Dotted], "%s twice", e.Dotted)
		seen[e.Dotted] = true
	}
	assert.Greater(t, len(seen), 50)
	assert.Empty(t, eidas.OIDName("1.2.3"))
}

func TestRolesAgreeWithKnownOIDs(t *testing.T) {
	list := eidas.AllRoles().List()
	require.Len(t, list, 9)
	for i, role := range list {
		assert.Equal(t, role.Name, eidas.OIDName(role.OID))
		assert.Equal(t, eidas.Roles(1)<<i, eidas.RoleByOID(role.OID))
		assert.Equal(t, eidas.Roles(1)<<i, eidas.RoleByName(role.Name))
	}
}

func TestDottedForms(t *testing.T) {
	for _, row := range []struct{ name, content, want string }{
		{"first arc 0", "\x00", "0.0"},
		{"first arc 1", "\x4f", "1.39"},
		{"first arc 2", "\x50", "2.0"},
		{"first arc 2, second beyond 39", "\x88\x37", "2.999"},
		{"arc of 63 bits", "\x2a\xff\xff\xff\xff\xff\xff\xff\xff\x7f", "1.2.9223372036854775807"},
		{"arc of 128 bits", "\x69\x83\xd9\x85\xb7\xd1\x9b\xa9\x88\x8a\xd5\x95\xdc\xa1\xfa\xd3\xa5\x9c\xaa\x55", ""},
		{"padded arc", "\x2a\x80\x01", "invalid"},
		{"unfinished arc", "\x2a\x81", "invalid"},
		{"empty", "", "invalid"},
		{"beyond the limit", strings.Repeat("\x01", 65), "invalid"},
		{"up to the limit", strings.Repeat("\x01", 64), "0.1" + strings.Repeat(".1", 63)},
	} {
		t.Run(row.name, func(t *testing.T) {
			got, ok := eidas.Dotted([]byte(row.content))
			if row.want == "invalid" {
				assert.False(t, ok)
				return
			}
			require.True(t, ok)
			var oracle x509.OID
			require.NoError(t, oracle.UnmarshalBinary([]byte(row.content)))
			assert.Equal(t, oracle.String(), got)
			if row.want != "" {
				assert.Equal(t, row.want, got)
			}
		})
	}
}

func TestElementBeyondAnyInputHere(t *testing.T) {
	for size, want := range map[int]bool{1<<24 - 1: true, 1 << 24: false} {
		_, _, _, ok := eidas.Next(tlv(cbasn1.OCTET_STRING, make([]byte, size)))
		assert.Equal(t, want, ok, "%d octets", size)
	}
}

func TestFindingCodesAreAllListedOnce(t *testing.T) {
	file, err := parser.ParseFile(token.NewFileSet(), "finding.go", nil, 0)
	require.NoError(t, err)
	declared := map[string]bool{}
	ast.Inspect(file, func(n ast.Node) bool {
		spec, ok := n.(*ast.ValueSpec)
		if !ok || spec.Type == nil {
			return true
		}
		if id, ok := spec.Type.(*ast.Ident); ok && id.Name == "FindingCode" {
			for _, v := range spec.Values {
				declared[strings.Trim(v.(*ast.BasicLit).Value, `"`)] = true
			}
		}
		return true
	})
	listed := map[string]bool{}
	for _, code := range eidas.FindingCodes() {
		assert.False(t, listed[string(code)], "%s twice", code)
		listed[string(code)] = true
	}
	assert.Equal(t, declared, listed)
}

func TestSeverityCodes(t *testing.T) {
	for severity, want := range map[eidas.Severity]string{
		eidas.SeverityInfo: "info", eidas.SeverityWarning: "warning", eidas.SeverityError: "error", 9: "severity(9)",
	} {
		b, err := severity.MarshalText()
		require.NoError(t, err)
		assert.Equal(t, want, string(b))
	}
}

func TestRoles(t *testing.T) {
	set := eidas.RoleAI | eidas.RolePI
	assert.True(t, set.Has(eidas.RolePI))
	assert.True(t, set.Has(eidas.RoleAI|eidas.RolePI))
	assert.False(t, set.Has(eidas.RolePI|eidas.RoleIC), "one of two is missing")
	assert.False(t, set.Has(0), "asking for nothing is not answered with yes")
	assert.True(t, set.Intersects(eidas.RolePI|eidas.RoleIC))
	assert.False(t, set.Intersects(eidas.RoleIC))
	assert.Equal(t, []string{"PSP_PI", "PSP_AI"}, set.Names())
	assert.Equal(t, "PSP_PI|PSP_AI", set.String())
	assert.Empty(t, eidas.Roles(0).String())
	assert.Nil(t, eidas.Roles(0).Names())
	assert.Nil(t, eidas.Roles(1<<12).List(), "not a role")
	for _, name := range []string{"", "psp_ai", "PSP_AI ", "PSP_ZZ"} {
		assert.Zero(t, eidas.RoleByName(name), name)
	}
	for _, oid := range []string{"", "0.4.0.19495.1", "0.4.0.19495.1.7", "0.4.0.19495.1.10", "0.4.0.19495.1.53", "0.4.0.19495.1.", "0.4.0.19495.2"} {
		assert.Zero(t, eidas.RoleByOID(oid), oid)
	}
}

func TestCountries(t *testing.T) {
	n := 0
	for a := 'A'; a <= 'Z'; a++ {
		for b := 'A'; b <= 'Z'; b++ {
			if eidas.IsCountry(string([]rune{a, b})) {
				n++
			}
		}
	}
	assert.Equal(t, 249+4, n, "ISO 3166-1 and the four reservations")
	for _, code := range []string{"LT", "GB", "GR", "EU", "UN"} {
		assert.True(t, eidas.IsCountry(code), code)
	}
	for _, code := range []string{"", "L", "LTU", "lt", "UK", "EL", "XI", "XG", "XX", "ZZ", "Å1", "\x00A"} {
		assert.False(t, eidas.IsCountry(code), code)
	}
}

// TestAuthorityList: the list has 30 entries, and three codes stand for two
// countries each.
func TestAuthorityList(t *testing.T) {
	byCode := map[string]int{}
	n := 0
	for a := 'A'; a <= 'Z'; a++ {
		for b := 'A'; b <= 'Z'; b++ {
			if code := eidas.EBAAuthority(string([]rune{a, b})); code != "" {
				n++
				byCode[code]++
			}
		}
	}
	assert.Equal(t, 30, n)
	for code, count := range byCode {
		want := 1
		if code == "FMA" || code == "CBI" || code == "BL" {
			want = 2
		}
		assert.Equal(t, want, count, code)
	}
	assert.Empty(t, eidas.EBAAuthority("GB"))
}

// statementsExtension is a qcStatements extension as crypto/x509 gives it.
func statementsExtension(value []byte) pkix.Extension {
	return pkix.Extension{Id: parseOID(statementsOID), Value: value}
}
