package revocation

import (
	"bytes"
	"crypto/sha256"
	"crypto/x509"
	"sync/atomic"
	"time"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/seed-b953571c/eidas"
)

const (
	// MaxCRLSize is the largest CRL that is looked at. The largest of 258 real
	// ones has 3.1 MB; one with a million entries has 42 MB.
	MaxCRLSize = 64 << 20
	// maxCRLNumber is the size of a CRL number (RFC 5280, 5.2.3), with a zero
	// in front of its highest bit.
	maxCRLNumber = 21
	// maxIssuerChanges bounds the certificateIssuer extensions of one CRL. Each
	// costs memory beyond the CRL's own.
	maxIssuerChanges = 1 << 16
)

// CRL is a parsed and indexed CRL. Its signature is not verified before
// VerifyCRL. It is immutable and safe for concurrent use; share it.
type CRL struct {
	tbs          []byte // TBSCertList as an element: what is signed
	algorithm    algorithm
	signature    []byte
	issuer       []byte // a Name as an element
	thisUpdate   time.Time
	nextUpdate   time.Time // zero when absent
	number       []byte    // content of the INTEGER, nil when absent
	base         []byte    // BaseCRLNumber of a delta CRL, nil for a complete one
	authorityKey []byte    // extension value, nil when absent
	point        *issuingPoint
	pointRaw     []byte    // extension value, nil when absent
	expiredCerts time.Time // ExpiredCertsOnCRL, zero when absent
	index        crlIndex

	// verified is the SHA-256 of the key under which the signature held last:
	// hashing 42 MB for every certificate would be the greater part of the work.
	verified atomic.Pointer[[32]byte]
}

// ThisUpdate is when the CRL was issued, as it says.
func (c *CRL) ThisUpdate() time.Time { return c.thisUpdate }

// NextUpdate is when the next CRL is due, zero when it does not say.
func (c *CRL) NextUpdate() time.Time { return c.nextUpdate }

// Len is the number of entries.
func (c *CRL) Len() int { return c.index.n }

// ParseCRL reads a DER-encoded CRL in one pass and indexes it (rules C6, C11).
// It verifies no signature. It keeps der, which the caller must not change.
// Errors are *eidas.Error.
func ParseCRL(der []byte) (*CRL, error) {
	if len(der) > MaxCRLSize {
		return nil, invalid(RuleC11, "CRL of %d bytes exceeds the limit of %d", len(der), MaxCRLSize)
	}
	in := cryptobyte.String(der)
	var seq, tbs, alg, inner cryptobyte.String
	c := new(CRL)
	if !in.ReadASN1(&seq, asn1.SEQUENCE) || !in.Empty() ||
		!seq.ReadASN1Element(&tbs, asn1.SEQUENCE) ||
		!seq.ReadASN1Element(&alg, asn1.SEQUENCE) ||
		!seq.ReadASN1BitStringAsBytes(&c.signature) || !seq.Empty() {
		return nil, invalid(RuleC11, "CRL is malformed")
	}
	c.tbs, inner = tbs, alg
	if !readAlgorithm(&inner, &c.algorithm) {
		return nil, invalid(RuleC11, "signature algorithm is malformed")
	}
	return c, c.parseList(tbs, alg)
}

