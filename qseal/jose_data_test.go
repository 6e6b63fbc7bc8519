package qseal_test

import (
	"bufio"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"math/big"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas/internal/realdata"
	"github.com/seed-b953571c/eidas/qseal"
)

// dataCase is an entry of data/qseal/messages.json. Which members it has depends
// on its format.
type dataCase struct {
	ID, Format, Source, Expect, Why string
	Alg, Key, JWS, Payload          string
	Kind, Value, Profile            string
	Message, Body, Label, Base      string
	Request                         string
	RequestBody                     string `json:"request_body"`
	Header                          string
	Headers                         [][2]string
	Docs                            [][2]string
	Lenient                         bool
	Field                           string
}

// dataMessages returns the cases of some formats, each of which must be there if
// any case is.
func dataMessages(tb testing.TB, formats ...string) []dataCase {
	tb.Helper()
	var all, out []dataCase
	require.NoError(tb, json.Unmarshal(realdata.Read(tb, "qseal", "messages.json"), &all))
	for _, c := range all {
		for _, f := range formats {
			if c.Format == f {
				out = append(out, c)
			}
		}
	}
	require.NotEmpty(tb, out, "no case of %v", formats)
	return out
}

// judge holds a verdict to what a case expects.
func (c *dataCase) judge(tb testing.TB, err error) {
	tb.Helper()
	switch c.Expect {
	case "valid":
		require.NoError(tb, err, c.Why)
	case "invalid":
		require.Error(tb, err, c.Why)
		if want, stated := c.reasons(); stated {
			require.Contains(tb, want, qseal.ReasonOf(err), "%s: %v", c.Why, err)
		}
	default:
		require.Fail(tb, "unknown expectation", c.Expect)
	}
}

// reasons are those that say what a case says in its own words.
func (c *dataCase) reasons() ([]qseal.Reason, bool) {
	for _, w := range []struct {
		words   string
		reasons []qseal.Reason
	}{
		{"crit", []qseal.Reason{qseal.ReasonCritical}},
		{"critical", []qseal.Reason{qseal.ReasonCritical}},
		{"registered names", []qseal.Reason{qseal.ReasonCritical}},
		{"b64 not critical", []qseal.Reason{qseal.ReasonCritical}},
		{"b64 missing", []qseal.Reason{qseal.ReasonCritical, qseal.ReasonHeader}},
		{"payload altered", []qseal.Reason{qseal.ReasonSignatureInvalid}},
		{"signing time", []qseal.Reason{qseal.ReasonHeader}},
		{"number of segments", []qseal.Reason{qseal.ReasonFormat}},
		{"empty signatures", []qseal.Reason{qseal.ReasonFormat}},
		{"truncated JSON", []qseal.Reason{qseal.ReasonFormat}},
		{"hashM", []qseal.Reason{qseal.ReasonHeader}},
		{"x5t#S256 mismatch", []qseal.Reason{qseal.ReasonCertificateMismatch}},
		{"a header named in pars is absent", []qseal.Reason{qseal.ReasonFieldMissing}},
		{"covered header changed", []qseal.Reason{qseal.ReasonSignatureInvalid}},
		{"method changed", []qseal.Reason{qseal.ReasonSignatureInvalid}},
		{"lower case", []qseal.Reason{qseal.ReasonHeader}},
		{"maximum salt", []qseal.Reason{qseal.ReasonSignatureInvalid}},
		{"header says", []qseal.Reason{qseal.ReasonAlgorithm}},
		{"label not present", []qseal.Reason{qseal.ReasonSignatureMissing}},
		{"method and authority changed", []qseal.Reason{qseal.ReasonSignatureInvalid}},
		{"proxy changed Host", []qseal.Reason{qseal.ReasonSignatureInvalid}},
		{"does not match the body", []qseal.Reason{qseal.ReasonDigest}},
	} {
		if strings.Contains(c.Why, w.words) {
			return w.reasons, true
		}
	}
	return nil, false
}

