package trustlist_test

import (
	"bytes"
	"encoding/hex"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas/trustlist"
)

func inDir(dir string) func(*trustlist.StoreConfig) {
	return func(c *trustlist.StoreConfig) { c.Dir = dir }
}

// filled returns a folder that a store over u has written, and its snapshot.
func filled(t *testing.T, u *union) (string, *trustlist.Snapshot) {
	t.Helper()
	dir := filepath.Join(t.TempDir(), "made", "for", "it")
	s := u.newStore(t, inDir(dir))
	require.NoError(t, s.Refresh(t.Context()))
	require.NoError(t, s.Health().Disk)
	return dir, s.Snapshot()
}

// cutOff ends the network of u.
func (u *union) cutOff() {
	for url := range u.source.files {
		u.source.fail[url] = errors.New("no network")
	}
}

// path returns the file of a list in the folder of a store.
func path(dir string, r trustlist.ListReport) string {
	return filepath.Join(dir, hex.EncodeToString(r.SHA256[:])+".xml")
}

func TestStoreStartsFromDiskWithoutNetwork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wake()
		u := newUnion(t)
		pivoted(u, 2)
		dir, written := filled(t, u)
		u.cutOff()
		time.Sleep(time.Hour)
		s := u.newStore(t, inDir(dir))
		require.NoError(t, s.Load(t.Context()))
		assert.Equal(t, written.ID, s.Snapshot().ID)
		assert.Len(t, s.Snapshot().Pivots, 2)
		h := s.Health()
		assert.True(t, h.Ready)
		assert.Equal(t, time.Hour, h.Lists[0].Age, "ages survive")
		assert.Len(t, u.source.asked, 5, "nothing was asked for")

		require.NoError(t, s.Refresh(t.Context()))
		assert.True(t, s.Snapshot().LOTL.Kept)
		assert.True(t, s.Health().Ready)
		assert.Equal(t, written.ID, s.Snapshot().ID)

		u.source.fail = map[string]error{}
		u.lotl.sequence--
		u.source.files[urlLOTL] = u.lotl.links[0].signers[0].sign(t, u.lotl.xml())
		require.NoError(t, s.Refresh(t.Context()))
		assert.Equal(t, trustlist.ReasonRollback, s.Snapshot().LOTL.Reason, "the guard survives a restart")
	})
}

// Load is for the start: what a store has is not replaced by what is on disk.
func TestStoreThatHasListsDoesNotLoadThem(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wake()
		u := newUnion(t)
		u.publish()
		dir := t.TempDir()
		s := u.newStore(t, inDir(dir))
		require.NoError(t, s.Refresh(t.Context()))
		first := s.Snapshot()
		require.NoError(t, os.Remove(filepath.Join(dir, "manifest.json")))
		require.NoError(t, s.Load(t.Context()))
		assert.Same(t, first, s.Snapshot())
	})
}

func TestStoreFolderIsAFolderOfLists(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wake()
		u := newUnion(t)
		u.publish()
		dir, written := filled(t, u)
		f, err := trustlist.OpenFolder(dir)
		require.NoError(t, err)
		defer func() { assert.NoError(t, f.Close()) }()
		s, err := trustlist.Load(t.Context(), trustlist.Config{Anchors: u.anchors(), Source: f}, now)
		require.NoError(t, err)
		assert.Equal(t, written.ID, s.ID)
	})
}

// What is on disk is believed for its signatures only.
func TestStoreReadsDamagedDisk(t *testing.T) {
	rows := []struct {
		name   string
		damage func(tb testing.TB, dir string, s *trustlist.Snapshot)
		lotl   trustlist.Reason // of the error; 0: loads
		ut     trustlist.Reason
	}{
		{"nothing", func(testing.TB, string, *trustlist.Snapshot) {}, 0, 0},
		{"one bit of a list", func(tb testing.TB, dir string, s *trustlist.Snapshot) {
			tb.Helper()
			flip(tb, path(dir, s.Lists[0]))
		}, 0, trustlist.ReasonSignatureInvalid},
		{"a list cut short", func(tb testing.TB, dir string, s *trustlist.Snapshot) {
			tb.Helper()
			require.NoError(tb, os.Truncate(path(dir, s.Lists[0]), 1000))
		}, 0, trustlist.ReasonXMLMalformed},
		{"a list taken away", func(tb testing.TB, dir string, s *trustlist.Snapshot) {
			tb.Helper()
			require.NoError(tb, os.Remove(path(dir, s.Lists[0])))
		}, 0, trustlist.ReasonNotFound},
		{"another state's list in its place", func(tb testing.TB, dir string, s *trustlist.Snapshot) {
			tb.Helper()
			doc, err := os.ReadFile(path(dir, s.Lists[1]))
			require.NoError(tb, err)
			require.NoError(tb, os.WriteFile(path(dir, s.Lists[0]), doc, 0o600))
		}, 0, trustlist.ReasonSignerUnknown},
		{"one bit of the LOTL", func(tb testing.TB, dir string, s *trustlist.Snapshot) {
			tb.Helper()
			flip(tb, path(dir, s.LOTL))
		}, trustlist.ReasonSignatureInvalid, 0},
		{"one bit of a pivot", func(tb testing.TB, dir string, s *trustlist.Snapshot) {
			tb.Helper()
			flip(tb, path(dir, s.Pivots[0]))
		}, trustlist.ReasonPivot, 0},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				wake()
				u := newUnion(t)
				pivoted(u, 1)
				dir, written := filled(t, u)
				row.damage(t, dir, written)
				s := u.newStore(t, inDir(dir))
				err := s.Load(t.Context())
				if row.lotl != 0 {
					require.ErrorIs(t, err, row.lotl)
					assert.Nil(t, s.Services())
					assert.False(t, s.Health().Ready)
				} else {
					require.NoError(t, err)
					assert.Equal(t, row.ut, report(t, s.Snapshot(), urlUT).Reason)
					assert.True(t, report(t, s.Snapshot(), urlVT).Accepted)
				}
				// With a network it is whole again, in memory and on disk.
				require.NoError(t, s.Refresh(t.Context()))
				assert.Equal(t, written.ID, s.Snapshot().ID)
				require.NoError(t, s.Health().Disk)
				again := u.newStore(t, inDir(dir))
				require.NoError(t, again.Load(t.Context()))
				assert.Equal(t, written.ID, again.Snapshot().ID)
			})
		})
	}
}

