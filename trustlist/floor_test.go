package trustlist_test

import (
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas/trustlist"
)

// replay is a union whose edition 9 of UT was in use. Edition 7 is older.
type replay struct {
	*union
	second *operator // announced for UT too
	store  *trustlist.Store
	dir    string
}

func newReplay(t *testing.T) *replay {
	t.Helper()
	wake()
	u := newUnion(t)
	r := &replay{union: u, second: newOperator(t, "UT 2"), dir: t.TempDir()}
	u.lotl.links[2].signers = []*operator{u.ut, r.second}
	u.utList.sequence = 9
	u.publish()
	r.restart(t)
	require.NoError(t, r.store.Refresh(t.Context()))
	require.True(t, report(t, r.store.Snapshot(), urlUT).Accepted)
	return r
}

func (r *replay) restart(tb testing.TB) {
	tb.Helper()
	r.store = r.newStore(tb, inDir(r.dir))
}

// announce publishes another LOTL with these links.
func (r *replay) announce(links ...link) {
	r.lotl.sequence++
	r.lotl.links = links
	r.source.files[urlLOTL] = r.eu.sign(r.tb, r.lotl.xml())
}

// serve publishes an edition of UT by its second signer.
func (r *replay) serve(sequence int, issued time.Time) {
	list := r.utList
	list.sequence, list.issued = sequence, issued
	r.source.mu.Lock() // a refresh may be under way
	defer r.source.mu.Unlock()
	r.source.files[urlUT] = r.second.sign(r.tb, list.xml())
}

// The floor of a national list outlives the list. Each row takes the list away,
// so that no copy of it is in use; then editions are offered.
func TestRollbackFloorIsNotForgotten(t *testing.T) {
	dropSigner := func(_ *testing.T, r *replay) {
		links := append([]link(nil), r.lotl.links...)
		links[2].signers = []*operator{r.second}
		r.announce(links...)
		delete(r.source.files, urlUT)
	}
	gap := func(t *testing.T, r *replay) {
		t.Helper()
		links := r.lotl.links
		r.announce(links[0], links[3])
		require.NoError(t, r.store.Refresh(t.Context()))
		r.announce(links...)
	}
	ways := []struct {
		name string
		lose func(*testing.T, *replay)
	}{
		{"signer dropped", dropSigner},
		{"pointer gone and back", gap},
		{"signer dropped, then a restart", func(t *testing.T, r *replay) {
			t.Helper()
			dropSigner(t, r)
			require.NoError(t, r.store.Refresh(t.Context()))
			r.restart(t)
			require.NoError(t, r.store.Load(t.Context()))
		}},
		{"pointer gone and back, then a restart without Load", func(t *testing.T, r *replay) {
			t.Helper()
			gap(t, r)
			r.restart(t)
		}},
		{"pointer gone, LOTL on disk damaged, then a restart", func(t *testing.T, r *replay) {
			t.Helper()
			gap(t, r)
			flip(t, path(r.dir, r.store.Snapshot().LOTL))
			r.restart(t)
			require.ErrorIs(t, r.store.Load(t.Context()), trustlist.ReasonSignatureInvalid)
		}},
	}
	issued := now.AddDate(0, -1, 0) // of edition 9
	editions := []struct {
		name     string
		sequence int
		issued   time.Time
		want     trustlist.Reason
	}{
		{"older", 7, issued, trustlist.ReasonRollback},
		{"newer, issued before", 10, issued.Add(-time.Second), trustlist.ReasonRollback},
		{"twin: the same", 9, issued, 0},
		{"twin: newer", 10, issued.Add(time.Second), 0},
	}
	for _, way := range ways {
		for _, edition := range editions {
			t.Run(way.name+", "+edition.name, func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					r := newReplay(t)
					way.lose(t, r)
					r.serve(edition.sequence, edition.issued)
					for range 2 { // a refusal is not forgotten either
						time.Sleep(time.Hour)
						require.NoError(t, r.store.Refresh(t.Context()))
						got := report(t, r.store.Snapshot(), urlUT)
						assert.Equal(t, edition.want, got.Reason, "%v", got.Err)
						assert.Equal(t, edition.want == 0, got.Accepted)
						assert.Equal(t, edition.want == 0, got.Services > 0)
						assert.True(t, report(t, r.store.Snapshot(), urlVT).Accepted)
					}
				})
			})
		}
	}
}