// publicKey reads the key of a case: PEM of a key or a certificate, or a JWK.
// hmac is the secret of a case that has one.
func (c *dataCase) publicKey(tb testing.TB) (pub crypto.PublicKey, hmacKey []byte) {
	tb.Helper()
	if secret, ok := strings.CutPrefix(c.Key, "hmac:"); ok {
		b, err := base64.StdEncoding.DecodeString(secret)
		require.NoError(tb, err)
		return nil, b
	}
	raw := realdata.Read(tb, "qseal", c.Key)
	if strings.HasSuffix(c.Key, ".json") {
		return jwkKey(tb, raw), nil
	}
	block, _ := pem.Decode(raw)
	require.NotNil(tb, block, c.Key)
	if block.Type == "CERTIFICATE" {
		cert, err := x509.ParseCertificate(block.Bytes)
		require.NoError(tb, err)
		return cert.PublicKey, nil
	}
	pub, err := x509.ParsePKIXPublicKey(block.Bytes)
	if err != nil {
		pub, err = x509.ParsePKCS1PublicKey(block.Bytes)
	}
	require.NoError(tb, err, c.Key)
	return pub, nil
}

func (c *dataCase) certificate(tb testing.TB) *x509.Certificate {
	tb.Helper()
	block, _ := pem.Decode(realdata.Read(tb, "qseal", c.Key))
	require.NotNil(tb, block, c.Key)
	cert, err := x509.ParseCertificate(block.Bytes)
	require.NoError(tb, err)
	return cert
}

func jwkKey(tb testing.TB, raw []byte) crypto.PublicKey {
	tb.Helper()
	var k struct{ Kty, Crv, N, E, X, Y string }
	require.NoError(tb, json.Unmarshal(raw, &k))
	number := func(s string) *big.Int {
		b, err := base64.RawURLEncoding.DecodeString(s)
		require.NoError(tb, err)
		return new(big.Int).SetBytes(b)
	}
	switch k.Kty + k.Crv {
	case "RSA":
		return &rsa.PublicKey{N: number(k.N), E: int(number(k.E).Int64())}
	case "ECP-256":
		return ecKey(tb, elliptic.P256(), number(k.X), number(k.Y))
	case "ECP-521":
		return ecKey(tb, elliptic.P521(), number(k.X), number(k.Y))
	case "OKPEd25519":
		return ed25519.PublicKey(number(k.X).FillBytes(make([]byte, 32)))
	}
	require.Fail(tb, "unknown key", k.Kty+k.Crv)
	return nil
}

func ecKey(tb testing.TB, curve elliptic.Curve, x, y *big.Int) crypto.PublicKey {
	tb.Helper()
	size := (curve.Params().BitSize + 7) / 8
	point := append([]byte{4}, x.FillBytes(make([]byte, size))...)
	key, err := ecdsa.ParseUncompressedPublicKey(curve, append(point, y.FillBytes(make([]byte, size))...))
	require.NoError(tb, err)
	return key
}

func decode64(tb testing.TB, s string) []byte {
	tb.Helper()
	b, err := base64.StdEncoding.DecodeString(s)
	require.NoError(tb, err)
	return b
}

// verifyJWSCase verifies a case of the format jws. One with a secret key is
// verified with HMAC by the test itself, over the input that the package makes,
// since the package knows no secret keys.
func verifyJWSCase(tb testing.TB, c *dataCase) error {
	tb.Helper()
	j, err := qseal.ParseJWS(c.JWS)
	if err != nil {
		return err
	}
	pub, secret := c.publicKey(tb)
	payload := decode64(tb, c.Payload)
	if secret == nil {
		return j.Verify(pub, c.Alg, payload)
	}
	require.Equal(tb, qseal.ReasonAlgorithm, qseal.ReasonOf(j.Verify(secret, c.Alg, payload)), "the package knows no HMAC")
	if j.Alg() != c.Alg {
		return qseal.ReasonAlgorithm
	}
	mac := hmac.New(sha256.New, secret)
	mac.Write(j.Input(payload))
	if !hmac.Equal(mac.Sum(nil), j.Signature()) {
		return qseal.ReasonSignatureInvalid
	}
	return nil
}

