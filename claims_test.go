package eidas_test

import (
	"bytes"
	"crypto/x509"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/seed-b953571c/eidas"
)

// statement is one QCStatement.
func statement(oid string, info ...[]byte) []byte { return sequence(oidOf(oid), bytes.Join(info, nil)) }

func compliance() []byte { return statement("0.4.0.1862.1.1") }

func qcType(types ...string) []byte {
	var list [][]byte
	for _, t := range types {
		list = append(list, oidOf(t))
	}
	return statement("0.4.0.1862.1.6", sequence(list...))
}

func location(url, lang string) []byte { return sequence(ia5String(url), printableString(lang)) }

func pds(locations ...[]byte) []byte {
	return statement("0.4.0.1862.1.5", sequence(locations...))
}

const (
	typeSign = "0.4.0.1862.1.6.1"
	typeSeal = "0.4.0.1862.1.6.2"
	typeWeb  = "0.4.0.1862.1.6.3"
)

func role(oid, name string) []byte { return sequence(oidOf(oid), utf8String(name)) }

func psd2(ncaID string, roles ...[]byte) []byte {
	return psd2Of(sequence(roles...), utf8String("Bank of Lithuania"), utf8String(ncaID))
}

func psd2Of(parts ...[]byte) []byte { return statement("0.4.0.19495.2", sequence(parts...)) }

func statements(list ...[]byte) []byte { return extension(statementsOID, sequence(list...)) }

// others are the lawful statements beside the PSD2 statement.
func others() []byte {
	return bytes.Join([][]byte{compliance(), qcType(typeWeb), pds(location("https://pds.example", "en"))}, nil)
}

var (
	piRole = role("0.4.0.19495.1.2", "PSP_PI")
	aiRole = role("0.4.0.19495.1.3", "PSP_AI")
	webExt = bytes.Join([][]byte{
		extension("2.5.29.32", sequence(sequence(oidOf("0.4.0.194112.1.4")))),
		extension("2.5.29.37", sequence(oidOf("1.3.6.1.5.5.7.3.2"))),
	}, nil)
)

// lawful is a PSD2 certificate with which nothing is wrong.
func lawful() []byte {
	return certificate(orgID(tppID), statements(others(), psd2("LT-BL", piRole, aiRole)), webExt)
}

func TestLawfulCertificate(t *testing.T) {
	claims, err := parseBoth(t, lawful())
	require.NoError(t, err)
	assert.Empty(t, claims.Findings)
	assert.False(t, claims.Lenient)
	assert.Equal(t, eidas.RolePI|eidas.RoleAI, claims.PSD2.Known)
	assert.Equal(t, []eidas.Role{{OID: "0.4.0.19495.1.2", Name: "PSP_PI"}, {OID: "0.4.0.19495.1.3", Name: "PSP_AI"}}, claims.PSD2.Roles)
	assert.Equal(t, "LT-BL", claims.PSD2.NCAId)
	assert.Equal(t, "Bank of Lithuania", claims.PSD2.NCAName)
	assert.Equal(t, []string{typeWeb}, claims.Statements.Types)
	assert.Equal(t, eidas.CompliancePresent, claims.Statements.Compliance)
	assert.Equal(t, []eidas.PDSLocation{{URL: "https://pds.example", Lang: "en"}}, claims.Statements.PDS)
	assert.Equal(t, []string{"0.4.0.194112.1.4"}, claims.Policies)
	assert.True(t, claims.Statements.Has("0.4.0.19495.2"))
	id, err := claims.Identity(eidas.ProfileEU)
	require.NoError(t, err)
	assert.Equal(t, tppID, id.String())
	for _, p := range []eidas.Profile{"", "EU", "a/b"} {
		id, err = claims.Identity(p)
		require.ErrorIs(t, err, eidas.ReasonIdentityMalformed)
		assert.True(t, id.IsZero())
	}
}

func TestParseClaimsOfNothing(t *testing.T) {
	claims, err := eidas.ParseClaims(nil)
	assert.Nil(t, claims)
	require.ErrorIs(t, err, eidas.ReasonCertificateMissing)

	claims, err = eidas.ParseClaims(&x509.Certificate{})
	require.ErrorIs(t, err, eidas.ReasonCertificateMalformed)
	require.NotNil(t, claims)
	_, err = claims.Identity(eidas.ProfileEU)
	require.ErrorIs(t, err, eidas.ReasonIdentityMalformed)

	claims, err = parseBoth(t, certificate(nil))
	require.NoError(t, err, "no statements are no error")
	assert.False(t, claims.Statements.Present)
	assert.Nil(t, claims.PSD2)
	assert.Empty(t, claims.Findings)
	_, err = claims.Identity(eidas.ProfileEU)
	require.ErrorIs(t, err, eidas.ReasonIdentityMissing)
}

// findingRow is a certificate that breaks one rule: the lawful one with other
// statements, or with other extensions.
type findingRow struct {
	rule       string
	statements []byte // the content of qcStatements beside the PSD2 statement
	psd2       []byte
	extra      []byte // further extensions
	code       eidas.FindingCode
	severity   eidas.Severity
	refused    bool // ParseClaims returns an error
}

func (row *findingRow) der() []byte {
	list, statement := row.statements, row.psd2
	if list == nil {
		list = others()
	}
	if statement == nil {
		statement = psd2("LT-BL", piRole, aiRole)
	}
	extra := row.extra
	if extra == nil {
		extra = webExt
	}
	return certificate(orgID(tppID), statements(list, statement), extra)
}

const (
	info    = eidas.SeverityInfo
	warning = eidas.SeverityWarning
	failure = eidas.SeverityError
)

func with(list ...[]byte) []byte { return append(others(), bytes.Join(list, nil)...) }

