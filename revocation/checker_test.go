package revocation_test

import (
	"context"
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"io"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"net/url"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ocsp"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/internal/fetch"
	"github.com/seed-b953571c/eidas/revocation"
)

// reachable may reach test servers.
func reachable() revocation.Config {
	return revocation.Config{
		AllowPrivate: []netip.Prefix{netip.MustParsePrefix("127.0.0.1/32")},
		AllowAnyPort: true,
		Budget:       time.Minute, // the tests that are about time have their own
		DialTimeout:  time.Minute, HeaderTimeout: time.Minute,
		NegativeTTL: 1,
	}
}

func checker(t *testing.T, cfg revocation.Config) *revocation.Checker {
	t.Helper()
	c, err := revocation.New(cfg)
	require.NoError(t, err)
	return c
}

// asked is a request that a responder got.
type asked struct {
	method string
	hash   crypto.Hash
	header http.Header
}

// responder is an OCSP responder over HTTP.
type responder struct {
	*httptest.Server
	mu       sync.Mutex
	requests []asked
	// reply makes the answer; it may be changed between requests.
	reply atomic.Value // func(http.ResponseWriter, asked)
}

func newResponder(t *testing.T, reply func(http.ResponseWriter, asked)) *responder {
	t.Helper()
	r := &responder{}
	r.reply.Store(reply)
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		a := asked{method: req.Method, header: req.Header}
		body, err := io.ReadAll(req.Body)
		if req.Method == http.MethodGet {
			path := req.URL.EscapedPath()
			var text string
			text, err = url.PathUnescape(path[strings.LastIndex(path, "/")+1:])
			assert.NoError(t, err)
			body, err = base64.StdEncoding.DecodeString(text)
		} else {
			assert.Equal(t, "application/ocsp-request", req.Header.Get("Content-Type"))
		}
		assert.NoError(t, err)
		assert.Equal(t, "application/ocsp-response", req.Header.Get("Accept"))
		parsed, err := ocsp.ParseRequest(body)
		if assert.NoError(t, err) {
			a.hash = parsed.HashAlgorithm
		}
		r.mu.Lock()
		r.requests = append(r.requests, a)
		r.mu.Unlock()
		f, _ := r.reply.Load().(func(http.ResponseWriter, asked))
		f(w, a)
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *responder) seen() []asked {
	r.mu.Lock()
	defer r.mu.Unlock()
	return append([]asked(nil), r.requests...)
}

// says replies with bytes as an OCSP response.
func says(body []byte) func(http.ResponseWriter, asked) {
	return func(w http.ResponseWriter, _ asked) {
		w.Header().Set("Content-Type", "application/ocsp-response")
		_, _ = w.Write(body)
	}
}

// liveWorld is a world of this moment whose leaf names the given responders.
func liveWorld(tb testing.TB, urls ...string) *world {
	tb.Helper()
	w := newWorldAt(tb, time.Now().Truncate(time.Second))
	w.leaf = w.mint(tb, w.ca, "TPP", withResponder(urls...))
	return w
}

func withResponder(urls ...string) func(*x509.Certificate) {
	return func(c *x509.Certificate) { c.OCSPServer = urls }
}

func (w *world) query() eidas.StatusQuery {
	return eidas.StatusQuery{Certificate: w.leaf.cert, Issuer: w.ca.cert, At: w.now, Use: eidas.UseTLS}
}

// revokedFor is an answer that says revoked.
func (w *world) revokedFor(reason int) *response {
	r := w.good()
	s := &r.singles[0]
	s.status, s.reason, s.revokedAt = "revoked", reason, w.now.Add(-time.Hour)
	return r
}

func TestCheckGoodAndRevoked(t *testing.T) {
	r := newResponder(t, nil0)
	w := liveWorld(t, r.URL)
	r.reply.Store(says(w.good().by(w.delegate).encode(t)))
	a, err := checker(t, reachable()).CheckStatus(t.Context(), w.query())
	require.NoError(t, err)
	assert.Equal(t, eidas.StatusGood, a.Status)
	assert.Equal(t, "ocsp", a.Source)
	assert.False(t, a.Stale)

	r.reply.Store(says(w.revokedFor(1).encode(t)))
	a, err = checker(t, reachable()).CheckStatus(t.Context(), w.query())
	require.NoError(t, err, "revoked is an answer")
	assert.Equal(t, eidas.StatusRevoked, a.Status)
	assert.Equal(t, 1, a.Code)
	assert.Equal(t, w.now.Add(-time.Hour).UTC(), a.RevokedAt)
}

func nil0(w http.ResponseWriter, _ asked) { w.WriteHeader(http.StatusTeapot) }

