package revocation_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/internal/fetch"
	"github.com/seed-b953571c/eidas/revocation"
)

// These are drills over real TLS and real HTTP, or over a day of simulated time.

// gate is a TLS server that lets in whom a checker calls good. Its hook is as
// small as can be; qwac has the real one.
type gate struct {
	net.Listener
	verdicts chan error
	slowest  atomic.Int64 // question, in nanoseconds
}

func newGate(t *testing.T, w *world, c *revocation.Checker) *gate {
	t.Helper()
	own := w.mint(t, nil, "localhost", nil)
	g := &gate{verdicts: make(chan error, 1024)}
	config := &tls.Config{
		MinVersion:             tls.VersionTLS13,
		Certificates:           []tls.Certificate{{Certificate: [][]byte{own.cert.Raw}, PrivateKey: own.key}},
		ClientAuth:             tls.RequireAnyClientCert,
		SessionTicketsDisabled: true,
		VerifyConnection: func(cs tls.ConnectionState) error {
			begin := time.Now()
			defer func() { g.slowest.Store(max(g.slowest.Load(), int64(time.Since(begin)))) }()
			a, err := c.CheckStatus(context.Background(), eidas.StatusQuery{
				Certificate: cs.PeerCertificates[0], Issuer: w.ca.cert, At: time.Now(), Use: eidas.UseTLS, Staple: cs.OCSPResponse,
			})
			if err == nil && a.Status != eidas.StatusGood {
				err = &eidas.Error{Reason: eidas.ReasonRevoked}
			}
			return err
		},
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	g.Listener = l
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go func() {
				s := tls.Server(conn, config)
				g.verdicts <- s.HandshakeContext(context.Background())
				_ = s.Close()
			}()
		}
	}()
	t.Cleanup(func() { _ = l.Close() })
	return g
}

// visit makes a handshake as p, and returns when the server has judged.
func (g *gate) visit(t *testing.T, p *party, staple []byte) {
	t.Helper()
	conn, err := net.Dial("tcp", g.Addr().String())
	if err != nil {
		t.Error(err)
		return
	}
	c := tls.Client(conn, &tls.Config{
		InsecureSkipVerify: true,
		Certificates:       []tls.Certificate{{Certificate: [][]byte{p.cert.Raw}, PrivateKey: p.key, OCSPStaple: staple}},
	})
	if err := c.HandshakeContext(context.Background()); err == nil {
		_, _ = c.Read(make([]byte, 1))
	}
	_ = c.Close()
}

// G3: a revoked client delivers a "good" about itself, in the handshake or from
// its responder.
func TestDrillForgedStaple(t *testing.T) {
	r := newResponder(t, nil0)
	w := liveWorld(t, r.URL)
	truth := says(w.revokedFor(1).encode(t))
	forgeries := map[string]*response{
		"itself":             w.good().by(w.leaf),
		"sibling":            w.good().by(w.mint(t, w.ca, "Sibling", nil)),
		"expired delegate":   w.good().by(w.mint(t, w.ca, "R", func(c *x509.Certificate) { asDelegate(c); c.NotAfter = w.now.Add(-time.Hour) })),
		"another CA's":       w.good().by(w.mint(t, w.mint(t, w.root, "Other CA", asCA), "R", asDelegate)),
		"namesake of issuer": w.good().by(w.mint(t, nil, "Issuing CA", asCA)),
	}
	for name, forgery := range forgeries {
		body := forgery.encode(t)
		r.reply.Store(truth)
		g := newGate(t, w, checker(t, reachable()))
		n := len(r.seen())
		g.visit(t, w.leaf, body)
		assert.Equal(t, eidas.ReasonRevoked, eidas.ReasonOf(<-g.verdicts), "%s: stapled", name)
		assert.Greater(t, len(r.seen()), n, "the responder was asked instead")

		r.reply.Store(says(body))
		g = newGate(t, w, checker(t, reachable()))
		g.visit(t, w.leaf, nil)
		assert.Equal(t, isInvalid, eidas.ReasonOf(<-g.verdicts), "%s: served", name)
	}
	n := len(r.seen())
	g := newGate(t, w, checker(t, reachable()))
	g.visit(t, w.leaf, w.good().by(w.delegate).encode(t))
	require.NoError(t, <-g.verdicts, "an honest staple")
	assert.Len(t, r.seen(), n, "which is used")
}

