package eidas

import (
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"slices"
	"strings"
)

// Claims is what a certificate says of itself. Nothing in it is proved: it
// becomes evidence when Validate has found who vouches for it. Claims share
// memory with the certificate, must not be changed and are safe for concurrent
// reading.
type Claims struct {
	// OrganizationIdentifiers are all values of attribute 2.5.4.97 in the subject.
	OrganizationIdentifiers []OrganizationIdentifier
	// CABF is the CA/Browser Forum's organization identifier, nil when absent.
	// Where it is malformed (FindingCABFSyntax) it is for display only.
	CABF *CABFOrganizationIdentifier
	// Statements is the qcStatements extension (RFC 3739, ETSI EN 319 412-5).
	Statements Statements
	// PSD2 is the PSD2 statement (ETSI TS 119 495), nil when absent.
	PSD2 *PSD2
	// Policies are the certificate policy OIDs, in order, dotted.
	Policies []string
	// Findings are all deviations from the standards, in order of discovery,
	// together with lawful but rare features of severity info.
	Findings []Finding

	// ValidityAssured is extension 0.4.0.194121.2.1: a short-term certificate
	// for which no revocation information is owed (EN 319 412-1, 5.2).
	ValidityAssured bool
	// Lenient says that ParseClaimsLenient accepted what ParseClaims refuses.
	Lenient bool

	cabfMalformed    bool // the extension cannot be relied on
	subjectMalformed bool // OrganizationIdentifiers may be incomplete
	// checked is the value of an organizationIdentifier that checkIdentifier
	// found no fault with, "" if there is none.
	checked string
}

// OrganizationIdentifier is one value of attribute 2.5.4.97 of a subject.
type OrganizationIdentifier struct {
	Value       string // decoded; in a type that is not allowed, or invalid in it, for display only
	Tag         int    // universal ASN.1 tag number: 12 UTF8String, 19 PrintableString
	MultiValued bool   // its RDN holds other attributes too
}

// CABFOrganizationIdentifier is extension 2.23.140.3.1 (CA/Browser Forum EV
// guidelines, 9.8.2).
type CABFOrganizationIdentifier struct {
	Scheme    string
	Country   string
	State     string // "" when absent
	Reference string
}

// Reasons for which a certificate has no identity, beside those of its
// organizationIdentifier.
var (
	errSeveralIdentifiers = errors.New("eidas: the subject has several organizationIdentifiers")
	errSubject            = errors.New("eidas: the subject is not a Name in DER")
)

// ParseClaims reads the claims of a certificate strictly. For a certificate it
// always returns Claims with what could be read. The error is an *Error:
//   - ReasonCertificateMissing for nil,
//   - ReasonCertificateMalformed if the subject cannot be read, as in a
//     certificate that was not parsed from DER,
//   - ReasonStatementsMalformed if a rule of the extensions is broken with
//     SeverityError. The Claims then are for display only: PSD2.Known is empty.
//
// Absent statements are no error. Faults of the organizationIdentifier are
// findings here, and errors of [Claims.Identity].
func ParseClaims(cert *x509.Certificate) (*Claims, error) { return parseClaims(cert, false) }

// ParseClaimsLenient is ParseClaims, but it accepts what is found in the wild
// and can be read without a guess: a single QCStatement without the SEQUENCE OF
// around it ("unwrapped"), and roles flattened into one RoleOfPSP
// ("flat-roles"), which it expands in full. A role whose OID and name disagree
// ("role-name-mismatch") is dropped instead of refusing the certificate. Each
// leaves a finding of SeverityWarning and sets Claims.Lenient.
func ParseClaimsLenient(cert *x509.Certificate) (*Claims, error) { return parseClaims(cert, true) }

// extensionOIDs holds the extensions read here, by extensionKind.
var extensionOIDs = [...]asn1.ObjectIdentifier{
	extensionStatements:      {1, 3, 6, 1, 5, 5, 7, 1, 3},
	extensionPolicies:        {2, 5, 29, 32},
	extensionPurposes:        {2, 5, 29, 37},
	extensionCABF:            {2, 23, 140, 3, 1},
	extensionValidityAssured: {0, 4, 0, 194121, 2, 1},
}

func extensionKindOf(id asn1.ObjectIdentifier) extensionKind {
	if len(id) == 4 && id[0] == 2 && id[1] == 5 && id[2] == 29 { // most are from this arc
		switch id[3] {
		case 32:
			return extensionPolicies
		case 37:
			return extensionPurposes
		}
		return extensionOther
	}
	for k := range extensionOIDs {
		if id.Equal(extensionOIDs[k]) {
			return extensionKind(k)
		}
	}
	return extensionOther
}

// extensionKind is an extension read here; the zero value is any other.
type extensionKind uint8

const (
	extensionOther extensionKind = iota
	extensionStatements
	extensionPolicies
	extensionPurposes
	extensionCABF
	extensionValidityAssured
)

