package qseal_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha1"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"fmt"
	"math/big"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas/qseal"
)

// sealTime is when all seals of these tests are made.
var sealTime = time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC)

// forger signs anything, right or wrong.
type forger struct {
	key  crypto.Signer
	cert *x509.Certificate
}

// The forgers, one for each kind of key; making keys takes long.
var (
	rsaForger     = sync.OnceValue(func() *forger { return newForger(rsa.GenerateKey(rand.Reader, 2048)) })
	p256Forger    = sync.OnceValue(func() *forger { return newForger(ecdsa.GenerateKey(elliptic.P256(), rand.Reader)) })
	p384Forger    = sync.OnceValue(func() *forger { return newForger(ecdsa.GenerateKey(elliptic.P384(), rand.Reader)) })
	ed25519Forger = sync.OnceValue(func() *forger {
		_, key, err := ed25519.GenerateKey(rand.Reader)
		return newForger(key, err)
	})
)

func newForger[K crypto.Signer](key K, err error) *forger {
	if err != nil {
		panic(err)
	}
	return forgerWith(key, asn1.ObjectIdentifier{0, 4, 0, 194115, 1, 0})
}

// forgerWith makes a certificate with an extended key usage: a 2-QWAC's.
func forgerWith(key crypto.Signer, usage ...asn1.ObjectIdentifier) *forger {
	template := &x509.Certificate{
		SerialNumber: big.NewInt(7),
		Subject: pkix.Name{
			Organization: []string{"TPP One"}, Country: []string{"LT"},
			ExtraNames: []pkix.AttributeTypeAndValue{{Type: asn1.ObjectIdentifier{2, 5, 4, 97}, Value: "PSDLT-BL-LB000468"}},
		},
		NotBefore: sealTime.AddDate(-1, 0, 0), NotAfter: sealTime.AddDate(1, 0, 0),
		KeyUsage: x509.KeyUsageDigitalSignature, UnknownExtKeyUsage: usage,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		panic(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		panic(err)
	}
	return &forger{key, cert}
}

func (f *forger) thumbprint() string {
	sum := sha256.Sum256(f.cert.Raw)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func (f *forger) chain() []*x509.Certificate { return []*x509.Certificate{f.cert} }

func (f *forger) x5c() string { return base64.StdEncoding.EncodeToString(f.cert.Raw) }

// sign makes a signature in a way, which is mostly a name in JOSE.
func (f *forger) sign(tb testing.TB, way string, input []byte) []byte {
	tb.Helper()
	sum := sha256.Sum256(input)
	pss := func(salt int) ([]byte, error) {
		return f.key.Sign(rand.Reader, sum[:], &rsa.PSSOptions{SaltLength: salt, Hash: crypto.SHA256})
	}
	var out []byte
	var err error
	switch way {
	case "RS256":
		out, err = f.key.Sign(rand.Reader, sum[:], crypto.SHA256)
	case "RS-SHA1":
		weak := sha1.Sum(input)
		out, err = f.key.Sign(rand.Reader, weak[:], crypto.SHA1)
	case "PS256":
		out, err = pss(rsa.PSSSaltLengthEqualsHash)
	case "PS256 salt 0":
		// Go means "automatic" by 0, which is the longest; a salt of one is the
		// shortest that it makes.
		out, err = pss(1)
	case "PS256 salt 20":
		out, err = pss(20)
	case "PS256 salt max":
		out, err = pss(rsa.PSSSaltLengthAuto)
	case "ES256":
		out = sideBySide(tb, f.der(tb, sum[:]), 32)
	case "ES256 DER":
		out = f.der(tb, sum[:])
	case "ES256 malleable":
		out = sideBySide(tb, f.der(tb, sum[:]), 32)
		s := new(big.Int).SetBytes(out[32:])
		s.Sub(elliptic.P256().Params().N, s).FillBytes(out[32:])
	case "EdDSA":
		out, err = f.key.Sign(rand.Reader, input, crypto.Hash(0))
	case "HS256":
		spki, e := x509.MarshalPKIXPublicKey(f.key.Public())
		require.NoError(tb, e)
		mac := hmac.New(sha256.New, spki)
		mac.Write(input)
		out = mac.Sum(nil)
	case "zero":
		out = make([]byte, 64)
	case "empty":
	default:
		require.Fail(tb, "unknown way", way)
	}
	require.NoError(tb, err)
	return out
}

func (f *forger) der(tb testing.TB, digest []byte) []byte {
	tb.Helper()
	der, err := f.key.Sign(rand.Reader, digest, crypto.SHA256)
	require.NoError(tb, err)
	return der
}

func sideBySide(tb testing.TB, der []byte, size int) []byte {
	tb.Helper()
	var sig struct{ R, S *big.Int }
	_, err := asn1.Unmarshal(der, &sig)
	require.NoError(tb, err)
	out := make([]byte, 2*size)
	sig.R.FillBytes(out[:size])
	sig.S.FillBytes(out[size:])
	return out
}

// swap replaces a text that must be there.
func swap(tb testing.TB, s, old, text string) string {
	tb.Helper()
	if old == "" {
		return s
	}
	require.Contains(tb, s, old)
	return strings.ReplaceAll(s, old, text)
}

// compact makes a JWS without payload over what is to be signed.
func (f *forger) compact(tb testing.TB, way, header, input string) string {
	tb.Helper()
	protected := base64.RawURLEncoding.EncodeToString([]byte(header))
	signature := f.sign(tb, way, []byte(protected+"."+input))
	return protected + ".." + base64.RawURLEncoding.EncodeToString(signature)
}

const (
	sealBody   = `{"amount":"10.00","creditor":"FR76"}`
	sealTarget = "/v1/payments?x=%2F"
)

// fields are those of the message that all tests begin with.
func fields() http.Header {
	sum := sha256.Sum256([]byte(sealBody))
	return http.Header{
		"Digest":       {"SHA-256=" + base64.StdEncoding.EncodeToString(sum[:])},
		"Content-Type": {"application/json"},
		"X-Request-Id": {"99391c7e-ad88-49ec-a2ad-99ddcb1f7721"},
	}
}

func sealRequest(tb testing.TB, header http.Header) *qseal.MessageView {
	tb.Helper()
	r, err := http.NewRequestWithContext(tb.Context(), http.MethodPost, "https://bank.example"+sealTarget, nil)
	require.NoError(tb, err)
	r.Header = header
	return qseal.ViewRequest(r, []byte(sealBody))
}

// jadesHeader is a header that a JAdES signature over fields has.
func (f *forger) jadesHeader(alg string) string {
	return fmt.Sprintf(`{"alg":"%s","x5t#S256":"%s","iat":%d,"b64":false,"crit":["b64","sigD"],`+
		`"sigD":{"mId":"http://uri.etsi.org/19182/HttpHeaders","pars":["(request-target)","content-type","x-request-id","digest"]}}`,
		alg, f.thumbprint(), sealTime.Unix())
}

// jadesInput is what such a signature is over.
func jadesInput(h http.Header) string {
	return "(request-target): post " + sealTarget +
		"\ncontent-type: " + h.Get("Content-Type") +
		"\nx-request-id: " + h.Get("X-Request-Id") +
		"\ndigest: " + h.Get("Digest")
}

// jadesAttack changes one thing of a JAdES signature over fields and signs again.
type jadesAttack struct {
	by       func() *forger // rsaForger
	alg, way string         // PS256
	old, new string         // in the header
	input    func(h http.Header) string
	change   func(h http.Header) // after signing
	token    func(s string) string
	at       time.Duration // after sealTime
	noBody   bool
	profile  qseal.Profile
	leaf     *x509.Certificate
	want     qseal.Reason
	says     string // in the error
	quirks   qseal.Quirk
}

func (a jadesAttack) run(t *testing.T) {
	t.Helper()
	if a.by == nil {
		a.by = rsaForger
	}
	if a.alg == "" {
		a.alg = "PS256"
	}
	if a.way == "" {
		a.way = a.alg
	}
	if a.input == nil {
		a.input = jadesInput
	}
	if a.profile.IsZero() {
		a.profile = qseal.JAdESHTTP()
	}
	f := a.by()
	if a.leaf == nil {
		a.leaf = f.cert
	}
	h := fields()
	token := f.compact(t, a.way, swap(t, f.jadesHeader(a.alg), a.old, a.new), a.input(h))
	if a.token != nil {
		token = a.token(token)
	}
	h.Set("X-Jws-Signature", token)
	if a.change != nil {
		a.change(h)
	}
	m := sealRequest(t, h)
	if a.noBody {
		m = m.WithoutBody()
	}
	seal, err := qseal.VerifyMessage(m, a.profile, a.leaf, sealTime.Add(a.at))
	assert.Equal(t, a.want, qseal.ReasonOf(err), "%v", err)
	if a.says != "" {
		require.ErrorContains(t, err, a.says)
	}
	if err == nil {
		assert.Equal(t, a.quirks, seal.Quirks)
		assert.True(t, strings.HasSuffix(seal.Base, "."+a.input(h)), "the base is what was signed")
	}
}

// runAll runs a table of attacks in rows named by rule and outcome.
func runAll(t *testing.T, rows map[string]jadesAttack) {
	t.Helper()
	for name, row := range rows {
		t.Run(name, row.run)
	}
}
