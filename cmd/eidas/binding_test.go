package main_test

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/eidastest"
	"github.com/seed-b953571c/eidas/internal/realdata"
)

// bindingVerdict is the JSON of "binding verify".
type bindingVerdict struct {
	Decision  string `json:"decision"`
	Reason    string `json:"reason"`
	Detail    string `json:"detail"`
	Algorithm string `json:"algorithm"`
	Bound     int    `json:"bound"`
	Chain     []struct{ Subject, SHA256 string }
	TLS       struct{ Subject, SHA256 string }

	Qualification *qualified `json:"qualification"`
	Revocation    []struct{ Status, Source string }
}

// bindingCase is an entry of the data on TLS certificate bindings.
type bindingCase struct {
	ID, JWS, TLS, Now, Expect, Why string
	NeedExp                        bool
}

// args writes the files of a case and returns the command line for it.
func (c *bindingCase) args(t *testing.T) []string {
	t.Helper()
	der, err := base64.StdEncoding.DecodeString(c.TLS)
	require.NoError(t, err)
	args := []string{"binding", "verify", "--tls", tempFile(t, der), "--at", c.Now}
	if !c.NeedExp {
		args = append(args, "--allow-no-expiry")
	}
	return append(args, tempFile(t, c.JWS+"\n"))
}

func bindingCases(t *testing.T) []bindingCase {
	t.Helper()
	var all []bindingCase
	require.NoError(t, json.Unmarshal(realdata.Read(t, "qseal", "bindings.json"), &all))
	require.NotEmpty(t, all)
	return all
}

func TestBindingVerify(t *testing.T) {
	for _, c := range bindingCases(t) {
		t.Run(c.ID, func(t *testing.T) {
			o := eidasCmd(t, append(c.args(t), "--json")...)
			got := document[bindingVerdict](t, o)
			assert.NotEmpty(t, got.TLS.SHA256)
			if c.Expect == "valid" {
				assert.Equal(t, 0, o.code, o.stderr)
				assert.Equal(t, "accept", got.Decision, got.Detail)
				assert.NotEmpty(t, got.Algorithm)
				assert.NotEmpty(t, got.Chain)
				assert.Positive(t, got.Bound)
				return
			}
			assert.Equal(t, 1, o.code, o.stderr)
			assert.Equal(t, "refuse", got.Decision, c.Why)
			assert.NotEmpty(t, got.Reason)
			assert.Empty(t, got.Chain, "a refused binding proves no chain")
		})
	}
}

func TestBindingVerifyForPeople(t *testing.T) {
	seen := map[string]bool{}
	for _, c := range bindingCases(t) {
		if seen[c.Expect] {
			continue
		}
		seen[c.Expect] = true
		o := eidasCmd(t, c.args(t)...)
		if c.Expect == "valid" {
			assert.Contains(t, o.stdout, "accepted")
			assert.Contains(t, o.stdout, "2-QWAC")
			continue
		}
		assert.Contains(t, o.stdout, "refused")
	}
	assert.Len(t, seen, 2)
}

func TestBindingVerifyUsage(t *testing.T) {
	c := bindingCases(t)[0]
	args := c.args(t)
	for name, row := range map[string]struct {
		args []string
		says string
	}{
		"no --tls":              {append([]string{"binding", "verify"}, args[len(args)-1]), "--tls is required"},
		"no binding":            {args[:len(args)-1], "one BINDING is needed"},
		"two":                   {append(append([]string{}, args...), args[len(args)-1]), "one BINDING is needed"},
		"both stdin":            {[]string{"binding", "verify", "--tls", "-", "-"}, "standard input"},
		"revocation of nothing": {append(append([]string{}, args...), "--revocation", "ocsp"), "need --world"},
		"off without a world":   {append(append([]string{}, args...), "--revocation", "off"), "need --world"},
		"anchors of nothing":    {append(append([]string{}, args...), "--anchors", "oj-2026"), "--world is missing"},
		"no file":               {[]string{"binding", "verify", "--tls", args[3], "missing.jws"}, "missing.jws"},
		"not a chain":           {[]string{"binding", "verify", "--tls", args[len(args)-1], args[len(args)-1]}, "certificate"},
	} {
		t.Run(name, func(t *testing.T) {
			o := eidasCmd(t, row.args...)
			assert.Equal(t, 2, o.code)
			assert.Contains(t, o.stderr, row.says)
		})
	}
}

