package eidastest_test

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/eidastest"
)

// codes are the codes of the findings of a severity.
func codes(c *eidas.Claims, s eidas.Severity) []eidas.FindingCode {
	var list []eidas.FindingCode
	for _, f := range c.Findings {
		if f.Severity == s {
			list = append(list, f.Code)
		}
	}
	return list
}

func TestDefaultCertificatesAreFlawless(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	for name, row := range map[string]struct {
		leaf   *eidastest.Leaf
		use    eidas.Use
		qcType string
		usage  x509.KeyUsage
		eku    []x509.ExtKeyUsage
	}{
		"QWAC": {
			w.QWAC("LT", identifier, eidas.RoleAI|eidas.RolePI), eidas.UseTLS, eidastest.TypeWeb,
			x509.KeyUsageDigitalSignature,
			[]x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
		},
		"QSealC": {
			w.QSealC("DE", identifier, eidas.RoleAI|eidas.RolePI), eidas.UseSeal, eidastest.TypeESeal,
			x509.KeyUsageContentCommitment, nil,
		},
	} {
		t.Run(name, func(t *testing.T) {
			claims, err := eidas.ParseClaims(row.leaf.Certificate)
			require.NoError(t, err)
			assert.Empty(t, claims.Findings)
			assert.Equal(t, []string{row.qcType}, claims.Statements.Types)
			assert.Equal(t, eidas.CompliancePresent, claims.Statements.Compliance)
			require.NotNil(t, claims.PSD2)
			assert.Equal(t, eidas.RoleAI|eidas.RolePI, claims.PSD2.Known)
			assert.Equal(t, "LT-BL", claims.PSD2.NCAId)
			assert.Equal(t, row.usage, row.leaf.Certificate.KeyUsage)
			assert.Equal(t, row.eku, row.leaf.Certificate.ExtKeyUsage)

			result, err := validate(t, w, row.leaf, row.use)
			require.NoError(t, err)
			assert.Equal(t, identifier, result.Identity.OrganizationIdentifier())
			assert.Equal(t, eidas.ProfileEU, result.Identity.Profile())
			assert.Empty(t, result.Degraded)
		})
	}
}

func TestEveryRoleIsWrittenByItsNameAndNumber(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	for _, r := range []eidas.Roles{
		eidas.RoleUnspecified, eidas.RoleAS, eidas.RolePI, eidas.RoleAI, eidas.RoleIC, eidas.RoleVOPRS, eidas.RoleVOPVS,
		eidas.RoleAS | eidas.RolePI | eidas.RoleAI | eidas.RoleIC,
	} {
		claims, err := eidas.ParseClaims(w.QWAC("LT", identifier, r).Certificate)
		require.NoError(t, err)
		assert.Equal(t, r, claims.PSD2.Known)
		assert.Empty(t, claims.Findings)
	}
	for _, r := range []eidas.Roles{eidas.RoleCB, eidas.RolePA} {
		claims, err := eidas.ParseClaims(w.QWAC("LT", "VATLT-100001919017", r).Certificate)
		require.NoError(t, err)
		assert.Equal(t, r, claims.PSD2.Known)
		assert.Equal(t, "NA", claims.PSD2.NCAId)
	}
}

