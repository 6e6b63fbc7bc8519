package qwac

import (
	"context"
	"crypto/x509"

	"github.com/seed-b953571c/eidas"
)

// Decisions returns how many chains are remembered.
func (v *Verifier) Decisions() int {
	v.decisions.mu.Lock()
	defer v.decisions.mu.Unlock()
	return len(v.decisions.byKey)
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
