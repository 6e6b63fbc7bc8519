package revocation_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"log/slog"
	"net/http"
	"net/url"
	"strings"
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

// Soft-fail: what it lets through, for whom, and that it shows.
func TestAllowUnavailable(t *testing.T) {
	soft := revocation.Config{AllowUnavailable: true}
	byRole := soft
	byRole.AllowFor = func(q eidas.StatusQuery) revocation.Leniency {
		return revocation.Leniency{AllowUnavailable: q.Use == eidas.UseTLS && !q.Roles.Has(eidas.RolePI)}
	}
	hardened := revocation.Config{AllowStale: time.Hour, AllowFor: func(eidas.StatusQuery) revocation.Leniency {
		return revocation.Leniency{AllowStale: time.Hour, AllowUnavailable: true}
	}}
	unknown := func(w *world) []byte {
		r := w.good()
		r.singles[0].status = "unknown"
		return r.encode(t)
	}
	for _, tt := range []struct {
		name   string
		cfg    revocation.Config
		edit   func(*eidas.StatusQuery)
		says   func(*world) []byte
		want   eidas.Status
		let    bool
		reason eidas.Reason
	}{
		{"hard-fail is the default", revocation.Config{}, nil, nil, 0, false, isUnavailable},
		{"the bank's default refuses what it has never seen", revocation.DefaultConfig(), nil, nil, 0, false, isUnavailable},
		{"silence is let through", soft, nil, nil, 0, true, 0},
		{"a forgery is silence", soft, nil, func(w *world) []byte { return w.good().by(w.leaf).encode(t) }, 0, true, 0},
		{"unknown is not", soft, nil, unknown, 0, false, isUnknown},
		{"revoked is not", soft, nil, func(w *world) []byte { return w.revokedFor(1).encode(t) }, eidas.StatusRevoked, false, 0},
		{"a certificate that contradicts itself is not", soft, func(q *eidas.StatusQuery) { q.Certificate = contradiction(t, q) }, nil, 0, false, isInvalid},
		{"by role: for this", byRole, func(q *eidas.StatusQuery) { q.Roles = eidas.RoleAI }, nil, 0, true, 0},
		{"by role: not for that", byRole, func(q *eidas.StatusQuery) { q.Roles = eidas.RoleAI | eidas.RolePI }, nil, 0, false, isUnavailable},
		{"by use: not for that", byRole, func(q *eidas.StatusQuery) { q.Use = eidas.UseSeal }, nil, 0, false, isUnavailable},
		{"never more than for every question", hardened, nil, nil, 0, false, isUnavailable},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := liveWorld(t, "http://a.test/")
			net := new(network)
			if tt.says != nil {
				net.says(tt.says(w))
			}
			var log bytes.Buffer
			reg := prometheus.NewRegistry()
			tt.cfg.Logger, tt.cfg.Registerer = slog.New(slog.NewTextHandler(&log, nil)), reg
			q := w.query()
			if tt.edit != nil {
				tt.edit(&q)
			}
			a, err := net.checker(t, tt.cfg).CheckStatus(t.Context(), q)
			assert.Equal(t, tt.reason, eidas.ReasonOf(err), "%v", err)
			assert.Equal(t, tt.want, a.Status)
			assert.Equal(t, tt.let, a.Unchecked)
			if tt.let {
				assert.Equal(t, 1, counter(t, reg, "eidas_revocation_unchecked_total"))
				assert.Contains(t, log.String(), "let through unchecked")
				assert.Equal(t, q.At.Add(30*time.Second), a.FreshUntil, "and is asked about again soon")
			}
		})
	}
}

// contradiction is a certificate that says that nobody need be asked, and whom.
func contradiction(t *testing.T, q *eidas.StatusQuery) *x509.Certificate {
	t.Helper()
	c := *q.Certificate
	c.Extensions = append(append(c.Extensions[:0:0], c.Extensions...), ext("unknown", false, []byte{5, 0}))
	c.Extensions[len(c.Extensions)-1].Id = []int{2, 5, 29, 56}
	return &c
}

