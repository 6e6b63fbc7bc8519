package revocation_test

import (
	"context"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"net/http"
	"net/http/httptest"
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

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/internal/fetch"
	"github.com/seed-b953571c/eidas/revocation"
)

// shelf serves CRLs by path and counts what is asked for.
type shelf struct {
	*httptest.Server
	mu    sync.Mutex
	lists map[string][]byte
	asked map[string]int
	etag  string
}

func newShelf(t *testing.T) *shelf {
	t.Helper()
	s := &shelf{lists: make(map[string][]byte), asked: make(map[string]int)}
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.asked[r.URL.Path]++
		body, ok := s.lists[r.URL.Path]
		switch {
		case !ok:
			http.NotFound(w, r)
		case s.etag != "" && r.Header.Get("If-None-Match") == s.etag:
			w.WriteHeader(http.StatusNotModified)
		default:
			w.Header().Set("ETag", s.etag)
			_, _ = w.Write(body)
		}
	}))
	t.Cleanup(s.Close)
	return s
}

func (s *shelf) put(path string, body []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.lists[path] = body
}

func (s *shelf) count(path string) int {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.asked[path]
}

// crlWorld is a world of this moment whose leaf names the given responders and
// CRLs.
func crlWorld(t *testing.T, responders []string, crls ...pointSpec) *world {
	t.Helper()
	w := liveWorld(t)
	w.leaf = w.named(t, responders, crls...)
	return w
}

func (w *world) named(t *testing.T, responders []string, crls ...pointSpec) *party {
	t.Helper()
	return w.mint(t, w.ca, "TPP", func(c *x509.Certificate) {
		c.OCSPServer = responders
		if len(crls) > 0 {
			c.ExtraExtensions = []pkix.Extension{points(t, crls...)}
		}
	})
}

func TestCheckCRL(t *testing.T) {
	s := newShelf(t)
	silent := newResponder(t, nil0)
	for _, tt := range []struct {
		name       string
		responders []string
		points     []pointSpec
		crls       func(*world) map[string]*crlSpec
		want       eidas.Status
		reason     eidas.Reason
	}{
		{"CRL alone", nil, []pointSpec{{url: s.URL + "/1"}}, func(w *world) map[string]*crlSpec {
			return map[string]*crlSpec{"/1": w.crl(w.item(w.delegate, 1))}
		}, good, 0},
		{"listed", nil, []pointSpec{{url: s.URL + "/1"}}, func(w *world) map[string]*crlSpec {
			return map[string]*crlSpec{"/1": w.crl(w.item(w.leaf, 1))}
		}, revoked, 0},
		{"responder fails", []string{silent.URL}, []pointSpec{{url: s.URL + "/1"}}, func(w *world) map[string]*crlSpec {
			return map[string]*crlSpec{"/1": w.crl(w.item(w.leaf, 1))}
		}, revoked, 0},
		{"nobody has it", nil, []pointSpec{{url: s.URL + "/1"}}, func(*world) map[string]*crlSpec { return nil }, 0, isUnavailable},
		{"forged", nil, []pointSpec{{url: s.URL + "/1"}}, func(w *world) map[string]*crlSpec {
			forged := w.crl()
			forged.signer = w.mint(t, nil, "Issuing CA", asCA)
			return map[string]*crlSpec{"/1": forged}
		}, 0, isInvalid},
		{"of another issuer", nil, []pointSpec{{url: s.URL + "/1"}}, func(w *world) map[string]*crlSpec {
			other := w.crl()
			other.issuer, other.signer = w.root.cert.RawSubject, w.root
			return map[string]*crlSpec{"/1": other}
		}, 0, isInvalid},
		{"expired", nil, []pointSpec{{url: s.URL + "/1"}}, func(w *world) map[string]*crlSpec {
			old := w.crl()
			old.thisUpdate, old.nextUpdate = w.now.Add(-2*time.Hour), w.now.Add(-time.Hour)
			return map[string]*crlSpec{"/1": old}
		}, 0, isInvalid},
		{"another partition at its address", nil, []pointSpec{{url: s.URL + "/1"}}, func(w *world) map[string]*crlSpec {
			return map[string]*crlSpec{"/1": w.crl().with(28, true, pointSpec{url: s.URL + "/2"}.issuing(t))}
		}, 0, isInvalid},
		{"two partitions, listed in the second", nil, []pointSpec{{url: s.URL + "/1", reasons: []byte{5, 0x60}}, {url: s.URL + "/2", reasons: []byte{7, 0x1f, 0x80}}}, func(w *world) map[string]*crlSpec {
			return map[string]*crlSpec{
				"/1": w.crl().with(28, true, pointSpec{url: s.URL + "/1"}.issuing(t)),
				"/2": w.crl(w.item(w.leaf, 5)).with(28, true, pointSpec{url: s.URL + "/2"}.issuing(t)),
			}
		}, revoked, 0},
		{"two partitions, one of them missing", nil, []pointSpec{{url: s.URL + "/1", reasons: []byte{5, 0x60}}, {url: s.URL + "/2", reasons: []byte{7, 0x1f, 0x80}}}, func(w *world) map[string]*crlSpec {
			return map[string]*crlSpec{"/1": w.crl().with(28, true, pointSpec{url: s.URL + "/1"}.issuing(t))}
		}, 0, isUnavailable},
		{"only LDAP", nil, []pointSpec{{url: "ldap://127.0.0.1/cn=x"}}, func(*world) map[string]*crlSpec { return nil }, 0, isUnknown},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := crlWorld(t, tt.responders, tt.points...)
			s.lists = make(map[string][]byte)
			for path, list := range tt.crls(w) {
				s.put(path, list.encode(t))
			}
			a, err := checker(t, reachable()).CheckStatus(t.Context(), w.query())
			assert.Equal(t, tt.want, a.Status, "%v", err)
			assert.Equal(t, tt.reason, eidas.ReasonOf(err), "%v", err)
			if err == nil {
				assert.Equal(t, "crl", a.Source)
			}
		})
	}
}

