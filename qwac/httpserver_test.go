package qwac_test

import (
	"bufio"
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/qwac"
)

// configured is a server that ConfigureServer has wired, as a bank would run it.
type configured struct {
	service
	routes  http.ServeMux // what it has goes there
	closed  chan struct{} // one for each connection that ended
	handled atomic.Int64
}

func startConfigured(tb testing.TB, b *bank, v *qwac.Verifier, later ...func(*http.Server)) *configured {
	tb.Helper()
	s := &configured{closed: make(chan struct{}, 64)}
	server := &http.Server{
		TLSConfig: b.base(), ErrorLog: log.New(io.Discard, "", 0), ReadHeaderTimeout: time.Minute,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			s.handled.Add(1)
			if h, pattern := s.routes.Handler(r); pattern != "" {
				h.ServeHTTP(w, r)
				return
			}
			result, ok := qwac.FromContext(r.Context())
			if !ok {
				http.Error(w, "nobody", http.StatusInternalServerError)
				return
			}
			_, _ = io.Copy(io.Discard, r.Body)
			_, _ = io.WriteString(w, result.Identity.String())
		}),
		ConnState: func(_ net.Conn, state http.ConnState) {
			if state == http.StateNew {
				s.conns.Add(1)
			}
			if state == http.StateClosed {
				s.closed <- struct{}{}
			}
		},
	}
	require.NoError(tb, v.ConfigureServer(server))
	for _, set := range later {
		set(server)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(tb, err)
	s.Server = &httptest.Server{Listener: l, Config: server}
	done := make(chan error, 1)
	go func() { done <- server.ServeTLS(l, "", "") }()
	tb.Cleanup(func() {
		_ = server.Close()
		<-done
	})
	return s
}

func TestConfigureServerWiresEverything(t *testing.T) {
	eachWay(t, func(t overHTTP) {
		w := newWorld(t)
		b := newBank(w)
		s := startConfigured(t, b, w.verifier(eidas.Policy{}))
		l := w.qwac(w.qtsp("LT", "QTSP LT"), request{})
		client := s.client(t, t.protocol, b.client(t.version, l))
		for range 3 {
			a, err := get(t, client, apiURL)
			require.NoError(t, err)
			assert.Equal(t, tppID, a.body)
			assert.Equal(t, map[string]int{"h1": 1, "h2": 2}[t.protocol], a.proto)
		}
		w.revoke(l.cert)
		a, err := get(t, client, apiURL)
		require.NoError(t, err)
		assertProblem(t, a, eidas.ReasonRevoked)
		_, err = get(t, client, apiURL)
		require.Error(t, err, "the next handshake fails")
		assert.EqualValues(t, 3, s.handled.Load())
	})
}

// A handler that is set later would be reached past the Verifier, with
// Config.Deferred by anybody.
func TestHandlerThatIsSetLaterIsNotReached(t *testing.T) {
	reached := http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the handler is reached") })
	for name, row := range map[string]struct {
		set func(*http.Server)
		ok  bool
	}{
		"none":           {func(*http.Server) {}, true},
		"another":        {func(s *http.Server) { s.Handler = reached }, false},
		"the default":    {func(s *http.Server) { s.Handler = nil }, false},
		"a wrapped one":  {func(s *http.Server) { s.Handler = http.TimeoutHandler(s.Handler, time.Minute, "") }, false},
		"no comparable":  {func(s *http.Server) { s.Handler = uncomparable{reached} }, false},
		"of another one": {func(s *http.Server) { s.Handler = newWorldServer(t).Handler }, false},
	} {
		for _, perClient := range []bool{false, true} {
			for _, defers := range []bool{false, true} {
				t.Run(fmt.Sprintf("%s, config per client %t, deferred %t", name, perClient, defers), func(t *testing.T) {
					w := newWorld(t)
					b := newBank(w)
					b.perClient = perClient
					var logged records
					v := newVerifier(t, qwac.Config{
						Validator: w.validator(eidas.Policy{}), Deferred: defers, Logger: logged.logger(),
					})
					s := startConfigured(t, b, v, row.set)
					l := w.qwac(w.qtsp("LT", "QTSP LT"), request{})
					client := s.client(t, "h1", b.client(tls.VersionTLS12, l))
					a, err := get(t, client, apiURL)
					if row.ok {
						require.NoError(t, err)
						assert.Equal(t, tppID, a.body)
						return
					}
					require.ErrorContains(t, err, "bad certificate")
					_, err = get(t, s.client(t, "h1", b.client(tls.VersionTLS12, nil)), apiURL)
					require.Error(t, err)
					<-s.closed
					<-s.closed
					assert.Contains(t, logged.String(), "was set after ConfigureServer")
				})
			}
		}
	}
}

