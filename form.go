package eidas

import (
	"context"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/asn1"
	"slices"
	"time"
)

// minRSABits is the least modulus of a peer's key (ETSI TS 119 312, table 8).
const minRSABits = 2048

// checkSize bounds what a peer may send.
func checkSize(peer []*x509.Certificate) *Error {
	if len(peer) == 0 {
		return &Error{Reason: ReasonCertificateMissing}
	}
	if len(peer) > maxPeerCertificates {
		return refuse(ReasonChainTooLong, "%d certificates, at most %d", len(peer), maxPeerCertificates)
	}
	size := 0
	for i, c := range peer {
		if c == nil || len(c.Raw) == 0 {
			return refuse(ReasonCertificateMalformed, "certificate %d was not parsed", i)
		}
		size += len(c.Raw)
	}
	if size > maxPeerBytes {
		return refuse(ReasonChainTooLong, "%d bytes, at most %d", size, maxPeerBytes)
	}
	return nil
}

// The checks of a leaf in step 1: what can be refused by looking at the
// certificate alone. They cost no public key operation.

func (j *judgement) endEntity(context.Context) *Error {
	if j.Leaf.IsCA || j.Leaf.KeyUsage&x509.KeyUsageCertSign != 0 {
		return &Error{Reason: ReasonNotEndEntity}
	}
	return nil
}

func (j *judgement) validity(context.Context) *Error {
	if j.At.Before(j.Leaf.NotBefore) {
		return refuse(ReasonNotYetValid, "valid from %s", j.Leaf.NotBefore.UTC().Format(time.RFC3339))
	}
	if j.At.After(j.Leaf.NotAfter) {
		return refuse(ReasonExpired, "valid until %s", j.Leaf.NotAfter.UTC().Format(time.RFC3339))
	}
	return nil
}

func (j *judgement) key(context.Context) *Error {
	if !strongKey(j.Leaf.PublicKey) {
		return refuse(ReasonKeyWeak, "key of kind %s", j.Leaf.PublicKeyAlgorithm)
	}
	return nil
}

func (j *judgement) algorithm(context.Context) *Error {
	if !strongSignature(j.Leaf.SignatureAlgorithm) {
		return refuse(ReasonAlgorithmWeak, "signature algorithm %s", j.Leaf.SignatureAlgorithm)
	}
	return nil
}

func (j *judgement) usage(context.Context) *Error { return checkUsage(j.Leaf, j.Use) }

func strongKey(key any) bool {
	switch k := key.(type) {
	case *rsa.PublicKey:
		return k.N.BitLen() >= minRSABits
	case *ecdsa.PublicKey:
		return k.Curve == elliptic.P256() || k.Curve == elliptic.P384() || k.Curve == elliptic.P521()
	case ed25519.PublicKey:
		return true
	}
	return false
}

func strongSignature(a x509.SignatureAlgorithm) bool {
	switch a {
	case x509.SHA256WithRSA, x509.SHA384WithRSA, x509.SHA512WithRSA,
		x509.SHA256WithRSAPSS, x509.SHA384WithRSAPSS, x509.SHA512WithRSAPSS,
		x509.ECDSAWithSHA256, x509.ECDSAWithSHA384, x509.ECDSAWithSHA512, x509.PureEd25519:
		return true
	}
	return false
}

// oidTLSBinding is id-kp-tls-binding, the only purpose of a 2-QWAC (ETSI TS 119 411-5).
var oidTLSBinding = asn1.ObjectIdentifier{0, 4, 0, 194115, 1, 0}

// checkUsage judges key usage, and the extended key usages that no policy can
// waive. Whether clientAuth is there is judged by checkClientAuth.
func checkUsage(leaf *x509.Certificate, use Use) *Error {
	binding := slices.ContainsFunc(leaf.UnknownExtKeyUsage, oidTLSBinding.Equal)
	switch use {
	case UseTLS:
		if binding {
			return &Error{Reason: ReasonTLSBinding}
		}
		// A TLS client proves its key by signing (RFC 8446, 4.4.2.4). Without
		// the extension the key is not restricted (RFC 5280, 4.2.1.3).
		if leaf.KeyUsage != 0 && leaf.KeyUsage&x509.KeyUsageDigitalSignature == 0 {
			return refuse(ReasonKeyUsage, "no digitalSignature")
		}
	case UseSeal:
		// ETSI EN 319 412-2, 4.3.2: the extension shall be there. Real QSealCs
		// have nonRepudiation alone, digitalSignature alone, or both.
		if leaf.KeyUsage&(x509.KeyUsageDigitalSignature|x509.KeyUsageContentCommitment) == 0 {
			return refuse(ReasonKeyUsage, "neither digitalSignature nor nonRepudiation")
		}
		if binding || onlyServicePurposes(leaf) {
			return refuse(ReasonExtendedKeyUsage, "certificate is for another service than sealing")
		}
	}
	return nil
}

// onlyServicePurposes reports a certificate of a trust service itself: a time
// stamping unit or an OCSP responder may carry a seal's QcType and must not
// seal messages.
func onlyServicePurposes(leaf *x509.Certificate) bool {
	if len(leaf.ExtKeyUsage) == 0 || len(leaf.UnknownExtKeyUsage) > 0 {
		return false
	}
	for _, u := range leaf.ExtKeyUsage {
		if u != x509.ExtKeyUsageTimeStamping && u != x509.ExtKeyUsageOCSPSigning {
			return false
		}
	}
	return true
}

// checkClientAuth demands clientAuth of a TLS client certificate. Public CAs
// stop issuing it in 2026; a policy may then accept a certificate whose
// purposes are serverAuth, or not restricted. waived says that this was needed.
func checkClientAuth(leaf *x509.Certificate, allowServerAuthOnly bool) (waived bool, err *Error) {
	if slices.Contains(leaf.ExtKeyUsage, x509.ExtKeyUsageClientAuth) {
		return false, nil
	}
	unrestricted := len(leaf.ExtKeyUsage) == 0 && len(leaf.UnknownExtKeyUsage) == 0
	if allowServerAuthOnly && (unrestricted || slices.Contains(leaf.ExtKeyUsage, x509.ExtKeyUsageServerAuth)) {
		return true, nil
	}
	return false, refuse(ReasonExtendedKeyUsage, "no clientAuth")
}

// oidQCStatements is the extension that ParseClaims understands.
var oidQCStatements = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 3}

// checkCriticalExtensions refuses a leaf with a critical extension that neither
// the standard library nor this package understands (RFC 5280, 4.2).
// qcStatements shall not be critical (EN 319 412-5, QCS-4.1-02) but real ones
// are; they are understood once step 2 has parsed them.
func checkCriticalExtensions(leaf *x509.Certificate) *Error {
	for _, oid := range leaf.UnhandledCriticalExtensions {
		if !oid.Equal(oidQCStatements) {
			return refuse(ReasonCriticalExtension, "extension %s", oid)
		}
	}
	return nil
}