func TestCheckZeroTimeIsNow(t *testing.T) {
	r := newResponder(t, nil0)
	w := liveWorld(t, r.URL)
	r.reply.Store(says(w.good().encode(t)))
	q := w.query()
	q.At = time.Time{}
	a, err := checker(t, reachable()).CheckStatus(t.Context(), q)
	require.NoError(t, err)
	assert.Equal(t, eidas.StatusGood, a.Status)
}

func TestQ1Hashes(t *testing.T) {
	t.Run("Q1 SHA-256 is asked first", func(t *testing.T) {
		r := newResponder(t, nil0)
		w := liveWorld(t, r.URL)
		r.reply.Store(says(w.good().encode(t)))
		_, err := checker(t, reachable()).CheckStatus(t.Context(), w.query())
		require.NoError(t, err)
		require.Len(t, r.seen(), 1)
		assert.Equal(t, crypto.SHA256, r.seen()[0].hash)
	})
	for name, refusal := range map[string]func(*testing.T, *world, http.ResponseWriter){
		"unauthorized": func(_ *testing.T, _ *world, w http.ResponseWriter) { says([]byte{0x30, 3, 10, 1, 6})(w, asked{}) },
		"malformed":    func(_ *testing.T, _ *world, w http.ResponseWriter) { says([]byte{0x30, 3, 10, 1, 1})(w, asked{}) },
		"status 400":   func(_ *testing.T, _ *world, w http.ResponseWriter) { w.WriteHeader(http.StatusBadRequest) },
		"no match": func(t *testing.T, world *world, w http.ResponseWriter) {
			t.Helper()
			r := world.good()
			r.singles[0].serial = world.ca.cert.SerialNumber
			says(r.encode(t))(w, asked{})
		},
		"unknown": func(t *testing.T, world *world, w http.ResponseWriter) {
			t.Helper()
			r := world.good()
			r.singles[0].status = "unknown"
			says(r.encode(t))(w, asked{})
		},
	} {
		t.Run("Q1 SHA-1 is asked and learned after "+name, func(t *testing.T) {
			r := newResponder(t, nil0)
			w := liveWorld(t, r.URL)
			next := *w
			next.leaf = w.mint(t, w.ca, "TPP 2", func(c *x509.Certificate) { c.OCSPServer = []string{r.URL} })
			current := w
			r.reply.Store(func(rw http.ResponseWriter, a asked) {
				if a.hash != crypto.SHA1 {
					refusal(t, w, rw)
					return
				}
				answer := current.good()
				answer.singles[0].hash = crypto.SHA1
				says(answer.encode(t))(rw, a)
			})
			c := checker(t, reachable())
			a, err := c.CheckStatus(t.Context(), w.query())
			require.NoError(t, err)
			assert.Equal(t, eidas.StatusGood, a.Status)
			n := len(r.seen())
			current = &next
			_, err = c.CheckStatus(t.Context(), next.query())
			require.NoError(t, err)
			require.Len(t, r.seen(), n+1, "the second certificate needs one request")
			assert.Equal(t, crypto.SHA1, r.seen()[n].hash)
		})
	}
	t.Run("Q1 a forgery is no reason to ask again", func(t *testing.T) {
		r := newResponder(t, nil0)
		w := liveWorld(t, r.URL)
		r.reply.Store(says(w.good().by(w.leaf).encode(t)))
		_, err := checker(t, reachable()).CheckStatus(t.Context(), w.query())
		assert.Equal(t, isInvalid, eidas.ReasonOf(err))
		assert.Len(t, r.seen(), 1)
	})
}

func TestQ2Method(t *testing.T) {
	methods := func(r *responder) (list []string) {
		for _, a := range r.seen() {
			list = append(list, a.method)
		}
		return list
	}
	run := func(t *testing.T, suffix string, reply func(*world) func(http.ResponseWriter, asked)) []string {
		t.Helper()
		r := newResponder(t, nil0)
		w := liveWorld(t, r.URL+suffix)
		r.reply.Store(reply(w))
		a, err := checker(t, reachable()).CheckStatus(t.Context(), w.query())
		require.NoError(t, err)
		assert.Equal(t, eidas.StatusGood, a.Status)
		return methods(r)
	}
	honest := func(w *world) func(http.ResponseWriter, asked) { return says(w.good().encode(t)) }
	assert.Equal(t, []string{"GET"}, run(t, "", honest), "Q2 short")
	assert.Equal(t, []string{"GET"}, run(t, "/ocsp/", honest), "Q2 short, with a path")
	assert.Equal(t, []string{"POST"}, run(t, "/"+strings.Repeat("x", 100), honest), "Q2 long")
	assert.Equal(t, []string{"POST"}, run(t, "/?ca=1", honest), "Q2 nowhere to append")
	assert.Equal(t, []string{"GET", "POST"}, run(t, "", func(w *world) func(http.ResponseWriter, asked) {
		return func(rw http.ResponseWriter, a asked) {
			if a.method == http.MethodGet {
				rw.WriteHeader(http.StatusMethodNotAllowed)
				return
			}
			honest(w)(rw, a)
		}
	}), "Q2 GET refused")
	assert.Equal(t, []string{"GET", "POST"}, run(t, "", func(w *world) func(http.ResponseWriter, asked) {
		return func(rw http.ResponseWriter, a asked) {
			if a.method == http.MethodGet {
				_, _ = rw.Write([]byte("<html>welcome</html>"))
				return
			}
			honest(w)(rw, a)
		}
	}), "Q2 GET answered by a web page")
}