// G5: a day without responder and CRL. Warm peers are let in until the bound and
// not beyond, the revoked one never.
func TestDrillOutage(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := crlWorld(t, []string{"http://a.test/"}, pointSpec{url: "http://b.test/1"})
		kinds := map[string]time.Duration{"ten minutes": 10 * time.Minute, "no nextUpdate": 0}
		peers := make(map[string]*world)
		for name := range kinds {
			p := *w
			p.leaf = w.named(t, []string{"http://a.test/" + url.PathEscape(name)}, pointSpec{url: "http://b.test/1"})
			peers[name] = &p
		}
		criminal := *w
		criminal.leaf = w.named(t, []string{"http://a.test/criminal"}, pointSpec{url: "http://b.test/1"})
		var down atomic.Bool
		net := fetcherFunc(func(ctx context.Context, q fetch.Request) (*fetch.Response, error) {
			if down.Load() || strings.Contains(q.URL, "b.test") {
				<-ctx.Done()
				return nil, &fetch.Error{Kind: fetch.KindTimeout, Err: ctx.Err()}
			}
			if strings.Contains(q.URL, "criminal") {
				return ocspBody(criminal.revokedFor(1).encode(t))
			}
			for name, life := range kinds {
				if strings.Contains(q.URL, url.PathEscape(name)) {
					r := peers[name].good()
					if r.singles[0].nextUpdate = w.now.Add(life); life == 0 {
						r.singles[0].nextUpdate = time.Time{}
					}
					return ocspBody(r.encode(t))
				}
			}
			return nil, &fetch.Error{Kind: fetch.KindStatus}
		})
		reg := prometheus.NewRegistry()
		cfg := revocation.DefaultConfig()
		cfg.Registerer = reg
		c, err := revocation.NewWithFetcher(cfg, net)
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		ended := make(chan error, 1)
		go func() { ended <- c.Run(ctx) }()
		judge := func() (good, stale, refused int) {
			for name, p := range peers {
				begin := time.Now()
				a, err := ask(t, c, p)
				assert.LessOrEqual(t, time.Since(begin), revocation.DefaultBudget, name)
				switch {
				case err != nil:
					assert.Equal(t, isUnavailable, eidas.ReasonOf(err))
					refused++
				case a.Stale:
					stale++
				default:
					good++
				}
			}
			a, err := ask(t, c, &criminal)
			require.NoError(t, err)
			assert.Equal(t, eidas.StatusRevoked, a.Status)
			return good, stale, refused
		}
		good, _, _ := judge()
		require.Equal(t, len(peers), good)
		down.Store(true)
		end := w.now.Add(-time.Minute).Add(revocation.DefaultMaxAge) // thisUpdate and a day
		handshakes, total := 0, 0
		for time.Now().Before(end.Add(-2 * revocation.DefaultBudget)) {
			_, stale, refused := judge()
			require.Zero(t, refused, "after %s", time.Since(w.now))
			handshakes += len(peers)
			total += stale
			time.Sleep(min(time.Minute, max(time.Second, time.Until(end)-3*revocation.DefaultBudget)))
		}
		assert.Greater(t, total, handshakes*9/10, "and nearly all of them are flagged")
		assert.Equal(t, total, counter(t, reg, "eidas_revocation_stale_total"))
		t.Logf("%d handshakes in the outage, %d flagged stale, none refused", handshakes, total)
		time.Sleep(time.Until(end.Add(time.Second)))
		_, _, refused := judge()
		assert.Equal(t, len(peers), refused, "one second after the bound")
		cancel()
		require.ErrorIs(t, <-ended, context.Canceled)
		time.Sleep(time.Minute)
	})
}

