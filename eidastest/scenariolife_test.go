package eidastest_test

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"math/big"
	"net/http"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/eidastest"
	"github.com/seed-b953571c/eidas/qwac"
	"github.com/seed-b953571c/eidas/revocation"
	"github.com/seed-b953571c/eidas/trustlist"
)

// Scenarios of the life of a TPP's certificates.

func TestScenarioR1_OldAndNewInParallelForThirtyDays(t *testing.T) {
	eachTLS(t, func(t version) {
		w := eidastest.Start(t, eidastest.Options{Now: time.Now().Truncate(time.Second)})
		b := startBank(t, w, bankOptions{})
		old := w.QWAC("LT", identifier, eidas.RoleAI)
		first := b.client(t.tls, old)
		b.assertLetIn(t, first, identifier+" LT")
		assert.Equal(t, []qwac.EventKind{qwac.EventFirstSeen}, b.told())
		second := b.client(t.tls, w.QWAC("LT", identifier, eidas.RoleAI))
		for range 30 {
			w.SetNow(w.Now().Add(24 * time.Hour))
			b.assertLetIn(t, first, identifier+" LT")
			b.assertLetIn(t, second, identifier+" LT")
		}
		assert.Equal(t, []qwac.EventKind{qwac.EventFirstSeen, qwac.EventOverlapping}, b.told())
	})
}

func TestScenarioR2_NewQTSPInAnotherCountry(t *testing.T) {
	eachTLS(t, func(t version) {
		w := eidastest.Start(t, eidastest.Options{})
		b := startBank(t, w, bankOptions{})
		b.assertLetIn(t, b.client(t.tls, w.QWAC("LT", identifier, eidas.RoleAI)), identifier+" LT")
		b.told()
		b.assertLetIn(t, b.client(t.tls, w.QWAC("DE", identifier, eidas.RoleAI)), identifier+" DE")
		assert.Equal(t, []qwac.EventKind{qwac.EventFirstSeen, qwac.EventOverlapping, qwac.EventIssuerChanged}, b.told())

		held := startBank(t, w, bankOptions{rotation: qwac.Rotation{HoldNewIssuer: true}})
		held.assertLetIn(t, held.client(t.tls, w.QWAC("LT", identifier, eidas.RoleAI)), identifier+" LT")
		next := w.QWAC("DE", identifier, eidas.RoleAI)
		a, err := call(held.client(t.tls, next), held.url)
		require.NoError(t, err)
		assert.Equal(t, http.StatusForbidden, a.status)
		refs, err := held.verifier.Certificates(t.Context(), parseID(t, identifier))
		require.NoError(t, err)
		require.NoError(t, held.verifier.Confirm(t.Context(), parseID(t, identifier), refs[1].SHA256))
		held.assertLetIn(t, held.client(t.tls, next), identifier+" DE")
	})
}

func TestScenarioR3_KeyTypes(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	rsa, err := w.AddQTSP(eidastest.QTSPOptions{Territory: "FR", Key: eidastest.RSA2048})
	require.NoError(t, err)
	of := func(kind eidastest.KeyType) eidastest.Request {
		r := eidastest.QWAC(identifier, eidas.RoleAI)
		r.KeyType = kind
		return r
	}
	ec256, rsa2048, pss := w.Issue("LT", of(eidastest.P256)), w.Issue("LT", of(eidastest.RSA2048)), of(eidastest.RSA2048)
	pss.Signature = x509.SHA256WithRSAPSS
	signedPSS, err := rsa.Issue(pss)
	require.NoError(t, err)
	require.Equal(t, x509.SHA256WithRSAPSS, signedPSS.Certificate.SignatureAlgorithm)
	for name, row := range map[string]struct {
		old, next *eidastest.Leaf
		territory string
		want      []qwac.EventKind
	}{
		"RSA to P-256":      {rsa2048, ec256, "LT", []qwac.EventKind{qwac.EventKeyTypeChanged}},
		"P-256 to RSA":      {ec256, rsa2048, "LT", []qwac.EventKind{qwac.EventKeyTypeChanged}},
		"RSA-PSS signature": {rsa2048, signedPSS, "FR", []qwac.EventKind{qwac.EventIssuerChanged}},
		"the same key":      {ec256, w.Issue("LT", func() eidastest.Request { r := of(0); r.Key = ec256.Key; return r }()), "LT", []qwac.EventKind{qwac.EventKeyReused}},
	} {
		t.Run(name, func(t *testing.T) {
			eachTLS(t, func(t version) {
				b := startBank(t, w, bankOptions{})
				b.assertLetIn(t, b.client(t.tls, row.old), identifier+" LT")
				b.told()
				b.assertLetIn(t, b.client(t.tls, row.next), identifier+" "+row.territory)
				assert.Equal(t, append([]qwac.EventKind{qwac.EventFirstSeen, qwac.EventOverlapping}, row.want...), b.told())
			})
		})
	}
}

