package eidas_test

import (
	"bytes"
	"crypto/x509"
	"crypto/x509/pkix"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/internal/realdata"
)

// benchCertificates are the real, lawful PSD2 certificates of the manifest, or,
// where it has none, all the lawful ones.
func benchCertificates(tb testing.TB) []*x509.Certificate {
	tb.Helper()
	var realOnes, all []*x509.Certificate
	for _, row := range manifest(tb) {
		cert, err := x509.ParseCertificate(realdata.Read(tb, "certs", row["file"]))
		if err != nil || row["has_psd2"] != "True" {
			continue
		}
		claims, err := eidas.ParseClaims(cert)
		if err != nil {
			continue
		}
		if _, err := claims.Identity(eidas.ProfileEU); err != nil {
			continue
		}
		all = append(all, cert)
		if strings.HasPrefix(row["provenance"], "real:") {
			realOnes = append(realOnes, cert)
		}
	}
	require.NotEmpty(tb, all)
	if len(realOnes) > 0 {
		return realOnes
	}
	return all
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

// BenchmarkParseClaimsRatio alternates the two in short rounds of one run and
// reports the quickest round of each and their ratio, so that other work on the
// machine does not decide it. One operation is a round.
func BenchmarkParseClaimsRatio(b *testing.B) {
	certs := benchCertificates(b)
	claims := func(c *x509.Certificate) {
		got, err := eidas.ParseClaims(c)
		if err != nil {
			b.Fatal(err)
		}
		if _, err := got.Identity(eidas.ProfileEU); err != nil {
			b.Fatal(err)
		}
	}
	parse := func(c *x509.Certificate) {
		if _, err := x509.ParseCertificate(c.Raw); err != nil {
			b.Fatal(err)
		}
	}
	var best [2]time.Duration
	for b.Loop() {
		for i, f := range []func(*x509.Certificate){claims, parse} {
			if took := quickest(certs, f); best[i] == 0 || took < best[i] {
				best[i] = took
			}
		}
	}
	b.ReportMetric(float64(best[0]), "claims-ns")
	b.ReportMetric(float64(best[1]), "x509-ns")
	b.ReportMetric(float64(best[0])/float64(best[1]), "ratio")
}

// quickest returns the time f takes for one certificate, over a round of them.
func quickest(certs []*x509.Certificate, f func(*x509.Certificate)) time.Duration {
	const rounds = 20
	start := time.Now()
	for range rounds {
		for _, c := range certs {
			f(c)
		}
	}
	return time.Since(start) / time.Duration(rounds*len(certs))
}

// TestParseClaimsAllocations holds the number of allocations to its target, on
// the real lawful certificates.
func TestParseClaimsAllocations(t *testing.T) {
	for _, cert := range benchCertificates(t) {
		allocations := testing.AllocsPerRun(100, func() {
			claims, err := eidas.ParseClaims(cert)
			if err != nil {
				t.Fatal(err)
			}
			if _, err := claims.Identity(eidas.ProfileEU); err != nil {
				t.Fatal(err)
			}
		})
		assert.LessOrEqual(t, allocations, 15.0, cert.Subject.Organization)
	}
}

// BenchmarkHostileStatements reads extensions of the greatest size that are
// made to be costly.
func BenchmarkHostileStatements(b *testing.B) {
	fill := func(unit []byte) []byte { return bytes.Repeat(unit, (eidas.MaxStatementsSize-1000)/len(unit)) }
	name := bytes.Repeat([]byte{0, 'x'}, 400)
	for _, row := range []struct {
		name  string
		value []byte
	}{
		{"statements", sequence(fill(statement("1.2.3")))},
		{"not statements", sequence(fill([]byte{5, 0}))},
		{"roles", sequence(psd2("LT-BL", fill(role("1.2.3", "x"))))},
		{"roles in one", sequence(psd2("LT-BL", sequence(fill(append(oidOf("1.2.3"), utf8String("x")...)))))},
		{"role names in BMP", sequence(psd2("LT-BL", fill(sequence(tlv(30, name), tlv(30, name)))))},
		{"one name", sequence(psd2Of(sequence(piRole), utf8String(string(fill([]byte("\xff")))), utf8String("LT-BL")))},
		{"locations", sequence(pds(fill(location("http://"+string(name), string(name)))))},
		{"long OID", sequence(statement("0.4.0.1862.1.6", sequence(fill(tlv(cbasn1.OBJECT_IDENTIFIER, bytes.Repeat([]byte{0x81}, 63), []byte{1})))))},
	} {
		b.Run(row.name, func(b *testing.B) {
			cert := &x509.Certificate{RawSubject: sequence(orgID(tppID)), Extensions: []pkix.Extension{statementsExtension(row.value)}}
			b.SetBytes(int64(len(row.value)))
			b.ReportAllocs()
			for b.Loop() {
				if claims, _ := eidas.ParseClaims(cert); claims == nil {
					b.Fatal("no claims")
				}
			}
		})
	}
}
