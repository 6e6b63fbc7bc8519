package qwac_test

import (
	"context"
	"crypto/tls"
	"encoding/json"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/qwac"
)

// service is a bank's server under net/http, with a handler that answers who
// is calling.
type service struct {
	*httptest.Server
	b        *bank
	refusals chan error // of handshakes, as http.Server.ConnState sees them
	conns    atomic.Int64
}

func startService(tb testing.TB, b *bank, v *qwac.Verifier) *service {
	tb.Helper()
	whoami := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		result, ok := qwac.FromContext(r.Context())
		if !ok {
			http.Error(w, "nobody", http.StatusInternalServerError)
			return
		}
		_, _ = io.WriteString(w, result.Identity.String())
	})
	s := &service{b: b, refusals: make(chan error, 16), Server: httptest.NewUnstartedServer(v.Handler(whoami))}
	s.EnableHTTP2 = true
	s.TLS = guard(tb, v, b.base())
	s.Config.ErrorLog = log.New(io.Discard, "", 0)
	s.Config.ConnState = s.connState
	s.StartTLS()
	tb.Cleanup(s.Close)
	return s
}

// connState is how a bank learns why handshakes fail, without a wrapper around
// its listener.
func (s *service) connState(c net.Conn, state http.ConnState) {
	if state == http.StateNew {
		s.conns.Add(1)
	}
	if conn, ok := c.(*tls.Conn); ok && state == http.StateClosed {
		if err := conn.HandshakeContext(context.Background()); err != nil {
			s.refusals <- err
		}
	}
}

// client is an HTTP client with keep-alive. It dials the service whatever the
// host of a URL.
func (s *service) client(tb testing.TB, protocol string, config *tls.Config) *http.Client {
	tb.Helper()
	transport := &http.Transport{
		TLSClientConfig: config,
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, s.Listener.Addr().String())
		},
		Protocols: new(http.Protocols),
	}
	transport.Protocols.SetHTTP1(protocol == "h1")
	transport.Protocols.SetHTTP2(protocol == "h2")
	tb.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// answer is a response, read.
type answer struct {
	status int
	header http.Header
	close  bool
	body   string
	proto  int
}

