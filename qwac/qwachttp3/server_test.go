package qwachttp3_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"net"
	"net/http"
	"sync/atomic"
	"testing"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/eidastest"
	"github.com/seed-b953571c/eidas/qwac"
	"github.com/seed-b953571c/eidas/qwac/qwachttp3"
)

func cause(c *quic.Conn) error { return context.Cause(c.Context()) }

func newVerifier(tb testing.TB, w *eidastest.Test) *qwac.Verifier {
	tb.Helper()
	v, err := qwac.New(qwac.Config{Validator: w.Clocked(w.Validator(eidas.DefaultPolicy(eidas.RequireRoles(eidas.RoleAI))))})
	require.NoError(tb, err)
	return v
}

func TestConfigureServerRefusesWhatItCannotMakeSafe(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	v, good := newVerifier(t, w), base(t, w)
	with := func(edit func(*tls.Config)) *tls.Config {
		c := good.Clone()
		edit(c)
		return c
	}
	for name, row := range map[string]struct {
		verifier *qwac.Verifier
		server   *http3.Server
		err      string // "": accepted
	}{
		"certificate":            {v, &http3.Server{TLSConfig: good}, ""},
		"GetCertificate":         {v, &http3.Server{TLSConfig: &tls.Config{GetCertificate: func(*tls.ClientHelloInfo) (*tls.Certificate, error) { return nil, nil }}}, ""},
		"TLS 1.3":                {v, &http3.Server{TLSConfig: with(func(c *tls.Config) { c.MaxVersion = tls.VersionTLS13 })}, ""},
		"own QUICConfig":         {v, &http3.Server{TLSConfig: good, QUICConfig: &quic.Config{MaxIncomingStreams: 7}}, ""},
		"no verifier":            {nil, &http3.Server{TLSConfig: good}, "verifier is nil"},
		"no server":              {v, nil, "server is nil"},
		"no TLSConfig":           {v, &http3.Server{}, "no TLSConfig"},
		"no certificate":         {v, &http3.Server{TLSConfig: &tls.Config{}}, "no certificate"},
		"TLS 1.2 at most":        {v, &http3.Server{TLSConfig: with(func(c *tls.Config) { c.MaxVersion = tls.VersionTLS12 })}, "MaxVersion TLS 1.2"},
		"TLS 1.1 at least":       {v, &http3.Server{TLSConfig: with(func(c *tls.Config) { c.MinVersion = tls.VersionTLS11 })}, "MinVersion TLS 1.1"},
		"library's verification": {v, &http3.Server{TLSConfig: with(func(c *tls.Config) { c.ClientAuth = tls.RequireAndVerifyClientCert })}, "ClientAuth"},
		"pool of CAs":            {v, &http3.Server{TLSConfig: with(func(c *tls.Config) { c.ClientCAs = x509.NewCertPool() })}, "ClientCAs"},
		"0-RTT":                  {v, &http3.Server{TLSConfig: good, QUICConfig: &quic.Config{Allow0RTT: true}}, "Allow0RTT"},
	} {
		t.Run(name, func(t *testing.T) {
			if row.server == nil {
				require.ErrorContains(t, qwachttp3.ConfigureServer(row.verifier, nil), row.err)
				return
			}
			config, transport := row.server.TLSConfig, row.server.QUICConfig
			err := qwachttp3.ConfigureServer(row.verifier, row.server)
			if row.err != "" {
				require.ErrorContains(t, err, row.err)
				assert.Same(t, config, row.server.TLSConfig)
				assert.Same(t, transport, row.server.QUICConfig)
				assert.Nil(t, row.server.Handler)
				assert.Nil(t, row.server.ConnContext)
				return
			}
			require.NoError(t, err)
			assert.NotSame(t, config, row.server.TLSConfig, "the caller's config is left alone")
			assert.Nil(t, config.VerifyConnection)
			assert.Equal(t, tls.RequireAnyClientCert, row.server.TLSConfig.ClientAuth)
			assert.False(t, row.server.QUICConfig.Allow0RTT)
			if transport != nil {
				assert.NotSame(t, transport, row.server.QUICConfig)
				assert.Equal(t, transport.MaxIncomingStreams, row.server.QUICConfig.MaxIncomingStreams)
			}
			assert.NotNil(t, row.server.Handler)
			assert.NotNil(t, row.server.ConnContext)
		})
	}
}

// Configs that the owner chooses for a connection are held to the same.
func TestConfigsOfOneConnectionAreGuarded(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	inner := base(t, w)
	perClient := &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return inner, nil }, Time: w.Now}
	var early atomic.Bool
	b := startBank(t, w, bankOptions{base: perClient, quic: &quic.Config{
		GetConfigForClient: func(*quic.ClientInfo) (*quic.Config, error) { return &quic.Config{Allow0RTT: early.Load()}, nil },
	}})
	l := w.QWAC("LT", identifier, eidas.RoleAI)
	c := client(w, l, nil)
	b.assertLetIn(t, c, identifier+" LT")
	b.assertLetIn(t, c, identifier+" LT resumed")
	early.Store(true)
	_, err := c.call(t, http.MethodGet, b.url)
	require.ErrorContains(t, err, "CONNECTION_REFUSED")
	early.Store(false)
	b.assertLetIn(t, c, identifier+" LT") // a stock client drops the ticket of a connection that failed
	w.QTSP("LT").Revoke(l, 1)
	b.assertRefused(t, c, eidas.ReasonRevoked)
	b.assertRefused(t, client(w, nil, nil), eidas.ReasonCertificateMissing)
}