func statementRows() []findingRow {
	type row = findingRow
	null := []byte{5, 0}
	return []row{
		{rule: "no QcCompliance", statements: qcType(typeWeb), code: eidas.FindingNoCompliance, severity: warning},
		{rule: "QcCompliance with info", statements: statement("0.4.0.1862.1.1", utf8String("")), code: eidas.FindingComplianceInfo, severity: warning},
		{rule: "QcSSCD with info", statements: with(statement("0.4.0.1862.1.4", null)), code: eidas.FindingSSCDInfo, severity: warning},
		{rule: "no QcType", statements: compliance(), code: eidas.FindingNoType, severity: warning},
		{rule: "several QcTypes", statements: append(compliance(), qcType(typeSign, typeSeal, typeWeb)...), code: eidas.FindingSeveralTypes, severity: warning},
		{rule: "unknown QcType is kept", statements: append(compliance(), qcType("0.4.0.1862.1.6.9")...), code: eidas.FindingUnknownType, severity: warning},
		{rule: "QcType without info", statements: statement("0.4.0.1862.1.6"), code: eidas.FindingTypeSyntax, severity: failure, refused: true},
		{rule: "QcType empty", statements: qcType(), code: eidas.FindingTypeSyntax, severity: failure, refused: true},
		{rule: "QcType as text", statements: statement("0.4.0.1862.1.6", utf8String("web")), code: eidas.FindingTypeSyntax, severity: failure, refused: true},
		{rule: "QcType with another type inside", statements: statement("0.4.0.1862.1.6", sequence(oidOf(typeWeb), null)), code: eidas.FindingTypeSyntax, severity: failure, refused: true},
		{rule: "QcType as statement", statements: with(statement(typeWeb)), code: eidas.FindingTypeAsStatement, severity: warning},
		{rule: "semantics identifier as statement", statements: with(statement("0.4.0.194121.1.2")), code: eidas.FindingSemanticsStatement, severity: warning},
		{rule: "semantics not a SEQUENCE", statements: with(statement("1.3.6.1.5.5.7.11.2", null)), code: eidas.FindingSemanticsSyntax, severity: warning},
		{rule: "semantics with a tail", statements: with(statement("1.3.6.1.5.5.7.11.2", sequence(oidOf("0.4.0.194121.1.2"), null))), code: eidas.FindingSemanticsSyntax, severity: warning},
		{rule: "semantics twice", statements: with(statement("1.3.6.1.5.5.7.11.2"), statement("1.3.6.1.5.5.7.11.2")), code: eidas.FindingDuplicateStatement, severity: info},
		{rule: "QcCompliance twice", statements: with(compliance()), code: eidas.FindingDuplicateStatement, severity: failure, refused: true},
		{rule: "QcType twice", statements: with(qcType(typeSeal)), code: eidas.FindingDuplicateStatement, severity: failure, refused: true},
		{rule: "QcPDS twice", statements: with(pds(location("https://b.example", "en"))), code: eidas.FindingDuplicateStatement, severity: warning},
		{rule: "legislation twice", statements: with(legislation("CH"), legislation("LT")), code: eidas.FindingDuplicateStatement, severity: failure, refused: true},
		{rule: "limit not a SEQUENCE", statements: with(statement("0.4.0.1862.1.2", integer(1))), code: eidas.FindingLimitSyntax, severity: warning},
		{rule: "limit with currency in UTF-8", statements: with(limit(utf8String("EUR"), 1, 0)), code: eidas.FindingLimitSyntax, severity: warning},
		{rule: "limit with currency of two letters", statements: with(limit(printableString("EU"), 1, 0)), code: eidas.FindingLimitRange, severity: warning},
		{rule: "limit with currency number beyond three digits", statements: with(limit(integer(1000), 1, 0)), code: eidas.FindingLimitRange, severity: warning},
		{rule: "limit with negative amount", statements: with(limit(printableString("EUR"), -1, 0)), code: eidas.FindingLimitRange, severity: warning},
		{rule: "retention not an INTEGER", statements: with(statement("0.4.0.1862.1.3", utf8String("10"))), code: eidas.FindingRetentionSyntax, severity: warning},
		{rule: "retention without info", statements: with(statement("0.4.0.1862.1.3")), code: eidas.FindingRetentionSyntax, severity: warning},
		{rule: "retention negative", statements: with(statement("0.4.0.1862.1.3", integer(-1))), code: eidas.FindingRetentionRange, severity: warning},
		{rule: "PDS empty", statements: append(compliance(), pds()...), code: eidas.FindingPDSSyntax, severity: warning},
		{rule: "PDS location not a SEQUENCE", statements: append(compliance(), pds(ia5String("https://a.example"), printableString("EN"))...), code: eidas.FindingPDSSyntax, severity: warning},
		{rule: "PDS URL in UTF-8", statements: append(compliance(), pds(sequence(utf8String("https://a.example"), printableString("en")))...), code: eidas.FindingPDSSyntax, severity: warning},
		{rule: "PDS over http", statements: append(compliance(), pds(location("http://a.example", "en"))...), code: eidas.FindingPDSNotHTTPS, severity: warning},
		{rule: "PDS language of three letters", statements: append(compliance(), pds(location("https://a.example", "eng"))...), code: eidas.FindingPDSLanguage, severity: warning},
		{rule: "PDS language in upper case", statements: append(compliance(), pds(location("https://a.example", "EN"))...), code: eidas.FindingPDSLanguageCase, severity: warning},
		{rule: "PDS language twice", statements: append(compliance(), pds(location("https://a.example", "en"), location("https://b.example", "EN"))...), code: eidas.FindingPDSLanguageTwice, severity: warning},
		{rule: "PDS without English", statements: append(compliance(), pds(location("https://a.example", "lt"))...), code: eidas.FindingPDSNoEnglish, severity: warning},
		{rule: "legislation", statements: with(legislation("CH")), code: eidas.FindingLegislation, severity: info},
		{rule: "legislation of three letters", statements: with(legislation("CHE")), code: eidas.FindingLegislationSyntax, severity: failure, refused: true},
		{rule: "legislation empty", statements: with(legislation()), code: eidas.FindingLegislationSyntax, severity: failure, refused: true},
		{rule: "legislation without info", statements: with(statement("0.4.0.1862.1.7")), code: eidas.FindingLegislationSyntax, severity: failure, refused: true},
		{rule: "identification method not an OID", statements: with(statement("0.4.0.1862.1.8", sequence(null))), code: eidas.FindingIdentMethodSyntax, severity: warning},
		{rule: "QSCD legislation not a country", statements: with(statement("0.4.0.1862.1.9", sequence(null))), code: eidas.FindingQSCDLawSyntax, severity: warning},
		{rule: "statement not a SEQUENCE", statements: with(null), code: eidas.FindingStatementNotSeq, severity: failure, refused: true},
		{rule: "statement id not an OID", statements: with(sequence(utf8String("1.2.3"))), code: eidas.FindingStatementIDType, severity: failure, refused: true},
		{rule: "statement empty", statements: with(sequence()), code: eidas.FindingStatementIDType, severity: failure, refused: true},
		{rule: "statement with a third element", statements: with(statement("1.2.3", null, null)), code: eidas.FindingStatementCount, severity: failure, refused: true},
		{rule: "statement cut short", statements: with(sequence(oidOf("1.2.3"), []byte{0x30, 5})), code: eidas.FindingStatementsSyntax, severity: failure, refused: true},
		{rule: "too many statements", statements: bytes.Repeat(statement("1.2.3"), eidas.MaxStatements), code: eidas.FindingTooMany, severity: failure, refused: true},
		{rule: "second qcStatements extension", extra: statements(compliance()), code: eidas.FindingDuplicateExtension, severity: failure, refused: true},
		{rule: "second policies extension", extra: bytes.Repeat(extension("2.5.29.32", sequence(sequence(oidOf("1.2.3")))), 2), code: eidas.FindingDuplicateExtension, severity: failure, refused: true},
		{rule: "policies not a SEQUENCE", extra: extension("2.5.29.32", null), code: eidas.FindingPoliciesSyntax, severity: failure, refused: true},
		{rule: "purposes not a SEQUENCE", extra: extension("2.5.29.37", null), code: eidas.FindingPurposesSyntax, severity: warning},
		{rule: "validity assured other than NULL", extra: extension("0.4.0.194121.2.1", sequence()), code: eidas.FindingAssuredSyntax, severity: warning},
		{rule: "web without a web policy", extra: extension("2.5.29.32", sequence(sequence(oidOf("0.4.0.19495.3.1")))), code: eidas.FindingWebWithoutPolicy, severity: info},
		{rule: "web without clientAuth", extra: extension("2.5.29.37", sequence(oidOf("1.3.6.1.5.5.7.3.1"))), code: eidas.FindingWebWithoutClient, severity: info},
		{
			rule: "seal with serverAuth", statements: append(compliance(), qcType(typeSeal)...),
			extra: extension("2.5.29.37", sequence(oidOf("1.3.6.1.5.5.7.3.1"))), code: eidas.FindingSealWithServer, severity: info,
		},
		{
			rule: "signature with serverAuth", statements: append(compliance(), qcType(typeSign)...),
			extra: extension("2.5.29.37", sequence(oidOf("1.3.6.1.5.5.7.3.1"))), code: eidas.FindingSignWithServer, severity: info,
		},
	}
}

