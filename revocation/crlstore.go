package revocation

import (
	"bytes"
	"crypto/sha256"
	"sync"
	"time"
)

const (
	// DefaultCRLBytes bounds the CRLs that are kept, with their indexes.
	DefaultCRLBytes = 512 << 20
	// maxStoredCRLs bounds their number: each is searched for when room is made.
	maxStoredCRLs = 1024
)

// crlKey identifies a CRL: the issuer by key and name, and the address. The
// address alone is no identity, any certificate may name it.
type crlKey [32]byte

func newCRLKey(t Target, address string) crlKey {
	h := sha256.New()
	h.Write(t.Issuer.RawSubjectPublicKeyInfo)
	h.Write(t.Certificate.RawIssuer)
	h.Write([]byte(address)) // last: the others are DER and end by themselves
	var k crlKey
	h.Sum(k[:0])
	return k
}

// storedCRL is a CRL whose signature by the issuer has been verified. It is
// immutable but for used, which the store guards.
type storedCRL struct {
	crl      *CRL
	raw      []byte // its DER, of which crl holds parts
	size     int64
	etag     string
	modified string
	fetched  time.Time
	used     uint64
}

// crlStore keeps CRLs within a bound of bytes; the least recently used go
// first. It is safe for concurrent use.
type crlStore struct {
	limit   int64
	evicted func()

	mu    sync.Mutex
	size  int64
	lists map[crlKey]*storedCRL
	turn  uint64
}

func newCRLStore(limit int64, evicted func()) *crlStore {
	return &crlStore{limit: limit, evicted: evicted, lists: make(map[crlKey]*storedCRL)}
}

// get returns a CRL, nil when there is none.
func (s *crlStore) get(key crlKey) *storedCRL {
	s.mu.Lock()
	defer s.mu.Unlock()
	l := s.lists[key]
	if l != nil {
		s.turn++
		l.used = s.turn
	}
	return l
}

// put offers a CRL and returns the one that counts from now on (rule C9).
func (s *crlStore) put(key crlKey, l *storedCRL, now time.Time) *storedCRL {
	s.mu.Lock()
	defer s.mu.Unlock()
	old := s.lists[key]
	if old != nil && !l.crl.supersedes(old.crl, now) {
		return old
	}
	if l.size > s.limit {
		return l // good for this question, too large to keep
	}
	s.remove(key)
	for s.size+l.size > s.limit || len(s.lists) >= maxStoredCRLs {
		s.removeOldest()
	}
	s.turn++
	l.used = s.turn
	s.lists[key] = l
	s.size += l.size
	return l
}

func (s *crlStore) remove(key crlKey) {
	if old := s.lists[key]; old != nil {
		s.size -= old.size
		delete(s.lists, key)
	}
}

func (s *crlStore) removeOldest() {
	var oldest crlKey
	var used uint64
	for key, l := range s.lists {
		if used == 0 || l.used < used {
			oldest, used = key, l.used
		}
	}
	s.remove(oldest)
	s.evicted()
}

// bytes is the memory in use.
func (s *crlStore) bytes() int64 {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.size
}

// supersedes reports whether c may take the place of old. A CRL never goes
// back to a lower number or an earlier time, and one of another partition does
// not drive out one that still holds.
func (c *CRL) supersedes(old *CRL, now time.Time) bool {
	if !bytes.Equal(c.pointRaw, old.pointRaw) {
		return !old.nextUpdate.IsZero() && now.After(old.nextUpdate)
	}
	if c.number != nil && old.number != nil && compareNumbers(c.number, old.number) < 0 {
		return false
	}
	return !c.thisUpdate.Before(old.thisUpdate)
}

// memory is what the CRL takes: its DER, and the index beside it.
func (c *CRL) memory() int64 {
	return int64(len(c.tbs)) + int64(len(c.signature)) + 4*int64(cap(c.index.slots)) + 64*int64(len(c.index.changes))
}
