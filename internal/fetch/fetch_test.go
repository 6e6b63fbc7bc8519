package fetch_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas/internal/fetch"
)

var loopback = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8"), netip.MustParsePrefix("::1/128")}

// reachable is a config that may reach test servers.
func reachable() fetch.Config {
	return fetch.Config{AllowPrivate: loopback, AllowAnyPort: true}
}

func client(t *testing.T, cfg fetch.Config) *fetch.Client {
	t.Helper()
	c, err := fetch.New(cfg)
	require.NoError(t, err)
	t.Cleanup(c.CloseIdle)
	return c
}

func serve(t *testing.T, h http.HandlerFunc) *httptest.Server {
	t.Helper()
	s := httptest.NewServer(h)
	t.Cleanup(s.Close)
	return s
}

func text(body string) http.HandlerFunc {
	return func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(body)) }
}

func TestGet(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("ETag", `"1"`)
		assert.Equal(t, "identity", r.Header.Get("Accept-Encoding"))
		assert.Equal(t, fetch.DefaultUserAgent, r.Header.Get("User-Agent"))
		assert.Empty(t, r.Header.Get("Cookie"))
		_, _ = w.Write([]byte("body"))
	})
	resp, err := client(t, reachable()).Get(t.Context(), s.URL+"/x", 4)
	require.NoError(t, err)
	assert.Equal(t, http.StatusOK, resp.Status)
	assert.Equal(t, "body", string(resp.Body))
	assert.Equal(t, `"1"`, resp.Header.Get("ETag"))
	assert.Equal(t, s.URL+"/x", resp.URL)
}

func TestDoPost(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		var buf bytes.Buffer
		_, _ = buf.ReadFrom(r.Body)
		_, _ = fmt.Fprintf(w, "%s %s %s %s", r.Method, r.Header.Get("Content-Type"), r.Header.Get("Accept"), buf.String())
	})
	resp, err := client(t, reachable()).Do(t.Context(), fetch.Request{
		Method: http.MethodPost, URL: s.URL, Body: []byte("q"), ContentType: "a/b", Accept: "c/d", Limit: 100,
	})
	require.NoError(t, err)
	assert.Equal(t, "POST a/b c/d q", string(resp.Body))
}

func TestLimits(t *testing.T) {
	gz := func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Encoding", "gzip")
		z := gzip.NewWriter(w)
		_, _ = z.Write(make([]byte, 1<<20))
		_ = z.Close()
	}
	chunked := func(body string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			_ = http.NewResponseController(w).Flush()
			_, _ = w.Write([]byte(body))
		}
	}
	for _, tt := range []struct {
		name  string
		h     http.HandlerFunc
		limit int64
		want  fetch.Kind
	}{
		{"exactly the limit is read", text("12345"), 5, 0},
		{"one byte more fails by Content-Length", text("123456"), 5, fetch.KindTooLarge},
		{"exactly the limit is read, length unknown", chunked("12345"), 5, 0},
		{"one byte more fails, length unknown", chunked("123456"), 5, fetch.KindTooLarge},
		{"a compressed answer is not unpacked", gz, 1 << 20, fetch.KindEncoding},
		{"a zero limit is an error", text(""), 0, fetch.KindRequest},
		{"a short body is an error", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = w.Write([]byte("short"))
		}, 100, fetch.KindNetwork},
		{"a huge header is an error", func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("X", strings.Repeat("x", 1<<20))
		}, 100, fetch.KindNetwork},
		{"404 is an error", http.NotFound, 100, fetch.KindStatus},
		{"204 is an error", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }, 100, fetch.KindStatus},
		{"unasked 304 is an error", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNotModified) }, 100, fetch.KindStatus},
	} {
		t.Run(tt.name, func(t *testing.T) {
			resp, err := client(t, reachable()).Get(t.Context(), serve(t, tt.h).URL, tt.limit)
			assert.Equal(t, tt.want, fetch.KindOf(err), "%v", err)
			assert.Equal(t, tt.want == 0, resp != nil)
		})
	}
}

