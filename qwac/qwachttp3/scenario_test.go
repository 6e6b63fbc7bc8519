package qwachttp3_test

import (
	"crypto/tls"
	"crypto/x509"
	"net/http"
	"os"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/eidastest"
	"github.com/seed-b953571c/eidas/qwac"
)

// The scenarios of rotation that eidastest holds for TCP, over QUIC. Numbers are
// those of eidastest/scenario*_test.go.

func TestScenarioR1R2_RotatedCertificatesAreLetInBesideTheOld(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	b := startBank(t, w, bankOptions{})
	old := client(w, w.QWAC("LT", identifier, eidas.RoleAI), nil)
	b.assertLetIn(t, old, identifier+" LT")
	b.assertLetIn(t, old, identifier+" LT resumed")
	assert.Equal(t, []qwac.EventKind{qwac.EventFirstSeen}, b.told())
	b.assertLetIn(t, client(w, w.QWAC("LT", identifier, eidas.RoleAI), nil), identifier+" LT")
	assert.Equal(t, []qwac.EventKind{qwac.EventFirstSeen, qwac.EventOverlapping}, b.told())
	b.assertLetIn(t, client(w, w.QWAC("DE", identifier, eidas.RoleAI), nil), identifier+" DE")
	assert.Equal(t, []qwac.EventKind{qwac.EventFirstSeen, qwac.EventOverlapping, qwac.EventIssuerChanged}, b.told())
	b.assertLetIn(t, old, identifier+" LT resumed")
	b.assertLetIn(t, client(w, w.QWAC("LT", "PSDLT-BL-LB000469", eidas.RoleAI), nil), "PSDLT-BL-LB000469 LT")
	assert.Empty(t, b.failures)

	// What ends well is counted as no failure when it ends.
	waitFor(t, b.latest.Load().Context().Done())
	b.assertRefused(t, client(w, nil, nil), eidas.ReasonCertificateMissing)
	b.waitMetric(t, 1, "handshakes_failed_total")
	assert.Equal(t, 1, b.metric(t, "handshakes_failed_total"))
}

func TestScenario_RefusedWithItsReason(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	other := eidastest.Start(t, eidastest.Options{})
	request := func(edit func(*eidastest.Request)) *eidastest.Leaf {
		r := eidastest.QWAC(identifier, eidas.RoleAI)
		edit(&r)
		return w.Issue("LT", r)
	}
	impostor, err := w.Impostor("LT").IssueQWAC(identifier, eidas.RoleAI)
	require.NoError(t, err)
	alone := w.QWAC("LT", identifier, eidas.RoleAI)
	alone.Chain = []*x509.Certificate{alone.Certificate}
	revoked := w.QWAC("LT", identifier, eidas.RoleAI)
	w.QTSP("LT").Revoke(revoked, 1)
	nine := w.QWAC("LT", identifier, eidas.RoleAI)
	for len(nine.Chain) < 9 {
		nine.Chain = append(nine.Chain, w.QTSP("LT").Issuing.Certificate)
	}
	for name, row := range map[string]struct {
		leaf *eidastest.Leaf
		want eidas.Reason // 0: let in, the twin of a refusal
	}{
		"lawful":           {w.QWAC("LT", identifier, eidas.RoleAI), 0},
		"leaf alone (R18)": {alone, 0},
		"RSA key (R3)":     {request(func(r *eidastest.Request) { r.KeyType = eidastest.RSA2048 }), 0},
		"revoked":          {revoked, eidas.ReasonRevoked},
		"expired": {request(func(r *eidastest.Request) {
			r.NotBefore, r.NotAfter = w.Now().AddDate(0, -2, 0), w.Now().AddDate(0, -1, 0)
		}), eidas.ReasonExpired},
		"serverAuth alone (R5)": {request(func(r *eidastest.Request) { r.ExtKeyUsage = []string{eidastest.ServerAuth} }), eidas.ReasonExtendedKeyUsage},
		"other role (R19)":      {w.QWAC("LT", identifier, eidas.RolePI), eidas.ReasonRoleMissing},
		"seal certificate":      {w.QSealC("LT", identifier, eidas.RoleAI), eidas.ReasonKeyUsage},
		"impostor's CA":         {impostor, eidas.ReasonSignatureInvalid},
		"CA of no list":         {other.QWAC("LT", identifier, eidas.RoleAI), eidas.ReasonIssuerUnknown},
		"chain of nine":         {nine, eidas.ReasonChainTooLong},
		"no certificate":        {nil, eidas.ReasonCertificateMissing},
	} {
		t.Run(name, func(t *testing.T) {
			b := startBank(t, w, bankOptions{})
			c := client(w, row.leaf, nil)
			if row.want == 0 {
				b.assertLetIn(t, c, identifier+" LT")
				assert.EqualValues(t, 1, b.handled.Load())
				return
			}
			b.assertRefused(t, c, row.want)
			assert.Zero(t, b.handled.Load())
			assert.Empty(t, b.told())
			b.waitMetric(t, 1, "handshakes_failed_total", row.want.String())
			assert.Equal(t, 1, b.metric(t, "handshakes_failed_total"))
		})
	}
}

