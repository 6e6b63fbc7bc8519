package eidas

import "fmt"

// Severity says what was done about a finding. The zero value is SeverityInfo.
type Severity uint8

// The severities.
const (
	SeverityInfo    Severity = iota // lawful, or outside what is decided here, but worth showing
	SeverityWarning                 // a rule is broken, without an effect on the verdict
	SeverityError                   // a rule is broken, what it is about is refused
)

// String returns "info", "warning" or "error", the stable JSON code.
func (s Severity) String() string {
	switch s {
	case SeverityInfo:
		return "info"
	case SeverityWarning:
		return "warning"
	case SeverityError:
		return "error"
	}
	return fmt.Sprintf("severity(%d)", uint8(s))
}

// MarshalText implements encoding.TextMarshaler with the code of String.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// Finding is one deviation of a certificate from the standards.
type Finding struct {
	Code     FindingCode `json:"code"`
	Severity Severity    `json:"severity"`
	// OID is the dotted OID of the statement, extension or attribute.
	OID string `json:"oid,omitempty"`
	// Detail is for people. What it repeats of the certificate is quoted,
	// escaped to ASCII and short.
	Detail string `json:"detail,omitempty"`
}

// FindingCode is the stable name of a rule, in JSON and for comparison. The set
// is closed; FindingCodes lists it. The severity of a code may depend on the
// certificate: a role name as PrintableString is a warning, as BMPString an
// error.
type FindingCode string

// The rules of the extension and its statements (RFC 3739, ETSI EN 319 412-5).
// Where one of them is broken with SeverityError, ParseClaims returns an error.
const (
	FindingStatementsCritical FindingCode = "qcStatements-critical" // QCS-4.1-02
	FindingStatementsSyntax   FindingCode = "qcStatements-syntax"   // not a SEQUENCE of TLVs in DER
	FindingUnwrapped          FindingCode = "unwrapped"             // one QCStatement without the SEQUENCE OF around it
	FindingStatementNotSeq    FindingCode = "statement-not-seq"     // a QCStatement that is not a SEQUENCE
	FindingStatementIDType    FindingCode = "statement-id-type"     // statementId is not an OBJECT IDENTIFIER
	FindingStatementCount     FindingCode = "statement-count"       // more than id and info in a QCStatement
	FindingDuplicateStatement FindingCode = "duplicate-statement"   // QCS-4.1-02A
	FindingDuplicateExtension FindingCode = "duplicate-extension"   // RFC 5280, 4.2
	FindingTooMany            FindingCode = "too-many"              // a limit of this library is exceeded

	FindingNoCompliance       FindingCode = "no-qccompliance"        // no QcCompliance: claims no EU qualified certificate
	FindingComplianceInfo     FindingCode = "qccompliance-with-info" // an info where none is allowed: claims nothing
	FindingSSCDInfo           FindingCode = "qcsscd-with-info"       // an info where none is allowed: claims nothing
	FindingNoType             FindingCode = "no-qctype"              // no type can be read
	FindingSeveralTypes       FindingCode = "several-qctypes"        // EN 319 412-5 v2.5.1, 4.2.3: exactly one
	FindingUnknownType        FindingCode = "unknown-qctype"         // a type that is not in the standard
	FindingTypeSyntax         FindingCode = "qctype-syntax"          // not a SEQUENCE OF OBJECT IDENTIFIER, or empty
	FindingTypeAsStatement    FindingCode = "qctype-oid-as-statement"
	FindingSemanticsStatement FindingCode = "semantics-oid-as-statement"
	FindingSemanticsSyntax    FindingCode = "semantics-syntax"
	FindingLimitSyntax        FindingCode = "limit-syntax"          // 4.3.2
	FindingLimitRange         FindingCode = "limit-range"           // 4.3.2: currency or amount out of range
	FindingRetentionSyntax    FindingCode = "retention-syntax"      // 4.3.3
	FindingRetentionRange     FindingCode = "retention-range"       // 4.3.3: negative or absurd
	FindingPDSSyntax          FindingCode = "pds-syntax"            // 4.3.4
	FindingPDSNotHTTPS        FindingCode = "pds-not-https"         // QCS-4.3.4-03
	FindingPDSLanguage        FindingCode = "pds-lang"              // not two characters
	FindingPDSLanguageCase    FindingCode = "pds-lang-case"         // ISO 639-1 codes are lower case
	FindingPDSLanguageTwice   FindingCode = "pds-lang-twice"        // two locations in one language
	FindingPDSNoEnglish       FindingCode = "pds-no-english"        // no location in English
	FindingLegislation        FindingCode = "qc-legislation"        // qualified under the law of the countries named, not of the EU
	FindingLegislationSyntax  FindingCode = "qc-legislation-syntax" // 4.2.4
	FindingIdentMethodSyntax  FindingCode = "ident-method-syntax"
	FindingQSCDLawSyntax      FindingCode = "qscd-legislation-syntax"
)

