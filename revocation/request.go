package revocation

import (
	"bytes"
	"crypto"
	"math/big"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// certIDs computes the hashes of CertID (RFC 6960, 4.1.1) that responders use,
// each once.
type certIDs struct {
	name   []byte // the issuer field of the certificate
	key    []byte // the key bits of the issuer
	serial []byte // content of the INTEGER
	hashes [len(digests)]struct{ name, key []byte }
}

func (c *certIDs) target(t Target) {
	c.name = t.Certificate.RawIssuer
	c.key = keyBits(t.Issuer.RawSubjectPublicKeyInfo)
	c.serial = integerContent(t.Certificate.SerialNumber)
}

// match reports whether s is about the target: the serial number and both
// hashes (rule P3). MD5 and other digests match nothing.
func (c *certIDs) match(s *singleResponse) bool {
	if !bytes.Equal(s.serial, c.serial) {
		return false
	}
	i, ok := s.hash.digest()
	if !ok {
		return false
	}
	own := &c.hashes[i]
	if own.name == nil {
		own.name, own.key = sum(digests[i].hash, c.name), sum(digests[i].hash, c.key)
	}
	return bytes.Equal(s.nameHash, own.name) && bytes.Equal(s.keyHash, own.key)
}

func sum(h crypto.Hash, data []byte) []byte {
	w := h.New()
	w.Write(data)
	return w.Sum(nil)
}

// integerContent is the content of the DER INTEGER of n, which is not negative
// in any certificate that crypto/x509 accepts.
func integerContent(n *big.Int) []byte {
	b := n.Bytes()
	if len(b) == 0 || b[0] >= 0x80 {
		return append([]byte{0}, b...)
	}
	return b
}

// requestHashes are those that requests use, in order (rule Q1).
var requestHashes = [...]crypto.Hash{crypto.SHA256, crypto.SHA1}

// newRequest encodes an OCSPRequest for one certificate (RFC 6960, 4.1.1),
// unsigned, without singleRequestExtensions; nonce may be nil.
func newRequest(t Target, h crypto.Hash, nonce []byte) ([]byte, error) {
	oid := oidSHA256
	if h == crypto.SHA1 {
		oid = oidSHA1
	}
	var ids certIDs
	ids.target(t)
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) { // OCSPRequest
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) { // TBSRequest
			b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) { // requestList
				b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) { // Request
					b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) { // CertID
						b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
							addElement(b, asn1.OBJECT_IDENTIFIER, []byte(oid))
							addElement(b, asn1.NULL, nil)
						})
						addElement(b, asn1.OCTET_STRING, sum(h, ids.name))
						addElement(b, asn1.OCTET_STRING, sum(h, ids.key))
						addElement(b, asn1.INTEGER, ids.serial)
					})
				})
			})
			if len(nonce) > 0 {
				b.AddASN1(tag2, func(b *cryptobyte.Builder) { addNonce(b, nonce) })
			}
		})
	})
	return b.Bytes()
}

func addElement(b *cryptobyte.Builder, tag asn1.Tag, content []byte) {
	b.AddASN1(tag, func(b *cryptobyte.Builder) { b.AddBytes(content) })
}

// addNonce adds an Extensions with the nonce alone (RFC 9654, 2.1).
func addNonce(b *cryptobyte.Builder, nonce []byte) {
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
			addElement(b, asn1.OBJECT_IDENTIFIER, []byte(oidNonce))
			addElement(b, asn1.OCTET_STRING, nonceValue(nonce))
		})
	})
}

// nonceValue is the extension value of a nonce: an OCTET STRING once more.
func nonceValue(nonce []byte) []byte {
	var b cryptobyte.Builder
	addElement(&b, asn1.OCTET_STRING, nonce)
	value, _ := b.Bytes() // cannot fail within maxNonce; nil would equal no nonce
	return value
}
