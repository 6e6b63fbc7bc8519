//go:build node

package bench_test

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"os/exec"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas/qseal"
)

// nodeQuestion is a line for node/jws.mjs.
type nodeQuestion struct {
	Token   string          `json:"token,omitempty"`
	Payload []byte          `json:"payload"`
	Alg     string          `json:"alg"`
	SPKI    []byte          `json:"spki,omitempty"`
	PKCS8   []byte          `json:"pkcs8,omitempty"`
	Header  map[string]any  `json:"header,omitempty"`
	Crit    map[string]bool `json:"crit,omitempty"`
}

type nodeAnswer struct {
	Token string
	Valid bool
	Code  string
}

// askNode runs node/jws.mjs, whose one dependency "npm ci" in node brings.
func askNode(t *testing.T, questions ...nodeQuestion) []nodeAnswer {
	t.Helper()
	var in bytes.Buffer
	for _, q := range questions {
		require.NoError(t, json.NewEncoder(&in).Encode(q))
	}
	cmd := exec.CommandContext(t.Context(), "node", "node/jws.mjs")
	cmd.Stdin = &in
	var stderr bytes.Buffer
	cmd.Stderr = &stderr
	out, err := cmd.Output()
	require.NoError(t, err, "run npm ci in bench/node first: %s", stderr.String())
	var answers []nodeAnswer
	for line := range strings.Lines(string(out)) {
		var a nodeAnswer
		require.NoError(t, json.Unmarshal([]byte(line), &a))
		answers = append(answers, a)
	}
	require.Len(t, answers, len(questions))
	return answers
}

func (k *sealKey) spki(t *testing.T) []byte {
	t.Helper()
	der, err := x509.MarshalPKIXPublicKey(k.key.Public())
	require.NoError(t, err)
	return der
}

func TestNodeVerifiesOurJWS(t *testing.T) {
	for name, a := range joseAlgorithms(t) {
		r := sealableRequest(t)
		a.key.sign(t, qseal.PolishAPI21(), a.ours, r)
		q := nodeQuestion{Token: r.Header.Get("X-Jws-Signature"), Payload: sealedBody, Alg: name, SPKI: a.key.spki(t)}
		wrong := q
		wrong.Payload = append([]byte(" "), sealedBody...)
		got := askNode(t, q, wrong)
		assert.True(t, got[0].Valid, "%s: %s", name, got[0].Code)
		assert.False(t, got[1].Valid, name)
	}
}

// OBIE and JAdES too, once node is told which critical parameters to take.
func TestNodeVerifiesOurProfiles(t *testing.T) {
	k := rsaSealKey(t)
	obie := map[string]bool{
		"http://openbanking.org.uk/iat": true, "http://openbanking.org.uk/iss": true, "http://openbanking.org.uk/tan": true,
	}
	for _, v := range []qseal.OBIEVersion{qseal.OBIE313, qseal.OBIE314} {
		r := sealableRequest(t)
		k.sign(t, qseal.OBIE31(v), qseal.PSSSHA256, r)
		q := nodeQuestion{Token: r.Header.Get("X-Jws-Signature"), Payload: sealedBody, Alg: "PS256", SPKI: k.spki(t), Crit: obie}
		blind := q
		blind.Crit = nil
		got := askNode(t, q, blind)
		assert.True(t, got[0].Valid, got[0].Code)
		assert.False(t, got[1].Valid, "node refuses critical parameters that it was not told")
	}
	r := sealableRequest(t)
	k.sign(t, qseal.JAdESHTTP(), qseal.PSSSHA256, r)
	input := "(request-target): post /v1/payments?a=b\ncontent-type: application/json\nx-request-id: " + sealID + "\ndigest: " + r.Header.Get("Digest")
	q := nodeQuestion{Token: r.Header.Get("X-Jws-Signature"), Payload: []byte(input), Alg: "PS256", SPKI: k.spki(t), Crit: map[string]bool{"sigD": true}}
	got := askNode(t, q)
	assert.True(t, got[0].Valid, got[0].Code)
}

func TestWeVerifyJWSOfNode(t *testing.T) {
	for name, a := range joseAlgorithms(t) {
		pkcs8, err := x509.MarshalPKCS8PrivateKey(a.key.key)
		require.NoError(t, err)
		got := askNode(t,
			nodeQuestion{Payload: sealedBody, Alg: name, PKCS8: pkcs8, Header: map[string]any{"kid": "k1"}},
			nodeQuestion{Payload: sealedBody, Alg: name, PKCS8: pkcs8, Header: map[string]any{"kid": "k1", "b64": false, "crit": []string{"b64"}}},
		)
		for _, g := range got {
			require.NotEmpty(t, g.Token, g.Code)
			a.key.judgeToken(t, g.Token)
		}
	}
}
