package qwac

import (
	"container/list"
	"crypto/x509"
	"sync"
	"sync/atomic"
	"time"

	"github.com/seed-b953571c/eidas"
)

const (
	// maxDecisions is more than the certificates that the TPPs of the EU use at
	// one bank within an hour. A decision takes 8 KiB with a small parsed chain
	// (BenchmarkHeapOfKnownPeers) and up to three times that with a large one, so
	// all of them some 16 to 50 MiB.
	maxDecisions = 2048
	// maxDecisionsOfOne bounds the chains of one identity, so that a TPP that
	// sends its certificate with ever other ones behind it (each is a chain of
	// its own) pushes out its own chains and nobody else's.
	maxDecisionsOfOne = 64
	// maxDecisionAge is after how long a decision is made anew, whatever it
	// rests on: what a defect in the bounds of evidence would cost at most.
	maxDecisionAge = 5 * time.Minute
)

// rechecker is a Validator that can judge a peer again from memory;
// *eidas.Validator is one.
type rechecker interface {
	Recheck(prev *eidas.Result, at time.Time) (*eidas.Result, bool)
}

// decisions remembers the chains of peers that have proved their key, the
// latest used, each with the latest positive verdict about it. No stranger can
// put anything in. Nothing found here is a verdict by itself: it is held
// against the present each time (eidas.Validator.Recheck).
type decisions struct {
	mu     sync.Mutex
	latest *list.List // of *decision, latest used first
	byKey  map[chainKey]*list.Element
	of     map[eidas.Identity]int // how many decisions an identity has
}

// decision is what is remembered about one chain.
type decision struct {
	key      chainKey
	identity eidas.Identity
	chain    []*x509.Certificate
	verdict  atomic.Pointer[keptVerdict]
	proved   atomic.Int64 // the latest full handshake, in Unix nanoseconds
}

type keptVerdict struct {
	result *eidas.Result
	since  time.Time // when the Validator judged from scratch
}

func newDecisions() *decisions {
	return &decisions{latest: list.New(), byKey: make(map[chainKey]*list.Element), of: make(map[eidas.Identity]int)}
}

// get returns what is known about a chain, nil when nothing is.
func (c *decisions) get(key chainKey) *decision {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.byKey[key]
	if e == nil {
		return nil
	}
	c.latest.MoveToFront(e)
	d, _ := e.Value.(*decision)
	return d
}

// add remembers a chain whose peer has proved its key and was let in.
func (c *decisions) add(key chainKey, chain []*x509.Certificate, result *eidas.Result, at time.Time) *decision {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.byKey[key]; e != nil {
		c.latest.MoveToFront(e)
		d, _ := e.Value.(*decision)
		return d
	}
	d := &decision{key: key, identity: result.Identity, chain: chain}
	d.keep(result, at)
	d.proved.Store(at.UnixNano())
	c.byKey[key] = c.latest.PushFront(d)
	c.of[d.identity]++
	switch {
	case c.of[d.identity] > maxDecisionsOfOne:
		c.removeLast(func(old *decision) bool { return old.identity == d.identity })
	case c.latest.Len() > maxDecisions:
		c.removeLast(func(*decision) bool { return true })
	}
	return d
}

// removeLast forgets the decision that was not used for longest, of those that may go.
func (c *decisions) removeLast(mayGo func(*decision) bool) {
	for e := c.latest.Back(); e != nil; e = e.Prev() {
		d, ok := e.Value.(*decision)
		if !ok || !mayGo(d) {
			continue
		}
		c.latest.Remove(e)
		delete(c.byKey, d.key)
		if c.of[d.identity]--; c.of[d.identity] == 0 {
			delete(c.of, d.identity)
		}
		return
	}
}

func (d *decision) keep(result *eidas.Result, since time.Time) {
	d.verdict.Store(&keptVerdict{result, since})
}

// recheck returns the verdict that still holds, nil when the Validator must be
// asked.
func (v *Verifier) recheck(d *decision, at time.Time) (result *eidas.Result) {
	if d == nil || v.memory == nil {
		return nil
	}
	// It runs code of third hands. The Validator will panic as well, and there
	// it is reported.
	defer func() {
		if p := recover(); p != nil {
			result = nil
		}
	}()
	kept := d.verdict.Load()
	if at.Sub(kept.since) > maxDecisionAge {
		return nil
	}
	result, ok := v.memory.Recheck(kept.result, at)
	if !ok {
		return nil
	}
	if result != kept.result {
		d.keep(result, kept.since)
	}
	return result
}
