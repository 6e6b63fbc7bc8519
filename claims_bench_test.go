package eidas_test

import (
	"crypto/x509"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/internal/realdata"
)

// benchCertificates are the real, lawful PSD2 certificates of the manifest.
func benchCertificates(tb testing.TB) (certs []*x509.Certificate) {
	tb.Helper()
	for _, row := range manifest(tb) {
		if row["has_psd2"] != "True" || row["provenance"] != "real: signature verifies under a CA in the 2019/2023 EU TL snapshots" {
			continue
		}
		cert, err := x509.ParseCertificate(realdata.Read(tb, "certs", row["file"]))
		require.NoError(tb, err)
		certs = append(certs, cert)
	}
	require.NotEmpty(tb, certs)
	return certs
}

// BenchmarkParseClaims reads statements, findings and identity; one operation
// is one certificate. Compare with BenchmarkX509ParseCertificate.
func BenchmarkParseClaims(b *testing.B) {
	certs := benchCertificates(b)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		claims, err := eidas.ParseClaims(certs[i%len(certs)])
		if err != nil {
			b.Fatal(err)
		}
		if _, err := claims.Identity(eidas.ProfileEU); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkParseClaimsDER is BenchmarkParseClaims from the bytes.
func BenchmarkParseClaimsDER(b *testing.B) {
	certs := benchCertificates(b)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := eidas.ParseClaimsDER(certs[i%len(certs)].Raw); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkX509ParseCertificate is the yardstick: the target for ParseClaims is
// a fifth of it.
func BenchmarkX509ParseCertificate(b *testing.B) {
	certs := benchCertificates(b)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if _, err := x509.ParseCertificate(certs[i%len(certs)].Raw); err != nil {
			b.Fatal(err)
		}
	}
}
