package qseal_test

import (
	"context"
	"crypto/x509"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/eidastest"
	"github.com/seed-b953571c/eidas/qseal"
)

const (
	tppID = "PSDLT-BL-LB000468"
	roles = eidas.RoleAI | eidas.RolePI
)

func newVerifier(t *testing.T, validator qseal.Validator) *qseal.Verifier {
	t.Helper()
	v, err := qseal.New(qseal.Config{Validator: validator})
	require.NoError(t, err)
	return v
}

func verifierOver(t *testing.T, w *eidastest.Test) *qseal.Verifier {
	t.Helper()
	return newVerifier(t, w.Validator(eidas.Policy{Authorizer: eidas.RequireRoles(eidas.RoleAI)}))
}

func TestNewNeedsAValidator(t *testing.T) {
	_, err := qseal.New(qseal.Config{})
	assert.ErrorContains(t, err, "Config.Validator")
}

func TestQSealCOfAnyRealUsageIsAccepted(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	v := verifierOver(t, w)
	for name, usage := range map[string]x509.KeyUsage{
		"nonRepudiation alone":   x509.KeyUsageContentCommitment,
		"digitalSignature alone": x509.KeyUsageDigitalSignature,
		"both":                   x509.KeyUsageContentCommitment | x509.KeyUsageDigitalSignature,
		"both and encipherment":  x509.KeyUsageContentCommitment | x509.KeyUsageDigitalSignature | x509.KeyUsageKeyEncipherment,
	} {
		t.Run(name, func(t *testing.T) {
			r := eidastest.QSealC(tppID, roles)
			r.KeyUsage = usage
			l := w.Issue("LT", r)
			result, err := v.VerifyCertificate(t.Context(), l.Chain, w.Now())
			require.NoError(t, err)
			assert.Equal(t, eidas.UseSeal, result.Use)
			assert.Equal(t, tppID, result.Identity.String())
			assert.Equal(t, roles, result.Roles)
			assert.Equal(t, eidas.TypeSeal, result.Qualification.Type)

			result, err = v.VerifyCertificate(t.Context(), l.Chain[:1], w.Now())
			require.NoError(t, err, "from the leaf alone")
			assert.Equal(t, "LT", result.Service.List.Territory)
		})
	}
}

func TestSealerIsRefusedWithItsReason(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	v := verifierOver(t, w)
	for name, row := range map[string]struct {
		edit func(*eidastest.Request)
		want eidas.Reason
	}{
		"lawful":                   {edit: func(*eidastest.Request) {}},
		"encipherment alone":       {func(r *eidastest.Request) { r.KeyUsage = x509.KeyUsageKeyEncipherment }, eidas.ReasonKeyUsage},
		"no key usage":             {func(r *eidastest.Request) { r.KeyUsage = 0 }, eidas.ReasonKeyUsage},
		"for websites":             {func(r *eidastest.Request) { r.Statements.Types = []string{eidastest.TypeWeb} }, eidas.ReasonWrongType},
		"for signatures":           {func(r *eidastest.Request) { r.Statements.Types = []string{eidastest.TypeESign} }, eidas.ReasonWrongType},
		"2-QWAC":                   {func(r *eidastest.Request) { r.ExtKeyUsage = []string{eidastest.TLSBinding} }, eidas.ReasonExtendedKeyUsage},
		"no QcCompliance":          {func(r *eidastest.Request) { r.Statements.Compliance = false }, eidas.ReasonNotQualified},
		"no PSD2 statement":        {func(r *eidastest.Request) { r.Statements.PSD2 = nil }, eidas.ReasonPSD2Missing},
		"no statements":            {func(r *eidastest.Request) { r.Statements = eidastest.Statements{} }, eidas.ReasonStatementsMissing},
		"without the role":         {func(r *eidastest.Request) { *r = eidastest.QSealC(tppID, eidas.RolePI) }, eidas.ReasonRoleMissing},
		"expired":                  {func(r *eidastest.Request) { r.NotAfter = w.Now().Add(-time.Second) }, eidas.ReasonExpired},
		"CA certificate":           {func(r *eidastest.Request) { r.CA = true }, eidas.ReasonNotEndEntity},
		"foreign qualified":        {func(r *eidastest.Request) { r.Statements.Legislation = []string{"CH"} }, eidas.ReasonNotQualified},
		"identity of another kind": {func(r *eidastest.Request) { r.SetAttribute(identifier("VATLT-100000000000")) }, eidas.ReasonIdentityUnregistered},
	} {
		t.Run(name, func(t *testing.T) {
			r := eidastest.QSealC(tppID, roles)
			row.edit(&r)
			result, err := v.VerifyCertificate(t.Context(), w.Issue("LT", r).Chain, w.Now())
			assert.Equal(t, row.want, eidas.ReasonOf(err), "%v", err)
			assert.Equal(t, row.want == 0, result != nil)
		})
	}
}

