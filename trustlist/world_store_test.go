package trustlist_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas/trustlist"
)

// healthOf returns the health without its times, by URL of the list.
func healthOf(h trustlist.Health) map[string]trustlist.ListReport {
	all := map[string]trustlist.ListReport{h.LOTL.URL: h.LOTL.ListReport}
	for _, l := range h.Lists {
		all[l.URL] = l.ListReport
	}
	for url, l := range all {
		l.Checked = time.Time{}
		all[url] = l
	}
	return all
}

// One list of a world of real lists that was in use is replaced. Its last good
// copy stays, the health says why, and nothing else changes.
func TestWorldStoreWithOneListReplaced(t *testing.T) {
	rows := []struct {
		name   string
		change func(doc, neighbour []byte) []byte
		want   trustlist.Reason
	}{
		{"tampered", func(doc, _ []byte) []byte {
			return bytes.Replace(doc, []byte("Svcstatus/"), []byte("Svcstatus/x"), 1)
		}, trustlist.ReasonSignatureInvalid},
		{"unsigned", func(doc, _ []byte) []byte { return signatureElement.ReplaceAll(doc, nil) }, trustlist.ReasonSignatureMissing},
		{"signed by another state's operator", func(_, neighbour []byte) []byte { return neighbour }, trustlist.ReasonSignerUnknown},
		{"missing", func(_, _ []byte) []byte { return nil }, trustlist.ReasonNotFound},
	}
	for _, w := range worlds(t) {
		files := map[string][]byte{}
		s, err := trustlist.NewStore(trustlist.StoreConfig{
			Config: trustlist.Config{Anchors: w.Anchors, Source: overlay{w.open(t), files}}, Dir: t.TempDir(),
		})
		require.NoError(t, err)
		defer func() { assert.NoError(t, s.Close()) }()
		require.NoError(t, s.Refresh(t.Context()))
		whole, before := s.Snapshot(), healthOf(s.Health())
		target, neighbour := pair(t, whole)
		read := func(url string) []byte {
			doc, err := w.open(t).Fetch(t.Context(), url)
			require.NoError(t, err)
			return doc
		}
		for _, row := range rows {
			t.Run(w.name+"/"+target.Territory+" "+row.name, func(t *testing.T) {
				files[target.URL] = row.change(read(target.URL), read(neighbour.URL))
				require.NoError(t, s.Refresh(t.Context()))
				assertOneKept(t, before, s.Health(), target.URL, row.want)
				assert.Equal(t, whole.ID, s.Snapshot().ID)
				assert.Equal(t, whole.Counts(), s.Snapshot().Counts())
				delete(files, target.URL)
				require.NoError(t, s.Refresh(t.Context()))
				assert.Equal(t, before, healthOf(s.Health()), "mended")
			})
		}
	}
}

// assertOneKept holds a health to be the one before but for one list, whose last
// good copy is in use.
func assertOneKept(t *testing.T, before map[string]trustlist.ListReport, h trustlist.Health, url string, want trustlist.Reason) {
	t.Helper()
	assert.True(t, h.Ready && h.Degraded)
	after := healthOf(h)
	got := after[url]
	assert.Equal(t, want, got.Reason, "%v", got.Err)
	require.ErrorIs(t, got.Err, want)
	expected := maps.Clone(before)
	l := expected[url]
	l.Kept, l.Reason, l.Err = true, want, got.Err
	expected[url] = l
	assert.Equal(t, expected, after)
}

// Readers share one index: nobody's request copies it.
func TestServicesOfAStoreAreNotCopied(t *testing.T) {
	u := newUnion(t)
	u.publish()
	s := u.newStore(t, nil)
	require.NoError(t, s.Refresh(t.Context()))
	assert.Zero(t, testing.AllocsPerRun(100, func() { _ = s.Services() }))
	assert.Same(t, s.Services(), s.Snapshot().Services())
}

// A real list that is older than the newest one seen is refused, whatever has
// become of that one: here the store has seen one edition more than is served.
func TestWorldStoreRefusesAnOlderSequence(t *testing.T) {
	for _, w := range worlds(t) {
		t.Run(w.name, func(t *testing.T) {
			dir := t.TempDir()
			refreshed := func() *trustlist.Store {
				s, err := trustlist.NewStore(trustlist.StoreConfig{Config: trustlist.Config{Anchors: w.Anchors, Source: w.open(t)}, Dir: dir})
				require.NoError(t, err)
				t.Cleanup(func() { assert.NoError(t, s.Close()) })
				require.NoError(t, s.Refresh(t.Context()))
				return s
			}
			s := refreshed()
			before := healthOf(s.Health())
			target, _ := pair(t, s.Snapshot())
			raiseFloor(t, dir, target)
			s = refreshed()
			after := healthOf(s.Health())
			got := after[target.URL]
			assert.Equal(t, trustlist.ReasonRollback, got.Reason, "%v", got.Err)
			assert.False(t, got.Accepted || got.Kept)
			assert.True(t, s.Health().Ready && s.Health().Degraded)
			delete(before, target.URL)
			delete(after, target.URL)
			assert.Equal(t, before, after, "the others are untouched")
		})
	}
}

// raiseFloor makes the folder of a store remember that one edition more of a
// list was in use.
func raiseFloor(t *testing.T, dir string, list trustlist.ListReport) {
	t.Helper()
	path := filepath.Join(dir, "manifest.json")
	text, err := os.ReadFile(path)
	require.NoError(t, err)
	var manifest map[string]any
	require.NoError(t, json.Unmarshal(text, &manifest))
	raised := false
	for _, f := range manifest["floors"].([]any) {
		if f := f.(map[string]any); f["territory"] == list.Territory {
			f["sequence"], raised = list.Sequence+1, true
		}
	}
	require.True(t, raised)
	text, err = json.Marshal(manifest)
	require.NoError(t, err)
	require.NoError(t, os.WriteFile(path, text, 0o600))
}

// Editions of one state's list that two worlds hold: in the younger world, the
// older one is no list any more, for its age or for a signer who has gone.
func TestWorldStoreRefusesARealOlderEdition(t *testing.T) {
	all := worlds(t)
	for _, young := range all {
		files := map[string][]byte{}
		s, err := trustlist.NewStore(trustlist.StoreConfig{
			Config: trustlist.Config{Anchors: young.Anchors, Source: overlay{young.open(t), files}},
		})
		require.NoError(t, err)
		defer func() { assert.NoError(t, s.Close()) }()
		require.NoError(t, s.Refresh(t.Context()))
		before := healthOf(s.Health())
		for _, old := range all {
			whole, err := old.load(t, old.open(t))
			require.NoError(t, err)
			for _, r := range whole.Lists {
				for _, now := range s.Snapshot().Lists {
					if !r.Accepted || !now.Accepted || r.Territory != now.Territory || r.Sequence >= now.Sequence {
						continue
					}
					t.Run(young.name+"/"+r.Territory+" of "+old.name, func(t *testing.T) {
						doc, err := old.open(t).Fetch(t.Context(), r.URL)
						require.NoError(t, err)
						files[now.URL] = doc
						defer delete(files, now.URL)
						require.NoError(t, s.Refresh(t.Context()))
						reason := healthOf(s.Health())[now.URL].Reason
						assert.Contains(t, []trustlist.Reason{trustlist.ReasonRollback, trustlist.ReasonSignerUnknown}, reason)
						t.Logf("sequence %d after %d: %s", r.Sequence, now.Sequence, reason)
						assertOneKept(t, before, s.Health(), now.URL, reason)
					})
				}
			}
		}
	}
}
