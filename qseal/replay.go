package qseal

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"
)

// ReplayMemory is a ReplayStore of one process: bounded, and safe for concurrent
// use. A bank with more than one instance needs one that they share.
type ReplayMemory struct {
	window time.Duration
	perMap int
	shards [replayShards]replayShard
}

// replayShards keep concurrent requests off each other's locks.
const replayShards = 32

// replayID is a key, hashed: 128 bits, of which an attacker can look for
// collisions among its own seals only, to its own loss.
type replayID [16]byte

type replayShard struct {
	mu          sync.Mutex
	since       time.Time
	latest, old map[replayID]struct{}
	of          map[string]int // how many of latest an owner has
}

// ownersShare keeps one TPP from filling the memory for all others: a quarter is
// the most that it gets.
const ownersShare = 4

var (
	errReplayFull  = errors.New("replay memory is full")
	errReplayShare = errors.New("replay memory is full for this owner")
)

// NewReplayMemory returns a memory of at most capacity seals, each for at least
// window and at most twice that. When it is full it fails, and does not forget:
// an attacker would fill it on purpose. One owner, which is what a key has before
// its last NUL, gets a quarter of it. A seal takes about 40 bytes. capacity must
// be 256 at least and window positive.
func NewReplayMemory(capacity int, window time.Duration) (*ReplayMemory, error) {
	switch least := 2 * ownersShare * replayShards; {
	case capacity < least:
		return nil, fmt.Errorf("qseal: NewReplayMemory: capacity must be %d at least, not %d", least, capacity)
	case window <= 0:
		return nil, fmt.Errorf("qseal: NewReplayMemory: window must be positive, not %s", window)
	}
	return &ReplayMemory{window: window, perMap: capacity / (2 * replayShards)}, nil
}

// Add implements ReplayStore. It fails for a ttl beyond the window.
func (m *ReplayMemory) Add(_ context.Context, key string, ttl time.Duration) (fresh bool, err error) {
	if ttl > m.window {
		return false, fmt.Errorf("replay memory is for %s, not for %s", m.window, ttl)
	}
	digest := sha256.Sum256([]byte(key))
	id := replayID(digest[:len(replayID{})])
	s := &m.shards[int(digest[len(digest)-1])%replayShards]
	at := now()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.turn(at, m.window)
	if _, seen := s.latest[id]; seen {
		return false, nil
	}
	if _, seen := s.old[id]; seen {
		return false, nil
	}
	owner := key[:strings.LastIndexByte(key, 0)+1]
	switch {
	case len(s.latest) >= m.perMap:
		return false, errReplayFull
	case owner != "" && s.of[owner] >= m.perMap/ownersShare:
		return false, errReplayShare
	}
	s.latest[id] = struct{}{}
	s.of[owner]++
	return true, nil
}

// turn lets go of what is older than the window, a generation at a time.
func (s *replayShard) turn(at time.Time, window time.Duration) {
	age := at.Sub(s.since)
	switch {
	case s.latest == nil, age/2 >= window: // not 2*window, which may be beyond what a Duration holds
		s.latest, s.of, s.old, s.since = map[replayID]struct{}{}, map[string]int{}, nil, at
	case age >= window:
		s.latest, s.of, s.old, s.since = map[replayID]struct{}{}, map[string]int{}, s.latest, at
	}
}