// uncomparable is a handler whose comparison with itself would panic.
type uncomparable []http.Handler

func (u uncomparable) ServeHTTP(w http.ResponseWriter, r *http.Request) { u[0].ServeHTTP(w, r) }

// newWorldServer is a server that another Verifier guards.
func newWorldServer(tb testing.TB) *http.Server {
	tb.Helper()
	server := &http.Server{ReadHeaderTimeout: time.Minute}
	require.NoError(tb, newWorld(tb).verifier(eidas.Policy{}).ConfigureServer(server))
	return server
}

func TestConfigureServerRefusesWhatItCannotMakeSafe(t *testing.T) {
	v := newVerifier(t, qwac.Config{Validator: &scripted{}})
	take := func(*http.Server, *tls.Conn, http.Handler) {}
	type protocols = map[string]func(*http.Server, *tls.Conn, http.Handler)
	for name, row := range map[string]struct {
		server *http.Server
		want   string // "": accepted
	}{
		"nil":               {nil, "server is nil"},
		"zero":              {&http.Server{}, ""},
		"other protocol":    {&http.Server{TLSNextProto: protocols{"spdy/3": take}}, `TLSNextProto["spdy/3"]`},
		"none in its place": {&http.Server{TLSNextProto: protocols{"spdy/3": nil}}, ""},
		"HTTP/2 by hand":    {&http.Server{TLSNextProto: protocols{"h2": take, "unencrypted_http2": take}}, ""},
		"HTTP/2 off":        {&http.Server{TLSNextProto: protocols{}}, ""},
		"verifies itself":   {&http.Server{TLSConfig: &tls.Config{ClientAuth: tls.RequireAndVerifyClientCert}}, "ClientAuth"},
		"certificate or no": {&http.Server{TLSConfig: &tls.Config{ClientAuth: tls.RequestClientCert}}, "ClientAuth"},
		"TLS 1.0":           {&http.Server{TLSConfig: &tls.Config{MinVersion: tls.VersionTLS10}}, "MinVersion"},
	} {
		t.Run(name, func(t *testing.T) {
			var before http.Server
			if row.server != nil {
				before = http.Server{TLSConfig: row.server.TLSConfig, TLSNextProto: row.server.TLSNextProto}
			}
			err := v.ConfigureServer(row.server)
			if row.want == "" {
				require.NoError(t, err)
				assert.NotNil(t, row.server.Handler)
				assert.NotNil(t, row.server.ConnState)
				assert.Equal(t, tls.RequireAnyClientCert, row.server.TLSConfig.ClientAuth)
				assert.True(t, row.server.DisableGeneralOptionsHandler)
				return
			}
			require.ErrorContains(t, err, row.want)
			if row.server != nil {
				assert.Same(t, before.TLSConfig, row.server.TLSConfig)
				assert.Nil(t, row.server.Handler, "left as it was")
				assert.Nil(t, row.server.ConnState)
			}
		})
	}
}

// Done twice, each peer would be judged twice and no session be resumed.
func TestServerIsConfiguredOnce(t *testing.T) {
	const want = "call ServerConfig or ConfigureServer once"
	v, other := newVerifier(t, qwac.Config{Validator: &scripted{}}), newVerifier(t, qwac.Config{Validator: &scripted{}, Deferred: true})
	base := &tls.Config{}
	guarded, err := v.ServerConfig(base)
	require.NoError(t, err)
	_, err = v.ServerConfig(base)
	require.NoError(t, err, "base is as it was")
	for name, c := range map[string]*tls.Config{"itself": guarded, "a copy": guarded.Clone()} {
		_, err = v.ServerConfig(c)
		require.ErrorContains(t, err, want, name)
		server := &http.Server{TLSConfig: c}
		require.ErrorContains(t, other.ConfigureServer(server), want, "by another Verifier")
		assert.Same(t, c, server.TLSConfig)
	}
	for _, v := range []*qwac.Verifier{v, other} {
		server := &http.Server{}
		require.NoError(t, v.ConfigureServer(server))
		require.ErrorContains(t, v.ConfigureServer(server), want)
	}
	_, err = v.ServerConfig(&tls.Config{VerifyPeerCertificate: v.VerifyPeerCertificate, VerifyConnection: v.VerifyConnection})
	require.NoError(t, err, "a hook of somebody's own")

	asked := &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return guarded, nil }}
	asked, err = v.ServerConfig(asked)
	require.NoError(t, err)
	_, err = asked.GetConfigForClient(&tls.ClientHelloInfo{})
	require.ErrorContains(t, err, want)
}