func parseClaims(cert *x509.Certificate, lenient bool) (*Claims, error) {
	if cert == nil {
		return nil, &Error{Reason: ReasonCertificateMissing}
	}
	r := newClaimsReader(lenient)
	r.subject(cert.RawSubject)
	for i := range cert.Extensions {
		if i == maxExtensions {
			r.tooManyExtensions()
			break
		}
		e := &cert.Extensions[i]
		r.extension(extensionKindOf(e.Id), e.Critical, e.Value)
	}
	return r.finish()
}

// Identity returns the identity of the subject under a trust profile: its one
// organizationIdentifier, which must agree with whatever else the certificate
// says about it. Nothing else of the subject, and no other field, can stand in
// for it. An identity whose scheme is not PSD is returned too; it must not be
// accepted without an explicit registration (TS 119 495, GEN-5.2.1-4).
//
// The error is an *Error with ReasonIdentityMissing, ReasonIdentityAmbiguous,
// ReasonIdentityMalformed or ReasonIdentityConflict. The answer does not depend
// on the error of ParseClaims, which must be looked at first.
func (c *Claims) Identity(p Profile) (Identity, error) {
	switch {
	case c.subjectMalformed:
		return Identity{}, &Error{Reason: ReasonIdentityMalformed, Err: errSubject}
	case len(c.OrganizationIdentifiers) == 0:
		return Identity{}, &Error{Reason: ReasonIdentityMissing}
	case len(c.OrganizationIdentifiers) > 1:
		// Also when they are equal: LEG-4.2.1-3 allows one, and readers differ
		// in which of two they take.
		return Identity{}, &Error{Reason: ReasonIdentityAmbiguous, Err: errSeveralIdentifiers}
	}
	attribute := &c.OrganizationIdentifiers[0]
	if !attribute.lawfulType() {
		return Identity{}, refuse(ReasonIdentityMalformed, "organizationIdentifier with tag %d: %s", attribute.Tag, quote(attribute.Value))
	}
	id := Identity{p, attribute.Value}
	if !validProfile(p) || attribute.Value == "" || attribute.Value != c.checked {
		var err error
		if id, err = ParseOrganizationIdentifier(p, attribute.Value); err != nil {
			return Identity{}, err
		}
	}
	if err := c.checkAuthority(id); err != nil {
		return Identity{}, err
	}
	if c.cabfMalformed || c.CABF != nil && !c.CABF.names(id.value) {
		return Identity{}, refuse(ReasonIdentityConflict, "%s: %s", FindingCABFDiffers, quote(id.value))
	}
	return id, nil
}

// checkAuthority holds NCAId to the identity. Where the scheme is not PSD, NCAId
// is the only trace of the authority (GEN-5.2.1-4) and must at least be sound.
func (c *Claims) checkAuthority(id Identity) error {
	if c.PSD2 == nil {
		return nil
	}
	if id.Scheme() == SchemePSD && !c.authorityAgrees(id) {
		return refuse(ReasonIdentityConflict, "%s: %s with NCAId %s", FindingNCAIDDiffers, quote(id.value), quote(c.PSD2.NCAId))
	}
	if code := c.PSD2.ncaIDRule(); code != "" {
		return refuse(ReasonIdentityMalformed, "%s: %s", code, quote(c.PSD2.NCAId))
	}
	return nil
}

// authorityAgrees reports whether NCAId names the authority of a PSD identity,
// byte for byte (TS 119 495, GEN-5.2.1-3 and GEN-5.2.3-2).
func (c *Claims) authorityAgrees(id Identity) bool {
	if id.value[3:authorityEnd(id.value)] == c.PSD2.NCAId {
		return true
	}
	// UK Open Banking numbers its members itself ("PSDGB-OB-...") and names the
	// Financial Conduct Authority as the authority they are registered with.
	return id.profile == ProfileUKOB && id.Country() == "GB" && id.Authority() == "OB" && c.PSD2.NCAId == "GB-FCA"
}

// identifier returns the organizationIdentifier that the extension must equal.
func (o *CABFOrganizationIdentifier) identifier() string {
	state := ""
	if o.State != "" {
		state = "+" + o.State
	}
	return o.Scheme + o.Country + state + "-" + o.Reference
}

// names reports whether the extension says the same as an organizationIdentifier.
func (o *CABFOrganizationIdentifier) names(value string) bool {
	head := len(o.Scheme) + len(o.Country)
	if o.State == "" && len(value) > head { // the usual case, without building the text
		return value[:len(o.Scheme)] == o.Scheme && value[len(o.Scheme):head] == o.Country &&
			value[head] == '-' && value[head+1:] == o.Reference
	}
	return o.identifier() == value
}

// lawfulType reports whether the value has a type that EN 319 412-1 allows, and
// is valid in it. An invalid UTF8String fails later: its value holds U+FFFD.
func (o *OrganizationIdentifier) lawfulType() bool {
	const utf8String, printableString = 12, 19
	return o.Tag == utf8String || o.Tag == printableString && isPrintable(o.Value)
}