func legislation(countries ...string) []byte {
	var list [][]byte
	for _, c := range countries {
		list = append(list, printableString(c))
	}
	return statement("0.4.0.1862.1.7", sequence(list...))
}

func limit(currency []byte, amount, exponent int64) []byte {
	return statement("0.4.0.1862.1.2", sequence(currency, integer(amount), integer(exponent)))
}

func psd2Rows() []findingRow {
	type row = findingRow
	name, id := utf8String("Bank of Lithuania"), utf8String("LT-BL")
	roles := sequence(piRole, aiRole)
	null := []byte{5, 0}
	flat := sequence(sequence(oidOf("0.4.0.19495.1.2"), utf8String("PSP_PI"), oidOf("0.4.0.19495.1.3"), utf8String("PSP_AI")))
	return []row{
		{rule: "without info", psd2: statement("0.4.0.19495.2"), code: eidas.FindingPSD2Syntax, severity: failure, refused: true},
		{rule: "not a SEQUENCE", psd2: statement("0.4.0.19495.2", utf8String("PSP_PI")), code: eidas.FindingPSD2Syntax, severity: failure, refused: true},
		{rule: "octets that are no TLV", psd2: psd2Of(roles, name, id, []byte{0x0c, 9}), code: eidas.FindingPSD2Syntax, severity: failure, refused: true},
		{rule: "two elements", psd2: psd2Of(roles, name), code: eidas.FindingWrongCount, severity: failure, refused: true},
		{rule: "four elements", psd2: psd2Of(roles, name, id, id), code: eidas.FindingWrongCount, severity: failure, refused: true},
		{rule: "empty", psd2: psd2Of(), code: eidas.FindingWrongCount, severity: failure, refused: true},
		{rule: "roles not a SEQUENCE", psd2: psd2Of(tlv(cbasn1.SET, piRole), name, id), code: eidas.FindingRolesType, severity: failure, refused: true},
		{rule: "role not a SEQUENCE", psd2: psd2Of(piRole, name, id), code: eidas.FindingRoleNotSeq, severity: failure, refused: true},
		{rule: "flattened roles", psd2: psd2Of(flat, name, id), code: eidas.FindingFlatRoles, severity: failure, refused: true},
		{rule: "three elements in a role", psd2: psd2("LT-BL", sequence(oidOf("0.4.0.19495.1.2"), utf8String("PSP_PI"), null)), code: eidas.FindingFlatRoles, severity: failure, refused: true},
		{rule: "role OID as text", psd2: psd2("LT-BL", sequence(utf8String("0.4.0.19495.1.2"), utf8String("PSP_PI"))), code: eidas.FindingRoleOIDType, severity: failure, refused: true},
		{rule: "role OID as NULL", psd2: psd2("LT-BL", sequence(null, utf8String("PSP_PI"))), code: eidas.FindingRoleOIDType, severity: failure, refused: true},
		{rule: "role OID not minimal", psd2: psd2("LT-BL", sequence(text(cbasn1.OBJECT_IDENTIFIER, "\x04\x00\x80\x81\x98\x27\x01\x02"), utf8String("PSP_PI"))), code: eidas.FindingRoleOIDType, severity: failure, refused: true},
		{rule: "role empty", psd2: psd2("LT-BL", sequence()), code: eidas.FindingRoleOIDType, severity: failure, refused: true},
		{rule: "role name missing", psd2: psd2("LT-BL", sequence(oidOf("0.4.0.19495.1.2"))), code: eidas.FindingRoleNameType, severity: failure, refused: true},
		{rule: "role name printable", psd2: psd2("LT-BL", sequence(oidOf("1.2.3"), printableString("X"))), code: eidas.FindingRoleNameType, severity: warning},
		{rule: "role name in BMP", psd2: psd2("LT-BL", sequence(oidOf("0.4.0.19495.1.2"), text(30, "\x00P"))), code: eidas.FindingRoleNameType, severity: failure, refused: true},
		{rule: "role name empty", psd2: psd2("LT-BL", role("0.4.0.19495.1.2", "")), code: eidas.FindingRoleNameSize, severity: failure, refused: true},
		{rule: "role name too long", psd2: psd2("LT-BL", role("1.2.3", strings.Repeat("x", 257))), code: eidas.FindingRoleNameSize, severity: failure, refused: true},
		{rule: "role OID and name disagree", psd2: psd2("LT-BL", role("0.4.0.19495.1.2", "PSP_AI")), code: eidas.FindingRoleNameMismatch, severity: failure, refused: true},
		{rule: "role name in lower case", psd2: psd2("LT-BL", role("0.4.0.19495.1.2", "psp_pi")), code: eidas.FindingRoleNameMismatch, severity: failure, refused: true},
		{rule: "role unknown", psd2: psd2("LT-BL", piRole, role("1.2.3.4", "PSP_AI")), code: eidas.FindingUnknownRole, severity: info},
		{rule: "role twice", psd2: psd2("LT-BL", piRole, piRole), code: eidas.FindingDuplicateRole, severity: warning},
		{rule: "Unspecified beside a role", psd2: psd2("LT-BL", piRole, role("0.4.0.19495.1.0", "Unspecified")), code: eidas.FindingUnspecifiedRole, severity: warning},
		{rule: "no role", psd2: psd2("LT-BL"), code: eidas.FindingNoRoles, severity: failure, refused: true},
		{rule: "too many roles", psd2: psd2("LT-BL", bytes.Repeat(role("1.2.3", "x"), eidas.MaxRoles+1)), code: eidas.FindingTooMany, severity: failure, refused: true},
		{rule: "too many that are no roles", psd2: psd2("LT-BL", bytes.Repeat(null, eidas.MaxRoles+1)), code: eidas.FindingTooMany, severity: failure, refused: true},
		{rule: "too many roles in one", psd2: psd2("LT-BL", sequence(bytes.Repeat(append(oidOf("1.2.3"), utf8String("x")...), eidas.MaxRoles+1))), code: eidas.FindingTooMany, severity: failure, refused: true},
		{rule: "NCAName printable", psd2: psd2Of(roles, printableString("Bank"), id), code: eidas.FindingNCANameType, severity: warning},
		{rule: "NCAName IA5", psd2: psd2Of(roles, ia5String("Bank"), id), code: eidas.FindingNCANameType, severity: warning},
		{rule: "NCAName IA5 beyond ASCII", psd2: psd2Of(roles, ia5String("B\xe4nk"), id), code: eidas.FindingNCANameType, severity: failure, refused: true},
		{rule: "NCAName T61", psd2: psd2Of(roles, text(cbasn1.T61String, "Bank"), id), code: eidas.FindingNCANameType, severity: failure, refused: true},
		{rule: "NCAName invalid UTF-8", psd2: psd2Of(roles, utf8String("B\xff"), id), code: eidas.FindingNCANameType, severity: failure, refused: true},
		{rule: "NCAName empty", psd2: psd2Of(roles, utf8String(""), id), code: eidas.FindingNCANameSize, severity: failure, refused: true},
		{rule: "NCAName of 257 characters", psd2: psd2Of(roles, utf8String(strings.Repeat("ä", 257)), id), code: eidas.FindingNCANameSize, severity: failure, refused: true},
		{rule: "NCAName NA without the roles for it", psd2: psd2Of(roles, utf8String("NA"), id), code: eidas.FindingNCANameNA, severity: warning},
		{rule: "NCAName beyond ASCII", psd2: psd2Of(roles, utf8String("Banco de España"), id), code: eidas.FindingNCANameNonASCII, severity: info},
		{rule: "NCAName ends in a line feed", psd2: psd2Of(roles, utf8String("Bank\n"), id), code: eidas.FindingNCANameTrailing, severity: warning},
		{rule: "NCAId printable", psd2: psd2Of(roles, name, printableString("LT-BL")), code: eidas.FindingNCAIDType, severity: warning},
		{rule: "NCAId a SEQUENCE", psd2: psd2Of(roles, name, sequence()), code: eidas.FindingNCAIDType, severity: failure, refused: true},
		{rule: "NCAId empty", psd2: psd2Of(roles, name, utf8String("")), code: eidas.FindingNCAIDSize, severity: failure, refused: true},
		{rule: "NCAId too long", psd2: psd2Of(roles, name, utf8String(strings.Repeat("A", 257))), code: eidas.FindingNCAIDSize, severity: failure, refused: true},
		{rule: "NCAId without country", psd2: psd2("BE", piRole), code: eidas.FindingNCAIDSyntax, severity: failure},
		{rule: "NCAId without hyphen", psd2: psd2("LTBL", piRole), code: eidas.FindingNCAIDSyntax, severity: failure},
		{rule: "NCAId with a number", psd2: psd2("LT-BL-1", piRole), code: eidas.FindingNCAIDSyntax, severity: failure},
		{rule: "NCAId in lower case", psd2: psd2("lt-BL", piRole), code: eidas.FindingNCAIDSyntax, severity: failure},
		{rule: "NCAId NA without the roles for it", psd2: psd2("NA", piRole), code: eidas.FindingNCAIDSyntax, severity: failure},
		{rule: "NCAId of a central bank other than NA", psd2: psd2("LT-BL", role("0.4.0.19495.1.5", "PSP_CB")), code: eidas.FindingNCAIDNA, severity: failure},
		{rule: "NCAId of a country not assigned", psd2: psd2("XX-BL", piRole), code: eidas.FindingNCAIDCountry, severity: failure},
		{rule: "NCAId not in the list", psd2: psd2("LT-LB", piRole), code: eidas.FindingNCAIDNotListed, severity: warning},
		{rule: "NCAId of a country outside the list", psd2: psd2("GB-FCA", piRole), code: eidas.FindingNCAIDElsewhere, severity: info},
		{rule: "NCAId differs from the identifier", psd2: psd2("LV-BL", piRole), code: eidas.FindingNCAIDDiffers, severity: failure},
		{rule: "second PSD2 statement", psd2: append(psd2("LT-BL", piRole), psd2("LT-BL", aiRole)...), code: eidas.FindingDuplicateStatement, severity: failure, refused: true},
	}
}

