package trustlist

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"sync"
	"sync/atomic"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/seed-b953571c/eidas"
)

const (
	// DefaultInterval is how long a list may be believed unchanged. TS 119 615
	// v1.2.1, 4.1.4 leaves it to the policy; the Commission's validator asks
	// every 6 hours.
	DefaultInterval = 6 * time.Hour
	// DefaultRetry is the wait after the first failure; it doubles up to the
	// interval.
	DefaultRetry = 5 * time.Minute
	// minWait keeps a list that is overdue from being asked for all the time.
	minWait = time.Minute
	// maxJitter is the part of a wait by which processes are spread.
	maxJitter = 0.1
)

// ErrOffline is what Refresh returns when there is no source to refresh from.
var ErrOffline = errors.New("trustlist: store is offline")

// StoreConfig says what a Store keeps.
type StoreConfig struct {
	// Config says what to load. Its Source may be nil if Dir is set: then the
	// store is offline and lives on what somebody else puts there.
	Config
	// Dir is a folder for the originals of the lists in use, created if need be;
	// "": none, and a start needs the network. Several processes may share it.
	Dir string
	// Interval is the longest time between refreshes; zero: DefaultInterval.
	Interval time.Duration
	// Retry is the first wait after a failure; zero: DefaultRetry.
	Retry time.Duration
	// OnChange is called after each change of the lists in use, one call at a
	// time; before is nil at the first. It must not block for long, nor refresh the
	// store. nil: not.
	OnChange func(before, after *Snapshot)
	// Registerer gets the metrics; nil: none.
	Registerer prometheus.Registerer
}

// Store holds the current snapshot and keeps it alive. Readers never wait: a
// refresh that fails leaves what was there, and each list has a last good copy of
// its own. A store without a snapshot has no services, so that everything is
// refused. It is safe for concurrent use.
type Store struct {
	config   StoreConfig
	disk     *disk // nil: none
	metrics  *metrics
	snapshot atomic.Pointer[Snapshot]

	refreshing sync.Mutex // one refresh at a time
	failures   int        // in a row; held by refreshing
	floors     floors     // not lost with a snapshot that cannot be had; held by refreshing

	mu      sync.Mutex // of what follows
	attempt attempt
}

// attempt is the outcome of the last attempts to get lists.
type attempt struct {
	started   time.Time // of the last
	succeeded time.Time // of the last in which the LOTL was had
	err       error     // of the last
	disk      error     // of the last attempt to write
}

// NewStore returns an empty store, or an error that names the field which is no
// use. It reads nothing and starts no goroutine: call Run, or Load and Refresh.
// Close it after use.
func NewStore(c StoreConfig) (*Store, error) {
	online := c.Source != nil
	checked := c.Config
	if !online && c.Dir != "" {
		checked.Source = &Folder{} // stands for the one in Dir
	}
	if err := checked.check(time.Unix(1, 0)); err != nil {
		return nil, err
	}
	if c.Interval < 0 || c.Retry < 0 {
		return nil, fmt.Errorf("trustlist: StoreConfig.Interval and Retry must not be negative")
	}
	if c.Interval == 0 {
		c.Interval = DefaultInterval
	}
	if c.Retry == 0 {
		c.Retry = DefaultRetry
	}
	s := &Store{config: c, floors: floors{}}
	s.metrics = newMetrics(s)
	if c.Dir != "" {
		d, err := openDisk(c.Dir)
		if err != nil {
			return nil, err
		}
		s.disk = d
	}
	if err := s.metrics.register(c.Registerer); err != nil {
		return nil, errors.Join(err, s.Close())
	}
	return s, nil
}

// Close releases the folder. The snapshot stays usable.
func (s *Store) Close() error {
	s.metrics.unregister(s.config.Registerer)
	if s.disk == nil {
		return nil
	}
	return s.disk.close()
}

// Services returns the services in use, nil when there are none yet. It makes a
// Store a source of services for a Validator.
func (s *Store) Services() *eidas.ServiceSet {
	if now := s.snapshot.Load(); now != nil {
		return now.services
	}
	return nil
}

// Snapshot returns the lists in use, nil when there are none yet.
func (s *Store) Snapshot() *Snapshot { return s.snapshot.Load() }

// Load reads the lists in the folder, and authenticates them like those from the
// network. It is for the start: a store that has a snapshot keeps it, unless it is
// offline. The error
// matches fs.ErrNotExist when nothing was kept there yet.
func (s *Store) Load(ctx context.Context) error {
	if s.disk == nil {
		return fmt.Errorf("trustlist: StoreConfig.Dir is not set")
	}
	s.refreshing.Lock()
	defer s.refreshing.Unlock()
	last := s.snapshot.Load()
	online := s.config.Source != nil
	if last != nil && online {
		return nil
	}
	started := time.Now()
	s.disk.recall(s.floors)
	next, err := s.disk.load(ctx, s.config.Config, last, s.floors, started)
	if err == nil {
		s.use(ctx, next)
	}
	if !online {
		s.note(next, err, started)
	}
	return err
}

