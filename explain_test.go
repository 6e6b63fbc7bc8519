package eidas_test

import (
	"context"
	"crypto/x509"
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
)

// assertExplained holds an Explanation to what Validate says of the same peer.
func assertExplained(t *testing.T, x *eidas.Explanation, result *eidas.Result, refusal error) {
	t.Helper()
	assert.Len(t, x.Checks, 18)
	if refusal != nil {
		require.NotNil(t, x.Refusal)
		assert.Equal(t, eidas.ReasonOf(refusal), x.Refusal.Reason)
		assert.Equal(t, refusal.Error(), x.Refusal.Error())
		return
	}
	assert.Nil(t, x.Refusal)
	assert.Equal(t, result.Degraded, x.Degraded)
	assert.Equal(t, result.ValidUntil, x.ValidUntil)
	assert.Equal(t, result.Snapshot, x.Snapshot)
	assert.Equal(t, result.Evidence, x.Evidence)
	for _, c := range x.Checks {
		assert.Contains(t, []eidas.Outcome{eidas.OutcomePass, eidas.OutcomeWaived}, c.Outcome, c.Name)
	}
}

// outcomes are the outcomes of an Explanation, one letter each, a bar between steps.
func outcomes(x *eidas.Explanation) string {
	text, last := "", eidas.StepForm
	for _, c := range x.Checks {
		if c.Step != last {
			text, last = text+"|", c.Step
		}
		text += map[eidas.Outcome]string{
			eidas.OutcomePass: "+", eidas.OutcomeFail: "!", eidas.OutcomeSkipped: "-", eidas.OutcomeWaived: "~",
		}[c.Outcome]
	}
	return text
}

// explained is a Validator with all its collaborators counted.
type explained struct {
	ca         *authority
	validator  *eidas.Validator
	status     *statusOf
	authorized int
}

func newExplained(t *testing.T, edit func(*eidas.Policy)) *explained {
	t.Helper()
	e := &explained{ca: newCA(t, "Issuing", nil), status: good()}
	p := policy(edit)
	p.Authorizer = func(*eidas.Evidence) error {
		e.authorized++
		return eidas.ReasonRoleMissing
	}
	v, err := eidas.NewValidator(eidas.Config{Services: trusting(listed(t, e.ca)), Status: e.status, Policy: p})
	require.NoError(t, err)
	e.validator = v
	return e
}

func TestExplainGoesOnAfterAFailure(t *testing.T) {
	foreign := newCA(t, "Foreign", nil)
	expired := func(c *x509.Certificate) { c.NotAfter = now.Add(-time.Hour) }
	for name, row := range map[string]struct {
		foreign    bool
		leaf       func(*x509.Certificate)
		policy     func(*eidas.Policy)
		status     eidas.Status
		want       string
		reason     eidas.Reason
		asked      int
		authorized int
	}{
		"only the role": {false, qwac, nil, eidas.StatusGood, "++++++++|++|++|++|++|+|!", eidas.ReasonRoleMissing, 1, 1},
		"expired, revoked and without role": {
			false, both(qwac, expired), nil, eidas.StatusRevoked,
			"++!+++++|++|++|++|++|!|!", eidas.ReasonExpired, 1, 1,
		},
		"without statements": {
			false, both(qwac, func(c *x509.Certificate) { c.ExtraExtensions = nil }), nil, eidas.StatusGood,
			"++++++++|!-|--|++|--|+|-", eidas.ReasonStatementsMissing, 1, 0,
		},
		"without PSD2 statement": {
			false, both(qwac, func(c *x509.Certificate) { setStatements(c, qcStatements(3, "")) }), nil, eidas.StatusGood,
			"++++++++|+!|++|++|++|+|!", eidas.ReasonPSD2Missing, 1, 1,
		},
		"let pass without PSD2 statement": {
			false, both(qwac, func(c *x509.Certificate) { setStatements(c, qcStatements(3, "")) }),
			func(p *eidas.Policy) { p.AllowNoPSD2 = true }, eidas.StatusGood,
			"++++++++|+~|++|++|++|+|!", eidas.ReasonRoleMissing, 1, 1,
		},
		// Nobody may be asked about it: its URLs are a stranger's.
		"a stranger's": {true, qwac, nil, eidas.StatusGood, "++++++++|++|++|!-|--|-|-", eidas.ReasonIssuerUnknown, 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			edit := row.policy
			if edit == nil {
				edit = func(*eidas.Policy) {}
			}
			e := newExplained(t, edit)
			e.status.answer.Status = row.status
			issuer := e.ca
			if row.foreign {
				issuer = foreign
			}
			x := e.validator.Explain(context.Background(), []*x509.Certificate{issue(t, issuer, newKey(t), row.leaf)}, eidas.UseTLS, now)
			assert.Equal(t, row.want, outcomes(x))
			require.NotNil(t, x.Refusal)
			assert.Equal(t, row.reason, x.Refusal.Reason)
			assert.Len(t, e.status.asked, row.asked)
			assert.Equal(t, row.authorized, e.authorized)
			for _, c := range x.Checks {
				assert.Equal(t, c.Outcome == eidas.OutcomeFail, c.Refusal != nil, c.Name)
				if c.Outcome == eidas.OutcomePass && c.Name != eidas.CheckExtensions {
					assert.NotEmpty(t, c.Evidence, c.Name)
				}
			}
		})
	}
}

