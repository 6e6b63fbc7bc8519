package rediscache_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/valkey-io/valkey-go"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/qwac"
	"github.com/seed-b953571c/eidas/revocation/rediscache"
)

var _ qwac.RotationStore = (*rediscache.RotationStore)(nil)

// rotation is a connection of one instance.
func (s *server) rotation(t *testing.T) *rediscache.RotationStore {
	t.Helper()
	store, err := rediscache.NewRotationStore(rediscache.RotationConfig{Server: s.options(), MaxRecord: 1000})
	require.NoError(t, err)
	t.Cleanup(store.Close)
	return store
}

// put stores records as they are.
func put(t *testing.T, store qwac.RotationStore, keys []string, records ...[]byte) {
	t.Helper()
	require.NoError(t, store.Update(t.Context(), keys, func([][]byte) [][]byte { return records }))
}

// get reads without a change.
func get(t *testing.T, store qwac.RotationStore, keys ...string) (records [][]byte) {
	t.Helper()
	require.NoError(t, store.Update(t.Context(), keys, func(there [][]byte) [][]byte {
		records = there
		return nil
	}))
	return records
}

// patient waits for the server beyond the second that qwac gives it: how fast
// this machine is, is not the question.
type patient struct{ qwac.RotationStore }

func (p patient) Update(ctx context.Context, keys []string, f func([][]byte) [][]byte) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	return p.RotationStore.Update(ctx, keys, f)
}

// follow starts an instance that follows certificates and tells its events.
func follow(t *testing.T, cfg eidas.Config, store qwac.RotationStore, told func(qwac.Event)) *qwac.Verifier {
	t.Helper()
	validator, err := eidas.NewValidator(cfg)
	require.NoError(t, err)
	verifier, err := qwac.New(qwac.Config{Validator: validator, Rotation: qwac.Rotation{
		Store: store, OnEvent: func(_ context.Context, e qwac.Event) { told(e) },
	}})
	require.NoError(t, err)
	return verifier
}

// TestRotationIsToldOnce: of all requests that see a certificate for the first
// time, on two instances at once, one tells.
func TestRotationIsToldOnce(t *testing.T) {
	redis := startServer(t)
	w, _, first := newWorld(t)
	cfg, err := w.Config(eidas.DefaultPolicy(eidas.RequireRoles(eidas.RoleAI)))
	require.NoError(t, err)
	next := w.QWAC("LT", "PSDLT-LB-123456", eidas.RoleAI)
	var mu sync.Mutex
	told := map[qwac.EventKind]int{}
	tell := func(e qwac.Event) { mu.Lock(); told[e.Kind]++; mu.Unlock() }
	open := func() qwac.RotationStore {
		store, err := rediscache.NewRotationStore(rediscache.RotationConfig{Server: redis.options()})
		require.NoError(t, err)
		t.Cleanup(store.Close)
		return patient{store}
	}
	fleet := []*qwac.Verifier{follow(t, cfg, open(), tell), follow(t, cfg, open(), tell)}
	ctx := t.Context()
	visits := func(leaf *x509.Certificate, chain []*x509.Certificate) {
		var wg sync.WaitGroup
		begin := make(chan struct{})
		for i := range 100 {
			wg.Go(func() {
				<-begin
				_, err := fleet[i%2].Peer(ctx, tls.ConnectionState{HandshakeComplete: true, PeerCertificates: append([]*x509.Certificate{leaf}, chain...)})
				assert.NoError(t, err)
			})
		}
		close(begin)
		wg.Wait()
	}
	visits(first.Certificate, first.Chain)
	assert.Equal(t, map[qwac.EventKind]int{qwac.EventFirstSeen: 1}, told)
	visits(next.Certificate, next.Chain)
	assert.Equal(t, map[qwac.EventKind]int{qwac.EventFirstSeen: 2, qwac.EventOverlapping: 1}, told)
	id, err := eidas.ParseIdentity("PSDLT-LB-123456")
	require.NoError(t, err)
	for _, v := range fleet {
		refs, err := v.Certificates(ctx, id)
		require.NoError(t, err)
		assert.Len(t, refs, 2)
	}
}

