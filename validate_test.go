package eidas_test

import (
	"context"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/json"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
)

// statusOf is a StatusChecker with one answer for all, that counts.
type statusOf struct {
	answer eidas.StatusAnswer
	err    error
	asked  []eidas.StatusQuery
}

func (s *statusOf) CheckStatus(_ context.Context, q eidas.StatusQuery) (eidas.StatusAnswer, error) {
	s.asked = append(s.asked, q)
	return s.answer, s.err
}

func good() *statusOf { return &statusOf{answer: eidas.StatusAnswer{Status: eidas.StatusGood}} }

func policy(edits ...func(*eidas.Policy)) eidas.Policy {
	p := eidas.Policy{Authorizer: eidas.AllowAnyone()}
	for _, e := range edits {
		e(&p)
	}
	return p
}

// run validates one leaf of a listed CA.
type run struct {
	leaf    func(*x509.Certificate)
	service func(*eidas.Service)
	policy  func(*eidas.Policy)
	status  *statusOf
	use     eidas.Use
	at      time.Time
}

func (r run) validate(t *testing.T) (*eidas.Result, error) {
	t.Helper()
	if r.leaf == nil {
		r.leaf = qwac
	}
	if r.service == nil {
		r.service = func(*eidas.Service) {}
	}
	if r.policy == nil {
		r.policy = func(*eidas.Policy) {}
	}
	if r.status == nil {
		r.status = good()
	}
	if r.use == 0 {
		r.use = eidas.UseTLS
	}
	if r.at.IsZero() {
		r.at = now
	}
	ca := newCA(t, "Issuing", nil)
	cfg := eidas.Config{Services: trusting(listed(t, ca, r.service)), Status: r.status, Policy: policy(r.policy)}
	if cfg.Policy.AllowNoRevocation {
		cfg.Status = nil
	}
	v, err := eidas.NewValidator(cfg)
	require.NoError(t, err)
	peer := []*x509.Certificate{issue(t, ca, newKey(t), r.leaf)}
	result, refusal := v.Validate(context.Background(), peer, r.use, r.at)
	assertExplained(t, v.Explain(context.Background(), peer, r.use, r.at), result, refusal)
	return result, refusal
}

func TestValidateAccepts(t *testing.T) {
	res, err := run{}.validate(t)
	require.NoError(t, err)
	assert.Equal(t, tppID, res.Identity.String())
	assert.Equal(t, eidas.RoleAI|eidas.RolePI, res.Roles)
	assert.Equal(t, eidas.TypeWeb, res.Qualification.Type)
	assert.Equal(t, "snapshot-1", res.Snapshot)
	assert.Equal(t, res.Service.List.NextUpdate, res.ValidUntil)
	assert.Len(t, res.Chain, 2)
	assert.NotNil(t, res.Service)
	assert.Empty(t, res.Degraded)

	res, err = run{leaf: qseal, use: eidas.UseSeal}.validate(t)
	require.NoError(t, err)
	assert.Equal(t, tppID, res.Identity.String())
	assert.Equal(t, eidas.TypeSeal, res.Qualification.Type)
}