func TestQ2NotTimelyIsAskedPastCaches(t *testing.T) {
	r := newResponder(t, nil0)
	w := liveWorld(t, r.URL)
	old := w.good()
	old.singles[0].thisUpdate, old.singles[0].nextUpdate = w.now.Add(-2*time.Hour), w.now.Add(-time.Hour)
	r.reply.Store(func(rw http.ResponseWriter, a asked) {
		if a.header.Get("Cache-Control") == "no-cache" {
			says(w.good().encode(t))(rw, a)
			return
		}
		says(old.encode(t))(rw, a)
	})
	a, err := checker(t, reachable()).CheckStatus(t.Context(), w.query())
	require.NoError(t, err)
	assert.Equal(t, eidas.StatusGood, a.Status)
	assert.Len(t, r.seen(), 2)

	r.reply.Store(says(old.encode(t)))
	_, err = checker(t, reachable()).CheckStatus(t.Context(), w.query())
	assert.Equal(t, revocation.RuleP8, revocation.RuleOf(err), "once, not for ever")
	assert.Len(t, r.seen(), 4)
}

func TestCheckRefusals(t *testing.T) {
	for _, tt := range []struct {
		name   string
		reply  func(*world) func(http.ResponseWriter, asked)
		reason eidas.Reason
	}{
		{"garbage", func(*world) func(http.ResponseWriter, asked) { return says([]byte("garbage")) }, isInvalid},
		{"empty", func(*world) func(http.ResponseWriter, asked) { return says(nil) }, isInvalid},
		{"web page", func(*world) func(http.ResponseWriter, asked) {
			return func(w http.ResponseWriter, _ asked) { _, _ = w.Write([]byte("<html></html>")) }
		}, isInvalid},
		{"too large", func(*world) func(http.ResponseWriter, asked) { return says(make([]byte, revocation.MaxOCSPSize+1)) }, isInvalid},
		{"endless", func(*world) func(http.ResponseWriter, asked) {
			return func(w http.ResponseWriter, _ asked) {
				w.Header().Set("Content-Type", "application/ocsp-response")
				for chunk := make([]byte, 1<<16); ; {
					if _, err := w.Write(chunk); err != nil {
						return
					}
				}
			}
		}, isInvalid},
		{"error status", func(*world) func(http.ResponseWriter, asked) { return nil0 }, isUnavailable},
		{"hung up", func(*world) func(http.ResponseWriter, asked) {
			return func(http.ResponseWriter, asked) { panic(http.ErrAbortHandler) }
		}, isUnavailable},
		{"tryLater", func(*world) func(http.ResponseWriter, asked) { return says([]byte{0x30, 3, 10, 1, 3}) }, isUnavailable},
		{"unknown", func(w *world) func(http.ResponseWriter, asked) {
			r := w.good()
			r.singles[0].status = "unknown"
			return says(r.encode(t))
		}, isUnknown},
		{"forged by a sibling", func(w *world) func(http.ResponseWriter, asked) {
			return says(w.good().by(w.mint(t, w.ca, "Sibling", nil)).encode(t))
		}, isInvalid},
		{"forged by itself", func(w *world) func(http.ResponseWriter, asked) { return says(w.good().by(w.leaf).encode(t)) }, isInvalid},
		{"responder of another CA", func(w *world) func(http.ResponseWriter, asked) {
			return says(w.good().by(w.mint(t, w.mint(t, w.root, "Other CA", asCA), "R", asDelegate)).encode(t))
		}, isInvalid},
		{"answer about another certificate", func(w *world) func(http.ResponseWriter, asked) {
			r := w.good()
			r.singles[0].serial = w.delegate.cert.SerialNumber
			return says(r.encode(t))
		}, isInvalid},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newResponder(t, nil0)
			w := liveWorld(t, r.URL)
			r.reply.Store(tt.reply(w))
			c := checker(t, reachable())
			a, err := c.CheckStatus(t.Context(), w.query())
			assert.Equal(t, tt.reason, eidas.ReasonOf(err), "%v", err)
			assert.Zero(t, a)
			var e *eidas.Error
			require.ErrorAs(t, err, &e)
			// Nothing of it is believed later: the next question is asked anew.
			assert.Zero(t, c.Len())
			r.reply.Store(says(w.good().encode(t)))
			a, err = c.CheckStatus(t.Context(), w.query())
			require.NoError(t, err)
			assert.Equal(t, eidas.StatusGood, a.Status)
		})
	}
}

