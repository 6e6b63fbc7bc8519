package qwac

import (
	"container/list"
	"crypto/sha256"
	"crypto/x509"
	"encoding/binary"
	"fmt"
	"sync"

	"github.com/seed-b953571c/eidas"
)

// Limits of what is parsed for a stranger. The Validator holds the same ones
// for every way in; here they come before the parser.
const (
	// maxCertificates: real chains have 1 to 4 certificates.
	maxCertificates = 8
	// maxBytes: a real chain is below 8 KiB.
	maxBytes = 32 << 10
)

// parseChain parses what the peer sent, its own certificate first.
func parseChain(raw [][]byte) ([]*x509.Certificate, *eidas.Error) {
	if len(raw) > maxCertificates {
		return nil, &eidas.Error{Reason: eidas.ReasonChainTooLong, Err: fmt.Errorf("%d certificates, at most %d", len(raw), maxCertificates)}
	}
	size := 0
	for _, der := range raw {
		size += len(der)
	}
	if size > maxBytes {
		return nil, &eidas.Error{Reason: eidas.ReasonChainTooLong, Err: fmt.Errorf("%d bytes, at most %d", size, maxBytes)}
	}
	chain := make([]*x509.Certificate, len(raw))
	for i, der := range raw {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			// %q: the parser may quote the certificate, net/http logs the error as it is.
			return nil, &eidas.Error{Reason: eidas.ReasonCertificateMalformed, Err: fmt.Errorf("certificate %d: %q", i, err.Error())}
		}
		chain[i] = c
	}
	return chain, nil
}

// chainKey is the SHA-256 of a chain as the peer sent it.
type chainKey [sha256.Size]byte

func keyOfRaw(raw [][]byte) chainKey {
	h := sha256.New()
	var size [4]byte
	for _, der := range raw {
		// The length goes first, so that no other split of the same bytes has the same key.
		binary.BigEndian.PutUint32(size[:], uint32(len(der))) //nolint:gosec // a certificate message is below 16 MiB
		h.Write(size[:])
		h.Write(der)
	}
	var k chainKey
	h.Sum(k[:0])
	return k
}

func keyOf(chain []*x509.Certificate) chainKey { return keyOfRaw(rawOf(chain)) }

// rawOf returns the certificates in the form in which the peer sent them.
func rawOf(chain []*x509.Certificate) [][]byte {
	raw := make([][]byte, len(chain))
	for i, c := range chain {
		raw[i] = c.Raw
	}
	return raw
}

// maxProvenChains bounds the chains kept parsed: more than the TPPs that call
// one instance within the life of a ticket. A chain takes some 30 KiB parsed,
// so all of them at most some 15 MiB.
const maxProvenChains = 512

// chainCache keeps the parsed chains of peers that have proved their key, the
// latest used. No stranger can put anything in, and it decides nothing: a chain
// found here is judged like any other.
type chainCache struct {
	mu     sync.Mutex
	latest *list.List // of provenChain, latest used first
	byKey  map[chainKey]*list.Element
}

type provenChain struct {
	key   chainKey
	chain []*x509.Certificate
}

func newChainCache() *chainCache {
	return &chainCache{latest: list.New(), byKey: make(map[chainKey]*list.Element)}
}

func (c *chainCache) get(key chainKey) ([]*x509.Certificate, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.byKey[key]
	if e == nil {
		return nil, false
	}
	c.latest.MoveToFront(e)
	p, ok := e.Value.(provenChain)
	return p.chain, ok
}

func (c *chainCache) add(key chainKey, chain []*x509.Certificate) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if e := c.byKey[key]; e != nil {
		c.latest.MoveToFront(e)
		return
	}
	c.byKey[key] = c.latest.PushFront(provenChain{key, chain})
	if c.latest.Len() <= maxProvenChains {
		return
	}
	if p, ok := c.latest.Remove(c.latest.Back()).(provenChain); ok {
		delete(c.byKey, p.key)
	}
}
