package main_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
	main "github.com/seed-b953571c/eidas/cmd/eidas"
	"github.com/seed-b953571c/eidas/eidastest"
)

// explainedJSON is the JSON of "verify --explain".
type explainedJSON struct {
	verified
	Checks []struct {
		Step     string              `json:"step"`
		Check    string              `json:"check"`
		Outcome  string              `json:"outcome"`
		Reason   string              `json:"reason"`
		Detail   string              `json:"detail"`
		Waived   []string            `json:"waived"`
		Evidence []map[string]string `json:"evidence"`
	} `json:"checks"`
}

func TestVerifyExplain(t *testing.T) {
	m := mint(t)
	impostor, err := m.Impostor("LT").Issue(eidastest.QWAC(tppID, eidas.RoleAI))
	require.NoError(t, err)
	for name, row := range map[string]struct {
		file   string
		args   string
		code   int
		reason string
		want   map[string]string // outcome of checks
	}{
		"accepted": {tempFile(t, pemOf(m.leaf)), "", 0, "", map[string]string{"path": "pass", "revocation": "waived", "authorisation": "pass"}},
		"an impostor": {
			tempFile(t, pemOf(impostor)), "", 1, "signature_invalid",
			map[string]string{"identity": "pass", "path": "fail", "qualified": "skipped", "revocation": "skipped", "authorisation": "skipped"},
		},
		"two faults": {
			tempFile(t, pemOf(m.leaf)), "--use seal --require-psd2 --require-role PSP_IC", 1, "wrong_type",
			map[string]string{"path": "pass", "qualified": "fail", "authorisation": "fail"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			args := append([]string{"verify", "--explain", "--world", m.folder(t), "--at", noon, "--revocation", "off"}, strings.Fields(row.args)...)
			o := eidasCmd(t, append(args, "--json", row.file)...)
			assert.Equal(t, row.code, o.code, o.stderr)
			got := document[explainedJSON](t, o)
			assert.Equal(t, row.reason, got.Reason)
			assert.Len(t, got.Checks, 18)
			for _, c := range got.Checks {
				assert.NotNil(t, c.Evidence)
				assert.Equal(t, c.Outcome == "fail", c.Reason != "", c.Check)
				if want := row.want[c.Check]; want != "" {
					assert.Equal(t, want, c.Outcome, c.Check)
				}
			}
			plain := eidasCmd(t, append(args[:1:1], append(args[2:], "--json", row.file)...)...)
			assert.Equal(t, row.code, plain.code, "the same verdict without --explain")
			assert.Equal(t, row.reason, document[verified](t, plain).Reason)

			text := eidasCmd(t, append(args, row.file)...)
			assert.Equal(t, row.code, text.code)
			assert.Contains(t, text.stdout, "\nChecks\n")
			for check, outcome := range row.want {
				assert.Regexp(t, "(?m)^  "+outcome+" +"+check+"( |$)", text.stdout)
			}
			assert.NotRegexp(t, "(?m) $", text.stdout, "a blank at the end of a line")
			assert.NotRegexp(t, "(?m)^[^(]*Not AdES", text.stdout, "a word that reads like a failure")
			assert.NotContains(t, text.stdout, "2.5.4.97=#")
			for _, line := range []string{" key: ECDSA, P-256", " key_usage: digitalSignature", " extended_key_usage: clientAuth (1.3.6.1.5.5.7.3.2)"} {
				assert.Contains(t, text.stdout, line+"\n")
			}
			assert.NotRegexp(t, "(?m)^  skipped +[a-z_]+$", text.stdout, "a check is skipped for a reason")
		})
	}
}

func TestReadableErrors(t *testing.T) {
	long := "http://ocsp.example/" + strings.Repeat("A", 200)
	for name, row := range map[string]struct{ text, want string }{
		"package names":     {"eidas: issuer unknown: trustlist: none", "issuer unknown: none"},
		"known attribute":   {`issuer "CN=A,2.5.4.97=#13115053444c542d424c2d4c42303030343538"`, `issuer "CN=A,organizationIdentifier=PSDLT-BL-LB000458"`},
		"other attribute":   {"1.2.3.4=#13024c54", "1.2.3.4=#13024c54"},
		"value no string":   {"2.5.4.97=#020101", "2.5.4.97=#020101"},
		"bytes behind":      {"2.5.4.97=#13024c5400", "2.5.4.97=#13024c5400"},
		"value with commas": {"2.5.4.97=#1305412c4f3d42", `organizationIdentifier=A\,O\=B`},
		"rule":              {"no answer: revocation: rule Q2 (RFC 9919, 6; RFC 6960, A.1): timeout", "no answer: timeout (rule Q2: RFC 9919, 6; RFC 6960, A.1)"},
		"URL again":         {`network: url "https://a.example/x": Get "https://a.example/x": refused`, `network: url "https://a.example/x": refused`},
		"another URL":       {`url "https://a.example/x": Get "https://a.example/y": refused`, `url "https://a.example/x": Get "https://a.example/y": refused`},
		"long URL":          {`url "` + long + `": Get "` + long + `": refused`, `url "` + long[:80] + `…": refused`},
	} {
		t.Run(name, func(t *testing.T) {
			assert.Equal(t, row.want, main.Readable(row.text))
		})
	}
}

func TestVerifyExplainWithoutRoles(t *testing.T) {
	m := mint(t)
	file := tempFile(t, pemOf(m.QWAC("LT", tppID, 0)))
	o := eidasCmd(t, "verify", "--explain", "--world", m.folder(t), "--at", noon, "--revocation", "off", file)
	assert.Contains(t, o.stdout, " roles: none\n")
	assert.NotRegexp(t, "(?m) $", o.stdout, "a blank at the end of a line")
}
