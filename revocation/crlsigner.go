package revocation

import (
	"bytes"
	"crypto/x509"
	"slices"

	"github.com/seed-b953571c/eidas"
)

const (
	// maxCRLSigners bounds the keys that are tried for one CRL; honest sets
	// have one or two under a name.
	maxCRLSigners = 8
	// maxSignerDepth bounds how many CRL issuers vouch for one another.
	maxSignerDepth = 3
)

// signer finds the certificate whose key signed c: the issuer, a certificate
// of the chain, or one under it, in each case of the CRL issuer's name and
// allowed to sign CRLs (RFC 5280, 6.3.3 (f), (g); rule C2).
func (q *crlQuestion) signer(c *CRL) (*x509.Certificate, error) {
	var first error
	tried := 0
	for _, cert := range slices.Concat([]*x509.Certificate{q.Issuer}, q.set.Chain, q.set.Certificates) {
		if !sameName(cert.RawSubject, c.issuer) || !mayUse(cert, x509.KeyUsageCRLSign) {
			continue
		}
		if tried++; tried > maxCRLSigners {
			break
		}
		err := c.verify(cert, q.policy.AllowSHA1)
		if err == nil {
			err = q.checkSigner(cert)
		}
		if err == nil {
			return cert, nil
		}
		if first == nil || RuleOf(first) == RuleC2 {
			first = err
		}
	}
	if first == nil {
		first = invalid(RuleC2, "no certificate of the CRL issuer is at hand that may sign CRLs")
	}
	return nil, first
}

// checkSigner proves a CRL issuer that the caller has not proved: issued under
// the chain, valid, and itself not revoked.
func (q *crlQuestion) checkSigner(cert *x509.Certificate) error {
	if q.isProved(cert) {
		return nil
	}
	issuer := q.issuerOf(cert)
	if issuer == nil {
		return invalid(RuleC2, "CRL issuer %q has no path to the certificate's anchor", cert.Subject)
	}
	// An issuer may list itself: its own CRL is then all there is to ask.
	if slices.ContainsFunc(q.signers, cert.Equal) {
		return nil
	}
	sub := newCRLQuestion(q.set, Target{Certificate: cert, Issuer: issuer}, q.at, q.policy)
	// What is proved to q stays so: its issuer counts as a part of the chain.
	sub.set.Chain = append(slices.Clone(q.set.Chain), q.Issuer)
	sub.signers = append(slices.Clone(q.signers), cert)
	if len(sub.signers) > maxSignerDepth {
		return invalid(RuleC2, "status of CRL issuer %q is too deep to find", cert.Subject)
	}
	a, err := sub.judge()
	if err != nil {
		return err
	}
	if a.Status != eidas.StatusGood {
		return invalid(RuleC2, "CRL issuer %q is revoked", cert.Subject)
	}
	return nil
}

func (q *crlQuestion) isProved(cert *x509.Certificate) bool {
	return cert.Equal(q.Issuer) || slices.ContainsFunc(q.set.Chain, cert.Equal)
}

// issuerOf finds who issued cert among what is proved. Not among what that has
// issued: nobody would have asked whether that is revoked.
func (q *crlQuestion) issuerOf(cert *x509.Certificate) *x509.Certificate {
	if q.at.Before(cert.NotBefore) || q.at.After(cert.NotAfter) || len(cert.UnhandledCriticalExtensions) > 0 {
		return nil
	}
	for _, ca := range append([]*x509.Certificate{q.Issuer}, q.set.Chain...) {
		if q.issued(ca, cert) {
			return ca
		}
	}
	return nil
}

func (q *crlQuestion) issued(ca, cert *x509.Certificate) bool {
	// ca is one of those that the caller has proved to be a CA.
	return bytes.Equal(cert.RawIssuer, ca.RawSubject) &&
		checkAlgorithm(cert.SignatureAlgorithm, q.policy.AllowSHA1) == nil &&
		ca.CheckSignature(cert.SignatureAlgorithm, cert.RawTBSCertificate, cert.Signature) == nil
}