func TestDataJWS(t *testing.T) {
	for _, c := range dataMessages(t, "jws") {
		t.Run(c.ID, func(t *testing.T) {
			c.judge(t, verifyJWSCase(t, &c))
			if c.Expect == "valid" {
				c.flipJWS(t, func(c *dataCase) error { return verifyJWSCase(t, c) })
			}
		})
	}
}

func TestDataJWSParse(t *testing.T) {
	for _, c := range dataMessages(t, "jws-parse") {
		t.Run(c.ID, func(t *testing.T) {
			c.judge(t, qseal.SplitCompact(c.JWS))
		})
	}
}

// flipJWS changes one byte in each segment, and in the payload of a detached
// signature: none may verify.
func (c *dataCase) flipJWS(t *testing.T, verify func(*dataCase) error) {
	t.Helper()
	if !strings.HasPrefix(strings.TrimSpace(c.JWS), "{") {
		segments := strings.Split(c.JWS, ".")
		for i, s := range segments {
			if s == "" {
				continue
			}
			changed := append([]string{}, segments...)
			changed[i] = flipText(s)
			d := *c
			d.JWS = strings.Join(changed, ".")
			require.Error(t, verify(&d), "segment %d changed", i)
		}
	} else {
		var doc map[string]any
		require.NoError(t, json.Unmarshal([]byte(c.JWS), &doc))
		object := doc
		if list, ok := doc["signatures"].([]any); ok {
			object = list[0].(map[string]any)
		}
		for _, part := range []struct {
			of   map[string]any
			name string
		}{{doc, "payload"}, {object, "protected"}, {object, "signature"}} {
			before, present := part.of[part.name].(string)
			if !present || before == "" {
				continue // detached
			}
			part.of[part.name] = flipText(before)
			text, err := json.Marshal(doc)
			require.NoError(t, err)
			part.of[part.name] = before
			d := *c
			d.JWS = string(text)
			require.Error(t, verify(&d), "%s changed", part.name)
		}
	}
	if c.Payload != "" {
		d := *c
		b := decode64(t, c.Payload)
		b[len(b)/2] ^= 1
		d.Payload = base64.StdEncoding.EncodeToString(b)
		if c.detached() {
			require.Error(t, verify(&d), "detached payload changed")
		}
	}
}

func (c *dataCase) detached() bool { return strings.Contains(c.JWS, "..") }

// flipText changes a character in the middle to another of base64url.
func flipText(s string) string {
	b := []byte(s)
	i := len(b) / 2
	if b[i] == 'A' {
		b[i] = 'B'
	} else {
		b[i] = 'A'
	}
	return string(b)
}

func (c *dataCase) documents(tb testing.TB) []qseal.Document {
	tb.Helper()
	var docs []qseal.Document
	for _, d := range c.Docs {
		docs = append(docs, qseal.Document{URI: d[0], Data: decode64(tb, d[1])})
	}
	return docs
}

// signed is when a signature of the data says that it was made, which is when it
// is judged: some have ended since. One that does not say is of a time before.
func (c *dataCase) signed() time.Time {
	at := time.Date(2021, 12, 1, 0, 0, 0, 0, time.UTC)
	protected, _, _ := strings.Cut(c.JWS, ".")
	var general struct {
		Protected  string
		Signatures []struct{ Protected string }
	}
	if json.Unmarshal([]byte(c.JWS), &general) == nil {
		if protected = general.Protected; protected == "" && len(general.Signatures) > 0 {
			protected = general.Signatures[0].Protected
		}
	}
	raw, err := base64.RawURLEncoding.DecodeString(protected)
	var header struct {
		Iat  float64
		SigT time.Time
	}
	if err != nil || json.Unmarshal(raw, &header) != nil {
		return at
	}
	switch {
	case header.Iat > 0:
		return time.Unix(int64(header.Iat), 0).UTC()
	case !header.SigT.IsZero():
		return header.SigT
	}
	return at
}

