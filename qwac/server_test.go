package qwac_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"errors"
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/qwac"
)

// serverName is what the servers under test are called.
const serverName = "api.bank.example"

// bank is a server under test: a listener with the certificate of an ordinary
// CA, that its clients trust.
type bank struct {
	certificate tls.Certificate
	roots       *x509.CertPool
	perClient   bool // base has a config for each client
}

func newBank(w *world, names ...string) *bank {
	w.tb.Helper()
	key := newKey(w.tb)
	cert := w.sign(nil, key, func(c *x509.Certificate) {
		c.Subject = pkix.Name{CommonName: "bank"}
		c.DNSNames = append([]string{serverName}, names...)
		c.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 1)}
		c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
		c.IsCA, c.BasicConstraintsValid = true, true
	})
	pool := x509.NewCertPool()
	pool.AddCert(cert)
	return &bank{certificate: tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: key}, roots: pool}
}

// base is a server's config as its owner would write it.
func (b *bank) base() *tls.Config {
	c := &tls.Config{Certificates: []tls.Certificate{b.certificate}}
	if !b.perClient {
		return c
	}
	return &tls.Config{
		Certificates:       c.Certificates,
		GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return c, nil },
	}
}

// client is a stock client's config with a session cache, limited to one
// version. A nil leaf has no certificate.
func (b *bank) client(version uint16, l *leaf) *tls.Config {
	c := &tls.Config{
		RootCAs: b.roots, ServerName: serverName, MinVersion: version, MaxVersion: version,
		ClientSessionCache: tls.NewLRUClientSessionCache(8),
	}
	if l != nil {
		c.Certificates = []tls.Certificate{l.tls}
	}
	return c
}

// outcome is a handshake as both ends saw it.
type outcome struct {
	server error
	client error // TLS 1.3: of the first read, since the handshake looks good
	state  tls.ConnectionState
}

// handshake connects once over loopback. When the server lets the client in,
// one byte goes to the client, so that it reads its tickets.
func handshake(tb testing.TB, server, client *tls.Config) outcome {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(tb, err)
	defer l.Close()

	served := make(chan outcome, 1)
	go func() {
		raw, err := l.Accept()
		if err != nil {
			served <- outcome{server: err}
			return
		}
		defer raw.Close()
		_ = raw.SetDeadline(time.Now().Add(time.Minute)) // a hang fails the test, nothing is measured
		conn := tls.Server(raw, server)
		if err = conn.Handshake(); err == nil {
			_, err = conn.Write([]byte{1})
			_, _ = conn.Read(make([]byte, 1)) // until the client is done
		}
		served <- outcome{server: err, state: conn.ConnectionState()}
	}()

	raw, err := net.Dial("tcp", l.Addr().String())
	require.NoError(tb, err)
	_ = raw.SetDeadline(time.Now().Add(time.Minute))
	conn := tls.Client(raw, client)
	clientErr := conn.Handshake()
	if clientErr == nil {
		_, clientErr = io.ReadFull(conn, make([]byte, 1))
	}
	conn.Close()
	o := <-served
	o.client = clientErr
	return o
}

// versioned is a test under one version of TLS.
type versioned struct {
	*testing.T
	version uint16
}

// eachVersion runs a test under TLS 1.2 and TLS 1.3.
func eachVersion(t *testing.T, f func(versioned)) {
	t.Helper()
	for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(version), func(t *testing.T) { f(versioned{t, version}) })
	}
}

// guard is ServerConfig where it cannot fail.
func guard(tb testing.TB, v *qwac.Verifier, base *tls.Config) *tls.Config {
	tb.Helper()
	c, err := v.ServerConfig(base)
	require.NoError(tb, err)
	return c
}

func assertAccepted(tb testing.TB, o outcome, resumed bool) {
	tb.Helper()
	require.NoError(tb, o.server)
	require.NoError(tb, o.client)
	assert.Equal(tb, resumed, o.state.DidResume)
}

// assertRefused demands a typed refusal, and that the client was told.
func assertRefused(tb testing.TB, o outcome, want eidas.Reason) {
	tb.Helper()
	var refusal *eidas.Error
	require.ErrorAs(tb, o.server, &refusal)
	assert.Equal(tb, want, refusal.Reason, "%v", refusal)
	require.Error(tb, o.client, "the client must not be served")
}