// Each refusal, by the step that gives it. The twin that passes is TestValidateAccepts.
func TestValidateRefuses(t *testing.T) {
	subject := func(f func(*pkix.Name)) func(*x509.Certificate) {
		return both(qwac, func(c *x509.Certificate) { f(&c.Subject) })
	}
	orgIDs := func(values ...string) func(*x509.Certificate) {
		return subject(func(n *pkix.Name) {
			n.ExtraNames = nil
			for _, v := range values {
				n.ExtraNames = append(n.ExtraNames, pkix.AttributeTypeAndValue{Type: asn1.ObjectIdentifier{2, 5, 4, 97}, Value: v})
			}
		})
	}
	leaf := func(f func(*x509.Certificate)) func(*x509.Certificate) { return both(qwac, f) }
	rows := []struct {
		name string
		run  run
		want eidas.Reason
	}{
		{"1 expired", run{at: now.AddDate(1, 0, 1)}, eidas.ReasonExpired},
		{"1 not yet valid", run{at: now.AddDate(-1, 0, -1)}, eidas.ReasonNotYetValid},
		{"1 CA certificate", run{leaf: leaf(func(c *x509.Certificate) { c.IsCA, c.BasicConstraintsValid = true, true })}, eidas.ReasonNotEndEntity},
		{"1 may sign certificates", run{leaf: leaf(func(c *x509.Certificate) {
			c.KeyUsage |= x509.KeyUsageCertSign
			c.IsCA, c.BasicConstraintsValid = true, true
		})}, eidas.ReasonNotEndEntity},
		{"1 key usage", run{leaf: leaf(func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyEncipherment })}, eidas.ReasonKeyUsage},
		{"1 a QSealC's key usage on TLS", run{leaf: leaf(func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageContentCommitment })}, eidas.ReasonKeyUsage},
		{"1 key usage of a seal", run{use: eidas.UseSeal, leaf: both(qseal, func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyAgreement })}, eidas.ReasonKeyUsage},
		{"1 no key usage of a seal", run{use: eidas.UseSeal, leaf: both(qseal, func(c *x509.Certificate) { c.KeyUsage = 0 })}, eidas.ReasonKeyUsage},
		{"1 time stamping unit as a seal", run{use: eidas.UseSeal, leaf: both(qseal, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageTimeStamping} })}, eidas.ReasonExtendedKeyUsage},
		{"1 serverAuth only", run{leaf: leaf(func(c *x509.Certificate) { c.ExtKeyUsage = c.ExtKeyUsage[1:] })}, eidas.ReasonExtendedKeyUsage},
		{"1 no extended key usage", run{leaf: leaf(func(c *x509.Certificate) { c.ExtKeyUsage = nil })}, eidas.ReasonExtendedKeyUsage},
		{"1 any extended key usage", run{leaf: leaf(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageAny} })}, eidas.ReasonExtendedKeyUsage},
		{"1 2-QWAC", run{leaf: leaf(func(c *x509.Certificate) {
			c.ExtKeyUsage, c.UnknownExtKeyUsage = nil, []asn1.ObjectIdentifier{{0, 4, 0, 194115, 1, 0}}
		})}, eidas.ReasonTLSBinding},
		{"1 unknown critical extension", run{leaf: leaf(func(c *x509.Certificate) {
			c.ExtraExtensions = append(c.ExtraExtensions, pkix.Extension{Id: asn1.ObjectIdentifier{1, 2, 3}, Critical: true, Value: []byte{5, 0}})
		})}, eidas.ReasonCriticalExtension},
		{"2 no statements", run{leaf: leaf(func(c *x509.Certificate) { c.ExtraExtensions = nil })}, eidas.ReasonStatementsMissing},
		{"2 garbled statements", run{leaf: leaf(func(c *x509.Certificate) { setStatements(c, []byte{0x30, 3, 1, 2}) })}, eidas.ReasonStatementsMalformed},
		{"2 garbled critical statements", run{leaf: leaf(func(c *x509.Certificate) {
			setStatements(c, []byte{0x30, 3, 1, 2})
			c.ExtraExtensions[0].Critical = true
		})}, eidas.ReasonStatementsMalformed},
		{"2 no PSD2 statement", run{leaf: leaf(func(c *x509.Certificate) { setStatements(c, qcStatements(3, "")) })}, eidas.ReasonPSD2Missing},
		{"2 role name of another role", run{leaf: leaf(func(c *x509.Certificate) {
			setStatements(c, qcStatements(3, "LT-BL", eidas.Role{OID: rolePI.OID, Name: roleAI.Name}))
		})}, eidas.ReasonStatementsMalformed},
		{"3 no identity", run{leaf: orgIDs()}, eidas.ReasonIdentityMissing},
		{"3 two identities", run{leaf: orgIDs(tppID, "PSDLT-BL-LB000001")}, eidas.ReasonIdentityAmbiguous},
		{"3 malformed identity", run{leaf: orgIDs("PSDLT-bl-LB000458")}, eidas.ReasonIdentityMalformed},
		{"3 identity in OU only", run{leaf: both(orgIDs(), func(c *x509.Certificate) { c.Subject.OrganizationalUnit = []string{tppID} })}, eidas.ReasonIdentityMissing},
		{"3 another authority than the statement's", run{leaf: orgIDs("PSDLV-BL-LB000458")}, eidas.ReasonIdentityConflict},
		{"3 unregistered VAT number", run{leaf: orgIDs("VATLT-100011223344")}, eidas.ReasonIdentityUnregistered},
		{"5 service withdrawn", run{service: func(s *eidas.Service) { s.Periods[0].Status = statusBase + "withdrawn" }}, eidas.ReasonServiceNotGranted},
		{"5 service for signatures only", run{service: func(s *eidas.Service) { s.Periods[0].AdditionalInfo = []string{infoBase + forSig} }}, eidas.ReasonNotQualified},
		{"5 QSealC on TLS", run{leaf: leaf(func(c *x509.Certificate) { setStatements(c, qcStatements(2, "LT-BL", rolePI)) })}, eidas.ReasonWrongType},
		{"5 QWAC as a seal", run{use: eidas.UseSeal}, eidas.ReasonWrongType},
		{"5 not qualified", run{service: func(s *eidas.Service) {
			s.Periods[0].Qualifications[0].Qualifiers = []string{infoBase + "NotQualified"}
		}}, eidas.ReasonNotQualified},
		{"5 undecidable", run{service: func(s *eidas.Service) { s.Periods[0].Qualifications[0].Criteria.Unknown = []string{"x"} }}, eidas.ReasonIndeterminate},
		{"5 stale list", run{service: func(s *eidas.Service) { s.List.NextUpdate = now.Add(-time.Second) }}, eidas.ReasonListStale},
		{"6 revoked", run{status: &statusOf{answer: eidas.StatusAnswer{Status: eidas.StatusRevoked}}}, eidas.ReasonRevoked},
		{"6 unknown", run{status: &statusOf{}}, eidas.ReasonRevocationUnknown},
		{"6 invalid status", run{status: &statusOf{answer: eidas.StatusAnswer{Status: 99}}}, eidas.ReasonRevocationUnknown},
		{"6 unavailable", run{status: &statusOf{err: &eidas.Error{Reason: eidas.ReasonRevocationUnavailable}}}, eidas.ReasonRevocationUnavailable},
		{"6 defect", run{status: &statusOf{answer: eidas.StatusAnswer{Status: eidas.StatusGood}, err: errors.New("x")}}, eidas.ReasonInternal},
		{"7 role", run{policy: func(p *eidas.Policy) { p.Authorizer = eidas.RequireRoles(eidas.RoleIC) }}, eidas.ReasonRoleMissing},
		{"7 panic", run{policy: func(p *eidas.Policy) { p.Authorizer = func(*eidas.Evidence) error { panic("x") } }}, eidas.ReasonInternal},
		{"use", run{use: 99}, eidas.ReasonInternal},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			res, err := r.run.validate(t)
			assert.Nil(t, res)
			require.Error(t, err)
			assert.Equal(t, r.want, eidas.ReasonOf(err), err.Error())
			require.ErrorIs(t, err, r.want)
		})
	}
}

