package eidas_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
)

// A stranger names a listed CA as the issuer of every certificate that it
// sends. The dearer the CA's key, the fewer signatures are looked at.
func TestPathBoundsWhatFalseSignaturesCost(t *testing.T) {
	ec := func(curve elliptic.Curve) crypto.Signer {
		key, err := ecdsa.GenerateKey(curve, rand.Reader)
		require.NoError(t, err)
		return key
	}
	rsa4096, err := rsa.GenerateKey(rand.Reader, 4096)
	require.NoError(t, err)
	for name, row := range map[string]struct {
		key  crypto.Signer
		fake int // certificates that name the CA
		want eidas.Reason
	}{
		"P-256, all that may be sent":    {ec(elliptic.P256()), 7, eidas.ReasonSignatureInvalid},
		"RSA-4096, all that may be sent": {rsa4096, 7, eidas.ReasonSignatureInvalid},
		"P-384, five":                    {ec(elliptic.P384()), 5, eidas.ReasonSignatureInvalid},
		"P-384, six":                     {ec(elliptic.P384()), 6, eidas.ReasonPathTooComplex},
		"P-521, one":                     {ec(elliptic.P521()), 1, eidas.ReasonSignatureInvalid},
		"P-521, two":                     {ec(elliptic.P521()), 2, eidas.ReasonPathTooComplex},
	} {
		t.Run(name, func(t *testing.T) {
			isCA := func(cn string) func(*x509.Certificate) {
				return func(c *x509.Certificate) {
					c.Subject = pkix.Name{CommonName: cn}
					c.IsCA, c.BasicConstraintsValid, c.KeyUsage = true, true, x509.KeyUsageCertSign
				}
			}
			ca := &authority{issue(t, nil, row.key, isCA("Listed")), row.key}
			forged := *ca.cert // its name and key identifier are public
			fake := &authority{&forged, newKey(t)}
			forged.PublicKey = fake.key.Public()
			key := newKey(t)
			var between []*x509.Certificate
			for range row.fake {
				between = append(between, issue(t, fake, key, isCA("Between")))
			}
			tpp := issue(t, &authority{between[0], key}, newKey(t), qwac)
			_, reason := find(t, trusting(listed(t, ca)), append([]*x509.Certificate{tpp}, between...)...)
			assert.Equal(t, row.want, reason)
		})
	}
}
