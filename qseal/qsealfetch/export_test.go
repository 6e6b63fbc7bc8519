package qsealfetch

import "time"

// Bounds of what one TPP may do at one host.
const (
	MaxConcurrent = maxConcurrent
	MaxInside     = maxInside
	MaxMisses     = maxMisses
	MissRest      = missRest
	MaxCallers    = maxCallers
)

// Kept is the number of files that a resolver keeps.
func (r *Resolver) Kept() int {
	n := 0
	for _, h := range r.hosts {
		h.mu.Lock()
		n += len(h.latest) + len(h.old)
		h.mu.Unlock()
	}
	return n
}

// Inside is the number of messages that wait for files of a host, or fetch them.
func (r *Resolver) Inside(name string) int {
	n := 0
	h := r.hosts[name]
	h.mu.Lock()
	defer h.mu.Unlock()
	for _, c := range h.callers {
		n += c.inside
	}
	return n
}

// Occupy takes all turns of strangers at a host, for ever.
func (r *Resolver) Occupy(name string) {
	c, _ := r.hosts[name].enter("", time.Time{})
	for range maxConcurrent {
		c.slots <- struct{}{}
	}
}

// Callers are those of one host.
type Callers struct{ h host }

// NewCallers knows nobody.
func NewCallers() *Callers { return &Callers{host{callers: map[string]*caller{}}} }

// Enter lets a message in, which does not leave.
func (c *Callers) Enter(peer string, now time.Time) error {
	_, err := c.h.enter(peer, now)
	return err
}

// Miss lets a message in, which asks for a file in vain, if it may, and leaves.
// It reports whether it has asked.
func (c *Callers) Miss(peer string, now time.Time) bool {
	in, err := c.h.enter(peer, now)
	if err != nil {
		return false
	}
	defer c.h.leave(in)
	return c.h.charge(in, now)
}

// Len is the number of callers that are remembered.
func (c *Callers) Len() int { return len(c.h.callers) }
