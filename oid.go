package eidas

// The contents of the OBJECT IDENTIFIERs that decide how a certificate is
// read. A test holds them to their dotted forms.
const (
	derOrganizationIdentifier = "\x55\x04\x61"                     // 2.5.4.97
	derPolicies               = "\x55\x1d\x20"                     // 2.5.29.32
	derExtendedKeyUsage       = "\x55\x1d\x25"                     // 2.5.29.37
	derStatements             = "\x2b\x06\x01\x05\x05\x07\x01\x03" // 1.3.6.1.5.5.7.1.3
	derServerAuth             = "\x2b\x06\x01\x05\x05\x07\x03\x01" // 1.3.6.1.5.5.7.3.1
	derClientAuth             = "\x2b\x06\x01\x05\x05\x07\x03\x02" // 1.3.6.1.5.5.7.3.2
	derCABF                   = "\x67\x81\x0c\x03\x01"             // 2.23.140.3.1
	derValidityAssured        = "\x04\x00\x8b\xec\x49\x02\x01"     // 0.4.0.194121.2.1

	derSyntaxV1        = "\x2b\x06\x01\x05\x05\x07\x0b\x01" // 1.3.6.1.5.5.7.11.1
	derSyntaxV2        = "\x2b\x06\x01\x05\x05\x07\x0b\x02" // 1.3.6.1.5.5.7.11.2
	derCompliance      = "\x04\x00\x8e\x46\x01\x01"         // 0.4.0.1862.1.1
	derLimitValue      = "\x04\x00\x8e\x46\x01\x02"         // 0.4.0.1862.1.2
	derRetention       = "\x04\x00\x8e\x46\x01\x03"         // 0.4.0.1862.1.3
	derSSCD            = "\x04\x00\x8e\x46\x01\x04"         // 0.4.0.1862.1.4
	derPDS             = "\x04\x00\x8e\x46\x01\x05"         // 0.4.0.1862.1.5
	derType            = "\x04\x00\x8e\x46\x01\x06"         // 0.4.0.1862.1.6
	derLegislation     = "\x04\x00\x8e\x46\x01\x07"         // 0.4.0.1862.1.7
	derIdentMethod     = "\x04\x00\x8e\x46\x01\x08"         // 0.4.0.1862.1.8
	derQSCDLegislation = "\x04\x00\x8e\x46\x01\x09"         // 0.4.0.1862.1.9
	derPSD2            = "\x04\x00\x81\x98\x27\x02"         // 0.4.0.19495.2

	derTypeSign = "\x04\x00\x8e\x46\x01\x06\x01" // 0.4.0.1862.1.6.1
	derTypeSeal = "\x04\x00\x8e\x46\x01\x06\x02" // 0.4.0.1862.1.6.2
	derTypeWeb  = "\x04\x00\x8e\x46\x01\x06\x03" // 0.4.0.1862.1.6.3

	derSemanticsNatural      = "\x04\x00\x8b\xec\x49\x01\x01" // 0.4.0.194121.1.1
	derSemanticsLegal        = "\x04\x00\x8b\xec\x49\x01\x02" // 0.4.0.194121.1.2
	derSemanticsEIDASNatural = "\x04\x00\x8b\xec\x49\x01\x03" // 0.4.0.194121.1.3
	derSemanticsEIDASLegal   = "\x04\x00\x8b\xec\x49\x01\x04" // 0.4.0.194121.1.4
)

// arcStatements is 0.4.0.1862.1, under which the ETSI statements lie.
const arcStatements = "\x04\x00\x8e\x46\x01"