// TestFindings: every rule of the statements, broken alone. The lawful twin of
// each row is TestLawfulCertificate, which has no finding at all.
func TestFindings(t *testing.T) {
	met := map[eidas.FindingCode]bool{}
	for group, rows := range map[string][]findingRow{"statements": statementRows(), "PSD2": psd2Rows()} {
		for _, row := range rows {
			met[row.code] = true
			t.Run(group+"/"+row.rule, func(t *testing.T) {
				claims, err := parseBoth(t, row.der())
				found := findingsByCode(claims)[row.code]
				require.NotEmpty(t, found, "findings are %v", claims.Findings)
				assert.Equal(t, row.severity, found[0].Severity)
				if !row.refused {
					require.NoError(t, err)
					return
				}
				require.ErrorIs(t, err, eidas.ReasonStatementsMalformed)
				if row.code == eidas.FindingTooMany && claims.PSD2 == nil {
					return // it stands beyond the limit, where reading ends
				}
				require.NotNil(t, claims.PSD2, "a PSD2 statement never becomes absent")
				assert.Zero(t, claims.PSD2.Known, "nothing of a refused certificate grants a role")
				if row.code != eidas.FindingFlatRoles && row.code != eidas.FindingRoleNameMismatch {
					assertLenientRefuses(t, row.der())
				}
			})
		}
	}
	elsewhere := []eidas.FindingCode{ // met by other tests
		eidas.FindingStatementsCritical, eidas.FindingUnwrapped, eidas.FindingNoOrgID, eidas.FindingSeveralOrgIDs,
		eidas.FindingOrgIDType, eidas.FindingOrgIDPrintable, eidas.FindingOrgIDMultiValued, eidas.FindingOrgIDPSDSyntax,
		eidas.FindingOrgIDSyntax, eidas.FindingOrgIDCountry, eidas.FindingOrgIDCharacters, eidas.FindingOrgIDLEIChecks,
		eidas.FindingOrgIDOtherScheme, eidas.FindingCABFSyntax, eidas.FindingCABFDiffers,
		eidas.FindingNumberLowerCase, eidas.FindingNumberHyphen, eidas.FindingNumberDot, eidas.FindingNumberSpace,
	}
	for _, code := range eidas.FindingCodes() {
		assert.True(t, met[code] || slices.Contains(elsewhere, code), "no row meets %s", code)
	}
}

