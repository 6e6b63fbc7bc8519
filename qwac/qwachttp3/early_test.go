package qwachttp3_test

import (
	"context"
	"net"
	"net/http"
	"sync/atomic"
	"testing"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/eidastest"
	"github.com/seed-b953571c/eidas/qwac/qwachttp3"
)

// RFC 8470: a request in early data may be a replay, and its peer has proved
// nothing yet.

// startEarly starts a bank whose listener has 0-RTT, past ConfigureServer.
func startEarly(tb testing.TB, w *eidastest.Test) *bank {
	tb.Helper()
	b := startBank(tb, w, bankOptions{})
	server := &http3.Server{
		TLSConfig: base(tb, w), ConnContext: b.connContext,
		Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			b.handled.Add(1)
			whoami(rw, r)
		}),
	}
	require.NoError(tb, qwachttp3.ConfigureServer(b.verifier, server))
	b.url = serve(tb, func(socket net.PacketConn) error {
		listener, err := quic.ListenEarly(socket, http3.ConfigureTLSConfig(server.TLSConfig), &quic.Config{Allow0RTT: true})
		if err != nil {
			return err
		}
		defer listener.Close()
		return server.ServeListener(listener)
	}, server.Close)
	return b
}

// relay stands between clients and a server. A deaf one passes on nothing that
// the server says, so no handshake ends: what the server then gets is what it
// would get from somebody who replays the first flight of another.
type relay struct {
	url    string
	deaf   atomic.Bool
	client atomic.Pointer[net.UDPAddr]
}

func startRelay(tb testing.TB, url string) *relay {
	tb.Helper()
	server, err := net.ResolveUDPAddr("udp", url[len("https://"):])
	require.NoError(tb, err)
	front, err := net.ListenUDP("udp", &net.UDPAddr{IP: net.IPv4(127, 0, 0, 1)})
	require.NoError(tb, err)
	back, err := net.DialUDP("udp", nil, server)
	require.NoError(tb, err)
	tb.Cleanup(func() { front.Close(); back.Close() })
	r := &relay{url: "https://" + front.LocalAddr().String()}
	go func() {
		buffer := make([]byte, 1<<16)
		for {
			n, from, err := front.ReadFromUDP(buffer)
			if err != nil {
				return
			}
			r.client.Store(from)
			_, _ = back.Write(buffer[:n])
		}
	}()
	go func() {
		buffer := make([]byte, 1<<16)
		for {
			n, err := back.Read(buffer)
			if err != nil {
				return
			}
			if to := r.client.Load(); to != nil && !r.deaf.Load() {
				_, _ = front.WriteToUDP(buffer[:n], to)
			}
		}
	}()
	return r
}

// early sends a request in early data through a relay, which stays deaf: quic-go's
// client (v0.65.0) reads and writes its peer's parameters in two goroutines at once
// if the server answers while it opens its first stream.
func (c *tpp) early(tb testing.TB, r *relay) (cancel context.CancelFunc, answered <-chan result) {
	tb.Helper()
	r.deaf.Store(true)
	ctx, cancel := context.WithTimeout(tb.Context(), time.Minute)
	tb.Cleanup(cancel)
	request, err := http.NewRequestWithContext(ctx, http3.MethodGet0RTT, r.url, nil)
	require.NoError(tb, err)
	conn, dialed, err := c.dial(request)
	require.NoError(tb, err)
	tb.Cleanup(func() { _ = dialed.CloseWithError(0, ""); <-dialed.Context().Done() })
	done := make(chan result, 1)
	go func() {
		a, err := ask(&http.Client{Transport: conn}, request)
		done <- result{a, err}
	}()
	return cancel, done
}

// result is what came of a request.
type result struct {
	reply

	err error
}

func TestEarlyDataOfAPeerThatNeverFinishesReachesNoHandler(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	b := startEarly(t, w)
	c := client(w, w.QWAC("LT", identifier, eidas.RoleAI), nil)
	b.assertLetIn(t, c, identifier+" LT")
	b.told()
	cancel, answered := c.early(t, startRelay(t, b.url))
	b.waitMetric(t, 1, "requests_total", "early")
	cancel()
	require.Error(t, waitFor(t, answered).err)
	assert.EqualValues(t, 1, b.handled.Load())
	assert.Empty(t, b.told())
	assert.True(t, b.latest.Load().ConnectionState().Used0RTT, "it was early data")
}

// The twin: who finishes is told to ask again, and is let in.
func TestEarlyDataOfAPeerThatFinishesIsTooEarly(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	b := startEarly(t, w)
	c := client(w, w.QWAC("LT", identifier, eidas.RoleAI), nil)
	b.assertLetIn(t, c, identifier+" LT")
	r := startRelay(t, b.url)
	_, answered := c.early(t, r)
	b.waitMetric(t, 1, "requests_total", "early")
	r.deaf.Store(false)
	a := waitFor(t, answered)
	require.NoError(t, a.err)
	assert.Equal(t, http.StatusTooEarly, a.status)
	assert.EqualValues(t, 1, b.handled.Load())
	b.assertLetIn(t, c, identifier+" LT resumed")
	assert.EqualValues(t, 2, b.handled.Load())
}

// The ticket of a revoked peer opens no early data: its request is not even read.
func TestEarlyDataOfARevokedPeerIsNotAccepted(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	b := startEarly(t, w)
	l := w.QWAC("LT", identifier, eidas.RoleAI)
	c := client(w, l, nil)
	b.assertLetIn(t, c, identifier+" LT")
	before := b.latest.Load()
	w.QTSP("LT").Revoke(l, 1)
	cancel, answered := c.early(t, startRelay(t, b.url))
	require.Eventually(t, func() bool { return b.latest.Load() != before }, time.Minute, time.Millisecond)
	assert.Equal(t, 1, b.metric(t, "sessions_total", "declined"))
	assert.False(t, b.latest.Load().ConnectionState().Used0RTT)
	cancel()
	require.Error(t, waitFor(t, answered).err)
	assert.Equal(t, 1, b.metric(t, "requests_total"))
	assert.EqualValues(t, 1, b.handled.Load())
}

// The twin: ConfigureServer turns off what http3 would allow.
func TestConfiguredServerHasNoEarlyData(t *testing.T) {
	for name, config := range map[string]*quic.Config{"no QUICConfig": nil, "own QUICConfig": {MaxIdleTimeout: time.Minute}} {
		t.Run(name, func(t *testing.T) {
			w := eidastest.Start(t, eidastest.Options{})
			b := startBank(t, w, bankOptions{quic: config})
			c := client(w, w.QWAC("LT", identifier, eidas.RoleAI), nil)
			b.assertLetIn(t, c, identifier+" LT")
			a, err := c.call(t, http3.MethodGet0RTT, b.url)
			require.NoError(t, err)
			assert.Equal(t, identifier+" LT resumed", a.body)
			assert.False(t, b.latest.Load().ConnectionState().Used0RTT)
			assert.Zero(t, b.metric(t, "requests_total", "early"))
		})
	}
}
