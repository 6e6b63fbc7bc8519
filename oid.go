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

// The policies of ETSI EN 319 411-2 for website authentication.
const (
	oidPolicyQEVCPw   = "0.4.0.194112.1.4"
	oidPolicyQNCPw    = "0.4.0.194112.1.5"
	oidPolicyQNCPwGen = "0.4.0.194112.1.6"
)

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
