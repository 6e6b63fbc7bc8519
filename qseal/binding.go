package qseal

import (
	"crypto/subtle"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"slices"
	"time"

	"github.com/seed-b953571c/eidas"
)

// bindingType is the cty of a TLS certificate binding (ETSI TS 119 411-5
// V2.1.1, annex B).
const bindingType = "TLS-Certificate-Binding-v1"

// bindingSkew is how far the clock of the binding's signer may be ahead.
const bindingSkew = time.Minute

// BindingOptions says what a binding is held to. The zero value is the strictest.
type BindingOptions struct {
	// AllowNoExpiry accepts a binding without exp, as browsers do. One that has
	// exp is held to it all the same.
	AllowNoExpiry bool
}

// Binding is a TLS certificate binding whose signature was verified and which
// names the TLS certificate. It does not say that Chain is worth anything: its
// first certificate must be a qualified one for website authentication, which
// Qualify decides, and not revoked, which CheckStatus asks. It is immutable.
type Binding struct {
	Chain     []*x509.Certificate // of the signer, the 2-QWAC first
	Algorithm Algorithm           // of the signature
	Hash      string              // of the digests: S256, S384 or S512
	Bound     int                 // number of TLS certificates that are bound
	IssuedAt  time.Time           // iat, zero when absent
	ExpiresAt time.Time           // exp, zero when absent
}

// VerifyBinding verifies a TLS certificate binding, a JWS in compact
// serialisation, at a time: that a 2-QWAC signed it and that it names the first
// of the certificates that the server presented in TLS. The error is an *Error.
//
// The certificate of the signature proves itself here and nothing else: call
// [Binding.Qualify] and [Binding.CheckStatus] before you show its subject to anybody.
func VerifyBinding(text []byte, tls []*x509.Certificate, at time.Time, o BindingOptions) (*Binding, error) {
	b, refusal := verifyBinding(text, tls, at, o)
	if refusal != nil {
		return nil, refusal
	}
	return b, nil
}

func verifyBinding(text []byte, tls []*x509.Certificate, at time.Time, o BindingOptions) (*Binding, *Error) {
	if len(tls) == 0 || tls[0] == nil {
		return nil, reject(ReasonCertificateMissing, "no TLS certificate")
	}
	j, refusal := parseCompact(string(text), []string{"sigD"})
	if refusal != nil {
		return nil, refusal
	}
	if refusal := checkBindingHeader(j); refusal != nil {
		return nil, refusal
	}
	b := &Binding{}
	if refusal := b.readTimes(j, at, o); refusal != nil {
		return nil, refusal
	}
	bound, refusal := b.readSigD(j.header.member("sigD"))
	if refusal != nil {
		return nil, refusal
	}
	if b.Chain, refusal = bindingSigner(j, at); refusal != nil {
		return nil, refusal
	}
	if b.Algorithm, refusal = j.verify(b.Chain[0].PublicKey, bindingAlgorithms(), j.attachedInput()); refusal != nil {
		return nil, refusal
	}
	if !namesCertificate(b.Hash, bound, tls[0]) {
		return nil, reject(ReasonBinding, "%d certificates are bound, and not the one of the connection", len(bound))
	}
	return b, nil
}

// bindingAlgorithms are those that all readers of bindings share: browsers know
// no others.
func bindingAlgorithms() []Algorithm { return []Algorithm{RSASHA256, PSSSHA256, ECDSAP256} }

// checkBindingHeader holds the header to the members that annex B allows. crit
// is not among them, but TS 119 182-1, 5.1.9 demands it beside sigD.
func checkBindingHeader(j *jws) *Error {
	for name := range j.header.each() {
		switch name {
		case "alg", "kid", "cty", "x5t#S256", "x5c", "iat", "exp", "sigD", "crit":
		default:
			return reject(ReasonHeader, "member %.60q does not belong in a binding", name)
		}
	}
	if !j.detached {
		return reject(ReasonFormat, "binding has a payload")
	}
	if _, refusal := j.text("kid"); refusal != nil {
		return refusal
	}
	cty, refusal := j.text("cty")
	if refusal == nil && cty != bindingType {
		refusal = reject(ReasonHeader, "cty %.60q is not %q", cty, bindingType)
	}
	return refusal
}