// What fails is not asked again for a while, the longer the more often.
func TestNegativeTTL(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := liveWorld(t, "http://a.test/")
		net := new(network)
		net.says([]byte("<html>"))
		c := net.checker(t, revocation.Config{NegativeTTL: revocation.DefaultNegativeTTL})
		begin := time.Now()
		var asked []time.Duration
		for last := int64(0); time.Since(begin) < 4*time.Minute; time.Sleep(100 * time.Millisecond) {
			_, err := ask(t, c, w)
			require.Equal(t, isInvalid, eidas.ReasonOf(err), "the reason stays")
			if n := net.asked.Load(); n != last {
				asked, last = append(asked, time.Since(begin)), n
			}
		}
		require.GreaterOrEqual(t, len(asked), 6)
		for i, most := range []time.Duration{5 * time.Second, 10 * time.Second, 20 * time.Second, 40 * time.Second, time.Minute} {
			pause := asked[i+1] - asked[i]
			assert.LessOrEqual(t, pause, most+100*time.Millisecond)
			assert.GreaterOrEqual(t, pause, most*9/10)
		}
		// Another certificate is another matter.
		other := *w
		other.leaf = w.mint(t, w.ca, "TPP 2", withResponder("http://a.test/"))
		net.says(other.good().encode(t))
		_, err := ask(t, c, &other)
		require.NoError(t, err)
	})
}

func TestNegativeTTLOfUnknown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := liveWorld(t, "http://a.test/")
		net := new(network)
		unknown := w.good()
		unknown.singles[0].status = "unknown"
		net.says(unknown.encode(t))
		c := net.checker(t, revocation.Config{NegativeTTL: revocation.DefaultNegativeTTL})
		_, err := ask(t, c, w)
		require.Equal(t, isUnknown, eidas.ReasonOf(err))
		net.says(w.good().encode(t)) // the issuer has put it right
		time.Sleep(50 * time.Second)
		_, err = ask(t, c, w)
		require.Equal(t, isUnknown, eidas.ReasonOf(err))
		time.Sleep(11 * time.Second)
		_, err = ask(t, c, w)
		require.NoError(t, err)
	})
}

func TestQ4RequireNonce(t *testing.T) {
	w := liveWorld(t, "http://a.test/", "http://b.test/")
	var nonce []byte
	echo := true
	c, err := revocation.NewWithFetcher(revocation.Config{NegativeTTL: 1, RequireNonce: func(host string) bool { return host == "b.test" }},
		fetcherFunc(func(_ context.Context, q fetch.Request) (*fetch.Response, error) {
			if strings.Contains(q.URL, "a.test") {
				return nil, &fetch.Error{Kind: fetch.KindNetwork, Err: errors.New("down")}
			}
			text, err := url.PathUnescape(q.URL[strings.LastIndex(q.URL, "/")+1:])
			require.NoError(t, err)
			body, err := base64.StdEncoding.DecodeString(text)
			require.NoError(t, err)
			i := bytes.Index(body, []byte{4, 34, 4, 32})
			require.Positive(t, i, "a nonce of 32 octets")
			r := w.good()
			if nonce = body[i+2 : i+36]; echo {
				r.exts = append(r.exts, ext("nonce", false, nonce))
			}
			return ocspBody(r.encode(t))
		}))
	require.NoError(t, err)
	a, err := c.CheckStatus(t.Context(), w.query())
	require.NoError(t, err)
	assert.Equal(t, eidas.StatusGood, a.Status)
	first := nonce

	echo = false
	w.leaf = w.mint(t, w.ca, "TPP 2", withResponder("http://a.test/", "http://b.test/"))
	_, err = c.CheckStatus(t.Context(), w.query())
	assert.Equal(t, revocation.RuleQ4, revocation.RuleOf(err), "%v", err)
	assert.NotEqual(t, first, nonce, "each request has its own")
}

