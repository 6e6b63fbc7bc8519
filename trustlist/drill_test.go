package trustlist_test

import (
	"cmp"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas/trustlist"
)

// host serves the lists of a union over a real socket, and answers otherwise
// where told to.
type host struct {
	*httptest.Server
	u *union

	mu     sync.Mutex
	lists  map[string]*served
	faults map[string]http.HandlerFunc
	asked  []string
}

// served is a list with what the host offers to tell whether it has changed.
type served struct {
	doc           []byte
	etag          string
	modified      string
	sibling       string // of the ".sha2" file; "": there is none
	notModified   int    // answers 304
	whole         int    // answers 200
	siblingServed int
}

func newHost(t *testing.T) *host {
	t.Helper()
	u := newUnion(t)
	h := &host{u: u, lists: map[string]*served{}, faults: map[string]http.HandlerFunc{}}
	h.Server = httptest.NewServer(h)
	t.Cleanup(h.Close)
	u.lotl.links[0].url = h.URL + "/lotl.xml"
	u.lotl.links[2].url = h.URL + "/ut.xml"
	u.lotl.links[3].url = h.URL + "/vt.xml"
	// The time is the real one here.
	old := time.Now().AddDate(0, -1, 0)
	u.lotl.issued, u.utList.issued, u.vtList.issued = old, old, old
	next := "<dateTime>" + time.Now().AddDate(0, 1, 0).UTC().Format(time.RFC3339) + "</dateTime>"
	u.lotl.next, u.utList.next, u.vtList.next = next, next, next
	h.publish()
	return h
}

func (h *host) publish() {
	h.mu.Lock()
	defer h.mu.Unlock()
	put := func(path string, doc []byte) {
		if h.lists[path] == nil {
			h.lists[path] = &served{}
		}
		h.lists[path].doc = doc
	}
	put("/lotl.xml", h.u.eu.sign(h.u.tb, h.u.lotl.xml()))
	put("/ut.xml", h.u.ut.sign(h.u.tb, h.u.utList.xml()))
	put("/vt.xml", h.u.vt.sign(h.u.tb, h.u.vtList.xml()))
}

func (h *host) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.asked = append(h.asked, r.URL.Path)
	if f := h.faults[r.URL.Path]; f != nil {
		h.mu.Unlock()
		f(w, r)
		h.mu.Lock()
		return
	}
	if base, ok := strings.CutSuffix(r.URL.Path, ".sha2"); ok {
		if l := h.lists[base+".xml"]; l != nil && l.sibling != "" {
			l.siblingServed++
			_, _ = w.Write([]byte(l.sibling))
			return
		}
	}
	l := h.lists[r.URL.Path]
	if l == nil {
		http.NotFound(w, r)
		return
	}
	for name, value := range map[string]string{"ETag": l.etag, "Last-Modified": l.modified} {
		if value != "" {
			w.Header().Set(name, value)
		}
	}
	if l.etag != "" && r.Header.Get("If-None-Match") == l.etag || l.modified != "" && r.Header.Get("If-Modified-Since") == l.modified {
		l.notModified++
		w.WriteHeader(http.StatusNotModified)
		return
	}
	l.whole++
	_, _ = w.Write(l.doc)
}

func (h *host) store(t *testing.T, timeout time.Duration, change func(*trustlist.StoreConfig)) *trustlist.Store {
	t.Helper()
	source, err := trustlist.NewHTTP(trustlist.HTTPConfig{AllowAnyPort: true, AllowPrivate: loopback, Timeout: timeout})
	require.NoError(t, err)
	t.Cleanup(source.CloseIdle)
	a := h.u.anchors()
	a.LOTL = h.URL + "/lotl.xml"
	c := trustlist.StoreConfig{Config: trustlist.Config{Anchors: a, Source: source}}
	if change != nil {
		change(&c)
	}
	s, err := trustlist.NewStore(c)
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, s.Close()) })
	return s
}