// Every switch makes the finding that it stands for, and the library's reason.
// An empty finding or reason means that none is wanted.
func TestSwitchesMakeTheirFinding(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	psd2 := func(edit func(*eidastest.PSD2)) func(*eidastest.Request) {
		return func(r *eidastest.Request) { edit(r.Statements.PSD2) }
	}
	attribute := func(a eidastest.Attribute) func(*eidastest.Request) {
		return func(r *eidastest.Request) { r.SetAttribute(a) }
	}
	for name, row := range map[string]struct {
		edit    func(*eidastest.Request)
		finding eidas.FindingCode
		reason  eidas.Reason
	}{
		"unchanged":         {func(*eidastest.Request) {}, "", 0},
		"no statements":     {func(r *eidastest.Request) { r.Statements = eidastest.Statements{} }, "", eidas.ReasonStatementsMissing},
		"no PSD2":           {func(r *eidastest.Request) { r.Statements.PSD2 = nil }, "", eidas.ReasonPSD2Missing},
		"no compliance":     {func(r *eidastest.Request) { r.Statements.Compliance = false }, eidas.FindingNoCompliance, eidas.ReasonNotQualified},
		"SSCD":              {func(r *eidastest.Request) { r.Statements.SSCD = true }, "", 0},
		"no QcType":         {func(r *eidastest.Request) { r.Statements.Types = nil }, eidas.FindingNoType, eidas.ReasonWrongType},
		"two QcTypes":       {func(r *eidastest.Request) { r.Statements.Types = []string{eidastest.TypeWeb, eidastest.TypeESeal} }, eidas.FindingSeveralTypes, eidas.ReasonWrongType},
		"seal type":         {func(r *eidastest.Request) { r.Statements.Types = []string{eidastest.TypeESeal} }, "", eidas.ReasonWrongType},
		"legislation":       {func(r *eidastest.Request) { r.Statements.Legislation = []string{"CH"} }, eidas.FindingLegislation, eidas.ReasonNotQualified},
		"PDS over http":     {func(r *eidastest.Request) { r.Statements.PDS = "http://qtsp.example/pds.pdf" }, eidas.FindingPDSNotHTTPS, 0},
		"critical":          {func(r *eidastest.Request) { r.Statements.Critical = true }, eidas.FindingStatementsCritical, 0},
		"unwrapped":         {unwrap, eidas.FindingUnwrapped, eidas.ReasonStatementsMalformed},
		"raw":               {func(r *eidastest.Request) { r.Statements.Raw = []byte{0x30, 0x80, 0x00, 0x00} }, eidas.FindingStatementsSyntax, eidas.ReasonStatementsMalformed},
		"second PSD2":       {secondPSD2, eidas.FindingDuplicateStatement, eidas.ReasonStatementsMalformed},
		"malformed sibling": {malformedSibling, eidas.FindingTypeSyntax, eidas.ReasonStatementsMalformed},

		"flattened roles":    {psd2(flatten), eidas.FindingFlatRoles, eidas.ReasonStatementsMalformed},
		"direct roles":       {psd2(func(p *eidastest.PSD2) { p.Shape = eidastest.ShapeDirect }), eidas.FindingWrongCount, eidas.ReasonStatementsMalformed},
		"no NCA name":        {psd2(func(p *eidastest.PSD2) { p.Shape = eidastest.ShapeNoNCAName }), eidas.FindingWrongCount, eidas.ReasonStatementsMalformed},
		"no role name":       {psd2(func(p *eidastest.PSD2) { p.Shape = eidastest.ShapeNoRoleName }), "", eidas.ReasonStatementsMalformed},
		"role OID as text":   {psd2(func(p *eidastest.PSD2) { p.Shape = eidastest.ShapeRoleText }), eidas.FindingRoleOIDType, eidas.ReasonStatementsMalformed},
		"trailing element":   {psd2(func(p *eidastest.PSD2) { p.Shape = eidastest.ShapeTrailing }), eidas.FindingWrongCount, eidas.ReasonStatementsMalformed},
		"no roles":           {psd2(func(p *eidastest.PSD2) { p.Roles = nil }), eidas.FindingNoRoles, eidas.ReasonStatementsMalformed},
		"wrong role name":    {psd2(func(p *eidastest.PSD2) { p.Roles[0].Name = "PSP_PI" }), eidas.FindingRoleNameMismatch, eidas.ReasonStatementsMalformed},
		"unknown role":       {psd2(func(p *eidastest.PSD2) { p.Roles[0].OID = "0.4.0.19495.1.99" }), eidas.FindingUnknownRole, eidas.ReasonRoleMissing},
		"duplicate role":     {psd2(func(p *eidastest.PSD2) { p.Roles = append(p.Roles, p.Roles[0]) }), eidas.FindingDuplicateRole, 0},
		"IA5 role":           {psd2(func(p *eidastest.PSD2) { p.RoleType = eidastest.IA5String }), eidas.FindingRoleNameType, 0},
		"printable NCA name": {psd2(func(p *eidastest.PSD2) { p.NCANameType = eidastest.PrintableString }), eidas.FindingNCANameType, 0},
		"IA5 NCA id":         {psd2(func(p *eidastest.PSD2) { p.NCAIdType = eidastest.IA5String }), eidas.FindingNCAIDType, 0},
		"empty NCA id":       {psd2(func(p *eidastest.PSD2) { p.NCAId = "" }), eidas.FindingNCAIDSize, eidas.ReasonStatementsMalformed},
		"NCA id of another":  {psd2(func(p *eidastest.PSD2) { p.NCAId = "DE-BAFIN" }), eidas.FindingNCAIDDiffers, eidas.ReasonIdentityConflict},

		"no identifier": {
			func(r *eidastest.Request) {
				r.Subject = slices.DeleteFunc(r.Subject, func(a eidastest.Attribute) bool { return a.OID == eidastest.OIDOrganizationIdentifier })
			},
			eidas.FindingNoOrgID, eidas.ReasonIdentityMissing,
		},
		"two identifiers": {
			func(r *eidastest.Request) {
				r.Subject = append(r.Subject, eidastest.Attribute{OID: eidastest.OIDOrganizationIdentifier, Value: "PSDDE-BAFIN-1"})
			},
			eidas.FindingSeveralOrgIDs, eidas.ReasonIdentityAmbiguous,
		},
		"identifier joined": {
			attribute(eidastest.Attribute{OID: eidastest.OIDOrganizationIdentifier, Value: identifier, Joined: true}),
			eidas.FindingOrgIDMultiValued, 0,
		},
		"identifier printable": {
			attribute(eidastest.Attribute{OID: eidastest.OIDOrganizationIdentifier, Value: identifier, Type: eidastest.PrintableString}),
			eidas.FindingOrgIDPrintable, 0,
		},
		"identifier BMP": {
			attribute(eidastest.Attribute{OID: eidastest.OIDOrganizationIdentifier, Value: identifier, Type: eidastest.BMPString}),
			eidas.FindingOrgIDType, eidas.ReasonIdentityMalformed,
		},
		"identifier T61": {
			attribute(eidastest.Attribute{OID: eidastest.OIDOrganizationIdentifier, Value: identifier, Type: eidastest.T61String}),
			eidas.FindingOrgIDType, eidas.ReasonIdentityMalformed,
		},
		"identifier of another scheme": {
			attribute(eidastest.Attribute{OID: eidastest.OIDOrganizationIdentifier, Value: "VATLT-100001919017"}),
			eidas.FindingOrgIDOtherScheme, eidas.ReasonIdentityUnregistered,
		},
		"expired": {
			func(r *eidastest.Request) {
				r.NotBefore, r.NotAfter = w.Now().Add(-48*time.Hour), w.Now().Add(-24*time.Hour)
			},
			"", eidas.ReasonExpired,
		},
		"not yet valid": {func(r *eidastest.Request) { r.NotBefore = w.Now().Add(time.Hour) }, "", eidas.ReasonNotYetValid},
		"CA":            {func(r *eidastest.Request) { r.CA = true }, "", eidas.ReasonNotEndEntity},
		"weak key":      {func(r *eidastest.Request) { r.KeyType = eidastest.RSA1024 }, "", eidas.ReasonKeyWeak},
		"key usage":     {func(r *eidastest.Request) { r.KeyUsage = x509.KeyUsageContentCommitment }, "", eidas.ReasonKeyUsage},
		"no clientAuth": {func(r *eidastest.Request) { r.ExtKeyUsage = []string{eidastest.ServerAuth} }, "", eidas.ReasonExtendedKeyUsage},
		"2-QWAC":        {func(r *eidastest.Request) { r.ExtKeyUsage = []string{eidastest.TLSBinding} }, "", eidas.ReasonTLSBinding},
		"no responder":  {func(r *eidastest.Request) { r.OCSP = []string{} }, "", eidas.ReasonRevocationUnknown},
		"unknown critical extension": {
			func(r *eidastest.Request) {
				r.Extensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 2, 3, 4}, Critical: true, Value: []byte{5, 0}}}
			},
			"", eidas.ReasonCriticalExtension,
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := eidastest.QWAC(identifier, eidas.RoleAI)
			row.edit(&r)
			l := w.Issue("LT", r)
			claims, _ := eidas.ParseClaims(l.Certificate)
			if row.finding == "" && row.reason == 0 {
				assert.Empty(t, claims.Findings)
			}
			if row.finding != "" {
				found := slices.ContainsFunc(claims.Findings, func(f eidas.Finding) bool { return f.Code == row.finding })
				assert.True(t, found, "%s is not in %v", row.finding, claims.Findings)
			}
			_, err := validate(t, w, l, eidas.UseTLS)
			assert.Equal(t, row.reason, eidas.ReasonOf(err), "%v", err)
		})
	}
}