func TestHandshakeOfGrantedQWACIsAccepted(t *testing.T) {
	eachVersion(t, func(t versioned) {
		w := newWorld(t)
		b := newBank(w)
		config := guard(t, w.verifier(eidas.Policy{}), b.base())
		o := handshake(t, config, b.client(t.version, w.qwac(w.qtsp("LT", "QTSP LT"), request{})))
		assertAccepted(t, o, false)
		assert.Equal(t, t.version, o.state.Version)
	})
}

// Every reason that a certificate and its surroundings can give arrives typed.
func TestHandshakeIsRefusedWithItsReason(t *testing.T) {
	id, err := eidas.ParseIdentity(tppID)
	require.NoError(t, err)
	answer := func(s eidas.Status) func(w *world) {
		return func(w *world) {
			w.setStatus(func(context.Context, eidas.StatusQuery) (eidas.StatusAnswer, error) {
				return eidas.StatusAnswer{Status: s}, nil
			})
		}
	}
	fail := func(err error) func(w *world) {
		return func(w *world) {
			w.setStatus(func(context.Context, eidas.StatusQuery) (eidas.StatusAnswer, error) { return eidas.StatusAnswer{}, err })
		}
	}
	edit := func(f func(*x509.Certificate)) request { return request{edit: f} }
	met := map[eidas.Reason]bool{0: true}
	for name, row := range map[string]struct {
		request request
		policy  eidas.Policy
		before  func(w *world)
		want    eidas.Reason // 0: accepted, the twin of a refusal
	}{
		"lawful certificate":     {},
		"chain of nine":          {request: request{name: "nine"}, want: eidas.ReasonChainTooLong},
		"CA as leaf":             {request: edit(func(c *x509.Certificate) { c.IsCA, c.BasicConstraintsValid = true, true }), want: eidas.ReasonNotEndEntity},
		"not valid yet":          {request: edit(func(c *x509.Certificate) { c.NotBefore = time.Now().Add(time.Hour) }), want: eidas.ReasonNotYetValid},
		"expired":                {request: edit(func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Hour) }), want: eidas.ReasonExpired},
		"no digitalSignature":    {request: edit(func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyAgreement }), want: eidas.ReasonKeyUsage},
		"serverAuth alone":       {request: edit(serverAuthOnly), want: eidas.ReasonExtendedKeyUsage},
		"serverAuth alone waved": {request: edit(serverAuthOnly), policy: eidas.Policy{AllowServerAuthOnly: true}},
		"2-QWAC": {request: edit(func(c *x509.Certificate) {
			c.ExtKeyUsage, c.UnknownExtKeyUsage = nil, []oid{{0, 4, 0, 194115, 1, 0}}
		}), want: eidas.ReasonTLSBinding},
		"critical extension": {request: edit(func(c *x509.Certificate) {
			c.ExtraExtensions = append(c.ExtraExtensions, pkix.Extension{Id: oid{1, 2, 3}, Critical: true, Value: []byte{5, 0}})
		}), want: eidas.ReasonCriticalExtension},
		"no statements": {request: request{plain: true}, want: eidas.ReasonStatementsMissing},
		"statements cut short": {request: edit(func(c *x509.Certificate) {
			e := &c.ExtraExtensions[0]
			e.Value = e.Value[:len(e.Value)-1]
		}), want: eidas.ReasonStatementsMalformed},
		"no PSD2 statement":         {request: request{roles: []role{}}, want: eidas.ReasonPSD2Missing},
		"no organizationIdentifier": {request: edit(func(c *x509.Certificate) { c.Subject.ExtraNames = nil }), want: eidas.ReasonIdentityMissing},
		"two organizationIdentifiers": {request: edit(func(c *x509.Certificate) {
			c.Subject.ExtraNames = append(c.Subject.ExtraNames, c.Subject.ExtraNames[0])
		}), want: eidas.ReasonIdentityAmbiguous},
		"VAT number":            {request: request{id: "VATLT-100000000000"}, want: eidas.ReasonIdentityUnregistered},
		"VAT number registered": {request: request{id: "VATLT-100000000000"}, policy: eidas.Policy{AllowUnregistered: true}},
		"RSA key of 1024 bits":  {request: request{key: rsaKey(t, 1024)}, want: eidas.ReasonKeyWeak},
		"RSA key of 2048 bits":  {request: request{key: rsaKey(t, 2048)}},
		"SHA-1":                 {request: edit(func(c *x509.Certificate) { c.SignatureAlgorithm = x509.ECDSAWithSHA1 }), want: eidas.ReasonAlgorithmWeak},
		"SHA-384":               {request: edit(func(c *x509.Certificate) { c.SignatureAlgorithm = x509.ECDSAWithSHA384 })},
		"malformed identity":    {request: request{id: "PSDLT-bl-LB000468"}, want: eidas.ReasonIdentityMalformed},
		"NCA contradicts":       {request: request{ncaID: "LV-BL"}, want: eidas.ReasonIdentityConflict},
		"no list loaded":        {before: func(w *world) { w.set.Store(nil) }, want: eidas.ReasonTrustUnavailable},
		"list undecidable":      {before: undecidable, want: eidas.ReasonIndeterminate},
		"seal certificate":      {request: request{kind: 2}, want: eidas.ReasonWrongType},
		"revoked":               {before: answer(eidas.StatusRevoked), want: eidas.ReasonRevoked},
		"status unknown":        {before: answer(eidas.StatusUnknown), want: eidas.ReasonRevocationUnknown},
		"no status owed":        {before: answer(eidas.StatusNotOwed)},
		"responder unavailable": {before: fail(eidas.ReasonRevocationUnavailable), want: eidas.ReasonRevocationUnavailable},
		"responder invalid":     {before: fail(&eidas.Error{Reason: eidas.ReasonRevocationInvalid}), want: eidas.ReasonRevocationInvalid},
		"untyped failure":       {before: fail(errors.New("disk full")), want: eidas.ReasonInternal},
		"role missing":          {request: request{roles: []role{rolePI}}, want: eidas.ReasonRoleMissing},
		"identity allowed":      {policy: eidas.Policy{Authorizer: eidas.AllowIdentities(id)}},
		"identity denied":       {policy: eidas.Policy{Authorizer: eidas.DenyIdentities(id)}, want: eidas.ReasonIdentityDenied},
		"country allowed":       {policy: eidas.Policy{Authorizer: eidas.AllowCountries("LT")}},
		"country denied":        {policy: eidas.Policy{Authorizer: eidas.AllowCountries("DE")}, want: eidas.ReasonCountryDenied},
		"authority allowed":     {policy: eidas.Policy{Authorizer: eidas.AllowAuthorities("LT-BL")}},
		"authority denied":      {policy: eidas.Policy{Authorizer: eidas.AllowAuthorities("LV-BL")}, want: eidas.ReasonAuthorityDenied},
		"own authorizer":        {policy: eidas.Policy{Authorizer: func(*eidas.Evidence) error { return errors.New("not today") }}, want: eidas.ReasonNotAuthorized},
		"panicking authorizer":  {policy: eidas.Policy{Authorizer: func(*eidas.Evidence) error { panic("boom") }}, want: eidas.ReasonInternal},
		"panicking checker": {before: func(w *world) {
			w.setStatus(func(context.Context, eidas.StatusQuery) (eidas.StatusAnswer, error) { panic("boom") })
		}, want: eidas.ReasonInternal},
	} {
		met[row.want] = true
		t.Run(name, func(t *testing.T) {
			eachVersion(t, func(t versioned) {
				w := newWorld(t)
				b := newBank(w)
				qtsp := w.qtsp("LT", "QTSP LT")
				l := w.qwac(qtsp, row.request)
				if row.want == eidas.ReasonChainTooLong {
					for range 8 {
						l.tls.Certificate = append(l.tls.Certificate, qtsp.cert.Raw)
					}
				}
				if row.before != nil {
					row.before(w)
				}
				o := handshake(t, guard(t, w.verifier(row.policy), b.base()), b.client(t.version, l))
				if row.want == 0 {
					assertAccepted(t, o, false)
					return
				}
				assertRefused(t, o, row.want)
			})
		})
	}
	for _, reason := range eidas.Reasons() {
		assert.Equal(t, !met[reason], handshakesElsewhere[reason] != "", "%s is met here, or in a test that is named", reason)
	}
}

