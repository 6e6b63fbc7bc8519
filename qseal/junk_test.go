package qseal_test

import (
	"crypto/x509"
	"encoding/base64"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas/qseal"
)

// junkShapes are what a stranger may repeat until it is long enough.
func junkShapes() map[string]string {
	return map[string]string{
		"dots": ".", "letters": "A", "digits": "7", "brackets": "[", "objects": `{"a":`, "array": "[1],", "quotes": `"`,
		"escapes": `\u0041`, "short escapes": `\n`, "escaped quotes": `\"`, "surrogates": `\ud83d\ude00`, "backslashes": `\`,
		"commas": ",", "commas and blanks": ", ", "pairs": `a="b",`, "bare pairs": "a=1,", "semicolons": ";a", "inner lists": "a=(),",
		"items": `"a" `, "bytes": "a=:AA==:,", "colons": "a: b\n", "lines": "\n", "CRLF": "\r\n", "blanks": " ", "tabs": "\t", "percent": "%41",
		"attributes": "CN=a,", "OIDs": "1.2.3.4=a,", "equals": "=", "hex": "#", "not UTF-8": "\xff", "NUL": "\x00", "two octets": "é",
		"PEM": "-----BEGIN CERTIFICATE-----", "PEM end": "-----END CERTIFICATE-----\n", "plus": "+", "folded": "a: b\n c\n",
	}
}

// junkParser is a reader of what a stranger sends; before is what must stand
// before the junk for it to be read at all, and wrap how it is brought along.
type junkParser struct {
	before string
	wrap   func(s string) string // nil: as it is
	parse  func(text string) error
}

func junkParsers(tb testing.TB) map[string]junkParser {
	tb.Helper()
	f := rsaForger()
	token := func(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) + "..AAAA" }
	view := func(p qseal.Profile, field string) func(text string) error {
		h := fields()
		h.Set("Signature-Input", `s=("@method" "@target-uri" "content-digest");created=1795521600;keyid="k"`)
		h.Set("Signature", `keyId="k",algorithm="rsa-sha256",headers="digest x-request-id",signature="AAAA"`)
		h.Set("Tpp-Signature-Certificate", f.x5c())
		m := sealRequest(tb, h)
		return func(text string) error {
			h[field] = []string{text}
			_, err := qseal.VerifyMessage(m, p, f.cert, sealTime)
			return err
		}
	}
	captured := func(text string) error {
		c, err := qseal.ParseCaptured([]byte(text))
		if err != nil {
			return err
		}
		_, err = qseal.BerlinGroup13().Examine(c, nil, sealTime)
		return err
	}
	jades := func(text string) error {
		_, err := qseal.VerifyJAdES([]byte(text), nil, sealTime, qseal.JAdESOptions{})
		return err
	}
	binding := func(text string) error {
		_, err := qseal.VerifyBinding([]byte(text), []*x509.Certificate{f.cert}, sealTime, qseal.BindingOptions{})
		return err
	}
	chain := func(text string) error { _, err := qseal.ParseChain([]byte(text)); return err }
	polish := func(text string) error {
		r := httptest.NewRequest(http.MethodPost, "/", nil)
		r.Header = http.Header{"X-Request-Id": {"1"}, "X-Jws-Signature": {token(`{"alg":"PS256","kid":"k"}`)}}
		_, err := qseal.VerifyMessage(qseal.ViewRequest(r, []byte(text)), qseal.PolishAPI21(), f.cert, sealTime)
		return err
	}
	bg, pemToo := qseal.BerlinGroup13(), qseal.BerlinGroup13().AllowQuirks(qseal.QuirkPEMCertificate)
	field := view(qseal.JAdESHTTP(), "X-Jws-Signature")
	base := func(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }
	pemFile := func(s string) string {
		return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: []byte(s)}))
	}
	serial := "SN=" + f.cert.SerialNumber.Text(16) + ",CA="
	return map[string]junkParser{
		"cavage":                     {parse: view(bg, "Signature")},
		"cavage in quotes":           {before: `keyId="`, parse: view(bg, "Signature")},
		"cavage names":               {before: `headers="`, parse: view(bg, "Signature")},
		"digest":                     {parse: view(bg, "Digest")},
		"certificate header":         {parse: view(pemToo, "Tpp-Signature-Certificate")},
		"certificate header, base64": {wrap: base, parse: view(bg, "Tpp-Signature-Certificate")},
		"certificate header, PEM":    {wrap: pemFile, parse: view(pemToo, "Tpp-Signature-Certificate")},
		"chain":                      {parse: chain},
		"chain PEM":                  {wrap: pemFile, parse: chain},
		"keyId": {
			wrap: func(s string) string {
				return `keyId="` + serial + s + `",algorithm="rsa-sha256",headers="digest x-request-id",signature="AAAA"`
			},
			parse: view(bg, "Signature"),
		},
		"signature-input":    {parse: view(qseal.RFC9421(""), "Signature-Input")},
		"in signature-input": {before: "s=(", parse: view(qseal.RFC9421(""), "Signature-Input")},
		"signature":          {parse: view(qseal.RFC9421(""), "Signature")},
		"content-digest":     {parse: view(qseal.RFC9421(""), "Content-Digest")},
		"jws":                {parse: field},
		"jose header":        {wrap: token, parse: field},
		"jose string":        {before: `{"alg":"`, wrap: token, parse: field},
		"jose list":          {before: `{"crit":[`, wrap: token, parse: field},
		"obie header":        {wrap: token, parse: view(qseal.OBIE31(qseal.OBIE314), "X-Jws-Signature")},
		"jades":              {parse: jades},
		"jades header":       {wrap: token, parse: jades},
		"jades JSON":         {before: `{"payload":"`, parse: jades},
		"jades list":         {before: `{"signatures":[`, parse: jades},
		"binding":            {parse: binding},
		"binding header":     {wrap: token, parse: binding},
		"message":            {parse: captured},
		"message header":     {before: "GET / HTTP/1.1\n", parse: captured},
		"message field":      {before: "GET / HTTP/1.1\nSignature: ", parse: captured},
		"polish body":        {before: `{"requestHeader":`, parse: polish},
		"polish string":      {before: `{"requestHeader":"`, parse: polish},
	}
}

