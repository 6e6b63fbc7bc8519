package trustlist_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/internal/fetch"
	"github.com/seed-b953571c/eidas/trustlist"
)

func write(tb testing.TB, dir, name, content string) {
	tb.Helper()
	require.NoError(tb, os.WriteFile(filepath.Join(dir, name), []byte(content), 0o600))
}

func TestFolder(t *testing.T) {
	dir := t.TempDir()
	outside := filepath.Join(t.TempDir(), "secret")
	require.NoError(t, os.WriteFile(outside, []byte("secret"), 0o600))
	write(t, dir, "a.xml", "<a/>")
	require.NoError(t, os.Symlink(outside, filepath.Join(dir, "link.xml")))
	require.NoError(t, syscall.Mkfifo(filepath.Join(dir, "pipe.xml"), 0o600))
	require.NoError(t, os.Mkdir(filepath.Join(dir, "dir"), 0o700))
	large, err := os.Create(filepath.Join(dir, "large.xml"))
	require.NoError(t, err)
	require.NoError(t, large.Truncate(trustlist.MaxListSize+1))
	require.NoError(t, large.Close())
	write(t, dir, "manifest.json", `{"u:a": {"file": "a.xml", "sha256": "wrong, and nobody cares"}, "u:gone": {"file": "gone.xml"},
		"u:link": {"file": "link.xml"}, "u:pipe": {"file": "pipe.xml"}, "u:dir": {"file": "dir"}, "u:large": {"file": "large.xml"}}`)
	f, err := trustlist.OpenFolder(dir)
	require.NoError(t, err)
	rows := []struct {
		url  string
		want trustlist.Reason
	}{
		{"u:a", 0},
		{"u:unknown", trustlist.ReasonNotFound},
		{"u:gone", trustlist.ReasonNotFound},
		{"u:link", trustlist.ReasonFetchFailed},
		{"u:pipe", trustlist.ReasonFetchFailed},
		{"u:dir", trustlist.ReasonFetchFailed},
		{"u:large", trustlist.ReasonTooLarge},
	}
	for _, row := range rows {
		t.Run(row.url, func(t *testing.T) {
			doc, err := f.Fetch(t.Context(), row.url)
			if row.want == 0 {
				require.NoError(t, err)
				assert.Equal(t, "<a/>", string(doc))
				return
			}
			require.ErrorIs(t, err, row.want)
			require.ErrorContains(t, err, row.url)
			assert.Nil(t, doc)
		})
	}
	require.NoError(t, f.Close())
	_, err = f.Fetch(t.Context(), "u:a")
	require.Error(t, err, "closed")
}

func TestOpenFolderRefuses(t *testing.T) {
	rows := []struct{ name, manifest string }{
		{"no JSON", "x"},
		{"trailing JSON", "{}{}"},
		{"parent", `{"u": {"file": "../a.xml"}}`},
		{"absolute", `{"u": {"file": "/etc/passwd"}}`},
		{"no file", `{"u": {}}`},
		{"too large", strings.Repeat(" ", 4<<20) + "{}"},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			dir := t.TempDir()
			write(t, dir, "manifest.json", row.manifest)
			_, err := trustlist.OpenFolder(dir)
			require.Error(t, err)
		})
	}
	dir := t.TempDir()
	_, err := trustlist.OpenFolder(dir)
	require.ErrorIs(t, err, os.ErrNotExist)
	_, err = trustlist.OpenFolder(filepath.Join(dir, "none"))
	require.ErrorIs(t, err, os.ErrNotExist)
	write(t, dir, "manifest.json", "{}")
	_, err = trustlist.OpenFolder(dir)
	require.NoError(t, err, "twin")
}

