package eidastest_test

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/eidastest"
	"github.com/seed-b953571c/eidas/revocation"
)

// addPoint makes a point, or fails the test.
func addPoint(t *testing.T, q *eidastest.QTSP, o eidastest.PointOptions) *eidastest.DistributionPoint {
	t.Helper()
	d, err := q.AddPoint(o)
	require.NoError(t, err)
	return d
}

// judgeCRLs gives the CRLs of points to the pure core.
func judgeCRLs(t *testing.T, w *eidastest.Test, l *eidastest.Leaf, points ...*eidastest.DistributionPoint) (revocation.Answer, error) {
	t.Helper()
	q := w.QTSP("LT")
	var set revocation.CRLSet
	for _, d := range points {
		der, err := d.CRL()
		require.NoError(t, err)
		list, err := x509.ParseRevocationList(der)
		require.NoError(t, err, "crypto/x509 reads it too")
		assert.Equal(t, 1, len(list.AuthorityKeyId)/20)
		crl, err := revocation.ParseCRL(der)
		require.NoError(t, err)
		assert.Equal(t, len(list.RevokedCertificateEntries), crl.Len())
		set.CRLs = append(set.CRLs, crl)
	}
	set.Certificates = append(set.Certificates, l.Chain...)
	return revocation.VerifyCRL(set, revocation.Target{Certificate: l.Certificate, Issuer: q.Issuing.Certificate}, w.Now(), revocation.CRLPolicy{})
}

func TestCompleteCRL(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{Now: time.Date(2026, 5, 1, 12, 0, 0, 0, time.UTC)})
	q := w.QTSP("LT")
	l, other := withCRL(w, q.CRL), withCRL(w, q.CRL)
	q.Revoke(other, 4)
	a, err := judgeCRLs(t, w, l, q.CRL)
	require.NoError(t, err)
	assert.Equal(t, eidas.StatusGood, a.Status)
	assert.True(t, w.Now().Add(24*time.Hour).Equal(a.NextUpdate))
	q.Revoke(l, 6)
	a, err = judgeCRLs(t, w, l, q.CRL)
	require.NoError(t, err)
	assert.Equal(t, eidas.StatusRevoked, a.Status)
	assert.Equal(t, 6, a.Code)
	assert.True(t, w.Now().Equal(a.RevokedAt))
	q.Responder.Unrevoke(l.Certificate.SerialNumber)
	q.CRL.SetLifetime(0)
	a, err = judgeCRLs(t, w, l, q.CRL)
	require.NoError(t, err)
	assert.Equal(t, eidas.StatusGood, a.Status)
	assert.True(t, a.NextUpdate.IsZero())
}

func TestPartitions(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	q := w.QTSP("LT")
	one, two := addPoint(t, q, eidastest.PointOptions{}), addPoint(t, q, eidastest.PointOptions{OnlyUsers: true})
	first, second := withCRL(w, one), withCRL(w, two)
	q.Revoke(second, 1)
	for name, row := range map[string]struct {
		leaf *eidastest.Leaf
		want outcome
	}{
		"good in its own":    {first, isGood},
		"revoked in its own": {second, isRevoked},
	} {
		t.Run(name, func(t *testing.T) {
			a, err := checkOver(t, w, row.leaf, nil)
			assertOutcome(t, row.want, a, err)
		})
	}
	t.Run("another partition says nothing", func(t *testing.T) {
		_, err := judgeCRLs(t, w, first, two)
		assert.Equal(t, revocation.RuleC3, revocation.RuleOf(err), "%v", err)
	})
	t.Run("for CAs only", func(t *testing.T) {
		l := withCRL(w, addPoint(t, q, eidastest.PointOptions{OnlyCAs: true}))
		a, err := checkOver(t, w, l, nil)
		assertOutcome(t, isInvalid(revocation.RuleC3), a, err)
	})
	t.Run("for users only", func(t *testing.T) {
		r := eidastest.CRLIssuer()
		r.Points = []*eidastest.DistributionPoint{two}
		a, err := checkOver(t, w, w.Issue("LT", r), nil)
		assertOutcome(t, isGood, a, err)
		r.CA = true
		a, err = checkOver(t, w, w.Issue("LT", r), nil)
		assertOutcome(t, isInvalid(revocation.RuleC3), a, err)
	})
}

