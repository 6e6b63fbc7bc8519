package eidastest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // key identifiers of RFC 5280, 4.2.1.2, no security rests on it
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"fmt"
	"math/big"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// KeyType is a kind of key. The zero value is P256, which is the fastest.
type KeyType uint8

// The kinds. RSA1024 exists to be refused.
const (
	P256 KeyType = iota
	P384
	P521
	RSA2048
	RSA3072
	RSA1024
)

// String returns the name of the constant.
func (t KeyType) String() string {
	return nameOf(int(t), "KeyType", []string{"P256", "P384", "P521", "RSA2048", "RSA3072", "RSA1024"})
}

// nameOf returns names[n], or the type with the number where there is none.
func nameOf(n int, kind string, names []string) string {
	if n < len(names) {
		return names[n]
	}
	return fmt.Sprintf("%s(%d)", kind, n)
}

// NewKey makes a key.
func NewKey(t KeyType) (crypto.Signer, error) {
	switch t {
	case P256:
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case P384:
		return ecdsa.GenerateKey(elliptic.P384(), rand.Reader)
	case P521:
		return ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	case RSA2048:
		return rsa.GenerateKey(rand.Reader, 2048)
	case RSA3072:
		return rsa.GenerateKey(rand.Reader, 3072)
	case RSA1024:
		return rsa.GenerateKey(rand.Reader, 1024) //nolint:gosec // made so that it can be refused
	}
	return nil, fmt.Errorf("eidastest: key type %d does not exist", t)
}

// Leaf is a certificate with its key.
type Leaf struct {
	Certificate *x509.Certificate
	Key         crypto.Signer
	// Chain is what its owner sends: the certificate itself and the
	// certificates of the CAs below the root.
	Chain []*x509.Certificate
}

// TLS returns the certificate in the form that crypto/tls sends.
func (l *Leaf) TLS() tls.Certificate {
	c := tls.Certificate{PrivateKey: l.Key, Leaf: l.Certificate}
	for _, cert := range l.Chain {
		c.Certificate = append(c.Certificate, cert.Raw)
	}
	return c
}

// Authority is a CA: a certificate that signs others.
type Authority struct {
	Certificate *x509.Certificate
	Key         crypto.Signer
}

// authorityRequest says what newAuthority makes.
type authorityRequest struct {
	subject   []Attribute
	parent    *Authority // nil: self-signed
	key       KeyType
	keyID     []byte // nil: from the key
	now       time.Time
	ocsp      string // URL of the responder, "" for none
	endEntity bool   // a signer of lists, not a CA
}

// The lifetimes around the world's time.
const (
	caLifetime   = 10 * 365 * 24 * time.Hour
	caAge        = 3 * 365 * 24 * time.Hour
	leafLifetime = 365 * 24 * time.Hour
)

// newAuthority makes a CA, or a signer of trusted lists.
func newAuthority(r authorityRequest) (*Authority, error) {
	key, err := NewKey(r.key)
	if err != nil {
		return nil, err
	}
	subject, err := marshalName(r.subject)
	if err != nil {
		return nil, err
	}
	tmpl := &x509.Certificate{
		RawSubject: subject, NotBefore: r.now.Add(-caAge), NotAfter: r.now.Add(caLifetime),
		BasicConstraintsValid: true, IsCA: !r.endEntity, SubjectKeyId: r.keyID,
		KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	if r.ocsp != "" {
		tmpl.OCSPServer = []string{r.ocsp}
	}
	if r.endEntity {
		// TS 119 612, 5.7.1: the signer of a list has one of these two usages.
		tmpl.KeyUsage = x509.KeyUsageDigitalSignature
	}
	signer := &Authority{Certificate: tmpl, Key: key}
	if r.parent != nil {
		signer = r.parent
	}
	cert, err := sign(tmpl, signer, key.Public())
	if err != nil {
		return nil, err
	}
	return &Authority{Certificate: cert, Key: key}, nil
}

// sign completes a template and signs it.
func sign(tmpl *x509.Certificate, by *Authority, pub crypto.PublicKey) (*x509.Certificate, error) {
	der, err := signDER(tmpl, by, pub)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("eidastest: %w", err)
	}
	return cert, nil
}

func signDER(tmpl *x509.Certificate, by *Authority, pub crypto.PublicKey) ([]byte, error) {
	var err error
	if tmpl.SerialNumber == nil {
		if tmpl.SerialNumber, err = newSerial(); err != nil {
			return nil, err
		}
	}
	if tmpl.SubjectKeyId == nil {
		if tmpl.SubjectKeyId, err = keyID(pub); err != nil {
			return nil, err
		}
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, by.Certificate, pub, by.Key)
	if err != nil {
		return nil, fmt.Errorf("eidastest: certificate: %w", err)
	}
	return der, nil
}

// newSerial returns a positive number of 16 octets (RFC 5280, 4.1.2.2).
func newSerial() (*big.Int, error) {
	b := make([]byte, 16)
	if _, err := rand.Read(b); err != nil {
		return nil, fmt.Errorf("eidastest: serial number: %w", err)
	}
	b[0] = b[0]&0x7f | 0x40
	return new(big.Int).SetBytes(b), nil
}

// keyID is method 1 of RFC 5280, 4.2.1.2, which is also the byKey of OCSP.
func keyID(pub crypto.PublicKey) ([]byte, error) {
	spki, err := x509.MarshalPKIXPublicKey(pub)
	if err != nil {
		return nil, fmt.Errorf("eidastest: public key: %w", err)
	}
	bits, err := keyBits(spki)
	if err != nil {
		return nil, err
	}
	sum := sha1.Sum(bits) //nolint:gosec // see the import
	return sum[:], nil
}

// keyBits returns the content of the BIT STRING of a SubjectPublicKeyInfo.
func keyBits(spki []byte) ([]byte, error) {
	in := cryptobyte.String(spki)
	var seq cryptobyte.String
	var bits []byte
	if !in.ReadASN1(&seq, cbasn1.SEQUENCE) || !seq.SkipASN1(cbasn1.SEQUENCE) ||
		!seq.ReadASN1BitStringAsBytes(&bits) {
		return nil, errors.New("eidastest: public key is malformed")
	}
	return bits, nil
}

// extension replaces or adds an extension of a template.
func extension(oid string, critical bool, value []byte) (pkix.Extension, error) {
	id, err := parseOID(oid)
	if err != nil {
		return pkix.Extension{}, err
	}
	return pkix.Extension{Id: id, Critical: critical, Value: value}, nil
}
