package qwac

import (
	"context"
	"crypto/x509"
	"time"

	"github.com/seed-b953571c/eidas"
)

// Decisions returns how many chains are remembered.
func (v *Verifier) Decisions() int {
	v.decisions.mu.Lock()
	defer v.decisions.mu.Unlock()
	return len(v.decisions.byKey)
}

// AgeSessions makes every full handshake so much older.
func (v *Verifier) AgeSessions(by time.Duration) {
	v.decisions.mu.Lock()
	defer v.decisions.mu.Unlock()
	for _, e := range v.decisions.byKey {
		if d, ok := e.Value.(*decision); ok {
			d.proved.Add(-int64(by))
		}
	}
}

// Parked returns how many verdicts wait for a second hook.
func (v *Verifier) Parked() int {
	v.shared.mu.Lock()
	defer v.shared.mu.Unlock()
	return len(v.shared.parked)
}

// The limits, for tests at their edges.
const (
	MaxCertificates   = maxCertificates
	MaxBytes          = maxBytes
	MaxHandoffs       = maxHandoffs
	MaxDecisions      = maxDecisions
	MaxDecisionsOfOne = maxDecisionsOfOne
	MaxDecisionAge    = maxDecisionAge
	HandoffAge        = handoffAge
	MaxRecord         = maxRecord
	MaxRemembered     = maxRemembered
	MaxStoreBytes     = maxStoreBytes
	MaxRecent         = maxRecent
)

// SameHost is sameHost.
func SameHost(serverName, host string) bool { return sameHost(serverName, host) }

// Remembered is decisions.
type Remembered struct{ d *decisions }

func NewRemembered() Remembered { return Remembered{newDecisions()} }

func (r Remembered) Add(chain []*x509.Certificate, result *eidas.Result) {
	r.d.add(keyOf(chain), chain, result, result.At)
}

func (r Remembered) Has(chain []*x509.Certificate) bool {
	d := r.d.get(keyOf(chain))
	return d != nil && len(d.chain) == len(chain) && keyOf(d.chain) == keyOf(chain)
}

func (r Remembered) Len() int { return r.d.latest.Len() }

// Identities returns how many identities are counted.
func (r Remembered) Identities() int { return len(r.d.of) }

// OnCommit makes f the observer of v.
func (v *Verifier) OnCommit(f func(*eidas.Result)) { v.rotation = observerFunc(f) }

type observerFunc func(*eidas.Result)

func (f observerFunc) observe(_ context.Context, r *eidas.Result) *eidas.Error {
	f(r)
	return nil
}

func (f observerFunc) refused(context.Context, *eidas.Error) {}

// Bytes returns what s takes, by its own count.
func (s *MemoryStore) Bytes() int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.bytes
}

// Recent are the certificates of which there is nothing to tell.
type Recent struct{ r *rotation }

func NewRecent() Recent { return Recent{newRotation(nil, Rotation{})} }

func (r Recent) key(n int) recentKey {
	return recentKey{certificate: Fingerprint{byte(n), byte(n >> 8), byte(n >> 16)}}
}

// Note notes the n-th one, for an hour.
func (r Recent) Note(n int, at time.Time) { r.r.note(r.key(n), recentState{"", at.Add(recentFor)}) }

func (r Recent) Has(n int, at time.Time) bool { return r.r.isRecent(r.key(n), "", at) }

func (r Recent) Len() int { return len(r.r.recent) }

// Handoff is handoff, with one chain for each number.
type Handoff struct{ h *handoff }

func NewHandoff() Handoff { return Handoff{newHandoff()} }

func (h Handoff) key(n int) handoffKey {
	return handoffKey{chainKey{byte(n), byte(n >> 8)}, toConnection}
}

func (h Handoff) Put(n int, result *eidas.Result, at time.Time) { h.h.put(h.key(n), result, at) }

func (h Handoff) Take(n int, at time.Time) *eidas.Result { return h.h.take(h.key(n), at) }
