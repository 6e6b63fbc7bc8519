package qwacgrpc_test

import (
	"crypto/tls"
	"net"
	"runtime"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/http2"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/eidastest"
	"github.com/seed-b953571c/eidas/qwac"
	"github.com/seed-b953571c/eidas/qwac/qwacgrpc"
)

func TestServerOptionsRefusesWhatItCannotMakeSafe(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	verifier, err := qwac.New(qwac.Config{Validator: w.Validator(eidas.DefaultPolicy(eidas.AllowAnyone()))})
	require.NoError(t, err)
	certificate, err := w.ServerCertificate()
	require.NoError(t, err)
	type authorizers = map[string]eidas.Authorizer
	anyone := eidas.AllowAnyone()
	for name, row := range map[string]struct {
		edit func(*qwacgrpc.Config)
		want string // "": accepted
	}{
		"ordinary":       {func(*qwacgrpc.Config) {}, ""},
		"no verifier":    {func(c *qwacgrpc.Config) { c.Verifier = nil }, "Config.Verifier"},
		"no TLS":         {func(c *qwacgrpc.Config) { c.TLS = nil }, "Config.TLS"},
		"no certificate": {func(c *qwacgrpc.Config) { c.TLS.Certificates = nil }, "no certificate"},
		"certificate later": {func(c *qwacgrpc.Config) {
			c.TLS = &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return nil, nil }}
		}, ""},
		"verifies itself":   {func(c *qwacgrpc.Config) { c.TLS.ClientAuth = tls.RequireAndVerifyClientCert }, "ClientAuth"},
		"certificate or no": {func(c *qwacgrpc.Config) { c.TLS.ClientAuth = tls.RequestClientCert }, "ClientAuth"},
		"any certificate":   {func(c *qwacgrpc.Config) { c.TLS.ClientAuth = tls.RequireAnyClientCert }, ""},
		"its own CAs":       {func(c *qwacgrpc.Config) { c.TLS.ClientCAs = w.ClientConfig(nil).RootCAs }, "ClientCAs"},
		"TLS 1.1":           {func(c *qwacgrpc.Config) { c.TLS.MinVersion = tls.VersionTLS11 }, "MinVersion"},
		"at most TLS 1.1":   {func(c *qwacgrpc.Config) { c.TLS.MaxVersion = tls.VersionTLS11 }, "MaxVersion"},
		"TLS 1.3 alone":     {func(c *qwacgrpc.Config) { c.TLS.MinVersion = tls.VersionTLS13 }, ""},
		"a method and a service": {func(c *qwacgrpc.Config) {
			c.Authorizers = authorizers{"/a.A/": anyone, "/b.B/M": anyone, "/b.B/N": anyone}
		}, ""},
		"both":               {func(c *qwacgrpc.Config) { c.Authorizers = authorizers{"/a.A/": anyone, "/a.A/M": anyone} }, "name each method"},
		"nil":                {func(c *qwacgrpc.Config) { c.Authorizers = authorizers{"/a.A/": nil} }, "is nil"},
		"no slash":           {func(c *qwacgrpc.Config) { c.Authorizers = authorizers{"a.A/M": anyone} }, `"a.A/M" is neither`},
		"no second slash":    {func(c *qwacgrpc.Config) { c.Authorizers = authorizers{"/a.A": anyone} }, "is neither"},
		"no service":         {func(c *qwacgrpc.Config) { c.Authorizers = authorizers{"//M": anyone} }, "is neither"},
		"everything":         {func(c *qwacgrpc.Config) { c.Authorizers = authorizers{"/": anyone} }, "is neither"},
		"one slash too many": {func(c *qwacgrpc.Config) { c.Authorizers = authorizers{"/a.A/M/N": anyone} }, "is neither"},
	} {
		t.Run(name, func(t *testing.T) {
			c := qwacgrpc.Config{Verifier: verifier, TLS: &tls.Config{Certificates: []tls.Certificate{certificate}}}
			row.edit(&c)
			options, err := qwacgrpc.ServerOptions(c)
			if row.want == "" {
				require.NoError(t, err)
				assert.NotEmpty(t, options)
				return
			}
			require.ErrorContains(t, err, row.want)
			assert.Nil(t, options)
		})
	}
}