func TestCheckCRLIsShared(t *testing.T) {
	s := newShelf(t)
	w := crlWorld(t, nil, pointSpec{url: s.URL + "/1"})
	second := *w
	second.leaf = w.named(t, nil, pointSpec{url: s.URL + "/1"})
	s.put("/1", w.crl(w.item(second.leaf, 1)).encode(t))
	c := checker(t, reachable())
	for range 2 {
		a, err := c.CheckStatus(t.Context(), w.query())
		require.NoError(t, err)
		assert.Equal(t, eidas.StatusGood, a.Status)
		a, err = c.CheckStatus(t.Context(), second.query())
		require.NoError(t, err)
		assert.Equal(t, eidas.StatusRevoked, a.Status)
	}
	assert.Equal(t, 1, s.count("/1"))
}

func TestC9CRLNeverGoesBack(t *testing.T) {
	for name, edit := range map[string]func(*world, *crlSpec, *crlSpec){
		"lower number": func(w *world, first, next *crlSpec) {
			first.numbered(t, 5, -1)
			next.numbered(t, 4, -1)
			next.thisUpdate = next.thisUpdate.Add(time.Hour)
		},
		"older": func(w *world, first, next *crlSpec) { next.thisUpdate = first.thisUpdate.Add(-time.Second) },
		"another partition": func(w *world, first, next *crlSpec) {
			next.with(28, true, pointSpec{users: true}.issuing(t))
			next.thisUpdate = next.thisUpdate.Add(time.Hour)
		},
	} {
		t.Run("C9 "+name, func(t *testing.T) {
			s := newShelf(t)
			w := crlWorld(t, nil, pointSpec{url: s.URL + "/1"})
			first, next := w.crl(w.item(w.leaf, 6)), w.crl()
			first.nextUpdate = w.now.Add(72 * time.Hour)
			next.nextUpdate = first.nextUpdate
			edit(w, first, next)
			s.put("/1", first.encode(t))
			reg := prometheus.NewRegistry()
			cfg := reachable()
			cfg.Registerer = reg
			c := checker(t, cfg)
			_, err := c.CheckStatus(t.Context(), w.query())
			require.NoError(t, err)
			s.put("/1", next.encode(t))
			q := w.query()
			q.At = w.now.Add(25 * time.Hour) // the CRL is due
			a, err := c.CheckStatus(t.Context(), q)
			require.NoError(t, err)
			assert.Equal(t, eidas.StatusRevoked, a.Status, "the hold is not lifted by it")
			assert.Positive(t, counter(t, reg, "eidas_revocation_sticky_conflicts_total"))
		})
	}
}