// flatten needs two roles: one alone looks like the right shape.
func flatten(p *eidastest.PSD2) {
	p.Roles, p.Shape = eidastest.RolesOf(eidas.RoleAI|eidas.RolePI), eidastest.ShapeFlattened
}

// unwrap keeps the PSD2 statement alone, without the SEQUENCE around it.
func unwrap(r *eidastest.Request) {
	r.Statements = eidastest.Statements{PSD2: r.Statements.PSD2, Unwrapped: true}
}

func secondPSD2(r *eidastest.Request) {
	other := *r.Statements.PSD2
	other.Roles = eidastest.RolesOf(eidas.RolePI)
	st, err := other.Statement()
	if err == nil {
		r.Statements.After = []eidas.Statement{st}
	}
}

func malformedSibling(r *eidastest.Request) {
	r.Statements.Types = nil
	r.Statements.Before = []eidas.Statement{{OID: "0.4.0.1862.1.6", Info: []byte{0x0c, 0x01, 'x'}}}
}

func TestFieldsOfARequestArriveInTheCertificate(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	first := w.QWAC("LT", identifier, eidas.RoleAI)
	r := eidastest.QWAC(identifier, eidas.RoleAI)
	r.Serial = big.NewInt(77)
	r.Key = first.Key
	r.Policies = []string{"1.2.3.4"}
	r.DNSNames = []string{"a.example", "127.0.0.1"}
	r.OCSP = []string{"http://one.example/", "http://two.example/"}
	r.CRL = []string{"http://crl.example/1.crl"}
	r.CAIssuers = []string{"http://ca.example/ca.crt"}
	r.NotBefore = w.Now().UTC().Truncate(time.Second).Add(-time.Minute)
	r.NotAfter = r.NotBefore.Add(time.Hour)
	c := w.Issue("LT", r).Certificate

	assert.Equal(t, int64(77), c.SerialNumber.Int64())
	assert.Equal(t, first.Certificate.RawSubjectPublicKeyInfo, c.RawSubjectPublicKeyInfo)
	require.Len(t, c.Policies, 1)
	assert.Equal(t, "1.2.3.4", c.Policies[0].String())
	assert.Equal(t, []string{"a.example"}, c.DNSNames)
	require.Len(t, c.IPAddresses, 1)
	assert.Equal(t, r.OCSP, c.OCSPServer)
	assert.Equal(t, r.CRL, c.CRLDistributionPoints)
	assert.Equal(t, r.CAIssuers, c.IssuingCertificateURL)
	assert.Equal(t, r.NotBefore, c.NotBefore)
	assert.Equal(t, r.NotAfter, c.NotAfter)
}