func TestScenarioR4_IssuingCARenewed(t *testing.T) {
	eachTLS(t, func(t version) {
		w := eidastest.Start(t, eidastest.Options{})
		b := startBank(t, w, bankOptions{})
		q := w.QTSP("LT")
		b.assertLetIn(t, b.client(t.tls, w.QWAC("LT", identifier, eidas.RoleAI)), identifier+" LT")
		b.told()

		// The same name, another key, on the list beside the old one.
		renewed, err := w.AddQTSP(eidastest.QTSPOptions{Territory: "LT", Name: q.Name()})
		require.NoError(t, err)
		require.Equal(t, q.Issuing.Certificate.RawSubject, renewed.Issuing.Certificate.RawSubject)
		leaf, err := renewed.IssueQWAC(identifier, eidas.RoleAI)
		require.NoError(t, err)
		b.assertLetIn(t, b.client(t.tls, leaf), identifier+" LT")
		assert.Equal(t, []qwac.EventKind{qwac.EventFirstSeen, qwac.EventOverlapping}, b.told(), "the QTSP is the same")

		// Not on the list, but certified by the CA that is.
		unlisted := w.Impostor("LT")
		leaf, err = unlisted.IssueQWAC(identifier, eidas.RoleAI)
		require.NoError(t, err)
		b.assertRefused(t, b.client(t.tls, leaf), eidas.ReasonSignatureInvalid)
		leaf.Chain = []*x509.Certificate{leaf.Certificate, crossSign(t, q, unlisted)}
		b.assertLetIn(t, b.client(t.tls, leaf), identifier+" LT")
	})
}

