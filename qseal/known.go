package qseal

import (
	"context"
	"crypto/x509"
	"sync"
	"time"

	"github.com/seed-b953571c/eidas"
)

// maxKnown bounds the sealers that are remembered: about as many as there are
// TPPs in Europe. Two generations of them take a few MiB.
const maxKnown = 1024

// known remembers verdicts about certificates whose keys have sealed something,
// for a Rechecker to begin with. It decides nothing.
type known struct {
	results generations[*eidas.Result]       // by the certificate in DER
	chains  generations[[]*x509.Certificate] // by the text of the field that it came in
}

// generations is a bounded map that lets go of the older half of what is in it.
type generations[V any] struct {
	mu          sync.Mutex
	latest, old map[string]V
}

func (g *generations[V]) get(key string) (V, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if v, ok := g.latest[key]; ok {
		return v, true
	}
	v, ok := g.old[key]
	return v, ok
}

// of is get by octets, which it does not copy.
func (g *generations[V]) of(key []byte) (V, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if v, ok := g.latest[string(key)]; ok {
		return v, true
	}
	v, ok := g.old[string(key)]
	return v, ok
}

func (g *generations[V]) add(key string, v V) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.latest == nil || len(g.latest) >= maxKnown {
		g.latest, g.old = map[string]V{}, g.latest
	}
	g.latest[key] = v
}

// chain returns the certificates that a text was read as; a nil known has none.
func (k *known) chain(text string) ([]*x509.Certificate, bool) {
	if k == nil {
		return nil, false
	}
	return k.chains.get(text)
}

// signer judges the certificate of a seal that has been proved, from memory if
// the Validator can.
func (v *Verifier) signer(ctx context.Context, chain []*x509.Certificate, at time.Time) (*eidas.Result, *eidas.Error) {
	memory, ok := v.c.Validator.(Rechecker)
	if ok {
		if prev, met := v.known.results.of(chain[0].Raw); met {
			if result, sure := memory.Recheck(prev, at); sure {
				return result, nil
			}
		}
	}
	result, refusal := v.validate(ctx, chain, at)
	if refusal == nil && ok {
		v.known.results.add(string(chain[0].Raw), result)
	}
	return result, refusal
}
