package qwacgrpc_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/eidastest"
	"github.com/seed-b953571c/eidas/qwac"
)

func TestWhoIsLetIn(t *testing.T) {
	eachTLS(t, func(t version) {
		w := eidastest.Start(t, eidastest.Options{})
		b := startBank(t, w, &bankOptions{})
		leaf := w.QWAC("LT", tppID, eidas.RoleAI)
		thief, err := leaf.Thief()
		require.NoError(t, err)
		impostor, err := w.Impostor("LT").IssueQWAC(tppID, eidas.RoleAI)
		require.NoError(t, err)
		for _, row := range []struct {
			name    string
			leaf    *eidastest.Leaf
			counted string // the reason of the failed handshake, "": let in
		}{
			{"accepted", leaf, ""},
			{"accepted with a certificate of another country", w.QWAC("DE", tppID, eidas.RoleAI), ""},
			{"no certificate", nil, "certificate_missing"},
			{"thief", thief, "key_not_proved"},
			{"not of the listed key", impostor, "signature_invalid"},
			{"without the role", w.QWAC("LT", tppID, eidas.RolePI), "role_missing"},
			{"a certificate for seals", w.QSealC("LT", tppID, eidas.RoleAI), "key_usage"},
		} {
			c := b.dial(t.tls, row.leaf)
			if row.counted == "" {
				c.assertLetIn(tppID + " " + row.leaf.Certificate.Issuer.Country[0])
				continue
			}
			c.assertShutOut()
			// The client hears of it before the server has counted.
			assert.Eventually(t, func() bool { return b.series("eidas_qwac_handshakes_failed_total", row.counted) > 0 }, hang, hang/10000, row.name)
		}
		assert.Equal(t, 2, b.series("eidas_qwac_requests_total", "accepted"))
	})
}

// Deferred, a peer that is not let in can read why. The thief still gets nowhere.
func TestDeferredPeerIsToldWhy(t *testing.T) {
	eachTLS(t, func(t version) {
		w := eidastest.Start(t, eidastest.Options{})
		b := startBank(t, w, &bankOptions{config: qwac.Config{Deferred: true}})
		leaf := w.QWAC("LT", tppID, eidas.RoleAI)
		thief, err := leaf.Thief()
		require.NoError(t, err)
		impostor, err := w.Impostor("LT").IssueQWAC(tppID, eidas.RoleAI)
		require.NoError(t, err)
		b.dial(t.tls, leaf).assertLetIn(tppID + " LT")
		b.dial(t.tls, thief).assertShutOut()
		for _, row := range []struct {
			leaf *eidastest.Leaf
			code codes.Code
			want eidas.Reason
		}{
			{nil, codes.Unauthenticated, eidas.ReasonCertificateMissing},
			{impostor, codes.Unauthenticated, eidas.ReasonSignatureInvalid},
			{w.QWAC("LT", tppID, eidas.RolePI), codes.PermissionDenied, eidas.ReasonRoleMissing},
		} {
			c := b.dial(t.tls, row.leaf)
			for range 2 {
				c.assertRefused(list, row.code, row.want)
			}
			_, err := c.open(watch).receive()
			assertStatus(t, err, row.code, row.want)
			c.present(leaf) // GOAWAY was sent, so it dials again
			c.assertLetIn(tppID + " LT")
		}
	})
}

// A client that changed its certificate offers the session of its old one.
func TestRotatedClientSeesNoError(t *testing.T) {
	eachTLS(t, func(t version) {
		w := eidastest.Start(t, eidastest.Options{})
		b := startBank(t, w, &bankOptions{})
		old := w.QWAC("LT", tppID, eidas.RoleAI)
		config := b.config(t.tls)
		assert.Equal(t, "full", b.dialWith(config.Clone(), old).assertLetIn(tppID+" LT").session)
		assert.Equal(t, "resumed", b.dialWith(config.Clone(), old).assertLetIn(tppID+" LT").session)
		w.QTSP("LT").Revoke(old, 4)
		next := w.QWAC("DE", tppID, eidas.RoleAI)
		assert.Equal(t, "full", b.dialWith(config.Clone(), next).assertLetIn(tppID+" DE").session)
		assert.Equal(t, "resumed", b.dialWith(config.Clone(), next).assertLetIn(tppID+" DE").session)
	})
}

