package qwac

import (
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed-b953571c/eidas"
)

const (
	// handoffAge is how long a verdict waits for the next hook of its
	// handshake. Between the two a TLS 1.2 server reads from the client, who
	// may take its time; after this the next hook judges anew.
	handoffAge = 5 * time.Second
	// maxHandoffs bounds the verdicts of clients that never came to the next
	// hook. Anybody can leave one with a public certificate; beyond the bound
	// the next hook judges anew.
	maxHandoffs = 256
)

// handoff passes the verdict of one hook of a handshake to a later one. Hooks
// share nothing but the certificates, so those are the key. A verdict is taken
// once, and a newer one replaces it: so a hook never gets one that is older
// than the earlier hook of its own handshake.
type handoff struct {
	mu     sync.Mutex
	count  atomic.Int32 // of parked; mostly there is none
	parked map[handoffKey]parkedVerdict
}

// handoffKey names the chain and what the verdict is for.
type handoffKey struct {
	chain chainKey
	to    step
}

// step is a hook of a handshake that an earlier one may have worked for.
// Resumed handshakes are kept apart from full ones: else a session could be
// resumed on the verdict of a full handshake that somebody else left waiting,
// before a revocation.
type step uint8

const (
	toConnection step = iota // VerifyConnection, after VerifyPeerCertificate
	toResumed                // VerifyConnection, after UnwrapSession
	toTicket                 // WrapSession, after VerifyConnection
)

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
	h.count.Store(int32(len(h.parked))) //nolint:gosec // at most maxHandoffs
}

// take returns the verdict waiting under key and forgets it, nil when there is
// none that still holds.
func (h *handoff) take(key handoffKey, at time.Time) *eidas.Result {
	if h.count.Load() == 0 {
		return nil
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	p, there := h.parked[key]
	if !there {
		return nil
	}
	delete(h.parked, key)
	h.count.Store(int32(len(h.parked))) //nolint:gosec // at most maxHandoffs
	if !p.fresh(at) || at.After(p.result.ValidUntil) {
		return nil
	}
	return p.result
}

func (p parkedVerdict) fresh(at time.Time) bool { return at.Sub(p.at) <= handoffAge }