// An old location that still serves an old edition is no attack: it is the newer
// one that is used, at every refresh.
func TestFloorDuringAMove(t *testing.T) {
	const moved = "https://ut.example/v6.xml"
	synctest.Test(t, func(t *testing.T) {
		r := newReplay(t)
		second := r.lotl.links[2]
		second.url = moved
		r.announce(append(r.lotl.links, second)...)
		list := r.utList
		list.sequence = 10
		r.source.files[moved] = r.ut.sign(t, list.xml())
		for range 2 {
			require.NoError(t, r.store.Refresh(t.Context()))
			assert.True(t, report(t, r.store.Snapshot(), moved).Accepted)
			assert.Equal(t, trustlist.ReasonSuperseded, report(t, r.store.Snapshot(), urlUT).Reason)
		}
	})
}

// What cannot be guarded is not used.
func TestTerritoryTooLongForAFloor(t *testing.T) {
	for length, want := range map[int]trustlist.Reason{65: trustlist.ReasonLimit, 64: 0} {
		u := newUnion(t)
		u.utList.territory = strings.Repeat("U", length)
		u.lotl.links[2].territory = u.utList.territory
		u.publish()
		r := report(t, u.mustLoad(), urlUT)
		assert.Equal(t, want, r.Reason)
		assert.Equal(t, want == 0, r.Accepted)
	}
}

// Whoever puts an old manifest back, or writes one that knows less, lowers nothing.
func TestFloorIsNotLoweredByTheFolder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		r := newReplay(t)
		manifest := filepath.Join(r.dir, "manifest.json")
		old, err := os.ReadFile(manifest)
		require.NoError(t, err)
		issued := now.AddDate(0, -1, 0)
		r.serve(12, issued.Add(time.Hour))
		require.NoError(t, r.store.Refresh(t.Context()))
		require.NoError(t, os.WriteFile(manifest, old, 0o600))
		links := r.lotl.links
		r.announce(links[0], links[3])
		require.NoError(t, r.store.Refresh(t.Context()))
		r.announce(links...)
		r.serve(11, issued.Add(time.Hour))
		require.NoError(t, r.store.Refresh(t.Context()))
		assert.Equal(t, trustlist.ReasonRollback, report(t, r.store.Snapshot(), urlUT).Reason)
		r.serve(12, issued)
		require.NoError(t, r.store.Refresh(t.Context()))
		assert.Equal(t, trustlist.ReasonRollback, report(t, r.store.Snapshot(), urlUT).Reason)
		r.serve(12, issued.Add(time.Hour))
		require.NoError(t, r.store.Refresh(t.Context()))
		assert.True(t, report(t, r.store.Snapshot(), urlUT).Accepted, "twin")
	})
}

// Two processes share a folder: the one that writes last, and had an older
// edition, does not take away the floor that the other has raised meanwhile.
func TestFloorOfAnotherProcess(t *testing.T) {
	for sequence, want := range map[int]trustlist.Reason{9: trustlist.ReasonRollback, 10: 0} {
		synctest.Test(t, func(t *testing.T) {
			r := newReplay(t)
			old := r.source.files[urlUT]
			slow := r.newStore(t, func(c *trustlist.StoreConfig) {
				c.Dir = r.dir
				c.Source = sourceFunc(func(ctx context.Context, url string) ([]byte, error) {
					if url != urlUT {
						return r.source.Fetch(ctx, url)
					}
					r.serve(10, now.AddDate(0, -1, 0))
					assert.NoError(t, r.store.Refresh(ctx))
					return old, nil
				})
			})
			require.NoError(t, slow.Refresh(t.Context()))
			require.Equal(t, 9, report(t, slow.Snapshot(), urlUT).Sequence)
			r.restart(t)
			r.serve(sequence, now.AddDate(0, -1, 0))
			require.NoError(t, r.store.Refresh(t.Context()))
			assert.Equal(t, want, report(t, r.store.Snapshot(), urlUT).Reason)
		})
	}
}

func TestFloorsAreBounded(t *testing.T) {
	for others, want := range map[int]trustlist.Reason{1023: trustlist.ReasonLimit, 1022: 0} {
		synctest.Test(t, func(t *testing.T) {
			wake()
			u := newUnion(t)
			u.publish()
			var all []map[string]any
			for i := range others {
				all = append(all, map[string]any{"profile": "test", "territory": strconv.Itoa(i), "sequence": 1})
			}
			text, err := json.Marshal(map[string]any{"floors": all})
			require.NoError(t, err)
			dir := t.TempDir()
			write(t, dir, "manifest.json", string(text))
			s := u.newStore(t, inDir(dir))
			require.NoError(t, s.Refresh(t.Context()))
			assert.True(t, report(t, s.Snapshot(), urlUT).Accepted)
			assert.Equal(t, want, report(t, s.Snapshot(), urlVT).Reason)
		})
	}
}