func TestCheckSeveralResponders(t *testing.T) {
	bad, ok := newResponder(t, nil0), newResponder(t, nil0)
	w := liveWorld(t, "ldap://127.0.0.1/", "http://127.0.0.1:1/", bad.URL, bad.URL, ok.URL)
	ok.reply.Store(says(w.good().encode(t)))
	c := checker(t, reachable())
	a, err := c.CheckStatus(t.Context(), w.query())
	require.NoError(t, err)
	assert.Equal(t, eidas.StatusGood, a.Status)
	before := len(bad.seen())
	bad.reply.Store(says(w.good().by(w.leaf).encode(t)))
	ok.Close()
	_, err = checker(t, reachable()).CheckStatus(t.Context(), w.query())
	assert.Equal(t, isInvalid, eidas.ReasonOf(err), "the most telling failure: %v", err)
	assert.Len(t, bad.seen(), before+1, "each responder is asked once")
}

func TestCheckInternalAddresses(t *testing.T) {
	inner := newResponder(t, nil0)
	w := liveWorld(t, inner.URL, "http://localhost:"+inner.URL[strings.LastIndex(inner.URL, ":")+1:], "http://169.254.169.254/", "file:///etc/passwd", "gopher://127.0.0.1/")
	_, err := checker(t, revocation.Config{AllowAnyPort: true}).CheckStatus(t.Context(), w.query())
	assert.Equal(t, isUnavailable, eidas.ReasonOf(err), "%v", err)
	assert.Equal(t, fetch.KindAddress, fetch.KindOf(err))
	assert.Equal(t, revocation.RuleQ2, revocation.RuleOf(err))
	assert.Empty(t, inner.seen())

	hop := newResponder(t, func(rw http.ResponseWriter, _ asked) {
		rw.Header().Set("Location", inner.URL)
		rw.WriteHeader(http.StatusTemporaryRedirect)
	})
	w = liveWorld(t, hop.URL)
	_, err = checker(t, reachable()).CheckStatus(t.Context(), w.query())
	assert.Equal(t, fetch.KindRedirect, fetch.KindOf(err), "%v", err)
	assert.Empty(t, inner.seen())
}

func TestCheckCacheHit(t *testing.T) {
	r := newResponder(t, nil0)
	w := liveWorld(t, r.URL)
	r.reply.Store(says(w.good().encode(t)))
	reg := prometheus.NewRegistry()
	cfg := reachable()
	cfg.Registerer = reg
	c := checker(t, cfg)
	for range 3 {
		_, err := c.CheckStatus(t.Context(), w.query())
		require.NoError(t, err)
	}
	assert.Len(t, r.seen(), 1)
	assert.Equal(t, 1, counter(t, reg, "eidas_revocation_checks_total", "good", "ocsp"))
	assert.Equal(t, 2, counter(t, reg, "eidas_revocation_checks_total", "good", "cache"))
	assert.Equal(t, 1, counter(t, reg, "eidas_revocation_cache_entries"))

	// The same serial number of another issuer is another certificate.
	other := *w
	other.ca = w.mint(t, w.root, "Issuing CA", asCA)
	other.leaf = w.mint(t, other.ca, "TPP", func(x *x509.Certificate) {
		x.OCSPServer, x.SerialNumber = []string{r.URL}, w.leaf.cert.SerialNumber
	})
	_, err := c.CheckStatus(t.Context(), other.query())
	assert.Equal(t, isInvalid, eidas.ReasonOf(err), "%v", err)
	assert.Equal(t, 1, counter(t, reg, "eidas_revocation_checks_total", "revocation_invalid", "none"))

	_, err = revocation.New(cfg)
	assert.Error(t, err, "metrics registered twice")
}

// counter reads a counter or gauge by name and the values of its labels, which
// come in the order of their names.
func counter(t *testing.T, reg *prometheus.Registry, name string, labels ...string) int {
	t.Helper()
	families, err := reg.Gather()
	require.NoError(t, err)
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
		for _, m := range f.GetMetric() {
			var values []string
			for _, l := range m.GetLabel() {
				values = append(values, l.GetValue())
			}
			if assert.ObjectsAreEqual(labels, values) || len(labels)+len(values) == 0 {
				return int(m.GetCounter().GetValue() + m.GetGauge().GetValue())
			}
		}
	}
	return 0
}

