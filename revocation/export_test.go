package revocation

import (
	"crypto"
	"math/big"
	"slices"
	"time"

	"golang.org/x/crypto/cryptobyte"
)

// NewRequest encodes a request with the preferred hash.
func NewRequest(t Target, nonce []byte) ([]byte, error) { return newRequest(t, crypto.SHA256, nonce) }

// Fetcher is what a Checker fetches with.
type Fetcher = fetcher

// NewWithFetcher is New with another way to the network.
func NewWithFetcher(cfg Config, f Fetcher) (*Checker, error) { return newChecker(cfg, f, f) }

// Len is the number of answers that are kept.
func (c *Checker) Len() int {
	m, ok := c.cache.(*memoryCache)
	if !ok {
		return -1
	}
	return m.len()
}

// Lists reports whether a CRL lists a serial number of its issuer.
func Lists(c *CRL, serial *big.Int, issuer []byte) bool {
	_, ok := c.index.find(integerContent(serial), issuer, c.issuer)
	return ok
}

// Lookup is Lists with what the entry says.
func Lookup(c *CRL, serial *big.Int, issuer []byte) (at time.Time, reason int, ok bool) {
	e, ok := c.index.find(integerContent(serial), issuer, c.issuer)
	return e.revokedAt.time(), e.reason, ok
}

// ReadTime reads a GeneralizedTime or UTCTime element.
func ReadTime(der []byte) (t time.Time, ok bool) {
	in := cryptobyte.String(der)
	ok = readEitherTime(&in, &t) && in.Empty()
	return t, ok
}

// PointURLs are the URLs of a cRLDistributionPoints extension; opaque tells of
// names that are not looked into.
func PointURLs(value []byte) (urls []string, opaque, ok bool) {
	points, ok := parsePoints(value)
	for _, p := range points {
		urls = append(urls, p.urls()...)
		opaque = opaque || isOpaque(p.name) || isOpaque(pointName{full: p.issuers})
	}
	return urls, opaque, ok
}

func isOpaque(p pointName) bool {
	return p.relative != nil || slices.ContainsFunc(p.full, func(n generalName) bool {
		return n.tag == 0xa0 || n.tag == 0xa3 || n.tag == 0xa5
	})
}

// IssuingFlags are the flags of an issuingDistributionPoint extension.
func IssuingFlags(value []byte) (flags [3]bool, opaque, ok bool) {
	p, err := parseIssuingPoint(value)
	if err != nil {
		return flags, false, false
	}
	return [3]bool{p.onlyUsers, p.onlyCAs, p.indirect}, isOpaque(p.name), true
}

// Bound makes a folder smaller.
func (f *Folder) Bound(records int, bytes int64) { f.maxRecords, f.maxBytes = records, bytes }

// The limits, for tests at their edges.
const (
	MaxStoredSet = maxStoredSet
	MaxUnsaved   = maxUnsaved
	MaxInUse     = maxInUse
)

// Unsaved returns how many of n records are kept for a store that is down.
func Unsaved(n int) int {
	var u unsaved
	for range n {
		u.add(Record{})
	}
	return len(u.take())
}

// InUse are the certificates that Run renews.
type InUse struct{ s inUse }

func questionOf(n int, at time.Time) question {
	return question{key: cacheKey{byte(n), byte(n >> 8), byte(n >> 16)}, at: at}
}

// Ask asks about the n-th certificate.
func (u *InUse) Ask(n int, at time.Time) { u.s.of(questionOf(n, at)).touch(at) }

// Has reports whether the n-th one is renewed.
func (u *InUse) Has(n int) bool { return u.s.all[questionOf(n, time.Time{}).key] != nil }

// Len is how many are renewed.
func (u *InUse) Len() int { return len(u.s.all) }
