package qseal_test

import (
	"crypto/x509"
	"net/http"
	"strings"
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

// Junk of 1 MiB must cost nothing worth a stranger's while: below 5 ms.
func BenchmarkJunk(b *testing.B) {
	const size = 1 << 20
	junk := map[string]string{
		"dots":     strings.Repeat(".", size),
		"letters":  strings.Repeat("A", size),
		"brackets": strings.Repeat("[", size),
		"objects":  `{"protected":` + strings.Repeat(`{"a":`, size/5),
		"members":  `{` + strings.Repeat(`"a":1,`, size/6),
		"numbers":  `{"payload":[` + strings.Repeat(`1,`, size/2),
		"string":   `{"payload":"` + strings.Repeat(`\u0041`, size/6),
		"quotes":   strings.Repeat(`"`, size),
		"items":    "s=(" + strings.Repeat(`"a" `, size/4),
		"params":   "s=()" + strings.Repeat(";a", size/2),
		"labels":   strings.Repeat("a=(),", size/5),
	}
	for name, text := range junk {
		b.Run("jades/"+name, func(b *testing.B) {
			for b.Loop() {
				if _, err := qseal.VerifyJAdES([]byte(text), nil, sealTime, qseal.JAdESOptions{}); err == nil {
					b.Fatal("accepted")
				}
			}
		})
		for _, p := range qseal.Profiles() {
			h := fields()
			for _, field := range []string{"X-Jws-Signature", "Signature-Input", "Signature", "Content-Digest", "Digest"} {
				h.Set(field, text)
			}
			m := sealRequest(b, h)
			b.Run(p.Name()+"/"+name, func(b *testing.B) {
				for b.Loop() {
					if _, err := qseal.VerifyMessage(m, p, rsaForger().cert, sealTime); err == nil {
						b.Fatal("accepted")
					}
				}
			})
		}
	}
}