// The map of the caller may change after the call; the server does not.
func TestAuthorizersAreCopied(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	authorizers := map[string]eidas.Authorizer{list: eidas.AllowAnyone()}
	b := startBank(t, w, &bankOptions{authorizers: authorizers})
	delete(authorizers, list)
	authorizers[create] = eidas.AllowAnyone()
	c := b.dial(tls.VersionTLS13, w.QWAC("LT", tppID, eidas.RoleAI))
	c.assertLetIn(tppID + " LT")
	_, err := c.call(create)
	assertClosed(t, err)
}

func TestStatusOfEachReason(t *testing.T) {
	denied := map[eidas.Reason]bool{
		eidas.ReasonRoleMissing: true, eidas.ReasonIdentityDenied: true, eidas.ReasonCountryDenied: true,
		eidas.ReasonAuthorityDenied: true, eidas.ReasonNotAuthorized: true, eidas.ReasonHeld: true,
	}
	for _, reason := range eidas.Reasons() {
		want := codes.Unavailable
		switch {
		case denied[reason]:
			want = codes.PermissionDenied
		case reason.Cause() == eidas.CauseTPP:
			want = codes.Unauthenticated
		}
		err := qwacgrpc.StatusOf(&eidas.Error{Reason: reason, Err: assert.AnError})
		assertStatus(t, err, want, reason)
		assert.Regexp(t, "^[A-Z][A-Z0-9_]+[A-Z0-9]$", infoOf(t, err).GetReason(), "google.rpc.ErrorInfo")
		assert.NotContains(t, status.Convert(err).Proto().String(), assert.AnError.Error())
	}
	assertStatus(t, qwacgrpc.StatusOf(assert.AnError), codes.Unavailable, eidas.ReasonInternal)
	assert.Equal(t, codes.FailedPrecondition, status.Code(qwacgrpc.StatusOf(qwac.ErrMisdirected)))
	assert.Equal(t, codes.Unauthenticated, status.Code(qwacgrpc.StatusOf(qwac.ErrEarly)))
}

// shake shakes hands with a server and returns what grpc would get.
func shake(tb testing.TB, server credentials.TransportCredentials, client *tls.Config) (net.Conn, credentials.AuthInfo, error) {
	tb.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(tb, err)
	defer listener.Close()
	go func() {
		conn, err := tls.Dial("tcp", listener.Addr().String(), client)
		if err == nil {
			_, _ = conn.Read(make([]byte, 1))
			conn.Close()
		}
	}()
	raw, err := listener.Accept()
	require.NoError(tb, err)
	conn, info, err := server.ServerHandshake(raw)
	if err != nil {
		// Not by reading: where it is open, that would wait for the client.
		require.ErrorIs(tb, raw.SetReadDeadline(time.Time{}), net.ErrClosed, "a failed handshake leaves nothing open")
		_ = raw.Close()
	} else {
		tb.Cleanup(func() { _ = conn.Close() })
	}
	return conn, info, err
}

func TestProtocolMustBeAgreedOn(t *testing.T) {
	eachTLS(t, func(t version) {
		w := eidastest.Start(t, eidastest.Options{})
		leaf := w.QWAC("LT", tppID, eidas.RoleAI)
		certificate, err := w.ServerCertificate()
		require.NoError(t, err)
		shared := tls.Config{NextProtos: []string{"http/1.1"}} // as with a server of net/http
		chosen := tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
			return &tls.Config{Certificates: []tls.Certificate{certificate}, NextProtos: []string{"http/1.1"}}, nil
		}}
		for _, row := range []struct {
			base   *tls.Config
			offers []string
			ok     bool
		}{
			{&tls.Config{}, []string{"h2"}, true},
			{&tls.Config{}, []string{"http/1.1", "h2"}, true},
			{&tls.Config{}, nil, false},
			{&tls.Config{}, []string{"http/1.1"}, false},
			{&shared, []string{"h2"}, true},
			{&shared, []string{"http/1.1"}, false},
			{&chosen, []string{"h2"}, true},
			{&chosen, []string{"http/1.1"}, false},
		} {
			b := &bank{Test: w, tb: t}
			server, err := qwacgrpc.Credentials(b.guard(&bankOptions{base: *row.base.Clone()}))
			require.NoError(t, err)
			client := w.ClientConfig(leaf)
			client.NextProtos, client.MinVersion, client.MaxVersion, client.ServerName = row.offers, t.tls, t.tls, "localhost"
			_, info, err := shake(t, server, client)
			if !row.ok {
				require.Error(t, err, row.offers)
				continue
			}
			require.NoError(t, err, row.offers)
			assert.Equal(t, "h2", info.(credentials.TLSInfo).State.NegotiatedProtocol)
		}
	})
}