// undecidable gives the service a qualifier that depends on what nobody here understands.
func undecidable(w *world) {
	w.services[0].Periods[0].Qualifications = []eidas.Qualification{{
		Qualifiers: []string{svcInfo + "SvcInfoExt/NotQualified"},
		Criteria:   eidas.Criteria{Assert: eidas.AssertAll, Unknown: []string{"x"}},
	}}
	w.publish()
}

func rsaKey(tb testing.TB, bits int) *rsa.PrivateKey {
	tb.Helper()
	key, err := rsa.GenerateKey(rand.Reader, bits)
	require.NoError(tb, err)
	return key
}

func serverAuthOnly(c *x509.Certificate) {
	c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth}
}

// What the trusted list says decides, whatever the certificate says.
func TestHandshakeFollowsTheList(t *testing.T) {
	eachVersion(t, func(t versioned) {
		version := t.version
		w := newWorld(t)
		b := newBank(w)
		qtsp := w.qtsp("LT", "QTSP LT")
		config := guard(t, w.verifier(eidas.Policy{}), b.base())
		good := w.qwac(qtsp, request{})
		assertAccepted(t, handshake(t, config, b.client(t.version, good)), false)

		t.Run("impostor with the same names is refused", func(t *testing.T) {
			impostor := *qtsp
			key := newKey(t)
			impostor.key = key
			impostor.cert = w.sign(nil, key, func(c *x509.Certificate) {
				c.RawSubject, c.SubjectKeyId = qtsp.cert.RawSubject, qtsp.cert.SubjectKeyId
				c.IsCA, c.BasicConstraintsValid = true, true
			})
			assertRefused(t, handshake(t, config, b.client(version, w.qwac(&impostor, request{}))), eidas.ReasonSignatureInvalid)
		})
		t.Run("unlisted CA is refused", func(t *testing.T) {
			unlisted := newWorld(t)
			assertRefused(t, handshake(t, config, b.client(version, unlisted.qwac(unlisted.qtsp("LT", "Nobody"), request{}))), eidas.ReasonIssuerUnknown)
		})
		t.Run("sandbox is refused in production", func(t *testing.T) {
			sandbox := w.qtsp("LT", "Sandbox")
			sandbox.service.List.Profile = eidas.ProfileTest
			assertRefused(t, handshake(t, config, b.client(version, w.qwac(sandbox, request{}))), eidas.ReasonProfile)
		})
		t.Run("service for other uses is refused", func(t *testing.T) {
			seals := w.qtsp("LV", "Seals only")
			seals.service.Periods[0].AdditionalInfo = []string{svcInfo + "SvcInfoExt/ForeSeals"}
			assertRefused(t, handshake(t, config, b.client(version, w.qwac(seals, request{}))), eidas.ReasonNotQualified)
		})
		t.Run("list past its date is refused", func(t *testing.T) {
			late := w.qtsp("LV", "Late")
			late.service.List.NextUpdate = time.Now().Add(-time.Hour)
			l := w.qwac(late, request{})
			assertRefused(t, handshake(t, config, b.client(version, l)), eidas.ReasonListStale)
			lenient := guard(t, w.verifier(eidas.Policy{AllowListStale: 2 * time.Hour}), b.base())
			assertAccepted(t, handshake(t, lenient, b.client(version, l)), false)
		})
		t.Run("withdrawn service is refused", func(t *testing.T) {
			w.withdraw(qtsp)
			assertRefused(t, handshake(t, config, b.client(version, good)), eidas.ReasonServiceNotGranted)
		})
	})
}

