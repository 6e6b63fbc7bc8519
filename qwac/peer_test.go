package qwac_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/qwac"
)

func TestAdmitJudgesACallOfAnyProtocol(t *testing.T) {
	w := newWorld(t)
	l := w.qwac(w.qtsp("LT", "QTSP LT"), request{})
	revoked := w.qwac(w.qtsp("LT", "QTSP LT"), request{})
	w.revoke(revoked.cert)
	proved := func(l *leaf) *tls.ConnectionState {
		cs := state(false, l.cert)
		cs.HandshakeComplete, cs.ServerName = true, serverName
		return &cs
	}
	early := proved(l)
	early.HandshakeComplete = false
	for name, row := range map[string]struct {
		cs       *tls.ConnectionState
		host     string
		allowing bool
		want     error
		counted  string
	}{
		"proved":               {proved(l), serverName + ":443", false, nil, "accepted"},
		"revoked":              {proved(revoked), serverName, false, eidas.ReasonRevoked, "refused"},
		"no TLS":               {nil, serverName, false, eidas.ReasonCertificateMissing, "refused"},
		"unfinished handshake": {early, serverName, false, qwac.ErrEarly, "early"},
		"other host":           {proved(l), "payments.bank.example", false, qwac.ErrMisdirected, "misdirected"},
		"no host":              {proved(l), "", false, qwac.ErrMisdirected, "misdirected"},
		"other host allowed":   {proved(l), "payments.bank.example", true, nil, "accepted"},
	} {
		t.Run(name, func(t *testing.T) {
			registry := prometheus.NewRegistry()
			v := newVerifier(t, qwac.Config{Validator: w.validator(eidas.Policy{}), Registerer: registry, AllowHostMismatch: row.allowing})
			ctx, err := v.Admit(t.Context(), row.cs, row.host)
			tpp, ok := qwac.FromContext(ctx)
			assert.Equal(t, 1, int(series(t, registry)["eidas_qwac_requests_total{outcome="+row.counted+"}"]))
			assert.Equal(t, row.want == nil, ok)
			if row.want == nil {
				require.NoError(t, err)
				assert.Equal(t, tppID, tpp.Identity.String())
				return
			}
			require.ErrorIs(t, err, row.want)
		})
	}
}

// silent asks a responder that says nothing.
type silent struct{}

func (silent) Validate(ctx context.Context, _ []*x509.Certificate, _ eidas.Use, _ time.Time) (*eidas.Result, error) {
	<-ctx.Done()
	return nil, &eidas.Error{Reason: eidas.ReasonRevocationUnavailable, Err: ctx.Err()}
}

// A client that does not wait for its verdict: neither our limits nor a third
// party are to blame, so the figures about either do not show it.
func TestClientThatHangsUpIsNoOverloadAndNoOutage(t *testing.T) {
	for name, row := range map[string]struct {
		hangsUp bool
		limit   int // verdicts at once; one is under way
		want    eidas.Reason
	}{
		"hangs up":             {true, 2, eidas.ReasonAbandoned},
		"hangs up, none free":  {true, 1, eidas.ReasonAbandoned},
		"waits":                {false, 2, eidas.ReasonRevocationUnavailable},
		"waits, but none free": {false, 1, eidas.ReasonOverloaded},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t)
				l := w.qwac(w.qtsp("LT", "QTSP LT"), request{})
				cs := state(false, l.cert)
				cs.HandshakeComplete = true
				registry := prometheus.NewRegistry()
				v := newVerifier(t, qwac.Config{Validator: silent{}, Registerer: registry, MaxConcurrent: row.limit})
				first := make(chan struct{})
				go func() {
					defer close(first)
					_, _ = v.Admit(t.Context(), &cs, "")
				}()
				synctest.Wait()
				before := series(t, registry)
				ctx, cancel := context.WithCancel(t.Context())
				defer cancel()
				if row.hangsUp {
					time.AfterFunc(50*time.Millisecond, cancel)
				}
				_, err := v.Admit(ctx, &cs, "")
				assert.Equal(t, row.want, eidas.ReasonOf(err), "%v", err)
				for _, reason := range eidas.Reasons() {
					key := "eidas_qwac_verdicts_total{decision=refuse,hook=request,reason=" + reason.String() + "}"
					added := int(series(t, registry)[key] - before[key])
					if row.hangsUp {
						assert.Equal(t, map[bool]int{true: 1}[reason == row.want], added, reason)
					}
				}
				<-first
			})
		})
	}
}

