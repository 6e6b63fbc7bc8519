package revocation

import "crypto"

// NewRequest encodes a request with the preferred hash.
func NewRequest(t Target, nonce []byte) ([]byte, error) { return newRequest(t, crypto.SHA256, nonce) }

// NewSHA1Request encodes a request with SHA-1.
func NewSHA1Request(t Target, nonce []byte) ([]byte, error) { return newRequest(t, crypto.SHA1, nonce) }

// Fetcher is what a Checker fetches with.
type Fetcher = fetcher

// NewWithFetcher is New with another way to the network.
func NewWithFetcher(cfg Config, f Fetcher) (*Checker, error) { return newChecker(cfg, f) }

// Len is the number of answers that are kept.
func (c *Checker) Len() int {
	m, ok := c.cache.(*memoryCache)
	if !ok {
		return -1
	}
	return m.len()
}
