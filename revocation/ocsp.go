package revocation

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"

	"github.com/seed-b953571c/eidas"
)

// Target is the certificate in question and those who may speak about it.
type Target struct {
	Certificate *x509.Certificate
	// Issuer holds the key that signed Certificate. The caller has verified
	// that signature, and the path from Issuer to a trust anchor; nothing here
	// does it again.
	Issuer *x509.Certificate
	// Responders are trusted by local configuration for certificates of Issuer
	// (RFC 6960, 4.2.2.2, first case): those that a trusted list names for the
	// same provider. May be empty.
	Responders []*x509.Certificate
}

// Answer is an authentic answer about a certificate, with what is known of it
// beyond eidas.StatusAnswer.
type Answer struct {
	eidas.StatusAnswer
	// Responder is the certificate whose key signed the answer, be it an OCSP
	// response or a CRL.
	Responder *x509.Certificate
	// Local says that Responder is one of Target.Responders.
	Local bool
	// CertHash says that the responder proved to have this very certificate on
	// record (rule P12).
	CertHash bool
	// NonIssued says that the issuer never issued the certificate (rule P13).
	NonIssued bool
	// InvalidityDate is since when the certificate is thought to have been unfit
	// for use, zero when the source does not say (rule C10). It is for people:
	// nothing here takes it for a reason to accept what came before.
	InvalidityDate time.Time
	// RenewAfter is when the answer is due for renewal; not after FreshUntil.
	RenewAfter time.Time
}

// ocspQuestion is one call of VerifyOCSP.
type ocspQuestion struct {
	Target
	at     time.Time
	policy OCSPPolicy
	ids    certIDs
}

// VerifyOCSP judges a DER-encoded OCSPResponse about t at the time at. It does
// no I/O and keeps neither raw nor t. The answer's status is good or revoked;
// everything else is an *eidas.Error whose reason is revocation_invalid,
// revocation_unknown or revocation_unavailable and whose detail is a *RuleError.
func VerifyOCSP(raw []byte, t Target, at time.Time, p OCSPPolicy) (Answer, error) {
	if err := p.validate(); err != nil {
		return Answer{}, &eidas.Error{Reason: eidas.ReasonInternal, Err: err}
	}
	if err := t.check(); err != nil {
		return Answer{}, err
	}
	status, basic, err := parseOCSP(raw)
	if err != nil {
		return Answer{}, err
	}
	if status != 0 {
		return Answer{}, refuse(eidas.ReasonRevocationUnavailable, RuleP2, statusError(status))
	}
	q := ocspQuestion{Target: t, at: at, policy: p.withDefaults()}
	q.ids.target(t)
	signer, err := q.findSigner(basic)
	if err != nil {
		return Answer{}, err
	}
	if err := q.checkResponse(basic); err != nil {
		return Answer{}, err
	}
	single, err := q.choose(basic)
	if err != nil {
		return Answer{}, err
	}
	return q.answer(basic, single, signer)
}

// check refuses a target that cannot be asked about (rule Q3).
func (t Target) check() error {
	if t.Certificate == nil || t.Issuer == nil {
		return invalid(RuleQ3, "certificate or issuer is missing")
	}
	if !bytes.Equal(t.Certificate.RawIssuer, t.Issuer.RawSubject) {
		return invalid(RuleQ3, "issuer %q did not issue the certificate", t.Issuer.Subject)
	}
	return nil
}

// statusError names an unsuccessful OCSPResponseStatus (rule P2). It is not
// signed, so it says nothing about the certificate.
type statusError int

func (e statusError) Error() string {
	names := [...]string{1: "malformedRequest", 2: "internalError", 3: "tryLater", 5: "sigRequired", 6: "unauthorized"}
	return fmt.Sprintf("responder says %s (%d)", names[e], int(e))
}

// checkResponse judges what concerns the response as a whole.
func (q *ocspQuestion) checkResponse(b *basicResponse) error {
	if id := b.extensions.unknownCritical; id != nil {
		return invalid(RuleP11, "critical response extension %x is unknown", id)
	}
	if b.producedAt.After(q.at.Add(q.policy.Skew)) {
		return invalid(RuleP8, "producedAt %s is in the future", b.producedAt)
	}
	if before := q.Certificate.NotBefore; b.producedAt.Add(q.policy.Skew).Before(before) {
		return invalid(RuleP8, "producedAt %s is before the certificate's notBefore %s", b.producedAt, before)
	}
	return nil
}

