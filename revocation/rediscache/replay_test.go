package rediscache_test

import (
	"context"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas/qseal"
	"github.com/seed-b953571c/eidas/revocation/rediscache"
)

var _ qseal.ReplayStore = (*rediscache.ReplayStore)(nil)

// replay is a connection of one instance.
func (s *server) replay(t *testing.T) *rediscache.ReplayStore {
	t.Helper()
	store, err := rediscache.NewReplayStore(rediscache.ReplayConfig{Server: s.options()})
	require.NoError(t, err)
	t.Cleanup(store.Close)
	return store
}

func requireAdd(t *testing.T, store *rediscache.ReplayStore, key string, ttl time.Duration, want bool) {
	t.Helper()
	fresh, err := store.Add(t.Context(), key, ttl)
	require.NoError(t, err)
	require.Equal(t, want, fresh)
}

func requireUnknown(t *testing.T, store *rediscache.ReplayStore, key string) {
	t.Helper()
	fresh, err := store.Add(t.Context(), key, time.Hour)
	require.Error(t, err)
	require.False(t, fresh)
}

// TestReplayIsFreshOnce: of 1,000 uses of a seal at once, on two instances, one
// is fresh.
func TestReplayIsFreshOnce(t *testing.T) {
	redis := startServer(t)
	fleet := []*rediscache.ReplayStore{redis.replay(t), redis.replay(t)}
	for _, store := range fleet {
		store.Wait(patience)
	}
	ctx := t.Context()
	var wg sync.WaitGroup
	var first, known, failed atomic.Int64
	begin := make(chan struct{})
	for i := range 1000 {
		wg.Go(func() {
			<-begin
			fresh, err := fleet[i%2].Add(ctx, "seal", time.Hour)
			switch {
			case err != nil:
				failed.Add(1)
			case fresh:
				first.Add(1)
			default:
				known.Add(1)
			}
		})
	}
	close(begin)
	wg.Wait()
	assert.EqualValues(t, 1, first.Load())
	assert.EqualValues(t, 999, known.Load())
	assert.Zero(t, failed.Load())
	requireAdd(t, fleet[0], "another seal", time.Hour, true)
}

// TestReplayKeys: long keys are short ones on the server and stay different, and
// each is kept for its time.
func TestReplayKeys(t *testing.T) {
	redis := startServer(t)
	store, admin := redis.replay(t), redis.attacker(t)
	long := strings.Repeat("k", 1<<20)
	for _, key := range []string{"", "a", "a\x00", long, long + "k"} {
		requireAdd(t, store, key, time.Hour, true)
		requireAdd(t, store, key, time.Hour, false)
	}
	keys, err := do(t, admin, "KEYS", "*").AsStrSlice()
	require.NoError(t, err)
	require.Len(t, keys, 5)
	for _, key := range keys {
		assert.Len(t, key, len(rediscache.DefaultReplayPrefix)+64)
		ttl, err := do(t, admin, "PTTL", key).AsInt64()
		require.NoError(t, err)
		assert.InDelta(t, time.Hour.Milliseconds(), ttl, 60_000)
	}
	requireAdd(t, store, "short", 1, true) // a nanosecond is rounded up
	require.Eventually(t, func() bool {
		fresh, err := store.Add(context.Background(), "short", time.Hour)
		return err == nil && fresh
	}, patience, time.Millisecond)
	for _, ttl := range []time.Duration{0, -time.Hour, 11 * 365 * 24 * time.Hour} {
		fresh, err := store.Add(t.Context(), "b", ttl)
		require.Error(t, err)
		require.False(t, fresh)
	}
	requireAdd(t, store, "b", 10*365*24*time.Hour, true)
}

// TestReplayServerDies: what nobody knows is an error, and no seal is fresh twice
// because the server dies under it.
func TestReplayServerDies(t *testing.T) {
	redis := startServer(t)
	fleet := []*rediscache.ReplayStore{redis.replay(t), redis.replay(t)}
	ctx := t.Context()
	const seals = 2000
	var uses [seals]atomic.Int64
	var failed atomic.Int64
	var wg sync.WaitGroup
	half := make(chan struct{})
	for worker := range 8 {
		wg.Go(func() {
			for i := range seals {
				if i == seals/2 && worker == 0 {
					close(half)
				}
				fresh, err := fleet[worker%2].Add(ctx, strconv.Itoa(i), time.Hour)
				if fresh {
					uses[i].Add(1)
				}
				if err != nil {
					assert.False(t, fresh)
					failed.Add(1)
				}
			}
		})
	}
	<-half
	redis.stop()
	wg.Wait()
	for i := range uses {
		assert.LessOrEqual(t, uses[i].Load(), int64(1), "seal %d", i)
	}
	assert.Positive(t, failed.Load())
	t.Logf("%d of %d uses failed", failed.Load(), 8*seals)

	requireUnknown(t, fleet[0], "seal")
	late := redis.replay(t)
	requireUnknown(t, late, "seal")
	redis.start(t)
	require.Eventually(t, func() bool {
		_, err := late.Add(context.Background(), "any", time.Hour)
		return err == nil
	}, patience, 10*time.Millisecond, "it is back")
	requireAdd(t, late, "seal", time.Hour, true)
}

// TestReplayServerFails: one that is full, hangs or is not asked tells nothing.
func TestReplayServerFails(t *testing.T) {
	redis := startServer(t)
	store, admin := redis.replay(t), redis.attacker(t)
	requireAdd(t, store, "seal", time.Hour, true)
	do(t, admin, "CONFIG", "SET", "maxmemory", "1")
	requireUnknown(t, store, "another seal")
	requireUnknown(t, store, "seal")
	do(t, admin, "CONFIG", "SET", "maxmemory", "0")
	requireAdd(t, store, "seal", time.Hour, false)

	ended, cancel := context.WithCancel(t.Context())
	cancel()
	fresh, err := store.Add(ended, "a third", time.Hour)
	require.ErrorIs(t, err, context.Canceled)
	require.False(t, fresh)

	redis.hang(t)
	fresh, err = store.Add(t.Context(), "a fourth", time.Hour)
	require.ErrorIs(t, err, context.DeadlineExceeded, "a bound of its own")
	require.False(t, fresh)
	store.Close()
	requireUnknown(t, store, "seal")
	_, err = rediscache.NewReplayStore(rediscache.ReplayConfig{})
	require.Error(t, err)
}