// The word of TS 119 615 for every QWAC, good or not, is "Not AdES", which tells
// nobody why it was refused.
func TestRefusalOfTheQualificationIsASentence(t *testing.T) {
	withdrawn := statusBase + "withdrawn"
	for name, row := range map[string]struct {
		run  run
		want string
	}{
		"withdrawn before issuance": {
			run{service: func(s *eidas.Service) { s.Periods[0].Status = withdrawn }},
			"eidas: trust service is not granted: at its issuance, 2025-06-01T12:00:00Z, the certificate was not qualified for website authentication",
		},
		"withdrawn since": {
			run{service: func(s *eidas.Service) {
				p := s.Periods[0]
				p.Status, p.Start = withdrawn, now.AddDate(0, 0, -1)
				s.Periods = append([]eidas.Period{p}, s.Periods...)
			}},
			"eidas: trust service is not granted: at 2026-06-01T12:00:00Z the certificate was not qualified for website authentication",
		},
		"undecidable": {
			run{service: func(s *eidas.Service) { s.Periods[0].Qualifications[0].Criteria.Unknown = []string{"x"} }},
			"eidas: trusted list contradicts itself about this certificate: at its issuance, 2025-06-01T12:00:00Z, the outcome is not determined",
		},
		"of another kind": {run{use: eidas.UseSeal}, "eidas: qualified certificate is for another use: qualified for website authentication, needs electronic seals"},
	} {
		_, err := row.run.validate(t)
		assert.EqualError(t, err, row.want, name)
	}
}