func TestDataJAdES(t *testing.T) {
	for _, c := range dataMessages(t, "jades") {
		t.Run(c.ID, func(t *testing.T) {
			require.Equal(t, "x5c", c.Key)
			at := c.signed()
			verify := func(c *dataCase) error {
				_, err := qseal.VerifyJAdES([]byte(c.JWS), c.documents(t), at, qseal.JAdESOptions{})
				return err
			}
			c.judge(t, verify(&c))
			if c.Expect != "valid" {
				return
			}
			c.flipJWS(t, verify)
			for i := range c.Docs {
				docs := c.documents(t)
				docs[i].Data[len(docs[i].Data)/2] ^= 1
				_, err := qseal.VerifyJAdES([]byte(c.JWS), docs, at, qseal.JAdESOptions{})
				require.Error(t, err, "document %d changed", i)
			}
		})
	}
}

func TestDataOBIE(t *testing.T) {
	for _, c := range dataMessages(t, "obie-header", "obie-iss") {
		t.Run(c.ID, func(t *testing.T) {
			if c.Format == "obie-header" {
				c.judge(t, qseal.CheckOBIEHeader(c.JWS, c.Profile))
				return
			}
			c.judge(t, qseal.CheckOBIEIss(c.Kind, c.Value))
		})
	}
}

func TestDataContentDigest(t *testing.T) {
	for _, c := range dataMessages(t, "content-digest") {
		t.Run(c.ID, func(t *testing.T) {
			c.judge(t, qseal.CheckContentDigest([]string{c.Header}, []byte(c.Body)))
			if c.Expect == "valid" {
				require.ErrorIs(t, qseal.CheckContentDigest([]string{c.Header}, []byte(c.Body+"x")), qseal.ReasonDigest)
				require.Error(t, qseal.CheckContentDigest([]string{flipText(c.Header)}, []byte(c.Body)))
			}
		})
	}
}

// httpRequest reads the text of a request.
func httpRequest(tb testing.TB, text string) *http.Request {
	tb.Helper()
	r, err := http.ReadRequest(bufio.NewReader(strings.NewReader(crlf(text))))
	require.NoError(tb, err)
	return r
}

func crlf(text string) string {
	return strings.ReplaceAll(strings.TrimRight(text, "\n"), "\n", "\r\n") + "\r\n\r\n"
}

// message views the message of a case.
func (c *dataCase) message(tb testing.TB) *qseal.MessageView {
	tb.Helper()
	if c.Kind != "response" {
		return qseal.ViewRequest(httpRequest(tb, c.Message), []byte(c.Body))
	}
	var request *qseal.MessageView
	if c.Request != "" {
		request = qseal.ViewRequest(httpRequest(tb, c.Request), []byte(c.RequestBody))
	}
	r, err := http.ReadResponse(bufio.NewReader(strings.NewReader(crlf(c.Message))), nil)
	require.NoError(tb, err)
	return qseal.ViewResponse(r, []byte(c.Body), request)
}

func TestDataRFC9421(t *testing.T) {
	for _, c := range dataMessages(t, "rfc9421") {
		t.Run(c.ID, func(t *testing.T) {
			pub, secret := c.publicKey(t)
			verify := func(c *dataCase) (string, error) {
				if secret != nil {
					return hmacRFC9421(t, c, secret)
				}
				return qseal.VerifyRFC9421(c.message(t), c.Label, c.Alg, pub)
			}
			base, err := verify(&c)
			c.judge(t, err)
			if err == nil && c.Base != "" {
				require.Equal(t, c.Base, base)
			}
			if c.Expect == "valid" {
				c.flipBase(t, base, func(c *dataCase) error { _, err := verify(c); return err })
			}
		})
	}
}

