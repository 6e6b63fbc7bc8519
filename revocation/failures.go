package revocation

import (
	"sync"
	"time"

	"github.com/seed-b953571c/eidas"
)

const (
	// DefaultNegativeTTL is the longest time for which a question that has
	// failed is not asked again: an issuer may put things right within minutes.
	DefaultNegativeTTL = time.Minute
	// firstNegative is the share of it after a first failure, 5 s of a minute;
	// each further failure doubles it.
	firstNegative = 12
	// maxFailures bounds the memory; forgetting costs one request each.
	maxFailures = 4096
)

// failures remembers for a short while which questions were asked in vain, so
// that a client that tries again and again asks nobody else. It is never
// stored and holds back no answer that is known. It is safe for concurrent use.
type failures struct {
	limit time.Duration

	mu   sync.Mutex
	last map[string]*failure
}

type failure struct {
	err   error
	rest  time.Duration
	until time.Time
}

// recent returns the failure of a question whose time has not come yet.
func (f *failures) recent(q question, now time.Time) error {
	f.mu.Lock()
	defer f.mu.Unlock()
	if last := f.last[flightKey(q.key, q.at)]; last != nil && now.Before(last.until) {
		return last.err
	}
	return nil
}

// note remembers a failure. An authentic "unknown" rests for the whole time,
// the others for as long as they have become a habit.
func (f *failures) note(q question, err error, now time.Time) {
	f.mu.Lock()
	defer f.mu.Unlock()
	key := flightKey(q.key, q.at)
	last := f.last[key]
	if last == nil {
		if f.last == nil || len(f.last) >= maxFailures {
			f.last = make(map[string]*failure)
		}
		last = new(failure)
		f.last[key] = last
	}
	last.err, last.rest = err, min(max(2*last.rest, f.limit/firstNegative), f.limit)
	if eidas.ReasonOf(err) == eidas.ReasonRevocationUnknown {
		last.rest = f.limit
	}
	// Up to a tenth less, so that what failed together does not return together.
	last.until = now.Add(last.rest - last.rest/10*time.Duration(q.key[2])/255)
}

// forget is for a question that was answered.
func (f *failures) forget(q question) {
	f.mu.Lock()
	defer f.mu.Unlock()
	delete(f.last, flightKey(q.key, q.at))
}
