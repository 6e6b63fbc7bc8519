package qwac

import (
	"container/list"
	"context"
	"sync"
)

// maxStoreBytes bounds a MemoryStore. A TPP with 10 certificates takes some
// 12 KiB (twice that with AllowTokensFor), so it is enough for 5,000 such
// TPPs at one bank, and most have one or two. Beyond it what was not used for longest is forgotten, and
// told again when it comes back.
const maxStoreBytes = 64 << 20

// recordCost is what a record takes beside its key and content.
const recordCost = 256

// MemoryStore is a RotationStore in the memory of one instance. Its zero value
// is empty and ready for use. It is safe for concurrent use.
type MemoryStore struct {
	mu     sync.Mutex
	latest list.List // of *storedRecord, latest used first
	byKey  map[string]*list.Element
	bytes  int
}

type storedRecord struct {
	key   string
	value []byte
}

func (r *storedRecord) size() int { return len(r.key) + len(r.value) + recordCost }

// Update implements RotationStore.
func (s *MemoryStore) Update(ctx context.Context, keys []string, f func([][]byte) [][]byte) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	records := make([][]byte, len(keys))
	for i, key := range keys {
		if e := s.byKey[key]; e != nil {
			s.latest.MoveToFront(e)
			if r, ok := e.Value.(*storedRecord); ok {
				records[i] = r.value
			}
		}
	}
	for i, value := range f(records) {
		if value != nil && i < len(keys) {
			s.put(keys[i], value)
		}
	}
	return nil
}

func (s *MemoryStore) put(key string, value []byte) {
	if s.byKey == nil {
		s.byKey = make(map[string]*list.Element)
	}
	if e := s.byKey[key]; e != nil {
		s.remove(e)
	}
	r := &storedRecord{key, value}
	s.byKey[key] = s.latest.PushFront(r)
	s.bytes += r.size()
	for s.bytes > maxStoreBytes && s.latest.Len() > 1 {
		s.remove(s.latest.Back())
	}
}

func (s *MemoryStore) remove(e *list.Element) {
	r, ok := s.latest.Remove(e).(*storedRecord)
	if !ok {
		return
	}
	delete(s.byKey, r.key)
	s.bytes -= r.size()
}
