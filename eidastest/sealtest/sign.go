package sealtest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha1"   //nolint:gosec // one of the attacks is a signature over SHA-1
	_ "crypto/sha512" // way.hash names hashes
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"io"
	"math/big"

	"github.com/seed-b953571c/eidas/eidastest"
)

// scheme is a kind of signature, right or wrong. The zero scheme is none: no
// octets at all.
type scheme uint8

const (
	schemeNone scheme = iota
	schemePKCS1
	schemePSS
	schemeDER  // ECDSA, r and s in DER
	schemeSide // ECDSA, r and s side by side
	schemeMAC  // HMAC with the public key as the secret
)

// way is how to sign. It knows no rules: those of the profiles are what the
// attacks break.
type way struct {
	scheme scheme
	hash   crypto.Hash
	salt   int // of PSS; saltMax is the longest that fits
}

// saltMax stands for the longest salt, which is OpenSSL's default.
const saltMax = -1

// The ways of lawful seals.
func pkcs1256() way { return way{scheme: schemePKCS1, hash: crypto.SHA256} }

func pss256() way  { return way{scheme: schemePSS, hash: crypto.SHA256, salt: crypto.SHA256.Size()} }
func der256() way  { return way{scheme: schemeDER, hash: crypto.SHA256} }
func side256() way { return way{scheme: schemeSide, hash: crypto.SHA256} }

// sign signs input with the key of a leaf. It shares no code with package qseal:
// a signer of use refuses what is wrong.
func (w way) sign(l *eidastest.Leaf, input []byte) ([]byte, error) {
	if w.scheme == schemeNone {
		return nil, nil
	}
	h := w.hash.New()
	h.Write(input)
	digest := h.Sum(nil)
	switch w.scheme { //nolint:exhaustive // schemeNone is above
	case schemePKCS1:
		return l.Key.Sign(rand.Reader, digest, w.hash)
	case schemePSS:
		return w.signPSS(l.Key, digest)
	case schemeDER:
		return l.Key.Sign(rand.Reader, digest, w.hash)
	case schemeSide:
		der, err := l.Key.Sign(rand.Reader, digest, w.hash)
		if err != nil {
			return nil, err
		}
		p, err := pairOf(der)
		if err != nil {
			return nil, err
		}
		pub, ok := l.Key.Public().(*ecdsa.PublicKey)
		if !ok {
			return nil, errors.New("sealtest: not a key on an elliptic curve")
		}
		return p.side((pub.Curve.Params().BitSize + 7) / 8), nil
	case schemeMAC:
		spki, err := x509.MarshalPKIXPublicKey(l.Key.Public())
		if err != nil {
			return nil, err
		}
		mac := hmac.New(w.hash.New, spki)
		mac.Write(input)
		return mac.Sum(nil), nil
	}
	return nil, errors.New("sealtest: unknown way to sign")
}

// signPSS is EMSA-PSS (RFC 8017, 9.1.1) with a salt of any length: crypto/rsa
// takes 0 to mean another.
func (w way) signPSS(key crypto.Signer, digest []byte) ([]byte, error) {
	pub, ok := key.Public().(*rsa.PublicKey)
	if !ok {
		return nil, errors.New("sealtest: PSS needs an RSA key")
	}
	bits := pub.N.BitLen() - 1
	size := (bits + 7) / 8
	salt := make([]byte, max(w.salt, 0))
	if w.salt == saltMax {
		salt = make([]byte, size-w.hash.Size()-2)
	}
	if size < w.hash.Size()+len(salt)+2 {
		return nil, errors.New("sealtest: key is too short for PSS")
	}
	_, _ = rand.Read(salt)
	h := w.hash.New()
	h.Write(make([]byte, 8))
	h.Write(digest)
	h.Write(salt)
	sum := h.Sum(nil)
	em := make([]byte, size)
	em[size-len(sum)-1-len(salt)-1] = 1
	copy(em[size-len(sum)-1-len(salt):], salt)
	w.mask(em[:size-len(sum)-1], sum)
	em[0] &= 0xff >> (8*size - bits)
	copy(em[size-len(sum)-1:], sum)
	em[size-1] = 0xbc
	return power(key, em)
}

// mask is MGF1 (RFC 8017, B.2.1).
func (w way) mask(db, seed []byte) {
	for i, counter := 0, byte(0); i < len(db); counter++ {
		h := w.hash.New()
		h.Write(seed)
		h.Write([]byte{0, 0, 0, counter})
		for _, b := range h.Sum(nil) {
			if i < len(db) {
				db[i] ^= b
				i++
			}
		}
	}
}

// power is RSASP1 (RFC 8017, 5.2.1), for keys that live as long as a test.
func power(key crypto.Signer, em []byte) ([]byte, error) {
	switch k := key.(type) {
	case *rsa.PrivateKey:
		out := make([]byte, k.Size())
		return new(big.Int).Exp(new(big.Int).SetBytes(em), k.D, k.N).FillBytes(out), nil
	case *exponentKey:
		return k.power(em), nil
	}
	return nil, errors.New("sealtest: not an RSA key of the kit")
}

// exponentKey is an RSA key whose exponent nobody should accept. With 1 a message
// is its own signature, and everybody can sign.
type exponentKey struct{ pub *rsa.PublicKey }

// Public implements crypto.Signer.
func (k *exponentKey) Public() crypto.PublicKey { return k.pub }

// Sign implements crypto.Signer for PKCS #1 with SHA-256.
func (k *exponentKey) Sign(_ io.Reader, digest []byte, _ crypto.SignerOpts) ([]byte, error) {
	return k.power(encodePKCS1(k.pub.Size(), digest)), nil
}

// power is right for the exponent 1 and noise for others, whose key must be
// refused before anybody computes with it.
func (k *exponentKey) power(em []byte) []byte {
	return new(big.Int).SetBytes(em).FillBytes(make([]byte, k.pub.Size()))
}

// encodePKCS1 is EMSA-PKCS1-v1_5 (RFC 8017, 9.2) of a SHA-256 digest.
func encodePKCS1(size int, digest []byte) []byte {
	prefix := []byte{0x30, 0x31, 0x30, 0x0d, 0x06, 0x09, 0x60, 0x86, 0x48, 0x01, 0x65, 0x03, 0x04, 0x02, 0x01, 0x05, 0x00, 0x04, 0x20}
	em := make([]byte, size)
	for i := range em {
		em[i] = 0xff
	}
	em[0], em[1] = 0, 1
	tail := append(append([]byte{0}, prefix...), digest...)
	copy(em[size-len(tail):], tail)
	return em
}

// pair is an ECDSA signature.
type pair struct{ R, S *big.Int }

func pairOf(der []byte) (*pair, error) {
	p := new(pair)
	if _, err := asn1.Unmarshal(der, p); err != nil {
		return nil, err
	}
	return p, nil
}

func (p *pair) side(size int) []byte {
	out := make([]byte, 2*size)
	p.R.FillBytes(out[:size])
	p.S.FillBytes(out[size:])
	return out
}
