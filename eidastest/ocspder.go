package eidastest

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	"time"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
	"golang.org/x/crypto/ocsp"
)

// The OIDs of an answer.
const (
	oidOCSPBasic       = "1.3.6.1.5.5.7.48.1.1" // RFC 6960, 4.2.1
	oidECDSASHA256     = "1.2.840.10045.4.3.2"
	oidRSASHA256       = "1.2.840.113549.1.1.11"
	oidECDSASHA1       = "1.2.840.10045.4.1"
	oidRSASHA1         = "1.2.840.113549.1.1.5"
	oidCertHash        = "1.3.36.8.3.13" // Common PKI, part 4, 3.1.2
	oidSHA1            = "1.3.14.3.2.26"
	oidSHA256          = "2.16.840.1.101.3.4.2.1"
	generalizedTime    = "20060102150405Z"
	contextConstructed = 0x20 | 0x80
)

// ocspSingle is what an answer says of one certificate.
type ocspSingle struct {
	request              *ocsp.Request
	serial               *big.Int
	status               int // of x/crypto/ocsp
	revocation           revoked
	produced, this, next time.Time // next may be zero
}

// ocspSigner signs for one CA. The certificates it needs are made when needed.
type ocspSigner struct {
	ca       *Authority
	delegate *Authority
	sibling  *Authority
}

// hashes returns issuerNameHash and issuerKeyHash (RFC 6960, 4.1.1).
func (s *ocspSigner) hashes(h crypto.Hash) (name, key []byte, err error) {
	bits, err := keyBits(s.ca.Certificate.RawSubjectPublicKeyInfo)
	if err != nil || !h.Available() {
		return nil, nil, fmt.Errorf("eidastest: OCSP request: %w", err)
	}
	sum := func(b []byte) []byte {
		d := h.New()
		d.Write(b)
		return d.Sum(nil)
	}
	return sum(s.ca.Certificate.RawSubject), sum(bits), nil
}

// ocspKey signs a response, which carries certs.
type ocspKey struct {
	*Authority
	certs []*x509.Certificate
}

// authority returns who signs for a responder.
func (s *ocspSigner) authority(r *Responder, fault Fault) (ocspKey, error) {
	var err error
	switch {
	case fault == FaultSibling:
		if s.sibling == nil {
			s.sibling, err = s.subordinate("Ordinary customer", false)
		}
		return embedded(s.sibling), err
	case r.direct:
		return ocspKey{s.ca, nil}, nil
	case r.delegate != nil:
		l := r.delegate
		return ocspKey{&Authority{Certificate: l.Certificate, Key: l.Key}, l.Chain}, nil
	}
	if s.delegate == nil {
		s.delegate, err = s.subordinate("OCSP responder", true)
	}
	return embedded(s.delegate), err
}

func embedded(a *Authority) ocspKey {
	if a == nil {
		return ocspKey{}
	}
	return ocspKey{a, []*x509.Certificate{a.Certificate}}
}

// subordinate makes an end entity of the CA, as a responder (RFC 6960, 4.2.2.2)
// or not.
func (s *ocspSigner) subordinate(name string, responder bool) (*Authority, error) {
	ca := s.ca.Certificate
	key, err := NewKey(P256)
	if err != nil {
		return nil, err
	}
	tmpl := &x509.Certificate{
		Subject:   pkix.Name{CommonName: name, Organization: ca.Subject.Organization, Country: ca.Subject.Country},
		NotBefore: ca.NotBefore, NotAfter: ca.NotAfter,
		KeyUsage: x509.KeyUsageDigitalSignature, BasicConstraintsValid: true,
	}
	if responder {
		if tmpl.UnknownExtKeyUsage, err = parseOIDs([]string{OCSPSigning}); err != nil {
			return nil, err
		}
		tmpl.ExtraExtensions = []pkix.Extension{NoCheck()}
	}
	cert, err := sign(tmpl, s.ca, key.Public())
	if err != nil {
		return nil, err
	}
	return &Authority{Certificate: cert, Key: key}, nil
}

// respond writes and signs an OCSPResponse (RFC 6960, 4.2.1).
func (a *ocspSingle) respond(by ocspKey, fault Fault) ([]byte, error) {
	var tbs cryptobyte.Builder
	tbs.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) { a.addResponseData(b, by.Certificate, fault) })
	data, err := tbs.Bytes()
	if err != nil {
		return nil, fmt.Errorf("eidastest: OCSP response: %w", err)
	}
	hash := hashFor(fault)
	oid, err := signatureOID(by.Key, hash)
	if err != nil {
		return nil, err
	}
	signature, err := by.Key.Sign(rand.Reader, digest(hash, data), hash)
	if err != nil {
		return nil, fmt.Errorf("eidastest: signature: %w", err)
	}
	if fault == FaultForged {
		signature[len(signature)-1] ^= 1
	}
	var basic cryptobyte.Builder
	basic.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddBytes(data)
		addAlgorithm(b, oid)
		b.AddASN1BitString(signature)
		if len(by.certs) > 0 {
			b.AddASN1(contextConstructed, func(b *cryptobyte.Builder) { addCertificates(b, by.certs) })
		}
	})
	content, err := basic.Bytes()
	if err != nil {
		return nil, fmt.Errorf("eidastest: OCSP response: %w", err)
	}
	der, err := wrapResponse(content)
	if fault == FaultMalformed {
		der = append(der, 0)
	}
	return der, err
}