// choose finds the SingleResponse that counts (rule P3): of all that are about
// this certificate and within their times, revoked before unknown before good.
func (q *ocspQuestion) choose(b *basicResponse) (singleResponse, error) {
	var best singleResponse
	var timely error
	responses := cryptobyte.String(b.responses)
	for !responses.Empty() {
		var s singleResponse
		s.read(&responses) // parseData has seen that it can be read
		if !q.ids.match(&s) {
			continue
		}
		if err := q.checkSingle(b, &s); err != nil {
			return singleResponse{}, err
		}
		if err := q.checkTimes(&s); err != nil {
			timely = err
			continue
		}
		if s.status > best.status || s.status == best.status && s.thisUpdate.After(best.thisUpdate) {
			best = s
		}
	}
	switch {
	case best.status != 0:
		return best, nil
	case timely != nil:
		return singleResponse{}, timely
	}
	return singleResponse{}, invalid(RuleP3, "response is not about the certificate")
}

// checkSingle judges extensions and nonce of an answer about the certificate.
func (q *ocspQuestion) checkSingle(b *basicResponse, s *singleResponse) error {
	if id := s.extensions.unknownCritical; id != nil {
		return invalid(RuleP11, "critical single extension %x is unknown", id)
	}
	if err := q.checkNonce(b.extensions.nonce, s.extensions.nonce); err != nil {
		return err
	}
	if h := s.extensions.certHash; h != nil && !matchCertHash(h, q.Certificate) {
		return invalid(RuleP12, "certHash is not that of the certificate")
	}
	return nil
}

// checkNonce is rule Q4. There are responders that put the nonce among the
// single extensions.
func (q *ocspQuestion) checkNonce(response, single []byte) error {
	if len(q.policy.Nonce) == 0 {
		return nil // RFC 9919, 5: not asked for, so it is ignored
	}
	if response == nil && single == nil {
		if q.policy.RequireNonce {
			return invalid(RuleQ4, "response has no nonce")
		}
		return nil
	}
	sent := nonceValue(q.policy.Nonce)
	for _, got := range [][]byte{response, single} {
		if got != nil && !bytes.Equal(got, sent) {
			return invalid(RuleQ4, "nonce is another one")
		}
	}
	return nil
}

// checkTimes judges the times of an answer (rules P8, P9, P10).
func (q *ocspQuestion) checkTimes(s *singleResponse) error {
	p := q.policy
	if s.thisUpdate.After(q.at.Add(p.Skew)) {
		return invalid(RuleP8, "thisUpdate %s is in the future", s.thisUpdate)
	}
	if before := q.Certificate.NotBefore; s.thisUpdate.Add(p.Skew).Before(before) {
		return invalid(RuleP8, "thisUpdate %s is before the certificate's notBefore %s", s.thisUpdate, before)
	}
	if !s.nextUpdate.IsZero() && s.nextUpdate.Before(s.thisUpdate) {
		return invalid(RuleP8, "nextUpdate %s is before thisUpdate", s.nextUpdate)
	}
	age := q.at.Sub(s.thisUpdate)
	switch {
	case p.AllowAnyAge:
		return nil
	case s.nextUpdate.IsZero() && p.RejectNoNextUpdate:
		return invalid(RuleP9, "nextUpdate is missing")
	case s.nextUpdate.IsZero() && age > p.NoNextUpdateAge:
		return invalid(RuleP9, "nextUpdate is missing and the answer is %s old", age)
	case !s.nextUpdate.IsZero() && s.nextUpdate.Before(q.at.Add(-p.Skew)):
		return invalid(RuleP8, "nextUpdate %s has passed", s.nextUpdate)
	case p.StrictMaxAge && age > p.MaxAge:
		return invalid(RuleP10, "answer is %s old", age)
	}
	return nil
}