// assertLenientRefuses: leniency is for two shapes and misnamed roles only.
func assertLenientRefuses(t *testing.T, der []byte) {
	t.Helper()
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return
	}
	claims, err := eidas.ParseClaimsLenient(cert)
	require.ErrorIs(t, err, eidas.ReasonStatementsMalformed)
	assert.Zero(t, claims.PSD2.Known)
}

func TestSubjectFindings(t *testing.T) {
	psdStatements := statements(others(), psd2("LT-BL", piRole))
	printable := rdn(attribute(orgIDAttribute, printableString(tppID)))
	for _, row := range []struct {
		rule     string
		subject  []byte
		code     eidas.FindingCode
		severity eidas.Severity
		reason   eidas.Reason // of Identity, 0 for none
	}{
		{"no identifier", lithuania(), eidas.FindingNoOrgID, failure, eidas.ReasonIdentityMissing},
		{"two identifiers", append(orgID(tppID), orgID("PSDLT-BL-1")...), eidas.FindingSeveralOrgIDs, failure, eidas.ReasonIdentityAmbiguous},
		{"PrintableString", printable, eidas.FindingOrgIDPrintable, info, 0},
		{"IA5String", rdn(attribute(orgIDAttribute, ia5String(tppID))), eidas.FindingOrgIDType, failure, eidas.ReasonIdentityMalformed},
		{"PrintableString with other characters", rdn(attribute(orgIDAttribute, printableString("PSDLT-BL-1_2"))), eidas.FindingOrgIDType, failure, eidas.ReasonIdentityMalformed},
		{"multi-valued RDN", rdn(attribute("2.5.4.10", utf8String("Firm")), attribute(orgIDAttribute, utf8String(tppID))), eidas.FindingOrgIDMultiValued, warning, 0},
		{"PSD without authority", orgID("PSDLT-1"), eidas.FindingOrgIDPSDSyntax, failure, eidas.ReasonIdentityMalformed},
		{"unknown scheme", orgID("ABCDE-1234567890"), eidas.FindingOrgIDSyntax, failure, eidas.ReasonIdentityMalformed},
		{"country not assigned", orgID("PSDXX-BL-1"), eidas.FindingOrgIDCountry, failure, eidas.ReasonIdentityMalformed},
		{"control character", orgID("PSDLT-BL-1\x00"), eidas.FindingOrgIDCharacters, failure, eidas.ReasonIdentityMalformed},
		{"another scheme beside PSD2", orgID("VATLT-1"), eidas.FindingOrgIDOtherScheme, info, 0},
		{"lower case in the number", orgID("PSDLT-BL-lb1"), eidas.FindingNumberLowerCase, info, 0},
		{"hyphen in the number", orgID("PSDLT-BL-1-2"), eidas.FindingNumberHyphen, info, 0},
		{"dot in the number", orgID("PSDLT-BL-1.2"), eidas.FindingNumberDot, info, 0},
		{"space in the number", orgID("PSDLT-BL-1 2"), eidas.FindingNumberSpace, info, 0},
	} {
		t.Run(row.rule, func(t *testing.T) {
			claims, err := parseBoth(t, certificate(row.subject, psdStatements))
			require.NoError(t, err, "the subject is for Identity to refuse")
			found := findingsByCode(claims)[row.code]
			require.NotEmpty(t, found, "findings are %v", claims.Findings)
			assert.Equal(t, row.severity, found[0].Severity)
			id, err := claims.Identity(eidas.ProfileEU)
			assert.Equal(t, row.reason, eidas.ReasonOf(err))
			assert.Equal(t, row.reason != 0, id.IsZero())
		})
	}
}