func get(tb testing.TB, c *http.Client, url string) (answer, error) {
	tb.Helper()
	request, err := http.NewRequestWithContext(tb.Context(), http.MethodGet, url, nil)
	require.NoError(tb, err)
	resp, err := c.Do(request)
	if err != nil {
		return answer{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	require.NoError(tb, err)
	return answer{resp.StatusCode, resp.Header, resp.Close, string(body), resp.ProtoMajor}, nil
}

const apiURL = "https://" + serverName + "/accounts"

// overHTTP is a test over one version of HTTP and one of TLS.
type overHTTP struct {
	versioned
	protocol string // "h1" or "h2"
}

// eachWay runs a test over HTTP/1.1 and HTTP/2 and both versions of TLS.
func eachWay(t *testing.T, f func(overHTTP)) {
	t.Helper()
	for _, protocol := range []string{"h1", "h2"} {
		t.Run(protocol, func(t *testing.T) {
			eachVersion(t, func(t versioned) { f(overHTTP{t, protocol}) })
		})
	}
}

func TestHandlerKnowsWhoIsCalling(t *testing.T) {
	eachWay(t, func(t overHTTP) {
		w := newWorld(t)
		b := newBank(w)
		s := startService(t, b, w.verifier(eidas.Policy{}))
		client := s.client(t, t.protocol, b.client(t.version, w.qwac(w.qtsp("LT", "QTSP LT"), request{})))
		for range 3 {
			a, err := get(t, client, apiURL)
			require.NoError(t, err)
			assert.Equal(t, http.StatusOK, a.status)
			assert.Equal(t, tppID, a.body)
			assert.Equal(t, map[string]int{"h1": 1, "h2": 2}[t.protocol], a.proto)
		}
		assert.Equal(t, 1, int(s.conns.Load()), "kept alive")
	})
}

// A certificate revoked or a service withdrawn during a long connection ends
// it at the next request, and the client dials again.
func TestOpenConnectionEndsAtTheRequestAfterARevocation(t *testing.T) {
	for name, row := range ends {
		if row.want.Cause() != eidas.CauseTPP {
			continue
		}
		t.Run(name, func(t *testing.T) {
			eachWay(t, func(t overHTTP) {
				w := newWorld(t)
				b := newBank(w)
				s := startService(t, b, w.verifier(eidas.Policy{}))
				issuer := w.qtsp("LT", "QTSP LT")
				old, next := w.qwac(issuer, request{}), w.qwac(w.qtsp("NO", "QTSP NO"), request{})
				config := b.client(t.version, nil)
				current := old
				config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &current.tls, nil }
				client := s.client(t, t.protocol, config)
				a, err := get(t, client, apiURL)
				require.NoError(t, err)
				require.Equal(t, http.StatusOK, a.status)

				row.end(w, issuer, old)
				a, err = get(t, client, apiURL)
				require.NoError(t, err)
				assert.Equal(t, http.StatusUnauthorized, a.status)
				assertProblem(t, a, row.want)
				assert.Equal(t, 1, int(s.conns.Load()), "answered on the open connection")

				_, err = get(t, client, apiURL)
				require.Error(t, err, "a new connection, refused in its handshake")
				assert.Equal(t, row.want, eidas.ReasonOf(<-s.refusals))

				current = next
				a, err = get(t, client, apiURL)
				require.NoError(t, err)
				assert.Equal(t, tppID, a.body)
			})
		})
	}
}

func TestThirdPartysFaultDoesNotEndAnOpenConnection(t *testing.T) {
	eachWay(t, func(t overHTTP) {
		w := newWorld(t)
		b := newBank(w)
		s := startService(t, b, w.verifier(eidas.Policy{}))
		client := s.client(t, t.protocol, b.client(t.version, w.qwac(w.qtsp("LT", "QTSP LT"), request{})))
		_, err := get(t, client, apiURL)
		require.NoError(t, err)
		w.setStatus(unavailable)
		a, err := get(t, client, apiURL)
		require.NoError(t, err)
		assert.Equal(t, http.StatusServiceUnavailable, a.status)
		assertProblem(t, a, eidas.ReasonRevocationUnavailable)
		w.setStatus(nil)
		a, err = get(t, client, apiURL)
		require.NoError(t, err)
		assert.Equal(t, http.StatusOK, a.status)
		assert.Equal(t, 1, int(s.conns.Load()))
	})
}

func TestHostMustBeTheServerNameOfTheHandshake(t *testing.T) {
	eachWay(t, func(t overHTTP) {
		w := newWorld(t)
		b := newBank(w)
		l := w.qwac(w.qtsp("LT", "QTSP LT"), request{})
		s := startService(t, b, w.verifier(eidas.Policy{}))
		client := s.client(t, t.protocol, b.client(t.version, l)) // its SNI is serverName
		for url, want := range map[string]int{
			apiURL:                                    http.StatusOK,
			"https://" + serverName + ":8443/":        http.StatusOK,
			"https://API.Bank.Example/":               http.StatusOK,
			"https://payments.bank.example/":          http.StatusMisdirectedRequest,
			"https://" + serverName + ".evil.test/":   http.StatusMisdirectedRequest,
			"https://xapi.bank.example/":              http.StatusMisdirectedRequest,
			"https://127.0.0.1/":                      http.StatusMisdirectedRequest,
			"https://" + serverName + ".:443/a?b=c#d": http.StatusOK,
		} {
			a, err := get(t, client, url)
			require.NoError(t, err)
			assert.Equal(t, want, a.status, url)
		}

		allowing := newVerifier(t, qwac.Config{Validator: w.validator(eidas.Policy{}), AllowHostMismatch: true})
		s = startService(t, b, allowing)
		a, err := get(t, s.client(t, t.protocol, b.client(t.version, l)), "https://payments.bank.example/")
		require.NoError(t, err)
		assert.Equal(t, http.StatusOK, a.status)
	})
}

func TestSameHost(t *testing.T) {
	for host, want := range map[string]bool{
		"api.example": true, "API.EXAMPLE": true, "api.example.": true, "api.example:443": true, "api.example.:443": true,
		"api.example..": false, "api.examplf": false, "": false, ":443": false, "pi.example": false, "apı.example": false,
		"[::1]:443": false, "api.example:443:443": false, "api.example ": false,
	} {
		assert.Equal(t, want, qwac.SameHost("api.example", host), host)
	}
	assert.False(t, qwac.SameHost("kb.example", "\u212ab.example"), "Unicode folds the Kelvin sign to k")
}

// assertProblem checks the body that a TPP gets to read.
func assertProblem(tb testing.TB, a answer, want eidas.Reason) {
	tb.Helper()
	assert.Equal(tb, "application/problem+json", a.header.Get("Content-Type"))
	assert.Equal(tb, "no-store", a.header.Get("Cache-Control"))
	var got map[string]any
	require.NoError(tb, json.Unmarshal([]byte(a.body), &got))
	assert.Equal(tb, map[string]any{
		"title": http.StatusText(a.status), "status": float64(a.status),
		"detail": want.Error(), "reason": want.String(), "cause": want.Cause().String(),
	}, got)
}

func TestRefusedRequestGetsItsStatusAndReason(t *testing.T) {
	denied := map[eidas.Reason]bool{
		eidas.ReasonRoleMissing: true, eidas.ReasonIdentityDenied: true, eidas.ReasonCountryDenied: true,
		eidas.ReasonAuthorityDenied: true, eidas.ReasonNotAuthorized: true, eidas.ReasonHeld: true,
	}
	for _, reason := range eidas.Reasons() {
		t.Run(reason.String(), func(t *testing.T) {
			secret := &eidas.Error{Reason: reason, Err: assert.AnError}
			v := newVerifier(t, qwac.Config{Validator: validatorFunc(func() (*eidas.Result, error) { return nil, secret })})
			rec := httptest.NewRecorder()
			v.Handler(unreachable(t)).ServeHTTP(rec, httptest.NewRequest(http.MethodPost, apiURL, strings.NewReader("x")))
			want, closes := http.StatusServiceUnavailable, ""
			switch {
			case denied[reason]:
				want, closes = http.StatusForbidden, "close"
			case reason.Cause() == eidas.CauseTPP:
				want, closes = http.StatusUnauthorized, "close"
			}
			assert.Equal(t, want, rec.Code)
			assert.Equal(t, closes, rec.Header().Get("Connection"))
			assertProblem(t, answer{status: rec.Code, header: rec.Header(), body: rec.Body.String()}, reason)
			assert.NotContains(t, rec.Body.String(), assert.AnError.Error())
		})
	}
}

// unreachable is a handler that must not be called.
func unreachable(t *testing.T) http.Handler {
	t.Helper()
	return http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("the handler was reached") })
}