func TestCheckCRLIsRenewedConditionally(t *testing.T) {
	s := newShelf(t)
	s.etag = `"1"`
	w := crlWorld(t, nil, pointSpec{url: s.URL + "/1"})
	week := w.crl()
	week.nextUpdate = w.now.Add(7 * 24 * time.Hour)
	s.put("/1", week.encode(t))
	c := checker(t, reachable())
	_, err := c.CheckStatus(t.Context(), w.query())
	require.NoError(t, err)
	q := w.query()
	q.At = w.now.Add(25 * time.Hour)
	a, err := c.CheckStatus(t.Context(), q)
	require.NoError(t, err)
	assert.Equal(t, eidas.StatusGood, a.Status)
	assert.Equal(t, 2, s.count("/1"), "asked again daily")
	for _, minutes := range []int{1, 10, 30} {
		q.At = w.now.Add(25*time.Hour + time.Duration(minutes)*time.Minute)
		// Without asking, be it in the background.
		known, ok := c.KnownStatus(q)
		require.True(t, ok, "not again within half an hour: minute %d", minutes)
		assert.Equal(t, eidas.StatusGood, known.Status)
		_, err = c.CheckStatus(t.Context(), q)
		require.NoError(t, err)
		assert.Equal(t, 2, s.count("/1"))
	}
	q.At = w.now.Add(25*time.Hour + 31*time.Minute)
	_, ok := c.KnownStatus(q)
	assert.False(t, ok, "but then it is")
}

func TestCheckCRLBytesAreBounded(t *testing.T) {
	s := newShelf(t)
	reg := prometheus.NewRegistry()
	cfg := reachable()
	cfg.Registerer, cfg.CRLBytes = reg, 1000
	c := checker(t, cfg)
	w := crlWorld(t, nil)
	for _, path := range []string{"/1", "/2", "/3", "/4", "/5", "/6"} {
		w.leaf = w.named(t, nil, pointSpec{url: s.URL + path})
		s.put(path, w.crl(w.item(w.delegate, 1)).encode(t))
		_, err := c.CheckStatus(t.Context(), w.query())
		require.NoError(t, err)
		assert.LessOrEqual(t, counter(t, reg, "eidas_revocation_crl_bytes"), 1000)
	}
	assert.Positive(t, counter(t, reg, "eidas_revocation_crl_bytes"))
	assert.Positive(t, counter(t, reg, "eidas_revocation_cache_evictions_total"))
}

func TestP7DelegateIsLookedUp(t *testing.T) {
	s := newShelf(t)
	r := newResponder(t, nil0)
	w := liveWorld(t, r.URL)
	open := w.mint(t, w.ca, "Responder 2", func(c *x509.Certificate) {
		c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageOCSPSigning}
		c.ExtraExtensions = []pkix.Extension{points(t, pointSpec{url: s.URL + "/r"})}
	})
	r.reply.Store(says(w.good().by(open).encode(t)))
	strict := reachable()
	strict.OCSP.RejectUncheckedDelegate = true

	a, err := checker(t, reachable()).CheckStatus(t.Context(), w.query())
	require.NoError(t, err, "P7 open status is accepted by default")
	assert.Equal(t, eidas.StatusGood, a.Status)
	_, err = checker(t, strict).CheckStatus(t.Context(), w.query())
	assert.Equal(t, revocation.RuleP7, revocation.RuleOf(err), "%v", err)

	s.put("/r", w.crl(w.item(w.leaf, 1)).encode(t))
	a, err = checker(t, strict).CheckStatus(t.Context(), w.query())
	require.NoError(t, err, "P7 its CRL clears it")
	assert.Equal(t, eidas.StatusGood, a.Status)

	s.put("/r", w.crl(w.item(open, 1)).encode(t))
	_, err = checker(t, reachable()).CheckStatus(t.Context(), w.query())
	assert.Equal(t, revocation.RuleP7, revocation.RuleOf(err), "P7 its CRL lists it: %v", err)
}

