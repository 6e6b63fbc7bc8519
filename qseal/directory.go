package qseal

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"fmt"
)

// Resolved is what a Resolver found.
type Resolved struct {
	// Chain has the sealer's own certificate first.
	Chain []*x509.Certificate
	// SHA256 is that of the file that Chain was read from, byte for byte (STET).
	SHA256 [32]byte
}

// Directory is a Resolver of certificates that are known beforehand. It never
// dials. It is immutable and safe for concurrent use.
type Directory struct {
	names  map[string]*Resolved
	leaves map[string]*Resolved // by the SHA-256 of the certificate in DER
}

// NewDirectory reads certificate files in the forms of ParseChain. The keys are
// what seals call them: a kid, a client id, a URL. Every certificate is found by
// its SHA-256 too.
func NewDirectory(files map[string][]byte) (*Directory, error) {
	d := &Directory{names: make(map[string]*Resolved, len(files)), leaves: make(map[string]*Resolved, len(files))}
	for name, file := range files {
		chain, err := ParseChain(file)
		if err != nil {
			return nil, fmt.Errorf("qseal: certificate of %q: %w", name, err)
		}
		r := &Resolved{Chain: chain, SHA256: sha256.Sum256(file)}
		leaf := sha256.Sum256(chain[0].Raw)
		d.names[name], d.leaves[string(leaf[:])] = r, r
	}
	return d, nil
}

// Resolve implements Resolver. A digest says more than a name, which two TPPs
// may use.
func (d *Directory) Resolve(_ context.Context, h Hint) (*Resolved, error) {
	if h.SHA256 != nil {
		return d.leaves[string(h.SHA256)], nil
	}
	if h.URL != "" {
		return d.names[h.URL], nil
	}
	return d.names[h.KeyID], nil
}
