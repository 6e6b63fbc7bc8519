package qwac_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"net"
	"net/http"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/eidastest"
	"github.com/seed-b953571c/eidas/qwac"
)

// These tests run on signed lists and real OCSP, with the parts of production.

// liveBank is a bank over a world. Its clients' connections are as a test asks.
type liveBank struct {
	*eidastest.Test
	url      string
	refusals chan error // of handshakes
}

func startBank(tb testing.TB, w *eidastest.Test, c qwac.Config) *liveBank {
	tb.Helper()
	if c.Validator == nil {
		c.Validator = w.Validator(eidas.DefaultPolicy(eidas.RequireRoles(eidas.RoleAI)))
	}
	v := newVerifier(tb, c)
	b := &liveBank{Test: w, refusals: make(chan error, 16)}
	whoami := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tpp, _ := qwac.FromContext(r.Context())
		_, _ = io.WriteString(w, tpp.Identity.String()+" "+tpp.Service.List.Territory)
	})
	b.url = w.Serve(&http.Server{
		TLSConfig: guard(tb, v, &tls.Config{}), Handler: v.Handler(whoami), ErrorLog: log.New(io.Discard, "", 0),
		ConnState: func(c net.Conn, state http.ConnState) {
			if conn, ok := c.(*tls.Conn); ok && state == http.StateClosed {
				if err := conn.HandshakeContext(context.Background()); err != nil {
					b.refusals <- err
				}
			}
		},
	})
	return b
}

// client is a TPP that speaks one version of TLS, and keeps its sessions.
func (b *liveBank) client(version uint16, l *eidastest.Leaf) *http.Client {
	config := b.ClientConfig(l)
	config.MinVersion, config.MaxVersion = version, version
	return eidastest.HTTPClient(config)
}

func (b *liveBank) assertLetIn(tb testing.TB, c *http.Client, want string) {
	tb.Helper()
	a, err := get(tb, c, b.url)
	require.NoError(tb, err)
	require.Equal(tb, http.StatusOK, a.status, a.body)
	assert.Equal(tb, want, a.body)
}

func (b *liveBank) assertRefused(tb testing.TB, c *http.Client, want eidas.Reason) {
	tb.Helper()
	_, err := get(tb, c, b.url)
	require.Error(tb, err)
	got := <-b.refusals
	assert.Equal(tb, want, eidas.ReasonOf(got), "%v", got)
}

func TestLifeOfATPP(t *testing.T) {
	eachVersion(t, func(t versioned) {
		w := eidastest.Start(t, eidastest.Options{})
		b := startBank(t, w, qwac.Config{})
		old := w.QWAC("LT", tppID, eidas.RoleAI)
		client := b.client(t.version, old)
		b.assertLetIn(t, client, tppID+" LT")
		b.assertLetIn(t, client, tppID+" LT")

		next := w.QWAC("DE", tppID, eidas.RoleAI|eidas.RolePI)
		b.assertLetIn(t, b.client(t.version, next), tppID+" DE")
		b.assertLetIn(t, client, tppID+" LT") // both in parallel

		impostor, err := w.Impostor("LT").IssueQWAC(tppID, eidas.RoleAI)
		require.NoError(t, err)
		b.assertRefused(t, b.client(t.version, impostor), eidas.ReasonSignatureInvalid)
		thief, err := next.Thief()
		require.NoError(t, err)
		b.assertRefused(t, b.client(t.version, thief), eidas.ReasonInternal) // crypto/tls's own error
		b.assertRefused(t, b.client(t.version, w.QWAC("LT", tppID, eidas.RolePI)), eidas.ReasonRoleMissing)
		b.assertRefused(t, b.client(t.version, w.QSealC("LT", tppID, eidas.RoleAI)), eidas.ReasonKeyUsage)

		w.QTSP("LT").Revoke(old, 1)
		b.assertRefused(t, client, eidas.ReasonRevoked) // offers its session
		b.assertLetIn(t, b.client(t.version, next), tppID+" DE")
		w.Check(w.QTSP("DE").Withdraw(w.Now()))
		b.assertRefused(t, b.client(t.version, next), eidas.ReasonServiceNotGranted)
		w.Check(w.QTSP("DE").Grant(w.Now()))
		b.assertLetIn(t, b.client(t.version, next), tppID+" DE")
	})
}

// A client that swapped its certificate and offers its old session sees no error.
func TestStockClientRotatesWithoutAnError(t *testing.T) {
	eachVersion(t, func(t versioned) {
		w := eidastest.Start(t, eidastest.Options{})
		b := startBank(t, w, qwac.Config{})
		old, next := w.QWAC("LT", tppID, eidas.RoleAI), w.QWAC("DE", tppID, eidas.RoleAI)
		current := old.TLS()
		config := w.ClientConfig(nil)
		config.MinVersion, config.MaxVersion = t.version, t.version
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &current, nil }
		client := eidastest.HTTPClient(config)
		b.assertLetIn(t, client, tppID+" LT")
		current = next.TLS()
		b.assertLetIn(t, client, tppID+" LT") // resumed: still seen with its old certificate
		w.QTSP("LT").Revoke(old, 4)
		for range 3 {
			b.assertLetIn(t, client, tppID+" DE")
		}
	})
}

