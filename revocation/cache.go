package revocation

import (
	"container/heap"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"sync"
	"sync/atomic"
	"time"

	gocache "github.com/patrickmn/go-cache"

	"github.com/seed-b953571c/eidas"
)

const (
	// DefaultCacheEntries is about ten times the certificates that all payment
	// service providers of the EU hold.
	DefaultCacheEntries = 50_000
	// cacheShards keeps the goroutines of a busy server off each other's locks;
	// minShard keeps a small cache from being cut up.
	cacheShards = 16
	minShard    = 64
	// certificateHold is the one revocation that can be lifted (RFC 5280, 5.3.1).
	certificateHold = 6
)

// cacheKey identifies a certificate: SHA-256 of its issuer's key, its issuer's
// name and its serial number. Never the URL alone, which any certificate may
// name, and never the certificate, of which there may be several encodings.
type cacheKey [32]byte

// String is the key under which a Store has it.
func (k cacheKey) String() string { return hex.EncodeToString(k[:]) }

// newCacheKey hashes two DER elements, which end by themselves, and a number,
// so the concatenation has one reading.
func newCacheKey(t Target) cacheKey {
	spki, name, serial := t.Issuer.RawSubjectPublicKeyInfo, t.Certificate.RawIssuer, t.Certificate.SerialNumber
	var space [2048]byte // on the stack; enough for RSA-8192 and a long name
	b := append(append(space[:0], spki...), name...)
	n := (serial.BitLen() + 7) / 8
	if n > len(space)-len(b) {
		return sha256.Sum256(append(b, serial.Bytes()...))
	}
	b = b[:len(b)+n]
	serial.FillBytes(b[len(b)-n:])
	return sha256.Sum256(b)
}

// entry is a verified answer. It is immutable but for renewed,
// doubted and what usage points to.
type entry struct {
	answer     eidas.StatusAnswer
	renewAfter time.Time
	keepUntil  time.Time
	// responder is set when a local responder signed: the answer counts only as
	// long as that responder is still trusted.
	local     bool
	responder [32]byte // SHA-256 of its certificate

	// got is when the answer was asked for; zero when it was not, but came in a
	// staple or from the store.
	got time.Time
	// renewed is when renewal was last tried, in Unix nanoseconds.
	renewed atomic.Int64
	// doubted says that another instance has found a revocation, which is to be
	// verified before the entry is used again.
	doubted atomic.Bool
	// usage is shared by all entries of one certificate; nil: not noted.
	usage *usage
}

// newEntry makes an entry that is kept for as long as it can be of use: fresh,
// or as the last known good answer for allowStale after its thisUpdate.
func newEntry(a Answer, cert *x509.Certificate, allowStale time.Duration) *entry {
	e := &entry{answer: a.StatusAnswer, renewAfter: a.RenewAfter, keepUntil: a.FreshUntil, local: a.Local}
	if stale := a.ThisUpdate.Add(allowStale); stale.After(e.keepUntil) {
		e.keepUntil = stale
	}
	if a.Local {
		e.responder = sha256.Sum256(a.Responder.Raw)
	}
	if a.Status == eidas.StatusRevoked {
		// Sticky: kept until the certificate would have ended by itself.
		e.keepUntil = cert.NotAfter
	}
	return e
}

// final reports whether the entry is a revocation that nothing can lift.
func (e *entry) final() bool {
	return e.answer.Status == eidas.StatusRevoked && e.answer.Code != certificateHold
}

// counts reports whether the entry is evidence at the given time.
func (e *entry) counts(at time.Time, skew time.Duration, responders []*x509.Certificate) bool {
	if e.answer.Status == eidas.StatusRevoked {
		return true // even a hold, until a newer answer lifts it
	}
	return !at.After(e.answer.FreshUntil) && !at.Before(e.answer.ThisUpdate.Add(-skew)) && e.trusted(responders)
}

// renewalPause is the least time between two attempts to renew an entry that
// still holds, and renewalRest the time after which one is due that was old when it
// was obtained; neither is longer than OCSPPolicy.MaxAge.
const (
	renewalPause = 10 * time.Second
	renewalRest  = time.Hour
)

// present is as far as the times of two questions about the present may be apart.
const present = 5 * time.Minute

// mayRenew reports, once in a pause, that it is time for an attempt. One about a
// later time does not count.
func (e *entry) mayRenew(at time.Time, pause time.Duration) bool {
	last, now := e.renewed.Load(), at.UnixNano()
	since := time.Duration(now - last)
	return (since >= pause || since < -present) && e.renewed.CompareAndSwap(last, now)
}

// wantsRenewal reports that an answer in use has passed half to three quarters
// of its time. The share differs from certificate to certificate, so that what
// was fetched together is not renewed together. An answer that was past it when
// it was obtained rests for half of what is left to it, at most half of
// renewalRest: to ask again at once would bring the same one.
func (e *entry) wantsRenewal(key cacheKey, at time.Time) bool {
	if e.final() {
		return false
	}
	if e.got.After(at.Add(present)) {
		return true // what held at a later time need not be the latest now
	}
	life := e.renewAfter.Sub(e.answer.ThisUpdate)
	share := life/2 + life/4*time.Duration(key[1])/255
	rest := min(renewalRest, e.renewAfter.Sub(e.got)) / 2
	return at.After(e.answer.ThisUpdate.Add(share)) && at.After(e.got.Add(rest))
}

// trusted reports whether the local responder that signed is still trusted.
func (e *entry) trusted(responders []*x509.Certificate) bool {
	if !e.local {
		return true
	}
	for _, r := range responders {
		if sha256.Sum256(r.Raw) == e.responder {
			return true
		}
	}
	return false
}