// G6: whatever a responder does, the hook returns in its time, and nothing is
// left of it.
func TestDrillHostileResponders(t *testing.T) {
	// On a loaded machine; TestDrillTenThousandBlackHoles is exact.
	budget, grace, visits := 400*time.Millisecond, 5*time.Second, 20
	if os.Getenv("EIDAS_FULL") != "" { // minutes, on a quiet one
		budget, grace, visits = 100*time.Millisecond, 50*time.Millisecond, 10_000
	}
	for name, reply := range map[string]func(<-chan struct{}, http.ResponseWriter, *http.Request){
		"black hole": func(release <-chan struct{}, _ http.ResponseWriter, _ *http.Request) { <-release },
		"one byte a second": func(release <-chan struct{}, w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/ocsp-response")
			for r.Context().Err() == nil {
				_, _ = w.Write([]byte{0x30})
				_ = http.NewResponseController(w).Flush()
				select {
				case <-time.After(time.Second):
				case <-release:
					return
				}
			}
		},
		"ten gigabytes, announced": func(release <-chan struct{}, w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "10737418240")
			_, _ = w.Write(make([]byte, 1<<16))
			<-release
		},
		"ten gigabytes": func(_ <-chan struct{}, w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/ocsp-response")
			for chunk := make([]byte, 1<<16); r.Context().Err() == nil; {
				if _, err := w.Write(chunk); err != nil {
					return
				}
			}
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := liveWorld(t)
			before := runtime.NumGoroutine()
			release := make(chan struct{})
			bad := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { reply(release, w, r) }))
			cfg := reachable()
			cfg.Budget, cfg.CRLTimeout, cfg.CRLLimit = budget, budget, 1<<20
			cfg.BreakerFailures, cfg.NegativeTTL = 1_000_000, time.Nanosecond // each is to hang
			w.leaf = w.named(t, []string{bad.URL}, pointSpec{url: bad.URL + "/1"})
			c := checker(t, cfg)
			g := newGate(t, w, c)
			for range visits / 20 {
				var wg sync.WaitGroup
				for range 20 {
					wg.Go(func() { g.visit(t, w.leaf, nil) })
				}
				wg.Wait()
				for range 20 {
					require.Error(t, <-g.verdicts)
				}
			}
			slowest := time.Duration(g.slowest.Load())
			t.Logf("%d handshakes, the slowest question took %s of %s", visits, slowest, budget)
			assert.Less(t, slowest, budget+grace)
			close(release)
			bad.Close()
			require.NoError(t, g.Close())
			require.Eventually(t, func() bool { return runtime.NumGoroutine() <= before+2 }, 30*time.Second, 10*time.Millisecond, "nothing is left of the handshakes")
		})
	}
}

// G6: ten thousand handshakes while every responder is a black hole.
func TestDrillTenThousandBlackHoles(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		hole := fetcherFunc(func(ctx context.Context, _ fetch.Request) (*fetch.Response, error) {
			<-ctx.Done()
			return nil, &fetch.Error{Kind: fetch.KindTimeout, Err: ctx.Err()}
		})
		cfg := revocation.DefaultConfig()
		cfg.BreakerFailures = 1_000_000 // each is to hang
		c, err := revocation.NewWithFetcher(cfg, hole)
		require.NoError(t, err)
		w := crlWorld(t, []string{"http://a.test/", "http://b.test/"}, pointSpec{url: "http://c.test/1"})
		peers := []*world{w}
		for range 9 {
			p := *w
			p.leaf = w.named(t, []string{"http://a.test/"}, pointSpec{url: "http://c.test/1"})
			peers = append(peers, &p)
		}
		var slowest atomic.Int64
		var wg sync.WaitGroup
		for i := range 10_000 {
			wg.Go(func() {
				begin := time.Now()
				_, err := ask(t, c, peers[i%len(peers)])
				assert.Equal(t, isUnavailable, eidas.ReasonOf(err))
				slowest.Store(max(slowest.Load(), int64(time.Since(begin))))
			})
			if i%100 == 0 {
				time.Sleep(time.Millisecond)
			}
		}
		wg.Wait()
		assert.Equal(t, revocation.DefaultBudget, time.Duration(slowest.Load()), "in simulated time: not a moment more")
		// Downloads go on without their askers, for so long. What is left then fails
		// synctest.Test, which waits for every goroutine of its bubble.
		time.Sleep(revocation.DefaultCRLTimeout)
	})
}