// A host that hands out a validator is asked whether its list has changed.
func TestHTTPAsksWhetherAListHasChanged(t *testing.T) {
	for name, offer := range map[string]func(*served){
		"ETag":          func(l *served) { l.etag = `"1"` },
		"Last-Modified": func(l *served) { l.modified = "Wed, 21 Oct 2015 07:28:00 GMT" },
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t)
			for _, l := range h.lists {
				offer(l)
			}
			dir := t.TempDir()
			s := h.store(t, time.Minute, inDir(dir))
			require.NoError(t, s.Refresh(t.Context()))
			first := s.Snapshot()
			require.NoError(t, s.Refresh(t.Context()))
			for path, l := range h.lists {
				assert.Equal(t, 1, l.whole, path)
				assert.Equal(t, 1, l.notModified, path)
			}
			assert.Same(t, first.Services(), s.Services())
			assert.False(t, s.Health().Degraded)

			again := h.store(t, time.Minute, inDir(dir))
			require.NoError(t, again.Load(t.Context()))
			require.NoError(t, again.Refresh(t.Context()))
			assert.Equal(t, 2, h.lists["/ut.xml"].notModified, "what was handed out survives a restart")
			assert.Equal(t, first.ID, again.Snapshot().ID)

			h.u.utList.sequence++
			h.publish()
			h.lists["/ut.xml"].etag, h.lists["/ut.xml"].modified = `"2"`, ""
			require.NoError(t, s.Refresh(t.Context()))
			assert.Equal(t, 8, s.Snapshot().Lists[0].Sequence)
		})
	}
}

// What one location has handed out says nothing about another.
func TestHTTPAsksANewLocationForTheWholeList(t *testing.T) {
	h := newHost(t)
	h.lists["/ut.xml"].etag = `"1"`
	s := h.store(t, time.Minute, nil)
	require.NoError(t, s.Refresh(t.Context()))
	h.lists["/moved.xml"] = &served{doc: h.lists["/ut.xml"].doc, etag: `"1"`}
	h.u.lotl.sequence++
	h.u.lotl.links[2].url = h.URL + "/moved.xml"
	h.publish()
	require.NoError(t, s.Refresh(t.Context()))
	r := report(t, s.Snapshot(), h.URL+"/moved.xml")
	assert.True(t, r.Accepted && !r.Kept, "%v", r.Err)
	assert.Equal(t, 1, h.lists["/moved.xml"].whole)
}

func TestHTTPAsksTheSiblingForTheDigest(t *testing.T) {
	rows := []struct {
		name    string
		sibling func(sum [32]byte) string
		whole   int // requests for the list after two refreshes
	}{
		{"digits", func(s [32]byte) string { return hex.EncodeToString(s[:]) + "\r\n" }, 1},
		{"upper case", func(s [32]byte) string { return strings.ToUpper(hex.EncodeToString(s[:])) }, 1},
		{"as sha256sum writes it", func(s [32]byte) string { return hex.EncodeToString(s[:]) + "  ut.xml\n" }, 1},
		{"bytes", func(s [32]byte) string { return string(s[:]) }, 1},
		{"another digest", func([32]byte) string { return strings.Repeat("0", 64) }, 2},
		{"HTML", func([32]byte) string { return "<html>" }, 2},
		{"long", func(s [32]byte) string { return hex.EncodeToString(s[:]) + strings.Repeat(" ", 1000) }, 2},
		{"none", func([32]byte) string { return "" }, 2},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			h := newHost(t)
			ut := h.lists["/ut.xml"]
			s := h.store(t, time.Minute, nil)
			require.NoError(t, s.Refresh(t.Context()))
			assert.Zero(t, ut.siblingServed, "nothing was known to compare with")
			ut.sibling = row.sibling(s.Snapshot().Lists[0].SHA256)
			require.NoError(t, s.Refresh(t.Context()))
			assert.Equal(t, row.whole, ut.whole)
			assert.True(t, s.Snapshot().Lists[0].Accepted && !s.Snapshot().Lists[0].Kept)
		})
	}
}

