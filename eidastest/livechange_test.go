package eidastest_test

import (
	"crypto/tls"
	"io"
	"net/http"
	"net/http/httptrace"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/eidastest"
	"github.com/seed-b953571c/eidas/qwac"
	"github.com/seed-b953571c/eidas/trustlist"
)

// keeper is a TPP that keeps its connection open.
type keeper struct {
	client *http.Client
	url    string
}

func newKeeper(t *testing.T, w *eidastest.Test, l *eidastest.Leaf, url string) *keeper {
	t.Helper()
	transport := &http.Transport{TLSClientConfig: w.ClientConfig(l), ForceAttemptHTTP2: true}
	t.Cleanup(transport.CloseIdleConnections)
	return &keeper{&http.Client{Transport: transport}, url}
}

// get returns the status and whether the request went over the connection that
// was open.
func (k *keeper) get(t *testing.T) (status int, reused bool) {
	t.Helper()
	ctx := httptrace.WithClientTrace(t.Context(), &httptrace.ClientTrace{
		GotConn: func(c httptrace.GotConnInfo) { reused = c.Reused },
	})
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, k.url, nil)
	require.NoError(t, err)
	resp, err := k.client.Do(req)
	if err != nil {
		return 0, false // the handshake was refused
	}
	defer resp.Body.Close()
	_, err = io.Copy(io.Discard, resp.Body)
	require.NoError(t, err)
	return resp.StatusCode, reused
}

// A snapshot that a store takes over is in force for the next handshake, and for
// the next request of a connection that is open; nobody else notices.
func TestNewSnapshotTakesEffectAtOnce(t *testing.T) {
	for _, h2 := range []bool{false, true} {
		t.Run(map[bool]string{false: "HTTP/1.1", true: "HTTP/2"}[h2], func(t *testing.T) {
			w := eidastest.Start(t, eidastest.Options{})
			store, err := trustlist.NewStore(trustlist.StoreConfig{
				Config: trustlist.Config{Anchors: w.Anchors(), Source: w.Source()}, Dir: t.TempDir(),
			})
			require.NoError(t, err)
			defer func() { assert.NoError(t, store.Close()) }()
			require.NoError(t, store.Refresh(t.Context()))
			policy := eidas.DefaultPolicy(eidas.RequireRoles(eidas.RoleAI))
			policy.AllowNoRevocation = true
			validator, err := eidas.NewValidator(eidas.Config{Services: store, Policy: policy})
			require.NoError(t, err)
			verifier, err := qwac.New(qwac.Config{Validator: validator})
			require.NoError(t, err)
			config := &tls.Config{}
			if h2 {
				config.NextProtos = []string{"h2"}
			}
			config, err = verifier.ServerConfig(config)
			require.NoError(t, err)
			ok := http.HandlerFunc(func(rw http.ResponseWriter, _ *http.Request) { rw.WriteHeader(http.StatusNoContent) })
			protocols := &http.Protocols{}
			protocols.SetHTTP1(!h2)
			protocols.SetHTTP2(h2)
			url := w.Serve(&http.Server{Handler: verifier.Handler(ok), TLSConfig: config, Protocols: protocols})

			lt := newKeeper(t, w, w.QWAC("LT", identifier, eidas.RoleAI), url)
			de := newKeeper(t, w, w.QWAC("DE", "PSDDE-BAFIN-123456", eidas.RoleAI), url)
			both := func(status int, why string) {
				t.Helper()
				for k, want := range map[*keeper]int{lt: status, de: http.StatusNoContent} {
					got, reused := k.get(t)
					assert.Equal(t, want, got, why)
					assert.True(t, reused, why)
				}
			}
			for _, k := range []*keeper{lt, de} {
				got, _ := k.get(t)
				require.Equal(t, http.StatusNoContent, got)
			}
			both(http.StatusNoContent, "the connections stay open")
			w.Check(w.QTSP("LT").Withdraw(w.Now().Add(-time.Second)))
			both(http.StatusNoContent, "published, but not had yet")

			require.NoError(t, store.Refresh(t.Context()))
			both(http.StatusUnauthorized, "the connection is open, the access is gone")
			stranger := newKeeper(t, w, w.QWAC("LT", "PSDLT-BL-LB000002", eidas.RoleAI), url)
			got, _ := stranger.get(t)
			assert.Zero(t, got, "a new handshake is refused")

			w.Check(w.QTSP("LT").Grant(w.Now()))
			require.NoError(t, store.Refresh(t.Context()))
			got, _ = stranger.get(t)
			assert.Equal(t, http.StatusNoContent, got, "and let in again")
		})
	}
}
