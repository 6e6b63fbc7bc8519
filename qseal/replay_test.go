package qseal_test

import (
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas/qseal"
)

func TestReplayMemoryForgetsAfterItsWindow(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		m, err := qseal.NewReplayMemory(1000, time.Hour)
		require.NoError(t, err)
		add := func(key string) bool {
			fresh, err := m.Add(t.Context(), key, time.Hour)
			require.NoError(t, err)
			return fresh
		}
		assert.True(t, add("a"))
		assert.False(t, add("a"))
		time.Sleep(time.Hour - 1)
		assert.False(t, add("a"), "within its time")
		assert.True(t, add("b"))
		time.Sleep(time.Hour)
		assert.False(t, add("b"), "of the generation before")
		time.Sleep(2 * time.Hour)
		assert.True(t, add("a"))
		assert.True(t, add("b"))
	})
}

func TestReplayMemoryIsBoundedAndFailsWhenFull(t *testing.T) {
	m, err := qseal.NewReplayMemory(640, time.Hour)
	require.NoError(t, err)
	added, failed := 0, 0
	for i := range 5000 {
		fresh, err := m.Add(t.Context(), strconv.Itoa(i), time.Hour)
		switch {
		case err != nil:
			failed++
		case fresh:
			added++
		}
	}
	assert.LessOrEqual(t, added, 320, "the other half is for the generation before")
	assert.Equal(t, 5000, added+failed)
	fresh, err := m.Add(t.Context(), "0", time.Hour)
	require.NoError(t, err)
	assert.False(t, fresh, "what is in it is known")
	_, err = m.Add(t.Context(), "x", time.Hour+1)
	require.ErrorContains(t, err, "1h0m0")
	_, err = qseal.NewReplayMemory(255, time.Hour)
	require.ErrorContains(t, err, "capacity must be 256 at least, not 255")
	_, err = qseal.NewReplayMemory(256, 0)
	require.ErrorContains(t, err, "window must be positive, not 0s")
	_, err = qseal.NewReplayMemory(256, 1)
	require.NoError(t, err)
}

// A TPP that fills the memory leaves room for the others.
func TestReplayMemoryHasRoomBesideAGreedyOwner(t *testing.T) {
	m, err := qseal.NewReplayMemory(1<<14, time.Hour)
	require.NoError(t, err)
	failed := 0
	for i := range 1 << 14 {
		if _, err := m.Add(t.Context(), "p\x00greedy\x00"+strconv.Itoa(i), time.Hour); err != nil {
			failed++
		}
	}
	assert.GreaterOrEqual(t, failed, 1<<14-1<<11, "a quarter of one generation")
	for i := range 1000 {
		fresh, err := m.Add(t.Context(), "p\x00modest\x00"+strconv.Itoa(i), time.Hour)
		require.NoError(t, err)
		assert.True(t, fresh)
	}
}

func TestReplayOfThousandAtOnceLetsOneIn(t *testing.T) {
	s := newScene(t, qseal.BerlinGroup13())
	shared := s.config.Replay
	var accepted, refused atomic.Int64
	var group sync.WaitGroup
	instances := []*qseal.Verifier{s.verifier(), s.verifier()}
	s.config.Replay = shared
	for i := range 1000 {
		group.Go(func() {
			_, err := instances[i%2].VerifyRequest(t.Context(), s.order(), s.at)
			switch qseal.ReasonOf(err) { //nolint:exhaustive // any other fails below
			case 0:
				accepted.Add(1)
			case qseal.ReasonReplay:
				refused.Add(1)
			}
		})
	}
	group.Wait()
	assert.Equal(t, int64(1), accepted.Load())
	assert.Equal(t, int64(999), refused.Load())
}

func BenchmarkReplayMemory(b *testing.B) {
	m, err := qseal.NewReplayMemory(1<<26, time.Hour)
	require.NoError(b, err)
	var n atomic.Int64
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		for pb.Next() {
			if fresh, err := m.Add(b.Context(), strconv.FormatInt(n.Add(1), 10), time.Hour); err != nil || !fresh {
				b.Fatal(fresh, err)
			}
		}
	})
}
