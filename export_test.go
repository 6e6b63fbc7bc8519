package eidas

import "golang.org/x/crypto/cryptobyte/asn1"

// OIDEntry is a row of the table of known OIDs, for the external tests.
type OIDEntry struct{ DER, Dotted, Name string }

// OIDTable returns the table of known OIDs.
func OIDTable() []OIDEntry {
	var out []OIDEntry
	for _, e := range oidNames {
		out = append(out, OIDEntry{e.der, e.dotted, e.name})
	}
	return out
}

// KnownOID is dottedKnown.
func KnownOID(content []byte) string { return dottedKnown(content) }

// Dotted is dotted behind validOID.
func Dotted(content []byte) (string, bool) {
	if !validOID(content) {
		return "", false
	}
	return dotted(content), true
}

// Next is next: tag, content, rest.
func Next(in []byte) (tag byte, body, rest []byte, ok bool) {
	e, rest, ok := next(in)
	if !ok {
		return 0, nil, nil, false
	}
	return byte(e.tag), e.body(), rest, true
}

// NextOf is nextOf.
func NextOf(tag byte, in []byte) (body, rest []byte, ok bool) { return nextOf(asn1.Tag(tag), in) }

// IsCountry is isCountry.
func IsCountry(code string) bool { return isCountry(code) }

// EBAAuthority is ebaAuthority.
func EBAAuthority(country string) string { return ebaAuthority(country) }

// The limits that tests go up to and beyond.
const (
	MaxStatements     = maxStatements
	MaxStatementsSize = maxStatementsSize
	MaxRoles          = maxRoles
	MaxExtensions     = maxExtensions
	MaxAttributes     = maxAttributes
	MaxListed         = maxListed
	MaxFindings       = maxFindings
)

