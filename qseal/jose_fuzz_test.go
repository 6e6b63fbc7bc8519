package qseal_test

import (
	"context"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/dunglas/httpsfv"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/qseal"
)

// The oracle: no panic; what is accepted are three segments by strings.Split,
// each the one spelling of its octets, and a header that encoding/json reads with
// the same alg.
func FuzzJWS(f *testing.F) {
	for _, s := range []string{
		"eyJhbGciOiJIUzI1NiJ9.c2lnaA.c2lnaA", "eyJhbGciOiJFUzI1NiJ9..c2ln", "..", "a.b", strings.Repeat(".", 64),
		b64url(`{"alg":"PS256","crit":["b64"],"b64":false}`) + "..AA",
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		if err := qseal.SplitCompact(text); err != nil {
			assert.NotEqual(t, qseal.ReasonInternal, qseal.ReasonOf(err))
			return
		}
		parts := strings.Split(text, ".")
		require.Len(t, parts, 3)
		for _, i := range []int{0, 2} {
			b, err := base64.RawURLEncoding.DecodeString(parts[i])
			require.NoError(t, err)
			assert.Equal(t, parts[i], base64.RawURLEncoding.EncodeToString(b))
		}
		header, err := base64.RawURLEncoding.DecodeString(parts[0])
		require.NoError(t, err)
		var fields map[string]any
		require.NoError(t, json.Unmarshal(header, &fields))
		assert.IsType(t, "", fields["alg"])
		assert.NotEqual(t, "none", fields["alg"])
		assert.NotContains(t, fields, "crit", "no profile, no extension")
		again, err := qseal.ParseJWS(text)
		require.NoError(t, err)
		assert.Equal(t, fields["alg"], again.Alg())
	})
}

// The oracle: no panic; a header of any profile that carries a JWS is refused or
// names an algorithm of the closed set, and its seal is of this very text.
func FuzzJOSEHeader(f *testing.F) {
	rsa := rsaForger()
	f.Add(obieHeader("]"), byte(0))
	f.Add(obieHeader(`,"b64"],"b64":false`), byte(1))
	f.Add(rsa.jadesHeader("PS256"), byte(2))
	f.Add(`{"alg":"PS256","kid":"k1"}`, byte(3))
	f.Add(`{"alg":"PS256","x5t#S256":"`+rsa.thumbprint()+`"}`, byte(3))
	profiles := []qseal.Profile{qseal.OBIE31(qseal.OBIE314), qseal.OBIE31(qseal.OBIE313), qseal.JAdESHTTP(), qseal.PolishAPI21(), qseal.INGJAdES()}
	f.Fuzz(func(t *testing.T, header string, which byte) {
		p := profiles[int(which)%len(profiles)]
		h := fields()
		h.Set("X-Jws-Signature", b64url(header)+"..AAAA")
		_, err := qseal.VerifyMessage(sealRequest(t, h), p, rsa.cert, sealTime)
		require.Error(t, err, "the signature is three zeros")
		if qseal.ReasonOf(err) != qseal.ReasonSignatureInvalid {
			assert.NotEqual(t, qseal.ReasonInternal, qseal.ReasonOf(err))
			return
		}
		// It came as far as the signature: the header is good.
		var got struct{ Alg string }
		require.NoError(t, json.Unmarshal([]byte(header), &got))
		assert.Contains(t, []string{"PS256", "PS384", "PS512", "RS256", "RS384", "RS512"}, got.Alg)
	})
}

