package revocation_test

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"
	"maps"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/internal/fetch"
	"github.com/seed-b953571c/eidas/revocation"
)

// fakeStore is a store in memory that several Checkers share.
type fakeStore struct {
	mu      sync.Mutex
	records map[string]revocation.Record
	saved   int
	down    bool          // every call fails
	hang    bool          // every call waits for its context
	told    []string      // what Watch tells of
	more    chan struct{} // closed and renewed when there is more to tell
}

func newFakeStore() *fakeStore {
	return &fakeStore{records: make(map[string]revocation.Record), more: make(chan struct{})}
}

func (s *fakeStore) state(ctx context.Context) error {
	s.mu.Lock()
	down, hang := s.down, s.hang
	s.mu.Unlock()
	if hang {
		<-ctx.Done()
		return ctx.Err()
	}
	if down {
		return errors.New("store is down")
	}
	return nil
}

func (s *fakeStore) Load(ctx context.Context, key string) ([]byte, error) {
	if err := s.state(ctx); err != nil {
		return nil, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	r, ok := s.records[key]
	if !ok {
		return nil, revocation.ErrNotStored
	}
	return r.Value, nil
}

func (s *fakeStore) Save(ctx context.Context, r revocation.Record) error {
	if err := s.state(ctx); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.saved++
	if old, ok := s.records[r.Key]; ok && !r.Supersedes(old) {
		return nil
	}
	s.records[r.Key] = r
	if r.Revoked {
		s.tell(r.Key)
	}
	return nil
}

// tell needs mu.
func (s *fakeStore) tell(key string) {
	s.told = append(s.told, key)
	close(s.more)
	s.more = make(chan struct{})
}

func (s *fakeStore) Watch(ctx context.Context, revoked func(string)) error {
	for n := 0; ; {
		s.mu.Lock()
		told, more := s.told[n:], s.more
		n = len(s.told)
		s.mu.Unlock()
		for _, key := range told {
			revoked(key)
		}
		select {
		case <-more:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

// only is the one record.
func (s *fakeStore) only(t *testing.T) revocation.Record {
	t.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	require.Len(t, s.records, 1)
	for r := range maps.Values(s.records) {
		return r
	}
	return revocation.Record{}
}

func (s *fakeStore) put(r revocation.Record) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.records[r.Key] = r
}

// empty loses everything.
func (s *fakeStore) empty() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.records = make(map[string]revocation.Record)
}

func (s *fakeStore) set(down, hang bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.down, s.hang = down, hang
}

// network is a responder that can be told what to say; nil is silence.
type network struct {
	body  atomic.Pointer[[]byte]
	asked atomic.Int64
}

func (n *network) says(body []byte) { n.body.Store(&body) }

func (n *network) Do(context.Context, fetch.Request) (*fetch.Response, error) {
	n.asked.Add(1)
	if body := n.body.Load(); body != nil && *body != nil {
		return ocspBody(*body)
	}
	return nil, &fetch.Error{Kind: fetch.KindNetwork, Err: errors.New("down")}
}

func (n *network) checker(t *testing.T, cfg revocation.Config) *revocation.Checker {
	t.Helper()
	if cfg.NegativeTTL == 0 {
		cfg.NegativeTTL = 1
	}
	c, err := revocation.NewWithFetcher(cfg, n)
	require.NoError(t, err)
	return c
}

// ask asks at the present moment.
func ask(t *testing.T, c *revocation.Checker, w *world) (eidas.StatusAnswer, error) {
	t.Helper()
	q := w.query()
	q.At = time.Now()
	return c.CheckStatus(t.Context(), q)
}

func TestStoreWarmStart(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := liveWorld(t, "http://a.test/")
		store, up, down := newFakeStore(), new(network), new(network)
		up.says(w.good().encode(t))
		first, err := ask(t, up.checker(t, revocation.Config{Store: store}), w)
		require.NoError(t, err)
		synctest.Wait()
		reg := prometheus.NewRegistry()
		again := down.checker(t, revocation.Config{Store: store, Registerer: reg})
		a, err := ask(t, again, w)
		require.NoError(t, err)
		assert.Equal(t, first, a, "the answer of the process before")
		assert.Zero(t, down.asked.Load())
		assert.Equal(t, 1, counter(t, reg, "eidas_revocation_store_total", "load", "ok"))
		_, err = ask(t, again, w)
		require.NoError(t, err)
		assert.Equal(t, 1, counter(t, reg, "eidas_revocation_checks_total", "good", "cache"))

		_, err = ask(t, down.checker(t, revocation.Config{}), w)
		assert.Equal(t, isUnavailable, eidas.ReasonOf(err), "without a store it starts cold")

		// Past its time the answer is the last known good one, and no more.
		time.Sleep(2 * time.Hour)
		_, err = ask(t, down.checker(t, revocation.Config{Store: store}), w)
		assert.Equal(t, isUnavailable, eidas.ReasonOf(err))
		a, err = ask(t, down.checker(t, revocation.Config{Store: store, AllowStale: revocation.DefaultMaxAge}), w)
		require.NoError(t, err)
		assert.True(t, a.Stale)
		time.Sleep(22 * time.Hour)
		_, err = ask(t, down.checker(t, revocation.Config{Store: store, AllowStale: revocation.DefaultMaxAge}), w)
		assert.Equal(t, isUnavailable, eidas.ReasonOf(err), "not beyond the bound")
	})
}