// oidNames lists the OIDs that the reader compares with: content, dotted form,
// short name. It holds the two spellings of each constant to each other.
var oidNames = [...]struct{ der, dotted, name string }{
	{derOrganizationIdentifier, dottedOrganizationIdentifier, "organizationIdentifier"},
	{derPolicies, dottedPolicies, "certificatePolicies"},
	{derExtendedKeyUsage, dottedExtendedKeyUsage, "extKeyUsage"},
	{derStatements, dottedStatements, "qcStatements"},
	{derServerAuth, "1.3.6.1.5.5.7.3.1", "serverAuth"},
	{derClientAuth, "1.3.6.1.5.5.7.3.2", "clientAuth"},
	{derCABF, dottedCABF, "cabfOrganizationIdentifier"},
	{derValidityAssured, dottedValidityAssured, "validityAssuredShortTerm"},

	{derSyntaxV1, "1.3.6.1.5.5.7.11.1", "pkixQCSyntax-v1"},
	{derSyntaxV2, dottedSyntax, "pkixQCSyntax-v2"},
	{derCompliance, dottedCompliance, "QcCompliance"},
	{derLimitValue, dottedLimitValue, "QcLimitValue"},
	{derRetention, dottedRetention, "QcRetentionPeriod"},
	{derSSCD, dottedSSCD, "QcSSCD"},
	{derPDS, dottedPDS, "QcPDS"},
	{derType, dottedType, "QcType"},
	{derLegislation, dottedLegislation, "QcCClegislation"},
	{derIdentMethod, dottedIdentMethod, "QcIdentMethod"},
	{derQSCDLegislation, dottedQSCDLegislation, "QcQSCDlegislation"},
	{derPSD2, dottedPSD2, "PSD2QcType"},

	// ETSI EN 319 412-5, 4.2.3.
	{derTypeSign, "0.4.0.1862.1.6.1", "QcType eSign"},
	{derTypeSeal, "0.4.0.1862.1.6.2", "QcType eSeal"},
	{derTypeWeb, "0.4.0.1862.1.6.3", "QcType web"},
	// ETSI EN 319 412-5 v2.5.1, QcIdentMethod: the article of the regulation
	// by which the identity was verified.
	{"\x04\x00\x8e\x46\x01\x08\x01", "0.4.0.1862.1.8.1", "eIDAS1_ab"},
	{"\x04\x00\x8e\x46\x01\x08\x02", "0.4.0.1862.1.8.2", "eIDAS1_cd"},
	{"\x04\x00\x8e\x46\x01\x08\x03", "0.4.0.1862.1.8.3", "eIDAS2_acd"},
	{"\x04\x00\x8e\x46\x01\x08\x04", "0.4.0.1862.1.8.4", "eIDAS2_b"},
	// ETSI EN 319 412-1, 5.1.
	{derSemanticsNatural, "0.4.0.194121.1.1", "semantics natural person"},
	{derSemanticsLegal, "0.4.0.194121.1.2", "semantics legal person"},
	{derSemanticsEIDASNatural, "0.4.0.194121.1.3", "semantics eIDAS natural person"},
	{derSemanticsEIDASLegal, "0.4.0.194121.1.4", "semantics eIDAS legal person"},
	// ETSI TS 119 495 v1.8.1, Annex A.
	{"\x04\x00\x81\x98\x27\x01\x00", "0.4.0.19495.1.0", "Unspecified"},
	{"\x04\x00\x81\x98\x27\x01\x01", "0.4.0.19495.1.1", "PSP_AS"},
	{"\x04\x00\x81\x98\x27\x01\x02", "0.4.0.19495.1.2", "PSP_PI"},
	{"\x04\x00\x81\x98\x27\x01\x03", "0.4.0.19495.1.3", "PSP_AI"},
	{"\x04\x00\x81\x98\x27\x01\x04", "0.4.0.19495.1.4", "PSP_IC"},
	{"\x04\x00\x81\x98\x27\x01\x05", "0.4.0.19495.1.5", "PSP_CB"},
	{"\x04\x00\x81\x98\x27\x01\x06", "0.4.0.19495.1.6", "PSP_PA"},
	{"\x04\x00\x81\x98\x27\x01\x33", "0.4.0.19495.1.51", "VOP_RS"},
	{"\x04\x00\x81\x98\x27\x01\x34", "0.4.0.19495.1.52", "VOP_VS"},
	{"\x04\x00\x81\x98\x27\x03\x01", dottedPolicyPSD2, "QCP-w-psd2"},
	// ETSI EN 319 411-2, 5.3.
	{"\x04\x00\x8b\xec\x40\x01\x00", "0.4.0.194112.1.0", "QCP-n"},
	{"\x04\x00\x8b\xec\x40\x01\x01", "0.4.0.194112.1.1", "QCP-l"},
	{"\x04\x00\x8b\xec\x40\x01\x02", "0.4.0.194112.1.2", "QCP-n-qscd"},
	{"\x04\x00\x8b\xec\x40\x01\x03", "0.4.0.194112.1.3", "QCP-l-qscd"},
	{"\x04\x00\x8b\xec\x40\x01\x04", oidPolicyQEVCPw, "QEVCP-w"},
	{"\x04\x00\x8b\xec\x40\x01\x05", oidPolicyQNCPw, "QNCP-w"},
	{"\x04\x00\x8b\xec\x40\x01\x06", oidPolicyQNCPwGen, "QNCP-w-gen"},
	// ETSI EN 319 411-1, 5.3.
	{"\x04\x00\x8f\x7a\x01\x01", "0.4.0.2042.1.1", "NCP"},
	{"\x04\x00\x8f\x7a\x01\x02", "0.4.0.2042.1.2", "NCP+"},
	{"\x04\x00\x8f\x7a\x01\x03", "0.4.0.2042.1.3", "LCP"},
	{"\x04\x00\x8f\x7a\x01\x04", "0.4.0.2042.1.4", "EVCP"},
	{"\x04\x00\x8f\x7a\x01\x06", "0.4.0.2042.1.6", "DVCP"},
	{"\x04\x00\x8f\x7a\x01\x07", "0.4.0.2042.1.7", "OVCP"},
	{"\x04\x00\x8f\x7a\x01\x08", "0.4.0.2042.1.8", "IVCP"},
	// ETSI TS 101 456, the policies before EN 319 411-2.
	{"\x04\x00\x8b\x30\x01\x01", "0.4.0.1456.1.1", "QCP public + SSCD"},
	{"\x04\x00\x8b\x30\x01\x02", "0.4.0.1456.1.2", "QCP public"},
	// ETSI TS 119 411-5, the purpose of a 2-QWAC.
	{"\x04\x00\x8b\xec\x43\x01\x00", "0.4.0.194115.1.0", "tls-binding"},
	// CA/Browser Forum.
	{"\x67\x81\x0c\x01\x01", "2.23.140.1.1", "extended validation"},
	{"\x67\x81\x0c\x01\x02\x01", "2.23.140.1.2.1", "domain validated"},
	{"\x67\x81\x0c\x01\x02\x02", "2.23.140.1.2.2", "organization validated"},
	{"\x67\x81\x0c\x01\x02\x03", "2.23.140.1.2.3", "individual validated"},
}

// OIDName returns the short name the standards give to a dotted OID of this
// field (policies, statements, QC types, roles, semantics), "" for any other.
func OIDName(dotted string) string {
	for i := range oidNames {
		if oidNames[i].dotted == dotted {
			return oidNames[i].name
		}
	}
	return ""
}
