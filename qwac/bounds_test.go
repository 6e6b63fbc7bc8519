package qwac_test

import (
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/qwac"
)

// All is forgotten when there is too much of it: the store knows.
func TestWhatIsRecentIsBounded(t *testing.T) {
	recent, at := qwac.NewRecent(), time.Date(2026, time.November, 24, 0, 0, 0, 0, time.UTC)
	for n := range qwac.MaxRecent {
		recent.Note(n, at)
	}
	require.Equal(t, qwac.MaxRecent, recent.Len())
	require.True(t, recent.Has(0, at))
	recent.Note(qwac.MaxRecent, at)
	assert.Equal(t, 1, recent.Len())
	assert.False(t, recent.Has(0, at))
	assert.True(t, recent.Has(qwac.MaxRecent, at))
	assert.False(t, recent.Has(qwac.MaxRecent, at.Add(time.Hour)), "an hour is over")
}

// A newer verdict replaces an older one, also where there is no room for more:
// else a hook would get one from before its own handshake.
func TestNewerVerdictReplacesAnOlderOneInAFullMemory(t *testing.T) {
	h, at := qwac.NewHandoff(), time.Date(2026, time.November, 24, 0, 0, 0, 0, time.UTC)
	older := &eidas.Result{ValidUntil: at.Add(2 * time.Second)}
	newer := &eidas.Result{ValidUntil: at.Add(time.Hour)}
	for n := range qwac.MaxHandoffs {
		h.Put(n, older, at)
	}
	h.Put(7, newer, at)
	h.Put(qwac.MaxHandoffs, newer, at)
	assert.Same(t, newer, h.Take(7, at))
	assert.Nil(t, h.Take(7, at), "a verdict is taken once")
	assert.Nil(t, h.Take(qwac.MaxHandoffs, at), "no room")
	assert.Same(t, older, h.Take(8, older.ValidUntil))
	assert.Nil(t, h.Take(9, older.ValidUntil.Add(1)), "its evidence has ended")
}

// remembered are the certificates of the TPP that f remembers.
func (f *follower) remembered(t *testing.T) (sums []qwac.Fingerprint) {
	t.Helper()
	refs, err := f.verifier.Certificates(t.Context(), identityOf(t, tppID))
	require.NoError(t, err)
	require.Len(t, refs, qwac.MaxRemembered)
	for _, r := range refs {
		sums = append(sums, r.SHA256)
	}
	return sums
}

// A QTSP that errs, or is used by an impostor, pushes out its own certificates.
func TestWhatIsHeldIsForgottenBeforeWhatIsInUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, policy := longWorld(t)
		f := w.follower(policy, qwac.Rotation{Store: new(qwac.MemoryStore), HoldNewIssuer: true})
		lt, no, key := w.qtsp("LT", "QTSP LT"), w.qtsp("NO", "QTSP NO"), newKey(t)
		inUse := w.qwac(lt, request{key: key})
		require.NoError(t, f.visit(inUse))
		time.Sleep(48 * time.Hour) // so that those that are held were seen later
		var held []*leaf
		for range qwac.MaxRemembered + 3 {
			l := w.qwac(no, request{key: key})
			require.Error(t, f.visit(l))
			held = append(held, l)
		}
		sums := f.remembered(t)
		assert.Equal(t, sumOf(inUse), sums[0])
		assert.NotContains(t, sums, sumOf(held[0]))
		require.NoError(t, f.visit(w.qwac(lt, request{key: key})), "its QTSP is still known")
	})
}

func TestCertificateThatWasNotSeenForLongestIsForgotten(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, policy := longWorld(t)
		f := w.follower(policy, qwac.Rotation{Store: new(qwac.MemoryStore)})
		lt, key := w.qtsp("LT", "QTSP LT"), newKey(t)
		var all []*leaf
		for range qwac.MaxRemembered {
			l := w.qwac(lt, request{key: key})
			require.NoError(t, f.visit(l))
			all = append(all, l)
			time.Sleep(time.Minute)
		}
		time.Sleep(25 * time.Hour)
		require.NoError(t, f.visit(all[0]))
		require.NoError(t, f.visit(w.qwac(lt, request{key: key})))
		sums := f.remembered(t)
		assert.Equal(t, sumOf(all[0]), sums[0])
		assert.NotContains(t, sums, sumOf(all[1]))
		assert.Contains(t, sums, sumOf(all[2]))
	})
}