// Whatever is done to a record, it is refused or says what it said.
func TestStoreTampered(t *testing.T) {
	w := liveWorld(t, "http://a.test/")
	other := *w
	other.leaf = w.mint(t, w.ca, "TPP 2", withResponder("http://a.test/"))
	store, up := newFakeStore(), new(network)
	up.says(w.revokedFor(1).encode(t))
	_, err := ask(t, up.checker(t, revocation.Config{Store: store}), w)
	require.NoError(t, err)
	require.Eventually(t, func() bool { store.mu.Lock(); defer store.mu.Unlock(); return store.saved == 1 }, time.Minute, time.Millisecond)
	record := store.only(t)

	down := new(network)
	refused := 0
	judge := func(value []byte, want eidas.Status) {
		r := record
		r.Value = value
		store.put(r)
		a, err := ask(t, down.checker(t, revocation.Config{Store: store, AllowStale: revocation.DefaultMaxAge}), w)
		if err != nil {
			assert.Equal(t, isUnavailable, eidas.ReasonOf(err))
			refused++
			return
		}
		assert.Equal(t, want, a.Status)
	}
	for i := range record.Value {
		value := bytes.Clone(record.Value)
		value[i] ^= 1
		judge(value, eidas.StatusRevoked)
	}
	for i := range record.Value {
		judge(record.Value[:i], eidas.StatusUnknown)
	}
	assert.Greater(t, refused, len(record.Value)*19/10)

	forged := func(r *response) []byte {
		value := bytes.Clone(record.Value[:9])
		return append(value, r.encode(t)...)
	}
	n := refused
	judge(forged(w.good().by(w.leaf)), eidas.StatusUnknown)
	judge(forged(other.good()), eidas.StatusUnknown)
	future := forged(w.good())
	future[1] = 0x7f
	judge(future, eidas.StatusUnknown)
	past := forged(w.good())
	copy(past[1:9], make([]byte, 8))
	judge(past, eidas.StatusUnknown)
	soon := w.good() // judged in nine minutes, to be fresh for longer
	soon.singles[0].nextUpdate = time.Time{}
	ahead := forged(soon)
	binary.BigEndian.PutUint64(ahead[1:9], uint64(time.Now().Add(9*time.Minute).Unix()))
	judge(ahead, eidas.StatusUnknown)
	assert.Equal(t, n+5, refused, "forged, about another certificate, from the future, from the past, from soon")
	judge(forged(w.good()), eidas.StatusGood) // authentic and fresh: that is what it is worth
}

func TestStoreFalseRecordIsOverwritten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := liveWorld(t, "http://a.test/")
		store, up := newFakeStore(), new(network)
		up.says(w.good().encode(t))
		_, err := ask(t, up.checker(t, revocation.Config{Store: store}), w)
		require.NoError(t, err)
		synctest.Wait()
		r := store.only(t)
		value := r.Value
		r.Value, r.Final, r.ThisUpdate = []byte("garbage that claims to be final"), true, r.ThisUpdate.AddDate(10, 0, 0)
		store.put(r)
		reg := prometheus.NewRegistry()
		_, err = ask(t, up.checker(t, revocation.Config{Store: store, Registerer: reg}), w)
		require.NoError(t, err)
		synctest.Wait()
		assert.Equal(t, 1, counter(t, reg, "eidas_revocation_store_total", "load", "refused"))
		assert.Equal(t, value, store.only(t).Value)
	})
}

