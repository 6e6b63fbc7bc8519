package eidastest_test

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"net/netip"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/eidastest"
	"github.com/seed-b953571c/eidas/revocation"
)

// outcome is what a test expects of a question: a status, or a reason and a rule.
type outcome struct {
	status eidas.Status
	reason eidas.Reason
	rule   revocation.Rule
}

var (
	isGood    = outcome{status: eidas.StatusGood}
	isRevoked = outcome{status: eidas.StatusRevoked}
)

func isInvalid(rule revocation.Rule) outcome {
	return outcome{reason: eidas.ReasonRevocationInvalid, rule: rule}
}

func isUnavailable(rule revocation.Rule) outcome {
	return outcome{reason: eidas.ReasonRevocationUnavailable, rule: rule}
}

// checkOver asks the real checker over real HTTP, with nothing remembered.
func checkOver(t *testing.T, w *eidastest.Test, l *eidastest.Leaf, edit func(*revocation.Config)) (eidas.StatusAnswer, error) {
	t.Helper()
	config := revocation.Config{
		Budget: 10 * time.Second, DialTimeout: 10 * time.Second, HeaderTimeout: 10 * time.Second,
		AllowPrivate: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, AllowAnyPort: true,
	}
	if edit != nil {
		edit(&config)
	}
	checker, err := revocation.New(config)
	require.NoError(t, err)
	return checker.CheckStatus(t.Context(), eidas.StatusQuery{Certificate: l.Certificate, Issuer: w.QTSP("LT").Issuing.Certificate, At: w.Now()})
}

func assertOutcome(t *testing.T, want outcome, a eidas.StatusAnswer, err error) {
	t.Helper()
	if want.reason == 0 {
		require.NoError(t, err)
		assert.Equal(t, want.status, a.Status)
		return
	}
	require.Error(t, err)
	assert.Equal(t, want.reason, eidas.ReasonOf(err), "%v", err)
	assert.Equal(t, want.rule, revocation.RuleOf(err), "%v", err)
}

// withCRL is a QWAC that names CRLs and no responder.
func withCRL(w *eidastest.Test, points ...*eidastest.DistributionPoint) *eidastest.Leaf {
	r := eidastest.QWAC(identifier, eidas.RoleAI)
	r.OCSP, r.Points = []string{}, points
	return w.Issue("LT", r)
}

// impatient is for servers that do not answer.
func impatient(c *revocation.Config) {
	c.Budget, c.HeaderTimeout, c.CRLTimeout = 500*time.Millisecond, 500*time.Millisecond, 500*time.Millisecond
}

// modest is for servers that do not end.
func modest(c *revocation.Config) { c.CRLLimit = 1 << 20 }

func TestFaultsOfResponders(t *testing.T) {
	for name, row := range map[string]struct {
		fault eidastest.Fault
		want  outcome
		edit  func(*revocation.Config)
	}{
		"black hole":      {eidastest.FaultBlackHole, isUnavailable(revocation.RuleQ2), impatient},
		"slow":            {eidastest.FaultSlow, isUnavailable(revocation.RuleQ2), impatient},
		"trickle":         {eidastest.FaultTrickle, isUnavailable(revocation.RuleQ2), impatient},
		"endless":         {eidastest.FaultEndless, isInvalid(revocation.RuleQ2), nil},
		"malformed":       {eidastest.FaultMalformed, isInvalid(revocation.RuleP1), nil},
		"future":          {eidastest.FaultFuture, isInvalid(revocation.RuleP8), nil},
		"undated":         {eidastest.FaultUndated, isInvalid(revocation.RuleP9), nil},
		"critical":        {eidastest.FaultCritical, isInvalid(revocation.RuleP11), nil},
		"weak":            {eidastest.FaultWeak, isInvalid(revocation.RuleP16), nil},
		"weak, allowed":   {eidastest.FaultWeak, isRevoked, func(c *revocation.Config) { c.OCSP.AllowSHA1 = true }},
		"other responder": {eidastest.FaultResponderID, isInvalid(revocation.RuleP6), nil},
		"certHash":        {eidastest.FaultCertHash, isInvalid(revocation.RuleP12), nil},
		"lying":           {eidastest.FaultLying, isGood, nil},
		"none":            {eidastest.FaultNone, isRevoked, nil},
	} {
		t.Run(name, func(t *testing.T) {
			w := eidastest.Start(t, eidastest.Options{})
			l := w.QWAC("LT", identifier, eidas.RoleAI)
			w.QTSP("LT").Revoke(l, 1)
			w.QTSP("LT").Responder.SetFault(row.fault)
			a, err := checkOver(t, w, l, row.edit)
			assertOutcome(t, row.want, a, err)
		})
	}
}