// BenchmarkJunkOfEachParser tells the worst shape of junk for each parser: 1 MiB
// of it, and as much as the limits let in.
func BenchmarkJunkOfEachParser(b *testing.B) {
	for name, p := range junkParsers(b) {
		b.Run(name, func(b *testing.B) {
			var worst time.Duration
			var shape string
			for range b.N {
				for what, piece := range junkShapes() {
					for _, size := range []int{500, 1000, 8 << 10, 36 << 10, 90 << 10, 1<<20 - 64} {
						text := p.before + strings.Repeat(piece, size/len(piece))
						if p.wrap != nil {
							text = p.wrap(text)
						}
						if took := leastOf(b, p.parse, text); took > worst {
							worst, shape = took, fmt.Sprint(what, " ", size)
						}
					}
				}
			}
			b.ReportMetric(float64(worst.Microseconds())/1000, "worst-ms")
			b.Log(shape)
		})
	}
}

// leastOf returns the least time of a few that a text takes to be refused: of
// more where that is much, since the machine has other things to do.
func leastOf(b *testing.B, parse func(string) error, text string) time.Duration {
	b.Helper()
	least := time.Hour
	for n := range 30 {
		if n >= 3 && least < time.Millisecond {
			break
		}
		start := time.Now()
		if err := parse(text); err == nil {
			b.Fatal("accepted")
		}
		least = min(least, time.Since(start))
	}
	return least
}

// What is longer than anything real is refused before it is decoded or parsed.
func TestHeadsAreBounded(t *testing.T) {
	head := func(fields int, more string) error {
		_, err := qseal.ParseCaptured([]byte("GET / HTTP/1.1\n" + strings.Repeat("A: b\n", fields) + more + "\n"))
		return err
	}
	require.NoError(t, head(999, ""))
	require.ErrorContains(t, head(1000, ""), "1001 lines")
	require.NoError(t, head(0, "A: "+strings.Repeat("b", 250<<10)+"\n"))
	require.ErrorContains(t, head(0, "A: "+strings.Repeat("b", 256<<10)+"\n"), "bytes, at most")

	// As much as a header may have is read, and found to be no JSON.
	jades := func(size int) error {
		header := base64.RawURLEncoding.EncodeToString([]byte(strings.Repeat("x", size)))
		_, err := qseal.VerifyJAdES([]byte(header+"..AAAA"), nil, sealTime, qseal.JAdESOptions{})
		return err
	}
	require.ErrorContains(t, jades(qseal.MaxJWS), "json is malformed")
	err := jades(qseal.MaxJWS + 3)
	require.ErrorIs(t, err, qseal.ReasonFormat)
	require.NotContains(t, err.Error(), "json", "it was not decoded")
}