// What others see of a connection is what grpc would have shown them.
func TestCredentialsLookLikeThoseOfGRPC(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	b := &bank{Test: w, tb: t}
	server, err := qwacgrpc.Credentials(b.guard(&bankOptions{}))
	require.NoError(t, err)
	leaf := w.QWAC("LT", tppID, eidas.RoleAI)
	client := w.ClientConfig(leaf)
	client.NextProtos, client.ServerName = []string{"h2"}, "localhost"
	for _, c := range []credentials.TransportCredentials{server, server.Clone()} {
		conn, auth, err := shake(t, c, client)
		require.NoError(t, err)
		info, ok := auth.(credentials.TLSInfo)
		require.True(t, ok)
		assert.Equal(t, credentials.PrivacyAndIntegrity, info.SecurityLevel)
		require.Len(t, info.State.PeerCertificates, len(leaf.Chain))
		assert.Equal(t, leaf.Certificate.Raw, info.State.PeerCertificates[0].Raw)
		raw, err := conn.(syscall.Conn).SyscallConn()
		require.NoError(t, err)
		require.NoError(t, raw.Control(func(uintptr) {}))
	}
	_, _, err = server.ClientHandshake(t.Context(), "localhost", nil)
	require.Error(t, err)
	assert.Equal(t, "tls", server.Info().SecurityProtocol)

	impostor, err := w.Impostor("LT").IssueQWAC(tppID, eidas.RoleAI)
	require.NoError(t, err)
	refused := w.ClientConfig(impostor)
	refused.NextProtos, refused.ServerName = []string{"h2"}, "localhost"
	_, _, err = shake(t, server.Clone(), refused)
	require.ErrorIs(t, err, eidas.ReasonSignatureInvalid, "a clone guards too, and the error keeps its type")
	_, err = qwacgrpc.NewConnection(struct{ net.Conn }{}).(syscall.Conn).SyscallConn()
	require.Error(t, err, "a listener without sockets")
}

// What nobody holds any more is forgotten.
func TestConnectionsAreForgotten(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	b := &bank{Test: w, tb: t}
	server, err := qwacgrpc.Credentials(b.guard(&bankOptions{}))
	require.NoError(t, err)
	client := w.ClientConfig(w.QWAC("LT", tppID, eidas.RoleAI))
	client.NextProtos, client.ServerName = []string{"h2"}, "localhost"
	held, _, err := shake(t, server, client)
	require.NoError(t, err)
	t.Run("of others", func(t *testing.T) {
		for range 20 {
			_, _, err := shake(t, server, client)
			require.NoError(t, err)
		}
	})
	assert.Eventually(t, func() bool { runtime.GC(); return qwacgrpc.Connections(server) == 1 }, hang, hang/1000)
	runtime.KeepAlive(held)
}

// grpc asks nobody about a call before its message is there. What waits until
// then is bounded by what the server announces (RFC 9113, 6.5.2).
func TestServerAnnouncesItsBounds(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	for name, row := range map[string]struct {
		more     []grpc.ServerOption
		calls    uint32
		metadata uint32
	}{
		"the usual ones": {nil, 100, 64 << 10},
		"those given":    {[]grpc.ServerOption{grpc.MaxConcurrentStreams(7), grpc.MaxHeaderListSize(4096)}, 7, 4096},
	} {
		t.Run(name, func(t *testing.T) {
			b := startBank(t, w, &bankOptions{more: row.more})
			config := b.config(tls.VersionTLS13)
			config.NextProtos = []string{"h2"}
			config.Certificates = []tls.Certificate{w.QWAC("LT", tppID, eidas.RoleAI).TLS()}
			dialer := tls.Dialer{Config: config}
			c, err := dialer.DialContext(t.Context(), "tcp", b.address)
			require.NoError(t, err)
			t.Cleanup(func() { _ = c.Close() })
			_, err = c.Write([]byte(http2.ClientPreface))
			require.NoError(t, err)
			framer := http2.NewFramer(c, c)
			require.NoError(t, framer.WriteSettings())
			f, err := framer.ReadFrame()
			require.NoError(t, err)
			settings, ok := f.(*http2.SettingsFrame)
			require.True(t, ok, "%v", f)
			calls, _ := settings.Value(http2.SettingMaxConcurrentStreams)
			metadata, _ := settings.Value(http2.SettingMaxHeaderListSize)
			assert.Equal(t, row.calls, calls)
			assert.Equal(t, row.metadata, metadata)
		})
	}
}