func identifier(value string) eidastest.Attribute {
	return eidastest.Attribute{OID: eidastest.OIDOrganizationIdentifier, Value: value}
}

// A certificate is good for what it was issued for, in both directions.
func TestQWACDoesNotSealAndQSealCDoesNotConnect(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	validator := w.Validator(eidas.Policy{Authorizer: eidas.RequireRoles(eidas.RoleAI)})
	v := newVerifier(t, validator)
	qwac, seal := w.QWAC("LT", tppID, roles), w.QSealC("LT", tppID, roles)

	_, err := v.VerifyCertificate(t.Context(), qwac.Chain, w.Now())
	require.ErrorIs(t, err, eidas.ReasonWrongType)
	_, err = validator.Validate(t.Context(), qwac.Chain, eidas.UseTLS, w.Now())
	require.NoError(t, err)

	_, err = validator.Validate(t.Context(), seal.Chain, eidas.UseTLS, w.Now())
	require.ErrorIs(t, err, eidas.ReasonKeyUsage)
	r := eidastest.QSealC(tppID, roles) // dressed up as a client certificate
	r.KeyUsage, r.ExtKeyUsage = x509.KeyUsageDigitalSignature, []string{eidastest.ClientAuth}
	dressed := w.Issue("LT", r)
	_, err = validator.Validate(t.Context(), dressed.Chain, eidas.UseTLS, w.Now())
	require.ErrorIs(t, err, eidas.ReasonWrongType)
	_, err = v.VerifyCertificate(t.Context(), dressed.Chain, w.Now())
	assert.NoError(t, err)
}

// Whatever has been renewed, the sealer is the TPP on the connection.
func TestSealerIsTheSameTPPAsOnTheConnection(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	validator := w.Validator(eidas.Policy{Authorizer: eidas.RequireRoles(eidas.RoleAI)})
	v := newVerifier(t, validator)
	peer, err := validator.Validate(t.Context(), w.QWAC("LT", tppID, roles).Chain, eidas.UseTLS, w.Now())
	require.NoError(t, err)
	for _, territory := range []string{"LT", "DE"} {
		sealer, err := v.VerifyCertificate(t.Context(), w.QSealC(territory, tppID, roles).Chain, w.Now())
		require.NoError(t, err)
		assert.Equal(t, peer.Identity, sealer.Identity)
		assert.Equal(t, peer.Roles, sealer.Roles)
	}
	other, err := v.VerifyCertificate(t.Context(), w.QSealC("LT", "PSDLT-BL-LB000469", roles).Chain, w.Now())
	require.NoError(t, err)
	assert.NotEqual(t, peer.Identity, other.Identity)
}

