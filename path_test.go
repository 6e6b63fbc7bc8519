package eidas_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
)

func find(t *testing.T, src trust, peer ...*x509.Certificate) ([]*eidas.Service, eidas.Reason) {
	t.Helper()
	found, err := eidas.FindServices(src.set, peer, now)
	return found, eidas.ReasonOf(err)
}

func TestPathFromLeafAlone(t *testing.T) {
	root := newCA(t, "Root", nil)
	ca := newCA(t, "Issuing", root)
	tpp := issue(t, ca, newKey(t), qwac)
	s := listed(t, ca)

	found, reason := find(t, trusting(s), tpp)
	assert.Zero(t, reason)
	assert.Equal(t, []*eidas.Service{s}, found)

	_, reason = find(t, trusting(listed(t, newCA(t, "Other", root))), tpp)
	assert.Equal(t, eidas.ReasonIssuerUnknown, reason)
}

// An unlisted CA prints the name of a listed one.
func TestPathImpostorWithSameName(t *testing.T) {
	ca := newCA(t, "Issuing", nil)
	impostor := newCA(t, "Issuing", nil)
	s := trusting(listed(t, ca))
	sameKeyID := newCA(t, "Issuing", nil, func(c *x509.Certificate) { c.SubjectKeyId = ca.cert.SubjectKeyId })

	_, reason := find(t, s, issue(t, ca, newKey(t), qwac))
	assert.Zero(t, reason)
	_, reason = find(t, s, issue(t, impostor, newKey(t), qwac))
	assert.Equal(t, eidas.ReasonIssuerUnknown, reason, "another key identifier")
	_, reason = find(t, s, issue(t, sameKeyID, newKey(t), qwac))
	assert.Equal(t, eidas.ReasonSignatureInvalid, reason, "the same key identifier, another key")
	_, reason = find(t, s, issue(t, sameKeyID, newKey(t), qwac), sameKeyID.cert)
	assert.Equal(t, eidas.ReasonSignatureInvalid, reason, "and it sends its own CA along")
}

func TestPathThroughIntermediate(t *testing.T) {
	root := newCA(t, "Root", nil)
	mid := newCA(t, "Intermediate", root)
	tpp := issue(t, mid, newKey(t), qwac)
	s := trusting(listed(t, root))
	rows := []struct {
		name string
		peer []*x509.Certificate
		want eidas.Reason
	}{
		{"sent", []*x509.Certificate{tpp, mid.cert}, 0},
		{"sent with the root", []*x509.Certificate{tpp, root.cert, mid.cert}, 0},
		{"sent twice, with a stranger", []*x509.Certificate{tpp, newCA(t, "Stranger", nil).cert, mid.cert, mid.cert}, 0},
		{"not sent", []*x509.Certificate{tpp}, eidas.ReasonIssuerUnknown},
		{"another one sent", []*x509.Certificate{tpp, newCA(t, "Intermediate", root).cert}, eidas.ReasonIssuerUnknown},
	}
	for _, r := range rows {
		t.Run(r.name, func(t *testing.T) {
			_, reason := find(t, s, r.peer...)
			assert.Equal(t, r.want, reason)
		})
	}
}

// What an intermediate must be (RFC 5280, 6.1.4), each with the twin above.
func TestPathIntermediateRules(t *testing.T) {
	root := newCA(t, "Root", nil)
	rows := map[string]func(*x509.Certificate){
		"not a CA":         func(c *x509.Certificate) { c.IsCA, c.KeyUsage = false, x509.KeyUsageDigitalSignature },
		"no certSign":      func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageDigitalSignature },
		"expired":          func(c *x509.Certificate) { c.NotAfter = now.AddDate(0, 0, -1) },
		"not yet valid":    func(c *x509.Certificate) { c.NotBefore = now.AddDate(0, 0, 1) },
		"unknown critical": func(c *x509.Certificate) { setStatements(c, qcStatements(3, "")); c.ExtraExtensions[0].Critical = true },
		"name constraints": func(c *x509.Certificate) {
			c.PermittedDNSDomainsCritical = true
			c.PermittedDNSDomains = []string{"other.example"}
		},
	}
	for name, edit := range rows {
		t.Run(name, func(t *testing.T) {
			mid := newCA(t, "Intermediate", root, edit)
			_, reason := find(t, trusting(listed(t, root)), issue(t, mid, newKey(t), qwac), mid.cert)
			assert.Equal(t, eidas.ReasonIssuerUnknown, reason)
			// The same certificate as the anchor: the list vouches for it.
			_, reason = find(t, trusting(listed(t, mid)), issue(t, mid, newKey(t), qwac))
			assert.Zero(t, reason)
		})
	}
	t.Run("path length", func(t *testing.T) {
		upper := newCA(t, "Upper", root, func(c *x509.Certificate) { c.MaxPathLenZero = true })
		lower := newCA(t, "Lower", upper)
		_, reason := find(t, trusting(listed(t, root)), issue(t, lower, newKey(t), qwac), lower.cert, upper.cert)
		assert.Equal(t, eidas.ReasonIssuerUnknown, reason)
		_, reason = find(t, trusting(listed(t, root)), issue(t, upper, newKey(t), qwac), upper.cert)
		assert.Zero(t, reason)
	})
	t.Run("name constraints that hold", func(t *testing.T) {
		mid := newCA(t, "Intermediate", root, func(c *x509.Certificate) { c.PermittedDNSDomains = []string{"tpp.example"} })
		_, reason := find(t, trusting(listed(t, root)), issue(t, mid, newKey(t), qwac), mid.cert)
		assert.Zero(t, reason)
	})
	t.Run("a TPP is no CA", func(t *testing.T) {
		key := newKey(t)
		honest := issue(t, root, key, qwac)
		forged := issue(t, &authority{honest, key}, newKey(t), qwac)
		_, reason := find(t, trusting(listed(t, root)), forged, honest)
		assert.Equal(t, eidas.ReasonIssuerUnknown, reason)
	})
}

func TestPathSeveralServices(t *testing.T) {
	root := newCA(t, "Root", nil)
	ca := newCA(t, "Issuing", root)
	renewed := &authority{key: ca.key, cert: issue(t, root, ca.key, func(c *x509.Certificate) {
		c.RawSubject, c.IsCA, c.BasicConstraintsValid, c.KeyUsage = ca.cert.RawSubject, true, true, ca.cert.KeyUsage
	})}
	require.False(t, slices.Equal(ca.cert.Raw, renewed.cert.Raw))
	one, two, above := listed(t, ca), listed(t, renewed), listed(t, root)
	other := listed(t, newCA(t, "Issuing", root))
	found, reason := find(t, trusting(one, two, other, above), issue(t, ca, newKey(t), qwac))
	assert.Zero(t, reason)
	assert.Equal(t, []*eidas.Service{one, two, above}, found, "same key and name whatever the certificate, then the listed CA above")
}

// A stranger cannot buy work: intermediates with large keys that all bear the
// name of a listed CA end at the bound on chains, not at the last of them.
func TestPathWorkIsBounded(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P521(), rand.Reader)
	require.NoError(t, err)
	root := newCA(t, "Root", nil)
	var chain []*x509.Certificate
	forger := &authority{key: key, cert: issue(t, nil, key, func(c *x509.Certificate) {
		c.Subject, c.IsCA, c.BasicConstraintsValid = root.cert.Subject, true, true
	})}
	tpp := issue(t, forger, key, qwac)
	chain = append(chain, tpp)
	for range 7 {
		chain = append(chain, issue(t, forger, key, func(c *x509.Certificate) {
			c.Subject, c.IsCA, c.BasicConstraintsValid = root.cert.Subject, true, true
		}))
	}
	_, reason := find(t, trusting(listed(t, root)), chain...)
	assert.Equal(t, eidas.ReasonPathTooComplex, reason)
	_, reason = find(t, trusting(listed(t, root)), append(chain, chain[1])...)
	assert.Equal(t, eidas.ReasonChainTooLong, reason)
}

func TestFindServicesWithoutTrust(t *testing.T) {
	ca := newCA(t, "Issuing", nil)
	tpp := issue(t, ca, newKey(t), qwac)
	_, err := eidas.FindServices(nil, []*x509.Certificate{tpp}, now)
	require.ErrorIs(t, err, eidas.ReasonTrustUnavailable)
	_, err = eidas.FindServices(trusting().set, []*x509.Certificate{tpp}, now)
	require.ErrorIs(t, err, eidas.ReasonTrustUnavailable)
	_, err = eidas.FindServices(trusting(listed(t, ca)).set, nil, now)
	require.ErrorIs(t, err, eidas.ReasonCertificateMissing)
	_, err = eidas.FindServices(trusting(listed(t, ca)).set, []*x509.Certificate{nil}, now)
	require.ErrorIs(t, err, eidas.ReasonCertificateMalformed)
}

// The questions are about every certificate below the listed CA, each with the
// CA that issued it, and none is asked of a path that is not proved.
func TestStatusQueriesOfAPath(t *testing.T) {
	root := newCA(t, "Root", nil)
	ca := newCA(t, "Issuing", root)
	tpp := issue(t, ca, newKey(t), qwac)
	s := trusting(listed(t, root))

	got, err := eidas.StatusQueries(s.set, []*x509.Certificate{tpp, ca.cert}, eidas.UseSeal, now)
	require.NoError(t, err)
	require.Len(t, got, 2)
	assert.Equal(t, tpp, got[0].Certificate)
	assert.Equal(t, ca.cert, got[0].Issuer)
	assert.Equal(t, ca.cert, got[1].Certificate)
	assert.Equal(t, root.cert.RawSubject, got[1].Issuer.RawSubject)
	for _, q := range got {
		assert.Equal(t, eidas.UseSeal, q.Use)
		assert.Equal(t, now, q.At)
		assert.Empty(t, q.Roles)
	}

	for want, peer := range map[eidas.Reason][]*x509.Certificate{
		eidas.ReasonCertificateMissing: nil,
		eidas.ReasonIssuerUnknown:      {tpp},
	} {
		got, err = eidas.StatusQueries(s.set, peer, eidas.UseSeal, now)
		require.ErrorIs(t, err, want)
		assert.Empty(t, got)
	}
	_, err = eidas.StatusQueries(nil, []*x509.Certificate{tpp}, eidas.UseSeal, now)
	assert.ErrorIs(t, err, eidas.ReasonTrustUnavailable)
}