func TestReasonsThatACRLIsAbout(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	q := w.QTSP("LT")
	keys := addPoint(t, q, eidastest.PointOptions{Reasons: []int{1, 2}})
	rest := addPoint(t, q, eidastest.PointOptions{Reasons: []int{3, 4, 5, 6, 7, 8}})
	for name, row := range map[string]struct {
		leaf   *eidastest.Leaf
		reason int // 0: not revoked
		want   outcome
	}{
		"all reasons covered":       {withCRL(w, keys, rest), 0, isGood},
		"some left open":            {withCRL(w, keys), 0, outcome{reason: eidas.ReasonRevocationUnknown, rule: revocation.RuleC4}},
		"revoked in the first":      {withCRL(w, keys, rest), 1, isRevoked},
		"revoked in the second":     {withCRL(w, keys, rest), 4, isRevoked},
		"privilegeWithdrawn, bit 7": {withCRL(w, keys, rest), 9, isRevoked},
		"revoked where not asked":   {withCRL(w, keys), 4, outcome{reason: eidas.ReasonRevocationUnknown, rule: revocation.RuleC4}},
	} {
		t.Run(name, func(t *testing.T) {
			if row.reason != 0 {
				q.Revoke(row.leaf, row.reason)
			}
			a, err := checkOver(t, w, row.leaf, nil)
			assertOutcome(t, row.want, a, err)
			if row.reason != 0 && err == nil {
				assert.Equal(t, row.reason, a.Code)
			}
		})
	}
}

// Either side states the reasons: the certificate and the CRL.
func TestReasonsStandInCertificateAndCRL(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	q := w.QTSP("LT")
	keys := addPoint(t, q, eidastest.PointOptions{Reasons: []int{1, 2}})
	l := withCRL(w, keys)
	q.Revoke(l, 9)
	der, err := keys.CRL()
	require.NoError(t, err)
	list, err := x509.ParseRevocationList(der)
	require.NoError(t, err)
	assert.Empty(t, list.RevokedCertificateEntries, "privilegeWithdrawn is bit 7")
	flags := string([]byte{2, 5, 0x60}) // two octets, five bits unused, bits 1 and 2
	assert.Contains(t, extensionOf(l.Certificate.Extensions, "2.5.29.31"), "\x81"+flags)
	assert.Contains(t, extensionOf(list.Extensions, "2.5.29.28"), "\x83"+flags)
}

// extensionOf is the value of an extension, "" when it is not there.
func extensionOf(list []pkix.Extension, oid string) string {
	for _, e := range list {
		if e.Id.String() == oid {
			return string(e.Value)
		}
	}
	return ""
}

func TestDeltaCRL(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	q := w.QTSP("LT")
	held, fresh := withCRL(w, q.CRL), withCRL(w, q.CRL)
	q.Revoke(held, 6)
	delta := addPoint(t, q, eidastest.PointOptions{DeltaOf: q.CRL})
	q.Revoke(fresh, 1)
	q.Responder.Unrevoke(held.Certificate.SerialNumber)
	for name, row := range map[string]struct {
		leaf   *eidastest.Leaf
		points []*eidastest.DistributionPoint
		want   outcome
	}{
		"the base stays as it was":   {fresh, []*eidastest.DistributionPoint{q.CRL}, isGood},
		"the delta adds":             {fresh, []*eidastest.DistributionPoint{q.CRL, delta}, isRevoked},
		"the base still holds it":    {held, []*eidastest.DistributionPoint{q.CRL}, isRevoked},
		"the delta lifts it":         {held, []*eidastest.DistributionPoint{q.CRL, delta}, isGood},
		"the delta alone is nothing": {held, []*eidastest.DistributionPoint{delta}, isUnavailable(revocation.RuleC2)},
	} {
		t.Run(name, func(t *testing.T) {
			a, err := judgeCRLs(t, w, row.leaf, row.points...)
			assertOutcome(t, row.want, a.StatusAnswer, err)
		})
	}
	t.Run("of a partition", func(t *testing.T) {
		part := addPoint(t, q, eidastest.PointOptions{})
		l := withCRL(w, part)
		partDelta := addPoint(t, q, eidastest.PointOptions{DeltaOf: part})
		q.Revoke(l, 1)
		a, err := judgeCRLs(t, w, l, part, partDelta)
		assertOutcome(t, isRevoked, a.StatusAnswer, err)
		a, err = judgeCRLs(t, w, l, part, delta)
		assertOutcome(t, isGood, a.StatusAnswer, err)
	})
	t.Run("a certificate names it as the freshest CRL", func(t *testing.T) {
		l := withCRL(w, q.CRL, delta)
		assert.Equal(t, []string{q.CRL.URL}, l.Certificate.CRLDistributionPoints)
		assert.Contains(t, extensionOf(l.Certificate.Extensions, "2.5.29.46"), delta.URL)
	})
	t.Run("over HTTP", func(t *testing.T) {
		r := eidastest.QWAC(identifier, eidas.RoleAI)
		r.OCSP, r.CRL = []string{}, []string{q.CRL.URL, delta.URL}
		l := w.Issue("LT", r)
		q.Revoke(l, 1)
		a, err := checkOver(t, w, l, nil)
		assertOutcome(t, isRevoked, a, err)
	})
}