// hmacRFC9421 verifies with a secret key, over the base that the package makes:
// the package knows no secret keys.
func hmacRFC9421(tb testing.TB, c *dataCase, secret []byte) (string, error) {
	tb.Helper()
	require.Equal(tb, "hmac-sha256", c.Alg)
	base, signature, err := qseal.BaseRFC9421(c.message(tb), c.Label)
	if err != nil {
		return "", err
	}
	mac := hmac.New(sha256.New, secret)
	mac.Write([]byte(base))
	if !hmac.Equal(mac.Sum(nil), signature) {
		return "", qseal.ReasonSignatureInvalid
	}
	return base, nil
}

// flipBase changes, for each line of a signature base, its value where it
// stands in the message: none may verify.
func (c *dataCase) flipBase(t *testing.T, base string, verify func(*dataCase) error) {
	t.Helper()
	for line := range strings.Lines(base) {
		id, value, _ := strings.Cut(strings.TrimRight(line, "\n"), ": ")
		if value == "" {
			continue
		}
		if first, _, several := strings.Cut(value, ", "); several && id != `"@signature-params"` {
			value = first
		}
		d := *c
		text := &d.Message
		if strings.Contains(id, ";req") {
			text = &d.Request
		}
		if id == `"@signature-params"` {
			value = value[strings.Index(value, "created"):]
			value = value[:strings.IndexAny(value+";", ";")]
		}
		if strings.Contains(id, `"@query"`) {
			value = value[1:]
		}
		changed := flipText(value)
		if strings.Contains(id, `"content-length"`) || strings.Contains(id, `"@status"`) || id == `"@signature-params"` {
			changed = value[:len(value)-1] + string('0'+(value[len(value)-1]-'0'+1)%10)
		}
		require.Contains(t, *text, value, id)
		*text = strings.ReplaceAll(*text, value, changed)
		require.Error(t, verify(&d), "%s changed", id)
	}
}

// fieldsRequest makes a request whose lines are those of a case of jades-http.
// Its first, (request-target), says method and target.
func (c *dataCase) fieldsRequest(tb testing.TB) *http.Request {
	tb.Helper()
	require.Equal(tb, "(request-target)", c.Headers[0][0])
	method, target, _ := strings.Cut(c.Headers[0][1], " ")
	text := strings.ToUpper(method) + " " + target + " HTTP/1.1\n"
	host := "api.example"
	if rest, ok := strings.CutPrefix(target, "https://"); ok {
		host, _, _ = strings.Cut(rest, "/")
	}
	text += "Host: " + host + "\n"
	for _, h := range c.Headers[1:] {
		text += h[0] + ": " + h[1] + "\n"
	}
	r := httpRequest(tb, text+"X-JWS-Signature: "+c.JWS)
	return r
}

// The examples seal no X-Request-ID and have no body: what they state is checked,
// and the body's digest by the tests of digests.
func TestDataJAdESHTTP(t *testing.T) {
	for _, c := range dataMessages(t, "jades-http") {
		t.Run(c.ID, func(t *testing.T) {
			leaf := c.certificate(t)
			verify := func(c *dataCase) error {
				_, err := qseal.VerifyFields(c.fieldsRequest(t), c.Lenient, leaf)
				return err
			}
			c.judge(t, verify(&c))
			if c.Expect != "valid" {
				return
			}
			c.flipJWS(t, verify)
			seal, err := qseal.VerifyFields(c.fieldsRequest(t), c.Lenient, leaf)
			require.NoError(t, err)
			for i, h := range c.Headers {
				covered := false
				for _, name := range seal.Covered {
					covered = covered || strings.EqualFold(name, h[0])
				}
				d := c
				d.Headers = append([][2]string{}, c.Headers...)
				d.Headers[i][1] = flipText(h[1])
				if covered {
					require.Error(t, verify(&d), "%s changed", h[0])
				} else {
					require.NoError(t, verify(&d), "%s is not sealed", h[0])
				}
			}
		})
	}
}

// bindingCase is an entry of data/qseal/bindings.json.
type bindingCase struct {
	ID, JWS, TLS, Expect, Why, From string
	Now                             time.Time
	NeedExp                         bool
}