// The rules of the PSD2 statement (ETSI TS 119 495 v1.8.1, 5.2 and Annex A).
// Where one of them is broken with SeverityError, ParseClaims returns an error.
const (
	FindingPSD2Syntax       FindingCode = "psd2-syntax"        // not a SEQUENCE in DER
	FindingWrongCount       FindingCode = "wrong-count"        // PSD2QcType has other than three elements
	FindingRolesType        FindingCode = "roles-type"         // RolesOfPSP is not a SEQUENCE
	FindingRoleNotSeq       FindingCode = "role-not-seq"       // a RoleOfPSP that is not a SEQUENCE
	FindingFlatRoles        FindingCode = "flat-roles"         // several roles in one RoleOfPSP
	FindingRoleOIDType      FindingCode = "role-oid-type"      // roleOfPspOid is not an OBJECT IDENTIFIER
	FindingRoleNameType     FindingCode = "role-name-type"     // roleOfPspName is not a UTF8String
	FindingRoleNameSize     FindingCode = "role-name-size"     // SIZE (1..256)
	FindingRoleNameMismatch FindingCode = "role-name-mismatch" // REG-5.2.2-5
	FindingUnknownRole      FindingCode = "unknown-role-oid"   // GEN-5.2.2-4: kept, grants nothing
	FindingDuplicateRole    FindingCode = "duplicate-role"
	FindingUnspecifiedRole  FindingCode = "unspecified-with-roles" // GEN-5.2.2-1: Unspecified stands alone
	FindingNoRoles          FindingCode = "no-roles"               // GEN-5.2.2-1
	FindingNCANameType      FindingCode = "ncaname-type"           // NCAName is not a UTF8String
	FindingNCANameSize      FindingCode = "ncaname-size"           // SIZE (1..256)
	FindingNCANameNA        FindingCode = "ncaname-na"             // GEN-5.2.3-1A: "NA" with PSP_CB or PSP_PA, and only then
	FindingNCANameNonASCII  FindingCode = "ncaname-non-ascii"
	FindingNCANameTrailing  FindingCode = "ncaname-trailing-whitespace"
	FindingNCAIDType        FindingCode = "ncaid-type"    // NCAId is not a UTF8String
	FindingNCAIDSize        FindingCode = "ncaid-size"    // SIZE (1..256)
	FindingNCAIDSyntax      FindingCode = "ncaid-syntax"  // GEN-5.2.3-2
	FindingNCAIDNA          FindingCode = "ncaid-na"      // GEN-5.2.3-5: "NA" with PSP_CB or PSP_PA
	FindingNCAIDCountry     FindingCode = "ncaid-country" // country not assigned in ISO 3166-1
	FindingNCAIDNotListed   FindingCode = "ncaid-not-in-eba-v4"
	FindingNCAIDElsewhere   FindingCode = "ncaid-country-outside-eba-list"
)

