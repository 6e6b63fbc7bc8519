package revocation

import (
	"bytes"
	"crypto/x509"
	"encoding/asn1"
	"errors"
	"fmt"
	"time"

	"github.com/seed-b953571c/eidas"
)

// removeFromCRL is the reason that lifts a hold, in a delta CRL (RFC 5280, 5.3.1).
const removeFromCRL = 8

// CRLSet is what is at hand to judge by. Nothing in it needs to be trusted
// except Chain.
type CRLSet struct {
	CRLs []*CRL
	// Chain is the path above Target.Issuer up to the trust anchor, proved by
	// the caller; empty when Issuer is the anchor.
	Chain []*x509.Certificate
	// Certificates may hold the keys of CRL issuers other than Target.Issuer:
	// those count that Target.Issuer or a certificate of Chain has issued, and
	// that CRLs of the set call good.
	Certificates []*x509.Certificate
}

// CRLPolicy says what is asked of CRLs. The zero value is the strict default.
type CRLPolicy struct {
	Skew time.Duration // clocks may differ by this; zero: DefaultSkew
	// MaxAge is the greatest age since thisUpdate of a CRL without nextUpdate,
	// and the age after which others are due for renewal; zero: DefaultMaxAge.
	MaxAge time.Duration
	// AllowAnyAge accepts CRLs however old: for judging the past.
	AllowAnyAge bool
	// AllowSHA1 accepts SHA-1 signatures, and keys below RSA 2048 and ECDSA 256
	// bits: for judging the past.
	AllowSHA1 bool
}

func (p CRLPolicy) withDefaults() CRLPolicy {
	p.Skew = orDefault(p.Skew, DefaultSkew)
	p.MaxAge = orDefault(p.MaxAge, DefaultMaxAge)
	return p
}

func (p CRLPolicy) validate() error {
	if p.Skew < 0 || p.MaxAge < 0 {
		return fmt.Errorf("revocation: CRLPolicy.Skew %s or MaxAge %s is negative", p.Skew, p.MaxAge)
	}
	return nil
}

// crlQuestion is one call of VerifyCRL.
type crlQuestion struct {
	Target
	set    CRLSet
	at     time.Time
	policy CRLPolicy
	serial []byte
	isCA   bool
	// signers are those whose own status is being looked at, the last first.
	signers []*x509.Certificate
}

// VerifyCRL judges t by the CRLs of set at the time at (RFC 5280, 6.3.3). It
// does no I/O and keeps nothing but the CRLs' memory of a verified signature.
// The answer's status is good, when the CRLs cover every reason, or revoked;
// everything else is an *eidas.Error as from VerifyOCSP.
func VerifyCRL(set CRLSet, t Target, at time.Time, p CRLPolicy) (Answer, error) {
	if err := p.validate(); err != nil {
		return Answer{}, &eidas.Error{Reason: eidas.ReasonInternal, Err: err}
	}
	if err := t.check(); err != nil {
		return Answer{}, err
	}
	q := newCRLQuestion(set, t, at, p.withDefaults())
	return q.judge()
}

func newCRLQuestion(set CRLSet, t Target, at time.Time, p CRLPolicy) *crlQuestion {
	return &crlQuestion{
		Target: t, set: set, at: at, policy: p,
		serial: integerContent(t.Certificate.SerialNumber),
		isCA:   t.Certificate.IsCA,
	}
}

// crlState is what has been found so far.
type crlState struct {
	answer  Answer
	covered reasonMask // for these reasons the certificate is not revoked
	first   error      // the first reason why a CRL was of no use
}

func (q *crlQuestion) judge() (Answer, error) {
	points, err := q.points()
	if err != nil {
		return Answer{}, err
	}
	var st crlState
	for _, p := range points {
		for _, c := range q.set.CRLs {
			if c.base != nil {
				continue // a delta never stands for itself (rule C8)
			}
			if err := q.apply(&st, p, c); err != nil && (st.first == nil || errors.Is(st.first, errOtherCRL)) {
				st.first = err
			}
			if st.answer.Status == eidas.StatusRevoked {
				return st.answer, nil
			}
		}
	}
	return q.conclude(&st)
}