// Revoked stays revoked through outage, restart, loss of the cache, an older
// good and a newer one.
func TestStoreRevokedIsSticky(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := liveWorld(t, "http://a.test/")
		folder, err := revocation.OpenFolder(t.TempDir())
		require.NoError(t, err)
		t.Cleanup(func() { assert.NoError(t, folder.Close()) })
		net := new(network)
		net.says(w.good().encode(t))
		c := net.checker(t, revocation.Config{Store: folder})
		a, err := ask(t, c, w)
		require.NoError(t, err)
		assert.Equal(t, eidas.StatusGood, a.Status)
		synctest.Wait()

		time.Sleep(2 * time.Hour)
		older := w.good().encode(t)
		w.now = time.Now()
		net.says(w.revokedFor(1).encode(t))
		a, err = ask(t, c, w)
		require.NoError(t, err)
		assert.Equal(t, eidas.StatusRevoked, a.Status)
		synctest.Wait()

		for _, replay := range [][]byte{nil, older, w.good().encode(t)} {
			for _, later := range []time.Duration{0, 24 * time.Hour, 4 * 24 * time.Hour} {
				time.Sleep(later)
				net.says(replay)
				a, err = ask(t, net.checker(t, revocation.Config{Store: folder, AllowStale: revocation.DefaultMaxAge, AllowUnavailable: true}), w)
				require.NoError(t, err)
				assert.Equal(t, eidas.StatusRevoked, a.Status, "after a restart")
			}
		}
		w.now = time.Now()
		store := newFakeStore() // the store was lost, the memory was not
		net.says(w.revokedFor(1).encode(t))
		c = net.checker(t, revocation.Config{Store: store})
		_, err = ask(t, c, w)
		require.NoError(t, err)
		synctest.Wait()
		store.empty()
		net.says(w.good().encode(t))
		a, err = ask(t, c, w)
		require.NoError(t, err)
		assert.Equal(t, eidas.StatusRevoked, a.Status)
	})
}

func TestStoreRevocationReachesTheOthers(t *testing.T) {
	for _, tt := range []struct {
		name   string
		reason int
		tamper func(*fakeStore, string)
		known  bool
		want   eidas.Status
	}{
		{"revoked", 1, func(*fakeStore, string) {}, false, eidas.StatusRevoked},
		{"on hold", 6, func(*fakeStore, string) {}, false, eidas.StatusRevoked},
		{"a notice without proof", 0, func(s *fakeStore, key string) { s.tell(key) }, false, eidas.StatusGood},
		{"a notice of nothing", 0, func(s *fakeStore, _ string) { s.tell("../../etc/passwd"); s.tell("") }, true, eidas.StatusGood},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := liveWorld(t, "http://a.test/")
				store, netA, netB := newFakeStore(), new(network), new(network)
				netB.says(w.good().encode(t))
				b := netB.checker(t, revocation.Config{Store: store})
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				ended := make(chan error)
				go func() { ended <- b.Run(ctx) }()
				a, err := ask(t, b, w)
				require.NoError(t, err)
				assert.Equal(t, eidas.StatusGood, a.Status)
				synctest.Wait()
				key := store.only(t).Key

				if tt.reason > 0 {
					netA.says(w.revokedFor(tt.reason).encode(t))
					store.empty() // so that A asks for itself
					a, err = ask(t, netA.checker(t, revocation.Config{Store: store}), w)
					require.NoError(t, err)
					assert.Equal(t, eidas.StatusRevoked, a.Status)
				}
				store.mu.Lock()
				tt.tamper(store, key)
				store.mu.Unlock()
				synctest.Wait()
				n := netB.asked.Load()
				_, ok := b.KnownStatus(eidas.StatusQuery{Certificate: w.leaf.cert, Issuer: w.ca.cert, At: time.Now()})
				assert.Equal(t, tt.known, ok, "what is doubted is not given from memory")
				a, err = ask(t, b, w)
				require.NoError(t, err)
				assert.Equal(t, tt.want, a.Status)
				_, ok = b.KnownStatus(eidas.StatusQuery{Certificate: w.leaf.cert, Issuer: w.ca.cert, At: time.Now()})
				assert.True(t, ok, "and is not doubted twice")
				assert.Equal(t, n, netB.asked.Load(), "B asks nobody")
				cancel()
				assert.ErrorIs(t, <-ended, context.Canceled)
			})
		})
	}
}

