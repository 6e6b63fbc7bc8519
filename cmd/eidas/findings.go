package main

import "github.com/seed-b953571c/eidas"

// findingText is the sentence of a finding, "" for a code that is not known here.
func findingText(code eidas.FindingCode) string {
	for _, texts := range []map[eidas.FindingCode]string{statementFindings(), psd2Findings(), subjectFindings()} {
		if text, known := texts[code]; known {
			return text
		}
	}
	return ""
}

// statementFindings are about the extension and its statements.
func statementFindings() map[eidas.FindingCode]string {
	return map[eidas.FindingCode]string{
		eidas.FindingStatementsCritical: "qcStatements is marked critical, which makes many readers refuse the certificate",
		eidas.FindingStatementsSyntax:   "qcStatements is not a SEQUENCE in DER",
		eidas.FindingUnwrapped:          "the statement stands without the SEQUENCE OF around it",
		eidas.FindingStatementNotSeq:    "a statement is not a SEQUENCE",
		eidas.FindingStatementIDType:    "a statement has no OBJECT IDENTIFIER as its id",
		eidas.FindingStatementCount:     "a statement has more than an id and an info",
		eidas.FindingDuplicateStatement: "a statement is there twice",
		eidas.FindingDuplicateExtension: "an extension is there twice",
		eidas.FindingTooMany:            "more than any honest certificate has",

		eidas.FindingNoCompliance:       "no QcCompliance: it does not claim to be qualified in the EU",
		eidas.FindingComplianceInfo:     "QcCompliance has an info, where none is allowed: it claims nothing",
		eidas.FindingSSCDInfo:           "QcSSCD has an info, where none is allowed: it claims nothing",
		eidas.FindingNoType:             "no type (QcType) can be read: for signatures, seals or web sites",
		eidas.FindingSeveralTypes:       "more than one type, where there must be exactly one",
		eidas.FindingUnknownType:        "a type that is not in the standard",
		eidas.FindingTypeSyntax:         "QcType is not a SEQUENCE OF OBJECT IDENTIFIER, or is empty",
		eidas.FindingTypeAsStatement:    "a type stands where a statement should, and counts for nothing",
		eidas.FindingSemanticsStatement: "a semantics identifier stands where a statement should",
		eidas.FindingSemanticsSyntax:    "the semantics information is malformed",
		eidas.FindingLimitSyntax:        "the limit value is malformed",
		eidas.FindingLimitRange:         "the limit value is out of range",
		eidas.FindingRetentionSyntax:    "the retention period is malformed",
		eidas.FindingRetentionRange:     "the retention period is out of range",
		eidas.FindingPDSSyntax:          "the disclosure statements (QcPDS) are malformed",
		eidas.FindingPDSNotHTTPS:        "a disclosure statement is not at an https URL",
		eidas.FindingPDSLanguage:        "the language of a disclosure statement is not a code of two letters",
		eidas.FindingPDSLanguageCase:    "the language of a disclosure statement is not in lower case",
		eidas.FindingPDSLanguageTwice:   "two disclosure statements in one language",
		eidas.FindingPDSNoEnglish:       "no disclosure statement in English",
		eidas.FindingLegislation:        "qualified under the law of other countries, not of the EU",
		eidas.FindingLegislationSyntax:  "QcCClegislation is malformed",
		eidas.FindingIdentMethodSyntax:  "QcIdentMethod is malformed",
		eidas.FindingQSCDLawSyntax:      "QcQSCDlegislation is malformed",
	}
}