func TestCheckAllowStale(t *testing.T) {
	cfg := reachable()
	cfg.AllowStale = revocation.DefaultMaxAge
	lenientForSeals := cfg
	lenientForSeals.AllowFor = func(q eidas.StatusQuery) revocation.Leniency {
		if q.Use == eidas.UseSeal {
			return revocation.Leniency{AllowStale: time.Hour * 1000} // cut to AllowStale
		}
		return revocation.Leniency{}
	}
	down := func(w http.ResponseWriter, _ asked) { w.WriteHeader(http.StatusServiceUnavailable) }
	last := func(w *world) time.Time { return w.now.Add(-time.Minute).Add(revocation.DefaultMaxAge) }
	for _, tt := range []struct {
		name   string
		cfg    revocation.Config
		use    eidas.Use
		at     func(*world) time.Time
		reply  func(*world) func(http.ResponseWriter, asked)
		want   eidas.Status
		reason eidas.Reason
	}{
		{"hard-fail refuses", reachable(), eidas.UseTLS, last, nil, 0, isUnavailable},
		{"bounded allows until the last second", cfg, eidas.UseTLS, last, nil, good, 0},
		{"bounded refuses one second later", cfg, eidas.UseTLS, func(w *world) time.Time { return last(w).Add(time.Second) }, nil, 0, isUnavailable},
		{"an invalid answer is none", cfg, eidas.UseTLS, last, func(w *world) func(http.ResponseWriter, asked) {
			return says(w.good().by(w.leaf).encode(t))
		}, good, 0},
		{"by use: not for this", lenientForSeals, eidas.UseTLS, last, nil, 0, isUnavailable},
		{"by use: for that", lenientForSeals, eidas.UseSeal, last, nil, good, 0},
		{"by use: never beyond AllowStale", lenientForSeals, eidas.UseSeal, func(w *world) time.Time { return last(w).Add(time.Second) }, nil, 0, isUnavailable},
	} {
		t.Run(tt.name, func(t *testing.T) {
			r := newResponder(t, nil0)
			w := liveWorld(t, r.URL)
			short := w.good()
			short.singles[0].nextUpdate = w.now.Add(10 * time.Minute)
			r.reply.Store(says(short.encode(t)))
			reg := prometheus.NewRegistry()
			tt.cfg.Registerer = reg
			c := checker(t, tt.cfg)
			q := w.query()
			q.Use = tt.use
			a, err := c.CheckStatus(t.Context(), q)
			require.NoError(t, err)
			assert.False(t, a.Stale)

			r.reply.Store(down)
			if tt.reply != nil {
				r.reply.Store(tt.reply(w))
			}
			q.At = tt.at(w)
			a, err = c.CheckStatus(t.Context(), q)
			assert.Equal(t, tt.want, a.Status, "%v", err)
			assert.Equal(t, tt.reason, eidas.ReasonOf(err), "%v", err)
			assert.Equal(t, tt.want == good, a.Stale)
			if tt.want == good {
				assert.False(t, a.FreshUntil.After(last(w)), "never beyond the bound")
				assert.Equal(t, 1, counter(t, reg, "eidas_revocation_stale_total"))
			}
		})
	}
}

func TestCheckStaleServesNoRevocationAndNoUnknown(t *testing.T) {
	cfg := reachable()
	cfg.AllowStale = revocation.DefaultMaxAge
	r := newResponder(t, nil0)
	w := liveWorld(t, r.URL)
	r.reply.Store(says(w.good().encode(t)))
	c := checker(t, cfg)
	_, err := c.CheckStatus(t.Context(), w.query())
	require.NoError(t, err)
	q := w.query()
	q.At = w.now.Add(2 * time.Hour)
	unknown := w.good()
	unknown.producedAt, unknown.singles[0].thisUpdate, unknown.singles[0].nextUpdate = q.At, q.At, q.At.Add(time.Hour)
	unknown.singles[0].status = "unknown"
	r.reply.Store(says(unknown.encode(t)))
	_, err = c.CheckStatus(t.Context(), q)
	assert.Equal(t, isUnknown, eidas.ReasonOf(err))
	r.reply.Store(nil0)
	_, err = c.CheckStatus(t.Context(), q)
	assert.Equal(t, isUnavailable, eidas.ReasonOf(err), "the good before it is forgotten")

	// Revoked stays revoked through the outage and beyond the bound.
	w = liveWorld(t, r.URL)
	r.reply.Store(says(w.revokedFor(1).encode(t)))
	_, err = c.CheckStatus(t.Context(), w.query())
	require.NoError(t, err)
	r.reply.Store(nil0)
	q = w.query()
	q.At = w.now.Add(20 * 24 * time.Hour)
	a, err := c.CheckStatus(t.Context(), q)
	require.NoError(t, err)
	assert.Equal(t, eidas.StatusRevoked, a.Status)
	assert.False(t, a.Stale)
}

