package revocation

import (
	"context"
	"time"

	"github.com/seed-b953571c/eidas"
)

// staleHold is how long a decision may rest on a stale answer, or on none,
// before somebody is asked again.
const staleHold = 30 * time.Second

// Leniency is what stands in for an answer that cannot be had. The zero value
// is hard-fail. Nothing stands in for a revocation, nor for the authentic word
// of an issuer that it does not know the certificate.
type Leniency struct {
	// AllowStale lets the last known "good" count until this long after its
	// thisUpdate; it is then marked Stale. DefaultMaxAge, 24 h, is as long as a
	// provider may lawfully take to publish a revocation. It does not help a
	// certificate that was never seen before.
	AllowStale time.Duration
	// AllowUnavailable lets a certificate through whose status is not to be had
	// at all, marked Unchecked. Whoever can keep the responder from answering
	// can then use a revoked certificate that this Checker has not seen revoked.
	AllowUnavailable bool
}

// cut is l, but nowhere more than most.
func (l Leniency) cut(most Leniency) Leniency {
	l.AllowStale = min(l.AllowStale, most.AllowStale)
	l.AllowUnavailable = l.AllowUnavailable && most.AllowUnavailable
	return l
}

// lenient gives what stands in for the answer that failed with err, or err.
func (c *Checker) lenient(ctx context.Context, query eidas.StatusQuery, q question, failed error) (eidas.StatusAnswer, error) {
	// "Unknown" takes back an older "good" (rule P3): nothing stands in for it.
	if eidas.ReasonOf(failed) == eidas.ReasonRevocationUnknown {
		return eidas.StatusAnswer{}, failed
	}
	if known, _ := c.known(q); known != nil {
		return known.answer, nil // due for renewal, which failed; it still holds
	}
	allowed := c.leniency
	if c.leniencyFor != nil {
		allowed = c.leniencyFor(query).cut(allowed)
	}
	if a := c.lastKnown(q, allowed.AllowStale); a != nil {
		c.metrics.stale.Inc()
		c.log.WarnContext(ctx, "revocation: last known good answer used", "thisUpdate", a.ThisUpdate, "error", failed)
		return *a, nil
	}
	if allowed.AllowUnavailable && isUnavailable(failed) {
		c.metrics.unchecked.Inc()
		c.log.ErrorContext(ctx, "revocation: certificate let through unchecked", "use", query.Use.String(), "error", failed)
		return eidas.StatusAnswer{Source: "none", Unchecked: true, FreshUntil: q.at.Add(staleHold)}, nil
	}
	return eidas.StatusAnswer{}, failed
}

// isUnavailable reports whether a failure says nothing about the certificate. A
// certificate that contradicts itself, or whose distribution points cannot be
// read, is not one whose responder is down.
func isUnavailable(err error) bool {
	if rule := RuleOf(err); rule == RuleB4 || rule == RuleC1 || rule == RuleQ3 {
		return false
	}
	reason := eidas.ReasonOf(err)
	return reason == eidas.ReasonRevocationUnavailable || reason == eidas.ReasonRevocationInvalid
}

// takeStaple judges the response that the client sent with its certificate (RFC
// 8446, 4.4.2.1). It is as good as any other, or as bad: it says nothing when
// it does not verify, or is not newer than what is known and due.
func (c *Checker) takeStaple(ctx context.Context, q question, staple []byte) (eidas.StatusAnswer, bool) {
	ctx, cancel := context.WithTimeout(ctx, c.budget)
	defer cancel()
	ev, err := c.judgeOCSP(ctx, staple, c.ocsp, ocspCall{target: q.Target, at: q.at})
	if err != nil {
		c.metrics.checked(eidas.StatusAnswer{Source: "staple"}, nil)
		c.log.WarnContext(ctx, "revocation: staple is of no use", "error", err)
		return eidas.StatusAnswer{}, false
	}
	ev.Source = "staple"
	if c.cache.Get(q.key) == nil {
		c.recall(ctx, q) // a revocation from before a restart goes first
	}
	e := c.keep(ctx, q, ev)
	if !e.counts(q.at, c.ocsp.Skew, q.Responders) || !e.final() && q.at.After(e.renewAfter) {
		return eidas.StatusAnswer{}, false
	}
	c.metrics.checked(e.answer, nil)
	return e.answer, true
}

// lastKnown returns the last known good answer if it is not older than allowed,
// nil otherwise.
func (c *Checker) lastKnown(q question, allowed time.Duration) *eidas.StatusAnswer {
	e := c.cache.Get(q.key)
	if allowed <= 0 || e == nil || e.answer.Status != eidas.StatusGood || !e.trusted(q.Responders) {
		return nil
	}
	// From thisUpdate, not from when it was fetched: that is when it was true.
	end := e.answer.ThisUpdate.Add(allowed)
	if q.at.Before(e.answer.ThisUpdate) || q.at.After(end) {
		return nil
	}
	a := e.answer
	a.Stale, a.FreshUntil = true, earliest(end, q.at.Add(staleHold))
	return &a
}