func TestExtensionsReplaceWhatTheFieldsAskFor(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	statements := asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 3}
	r := eidastest.QWAC(identifier, eidas.RoleAI)
	r.Extensions = []pkix.Extension{{Id: statements, Value: []byte{0x30, 0x00}}}
	var values [][]byte
	for _, e := range w.Issue("LT", r).Certificate.Extensions {
		if e.Id.Equal(statements) {
			values = append(values, e.Value)
		}
	}
	assert.Equal(t, [][]byte{{0x30, 0x00}}, values)
}

// crypto/x509 refuses a certificate with an extension twice; the library reads
// its claims all the same, and refuses them.
func TestUnreadableCertificateComesAsDER(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	r := eidastest.QWAC(identifier, eidas.RoleAI)
	ext := pkix.Extension{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 3}, Value: []byte{0x30, 0x00}}
	r.Extensions = []pkix.Extension{ext, ext}
	_, err := w.QTSP("LT").Issue(r)
	require.Error(t, err)
	der, _, err := w.QTSP("LT").IssueDER(r)
	require.NoError(t, err)
	claims, err := eidas.ParseClaimsDER(der)
	require.ErrorIs(t, err, eidas.ReasonStatementsMalformed)
	assert.Contains(t, codes(claims, eidas.SeverityError), eidas.FindingDuplicateExtension)
}