// No step is skipped: a refusal in a later step is not hidden by what an
// earlier one waived, and the evidence of earlier steps is kept for the log.
func TestValidatePartial(t *testing.T) {
	_, err := run{status: &statusOf{answer: eidas.StatusAnswer{Status: eidas.StatusRevoked, RevokedAt: now}}}.validate(t)
	e, ok := errors.AsType[*eidas.Error](err)
	require.True(t, ok)
	require.NotNil(t, e.Partial)
	assert.Equal(t, tppID, e.Partial.Identity.String())
	assert.Len(t, e.Partial.Status, 1)
	assert.NotNil(t, e.Partial.Service)

	_, err = run{at: now.AddDate(2, 0, 0)}.validate(t)
	e, ok = errors.AsType[*eidas.Error](err)
	require.True(t, ok)
	assert.NotNil(t, e.Partial.Leaf)
	assert.True(t, e.Partial.Identity.IsZero(), "step 3 was not reached")
}

// Each leniency accepts what its zero value refuses, and says so.
func TestValidateLeniencies(t *testing.T) {
	vat := both(qwac, func(c *x509.Certificate) { c.Subject.ExtraNames[0].Value = "VATLT-100011223344" })
	registered, err := eidas.ParseIdentity("VATLT-100011223344")
	require.NoError(t, err)
	rows := []struct {
		name   string
		run    run
		allow  func(*eidas.Policy)
		refuse eidas.Reason
		want   []eidas.Degradation
	}{
		{
			"serverAuth only",
			run{leaf: both(qwac, func(c *x509.Certificate) { c.ExtKeyUsage = c.ExtKeyUsage[1:] })},
			func(p *eidas.Policy) { p.AllowServerAuthOnly = true }, eidas.ReasonExtendedKeyUsage,
			[]eidas.Degradation{eidas.DegradedServerAuthOnly},
		},
		{
			"no PSD2 statement",
			run{leaf: both(qwac, func(c *x509.Certificate) { setStatements(c, qcStatements(3, "")) })},
			func(p *eidas.Policy) { p.AllowNoPSD2 = true }, eidas.ReasonPSD2Missing,
			[]eidas.Degradation{eidas.DegradedNoPSD2},
		},
		{"any other scheme", run{leaf: vat}, func(p *eidas.Policy) { p.AllowUnregistered = true }, eidas.ReasonIdentityUnregistered, []eidas.Degradation{eidas.DegradedUnregistered}},
		{"registered identity is no leniency", run{leaf: vat}, func(p *eidas.Policy) { p.Registered = []eidas.Identity{registered} }, eidas.ReasonIdentityUnregistered, nil},
		{
			"stale list",
			run{service: func(s *eidas.Service) { s.List.NextUpdate = now.Add(-time.Hour) }},
			func(p *eidas.Policy) { p.AllowListStale = time.Hour }, eidas.ReasonListStale,
			[]eidas.Degradation{eidas.DegradedListStale},
		},
		{"no revocation", run{status: &statusOf{}}, func(p *eidas.Policy) { p.AllowNoRevocation = true }, eidas.ReasonRevocationUnknown, []eidas.Degradation{eidas.DegradedRevocationOff}},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			_, err := r.run.validate(t)
			require.ErrorIs(t, err, r.refuse)
			r.run.policy = r.allow
			res, err := r.run.validate(t)
			require.NoError(t, err)
			assert.Equal(t, r.want, res.Degraded)
		})
	}
	t.Run("stale beyond the allowance", func(t *testing.T) {
		_, err := run{
			service: func(s *eidas.Service) { s.List.NextUpdate = now.Add(-time.Hour - time.Second) },
			policy:  func(p *eidas.Policy) { p.AllowListStale = time.Hour },
		}.validate(t)
		require.ErrorIs(t, err, eidas.ReasonListStale)
	})
	t.Run("last known good answer", func(t *testing.T) {
		res, err := run{status: &statusOf{answer: eidas.StatusAnswer{Status: eidas.StatusGood, Stale: true}}}.validate(t)
		require.NoError(t, err)
		assert.Equal(t, []eidas.Degradation{eidas.DegradedRevocationStale}, res.Degraded)
	})
	t.Run("delegate of open status", func(t *testing.T) {
		res, err := run{status: &statusOf{answer: eidas.StatusAnswer{Status: eidas.StatusGood, DelegateUnchecked: true}}}.validate(t)
		require.NoError(t, err)
		assert.Equal(t, []eidas.Degradation{eidas.DegradedDelegateUnchecked}, res.Degraded)
	})
	t.Run("final list is never stale", func(t *testing.T) {
		res, err := run{service: func(s *eidas.Service) { s.List.NextUpdate = time.Time{} }}.validate(t)
		require.NoError(t, err)
		assert.Equal(t, res.Leaf.NotAfter, res.ValidUntil)
	})
	t.Run("clientAuth is not waived for other purposes", func(t *testing.T) {
		_, err := run{
			leaf:   both(qwac, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageEmailProtection} }),
			policy: func(p *eidas.Policy) { p.AllowServerAuthOnly = true },
		}.validate(t)
		require.ErrorIs(t, err, eidas.ReasonExtendedKeyUsage)
	})
}