// answer states what the chosen SingleResponse says.
func (q *ocspQuestion) answer(b *basicResponse, s singleResponse, by signer) (Answer, error) {
	a := Answer{
		StatusAnswer: eidas.StatusAnswer{
			Source:     "ocsp",
			ThisUpdate: s.thisUpdate,
			NextUpdate: s.nextUpdate,
			ProducedAt: b.producedAt,
			// Rule P7: still open, without id-pkix-ocsp-nocheck.
			DelegateUnchecked: by.unchecked,
		},
		Responder: by.cert,
		Local:     by.local,
		CertHash:  s.extensions.certHash != nil,
	}
	a.FreshUntil, a.RenewAfter = q.until(s, by)
	switch s.status {
	case certRevoked:
		// Rule P15: a revocation in the future is one. Whoever knows that a key
		// will be distrusted does not accept it now.
		a.Status, a.RevokedAt, a.Code = eidas.StatusRevoked, s.revokedAt, s.reason
		a.NonIssued = s.nonIssued(b)
		return a, nil
	case certUnknown:
		return Answer{}, refuse(eidas.ReasonRevocationUnknown, RuleP3, errors.New("responder does not know the certificate"))
	case certGood:
	}
	if err := q.checkExpired(b, s); err != nil {
		return Answer{}, err
	}
	if q.policy.RequireCertHash && !a.CertHash {
		return Answer{}, invalid(RuleP12, "certHash is missing")
	}
	a.Status = eidas.StatusGood
	return a, nil
}

// nonIssued recognises the answer for a certificate that was never issued
// (rule P13): revoked, certificateHold, at the beginning of 1970.
func (s *singleResponse) nonIssued(b *basicResponse) bool {
	const certificateHold = 6
	return (s.extensions.extendedRevoke || b.extensions.extendedRevoke) &&
		s.reason == certificateHold && s.revokedAt.Equal(time.Unix(0, 0))
}

// checkExpired is rule P14: once a certificate has expired, its responder may
// have forgotten it; "good" then counts only for what the archive covers.
func (q *ocspQuestion) checkExpired(b *basicResponse, s singleResponse) error {
	end := q.Certificate.NotAfter
	cutoff := s.extensions.archiveCutoff
	if cutoff.IsZero() {
		cutoff = b.extensions.archiveCutoff
	}
	// thisUpdate as well: it is when the responder last looked the status up.
	late := b.producedAt.After(end) || s.thisUpdate.After(end)
	switch {
	case !late && !q.at.After(end):
		return nil
	case cutoff.IsZero() && late:
		return invalid(RuleP14, "producedAt %s or thisUpdate %s is after the certificate's notAfter %s", b.producedAt, s.thisUpdate, end)
	case !cutoff.IsZero() && end.Before(cutoff):
		return invalid(RuleP14, "certificate expired %s, before the archive begins at %s", end, cutoff)
	}
	return nil
}

// until says how long the answer holds and when it is due for renewal. A
// delegate's word ends with its certificate.
func (q *ocspQuestion) until(s singleResponse, by signer) (fresh, renew time.Time) {
	fresh = s.nextUpdate
	if fresh.IsZero() {
		fresh = q.at.Add(q.policy.NoNextUpdateKeep)
	} else if fresh.Before(q.at) { // the clocks may still differ
		fresh = fresh.Add(q.policy.Skew)
	}
	if by.cert != q.Issuer {
		fresh = earliest(fresh, by.cert.NotAfter)
	}
	aged := s.thisUpdate.Add(q.policy.MaxAge)
	if q.policy.StrictMaxAge {
		fresh = earliest(fresh, aged)
	}
	if fresh.Before(q.at) { // AllowAnyAge
		fresh = q.at
	}
	return fresh, earliest(fresh, aged)
}

func earliest(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}

// matchCertHash compares a CertHash extension (Common PKI, part 4, 3.1.2):
// SEQUENCE { hashAlgorithm AlgorithmIdentifier, certificateHash OCTET STRING }.
func matchCertHash(value []byte, cert *x509.Certificate) bool {
	in := cryptobyte.String(value)
	var seq, want cryptobyte.String
	var alg algorithm
	if !in.ReadASN1(&seq, asn1.SEQUENCE) || !in.Empty() || !readAlgorithm(&seq, &alg) ||
		!seq.ReadASN1(&want, asn1.OCTET_STRING) || !seq.Empty() {
		return false
	}
	i, ok := alg.digest()
	return ok && bytes.Equal(want, sum(digests[i].hash, cert.Raw))
}