// Dotted forms that findings name.
const (
	dottedOrganizationIdentifier = "2.5.4.97"
	dottedPolicies               = "2.5.29.32"
	dottedExtendedKeyUsage       = "2.5.29.37"
	dottedStatements             = "1.3.6.1.5.5.7.1.3"
	dottedCABF                   = "2.23.140.3.1"
	dottedValidityAssured        = "0.4.0.194121.2.1"
	dottedCompliance             = "0.4.0.1862.1.1"
	dottedLimitValue             = "0.4.0.1862.1.2"
	dottedRetention              = "0.4.0.1862.1.3"
	dottedSSCD                   = "0.4.0.1862.1.4"
	dottedPDS                    = "0.4.0.1862.1.5"
	dottedType                   = "0.4.0.1862.1.6"
	dottedLegislation            = "0.4.0.1862.1.7"
	dottedIdentMethod            = "0.4.0.1862.1.8"
	dottedQSCDLegislation        = "0.4.0.1862.1.9"
	dottedPSD2                   = "0.4.0.19495.2"
	dottedSyntax                 = "1.3.6.1.5.5.7.11.2"
	dottedPolicyPSD2             = "0.4.0.19495.3.1"
)

// oidNames lists the OIDs of this field: content, dotted form, short name.
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

// The policies of ETSI EN 319 411-2 for website authentication.
const (
	oidPolicyQEVCPw   = "0.4.0.194112.1.4"
	oidPolicyQNCPw    = "0.4.0.194112.1.5"
	oidPolicyQNCPwGen = "0.4.0.194112.1.6"
)

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

// The dotted forms under the arcs that nearly every certificate of this field
// uses, by last octet.
var (
	statementNames = [...]string{ // 0.4.0.1862.1
		1: dottedCompliance, dottedLimitValue, dottedRetention, dottedSSCD, dottedPDS,
		dottedType, dottedLegislation, dottedIdentMethod, dottedQSCDLegislation,
	}
	typeNames = [...]string{1: "0.4.0.1862.1.6.1", "0.4.0.1862.1.6.2", "0.4.0.1862.1.6.3"}
	roleNames = [...]string{
		"0.4.0.19495.1.0", "0.4.0.19495.1.1", "0.4.0.19495.1.2", "0.4.0.19495.1.3",
		"0.4.0.19495.1.4", "0.4.0.19495.1.5", "0.4.0.19495.1.6",
	}
	policyNames = [...]string{
		"0.4.0.194112.1.0", "0.4.0.194112.1.1", "0.4.0.194112.1.2", "0.4.0.194112.1.3",
		oidPolicyQEVCPw, oidPolicyQNCPw, oidPolicyQNCPwGen,
	}
	semanticsNames = [...]string{1: "0.4.0.194121.1.1", "0.4.0.194121.1.2", "0.4.0.194121.1.3", "0.4.0.194121.1.4"}
)

// dottedKnown returns the dotted form of the OIDs that nearly every certificate
// of this field has, "" for any other. It saves dotted the work.
func dottedKnown(der []byte) string {
	if len(der) < 5 {
		return ""
	}
	arc, leaf := der[:len(der)-1], int(der[len(der)-1])
	var names []string
	switch string(arc) {
	case arcStatements:
		names = statementNames[:]
	case "\x04\x00\x8e\x46\x01\x06":
		names = typeNames[:]
	case "\x04\x00\x81\x98\x27\x01":
		names = roleNames[:]
	case "\x04\x00\x8b\xec\x40\x01":
		names = policyNames[:]
	case "\x04\x00\x8b\xec\x49\x01":
		names = semanticsNames[:]
	case "\x04\x00\x81\x98\x27":
		if leaf == 2 {
			return dottedPSD2
		}
	case "\x04\x00\x81\x98\x27\x03":
		if leaf == 1 {
			return dottedPolicyPSD2
		}
	case "\x67\x81\x0c\x01":
		if leaf == 1 {
			return "2.23.140.1.1"
		}
	case "\x2b\x06\x01\x05\x05\x07\x0b":
		if leaf == 2 {
			return dottedSyntax
		}
	}
	if leaf < len(names) {
		return names[leaf]
	}
	return ""
}