func TestCheckCoalesces(t *testing.T) {
	release := make(chan struct{})
	r := newResponder(t, nil0)
	w := liveWorld(t, r.URL)
	body := w.good().encode(t)
	r.reply.Store(func(rw http.ResponseWriter, a asked) {
		<-release
		says(body)(rw, a)
	})
	c := checker(t, reachable())
	var wg sync.WaitGroup
	for range 200 {
		wg.Go(func() {
			a, err := c.CheckStatus(t.Context(), w.query())
			assert.Equal(t, eidas.Reason(0), eidas.ReasonOf(err))
			assert.Equal(t, eidas.StatusGood, a.Status)
		})
	}
	close(release)
	wg.Wait()
	assert.Len(t, r.seen(), 1)
}

func TestCheckGoesOnWhenTheCallerLeaves(t *testing.T) {
	arrived, release := make(chan struct{}), make(chan struct{})
	r := newResponder(t, nil0)
	w := liveWorld(t, r.URL)
	body := w.good().encode(t)
	r.reply.Store(func(rw http.ResponseWriter, a asked) {
		close(arrived)
		<-release
		says(body)(rw, a)
	})
	c := checker(t, reachable())
	ctx, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	wg.Go(func() {
		_, err := c.CheckStatus(ctx, w.query())
		assert.Equal(t, isUnavailable, eidas.ReasonOf(err))
		assert.ErrorIs(t, err, context.Canceled)
	})
	<-arrived
	cancel()
	wg.Wait()
	close(release)
	a, err := c.CheckStatus(t.Context(), w.query()) // joins the question or finds its answer
	require.NoError(t, err)
	assert.Equal(t, eidas.StatusGood, a.Status)
	assert.Len(t, r.seen(), 1)
}

// fetcherFunc is a way to the network.
type fetcherFunc func(context.Context, fetch.Request) (*fetch.Response, error)

func (f fetcherFunc) Do(ctx context.Context, q fetch.Request) (*fetch.Response, error) {
	return f(ctx, q)
}

// ocspBody is an HTTP answer with an OCSP response.
func ocspBody(body []byte) (*fetch.Response, error) {
	return &fetch.Response{Status: 200, Header: http.Header{"Content-Type": {"application/ocsp-response"}}, Body: body}, nil
}

func TestCheckBudget(t *testing.T) {
	for _, tt := range []struct {
		name   string
		budget time.Duration
		ctx    time.Duration
		want   time.Duration
	}{
		{"default", 0, 0, revocation.DefaultBudget},
		{"own", 200 * time.Millisecond, 0, 200 * time.Millisecond},
		{"the caller's is shorter", 0, 100 * time.Millisecond, 100 * time.Millisecond},
		{"the caller's is longer", 0, time.Hour, revocation.DefaultBudget},
	} {
		t.Run(tt.name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				// Two responders that never answer share one budget.
				hole := fetcherFunc(func(ctx context.Context, _ fetch.Request) (*fetch.Response, error) {
					<-ctx.Done()
					return nil, ctx.Err()
				})
				c, err := revocation.NewWithFetcher(revocation.Config{Budget: tt.budget}, hole)
				require.NoError(t, err)
				w := liveWorld(t, "http://a.test/", "http://b.test/")
				ctx := context.Background()
				if tt.ctx > 0 {
					var cancel context.CancelFunc
					ctx, cancel = context.WithTimeout(ctx, tt.ctx)
					defer cancel()
				}
				start := time.Now()
				_, err = c.CheckStatus(ctx, w.query())
				assert.Equal(t, isUnavailable, eidas.ReasonOf(err))
				assert.Equal(t, tt.want, time.Since(start))
				time.Sleep(revocation.DefaultBudget) // the question ends by itself
			})
		})
	}
}

func TestCheckBlackHole(t *testing.T) {
	release := make(chan struct{})
	r := newResponder(t, func(http.ResponseWriter, asked) { <-release })
	t.Cleanup(func() { close(release) })
	w := liveWorld(t, r.URL)
	cfg := reachable()
	cfg.Budget = 100 * time.Millisecond
	_, err := checker(t, cfg).CheckStatus(context.Background(), w.query()) // returns while the responder is silent
	assert.Equal(t, isUnavailable, eidas.ReasonOf(err))
}

