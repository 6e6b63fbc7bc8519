package eidas

import (
	"strconv"
	"unicode/utf8"

	"golang.org/x/crypto/cryptobyte/asn1"
)

// claimsReader gathers the claims of one certificate in one pass.
type claimsReader struct {
	claims  *Claims
	room    *claimsRoom
	lenient bool
	refused Finding  // the first that makes the statements unusable
	seen    uint8    // extensions met, by extensionKind
	met     uint16   // statements met, by statementKind
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
	policies   [3]string
	semantics  [1]string
	findings   [2]Finding
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

func (r *claimsReader) tooManyExtensions() {
	r.fatal(FindingTooMany, "", "more than "+strconv.Itoa(maxExtensions)+" extensions")
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
// SEQUENCE { type, value } in DER. The values of other attributes are for
// crypto/x509 to judge.
func (r *claimsReader) subject(der []byte) {
	name, ok := whole(der)
	for n := 0; ok && len(name) > 0; n++ {
		var rdn []byte
		if rdn, name, ok = nextOf(asn1.SET, name); !ok || n == maxAttributes {
			ok = false
			break
		}
		if !isOtherAttribute(rdn) {
			ok = r.rdn(rdn)
		}
	}
	r.claims.subjectMalformed = !ok
}

// isOtherAttribute recognises the usual RDN, one attribute of less than 128
// octets, of another type than organizationIdentifier. It saves reading it.
func isOtherAttribute(rdn []byte) bool {
	const header = 4 // SEQUENCE and its length, OBJECT IDENTIFIER and its length
	if len(rdn) < header || rdn[0] != byte(asn1.SEQUENCE) || int(rdn[1]) != len(rdn)-2 || rdn[1] >= 0x80 ||
		rdn[2] != byte(asn1.OBJECT_IDENTIFIER) || int(rdn[3]) > len(rdn)-header {
		return false
	}
	return string(rdn[header:header+int(rdn[3])]) != derOrganizationIdentifier
}

func (r *claimsReader) rdn(rdn []byte) bool {
	c := r.claims
	found, attributes := len(c.OrganizationIdentifiers), 0
	for ; len(rdn) > 0; attributes++ {
		var attribute []byte
		var ok bool
		if attribute, rdn, ok = nextOf(asn1.SEQUENCE, rdn); !ok || attributes == maxAttributes || !r.attribute(attribute) {
			return false
		}
	}
	for i := found; i < len(c.OrganizationIdentifiers); i++ {
		c.OrganizationIdentifiers[i].MultiValued = attributes > 1
	}
	return true
}

func (r *claimsReader) attribute(body []byte) bool {
	oid, _, body, ok := nextOID(body)
	if !ok {
		return false
	}
	value, body, ok := next(body)
	if !ok || len(body) > 0 {
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
			r.claims.Statements.Present = r.claims.Statements.Present || kind == extensionStatements
			r.claims.cabfMalformed = r.claims.cabfMalformed || kind == extensionCABF
			r.fatal(FindingTooMany, extensionOIDs[kind].String(), strconv.Itoa(len(value))+" octets")
			return
		}
		r.der, r.text = value, string(value)
	}
	switch kind {
	case extensionOther: // has returned
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
	list, ok := whole(value)
	c := r.claims
	if ok {
		c.Policies = r.room.policies[:0]
	}
	for ok && len(list) > 0 {
		var policy []byte
		var name string
		if policy, list, ok = nextOf(asn1.SEQUENCE, list); ok {
			_, name, _, ok = nextOID(policy)
		}
		if ok = ok && len(c.Policies) < maxListed; ok {
			c.Policies = append(c.Policies, name)
		}
	}
	if !ok {
		r.fatal(FindingPoliciesSyntax, dottedPolicies, "")
	}
}

// purposes reads ExtKeyUsageSyntax ::= SEQUENCE OF KeyPurposeId (RFC 5280,
// 4.2.1.12), for findings only: form decides.
func (r *claimsReader) purposes(value []byte) {
	list, ok := whole(value)
	for ok && len(list) > 0 {
		var oid []byte
		if oid, list, ok = nextOf(asn1.OBJECT_IDENTIFIER, list); !ok {
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
	rest, ok := whole(value)
	var part [4]element // scheme, country, state, reference
	for i := range part {
		if i == 2 && !startsWith(tagState, rest) {
			continue
		}
		if ok {
			part[i], rest, ok = next(rest)
		}
	}
	if ok {
		var text [4]string
		for i := range part[:3] {
			text[i], _ = r.asciiText(part[i].body(), isASCII(part[i].body()))
		}
		text[3], _ = r.directoryText(&part[3])
		r.claims.CABF = &CABFOrganizationIdentifier{text[0], text[1], text[2], text[3]}
	}
	scheme, country, state, reference := &part[0], &part[1], &part[2], &part[3]
	r.claims.cabfMalformed = !ok || len(rest) > 0 ||
		scheme.tag != asn1.PrintableString || len(scheme.body()) != 3 || !isPrintable(scheme.body()) ||
		country.tag != asn1.PrintableString || len(country.body()) != 2 || !isPrintable(country.body()) ||
		!state.missing() && (len(state.body()) == 0 || !isPrintable(state.body())) ||
		reference.tag != asn1.UTF8String || !utf8.Valid(reference.body())
	if r.claims.cabfMalformed {
		r.add(FindingCABFSyntax, SeverityError, dottedCABF, "")
	}
}

// tagState is [0] IMPLICIT.
const tagState = asn1.Tag(0x80)