// late answers when its time is over.
type late struct{ err error }

func (l late) Validate(ctx context.Context, _ []*x509.Certificate, _ eidas.Use, _ time.Time) (*eidas.Result, error) {
	<-ctx.Done()
	if l.err == nil {
		return nil, ctx.Err()
	}
	return nil, l.err
}

// A defect stays one, also where it comes to light after the deadline.
func TestDefectIsNoDeadline(t *testing.T) {
	for want, err := range map[eidas.Reason]error{eidas.ReasonDeadline: nil, eidas.ReasonInternal: assert.AnError} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld(t)
			cs := state(false, w.qwac(w.qtsp("LT", "QTSP LT"), request{}).cert)
			cs.HandshakeComplete = true
			_, got := newVerifier(t, qwac.Config{Validator: late{err}}).Admit(t.Context(), &cs, "")
			assert.Equal(t, want, eidas.ReasonOf(got), "%v", got)
		})
	}
}

func TestPeerIdentityIsOfWhomTheHandlerLetIn(t *testing.T) {
	w := newWorld(t)
	l := w.qwac(w.qtsp("LT", "QTSP LT"), request{})
	r := httptest.NewRequest(http.MethodGet, apiURL, nil)
	cs := state(false, l.cert)
	r.TLS = &cs
	r.TLS.HandshakeComplete, r.TLS.ServerName = true, serverName
	_, err := qwac.PeerIdentity(r)
	require.ErrorIs(t, err, eidas.ReasonInternal, "nobody has judged it")
	called := false
	w.verifier(eidas.Policy{}).Handler(http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		called = true
		id, err := qwac.PeerIdentity(r)
		assert.NoError(t, err)
		assert.Equal(t, tppID, id.String())
	})).ServeHTTP(httptest.NewRecorder(), r)
	assert.True(t, called)
}

// Roles by route, over real connections.
func TestRequireAsksForMoreThanThePolicy(t *testing.T) {
	for _, format := range []qwac.ErrorFormat{qwac.FormatProblem, qwac.FormatBerlinGroup} {
		w := newWorld(t)
		b := newBank(w)
		registry := prometheus.NewRegistry()
		v := newVerifier(t, qwac.Config{Validator: w.validator(eidas.Policy{}), Registerer: registry, ErrorFormat: format})
		s := startConfigured(t, b, v)
		reached := 0
		route := func(role eidas.Roles) http.Handler {
			return v.Require(eidas.RequireRoles(role), http.HandlerFunc(func(http.ResponseWriter, *http.Request) { reached++ }))
		}
		s.routes.Handle("/accounts", route(eidas.RoleAI))
		s.routes.Handle("/payments", route(eidas.RoleAS))
		client := s.client(t, "h2", b.client(tls.VersionTLS13, w.qwac(w.qtsp("LT", "QTSP LT"), request{})))
		a, err := get(t, client, apiURL)
		require.NoError(t, err)
		assert.Equal(t, http.StatusOK, a.status)
		assert.Equal(t, 1, reached)
		a, err = get(t, client, "https://"+serverName+"/payments")
		require.NoError(t, err)
		if format == qwac.FormatProblem {
			assert.Equal(t, http.StatusForbidden, a.status)
			assertProblem(t, a, eidas.ReasonRoleMissing)
		} else {
			assert.Contains(t, a.body, "ROLE_INVALID")
		}
		assert.Equal(t, 1, reached)
		assert.Equal(t, 1, int(series(t, registry)["eidas_qwac_verdicts_total{decision=refuse,hook=request,reason=role_missing}"]))

		// Outside of Handler it lets in nobody.
		rw := httptest.NewRecorder()
		route(eidas.RoleAI).ServeHTTP(rw, httptest.NewRequest(http.MethodGet, apiURL, nil))
		assert.Equal(t, http.StatusServiceUnavailable, rw.Code)
		assert.Equal(t, 1, reached)
	}
}

