package qseal_test

import (
	"context"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/eidastest"
	"github.com/seed-b953571c/eidas/qseal"
)

// twoQWAC is a request for the certificate of TS 119 411-5, annex A.
func twoQWAC() eidastest.Request {
	r := eidastest.QWAC("PSDLT-BL-LB000468", eidas.RolePI)
	r.ExtKeyUsage = []string{"0.4.0.194115.1.0"}
	r.Policies = []string{"0.4.0.194112.1.6"}
	return r
}

// bindingOf has a leaf sign a binding of itself, at the time of a world.
func bindingOf(t *testing.T, leaf *eidastest.Leaf, at time.Time) *qseal.Binding {
	t.Helper()
	f := &forger{leaf.Key, leaf.Certificate}
	header := f.bindingHeader("ES256", leaf.Certificate)
	var x5c []string
	for _, c := range leaf.Chain {
		x5c = append(x5c, base64.StdEncoding.EncodeToString(c.Raw))
	}
	header = swap(t, header, f.x5c(), strings.Join(x5c, `","`))
	header = header[:strings.Index(header, `"iat"`)] + header[strings.Index(header, `"sigD"`):]
	b, err := qseal.VerifyBinding([]byte(f.compact(t, "ES256", header, "")), []*x509.Certificate{leaf.Certificate}, at, qseal.BindingOptions{AllowNoExpiry: true})
	require.NoError(t, err)
	return b
}

func TestBindingQualify(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	q := w.QTSP("LT")
	for name, row := range map[string]struct {
		change func(r *eidastest.Request)
		want   eidas.Reason
	}{
		"qualified":          {func(*eidastest.Request) {}, 0},
		"without the policy": {func(r *eidastest.Request) { r.Policies = []string{"0.4.0.194112.1.5"} }, eidas.ReasonNotQualified},
		"for seals":          {func(r *eidastest.Request) { r.Statements.Types = []string{eidastest.TypeESeal} }, eidas.ReasonWrongType},
		"not said qualified": {func(r *eidastest.Request) { r.Statements.Compliance = false }, eidas.ReasonNotQualified},
		"statements that cannot be read": {func(r *eidastest.Request) {
			r.Extensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 3}, Value: []byte{5, 0}}}
		}, eidas.ReasonStatementsMalformed},
		"both kinds of policy": {func(r *eidastest.Request) { r.Policies = append(r.Policies, "0.4.0.194112.1.5") }, 0},
	} {
		t.Run(name, func(t *testing.T) {
			r := twoQWAC()
			row.change(&r)
			leaf, err := q.Issue(r)
			require.NoError(t, err)
			got, err := bindingOf(t, leaf, w.Now()).Qualify(w.Services(), w.Now())
			if row.want == 0 {
				require.NoError(t, err)
				assert.True(t, got.Qualified)
				assert.Equal(t, eidas.TypeWeb, got.Type)
				return
			}
			require.ErrorIs(t, err, qseal.ReasonCertificate)
			assert.ErrorIs(t, err, row.want)
		})
	}
	t.Run("an impostor with the same subject", func(t *testing.T) {
		f := p256Forger()
		b := bindingOf(t, &eidastest.Leaf{Certificate: f.cert, Key: f.key, Chain: []*x509.Certificate{f.cert}}, sealTime)
		_, err := b.Qualify(w.Services(), sealTime)
		require.ErrorIs(t, err, qseal.ReasonCertificate)
		assert.ErrorIs(t, err, eidas.ReasonIssuerUnknown)
	})
	t.Run("no trusted lists", func(t *testing.T) {
		leaf, err := q.Issue(twoQWAC())
		require.NoError(t, err)
		_, err = bindingOf(t, leaf, w.Now()).Qualify(nil, w.Now())
		assert.ErrorIs(t, err, eidas.ReasonTrustUnavailable)
	})
	t.Run("no binding", func(t *testing.T) {
		_, err := (&qseal.Binding{}).Qualify(w.Services(), w.Now())
		assert.ErrorIs(t, err, eidas.ReasonCertificateMissing)
	})
	t.Run("a Validator takes it for nothing", func(t *testing.T) {
		leaf, err := q.Issue(twoQWAC())
		require.NoError(t, err)
		v := w.Validator(eidas.Policy{Authorizer: eidas.AllowAnyone()})
		for _, use := range []eidas.Use{eidas.UseTLS, eidas.UseSeal} {
			_, err := v.Validate(t.Context(), leaf.Chain, use, w.Now())
			assert.Error(t, err)
		}
	})
}

