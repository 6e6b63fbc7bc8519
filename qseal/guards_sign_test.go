package qseal_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"encoding/asn1"
	"errors"
	"io"
	"math/big"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas/qseal"
)

// An algorithm is for its keys, whoever asks.
func TestAlgorithmGuards(t *testing.T) {
	p256, r := p256Forger().key, rsaForger().key
	for name, row := range map[string]struct {
		algorithm qseal.Algorithm
		key       crypto.PublicKey
		fits      bool
	}{
		"ECDSA P-256":            {qseal.ECDSAP256, p256.Public(), true},
		"ECDSA in DER":           {qseal.ECDSADERSHA256, p256.Public(), true},
		"ECDSA of another curve": {qseal.ECDSAP384, p256.Public(), false},
		"ECDSA of no curve":      {qseal.ECDSAP256, &ecdsa.PublicKey{}, false},
		"RSA for ECDSA":          {qseal.RSASHA256, p256.Public(), false},
		"RSA":                    {qseal.PSSSHA256, r.Public(), true},
		"ECDSA for RSA":          {qseal.ECDSAP256, r.Public(), false},
		"Ed25519":                {qseal.Ed25519, ed25519Forger().key.Public(), true},
		"RSA for Ed25519":        {qseal.RSASHA256, ed25519Forger().key.Public(), false},
		"octets":                 {qseal.RSASHA256, []byte("secret"), false},
		"nothing":                {qseal.RSASHA256, nil, false},
		"no algorithm":           {0, r.Public(), false},
	} {
		t.Run(name, func(t *testing.T) { assert.Equal(t, row.fits, qseal.Fits(row.algorithm, row.key)) })
	}
	require.ErrorIs(t, qseal.VerifySignature(qseal.PSSSHA256, p256.Public(), nil, nil), qseal.ReasonAlgorithm)
	_, err := qseal.Sign(qseal.PSSSHA256, p256, nil)
	require.ErrorContains(t, err, "is not for a key")
}

// r and s have the length of the curve and are below its order, and not zero:
// crypto/ecdsa would say so too.
func TestECDSAEncodingGuards(t *testing.T) {
	f, data := p256Forger(), []byte("data")
	good := f.sign(t, "ES256", data)
	order := make([]byte, 32)
	elliptic.P256().Params().N.FillBytes(order)
	zero := make([]byte, 32)
	join := func(parts ...[]byte) []byte {
		var out []byte
		for _, p := range parts {
			out = append(out, p...)
		}
		return out
	}
	const length, outside = "r and s of this curve have 64", "out of range"
	for name, row := range map[string]struct {
		signature []byte
		says      string
	}{
		"good":              {good, ""},
		"a zero before s":   {join(good[:32], []byte{0}, good[32:]), length},
		"a byte too few":    {good[:63], length},
		"a byte too many":   {join(good, []byte{0}), length},
		"nothing":           {nil, length},
		"r is zero":         {join(zero, good[32:]), outside},
		"s is zero":         {join(good[:32], zero), outside},
		"both are zero":     {join(zero, zero), outside},
		"r is the order":    {join(order, good[32:]), outside},
		"s is the order":    {join(good[:32], order), outside},
		"of something else": {f.sign(t, "ES256", []byte("other")), "does not verify"},
	} {
		t.Run(name, func(t *testing.T) {
			err := qseal.VerifySignature(qseal.ECDSAP256, f.key.Public(), data, row.signature)
			if row.says == "" {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, qseal.ReasonSignatureInvalid)
			assert.ErrorContains(t, err, row.says)
		})
	}
}

// keyFunc is a key whose signatures are what a test says.
type keyFunc struct {
	public crypto.PublicKey
	sign   func() ([]byte, error)
}

func (k keyFunc) Public() crypto.PublicKey { return k.public }

func (k keyFunc) Sign(io.Reader, []byte, crypto.SignerOpts) ([]byte, error) { return k.sign() }