// A sandbox prints any identifier. Its anchors are not the EU's.
func TestSandboxIsWorthNothingInProduction(t *testing.T) {
	eachVersion(t, func(t versioned) {
		production := eidastest.Start(t, eidastest.Options{})
		sandbox := eidastest.Start(t, eidastest.Options{Profile: eidas.ProfileTest})
		visitor := sandbox.QWAC("LT", tppID, eidas.RoleAI)

		b := startBank(t, production, qwac.Config{})
		b.assertRefused(t, b.client(t.version, visitor), eidas.ReasonIssuerUnknown)

		// Even where somebody loaded the sandbox's lists by mistake.
		policy := eidas.DefaultPolicy(eidas.RequireRoles(eidas.RoleAI))
		mistaken := startBank(t, sandbox, qwac.Config{Validator: sandbox.Validator(policy)})
		mistaken.assertRefused(t, mistaken.client(t.version, visitor), eidas.ReasonProfile)

		policy.Profile = eidas.ProfileTest
		meant := startBank(t, sandbox, qwac.Config{Validator: sandbox.Validator(policy)})
		meant.assertLetIn(t, meant.client(t.version, visitor), "test/"+tppID+" LT")
	})
}

func TestResponderInTrouble(t *testing.T) {
	for name, row := range map[string]struct {
		fault eidastest.Fault
		want  eidas.Reason
	}{
		"down":            {eidastest.FaultDown, eidas.ReasonRevocationUnavailable},
		"hanging":         {eidastest.FaultSlow, eidas.ReasonRevocationUnavailable},
		"not its subject": {eidastest.FaultUnknown, eidas.ReasonRevocationUnknown},
		"forged":          {eidastest.FaultForged, eidas.ReasonRevocationInvalid},
		"stale":           {eidastest.FaultStale, eidas.ReasonRevocationInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			eachVersion(t, func(t versioned) {
				w := eidastest.Start(t, eidastest.Options{})
				b := startBank(t, w, qwac.Config{})
				responder := w.QTSP("LT").Responder
				responder.SetFault(row.fault)
				client := b.client(t.version, w.QWAC("LT", tppID, eidas.RoleAI))
				b.assertRefused(t, client, row.want)
				b.assertLetIn(t, b.client(t.version, w.QWAC("DE", tppID, eidas.RoleAI)), tppID+" DE")
				responder.Release()
				responder.SetFault(eidastest.FaultNone)
				// Another certificate: a question that was asked in vain rests for a while.
				b.assertLetIn(t, b.client(t.version, w.QWAC("LT", tppID, eidas.RoleAI)), tppID+" LT")
			})
		})
	}
}

// What a client sends beside its certificate must not matter (R18).
func TestChainsAsRealClientsSendThem(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	b := startBank(t, w, qwac.Config{})
	qtsp, other := w.QTSP("LT"), w.QTSP("DE")
	l := w.QWAC("LT", tppID, eidas.RoleAI)
	for name, chain := range map[string][]*x509.Certificate{
		"leaf alone":              {l.Certificate},
		"with its issuer":         l.Chain,
		"with the root":           append(l.Chain[:len(l.Chain):len(l.Chain)], qtsp.Root.Certificate),
		"in the wrong order":      {l.Certificate, qtsp.Root.Certificate, qtsp.Issuing.Certificate},
		"with somebody else's CA": {l.Certificate, other.Issuing.Certificate, other.Root.Certificate},
		"with the issuer twice":   {l.Certificate, qtsp.Issuing.Certificate, qtsp.Issuing.Certificate},
	} {
		t.Run(name, func(t *testing.T) {
			eachVersion(t, func(t versioned) {
				sent := *l
				sent.Chain = chain
				b.assertLetIn(t, b.client(t.version, &sent), tppID+" LT")
			})
		})
	}
}

// Renewals with other kinds of keys (R3).
func TestKeyTypesChangeAtRenewal(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	b := startBank(t, w, qwac.Config{})
	for name, kind := range map[string]eidastest.KeyType{
		"P-256": eidastest.P256, "P-384": eidastest.P384, "P-521": eidastest.P521, "RSA-2048": eidastest.RSA2048, "RSA-3072": eidastest.RSA3072,
	} {
		r := eidastest.QWAC(tppID, eidas.RoleAI)
		r.KeyType = kind
		l := w.Issue("LT", r)
		t.Run(name, func(t *testing.T) {
			eachVersion(t, func(t versioned) { b.assertLetIn(t, b.client(t.version, l), tppID+" LT") })
		})
	}
}
