package eidastest_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"math/big"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/eidastest"
	"github.com/seed-b953571c/eidas/qwac"
)

// Scenarios of those who lose their access, never had it, or want another's.

func TestScenarioR6_RevokedWhileConnectionsAreOpen(t *testing.T) {
	for _, protocol := range []string{"h1", "h2"} {
		t.Run(protocol, func(t *testing.T) {
			eachTLS(t, func(t version) {
				w := eidastest.Start(t, eidastest.Options{})
				b := startBank(t, w, bankOptions{})
				old, next := w.QWAC("LT", identifier, eidas.RoleAI), w.QWAC("DE", identifier, eidas.RoleAI)
				var current atomic.Pointer[tls.Certificate]
				present := func(l *eidastest.Leaf) { c := l.TLS(); current.Store(&c) }
				config := b.clientConfig(t.tls, nil)
				config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return current.Load(), nil }
				present(old)
				c := keepAlive(t, protocol, config)
				b.assertLetIn(t, c, identifier+" LT")
				b.assertLetIn(t, c, identifier+" LT")
				b.told()
				w.QTSP("LT").Revoke(old, 1)
				present(next)
				a, err := call(c, b.url)
				require.NoError(t, err)
				assert.Equal(t, http.StatusUnauthorized, a.status)
				assert.Contains(t, a.body, `"reason":"revoked"`)
				assert.Equal(t, protocol == "h2", a.proto == 2)
				assert.Equal(t, []qwac.EventKind{qwac.EventRevoked}, b.told())
				// The server has ended the connection (h1: close, h2: GOAWAY), so the
				// client dials again, with what it has now.
				b.assertLetIn(t, c, identifier+" DE")
				assert.Equal(t, []qwac.EventKind{qwac.EventFirstSeen, qwac.EventIssuerChanged, qwac.EventSuperseded}, b.told())
			})
		})
	}
}

func TestScenarioR7_RevokedPeerReplaysItsTicket(t *testing.T) {
	eachTLS(t, func(t version) {
		w := eidastest.Start(t, eidastest.Options{})
		b := startBank(t, w, bankOptions{})
		l := w.QWAC("LT", identifier, eidas.RoleAI)
		replayer := &eidastest.Replayer{}
		config := b.clientConfig(t.tls, l)
		config.ClientSessionCache = replayer
		c := eidastest.HTTPClient(config)
		b.assertResumed(t, c, identifier+" LT", false)
		b.assertResumed(t, c, identifier+" LT", true)
		w.QTSP("LT").Revoke(l, 1)
		offered, replays := replayer.Offered(), full(5, 100)
		for range replays {
			b.assertRefused(t, c, eidas.ReasonRevoked)
		}
		assert.GreaterOrEqual(t, replayer.Offered()-offered, replays)
	})
}

func TestScenarioR8_RotatedClientOffersTheTicketOfItsRevokedCertificate(t *testing.T) {
	eachTLS(t, func(t version) {
		w := eidastest.Start(t, eidastest.Options{})
		b := startBank(t, w, bankOptions{})
		old := w.QWAC("LT", identifier, eidas.RoleAI)
		config := b.clientConfig(t.tls, nil)
		current := old.TLS()
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &current, nil }
		c := eidastest.HTTPClient(config) // a stock session cache
		b.assertResumed(t, c, identifier+" LT", false)
		b.assertResumed(t, c, identifier+" LT", true)
		current = w.QWAC("DE", identifier, eidas.RoleAI).TLS()
		w.QTSP("LT").Revoke(old, 4)
		b.assertResumed(t, c, identifier+" DE", false)
		b.assertResumed(t, c, identifier+" DE", true)
		assert.Empty(t, b.failures)
	})
}

func TestScenarioR9_TicketOfTheSandboxInProduction(t *testing.T) {
	eachTLS(t, func(t version) {
		production := eidastest.Start(t, eidastest.Options{})
		sandbox := eidastest.Start(t, eidastest.Options{Profile: eidas.ProfileTest})
		certificate, err := production.ServerCertificate()
		require.NoError(t, err)
		base := &tls.Config{Certificates: []tls.Certificate{certificate}}
		base.SetSessionTicketKeys([][32]byte{{1}}) // as where both share a config
		prod := startBank(t, production, bankOptions{base: base})
		play := startBank(t, sandbox, bankOptions{base: base, policy: eidas.Policy{Profile: eidas.ProfileTest}})

		replayer := &eidastest.Replayer{}
		config := prod.clientConfig(t.tls, nil)
		config.ClientSessionCache = replayer
		current := sandbox.QWAC("LT", identifier, eidas.RoleAI).TLS()
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &current, nil }
		c := eidastest.HTTPClient(config)
		play.assertResumed(t, c, "test/"+identifier+" LT", false)
		play.assertResumed(t, c, "test/"+identifier+" LT", true)
		offered := replayer.Offered()
		prod.assertRefused(t, c, eidas.ReasonIssuerUnknown)
		current = production.QWAC("LT", identifier, eidas.RoleAI).TLS()
		prod.assertResumed(t, c, identifier+" LT", false) // a full handshake, and no error
		assert.Greater(t, replayer.Offered(), offered)
	})
}

