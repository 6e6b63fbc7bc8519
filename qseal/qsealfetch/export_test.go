package qsealfetch

// Kept is the number of files that a resolver keeps.
func (r *Resolver) Kept() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return len(r.latest) + len(r.old)
}