// Past NextUpdate there must be a newer list: a host, or whoever is in between,
// that says otherwise is not asked.
func TestHTTPFetchesAListThatIsLate(t *testing.T) {
	h := newHost(t)
	h.u.utList.next = "<dateTime>" + time.Now().Add(-time.Hour).UTC().Format(time.RFC3339) + "</dateTime>"
	h.publish()
	ut, vt := h.lists["/ut.xml"], h.lists["/vt.xml"]
	ut.etag, vt.etag = `"1"`, `"1"`
	s := h.store(t, time.Minute, nil)
	require.NoError(t, s.Refresh(t.Context()))
	require.NoError(t, s.Refresh(t.Context()))
	assert.Equal(t, 2, ut.whole)
	assert.Zero(t, ut.notModified)
	assert.Equal(t, 1, vt.notModified, "twin")
}

// A host that answers 304 to somebody it has given nothing is refused.
func TestHTTPRefusesAnUnaskedNotModified(t *testing.T) {
	h := newHost(t)
	h.faults["/ut.xml"] = func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotModified) }
	s := h.store(t, time.Minute, nil)
	require.NoError(t, s.Refresh(t.Context()))
	assert.Equal(t, trustlist.ReasonFetchFailed, s.Snapshot().Lists[0].Reason)
}

// Hosts that misbehave cost their own list its refresh, in bounded time and
// memory, and nothing else.
func TestHostsThatMisbehave(t *testing.T) {
	private := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("internal")) }))
	defer private.Close()
	var sent atomic.Int64
	release := make(chan struct{})
	rows := []struct {
		name  string
		fault http.HandlerFunc
		want  trustlist.Reason
		// timeout of a request where only that ends it
		timeout time.Duration
	}{
		{"hangs", func(_ http.ResponseWriter, r *http.Request) {
			select {
			case <-r.Context().Done():
			case <-release:
			}
		}, trustlist.ReasonFetchFailed, 300 * time.Millisecond},
		{"trickles", func(w http.ResponseWriter, r *http.Request) {
			for r.Context().Err() == nil {
				_, _ = w.Write([]byte(" "))
				_ = http.NewResponseController(w).Flush()
				time.Sleep(10 * time.Millisecond)
			}
		}, trustlist.ReasonFetchFailed, 300 * time.Millisecond},
		{"sends ten gigabytes", func(w http.ResponseWriter, r *http.Request) {
			chunk := make([]byte, 1<<20)
			for n := 0; n < 10<<10 && r.Context().Err() == nil; n++ {
				k, err := w.Write(chunk)
				if err != nil {
					return
				}
				sent.Add(int64(k))
			}
		}, trustlist.ReasonTooLarge, 0},
		{"announces ten gigabytes", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", fmt.Sprint(10<<30))
			_, _ = w.Write([]byte("<"))
		}, trustlist.ReasonTooLarge, 0},
		{"redirects to a private address", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "http://10.0.0.1/tl.xml", http.StatusFound)
		}, trustlist.ReasonFetchFailed, 0},
		{"redirects to a file", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, "file:///etc/passwd", http.StatusFound)
		}, trustlist.ReasonFetchFailed, 0},
		{"redirects in a circle", func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, r.URL.Path, http.StatusFound)
		}, trustlist.ReasonFetchFailed, 0},
		{"serves HTML", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte("<!DOCTYPE html><html><body>We are moving</body></html>"))
		}, trustlist.ReasonXMLMalformed, 0},
		{"answers 500", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusInternalServerError) }, trustlist.ReasonFetchFailed, 0},
		{"hangs up", func(w http.ResponseWriter, _ *http.Request) {
			c, _, err := http.NewResponseController(w).Hijack()
			if err == nil {
				_ = c.Close()
			}
		}, trustlist.ReasonFetchFailed, 0},
		{"sends half", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "1000")
			_, _ = w.Write([]byte("<TrustServiceStatusList"))
		}, trustlist.ReasonFetchFailed, 0},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			before := runtime.NumGoroutine()
			h := newHost(t)
			impatient, err := trustlist.NewHTTP(trustlist.HTTPConfig{
				AllowAnyPort: true, AllowPrivate: loopback, Timeout: cmp.Or(row.timeout, time.Minute),
			})
			require.NoError(t, err)
			sources := &twoSources{bad: impatient}
			s := h.store(t, time.Minute, func(c *trustlist.StoreConfig) { sources.Source, c.Source = c.Source, sources })
			require.NoError(t, s.Refresh(t.Context()))
			sources.url = h.URL + "/ut.xml"
			h.mu.Lock()
			h.faults["/ut.xml"] = row.fault
			h.mu.Unlock()
			h.u.vtList.sequence++
			h.publish()
			require.NoError(t, s.Refresh(t.Context()))
			ut, vt := s.Snapshot().Lists[0], s.Snapshot().Lists[1]
			assert.Equal(t, row.want, ut.Reason, "%v", ut.Err)
			assert.True(t, ut.Accepted && ut.Kept)
			assert.Equal(t, 9, vt.Sequence, "the other one is refreshed")
			assert.Less(t, sent.Load(), int64(trustlist.MaxListSize)*3, "the rest was not read")
			impatient.CloseIdle()
			h.CloseClientConnections()
			h.Close()
			assert.Eventually(t, func() bool { return runtime.NumGoroutine() <= before+4 }, time.Minute, 10*time.Millisecond,
				"goroutines are left")
		})
	}
	close(release)
}