// A list is no fresher than the list of trusted lists that names its signers:
// who holds that one back hides that a signer was dropped.
func TestValidateListOfTrustedListsIsStale(t *testing.T) {
	ca := newCA(t, "Issuing", nil)
	peer := []*x509.Certificate{issue(t, ca, newKey(t), qwac)}
	validate := func(lotl eidas.List, allow time.Duration, pinned bool) (*eidas.Result, error) {
		set := eidas.NewServiceSet("snapshot-1", []*eidas.Service{listed(t, ca)}).Announced(&lotl)
		if pinned {
			set = set.AsOf(now.AddDate(0, -3, 0))
		}
		v, err := eidas.NewValidator(eidas.Config{
			Services: trust{set}, Status: good(),
			Policy: policy(func(p *eidas.Policy) { p.AllowListStale = allow }),
		})
		require.NoError(t, err)
		return v.Validate(context.Background(), peer, eidas.UseTLS, now)
	}
	late := eidas.List{Territory: "EU", Profile: eidas.ProfileEU, NextUpdate: now.Add(-time.Hour)}

	_, err := validate(late, 0, false)
	require.ErrorIs(t, err, eidas.ReasonListStale)
	require.ErrorContains(t, err, "list of EU")
	_, err = validate(late, time.Hour-time.Second, false)
	require.ErrorIs(t, err, eidas.ReasonListStale)

	res, err := validate(late, time.Hour, false)
	require.NoError(t, err)
	assert.Equal(t, []eidas.Degradation{eidas.DegradedListStale}, res.Degraded)
	assert.Equal(t, now, res.ValidUntil, "not beyond what the policy allows")

	early := late
	early.NextUpdate = now.Add(time.Minute)
	res, err = validate(early, time.Hour, false)
	require.NoError(t, err)
	assert.Empty(t, res.Degraded)
	assert.Equal(t, early.NextUpdate, res.ValidUntil)

	other := late
	other.Profile = eidas.ProfileTest
	_, err = validate(other, 0, false)
	require.NoError(t, err, "a profile of its own has no list of trusted lists")
	res, err = validate(late, 0, true)
	require.NoError(t, err, "a stored snapshot is judged at its own time")
	assert.Equal(t, res.Leaf.NotAfter, res.ValidUntil)
}