// What crypto/tls refuses itself is counted too.
func TestFailedHandshakesAreCountedByReason(t *testing.T) {
	eachVersion(t, func(t versioned) {
		w := newWorld(t)
		b := newBank(w)
		registry := prometheus.NewRegistry()
		s := startConfigured(t, b, newVerifier(t, qwac.Config{Validator: w.validator(eidas.Policy{}), Registerer: registry}))
		failed := func(reason string) string {
			return fmt.Sprint(series(t.T, registry)["eidas_qwac_handshakes_failed_total{reason="+reason+"}"])
		}
		l := w.qwac(w.qtsp("LT", "QTSP LT"), request{})
		stranger := newWorld(t)
		thief := &leaf{tls: tls.Certificate{Certificate: l.tls.Certificate, PrivateKey: newKey(t), Leaf: l.cert}}
		for reason, client := range map[string]*tls.Config{
			"certificate_missing":   b.client(t.version, nil),
			"certificate_malformed": b.client(t.version, unreadable(l)),
			"key_not_proved":        b.client(t.version, thief),
			"issuer_unknown":        b.client(t.version, stranger.qwac(stranger.qtsp("LT", "Nobody"), request{})),
		} {
			_, err := get(t, s.client(t, "h1", client), apiURL)
			require.Error(t, err)
			<-s.closed
			assert.Equal(t, "1", failed(reason), reason)
		}
		conn, err := net.Dial("tcp", s.Listener.Addr().String())
		require.NoError(t, err)
		_, _ = io.WriteString(conn, "GET / HTTP/1.0\r\n\r\n")
		<-s.closed
		conn.Close()
		assert.Equal(t, "1", failed("other"))

		a, err := get(t, s.client(t, "h1", b.client(t.version, l)), apiURL)
		require.NoError(t, err)
		assert.Equal(t, tppID, a.body)
	})
}

func deferred(w *world) *qwac.Verifier {
	return newVerifier(w.tb, qwac.Config{Validator: w.validator(eidas.Policy{}), Deferred: true})
}

func TestDeferredPeerIsToldWhy(t *testing.T) {
	eachWay(t, func(t overHTTP) {
		w, stranger := newWorld(t), newWorld(t)
		b := newBank(w)
		s := startConfigured(t, b, deferred(w))
		issuer := w.qtsp("LT", "QTSP LT")
		revoked := w.qwac(issuer, request{})
		w.revoke(revoked.cert)
		long := *revoked
		for range qwac.MaxCertificates {
			long.tls.Certificate = append(long.tls.Certificate[:len(long.tls.Certificate):len(long.tls.Certificate)], issuer.cert.Raw)
		}
		for _, row := range []struct {
			peer   *leaf
			status int
			want   eidas.Reason
		}{
			{nil, http.StatusUnauthorized, eidas.ReasonCertificateMissing},
			{stranger.qwac(stranger.qtsp("LT", "Nobody"), request{}), http.StatusUnauthorized, eidas.ReasonIssuerUnknown},
			{revoked, http.StatusUnauthorized, eidas.ReasonRevoked},
			{&long, http.StatusUnauthorized, eidas.ReasonChainTooLong},
			{w.qwac(issuer, request{plain: true}), http.StatusUnauthorized, eidas.ReasonStatementsMissing},
			{w.qwac(issuer, request{roles: []role{rolePI}}), http.StatusForbidden, eidas.ReasonRoleMissing},
		} {
			client := s.client(t, t.protocol, b.client(t.version, row.peer))
			for range 2 { // the second time it offers its session
				a, err := get(t, client, apiURL)
				require.NoError(t, err, row.want)
				assert.Equal(t, row.status, a.status)
				assertProblem(t, a, row.want)
			}
		}
		assert.Zero(t, s.handled.Load(), "nobody got as far as the handler")

		good := w.qwac(issuer, request{})
		client := s.client(t, t.protocol, b.client(t.version, good))
		a, err := get(t, client, apiURL)
		require.NoError(t, err)
		assert.Equal(t, tppID, a.body)
		w.revoke(good.cert)
		a, err = get(t, client, apiURL)
		require.NoError(t, err)
		assertProblem(t, a, eidas.ReasonRevoked)
	})
}

