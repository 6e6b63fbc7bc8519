package qseal_test

import (
	"crypto/x509"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas/qseal"
)

// A whole verification of form, coverage and signature with a known certificate.
func benchmarkVerify(b *testing.B, m *qseal.MessageView, p qseal.Profile, f *forger) {
	b.Helper()
	b.ReportAllocs()
	for b.Loop() {
		if _, err := qseal.VerifyMessage(m, p, f.cert, sealTime); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkVerifyOBIE(b *testing.B) {
	f := rsaForger()
	h := http.Header{"X-Jws-Signature": {f.compact(b, "PS256", obieHeader("]"), b64url(sealBody))}}
	benchmarkVerify(b, sealRequest(b, h), qseal.OBIE31(qseal.OBIE314), f)
}

func BenchmarkVerifyJAdESHTTP(b *testing.B) {
	f := rsaForger()
	h := fields()
	h.Set("X-Jws-Signature", f.compact(b, "PS256", f.jadesHeader("PS256"), jadesInput(h)))
	benchmarkVerify(b, sealRequest(b, h), qseal.JAdESHTTP(), f)
}

func BenchmarkVerifyRFC9421(b *testing.B) {
	m, f := messageSeal{}.build(b)
	benchmarkVerify(b, m, qseal.RFC9421("fapi-2-request"), f)
}

func BenchmarkVerifyBinding(b *testing.B) {
	f := p256Forger()
	text := []byte(f.compact(b, "ES256", f.bindingHeader("ES256", f.cert), ""))
	b.ReportAllocs()
	for b.Loop() {
		_, err := qseal.VerifyBinding(text, []*x509.Certificate{f.cert}, sealTime, qseal.BindingOptions{})
		require.NoError(b, err)
	}
}