// TestRotationLosesNothing: 200 updates of one key at once are 200 updates.
func TestRotationLosesNothing(t *testing.T) {
	redis := startServer(t)
	fleet := []*rediscache.RotationStore{redis.rotation(t), redis.rotation(t)}
	ctx := t.Context()
	const updates = 200
	var wg sync.WaitGroup
	var mu sync.Mutex
	calls := 0
	begin := make(chan struct{})
	for i := range updates {
		wg.Go(func() {
			<-begin
			assert.NoError(t, fleet[i%2].Update(ctx, []string{"counter"}, func(records [][]byte) [][]byte {
				mu.Lock()
				calls++
				mu.Unlock()
				n, _ := strconv.Atoi(string(records[0]))
				return [][]byte{[]byte(strconv.Itoa(n + 1))}
			}))
		})
	}
	close(begin)
	wg.Wait()
	assert.Equal(t, [][]byte{[]byte(strconv.Itoa(updates))}, get(t, fleet[0], "counter"))
	t.Logf("%d updates, f was called %d times", updates, calls)
}

// TestRotationIsOneStep: a change of any of the records meanwhile, and only that,
// makes it begin again with nothing stored.
func TestRotationIsOneStep(t *testing.T) {
	redis := startServer(t)
	a, b := redis.rotation(t), redis.rotation(t)
	for name, row := range map[string]struct {
		meanwhile []byte // of key 2
		calls     int
	}{
		"another record":           {[]byte("z"), 2},
		"an empty one":             {[]byte{}, 2},
		"one with a byte more":     {[]byte("y\x00"), 2},
		"the same":                 {[]byte("y"), 1},
		"nothing":                  {nil, 1},
		"one that looks like none": {[]byte("0"), 2},
	} {
		t.Run(name, func(t *testing.T) {
			keys := []string{name + "1", name + "2", name + "3"}
			put(t, a, keys, []byte("x"), []byte("y"))
			calls := 0
			require.NoError(t, a.Update(t.Context(), keys, func(records [][]byte) [][]byte {
				calls++
				if calls == 1 {
					assert.Equal(t, [][]byte{[]byte("x"), []byte("y"), nil}, records)
					put(t, b, keys[1:2], row.meanwhile)
					return [][]byte{[]byte("first"), nil, []byte("first")}
				}
				assert.Equal(t, [][]byte{[]byte("x"), row.meanwhile, nil}, records)
				return [][]byte{nil, nil, {}}
			}))
			assert.Equal(t, row.calls, calls)
			want := [][]byte{[]byte("x"), row.meanwhile, {}}
			if row.calls == 1 {
				want = [][]byte{[]byte("first"), []byte("y"), []byte("first")}
			}
			assert.Equal(t, want, get(t, b, keys...))
		})
	}
	t.Run("one that has gone", func(t *testing.T) {
		put(t, a, []string{"gone"}, []byte("x"))
		var seen [][]byte
		require.NoError(t, a.Update(t.Context(), []string{"gone"}, func(records [][]byte) [][]byte {
			if seen = append(seen, records[0]); len(seen) == 1 {
				do(t, redis.attacker(t), "FLUSHALL")
			}
			return [][]byte{[]byte("y")}
		}))
		assert.Equal(t, [][]byte{[]byte("x"), nil}, seen)
	})
}