// identityFindings judges the subject for display; the verdict is Identity's.
func (r *claimsReader) identityFindings() {
	c := r.claims
	for i := range c.OrganizationIdentifiers {
		o := &c.OrganizationIdentifiers[i]
		switch {
		case !o.lawfulType():
			r.add(FindingOrgIDType, SeverityError, dottedOrganizationIdentifier, quote(o.Value))
		case o.Tag != 12:
			r.add(FindingOrgIDPrintable, SeverityInfo, dottedOrganizationIdentifier, "")
		}
		if o.MultiValued {
			r.add(FindingOrgIDMultiValued, SeverityWarning, dottedOrganizationIdentifier, "")
		}
	}
	switch len(c.OrganizationIdentifiers) {
	case 0:
		if c.PSD2 != nil {
			r.add(FindingNoOrgID, SeverityError, dottedOrganizationIdentifier, "")
		}
	case 1:
		r.identifierFindings(c.OrganizationIdentifiers[0].Value)
	default:
		r.add(FindingSeveralOrgIDs, SeverityError, dottedOrganizationIdentifier, "")
	}
}

func (r *claimsReader) identifierFindings(value string) {
	c := r.claims
	if c.PSD2 != nil && !strings.HasPrefix(value, string(SchemePSD)) {
		r.add(FindingOrgIDOtherScheme, SeverityInfo, dottedOrganizationIdentifier, "")
	}
	if code := checkIdentifier(value); code != "" {
		r.add(code, SeverityError, dottedOrganizationIdentifier, quote(value))
		return
	}
	c.checked = value
	id := Identity{ProfileEU, value}
	if id.Scheme() == SchemePSD {
		r.numberFindings(id.Number())
		if c.PSD2 != nil && c.PSD2.NCAId != "" && !c.authorityAgrees(id) {
			r.add(FindingNCAIDDiffers, SeverityError, dottedPSD2, quote(c.PSD2.NCAId))
		}
	}
	if id.Scheme() == SchemeLEI && !leiChecks(id.Number()) {
		r.add(FindingOrgIDLEIChecks, SeverityWarning, dottedOrganizationIdentifier, quote(value))
	}
	if c.CABF != nil && !c.cabfMalformed && !c.CABF.names(value) {
		r.add(FindingCABFDiffers, SeverityError, dottedCABF, quote(c.CABF.identifier()))
	}
}

// numberFindings names the features of a number on which readers that
// normalise go wrong. All are lawful.
func (r *claimsReader) numberFindings(number string) {
	var lower, hyphen, dot, space bool
	for _, c := range []byte(number) {
		if isDigit(c) || isUpper(c) {
			continue
		}
		lower = lower || 'a' <= c && c <= 'z'
		hyphen = hyphen || c == '-'
		dot = dot || c == '.'
		space = space || c == ' '
	}
	for _, f := range [...]struct {
		met  bool
		code FindingCode
	}{{lower, FindingNumberLowerCase}, {hyphen, FindingNumberHyphen}, {dot, FindingNumberDot}, {space, FindingNumberSpace}} {
		if f.met {
			r.add(f.code, SeverityInfo, dottedOrganizationIdentifier, "")
		}
	}
}

// statementFindings judges the statements together.
func (r *claimsReader) statementFindings() {
	c := r.claims
	if !c.Statements.Present {
		return
	}
	if c.Statements.Compliance == ComplianceMissing {
		r.add(FindingNoCompliance, SeverityWarning, dottedStatements, "")
	}
	if len(c.Statements.Types) == 0 {
		r.add(FindingNoType, SeverityWarning, dottedStatements, "")
	}
	web := slices.Contains(c.Statements.Types, "0.4.0.1862.1.6.3")
	if web && !slices.ContainsFunc(c.Policies, isWebPolicy) {
		// Some production QWACs have only QCP-w-psd2: a hint, not a rule.
		r.add(FindingWebWithoutPolicy, SeverityInfo, dottedPolicies, "")
	}
	if web && r.purpose != 0 && r.purpose&purposeClient == 0 {
		r.add(FindingWebWithoutClient, SeverityInfo, dottedExtendedKeyUsage, "")
	}
	if !web && r.purpose&purposeServer != 0 {
		if slices.Contains(c.Statements.Types, "0.4.0.1862.1.6.2") {
			r.add(FindingSealWithServer, SeverityInfo, dottedExtendedKeyUsage, "")
		} else if len(c.Statements.Types) > 0 {
			r.add(FindingSignWithServer, SeverityInfo, dottedExtendedKeyUsage, "")
		}
	}
}

func isWebPolicy(oid string) bool {
	return oid == oidPolicyQEVCPw || oid == oidPolicyQNCPw || oid == oidPolicyQNCPwGen
}