func TestRevokedPeerReplaysItsSession(t *testing.T) {
	eachTLS(t, func(t version) {
		w := eidastest.Start(t, eidastest.Options{})
		b := startBank(t, w, &bankOptions{})
		leaf, twin := w.QWAC("LT", tppID, eidas.RoleAI), w.QWAC("LT", tppID, eidas.RoleAI)
		sessions := map[*eidastest.Leaf]*eidastest.Replayer{leaf: {}, twin: {}}
		dial := func(l *eidastest.Leaf) *tpp {
			config := b.config(t.tls)
			config.ClientSessionCache = sessions[l]
			return b.dialWith(config, l)
		}
		for l := range sessions {
			assert.Equal(t, "full", dial(l).assertLetIn(tppID+" LT").session)
			assert.Equal(t, "resumed", dial(l).assertLetIn(tppID+" LT").session)
		}
		w.QTSP("LT").Revoke(leaf, 1)
		offered := sessions[leaf].Offered()
		dial(leaf).assertShutOut()
		assert.Greater(t, sessions[leaf].Offered(), offered)
		assert.Equal(t, "resumed", dial(twin).assertLetIn(tppID+" LT").session)
	})
}

// Between two calls a certificate is revoked. The refusal ends the connection,
// and the client dials again with what it has by then.
func TestRevokedBetweenCalls(t *testing.T) {
	eachTLS(t, func(t version) {
		w := eidastest.Start(t, eidastest.Options{})
		b := startBank(t, w, &bankOptions{})
		old, next := w.QWAC("LT", tppID, eidas.RoleAI), w.QWAC("DE", tppID, eidas.RoleAI)
		renews, sleeps := b.dial(t.tls, old), b.dial(t.tls, old)
		for _, c := range []*tpp{renews, sleeps} {
			first := c.assertLetIn(tppID + " LT")
			assert.Equal(t, first, c.assertLetIn(tppID+" LT"), "one connection")
		}
		w.QTSP("LT").Revoke(old, 1)
		for _, c := range []*tpp{renews, sleeps} {
			c.assertRefused(list, codes.Unauthenticated, eidas.ReasonRevoked)
		}
		sleeps.assertShutOut() // it dialled again with the same
		renews.present(next)
		renews.assertLetIn(tppID + " DE")
	})
}

func TestQTSPWithdrawnBetweenCalls(t *testing.T) {
	eachTLS(t, func(t version) {
		w := eidastest.Start(t, eidastest.Options{})
		b := startBank(t, w, &bankOptions{})
		gone, twin := b.dial(t.tls, w.QWAC("LT", tppID, eidas.RoleAI)), b.dial(t.tls, w.QWAC("DE", tppID, eidas.RoleAI))
		gone.assertLetIn(tppID + " LT")
		before := twin.assertLetIn(tppID + " DE")
		stream := gone.open(watch)
		stream.ask()
		w.Check(w.QTSP("LT").Withdraw(w.Now()))
		gone.assertRefused(list, codes.Unauthenticated, eidas.ReasonServiceNotGranted)
		stream.send()
		stream.assertRefused(eidas.ReasonServiceNotGranted)
		gone.assertShutOut()
		assert.Equal(t, before, twin.assertLetIn(tppID+" DE"))
	})
}

// shaky is a Validator whose network fails at times.
type shaky struct {
	*eidas.Validator
	down atomic.Bool
}

func (s *shaky) Validate(ctx context.Context, peer []*x509.Certificate, use eidas.Use, at time.Time) (*eidas.Result, error) {
	if s.down.Load() {
		return nil, &eidas.Error{Reason: eidas.ReasonRevocationUnavailable}
	}
	return s.Validator.Validate(ctx, peer, use, at)
}

// Recheck remembers nothing.
func (s *shaky) Recheck(*eidas.Result, time.Time) (*eidas.Result, bool) { return nil, false }

// What is not the TPP's fault does not end its connection.
func TestResponderDownBetweenCalls(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	v := &shaky{Validator: w.Validator(eidas.DefaultPolicy(eidas.RequireRoles(eidas.RoleAI)))}
	b := startBank(t, w, &bankOptions{config: qwac.Config{Validator: v}})
	c := b.dial(tls.VersionTLS13, w.QWAC("LT", tppID, eidas.RoleAI))
	before := c.assertLetIn(tppID + " LT")
	v.down.Store(true)
	c.assertRefused(list, codes.Unavailable, eidas.ReasonRevocationUnavailable)
	v.down.Store(false)
	assert.Equal(t, before, c.assertLetIn(tppID+" LT"), "the same connection")
}