func flip(tb testing.TB, path string) {
	tb.Helper()
	doc, err := os.ReadFile(path)
	require.NoError(tb, err)
	doc[strings.Index(string(doc), "</SchemeTerritory>")-1] ^= 1
	require.NoError(tb, os.WriteFile(path, doc, 0o600))
}

func TestStoreReadsDamagedManifest(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wake()
		u := newUnion(t)
		u.publish()
		dir, _ := filled(t, u)
		manifest := filepath.Join(dir, "manifest.json")
		whole, err := os.ReadFile(manifest)
		require.NoError(t, err)
		for name, text := range map[string]string{
			"cut short":          string(whole[:len(whole)/2]),
			"empty":              "",
			"outside the folder": `{"` + urlLOTL + `": {"file": "../../../etc/passwd"}}`,
		} {
			require.NoError(t, os.WriteFile(manifest, []byte(text), 0o600))
			s := u.newStore(t, inDir(dir))
			require.Error(t, s.Load(t.Context()), name)
			assert.Nil(t, s.Services(), name)
		}
		require.NoError(t, os.Remove(manifest))
		require.ErrorIs(t, u.newStore(t, inDir(dir)).Load(t.Context()), fs.ErrNotExist)
	})
}

// A file that somebody has cleaned away is written again at the next refresh.
func TestStoreMendsItsFolder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wake()
		u := newUnion(t)
		pivoted(u, 1)
		dir := t.TempDir()
		s := u.newStore(t, inDir(dir))
		require.NoError(t, s.Refresh(t.Context()))
		snap := s.Snapshot()
		for _, r := range []trustlist.ListReport{snap.Pivots[0], snap.LOTL, snap.Lists[0], snap.Lists[1]} {
			require.NoError(t, os.Remove(path(dir, r)), "%s", r.URL)
			require.NoError(t, s.Refresh(t.Context()))
			require.NoError(t, s.Health().Disk)
			_, err := os.Stat(path(dir, r))
			require.NoError(t, err, "%s", r.URL)
			assert.Equal(t, snap.ID, s.Snapshot().ID)
			assert.Empty(t, s.Snapshot().Alarms)
			assert.False(t, s.Health().Degraded)
		}
	})
}

// A list that is in use and neither on disk nor to be had is an error of the
// disk; the others are kept on disk all the same.
func TestStoreSaysWhatIsNotOnDisk(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wake()
		u := newUnion(t)
		u.publish()
		dir := t.TempDir()
		s := u.newStore(t, inDir(dir))
		require.NoError(t, s.Refresh(t.Context()))
		require.NoError(t, os.Remove(path(dir, s.Snapshot().Lists[0])))
		u.source.fail[urlUT] = errors.New("no route")
		u.vtList.sequence++
		u.source.files[urlVT] = u.vt.sign(t, u.vtList.xml())
		require.NoError(t, s.Refresh(t.Context()))
		assert.Len(t, s.Services().Services(), 3)
		require.ErrorContains(t, s.Health().Disk, urlUT)
		again := u.newStore(t, inDir(dir))
		require.NoError(t, again.Load(t.Context()))
		assert.Equal(t, 9, report(t, again.Snapshot(), urlVT).Sequence)
	})
}

