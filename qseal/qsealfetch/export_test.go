package qsealfetch

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