// Statements may be critical: understood, they stop nobody.
func TestValidateCriticalStatements(t *testing.T) {
	_, err := run{leaf: both(qwac, func(c *x509.Certificate) { c.ExtraExtensions[0].Critical = true })}.validate(t)
	require.NoError(t, err)
}

func TestValidateTrustProfile(t *testing.T) {
	_, err := run{service: func(s *eidas.Service) { s.List.Profile = eidas.ProfileTest }}.validate(t)
	require.ErrorIs(t, err, eidas.ReasonProfile, "sandbox trust in production")
	res, err := run{
		service: func(s *eidas.Service) { s.List.Profile = eidas.ProfileTest },
		policy:  func(p *eidas.Policy) { p.Profile = eidas.ProfileTest },
	}.validate(t)
	require.NoError(t, err)
	assert.Equal(t, "test/"+tppID, res.Identity.String())
}

func TestValidateAsksStatusOfEveryCertificateBelowTheAnchor(t *testing.T) {
	root := newCA(t, "Root", nil)
	mid := newCA(t, "Intermediate", root)
	tpp := issue(t, mid, newKey(t), qwac)
	s := &statusOf{answer: eidas.StatusAnswer{Status: eidas.StatusGood, FreshUntil: now.Add(time.Minute)}}
	v, err := eidas.NewValidator(eidas.Config{Services: trusting(listed(t, root)), Status: s, Policy: policy()})
	require.NoError(t, err)
	res, err := v.Validate(context.Background(), []*x509.Certificate{tpp, mid.cert, root.cert}, eidas.UseTLS, now)
	require.NoError(t, err)
	require.Len(t, s.asked, 2)
	assert.Equal(t, tpp, s.asked[0].Certificate)
	assert.Equal(t, mid.cert, s.asked[0].Issuer)
	assert.Equal(t, mid.cert, s.asked[1].Certificate)
	assert.Equal(t, root.cert, s.asked[1].Issuer)
	assert.Equal(t, now.Add(time.Minute), res.ValidUntil, "no longer than the freshest answer")
}

// Nobody is asked about a chain that is not proved (revocation.md, Q3).
func TestValidateAsksNothingOfAStranger(t *testing.T) {
	s := good()
	ca := newCA(t, "Issuing", nil)
	v, err := eidas.NewValidator(eidas.Config{Services: trusting(listed(t, newCA(t, "Issuing", nil))), Status: s, Policy: policy()})
	require.NoError(t, err)
	_, err = v.Validate(context.Background(), []*x509.Certificate{issue(t, ca, newKey(t), qwac)}, eidas.UseTLS, now)
	require.ErrorIs(t, err, eidas.ReasonIssuerUnknown)
	assert.Empty(t, s.asked)
}

func TestValidateStopsWhenTheContextIsDone(t *testing.T) {
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	ca := newCA(t, "Issuing", nil)
	v, err := eidas.NewValidator(eidas.Config{Services: trusting(listed(t, ca)), Status: good(), Policy: policy()})
	require.NoError(t, err)
	_, err = v.Validate(ctx, []*x509.Certificate{issue(t, ca, newKey(t), qwac)}, eidas.UseTLS, now)
	require.ErrorIs(t, err, eidas.ReasonDeadline)
	require.ErrorIs(t, err, context.Canceled)
}

