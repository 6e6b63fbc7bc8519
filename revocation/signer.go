package revocation

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/rsa"
	"crypto/sha1" //nolint:gosec // responder identifiers of RFC 6960, 4.2.1, not signatures
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"errors"
	"slices"

	"golang.org/x/crypto/cryptobyte"
	cryptobyteasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/seed-b953571c/eidas"
)

const (
	// maxSigners bounds the embedded certificates that are tried for one
	// response: each costs a signature verification or two. Honest responses
	// need one. Local responders are not counted: the trusted list bounds them,
	// and a provider may have many of one name.
	maxSigners = 4
	// minRSABits is the least RSA key of a signer (ETSI TS 119 312).
	minRSABits = 2048
	// minECBits is the least elliptic curve of a signer (ETSI TS 119 312).
	minECBits = 256
)

// signer is who signed a response, authorised and verified.
type signer struct {
	cert      *x509.Certificate
	local     bool // one of Target.Responders
	unchecked bool // a delegate whose own status is open
}

// findSigner finds the certificate that the responder identifier names, among
// the issuer, the local responders and all embedded certificates in whatever
// order, and verifies that it is authorised and signed b (rules P4 to P7, P16).
func (q *ocspQuestion) findSigner(b *basicResponse) (signer, error) {
	alg := b.algorithm.signature()
	if err := checkAlgorithm(alg, q.policy.AllowSHA1); err != nil {
		return signer{}, err
	}
	var first error
	tried := 0
	for cand := range q.candidates(b) {
		if cand.embedded {
			tried++
		}
		if tried > maxSigners {
			return signer{}, invalid(RuleP6, "responder identifier names more than %d certificates", maxSigners)
		}
		s, err := q.trySigner(b, alg, cand)
		if err == nil {
			return s, nil
		}
		if first == nil {
			first = err
		}
	}
	if first == nil {
		first = invalid(RuleP6, "responder identifier names no certificate at hand")
	}
	return signer{}, first
}

// candidate is a certificate that the responder identifier names.
type candidate struct {
	cert     *x509.Certificate
	local    bool // one of Target.Responders
	embedded bool // from the response
}

// candidates yields the certificates that the responder identifier names, the
// most trusted first.
func (q *ocspQuestion) candidates(b *basicResponse) func(func(candidate) bool) {
	return func(yield func(candidate) bool) {
		if b.names(q.Issuer.RawSubject, q.Issuer.RawSubjectPublicKeyInfo) && !yield(candidate{cert: q.Issuer}) {
			return
		}
		for _, r := range q.Responders {
			if b.names(r.RawSubject, r.RawSubjectPublicKeyInfo) && !yield(candidate{cert: r, local: true}) {
				return
			}
		}
		for certs := cryptobyte.String(b.certs); !certs.Empty(); {
			var der cryptobyte.String
			if !certs.ReadASN1Element(&der, cryptobyteasn1.SEQUENCE) {
				return
			}
			cert := b.embedded(der)
			if cert != nil && !yield(candidate{cert: cert, embedded: true}) {
				return
			}
		}
	}
}

// embedded parses a certificate of the response if it is named; a certificate
// that cannot be parsed is none.
func (b *basicResponse) embedded(der []byte) *x509.Certificate {
	if !isCertificate(der) {
		return nil
	}
	a, err := eidas.ParseAnchor(der)
	if err != nil || !b.names(a.RawSubject, a.RawSPKI) {
		return nil
	}
	cert, err := a.Certificate()
	if err != nil {
		return nil
	}
	return cert
}

// isCertificate reports whether der has the three parts of a Certificate and no
// more, which crypto/x509 would pass over (RFC 5280, 4.1).
func isCertificate(der []byte) bool {
	in := cryptobyte.String(der)
	var seq cryptobyte.String
	return in.ReadASN1(&seq, cryptobyteasn1.SEQUENCE) && in.Empty() && seq.SkipASN1(cryptobyteasn1.SEQUENCE) &&
		seq.SkipASN1(cryptobyteasn1.SEQUENCE) && seq.SkipASN1(cryptobyteasn1.BIT_STRING) && seq.Empty()
}

// names reports whether the responder identifier is that of the certificate
// with this subject and key (rule P6).
func (b *basicResponse) names(subject, spki []byte) bool {
	if b.byName != nil {
		return bytes.Equal(b.byName, subject)
	}
	id := sha1.Sum(keyBits(spki)) //nolint:gosec // see the import
	return bytes.Equal(b.byKey, id[:])
}

func (q *ocspQuestion) trySigner(b *basicResponse, alg x509.SignatureAlgorithm, c candidate) (signer, error) {
	s := signer{cert: c.cert, local: c.local}
	switch {
	case c.cert == q.Issuer: // RFC 6960, 4.2.2.2: the CA itself
	case c.local:
		if err := q.checkFit(b, c.cert); err != nil {
			return signer{}, err
		}
	default:
		unchecked, err := q.checkDelegate(b, c.cert)
		if err != nil {
			return signer{}, err
		}
		s.unchecked = unchecked
	}
	if err := checkKey(c.cert, q.policy.AllowSHA1); err != nil {
		return signer{}, err
	}
	if err := c.cert.CheckSignature(alg, b.tbs, b.signature); err != nil {
		return signer{}, refuse(eidas.ReasonRevocationInvalid, RuleP6, err)
	}
	return s, nil
}