// Handler stands on its own, whatever the listener forgot.
func TestRequestWithoutAProvedCertificateIsRefused(t *testing.T) {
	w := newWorld(t)
	l := w.qwac(w.qtsp("LT", "QTSP LT"), request{})
	v := w.verifier(eidas.Policy{})
	done := state(false, l.cert)
	done.HandshakeComplete = true
	early := state(false, l.cert) // 0-RTT of QUIC
	empty := tls.ConnectionState{HandshakeComplete: true}
	for name, row := range map[string]struct {
		tls  *tls.ConnectionState
		want int
	}{
		"proved":               {&done, http.StatusOK},
		"no TLS":               {nil, http.StatusUnauthorized},
		"no certificate":       {&empty, http.StatusUnauthorized},
		"unfinished handshake": {&early, http.StatusTooEarly},
	} {
		t.Run(name, func(t *testing.T) {
			next := unreachable(t)
			if row.want == http.StatusOK {
				next = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
					result, ok := qwac.FromContext(r.Context())
					assert.True(t, ok)
					assert.Equal(t, tppID, result.Identity.String())
				})
			}
			r := httptest.NewRequest(http.MethodGet, apiURL, nil)
			r.TLS = row.tls
			rec := httptest.NewRecorder()
			v.Handler(next).ServeHTTP(rec, r)
			assert.Equal(t, row.want, rec.Code)
		})
	}
}

func TestPanicOfTheValidatorIsARefusal(t *testing.T) {
	v := newVerifier(t, qwac.Config{Validator: validatorFunc(func() (*eidas.Result, error) { panic("boom") })})
	rec := httptest.NewRecorder()
	v.Handler(unreachable(t)).ServeHTTP(rec, httptest.NewRequest(http.MethodGet, apiURL, nil))
	assertProblem(t, answer{status: rec.Code, header: rec.Header(), body: rec.Body.String()}, eidas.ReasonInternal)
}

func TestPanicOfTheHandlerIsItsOwn(t *testing.T) {
	v := newVerifier(t, qwac.Config{Validator: &scripted{}})
	h := v.Handler(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }))
	assert.PanicsWithValue(t, http.ErrAbortHandler, func() {
		h.ServeHTTP(httptest.NewRecorder(), httptest.NewRequest(http.MethodGet, apiURL, nil))
	})
}

func TestFromContextOfAnyOtherRequestIsNobody(t *testing.T) {
	result, ok := qwac.FromContext(t.Context())
	assert.False(t, ok)
	assert.Nil(t, result)
}