// The responders that the list names for the provider are offered, and no others.
func TestValidateOffersListedResponders(t *testing.T) {
	ca, responder, stranger := newCA(t, "Issuing", nil), newCA(t, "Responder", nil), newCA(t, "Stranger", nil)
	issuing := listed(t, ca)
	ocsp := func(a *authority, p *eidas.Provider, status string) *eidas.Service {
		return listed(t, a, func(s *eidas.Service) {
			s.Provider = p
			s.Periods[0].Type = "http://uri.etsi.org/TrstSvc/Svctype/Certstatus/OCSP/QC"
			s.Periods[0].Status = statusBase + status
		})
	}
	s := good()
	v, err := eidas.NewValidator(eidas.Config{Status: s, Policy: policy(), Services: trusting(
		issuing, ocsp(responder, issuing.Provider, "granted"), ocsp(stranger, &eidas.Provider{}, "granted"), ocsp(stranger, issuing.Provider, "withdrawn"))})
	require.NoError(t, err)
	_, err = v.Validate(context.Background(), []*x509.Certificate{issue(t, ca, newKey(t), qwac)}, eidas.UseTLS, now)
	require.NoError(t, err)
	require.Len(t, s.asked, 1)
	require.Len(t, s.asked[0].Responders, 1)
	assert.Equal(t, responder.cert.Raw, s.asked[0].Responders[0].Raw)
	// And a responder is no issuer.
	_, err = v.Validate(context.Background(), []*x509.Certificate{issue(t, responder, newKey(t), qwac)}, eidas.UseTLS, now)
	require.ErrorIs(t, err, eidas.ReasonIssuerUnknown)
}

// Every single flipped bit of a certificate ends its acceptance.
func TestValidateEveryBitMatters(t *testing.T) {
	ca := newCA(t, "Issuing", nil)
	cert := issue(t, ca, newKey(t), qwac)
	v, err := eidas.NewValidator(eidas.Config{Services: trusting(listed(t, ca)), Status: good(), Policy: policy()})
	require.NoError(t, err)
	accept := func(der []byte) bool {
		c, err := x509.ParseCertificate(der)
		if err != nil {
			return false
		}
		_, err = v.Validate(context.Background(), []*x509.Certificate{c}, eidas.UseTLS, now)
		return err == nil
	}
	require.True(t, accept(cert.Raw))
	for i := range len(cert.Raw) * 8 {
		der := append([]byte(nil), cert.Raw...)
		der[i/8] ^= 1 << (i % 8)
		require.False(t, accept(der), "bit %d", i)
	}
}

func TestNewValidatorRefusesMistakes(t *testing.T) {
	ok := eidas.Config{Services: trusting(), Status: good(), Policy: policy()}
	test, err := eidas.ParseIdentity("test/VATLT-1")
	require.NoError(t, err)
	rows := map[string]func(*eidas.Config){
		"zero":                     func(c *eidas.Config) { *c = eidas.Config{} },
		"zero policy":              func(c *eidas.Config) { c.Policy = eidas.Policy{} },
		"no services":              func(c *eidas.Config) { c.Services = nil },
		"no status":                func(c *eidas.Config) { c.Status = nil },
		"status and no revocation": func(c *eidas.Config) { c.Policy.AllowNoRevocation = true },
		"negative stale":           func(c *eidas.Config) { c.Policy.AllowListStale = -1 },
		"registered and all":       func(c *eidas.Config) { c.Policy.Registered, c.Policy.AllowUnregistered = []eidas.Identity{test}, true },
		"registered elsewhere":     func(c *eidas.Config) { c.Policy.Registered = []eidas.Identity{test} },
		"registered zero":          func(c *eidas.Config) { c.Policy.Registered = []eidas.Identity{{}} },
	}
	_, err = eidas.NewValidator(ok)
	require.NoError(t, err)
	for name, edit := range rows {
		t.Run(name, func(t *testing.T) {
			c := ok
			edit(&c)
			v, err := eidas.NewValidator(c)
			require.Error(t, err)
			assert.Nil(t, v)
		})
	}
}

