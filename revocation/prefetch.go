package revocation

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"golang.org/x/sync/errgroup"
)

const (
	// maxInUse bounds the certificates that Run renews: several times those of
	// all payment service providers that act in the EU, some 6 KiB each.
	maxInUse = 4096
	// useMemory is how long a certificate is renewed after its last question.
	useMemory = 24 * time.Hour
	// prefetchEvery is often enough for answers that hold for five minutes.
	prefetchEvery = 15 * time.Second
	// maxPrefetch bounds the renewals at once, so that questions find slots.
	maxPrefetch = 8
	// watchPause is between two attempts to follow a store that is down.
	watchPause = time.Second
)

// Run renews what is in use before it is due, so that no handshake waits for a
// responder, and follows the revocations that other instances find. It returns
// the error of ctx. A Checker works without it, and one Run is enough.
func (c *Checker) Run(ctx context.Context) error {
	var wg sync.WaitGroup
	defer wg.Wait()
	if c.store != nil {
		wg.Go(func() { c.follow(ctx) })
	}
	tick := time.NewTicker(prefetchEvery)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-tick.C:
			c.saveAgain(ctx)
			c.prefetch(ctx, now())
		}
	}
}

// follow watches the store until ctx ends.
func (c *Checker) follow(ctx context.Context) {
	for {
		err := c.store.Watch(ctx, c.doubt)
		if ctx.Err() != nil {
			return
		}
		c.metrics.stored("watch", "failed")
		c.log.WarnContext(ctx, "revocation: store is not watched", "error", err)
		select {
		case <-ctx.Done():
			return
		case <-time.After(watchPause): //nolint:forbidigo // a pause, not a reading of the clock
		}
	}
}

// prefetch renews the answers in use that have passed half to three quarters
// of their time, and waits for that.
func (c *Checker) prefetch(ctx context.Context, at time.Time) {
	var group errgroup.Group
	group.SetLimit(maxPrefetch)
	for _, q := range c.inUse.questions(at) {
		e := c.cache.Get(q.key)
		if e == nil || !e.wantsRenewal(q.key, at) || !e.mayRenew(at, c.pause(renewalPause)) {
			continue
		}
		group.Go(func() error {
			select {
			case <-c.renew(ctx, q):
			case <-ctx.Done():
			}
			return nil
		})
	}
	_ = group.Wait() // failures are counted where they arise, and tried again
}

// usage is when a certificate was last asked about, and what it takes to ask
// again.
type usage struct {
	target Target
	last   atomic.Int64 // Unix seconds
}

// touch notes a question. u may be nil.
func (u *usage) touch(at time.Time) {
	const exact = 60 // seconds; less would be a write in every handshake
	if u == nil {
		return
	}
	if last, now := u.last.Load(), at.Unix(); now-last >= exact {
		u.last.Store(now)
	}
}

// inUse are the certificates that are asked about. It is safe for concurrent
// use; the zero value is ready.
type inUse struct {
	mu  sync.Mutex
	all map[cacheKey]*usage
}

// of returns the usage of the certificate in question. In a full memory the one
// that was not asked about for longest makes room.
func (s *inUse) of(q question) *usage {
	s.mu.Lock()
	defer s.mu.Unlock()
	if u := s.all[q.key]; u != nil {
		return u
	}
	if s.all == nil {
		s.all = make(map[cacheKey]*usage)
	}
	if len(s.all) >= maxInUse {
		s.removeOldest()
	}
	u := &usage{target: q.Target}
	u.last.Store(q.at.Unix())
	s.all[q.key] = u
	return u
}

func (s *inUse) removeOldest() {
	var oldest cacheKey
	var last int64
	first := true
	for key, u := range s.all {
		if at := u.last.Load(); first || at < last {
			oldest, last, first = key, at, false
		}
	}
	delete(s.all, oldest)
}

// questions are about everything that is in use, and forgets the rest.
func (s *inUse) questions(at time.Time) []question {
	s.mu.Lock()
	defer s.mu.Unlock()
	list := make([]question, 0, len(s.all))
	for key, u := range s.all {
		if at.Sub(time.Unix(u.last.Load(), 0)) > useMemory {
			delete(s.all, key)
			continue
		}
		list = append(list, question{key: key, Target: u.target, at: at})
	}
	return list
}
