package eidas

import (
	"strconv"
	"strings"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// compliance reads QcCompliance, which has no info (EN 319 412-5, 4.2.1).
func (r *claimsReader) compliance(info *element) {
	st := &r.claims.Statements
	if info.missing() {
		st.Compliance = CompliancePresent
		return
	}
	st.Compliance, st.ComplianceTag = ComplianceWithInfo, info.number()
	r.add(FindingComplianceInfo, SeverityWarning, dottedCompliance, info.kind())
}

// sscd reads QcSSCD, which has no info (EN 319 412-5, 4.2.2).
func (r *claimsReader) sscd(info *element) {
	if info.missing() {
		r.claims.Statements.SSCD = true
		return
	}
	r.add(FindingSSCDInfo, SeverityWarning, dottedSSCD, info.kind())
}

// types reads QcType ::= SEQUENCE OF OBJECT IDENTIFIER (EN 319 412-5, 4.2.3).
// It decides what the certificate is for, so a malformed one is an error.
func (r *claimsReader) types(info *element) {
	types, ok := appendOIDs(r.room.types[:0], info.full)
	if !ok {
		r.fatal(FindingTypeSyntax, dottedType, info.kind())
		return
	}
	r.claims.Statements.Types = types
	for _, t := range types {
		switch t {
		case "0.4.0.1862.1.6.1", "0.4.0.1862.1.6.2", "0.4.0.1862.1.6.3":
		default:
			// New types appear (TS 119 412-6): kept, and good for nothing here.
			r.add(FindingUnknownType, SeverityWarning, dottedType, t)
		}
	}
	if len(types) > 1 {
		r.add(FindingSeveralTypes, SeverityWarning, dottedType, strconv.Itoa(len(types)))
	}
}

// limitValue reads QcEuLimitValue ::= SEQUENCE { currency, amount, exponent }
// (EN 319 412-5, 4.3.2).
func (r *claimsReader) limitValue(info *element) {
	body, ok := whole(info.full)
	var currency element
	if ok {
		currency, body, ok = next(body)
	}
	var limit LimitValue
	numbers := cryptobyte.String(body)
	if !ok || !numbers.ReadASN1Integer(&limit.Amount) || !numbers.ReadASN1Integer(&limit.Exponent) || !numbers.Empty() {
		r.add(FindingLimitSyntax, SeverityWarning, dottedLimitValue, "")
		return
	}
	switch currency.tag {
	case asn1.PrintableString:
		limit.Currency, _ = r.directoryText(&currency)
		ok = len(limit.Currency) == 3 && isLetters(limit.Currency)
	case asn1.INTEGER:
		var number int64
		if in := cryptobyte.String(currency.full); !in.ReadASN1Integer(&number) {
			r.add(FindingLimitSyntax, SeverityWarning, dottedLimitValue, "")
			return
		}
		limit.Currency = strconv.FormatInt(number, 10)
		ok = number >= 1 && number <= 999
	default:
		r.add(FindingLimitSyntax, SeverityWarning, dottedLimitValue, "currency is "+currency.kind())
		return
	}
	r.claims.Statements.LimitValue = &limit
	if !ok || limit.Amount < 0 {
		r.add(FindingLimitRange, SeverityWarning, dottedLimitValue, quote(limit.Currency))
	}
}

func isLetters(s string) bool {
	for _, c := range []byte(s) {
		if !isUpper(c &^ 0x20) {
			return false
		}
	}
	return true
}

// maxRetentionYears bounds QcRetentionPeriod: more is a mistake.
const maxRetentionYears = 1000

// retention reads QcEuRetentionPeriod ::= INTEGER, in years (EN 319 412-5, 4.3.3).
func (r *claimsReader) retention(info *element) {
	var years int64
	in := cryptobyte.String(info.full)
	if info.tag != asn1.INTEGER || !in.ReadASN1Integer(&years) {
		r.add(FindingRetentionSyntax, SeverityWarning, dottedRetention, info.kind())
		return
	}
	if years < 0 || years > maxRetentionYears {
		r.add(FindingRetentionRange, SeverityWarning, dottedRetention, strconv.FormatInt(years, 10))
		return
	}
	r.claims.Statements.RetentionYears = int(years)
}

// pds reads QcEuPDS ::= SEQUENCE OF SEQUENCE { url IA5String, language
// PrintableString (SIZE (2)) } (EN 319 412-5, 4.3.4). Nothing is decided by it,
// so what can be read is kept.
func (r *claimsReader) pds(info *element) {
	list, ok := whole(info.full)
	if !ok || len(list) == 0 {
		r.add(FindingPDSSyntax, SeverityWarning, dottedPDS, info.kind())
		return
	}
	if r.claims.Statements.PDS == nil {
		r.claims.Statements.PDS = r.room.pds[:0]
	}
	before := len(r.claims.Statements.PDS)
	for n := 0; len(list) > 0; n++ {
		var e element
		if e, list, ok = next(list); !ok || n == maxListed {
			r.add(FindingPDSSyntax, SeverityWarning, dottedPDS, "")
			break
		}
		if e.tag != asn1.SEQUENCE || !r.pdsLocation(e.body()) {
			r.add(FindingPDSSyntax, SeverityWarning, dottedPDS, "location "+strconv.Itoa(n+1))
		}
	}
	r.pdsRules(r.claims.Statements.PDS[before:])
}

func (r *claimsReader) pdsLocation(body []byte) bool {
	url, body, ok := next(body)
	if !ok {
		return false
	}
	lang, body, ok := next(body)
	if !ok {
		return false
	}
	location, okURL := r.directoryText(&url)
	language, okLang := r.directoryText(&lang)
	if !okURL || !okLang {
		return false
	}
	r.claims.Statements.PDS = append(r.claims.Statements.PDS, PDSLocation{URL: location, Lang: language})
	return len(body) == 0 && url.tag == asn1.IA5String && lang.tag == asn1.PrintableString
}

func (r *claimsReader) pdsRules(list []PDSLocation) {
	english := false
	for i := range list {
		url, lang := list[i].URL, list[i].Lang
		english = english || strings.EqualFold(lang, "en")
		if !strings.HasPrefix(url, "https://") {
			r.add(FindingPDSNotHTTPS, SeverityWarning, dottedPDS, quote(url))
		}
		if len(lang) != 2 || !isLetters(lang) {
			r.add(FindingPDSLanguage, SeverityWarning, dottedPDS, quote(lang))
		}
		if hasUpper(lang) {
			r.add(FindingPDSLanguageCase, SeverityWarning, dottedPDS, plain(lang))
		}
		for k := 0; k < i && len(lang) == 2; k++ { // other lengths have their finding, and could be long
			if strings.EqualFold(list[k].Lang, lang) {
				r.add(FindingPDSLanguageTwice, SeverityWarning, dottedPDS, plain(lang))
				break
			}
		}
	}
	if !english {
		r.add(FindingPDSNoEnglish, SeverityWarning, dottedPDS, "")
	}
}

func hasUpper(s string) bool {
	for i := range len(s) {
		if isUpper(s[i]) {
			return true
		}
	}
	return false
}

// legislation reads QcCClegislation ::= SEQUENCE OF PrintableString (SIZE (2))
// (EN 319 412-5, 4.2.4). A certificate that is qualified elsewhere must not
// pass as qualified in the EU because we could not read where.
func (r *claimsReader) legislation(info *element) {
	countries, ok := readCountries(info.full)
	if !ok {
		r.fatal(FindingLegislationSyntax, dottedLegislation, info.kind())
		return
	}
	r.claims.Statements.Legislation = countries
	r.add(FindingLegislation, SeverityInfo, dottedLegislation, quote(strings.Join(countries, " ")))
}

// qscdLegislation reads QcQSCDlegislation ::= SEQUENCE OF PrintableString.
func (r *claimsReader) qscdLegislation(info *element) {
	countries, ok := readCountries(info.full)
	if !ok {
		r.add(FindingQSCDLawSyntax, SeverityWarning, dottedQSCDLegislation, info.kind())
		return
	}
	r.claims.Statements.QSCDLegislation = append(r.claims.Statements.QSCDLegislation, countries...)
}

func readCountries(der []byte) ([]string, bool) {
	list, ok := whole(der)
	if !ok || len(list) == 0 {
		return nil, false
	}
	var out []string
	for len(list) > 0 {
		var code []byte
		code, list, ok = nextOf(asn1.PrintableString, list)
		if !ok || len(out) == maxListed || len(code) != 2 || !isLetters(string(code)) {
			return nil, false
		}
		out = append(out, string(code))
	}
	return out, true
}

// identMethod reads QcIdentMethod ::= SEQUENCE OF OBJECT IDENTIFIER.
func (r *claimsReader) identMethod(info *element) {
	methods, ok := readOIDs(info.full)
	if !ok {
		r.add(FindingIdentMethodSyntax, SeverityWarning, dottedIdentMethod, info.kind())
		return
	}
	r.claims.Statements.IdentMethods = append(r.claims.Statements.IdentMethods, methods...)
}

// semantics reads SemanticsInformation ::= SEQUENCE { semanticsIdentifier
// OBJECT IDENTIFIER OPTIONAL, nameRegistrationAuthorities SEQUENCE OF
// GeneralName OPTIONAL } (RFC 3739, 3.2.6.1). The info itself is optional.
func (r *claimsReader) semantics(info *element) {
	if info.missing() {
		return
	}
	body, ok := whole(info.full)
	if !ok {
		r.add(FindingSemanticsSyntax, SeverityWarning, dottedSyntax, info.kind())
		return
	}
	st := &r.claims.Statements
	if startsWith(asn1.OBJECT_IDENTIFIER, body) {
		var id string
		if _, id, body, ok = nextOID(body); !ok {
			r.add(FindingSemanticsSyntax, SeverityWarning, dottedSyntax, "identifier")
			return
		}
		if st.Semantics == nil {
			st.Semantics = r.room.semantics[:0]
		}
		st.Semantics = append(st.Semantics, id)
	}
	if len(body) == 0 {
		return
	}
	names, ok := whole(body)
	for ok && len(names) > 0 {
		var e element
		if e, names, ok = next(names); ok {
			ok = len(st.NameRegistrationAuthorities) < maxListed
			st.NameRegistrationAuthorities = append(st.NameRegistrationAuthorities, e.full)
		}
	}
	if !ok {
		r.add(FindingSemanticsSyntax, SeverityWarning, dottedSyntax, "authorities")
	}
}