func TestScenarioR7_RevokedPeerReplaysItsTicket(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	b := startBank(t, w, bankOptions{})
	l := w.QWAC("LT", identifier, eidas.RoleAI)
	replayer := &eidastest.Replayer{}
	c := client(w, l, replayer)
	b.assertLetIn(t, c, identifier+" LT")
	b.assertLetIn(t, c, identifier+" LT resumed")
	w.QTSP("LT").Revoke(l, 1)
	offered, handled := replayer.Offered(), b.handled.Load()
	for range 5 {
		b.assertRefused(t, c, eidas.ReasonRevoked)
	}
	assert.Equal(t, offered+5, replayer.Offered())
	assert.Equal(t, handled, b.handled.Load())
	assert.Equal(t, 5, b.metric(t, "sessions_total", "declined"))
}

func TestScenarioR8_RotatedClientOffersTheTicketOfItsRevokedCertificate(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	b := startBank(t, w, bankOptions{})
	old := w.QWAC("LT", identifier, eidas.RoleAI)
	c := client(w, old, nil)
	b.assertLetIn(t, c, identifier+" LT")
	b.assertLetIn(t, c, identifier+" LT resumed")
	c.present(w.QWAC("DE", identifier, eidas.RoleAI))
	w.QTSP("LT").Revoke(old, 4)
	b.assertLetIn(t, c, identifier+" DE") // a full handshake, and no error
	b.assertLetIn(t, c, identifier+" DE resumed")
	assert.Empty(t, b.failures)
	assert.Equal(t, 1, b.metric(t, "sessions_total", "declined"))
}

// Nobody gets in with the ticket of a revoked certificate, and nobody who has
// another one by now sees an error.
func TestScenarioR7R8_ManyTickets(t *testing.T) {
	count := 20
	if os.Getenv("EIDAS_FULL") != "" {
		count = 1000
	}
	w := eidastest.Start(t, eidastest.Options{})
	b := startBank(t, w, bankOptions{})
	old, next := w.QWAC("LT", identifier, eidas.RoleAI), w.QWAC("DE", identifier, eidas.RoleAI)
	attacker := client(w, old, &eidastest.Replayer{})
	b.assertLetIn(t, attacker, identifier+" LT")
	stale := make([]*tpp, count)
	for i := range stale {
		stale[i] = client(w, old, nil)
		b.assertLetIn(t, stale[i], identifier+" LT")
	}
	w.QTSP("LT").Revoke(old, 4)
	for _, c := range stale {
		c.present(next)
		b.assertLetIn(t, c, identifier+" DE")
		b.assertLetIn(t, c, identifier+" DE resumed")
	}
	handled := b.handled.Load()
	for range count {
		_, err := attacker.call(t, http.MethodGet, b.url)
		require.Error(t, err)
	}
	assert.Equal(t, handled, b.handled.Load())
	assert.Equal(t, 2*count, b.metric(t, "sessions_total", "declined"))
}

func TestScenarioR9_TicketOfTheSandboxInProduction(t *testing.T) {
	production := eidastest.Start(t, eidastest.Options{})
	sandbox := eidastest.Start(t, eidastest.Options{Profile: eidas.ProfileTest})
	shared := base(t, production)
	shared.SetSessionTicketKeys([][32]byte{{1}}) // as where both share a config
	prod := startBank(t, production, bankOptions{base: shared})
	play := startBank(t, sandbox, bankOptions{base: shared, policy: eidas.Policy{Profile: eidas.ProfileTest}})

	replayer := &eidastest.Replayer{}
	c := client(production, sandbox.QWAC("LT", identifier, eidas.RoleAI), replayer)
	play.assertLetIn(t, c, "test/"+identifier+" LT")
	play.assertLetIn(t, c, "test/"+identifier+" LT resumed")
	offered := replayer.Offered()
	prod.assertRefused(t, c, eidas.ReasonIssuerUnknown)
	c.present(production.QWAC("LT", identifier, eidas.RoleAI))
	prod.assertLetIn(t, c, identifier+" LT")
	assert.Equal(t, offered+2, replayer.Offered())
	assert.Equal(t, 2, prod.metric(t, "sessions_total", "declined"))
}