func TestRotationBounds(t *testing.T) {
	redis := startServer(t)
	store, admin := redis.rotation(t), redis.attacker(t)
	full := []byte(strings.Repeat("\x00", 1000))
	put(t, store, []string{"a", "b"}, full, []byte("b"))
	for name, next := range map[string][][]byte{
		"too large":                     {[]byte("new"), append(full, 0)},
		"too large, and of another key": {append(full, 0), []byte("new")},
	} {
		require.Error(t, store.Update(t.Context(), []string{"a", "b"}, func([][]byte) [][]byte { return next }), name)
		assert.Equal(t, [][]byte{full, []byte("b")}, get(t, store, "a", "b"), name)
	}
	uncalled := func([][]byte) [][]byte { assert.Fail(t, "f was called"); return nil }
	require.Error(t, store.Update(t.Context(), nil, uncalled), "no key")
	require.Error(t, store.Update(t.Context(), make([]string, 17), uncalled), "too many keys")
	assert.Len(t, get(t, store, make([]string, 16)...), 16)

	keys, err := do(t, admin, "KEYS", "*").AsStrSlice()
	require.NoError(t, err)
	require.Len(t, keys, 2)
	for _, key := range keys {
		assert.Len(t, key, len(rediscache.DefaultRotationPrefix)+64)
		ttl, err := do(t, admin, "TTL", key).AsInt64()
		require.NoError(t, err)
		assert.InDelta(t, qwac.RotationRetention.Seconds(), ttl, 60)
		do(t, admin, "DEL", key)
		do(t, admin, "HSET", key, "x", "y")
	}
	require.Error(t, store.Update(t.Context(), []string{"a"}, uncalled), "no record")
	for _, key := range keys {
		do(t, admin, "SET", key, strings.Repeat("x", 1001))
	}
	require.Error(t, store.Update(t.Context(), []string{"c", "a"}, uncalled), "a record too large")

	put(t, store, []string{strings.Repeat("k", 1<<20)}, []byte("x"))
	assert.Equal(t, [][]byte{[]byte("x"), nil}, get(t, store, strings.Repeat("k", 1<<20), "k"))
}

// TestRotationGivesUp: an update that others are always ahead of ends.
func TestRotationGivesUp(t *testing.T) {
	redis := startServer(t)
	a, b := redis.rotation(t), redis.rotation(t)
	calls := 0
	busy := func([][]byte) [][]byte {
		calls++
		put(t, b, []string{"k"}, []byte(strconv.Itoa(calls)))
		return [][]byte{[]byte("mine")}
	}
	require.Error(t, a.Update(t.Context(), []string{"k"}, busy))
	assert.Equal(t, 512, calls)
	assert.Equal(t, [][]byte{[]byte("512")}, get(t, a, "k"))

	ctx, cancel := context.WithCancel(t.Context())
	calls = 0
	err := a.Update(ctx, []string{"k"}, func(records [][]byte) [][]byte {
		if calls == 2 {
			cancel()
		}
		return busy(records)
	})
	require.ErrorIs(t, err, context.Canceled)
	assert.Equal(t, 3, calls)
	assert.Equal(t, [][]byte{[]byte("3")}, get(t, a, "k"))
}

func TestRotationServerDies(t *testing.T) {
	redis := startServer(t)
	store := redis.rotation(t)
	put(t, store, []string{"k"}, []byte("x"))
	err := store.Update(t.Context(), []string{"k"}, func([][]byte) [][]byte {
		redis.stop()
		return [][]byte{[]byte("y")}
	})
	require.Error(t, err, "while it updates")
	uncalled := func([][]byte) [][]byte { assert.Fail(t, "f was called"); return nil }
	require.Error(t, store.Update(t.Context(), []string{"k"}, uncalled))
	late := redis.rotation(t)
	require.Error(t, late.Update(t.Context(), []string{"k"}, uncalled), "an instance that starts without it")
	redis.start(t)
	for _, s := range []*rediscache.RotationStore{store, late} {
		require.Eventually(t, func() bool {
			return s.Update(context.Background(), []string{"k"}, func([][]byte) [][]byte { return nil }) == nil
		}, patience, 10*time.Millisecond, "it is back")
	}
	redis.hang(t)
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	err = store.Update(ctx, []string{"k"}, uncalled)
	require.ErrorIs(t, err, context.DeadlineExceeded)
	store.Close()
	require.Error(t, store.Update(t.Context(), []string{"k"}, uncalled))
}

func TestRotationConfigRefused(t *testing.T) {
	assert.Equal(t, qwac.RotationRetention, rediscache.DefaultRetention)
	good := valkey.ClientOption{InitAddress: []string{"127.0.0.1:1"}}
	for name, cfg := range map[string]rediscache.RotationConfig{
		"no server":          {},
		"negative MaxRecord": {Server: good, MaxRecord: -1},
		"short Retention":    {Server: good, Retention: time.Millisecond - 1},
		"negative Retention": {Server: good, Retention: -time.Hour},
	} {
		_, err := rediscache.NewRotationStore(cfg)
		require.Error(t, err, name)
	}
	_, err := rediscache.NewRotationStore(rediscache.RotationConfig{Server: good, Retention: time.Millisecond, MaxRecord: 1})
	require.NoError(t, err)
}