func TestStatusIsReported(t *testing.T) {
	_, err := client(t, reachable()).Get(t.Context(), serve(t, http.NotFound).URL, 1)
	var e *fetch.Error
	require.ErrorAs(t, err, &e)
	assert.Equal(t, http.StatusNotFound, e.Status)
	assert.Contains(t, e.Error(), "fetch: status: url")
}

func TestConditional(t *testing.T) {
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("If-None-Match") == `"1"` {
			w.WriteHeader(http.StatusNotModified)
		}
	})
	header := http.Header{"If-None-Match": {`"1"`}}
	resp, err := client(t, reachable()).Do(t.Context(), fetch.Request{URL: s.URL, Header: header, Limit: 1})
	require.NoError(t, err)
	assert.Equal(t, http.StatusNotModified, resp.Status)
	assert.Equal(t, http.Header{"If-None-Match": {`"1"`}}, header, "the argument is not changed")
}

func TestURLRefused(t *testing.T) {
	for _, tt := range []struct {
		url  string
		want fetch.Kind
	}{
		{"file:///etc/passwd", fetch.KindScheme},
		{"ldap://198.51.100.1/cn=x", fetch.KindScheme},
		{"gopher://example.net/", fetch.KindScheme},
		{"ftp://example.net/", fetch.KindScheme},
		{"", fetch.KindScheme},
		{"//example.net/", fetch.KindScheme},
		{"http:example.net", fetch.KindRequest},
		{"http:///x", fetch.KindRequest},
		{"http://user:pw@example.net/", fetch.KindRequest},
		{"http://exa mple.net/", fetch.KindRequest},
		{"http://example.net/\r\nX: y", fetch.KindRequest},
		{"http://example.net/" + strings.Repeat("x", 2048), fetch.KindRequest},
		{"http://example.net:22/", fetch.KindPort},
		{"http://example.net:65616/", fetch.KindPort},
		{"https://example.net:8443/", fetch.KindPort},
	} {
		_, err := client(t, fetch.Config{}).Get(t.Context(), tt.url, 1)
		assert.Equal(t, tt.want, fetch.KindOf(err), "%q: %v", tt.url, err)
		assert.NotContains(t, fmt.Sprint(err), "pw", "credentials are not printed")
	}
}

func TestSchemesAndPorts(t *testing.T) {
	s := serve(t, text("x"))
	port := netip.MustParseAddrPort(s.Listener.Addr().String()).Port()
	cfg := fetch.Config{AllowPrivate: loopback, Ports: []uint16{port}}
	_, err := client(t, cfg).Get(t.Context(), s.URL, 1)
	require.NoError(t, err, "listed port")
	cfg.Ports = []uint16{port + 1}
	_, err = client(t, cfg).Get(t.Context(), s.URL, 1)
	assert.Equal(t, fetch.KindPort, fetch.KindOf(err))
	_, err = client(t, reachable()).Get(t.Context(), "http://127.0.0.1:65616/", 1)
	assert.Equal(t, fetch.KindPort, fetch.KindOf(err), "no such port: %v", err)
	cfg = reachable()
	cfg.Schemes = []string{"https"}
	_, err = client(t, cfg).Get(t.Context(), s.URL, 1)
	assert.Equal(t, fetch.KindScheme, fetch.KindOf(err))
}

func TestDefaultPortOfScheme(t *testing.T) {
	cfg := fetch.Config{Ports: []uint16{443}, Resolver: resolver(t, &names{})}
	_, err := client(t, cfg).Get(t.Context(), "https://name.test/", 1)
	assert.Equal(t, fetch.KindNetwork, fetch.KindOf(err), "allowed, but nobody there: %v", err)
	_, err = client(t, cfg).Get(t.Context(), "http://name.test/", 1)
	assert.Equal(t, fetch.KindPort, fetch.KindOf(err))
}