func TestStandingOfTheSealerDecides(t *testing.T) {
	for name, row := range map[string]struct {
		end  func(w *eidastest.Test, l *eidastest.Leaf)
		want eidas.Reason
	}{
		"revoked":   {func(w *eidastest.Test, l *eidastest.Leaf) { w.QTSP("LT").Revoke(l, 1) }, eidas.ReasonRevoked},
		"withdrawn": {func(w *eidastest.Test, _ *eidastest.Leaf) { w.Check(w.QTSP("LT").Withdraw(w.Now())) }, eidas.ReasonServiceNotGranted},
		"responder down": {
			func(w *eidastest.Test, l *eidastest.Leaf) {
				*l = *w.QSealC("LT", tppID, roles) // nothing is known of it yet
				w.QTSP("LT").Responder.SetFault(eidastest.FaultDown)
			},
			eidas.ReasonRevocationUnavailable,
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := eidastest.Start(t, eidastest.Options{})
			v := verifierOver(t, w)
			l := w.QSealC("LT", tppID, roles)
			_, err := v.VerifyCertificate(t.Context(), l.Chain, w.Now())
			require.NoError(t, err)
			row.end(w, l)
			_, err = v.VerifyCertificate(t.Context(), l.Chain, w.Now())
			assert.ErrorIs(t, err, row.want)
		})
	}
	t.Run("impostor", func(t *testing.T) {
		w := eidastest.Start(t, eidastest.Options{})
		l, err := w.Impostor("LT").IssueQSealC(tppID, roles)
		require.NoError(t, err)
		_, err = verifierOver(t, w).VerifyCertificate(t.Context(), l.Chain, w.Now())
		assert.ErrorIs(t, err, eidas.ReasonSignatureInvalid)
	})
}

func TestNoChainIsRefused(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	for _, chain := range [][]*x509.Certificate{nil, {}} {
		_, err := verifierOver(t, w).VerifyCertificate(t.Context(), chain, w.Now())
		require.ErrorIs(t, err, eidas.ReasonCertificateMissing)
	}
	_, err := verifierOver(t, w).VerifyCertificate(t.Context(), []*x509.Certificate{nil}, w.Now())
	assert.ErrorIs(t, err, eidas.ReasonCertificateMalformed)
}

// validatorFunc is a Validator that says the same of everybody, and notes what
// it was asked.
type validatorFunc func(ctx context.Context, use eidas.Use, at time.Time) (*eidas.Result, error)

func (f validatorFunc) Validate(ctx context.Context, _ []*x509.Certificate, use eidas.Use, at time.Time) (*eidas.Result, error) {
	return f(ctx, use, at)
}

func TestValidatorIsAskedAboutSealing(t *testing.T) {
	at := time.Date(2026, 1, 2, 3, 4, 5, 6, time.UTC)
	want := &eidas.Result{}
	v := newVerifier(t, validatorFunc(func(ctx context.Context, use eidas.Use, when time.Time) (*eidas.Result, error) {
		assert.Equal(t, t.Context(), ctx)
		assert.Equal(t, eidas.UseSeal, use)
		assert.Equal(t, at, when)
		return want, nil
	}))
	got, err := v.VerifyCertificate(t.Context(), nil, at)
	require.NoError(t, err)
	assert.Same(t, want, got)
}

func TestMisbehavingValidatorRefuses(t *testing.T) {
	for name, row := range map[string]struct {
		answer func() (*eidas.Result, error)
		want   eidas.Reason
	}{
		"neither result nor refusal": {func() (*eidas.Result, error) { return nil, nil }, eidas.ReasonInternal},
		"an untyped error":           {func() (*eidas.Result, error) { return nil, errors.New("disk full") }, eidas.ReasonInternal},
		"the zero reason":            {func() (*eidas.Result, error) { return nil, eidas.Reason(0) }, eidas.ReasonInternal},
		"a refusal without reason":   {func() (*eidas.Result, error) { return nil, &eidas.Error{} }, eidas.ReasonInternal},
		"a nil refusal":              {func() (*eidas.Result, error) { return nil, (*eidas.Error)(nil) }, eidas.ReasonInternal},
		"both":                       {func() (*eidas.Result, error) { return &eidas.Result{}, errors.New("disk full") }, eidas.ReasonInternal},
		"a panic":                    {func() (*eidas.Result, error) { panic("boom\n") }, eidas.ReasonInternal},
		"a bare reason":              {func() (*eidas.Result, error) { return nil, eidas.ReasonRevoked }, eidas.ReasonRevoked},
	} {
		t.Run(name, func(t *testing.T) {
			v := newVerifier(t, validatorFunc(func(context.Context, eidas.Use, time.Time) (*eidas.Result, error) { return row.answer() }))
			result, err := v.VerifyCertificate(t.Context(), nil, time.Time{})
			assert.Nil(t, result)
			var refusal *eidas.Error
			require.ErrorAs(t, err, &refusal)
			assert.Equal(t, row.want, refusal.Reason)
			assert.NotContains(t, err.Error(), "\n")
		})
	}
}
