package qseal_test

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/eidastest"
	"github.com/seed-b953571c/eidas/qseal"
)

// knownGood is a StatusChecker that knows every answer, as a warm one does.
type knownGood struct{}

// CheckStatus implements eidas.StatusChecker.
func (knownGood) CheckStatus(_ context.Context, q eidas.StatusQuery) (eidas.StatusAnswer, error) {
	a, _ := knownGood{}.KnownStatus(q)
	return a, nil
}

// KnownStatus implements eidas.StatusMemory.
func (knownGood) KnownStatus(eidas.StatusQuery) (eidas.StatusAnswer, bool) {
	return eidas.StatusAnswer{Status: eidas.StatusGood, FreshUntil: time.Now().Add(time.Hour)}, true
}

func benchScene(b *testing.B) (*scene, *http.Request) {
	b.Helper()
	s := newScene(b, qseal.BerlinGroup13())
	r := eidastest.QSealC(tppID, roles)
	r.KeyType = eidastest.RSA2048
	s.leaf = s.w.Issue("LT", r)
	config, err := s.w.Config(eidas.Policy{Authorizer: eidas.RequireRoles(eidas.RoleAI)})
	require.NoError(b, err)
	config.Status = knownGood{}
	s.config.Validator, err = eidas.NewValidator(config)
	require.NoError(b, err)
	s.config.Replay = storeFunc(func(string) (bool, error) { return true, nil })
	return s, s.order(func(f *forged) { f.algorithm = "rsa-sha256" }, header("psu-id", "x"), covering("digest x-request-id psu-id"))
}

// BenchmarkBerlinGroupParse is everything but cryptography and the certificate
// itself: the parameters, the signing string, keyId and the coverage rules.
func BenchmarkBerlinGroupParse(b *testing.B) {
	s, r := benchScene(b)
	parse := qseal.PrepareBerlin(r, s.leaf.Certificate)
	require.NoError(b, parse())
	b.ReportAllocs()
	for b.Loop() {
		if err := parse(); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkBerlinGroupVerify compares a whole verdict of a sealer that is known
// with the bare check of its RSA signature, in turns because the machine is noisy.
func BenchmarkBerlinGroupVerify(b *testing.B) {
	s, r := benchScene(b)
	v := s.verifier()
	seal, err := v.VerifyRequest(b.Context(), r, s.at)
	require.NoError(b, err)
	digest := sha256.Sum256(seal.Base)
	signature, err := s.leaf.Key.Sign(randomness, digest[:], crypto.SHA256)
	require.NoError(b, err)
	pub := s.leaf.Certificate.PublicKey.(*rsa.PublicKey)
	var bare, whole time.Duration
	b.ReportAllocs()
	for b.Loop() {
		start := time.Now()
		if err := rsa.VerifyPKCS1v15(pub, crypto.SHA256, digest[:], signature); err != nil {
			b.Fatal(err)
		}
		middle := time.Now()
		r.Body = io.NopCloser(strings.NewReader(payment))
		if _, err := v.VerifyRequest(b.Context(), r, s.at); err != nil {
			b.Fatal(err)
		}
		whole += time.Since(middle)
		bare += middle.Sub(start)
	}
	b.ReportMetric(float64(whole)/float64(bare), "whole/bare")
	b.ReportMetric(float64(bare.Microseconds())/float64(b.N), "bare-µs")
	b.ReportMetric(float64(whole.Microseconds())/float64(b.N), "whole-µs")
}

// BenchmarkStream is what 10 MiB of a stream cost beside the handler's reading.
func BenchmarkStream(b *testing.B) {
	s, _ := benchScene(b)
	s.config.MaxBody = 16 << 20
	large := strings.Repeat("0123456789abcdef", 10<<16)
	r := s.order(func(f *forged) { f.algorithm, f.sealedBody = "rsa-sha256", &large })
	v := s.verifier()
	buffer := make([]byte, 32<<10)
	b.ReportAllocs()
	for b.Loop() {
		r.Body, r.ContentLength = io.NopCloser(strings.NewReader(large)), int64(len(large))
		pending, err := v.VerifyStream(b.Context(), r, s.at)
		require.NoError(b, err)
		for {
			if _, err := r.Body.Read(buffer); err != nil {
				break
			}
		}
		if _, err := pending.Commit(b.Context()); err != nil {
			b.Fatal(err)
		}
	}
}