// statusFunc is a StatusChecker.
type statusFunc func(q eidas.StatusQuery) (eidas.StatusAnswer, error)

// CheckStatus implements eidas.StatusChecker.
func (f statusFunc) CheckStatus(_ context.Context, q eidas.StatusQuery) (eidas.StatusAnswer, error) {
	return f(q)
}

// Whether a 2-QWAC is revoked is asked of its responder, as of a certificate for
// websites.
func TestBindingCheckStatus(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	q := w.QTSP("LT")
	leaf, err := q.Issue(twoQWAC())
	require.NoError(t, err)
	b := bindingOf(t, leaf, w.Now())
	config, err := w.Config(eidas.Policy{Authorizer: eidas.AllowAnyone()})
	require.NoError(t, err)

	answers, err := b.CheckStatus(t.Context(), config.Status, w.Services(), w.Now())
	require.NoError(t, err)
	require.NotEmpty(t, answers)
	assert.Equal(t, eidas.StatusGood, answers[0].Status)
	q.Revoke(leaf, 1)
	_, err = b.Qualify(w.Services(), w.Now())
	require.NoError(t, err, "it is qualified all the same")
	_, err = b.CheckStatus(t.Context(), config.Status, w.Services(), w.Now())
	require.ErrorIs(t, err, qseal.ReasonCertificate)
	require.ErrorIs(t, err, eidas.ReasonRevoked)

	asked := 0
	answer := func(a eidas.StatusAnswer, err error) eidas.StatusChecker {
		return statusFunc(func(q eidas.StatusQuery) (eidas.StatusAnswer, error) {
			asked++
			assert.Equal(t, eidas.UseTLS, q.Use)
			assert.Equal(t, leaf.Certificate, q.Certificate)
			assert.Equal(t, leaf.Certificate.RawIssuer, q.Issuer.RawSubject)
			return a, err
		})
	}
	for name, row := range map[string]struct {
		checker eidas.StatusChecker
		set     *eidas.ServiceSet
		want    eidas.Reason
		asked   int
	}{
		"good":                  {answer(eidas.StatusAnswer{Status: eidas.StatusGood}, nil), w.Services(), 0, 1},
		"none is owed":          {answer(eidas.StatusAnswer{Status: eidas.StatusNotOwed}, nil), w.Services(), 0, 1},
		"revoked":               {answer(eidas.StatusAnswer{Status: eidas.StatusRevoked, Unchecked: true}, nil), w.Services(), eidas.ReasonRevoked, 1},
		"unknown":               {answer(eidas.StatusAnswer{}, nil), w.Services(), eidas.ReasonRevocationUnknown, 1},
		"unknown, and let pass": {answer(eidas.StatusAnswer{Unchecked: true}, nil), w.Services(), 0, 1},
		"outage":                {answer(eidas.StatusAnswer{}, &eidas.Error{Reason: eidas.ReasonRevocationUnavailable}), w.Services(), eidas.ReasonRevocationUnavailable, 1},
		"no reason":             {answer(eidas.StatusAnswer{}, errOutage), w.Services(), eidas.ReasonInternal, 1},
		"panic": {statusFunc(func(eidas.StatusQuery) (eidas.StatusAnswer, error) {
			asked++
			panic("boom")
		}), w.Services(), eidas.ReasonInternal, 1},
		"no checker":       {nil, w.Services(), eidas.ReasonInternal, 0},
		"no lists":         {answer(eidas.StatusAnswer{Status: eidas.StatusGood}, nil), nil, eidas.ReasonTrustUnavailable, 0},
		"not of the lists": {answer(eidas.StatusAnswer{Status: eidas.StatusGood}, nil), eidastest.Start(t, eidastest.Options{}).Services(), eidas.ReasonIssuerUnknown, 0},
	} {
		t.Run(name, func(t *testing.T) {
			asked = 0
			answers, err := b.CheckStatus(t.Context(), row.checker, row.set, w.Now())
			assert.Equal(t, row.asked, asked)
			if row.want == 0 {
				require.NoError(t, err)
				assert.Len(t, answers, 1)
				return
			}
			require.ErrorIs(t, err, qseal.ReasonCertificate)
			require.ErrorIs(t, err, row.want)
			assert.Empty(t, answers)
			if row.checker == nil {
				require.ErrorContains(t, err, "no StatusChecker")
			}
		})
	}
}