// Refresh fetches every list that has changed and takes what is authentic and
// not older than what is in use, or what was ever in use here: the newest edition
// of each national list is remembered, in Dir too, whatever becomes of the list.
// Lists that failed are in the reports of the
// snapshot, with their last good copy in use. The error says that there is no
// snapshot, or that ctx ended; what was in use stays.
func (s *Store) Refresh(ctx context.Context) error {
	if s.config.Source == nil {
		return ErrOffline
	}
	s.refreshing.Lock()
	defer s.refreshing.Unlock()
	started := time.Now()
	l, err := newLoader(s.config.Config, s.snapshot.Load(), started)
	if err != nil {
		return err
	}
	l.floors = s.floors
	if s.disk != nil {
		l.archive = s.disk
		s.disk.recall(s.floors)
	}
	next, err := l.load(ctx)
	if err == nil {
		s.use(ctx, next)
		s.keep(ctx, next, l.failed)
	}
	s.note(next, err, started)
	return err
}

// note keeps the outcome of an attempt to get lists.
func (s *Store) note(next *Snapshot, err error, started time.Time) {
	s.count(next, err)
	s.metrics.refreshed(next, err, time.Since(started))
	s.mu.Lock()
	defer s.mu.Unlock()
	s.attempt.started, s.attempt.err = started, err
	if err == nil && !next.LOTL.Kept {
		s.attempt.succeeded = started
	}
}

// Health says how the store is now.
func (s *Store) Health() Health { return s.health(time.Now()) }

// use makes a snapshot the current one.
func (s *Store) use(ctx context.Context, next *Snapshot) {
	before := s.snapshot.Swap(next)
	next.log(ctx, s.config.Logger)
	if s.config.OnChange != nil && (before == nil || before.ID != next.ID) {
		s.config.OnChange(before, next)
	}
}

// keep writes a snapshot to disk. If a list could not be written, the manifest
// stays as it was and with it a whole snapshot.
func (s *Store) keep(ctx context.Context, next *Snapshot, failed error) {
	if s.disk == nil {
		return
	}
	if failed == nil {
		s.disk.recall(s.floors) // what another process has raised meanwhile
		failed = s.disk.commit(next, s.floors, time.Now())
	}
	s.complain(ctx, "trusted lists not written to disk", failed)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.attempt.disk = failed
}

// count notes whether a refresh must be tried again soon.
func (s *Store) count(next *Snapshot, err error) {
	failed := err != nil || next.LOTL.Kept
	if !failed {
		for _, r := range next.Lists {
			failed = failed || r.Reason != 0
		}
	}
	if !failed {
		s.failures = 0
		return
	}
	s.failures++
}

// Run keeps the store alive until ctx ends: it loads what is on disk, then
// refreshes again and again. It returns the error of ctx. An offline store reads
// the folder again and again.
func (s *Store) Run(ctx context.Context) error {
	step := s.Refresh
	if s.config.Source == nil {
		step = s.Load
	} else if s.disk != nil {
		if err := s.Load(ctx); !errors.Is(err, fs.ErrNotExist) { // the first start finds nothing
			s.complain(ctx, "trusted lists not read from disk", err)
		}
	}
	for {
		s.complain(ctx, "trusted lists not refreshed", step(ctx))
		timer := time.NewTimer(s.wait(time.Now()))
		select {
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		case <-timer.C:
		}
	}
}

func (s *Store) complain(ctx context.Context, what string, err error) {
	if err != nil && s.config.Logger != nil {
		s.config.Logger.ErrorContext(ctx, what, "error", err)
	}
}

// wait returns the time to the next refresh: the interval, less when a list
// announces its next update before, less after a failure.
func (s *Store) wait(now time.Time) time.Duration {
	s.refreshing.Lock()
	defer s.refreshing.Unlock()
	wait := s.config.Interval
	if current := s.snapshot.Load(); current != nil {
		for _, e := range current.accepted() {
			if due := e.report.NextUpdate.Sub(now); !e.report.Final && due > 0 {
				wait = min(wait, due+time.Second) // behind it, not at it
			}
		}
	}
	if s.failures > 0 {
		retry := s.config.Retry << min(s.failures-1, 16)
		wait = min(wait, retry)
	}
	wait = max(wait, minWait)
	jitter := rand.Float64() //nolint:gosec // spreads load; nobody gains by foreseeing it
	return wait + time.Duration(jitter*maxJitter*float64(wait))
}