// conclude judges a certificate that no CRL calls revoked (rule C4).
func (q *crlQuestion) conclude(st *crlState) (Answer, error) {
	switch {
	case st.covered == allReasons:
		st.answer.Status = eidas.StatusGood
		return st.answer, nil
	case st.first != nil && (st.covered == 0 || !errors.Is(st.first, errOtherCRL)):
		return Answer{}, st.first
	case st.covered != 0:
		return Answer{}, refuse(eidas.ReasonRevocationUnknown, RuleC4, fmt.Errorf("CRLs leave reasons %#x open", uint16(allReasons&^st.covered)))
	}
	return Answer{}, refuse(eidas.ReasonRevocationUnavailable, RuleC2, errors.New("no complete CRL is at hand"))
}

// points are the distribution points of the certificate, and last the one that
// every certificate has: whatever its issuer publishes under its own name
// (RFC 5280, 6.3.3, last paragraph).
func (q *crlQuestion) points() ([]distributionPoint, error) {
	points, err := pointsOf(q.Certificate)
	if err != nil {
		return nil, err
	}
	own := generalName{tagDirectoryName, q.Certificate.RawIssuer}
	return append(points, distributionPoint{name: pointName{full: []generalName{own}}, reasons: allReasons}), nil
}

// pointsOf reads the cRLDistributionPoints extension (rule C1).
func pointsOf(cert *x509.Certificate) ([]distributionPoint, error) {
	for _, e := range cert.Extensions {
		if !e.Id.Equal(asn1.ObjectIdentifier{2, 5, 29, 31}) {
			continue
		}
		points, ok := parsePoints(e.Value)
		if !ok {
			return nil, invalid(RuleC1, "distribution points of the certificate are malformed")
		}
		return points, nil
	}
	return nil, nil
}

// apply judges by one complete CRL under one distribution point, RFC 5280,
// 6.3.3 (b) to (l).
func (q *crlQuestion) apply(st *crlState, p distributionPoint, c *CRL) error {
	if err := q.checkScope(p, c); err != nil {
		return err
	}
	signer, err := q.signer(c)
	if err != nil {
		return err
	}
	if err := q.checkTimes(c); err != nil {
		return err
	}
	entry, revoked := c.index.find(q.serial, q.Certificate.RawIssuer, c.issuer)
	delta := q.delta(c, signer)
	if delta != nil {
		entry, revoked = q.applyDelta(delta, entry, revoked)
	}
	q.note(st, c, delta, signer)
	if revoked {
		a := &st.answer
		a.Status, a.RevokedAt, a.Code, a.InvalidityDate = eidas.StatusRevoked, entry.revokedAt.time(), entry.reason, entry.invalidity
		return nil
	}
	if err := q.checkExpired(c); err != nil {
		return err
	}
	st.covered |= p.reasons & c.reasons()
	return nil
}

// note adds a CRL with its delta, if any, to the evidence: the answer is as old
// as the oldest and holds as long as the first to end. A delta brings a CRL up
// to its own time.
func (q *crlQuestion) note(st *crlState, c, delta *CRL, signer *x509.Certificate) {
	a := &st.answer
	fresh := q.holdsUntil(c)
	if delta != nil {
		fresh = earliest(fresh, q.holdsUntil(delta))
		c = delta
	}
	if a.Source == "" {
		a.Source, a.Responder = "crl", signer
		a.ThisUpdate, a.NextUpdate, a.FreshUntil = c.thisUpdate, c.nextUpdate, fresh
	}
	if c.thisUpdate.Before(a.ThisUpdate) {
		a.ThisUpdate, a.NextUpdate = c.thisUpdate, c.nextUpdate
	}
	a.FreshUntil = earliest(a.FreshUntil, fresh)
	a.RenewAfter = earliest(a.FreshUntil, a.ThisUpdate.Add(q.policy.MaxAge))
}

// holdsUntil says how long a CRL of the right time holds.
func (q *crlQuestion) holdsUntil(c *CRL) time.Time {
	fresh := c.nextUpdate
	if fresh.IsZero() {
		fresh = c.thisUpdate.Add(q.policy.MaxAge)
	}
	if fresh.Before(q.at) { // the clocks may still differ
		fresh = fresh.Add(q.policy.Skew)
	}
	if fresh.Before(q.at) { // AllowAnyAge
		fresh = q.at
	}
	return fresh
}

func (c *CRL) reasons() reasonMask {
	if c.point == nil {
		return allReasons
	}
	return c.point.reasons
}