func TestControl(t *testing.T) {
	c := client(t, fetch.Config{})
	for _, tt := range []struct {
		network, address string
		want             fetch.Kind
	}{
		{"tcp4", "8.8.8.8:80", 0},
		{"tcp6", "[2001:4860:4860::8888]:443", 0},
		{"tcp4", "10.0.0.1:80", fetch.KindAddress},
		{"tcp6", "[::ffff:10.0.0.1]:80", fetch.KindAddress},
		{"tcp4", "8.8.8.8:22", fetch.KindPort},
		{"udp4", "8.8.8.8:80", fetch.KindAddress},
		{"tcp4", "name:80", fetch.KindAddress},
	} {
		assert.Equal(t, tt.want, fetch.KindOf(c.Control(tt.network, tt.address)), tt.address)
	}
}

func TestMethodRefused(t *testing.T) {
	_, err := client(t, reachable()).Do(t.Context(), fetch.Request{Method: "G T", URL: "http://127.0.0.1/", Limit: 1})
	assert.Equal(t, fetch.KindRequest, fetch.KindOf(err), "%v", err)
}

func TestAnnouncedSizeIsRefusedAtOnce(t *testing.T) {
	release := make(chan struct{})
	s := serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1000000000")
		_ = http.NewResponseController(w).Flush()
		<-release
	})
	_, err := client(t, reachable()).Get(t.Context(), s.URL, 100) // nothing of the body has come
	close(release)
	assert.Equal(t, fetch.KindTooLarge, fetch.KindOf(err), "%v", err)
}

func TestLargeBody(t *testing.T) {
	body := strings.Repeat("x", 1<<20)
	resp, err := client(t, reachable()).Get(t.Context(), serve(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Length", "1048576")
		_, _ = w.Write([]byte(body))
	}).URL, 1<<20)
	require.NoError(t, err)
	assert.Equal(t, body, string(resp.Body))
	assert.Less(t, cap(resp.Body), 1<<20+1<<17, "no more is taken than what was announced")
}

// counting is a server on all loopback addresses that counts connections.
func counting(t *testing.T) (port string, connections *atomic.Int64) {
	t.Helper()
	l, err := net.Listen("tcp", ":0")
	require.NoError(t, err)
	connections = new(atomic.Int64)
	s := httptest.NewUnstartedServer(text("secret"))
	_ = s.Listener.Close()
	s.Listener = l
	s.Config.ConnState = func(_ net.Conn, st http.ConnState) {
		if st == http.StateNew {
			connections.Add(1)
		}
	}
	s.Start()
	t.Cleanup(s.Close)
	_, port, err = net.SplitHostPort(l.Addr().String())
	require.NoError(t, err)
	return port, connections
}

func TestInternalAddressGetsNoConnection(t *testing.T) {
	port, connections := counting(t)
	c := client(t, fetch.Config{AllowAnyPort: true, Resolver: resolver(t, &names{m: map[string][]string{
		"loop.test.":   {"127.0.0.1"},
		"mixed.test.":  {"10.0.0.1", "127.0.0.1", "::1", "fd00::1"},
		"meta.test.":   {"169.254.169.254"},
		"mapped.test.": {"::ffff:127.0.0.1"},
	}})})
	for _, host := range []string{
		"127.0.0.1", "127.1.2.3", "0.0.0.0", "[::1]", "[::]", "[::ffff:127.0.0.1]", "[::ffff:10.0.0.1]", "[::ffff:7f00:1]",
		"169.254.169.254", "10.0.0.1", "[fe80::1]", "[fe80::1%25lo]", "[fd00::1]", "[::127.0.0.1]",
		"localhost", "loop.test", "mixed.test", "meta.test", "mapped.test",
	} {
		_, err := c.Get(t.Context(), "http://"+host+":"+port+"/", 100)
		assert.Equal(t, fetch.KindAddress, fetch.KindOf(err), "%s: %v", host, err)
	}
	// Shapes that a lenient resolver takes for an address.
	for _, host := range []string{"2130706433", "0x7f000001", "127.1", "0177.0.0.1"} {
		_, err := c.Get(t.Context(), "http://"+host+":"+port+"/", 100)
		require.Error(t, err, host)
	}
	assert.Zero(t, connections.Load())

	allowed := reachable()
	_, err := client(t, allowed).Get(t.Context(), "http://127.0.0.1:"+port+"/", 100)
	require.NoError(t, err)
	assert.EqualValues(t, 1, connections.Load(), "the server was there all the time")
}