func TestCheckRevokedIsSticky(t *testing.T) {
	r := newResponder(t, nil0)
	w := liveWorld(t, r.URL)
	r.reply.Store(says(w.revokedFor(1).encode(t)))
	c := checker(t, reachable())
	_, err := c.CheckStatus(t.Context(), w.query())
	require.NoError(t, err)
	r.reply.Store(says(w.good().encode(t)))
	for _, later := range []time.Duration{0, 2 * time.Hour, 20 * 24 * time.Hour} {
		q := w.query()
		q.At = q.At.Add(later)
		a, err := c.CheckStatus(t.Context(), q)
		require.NoError(t, err)
		assert.Equal(t, eidas.StatusRevoked, a.Status, later)
	}
	assert.Len(t, r.seen(), 1, "nobody is asked again")
}

func TestCheckHoldCanBeLifted(t *testing.T) {
	r := newResponder(t, nil0)
	w := liveWorld(t, r.URL)
	r.reply.Store(says(w.revokedFor(6).encode(t)))
	c := checker(t, reachable())
	_, err := c.CheckStatus(t.Context(), w.query())
	require.NoError(t, err)

	q := w.query()
	q.At = w.now.Add(2 * time.Hour) // the answer is due
	newer := w.good()
	replay := w.good()
	replay.singles[0].thisUpdate, replay.singles[0].nextUpdate = w.now.Add(-2*time.Minute), w.now.Add(3*time.Hour)
	r.reply.Store(says(replay.encode(t)))
	a, err := c.CheckStatus(t.Context(), q)
	require.NoError(t, err)
	assert.Equal(t, eidas.StatusRevoked, a.Status, "an older good lifts nothing")

	q.At = q.At.Add(time.Minute)
	newer.singles[0].thisUpdate, newer.singles[0].nextUpdate = q.At, q.At.Add(time.Hour)
	newer.producedAt = q.At
	r.reply.Store(says(newer.encode(t)))
	a, err = c.CheckStatus(t.Context(), q)
	require.NoError(t, err)
	assert.Equal(t, eidas.StatusGood, a.Status)
}

func TestCheckOlderAnswerChangesNothing(t *testing.T) {
	r := newResponder(t, nil0)
	w := liveWorld(t, r.URL)
	r.reply.Store(says(w.good().encode(t)))
	c := checker(t, reachable())
	first, err := c.CheckStatus(t.Context(), w.query())
	require.NoError(t, err)
	r.reply.Store(nil0)
	q := w.query()
	q.At = first.FreshUntil.Add(time.Second)
	_, err = c.CheckStatus(t.Context(), q)
	assert.Equal(t, isUnavailable, eidas.ReasonOf(err), "past its time it is no evidence")
}

func TestCheckRenewalMayFail(t *testing.T) {
	r := newResponder(t, nil0)
	w := liveWorld(t, r.URL)
	week := w.good()
	week.singles[0].nextUpdate = w.now.Add(7 * 24 * time.Hour)
	r.reply.Store(says(week.encode(t)))
	c := checker(t, reachable())
	_, err := c.CheckStatus(t.Context(), w.query())
	require.NoError(t, err)
	r.reply.Store(nil0)
	q := w.query()
	q.At = w.now.Add(25 * time.Hour)
	n := len(r.seen())
	a, err := c.CheckStatus(t.Context(), q)
	require.NoError(t, err)
	assert.Equal(t, eidas.StatusGood, a.Status)
	assert.Greater(t, len(r.seen()), n, "it was due and asked for")
	assert.False(t, a.Stale, "it holds until its nextUpdate")
}

func TestCheckLocalResponderWithdrawn(t *testing.T) {
	r := newResponder(t, nil0)
	w := liveWorld(t, r.URL)
	listed := w.mint(t, nil, "Listed responder", nil)
	answer := w.good()
	answer.signer = listed
	r.reply.Store(says(answer.encode(t)))
	c := checker(t, reachable())
	q := w.query()
	q.Responders = []*x509.Certificate{listed.cert}
	for range 2 {
		a, err := c.CheckStatus(t.Context(), q)
		require.NoError(t, err)
		assert.Equal(t, eidas.StatusGood, a.Status)
	}
	assert.Len(t, r.seen(), 1)
	_, err := c.CheckStatus(t.Context(), w.query())
	assert.Equal(t, isInvalid, eidas.ReasonOf(err), "the cached answer went with its signer: %v", err)
	assert.Len(t, r.seen(), 2)
}

