package qseal_test

import (
	"crypto"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/asn1"
	"encoding/base64"
	"fmt"
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

// sealedCall is a call that a test has sealed in a profile: anew each time, so
// that a signature with a salt is another one.
type sealedCall struct {
	method, target, body string
	after                time.Duration
}

// idless are the profiles whose seals need no id, each with what seals a call
// without one.
func idless() map[string]struct {
	profile qseal.Profile
	seal    func(s *scene, c sealedCall) *http.Request
} {
	cavage := func(covered string, url bool) func(s *scene, c sealedCall) *http.Request {
		return func(s *scene, c sealedCall) *http.Request {
			return s.order(func(f *forged) {
				f.method, f.target, f.body, f.covered = c.method, c.target, c.body, covered
				f.algorithm = "rsa-sha256"
				if s.leaf.Certificate.PublicKeyAlgorithm.String() == "ECDSA" {
					f.algorithm = "ecdsa-sha256"
				}
				f.header.Set("Date", s.at.Add(c.after).UTC().Format(http.TimeFormat))
				if url {
					f.keyID = stetURL(s.leaf.Certificate)
				}
			})
		}
	}
	return map[string]struct {
		profile qseal.Profile
		seal    func(s *scene, c sealedCall) *http.Request
	}{
		"stet-1.6":   {qseal.STET16(), cavage("(request-target) digest date", true)},
		"ing-cavage": {qseal.INGCavage(), cavage("(request-target) date digest", false)},
		"jades-http": {qseal.JAdESHTTP(), func(s *scene, c sealedCall) *http.Request {
			r := httptest.NewRequest(c.method, c.target, strings.NewReader(c.body))
			require.NoError(s.tb, sealing(s.tb.(*testing.T), qseal.JAdESHTTP(), s.leaf).SignRequest(r, s.at.Add(c.after)))
			return r
		}},
		"rfc9421": {qseal.RFC9421(""), sealedWithoutNonce},
	}
}

// sealedWithoutNonce seals a call after RFC 9421 as few as may be.
func sealedWithoutNonce(s *scene, c sealedCall) *http.Request {
	r := httptest.NewRequest(c.method, c.target, strings.NewReader(c.body))
	digest := sha256.Sum256([]byte(c.body))
	r.Header.Set("Content-Digest", "sha-256=:"+base64.StdEncoding.EncodeToString(digest[:])+":")
	params := fmt.Sprintf(`("@method" "@target-uri" "content-digest");created=%d;keyid=%q`, s.at.Add(c.after).Unix(), stetURL(s.leaf.Certificate))
	base := "\"@method\": " + c.method + "\n\"@target-uri\": http://example.com" + c.target +
		"\n\"content-digest\": " + r.Header.Get("Content-Digest") + "\n\"@signature-params\": " + params
	hash := crypto.SHA512.New()
	hash.Write([]byte(base))
	signature, err := s.leaf.Key.Sign(randomness, hash.Sum(nil), &rsa.PSSOptions{SaltLength: 64, Hash: crypto.SHA512})
	require.NoError(s.tb, err)
	r.Header.Set("Signature-Input", "a="+params)
	r.Header.Set("Signature", "a=:"+base64.StdEncoding.EncodeToString(signature)+":")
	return r
}

func idlessScene(t *testing.T, p qseal.Profile) *scene {
	t.Helper()
	s := rsaScene(t, p)
	var err error
	s.config.Resolver, err = qseal.NewDirectory(map[string][]byte{stetURL(s.leaf.Certificate): s.leaf.Certificate.Raw})
	require.NoError(t, err)
	return s
}

// 14: a seal that has no id is accepted once as well. Its twins, of another
// second, target, method or body, are other seals.
func TestAttack14ReplayOfASealWithoutAnID(t *testing.T) {
	for name, one := range idless() {
		t.Run(name, func(t *testing.T) {
			s := idlessScene(t, one.profile)
			order := sealedCall{method: http.MethodPost, target: "/v1/payments", body: payment}
			for _, twin := range []func(c *sealedCall){
				func(*sealedCall) {},
				func(c *sealedCall) { c.after = -time.Second },
				func(c *sealedCall) { c.target += "?" },
				func(c *sealedCall) { c.method = http.MethodPut },
				func(c *sealedCall) { c.body += " " },
				func(c *sealedCall) { c.method, c.body = http.MethodGet, "" },
			} {
				c := order
				twin(&c)
				require.NoError(t, s.verify(one.seal(s, c)), "%+v", c)
				require.ErrorIs(t, s.verify(one.seal(s, c)), qseal.ReasonReplay, "%+v", c)
			}
		})
	}
}

// 14: of one text ECDSA has two signatures for each nonce of its own: a key made
// of the signature would let a seal in again.
func TestAttack14ReplayWithAnotherSignature(t *testing.T) {
	s := newScene(t, qseal.INGCavage())
	c := sealedCall{method: http.MethodPost, target: "/v1/payments", body: payment}
	first := idless()["ing-cavage"].seal(s, c)
	second := first.Clone(t.Context())
	second.Body = http.NoBody
	before, signature, _ := strings.Cut(first.Header.Get("Signature"), `signature="`)
	der, err := base64.StdEncoding.DecodeString(strings.TrimSuffix(signature, `"`))
	require.NoError(t, err)
	var pair struct{ R, S *big.Int }
	_, err = asn1.Unmarshal(der, &pair)
	require.NoError(t, err)
	order, _ := new(big.Int).SetString("ffffffff00000000ffffffffffffffffbce6faada7179e84f3b9cac2fc632551", 16)
	pair.S.Sub(order, pair.S)
	der, err = asn1.Marshal(pair)
	require.NoError(t, err)
	second.Header.Set("Signature", before+`signature="`+base64.StdEncoding.EncodeToString(der)+`"`)
	second = clone(second, payment)

	require.NoError(t, s.verify(first))
	require.ErrorIs(t, s.verify(second), qseal.ReasonReplay)
	s.config.Replay = replayMemory(t)
	require.NoError(t, s.verify(clone(second, payment)), "that the store is what stops it")
}

// Two reads of one second are one seal. That they pass is a choice of the bank,
// which holds for reads alone.
func TestRepeatedReads(t *testing.T) {
	for name, one := range idless() {
		s := idlessScene(t, one.profile)
		for method, lets := range map[string]bool{
			http.MethodGet: true, http.MethodHead: true, http.MethodOptions: true,
			http.MethodPost: false, http.MethodPut: false, http.MethodDelete: false, http.MethodPatch: false, "QUERY": false, "get": false,
		} {
			t.Run(name+"/"+method, func(t *testing.T) {
				s.tb, s.config.Replay, s.config.AllowRepeatedReads = t, replayMemory(t), false
				call := sealedCall{method: method, target: "/v1/accounts"}
				require.NoError(t, s.verify(one.seal(s, call)))
				require.ErrorIs(t, s.verify(one.seal(s, call)), qseal.ReasonReplay, "by default")

				s.config.Replay, s.config.AllowRepeatedReads = replayMemory(t), true
				for i := range 2 {
					seal, err := s.verifier().VerifyRequest(t.Context(), one.seal(s, call), s.at)
					if !lets && i > 0 {
						require.ErrorIs(t, err, qseal.ReasonReplay)
						continue
					}
					require.NoError(t, err)
					assert.Equal(t, lets, seal.ReplayUnchecked)
				}
			})
		}
	}
}

// A read that has an id is held to it, and one without a time would be good for
// ever.
func TestRepeatedReadsWithAnIDAreReplays(t *testing.T) {
	s := stetScene(t)
	s.config.AllowRepeatedReads = true
	for name, edits := range map[string][]func(*forged){
		"with a date": {covering("(request-target) digest date x-request-id")},
		"without":     {covering("(request-target) digest x-request-id"), header("x-request-id", "2"), func(f *forged) { f.header.Del("Date") }},
	} {
		edits = append(edits, func(f *forged) { f.method, f.body = http.MethodGet, "" })
		require.NoError(t, s.verify(s.order(edits...)), name)
		require.ErrorIs(t, s.verify(s.order(edits...)), qseal.ReasonReplay, name)
	}
}

// Without a store a seal passes as often as it is sent, until it is too old, and
// the verdict says so.
func TestReplaysThatAreAllowed(t *testing.T) {
	for _, name := range []string{"stet-1.6", "ing-cavage"} {
		one := idless()[name]
		s := idlessScene(t, one.profile)
		s.config.Replay, s.config.AllowReplays = nil, true
		call := sealedCall{method: http.MethodPost, target: "/v1/payments", body: payment}
		for range 2 {
			seal, err := s.verifier().VerifyRequest(t.Context(), one.seal(s, call), s.at)
			require.NoError(t, err)
			assert.True(t, seal.ReplayUnchecked)
		}
		s.at = s.at.Add(6 * time.Minute)
		call.after = -6 * time.Minute
		require.ErrorIs(t, s.verify(one.seal(s, call)), qseal.ReasonStale)
	}
}

// Our own signer makes two seals of two calls, whatever the second.
func TestSignerMakesEachSealItsOwn(t *testing.T) {
	for _, p := range []qseal.Profile{qseal.STET16(), qseal.JAdESHTTP(), qseal.BerlinGroup13(), qseal.RFC9421("")} {
		t.Run(p.Name(), func(t *testing.T) {
			s := idlessScene(t, p)
			s.at = time.Now()
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if _, err := s.verifier().VerifyRequest(r.Context(), r, s.at); err != nil {
					http.Error(w, err.Error(), http.StatusUnauthorized)
				}
			}))
			defer server.Close()
			client := http.Client{Transport: sealing(t, p, s.leaf).RoundTripper(http.DefaultTransport)}
			for range 3 {
				response, err := client.Get(server.URL)
				require.NoError(t, err)
				_ = response.Body.Close()
				assert.Equal(t, http.StatusOK, response.StatusCode)
			}
		})
	}
}