func TestDataBindings(t *testing.T) {
	var all []bindingCase
	require.NoError(t, json.Unmarshal(realdata.Read(t, "qseal", "bindings.json"), &all))
	require.NotEmpty(t, all)
	for _, c := range all {
		t.Run(c.ID, func(t *testing.T) {
			tls, err := x509.ParseCertificate(decode64(t, c.TLS))
			require.NoError(t, err)
			options := qseal.BindingOptions{AllowNoExpiry: !c.NeedExp}
			verify := func(jws string, tls *x509.Certificate) error {
				_, err := qseal.VerifyBinding([]byte(jws), []*x509.Certificate{tls}, c.Now, options)
				return err
			}
			err = verify(c.JWS, tls)
			if c.Expect == "invalid" {
				require.Error(t, err, c.Why)
				require.Contains(t, c.reasons(), qseal.ReasonOf(err), "%s: %v", c.Why, err)
				return
			}
			require.Equal(t, "valid", c.Expect)
			require.NoError(t, err, c.Why)
			d := dataCase{JWS: c.JWS}
			d.flipJWS(t, func(d *dataCase) error { return verify(d.JWS, tls) })
			other := *tls
			other.Raw = append([]byte{}, tls.Raw...)
			other.Raw[len(other.Raw)/2] ^= 1
			require.ErrorIs(t, verify(c.JWS, &other), qseal.ReasonBinding)
		})
	}
}

// reasons are those that the name of a case and its own words allow.
func (c *bindingCase) reasons() []qseal.Reason {
	switch {
	case strings.HasPrefix(c.ID, "jws-tampered"):
		return []qseal.Reason{qseal.ReasonSignatureInvalid}
	case strings.HasPrefix(c.ID, "jws-"):
		return []qseal.Reason{qseal.ReasonFormat, qseal.ReasonAlgorithm, qseal.ReasonSignatureInvalid}
	case strings.HasPrefix(c.ID, "mismatch-x5t"):
		return []qseal.Reason{qseal.ReasonCertificateMismatch}
	case strings.HasPrefix(c.ID, "mismatch"), c.ID == "sigD-hashV-der":
		return []qseal.Reason{qseal.ReasonBinding}
	case strings.HasPrefix(c.ID, "eku-"):
		return []qseal.Reason{qseal.ReasonCertificate}
	case strings.HasPrefix(c.ID, "hdr-alg"):
		return []qseal.Reason{qseal.ReasonAlgorithm}
	case strings.HasPrefix(c.ID, "alg-"), strings.HasPrefix(c.ID, "es256-"):
		return []qseal.Reason{qseal.ReasonAlgorithm, qseal.ReasonSignatureInvalid}
	case strings.HasPrefix(c.ID, "hdr-x5c"):
		return []qseal.Reason{qseal.ReasonCertificateMissing, qseal.ReasonCertificateMalformed, qseal.ReasonHeader}
	case strings.HasPrefix(c.ID, "hdr-crit"), strings.HasPrefix(c.ID, "hdr-b64"):
		return []qseal.Reason{qseal.ReasonCritical, qseal.ReasonHeader}
	case strings.Contains(c.ID, "x5t"):
		return []qseal.Reason{qseal.ReasonHeader, qseal.ReasonCertificateMismatch, qseal.ReasonFormat}
	case strings.Contains(c.ID, "exp"):
		return []qseal.Reason{qseal.ReasonHeader, qseal.ReasonExpired}
	case strings.Contains(c.ID, "iat"):
		return []qseal.Reason{qseal.ReasonHeader, qseal.ReasonIssuedInFuture}
	case strings.HasPrefix(c.ID, "sigD-hashV"):
		return []qseal.Reason{qseal.ReasonHeader, qseal.ReasonFormat, qseal.ReasonBinding}
	case strings.HasPrefix(c.ID, "hdr-"), strings.HasPrefix(c.ID, "sigD-"):
		return []qseal.Reason{qseal.ReasonHeader}
	}
	return qseal.Reasons()
}