func TestMethodsAskForRoles(t *testing.T) {
	eachTLS(t, func(t version) {
		w := eidastest.Start(t, eidastest.Options{})
		b := startBank(t, w, &bankOptions{
			config: qwac.Config{MaxSessionAge: time.Nanosecond}, // else it is seen with its old certificate
			policy: eidas.DefaultPolicy(eidas.AllowAnyone()),
			authorizers: map[string]eidas.Authorizer{
				"/bank.v1.Accounts/": eidas.RequireRoles(eidas.RoleAI),
				create:               eidas.RequireRoles(eidas.RolePI),
			},
		})
		accounts, payments := b.dial(t.tls, w.QWAC("LT", tppID, eidas.RoleAI)), b.dial(t.tls, w.QWAC("LT", tppID, eidas.RolePI))
		accounts.assertLetIn(tppID + " LT")
		accounts.open(watch).ask()
		accounts.assertRefused(create, codes.PermissionDenied, eidas.ReasonRoleMissing)
		_, err := payments.call(create)
		require.NoError(t, err)
		payments.assertRefused(list, codes.PermissionDenied, eidas.ReasonRoleMissing)
		_, err = payments.open(watch).receive()
		assertStatus(t, err, codes.PermissionDenied, eidas.ReasonRoleMissing)
		accounts.present(w.QWAC("LT", tppID, eidas.RolePI|eidas.RoleAI)) // a renewal with more roles
		accounts.assertLetIn(tppID + " LT")
		_, err = accounts.call(create)
		require.NoError(t, err)
	})
}

// A slip in a name opens nothing.
func TestMethodWithoutAnAuthorizerIsRefusedWhereOthersHaveOne(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	for name, row := range map[string]struct {
		authorizers map[string]eidas.Authorizer
		letIn       bool
	}{
		"none at all":         {nil, true},
		"the method":          {map[string]eidas.Authorizer{list: eidas.AllowAnyone()}, true},
		"the service":         {map[string]eidas.Authorizer{"/bank.v1.Accounts/": eidas.AllowAnyone()}, true},
		"a slip":              {map[string]eidas.Authorizer{"/bank.v1.Accounts/list": eidas.AllowAnyone()}, false},
		"another service":     {map[string]eidas.Authorizer{"/bank.v1.Account/": eidas.AllowAnyone()}, false},
		"empty, but not none": {map[string]eidas.Authorizer{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			b := startBank(t, w, &bankOptions{authorizers: row.authorizers})
			c := b.dial(tls.VersionTLS13, w.QWAC("LT", tppID, eidas.RoleAI))
			if row.letIn {
				c.assertLetIn(tppID + " LT")
				return
			}
			for range 3 {
				_, err := c.call(list)
				assertClosed(t, err)
				_, err = c.open(watch).receive()
				assertClosed(t, err)
			}
			assert.Equal(t, 1, b.series("eidas_qwac_sessions_total", "full"), "no other certificate would help, so the connection stays")
		})
	}
}

// Which methods a server has is said to those who are let in alone.
func TestUnknownMethodIsJudgedFirst(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	b := startBank(t, w, &bankOptions{config: qwac.Config{Deferred: true}})
	for _, method := range []string{"/bank.v1.Accounts/Nope", "/bank.v1.Nope/List"} {
		_, err := b.dial(tls.VersionTLS13, w.QWAC("LT", tppID, eidas.RoleAI)).call(method)
		assert.Equal(t, codes.Unimplemented, status.Code(err), "%v", err)
		b.dial(tls.VersionTLS13, nil).assertRefused(method, codes.Unauthenticated, eidas.ReasonCertificateMissing)
		b.dial(tls.VersionTLS13, w.QWAC("LT", tppID, eidas.RoleAS)).assertRefused(method, codes.PermissionDenied, eidas.ReasonRoleMissing)
	}
}

// loose are the credentials of a client that names another host in its calls
// than in its handshake, where it is always localhost.
type loose struct {
	credentials.TransportCredentials
}

func (l loose) ClientHandshake(ctx context.Context, _ string, c net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return l.TransportCredentials.ClientHandshake(ctx, "localhost", c)
}