func TestFaultsOfCRLs(t *testing.T) {
	for name, row := range map[string]struct {
		fault eidastest.Fault
		want  outcome
		edit  func(*revocation.Config)
	}{
		"none":          {eidastest.FaultNone, isRevoked, nil},
		"down":          {eidastest.FaultDown, isUnavailable(revocation.RuleQ2), nil},
		"slow":          {eidastest.FaultSlow, isUnavailable(revocation.RuleQ2), impatient},
		"black hole":    {eidastest.FaultBlackHole, isUnavailable(revocation.RuleQ2), impatient},
		"trickle":       {eidastest.FaultTrickle, isUnavailable(revocation.RuleQ2), impatient},
		"garbage":       {eidastest.FaultGarbage, isInvalid(revocation.RuleC11), nil},
		"endless":       {eidastest.FaultEndless, isInvalid(revocation.RuleQ2), modest},
		"later":         {eidastest.FaultLater, isUnavailable(revocation.RuleQ2), nil},
		"malformed":     {eidastest.FaultMalformed, isInvalid(revocation.RuleC11), nil},
		"stale":         {eidastest.FaultStale, isInvalid(revocation.RuleC5), nil},
		"undated":       {eidastest.FaultUndated, isInvalid(revocation.RuleC5), nil},
		"future":        {eidastest.FaultFuture, isInvalid(revocation.RuleC5), nil},
		"critical":      {eidastest.FaultCritical, isInvalid(revocation.RuleC6), nil},
		"forged":        {eidastest.FaultForged, isInvalid(revocation.RuleC2), nil},
		"sibling":       {eidastest.FaultSibling, isInvalid(revocation.RuleC2), nil},
		"other":         {eidastest.FaultOther, isInvalid(revocation.RuleC2), nil},
		"weak":          {eidastest.FaultWeak, isInvalid(revocation.RuleP16), nil},
		"weak, allowed": {eidastest.FaultWeak, isRevoked, func(c *revocation.Config) { c.CRL.AllowSHA1 = true }},
		"lying":         {eidastest.FaultLying, isGood, nil},
		// OCSP alone has these.
		"unknown":         {eidastest.FaultUnknown, isRevoked, nil},
		"other responder": {eidastest.FaultResponderID, isRevoked, nil},
		"certHash":        {eidastest.FaultCertHash, isRevoked, nil},
	} {
		t.Run(name, func(t *testing.T) {
			w := eidastest.Start(t, eidastest.Options{})
			q := w.QTSP("LT")
			l := withCRL(w, q.CRL)
			q.Revoke(l, 1)
			q.CRL.SetFault(row.fault)
			a, err := checkOver(t, w, l, row.edit)
			assertOutcome(t, row.want, a, err)
			assert.Positive(t, q.CRL.Requests())
		})
	}
}

func TestCRLStandsInForAResponderThatIsDown(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	q := w.QTSP("LT")
	r := eidastest.QWAC(identifier, eidas.RoleAI)
	r.Points = []*eidastest.DistributionPoint{q.CRL}
	l := w.Issue("LT", r)
	a, err := checkOver(t, w, l, nil)
	assertOutcome(t, isGood, a, err)
	assert.Equal(t, "ocsp", a.Source)
	q.Responder.SetFault(eidastest.FaultDown)
	a, err = checkOver(t, w, l, nil)
	assertOutcome(t, isGood, a, err)
	assert.Equal(t, "crl", a.Source)
	q.Revoke(l, 1)
	a, err = checkOver(t, w, l, nil)
	assertOutcome(t, isRevoked, a, err)
	assert.Equal(t, 1, a.Code)
}

// The validator of a world sees a revocation in the CRL at once.
func TestValidatorAsksForTheCRLAnew(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	q := w.QTSP("LT")
	l := withCRL(w, q.CRL)
	v := w.Validator(eidas.DefaultPolicy(eidas.RequireRoles(eidas.RoleAI)))
	_, err := v.Validate(t.Context(), l.Chain, eidas.UseTLS, w.Now())
	require.NoError(t, err)
	q.Revoke(l, 1)
	_, err = v.Validate(t.Context(), l.Chain, eidas.UseTLS, w.Now())
	require.ErrorIs(t, err, eidas.ReasonRevoked)
}