// errOtherCRL says that a CRL is about other certificates, which is the least
// telling of all failures: a set holds CRLs for the whole chain.
var errOtherCRL = errors.New("CRL is not of the issuer or distribution point that the certificate names")

// checkScope decides whether the CRL is about such certificates, RFC 5280,
// 6.3.3 (b) (rules C2, C3).
func (q *crlQuestion) checkScope(p distributionPoint, c *CRL) error {
	base := q.Certificate.RawIssuer
	if p.issuers != nil {
		if !hasDirectoryName(p.issuers, c.issuer) || c.point == nil || !c.point.indirect {
			return refuse(eidas.ReasonRevocationInvalid, RuleC2, errOtherCRL)
		}
		base = c.issuer
	} else if !sameName(c.issuer, base) {
		return refuse(eidas.ReasonRevocationInvalid, RuleC2, errOtherCRL)
	}
	if c.point == nil {
		return nil
	}
	if !c.point.name.absent() {
		names := p.name.names(base)
		if p.name.absent() {
			names = p.issuers
		}
		if !namesIntersect(names, c.point.name.names(c.issuer)) {
			return refuse(eidas.ReasonRevocationInvalid, RuleC3, errOtherCRL)
		}
	}
	if c.point.onlyUsers && q.isCA || c.point.onlyCAs && !q.isCA {
		return invalid(RuleC3, "CRL is for other kinds of certificates")
	}
	return nil
}

// checkTimes judges the times of a CRL (rule C5).
func (q *crlQuestion) checkTimes(c *CRL) error {
	p := q.policy
	switch {
	case c.thisUpdate.After(q.at.Add(p.Skew)):
		return invalid(RuleC5, "thisUpdate %s is in the future", c.thisUpdate)
	case !c.nextUpdate.IsZero() && c.nextUpdate.Before(c.thisUpdate):
		return invalid(RuleC5, "nextUpdate %s is before thisUpdate", c.nextUpdate)
	case p.AllowAnyAge:
		return nil
	case !c.nextUpdate.IsZero() && c.nextUpdate.Before(q.at.Add(-p.Skew)):
		return invalid(RuleC5, "nextUpdate %s has passed", c.nextUpdate)
	case c.nextUpdate.IsZero() && q.at.Sub(c.thisUpdate) > p.MaxAge:
		return invalid(RuleC5, "nextUpdate is missing and the CRL is %s old", q.at.Sub(c.thisUpdate))
	}
	return nil
}

// checkExpired is rule P14 for CRLs: an expired certificate may be taken off
// the list, unless the list says that it keeps such ones.
func (q *crlQuestion) checkExpired(c *CRL) error {
	end := q.Certificate.NotAfter
	if !c.thisUpdate.After(end) || !c.expiredCerts.IsZero() && !end.Before(c.expiredCerts) {
		return nil
	}
	return invalid(RuleP14, "thisUpdate %s is after the certificate's notAfter %s", c.thisUpdate, end)
}

// delta finds the newest delta CRL that adds to c (rule C8).
func (q *crlQuestion) delta(c *CRL, signer *x509.Certificate) *CRL {
	var best *CRL
	for _, d := range q.set.CRLs {
		if d.base == nil || c.number == nil || !sameName(d.issuer, c.issuer) ||
			!bytes.Equal(d.pointRaw, c.pointRaw) || !bytes.Equal(d.authorityKey, c.authorityKey) ||
			compareNumbers(d.base, c.number) > 0 || compareNumbers(c.number, d.number) >= 0 ||
			best != nil && compareNumbers(d.number, best.number) <= 0 {
			continue
		}
		if q.checkTimes(d) == nil && d.verify(signer, q.policy.AllowSHA1) == nil {
			best = d
		}
	}
	return best
}

// applyDelta lets a delta CRL override the complete one. Removal lifts a hold
// and nothing else.
func (q *crlQuestion) applyDelta(d *CRL, old crlEntry, revoked bool) (crlEntry, bool) {
	e, found := d.index.find(q.serial, q.Certificate.RawIssuer, d.issuer)
	switch {
	case !found:
		return old, revoked
	case e.reason != removeFromCRL:
		return e, true
	case revoked && old.reason != certificateHold:
		return old, true
	}
	return crlEntry{}, false
}
