package revocation_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"fmt"
	"math/big"
	mathrand "math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
	"golang.org/x/crypto/ocsp"

	"github.com/seed-b953571c/eidas/internal/fetch"
	"github.com/seed-b953571c/eidas/revocation"
)

// BenchmarkVerifyOCSP reports the time of VerifyOCSP, and as "x/ParseResponse"
// its ratio to that of ocsp.ParseResponseForCert, which checks far less. Both
// take turns, so that the noise of the machine meets both.
func BenchmarkVerifyOCSP(b *testing.B) {
	w := newWorld(b)
	rsaWorld := newWorld(b)
	key := func() *rsa.PrivateKey {
		k, err := rsa.GenerateKey(rand.Reader, 2048)
		require.NoError(b, err)
		return k
	}
	rsaWorld.ca = mintKey(b, rsaWorld.root, key(), "Issuing CA", asCA)
	rsaWorld.leaf = mint(b, rsaWorld.ca, "TPP", nil)
	rsaWorld.delegate = mintKey(b, rsaWorld.ca, key(), "Responder", asDelegate)
	for _, bb := range []struct {
		name string
		w    *world
		r    *response
	}{
		{"P256/direct", w, w.good()},
		{"P256/delegated", w, w.good().by(w.delegate)},
		{"RSA2048/direct", rsaWorld, rsaWorld.good()},
		{"RSA2048/delegated", rsaWorld, rsaWorld.good().by(rsaWorld.delegate)},
	} {
		raw, target := bb.r.encode(b), bb.w.target()
		b.Run(bb.name, func(b *testing.B) {
			b.ReportAllocs()
			var own, other time.Duration
			for b.Loop() {
				start := time.Now()
				if _, err := revocation.VerifyOCSP(raw, target, now, revocation.OCSPPolicy{}); err != nil {
					b.Fatal(err)
				}
				own += time.Since(start)
				b.StopTimer()
				start = time.Now()
				if _, err := ocsp.ParseResponseForCert(raw, target.Certificate, target.Issuer); err != nil {
					b.Fatal(err)
				}
				other += time.Since(start)
				b.StartTimer()
			}
			b.ReportMetric(float64(own)/float64(other), "x/ParseResponse")
		})
	}
}

// BenchmarkCacheHit is what an answer costs that is at hand.
func BenchmarkCacheHit(b *testing.B) {
	w := liveWorld(b, "http://a.test/")
	body := w.good().encode(b)
	c, err := revocation.NewWithFetcher(revocation.Config{}, fetcherFunc(func(context.Context, fetch.Request) (*fetch.Response, error) {
		return ocspBody(body)
	}))
	require.NoError(b, err)
	ctx, q := context.Background(), w.query()
	_, err = c.CheckStatus(ctx, q)
	require.NoError(b, err)
	b.Run("serial", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if _, err := c.CheckStatus(ctx, q); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("parallel", func(b *testing.B) {
		b.ReportAllocs()
		b.RunParallel(func(pb *testing.PB) {
			for pb.Next() {
				if _, err := c.CheckStatus(ctx, q); err != nil {
					b.Error(err)
				}
			}
		})
	})
}

func TestCacheHitAllocatesNothing(t *testing.T) {
	w := liveWorld(t, "http://a.test/")
	body := w.good().encode(t)
	c, err := revocation.NewWithFetcher(revocation.Config{}, fetcherFunc(func(context.Context, fetch.Request) (*fetch.Response, error) {
		return ocspBody(body)
	}))
	require.NoError(t, err)
	ctx, q := context.Background(), w.query()
	_, err = c.CheckStatus(ctx, q)
	require.NoError(t, err)
	require.Zero(t, testing.AllocsPerRun(100, func() { _, _ = c.CheckStatus(ctx, q) }))
}

// bigCRL is a CRL with n entries in the shape that CAs give them: serial
// numbers of 16 random octets, every fourth with a reason.
func bigCRL(tb testing.TB, w *world, n int) ([]byte, *big.Int) {
	tb.Helper()
	random := mathrand.NewChaCha8([32]byte{1})
	var list cryptobyte.Builder
	serial := new(big.Int)
	for i := range n {
		b := make([]byte, 16)
		_, _ = random.Read(b)
		b[0] = b[0]&0x7f | 0x40
		serial.SetBytes(b)
		list.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1BigInt(serial)
			b.AddASN1UTCTime(now.Add(-time.Duration(i) * time.Second))
			if i%4 == 0 {
				b.AddBytes([]byte("\x30\x0c\x30\x0a\x06\x03\x55\x1d\x15\x04\x03\x0a\x01\x04"))
			}
		})
	}
	entries := list.BytesOrPanic()
	s := w.crl()
	r := &response{signer: w.ca}
	alg, _ := r.sign(tb, nil)
	var tbs cryptobyte.Builder
	tbs.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1Int64(1)
		b.AddBytes(der(tb, alg, ""))
		b.AddBytes(s.issuer)
		b.AddASN1UTCTime(s.thisUpdate)
		b.AddASN1UTCTime(s.nextUpdate)
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) { b.AddBytes(entries) })
	})
	return wrapCRL(tb, w.ca, tbs.BytesOrPanic(), false), serial
}

// BenchmarkCRL parses, verifies and asks a CRL, and reports the ratio of the
// standard library's time with a map of serial numbers to ours.
func BenchmarkCRL(b *testing.B) {
	w := newWorld(b)
	for _, n := range []int{1_000, 100_000, 1_000_000} {
		raw, last := bigCRL(b, w, n)
		b.Run(fmt.Sprintf("parse/%d", n), func(b *testing.B) {
			b.ReportAllocs()
			var own, other time.Duration
			for b.Loop() {
				start := time.Now()
				if _, err := revocation.ParseCRL(raw); err != nil {
					b.Fatal(err)
				}
				own += time.Since(start)
				b.StopTimer()
				start = time.Now()
				list, err := x509.ParseRevocationList(raw)
				if err != nil {
					b.Fatal(err)
				}
				index := make(map[string]int, len(list.RevokedCertificateEntries))
				for i, e := range list.RevokedCertificateEntries {
					index[string(e.SerialNumber.Bytes())] = i
				}
				other += time.Since(start)
				b.StartTimer()
			}
			b.ReportMetric(float64(other)/float64(own), "stdlib/own")
		})
		b.Run(fmt.Sprintf("verify/%d", n), func(b *testing.B) {
			for b.Loop() {
				crl, err := revocation.ParseCRL(raw)
				if err != nil {
					b.Fatal(err)
				}
				if _, err = revocation.VerifyCRL(revocation.CRLSet{CRLs: []*revocation.CRL{crl}}, w.target(), now, revocation.CRLPolicy{}); err != nil {
					b.Fatal(err)
				}
			}
		})
		crl, err := revocation.ParseCRL(raw)
		require.NoError(b, err)
		for name, serial := range map[string]*big.Int{"hit": last, "miss": w.leaf.cert.SerialNumber} {
			b.Run(fmt.Sprintf("lookup/%d/%s", n, name), func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if revocation.Lists(crl, serial, w.ca.cert.RawSubject) != (name == "hit") {
						b.Fatal(name)
					}
				}
			})
		}
	}
}
