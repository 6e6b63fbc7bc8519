package bench_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/base64"
	"fmt"
	"math/big"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/go-fed/httpsig"
	"github.com/go-jose/go-jose/v4"
	"github.com/lestrrat-go/jwx/v3/jwa"
	"github.com/lestrrat-go/jwx/v3/jws"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/yaronf/httpsign"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/qseal"
)

// sealKey is a key with the certificate that seals are made with here. Whether
// it is worth anything is not the question of these tests.
type sealKey struct {
	key  crypto.Signer
	cert *x509.Certificate
}

func newSealKey(tb testing.TB, key crypto.Signer) *sealKey {
	tb.Helper()
	template := &x509.Certificate{
		SerialNumber: big.NewInt(0x5e4299be), Subject: pkix.Name{CommonName: "TPP", Country: []string{"LT"}},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), KeyUsage: x509.KeyUsageDigitalSignature,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(tb, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(tb, err)
	return &sealKey{key, cert}
}

func rsaSealKey(tb testing.TB) *sealKey {
	tb.Helper()
	key, err := rsa.GenerateKey(rand.Reader, 2048)
	require.NoError(tb, err)
	return newSealKey(tb, key)
}

func ecSealKey(tb testing.TB) *sealKey {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(tb, err)
	return newSealKey(tb, key)
}

// anybody lets every certificate in, knows one and has seen no seal.
type anybody struct{ known *x509.Certificate }

// Validate implements qseal.Validator.
func (anybody) Validate(_ context.Context, peer []*x509.Certificate, use eidas.Use, at time.Time) (*eidas.Result, error) {
	return &eidas.Result{Evidence: eidas.Evidence{Use: use, At: at, Leaf: peer[0], Chain: peer}}, nil
}

// Resolve implements qseal.Resolver.
func (a anybody) Resolve(context.Context, qseal.Hint) (*qseal.Resolved, error) {
	return &qseal.Resolved{Chain: []*x509.Certificate{a.known}}, nil
}

// Add implements qseal.ReplayStore.
func (anybody) Add(context.Context, string, time.Duration) (bool, error) { return true, nil }

func (k *sealKey) verify(tb testing.TB, p qseal.Profile, r *http.Request, body []byte) error {
	tb.Helper()
	hooks := anybody{k.cert}
	v, err := qseal.New(qseal.Config{Validator: hooks, Profile: p, AllowAnyPeer: true, Resolver: hooks, Replay: hooks})
	require.NoError(tb, err)
	in := serverRequest(tb, r, body)
	_, err = v.VerifyRequest(tb.Context(), in, time.Now())
	return err
}

// serverRequest is a request as the server sees it.
func serverRequest(tb testing.TB, r *http.Request, body []byte) *http.Request {
	tb.Helper()
	in := r.Clone(tb.Context())
	in.RequestURI, in.TLS = r.URL.RequestURI(), nil
	in.Host = r.URL.Host
	in.Body, in.ContentLength = http.NoBody, int64(len(body))
	if len(body) > 0 {
		in.Body = readCloser{bytes.NewReader(body)}
	}
	return in
}

type readCloser struct{ *bytes.Reader }

func (readCloser) Close() error { return nil }

func (k *sealKey) sign(tb testing.TB, p qseal.Profile, alg qseal.Algorithm, r *http.Request) {
	tb.Helper()
	c := qseal.SignerConfig{Profile: p, Key: k.key, Chain: []*x509.Certificate{k.cert}, Algorithm: alg}
	if strings.HasPrefix(p.Name(), "obie") || p.Name() == "rfc9421" {
		c.KeyID = "k1"
	}
	s, err := qseal.NewSigner(c)
	require.NoError(tb, err)
	require.NoError(tb, s.SignRequest(r, time.Now()))
}

const sealID = "99391c7e-ad88-49ec-a2ad-99ddcb1f7721"

var sealedBody = []byte(`{"requestHeader":{"requestId":"` + sealID + `"},"amount":"10.00"}`)

func sealableRequest(tb testing.TB) *http.Request {
	tb.Helper()
	r, err := http.NewRequestWithContext(tb.Context(), http.MethodPost, "http://bank.example/v1/payments?a=b", bytes.NewReader(sealedBody))
	require.NoError(tb, err)
	r.Header.Set("X-Request-Id", sealID)
	r.Header.Set("Content-Type", "application/json")
	return r
}

// joseAlgorithms are those that all three read, with the key of each.
func joseAlgorithms(tb testing.TB) map[string]struct {
	key  *sealKey
	ours qseal.Algorithm
} {
	tb.Helper()
	r, e := rsaSealKey(tb), ecSealKey(tb)
	type row = struct {
		key  *sealKey
		ours qseal.Algorithm
	}
	return map[string]row{"RS256": {r, qseal.RSASHA256}, "PS256": {r, qseal.PSSSHA256}, "PS512": {r, qseal.PSSSHA512}, "ES256": {e, qseal.ECDSAP256}}
}

// The libraries for JOSE verify our detached signatures.
func TestQSealPeersVerifyOurJWS(t *testing.T) {
	for name, a := range joseAlgorithms(t) {
		t.Run(name, func(t *testing.T) {
			r := sealableRequest(t)
			a.key.sign(t, qseal.PolishAPI21(), a.ours, r)
			token := r.Header.Get("X-Jws-Signature")
			for body, want := range map[string]bool{string(sealedBody): true, string(sealedBody) + " ": false} {
				assert.Equal(t, want, goJOSE(token, []byte(body), name, a.key.key.Public()) == nil, "go-jose")
				assert.Equal(t, want, jwx(token, []byte(body), name, a.key.key.Public(), false) == nil, "jwx")
			}
		})
	}
}

// goJOSE and jwx verify a detached signature.
func goJOSE(token string, payload []byte, alg string, pub crypto.PublicKey) error {
	s, err := jose.ParseDetached(token, payload, []jose.SignatureAlgorithm{jose.SignatureAlgorithm(alg)})
	if err != nil {
		return err
	}
	_, err = s.Verify(pub)
	if err != nil {
		return s.DetachedVerify(payload, pub)
	}
	return nil
}

func jwx(token string, payload []byte, alg string, pub crypto.PublicKey, crit bool) error {
	a, ok := jwa.LookupSignatureAlgorithm(alg)
	if !ok {
		return fmt.Errorf("jwx does not know %q", alg)
	}
	_, err := jws.Verify([]byte(token), jws.WithKey(a, pub), jws.WithDetachedPayload(payload), jws.WithCritValidation(crit))
	return err
}

// We verify the detached signatures of the libraries for JOSE.
func TestQSealVerifiesJWSOfPeers(t *testing.T) {
	for name, a := range joseAlgorithms(t) {
		t.Run("go-jose "+name, func(t *testing.T) {
			o := (&jose.SignerOptions{}).WithHeader("kid", "k1")
			s, err := jose.NewSigner(jose.SigningKey{Algorithm: jose.SignatureAlgorithm(name), Key: a.key.key}, o)
			require.NoError(t, err)
			signed, err := s.Sign(sealedBody)
			require.NoError(t, err)
			token, err := signed.DetachedCompactSerialize()
			require.NoError(t, err)
			a.key.judgeToken(t, token)
		})
		t.Run("jwx "+name, func(t *testing.T) {
			h := jws.NewHeaders()
			require.NoError(t, h.Set("kid", "k1"))
			alg, ok := jwa.LookupSignatureAlgorithm(name)
			require.True(t, ok)
			token, err := jws.Sign(nil, jws.WithKey(alg, a.key.key, jws.WithProtectedHeaders(h)), jws.WithDetachedPayload(sealedBody))
			require.NoError(t, err)
			a.key.judgeToken(t, string(token))
		})
	}
}

func (k *sealKey) judgeToken(t *testing.T, token string) {
	t.Helper()
	r := sealableRequest(t)
	r.Header.Set("X-Jws-Signature", token)
	require.NoError(t, k.verify(t, qseal.PolishAPI21(), r, sealedBody))
	require.ErrorIs(t, k.verify(t, qseal.PolishAPI21(), r, append([]byte(" "), sealedBody...)), qseal.ReasonSignatureInvalid)
}

// Where we and the libraries disagree about a signature that verifies over its
// own text. Each is in docs/divergences.md.
func TestQSealDisagreesWithJOSE(t *testing.T) {
	k := rsaSealKey(t)
	sign := func(header string, salt int) string {
		protected := base64.RawURLEncoding.EncodeToString([]byte(header))
		input := sha256.Sum256([]byte(protected + "." + base64.RawURLEncoding.EncodeToString(sealedBody)))
		sig, err := k.key.Sign(rand.Reader, input[:], &rsa.PSSOptions{SaltLength: salt, Hash: crypto.SHA256})
		require.NoError(t, err)
		return protected + ".." + base64.RawURLEncoding.EncodeToString(sig)
	}
	const hash = rsa.PSSSaltLengthEqualsHash
	good := sign(`{"alg":"PS256","kid":"k1"}`, hash)
	for name, row := range map[string]struct {
		token             string
		jose, jwx, strict bool // who accepts it; strict is jwx with crit validation
		want              qseal.Reason
	}{
		"plain":               {good, true, true, true, 0},
		"crit unknown":        {sign(`{"alg":"PS256","kid":"k1","x":1,"crit":["x"]}`, hash), false, true, false, qseal.ReasonCritical},
		"crit empty":          {sign(`{"alg":"PS256","kid":"k1","crit":[]}`, hash), true, true, false, qseal.ReasonCritical},
		"crit absent member":  {sign(`{"alg":"PS256","kid":"k1","crit":["b64"]}`, hash), true, true, false, qseal.ReasonCritical},
		"alg twice":           {sign(`{"alg":"none","alg":"PS256","kid":"k1"}`, hash), false, true, true, qseal.ReasonFormat},
		"salt of 20":          {sign(`{"alg":"PS256","kid":"k1"}`, 20), true, false, false, qseal.ReasonSignatureInvalid},
		"salt max":            {sign(`{"alg":"PS256","kid":"k1"}`, rsa.PSSSaltLengthAuto), true, false, false, qseal.ReasonSignatureInvalid},
		"line break behind":   {good + "\n", true, true, true, qseal.ReasonFormat},
		"blank in signature":  {good[:len(good)-8] + " " + good[len(good)-8:], true, false, false, qseal.ReasonFormat},
		"padded signature":    {good + "==", false, true, true, qseal.ReasonFormat},
		"bits left over":      {loosen(good), true, true, true, qseal.ReasonFormat},
		"parameter not known": {sign(`{"alg":"PS256","kid":"k1","jku":"https://evil.example"}`, hash), true, true, true, qseal.ReasonHeader},
	} {
		t.Run(name, func(t *testing.T) {
			pub := k.key.Public()
			assert.Equal(t, row.jose, goJOSE(row.token, sealedBody, "PS256", pub) == nil, "go-jose")
			assert.Equal(t, row.jwx, jwx(row.token, sealedBody, "PS256", pub, false) == nil, "jwx")
			assert.Equal(t, row.strict, jwx(row.token, sealedBody, "PS256", pub, true) == nil, "jwx, crit")
			r := sealableRequest(t)
			r.Header.Set("X-Jws-Signature", row.token)
			assert.Equal(t, row.want, qseal.ReasonOf(k.verify(t, qseal.PolishAPI21(), r, sealedBody)))
		})
	}
}

// loosen sets a bit behind the last octet of a base64url text.
func loosen(s string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	return s[:len(s)-1] + string(alphabet[strings.IndexByte(alphabet, s[len(s)-1])|1])
}

// go-jose cannot verify OBIE at all, since its critical parameters are fixed; jwx
// can where it is told not to look at them.
func TestQSealOBIEAndPeers(t *testing.T) {
	k := rsaSealKey(t)
	r := sealableRequest(t)
	k.sign(t, qseal.OBIE31(qseal.OBIE314), qseal.PSSSHA256, r)
	token := r.Header.Get("X-Jws-Signature")
	require.NoError(t, k.verify(t, qseal.OBIE31(qseal.OBIE314), r, sealedBody))
	require.NoError(t, jwx(token, sealedBody, "PS256", k.key.Public(), false))
	require.Error(t, jwx(token, sealedBody, "PS256", k.key.Public(), true))
	require.Error(t, goJOSE(token, sealedBody, "PS256", k.key.Public()))
	assert.Error(t, jwx(token, append([]byte(" "), sealedBody...), "PS256", k.key.Public(), false))
}

func BenchmarkQSealOBIE(b *testing.B) {
	k := rsaSealKey(b)
	r := sealableRequest(b)
	k.sign(b, qseal.OBIE31(qseal.OBIE314), qseal.PSSSHA256, r)
	token := r.Header.Get("X-Jws-Signature")
	b.Run("jwx", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			if err := jwx(token, sealedBody, "PS256", k.key.Public(), false); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("ours", func(b *testing.B) { k.benchmark(b, qseal.OBIE31(qseal.OBIE314), r) })
}

// benchmark runs a whole Verifier, whose Validator does nothing.
func (k *sealKey) benchmark(b *testing.B, p qseal.Profile, r *http.Request) {
	b.Helper()
	hooks := anybody{k.cert}
	v, err := qseal.New(qseal.Config{Validator: hooks, Profile: p.AllowAge(0, 0), AllowAnyPeer: true, Resolver: hooks, Replay: hooks})
	require.NoError(b, err)
	in := serverRequest(b, r, sealedBody)
	at := time.Now()
	b.ReportAllocs()
	for b.Loop() {
		in.Body = readCloser{bytes.NewReader(sealedBody)}
		if _, err := v.VerifyRequest(b.Context(), in, at); err != nil {
			b.Fatal(err)
		}
	}
}

// fieldsOfRFC9421 are what our profile seals.
func fieldsOfRFC9421() httpsign.Fields {
	return httpsign.Headers("@method", "@target-uri", "content-digest")
}

// yaronf/httpsign verifies our HTTP Message Signatures.
func TestQSealPeerVerifiesOurRFC9421(t *testing.T) {
	k := ecSealKey(t)
	r := sealableRequest(t)
	k.sign(t, qseal.RFC9421(""), qseal.ECDSAP256, r)
	pub, ok := k.key.Public().(*ecdsa.PublicKey)
	require.True(t, ok)
	v, err := httpsign.NewP256Verifier(*pub, httpsign.NewVerifyConfig(), fieldsOfRFC9421())
	require.NoError(t, err)
	require.NoError(t, httpsign.VerifyRequest("seal", *v, serverRequest(t, r, sealedBody)))
	r.Method = http.MethodPut
	require.Error(t, httpsign.VerifyRequest("seal", *v, serverRequest(t, r, sealedBody)))
}

// We verify the HTTP Message Signatures of yaronf/httpsign.
func TestQSealVerifiesRFC9421OfPeer(t *testing.T) {
	k := ecSealKey(t)
	r := k.signWithPeer(t)
	require.NoError(t, k.verify(t, qseal.RFC9421("fapi-2-request"), r, sealedBody))
	require.ErrorIs(t, k.verify(t, qseal.RFC9421("fapi-2-request"), r, append([]byte(" "), sealedBody...)), qseal.ReasonDigest)
	r.Header.Set("X-Request-Id", "not sealed")
	require.NoError(t, k.verify(t, qseal.RFC9421("fapi-2-request"), r, sealedBody))
	r.URL.RawQuery = "a=c"
	require.ErrorIs(t, k.verify(t, qseal.RFC9421("fapi-2-request"), r, sealedBody), qseal.ReasonSignatureInvalid)
}

func (k *sealKey) signWithPeer(tb testing.TB) *http.Request {
	tb.Helper()
	key, ok := k.key.(*ecdsa.PrivateKey)
	require.True(tb, ok)
	c := httpsign.NewSignConfig().SignAlg(true).SetKeyID("k1").SetTag("fapi-2-request").SetNonce("n1")
	s, err := httpsign.NewP256Signer(*key, c, fieldsOfRFC9421())
	require.NoError(tb, err)
	r := sealableRequest(tb)
	sum := sha256.Sum256(sealedBody)
	r.Header.Set("Content-Digest", "sha-256=:"+base64.StdEncoding.EncodeToString(sum[:])+":")
	input, signature, err := httpsign.SignRequest("sig1", *s, serverRequest(tb, r, sealedBody))
	require.NoError(tb, err)
	r.Header.Set("Signature-Input", input)
	r.Header.Set("Signature", signature)
	return r
}

func BenchmarkQSealRFC9421(b *testing.B) {
	k := ecSealKey(b)
	r := k.signWithPeer(b)
	pub, ok := k.key.Public().(*ecdsa.PublicKey)
	require.True(b, ok)
	v, err := httpsign.NewP256Verifier(*pub, httpsign.NewVerifyConfig().SetVerifyCreated(false), fieldsOfRFC9421())
	require.NoError(b, err)
	in := serverRequest(b, r, sealedBody)
	b.Run("yaronf", func(b *testing.B) {
		b.ReportAllocs()
		for b.Loop() {
			in.Body = readCloser{bytes.NewReader(sealedBody)}
			if err := httpsign.VerifyRequest("sig1", *v, in); err != nil {
				b.Fatal(err)
			}
		}
	})
	b.Run("ours", func(b *testing.B) { k.benchmark(b, qseal.RFC9421("fapi-2-request"), r) })
}

// go-fed/httpsig verifies our Berlin Group seals, and we verify its own: it
// names every algorithm hs2019, which is a quirk.
func TestQSealBerlinGroupAndPeer(t *testing.T) {
	k := rsaSealKey(t)
	r := sealableRequest(t)
	k.sign(t, qseal.BerlinGroup13(), qseal.RSASHA256, r)
	require.NoError(t, goFed(serverRequest(t, r, sealedBody), k.key.Public()))
	r.Header.Set("X-Request-Id", "x")
	require.Error(t, goFed(serverRequest(t, r, sealedBody), k.key.Public()))

	r = sealableRequest(t)
	s, _, err := httpsig.NewSigner([]httpsig.Algorithm{httpsig.RSA_SHA256}, httpsig.DigestSha256, []string{"digest", "x-request-id"}, httpsig.Signature, 0)
	require.NoError(t, err)
	require.NoError(t, s.SignRequest(k.key, "SN=5E4299BE,CA="+k.cert.Issuer.String(), r, sealedBody))
	r.Header.Set("Tpp-Signature-Certificate", base64.StdEncoding.EncodeToString(k.cert.Raw))
	require.NoError(t, k.verify(t, qseal.BerlinGroup13().AllowQuirks(qseal.QuirkHS2019), r, sealedBody))
	require.ErrorIs(t, k.verify(t, qseal.BerlinGroup13(), r, sealedBody), qseal.ReasonAlgorithm)
}

func goFed(r *http.Request, pub crypto.PublicKey) error {
	v, err := httpsig.NewVerifier(r)
	if err != nil {
		return err
	}
	return v.Verify(pub, httpsig.RSA_SHA256)
}