// parseList reads TBSCertList.
func (c *CRL) parseList(tbs cryptobyte.String, outer []byte) error {
	var seq, alg, issuer, entries, exts cryptobyte.String
	var hasEntries, hasExts bool
	v2, ok := readList(&tbs, &seq)
	if !ok || !seq.ReadASN1Element(&alg, asn1.SEQUENCE) ||
		!seq.ReadASN1Element(&issuer, asn1.SEQUENCE) || !readEitherTime(&seq, &c.thisUpdate) ||
		(seq.PeekASN1Tag(asn1.UTCTime) || seq.PeekASN1Tag(asn1.GeneralizedTime)) && !readEitherTime(&seq, &c.nextUpdate) ||
		!seq.ReadOptionalASN1(&entries, &hasEntries, asn1.SEQUENCE) ||
		!seq.ReadOptionalASN1(&exts, &hasExts, tag0) || !seq.Empty() {
		return invalid(RuleC11, "certificate list is malformed")
	}
	if !bytes.Equal(alg, outer) {
		return invalid(RuleC11, "signature algorithm differs inside and outside")
	}
	if hasEntries && entries.Empty() {
		return invalid(RuleC11, "list of revoked certificates is there but empty")
	}
	if _, ok := readName(issuer); !ok {
		return invalid(RuleC11, "issuer is malformed")
	}
	c.issuer = issuer
	if hasExts {
		if !v2 {
			return invalid(RuleC6, "v1 CRL has extensions")
		}
		if err := c.parseExtensions(exts); err != nil {
			return err
		}
	}
	return c.index.build(entries, v2, c.point != nil && c.point.indirect)
}

// readList opens TBSCertList and reads its version: absent for v1, 1 for v2.
func readList(tbs, seq *cryptobyte.String) (v2, ok bool) {
	if !tbs.ReadASN1(seq, asn1.SEQUENCE) {
		return false, false
	}
	if !seq.PeekASN1Tag(asn1.INTEGER) {
		return false, true
	}
	var version int
	return true, seq.ReadASN1Integer(&version) && version == 1
}

func (c *CRL) parseExtensions(exts cryptobyte.String) error {
	var space [maxExtensions]extension
	list, ok := readExtensions(&exts, &space)
	if !ok || !exts.Empty() {
		return invalid(RuleC11, "CRL extensions are malformed")
	}
	for _, e := range list {
		if err := c.extension(e); err != nil {
			return err
		}
	}
	if c.base != nil && c.number == nil {
		return invalid(RuleC8, "delta CRL has no number")
	}
	return nil
}

func (c *CRL) extension(e extension) error {
	v := cryptobyte.String(e.value)
	var err error
	switch string(e.id) {
	case oidCRLNumber:
		c.number, err = crlNumber(v)
	case oidDelta:
		c.base, err = crlNumber(v)
	case oidIssuingPoint:
		c.pointRaw = e.value
		c.point, err = parseIssuingPoint(e.value)
	case oidAuthorityKey:
		c.authorityKey = e.value
	case oidExpiredCerts:
		if !readTime(&v, &c.expiredCerts) || !v.Empty() {
			err = invalid(RuleC11, "expiredCertsOnCRL is malformed")
		}
	case oidIssuerAlt: // another name of the issuer, which nobody here goes by
	default:
		if e.critical {
			err = invalid(RuleC6, "critical CRL extension %x is unknown", e.id)
		}
	}
	return err
}

// crlNumber reads an INTEGER (0..MAX) of up to 20 octets.
func crlNumber(v cryptobyte.String) ([]byte, error) {
	var n []byte
	if !readInteger(&v, &n) || !v.Empty() || n[0] >= 0x80 || len(n) > maxCRLNumber {
		return nil, invalid(RuleC11, "CRL number is malformed")
	}
	return n, nil
}

// compareNumbers compares the contents of two INTEGERs that are not negative.
func compareNumbers(a, b []byte) int {
	a, b = bytes.TrimLeft(a, "\x00"), bytes.TrimLeft(b, "\x00")
	if len(a) != len(b) {
		return len(a) - len(b)
	}
	return bytes.Compare(a, b)
}

// verify verifies the signature with the key of signer.
func (c *CRL) verify(signer *x509.Certificate, allowSHA1 bool) error {
	alg := c.algorithm.signature()
	if err := checkAlgorithm(alg, allowSHA1); err != nil {
		return err
	}
	if err := checkKey(signer, allowSHA1); err != nil {
		return err
	}
	key := sha256.Sum256(signer.RawSubjectPublicKeyInfo)
	if last := c.verified.Load(); last != nil && *last == key {
		return nil
	}
	if err := signer.CheckSignature(alg, c.tbs, c.signature); err != nil {
		return refuse(eidas.ReasonRevocationInvalid, RuleC2, err)
	}
	c.verified.Store(&key)
	return nil
}