func TestDelegates(t *testing.T) {
	plain := func(*eidastest.Request) {}
	for name, row := range map[string]struct {
		edit func(*eidastest.Request)
		want outcome
	}{
		"as it should be":      {plain, isGood},
		"no purpose":           {func(r *eidastest.Request) { r.ExtKeyUsage = nil }, isInvalid(revocation.RuleP4)},
		"any purpose":          {func(r *eidastest.Request) { r.ExtKeyUsage = []string{"2.5.29.37.0"} }, isInvalid(revocation.RuleP4)},
		"purpose of a TPP":     {func(r *eidastest.Request) { r.ExtKeyUsage = []string{eidastest.ClientAuth} }, isInvalid(revocation.RuleP4)},
		"expired":              {func(r *eidastest.Request) { r.NotBefore, r.NotAfter = past(-48), past(-24) }, isInvalid(revocation.RuleP5)},
		"not valid yet":        {func(r *eidastest.Request) { r.NotBefore = past(24) }, isInvalid(revocation.RuleP5)},
		"key usage":            {func(r *eidastest.Request) { r.KeyUsage = x509.KeyUsageKeyEncipherment }, isInvalid(revocation.RuleP5)},
		"critical extension":   {func(r *eidastest.Request) { r.Extensions = append(r.Extensions, unknownCritical()) }, isInvalid(revocation.RuleP5)},
		"weak key":             {func(r *eidastest.Request) { r.KeyType = eidastest.RSA1024 }, isInvalid(revocation.RuleP16)},
		"RSA 2048":             {func(r *eidastest.Request) { r.KeyType = eidastest.RSA2048 }, isGood},
		"weak signature":       {func(r *eidastest.Request) { r.Signature = x509.ECDSAWithSHA1 }, isInvalid(revocation.RuleP16)},
		"no nocheck, no CRL":   {func(r *eidastest.Request) { r.Extensions = nil }, isGood},
		"no key usage at all":  {func(r *eidastest.Request) { r.KeyUsage = 0 }, isGood},
		"nonRepudiation alone": {func(r *eidastest.Request) { r.KeyUsage = x509.KeyUsageContentCommitment }, isGood},
	} {
		t.Run(name, func(t *testing.T) {
			w := eidastest.Start(t, eidastest.Options{})
			l := w.QWAC("LT", identifier, eidas.RoleAI)
			r := eidastest.Delegate()
			row.edit(&r)
			w.QTSP("LT").Responder.SetDelegate(w.Issue("LT", r))
			a, err := checkOver(t, w, l, nil)
			assertOutcome(t, row.want, a, err)
		})
	}
}

func past(hours int) time.Time { return time.Now().Add(time.Duration(hours) * time.Hour) }

func unknownCritical() pkix.Extension {
	return pkix.Extension{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 32473, 2}, Critical: true, Value: []byte{5, 0}}
}

func TestDelegatesOfOthers(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	q := w.QTSP("LT")
	l := w.QWAC("LT", identifier, eidas.RoleAI)
	impostor, err := w.Impostor("LT").Issue(eidastest.Delegate())
	require.NoError(t, err)
	key, err := eidastest.NewKey(eidastest.P256)
	require.NoError(t, err)
	own := eidastest.Delegate() // a delegate, but with the key of the TPP
	own.Key = key
	self := eidastest.QWAC(identifier, eidas.RoleAI)
	self.Key = key
	for name, row := range map[string]struct {
		delegate *eidastest.Leaf
		about    *eidastest.Leaf
		want     outcome
	}{
		"of another provider":       {w.Issue("DE", eidastest.Delegate()), l, isInvalid(revocation.RuleP4)},
		"of an impostor":            {impostor, l, isInvalid(revocation.RuleP4)},
		"the TPP itself":            {l, l, isInvalid(revocation.RuleP4)},
		"with the key of the TPP":   {w.Issue("LT", own), w.Issue("LT", self), isInvalid(revocation.RuleP5)},
		"with the key of another":   {w.Issue("LT", own), l, isGood},
		"not in the answer":         {withoutChain(w.Issue("LT", eidastest.Delegate())), l, isInvalid(revocation.RuleP6)},
		"its own":                   {nil, l, isGood},
		"of the provider, in order": {w.Issue("LT", eidastest.Delegate()), l, isGood},
	} {
		t.Run(name, func(t *testing.T) {
			q.Responder.SetDelegate(row.delegate)
			a, err := checkOver(t, w, row.about, nil)
			assertOutcome(t, row.want, a, err)
		})
	}
}

func withoutChain(l *eidastest.Leaf) *eidastest.Leaf {
	return &eidastest.Leaf{Certificate: l.Certificate, Key: l.Key}
}

func TestStatusOfADelegate(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	q := w.QTSP("LT")
	l := w.QWAC("LT", identifier, eidas.RoleAI)
	unchecked, checked := eidastest.Delegate(), eidastest.Delegate()
	unchecked.Extensions, checked.Extensions = nil, nil
	checked.Points = []*eidastest.DistributionPoint{q.CRL}

	q.Responder.SetDelegate(w.Issue("LT", unchecked))
	a, err := checkOver(t, w, l, nil)
	assertOutcome(t, isGood, a, err)
	assert.True(t, a.DelegateUnchecked)
	a, err = checkOver(t, w, l, func(c *revocation.Config) { c.OCSP.RejectUncheckedDelegate = true })
	assertOutcome(t, isInvalid(revocation.RuleP7), a, err)

	delegate := w.Issue("LT", checked)
	q.Responder.SetDelegate(delegate)
	a, err = checkOver(t, w, l, func(c *revocation.Config) { c.Hedge = 10 * time.Second })
	assertOutcome(t, isGood, a, err)
	assert.False(t, a.DelegateUnchecked, "its CRL says good")
	q.Revoke(delegate, 1)
	a, err = checkOver(t, w, l, func(c *revocation.Config) { c.Hedge = 10 * time.Second })
	assertOutcome(t, isInvalid(revocation.RuleP7), a, err)
}