func TestSHA1CertID(t *testing.T) {
	r := newResponder(t, nil0)
	w := liveWorld(t, r.URL)
	r.reply.Store(says(w.good().encode(t)))
	cfg := reachable()
	cfg.SHA1CertID = true
	_, err := checker(t, cfg).CheckStatus(t.Context(), w.query())
	require.NoError(t, err)
	assert.Equal(t, crypto.SHA1, r.seen()[0].hash)
}

func TestRejectListedResponders(t *testing.T) {
	w := liveWorld(t, "http://a.test/")
	listed := w.mint(t, nil, "Listed responder", nil)
	answer := w.good()
	answer.signer = listed
	net := new(network)
	net.says(answer.encode(t))
	q := w.query()
	q.Responders = []*x509.Certificate{listed.cert}
	_, err := net.checker(t, revocation.Config{}).CheckStatus(t.Context(), q)
	require.NoError(t, err)
	_, err = net.checker(t, revocation.Config{RejectListedResponders: true}).CheckStatus(t.Context(), q)
	assert.Equal(t, isInvalid, eidas.ReasonOf(err))
}

func TestRejectSources(t *testing.T) {
	w := crlWorld(t, []string{"http://a.test/"}, pointSpec{url: "http://b.test/1"})
	list, body := w.crl().encode(t), w.good().encode(t)
	both := fetcherFunc(func(_ context.Context, q fetch.Request) (*fetch.Response, error) {
		if strings.Contains(q.URL, "a.test") {
			return ocspBody(body)
		}
		return &fetch.Response{Status: http.StatusOK, Body: list}, nil
	})
	for source, cfg := range map[string]revocation.Config{"ocsp": {RejectCRL: true}, "crl": {RejectOCSP: true}} {
		c, err := revocation.NewWithFetcher(cfg, both)
		require.NoError(t, err)
		a, err := c.CheckStatus(t.Context(), w.query())
		require.NoError(t, err)
		assert.Equal(t, source, a.Source)
	}
}

func TestLimitsAreSmallerOnRequest(t *testing.T) {
	s := newShelf(t)
	r := newResponder(t, nil0)
	w := crlWorld(t, []string{r.URL}, pointSpec{url: s.URL + "/1"})
	r.reply.Store(says(w.good().encode(t)))
	s.put("/1", w.crl().encode(t))
	cfg := reachable()
	cfg.OCSPLimit, cfg.CRLLimit = 100, 100
	_, err := checker(t, cfg).CheckStatus(t.Context(), w.query())
	assert.Equal(t, fetch.KindTooLarge, fetch.KindOf(err), "%v", err)
	cfg.CRLLimit = 0
	a, err := checker(t, cfg).CheckStatus(t.Context(), w.query())
	require.NoError(t, err)
	assert.Equal(t, "crl", a.Source)
}

