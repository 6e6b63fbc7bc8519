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
	mu          sync.Mutex
	latest, old map[string]*eidas.Result // by the certificate in DER
}

func newKnown() *known { return &known{latest: map[string]*eidas.Result{}} }

func (k *known) get(c *x509.Certificate) *eidas.Result {
	k.mu.Lock()
	defer k.mu.Unlock()
	if r := k.latest[string(c.Raw)]; r != nil {
		return r
	}
	return k.old[string(c.Raw)]
}

func (k *known) add(c *x509.Certificate, r *eidas.Result) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if len(k.latest) >= maxKnown {
		k.latest, k.old = make(map[string]*eidas.Result, maxKnown), k.latest
	}
	k.latest[string(c.Raw)] = r
}

// signer judges the certificate of a seal that has been proved, from memory if
// the Validator can.
func (v *Verifier) signer(ctx context.Context, chain []*x509.Certificate, at time.Time) (*eidas.Result, *eidas.Error) {
	memory, ok := v.c.Validator.(Rechecker)
	if ok {
		if prev := v.known.get(chain[0]); prev != nil {
			if result, sure := memory.Recheck(prev, at); sure {
				return result, nil
			}
		}
	}
	result, refusal := v.validate(ctx, chain, at)
	if refusal == nil && ok {
		v.known.add(chain[0], result)
	}
	return result, refusal
}