func TestMalformedRequestIsAnError(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	for name, edit := range map[string]func(*eidastest.Request){
		"attribute type": func(r *eidastest.Request) { r.SetAttribute(eidastest.Attribute{OID: "O", Value: "x"}) },
		"short OID":      func(r *eidastest.Request) { r.SetAttribute(eidastest.Attribute{OID: "2", Value: "x"}) },
		"purpose":        func(r *eidastest.Request) { r.ExtKeyUsage = []string{"clientAuth"} },
		"policy":         func(r *eidastest.Request) { r.Policies = []string{"QCP"} },
		"QcType":         func(r *eidastest.Request) { r.Statements.Types = []string{"web"} },
		"role":           func(r *eidastest.Request) { r.Statements.PSD2.Roles[0].OID = "PSP_AI" },
		"key type":       func(r *eidastest.Request) { r.KeyType = 99 },
	} {
		t.Run(name, func(t *testing.T) {
			r := eidastest.QWAC(identifier, eidas.RoleAI)
			edit(&r)
			_, err := w.QTSP("LT").Issue(r)
			require.Error(t, err)
		})
	}
}

func TestChainsEndWhereTheListSays(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	q, err := w.AddQTSP(eidastest.QTSPOptions{Territory: "LT", ListRoot: true})
	require.NoError(t, err)
	l, err := q.IssueQWAC(identifier, eidas.RoleAI)
	require.NoError(t, err)
	result, err := validate(t, w, l, eidas.UseTLS)
	require.NoError(t, err)
	require.Len(t, result.Chain, 3)
	assert.Equal(t, q.Root.Certificate.Raw, result.Chain[2].Raw)
	assert.Len(t, result.Status, 2, "leaf and issuing CA, by the responder of their issuers")

	q.Responder.Revoke(q.Issuing.Certificate.SerialNumber, 2)
	_, err = validate(t, w, l, eidas.UseTLS)
	require.ErrorIs(t, err, eidas.ReasonRevoked)
}

func TestLeafAloneIsEnough(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	l := w.QWAC("LT", identifier, eidas.RoleAI)
	l.Chain = l.Chain[:1]
	_, err := validate(t, w, l, eidas.UseTLS)
	require.NoError(t, err)
}

func TestTrustDecidesWhoMayEnter(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	other := eidastest.Start(t, eidastest.Options{})
	sandbox := eidastest.Start(t, eidastest.Options{Profile: eidas.ProfileTest})
	impostor, err := w.Impostor("LT").IssueQWAC(identifier, eidas.RoleAI)
	require.NoError(t, err)
	sealsOnly, err := w.AddQTSP(eidastest.QTSPOptions{Territory: "LT", AdditionalInfo: []string{eidastest.ForSeals}})
	require.NoError(t, err)
	notForWeb, err := sealsOnly.IssueQWAC(identifier, eidas.RoleAI)
	require.NoError(t, err)

	_, err = validate(t, w, impostor, eidas.UseTLS)
	require.ErrorIs(t, err, eidas.ReasonSignatureInvalid)
	_, err = validate(t, w, other.QWAC("LT", identifier, eidas.RoleAI), eidas.UseTLS)
	require.Error(t, err, "same names, another world")
	_, err = validate(t, sandbox, sandbox.QWAC("LT", identifier, eidas.RoleAI), eidas.UseTLS)
	require.ErrorIs(t, err, eidas.ReasonProfile)
	_, err = validate(t, w, notForWeb, eidas.UseTLS)
	require.Error(t, err)
	seal, err := sealsOnly.IssueQSealC(identifier, eidas.RoleAI)
	require.NoError(t, err)
	_, err = validate(t, w, seal, eidas.UseSeal)
	require.NoError(t, err, "what the service is for")
	l := w.QWAC("LT", identifier, eidas.RoleAI)
	_, err = validate(t, w, l, eidas.UseTLS)
	require.NoError(t, err)
	w.Check(w.QTSP("LT").Withdraw(w.Now()))
	_, err = validate(t, w, l, eidas.UseTLS)
	require.ErrorIs(t, err, eidas.ReasonServiceNotGranted)
	w.Check(w.QTSP("LT").Grant(w.Now()))
	_, err = validate(t, w, l, eidas.UseTLS)
	require.NoError(t, err)
}