// TestSubjectMustBeAName: attributes that cannot be read make the whole subject
// unreadable, and no identity is had from a part of it.
func TestSubjectMustBeAName(t *testing.T) {
	for rule, subject := range map[string][]byte{
		"RDN not a SET":            append(orgID(tppID), sequence()...),
		"attribute not a SEQUENCE": append(orgID(tppID), rdn([]byte{5, 0})...),
		"attribute with a tail":    rdn(sequence(oidOf(orgIDAttribute), utf8String(tppID), []byte{5, 0})),
		"type not an OID":          rdn(sequence(utf8String("x"), utf8String("y"))),
		"attribute without value":  rdn(sequence(oidOf(orgIDAttribute))),
		"too many attributes":      bytes.Repeat(orgID(tppID), eidas.MaxAttributes+1),
		"too many in one RDN":      rdn(bytes.Repeat(attribute(orgIDAttribute, utf8String(tppID)), eidas.MaxAttributes+1)),
	} {
		t.Run(rule, func(t *testing.T) {
			claims, err := eidas.ParseClaimsDER(certificate(subject))
			require.ErrorIs(t, err, eidas.ReasonCertificateMalformed)
			_, err = claims.Identity(eidas.ProfileEU)
			require.ErrorIs(t, err, eidas.ReasonIdentityMalformed)
		})
	}
	claims, err := eidas.ParseClaimsDER(certificate(append(bytes.Repeat(lithuania(), eidas.MaxAttributes-1), orgID(tppID)...)))
	require.NoError(t, err)
	assert.Len(t, claims.OrganizationIdentifiers, 1)
}

// TestIdentifierIsFoundWhereverItStands: long values, multi-valued RDNs and
// long lengths around it do not hide it.
func TestIdentifierIsFoundWhereverItStands(t *testing.T) {
	long := rdn(attribute("2.5.4.10", utf8String(strings.Repeat("x", 300))))
	many := rdn(attribute("2.5.4.10", utf8String(strings.Repeat("x", 300))), attribute(orgIDAttribute, utf8String(tppID)), attribute("2.5.4.11", utf8String("a")))
	for rule, subject := range map[string][]byte{
		"first": append(orgID(tppID), long...), "last": append(long, orgID(tppID)...),
		"in a long multi-valued RDN": many, "between": bytes.Join([][]byte{lithuania(), orgID(tppID), lithuania()}, nil),
	} {
		claims, err := parseBoth(t, certificate(subject))
		require.NoError(t, err, rule)
		require.Len(t, claims.OrganizationIdentifiers, 1, rule)
		assert.Equal(t, tppID, claims.OrganizationIdentifiers[0].Value, rule)
	}
}

func TestStatementValues(t *testing.T) {
	general := tlv(cbasn1.Tag(6).ContextSpecific(), []byte("https://register.example"))
	claims, err := parseBoth(t, certificate(orgID("EI:SE-5567971433"), statements(
		compliance(), qcType(typeSeal),
		limit(printableString("EUR"), 5, 3),
		statement("0.4.0.1862.1.3", integer(10)),
		statement("0.4.0.1862.1.4"),
		pds(location("https://a.example", "en"), location("https://b.example", "sv"), location("https://c.example", "fi")),
		legislation("CH", "GB"),
		statement("0.4.0.1862.1.8", sequence(oidOf("0.4.0.1862.1.8.3"))),
		statement("0.4.0.1862.1.9", sequence(printableString("CH"))),
		statement("1.3.6.1.5.5.7.11.2", sequence(oidOf("0.4.0.194121.1.2"), sequence(general))),
		statement("1.3.6.1.5.5.7.11.2"),
		statement("1.2.3.4", sequence(integer(7))),
	), extension("0.4.0.194121.2.1", []byte{5, 0})))
	require.NoError(t, err)
	st := claims.Statements
	assert.Equal(t, &eidas.LimitValue{Currency: "EUR", Amount: 5, Exponent: 3}, st.LimitValue)
	assert.Equal(t, 10, st.RetentionYears)
	assert.True(t, st.SSCD)
	assert.Len(t, st.PDS, 3)
	assert.Equal(t, []string{"CH", "GB"}, st.Legislation)
	assert.Equal(t, []string{"0.4.0.1862.1.8.3"}, st.IdentMethods)
	assert.Equal(t, []string{"CH"}, st.QSCDLegislation)
	assert.Equal(t, []string{"0.4.0.194121.1.2"}, st.Semantics)
	assert.Equal(t, [][]byte{general}, st.NameRegistrationAuthorities)
	assert.Len(t, st.List, 12)
	assert.Equal(t, eidas.Statement{OID: "1.2.3.4", Info: sequence(integer(7))}, st.List[11], "unknown statements stay raw")
	assert.True(t, claims.ValidityAssured)

	claims, err = parseBoth(t, certificate(nil, statements(limit(integer(978), 1, -2)), extension("0.4.0.194121.2.1", []byte{5, 0, 0})))
	require.NoError(t, err)
	assert.Equal(t, &eidas.LimitValue{Currency: "978", Amount: 1, Exponent: -2}, claims.Statements.LimitValue)
	assert.False(t, claims.ValidityAssured, "only NULL waives revocation information")
}

