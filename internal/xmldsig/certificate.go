package xmldsig

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"errors"
	"math/big"
	"time"
)

// Fingerprint is the SHA-256 of the DER of a certificate. It is comparable.
type Fingerprint [sha256.Size]byte

// FingerprintOf returns the fingerprint of a certificate's DER.
func FingerprintOf(der []byte) Fingerprint { return sha256.Sum256(der) }

// String returns the fingerprint in lower-case hex.
func (f Fingerprint) String() string { return hex.EncodeToString(f[:]) }

// signer is what a signature needs of the signer's certificate. crypto/x509 is
// not asked to parse it: it refuses certificates of real list operators for
// reasons that do not matter to a certificate pinned by its DER.
type signer struct {
	der                 []byte
	key                 crypto.PublicKey // *rsa.PublicKey or *ecdsa.PublicKey
	notBefore, notAfter time.Time
}

// DER tags of the certificate fields that are read.
const (
	tagInteger         = 0x02
	tagBitString       = 0x03
	tagOID             = 0x06
	tagUTCTime         = 0x17
	tagGeneralizedTime = 0x18
	tagSequence        = 0x30
	tagVersion         = 0xA0
)

var errDER = errors.New("malformed DER")

// oidRSA is rsaEncryption, 1.2.840.113549.1.1.1.
var oidRSA = []byte{0x2A, 0x86, 0x48, 0x86, 0xF7, 0x0D, 0x01, 0x01, 0x01}

// der is a strict reader of DER elements.
type der []byte

// next cuts the next element off d and returns its tag, content and whole.
func (d *der) next() (tag byte, content, whole der, err error) {
	b := *d
	if len(b) < 2 || b[0]&0x1F == 0x1F {
		return 0, nil, nil, errDER
	}
	length, header := int(b[1]), 2
	if length >= 0x80 {
		octets := length & 0x7F
		// Four octets of length are more than any document holds.
		if octets == 0 || octets > 4 || len(b) < 2+octets || b[2] == 0 {
			return 0, nil, nil, errDER
		}
		length, header = 0, 2+octets
		for _, o := range b[2:header] {
			length = length<<8 | int(o)
		}
		if length < 0x80 {
			return 0, nil, nil, errDER
		}
	}
	if length < 0 || length > len(b)-header {
		return 0, nil, nil, errDER
	}
	*d = b[header+length:]
	return b[0], b[header : header+length], b[:header+length], nil
}

// read cuts the next element, which must have the tag, and returns its content.
func (d *der) read(tag byte) (der, error) {
	got, content, _, err := d.next()
	if err == nil && got != tag {
		err = errDER
	}
	return content, err
}

// skip cuts the next elements, one for each tag.
func (d *der) skip(tags ...byte) error {
	for _, tag := range tags {
		if _, err := d.read(tag); err != nil {
			return err
		}
	}
	return nil
}

// parseSigner reads validity and public key of a certificate (RFC 5280, 4.1).
func parseSigner(raw []byte) (*signer, error) {
	s := &signer{der: raw}
	spki, err := s.readCertificate(raw)
	if err == nil {
		s.key, err = parseKey(spki)
	}
	if err == nil {
		err = checkKey(s.key)
	}
	if err != nil {
		return nil, &Error{Code: CodeSignerKey, Err: err}
	}
	return s, nil
}

func (s *signer) readCertificate(raw der) (spki der, err error) {
	outer, err := raw.read(tagSequence)
	if err != nil || len(raw) != 0 {
		return nil, errDER
	}
	body, err := outer.read(tagSequence)
	if err != nil {
		return nil, err
	}
	if len(body) > 0 && body[0] == tagVersion {
		if err := body.skip(tagVersion); err != nil {
			return nil, err
		}
	}
	// serialNumber, signature, issuer
	if err := body.skip(tagInteger, tagSequence, tagSequence); err != nil {
		return nil, err
	}
	validity, err := body.read(tagSequence)
	if err != nil {
		return nil, err
	}
	if s.notBefore, err = validity.readTime(); err != nil {
		return nil, err
	}
	if s.notAfter, err = validity.readTime(); err != nil {
		return nil, err
	}
	if err := body.skip(tagSequence); err != nil { // subject
		return nil, err
	}
	tag, _, spki, err := body.next()
	if err == nil && tag != tagSequence {
		err = errDER
	}
	return spki, err
}

// readTime reads a Time of a certificate (RFC 5280, 4.1.2.5).
func (d *der) readTime() (time.Time, error) {
	tag, content, _, err := d.next()
	if err != nil {
		return time.Time{}, err
	}
	switch tag {
	case tagUTCTime:
		t, err := time.Parse("060102150405Z", string(content))
		if t.Year() >= 2050 { // two digits below 50 mean 20xx, the others 19xx
			t = t.AddDate(-100, 0, 0)
		}
		return t, err
	case tagGeneralizedTime:
		return time.Parse("20060102150405Z", string(content))
	}
	return time.Time{}, errDER
}

// parseKey reads a SubjectPublicKeyInfo. RSA keys are read here because
// crypto/x509 refuses some in use, such as those without the NULL parameters.
func parseKey(spki der) (crypto.PublicKey, error) {
	rest := spki
	content, err := rest.read(tagSequence)
	if err != nil {
		return nil, err
	}
	algorithm, err := content.read(tagSequence)
	if err != nil {
		return nil, err
	}
	oid, err := algorithm.read(tagOID)
	if err != nil {
		return nil, err
	}
	if !bytes.Equal(oid, oidRSA) {
		return x509.ParsePKIXPublicKey(spki)
	}
	bits, err := content.read(tagBitString)
	if err != nil || len(bits) < 1 || bits[0] != 0 {
		return nil, errDER
	}
	return parseRSA(bits[1:])
}

// parseRSA reads an RSAPublicKey (RFC 8017, A.1.1). The integers are taken as
// unsigned: some encoders leave out the leading zero octet.
func parseRSA(raw der) (*rsa.PublicKey, error) {
	content, err := raw.read(tagSequence)
	if err != nil || len(raw) != 0 {
		return nil, errDER
	}
	n, err := content.read(tagInteger)
	if err != nil {
		return nil, err
	}
	e, err := content.read(tagInteger)
	if err != nil || len(content) != 0 {
		return nil, errDER
	}
	modulus, exponent := new(big.Int).SetBytes(n), new(big.Int).SetBytes(e)
	// crypto/rsa takes exponents of up to 31 bits.
	if exponent.BitLen() > 31 {
		return nil, errors.New("RSA exponent exceeds 31 bits")
	}
	return &rsa.PublicKey{N: modulus, E: int(exponent.Int64())}, nil
}

// checkKey holds the bounds on keys of ETSI TS 119 312.
func checkKey(key crypto.PublicKey) error {
	switch pub := key.(type) {
	case *rsa.PublicKey:
		if bits := pub.N.BitLen(); bits < minRSABits || bits > maxRSABits {
			return errors.New("RSA key is too short or too long")
		}
		if pub.E < 3 || pub.E&1 == 0 {
			return errors.New("RSA exponent is not an odd number above 1")
		}
		return nil
	case *ecdsa.PublicKey:
		switch pub.Curve {
		case elliptic.P256(), elliptic.P384(), elliptic.P521():
			return nil
		}
		return errors.New("elliptic curve is not P-256, P-384 or P-521")
	}
	return errors.New("key is neither RSA nor ECDSA")
}