func TestB4NotOwed(t *testing.T) {
	r := newResponder(t, nil0)
	null := []byte{5, 0}
	noRevAvail := pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 56}, Value: null}
	assured := pkix.Extension{Id: asn1.ObjectIdentifier{0, 4, 0, 194121, 2, 1}, Value: null}
	freshest := pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 46}, Value: []byte{0x30, 0}}
	emptyName := []byte{0x30, 0}
	// short gives a life of seven days, and some more.
	short := func(c *x509.Certificate, more time.Duration) { c.NotAfter = c.NotBefore.Add(7*24*time.Hour + more) }
	for _, tt := range []struct {
		name   string
		edit   func(*x509.Certificate)
		want   eidas.Status
		reason eidas.Reason
	}{
		{"B4 noRevAvail", func(c *x509.Certificate) { c.ExtraExtensions = []pkix.Extension{noRevAvail} }, eidas.StatusNotOwed, 0},
		{"B4 validity assured", func(c *x509.Certificate) { short(c, 0); c.ExtraExtensions = []pkix.Extension{assured} }, eidas.StatusNotOwed, 0},
		{"B4 validity assured, for too long", func(c *x509.Certificate) {
			short(c, time.Second)
			c.ExtraExtensions = []pkix.Extension{assured}
		}, 0, isUnknown},
		{"B4 validity assured, of a CA", func(c *x509.Certificate) {
			short(c, 0)
			asCA(c)
			c.ExtraExtensions = []pkix.Extension{assured}
		}, 0, isUnknown},
		{"B4 validity assured, with a responder", func(c *x509.Certificate) {
			short(c, 0)
			c.ExtraExtensions, c.OCSPServer = []pkix.Extension{assured}, []string{r.URL}
		}, eidas.StatusNotOwed, 0},
		{"B4 noRevAvail beside a CRL without a URL", func(c *x509.Certificate) {
			c.ExtraExtensions = []pkix.Extension{noRevAvail, points(t, pointSpec{directory: emptyName})}
		}, 0, isInvalid},
		{"B4 noRevAvail beside a responder without a URL", func(c *x509.Certificate) {
			c.ExtraExtensions = []pkix.Extension{noRevAvail, {Id: asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 1}, Value: []byte("\x30\x11\x30\x0f\x06\x08\x2b\x06\x01\x05\x05\x07\x30\x01\x82\x03ocs")}}
		}, 0, isInvalid},
		{"B4 noRevAvail beside the issuer's certificate", func(c *x509.Certificate) {
			c.ExtraExtensions, c.IssuingCertificateURL = []pkix.Extension{noRevAvail}, []string{r.URL}
		}, eidas.StatusNotOwed, 0},
		{"B4 noRevAvail beside a responder", func(c *x509.Certificate) {
			c.ExtraExtensions, c.OCSPServer = []pkix.Extension{noRevAvail}, []string{r.URL}
		}, 0, isInvalid},
		{"B4 noRevAvail beside a CRL", func(c *x509.Certificate) {
			c.ExtraExtensions, c.CRLDistributionPoints = []pkix.Extension{noRevAvail}, []string{r.URL}
		}, 0, isInvalid},
		{"B4 noRevAvail beside a delta CRL", func(c *x509.Certificate) { c.ExtraExtensions = []pkix.Extension{noRevAvail, freshest} }, 0, isInvalid},
		{"B4 noRevAvail in a CA", func(c *x509.Certificate) { asCA(c); c.ExtraExtensions = []pkix.Extension{noRevAvail} }, 0, isInvalid},
		{"B4 noRevAvail with content", func(c *x509.Certificate) {
			c.ExtraExtensions = []pkix.Extension{{Id: noRevAvail.Id, Value: []byte{4, 0}}}
		}, 0, isInvalid},
		{"B4 neither mark nor pointer", func(*x509.Certificate) {}, 0, isUnknown},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := liveWorld(t)
			w.leaf = w.mint(t, w.ca, "TPP", tt.edit)
			a, err := checker(t, reachable()).CheckStatus(t.Context(), w.query())
			assert.Equal(t, tt.want, a.Status)
			assert.Equal(t, tt.reason, eidas.ReasonOf(err), "%v", err)
			if tt.reason != 0 {
				assert.Equal(t, revocation.RuleB4, revocation.RuleOf(err))
			}
		})
	}
	assert.Empty(t, r.seen())
}

func TestCheckTargetIsChecked(t *testing.T) {
	w := liveWorld(t)
	_, err := checker(t, reachable()).CheckStatus(t.Context(), eidas.StatusQuery{})
	assert.Equal(t, revocation.RuleQ3, revocation.RuleOf(err))
	_, err = checker(t, reachable()).CheckStatus(t.Context(), eidas.StatusQuery{Certificate: w.leaf.cert, Issuer: w.root.cert})
	assert.Equal(t, revocation.RuleQ3, revocation.RuleOf(err))
}