func TestExplainOfNothing(t *testing.T) {
	e := newExplained(t, func(*eidas.Policy) {})
	leaf := issue(t, e.ca, newKey(t), qwac)
	for name, row := range map[string]struct {
		peer []*x509.Certificate
		use  eidas.Use
		want eidas.Reason
	}{
		"no certificate":  {nil, eidas.UseTLS, eidas.ReasonCertificateMissing},
		"nil certificate": {[]*x509.Certificate{nil}, eidas.UseTLS, eidas.ReasonCertificateMalformed},
		"too many":        {[]*x509.Certificate{leaf, leaf, leaf, leaf, leaf, leaf, leaf, leaf, leaf}, eidas.UseSeal, eidas.ReasonChainTooLong},
		"no use":          {[]*x509.Certificate{leaf}, 0, eidas.ReasonInternal},
	} {
		t.Run(name, func(t *testing.T) {
			x := e.validator.Explain(context.Background(), row.peer, row.use, now)
			_, err := e.validator.Validate(context.Background(), row.peer, row.use, now)
			assertExplained(t, x, nil, err)
			assert.Equal(t, row.want, x.Refusal.Reason)
			for _, c := range x.Checks[1:] {
				assert.Equal(t, eidas.OutcomeSkipped, c.Outcome, c.Name)
			}
		})
	}
	assert.Empty(t, e.status.asked)
}

// Every certificate of a chain is asked about, also when one has no answer.
func TestExplainAsksAboutEveryCertificate(t *testing.T) {
	root := newCA(t, "Root", nil)
	issuing := newCA(t, "Issuing", root)
	status := &statusOf{err: errors.New("x")}
	v, err := eidas.NewValidator(eidas.Config{Services: trusting(listed(t, root)), Status: status, Policy: policy()})
	require.NoError(t, err)
	peer := []*x509.Certificate{issue(t, issuing, newKey(t), qwac), issuing.cert}
	x := v.Explain(context.Background(), peer, eidas.UseTLS, now)
	assert.Len(t, status.asked, 2)
	assert.Len(t, x.Evidence.Status, 2)
	status.asked = nil
	_, err = v.Validate(context.Background(), peer, eidas.UseTLS, now)
	require.ErrorIs(t, err, eidas.ReasonInternal)
	assert.Len(t, status.asked, 1)
}

func TestStepAndOutcomeHaveCodes(t *testing.T) {
	for step, want := range map[eidas.Step]string{0: "none", eidas.StepForm: "form", eidas.StepAuthorisation: "authorisation", 99: "none"} {
		text, err := step.MarshalText()
		require.NoError(t, err)
		assert.Equal(t, want, string(text))
	}
	for outcome, want := range map[eidas.Outcome]string{0: "skipped", eidas.OutcomePass: "pass", eidas.OutcomeWaived: "waived", eidas.OutcomeFail: "fail", 99: "skipped"} {
		text, err := outcome.MarshalText()
		require.NoError(t, err)
		assert.Equal(t, want, string(text))
	}
}