func TestAuthorityMustBeTheServerNameOfTheHandshake(t *testing.T) {
	eachTLS(t, func(t version) {
		w := eidastest.Start(t, eidastest.Options{})
		strict, allowing := startBank(t, w, &bankOptions{}), startBank(t, w, &bankOptions{config: qwac.Config{AllowHostMismatch: true}})
		leaf := w.QWAC("LT", tppID, eidas.RoleAI)
		dial := func(b *bank, authority string) *tpp {
			config := b.config(t.tls)
			config.Certificates = []tls.Certificate{leaf.TLS()}
			return b.dialWith(b.config(t.tls), leaf, grpc.WithAuthority(authority),
				grpc.WithTransportCredentials(loose{credentials.NewTLS(config)}))
		}
		for _, same := range []string{"localhost", "LOCALHOST", "localhost.", "localhost:8443"} {
			dial(strict, same).assertLetIn(tppID + " LT")
		}
		for _, other := range []string{"payments.example", "127.0.0.1", "localhost.example", "xlocalhost"} {
			c := dial(strict, other)
			_, err := c.call(list)
			assert.Equal(t, codes.FailedPrecondition, status.Code(err), "%s: %v", other, err)
			assert.Equal(t, "MISDIRECTED", infoOf(t, err).GetReason())
			_, err = c.open(watch).receive()
			assert.Equal(t, codes.FailedPrecondition, status.Code(err), "%s: %v", other, err)
			dial(allowing, other).assertLetIn(tppID + " LT")
		}
		assert.Equal(t, 8, strict.series("eidas_qwac_requests_total", "misdirected"))
	})
}

// An authorizer is the bank's own code. Its panic is a refusal, and no more.
func TestPanickingAuthorizerRefuses(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	panics := func(*eidas.Evidence) error { panic("boom") }
	leaf := w.QWAC("LT", tppID, eidas.RoleAI)
	b := startBank(t, w, &bankOptions{authorizers: map[string]eidas.Authorizer{create: panics, list: eidas.AllowAnyone()}})
	c := b.dial(tls.VersionTLS13, leaf)
	before := c.assertLetIn(tppID + " LT")
	c.assertRefused(create, codes.Unavailable, eidas.ReasonInternal)
	assert.Equal(t, before, c.assertLetIn(tppID+" LT"))

	everywhere := startBank(t, w, &bankOptions{policy: eidas.DefaultPolicy(panics)})
	everywhere.dial(tls.VersionTLS13, leaf).assertShutOut()
	told := startBank(t, w, &bankOptions{policy: eidas.DefaultPolicy(panics), config: qwac.Config{Deferred: true}})
	told.dial(tls.VersionTLS13, leaf).assertRefused(list, codes.Unavailable, eidas.ReasonInternal)
}

// grpc does not recover a panic of the hooks of tls.Config.
func TestPanickingHookOfTheOwnerEndsOneHandshake(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	certificate, err := w.ServerCertificate()
	require.NoError(t, err)
	b := startBank(t, w, &bankOptions{base: tls.Config{GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
		if hello.ServerName == "localhost" {
			panic("boom")
		}
		return &certificate, nil
	}}})
	leaf := w.QWAC("LT", tppID, eidas.RoleAI)
	config := b.config(tls.VersionTLS13)
	config.ServerName = "localhost"
	b.dialWith(config, leaf).assertShutOut()
	b.dial(tls.VersionTLS13, leaf).assertLetIn(tppID + " LT")
}

// The interceptors stand on their own, whatever credentials came after them.
func TestOtherCredentialsLetNobodyPast(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	certificate, err := w.ServerCertificate()
	require.NoError(t, err)
	base := &tls.Config{Certificates: []tls.Certificate{certificate}, ClientAuth: tls.RequestClientCert}
	leaf := w.QWAC("LT", tppID, eidas.RoleAI)
	impostor, err := w.Impostor("LT").IssueQWAC(tppID, eidas.RoleAI)
	require.NoError(t, err)

	forgot := startBank(t, w, &bankOptions{more: []grpc.ServerOption{grpc.Creds(credentials.NewTLS(base))}})
	forgot.dial(tls.VersionTLS13, leaf).assertLetIn(tppID + " LT")
	forgot.dial(tls.VersionTLS13, impostor).assertRefused(list, codes.Unauthenticated, eidas.ReasonSignatureInvalid)
	forgot.dial(tls.VersionTLS13, nil).assertRefused(list, codes.Unauthenticated, eidas.ReasonCertificateMissing)

	plain := startBank(t, w, &bankOptions{more: []grpc.ServerOption{grpc.Creds(insecure.NewCredentials())}})
	c := plain.dialWith(plain.config(tls.VersionTLS13), nil, grpc.WithTransportCredentials(insecure.NewCredentials()))
	c.assertRefused(list, codes.Unauthenticated, eidas.ReasonCertificateMissing)
	_, err = c.open(watch).receive()
	assertStatus(t, err, codes.Unauthenticated, eidas.ReasonCertificateMissing)
}
