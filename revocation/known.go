package revocation

import (
	"context"
	"crypto/x509"
	"strconv"
	"time"

	"github.com/seed-b953571c/eidas"
)

// question is a target with its time, and the key of what is known of it.
type question struct {
	Target
	key cacheKey
	at  time.Time
	// overwrite says that what is stored under the key did not verify.
	overwrite bool
}

// complete fills in what a query leaves open.
func (c *Checker) complete(q *question) {
	if q.at.IsZero() {
		q.at = now()
	}
	if c.rejectListed {
		q.Responders = nil
	}
	q.key = newCacheKey(q.Target)
}

// KnownStatus implements eidas.StatusMemory: the answer that is known and can be
// given without asking anybody, be it the store.
func (c *Checker) KnownStatus(query eidas.StatusQuery) (eidas.StatusAnswer, bool) {
	q := question{Target: Target{Certificate: query.Certificate, Issuer: query.Issuer, Responders: query.Responders}, at: query.At}
	if q.check() != nil {
		return eidas.StatusAnswer{}, false
	}
	c.complete(&q)
	if exempt, err := notOwed(q.Certificate); exempt && err == nil {
		return answerNotOwed(q.Certificate), true
	}
	known, due := c.known(q)
	if known == nil || due || known.doubted.Load() || known.wantsRenewal(q.key, q.at) {
		return eidas.StatusAnswer{}, false
	}
	known.usage.touch(q.at)
	c.metrics.hit(known.answer.Status)
	return known.answer, true
}

func answerNotOwed(cert *x509.Certificate) eidas.StatusAnswer {
	return eidas.StatusAnswer{Status: eidas.StatusNotOwed, Source: "none", FreshUntil: cert.NotAfter}
}

// use decides whether a known answer is given without asking again, and begins
// its renewal when it has been in use for a while.
func (c *Checker) use(ctx context.Context, known *entry, q question, due bool) bool {
	known.usage.touch(q.at)
	if !due && !known.wantsRenewal(q.key, q.at) {
		c.metrics.hit(known.answer.Status)
		return true
	}
	may := known.mayRenew(q.at, c.pause(renewalPause))
	if due && may {
		return false
	}
	// Not due yet; or tried a moment ago, in vain, and nobody waits for it again.
	if may {
		c.renew(ctx, q)
	}
	c.metrics.hit(known.answer.Status)
	return true
}

// known returns the kept answer that holds at a time, nil for none, and whether
// it is due for renewal.
func (c *Checker) known(q question) (e *entry, due bool) {
	e = c.cache.Get(q.key)
	if e == nil || !e.counts(q.at, c.ocsp.Skew, q.Responders) {
		return nil, false
	}
	return e, !e.final() && q.at.After(e.renewAfter)
}

// flightKey makes questions one flight that are about one certificate and about
// the same few minutes: an answer for the past may not hold now, and the other
// way round.
func flightKey(key cacheKey, at time.Time) string {
	const minutes = 300
	return string(key[:]) + strconv.FormatInt(at.Unix()/minutes, 10)
}