// What an HSM returns is not believed either.
func TestSignerOfOddSignatures(t *testing.T) {
	der := func(r, s *big.Int) []byte {
		out, err := asn1.Marshal(struct{ R, S *big.Int }{r, s})
		require.NoError(t, err)
		return out
	}
	one, wide := big.NewInt(1), new(big.Int).Lsh(big.NewInt(1), 256)
	for name, row := range map[string]struct {
		signature []byte
		err       error
		says      string
	}{
		"r and s":          {der(one, one), nil, ""},
		"an error":         {nil, errOutage, "outage"},
		"nothing":          {nil, nil, "no ECDSA signature"},
		"trailing bytes":   {append(der(one, one), 0), nil, "no ECDSA signature"},
		"r is zero":        {der(new(big.Int), one), nil, "out of range"},
		"s is zero":        {der(one, new(big.Int)), nil, "out of range"},
		"r is negative":    {der(big.NewInt(-1), one), nil, "out of range"},
		"r is of 257 bits": {der(wide, one), nil, "out of range"},
		"s is of 257 bits": {der(one, wide), nil, "out of range"},
	} {
		t.Run(name, func(t *testing.T) {
			key := keyFunc{p256Forger().key.Public(), func() ([]byte, error) { return row.signature, row.err }}
			out, err := qseal.Sign(qseal.ECDSAP256, key, []byte("data"))
			if row.says == "" {
				require.NoError(t, err)
				assert.Len(t, out, 64)
				return
			}
			assert.ErrorContains(t, err, row.says)
		})
	}
}

// A key that fails, in every profile, and nothing half done.
func TestSignerFailsInEachProfile(t *testing.T) {
	s := rsaScene(t, qseal.BerlinGroup13())
	keyIDs := map[string]string{"stet-1.6": stetURL(s.leaf.Certificate), "rfc9421": "k1", "obie-3.1.3": "k1", "obie-3.1.4": "k1"}
	for _, p := range qseal.Profiles() {
		for _, keyID := range []string{keyIDs[p.Name()], "client"} {
			if keyID == "client" && p.Name() != "ing-cavage" {
				continue
			}
			t.Run(p.Name()+" "+keyID, func(t *testing.T) {
				sign := func(key crypto.Signer) (*http.Request, error) {
					signer, err := qseal.NewSigner(qseal.SignerConfig{Profile: p, Key: key, Chain: s.leaf.Chain, KeyID: keyID})
					require.NoError(t, err)
					r := httptest.NewRequest(http.MethodPost, "https://bank.example/v1", strings.NewReader(payment))
					r.Header.Set("X-Request-Id", "1")
					return r, signer.SignRequest(r, s.at)
				}
				_, err := sign(s.leaf.Key)
				require.NoError(t, err)
				r, err := sign(brokenKey{s.leaf.Key})
				require.ErrorContains(t, err, "hsm is down")
				for _, name := range []string{"Signature", "Signature-Input", "X-Jws-Signature"} {
					assert.Empty(t, r.Header.Get(name))
				}
			})
		}
	}
}