// supersedes reports whether e may take the place of old. Revocation wins, and
// only a hold can be lifted, by a newer answer; an answer that is older than
// what is known is a replay, a hold as well.
func (e *entry) supersedes(old *entry) bool {
	older := e.answer.ThisUpdate.Before(old.answer.ThisUpdate)
	switch {
	case old.final():
		return false
	case e.final():
		return true
	case old.answer.Status == eidas.StatusRevoked && e.answer.Status != eidas.StatusRevoked:
		return e.answer.ThisUpdate.After(old.answer.ThisUpdate)
	}
	return !older
}

// answerCache keeps verified answers, and only those.
type answerCache interface {
	// Get returns what is known, nil when nothing is.
	Get(key cacheKey) *entry
	// Set offers an entry and returns the one that counts from now on.
	Set(key cacheKey, e *entry, now time.Time) *entry
	// Drop forgets an entry, unless it is a revocation.
	Drop(key cacheKey)
}

// memoryCache is an answerCache in memory: go-cache, sharded and bounded.
type memoryCache struct {
	shards  []*cacheShard
	evicted func()
}

// cacheShard adds to go-cache the bound that it lacks. Of a full shard goes
// the entry that would have gone first, but no revocation for anything else.
type cacheShard struct {
	entries *gocache.Cache
	limit   int

	mu    sync.Mutex // of queue and known, and of every write to entries
	queue expiryQueue
	known map[cacheKey]*expiry
}

// newMemoryCache starts no janitor: at 100,000 entries go-cache's holds its
// lock for 16 ms. Each Set makes room instead.
func newMemoryCache(limit int, evicted func()) *memoryCache {
	n := min(cacheShards, max(1, limit/minShard))
	c := &memoryCache{evicted: evicted}
	for i := range n {
		c.shards = append(c.shards, &cacheShard{
			entries: gocache.New(gocache.NoExpiration, 0),
			limit:   (limit + i) / n, // sums up to limit
			known:   make(map[cacheKey]*expiry),
		})
	}
	return c
}

func (c *memoryCache) shard(key cacheKey) *cacheShard {
	return c.shards[int(key[0])%len(c.shards)]
}

func (c *memoryCache) Get(key cacheKey) *entry {
	v, ok := c.shard(key).entries.Get(string(key[:]))
	if !ok {
		return nil
	}
	e, _ := v.(*entry)
	return e
}

func (c *memoryCache) Set(key cacheKey, e *entry, now time.Time) *entry {
	s := c.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	if old := c.Get(key); old != nil {
		if !e.supersedes(old) {
			return old
		}
		e.doubted.Store(old.doubted.Load())
	}
	ttl := e.keepUntil.Sub(now)
	if ttl <= 0 { // go-cache would keep it for ever
		return e
	}
	isRevoked := e.answer.Status == eidas.StatusRevoked
	if x := s.known[key]; x != nil {
		x.at, x.revoked = e.keepUntil, isRevoked
		heap.Fix(&s.queue, x.index)
		s.entries.Set(string(key[:]), e, ttl)
		return e
	}
	x := &expiry{key: key, at: e.keepUntil, revoked: isRevoked}
	if !s.makeRoom(x, now) {
		c.evicted()
	}
	if s.queue.Len() < s.limit {
		s.known[key] = x
		heap.Push(&s.queue, x)
		s.entries.Set(string(key[:]), e, ttl)
	}
	return e
}

func (c *memoryCache) Drop(key cacheKey) {
	s := c.shard(key)
	s.mu.Lock()
	defer s.mu.Unlock()
	if x := s.known[key]; x != nil && !x.revoked {
		heap.Remove(&s.queue, x.index)
		s.forget(x)
	}
}

// makeRoom removes what has expired. If that does not make room for x, it
// reports so, and removes the first to go unless x itself is that.
func (s *cacheShard) makeRoom(x *expiry, now time.Time) bool {
	for s.queue.Len() > 0 && s.queue.list[0].at.Before(now) {
		s.removeFirst()
	}
	if s.queue.Len() < s.limit {
		return true
	}
	if first := s.queue.list[0]; !first.revoked || x.revoked {
		s.removeFirst()
	}
	return false
}

func (s *cacheShard) removeFirst() {
	if x, ok := heap.Pop(&s.queue).(*expiry); ok {
		s.forget(x)
	}
}

func (s *cacheShard) forget(x *expiry) {
	delete(s.known, x.key)
	s.entries.Delete(string(x.key[:]))
}

func (c *memoryCache) len() int {
	n := 0
	for _, s := range c.shards {
		n += s.entries.ItemCount()
	}
	return n
}

// expiry is when an entry goes.
type expiry struct {
	key     cacheKey
	at      time.Time
	revoked bool
	index   int
}

// expiryQueue is a container/heap, the first to go on top.
type expiryQueue struct{ list []*expiry }

func (q *expiryQueue) Len() int { return len(q.list) }

func (q *expiryQueue) Less(i, j int) bool {
	a, b := q.list[i], q.list[j]
	if a.revoked != b.revoked {
		return b.revoked
	}
	return a.at.Before(b.at)
}

func (q *expiryQueue) Swap(i, j int) {
	q.list[i], q.list[j] = q.list[j], q.list[i]
	q.list[i].index, q.list[j].index = i, j
}

// Push implements heap.Interface.
func (q *expiryQueue) Push(v any) {
	if x, ok := v.(*expiry); ok {
		x.index = len(q.list)
		q.list = append(q.list, x)
	}
}

// Pop implements heap.Interface.
func (q *expiryQueue) Pop() any {
	last := len(q.list) - 1
	x := q.list[last]
	q.list[last] = nil
	q.list = q.list[:last]
	return x
}
