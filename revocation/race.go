package revocation

import (
	"context"
	"time"

	"github.com/seed-b953571c/eidas"
)

// DefaultHedge is how long one source is waited for before the next is asked
// as well.
const DefaultHedge = 400 * time.Millisecond

// source is one way to an answer.
type source struct {
	name string // host, or "crl"
	ask  func(context.Context) (evidence, error)
}

// race asks the sources in order: the next one when the one before has failed
// or has been silent for the hedge. The first answer wins; the rest are called
// off. Without one, the most telling failure is returned.
func (c *Checker) race(ctx context.Context, sources []source) (evidence, error) {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	type outcome struct {
		from   string
		answer evidence
		err    error
	}
	results := make(chan outcome, len(sources)) // nobody waits to send
	started, pending := 0, 0
	start := func() {
		s := sources[started]
		started++
		pending++
		go func() {
			a, err := s.ask(ctx)
			results <- outcome{s.name, a, err}
		}()
	}
	start()
	hedge := time.NewTicker(c.hedge)
	defer hedge.Stop()
	var failed error
	for pending > 0 {
		select {
		case r := <-results:
			pending--
			if r.err == nil {
				return r.answer, nil
			}
			c.log.WarnContext(ctx, "revocation: no usable answer", "from", r.from, "error", r.err)
			failed = worse(failed, r.err)
			if started < len(sources) {
				start()
			}
		case <-hedge.C:
			if started < len(sources) {
				start()
			}
		case <-ctx.Done():
			return evidence{}, worse(failed, refuse(eidas.ReasonRevocationUnavailable, RuleQ2, ctx.Err()))
		}
	}
	return evidence{}, failed
}

// worse returns the more telling of two failures: an authentic "unknown" before
// an unfit answer before silence. a may be nil.
func worse(a, b error) error {
	if a == nil || rank(b) > rank(a) {
		return b
	}
	return a
}