// Deferring does not help the thief.
func TestDeferredPeerMustProveItsKey(t *testing.T) {
	eachWay(t, func(t overHTTP) {
		w := newWorld(t)
		b := newBank(w)
		s := startConfigured(t, b, deferred(w))
		l := w.qwac(w.qtsp("LT", "QTSP LT"), request{})
		thief := &leaf{tls: tls.Certificate{Certificate: l.tls.Certificate, PrivateKey: newKey(t), Leaf: l.cert}}
		_, err := get(t, s.client(t, t.protocol, b.client(t.version, thief)), apiURL)
		require.Error(t, err)
		assert.Zero(t, s.handled.Load())
	})
}

// The handshake of a deferred peer says nothing about it, so nothing may take
// it for a verdict.
func TestDeferredConfigIsNotHadWithoutItsHandler(t *testing.T) {
	w := newWorld(t)
	v := deferred(w)
	_, err := v.ServerConfig(newBank(w).base())
	require.ErrorContains(t, err, "ConfigureServer")

	stranger := newWorld(t)
	l := stranger.qwac(stranger.qtsp("LT", "Nobody"), request{})
	w.qtsp("LT", "QTSP LT")
	require.ErrorIs(t, v.VerifyConnection(state(false, l.cert)), eidas.ReasonIssuerUnknown, "hooks set by hand refuse")
	require.ErrorIs(t, v.VerifyPeerCertificate(raw(l.cert), nil), eidas.ReasonIssuerUnknown)
	cs := state(false, l.cert)
	cs.HandshakeComplete = true
	_, err = v.Peer(t.Context(), cs)
	require.ErrorIs(t, err, eidas.ReasonIssuerUnknown)
	assert.Zero(t, v.Decisions())
}

// The hooks of the owner see deferred peers, since those may be let in later.
func TestHooksOfTheOwnerAreNotPassedByDeferring(t *testing.T) {
	eachVersion(t, func(t versioned) {
		w := newWorld(t)
		b := newBank(w)
		l := w.qwac(w.qtsp("LT", "QTSP LT"), request{})
		w.setStatus(unavailable) // refused now, not for ever
		base := b.base()
		base.VerifyConnection = func(tls.ConnectionState) error { return assert.AnError }
		server := &http.Server{TLSConfig: base}
		require.NoError(t, deferred(w).ConfigureServer(server))
		o := handshake(t, server.TLSConfig, b.client(t.version, l))
		require.ErrorIs(t, o.server, assert.AnError)
	})
}

// R24: an answer that comes while the client still sends would be lost with its
// connection.
func TestDeferredRefusalOfALargePostIsRead(t *testing.T) {
	payload := bytes.Repeat([]byte("p"), 8<<20)
	eachWay(t, func(t overHTTP) {
		w := newWorld(t)
		b := newBank(w)
		s := startConfigured(t, b, deferred(w))
		l := w.qwac(w.qtsp("LT", "QTSP LT"), request{})
		client := s.client(t, t.protocol, b.client(t.version, l))
		post := func() *http.Response {
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			t.Cleanup(cancel)
			r, err := http.NewRequestWithContext(ctx, http.MethodPost, apiURL, bytes.NewReader(payload))
			require.NoError(t, err)
			resp, err := client.Do(r)
			require.NoError(t, err)
			t.Cleanup(func() { resp.Body.Close() })
			return resp
		}
		assert.Equal(t, http.StatusOK, post().StatusCode)
		w.revoke(l.cert)
		for range 3 {
			resp := post()
			assert.Equal(t, http.StatusUnauthorized, resp.StatusCode)
			body, err := io.ReadAll(resp.Body)
			require.NoError(t, err)
			assert.Contains(t, string(body), `"reason":"revoked"`)
		}
		assert.EqualValues(t, 1, s.handled.Load())
	})
}

// A client that sends all of its request before it reads.
func TestRefusalReachesAClientThatDoesNotReadBeforeItHasSent(t *testing.T) {
	eachVersion(t, func(t versioned) {
		w := newWorld(t)
		b := newBank(w)
		s := startConfigured(t, b, deferred(w))
		l := w.qwac(w.qtsp("LT", "QTSP LT"), request{})
		w.revoke(l.cert)
		conn, err := tls.Dial("tcp", s.Listener.Addr().String(), b.client(t.version, l))
		require.NoError(t, err)
		defer conn.Close()
		const size = 8 << 20
		_, err = fmt.Fprintf(conn, "POST / HTTP/1.1\r\nHost: %s\r\nContent-Length: %d\r\n\r\n", serverName, size)
		require.NoError(t, err)
		piece := bytes.Repeat([]byte("p"), 1<<16)
		for range size / len(piece) {
			_, err = conn.Write(piece)
			require.NoError(t, err)
			time.Sleep(time.Millisecond) // a line that is slower than loopback
		}
		resp, err := http.ReadResponse(bufio.NewReader(conn), nil)
		require.NoError(t, err)
		defer resp.Body.Close()
		assert.Equal(t, http.StatusUnauthorized, resp.StatusCode)
		body, err := io.ReadAll(resp.Body)
		require.NoError(t, err)
		assert.Contains(t, string(body), `"reason":"revoked"`)
	})
}