func TestScenarioR10_QTSPWithdrawnDuringTraffic(t *testing.T) {
	eachTLS(t, func(t version) {
		w := eidastest.Start(t, eidastest.Options{})
		b := startBank(t, w, bankOptions{status: caching(t, nil)})
		var withdrawn, stop atomic.Bool
		var late, lost, served, refused atomic.Int64
		run := func(c *http.Client, goes bool) {
			for !stop.Load() {
				after := withdrawn.Load()
				a, err := call(c, b.url)
				switch {
				case err == nil && a.status == http.StatusOK:
					served.Add(1)
					if goes && after {
						late.Add(1)
					}
				case goes:
					refused.Add(1)
				default:
					lost.Add(1)
				}
			}
		}
		var clients sync.WaitGroup
		for _, territory := range []string{"LT", "DE"} {
			l := w.QWAC(territory, identifier, eidas.RoleAI)
			for _, c := range []*http.Client{
				b.client(t.tls, l), keepAlive(t, "h1", b.clientConfig(t.tls, l)), keepAlive(t, "h2", b.clientConfig(t.tls, l)),
			} {
				clients.Go(func() { run(c, territory == "LT") })
			}
		}
		waitFor(t, func() bool { return served.Load() > 100 })
		w.Check(w.QTSP("LT").Withdraw(w.Now()))
		withdrawn.Store(true)
		before := served.Load()
		waitFor(t, func() bool { return refused.Load() > 20 && served.Load() > before+50 })
		stop.Store(true)
		clients.Wait()
		assert.Zero(t, late.Load(), "requests begun after the withdrawal were let in")
		assert.Zero(t, lost.Load(), "requests of TPPs that stay failed")
	})
}

// waitFor waits for what must come about. A hang fails the test, nothing is measured.
func waitFor(tb testing.TB, f func() bool) {
	tb.Helper()
	require.Eventually(tb, f, time.Minute, time.Millisecond)
}

func TestScenarioR14_SerialNumbers(t *testing.T) {
	eachTLS(t, func(t version) {
		w := eidastest.Start(t, eidastest.Options{})
		b := startBank(t, w, bankOptions{})
		r := eidastest.QWAC(identifier, eidas.RoleAI)
		r.Serial = big.NewInt(4711)
		b.assertLetIn(t, b.client(t.tls, w.Issue("LT", r)), identifier+" LT")
		b.assertLetIn(t, b.client(t.tls, w.Issue("DE", r)), identifier+" DE")
		assert.NotContains(t, b.told(), qwac.EventSerialDuplicate, "two issuers may use the same number")
		twin := b.client(t.tls, w.Issue("LT", r))
		b.assertLetIn(t, twin, identifier+" LT")
		b.assertLetIn(t, twin, identifier+" LT")
		assert.Equal(t, []qwac.EventKind{qwac.EventFirstSeen, qwac.EventOverlapping, qwac.EventSerialDuplicate}, b.told())
	})
}

func TestScenarioR15_ThiefWithTheRightCertificate(t *testing.T) {
	eachTLS(t, func(t version) {
		w := eidastest.Start(t, eidastest.Options{})
		b := startBank(t, w, bankOptions{status: caching(t, nil)})
		l := w.QWAC("LT", identifier, eidas.RoleAI)
		thief, err := l.Thief()
		require.NoError(t, err)
		c := b.client(t.tls, thief)
		for range full(50, 1000) {
			b.assertRefused(t, c, eidas.ReasonInternal) // crypto/tls's own error, of no reason
		}
		assert.Empty(t, b.told())
		assert.Zero(t, b.store.calls.Load())
		assert.Zero(t, b.metric(t, "eidas_qwac_rotation_events_total"))
		assert.LessOrEqual(t, w.QTSP("LT").Responder.Requests(), 2, "once for each certificate of the chain")
		assert.Equal(t, full(50, 1000), b.metric(t, "eidas_qwac_handshakes_failed_total", "key_not_proved"))

		// A stranger's chain sends nobody anywhere.
		impostor := w.Impostor("LT")
		stranger, err := impostor.IssueQWAC(identifier, eidas.RoleAI)
		require.NoError(t, err)
		b.assertRefused(t, b.client(t.tls, stranger), eidas.ReasonSignatureInvalid)
		assert.Zero(t, impostor.Responder.Requests())

		b.assertLetIn(t, b.client(t.tls, l), identifier+" LT")
		assert.Equal(t, []qwac.EventKind{qwac.EventFirstSeen}, b.told())
	})
}

