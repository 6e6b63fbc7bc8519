package qsealfetch

import (
	"errors"
	"time"

	"github.com/seed-b953571c/eidas/qseal"
)

// Bounds of what one TPP may do at one host. They are for each pair of the two, so
// that neither a slow host nor a TPP that names files at random holds up another.
// All TPPs together have the connections that fetch allows to one host.
const (
	// maxConcurrent bounds the files that are fetched at once; who comes later
	// waits.
	maxConcurrent = 2
	// maxInside bounds the messages that wait or fetch. The first of a new seal all
	// wait for one file: at 1,000 a second, for half a second.
	maxInside = 512
	// maxMisses bounds the files that are asked for in vain, of which one is
	// forgotten with each missRest. A TPP that rotates may name its file a moment
	// before it is there.
	maxMisses = 4
	missRest  = time.Second
	// maxCallers bounds the TPPs that are remembered at a host, for as long as
	// they fetch or have missed: all third parties of the EU are a thousand.
	maxCallers = 1024
)

// What a caller is refused for. It is the caller's own doing, but for errCallers.
var (
	errInside  = errors.New("too many messages of the TPP wait for files of this host")
	errMissed  = errors.New("the last files that the TPP named at this host were not there")
	errCallers = errors.New("too many TPPs fetch files of this host")
)

// caller is a TPP at a host, or all strangers.
type caller struct {
	slots chan struct{}

	// Under the mutex of the host.
	inside int
	rested time.Time // when the last miss is forgotten
}

// enter finds the caller and lets one message of it in, which must leave.
func (h *host) enter(peer string, now time.Time) (*caller, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	c := h.callers[peer]
	if c == nil {
		if len(h.callers) >= maxCallers {
			h.forget(now)
		}
		if len(h.callers) >= maxCallers {
			return nil, errCallers
		}
		c = &caller{slots: make(chan struct{}, maxConcurrent)}
		h.callers[peer] = c
	}
	if c.inside >= maxInside {
		return nil, errInside
	}
	c.inside++
	return c, nil
}

// forget removes the callers of whom there is nothing to know.
func (h *host) forget(now time.Time) {
	for peer, c := range h.callers {
		if c.inside == 0 && !c.rested.After(now) {
			delete(h.callers, peer)
		}
	}
}

func (h *host) leave(c *caller) {
	h.mu.Lock()
	defer h.mu.Unlock()
	c.inside--
}

// charge counts a miss before it is one: whoever hangs up in between has caused
// the request too. It reports false when there have been too many.
func (h *host) charge(c *caller, now time.Time) bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	if c.rested.Before(now) {
		c.rested = now
	}
	if c.rested.Sub(now) > (maxMisses-1)*missRest {
		return false
	}
	c.rested = c.rested.Add(missRest)
	return true
}

// kept returns a file that was fetched before, nil when it is not there. It is
// right for ever: its hash says what is in it.
func (h *host) kept(sum [32]byte) *qseal.Resolved {
	h.mu.Lock()
	defer h.mu.Unlock()
	if found := h.latest[sum]; found != nil {
		return found
	}
	return h.old[sum]
}

// keep remembers a file, for everybody, and that it was no miss.
func (h *host) keep(found *qseal.Resolved, by *caller) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.latest == nil || len(h.latest) >= maxKept {
		h.latest, h.old = map[[32]byte]*qseal.Resolved{}, h.latest
	}
	h.latest[found.SHA256] = found
	by.rested = by.rested.Add(-missRest)
}