// A handler that is set later would be reached past the Verifier, with
// Config.Deferred by anybody.
func TestHandlerThatIsSetLaterIsNotReached(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	for _, deferred := range []bool{false, true} {
		for name, config := range map[string]*tls.Config{
			"one config":               base(t, w),
			"a config for each client": {GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return base(t, w), nil }},
		} {
			t.Run(fmt.Sprintf("%s, deferred %t", name, deferred), func(t *testing.T) {
				verifier, err := qwac.New(qwac.Config{
					Validator: w.Validator(eidas.DefaultPolicy(eidas.RequireRoles(eidas.RoleAI))), Deferred: deferred,
				})
				require.NoError(t, err)
				server := &http3.Server{TLSConfig: config, Handler: http.HandlerFunc(whoami)}
				require.NoError(t, qwachttp3.ConfigureServer(verifier, server))
				server.Handler = http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the handler is reached") })
				url := serve(t, server.Serve, server.Close)
				for _, l := range []*eidastest.Leaf{nil, w.QWAC("LT", identifier, eidas.RoleAI)} {
					_, err := get(t, client(w, l, nil).keepAlive(t), url)
					require.Error(t, err)
				}
			})
		}
	}
}

// A listener of somebody else's may let anybody connect; the handler does not.
func TestConnectionsPastTLSConfigReachNoHandler(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	for name, auth := range map[string]tls.ClientAuthType{"asks for none": tls.NoClientCert, "asks for any": tls.RequestClientCert} {
		t.Run(name, func(t *testing.T) {
			unguarded := base(t, w)
			unguarded.ClientAuth = auth
			server := &http3.Server{TLSConfig: base(t, w), Handler: http.HandlerFunc(whoami)}
			require.NoError(t, qwachttp3.ConfigureServer(newVerifier(t, w), server))
			url := serve(t, func(socket net.PacketConn) error {
				listener, err := quic.ListenEarly(socket, http3.ConfigureTLSConfig(unguarded), &quic.Config{})
				if err != nil {
					return err
				}
				defer listener.Close()
				return server.ServeListener(listener)
			}, server.Close)
			good := w.QWAC("LT", identifier, eidas.RoleAI)
			revoked := w.QWAC("LT", identifier, eidas.RoleAI)
			w.QTSP("LT").Revoke(revoked, 1)
			for _, l := range []*eidastest.Leaf{nil, good, revoked} {
				a, err := get(t, client(w, l, nil).keepAlive(t), url)
				require.NoError(t, err)
				if l == good && auth == tls.RequestClientCert { // its key was proved
					assert.Equal(t, http.StatusOK, a.status)
					continue
				}
				assert.Equal(t, http.StatusUnauthorized, a.status)
			}
		})
	}
}

func TestOwnersConnContextIsKept(t *testing.T) {
	type key struct{}
	w := eidastest.Start(t, eidastest.Options{})
	server := &http3.Server{
		TLSConfig:   base(t, w),
		ConnContext: func(ctx context.Context, _ *quic.Conn) context.Context { return context.WithValue(ctx, key{}, "here") },
		Handler: http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
			assert.Equal(t, "here", r.Context().Value(key{}))
			whoami(rw, r)
		}),
	}
	require.NoError(t, qwachttp3.ConfigureServer(newVerifier(t, w), server))
	a, err := get(t, client(w, w.QWAC("LT", identifier, eidas.RoleAI), nil).keepAlive(t), serve(t, server.Serve, server.Close))
	require.NoError(t, err)
	assert.Equal(t, identifier+" LT", a.body)
}

// quic-go takes 16 KiB of handshake, in which a ticket with the client's chain
// must fit as well. Real chains are below 8 KiB.
func TestLargeChainsResume(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	b := startBank(t, w, bankOptions{})
	withNames := func(n int) *eidastest.Leaf {
		r := eidastest.QWAC(identifier, eidas.RoleAI)
		for i := range n {
			r.DNSNames = append(r.DNSNames, fmt.Sprintf("%054d.example", i)) // 64 bytes each with its head
		}
		return w.Issue("LT", r)
	}
	large := withNames(160)
	require.Greater(t, len(large.Certificate.Raw), 10<<10)
	c := client(w, large, nil)
	b.assertLetIn(t, c, identifier+" LT")
	b.assertLetIn(t, c, identifier+" LT resumed")
	_, err := client(w, withNames(260), nil).call(t, http.MethodGet, b.url)
	require.ErrorContains(t, err, "CRYPTO_BUFFER_EXCEEDED")
}