func TestAuthorizers(t *testing.T) {
	id := func(s string) eidas.Identity {
		out, err := eidas.ParseIdentity(s)
		require.NoError(t, err)
		return out
	}
	e := &eidas.Evidence{Identity: id(tppID), Roles: eidas.RoleAI | eidas.RolePI}
	yes, no := eidas.AllowAnyone(), eidas.RequireRoles(eidas.RoleCB)
	rows := []struct {
		name string
		a    eidas.Authorizer
		want eidas.Reason
	}{
		{"role", eidas.RequireRoles(eidas.RoleAI), 0},
		{"roles", eidas.RequireRoles(eidas.RoleAI | eidas.RolePI), 0},
		{"one role missing", eidas.RequireRoles(eidas.RoleAI | eidas.RoleIC), eidas.ReasonRoleMissing},
		{"no role required", eidas.RequireRoles(0), eidas.ReasonRoleMissing},
		{"identity", eidas.AllowIdentities(id("PSDLT-BL-LB1"), id(tppID)), 0},
		{"another identity", eidas.AllowIdentities(id("PSDLT-BL-LB00045")), eidas.ReasonIdentityDenied},
		{"another case", eidas.AllowIdentities(id("PSDLT-BL-lb000458")), eidas.ReasonIdentityDenied},
		{"another profile", eidas.AllowIdentities(id("test/" + tppID)), eidas.ReasonIdentityDenied},
		{"no identity allowed", eidas.AllowIdentities(), eidas.ReasonIdentityDenied},
		{"denied", eidas.DenyIdentities(id(tppID)), eidas.ReasonIdentityDenied},
		{"another denied", eidas.DenyIdentities(id("PSDLT-BL-LB1")), 0},
		{"country", eidas.AllowCountries("NO", "LT"), 0},
		{"another country", eidas.AllowCountries("LV"), eidas.ReasonCountryDenied},
		{"authority", eidas.AllowAuthorities("LT-BL"), 0},
		{"the same code in another country", eidas.AllowAuthorities("LV-BL"), eidas.ReasonAuthorityDenied},
		{"all", eidas.All(yes, yes), 0},
		{"all but one", eidas.All(yes, no), eidas.ReasonRoleMissing},
		{"all of none", eidas.All(), eidas.ReasonNotAuthorized},
		{"any", eidas.Any(no, yes), 0},
		{"any refused", eidas.Any(no, eidas.AllowCountries("LV")), eidas.ReasonRoleMissing},
		{"any of none", eidas.Any(), eidas.ReasonNotAuthorized},
		{"nil in all", eidas.All(nil), eidas.ReasonInternal},
		{"own error", eidas.All(func(*eidas.Evidence) error { return errors.New("closed") }), eidas.ReasonNotAuthorized},
		{"own reason", eidas.All(func(*eidas.Evidence) error { return eidas.ReasonCountryDenied }), eidas.ReasonCountryDenied},
		{"zero reason is still a refusal", eidas.All(func(*eidas.Evidence) error { return eidas.Reason(0) }), eidas.ReasonNotAuthorized},
		{"typed nil is still a refusal", eidas.All(func(*eidas.Evidence) error { return (*eidas.Error)(nil) }), eidas.ReasonNotAuthorized},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) { assert.Equal(t, r.want, eidas.ReasonOf(r.a(e))) })
	}
	t.Run("a VAT identity has no authority", func(t *testing.T) {
		vat := &eidas.Evidence{Identity: id("VATLT-100011223344")}
		assert.ErrorIs(t, eidas.AllowAuthorities("LT-")(vat), eidas.ReasonAuthorityDenied)
	})
}

func TestReasons(t *testing.T) {
	codes := map[string]bool{}
	for _, r := range eidas.Reasons() {
		assert.NotContains(t, r.String(), "reason(", "every reason has a code")
		assert.False(t, codes[r.String()], r.String())
		codes[r.String()] = true
		assert.Equal(t, strings.ToLower(r.String()), r.String())
		assert.NotEqual(t, "unknown", r.Cause().String(), r.String())
		assert.NotEqual(t, r.String(), r.Error(), "every reason has a sentence")
		text, err := json.Marshal(r)
		require.NoError(t, err)
		assert.Equal(t, `"`+r.String()+`"`, string(text))
		require.ErrorIs(t, &eidas.Error{Reason: r}, r)
	}
	assert.Equal(t, "reason(0)", eidas.Reason(0).String())
	assert.Equal(t, eidas.ReasonInternal, eidas.ReasonOf(errors.New("x")))
	assert.Zero(t, eidas.ReasonOf(nil))
}
