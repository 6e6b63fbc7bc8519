package qseal_test

import (
	"context"
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"io"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
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
	s := benchSceneOf(b)
	return s, s.order(func(f *forged) { f.algorithm = "rsa-sha256" }, header("psu-id", "x"), covering("digest x-request-id psu-id"))
}

// benchSceneOf is a scene in which nothing waits: every answer and every seal is
// known at once.
func benchSceneOf(tb testing.TB) *scene {
	tb.Helper()
	s := newScene(tb, qseal.BerlinGroup13())
	r := eidastest.QSealC(tppID, roles)
	r.KeyType = eidastest.RSA2048
	s.leaf = s.w.Issue("LT", r)
	config, err := s.w.Config(eidas.Policy{Authorizer: eidas.RequireRoles(eidas.RoleAI)})
	require.NoError(tb, err)
	config.Status = knownGood{}
	s.config.Validator, err = eidas.NewValidator(config)
	require.NoError(tb, err)
	s.config.Replay = storeFunc(func(string) (bool, error) { return true, nil })
	return s
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

// BenchmarkStreamOverhead is what 10 MiB cost beside the handler's own reading,
// in bytes: of three things in turns, of which the smallest is taken.
//
//	bare    a handler reads 10 MiB
//	small   a small sealed body is verified as a stream, and a handler reads 10 MiB
//	stream  10 MiB are verified as a stream while a handler reads them
//	unread  10 MiB are verified as a stream that the handler leaves to Commit
func BenchmarkStreamOverhead(b *testing.B) {
	least := streamBytes(b, b.N)
	b.ReportMetric(least[0], "bare-B")
	b.ReportMetric(least[1], "small-B")
	b.ReportMetric(least[2], "stream-B")
	b.ReportMetric(least[3], "unread-B")
	b.ReportMetric(least[2]-least[1], "B-due-to-streaming")
	b.ReportMetric(least[2]-least[0], "B-beyond-the-handler")
}

// What a stream costs does not grow with it: 10 MiB take no KiB more than a small
// body, whether the handler reads them or not.
func TestStreamingTakesNoMemory(t *testing.T) {
	least := streamBytes(t, 5)
	const kibibyte = 1 << 10
	assert.LessOrEqual(t, least[2]-least[1], float64(kibibyte))
	assert.LessOrEqual(t, least[3]-least[1], float64(kibibyte))
}

// streamBytes returns what each of the four allocates, the least of some runs:
// what else there is in the process can only add to it.
func streamBytes(tb testing.TB, runs int) (least [4]float64) {
	tb.Helper()
	f := streamSceneOf(tb)
	for n := range runs + 1 {
		for i, run := range f {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			run()
			runtime.ReadMemStats(&after)
			got := float64(after.TotalAlloc - before.TotalAlloc)
			if n == 1 || n > 1 && got < least[i] { // the first run allocates what stays
				least[i] = got
			}
		}
	}
	return least
}

// streamSceneOf returns the four things that are compared. Requests are made
// beforehand: they are net/http's.
func streamSceneOf(tb testing.TB) [4]func() {
	tb.Helper()
	s := benchSceneOf(tb)
	s.config.MaxBody = 16 << 20
	large := strings.Repeat("0123456789abcdef", 10<<16)
	v := s.verifier()
	buffer := make([]byte, 32<<10)
	order := func(body string) *http.Request {
		return s.order(func(f *forged) { f.algorithm, f.sealedBody = "rsa-sha256", &body })
	}
	handle := func(r io.Reader) {
		for {
			if _, err := r.Read(buffer); err != nil {
				return
			}
		}
	}
	verify := func(r *http.Request, body *strings.Reader, handle func(sealed io.Reader)) {
		r.Body, r.ContentLength = io.NopCloser(body), body.Size()
		pending, err := v.VerifyStream(tb.Context(), r, s.at)
		if err != nil {
			tb.Fatal(err)
		}
		handle(r.Body)
		if _, err := pending.Commit(tb.Context()); err != nil {
			tb.Fatal(err)
		}
	}
	small, whole := order(payment), order(large)
	text := func(s string) *strings.Reader { return strings.NewReader(s) }
	return [4]func(){
		func() { handle(io.NopCloser(text(large))) },
		func() {
			verify(small, text(payment), func(sealed io.Reader) {
				handle(sealed)
				handle(io.NopCloser(text(large)))
			})
		},
		func() { verify(whole, text(large), handle) },
		func() { verify(whole, text(large), func(io.Reader) {}) },
	}
}