func addCertificates(b *cryptobyte.Builder, list []*x509.Certificate) {
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		for _, c := range list {
			b.AddBytes(c.Raw)
		}
	})
}

// wrapResponse puts a BasicOCSPResponse into a successful OCSPResponse.
func wrapResponse(basic []byte) ([]byte, error) {
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1Enum(0) // successful
		b.AddASN1(contextConstructed, func(b *cryptobyte.Builder) {
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
				addOID(b, oidOCSPBasic)
				b.AddASN1OctetString(basic)
			})
		})
	})
	return b.Bytes()
}

// addResponseData writes what is inside ResponseData.
func (a *ocspSingle) addResponseData(b *cryptobyte.Builder, by *x509.Certificate, fault Fault) {
	name := by.RawSubject
	if fault == FaultResponderID {
		name = []byte{0x30, 0} // a Name of nothing
	}
	b.AddASN1(contextConstructed|1, func(b *cryptobyte.Builder) { b.AddBytes(name) }) // byName
	addTime(b, a.produced)
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1(cbasn1.SEQUENCE, a.addCertID)
			a.addStatus(b)
			addTime(b, a.this)
			if !a.next.IsZero() {
				b.AddASN1(contextConstructed, func(b *cryptobyte.Builder) { addTime(b, a.next) })
			}
			addSingleExtensions(b, fault)
		})
	})
}

// addSingleExtensions writes what a fault puts there.
func addSingleExtensions(b *cryptobyte.Builder, fault Fault) {
	add := func(oid string, critical bool, value func(*cryptobyte.Builder)) {
		b.AddASN1(contextConstructed|1, func(b *cryptobyte.Builder) {
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) { addExtension(b, oid, critical, value) })
		})
	}
	if fault == FaultCritical {
		add(oidNobodys, true, func(b *cryptobyte.Builder) { b.AddASN1NULL() })
	}
	if fault == FaultCertHash {
		add(oidCertHash, false, func(b *cryptobyte.Builder) {
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
				addAlgorithm(b, oidSHA256)
				b.AddASN1OctetString(digest(crypto.SHA256, nil))
			})
		})
	}
}

// addCertID repeats the CertID of the request.
func (a *ocspSingle) addCertID(b *cryptobyte.Builder) {
	oid := oidSHA256
	if a.request.HashAlgorithm == crypto.SHA1 {
		oid = oidSHA1
	}
	addAlgorithm(b, oid)
	b.AddASN1OctetString(a.request.IssuerNameHash)
	b.AddASN1OctetString(a.request.IssuerKeyHash)
	b.AddASN1BigInt(a.serial)
}

func (a *ocspSingle) addStatus(b *cryptobyte.Builder) {
	switch a.status {
	case ocsp.Good:
		b.AddASN1(0x80, func(*cryptobyte.Builder) {})
	case ocsp.Revoked:
		b.AddASN1(contextConstructed|1, func(b *cryptobyte.Builder) {
			addTime(b, a.revocation.at)
			b.AddASN1(contextConstructed, func(b *cryptobyte.Builder) { b.AddASN1Enum(int64(a.revocation.reason)) })
		})
	default:
		b.AddASN1(0x82, func(*cryptobyte.Builder) {})
	}
}

func addTime(b *cryptobyte.Builder, t time.Time) {
	b.AddASN1(cbasn1.GeneralizedTime, func(b *cryptobyte.Builder) {
		b.AddBytes([]byte(t.UTC().Format(generalizedTime)))
	})
}

// addAlgorithm writes an AlgorithmIdentifier. Only those of ECDSA have no NULL.
func addAlgorithm(b *cryptobyte.Builder, oid string) {
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		addOID(b, oid)
		if oid != oidECDSASHA256 && oid != oidECDSASHA1 {
			b.AddASN1NULL()
		}
	})
}

// hashFor is the hash to sign with.
func hashFor(fault Fault) crypto.Hash {
	if fault == FaultWeak {
		return crypto.SHA1
	}
	return crypto.SHA256
}

// signatureOID returns the OID of the algorithm with which a key signs.
func signatureOID(key crypto.Signer, hash crypto.Hash) (string, error) {
	switch key.Public().(type) {
	case *ecdsa.PublicKey:
		if hash == crypto.SHA1 {
			return oidECDSASHA1, nil
		}
		return oidECDSASHA256, nil
	case *rsa.PublicKey:
		if hash == crypto.SHA1 {
			return oidRSASHA1, nil
		}
		return oidRSASHA256, nil
	}
	return "", fmt.Errorf("eidastest: key of type %T cannot sign", key.Public())
}