func TestCacheIsBounded(t *testing.T) {
	w := liveWorld(t, "http://a.test/")
	var current atomic.Pointer[world]
	current.Store(w)
	reg := prometheus.NewRegistry()
	c, err := revocation.NewWithFetcher(revocation.Config{CacheEntries: 20, Registerer: reg},
		fetcherFunc(func(context.Context, fetch.Request) (*fetch.Response, error) {
			now := current.Load()
			if now == w {
				return ocspBody(now.revokedFor(1).encode(t))
			}
			return ocspBody(now.good().encode(t))
		}))
	require.NoError(t, err)
	_, err = c.CheckStatus(t.Context(), w.query())
	require.NoError(t, err)
	for range 200 {
		next := *w
		next.leaf = w.mint(t, w.ca, "TPP", func(c *x509.Certificate) { c.OCSPServer = []string{"http://a.test/"} })
		current.Store(&next)
		_, err := c.CheckStatus(t.Context(), next.query())
		require.NoError(t, err)
		assert.LessOrEqual(t, c.Len(), 20)
	}
	assert.Equal(t, 201-c.Len(), counter(t, reg, "eidas_revocation_cache_evictions_total"))
	a, err := c.CheckStatus(t.Context(), w.query())
	require.NoError(t, err)
	assert.Equal(t, eidas.StatusRevoked, a.Status)
	assert.Equal(t, 1, counter(t, reg, "eidas_revocation_checks_total", "revoked", "cache"), "the revocation outlived them all")
}

func TestConfigRefused(t *testing.T) {
	for name, cfg := range map[string]revocation.Config{
		"budget":  {Budget: -1},
		"entries": {CacheEntries: -1},
		"nonce":   {OCSP: revocation.OCSPPolicy{Nonce: make([]byte, 32)}},
		"policy":  {OCSP: revocation.OCSPPolicy{MaxAge: -1}},
		"prefix":  {AllowPrivate: []netip.Prefix{{}}},
		"proxy":   {Proxy: &url.URL{Scheme: "ftp", Host: "x"}},
		"timeout": {DialTimeout: -1},
	} {
		_, err := revocation.New(cfg)
		assert.Error(t, err, name)
	}
}

// A responder that says "unknown" has taken back its older "good" (rule P3); one
// that says nothing has not.
func TestCheckUnknownEndsAnOlderGood(t *testing.T) {
	r := newResponder(t, nil0)
	w := liveWorld(t, r.URL)
	week := w.good()
	week.singles[0].nextUpdate = w.now.Add(7 * 24 * time.Hour)
	r.reply.Store(says(week.encode(t)))
	c := checker(t, reachable())
	_, err := c.CheckStatus(t.Context(), w.query())
	require.NoError(t, err)

	q := w.query()
	q.At = w.now.Add(25 * time.Hour)
	r.reply.Store(func(rw http.ResponseWriter, _ asked) { rw.WriteHeader(http.StatusInternalServerError) })
	a, err := c.CheckStatus(t.Context(), q)
	require.NoError(t, err, "due for renewal, which failed")
	assert.Equal(t, eidas.StatusGood, a.Status)

	n := len(r.seen())
	a, err = c.CheckStatus(t.Context(), q)
	require.NoError(t, err)
	assert.Equal(t, eidas.StatusGood, a.Status)
	assert.Len(t, r.seen(), n, "nobody waits for a renewal that has just failed")

	q.At = q.At.Add(time.Minute)
	unknown := w.good()
	unknown.producedAt = q.At
	unknown.singles[0].thisUpdate, unknown.singles[0].nextUpdate = q.At, q.At.Add(time.Hour)
	unknown.singles[0].status = "unknown"
	r.reply.Store(says(unknown.encode(t)))
	_, err = c.CheckStatus(t.Context(), q)
	assert.Equal(t, eidas.ReasonRevocationUnknown, eidas.ReasonOf(err))
	assert.Zero(t, c.Len(), "the older good is forgotten")
}

// A question about the past that is under way does not answer one about now.
func TestCheckPastAndPresentAreTwoQuestions(t *testing.T) {
	arrived, release := make(chan struct{}, 2), make(chan struct{})
	r := newResponder(t, nil0)
	w := liveWorld(t, r.URL)
	body := w.good().encode(t)
	r.reply.Store(func(rw http.ResponseWriter, a asked) {
		arrived <- struct{}{}
		<-release
		says(body)(rw, a)
	})
	c := checker(t, reachable())
	past := w.query()
	past.At = w.now.Add(-2 * time.Hour)
	var wg sync.WaitGroup
	wg.Go(func() {
		_, err := c.CheckStatus(t.Context(), past)
		assert.Equal(t, eidas.ReasonRevocationInvalid, eidas.ReasonOf(err))
	})
	<-arrived
	wg.Go(func() {
		a, err := c.CheckStatus(t.Context(), w.query())
		assert.Equal(t, eidas.Reason(0), eidas.ReasonOf(err))
		assert.Equal(t, eidas.StatusGood, a.Status)
	})
	<-arrived
	close(release)
	wg.Wait()
}
