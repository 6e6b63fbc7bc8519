package qwac

import (
	"sync"
	"time"

	"github.com/seed-b953571c/eidas"
)

const (
	// handoffAge is how long a verdict waits for the second hook of its
	// handshake. Between the two a TLS 1.2 server reads from the client, who
	// may take its time; after this the second hook judges anew.
	handoffAge = 5 * time.Second
	// maxHandoffs bounds the verdicts of clients that never came to the second
	// hook. Anybody can leave one with a public certificate; beyond the bound
	// the second hook judges anew.
	maxHandoffs = 256
)

// handoff passes the verdict of the first hook of a handshake to its second
// hook. Hooks share nothing but the certificates, so those are the key. A
// verdict is taken once, and a newer one replaces it: so a hook never gets one
// that is older than the first hook of its own handshake.
type handoff struct {
	mu     sync.Mutex
	parked map[handoffKey]parkedVerdict
}

// handoffKey keeps resumed handshakes apart from full ones: without it a
// session could be resumed on the verdict of a full handshake that somebody
// else left waiting, before a revocation.
type handoffKey struct {
	chain   chainKey
	resumed bool
}

type parkedVerdict struct {
	result *eidas.Result
	at     time.Time
}

func newHandoff() *handoff { return &handoff{parked: make(map[handoffKey]parkedVerdict)} }

func (h *handoff) put(key handoffKey, result *eidas.Result, at time.Time) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if _, there := h.parked[key]; !there && len(h.parked) >= maxHandoffs {
		for k, p := range h.parked {
			if !p.fresh(at) {
				delete(h.parked, k)
			}
		}
		if len(h.parked) >= maxHandoffs {
			return
		}
	}
	h.parked[key] = parkedVerdict{result, at}
}

// take returns the verdict waiting under key and forgets it, nil when there is
// none that still holds.
func (h *handoff) take(key handoffKey, at time.Time) *eidas.Result {
	h.mu.Lock()
	defer h.mu.Unlock()
	p, there := h.parked[key]
	if !there {
		return nil
	}
	delete(h.parked, key)
	if !p.fresh(at) || at.After(p.result.ValidUntil) {
		return nil
	}
	return p.result
}

func (p parkedVerdict) fresh(at time.Time) bool { return at.Sub(p.at) <= handoffAge }