// twoSources has another source for the one list that has turned bad: on a busy
// machine a good host may take longer than a bad one is waited for.
type twoSources struct {
	trustlist.Source

	bad trustlist.Source
	url string
}

func (s *twoSources) Fetch(ctx context.Context, url string) ([]byte, error) {
	if url == s.url {
		return s.bad.Fetch(ctx, url)
	}
	return s.Source.Fetch(ctx, url)
}

// A caller that gives up while hosts hang has its answer at once.
func TestRefreshEndsWithItsContext(t *testing.T) {
	h := newHost(t)
	s := h.store(t, time.Hour, nil)
	require.NoError(t, s.Refresh(t.Context()))
	first := s.Snapshot()
	h.mu.Lock()
	h.faults["/ut.xml"] = func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }
	h.mu.Unlock()
	ctx, cancel := context.WithTimeout(t.Context(), 100*time.Millisecond)
	defer cancel()
	require.ErrorIs(t, s.Refresh(ctx), context.DeadlineExceeded)
	assert.Same(t, first, s.Snapshot(), "what was in use stays")
	require.ErrorIs(t, s.Health().Err, context.DeadlineExceeded)
	assert.True(t, s.Health().Ready)
}

// A host that turns up with a TLS certificate of somebody else is not talked to.
func TestHostThatChangesItsCertificate(t *testing.T) {
	certificate := func() (tls.Certificate, *x509.Certificate) {
		key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		require.NoError(t, err)
		template := &x509.Certificate{
			SerialNumber: big.NewInt(1), NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
			IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
		}
		der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
		require.NoError(t, err)
		parsed, err := x509.ParseCertificate(der)
		require.NoError(t, err)
		return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, parsed
	}
	known, root := certificate()
	other, _ := certificate()
	var current atomic.Pointer[tls.Certificate]
	current.Store(&known)
	u := newUnion(t)
	list := u.ut.sign(t, u.utList.xml())
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(list) }))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.TLS = &tls.Config{Certificates: []tls.Certificate{known}, GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
		return &tls.Config{Certificates: []tls.Certificate{*current.Load()}}, nil
	}}
	server.StartTLS()
	defer server.Close()
	pool := x509.NewCertPool()
	pool.AddCert(root)
	source, err := trustlist.NewHTTP(trustlist.HTTPConfig{AllowAnyPort: true, AllowPrivate: loopback, RootCAs: pool})
	require.NoError(t, err)
	defer source.CloseIdle()
	doc, err := source.Fetch(t.Context(), server.URL+"/tl.xml")
	require.NoError(t, err)
	assert.Equal(t, list, doc)
	current.Store(&other)
	source.CloseIdle()
	_, err = source.Fetch(t.Context(), server.URL+"/tl.xml")
	require.ErrorIs(t, err, trustlist.ReasonFetchFailed)
}