func TestDeltaCRLOfNoCompleteOneIsAnError(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	q := w.QTSP("LT")
	delta := addPoint(t, q, eidastest.PointOptions{DeltaOf: q.CRL})
	for name, o := range map[string]eidastest.PointOptions{
		"of a delta":          {DeltaOf: delta},
		"of another provider": {DeltaOf: w.QTSP("DE").CRL},
		"with a scope":        {DeltaOf: q.CRL, OnlyUsers: true},
	} {
		_, err := q.AddPoint(o)
		require.Error(t, err, name)
	}
	r := eidastest.QWAC(identifier, eidas.RoleAI)
	r.CRL, r.Points = []string{q.CRL.URL}, []*eidastest.DistributionPoint{q.CRL}
	_, err := q.Issue(r)
	require.ErrorContains(t, err, "either CRL or Points")
}

// Nobody hands the certificate of a CRL issuer to a Checker, so the pure core
// alone judges by indirect CRLs.
func TestIndirectCRL(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	q := w.QTSP("LT")
	ofSigners := addPoint(t, q, eidastest.PointOptions{}) // says that the signers are good
	issuer := eidastest.CRLIssuer()
	issuer.Points = []*eidastest.DistributionPoint{ofSigners}
	unfit := issuer
	unfit.KeyUsage = x509.KeyUsageDigitalSignature
	signer, notSigner := w.Issue("LT", issuer), w.Issue("LT", unfit)
	revokedSigner := w.Issue("LT", issuer)
	q.Revoke(revokedSigner, 1)
	made := func(signer *eidastest.Leaf) (*eidastest.DistributionPoint, *eidastest.Leaf) {
		d := addPoint(t, q, eidastest.PointOptions{Signer: signer})
		l := withCRL(w, d)
		l.Chain = []*x509.Certificate{l.Certificate, signer.Certificate}
		return d, l
	}
	point, good := made(signer)
	unfitPoint, ofUnfit := made(notSigner)
	revokedPoint, ofRevoked := made(revokedSigner)
	first, second := withCRL(w, point), withCRL(w, point)
	first.Chain, second.Chain = good.Chain, good.Chain
	q.Revoke(first, 1)
	q.Revoke(second, 4) // an entry whose issuer is that of the one before
	for name, row := range map[string]struct {
		leaf   *eidastest.Leaf
		points []*eidastest.DistributionPoint
		want   outcome
	}{
		"good":                     {good, []*eidastest.DistributionPoint{point, ofSigners}, isGood},
		"revoked":                  {first, []*eidastest.DistributionPoint{point, ofSigners}, isRevoked},
		"revoked, sticky issuer":   {second, []*eidastest.DistributionPoint{point, ofSigners}, isRevoked},
		"status of signer unknown": {good, []*eidastest.DistributionPoint{point}, isInvalid(revocation.RuleC2)},
		"signer may not":           {ofUnfit, []*eidastest.DistributionPoint{unfitPoint, ofSigners}, isInvalid(revocation.RuleC2)},
		"signer is revoked":        {ofRevoked, []*eidastest.DistributionPoint{revokedPoint, ofSigners}, isInvalid(revocation.RuleC2)},
	} {
		t.Run(name, func(t *testing.T) {
			a, err := judgeCRLs(t, w, row.leaf, row.points...)
			assertOutcome(t, row.want, a.StatusAnswer, err)
			if err == nil {
				assert.Equal(t, signer.Certificate, a.Responder)
			}
		})
	}
	a, err := checkOver(t, w, good, nil)
	assertOutcome(t, isInvalid(revocation.RuleC2), a, err)
}