// No reason is lost or changed between the Validator and http.Server.ConnState.
func TestEveryReasonPassesThroughTheHooks(t *testing.T) {
	eachVersion(t, func(t versioned) {
		w := newWorld(t)
		b := newBank(w)
		client := b.client(t.version, w.qwac(w.qtsp("LT", "QTSP LT"), request{}))
		for _, reason := range eidas.Reasons() {
			refusal := &eidas.Error{Reason: reason}
			v := newVerifier(t, qwac.Config{Validator: validatorFunc(func() (*eidas.Result, error) { return nil, refusal })})
			o := handshake(t, guard(t, v, b.base()), client)
			assert.Same(t, refusal, o.server, "%s", reason)
			assert.Error(t, o.client)
		}
	})
}

func TestClientWithoutCertificateIsRefusedByTLSItself(t *testing.T) {
	eachVersion(t, func(t versioned) {
		w := newWorld(t)
		b := newBank(w)
		o := handshake(t, guard(t, w.verifier(eidas.Policy{}), b.base()), b.client(t.version, nil))
		require.ErrorContains(t, o.server, "didn't provide a certificate")
		refusal, ok := qwac.Refusal(o.server)
		require.True(t, ok)
		assert.Equal(t, eidas.ReasonCertificateMissing, refusal.Reason)
		assert.Error(t, o.client)
	})
}

