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

func TestEarlyDataOfAPeerThatNeverFinishesReachesNoHandler(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	b := startEarly(t, w)
	c := client(w, w.QWAC("LT", identifier, eidas.RoleAI), nil)
	b.assertLetIn(t, c, identifier+" LT")
	b.told()

	r := startRelay(t, b.url)
	r.deaf.Store(true)
	ctx, cancel := context.WithCancel(t.Context())
	transport := &http3.Transport{TLSClientConfig: c.config}
	defer transport.Close()
	gone := make(chan error, 1)
	go func() {
		request, err := http.NewRequestWithContext(ctx, http3.MethodGet0RTT, r.url, nil)
		if err == nil {
			_, err = transport.RoundTrip(request)
		}
		gone <- err
	}()
	b.waitMetric(t, 1, "requests_total", "early")
	cancel()
	require.Error(t, waitFor(t, gone))
	assert.EqualValues(t, 1, b.handled.Load())
	assert.Empty(t, b.told())
	assert.True(t, b.latest.Load().ConnectionState().Used0RTT, "it was early data")
}

func TestEarlyDataOfAPeerThatFinishesIsAnsweredAtMostOnce(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	b := startEarly(t, w)
	c := client(w, w.QWAC("LT", identifier, eidas.RoleAI), nil)
	b.assertLetIn(t, c, identifier+" LT")
	before := b.handled.Load()
	a, err := c.call(t, http3.MethodGet0RTT, b.url)
	require.NoError(t, err)
	if a.status == http.StatusTooEarly { // read before the handshake ended: the client asks again
		assert.Equal(t, before, b.handled.Load())
		a, err = c.call(t, http.MethodGet, b.url)
		require.NoError(t, err)
	}
	assert.Equal(t, http.StatusOK, a.status)
	assert.Equal(t, identifier+" LT resumed", a.body)
	assert.Equal(t, before+1, b.handled.Load())
}

// The ticket of a revoked peer opens no early data: its request is not even read.
func TestEarlyDataOfARevokedPeerIsNotAccepted(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	b := startEarly(t, w)
	l := w.QWAC("LT", identifier, eidas.RoleAI)
	c := client(w, l, &eidastest.Replayer{})
	b.assertLetIn(t, c, identifier+" LT")
	w.QTSP("LT").Revoke(l, 1)
	_, err := c.call(t, http3.MethodGet0RTT, b.url)
	require.Error(t, err)
	b.waitMetric(t, 1, "sessions_total", "declined")
	assert.Equal(t, 1, b.metric(t, "requests_total"))
	assert.EqualValues(t, 1, b.handled.Load())
	assert.False(t, b.latest.Load().ConnectionState().Used0RTT)
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