func TestAuthorizeAsksForMoreThanThePolicy(t *testing.T) {
	w := newWorld(t)
	l := w.qwac(w.qtsp("LT", "QTSP LT"), request{})
	cs := state(false, l.cert)
	cs.HandshakeComplete = true
	for name, row := range map[string]struct {
		authorizer eidas.Authorizer
		want       eidas.Reason // 0: let in
	}{
		"role it has":       {eidas.RequireRoles(eidas.RoleAI), 0},
		"role it lacks":     {eidas.RequireRoles(eidas.RoleAS), eidas.ReasonRoleMissing},
		"untyped refusal":   {func(*eidas.Evidence) error { return assert.AnError }, eidas.ReasonNotAuthorized},
		"panic":             {func(*eidas.Evidence) error { panic("boom") }, eidas.ReasonInternal},
		"nil is no consent": {nil, eidas.ReasonInternal},
	} {
		t.Run(name, func(t *testing.T) {
			registry := prometheus.NewRegistry()
			var log strings.Builder
			v := newVerifier(t, qwac.Config{
				Validator: w.validator(eidas.Policy{}), Registerer: registry, Logger: slog.New(slog.NewTextHandler(&log, nil)),
			})
			tpp, err := v.Peer(t.Context(), cs)
			require.NoError(t, err)
			err = v.Authorize(t.Context(), tpp, row.authorizer)
			if row.want == 0 {
				require.NoError(t, err)
				assert.Empty(t, log.String())
				return
			}
			refusal, ok := errors.AsType[*eidas.Error](err)
			require.True(t, ok)
			assert.Equal(t, row.want, refusal.Reason)
			assert.Equal(t, tppID, refusal.Partial.Identity.String())
			assert.Contains(t, log.String(), "reason="+row.want.String())
			assert.Equal(t, 1, int(series(t, registry)["eidas_qwac_verdicts_total{decision=refuse,hook=request,reason="+row.want.String()+"}"]))
		})
	}
	v := newVerifier(t, qwac.Config{Validator: w.validator(eidas.Policy{})})
	require.ErrorIs(t, v.Authorize(t.Context(), nil, eidas.AllowAnyone()), eidas.ReasonInternal, "nobody was let in")
}

// Whoever takes the deferred config by its name must ask at each call.
func TestUnsafeDeferredConfigLeavesTheVerdictToAdmit(t *testing.T) {
	eachVersion(t, func(t versioned) {
		w, stranger := newWorld(t), newWorld(t)
		b := newBank(w)
		v := deferred(w)
		config, err := v.UnsafeDeferredConfig(b.base(), nil)
		require.NoError(t, err)
		l := w.qwac(w.qtsp("LT", "QTSP LT"), request{})
		for want, client := range map[eidas.Reason]*leaf{
			0: l, eidas.ReasonIssuerUnknown: stranger.qwac(stranger.qtsp("LT", "Nobody"), request{}), eidas.ReasonCertificateMissing: nil,
		} {
			o := handshake(t, config, b.client(t.version, client))
			require.NoError(t, o.server)
			_, err := v.Admit(t.Context(), &o.state, serverName)
			assert.Equal(t, want, eidas.ReasonOf(err))
		}
		config, err = w.verifier(eidas.Policy{}).UnsafeDeferredConfig(b.base(), nil)
		require.NoError(t, err)
		require.Error(t, handshake(t, config, b.client(t.version, nil)).server, "without Deferred the handshake judges")
		_, err = v.UnsafeDeferredConfig(nil, nil)
		require.Error(t, err)
	})
}
