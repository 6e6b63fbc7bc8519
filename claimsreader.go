package eidas

import (
	"strconv"
	"unicode/utf8"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// claimsReader gathers the claims of one certificate in one pass.
type claimsReader struct {
	claims  *Claims
	room    *claimsRoom
	lenient bool
	refused Finding  // the first that makes the statements unusable
	seen    uint8    // extensions met, by extensionKind
	purpose purposes // what extKeyUsage names
	// der is the extension being read and text the same octets, so that the
	// texts of an extension share one allocation: see keep.
	der  []byte
	text string
}

// claimsRoom is Claims with room for what a usual certificate holds, in one
// allocation. What needs more grows as any slice does.
type claimsRoom struct {
	claims     Claims
	psd2       PSD2
	identifier [1]OrganizationIdentifier
	list       [6]Statement
	types      [1]string
	pds        [2]PDSLocation
	roles      [4]Role
	policies   [4]string
	findings   [4]Finding
}

func newClaimsReader(lenient bool) claimsReader {
	room := &claimsRoom{}
	return claimsReader{claims: &room.claims, room: room, lenient: lenient}
}

// keep returns the octets b of the extension being read as a string. It avoids
// a copy where b is part of r.der, whose place in it follows from the
// capacities.
func (r *claimsReader) keep(b []byte) string {
	if at := cap(r.der) - cap(b); at >= 0 && at+len(b) <= len(r.text) && r.text[at:at+len(b)] == string(b) {
		return r.text[at : at+len(b)]
	}
	return string(b)
}

// purposes is what of extKeyUsage matters for findings.
type purposes uint8

const (
	purposeServer purposes = 1 << iota
	purposeClient
	purposeOther
)

// add records a finding. A certificate with more than maxFindings is refused,
// so that none goes unseen.
func (r *claimsReader) add(code FindingCode, severity Severity, oid, detail string) {
	c := r.claims
	if len(c.Findings) == maxFindings {
		if r.refused.Code == "" {
			r.refused = Finding{FindingTooMany, SeverityError, oid, "findings"}
		}
		return
	}
	if c.Findings == nil {
		c.Findings = r.room.findings[:0]
	}
	c.Findings = append(c.Findings, Finding{code, severity, oid, detail})
}

// fatal records a finding that makes the statements unusable.
func (r *claimsReader) fatal(code FindingCode, oid, detail string) {
	if r.refused.Code == "" {
		r.refused = Finding{code, SeverityError, oid, detail}
	}
	r.add(code, SeverityError, oid, detail)
}

// shape records a malformation that lenient reading accepts.
func (r *claimsReader) shape(code FindingCode, oid, detail string) {
	if !r.lenient {
		r.fatal(code, oid, detail)
		return
	}
	r.claims.Lenient = true
	r.add(code, SeverityWarning, oid, detail)
}

// finish adds what can only be judged at the end.
func (r *claimsReader) finish() (*Claims, error) {
	r.statementFindings()
	r.identityFindings()
	c := r.claims
	if r.refused.Code != "" && c.PSD2 != nil {
		// Nothing of a malformed certificate may grant anything.
		c.PSD2.Known = 0
	}
	switch {
	case c.subjectMalformed:
		return c, &Error{Reason: ReasonCertificateMalformed, Err: errSubject}
	case r.refused.Code != "":
		f := &r.refused
		return c, refuse(ReasonStatementsMalformed, "%s in %s: %s", f.Code, f.OID, f.Detail)
	}
	return c, nil
}

// subject finds the organizationIdentifiers of a Name ::= SEQUENCE OF SET OF
// SEQUENCE { type, value } in DER.
func (r *claimsReader) subject(der []byte) {
	name, ok := readWhole(der)
	for attributes := 0; ok && !name.Empty(); {
		var rdn cryptobyte.String
		if ok = name.ReadASN1(&rdn, asn1.SET); !ok {
			break
		}
		first, found := attributes, len(r.claims.OrganizationIdentifiers)
		for ; ok && !rdn.Empty(); attributes++ {
			ok = attributes < maxAttributes && r.attribute(&rdn)
		}
		for i := range r.claims.OrganizationIdentifiers[found:] {
			r.claims.OrganizationIdentifiers[found+i].MultiValued = attributes-first > 1
		}
	}
	r.claims.subjectMalformed = !ok
}

func (r *claimsReader) attribute(rdn *cryptobyte.String) bool {
	var attribute cryptobyte.String
	var value element
	if !rdn.ReadASN1(&attribute, asn1.SEQUENCE) {
		return false
	}
	oid, ok := readOID(&attribute)
	if !ok || !readElement(&attribute, &value) || !attribute.Empty() {
		return false
	}
	if string(oid) == derOrganizationIdentifier {
		text, _ := r.directoryText(&value)
		c := r.claims
		if c.OrganizationIdentifiers == nil {
			c.OrganizationIdentifiers = r.room.identifier[:0]
		}
		c.OrganizationIdentifiers = append(c.OrganizationIdentifiers, OrganizationIdentifier{Value: text, Tag: value.number()})
	}
	return true
}

// extension reads one extension.
func (r *claimsReader) extension(kind extensionKind, critical bool, value []byte) {
	if kind == extensionOther {
		return
	}
	if r.seen&(1<<kind) != 0 {
		// RFC 5280, 4.2 allows one instance. Readers differ in which they take.
		r.fatal(FindingDuplicateExtension, extensionOIDs[kind].String(), "")
		return
	}
	r.seen |= 1 << kind
	if kind == extensionStatements || kind == extensionCABF {
		if len(value) > maxStatementsSize {
			r.fatal(FindingTooMany, extensionOIDs[kind].String(), strconv.Itoa(len(value))+" octets")
			return
		}
		r.der, r.text = value, string(value)
	}
	switch kind {
	case extensionStatements:
		r.statements(critical, value)
	case extensionPolicies:
		r.policies(value)
	case extensionPurposes:
		r.purposes(value)
	case extensionCABF:
		r.cabf(value)
	case extensionValidityAssured:
		// EN 319 412-1, 5.2: NULL. It waives revocation checks, so only the exact
		// encoding counts.
		r.claims.ValidityAssured = string(value) == "\x05\x00"
		if !r.claims.ValidityAssured {
			r.add(FindingAssuredSyntax, SeverityWarning, dottedValidityAssured, "")
		}
	}
}

// policies reads CertificatePolicies ::= SEQUENCE OF SEQUENCE { policyIdentifier,
// policyQualifiers OPTIONAL } (RFC 5280, 4.2.1.4). Qualifiers decide nothing.
func (r *claimsReader) policies(value []byte) {
	list, ok := readWhole(value)
	if ok {
		r.claims.Policies = r.room.policies[:0]
	}
	for ok && !list.Empty() {
		var policy cryptobyte.String
		var oid []byte
		if ok = len(r.claims.Policies) < maxListed && list.ReadASN1(&policy, asn1.SEQUENCE); !ok {
			break
		}
		if oid, ok = readOID(&policy); ok {
			r.claims.Policies = append(r.claims.Policies, dotted(oid))
		}
	}
	if !ok {
		r.fatal(FindingPoliciesSyntax, dottedPolicies, "")
	}
}

// purposes reads ExtKeyUsageSyntax ::= SEQUENCE OF KeyPurposeId (RFC 5280,
// 4.2.1.12), for findings only: form decides.
func (r *claimsReader) purposes(value []byte) {
	list, ok := readWhole(value)
	for n := 0; ok && !list.Empty(); n++ {
		var oid []byte
		if oid, ok = readOID(&list); !ok || n == maxListed {
			ok = false
			break
		}
		switch string(oid) {
		case derServerAuth:
			r.purpose |= purposeServer
		case derClientAuth:
			r.purpose |= purposeClient
		default:
			r.purpose |= purposeOther
		}
	}
	if !ok {
		r.add(FindingPurposesSyntax, SeverityWarning, dottedExtendedKeyUsage, "")
	}
}

// cabf reads CABFOrganizationIdentifier ::= SEQUENCE { scheme PrintableString
// (SIZE (3)), country PrintableString (SIZE (2)), state [0] IMPLICIT
// PrintableString OPTIONAL, reference UTF8String } (EV guidelines, 9.8.2).
func (r *claimsReader) cabf(value []byte) {
	body, ok := readWhole(value)
	var scheme, country, state, reference element
	ok = ok && readElement(&body, &scheme) && readElement(&body, &country)
	if ok && body.PeekASN1Tag(asn1.Tag(0).ContextSpecific()) {
		ok = readElement(&body, &state)
	}
	ok = ok && readElement(&body, &reference)
	if ok {
		text, _ := r.directoryText(&reference)
		r.claims.CABF = &CABFOrganizationIdentifier{r.asciiText(scheme.body), r.asciiText(country.body), r.asciiText(state.body), text}
	}
	r.claims.cabfMalformed = !ok || !body.Empty() ||
		scheme.tag != asn1.PrintableString || len(scheme.body) != 3 || !isPrintable(scheme.body) ||
		country.tag != asn1.PrintableString || len(country.body) != 2 || !isPrintable(country.body) ||
		!state.missing() && (len(state.body) == 0 || !isPrintable(state.body)) ||
		reference.tag != asn1.UTF8String || !utf8.Valid(reference.body)
	if r.claims.cabfMalformed {
		r.add(FindingCABFSyntax, SeverityError, dottedCABF, "")
	}
}

// ParseClaimsDER is ParseClaims for the DER of a certificate. It reads
// certificates that crypto/x509 refuses too, such as those with a key on a
// Brainpool curve. It verifies nothing but the structure. If der is not a
// certificate, it returns nil and an *Error with ReasonCertificateMalformed.
// The Claims share memory with der.
func ParseClaimsDER(der []byte) (*Claims, error) {
	subject, extensions, ok := splitCertificate(der)
	if !ok {
		return nil, refuse(ReasonCertificateMalformed, "not a certificate in DER")
	}
	r := newClaimsReader(false)
	r.subject(subject)
	for n := 0; !extensions.Empty(); n++ {
		if n == maxExtensions {
			r.fatal(FindingTooMany, "", strconv.Itoa(n)+" extensions")
			break
		}
		kind, critical, value, ok := readExtension(&extensions)
		if !ok {
			return nil, refuse(ReasonCertificateMalformed, "extension %d", n+1)
		}
		r.extension(kind, critical, value)
	}
	return r.finish()
}

// splitCertificate returns the subject Name and the content of the SEQUENCE of
// extensions, empty when there are none, of a Certificate (RFC 5280, 4.1).
func splitCertificate(der []byte) (subject, extensions cryptobyte.String, ok bool) {
	if len(der) > maxCertificateSize {
		return nil, nil, false
	}
	cert, ok := readWhole(der)
	var tbs, wrapped cryptobyte.String
	version, has := int64(0), false
	if !ok || !cert.ReadASN1(&tbs, asn1.SEQUENCE) ||
		!cert.SkipASN1(asn1.SEQUENCE) || // signatureAlgorithm
		!cert.SkipASN1(asn1.BIT_STRING) || // signatureValue
		!cert.Empty() ||
		!tbs.ReadOptionalASN1Integer(&version, asn1.Tag(0).Constructed().ContextSpecific(), int64(0)) ||
		!tbs.SkipASN1(asn1.INTEGER) || // serialNumber
		!tbs.SkipASN1(asn1.SEQUENCE) || // signature
		!tbs.SkipASN1(asn1.SEQUENCE) || // issuer
		!tbs.SkipASN1(asn1.SEQUENCE) || // validity
		!tbs.ReadASN1Element(&subject, asn1.SEQUENCE) ||
		!tbs.SkipASN1(asn1.SEQUENCE) || // subjectPublicKeyInfo
		!tbs.SkipOptionalASN1(asn1.Tag(1).ContextSpecific()) || // issuerUniqueID
		!tbs.SkipOptionalASN1(asn1.Tag(2).ContextSpecific()) || // subjectUniqueID
		!tbs.ReadOptionalASN1(&wrapped, &has, asn1.Tag(3).Constructed().ContextSpecific()) ||
		!tbs.Empty() {
		return nil, nil, false
	}
	if !has {
		return subject, nil, true
	}
	const v3 = 2
	if version != v3 || !wrapped.ReadASN1(&extensions, asn1.SEQUENCE) || !wrapped.Empty() {
		return nil, nil, false
	}
	return subject, extensions, true
}

// readExtension reads Extension ::= SEQUENCE { extnID, critical BOOLEAN DEFAULT
// FALSE, extnValue OCTET STRING } (RFC 5280, 4.1).
func readExtension(list *cryptobyte.String) (kind extensionKind, critical bool, value []byte, ok bool) {
	var body, octets cryptobyte.String
	if !list.ReadASN1(&body, asn1.SEQUENCE) {
		return 0, false, nil, false
	}
	oid, ok := readOID(&body)
	if !ok {
		return 0, false, nil, false
	}
	if body.PeekASN1Tag(asn1.BOOLEAN) && !body.ReadASN1Boolean(&critical) {
		return 0, false, nil, false
	}
	if !body.ReadASN1(&octets, asn1.OCTET_STRING) || !body.Empty() {
		return 0, false, nil, false
	}
	switch string(oid) {
	case derStatements:
		kind = extensionStatements
	case derPolicies:
		kind = extensionPolicies
	case derExtendedKeyUsage:
		kind = extensionPurposes
	case derCABF:
		kind = extensionCABF
	case derValidityAssured:
		kind = extensionValidityAssured
	}
	return kind, critical, octets, true
}
