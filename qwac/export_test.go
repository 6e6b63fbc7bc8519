package qwac

import (
	"crypto/x509"
)

// ProvenChains returns how many chains are kept parsed.
func (v *Verifier) ProvenChains() int {
	v.proven.mu.Lock()
	defer v.proven.mu.Unlock()
	return len(v.proven.byKey)
}

// Parked returns how many verdicts wait for a second hook.
func (v *Verifier) Parked() int {
	v.shared.mu.Lock()
	defer v.shared.mu.Unlock()
	return len(v.shared.parked)
}

// The limits, for tests at their edges.
const (
	MaxCertificates = maxCertificates
	MaxBytes        = maxBytes
	MaxHandoffs     = maxHandoffs
	MaxProvenChains = maxProvenChains
	HandoffAge      = handoffAge
)

// SameHost is sameHost.
func SameHost(serverName, host string) bool { return sameHost(serverName, host) }

// ChainCache is chainCache.
type ChainCache struct{ c *chainCache }

func NewChainCache() ChainCache { return ChainCache{newChainCache()} }

func (c ChainCache) Add(chain []*x509.Certificate) { c.c.add(keyOf(chain), chain) }

func (c ChainCache) Has(chain []*x509.Certificate) bool {
	got, ok := c.c.get(keyOf(chain))
	return ok && len(got) == len(chain) && keyOf(got) == keyOf(chain)
}

func (c ChainCache) Len() int { return c.c.latest.Len() }