func TestNameIsJudgedAgainEachTime(t *testing.T) {
	// DNS rebinding: the name leads to an allowed address first and to an
	// internal one afterwards.
	port, connections := counting(t)
	known := &names{m: map[string][]string{"turn.test.": {"127.0.0.1"}}}
	cfg := fetch.Config{AllowAnyPort: true, AllowPrivate: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}}
	cfg.Resolver = resolver(t, known)
	c := client(t, cfg)
	_, err := c.Get(t.Context(), "http://turn.test:"+port+"/", 100)
	require.NoError(t, err)
	c.CloseIdle()
	known.set("turn.test.", "127.0.0.2")
	_, err = c.Get(t.Context(), "http://turn.test:"+port+"/", 100)
	assert.Equal(t, fetch.KindAddress, fetch.KindOf(err), "%v", err)
	assert.EqualValues(t, 1, connections.Load())
}

func TestRedirects(t *testing.T) {
	port, connections := counting(t)
	var s *httptest.Server
	s = serve(t, func(w http.ResponseWriter, r *http.Request) {
		assert.Empty(t, r.Header.Get("Referer"))
		switch r.URL.Path {
		case "/1":
			http.Redirect(w, r, s.URL+"/2", http.StatusFound)
		case "/2":
			http.Redirect(w, r, s.URL+"/end", http.StatusMovedPermanently)
		case "/loop":
			http.Redirect(w, r, "/loop", http.StatusFound)
		case "/internal":
			http.Redirect(w, r, "http://127.0.0.2:"+port+"/", http.StatusFound)
		case "/long":
			http.Redirect(w, r, "/"+strings.Repeat("x", 2048), http.StatusFound)
		case "/file":
			http.Redirect(w, r, "file:///etc/passwd", http.StatusFound)
		default:
			_, _ = w.Write([]byte("end"))
		}
	})
	cfg := fetch.Config{AllowAnyPort: true, AllowPrivate: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")}}
	for _, tt := range []struct {
		path string
		max  int
		want fetch.Kind
	}{
		{"/1", 2, 0},
		{"/1", 1, fetch.KindRedirect},
		{"/2", 0, fetch.KindRedirect},
		{"/loop", 10, fetch.KindRedirect},
		{"/internal", 1, fetch.KindAddress},
		{"/file", 1, fetch.KindScheme},
		{"/long", 1, fetch.KindRedirect},
	} {
		cfg.MaxRedirects = tt.max
		_, err := client(t, cfg).Get(t.Context(), s.URL+tt.path, 100)
		assert.Equal(t, tt.want, fetch.KindOf(err), "%s %d: %v", tt.path, tt.max, err)
	}
	assert.Zero(t, connections.Load())
	cfg.MaxRedirects = 2
	_, err := client(t, cfg).Do(t.Context(), fetch.Request{Method: "POST", URL: s.URL + "/1", Limit: 100})
	assert.Equal(t, fetch.KindRedirect, fetch.KindOf(err), "a body is not sent on")
}

func TestTLS(t *testing.T) {
	plain := serve(t, text("x"))
	s := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/down" {
			http.Redirect(w, r, plain.URL, http.StatusFound)
		}
	}))
	t.Cleanup(s.Close)
	cfg := reachable()
	_, err := client(t, cfg).Get(t.Context(), s.URL, 1)
	assert.Equal(t, fetch.KindNetwork, fetch.KindOf(err), "unknown root: %v", err)
	cfg.RootCAs = x509.NewCertPool()
	cfg.RootCAs.AddCert(s.Certificate())
	cfg.MaxRedirects = 1
	_, err = client(t, cfg).Get(t.Context(), s.URL, 1)
	require.NoError(t, err)
	_, err = client(t, cfg).Get(t.Context(), s.URL+"/down", 1)
	assert.Equal(t, fetch.KindRedirect, fetch.KindOf(err), "https to http")
}