// The heart of the product: the TPP comes with another certificate and is let
// in because it is the same TPP, with no change on the bank's side.
func TestRotatedCertificateIsAcceptedWithoutAnyChange(t *testing.T) {
	eachVersion(t, func(t versioned) {
		version := t.version
		w := newWorld(t)
		b := newBank(w)
		lt, no := w.qtsp("LT", "QTSP LT"), w.qtsp("NO", "QTSP NO")
		id, err := eidas.ParseIdentity(tppID)
		require.NoError(t, err)
		config := guard(t, w.verifier(eidas.Policy{Authorizer: eidas.AllowIdentities(id)}), b.base())
		old := w.qwac(lt, request{})
		assertAccepted(t, handshake(t, config, b.client(t.version, old)), false)
		for name, next := range map[string]*leaf{
			"new key":             w.qwac(lt, request{}),
			"other QTSP, country": w.qwac(no, request{}),
			"other name":          w.qwac(no, request{name: "TPP after a merger UAB"}),
			"other roles":         w.qwac(no, request{roles: []role{rolePI, roleAI}}),
			"old one in parallel": old,
			"renewed key":         w.qwac(no, request{key: old.tls.PrivateKey.(signer)}),
		} {
			t.Run(name, func(t *testing.T) { assertAccepted(t, handshake(t, config, b.client(version, next)), false) })
		}
		other := w.qwac(no, request{id: "PSDLT-BL-LB000469"})
		assertRefused(t, handshake(t, config, b.client(t.version, other)), eidas.ReasonIdentityDenied)
	})
}

// Hooks run before the client has proved its key, so a thief reaches them. He
// gets no further, and leaves nothing behind.
func TestThiefWithCertificateButNoKeyIsNeverLetIn(t *testing.T) {
	eachVersion(t, func(t versioned) {
		w := newWorld(t)
		b := newBank(w)
		v := w.verifier(eidas.Policy{})
		config := guard(t, v, b.base())
		l := w.qwac(w.qtsp("LT", "QTSP LT"), request{})
		stolen := tls.Certificate{Certificate: l.tls.Certificate, PrivateKey: newKey(t), Leaf: l.cert}

		o := handshake(t, config, b.client(t.version, &leaf{tls: stolen}))
		require.ErrorContains(t, o.server, "invalid signature by the client certificate")
		require.Error(t, o.client)
		assert.False(t, o.state.HandshakeComplete)
		assert.Positive(t, w.statusChecks(), "the hook did run")
		assert.Zero(t, v.Decisions(), "and kept nothing")

		assertAccepted(t, handshake(t, config, b.client(t.version, l)), false)
		assert.Equal(t, 1, v.Decisions())
	})
}

func TestHooksOfOneHandshakeShareOneVerdict(t *testing.T) {
	eachVersion(t, func(t versioned) {
		w := newWorld(t)
		w.forgetful = true
		b := newBank(w)
		v := w.verifier(eidas.Policy{})
		client := b.client(t.version, w.qwac(w.qtsp("LT", "QTSP LT"), request{}))
		config := guard(t, v, b.base())
		for i, resumed := range []bool{false, true, true} {
			assertAccepted(t, handshake(t, config, client), resumed)
			assert.Equal(t, i+1, w.statusChecks())
			assert.Zero(t, v.Parked(), "nothing waits for a later handshake")
		}
	})
}
