package revocation_test

import (
	"context"
	"crypto/rand"
	"crypto/rsa"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
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
