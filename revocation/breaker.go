package revocation

import (
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/seed-b953571c/eidas/internal/fetch"
)

const (
	// DefaultBreakerFailures in a row give a host a rest: fewer happen when all
	// is well.
	DefaultBreakerFailures = 5
	// DefaultBreakerRest is the first rest. Each failed probe doubles it, up to
	// maxRests times the first, 5 minutes: so long may a host be back unnoticed.
	DefaultBreakerRest = 30 * time.Second
	maxRests           = 10
)

// errResting says that a host has failed so often that it is not asked now.
var errResting = errors.New("host is not asked for a while because it kept failing")

// breaker keeps questions from waiting for hosts that are known to be down.
// It is safe for concurrent use.
type breaker struct {
	failures int           // in a row
	rest     time.Duration // the first

	mu    sync.Mutex
	hosts map[string]*circuit
}

type circuit struct {
	failures int // in a row
	rest     time.Duration
	until    time.Time // open until then; one probe afterwards
	probing  bool
}

// allow reports whether host may be asked. Each call that it allows must be
// followed by one of report.
func (b *breaker) allow(host string, now time.Time) bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := b.hosts[host]
	if c == nil || c.failures < b.failures {
		return true
	}
	if now.Before(c.until) || c.probing {
		return false
	}
	c.probing = true
	return true
}

// report notes how a request ended, and says whether that began a rest.
func (b *breaker) report(host string, err error, now time.Time) (rests bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	c := b.hosts[host]
	if !hostFailed(err) {
		if fetch.KindOf(err) != fetch.KindCanceled {
			delete(b.hosts, host)
		} else if c != nil {
			c.probing = false // nothing was learned
		}
		return false
	}
	if c == nil {
		if b.hosts == nil || len(b.hosts) >= maxHosts {
			b.hosts = make(map[string]*circuit) // forgetting costs five requests each
		}
		c = new(circuit)
		b.hosts[host] = c
	}
	c.failures++
	c.probing = false
	if c.failures < b.failures {
		return false
	}
	c.rest = min(max(2*c.rest, b.rest), maxRests*b.rest)
	c.until = now.Add(c.rest)
	return true
}

// hostFailed reports whether an error says that the host is down, and not that
// it does not like the question.
func hostFailed(err error) bool {
	if err == nil {
		return false
	}
	switch fetch.KindOf(err) {
	case fetch.KindNetwork, fetch.KindTimeout, fetch.KindTooLarge:
		return true
	case fetch.KindStatus:
		e, ok := errors.AsType[*fetch.Error](err)
		return ok && e.Status >= http.StatusInternalServerError
	case fetch.KindRequest, fetch.KindScheme, fetch.KindPort, fetch.KindAddress, fetch.KindRedirect,
		fetch.KindEncoding, fetch.KindCanceled:
	}
	return false
}