// What a profile has no words for is not sealed.
func TestSealGuards(t *testing.T) {
	f := p256Forger()
	message := func() *qseal.MessageView { return sealRequest(t, fields()) }
	for _, p := range []qseal.Profile{qseal.BerlinGroup13(), qseal.INGCavage()} {
		err := qseal.SealMessage(message(), p, f.key, qseal.ECDSAP256, f.chain(), "", sealTime)
		require.ErrorContains(t, err, "draft-cavage has no name for", p.Name())
		require.NoError(t, qseal.SealMessage(message(), p, f.key, qseal.ECDSADERSHA256, f.chain(), "", sealTime))
	}
	for _, p := range []qseal.Profile{
		qseal.JAdESHTTP(), qseal.INGJAdES(), qseal.OBIE31(qseal.OBIE313), qseal.OBIE31(qseal.OBIE314), qseal.PolishAPI21(),
	} {
		err := qseal.SealMessage(message(), p, f.key, qseal.ECDSADERSHA256, f.chain(), "k1", sealTime)
		require.ErrorContains(t, err, "is not an algorithm of JOSE", p.Name())
		err = qseal.SealMessage(message(), p, f.key, qseal.ECDSAP256, nil, "k1", sealTime)
		require.ErrorContains(t, err, "certificate", p.Name())
		require.NoError(t, qseal.SealMessage(message(), p, f.key, qseal.ECDSAP256, f.chain(), "k1", sealTime))
	}
	two := fields()
	two["Psu-Id"] = []string{"a", "b"}
	err := qseal.SealMessage(sealRequest(t, two), qseal.BerlinGroup13(), f.key, qseal.ECDSADERSHA256, f.chain(), "", sealTime)
	require.ErrorContains(t, err, "psu-id has 2 lines")
	err = qseal.SealMessage(message(), qseal.INGCavage(), f.key, qseal.ECDSADERSHA256, f.chain(), `a"b`, sealTime)
	require.ErrorContains(t, err, "quotation mark")

	require.NoError(t, qseal.WriteCavage(message(), qseal.ECDSADERSHA256, f.key, "digest"))
	err = qseal.WriteCavage(message(), qseal.ECDSADERSHA256, f.key, "digest", "psu-id")
	require.ErrorIs(t, err, qseal.ReasonFieldMissing, "no seal says what is not there")
	require.NoError(t, qseal.SignHeader(qseal.ECDSAP256, f.key, map[string]any{"alg": "ES256"}))
	err = qseal.SignHeader(qseal.ECDSAP256, f.key, map[string]any{"alg": func() {}})
	require.ErrorContains(t, err, "unsupported type")

	rfc := func(keyID string, at time.Time) error {
		return qseal.SealMessage(message(), qseal.RFC9421(""), f.key, qseal.ECDSAP256, f.chain(), keyID, at)
	}
	require.NoError(t, rfc("k1", sealTime))
	require.ErrorContains(t, rfc("ключ", sealTime), "not a structured field")
	require.ErrorContains(t, rfc("k1", time.Unix(-1, 0)), "created")
}

func TestSignerGuards(t *testing.T) {
	s := newScene(t, qseal.BerlinGroup13())
	config := qseal.SignerConfig{Profile: s.config.Profile, Key: s.leaf.Key, Chain: s.leaf.Chain, MaxBody: 8}
	signer, err := qseal.NewSigner(config)
	require.NoError(t, err)
	small := func() *http.Request {
		r := httptest.NewRequest(http.MethodPost, "https://bank.example/", strings.NewReader("12345678"))
		r.RequestURI = ""
		r.Header.Set("X-Request-Id", "1")
		return r
	}
	require.NoError(t, signer.SignRequest(small(), s.at))
	large := small()
	large.Body = io.NopCloser(strings.NewReader("123456789"))
	require.ErrorIs(t, signer.SignRequest(large, s.at), qseal.ReasonTooLarge)

	_, err = signer.SignCaptured(mustCapture(t, "GET / HTTP/1.1\nHost: h\n\n"), s.at)
	require.ErrorContains(t, err, "X-Request-ID")

	sent := 0
	next := roundTripper(func(*http.Request) (*http.Response, error) {
		sent++
		return nil, errors.New("sent")
	})
	_, err = signer.RoundTripper(next).RoundTrip(small())
	require.ErrorContains(t, err, "sent")
	large.Body = io.NopCloser(strings.NewReader("123456789"))
	_, err = signer.RoundTripper(next).RoundTrip(large)
	require.ErrorIs(t, err, qseal.ReasonTooLarge)
	assert.Equal(t, 1, sent, "nothing unsealed leaves")

	verifying := config
	verifying.Profile = qseal.WithoutSigner(config.Profile)
	_, err = qseal.NewSigner(verifying)
	require.ErrorContains(t, err, "does not sign")
	config.Key = keyFunc{struct{}{}, nil}
	_, err = qseal.NewSigner(config)
	require.ErrorContains(t, err, "not that of the certificate")
	p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	require.NoError(t, err)
	f := forgerWith(p224)
	config.Key, config.Chain = f.key, f.chain()
	_, err = qseal.NewSigner(config)
	require.ErrorIs(t, err, qseal.ReasonKey)
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }
