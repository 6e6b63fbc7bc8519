package eidas_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
)

// The rows of this file are attacks that once worked, or checks that no test
// would have missed.

func withdrawnLately(s *eidas.Service) {
	p := s.Periods[0]
	p.Status, p.Start = statusBase+"withdrawn", now.AddDate(0, -1, 0)
	s.Periods = append([]eidas.Period{p}, s.Periods...)
}

// crossCertified is a certificate for the name and key of a CA by another one.
func crossCertified(t *testing.T, ca, by *authority, keyID []byte) *authority {
	t.Helper()
	return &authority{key: ca.key, cert: issue(t, by, ca.key, func(c *x509.Certificate) {
		c.Subject, c.SubjectKeyId = ca.cert.Subject, keyID
		c.IsCA, c.BasicConstraintsValid, c.KeyUsage = true, true, x509.KeyUsageCertSign
	})}
}

// unreadable returns a certificate of the same name and key that crypto/x509
// refuses, with a BOOLEAN that is not DER.
func unreadable(t *testing.T, der []byte) []byte {
	t.Helper()
	out := bytes.Clone(der)
	at := bytes.Index(out, []byte{0x55, 0x1d, 0x13})
	at += bytes.Index(out[at:], []byte{1, 1, 0xff})
	out[at+2] = 1
	_, err := x509.ParseCertificate(out)
	require.Error(t, err)
	return out
}

func anchoredBy(t *testing.T, der []byte) func(*eidas.Service) {
	t.Helper()
	a, err := eidas.ParseAnchor(der)
	require.NoError(t, err)
	return func(s *eidas.Service) { s.Anchors = []*eidas.Anchor{a} }
}

func judge(t *testing.T, src trust, peer ...*x509.Certificate) (*eidas.Result, error) {
	t.Helper()
	v, err := eidas.NewValidator(eidas.Config{Services: src, Status: good(), Policy: policy()})
	require.NoError(t, err)
	return v.Validate(context.Background(), peer, eidas.UseTLS, now)
}

// A former QTSP has itself cross-certified under a CA that is still granted.
func TestWithdrawnCADoesNotComeBackUnderACrossCertificate(t *testing.T) {
	root, former := newCA(t, "Root", nil), newCA(t, "Former", nil)
	crossed := crossCertified(t, former, root, []byte("another key id"))
	leaf := issue(t, crossed, newKey(t), qwac)

	_, err := judge(t, trusting(listed(t, root)), leaf, crossed.cert)
	require.NoError(t, err, "the cross certificate itself is fine")
	_, err = judge(t, trusting(listed(t, former, withdrawnLately), listed(t, root)), leaf, crossed.cert)
	require.ErrorIs(t, err, eidas.ReasonIndeterminate)

	same := crossCertified(t, former, root, former.cert.SubjectKeyId)
	hidden := listed(t, former, withdrawnLately, anchoredBy(t, unreadable(t, former.cert.Raw)))
	_, err = judge(t, trusting(hidden, listed(t, root)), issue(t, former, newKey(t), qwac), same.cert)
	require.ErrorIs(t, err, eidas.ReasonServiceNotGranted, "nor when its own certificate cannot be read")
}

// A list may show a CA of another state; it must not stand in its way.
func TestOneListDoesNotHideAnothersCA(t *testing.T) {
	ca := newCA(t, "Honest", nil)
	leaf := issue(t, ca, newKey(t), qwac)
	otherKeyID := issue(t, nil, ca.key, func(c *x509.Certificate) {
		c.Subject, c.SubjectKeyId, c.IsCA, c.BasicConstraintsValid = ca.cert.Subject, []byte("x"), true, true
	})
	for name, der := range map[string][]byte{"unreadable": unreadable(t, ca.cert.Raw), "another key id": otherKeyID.Raw} {
		t.Run(name, func(t *testing.T) {
			foreign := listed(t, ca, anchoredBy(t, der), func(s *eidas.Service) {
				s.Periods[0].Type = "http://uri.etsi.org/TrstSvc/Svctype/TSA"
			})
			_, err := judge(t, trusting(foreign), leaf)
			require.Error(t, err, "alone it leads nowhere")
			for _, src := range []trust{trusting(foreign, listed(t, ca)), trusting(listed(t, ca), foreign)} {
				_, err = judge(t, src, leaf)
				require.NoError(t, err)
			}
		})
	}
}

// Where crypto/x509 refuses the certificate of a listed CA but reads its key,
// the CA still is a name and a key. A key that it does not read verifies nothing.
func TestListedCertificateThatCannotBeRead(t *testing.T) {
	root := newCA(t, "Root", nil)
	ca := newCA(t, "Odd", root)
	leaf := issue(t, ca, newKey(t), qwac)
	odd := anchoredBy(t, unreadable(t, ca.cert.Raw))

	res, err := judge(t, trusting(listed(t, ca, odd)), leaf)
	require.NoError(t, err)
	assert.Equal(t, ca.cert.RawSubjectPublicKeyInfo, res.Chain[1].RawSubjectPublicKeyInfo)
	_, err = judge(t, trusting(listed(t, ca, odd, withdrawnLately)), leaf)
	require.ErrorIs(t, err, eidas.ReasonServiceNotGranted)
	impostor := *ca.cert
	key := newKey(t)
	impostor.PublicKey = key.Public()
	_, err = judge(t, trusting(listed(t, ca, odd)), issue(t, &authority{&impostor, key}, newKey(t), qwac))
	require.ErrorIs(t, err, eidas.ReasonSignatureInvalid)

	// 1.2.840.10045.3.1.7 is P-256; no curve of crypto/elliptic is ….9.
	p256 := []byte("\x2a\x86\x48\xce\x3d\x03\x01\x07")
	curve := bytes.ReplaceAll(ca.cert.Raw, p256, append(bytes.Clone(p256[:7]), 9))
	_, err = judge(t, trusting(listed(t, ca, anchoredBy(t, curve))), leaf)
	require.ErrorIs(t, err, eidas.ReasonIssuerUnknown)
	require.ErrorContains(t, err, "unsupported elliptic curve")
}

// What a list says and nobody here understands decides nothing.
func TestUnknownCriticalExtensionOfAServiceIsIndeterminate(t *testing.T) {
	_, err := run{service: func(s *eidas.Service) { s.Periods[0].UnknownCritical = []string{"{urn:x}NotForPayments"} }}.validate(t)
	require.ErrorIs(t, err, eidas.ReasonIndeterminate)
}

// A statement criterion may ask for a type alone.
func TestStatementCriterionWithoutIdentifier(t *testing.T) {
	for oid, want := range map[string]eidas.Reason{"0.4.0.1862.1.6.3": eidas.ReasonNotQualified, "0.4.0.1862.1.6.2": 0} {
		_, err := run{service: func(s *eidas.Service) {
			q := &s.Periods[0].Qualifications[0]
			q.Qualifiers = []string{infoBase + "NotQualified"}
			q.Criteria.Statements = [][]eidas.StatementCriterion{{{Type: oid}}}
		}}.validate(t)
		assert.Equal(t, want, eidas.ReasonOf(err))
	}
}

// What an intermediate must be, beside TestPathIntermediateRules.
func TestIntermediateStrength(t *testing.T) {
	root := newCA(t, "Root", nil)
	for bits, want := range map[int]eidas.Reason{1024: eidas.ReasonIssuerUnknown, 2048: 0} {
		key, err := rsa.GenerateKey(rand.Reader, bits)
		require.NoError(t, err)
		mid := &authority{key: key, cert: issue(t, root, key, func(c *x509.Certificate) {
			c.Subject = pkix.Name{CommonName: "RSA"}
			c.IsCA, c.BasicConstraintsValid, c.KeyUsage = true, true, x509.KeyUsageCertSign
		})}
		_, reason := find(t, trusting(listed(t, root)), issue(t, mid, newKey(t), qwac), mid.cert)
		assert.Equal(t, want, reason, bits)
	}
	for purpose, want := range map[x509.ExtKeyUsage]eidas.Reason{
		x509.ExtKeyUsageTimeStamping: eidas.ReasonIssuerUnknown, x509.ExtKeyUsageClientAuth: 0,
	} {
		mid := newCA(t, "Purpose", root, func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{purpose} })
		_, reason := find(t, trusting(listed(t, root)), issue(t, mid, newKey(t), qwac), mid.cert)
		assert.Equal(t, want, reason, purpose)
	}
	noCA := newCA(t, "Signs without being a CA", root, func(c *x509.Certificate) {
		c.IsCA, c.BasicConstraintsValid = false, false
		c.KeyUsage = 0
		c.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 15}, Critical: true, Value: []byte{3, 2, 2, 4}}}
	})
	require.Equal(t, x509.KeyUsageCertSign, noCA.cert.KeyUsage)
	_, reason := find(t, trusting(listed(t, root)), issue(t, noCA, newKey(t), qwac), noCA.cert)
	assert.Equal(t, eidas.ReasonIssuerUnknown, reason)
}

// Form, where other checks used to hide what a test removed.
func TestFormOnItsOwn(t *testing.T) {
	ca := newCA(t, "Issuing", nil)
	src := trusting(listed(t, ca))
	weak := issue(t, ca, newKey(t), qwac)
	weak.SignatureAlgorithm = x509.ECDSAWithSHA1
	_, err := judge(t, src, weak)
	require.ErrorIs(t, err, eidas.ReasonAlgorithmWeak)
	_, reason := find(t, src, weak)
	assert.Equal(t, eidas.ReasonAlgorithmWeak, reason, "the path asks too")

	signs := issue(t, ca, newKey(t), qwac)
	signs.KeyUsage |= x509.KeyUsageCertSign
	_, err = judge(t, src, signs)
	require.ErrorIs(t, err, eidas.ReasonNotEndEntity)

	_, err = run{use: eidas.UseSeal, leaf: both(qseal, func(c *x509.Certificate) {
		c.UnknownExtKeyUsage = []asn1.ObjectIdentifier{{0, 4, 0, 194115, 1, 0}}
	})}.validate(t)
	require.ErrorIs(t, err, eidas.ReasonExtendedKeyUsage, "a 2-QWAC seals nothing")

	large := issue(t, ca, newKey(t), both(qwac, func(c *x509.Certificate) {
		c.ExtraExtensions = append(c.ExtraExtensions, pkix.Extension{Id: asn1.ObjectIdentifier{1, 2, 3}, Value: make([]byte, 33<<10)})
	}))
	_, err = judge(t, src, large)
	require.ErrorIs(t, err, eidas.ReasonChainTooLong)

	_, err = judge(t, src, &x509.Certificate{})
	require.ErrorIs(t, err, eidas.ReasonCertificateMalformed)

	key, err := rsa.GenerateKey(rand.Reader, 1024)
	require.NoError(t, err)
	_, err = judge(t, src, issue(t, ca, key, qwac))
	require.ErrorIs(t, err, eidas.ReasonKeyWeak)
}

// Evidence ends with the first certificate of the chain that ends.
func TestValidUntilOfIntermediate(t *testing.T) {
	root := newCA(t, "Root", nil)
	mid := newCA(t, "Short", root, func(c *x509.Certificate) { c.NotAfter = now.AddDate(0, 0, 1) })
	res, err := judge(t, trusting(listed(t, root)), issue(t, mid, newKey(t), qwac), mid.cert)
	require.NoError(t, err)
	assert.Equal(t, mid.cert.NotAfter, res.ValidUntil)
}

// A listed CA that only carries the name of another one's issuer lends it no services.
func TestServicesAboveAreProvedByTheSignature(t *testing.T) {
	root := newCA(t, "Root", nil)
	ca := newCA(t, "Issuing", root)
	impostor := newCA(t, "Root", nil, func(c *x509.Certificate) { c.SubjectKeyId = root.cert.SubjectKeyId })
	leaf := issue(t, ca, newKey(t), qwac)
	own, real, other := listed(t, ca), listed(t, root), listed(t, impostor)
	found, reason := find(t, trusting(own, real), leaf)
	assert.Zero(t, reason)
	assert.Equal(t, []*eidas.Service{own, real}, found)
	found, reason = find(t, trusting(own, other), leaf)
	assert.Zero(t, reason)
	assert.Equal(t, []*eidas.Service{own}, found)
}

// The budget of chains: more CAs of one name than are looked at, none of which
// signed.
func TestPathBudget(t *testing.T) {
	genuine := newCA(t, "Crowd", nil, func(c *x509.Certificate) { c.SubjectKeyId = []byte("k") })
	var services []*eidas.Service
	for range 8 {
		services = append(services, listed(t, newCA(t, "Crowd", nil, func(c *x509.Certificate) { c.SubjectKeyId = []byte("k") })))
	}
	leaf := issue(t, genuine, newKey(t), qwac)
	_, reason := find(t, trusting(append(services[:7:7], listed(t, genuine))...), leaf)
	assert.Zero(t, reason, "the eighth is still looked at")
	_, reason = find(t, trusting(append(services, listed(t, genuine))...), leaf)
	assert.Equal(t, eidas.ReasonPathTooComplex, reason)
}