func TestComplianceForms(t *testing.T) {
	for want, row := range map[eidas.Compliance]struct {
		statement []byte
		code      string
	}{
		eidas.ComplianceMissing:  {qcType(typeWeb), "missing"},
		eidas.CompliancePresent:  {compliance(), "present"},
		eidas.ComplianceWithInfo: {statement("0.4.0.1862.1.1", []byte{5, 0}), "with_info"},
	} {
		claims, err := parseBoth(t, certificate(nil, statements(row.statement)))
		require.NoError(t, err)
		assert.Equal(t, want, claims.Statements.Compliance)
		code, err := claims.Statements.Compliance.MarshalText()
		require.NoError(t, err)
		assert.Equal(t, row.code, string(code))
	}
}

// TestEveryRoleOfTheStandard: each of the nine, alone, is read as itself.
func TestEveryRoleOfTheStandard(t *testing.T) {
	for _, r := range eidas.AllRoles().List() {
		nca := "LT-BL"
		if r.Name == "PSP_CB" || r.Name == "PSP_PA" {
			nca = "NA"
		}
		claims, err := parseBoth(t, certificate(orgID("VATLT-1"), statements(others(), psd2Of(sequence(role(r.OID, r.Name)), utf8String(map[bool]string{true: "NA", false: "Bank"}[nca == "NA"]), utf8String(nca))), webExt))
		require.NoError(t, err)
		assert.Equal(t, eidas.RoleByName(r.Name), claims.PSD2.Known, r.Name)
		assert.Len(t, claims.Findings, 1, "%s: only that the scheme is not PSD: %v", r.Name, claims.Findings)
		_, err = claims.Identity(eidas.ProfileEU)
		require.NoError(t, err)
	}
}

func TestLenientShapes(t *testing.T) {
	parse := func(der []byte) (*eidas.Claims, error) {
		cert, err := x509.ParseCertificate(der)
		require.NoError(t, err)
		return eidas.ParseClaimsLenient(cert)
	}
	flat := psd2("LT-BL", sequence(oidOf("0.4.0.19495.1.2"), utf8String("PSP_PI"), oidOf("0.4.0.19495.1.3"), utf8String("PSP_AI"), oidOf("0.4.0.19495.1.4"), utf8String("PSP_IC")))
	for rule, row := range map[string]struct {
		value []byte
		code  eidas.FindingCode
		roles eidas.Roles
	}{
		"unwrapped":       {psd2("LT-BL", piRole), eidas.FindingUnwrapped, eidas.RolePI},
		"flattened roles": {sequence(flat), eidas.FindingFlatRoles, eidas.RolePI | eidas.RoleAI | eidas.RoleIC},
		"both":            {flat, eidas.FindingUnwrapped, eidas.RolePI | eidas.RoleAI | eidas.RoleIC},
		"misnamed role":   {sequence(psd2("LT-BL", aiRole, role("0.4.0.19495.1.2", "PSP_AI"))), eidas.FindingRoleNameMismatch, eidas.RoleAI},
	} {
		t.Run(rule, func(t *testing.T) {
			der := certificate(orgID(tppID), extension(statementsOID, row.value))
			strict, err := parseBoth(t, der)
			require.ErrorIs(t, err, eidas.ReasonStatementsMalformed)
			assert.Zero(t, strict.PSD2.Known)
			assert.False(t, strict.Lenient)

			claims, err := parse(der)
			require.NoError(t, err)
			assert.True(t, claims.Lenient)
			assert.Equal(t, row.roles, claims.PSD2.Known)
			assert.Equal(t, eidas.SeverityWarning, findingsByCode(claims)[row.code][0].Severity)
			assert.Equal(t, strict.PSD2.Roles, claims.PSD2.Roles)
		})
	}
	claims, err := parse(lawful())
	require.NoError(t, err)
	assert.False(t, claims.Lenient, "nothing needed leniency")
}

