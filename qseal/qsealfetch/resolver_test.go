package qsealfetch_test

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/eidastest"
	"github.com/seed-b953571c/eidas/qseal"
	"github.com/seed-b953571c/eidas/qseal/qsealfetch"
)

const tppID = "PSDLT-BL-LB000468"

// host serves files at any path and counts how often it is asked.
type host struct {
	*httptest.Server
	asked atomic.Int64
	serve func(w http.ResponseWriter, r *http.Request)
}

func newHost(t *testing.T, file []byte) *host {
	t.Helper()
	h := &host{serve: func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(file) }}
	h.Server = httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		h.asked.Add(1)
		h.serve(w, r)
	}))
	t.Cleanup(h.Close)
	return h
}

// config lets a test reach its host, which is on the loopback interface.
func (h *host) config() qsealfetch.Config {
	pool := x509.NewCertPool()
	pool.AddCert(h.Certificate())
	return qsealfetch.Config{
		Hosts: []string{"127.0.0.1"}, RootCAs: pool, AllowAnyPort: true,
		AllowPrivate: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")},
	}
}

func (h *host) at(path string, file []byte) string {
	return fmt.Sprintf("%s%s_%x", h.URL, path, sha256.Sum256(file))
}

func resolver(t *testing.T, c qsealfetch.Config) *qsealfetch.Resolver {
	t.Helper()
	r, err := qsealfetch.New(c)
	require.NoError(t, err)
	return r
}

func TestNewRefusesWhatItCannotUse(t *testing.T) {
	for name, c := range map[string]qsealfetch.Config{
		"no hosts":         {},
		"empty host":       {Hosts: []string{""}},
		"a URL":            {Hosts: []string{"https://tpp.example"}},
		"a path":           {Hosts: []string{"tpp.example/x"}},
		"a port":           {Hosts: []string{"tpp.example:443"}},
		"a wildcard":       {Hosts: []string{"*.tpp.example"}},
		"a user":           {Hosts: []string{"a@tpp.example"}},
		"no host at all":   {Hosts: []string{"%zz"}},
		"a query":          {Hosts: []string{"tpp.example?a"}},
		"a port of IPv6":   {Hosts: []string{"[2001:db8::1]:443"}},
		"negative timeout": {Hosts: []string{"tpp.example"}, Timeout: -1},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := qsealfetch.New(c)
			assert.Error(t, err)
		})
	}
	for _, host := range []string{"tpp.example", "192.0.2.1", "[2001:db8::1]"} {
		_, err := qsealfetch.New(qsealfetch.Config{Hosts: []string{host}})
		require.NoError(t, err, host)
	}
}

// A URL that is not wholly what it should be is nobody's, and nothing is dialled.
func TestResolveDialsNothingElse(t *testing.T) {
	file := []byte("file")
	h := newHost(t, file)
	r := resolver(t, h.config())
	good := h.at("/seal", file)
	port := good[strings.LastIndexByte(good[:len("https://127.0.0.1:65535")], ':'):]
	for name, hint := range map[string]qseal.Hint{
		"no URL":             {KeyID: good},
		"another host":       {URL: "https://localhost" + port},
		"another host below": {URL: "https://127.0.0.1.evil.example" + port},
		"user":               {URL: strings.Replace(good, "//", "//127.0.0.1@evil.example:", 1)},
		"user of the host":   {URL: strings.Replace(good, "//", "//a@", 1)},
		"http":               {URL: strings.Replace(good, "https:", "http:", 1)},
		"file":               {URL: "file:///etc/passwd_" + good[len(good)-64:]},
		"query":              {URL: good + "?a"},
		"empty query":        {URL: good + "?"},
		"fragment":           {URL: good + "#a"},
		"no hash":            {URL: h.URL + "/seal"},
		"short hash":         {URL: good[:len(good)-1]},
		"shorter hash":       {URL: good[:len(good)-2]},
		"long hash":          {URL: good + "0"},
		"longer hash":        {URL: good + "00"},
		"no hexadecimal":     {URL: good[:len(good)-1] + "g"},
		"no underscore":      {URL: strings.Replace(good, "_", "-", 1)},
		"no URL at all":      {URL: "https://%zz"},
	} {
		t.Run(name, func(t *testing.T) {
			found, err := r.Resolve(t.Context(), hint)
			require.NoError(t, err)
			assert.Nil(t, found)
		})
	}
	assert.Zero(t, h.asked.Load())
	_, err := r.Resolve(t.Context(), qseal.Hint{URL: good})
	require.Error(t, err, "no certificate, but it is asked for")
	assert.EqualValues(t, 1, h.asked.Load())
}