func TestScenarioR18_ChainsAsRealClientsSendThem(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	b := startBank(t, w, bankOptions{})
	q, other, l := w.QTSP("LT"), w.QTSP("DE"), w.QWAC("LT", identifier, eidas.RoleAI)
	for name, chain := range map[string][]*x509.Certificate{
		"leaf alone":             {l.Certificate},
		"with the root":          {l.Certificate, q.Issuing.Certificate, q.Root.Certificate},
		"wrong order":            {l.Certificate, q.Root.Certificate, q.Issuing.Certificate},
		"missing intermediate":   {l.Certificate, q.Root.Certificate},
		"somebody else's CAs":    {l.Certificate, other.Issuing.Certificate, other.Root.Certificate},
		"the same one twice":     {l.Certificate, q.Issuing.Certificate, q.Issuing.Certificate},
		"another leaf behind it": {l.Certificate, w.QWAC("DE", identifier, eidas.RoleAI).Certificate},
	} {
		t.Run(name, func(t *testing.T) {
			eachTLS(t, func(t version) {
				sent := *l
				sent.Chain = chain
				b.assertLetIn(t, b.client(t.tls, &sent), identifier+" LT")
			})
		})
	}
	assert.Equal(t, 1, b.metric(t, "eidas_qwac_rotation_events_total", "first_seen"), "it is one certificate")
}

func TestScenarioR20_IdentitiesNeitherMergeNorSplit(t *testing.T) {
	const tpp = "PSDLT-BL-A 12345"
	w := eidastest.Start(t, eidastest.Options{})
	b := startBank(t, w, bankOptions{policy: eidas.DefaultPolicy(eidas.AllowIdentities(parseID(t, tpp)))})
	for name, row := range map[string]struct {
		id   string
		kind eidastest.StringType
		want eidas.Reason
	}{
		"as registered":        {tpp, eidastest.UTF8String, 0},
		"as a PrintableString": {tpp, eidastest.PrintableString, 0},
		"as a BMPString":       {tpp, eidastest.BMPString, eidas.ReasonIdentityMalformed},
		"lower case number":    {"PSDLT-BL-a 12345", eidastest.UTF8String, eidas.ReasonIdentityDenied},
		"lower case country":   {"PSDlt-BL-A 12345", eidastest.UTF8String, eidas.ReasonIdentityMalformed},
		"without the space":    {"PSDLT-BL-A12345", eidastest.UTF8String, eidas.ReasonIdentityDenied},
		"two spaces":           {"PSDLT-BL-A  12345", eidastest.UTF8String, eidas.ReasonIdentityMalformed},
		"no-break space":       {"PSDLT-BL-A\u00a012345", eidastest.UTF8String, eidas.ReasonIdentityMalformed},
		"trailing space":       {tpp + " ", eidastest.UTF8String, eidas.ReasonIdentityMalformed},
		"Cyrillic letter":      {"PSDLT-BL-\u0410 12345", eidastest.UTF8String, eidas.ReasonIdentityDenied},
		"hyphen":               {"PSDLT-BL-A-12345", eidastest.UTF8String, eidas.ReasonIdentityDenied},
	} {
		r := eidastest.QWAC(tpp, eidas.RoleAI)
		r.SetAttribute(eidastest.Attribute{OID: eidastest.OIDOrganizationIdentifier, Value: row.id, Type: row.kind})
		l := w.Issue("LT", r)
		t.Run(name, func(t *testing.T) {
			eachTLS(t, func(t version) {
				if row.want == 0 {
					b.assertLetIn(t, b.client(t.tls, l), tpp+" LT")
					return
				}
				b.assertRefused(t, b.client(t.tls, l), row.want)
			})
		})
	}
	assert.Equal(t, 2, b.metric(t, "eidas_qwac_rotation_events_total", "first_seen"))
	assert.Equal(t, 1, b.metric(t, "eidas_qwac_rotation_events_total", "overlapping"), "both spellings are one TPP")
}

