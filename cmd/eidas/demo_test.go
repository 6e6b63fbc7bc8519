package main_test

import (
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
	main "github.com/seed-b953571c/eidas/cmd/eidas"
)

// played is the JSON of one step of the demo.
type played struct {
	Step       int    `json:"step"`
	Title      string `json:"title"`
	Decision   string `json:"decision"`
	Reason     string `json:"reason"`
	Identity   string `json:"identity"`
	Territory  string `json:"territory"`
	Connection string `json:"connection"`
	OK         bool   `json:"ok"`
}

func TestDemoDecidesRightly(t *testing.T) {
	o := eidasCmd(t, "demo", "--json")
	assert.Equal(t, 0, o.code, o.stderr)
	steps := documents[played](t, o)
	want := []played{
		{Decision: "accept", Territory: "LT", Connection: "full"},
		{Decision: "accept", Territory: "LT", Connection: "resumed"},
		{Decision: "accept", Territory: "DE", Connection: "full"},
		{Decision: "refuse", Reason: "signature_invalid", Connection: "full"},
		{Decision: "refuse", Reason: "revoked", Connection: "resumption_declined"},
		{Decision: "refuse", Reason: "revoked", Connection: "open"},
		{Decision: "accept", Territory: "DE", Connection: "full"},
	}
	require.Len(t, steps, len(want))
	for i := range want {
		want[i].Step, want[i].Title, want[i].OK = i+1, steps[i].Title, true
		if want[i].Decision == "accept" {
			want[i].Identity = "PSDLT-BL-EX000042"
		}
		assert.Equal(t, want[i], steps[i])
	}
}

func TestDemoTellsItsStory(t *testing.T) {
	o := eidasCmd(t, "demo")
	assert.Equal(t, 0, o.code, o.stderr)
	for _, part := range []string{
		"list of trusted lists  sequence", "3  It rotates", "let in  PSDLT-BL-EX000042  PSP_PI, PSP_AI",
		"issued by Rhine Trust Centre, granted on the list of DE", "refused  certificate is revoked  (revoked)",
		"Every decision was right",
	} {
		assert.Contains(t, o.stdout, part)
	}
	assert.NotContains(t, o.stdout, "WRONG")
	assert.NotContains(t, o.stdout, "\x1b", "no colour where there is no terminal")
	assert.Empty(t, o.stderr)
}

func TestDemoChecksItself(t *testing.T) {
	revoked := &eidas.Error{Reason: eidas.ReasonRevoked}
	for name, tc := range map[string]struct {
		want           eidas.Reason
		over, wentOver string
		client         string
		ok             bool
	}{
		"right":                      {eidas.ReasonRevoked, "open", "open", "HTTP 401 Unauthorized", true},
		"full handshake is usual":    {eidas.ReasonRevoked, "", "full", "no connection", true},
		"refused for another reason": {eidas.ReasonExpired, "open", "open", "HTTP 401 Unauthorized", false},
		"refused and not let in":     {0, "open", "open", "HTTP 401 Unauthorized", false},
		"over another connection":    {eidas.ReasonRevoked, "open", "full", "no connection", false},
		"refused and served":         {eidas.ReasonRevoked, "open", "open", "HTTP 200 OK", false},
	} {
		t.Run(name, func(t *testing.T) {
			ok, err := main.DemoStepOK(tc.want, tc.over, revoked, tc.wentOver, tc.client)
			require.NoError(t, err)
			assert.Equal(t, tc.ok, ok)
		})
	}
}