// Staples are as good as what they prove.
func TestStaple(t *testing.T) {
	for _, tt := range []struct {
		name   string
		staple func(*world) *response
		want   eidas.Status
		asks   bool
	}{
		{"good", func(w *world) *response { return w.good().by(w.delegate) }, eidas.StatusGood, false},
		{"revoked", func(w *world) *response { return w.revokedFor(1) }, eidas.StatusRevoked, false},
		{"forged by the certificate itself", func(w *world) *response { return w.good().by(w.leaf) }, eidas.StatusRevoked, true},
		{"forged by a sibling", func(w *world) *response { return w.good().by(w.mint(t, w.ca, "Sibling", nil)) }, eidas.StatusRevoked, true},
		{"of an expired delegate", func(w *world) *response {
			return w.good().by(w.mint(t, w.ca, "Old responder", func(c *x509.Certificate) { asDelegate(c); c.NotAfter = w.now.Add(-time.Hour) }))
		}, eidas.StatusRevoked, true},
		{"of another CA's delegate", func(w *world) *response {
			return w.good().by(w.mint(t, w.mint(t, w.root, "Other CA", asCA), "R", asDelegate))
		}, eidas.StatusRevoked, true},
		{"expired", func(w *world) *response {
			r := w.good()
			r.singles[0].thisUpdate, r.singles[0].nextUpdate = w.now.Add(-2*time.Hour), w.now.Add(-time.Hour)
			return r
		}, eidas.StatusRevoked, true},
		{"about another certificate", func(w *world) *response {
			r := w.good()
			r.singles[0].serial = w.delegate.cert.SerialNumber
			return r
		}, eidas.StatusRevoked, true},
	} {
		t.Run(tt.name, func(t *testing.T) {
			w := liveWorld(t, "http://a.test/")
			net := new(network)
			net.says(w.revokedFor(1).encode(t)) // what is true
			q := w.query()
			q.Staple = tt.staple(w).encode(t)
			c := net.checker(t, revocation.Config{})
			a, err := c.CheckStatus(t.Context(), q)
			require.NoError(t, err)
			assert.Equal(t, tt.want, a.Status)
			assert.Equal(t, tt.asks, net.asked.Load() > 0)
			assert.Equal(t, !tt.asks, a.Source == "staple")
		})
	}
	t.Run("a known revocation stands", func(t *testing.T) {
		w := liveWorld(t, "http://a.test/")
		net := new(network)
		net.says(w.revokedFor(1).encode(t))
		c := net.checker(t, revocation.Config{})
		_, err := c.CheckStatus(t.Context(), w.query())
		require.NoError(t, err)
		q := w.query()
		q.Staple = w.good().encode(t)
		a, err := c.CheckStatus(t.Context(), q)
		require.NoError(t, err)
		assert.Equal(t, eidas.StatusRevoked, a.Status)
	})
	t.Run("a stored revocation stands", func(t *testing.T) {
		synctest.Test(t, func(t *testing.T) {
			w := liveWorld(t, "http://a.test/")
			store, net := newFakeStore(), new(network)
			net.says(w.revokedFor(1).encode(t))
			_, err := ask(t, net.checker(t, revocation.Config{Store: store}), w)
			require.NoError(t, err)
			synctest.Wait()
			q := w.query()
			q.Staple = w.good().encode(t)
			a, err := new(network).checker(t, revocation.Config{Store: store}).CheckStatus(t.Context(), q)
			require.NoError(t, err)
			assert.Equal(t, eidas.StatusRevoked, a.Status)
		})
	})
}

// Run renews what is in use and nothing else, so that nobody waits.
func TestRunPrefetches(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := liveWorld(t, "http://a.test/")
		var n atomic.Int64
		net := fetcherFunc(func(context.Context, fetch.Request) (*fetch.Response, error) {
			n.Add(1)
			time.Sleep(time.Second) // slow, and nobody is to notice
			r := w.good()
			r.producedAt = time.Now()
			r.singles[0].thisUpdate, r.singles[0].nextUpdate = time.Now(), time.Now().Add(10*time.Minute)
			return ocspBody(r.encode(t))
		})
		c, err := revocation.NewWithFetcher(revocation.Config{}, net)
		require.NoError(t, err)
		ctx, cancel := context.WithCancel(t.Context())
		defer cancel()
		ended := make(chan error, 1)
		go func() { ended <- c.Run(ctx) }()
		_, err = ask(t, c, w)
		require.NoError(t, err)
		for range 20 { // once in an hour: without Run every one would wait
			time.Sleep(time.Hour)
			begin := time.Now()
			a, err := ask(t, c, w)
			require.NoError(t, err)
			assert.Equal(t, eidas.StatusGood, a.Status)
			assert.Zero(t, time.Since(begin))
		}
		assert.Less(t, n.Load(), int64(20*60/5+2), "not before half its time")
		last := n.Load()
		time.Sleep(24*time.Hour + 30*time.Minute)
		stopped := n.Load()
		assert.Greater(t, stopped, last)
		time.Sleep(24 * time.Hour)
		assert.Equal(t, stopped, n.Load(), "what nobody has asked about for a day is left alone")
		cancel()
		require.ErrorIs(t, <-ended, context.Canceled)
	})
}