// The rules of the subject and the extensions beside qcStatements. Where one of
// the orgid, cabf or ncaid rules is broken with SeverityError,
// [Claims.Identity] returns an error.
const (
	FindingNoOrgID          FindingCode = "no-orgid"        // TS 119 495, GEN-5.3-3
	FindingSeveralOrgIDs    FindingCode = "several-orgids"  // EN 319 412-3, LEG-4.2.1-3
	FindingOrgIDType        FindingCode = "orgid-type"      // not a UTF8String or PrintableString
	FindingOrgIDPrintable   FindingCode = "orgid-printable" // lawful; compared as text
	FindingOrgIDMultiValued FindingCode = "orgid-multivalued-rdn"
	FindingOrgIDPSDSyntax   FindingCode = "orgid-psd-syntax"             // TS 119 495, GEN-5.2.1-3
	FindingOrgIDSyntax      FindingCode = "orgid-syntax"                 // EN 319 412-1, 5.1.4
	FindingOrgIDCountry     FindingCode = "orgid-country"                // country not assigned, or not for this scheme
	FindingOrgIDCharacters  FindingCode = "orgid-characters"             // characters that could deceive, or too long
	FindingOrgIDLEIChecks   FindingCode = "orgid-lei-check-digits"       // ISO 17442
	FindingOrgIDOtherScheme FindingCode = "psd2-with-other-orgid-scheme" // GEN-5.2.1-4
	FindingNCAIDDiffers     FindingCode = "ncaid-differs-from-orgid"     // GEN-5.2.1-3 with GEN-5.2.3-2
	FindingCABFSyntax       FindingCode = "cabf-syntax"                  // CA/Browser Forum EV guidelines, 9.8.2
	FindingCABFDiffers      FindingCode = "cabf-differs-from-orgid"      // CA/Browser Forum EV guidelines, 9.8.2
	FindingNumberLowerCase  FindingCode = "authnumber-lowercase"         // lawful, compared as it is
	FindingNumberHyphen     FindingCode = "authnumber-has-hyphen"        // lawful, compared as it is
	FindingNumberDot        FindingCode = "authnumber-has-dot"           // lawful, compared as it is
	FindingNumberSpace      FindingCode = "authnumber-has-space"         // lawful, compared as it is
	FindingPoliciesSyntax   FindingCode = "policies-syntax"              // RFC 5280, 4.2.1.4
	FindingPurposesSyntax   FindingCode = "extkeyusage-syntax"           // RFC 5280, 4.2.1.12
	FindingAssuredSyntax    FindingCode = "validity-assured-syntax"      // EN 319 412-1, 5.2: NULL
	FindingWebWithoutPolicy FindingCode = "web-without-411-2-policy"
	FindingWebWithoutClient FindingCode = "web-without-clientAuth"
	FindingSealWithServer   FindingCode = "eseal-with-serverAuth"
	FindingSignWithServer   FindingCode = "esign-with-serverAuth"
)

// findingCodes lists the constants above; a test holds it complete.
var findingCodes = [...]FindingCode{
	FindingStatementsCritical,
	FindingStatementsSyntax,
	FindingUnwrapped,
	FindingStatementNotSeq,
	FindingStatementIDType,
	FindingStatementCount,
	FindingDuplicateStatement,
	FindingDuplicateExtension,
	FindingTooMany,
	FindingNoCompliance,
	FindingComplianceInfo,
	FindingSSCDInfo,
	FindingNoType,
	FindingSeveralTypes,
	FindingUnknownType,
	FindingTypeSyntax,
	FindingTypeAsStatement,
	FindingSemanticsStatement,
	FindingSemanticsSyntax,
	FindingLimitSyntax,
	FindingLimitRange,
	FindingRetentionSyntax,
	FindingRetentionRange,
	FindingPDSSyntax,
	FindingPDSNotHTTPS,
	FindingPDSLanguage,
	FindingPDSLanguageCase,
	FindingPDSLanguageTwice,
	FindingPDSNoEnglish,
	FindingLegislation,
	FindingLegislationSyntax,
	FindingIdentMethodSyntax,
	FindingQSCDLawSyntax,
	FindingPSD2Syntax,
	FindingWrongCount,
	FindingRolesType,
	FindingRoleNotSeq,
	FindingFlatRoles,
	FindingRoleOIDType,
	FindingRoleNameType,
	FindingRoleNameSize,
	FindingRoleNameMismatch,
	FindingUnknownRole,
	FindingDuplicateRole,
	FindingUnspecifiedRole,
	FindingNoRoles,
	FindingNCANameType,
	FindingNCANameSize,
	FindingNCANameNA,
	FindingNCANameNonASCII,
	FindingNCANameTrailing,
	FindingNCAIDType,
	FindingNCAIDSize,
	FindingNCAIDSyntax,
	FindingNCAIDNA,
	FindingNCAIDCountry,
	FindingNCAIDNotListed,
	FindingNCAIDElsewhere,
	FindingNoOrgID,
	FindingSeveralOrgIDs,
	FindingOrgIDType,
	FindingOrgIDPrintable,
	FindingOrgIDMultiValued,
	FindingOrgIDPSDSyntax,
	FindingOrgIDSyntax,
	FindingOrgIDCountry,
	FindingOrgIDCharacters,
	FindingOrgIDLEIChecks,
	FindingOrgIDOtherScheme,
	FindingNCAIDDiffers,
	FindingCABFSyntax,
	FindingCABFDiffers,
	FindingNumberLowerCase,
	FindingNumberHyphen,
	FindingNumberDot,
	FindingNumberSpace,
	FindingPoliciesSyntax,
	FindingPurposesSyntax,
	FindingAssuredSyntax,
	FindingWebWithoutPolicy,
	FindingWebWithoutClient,
	FindingSealWithServer,
	FindingSignWithServer,
}

// FindingCodes returns every code, in the order of the rules.
func FindingCodes() []FindingCode { return append([]FindingCode(nil), findingCodes[:]...) }
