package qwachttp3_test

import (
	"crypto/tls"
	"errors"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"github.com/quic-go/quic-go/quicvarint"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/eidastest"
	"github.com/seed-b953571c/eidas/qwac"
	"github.com/seed-b953571c/eidas/qwac/qwachttp3"
)

// A stranger begins a header on each stream, ends none, and sends PINGs.
func TestStrangerWhoEndsNoHeaderIsSentAway(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	b := startBank(t, w, bankOptions{config: qwac.Config{Deferred: true}})
	kept := client(w, w.QWAC("LT", identifier, eidas.RoleAI), nil)
	lawful, lives, err := kept.dial(newRequest(t, http.MethodGet, b.url))
	require.NoError(t, err)
	_, err = get(t, &http.Client{Transport: lawful}, b.url)
	require.NoError(t, err)
	config := w.ClientConfig(nil)
	config.Certificates = []tls.Certificate{}
	config.NextProtos, config.ServerName = []string{http3.NextProtoH3}, "localhost"
	stranger, err := quic.DialAddr(t.Context(), strings.TrimPrefix(b.url, "https://"), config, &quic.Config{KeepAlivePeriod: time.Second})
	require.NoError(t, err)
	const headers, length = 1, 60 << 10
	for range 100 {
		s, err := stranger.OpenStreamSync(t.Context())
		require.NoError(t, err)
		_, err = s.Write(append(quicvarint.Append(quicvarint.Append(nil, headers), length), 0))
		require.NoError(t, err)
	}
	waitFor(t, stranger.Context().Done())
	closed, ok := errors.AsType[*quic.ApplicationError](cause(stranger))
	require.True(t, ok, "%v", cause(stranger))
	assert.True(t, closed.Remote)
	assert.Equal(t, quic.ApplicationErrorCode(http3.ErrCodeNoError), closed.ErrorCode)
	assert.NoError(t, lives.Context().Err(), "who was let in stays")
}

// The same, with the time that it may take.
func TestConnectionEndsUnlessARequestIsLetIn(t *testing.T) {
	for name, known := range map[string]bool{"let in": true, "nobody": false} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var ended atomic.Int32
				c := qwachttp3.NewConnection(func() { ended.Add(1) })
				assert.True(t, c.Begin(), "a request that is refused, or not judged yet, does not count")
				time.Sleep(qwachttp3.MaxUnknown - 1)
				synctest.Wait()
				assert.Zero(t, ended.Load())
				if known {
					c.Known()
				}
				time.Sleep(time.Hour)
				synctest.Wait()
				assert.Equal(t, !known, ended.Load() == 1)
			})
		})
	}
}

func TestHeadersAreBounded(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	for set, want := range map[int]int{0: 64 << 10, -1: 64 << 10, 4096: 4096, 1 << 20: 1 << 20} {
		server := &http3.Server{TLSConfig: base(t, w), MaxHeaderBytes: set}
		require.NoError(t, qwachttp3.ConfigureServer(newVerifier(t, w), server))
		assert.Equal(t, want, server.MaxHeaderBytes)
	}
}