// endless is a body that never ends.
type endless struct{ read int }

func (e *endless) Read(p []byte) (int, error) {
	e.read += len(p)
	return len(p), nil
}

func (e *endless) Close() error { return nil }

// bounded is a connection that can be given a deadline.
type bounded struct {
	*httptest.ResponseRecorder
	deadline time.Time
}

func (b *bounded) SetReadDeadline(t time.Time) error {
	b.deadline = t
	return nil
}

// A refused peer that sends without end is read to a bound, in bytes and in time.
func TestBodyOfARefusedRequestIsReadToABound(t *testing.T) {
	w := newWorld(t)
	h := w.verifier(eidas.Policy{}).Handler(unreachable(t))
	refused := func(to http.ResponseWriter, expect string) *endless {
		body := new(endless)
		r := httptest.NewRequest(http.MethodPost, apiURL, body)
		r.Header.Set("Expect", expect)
		h.ServeHTTP(to, r)
		return body
	}
	to := &bounded{ResponseRecorder: httptest.NewRecorder()}
	assert.Equal(t, 16<<20, refused(to, "").read)
	assert.WithinDuration(t, time.Now().Add(5*time.Second), to.deadline, time.Second)
	assert.Equal(t, http.StatusUnauthorized, to.Code)
	assert.Zero(t, refused(httptest.NewRecorder(), "").read, "without a deadline nothing is")
	assert.Zero(t, refused(&bounded{ResponseRecorder: httptest.NewRecorder()}, "100-continue").read, "it waits for an answer first")
}

func TestBerlinGroupBodies(t *testing.T) {
	special := map[eidas.Reason]string{
		eidas.ReasonCertificateMissing: "CERTIFICATE_MISSING",
		eidas.ReasonExpired:            "CERTIFICATE_EXPIRED",
		eidas.ReasonRevoked:            "CERTIFICATE_REVOKED",
		eidas.ReasonRoleMissing:        "ROLE_INVALID",
		eidas.ReasonIdentityDenied:     "CERTIFICATE_BLOCKED",
		eidas.ReasonCountryDenied:      "CERTIFICATE_BLOCKED",
		eidas.ReasonAuthorityDenied:    "CERTIFICATE_BLOCKED",
		eidas.ReasonNotAuthorized:      "CERTIFICATE_BLOCKED",
		eidas.ReasonHeld:               "CERTIFICATE_BLOCKED",
	}
	for _, reason := range eidas.Reasons() {
		t.Run(reason.String(), func(t *testing.T) {
			v := newVerifier(t, qwac.Config{
				Validator:   validatorFunc(func() (*eidas.Result, error) { return nil, &eidas.Error{Reason: reason, Err: assert.AnError} }),
				ErrorFormat: qwac.FormatBerlinGroup,
			})
			rec := httptest.NewRecorder()
			v.Handler(unreachable(t)).ServeHTTP(rec, httptest.NewRequest(http.MethodGet, apiURL, nil))
			if reason.Cause() != eidas.CauseTPP && special[reason] == "" {
				assert.Equal(t, http.StatusServiceUnavailable, rec.Code)
				assertProblem(t, answer{status: rec.Code, header: rec.Header(), body: rec.Body.String()}, reason)
				return
			}
			want := special[reason]
			if want == "" {
				want = "CERTIFICATE_INVALID"
			}
			assert.Equal(t, http.StatusUnauthorized, rec.Code)
			assert.Equal(t, "close", rec.Header().Get("Connection"))
			assert.Equal(t, "application/json", rec.Header().Get("Content-Type"))
			var got map[string][]map[string]string
			require.NoError(t, json.Unmarshal(rec.Body.Bytes(), &got))
			assert.Equal(t, map[string][]map[string]string{"tppMessages": {{"category": "ERROR", "code": want, "text": reason.Error()}}}, got)
		})
	}
	_, err := qwac.New(qwac.Config{Validator: &scripted{}, ErrorFormat: qwac.FormatBerlinGroup + 1})
	require.ErrorContains(t, err, "ErrorFormat")
}