// offline is a network that is down, and counts.
func offline(n *atomic.Int64) fetcherFunc {
	return func(context.Context, fetch.Request) (*fetch.Response, error) {
		n.Add(1)
		return nil, &fetch.Error{Kind: fetch.KindNetwork, Err: errors.New("down")}
	}
}

func TestCheckBreaker(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var n atomic.Int64
		reg := prometheus.NewRegistry()
		c, err := revocation.NewWithFetcher(revocation.Config{Registerer: reg, NegativeTTL: 1}, offline(&n))
		require.NoError(t, err)
		w := liveWorld(t, "http://a.test/")
		ask := func() error {
			q := w.query()
			q.At = time.Now()
			_, err := c.CheckStatus(t.Context(), q)
			assert.Equal(t, isUnavailable, eidas.ReasonOf(err))
			return err
		}
		for range 20 {
			_ = ask()
		}
		assert.EqualValues(t, 5, n.Load(), "five failures, then a rest")
		assert.Equal(t, 1, counter(t, reg, "eidas_revocation_breaker_trips_total"))
		for _, rest := range []time.Duration{30 * time.Second, time.Minute, 2 * time.Minute, 4 * time.Minute, 5 * time.Minute, 5 * time.Minute} {
			before := n.Load()
			time.Sleep(rest - time.Second)
			_ = ask()
			assert.Equal(t, before, n.Load(), "rest of %s", rest)
			time.Sleep(time.Second)
			_ = ask()
			_ = ask()
			assert.Equal(t, before+1, n.Load(), "one probe after %s", rest)
		}
		// Another host is another matter.
		w = liveWorld(t, "http://b.test/")
		before := n.Load()
		_ = ask()
		assert.Equal(t, before+1, n.Load())
	})
}

func TestCheckBreakerClosesOnSuccess(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := liveWorld(t, "http://a.test/")
		body := w.good().encode(t)
		var up atomic.Bool
		var n atomic.Int64
		down := offline(&n)
		c, err := revocation.NewWithFetcher(revocation.Config{}, fetcherFunc(func(ctx context.Context, q fetch.Request) (*fetch.Response, error) {
			if up.Load() {
				return ocspBody(body)
			}
			return down(ctx, q)
		}))
		require.NoError(t, err)
		for range 6 {
			_, _ = c.CheckStatus(t.Context(), w.query())
		}
		up.Store(true)
		_, err = c.CheckStatus(t.Context(), w.query())
		require.Error(t, err)
		time.Sleep(30 * time.Second)
		_, err = c.CheckStatus(t.Context(), w.query())
		require.NoError(t, err)
	})
}

func TestCheckHedge(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := liveWorld(t, "http://slow.test/", "http://b.test/")
		body := w.good().encode(t)
		c, err := revocation.NewWithFetcher(revocation.Config{}, fetcherFunc(func(ctx context.Context, q fetch.Request) (*fetch.Response, error) {
			u, err := url.Parse(q.URL)
			require.NoError(t, err)
			if u.Host == "slow.test" {
				<-ctx.Done()
				return nil, &fetch.Error{Kind: fetch.KindCanceled, Err: ctx.Err()}
			}
			return ocspBody(body)
		}))
		require.NoError(t, err)
		start := time.Now()
		a, err := c.CheckStatus(t.Context(), w.query())
		require.NoError(t, err)
		assert.Equal(t, eidas.StatusGood, a.Status)
		assert.Equal(t, revocation.DefaultHedge, time.Since(start), "in simulated time")
	})
}

func TestCheckCRLDownloadOutlivesTheBudget(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := crlWorld(t, nil, pointSpec{url: "http://a.test/1"})
		list := w.crl().encode(t)
		var n atomic.Int64
		c, err := revocation.NewWithFetcher(revocation.Config{}, fetcherFunc(func(ctx context.Context, q fetch.Request) (*fetch.Response, error) {
			n.Add(1)
			select {
			case <-time.After(5 * time.Second):
			case <-ctx.Done():
				return nil, &fetch.Error{Kind: fetch.KindTimeout, Err: ctx.Err()}
			}
			return &fetch.Response{Status: http.StatusOK, Body: list}, nil
		}))
		require.NoError(t, err)
		_, err = c.CheckStatus(t.Context(), w.query())
		assert.Equal(t, isUnavailable, eidas.ReasonOf(err))
		time.Sleep(10 * time.Second)
		a, err := c.CheckStatus(t.Context(), w.query())
		require.NoError(t, err)
		assert.Equal(t, eidas.StatusGood, a.Status)
		assert.EqualValues(t, 1, n.Load())
	})
}