func TestStoreDown(t *testing.T) {
	for name, hang := range map[string]bool{"refusing": false, "hanging": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := liveWorld(t, "http://a.test/")
				store, net := newFakeStore(), new(network)
				store.set(true, hang)
				net.says(w.good().encode(t))
				reg := prometheus.NewRegistry()
				c := net.checker(t, revocation.Config{Store: store, Registerer: reg})
				start := time.Now()
				a, err := ask(t, c, w)
				require.NoError(t, err)
				assert.Equal(t, eidas.StatusGood, a.Status)
				assert.LessOrEqual(t, time.Since(start), revocation.DefaultStoreTimeout)
				time.Sleep(time.Minute)
				assert.Positive(t, counter(t, reg, "eidas_revocation_store_total", "load", "failed"))
				assert.Positive(t, counter(t, reg, "eidas_revocation_store_total", "save", "failed"))
				// After five failures nobody waits for it.
				for range 5 {
					w.leaf = w.mint(t, w.ca, "TPP", withResponder("http://a.test/"))
					net.says(w.good().encode(t))
					_, err = ask(t, c, w)
					require.NoError(t, err)
					time.Sleep(6 * time.Second)
				}
				start = time.Now()
				w.leaf = w.mint(t, w.ca, "TPP", withResponder("http://a.test/"))
				net.says(w.good().encode(t))
				_, err = ask(t, c, w)
				require.NoError(t, err)
				assert.Zero(t, time.Since(start))
				time.Sleep(time.Minute)
			})
		})
	}
}

func TestStoreCRL(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := crlWorld(t, nil, pointSpec{url: "http://a.test/1"})
		second := *w
		second.leaf = w.named(t, nil, pointSpec{url: "http://a.test/1"})
		list := w.crl(w.item(second.leaf, 1)).encode(t)
		up := fetcherFunc(func(context.Context, fetch.Request) (*fetch.Response, error) {
			return &fetch.Response{Status: http.StatusOK, Body: list}, nil
		})
		folder, err := revocation.OpenFolder(t.TempDir())
		require.NoError(t, err)
		t.Cleanup(func() { assert.NoError(t, folder.Close()) })
		c, err := revocation.NewWithFetcher(revocation.Config{Store: folder}, up)
		require.NoError(t, err)
		for _, known := range []*world{w, &second} {
			_, err = ask(t, c, known)
			require.NoError(t, err)
		}
		synctest.Wait()

		down := new(network)
		c = down.checker(t, revocation.Config{Store: folder})
		a, err := ask(t, c, w)
		require.NoError(t, err)
		assert.Equal(t, eidas.StatusGood, a.Status)
		assert.Zero(t, down.asked.Load(), "the CRL came from the store")

		time.Sleep(10 * 24 * time.Hour) // the CRL has long expired
		c = down.checker(t, revocation.Config{Store: folder, AllowStale: revocation.DefaultMaxAge})
		_, err = ask(t, c, w)
		require.Error(t, err)
		a, err = ask(t, c, &second)
		require.NoError(t, err)
		assert.Equal(t, eidas.StatusRevoked, a.Status, "but what it proved stands")
		time.Sleep(time.Minute)
	})
}

// A renewal between the notice of a revocation and the next question does not
// make the notice forgotten: a responder may lag behind the one that told A.
func TestStoreNoticeOutlivesARenewal(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := liveWorld(t, "http://a.test/")
		store, netA := newFakeStore(), new(network)
		var renewed atomic.Int64
		b, err := revocation.NewWithFetcher(revocation.Config{Store: store}, fetcherFunc(func(context.Context, fetch.Request) (*fetch.Response, error) {
			renewed.Add(1)
			r := w.good()
			r.producedAt, r.singles[0].thisUpdate, r.singles[0].nextUpdate = time.Now(), time.Now(), time.Now().Add(time.Hour)
			return ocspBody(r.encode(t))
		}))
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		go func() { _ = b.Run(ctx) }()
		_, err = ask(t, b, w)
		require.NoError(t, err)
		synctest.Wait()
		store.empty()
		netA.says(w.revokedFor(1).encode(t))
		_, err = ask(t, netA.checker(t, revocation.Config{Store: store}), w)
		require.NoError(t, err)
		synctest.Wait()
		require.EqualValues(t, 1, renewed.Load())
		time.Sleep(50 * time.Minute)
		require.EqualValues(t, 2, renewed.Load(), "renewed, with a good that lags behind")
		a, err := ask(t, b, w)
		require.NoError(t, err)
		assert.Equal(t, eidas.StatusRevoked, a.Status)
	})
}