func TestCABFMustAgree(t *testing.T) {
	ext := func(parts ...[]byte) []byte { return extension(cabfOID, sequence(parts...)) }
	state := func(s string) []byte { return tlv(cbasn1.Tag(0).ContextSpecific(), []byte(s)) }
	psd, lt := printableString("PSD"), printableString("LT")
	for _, row := range []struct {
		rule, value string
		ext         []byte
		reason      eidas.Reason
	}{
		{"agrees", tppID, ext(psd, lt, utf8String("BL-LB000458")), 0},
		{"other scheme", tppID, ext(printableString("NTR"), lt, utf8String("BL-LB000458")), eidas.ReasonIdentityConflict},
		{"other country", tppID, ext(psd, printableString("LV"), utf8String("BL-LB000458")), eidas.ReasonIdentityConflict},
		{"other number", tppID, ext(psd, lt, utf8String("BL-LB000459")), eidas.ReasonIdentityConflict},
		{"number without authority", tppID, ext(psd, lt, utf8String("LB000458")), eidas.ReasonIdentityConflict},
		{"agrees with state", "NTRUS+CA-1", ext(printableString("NTR"), printableString("US"), state("CA"), utf8String("1")), 0},
		{"state missing", "NTRUS+CA-1", ext(printableString("NTR"), printableString("US"), utf8String("1")), eidas.ReasonIdentityConflict},
		{"state too many", "NTRUS-1", ext(printableString("NTR"), printableString("US"), state("CA"), utf8String("1")), eidas.ReasonIdentityConflict},
		{"state explicit", "NTRUS-1", ext(printableString("NTR"), printableString("US"), state("\x13\x02CA"), utf8String("1")), eidas.ReasonIdentityConflict},
		{"reference printable", tppID, ext(psd, lt, printableString("BL-LB000458")), eidas.ReasonIdentityConflict},
		{"parts cut elsewhere", tppID, ext(psd, printableString("LT-BL"), utf8String("LB000458")), eidas.ReasonIdentityConflict},
		{"country of three letters", tppID, ext(psd, printableString("LTU"), utf8String("BL-LB000458")), eidas.ReasonIdentityConflict},
		{"a tail", tppID, ext(psd, lt, utf8String("BL-LB000458"), utf8String("")), eidas.ReasonIdentityConflict},
		{"a part missing", tppID, ext(psd, lt), eidas.ReasonIdentityConflict},
		{"not a SEQUENCE", tppID, extension(cabfOID, utf8String(tppID)), eidas.ReasonIdentityConflict},
	} {
		t.Run(row.rule, func(t *testing.T) {
			claims, err := parseBoth(t, certificate(orgID(row.value), row.ext))
			require.NoError(t, err)
			_, err = claims.Identity(eidas.ProfileEU)
			assert.Equal(t, row.reason, eidas.ReasonOf(err))
			codes := findingsByCode(claims)
			assert.Equal(t, row.reason != 0, len(codes[eidas.FindingCABFDiffers])+len(codes[eidas.FindingCABFSyntax]) == 1, "%v", claims.Findings)
		})
	}
}

// TestFindingDetailsAreSafe: findings and errors repeat text of the certificate
// only escaped and short.
func TestFindingDetailsAreSafe(t *testing.T) {
	hostile := "\x1b[31m\n\u202e" + strings.Repeat("x", 5000)
	claims, _ := parseBoth(t, certificate(orgID(hostile), statements(
		psd2Of(sequence(sequence(utf8String(hostile), utf8String(hostile)), sequence(utf8String(hostile), utf8String(hostile)), role("0.4.0.19495.1.2", hostile)), utf8String(hostile), utf8String(hostile)),
		pds(location(strings.ToValidUTF8(hostile[:5], ""), hostile[:4])),
	), extension(cabfOID, sequence(printableString("PSD"), printableString("LT"), utf8String(hostile)))))
	require.NotEmpty(t, claims.Findings)
	for _, f := range claims.Findings {
		for _, c := range f.Detail {
			assert.True(t, c >= ' ' && c < 0x7f, "%s: %q", f.Code, f.Detail)
		}
		assert.Less(t, len(f.Detail), 600)
	}
	for _, p := range []eidas.Profile{eidas.ProfileEU, eidas.Profile(hostile)} {
		_, err := claims.Identity(p)
		require.Error(t, err)
		assert.Less(t, len(err.Error()), 1000)
		assert.NotContains(t, err.Error(), "\n")
	}
}

// TestLimits: whoever exceeds a limit is refused; whoever meets it is not.
func TestLimits(t *testing.T) {
	repeated := func(unit []byte, n int) []byte { return bytes.Repeat(unit, n) }
	manyExtensions := func(n int) []byte {
		var all []byte
		for i := range n {
			all = append(all, extension(fmt.Sprintf("1.2.3.%d", i), []byte{5, 0})...)
		}
		return all
	}
	policy := sequence(oidOf("1.2.3"))
	for _, row := range []struct {
		rule   string
		der    []byte
		refuse bool
	}{
		{"statements at the limit", certificate(nil, statements(repeated(statement("1.2.3"), eidas.MaxStatements))), false},
		{"statements beyond", certificate(nil, statements(repeated(statement("1.2.3"), eidas.MaxStatements+1))), true},
		{"roles at the limit", certificate(nil, statements(psd2("LT-BL", repeated(role("1.2.3", "x"), eidas.MaxRoles)))), false},
		{"roles beyond", certificate(nil, statements(psd2("LT-BL", repeated(role("1.2.3", "x"), eidas.MaxRoles+1)))), true},
		{"policies at the limit", certificate(nil, extension("2.5.29.32", sequence(repeated(policy, eidas.MaxListed)))), false},
		{"policies beyond", certificate(nil, extension("2.5.29.32", sequence(repeated(policy, eidas.MaxListed+1)))), true},
		{"extensions at the limit", certificate(nil, manyExtensions(eidas.MaxExtensions)), false},
		{"extensions beyond", certificate(nil, manyExtensions(eidas.MaxExtensions+1)), true},
		{"size at the limit", certificate(nil, extension(statementsOID, filled(eidas.MaxStatementsSize))), false},
		{"size beyond", certificate(nil, extension(statementsOID, filled(eidas.MaxStatementsSize+1))), true},
		{"CABF size beyond", certificate(nil, extension(cabfOID, filled(eidas.MaxStatementsSize+1))), true},
		{"findings beyond", certificate(nil, statements(repeated(pds(repeated(location("http://a", "EN"), eidas.MaxListed)), 2))), true},
	} {
		t.Run(row.rule, func(t *testing.T) {
			claims, err := parseBoth(t, row.der)
			assert.LessOrEqual(t, len(claims.Findings), eidas.MaxFindings)
			if row.refuse {
				require.ErrorIs(t, err, eidas.ReasonStatementsMalformed)
			} else {
				require.NoError(t, err)
			}
		})
	}
}

// filled is a qcStatements value of size octets: one unknown statement.
func filled(size int) []byte {
	filler := size
	for {
		value := sequence(statement("1.2.3", tlv(cbasn1.OCTET_STRING, make([]byte, filler))))
		if len(value) == size {
			return value
		}
		filler -= len(value) - size
	}
}