func TestResolveRefusesBadAnswers(t *testing.T) {
	h := newHost(t, nil)
	url := h.at("/seal", []byte("file"))
	redirected := newHost(t, nil)
	for name, serve := range map[string]http.HandlerFunc{
		"not found": http.NotFound,
		"redirect": func(w http.ResponseWriter, r *http.Request) {
			http.Redirect(w, r, redirected.URL, http.StatusFound)
		},
		"too large": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, 64<<10)) },
		"no chain":  func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("file")) },
	} {
		t.Run(name, func(t *testing.T) {
			h.serve = serve
			found, err := resolver(t, h.config()).Resolve(t.Context(), qseal.Hint{URL: url})
			require.Error(t, err)
			assert.Nil(t, found)
		})
	}
	assert.Zero(t, redirected.asked.Load(), "no redirect is followed")

	private := h.config()
	private.AllowPrivate = nil
	before := h.asked.Load()
	_, err := resolver(t, private).Resolve(t.Context(), qseal.Hint{URL: url})
	require.Error(t, err, "an internal address")
	port := h.config()
	port.AllowAnyPort = false
	_, err = resolver(t, port).Resolve(t.Context(), qseal.Hint{URL: url})
	require.Error(t, err, "another port")
	_, err = resolver(t, port).Resolve(t.Context(), qseal.Hint{URL: "https://127.0.0.1:80" + url[len(h.URL):]})
	require.ErrorContains(t, err, "port", "443 alone")
	assert.Equal(t, before, h.asked.Load())
}

// A host that hangs holds up who needs a file of its own, and nobody else: at most
// so many files are fetched at once, and who comes later waits.
func TestResolveIsBoundedForEachHost(t *testing.T) {
	h := newHost(t, nil)
	release := make(chan struct{})
	h.serve = func(http.ResponseWriter, *http.Request) { <-release }
	defer close(release)
	c := h.config()
	c.Timeout = time.Minute
	c.Hosts = append(c.Hosts, "127.0.0.2") // where nobody listens
	r := resolver(t, c)
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan error)
	const waiting = 6
	for i := range qsealfetch.MaxConcurrent + waiting {
		go func() {
			_, err := r.Resolve(ctx, qseal.Hint{URL: h.at(fmt.Sprint("/", i), []byte{byte(i)})})
			done <- err
		}()
	}
	require.Eventually(t, func() bool {
		return h.asked.Load() == qsealfetch.MaxConcurrent && r.Inside("127.0.0.1") == qsealfetch.MaxConcurrent+waiting
	}, time.Minute, time.Millisecond)
	_, err := r.Resolve(ctx, qseal.Hint{URL: strings.Replace(h.at("/x", []byte("x")), "127.0.0.1", "127.0.0.2", 1)})
	require.Error(t, err)
	require.NotErrorIs(t, err, context.Canceled, "it had its turn")
	cancel()
	for range qsealfetch.MaxConcurrent + waiting {
		require.ErrorIs(t, <-done, context.Canceled)
	}
	assert.EqualValues(t, qsealfetch.MaxConcurrent, h.asked.Load())
	assert.Zero(t, r.Inside("127.0.0.1"))
}

// Many requests of a TPP that has just rotated are all served by a few fetches.
func TestRotationUnderLoadRefusesNobody(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	file := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: w.QSealC("LT", tppID, eidas.RoleAI).Certificate.Raw})
	h := newHost(t, file)
	c := h.config()
	c.Timeout = time.Minute
	r := resolver(t, c)
	const requests = 200
	done := make(chan error)
	for range requests {
		go func() {
			_, err := r.Resolve(t.Context(), qseal.Hint{URL: h.at("/new", file)})
			done <- err
		}()
	}
	for range requests {
		require.NoError(t, <-done)
	}
	assert.LessOrEqual(t, h.asked.Load(), int64(4))
}

type knownFunc func(h qseal.Hint) (*qseal.Resolved, error)

func (f knownFunc) Resolve(_ context.Context, h qseal.Hint) (*qseal.Resolved, error) { return f(h) }