// G7: five hundred handshakes at once, of a certificate that nobody knows yet.
func TestDrillColdStart(t *testing.T) {
	var requests atomic.Int64
	all := make(chan struct{})
	r := newResponder(t, nil0)
	w := liveWorld(t, r.URL)
	body := w.good().by(w.delegate).encode(t)
	r.reply.Store(func(rw http.ResponseWriter, a asked) {
		requests.Add(1)
		<-all
		says(body)(rw, a)
	})
	g := newGate(t, w, checker(t, reachable()))
	var wg sync.WaitGroup
	const visitors = 500
	for range visitors {
		wg.Go(func() { g.visit(t, w.leaf, nil) })
	}
	require.Eventually(t, func() bool { return requests.Load() > 0 }, time.Minute, time.Millisecond)
	close(all)
	for range visitors {
		require.NoError(t, <-g.verdicts)
	}
	wg.Wait()
	assert.EqualValues(t, 1, requests.Load(), "one request")
}

// G10: no URL of a certificate leads inside.
func TestDrillInternalAddresses(t *testing.T) {
	var connections atomic.Int64
	listen := func(address string) string {
		l, err := net.Listen("tcp", address)
		if err != nil {
			return "1" // no IPv6 here: the address is refused all the same
		}
		t.Cleanup(func() { _ = l.Close() })
		go func() {
			for {
				conn, err := l.Accept()
				if err != nil {
					return
				}
				connections.Add(1)
				_ = conn.Close()
			}
		}()
		_, port, err := net.SplitHostPort(l.Addr().String())
		require.NoError(t, err)
		return port
	}
	v4, v6 := listen("127.0.0.1:0"), listen("[::1]:0")
	inside := []string{
		"http://127.0.0.1:" + v4 + "/", "http://localhost:" + v4 + "/", "http://127.1:" + v4 + "/", "http://0.0.0.0:" + v4 + "/",
		"http://2130706433:" + v4 + "/", "http://0x7f000001:" + v4 + "/", "http://[::1]:" + v6 + "/", "http://[::]:" + v6 + "/",
		"http://[::ffff:127.0.0.1]:" + v4 + "/", "http://[::ffff:10.0.0.1]/", "http://[64:ff9b::7f00:1]/", "http://[fc00::1]/", "http://[fe80::1]/",
		"http://10.0.0.1/", "http://172.16.0.1/", "http://192.168.0.1/", "http://169.254.169.254/latest/meta-data/", "http://100.64.0.1/",
		"http://224.0.0.1/", "http://255.255.255.255/", "http://user@127.0.0.1:" + v4 + "/", "file:///etc/passwd", "gopher://127.0.0.1:" + v4 + "/",
		"ldap://127.0.0.1:" + v4 + "/", "ftp://127.0.0.1:" + v4 + "/",
	}
	cfg := revocation.Config{AllowAnyPort: true, Budget: time.Minute, NegativeTTL: 1}
	for _, u := range inside {
		for _, kind := range []string{"ocsp", "crl"} {
			w := liveWorld(t)
			w.leaf = w.named(t, []string{u}, pointSpec{url: "http://127.0.0.1:" + v4})
			if kind == "crl" {
				w.leaf = w.named(t, nil, pointSpec{url: u})
			}
			_, err := checker(t, cfg).CheckStatus(t.Context(), w.query())
			require.Error(t, err, "%s as %s", u, kind)
		}
	}
	// Not by a detour either: this host may be asked, those it names may not.
	var hops atomic.Int64
	hop := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		hops.Add(1)
		_, _ = io.Copy(io.Discard, r.Body)
		http.Redirect(rw, r, "http://[::1]:"+v6+"/", http.StatusFound)
	}))
	t.Cleanup(hop.Close)
	for _, w := range []*world{liveWorld(t, hop.URL), crlWorld(t, nil, pointSpec{url: hop.URL})} {
		_, err := checker(t, reachable()).CheckStatus(t.Context(), w.query()) // 127.0.0.1 alone is allowed
		require.Error(t, err)
	}
	assert.Positive(t, hops.Load())
	assert.Zero(t, connections.Load(), "connections")
}