// signBinding signs a binding of the leaf's own certificate.
func signBinding(t *testing.T, leaf *eidastest.Leaf) string {
	t.Helper()
	var x5c []string
	for _, c := range leaf.Chain {
		x5c = append(x5c, base64.StdEncoding.EncodeToString(c.Raw))
	}
	sum := sha256.Sum256([]byte(base64.RawURLEncoding.EncodeToString(leaf.Certificate.Raw)))
	header, err := json.Marshal(map[string]any{
		"alg": "ES256", "cty": "TLS-Certificate-Binding-v1", "x5c": x5c, "exp": 2000000000,
		"sigD": map[string]any{
			"mId": "http://uri.etsi.org/19182/ObjectIdByURIHash", "pars": []string{""}, "hashM": "S256",
			"hashV": []string{base64.RawURLEncoding.EncodeToString(sum[:])},
		},
	})
	require.NoError(t, err)
	protected := base64.RawURLEncoding.EncodeToString(header)
	digest := sha256.Sum256([]byte(protected + "."))
	key, ok := leaf.Key.(*ecdsa.PrivateKey)
	require.True(t, ok)
	r, s, err := ecdsa.Sign(rand.Reader, key, digest[:])
	require.NoError(t, err)
	signature := append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	return protected + ".." + base64.RawURLEncoding.EncodeToString(signature)
}

func TestBindingVerifyByTrustedLists(t *testing.T) {
	m := mint(t)
	request := eidastest.QWAC(tppID, eidas.RolePI)
	request.ExtKeyUsage, request.Policies = []string{"0.4.0.194115.1.0"}, []string{"0.4.0.194112.1.6"}
	good, err := m.QTSP("LT").Issue(request)
	require.NoError(t, err)
	request.Statements.Types = []string{eidastest.TypeESeal}
	seal, err := m.QTSP("LT").Issue(request)
	require.NoError(t, err)
	dir := m.folder(t)
	for name, row := range map[string]struct {
		leaf *eidastest.Leaf
		code int
		says string
	}{
		"qualified": {good, 0, ""},
		"for seals": {seal, 1, eidas.ReasonWrongType.Error()},
	} {
		t.Run(name, func(t *testing.T) {
			o := eidasCmd(t, "binding", "verify", "--world", dir, "--at", noon, "--json", "--revocation", "off",
				"--tls", tempFile(t, row.leaf.Certificate.Raw), tempFile(t, signBinding(t, row.leaf)))
			got := document[bindingVerdict](t, o)
			assert.Equal(t, row.code, o.code, "%s %s", o.stderr, got.Detail)
			assert.NotNil(t, got.Qualification)
			assert.Contains(t, got.Detail, row.says)
		})
	}
}

// Over real HTTP: the 2-QWAC is asked about, and only when its path is proved.
func TestBindingVerifyAsksForRevocation(t *testing.T) {
	m := mint(t)
	q := m.QTSP("LT")
	request := eidastest.QWAC(tppID, eidas.RolePI)
	request.ExtKeyUsage, request.Policies = []string{"0.4.0.194115.1.0"}, []string{"0.4.0.194112.1.6"}
	leaf, err := q.Issue(request)
	require.NoError(t, err)
	dir := m.folder(t)
	verify := func(t *testing.T, l *eidastest.Leaf, more ...string) (bindingVerdict, outcome) {
		t.Helper()
		o := eidasCmd(t, append(overLoopback("binding", "verify", "--world", dir, "--at", noon,
			"--tls", tempFile(t, l.Certificate.Raw), tempFile(t, signBinding(t, l))), more...)...)
		if len(more) == 0 {
			return bindingVerdict{}, o
		}
		return document[bindingVerdict](t, o), o
	}
	got, o := verify(t, leaf, "--json")
	require.Equal(t, 0, o.code, "%s %s", o.stderr, got.Detail)
	require.NotEmpty(t, got.Revocation)
	assert.Equal(t, "good", got.Revocation[0].Status)
	assert.Equal(t, "ocsp", got.Revocation[0].Source)
	_, o = verify(t, leaf)
	assert.Contains(t, o.stdout, "good, ocsp")

	impostor := m.Impostor("LT")
	stranger, err := impostor.Issue(request)
	require.NoError(t, err)
	got, o = verify(t, stranger, "--json")
	assert.Equal(t, 1, o.code)
	assert.Contains(t, got.Detail, eidas.ReasonSignatureInvalid.Error())
	assert.Zero(t, impostor.Responder.Requests(), "a URL of a stranger is not called")

	q.Revoke(leaf, 1)
	got, o = verify(t, leaf, "--json")
	assert.Equal(t, 1, o.code)
	assert.Contains(t, got.Detail, eidas.ReasonRevoked.Error())
	assert.Empty(t, got.Revocation)
	assert.NotNil(t, got.Qualification)

	q.Responder.SetFault(eidastest.FaultDown)
	got, o = verify(t, leaf, "--json")
	assert.Equal(t, 1, o.code)
	assert.Contains(t, got.Detail, eidas.ReasonRevocationUnavailable.Error())
}
