package main_test

import (
	"encoding/base64"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

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
		"no --tls":    {append([]string{"binding", "verify"}, args[len(args)-1]), "--tls is required"},
		"no binding":  {args[:len(args)-1], "one BINDING is needed"},
		"two":         {append(append([]string{}, args...), args[len(args)-1]), "one BINDING is needed"},
		"both stdin":  {[]string{"binding", "verify", "--tls", "-", "-"}, "standard input"},
		"no file":     {[]string{"binding", "verify", "--tls", args[3], "missing.jws"}, "missing.jws"},
		"not a chain": {[]string{"binding", "verify", "--tls", args[len(args)-1], args[len(args)-1]}, "certificate"},
	} {
		t.Run(name, func(t *testing.T) {
			o := eidasCmd(t, row.args...)
			assert.Equal(t, 2, o.code)
			assert.Contains(t, o.stderr, row.says)
		})
	}
}
