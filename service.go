package eidas

import (
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"sync"
	"time"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// Profile names a trust profile: a set of anchors with rules of its own. It is
// part of every Identity, because any sandbox CA can print any identifier.
// The zero Profile is invalid.
type Profile string

// The profiles.
const (
	ProfileEU   Profile = "eu"    // EU trusted lists, from the Official Journal down
	ProfileUKOB Profile = "uk-ob" // UK Open Banking directory
	ProfileTest Profile = "test"  // sandboxes and test QTSPs
)

// List says which authenticated trusted list a service was read from.
type List struct {
	URL        string
	Territory  string // scheme territory, as the list writes it ("EL", "UK")
	Profile    Profile
	Version    int // TSLVersionIdentifier
	Sequence   int // TSLSequenceNumber
	Issued     time.Time
	NextUpdate time.Time // zero: the list is final (TS 119 612 v2.4.1, 5.3.15)
	SHA256     [32]byte  // of the file
}

// Final reports whether the list announced no further update.
func (l *List) Final() bool { return l.NextUpdate.IsZero() }

// Stale reports whether the list was past its NextUpdate at the given time.
func (l *List) Stale(at time.Time) bool { return !l.Final() && at.After(l.NextUpdate) }

// Name is a text in one language.
type Name struct{ Lang, Value string }

// English returns the English text of names, else the first, else "".
func English(names []Name) string {
	for _, n := range names {
		if n.Lang == "en" {
			return n.Value
		}
	}
	if len(names) > 0 {
		return names[0].Value
	}
	return ""
}

// Provider is a trust service provider (TS 119 612, 5.4).
type Provider struct {
	Names      []Name
	TradeNames []Name
}

// Service is a trust service with its history (TS 119 612, 5.5). A Service is
// immutable once it is in a ServiceSet.
type Service struct {
	List     *List
	Provider *Provider
	Anchors  []*Anchor // the certificates of its current digital identity; may be empty
	KeyIDs   [][]byte  // X509SKI values of the digital identity
	Subjects []string  // X509SubjectName values of the digital identity
	Periods  []Period  // newest first, in document order; Periods[0] is current
}

// Current returns the service information in force when the list was issued.
func (s *Service) Current() *Period { return &s.Periods[0] }

// Period is one service information or history instance (TS 119 612, 5.5 and 5.6).
type Period struct {
	Type           string // service type URI
	Names          []Name
	Status         string    // service status URI, as the list writes it
	Start          time.Time // StatusStartingTime
	AdditionalInfo []string  // AdditionalServiceInformation URIs (5.5.9.4)
	Qualifications []Qualification
	TakenOverBy    string    // information URI of 5.5.9.3, informative
	ExpiredCerts   time.Time // ExpiredCertsRevocationInfo (5.5.9.1); zero when absent
	// UnknownCritical names critical extensions that nobody here understands.
	UnknownCritical []string
}

// Qualification is a QualificationElement: qualifiers for the certificates that
// meet its criteria (TS 119 612, 5.5.9.2).
type Qualification struct {
	Qualifiers []string // qualifier URIs
	Criteria   Criteria
}

// Assert says how the entries of a criteria list combine. The zero value is
// invalid and makes the criteria undecidable.
type Assert uint8

// The three ways (TS 119 612, 5.5.9.2.2.1).
const (
	AssertAll Assert = iota + 1
	AssertAtLeastOne
	AssertNone
)

// Criteria is a CriteriaList. OIDs are in dotted form without any prefix.
type Criteria struct {
	Assert      Assert
	KeyUsages   []KeyUsageCriterion
	PolicySets  [][]string             // each: every policy present
	SubjectDN   [][]string             // CertSubjectDNAttribute: each: every attribute present
	ExtendedKey [][]string             // ExtendedKeyUsage: each: every purpose present
	Statements  [][]StatementCriterion // QcStatementList: each: every statement present
	Nested      []Criteria
	Unknown     []string // names of criteria that nobody here understands
}

// KeyUsageCriterion holds when each named bit has the given value.
type KeyUsageCriterion []KeyUsageBit

// KeyUsageBit is one bit of a KeyUsageCriterion.
type KeyUsageBit struct {
	Bit   x509.KeyUsage
	Value bool
}

// StatementCriterion is one QcStatement of a QcStatementList criterion.
type StatementCriterion struct {
	ID          string
	Type        string   // QcType OID, "" when not asked for
	Legislation []string // QcCClegislation country codes, nil when not asked for
}

// Anchor is a certificate of a service's digital identity. It is read with a
// lenient walk, because real lists hold certificates that crypto/x509 refuses.
type Anchor struct {
	Raw        []byte
	RawSubject []byte // DER of the subject Name
	RawSPKI    []byte // DER of the SubjectPublicKeyInfo
	KeyID      []byte // subject key identifier, nil when absent

	once sync.Once
	cert *x509.Certificate
	err  error
}

// maxAnchorSize bounds a certificate of a list; real ones are below 4 KiB.
const maxAnchorSize = 64 << 10

var errAnchor = errors.New("eidas: certificate of a digital identity is not readable")

// ParseAnchor reads subject, key and key identifier of a DER certificate. It
// verifies nothing. It keeps der; the caller must not change it.
func ParseAnchor(der []byte) (*Anchor, error) {
	if len(der) > maxAnchorSize {
		return nil, errAnchor
	}
	in := cryptobyte.String(der)
	var cert, tbs, subject, spki cryptobyte.String
	if !in.ReadASN1(&cert, asn1.SEQUENCE) || !in.Empty() || !cert.ReadASN1(&tbs, asn1.SEQUENCE) {
		return nil, errAnchor
	}
	if !tbs.SkipOptionalASN1(asn1.Tag(0).Constructed().ContextSpecific()) || // version
		!tbs.SkipASN1(asn1.INTEGER) || // serial
		!tbs.SkipASN1(asn1.SEQUENCE) || // signature
		!tbs.SkipASN1(asn1.SEQUENCE) || // issuer
		!tbs.SkipASN1(asn1.SEQUENCE) || // validity
		!tbs.ReadASN1Element(&subject, asn1.SEQUENCE) ||
		!tbs.ReadASN1Element(&spki, asn1.SEQUENCE) {
		return nil, errAnchor
	}
	return &Anchor{Raw: der, RawSubject: subject, RawSPKI: spki, KeyID: subjectKeyID(tbs)}, nil
}

// oidSubjectKeyID is the content of OBJECT IDENTIFIER 2.5.29.14.
const oidSubjectKeyID = "\x55\x1d\x0e"

// subjectKeyID finds the key identifier in what follows the public key.
func subjectKeyID(rest cryptobyte.String) []byte {
	var exts, list cryptobyte.String
	var has bool
	if !rest.SkipOptionalASN1(asn1.Tag(1).ContextSpecific()) ||
		!rest.SkipOptionalASN1(asn1.Tag(2).ContextSpecific()) ||
		!rest.ReadOptionalASN1(&exts, &has, asn1.Tag(3).Constructed().ContextSpecific()) ||
		!has || !exts.ReadASN1(&list, asn1.SEQUENCE) {
		return nil
	}
	for !list.Empty() {
		var ext, oid, value, id cryptobyte.String
		if !list.ReadASN1(&ext, asn1.SEQUENCE) || !ext.ReadASN1(&oid, asn1.OBJECT_IDENTIFIER) {
			return nil
		}
		if string(oid) != oidSubjectKeyID {
			continue
		}
		if !ext.SkipOptionalASN1(asn1.BOOLEAN) || !ext.ReadASN1(&value, asn1.OCTET_STRING) ||
			!value.ReadASN1(&id, asn1.OCTET_STRING) {
			return nil
		}
		return id
	}
	return nil
}

// Certificate parses the certificate once and remembers the answer. The error
// says why crypto/x509 refuses it. Safe for concurrent use.
func (a *Anchor) Certificate() (*x509.Certificate, error) {
	a.once.Do(func() { a.cert, a.err = x509.ParseCertificate(a.Raw) })
	return a.cert, a.err
}

// bare returns a certificate with the name and the key of the anchor and nothing
// else, for one that crypto/x509 refuses for something else: a trust anchor is a
// name and a key (RFC 5280, 6.1.1 (d)).
func (a *Anchor) bare() (*x509.Certificate, error) {
	key, err := x509.ParsePKIXPublicKey(a.RawSPKI)
	if err != nil {
		return nil, err
	}
	c := &x509.Certificate{Raw: a.Raw, RawSubject: a.RawSubject, RawSubjectPublicKeyInfo: a.RawSPKI, SubjectKeyId: a.KeyID, PublicKey: key}
	switch key.(type) {
	case *rsa.PublicKey:
		c.PublicKeyAlgorithm = x509.RSA
	case *ecdsa.PublicKey:
		c.PublicKeyAlgorithm = x509.ECDSA
	case ed25519.PublicKey:
		c.PublicKeyAlgorithm = x509.Ed25519
	}
	return c, nil
}

// entityKey identifies a CA independently of the certificate that shows it:
// same public key and same name (TS 119 615 v1.2.1, 4.3).
type entityKey [32]byte

func newEntityKey(spki, subject []byte) entityKey {
	h := sha256.New()
	h.Write(spki)
	h.Write(subject)
	var k entityKey
	h.Sum(k[:0])
	return k
}