// psd2Findings are about the PSD2 statement.
func psd2Findings() map[eidas.FindingCode]string {
	return map[eidas.FindingCode]string{
		eidas.FindingPSD2Syntax:       "the PSD2 statement is not a SEQUENCE in DER",
		eidas.FindingWrongCount:       "the PSD2 statement has other than three elements: roles, authority's name, authority's id",
		eidas.FindingRolesType:        "the roles are not a SEQUENCE",
		eidas.FindingRoleNotSeq:       "a role is not a SEQUENCE",
		eidas.FindingFlatRoles:        "several roles in one, so that nobody can say what was meant",
		eidas.FindingRoleOIDType:      "a role has no OBJECT IDENTIFIER",
		eidas.FindingRoleNameType:     "the name of a role is not a UTF8String",
		eidas.FindingRoleNameSize:     "the name of a role is empty or longer than 256 characters",
		eidas.FindingRoleNameMismatch: "the name of a role is not that of its OID",
		eidas.FindingUnknownRole:      "a role that TS 119 495 does not have: it grants nothing",
		eidas.FindingDuplicateRole:    "a role is there twice",
		eidas.FindingUnspecifiedRole:  "the role Unspecified must stand alone",
		eidas.FindingNoRoles:          "no role",
		eidas.FindingNCANameType:      "the authority's name is not a UTF8String",
		eidas.FindingNCANameSize:      "the authority's name is empty or longer than 256 characters",
		eidas.FindingNCANameNA:        "the authority's name \"NA\" goes with a central bank or a public authority, and only with these",
		eidas.FindingNCANameNonASCII:  "the authority's name is not in English letters",
		eidas.FindingNCANameTrailing:  "the authority's name ends in white space",
		eidas.FindingNCAIDType:        "the authority's id is not a UTF8String",
		eidas.FindingNCAIDSize:        "the authority's id is empty or longer than 256 characters",
		eidas.FindingNCAIDSyntax:      "the authority's id is not of the form CC-ID, such as LT-BL",
		eidas.FindingNCAIDNA:          "the authority's id \"NA\" goes with a central bank or a public authority, and only with these",
		eidas.FindingNCAIDCountry:     "the authority's id begins with no country",
		eidas.FindingNCAIDNotListed:   "the authority's id is not in the EBA's list",
		eidas.FindingNCAIDElsewhere:   "the authority's country has no authority in the EBA's list",
	}
}

// subjectFindings are about the subject and the other extensions.
func subjectFindings() map[eidas.FindingCode]string {
	return map[eidas.FindingCode]string{
		eidas.FindingNoOrgID:          "no organizationIdentifier: nobody can say who it is",
		eidas.FindingSeveralOrgIDs:    "more than one organizationIdentifier",
		eidas.FindingOrgIDType:        "organizationIdentifier is not a UTF8String or PrintableString",
		eidas.FindingOrgIDPrintable:   "organizationIdentifier is a PrintableString, which is lawful",
		eidas.FindingOrgIDMultiValued: "organizationIdentifier shares its place in the subject with another attribute",
		eidas.FindingOrgIDPSDSyntax:   "organizationIdentifier is not of the form PSDCC-NCA-NUMBER",
		eidas.FindingOrgIDSyntax:      "organizationIdentifier is not of the form of EN 319 412-1",
		eidas.FindingOrgIDCountry:     "organizationIdentifier has no country, or one that its scheme does not know",
		eidas.FindingOrgIDCharacters:  "organizationIdentifier has characters that could deceive, or is too long",
		eidas.FindingOrgIDLEIChecks:   "the check digits of the LEI are wrong",
		eidas.FindingOrgIDOtherScheme: "a PSD2 statement beside an organizationIdentifier of another scheme than PSD",
		eidas.FindingNCAIDDiffers:     "the PSD2 statement and the organizationIdentifier name different authorities",
		eidas.FindingCABFSyntax:       "the CA/Browser Forum's organization identifier is malformed",
		eidas.FindingCABFDiffers:      "the CA/Browser Forum's organization identifier is another than that of the subject",
		eidas.FindingNumberLowerCase:  "lower case letters in the number, which is lawful; they count as they are",
		eidas.FindingNumberHyphen:     "a hyphen in the number, which is lawful; it counts as it is",
		eidas.FindingNumberDot:        "a dot in the number, which is lawful; it counts as it is",
		eidas.FindingNumberSpace:      "a space in the number, which is lawful; it counts as it is",
		eidas.FindingPoliciesSyntax:   "certificatePolicies is malformed",
		eidas.FindingPurposesSyntax:   "extKeyUsage is malformed",
		eidas.FindingAssuredSyntax:    "the mark of a validity-assured short-term certificate is malformed",
		eidas.FindingWebWithoutPolicy: "for web sites, without a policy of EN 319 411-2 for them",
		eidas.FindingWebWithoutClient: "for web sites, but not for TLS clients (clientAuth)",
		eidas.FindingSealWithServer:   "for seals, but also for TLS servers (serverAuth)",
		eidas.FindingSignWithServer:   "for signatures, but also for TLS servers (serverAuth)",
	}
}