func (b *Binding) readTimes(j *jws, at time.Time, o BindingOptions) *Error {
	if v := j.header.member("iat"); v.exists() {
		t, ok := numericDate(v)
		if !ok {
			return reject(ReasonHeader, "iat is not a time")
		}
		if t.After(at.Add(bindingSkew)) {
			return reject(ReasonIssuedInFuture, "issued at %s", t.Format(time.RFC3339))
		}
		b.IssuedAt = t
	}
	v := j.header.member("exp")
	if !v.exists() {
		if o.AllowNoExpiry {
			return nil
		}
		return reject(ReasonHeader, "no exp")
	}
	t, ok := numericDate(v)
	if !ok {
		return reject(ReasonHeader, "exp is not a time")
	}
	if !at.Before(t) { // RFC 7519, 4.1.4: "on or after"
		return reject(ReasonExpired, "at %s", t.Format(time.RFC3339))
	}
	b.ExpiresAt = t
	return nil
}

// readSigD reads the digests of the bound certificates: TS 119 182-1, 5.2.8.3.3,
// by the mechanism ObjectIdByURIHash.
func (b *Binding) readSigD(sigD jsonValue) ([][]byte, *Error) {
	if sigD.node().kind != jsonObject {
		return nil, reject(ReasonHeader, "sigD is not an object")
	}
	for name := range sigD.each() {
		switch name {
		case "mId", "pars", "hashM", "hashV", "ctys":
		default:
			return nil, reject(ReasonHeader, "member %.60q does not belong in sigD of a binding", name)
		}
	}
	if id, _ := sigD.member("mId").str(); id != sigDByURIHash {
		return nil, reject(ReasonHeader, "sigD mId %.60q is not %q", id, sigDByURIHash)
	}
	d, refusal := readHashes(sigD)
	if refusal != nil {
		return nil, refusal
	}
	b.Hash, b.Bound = d.hashM, len(d.hashV)
	return d.hashV, nil
}

// The purpose of a 2-QWAC, id-kp-tls-binding (TS 119 411-5, annex A).
var oidTLSBinding = asn1.ObjectIdentifier{0, 4, 0, 194115, 1, 0}

// bindingSigner reads the signer's certificates and holds the first to annex A,
// as far as a certificate shows it without a trusted list.
func bindingSigner(j *jws, at time.Time) ([]*x509.Certificate, *Error) {
	chain, refusal := j.x5c()
	if refusal != nil {
		return nil, refusal
	}
	if len(chain) == 0 {
		return nil, reject(ReasonCertificateMissing, "no x5c")
	}
	leaf := chain[0]
	if refusal := j.checkThumbprint(leaf); refusal != nil {
		return nil, refusal
	}
	if len(leaf.ExtKeyUsage) != 0 || len(leaf.UnknownExtKeyUsage) != 1 || !leaf.UnknownExtKeyUsage[0].Equal(oidTLSBinding) {
		return nil, refuseSigner(eidas.ReasonExtendedKeyUsage)
	}
	// RFC 5280, 4.2.1.3: a key whose certificate has neither bit is not for
	// signatures. As of seals, one of them is enough.
	if leaf.KeyUsage&(x509.KeyUsageDigitalSignature|x509.KeyUsageContentCommitment) == 0 {
		return nil, refuseSigner(eidas.ReasonKeyUsage)
	}
	switch {
	case at.Before(leaf.NotBefore):
		return nil, refuseSigner(eidas.ReasonNotYetValid)
	case at.After(leaf.NotAfter):
		return nil, refuseSigner(eidas.ReasonExpired)
	}
	return chain, nil
}

func refuseSigner(r eidas.Reason) *Error {
	return &Error{Reason: ReasonCertificate, Err: &eidas.Error{Reason: r}}
}

// namesCertificate reports whether one of the digests is that of the base64url
// text of a certificate. The digest of the DER itself is not what b64 means here.
func namesCertificate(hashM string, digests [][]byte, c *x509.Certificate) bool {
	h := sigDHash(hashM)
	if h == nil {
		return false
	}
	h.Write(base64.RawURLEncoding.AppendEncode(nil, c.Raw))
	want := h.Sum(nil)
	return slices.ContainsFunc(digests, func(d []byte) bool { return subtle.ConstantTimeCompare(d, want) == 1 })
}