func TestTime(t *testing.T) {
	release := make(chan struct{})
	s := serve(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/trickle" {
			_, _ = w.Write([]byte("x"))
			_ = http.NewResponseController(w).Flush()
		}
		<-release
	})
	t.Cleanup(func() { close(release) }) // before the server closes
	cfg := reachable()
	cfg.Timeout = 50 * time.Millisecond
	for _, path := range []string{"/silent", "/trickle"} {
		_, err := client(t, cfg).Get(t.Context(), s.URL+path, 100)
		assert.Equal(t, fetch.KindTimeout, fetch.KindOf(err), "%s: %v", path, err)
	}
	cfg = reachable()
	cfg.HeaderTimeout = 50 * time.Millisecond
	_, err := client(t, cfg).Get(t.Context(), s.URL, 100)
	assert.Equal(t, fetch.KindTimeout, fetch.KindOf(err), "header: %v", err)

	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	_, err = client(t, reachable()).Get(ctx, s.URL, 100)
	assert.Equal(t, fetch.KindTimeout, fetch.KindOf(err), "caller's deadline: %v", err)

	ctx, cancel = context.WithCancel(t.Context())
	cancel()
	_, err = client(t, reachable()).Get(ctx, s.URL, 100)
	assert.Equal(t, fetch.KindCanceled, fetch.KindOf(err), "%v", err)
	assert.ErrorIs(t, err, context.Canceled)
}

func TestProxy(t *testing.T) {
	var asked atomic.Value
	proxy := serve(t, func(w http.ResponseWriter, r *http.Request) {
		asked.Store(r.URL.String())
		_, _ = w.Write([]byte("via"))
	})
	t.Setenv("HTTP_PROXY", proxy.URL)
	cfg := fetch.Config{Resolver: resolver(t, &names{}), DialTimeout: time.Second}
	_, err := client(t, cfg).Get(t.Context(), "http://name.test/", 10)
	assert.Equal(t, fetch.KindNetwork, fetch.KindOf(err), "the environment is not looked at: %v", err)
	cfg.Proxy, err = url.Parse(proxy.URL)
	require.NoError(t, err)
	resp, err := client(t, cfg).Get(t.Context(), "http://name.test/x", 10)
	require.NoError(t, err)
	assert.Equal(t, "via", string(resp.Body))
	assert.Equal(t, "http://name.test/x", asked.Load())
	_, err = client(t, cfg).Get(t.Context(), "http://127.0.0.1/", 10)
	assert.Equal(t, fetch.KindAddress, fetch.KindOf(err), "literals are still checked")
}

func TestConfigRefused(t *testing.T) {
	for name, cfg := range map[string]fetch.Config{
		"scheme":       {Schemes: []string{"ftp"}},
		"redirects":    {MaxRedirects: 11},
		"negative":     {MaxRedirects: -1},
		"timeout":      {Timeout: -1},
		"prefix":       {AllowPrivate: []netip.Prefix{{}}},
		"mapped":       {AllowPrivate: []netip.Prefix{netip.MustParsePrefix("::ffff:10.0.0.0/104")}},
		"ports":        {Ports: []uint16{80}, AllowAnyPort: true},
		"user agent":   {UserAgent: "a\r\nb: c"},
		"proxy scheme": {Proxy: &url.URL{Scheme: "socks9", Host: "x"}},
	} {
		_, err := fetch.New(cfg)
		assert.Error(t, err, name)
	}
}

func TestErrorsAreTyped(t *testing.T) {
	for k := fetch.Kind(1); k <= fetch.KindNetwork; k++ {
		assert.NotEqual(t, "unknown", k.String())
	}
	assert.Equal(t, "unknown", fetch.Kind(0).String())
	assert.Zero(t, fetch.KindOf(errors.New("other")))
}