func TestCheckRenewsWhatIsInUse(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := liveWorld(t, "http://a.test/")
		var n atomic.Int64
		c, err := revocation.NewWithFetcher(revocation.Config{}, fetcherFunc(func(context.Context, fetch.Request) (*fetch.Response, error) {
			n.Add(1)
			r := w.good()
			r.producedAt = time.Now()
			r.singles[0].thisUpdate, r.singles[0].nextUpdate = time.Now(), time.Now().Add(time.Hour)
			return ocspBody(r.encode(t))
		}))
		require.NoError(t, err)
		// A handshake every minute never waits, and the responder is asked about
		// twice in an hour.
		for range 10 * 60 {
			q := w.query()
			q.At = time.Now()
			start := time.Now()
			a, err := c.CheckStatus(t.Context(), q)
			require.NoError(t, err)
			assert.Equal(t, eidas.StatusGood, a.Status)
			assert.Zero(t, time.Since(start))
			time.Sleep(time.Minute)
		}
		assert.GreaterOrEqual(t, n.Load(), int64(13))
		assert.LessOrEqual(t, n.Load(), int64(20))
	})
}

func TestCheckOutage(t *testing.T) {
	// 24 hours without responder and CRL, answers of ten minutes: warm peers are
	// let in to the bound and not beyond, and nobody waits once the breaker has
	// opened.
	synctest.Test(t, func(t *testing.T) {
		w := liveWorld(t, "http://a.test/")
		r := w.good()
		r.singles[0].nextUpdate = w.now.Add(10 * time.Minute)
		body := r.encode(t)
		var down atomic.Bool
		c, err := revocation.NewWithFetcher(revocation.Config{AllowStale: revocation.DefaultMaxAge}, fetcherFunc(func(ctx context.Context, _ fetch.Request) (*fetch.Response, error) {
			if !down.Load() {
				return ocspBody(body)
			}
			<-ctx.Done()
			return nil, &fetch.Error{Kind: fetch.KindTimeout, Err: ctx.Err()}
		}))
		require.NoError(t, err)
		_, err = c.CheckStatus(t.Context(), w.query())
		require.NoError(t, err)
		down.Store(true)
		end := w.now.Add(-time.Minute).Add(revocation.DefaultMaxAge)
		var waited time.Duration
		stale := 0
		for time.Now().Before(end.Add(-time.Minute)) {
			q := w.query()
			q.At = time.Now()
			start := time.Now()
			a, err := c.CheckStatus(t.Context(), q)
			require.NoError(t, err)
			waited += time.Since(start)
			if a.Stale {
				stale++
			}
			time.Sleep(time.Minute)
		}
		assert.Greater(t, stale, 1400)
		// Five failures and a probe every five minutes at the most.
		assert.Less(t, waited, 300*revocation.DefaultBudget)
		q := w.query()
		q.At = end
		_, err = c.CheckStatus(t.Context(), q)
		require.NoError(t, err)
		q.At = end.Add(time.Second)
		_, err = c.CheckStatus(t.Context(), q)
		assert.Equal(t, isUnavailable, eidas.ReasonOf(err))
		time.Sleep(time.Minute) // what is under way ends
	})
}

func TestCheckCRLRedirects(t *testing.T) {
	s := newShelf(t)
	hop := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		http.Redirect(w, r, s.URL+strings.TrimPrefix(r.URL.Path, "/hop"), http.StatusFound)
	}))
	t.Cleanup(hop.Close)
	w := crlWorld(t, nil, pointSpec{url: hop.URL + "/hop/1"})
	s.put("/1", w.crl().encode(t))
	a, err := checker(t, reachable()).CheckStatus(t.Context(), w.query())
	require.NoError(t, err)
	assert.Equal(t, eidas.StatusGood, a.Status)
}