// The oracle: no panic; a base ends in the re-serialisation by httpsfv of the
// list that the field holds, has one line for each component, and no line that
// is not one.
func FuzzSignatureInput(f *testing.F) {
	for _, s := range []string{
		`("@method" "@target-uri" "content-digest")` + usualParams, `("x-d";key="a" "x-a";bs);created=1`, `();created=1;created=2`,
		`("@query-param";name="x");created=1`, `("content-digest";sf "@authority"  "@path");keyid="a\"b";created=1`,
	} {
		f.Add(s, "a=1, b", "v")
	}
	f.Fuzz(func(t *testing.T, input, dictionary, value string) {
		r, err := http.NewRequest(http.MethodPost, "https://bank.example"+sealTarget, nil)
		require.NoError(t, err)
		r.Header = fields()
		r.Header["Content-Digest"] = []string{"sha-256=:AA==:"}
		r.Header["X-D"], r.Header["X-A"] = []string{dictionary}, []string{value}
		r.Header["Signature-Input"], r.Header["Signature"] = []string{"s=" + input}, []string{"s=:AA==:"}
		base, signature, err := qseal.BaseRFC9421(qseal.ViewRequest(r, nil), "s")
		if err != nil {
			return
		}
		assert.Equal(t, []byte{0}, signature)
		parsed, err := httpsfv.UnmarshalDictionary([]string{"s=" + input})
		require.NoError(t, err)
		member, _ := parsed.Get("s")
		list, ok := member.(httpsfv.InnerList)
		require.True(t, ok)
		want, err := httpsfv.Marshal(list)
		require.NoError(t, err)
		lines := strings.Split(base, "\n")
		require.Len(t, lines, len(list.Items)+1)
		assert.Equal(t, `"@signature-params": `+want, lines[len(lines)-1])
		for i, item := range list.Items {
			id, err := httpsfv.Marshal(item)
			require.NoError(t, err)
			assert.True(t, strings.HasPrefix(lines[i], id+": "), "%q is not of %s", lines[i], id)
		}
	})
}

// sealers lets everybody in under the identity of their certificate.
type sealers struct{ known map[string]*x509.Certificate }

// Validate implements qseal.Validator.
func (s sealers) Validate(_ context.Context, peer []*x509.Certificate, use eidas.Use, at time.Time) (*eidas.Result, error) {
	text := "PSDLT-BL-LB000468"
	if peer[0] != s.known["k1"] {
		text = "PSDLT-BL-LB000469"
	}
	id, err := eidas.ParseOrganizationIdentifier(eidas.ProfileEU, text)
	if err != nil {
		return nil, err
	}
	return &eidas.Result{Evidence: eidas.Evidence{Use: use, At: at, Leaf: peer[0], Chain: peer, Identity: id}}, nil
}

// Resolve implements qseal.Resolver.
func (s sealers) Resolve(_ context.Context, h qseal.Hint) (*qseal.Resolved, error) {
	return &qseal.Resolved{Chain: []*x509.Certificate{s.known[h.KeyID]}}, nil
}

func TestAttack16NonceUsedAgain(t *testing.T) {
	hooks := sealers{map[string]*x509.Certificate{"k1": p256Forger().cert, "k2": ed25519Forger().cert}}
	memory, err := qseal.NewReplayMemory(1000, time.Hour)
	require.NoError(t, err)
	v, err := qseal.New(qseal.Config{
		Validator: hooks, Resolver: hooks, Replay: memory, AllowAnyPeer: true, Profile: qseal.RFC9421("fapi-2-request"),
	})
	require.NoError(t, err)
	other := strings.Replace(usualParams, `"n1"`, `"n2"`, 1)
	second := strings.NewReplacer(`"k1"`, `"k2"`, "ecdsa-p256-sha256", "ed25519").Replace(usualParams)
	for _, step := range []struct {
		name string
		seal messageSeal
		want qseal.Reason
	}{
		{"first", messageSeal{}, 0},
		{"same nonce, another signature", messageSeal{}, qseal.ReasonReplay},
		{"same nonce, another body", messageSeal{lines: usual()}, qseal.ReasonReplay},
		{"another nonce", messageSeal{params: other}, 0},
		{"same nonce of another TPP", messageSeal{by: ed25519Forger, way: "EdDSA", params: second}, 0},
		{"and again", messageSeal{by: ed25519Forger, way: "EdDSA", params: second}, qseal.ReasonReplay},
		{"wrong signature", messageSeal{params: strings.Replace(usualParams, `"n1"`, `"n3"`, 1), by: p256Forger, way: "zero"}, qseal.ReasonSignatureInvalid},
		{"its nonce is not used up", messageSeal{params: strings.Replace(usualParams, `"n1"`, `"n3"`, 1)}, 0},
	} {
		r := step.seal.request(t)
		_, err := v.VerifyRequest(t.Context(), r, sealTime)
		assert.Equal(t, step.want, qseal.ReasonOf(err), "%s: %v", step.name, err)
	}
}