func TestKnownIsAskedFirst(t *testing.T) {
	file := []byte("file")
	h := newHost(t, file)
	c := h.config()
	want := &qseal.Resolved{}
	outage := errors.New("outage")
	c.Known = knownFunc(func(h qseal.Hint) (*qseal.Resolved, error) {
		switch h.KeyID {
		case "known":
			return want, nil
		case "outage":
			return nil, outage
		}
		return nil, nil //nolint:nilnil // nobody
	})
	r := resolver(t, c)
	found, err := r.Resolve(t.Context(), qseal.Hint{KeyID: "known", URL: h.at("/a", file)})
	require.NoError(t, err)
	assert.Same(t, want, found)
	_, err = r.Resolve(t.Context(), qseal.Hint{KeyID: "outage", URL: h.at("/a", file)})
	require.ErrorIs(t, err, outage)
	assert.Zero(t, h.asked.Load())
}

// A TPP that rotates its seal is let in at its next request, without anybody's
// doing; each file is fetched once.
func TestSTETSealsAreVerifiedAcrossARotation(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	h := newHost(t, nil)
	files := map[string][]byte{}
	h.serve = func(w http.ResponseWriter, r *http.Request) { _, _ = w.Write(files[r.URL.Path]) }
	memory, err := qseal.NewReplayMemory(1<<10, 24*time.Hour)
	require.NoError(t, err)
	verifier, err := qseal.New(qseal.Config{
		Validator: w.Validator(eidas.Policy{Authorizer: eidas.RequireRoles(eidas.RoleAI)}), Profile: qseal.STET16(), AllowAnyPeer: true,
		Resolver: resolver(t, h.config()), Replay: memory,
	})
	require.NoError(t, err)
	calls := 0
	call := func(leaf *eidastest.Leaf, url string) error {
		calls++
		signer, err := qseal.NewSigner(qseal.SignerConfig{Profile: qseal.STET16(), Key: leaf.Key, Chain: leaf.Chain, KeyID: url})
		require.NoError(t, err)
		r := httptest.NewRequest(http.MethodGet, fmt.Sprint("/v1/accounts/", calls), nil)
		require.NoError(t, signer.SignRequest(r, w.Now()))
		_, err = verifier.VerifyRequest(t.Context(), r, w.Now())
		return err
	}
	var urls []string
	var leaves []*eidastest.Leaf
	for i, territory := range []string{"LT", "DE"} {
		request := eidastest.QSealC(tppID, eidas.RoleAI)
		request.KeyType = eidastest.RSA2048
		leaf := w.Issue(territory, request)
		url := h.at("/seal", leaf.Certificate.Raw)
		files[strings.TrimPrefix(url, h.URL)] = leaf.Certificate.Raw
		for range 3 {
			require.NoError(t, call(leaf, url), territory)
		}
		assert.EqualValues(t, i+1, h.asked.Load(), "each file once")
		urls, leaves = append(urls, url), append(leaves, leaf)
	}
	require.NoError(t, call(leaves[0], urls[0]), "the one before is known still")

	// The file at the URL is another than the URL says.
	wrong := h.at("/seal", []byte("another"))
	files[strings.TrimPrefix(wrong, h.URL)] = leaves[0].Certificate.Raw
	for range 2 {
		require.ErrorIs(t, call(leaves[0], wrong), qseal.ReasonCertificateMismatch)
	}
	// A host that is not on the list.
	_, port, err := net.SplitHostPort(h.Listener.Addr().String())
	require.NoError(t, err)
	other := strings.Replace(urls[0], "127.0.0.1:"+port, "localhost:"+port, 1)
	require.NotEqual(t, urls[0], other)
	require.ErrorIs(t, call(leaves[0], other), qseal.ReasonCertificateMissing)
	// A host that does not answer is no fault of the seal.
	gone := h.at("/seal", []byte("gone"))
	h.serve = http.NotFound
	require.ErrorIs(t, call(leaves[0], gone), qseal.ReasonCertificateUnresolved)
}

// A host that serves any number of files does not fill the memory.
func TestFilesThatAreKeptAreBounded(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	text := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: w.QSealC("LT", tppID, eidas.RoleAI).Certificate.Raw})
	h := newHost(t, nil)
	file := func(n int) []byte { return append(text[:len(text):len(text)], strings.Repeat("\n", n)...) }
	h.serve = func(w http.ResponseWriter, r *http.Request) {
		var n int
		_, _ = fmt.Sscanf(r.URL.Path, "/%d_", &n)
		_, _ = w.Write(file(n))
	}
	r := resolver(t, h.config())
	const files, most = 200, 128
	for n := range files {
		found, err := r.Resolve(t.Context(), qseal.Hint{URL: h.at(fmt.Sprint("/", n), file(n))})
		require.NoError(t, err)
		require.Len(t, found.Chain, 1)
	}
	assert.LessOrEqual(t, r.Kept(), most)
	assert.GreaterOrEqual(t, r.Kept(), most/2)
}