func TestLoadWorld(t *testing.T) {
	notice := trustlist.OfficialJournal2026()
	hex := func(signers [][32]byte) []string {
		var all []string
		for _, f := range signers {
			all = append(all, fmt.Sprintf("%X", f))
		}
		return all
	}
	world := func(t *testing.T, change func(map[string]any)) (trustlist.World, error) {
		t.Helper()
		w := map[string]any{
			"lotl": notice.LOTL, "at": "2026-07-01T00:00:00Z", "official_journal": notice.OfficialJournal,
			"anchors": hex(notice.Signers), "expect": map[string]any{"services": 1},
		}
		if change != nil {
			change(w)
		}
		dir := t.TempDir()
		text, err := json.Marshal(w)
		require.NoError(t, err)
		write(t, dir, "world.json", string(text))
		return trustlist.LoadWorld(dir)
	}
	w, err := world(t, nil)
	require.NoError(t, err)
	assert.Equal(t, notice, w.Anchors)
	assert.Equal(t, time.Date(2026, 7, 1, 0, 0, 0, 0, time.UTC), w.At)
	assert.JSONEq(t, `{"services": 1}`, string(w.Expect))

	w, err = world(t, func(w map[string]any) { w["official_journal"] = nil })
	require.NoError(t, err)
	assert.Empty(t, w.Anchors.OfficialJournal)

	w, err = world(t, func(w map[string]any) { w["anchors"] = hex(append(notice.Signers, [32]byte{1})) })
	require.NoError(t, err)
	assert.Equal(t, eidas.ProfileTest, w.Anchors.Profile, "a signer of its own is not the EU's")

	for name, change := range map[string]func(map[string]any){
		"no anchors":       func(w map[string]any) { w["anchors"] = []string{} },
		"short anchor":     func(w map[string]any) { w["anchors"] = []string{"abcd"} },
		"anchor not hex":   func(w map[string]any) { w["anchors"] = []string{strings.Repeat("x", 64)} },
		"no LOTL":          func(w map[string]any) { delete(w, "lotl") },
		"no time":          func(w map[string]any) { delete(w, "at") },
		"time not RFC3339": func(w map[string]any) { w["at"] = "yesterday" },
	} {
		t.Run(name, func(t *testing.T) {
			_, err := world(t, change)
			require.Error(t, err)
		})
	}
	_, err = trustlist.LoadWorld(t.TempDir())
	require.ErrorIs(t, err, os.ErrNotExist)
}

func TestBuiltInAnchors(t *testing.T) {
	assert.Equal(t, trustlist.OfficialJournal2026(), trustlist.DefaultAnchors())
	assert.Len(t, trustlist.OfficialJournal2019().Signers, 8)
	assert.Len(t, trustlist.OfficialJournal2026().Signers, 6)
	for _, a := range []trustlist.Anchors{trustlist.OfficialJournal2019(), trustlist.OfficialJournal2026()} {
		assert.Equal(t, eidas.ProfileEU, a.Profile)
		assert.Equal(t, "https://ec.europa.eu/tools/lotl/eu-lotl.xml", a.LOTL)
		assert.NotEmpty(t, a.OfficialJournal)
	}
}

// loopback is where test servers listen.
var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}

func TestHTTP(t *testing.T) {
	mux := http.NewServeMux()
	mux.HandleFunc("/list.xml", func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("<a/>")) })
	mux.HandleFunc("/gone.xml", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusGone) })
	mux.HandleFunc("/broken.xml", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) })
	mux.HandleFunc("/large.xml", func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", fmt.Sprint(trustlist.MaxListSize+1))
	})
	server := httptest.NewServer(mux)
	defer server.Close()
	source, err := trustlist.NewHTTP(trustlist.HTTPConfig{AllowAnyPort: true, AllowPrivate: loopback})
	require.NoError(t, err)
	defer source.CloseIdle()
	for path, want := range map[string]trustlist.Reason{
		"/list.xml": 0, "/none.xml": trustlist.ReasonNotFound, "/gone.xml": trustlist.ReasonNotFound,
		"/broken.xml": trustlist.ReasonFetchFailed, "/large.xml": trustlist.ReasonTooLarge,
	} {
		t.Run(path, func(t *testing.T) {
			doc, err := source.Fetch(t.Context(), server.URL+path)
			if want == 0 {
				require.NoError(t, err)
				assert.Equal(t, "<a/>", string(doc))
				return
			}
			require.ErrorIs(t, err, want)
			assert.Equal(t, want, trustlist.ReasonOf(err))
		})
	}
	closed, err := trustlist.NewHTTP(trustlist.HTTPConfig{})
	require.NoError(t, err)
	_, err = closed.Fetch(t.Context(), server.URL+"/list.xml")
	assert.Equal(t, trustlist.ReasonFetchFailed, trustlist.ReasonOf(err), "an address that is not public")
	assert.Equal(t, fetch.KindPort, fetch.KindOf(err))
}