// checkDelegate decides whether the issuer made cert a responder (RFC 6960,
// 4.2.2.2, third case). Without it, every certificate of the issuer could
// declare itself good. unchecked is rule P7.
func (q *ocspQuestion) checkDelegate(b *basicResponse, cert *x509.Certificate) (unchecked bool, err error) {
	if !bytes.Equal(cert.RawIssuer, q.Issuer.RawSubject) {
		return false, invalid(RuleP4, "responder %q was not issued by the certificate's issuer", cert.Subject)
	}
	// The purpose itself: anyExtendedKeyUsage does not delegate.
	if !slices.Contains(cert.ExtKeyUsage, x509.ExtKeyUsageOCSPSigning) {
		return false, invalid(RuleP4, "responder %q lacks the purpose id-kp-OCSPSigning", cert.Subject)
	}
	if err := q.checkFit(b, cert); err != nil {
		return false, err
	}
	if err := checkAlgorithm(cert.SignatureAlgorithm, q.policy.AllowSHA1); err != nil {
		return false, err
	}
	// Not CheckSignatureFrom: it refuses SHA-1, which checkAlgorithm decides.
	if err := q.Issuer.CheckSignature(cert.SignatureAlgorithm, cert.RawTBSCertificate, cert.Signature); err != nil {
		return false, invalid(RuleP4, "responder %q is not signed by the issuer: %w", cert.Subject, err)
	}
	// id-pkix-ocsp-nocheck counts here only, on a certificate with the purpose.
	if hasNoCheck(cert) {
		return false, nil
	}
	if q.policy.RejectUncheckedDelegate {
		return false, invalid(RuleP7, "status of responder %q is open", cert.Subject)
	}
	return true, nil
}

// checkFit is rule P5: what any responder certificate but the issuer's needs.
func (q *ocspQuestion) checkFit(b *basicResponse, cert *x509.Certificate) error {
	// A certificate does not vouch for itself, nor does another with its key.
	if bytes.Equal(cert.RawSubjectPublicKeyInfo, q.Certificate.RawSubjectPublicKeyInfo) {
		return invalid(RuleP5, "responder has the key of the certificate in question")
	}
	// At both times: producedAt is what the responder says it is.
	if b.producedAt.Before(cert.NotBefore) || q.at.Add(q.policy.Skew).Before(cert.NotBefore) {
		return invalid(RuleP5, "responder %q is not valid before %s", cert.Subject, cert.NotBefore)
	}
	if b.producedAt.After(cert.NotAfter) || q.at.After(cert.NotAfter) {
		return invalid(RuleP5, "responder %q is not valid after %s", cert.Subject, cert.NotAfter)
	}
	if !mayUse(cert, x509.KeyUsageDigitalSignature|x509.KeyUsageContentCommitment) {
		return invalid(RuleP5, "responder %q may not sign by its key usage", cert.Subject)
	}
	for _, id := range cert.UnhandledCriticalExtensions {
		if !isNoCheck(id) {
			return invalid(RuleP5, "responder %q has the unknown critical extension %s", cert.Subject, id)
		}
	}
	return nil
}

// mayUse reports whether the keyUsage extension, if there is one, has one of
// the given bits (RFC 5280, 4.2.1.3). One without any bit allows nothing.
func mayUse(cert *x509.Certificate, usage x509.KeyUsage) bool {
	return cert.KeyUsage&usage != 0 || !slices.ContainsFunc(cert.Extensions, func(e pkix.Extension) bool {
		return e.Id.Equal(asn1.ObjectIdentifier{2, 5, 29, 15})
	})
}

// isNoCheck recognises id-pkix-ocsp-nocheck, which crypto/x509 does not know.
func isNoCheck(id asn1.ObjectIdentifier) bool {
	return id.Equal(asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 48, 1, 5})
}

func hasNoCheck(cert *x509.Certificate) bool {
	return slices.ContainsFunc(cert.Extensions, func(e pkix.Extension) bool { return isNoCheck(e.Id) })
}

// checkAlgorithm is rule P16.
func checkAlgorithm(alg x509.SignatureAlgorithm, allowSHA1 bool) error {
	switch alg {
	case x509.SHA256WithRSA, x509.SHA384WithRSA, x509.SHA512WithRSA,
		x509.SHA256WithRSAPSS, x509.SHA384WithRSAPSS, x509.SHA512WithRSAPSS,
		x509.ECDSAWithSHA256, x509.ECDSAWithSHA384, x509.ECDSAWithSHA512,
		x509.PureEd25519:
		return nil
	case x509.SHA1WithRSA, x509.ECDSAWithSHA1:
		if allowSHA1 {
			return nil
		}
		return invalid(RuleP16, "signature algorithm %s is too weak", alg)
	case x509.UnknownSignatureAlgorithm:
		return refuse(eidas.ReasonRevocationInvalid, RuleP16, errors.New("signature algorithm is not supported"))
	}
	return invalid(RuleP16, "signature algorithm %s is not supported", alg)
}

func checkKey(cert *x509.Certificate, allowSHA1 bool) error {
	var bits, least int
	switch k := cert.PublicKey.(type) {
	case *rsa.PublicKey:
		bits, least = k.N.BitLen(), minRSABits
	case *ecdsa.PublicKey:
		bits, least = k.Curve.Params().BitSize, minECBits
	}
	if bits < least && !allowSHA1 {
		return invalid(RuleP16, "key of %d bits is too short", bits)
	}
	return nil
}
