package eidastest_test

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/eidastest"
	"github.com/seed-b953571c/eidas/qwac"
	"github.com/seed-b953571c/eidas/revocation"
	"github.com/seed-b953571c/eidas/trustlist"
)

func TestTrickleSendsAnOctetASecond(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		h := eidastest.Trickle(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, err := w.Write([]byte("list"))
			if err != nil {
				return
			}
			_, _ = w.Write([]byte("s"))
		}))
		w := httptest.NewRecorder()
		start := time.Now()
		h.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "/", nil))
		assert.Equal(t, 5*time.Second, time.Since(start))
		assert.Equal(t, "lists", w.Body.String())
		assert.True(t, w.Flushed)

		ctx, cancel := context.WithTimeout(t.Context(), 2500*time.Millisecond)
		defer cancel()
		w = httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequestWithContext(ctx, http.MethodGet, "/", nil))
		assert.Equal(t, "lis", w.Body.String(), "it ends when the client has gone")
	})
}

// A responder that is never silent holds up a handshake for no longer than its
// deadline: to the end of its answer the test would take minutes. The checker
// has all the time there is.
func TestHookDeadlineHoldsAgainstATrickle(t *testing.T) {
	const patience = time.Hour
	status, err := revocation.New(revocation.Config{
		Budget: patience, DialTimeout: patience, HeaderTimeout: patience, CRLTimeout: patience,
		AllowPrivate: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, AllowAnyPort: true,
	})
	require.NoError(t, err)
	for name, issue := range map[string]func(*eidastest.Test) *eidastest.Leaf{
		"OCSP": func(w *eidastest.Test) *eidastest.Leaf {
			w.QTSP("LT").Responder.SetFault(eidastest.FaultTrickle)
			return w.QWAC("LT", identifier, eidas.RoleAI)
		},
		"CRL": func(w *eidastest.Test) *eidastest.Leaf {
			w.QTSP("LT").CRL.SetFault(eidastest.FaultTrickle)
			return withCRL(w, w.QTSP("LT").CRL)
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := eidastest.Start(t, eidastest.Options{})
			b := startBank(t, w, bankOptions{status: status, config: qwac.Config{Timeout: 2 * time.Second}})
			l := issue(w)
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, b.url, nil)
			require.NoError(t, err)
			_, err = w.Client(l).Do(req)
			require.ErrorContains(t, err, "bad certificate")
			require.ErrorIs(t, <-b.failures, eidas.ReasonRevocationUnavailable)

			w.QTSP("LT").Responder.SetFault(eidastest.FaultNone)
			w.QTSP("LT").CRL.SetFault(eidastest.FaultNone)
			other := w.QWAC("DE", identifier, eidas.RoleAI)
			resp, err := w.Client(other).Get(b.url)
			require.NoError(t, err, "others are let in")
			require.NoError(t, resp.Body.Close())
		})
	}
}

func TestListHostThatTricklesEndsAtTheTimeout(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	lists := http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { _, _ = rw.Write(w.LOTL.Served()) })
	fetch := func(h http.Handler, timeout time.Duration) ([]byte, error) {
		server := httptest.NewServer(h)
		t.Cleanup(server.Close)
		source, err := trustlist.NewHTTP(trustlist.HTTPConfig{
			AllowAnyPort: true, AllowPrivate: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, Timeout: timeout,
		})
		require.NoError(t, err)
		return source.Fetch(t.Context(), server.URL+"/lotl.xml")
	}
	doc, err := fetch(lists, time.Minute)
	require.NoError(t, err)
	assert.Equal(t, w.LOTL.Served(), doc)
	_, err = fetch(eidastest.Trickle(lists), 300*time.Millisecond)
	assert.Equal(t, trustlist.ReasonFetchFailed, trustlist.ReasonOf(err), "%v", err)
}