// A disk that cannot be written costs nothing but the disk: the snapshot is used,
// what was on disk stays whole.
func TestStoreWithADiskThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wake()
		u := newUnion(t)
		u.publish()
		dir := t.TempDir()
		var log bytes.Buffer
		registry := prometheus.NewRegistry()
		s := u.newStore(t, func(c *trustlist.StoreConfig) {
			c.Dir, c.Registerer, c.Logger = dir, registry, slog.New(slog.NewTextHandler(&log, nil))
		})
		require.NoError(t, s.Refresh(t.Context()))
		assert.Zero(t, gather(t, registry)["disk_failed"])
		first := s.Snapshot()
		u.utList.sequence++
		doc := u.ut.sign(t, u.utList.xml())
		u.source.files[urlUT] = doc
		r := trustlist.CheckList(doc, [][32]byte{u.ut.fingerprint()})
		blocked := path(dir, r)
		require.NoError(t, os.MkdirAll(filepath.Join(blocked, "in the way"), 0o700))
		require.NoError(t, s.Refresh(t.Context()))
		assert.Equal(t, 8, report(t, s.Snapshot(), urlUT).Sequence, "in use")
		h := s.Health()
		require.Error(t, h.Disk)
		assert.True(t, h.Degraded && h.Ready)
		assert.InDelta(t, 1, gather(t, registry)["disk_failed"], 0)
		assert.Contains(t, log.String(), "trusted lists not written to disk")
		again := u.newStore(t, inDir(dir))
		require.NoError(t, again.Load(t.Context()))
		assert.Equal(t, first.ID, again.Snapshot().ID)

		require.NoError(t, os.RemoveAll(blocked))
		require.NoError(t, s.Refresh(t.Context()))
		require.NoError(t, s.Health().Disk)
		assert.False(t, s.Health().Degraded)
		assert.Zero(t, gather(t, registry)["degraded"])
		names, err := filepath.Glob(filepath.Join(dir, ".tmp-*"))
		require.NoError(t, err)
		assert.Empty(t, names, "no litter")
	})
}

func TestStoreSweepsWhatNobodyUses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wake()
		u := newUnion(t)
		u.publish()
		dir := t.TempDir()
		write(t, dir, "notes.txt", "somebody else's")
		write(t, dir, ".tmp-left", "by a process that was killed")
		require.NoError(t, os.Chtimes(filepath.Join(dir, ".tmp-left"), now, now))
		require.NoError(t, os.Chtimes(filepath.Join(dir, "notes.txt"), now.AddDate(-1, 0, 0), now.AddDate(-1, 0, 0)))
		s := u.newStore(t, inDir(dir))
		require.NoError(t, s.Refresh(t.Context()))
		old := path(dir, s.Snapshot().Lists[0])
		u.utList.sequence++
		u.source.files[urlUT] = u.ut.sign(t, u.utList.xml())
		require.NoError(t, s.Refresh(t.Context()))
		assert.FileExists(t, old, "another process may be about to name it")
		time.Sleep(8 * 24 * time.Hour)
		require.NoError(t, s.Refresh(t.Context()))
		assert.NoFileExists(t, old)
		assert.NoFileExists(t, filepath.Join(dir, ".tmp-left"))
		assert.FileExists(t, filepath.Join(dir, "notes.txt"))
		assert.FileExists(t, path(dir, s.Snapshot().Lists[0]), "in use, however old")
		require.NoError(t, s.Health().Disk)
	})
}

func TestStoreOffline(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wake()
		u := newUnion(t)
		u.publish()
		dir := t.TempDir()
		feeder := u.newStore(t, inDir(dir))
		offline := u.newStore(t, func(c *trustlist.StoreConfig) { c.Source, c.Dir, c.Interval = nil, dir, time.Hour })
		require.ErrorIs(t, offline.Refresh(t.Context()), trustlist.ErrOffline)
		stop := run(t, offline)
		assert.False(t, offline.Health().Ready)
		require.ErrorIs(t, offline.Health().Err, fs.ErrNotExist)

		require.NoError(t, feeder.Refresh(t.Context()))
		time.Sleep(2 * time.Hour)
		assert.True(t, offline.Health().Ready)
		require.NoError(t, offline.Health().Err)
		first := offline.Snapshot()

		u.utList.sequence++
		u.source.files[urlUT] = u.ut.sign(t, u.utList.xml())
		require.NoError(t, feeder.Refresh(t.Context()))
		time.Sleep(2 * time.Hour)
		assert.Equal(t, 8, report(t, offline.Snapshot(), urlUT).Sequence)
		assert.NotEqual(t, first.ID, offline.Snapshot().ID)
		stop()
	})
}

// Two stores on one folder: whoever writes last, what is there is whole.
func TestTwoStoresOnOneFolder(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		wake()
		dir := t.TempDir()
		u := newUnion(t)
		u.publish()
		stores := []*trustlist.Store{u.newStore(t, inDir(dir)), u.newStore(t, inDir(dir))}
		for range 10 {
			u.utList.sequence++
			u.source.files[urlUT] = u.ut.sign(t, u.utList.xml())
			var both sync.WaitGroup
			for _, s := range stores {
				both.Go(func() { assert.NoError(t, s.Refresh(t.Context())) })
			}
			both.Wait()
			for _, s := range stores {
				require.NoError(t, s.Health().Disk)
			}
			third := u.newStore(t, inDir(dir))
			require.NoError(t, third.Load(t.Context()))
			assert.Equal(t, stores[0].Snapshot().ID, third.Snapshot().ID)
		}
	})
}
