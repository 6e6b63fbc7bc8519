package main

import "github.com/seed-b953571c/eidas"

// oidName returns what people call an OID, "" when it is not known here.
func oidName(oid string) string { return oidNames()[oid] }

// oidNames names what the qualification of a certificate is written in.
func oidNames() map[string]string {
	return map[string]string{
		// Certificate policies: ETSI EN 319 411-2, 5.3.
		"0.4.0.194112.1.0": "QCP-n: qualified, natural person",
		"0.4.0.194112.1.1": "QCP-l: qualified, legal person",
		"0.4.0.194112.1.2": "QCP-n-qscd: qualified, natural person, key on a QSCD",
		"0.4.0.194112.1.3": "QCP-l-qscd: qualified, legal person, key on a QSCD",
		"0.4.0.194112.1.4": "QEVCP-w: qualified, web site, extended validation",
		"0.4.0.194112.1.5": "QNCP-w: qualified, web site",
		"0.4.0.194112.1.6": "QNCP-w-gen: qualified, web site, not for TLS (2-QWAC)",
		// ETSI TS 119 495, 6.1.
		"0.4.0.19495.3.1": "QCP-w-psd2: qualified, web site, PSD2",
		// ETSI EN 319 411-1, 5.3.
		"0.4.0.2042.1.1": "NCP: normalised",
		"0.4.0.2042.1.2": "NCP+: normalised, key on a secure device",
		"0.4.0.2042.1.3": "LCP: lightweight",
		"0.4.0.2042.1.4": "EVCP: extended validation",
		"0.4.0.2042.1.6": "DVCP: domain validated",
		"0.4.0.2042.1.7": "OVCP: organisation validated",
		"0.4.0.2042.1.8": "IVCP: individual validated",
		// ETSI TS 101 456, before eIDAS.
		"0.4.0.1456.1.1": "QCP public + SSCD: before eIDAS",
		"0.4.0.1456.1.2": "QCP public: before eIDAS",
		// CA/Browser Forum and RFC 5280.
		"2.23.140.1.1":   "extended validation (CA/Browser Forum)",
		"2.23.140.1.2.1": "domain validated (CA/Browser Forum)",
		"2.23.140.1.2.2": "organisation validated (CA/Browser Forum)",
		"2.23.140.1.2.3": "individual validated (CA/Browser Forum)",
		"2.5.29.32.0":    "any policy",

		// Statements: ETSI EN 319 412-5, 4.2 and 4.3.
		"0.4.0.1862.1.1": "QcCompliance",
		"0.4.0.1862.1.2": "QcLimitValue",
		"0.4.0.1862.1.3": "QcRetentionPeriod",
		"0.4.0.1862.1.4": "QcSSCD",
		"0.4.0.1862.1.5": "QcPDS",
		"0.4.0.1862.1.6": "QcType",
		"0.4.0.1862.1.7": "QcCClegislation",
		"0.4.0.1862.1.8": "QcIdentMethod",
		"0.4.0.1862.1.9": "QcQSCDlegislation",
		"0.4.0.19495.2":  "PSD2 (TS 119 495)",
		// RFC 3739, 3.2.6.1.
		"1.3.6.1.5.5.7.11.1": "QCSyntax-v1",
		"1.3.6.1.5.5.7.11.2": "QCSyntax-v2",

		// QcType values and identification methods.
		"0.4.0.1862.1.6.1": "electronic signature",
		"0.4.0.1862.1.6.2": "electronic seal (QSealC)",
		"0.4.0.1862.1.6.3": "website authentication (QWAC)",
		"0.4.0.1862.1.8.1": "eIDAS 1, article 24(1)(a) or (b)",
		"0.4.0.1862.1.8.2": "eIDAS 1, article 24(1)(c) or (d)",
		"0.4.0.1862.1.8.3": "eIDAS 2, article 24(1a)(a), (c) or (d)",
		"0.4.0.1862.1.8.4": "eIDAS 2, article 24(1a)(b)",

		// Semantics identifiers: ETSI EN 319 412-1, 5.1.
		"0.4.0.194121.1.1": "natural person",
		"0.4.0.194121.1.2": "legal person",
		"0.4.0.194121.1.3": "eIDAS natural person",
		"0.4.0.194121.1.4": "eIDAS legal person",
	}
}

// roleText says what a role of TS 119 495 lets its bearer do.
func roleText(oid string) string {
	return map[string]string{
		"0.4.0.19495.1.0":  "unspecified",
		"0.4.0.19495.1.1":  "account servicing",
		"0.4.0.19495.1.2":  "payment initiation",
		"0.4.0.19495.1.3":  "account information",
		"0.4.0.19495.1.4":  "issuing of card-based payment instruments",
		"0.4.0.19495.1.5":  "central bank",
		"0.4.0.19495.1.6":  "public authority",
		"0.4.0.19495.1.51": "verification of payee, responding",
		"0.4.0.19495.1.52": "verification of payee, verifying",
	}[oid]
}

// tagName names a universal ASN.1 tag number.
func tagName(tag int) string {
	names := map[int]string{
		1: "bool", 2: "int", 3: "bits", 4: "octets", 5: "null", 6: "oid", 10: "enum", 12: "utf8",
		16: "seq", 17: "set", 18: "numeric", 19: "printable", 20: "t61", 22: "ia5", 23: "utctime",
		24: "gentime", 26: "visible", 28: "universal", 30: "bmp",
	}
	if n, ok := names[tag]; ok {
		return n
	}
	return ""
}

// notAdES is the conclusion of TS 119 615 about every certificate for website
// authentication. It means that no signature can be made with it, and reads like
// a failure, so people are told what it stands for.
const (
	notAdES = "Not AdES"
	webText = "for website authentication (TS 119 615: " + notAdES + ")"
)

// conclusionText is the conclusion for people.
func (r *sideReport) conclusionText() string {
	switch {
	case r.Conclusion != notAdES:
		return r.Conclusion
	case r.Qualified:
		return "qualified " + webText
	}
	return "not qualified " + webText
}

// typeText are the words of a verdict for people.
func typeText(t eidas.CertificateType) string {
	switch t {
	case eidas.TypeSign:
		return "electronic signature"
	case eidas.TypeSeal:
		return "electronic seal (QSealC)"
	case eidas.TypeWeb:
		return "website authentication (QWAC)"
	case eidas.TypeUnknown:
	}
	return "not determined"
}