// crossSign makes a certificate for the key of one CA by another.
func crossSign(tb testing.TB, by, of *eidastest.QTSP) *x509.Certificate {
	tb.Helper()
	tmpl := *of.Issuing.Certificate
	tmpl.SerialNumber, tmpl.OCSPServer, tmpl.SignatureAlgorithm = big.NewInt(time.Now().UnixNano()), []string{by.ResponderURL}, 0
	tmpl.AuthorityKeyId = by.Issuing.Certificate.SubjectKeyId // CreateCertificate takes a self-issued one for self-signed
	der, err := x509.CreateCertificate(rand.Reader, &tmpl, by.Issuing.Certificate, of.Issuing.Key.Public(), by.Issuing.Key)
	require.NoError(tb, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(tb, err)
	by.Responder.Issued(cert)
	return cert
}

func TestScenarioR5_RenewalWithoutClientAuth(t *testing.T) {
	eachTLS(t, func(t version) {
		w := eidastest.Start(t, eidastest.Options{})
		r := eidastest.QWAC(identifier, eidas.RoleAI)
		r.ExtKeyUsage = []string{eidastest.ServerAuth}
		l := w.Issue("LT", r)
		strict := startBank(t, w, bankOptions{})
		strict.assertRefused(t, strict.client(t.tls, l), eidas.ReasonExtendedKeyUsage)
		b := startBank(t, w, bankOptions{policy: eidas.Policy{AllowServerAuthOnly: true}})
		b.assertLetIn(t, b.client(t.tls, l), identifier+" LT")
		assert.Positive(t, b.metric(t, "eidas_qwac_degraded_total", string(eidas.DegradedServerAuthOnly)))
	})
}

func TestScenarioR11_ServiceGrantedAgain(t *testing.T) {
	eachTLS(t, func(t version) {
		w := eidastest.Start(t, eidastest.Options{})
		b := startBank(t, w, bankOptions{})
		c := b.client(t.tls, w.QWAC("LT", identifier, eidas.RoleAI))
		b.assertLetIn(t, c, identifier+" LT")
		for range 2 {
			w.Check(w.QTSP("LT").Withdraw(w.Now()))
			b.assertRefused(t, c, eidas.ReasonServiceNotGranted)
			w.Check(w.QTSP("LT").Grant(w.Now()))
			b.assertLetIn(t, c, identifier+" LT")
		}
	})
}

// brokenSource fails when it is told to.
type brokenSource struct {
	trustlist.Source
	broken bool
}

func (s *brokenSource) Fetch(ctx context.Context, url string) ([]byte, error) {
	if s.broken {
		return nil, &trustlist.Error{Reason: trustlist.ReasonFetchFailed, URL: url}
	}
	return s.Source.Fetch(ctx, url)
}

func TestScenarioR12_ListsCannotBeRefreshed(t *testing.T) {
	eachTLS(t, func(t version) {
		w := eidastest.Start(t, eidastest.Options{})
		w.List("LT").NextUpdate = w.Now().Add(-2 * time.Hour)
		w.Check(w.List("LT").Publish())
		source := &brokenSource{Source: w.Source()}
		b := startBank(t, w, bankOptions{})
		lists, err := trustlist.NewStore(trustlist.StoreConfig{
			Config: trustlist.Config{Anchors: w.Anchors(), Source: source}, Registerer: b.registry,
		})
		require.NoError(t, err)
		require.NoError(t, lists.Refresh(t.Context()))
		source.broken = true
		_ = lists.Refresh(t.Context()) // what was there stays; the metrics tell

		patient := startBank(t, w, bankOptions{services: lists})
		l := w.QWAC("LT", identifier, eidas.RoleAI)
		patient.assertLetIn(t, patient.client(t.tls, l), identifier+" LT")
		assert.Positive(t, patient.metric(t, "eidas_qwac_degraded_total", string(eidas.DegradedListStale)))
		assert.Equal(t, 1, metricOf(t, b.registry, "eidas_trustlist_list_stale", "LT"))
		assert.Positive(t, metricOf(t, b.registry, "eidas_trustlist_refreshes_total", "kept"))

		strict := startBank(t, w, bankOptions{services: lists, policy: eidas.Policy{
			Authorizer: eidas.RequireRoles(eidas.RoleAI), AllowListStale: time.Hour,
		}})
		strict.assertRefused(t, strict.client(t.tls, l), eidas.ReasonListStale)
		strict.assertLetIn(t, strict.client(t.tls, w.QWAC("DE", identifier, eidas.RoleAI)), identifier+" DE")
	})
}

func TestScenarioR13_ClockSkew(t *testing.T) {
	const skew = 5 * time.Minute
	w := eidastest.Start(t, eidastest.Options{Now: time.Now().Truncate(time.Second)})
	begin, end := w.Now().Add(24*time.Hour), w.Now().Add(48*time.Hour)
	r := eidastest.QWAC(identifier, eidas.RoleAI)
	r.NotBefore, r.NotAfter = begin, end
	l := w.Issue("LT", r)
	for name, row := range map[string]struct {
		at     time.Time
		skewed time.Duration // of the responder
		want   eidas.Reason
	}{
		"before notBefore":        {begin.Add(-skew), 0, eidas.ReasonNotYetValid},
		"at notBefore":            {begin, 0, 0},
		"after notBefore":         {begin.Add(skew), 0, 0},
		"before notAfter":         {end.Add(-skew), 0, 0},
		"at notAfter":             {end, 0, 0},
		"after notAfter":          {end.Add(skew), 0, eidas.ReasonExpired},
		"responder is ahead":      {begin.Add(time.Hour), skew, 0},
		"responder is far ahead":  {begin.Add(time.Hour), 2 * time.Hour, eidas.ReasonRevocationInvalid},
		"responder is behind":     {begin.Add(time.Hour), -skew, 0},
		"responder is far behind": {begin.Add(23 * time.Hour), -13 * time.Hour, eidas.ReasonRevocationInvalid},
	} {
		t.Run(name, func(t *testing.T) {
			eachTLS(t, func(t version) {
				w.SetNow(row.at.Add(row.skewed)) // the responder answers by the world's time, the bank judges by its own
				b := startBank(t, w, bankOptions{at: row.at})
				if row.want == 0 {
					b.assertLetIn(t, b.client(t.tls, l), identifier+" LT")
					return
				}
				b.assertRefused(t, b.client(t.tls, l), row.want)
			})
		})
	}
}

// Renewals may keep, lose or win roles: what the certificate in hand says counts (R19).
func TestScenarioR19_RolesChangeAtRenewal(t *testing.T) {
	eachTLS(t, func(t version) {
		w := eidastest.Start(t, eidastest.Options{})
		accounts := startBank(t, w, bankOptions{})
		payments := startBank(t, w, bankOptions{policy: eidas.DefaultPolicy(eidas.RequireRoles(eidas.RolePI)), store: accounts.store})
		both, shrunk := w.QWAC("LT", identifier, eidas.RoleAI|eidas.RolePI), w.QWAC("LT", identifier, eidas.RoleAI)
		payments.assertLetIn(t, payments.client(t.tls, both), identifier+" LT")
		accounts.assertLetIn(t, accounts.client(t.tls, both), identifier+" LT")
		payments.assertRefused(t, payments.client(t.tls, shrunk), eidas.ReasonRoleMissing)
		accounts.assertLetIn(t, accounts.client(t.tls, shrunk), identifier+" LT")
		assert.Equal(t, []qwac.EventKind{qwac.EventFirstSeen, qwac.EventOverlapping, qwac.EventRolesChanged}, accounts.told())
		grown := w.QWAC("LT", identifier, eidas.RoleAI|eidas.RolePI)
		payments.assertLetIn(t, payments.client(t.tls, grown), identifier+" LT")
		assert.Equal(t, []qwac.EventKind{qwac.EventFirstSeen, qwac.EventFirstSeen, qwac.EventOverlapping, qwac.EventRolesChanged}, payments.told())
	})
}

func TestScenarioR16_TwoInstancesTellOnce(t *testing.T) {
	eachTLS(t, func(t version) {
		w := eidastest.Start(t, eidastest.Options{})
		one := startBank(t, w, bankOptions{})
		two := startBank(t, w, bankOptions{store: one.store})
		for territory, want := range map[string]int{"LT": 1, "DE": 1} {
			l := w.QWAC(territory, identifier, eidas.RoleAI)
			var calls sync.WaitGroup
			for _, b := range []*bank{one, two, one, two} {
				calls.Go(func() { b.assertLetIn(t, b.client(t.tls, l), identifier+" "+territory) })
			}
			calls.Wait()
			seen := 0
			for _, kind := range append(one.told(), two.told()...) {
				if kind == qwac.EventFirstSeen {
					seen++
				}
			}
			assert.Equal(t, want, seen)
		}
		assert.Equal(t, 2, one.metric(t, "eidas_qwac_rotation_events_total", "first_seen")+two.metric(t, "eidas_qwac_rotation_events_total", "first_seen"))
		assert.Equal(t, 1, one.metric(t, "eidas_qwac_rotation_events_total", "overlapping")+two.metric(t, "eidas_qwac_rotation_events_total", "overlapping"))
	})
}

func TestScenarioR22_ResponderDownAtFirstSight(t *testing.T) {
	eachTLS(t, func(t version) {
		w := eidastest.Start(t, eidastest.Options{})
		b := startBank(t, w, bankOptions{status: caching(t, nil)})
		old, next := w.QWAC("LT", identifier, eidas.RoleAI), w.QWAC("LT", identifier, eidas.RoleAI)
		b.assertLetIn(t, b.client(t.tls, old), identifier+" LT")
		w.QTSP("LT").Responder.SetFault(eidastest.FaultDown)
		b.assertLetIn(t, b.client(t.tls, old), identifier+" LT") // from its own answer, which is fresh
		b.assertRefused(t, b.client(t.tls, next), eidas.ReasonRevocationUnavailable)
		lenient := startBank(t, w, bankOptions{status: caching(t, func(c *revocation.Config) { c.AllowUnavailable = true })})
		lenient.assertLetIn(t, lenient.client(t.tls, next), identifier+" LT")
		assert.Positive(t, lenient.metric(t, "eidas_qwac_degraded_total", string(eidas.DegradedRevocationUnchecked)))
	})
}
