package eidastest

// ForgeHonest signs a list with the forger's switches off.
func ForgeHonest(l *List) ([]byte, error) {
	h, err := l.newHostile()
	if err != nil {
		return nil, err
	}
	return h.honest().sign(h.doc)
}