func TestScenarioR21_NoHintsThatCouldBeStale(t *testing.T) {
	eachTLS(t, func(t version) {
		w := eidastest.Start(t, eidastest.Options{})
		b := startBank(t, w, bankOptions{})
		for _, territory := range []string{"LT", "FR"} { // the second one joins while the server runs
			if w.QTSP(territory) == nil {
				_, err := w.AddQTSP(eidastest.QTSPOptions{Territory: territory})
				require.NoError(t, err)
			}
			l := w.QWAC(territory, identifier, eidas.RoleAI).TLS()
			config := b.clientConfig(t.tls, nil)
			hints := -1
			config.GetClientCertificate = func(r *tls.CertificateRequestInfo) (*tls.Certificate, error) {
				hints = len(r.AcceptableCAs)
				return &l, r.SupportsCertificate(&l) // as a client chooses
			}
			b.assertLetIn(t, eidastest.HTTPClient(config), identifier+" "+territory)
			assert.Zero(t, hints)
		}
	})
}

func TestScenarioR23_HostIsNotTheServerName(t *testing.T) {
	eachTLS(t, func(t version) {
		w := eidastest.Start(t, eidastest.Options{})
		b := startBank(t, w, bankOptions{})
		config := b.clientConfig(t.tls, w.QWAC("LT", identifier, eidas.RoleAI))
		config.ServerName = "localhost"
		for _, protocol := range []string{"h1", "h2"} {
			c := keepAlive(t, protocol, config.Clone())
			for host, want := range map[string]int{
				"localhost": http.StatusOK, "LOCALHOST.:443": http.StatusOK,
				"api.bank.example": http.StatusMisdirectedRequest, "127.0.0.1": http.StatusMisdirectedRequest,
			} {
				req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, b.url, nil)
				require.NoError(t, err)
				req.Host = host
				a, err := do(c, req)
				require.NoError(t, err)
				assert.Equal(t, want, a.status, host)
			}
		}
	})
}

func TestScenarioR24_LargePostThatIsRefusedGetsItsAnswer(t *testing.T) {
	for _, protocol := range []string{"h1", "h2"} {
		t.Run(protocol, func(t *testing.T) {
			eachTLS(t, func(t version) {
				w := eidastest.Start(t, eidastest.Options{})
				b := startBank(t, w, bankOptions{config: qwac.Config{Deferred: true}})
				l := w.QWAC("LT", identifier, eidas.RoleAI)
				w.QTSP("LT").Revoke(l, 1)
				body := bytes.Repeat([]byte("payment "), 1<<20)
				for range full(3, 20) {
					c := keepAlive(t, protocol, b.clientConfig(t.tls, l))
					req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, b.url, bytes.NewReader(body))
					require.NoError(t, err)
					a, err := do(c, req)
					require.NoError(t, err)
					assert.Equal(t, http.StatusUnauthorized, a.status)
					assert.Contains(t, a.body, `"reason":"revoked"`)
				}
				assert.Empty(t, b.told(), "it was never let in")
			})
		})
	}
}

// Servers without net/http hold to the same: Peer, on bare connections (R6, R7).
func TestScenarioR6_RevokedOnABareConnection(t *testing.T) {
	eachTLS(t, func(t version) {
		w := eidastest.Start(t, eidastest.Options{})
		store := &countingStore{}
		v, err := qwac.New(qwac.Config{
			Validator: w.Validator(eidas.DefaultPolicy(eidas.RequireRoles(eidas.RoleAI))), Rotation: qwac.Rotation{Store: store},
		})
		require.NoError(t, err)
		certificate, err := w.ServerCertificate()
		require.NoError(t, err)
		config, err := v.ServerConfig(&tls.Config{Certificates: []tls.Certificate{certificate}})
		require.NoError(t, err)
		client, server := net.Pipe()
		defer client.Close()
		defer server.Close()
		l := w.QWAC("LT", identifier, eidas.RoleAI)
		clientConfig := w.ClientConfig(l)
		clientConfig.ServerName, clientConfig.MinVersion, clientConfig.MaxVersion = "localhost", t.tls, t.tls
		dialed := tls.Client(client, clientConfig)
		go func() { _, _ = io.Copy(io.Discard, dialed) }()
		conn := tls.Server(server, config)
		require.NoError(t, conn.HandshakeContext(context.Background()))
		assert.Zero(t, store.calls.Load(), "the handshake itself writes nothing")
		result, err := v.Peer(t.Context(), conn.ConnectionState())
		require.NoError(t, err)
		assert.Equal(t, identifier, result.Identity.String())
		assert.Positive(t, store.writes.Load())
		w.QTSP("LT").Revoke(l, 1)
		_, err = v.Peer(t.Context(), conn.ConnectionState())
		require.ErrorIs(t, err, eidas.ReasonRevoked)
	})
}