// The twin: quic-go and http3 put marks of their own into tickets, beside that of
// qwac, and none of them minds those of the others.
func TestScenarioR9_TicketsOfOneVerifierAreGoodOverTCPAndQUIC(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	shared := base(t, w)
	shared.SetSessionTicketKeys([][32]byte{{1}})
	b := startBank(t, w, bankOptions{base: shared})
	tcp := &http.Server{TLSConfig: shared, Handler: http.HandlerFunc(whoami)}
	require.NoError(t, b.verifier.ConfigureServer(tcp))
	url := w.Serve(tcp)

	c := client(w, w.QWAC("LT", identifier, eidas.RoleAI), nil)
	a, err := ask(eidastest.HTTPClient(c.config), newRequest(t, http.MethodGet, url))
	require.NoError(t, err)
	assert.Equal(t, identifier+" LT", a.body)
	b.assertLetIn(t, c, identifier+" LT resumed")
	a, err = ask(eidastest.HTTPClient(c.config), newRequest(t, http.MethodGet, url))
	require.NoError(t, err)
	assert.Equal(t, identifier+" LT resumed", a.body)
}

func TestScenarioR10R11_WithdrawnAndGrantedAgain(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	b := startBank(t, w, bankOptions{})
	c := client(w, w.QWAC("LT", identifier, eidas.RoleAI), nil)
	stays := client(w, w.QWAC("DE", identifier, eidas.RoleAI), nil)
	b.assertLetIn(t, c, identifier+" LT")
	b.assertLetIn(t, stays, identifier+" DE")
	w.Check(w.QTSP("LT").Withdraw(w.Now()))
	b.assertRefused(t, c, eidas.ReasonServiceNotGranted)
	b.assertLetIn(t, stays, identifier+" DE resumed")
	w.Check(w.QTSP("LT").Grant(w.Now()))
	b.assertLetIn(t, c, identifier+" LT resumed")
}

func TestScenarioR15_ThiefWithTheRightCertificate(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	b := startBank(t, w, bankOptions{})
	l := w.QWAC("LT", identifier, eidas.RoleAI)
	stolen, err := l.Thief()
	require.NoError(t, err)
	thief := client(w, stolen, nil)
	for range 20 {
		_, err := thief.call(t, http.MethodGet, b.url)
		require.Error(t, err)
		require.ErrorContains(t, waitFor(t, b.failures), "invalid signature by the client certificate")
	}
	assert.Empty(t, b.told())
	assert.Zero(t, b.handled.Load())
	b.waitMetric(t, 20, "handshakes_failed_total", "key_not_proved")
	assert.Zero(t, b.metric(t, "requests_total"))
	b.assertLetIn(t, client(w, l, nil), identifier+" LT")
	assert.Equal(t, []qwac.EventKind{qwac.EventFirstSeen}, b.told())
}

func TestScenarioR21_NoHintsThatCouldBeStale(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	b := startBank(t, w, bankOptions{})
	c := client(w, w.QWAC("LT", identifier, eidas.RoleAI), nil)
	hints := make(chan int, 1)
	c.config.GetClientCertificate = func(r *tls.CertificateRequestInfo) (*tls.Certificate, error) {
		hints <- len(r.AcceptableCAs)
		return c.current.Load(), nil
	}
	b.assertLetIn(t, c, identifier+" LT")
	assert.Zero(t, <-hints)
}

func TestScenarioR23_HostIsNotTheServerName(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	b := startBank(t, w, bankOptions{})
	c := client(w, w.QWAC("LT", identifier, eidas.RoleAI), nil)
	c.config.ServerName = "localhost"
	kept := c.keepAlive(t)
	for host, want := range map[string]int{
		"localhost": http.StatusOK, "LOCALHOST.:443": http.StatusOK,
		"api.bank.example": http.StatusMisdirectedRequest, "127.0.0.1": http.StatusMisdirectedRequest,
	} {
		r := newRequest(t, http.MethodGet, b.url)
		r.Host = host
		a, err := ask(kept, r)
		require.NoError(t, err)
		assert.Equal(t, want, a.status, host)
	}
	assert.EqualValues(t, 2, b.handled.Load())
}

// A header says nothing about who is calling, whatever proxies make of it.
func TestScenario_HeadersDoNotSpeakForACertificate(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	b := startBank(t, w, bankOptions{})
	victim := w.QWAC("LT", identifier, eidas.RoleAI)
	spoof := func() *http.Request {
		r := newRequest(t, http.MethodGet, b.url)
		for _, name := range []string{"Client-Cert", "X-SSL-Client-Cert", "X-Forwarded-Tls-Client-Cert", "X-Forwarded-Client-Cert", "X-TPP-Id"} {
			r.Header.Set(name, identifier)
		}
		return r
	}
	a, err := ask(client(w, w.QWAC("DE", "PSDDE-BAFIN-100001", eidas.RoleAI), nil).keepAlive(t), spoof())
	require.NoError(t, err)
	assert.Equal(t, "PSDDE-BAFIN-100001 DE", a.body)
	_, err = ask(client(w, nil, nil).keepAlive(t), spoof())
	require.Error(t, err)
	assert.EqualValues(t, 1, b.handled.Load())
	a, err = ask(client(w, victim, nil).keepAlive(t), spoof())
	require.NoError(t, err)
	assert.Equal(t, identifier+" LT", a.body)
}
