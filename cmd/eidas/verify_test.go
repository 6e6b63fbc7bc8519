package main_test

import (
	"crypto/x509"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/eidastest"
	"github.com/seed-b953571c/eidas/internal/realdata"
	"github.com/seed-b953571c/eidas/trustlist"
)

// verified is the JSON of "verify".
type verified struct {
	Decision string           `json:"decision"`
	Reason   string           `json:"reason"`
	Cause    string           `json:"cause"`
	Detail   string           `json:"detail"`
	Identity string           `json:"identity"`
	Roles    []string         `json:"roles"`
	Service  *verifiedService `json:"service"`
	Degraded []string         `json:"degraded"`
	Chain    []struct{ Subject, SHA256 string }
	Status   []struct {
		Status, Source string
	} `json:"revocation"`
	Qualification *qualified `json:"qualify"`
	ValidUntil    string     `json:"valid_until"`
}

type verifiedService struct {
	Territory, Provider, Name, Status, List string
	Sequence                                int
}

// realQWAC is a PSD2 QWAC of the data whose issuer is listed.
type realQWAC struct {
	row    map[string]string
	path   string
	leaf   *x509.Certificate
	issuer *x509.Certificate
}

func parseFile(t *testing.T, path string) *x509.Certificate {
	t.Helper()
	der, err := os.ReadFile(path)
	require.NoError(t, err)
	c, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return c
}

// realQWACs returns the PSD2 QWACs of the manifest with an issuer-of-NAME.der.
func realQWACs(t *testing.T) []realQWAC {
	t.Helper()
	issuers := realdata.Glob(t, "certs/issuers/issuer-of-*.der")
	var out []realQWAC
	for _, row := range manifest(t, "certs", "manifest.csv") {
		if row["has_psd2"] != "True" || row["kind"] != "QWAC" {
			continue
		}
		for _, issuer := range issuers {
			prefix := strings.TrimSuffix(strings.TrimPrefix(filepath.Base(issuer), "issuer-of-"), ".der")
			if strings.HasPrefix(row["file"], prefix) {
				path := realdata.Path(t, "certs", row["file"])
				out = append(out, realQWAC{row, path, parseFile(t, path), parseFile(t, issuer)})
			}
		}
	}
	require.NotEmpty(t, out, "the data holds no PSD2 QWAC with its issuer")
	return out
}

func verifyReal(t *testing.T, at time.Time, file string) outcome {
	t.Helper()
	return eidasCmd(t, "verify", "--json", "--world", realdata.Path(t, "worlds", "eu-2023"), "--at", at.Format(time.RFC3339),
		"--use", "tls", "--revocation", "off", file)
}

func TestVerifyRealQWACsFromTheLeafAlone(t *testing.T) {
	for _, q := range realQWACs(t) {
		t.Run(q.row["file"], func(t *testing.T) {
			middle := q.leaf.NotBefore.Add(q.leaf.NotAfter.Sub(q.leaf.NotBefore) / 2)
			o := verifyReal(t, middle, q.path)
			got := document[verified](t, o)
			assert.Equal(t, 0, o.code, got.Detail)
			assert.Equal(t, "accept", got.Decision)
			assert.Empty(t, got.Reason+got.Cause)
			assert.Equal(t, q.row["orgid"], got.Identity)
			assert.ElementsMatch(t, roleNames(q.row["roles"]), got.Roles)
			assert.Equal(t, []string{"revocation_off"}, got.Degraded)
			require.NotNil(t, got.Service)
			assert.Equal(t, "granted", got.Service.Status)
			assert.NotEmpty(t, got.Service.Territory)
			assert.NotEmpty(t, got.Service.Provider)
			require.GreaterOrEqual(t, len(got.Chain), 2)
			assert.Contains(t, got.Chain[1].Subject, "CN="+q.issuer.Subject.CommonName)

			for name, at := range map[string]time.Time{
				"not_yet_valid": q.leaf.NotBefore.Add(-time.Second), "expired": q.leaf.NotAfter.Add(time.Second),
			} {
				o := verifyReal(t, at, q.path)
				assert.Equal(t, 1, o.code)
				assert.Equal(t, name, document[verified](t, o).Reason)
			}
		})
	}
}

func roleNames(roles string) []string {
	var names []string
	for r := range strings.SplitSeq(roles, "|") {
		_, name, _ := strings.Cut(r, "=")
		names = append(names, name)
	}
	return names
}

// bitStep leaves a few bits of a certificate to try, in different fields of
// each: every try loads all lists.
const bitStep = 4001

func TestVerifyRefusesARealQWACWithOneBitChanged(t *testing.T) {
	for _, q := range realQWACs(t) {
		t.Run(q.row["file"], func(t *testing.T) {
			middle := q.leaf.NotBefore.Add(q.leaf.NotAfter.Sub(q.leaf.NotBefore) / 2)
			for bit := 0; bit < len(q.leaf.Raw)*8; bit += bitStep {
				der := append([]byte(nil), q.leaf.Raw...)
				der[bit/8] ^= 1 << (bit % 8)
				o := verifyReal(t, middle, tempFile(t, der))
				require.Equal(t, 1, o.code, "bit %d: %s%s", bit, o.stdout, o.stderr)
				require.Equal(t, "refuse", document[verified](t, o).Decision, "bit %d", bit)
			}
		})
	}
}

// overLoopback lets the checker reach the responders of a minted world.
func overLoopback(args ...string) []string {
	return append(args, "--revocation-allow-private", "127.0.0.0/8", "--revocation-allow-any-port")
}

func TestVerifyAsksForRevocation(t *testing.T) {
	m := mint(t)
	args := overLoopback("verify", "--json", "--world", m.folder(t), "--at", noon, tempFile(t, pemOf(m.leaf)))

	o := eidasCmd(t, args...)
	got := document[verified](t, o)
	assert.Equal(t, 0, o.code, got.Detail)
	assert.Equal(t, tppID, got.Identity)
	assert.Equal(t, []string{"PSP_PI", "PSP_AI"}, got.Roles)
	assert.Empty(t, got.Degraded)
	require.NotEmpty(t, got.Status)
	assert.Equal(t, "good", got.Status[0].Status)
	assert.Equal(t, "ocsp", got.Status[0].Source)
	assert.NotEmpty(t, got.ValidUntil)

	m.QTSP("LT").Revoke(m.leaf, 1)
	o = eidasCmd(t, args...)
	got = document[verified](t, o)
	assert.Equal(t, 1, o.code)
	assert.Equal(t, "revoked", got.Reason)
	assert.Equal(t, "tpp", got.Cause)
	assert.Equal(t, "revoked", got.Status[0].Status)

	// Without leave the responder at a private address is not asked.
	o = eidasCmd(t, args[:len(args)-3]...)
	assert.Equal(t, 1, o.code)
	got = document[verified](t, o)
	assert.Equal(t, "revocation_unavailable", got.Reason)
	assert.Equal(t, "third_party", got.Cause)

	off := eidasCmd(t, append(args[:len(args)-3:len(args)-3], "--revocation", "off")...)
	assert.Equal(t, 0, off.code)
	assert.Equal(t, []string{"revocation_off"}, document[verified](t, off).Degraded)
}

func TestVerifyPolicyFlags(t *testing.T) {
	m := mint(t)
	dir := m.folder(t)
	qwac := tempFile(t, pemOf(m.leaf))
	serverOnly := eidastest.QWAC(tppID, eidas.RoleAI)
	serverOnly.ExtKeyUsage = []string{eidastest.ServerAuth}
	serverAuth := tempFile(t, pemOf(m.Issue("LT", serverOnly)))
	noPSD2 := tempFile(t, pemOf(m.QWAC("LT", tppID, 0)))
	company := tempFile(t, pemOf(m.QWAC("LT", "NTRLT-123456789", 0)))
	seal := tempFile(t, pemOf(m.QSealC("DE", tppID, eidas.RoleAI)))
	companySeal := tempFile(t, pemOf(m.QSealC("DE", "NTRDE-HRB1", 0)))
	unwrapped := eidastest.QWAC(tppID, eidas.RoleAI)
	unwrapped.Statements = eidastest.Statements{PSD2: unwrapped.Statements.PSD2, Unwrapped: true}
	malformed := tempFile(t, pemOf(m.Issue("LT", unwrapped)))

	for name, tc := range map[string]struct {
		file, flags string
		reason      string
		degraded    string
	}{
		"tls":                              {qwac, "", "", ""},
		"tls, use by default":              {qwac, "--use tls", "", ""},
		"role is there":                    {qwac, "--require-role PSP_AI", "", ""},
		"roles are there":                  {qwac, "--require-role PSP_AI,PSP_PI", "", ""},
		"role is missing":                  {qwac, "--require-role PSP_AI --require-role PSP_IC", "role_missing", ""},
		"identity is allowed":              {qwac, "--allow-identity PSDDE-BAFIN-1 --allow-identity " + tppID, "", ""},
		"identity is not allowed":          {qwac, "--allow-identity PSDDE-BAFIN-1", "identity_denied", ""},
		"country is allowed":               {qwac, "--allow-country DE,LT", "", ""},
		"country is not allowed":           {qwac, "--allow-country DE", "country_denied", ""},
		"authority is allowed":             {qwac, "--allow-authority LT-BL", "", ""},
		"authority of another country":     {qwac, "--allow-authority LV-BL", "authority_denied", ""},
		"one of two conditions fails":      {qwac, "--allow-country LT --require-role PSP_AS", "role_missing", ""},
		"QWAC for seals":                   {qwac, "--use seal", "wrong_type", ""},
		"no clientAuth":                    {serverAuth, "", "extended_key_usage", ""},
		"no clientAuth, allowed":           {serverAuth, "--allow-server-auth-only", "", "server_auth_only"},
		"no PSD2 statement":                {noPSD2, "", "psd2_missing", ""},
		"no PSD2 statement, allowed":       {noPSD2, "--allow-no-psd2", "", "no_psd2"},
		"other identity":                   {company, "--allow-no-psd2", "identity_unregistered", ""},
		"other identity, allowed":          {company, "--allow-no-psd2 --allow-unregistered", "", "no_psd2,identity_unregistered"},
		"seal":                             {seal, "--use seal", "", ""},
		"seal for tls":                     {seal, "--use tls --allow-server-auth-only", "key_usage", ""},
		"seal of a company":                {companySeal, "--use seal", "", "no_psd2,identity_unregistered"},
		"seal of a company, PSD2 required": {companySeal, "--use seal --require-psd2", "psd2_missing", ""},
		"seal of a TPP, PSD2 required":     {seal, "--use seal --require-psd2", "", ""},
		"malformed statements":             {malformed, "", "statements_malformed", ""},
		"malformed statements, allowed":    {malformed, "--allow-lenient-statements", "not_qualified", ""},
		"impossible timeout":               {qwac, "--timeout 1ns", "deadline", ""},
	} {
		t.Run(name, func(t *testing.T) {
			args := overLoopback("verify", "--json", "--world", dir, "--at", noon, tc.file)
			o := eidasCmd(t, append(args, strings.Fields(tc.flags)...)...)
			got := document[verified](t, o)
			assert.Equal(t, tc.reason, got.Reason, got.Detail)
			if tc.reason != "" {
				assert.Equal(t, 1, o.code)
				assert.Equal(t, "refuse", got.Decision)
				assert.NotEmpty(t, got.Cause)
				return
			}
			assert.Equal(t, 0, o.code)
			assert.Equal(t, "accept", got.Decision)
			assert.Equal(t, tc.degraded, strings.Join(got.Degraded, ","))
		})
	}
}

func TestVerifyUsageErrorsOfThePolicy(t *testing.T) {
	m := mint(t)
	dir, file := m.folder(t), tempFile(t, pemOf(m.leaf))
	for flags, says := range map[string]string{
		"--require-role PSP_XX":                        "PSP_XX",
		"--require-role AI":                            "did you mean PSP_AI?",
		"--require-role vop_rs":                        "did you mean VOP_RS?",
		"--allow-identity nobody":                      "nobody",
		"--revocation stapled":                         "stapled",
		"--revocation crl,ocsp":                        "crl,ocsp",
		"--revocation off --revocation-allow-any-port": "excludes",
		"--timeout 0s":                                 "not positive",
		"--require-psd2 --allow-no-psd2":               "excludes",
		"--revocation-allow-private 300.0.0.0/8":       "300.0.0.0",
		"--anchors oj-2027":                            "oj-2027",
		"--anchors oj-2019,oj-2026":                    "oj-2019",
	} {
		t.Run(flags, func(t *testing.T) {
			o := eidasCmd(t, append([]string{"verify", "--world", dir, "--at", noon, file}, strings.Fields(flags)...)...)
			assert.Equal(t, 2, o.code)
			assert.Empty(t, o.stdout)
			assert.Contains(t, o.stderr, says)
			assert.Contains(t, o.stderr, "eidas verify --help")
		})
	}
}

func TestVerifyRefusesWhoIsNotListed(t *testing.T) {
	m := mint(t)
	impostor, err := m.Impostor("LT").Issue(eidastest.QWAC(tppID, eidas.RoleAI))
	require.NoError(t, err)
	o := eidasCmd(t, "verify", "--json", "--world", m.folder(t), "--at", noon, "--revocation", "off", tempFile(t, pemOf(impostor)))
	assert.Equal(t, 1, o.code)
	got := document[verified](t, o)
	assert.Equal(t, "signature_invalid", got.Reason)
	assert.Equal(t, tppID, got.Identity, "what it claims is shown")
	assert.Nil(t, got.Service)
	assert.Nil(t, got.Qualification)

	text := eidasCmd(t, "verify", "--world", m.folder(t), "--at", noon, "--revocation", "off", tempFile(t, pemOf(impostor)))
	assert.Equal(t, 1, text.code)
	assert.Contains(t, text.stdout, "refused  signature_invalid (the certificate's side)")
	assert.Contains(t, text.stdout, "Claims to be")
}

func TestVerifyAfterTheServiceWasWithdrawn(t *testing.T) {
	m := mint(t)
	file := tempFile(t, pemOf(m.leaf))
	args := []string{"verify", "--json", "--at", noon, "--revocation", "off", file, "--world"}
	assert.Equal(t, 0, eidasCmd(t, append(args, m.folder(t))...).code)
	m.Check(m.QTSP("LT").Withdraw(m.Now().Add(-time.Minute)))
	o := eidasCmd(t, append(args, m.folder(t))...)
	assert.Equal(t, 1, o.code)
	got := document[verified](t, o)
	assert.Equal(t, "service_not_granted", got.Reason)
	require.NotNil(t, got.Service)
	assert.Equal(t, "withdrawn", got.Service.Status)
}

func TestVerifyJudgesTheListAtTheTimeOfTheWorld(t *testing.T) {
	m := mint(t)
	m.Check(m.List("LT").Expire(10 * 24 * time.Hour))
	file, dir := tempFile(t, pemOf(m.leaf)), m.folder(t)
	for name, tc := range map[string]struct{ flags, reason, degraded string }{
		"late, within the default": {"", "", "list_stale,revocation_off"},
		"late, within the limit":   {"--max-list-stale 11d", "", "list_stale,revocation_off"},
		"too late":                 {"--max-list-stale 9d", "list_stale", ""},
		"no lateness allowed":      {"--max-list-stale 0s", "list_stale", ""},
		"time is the world's":      {"--max-list-stale 11d --at 2027-05-01", "", "list_stale,revocation_off"},
	} {
		t.Run(name, func(t *testing.T) {
			args := append([]string{"verify", "--json", "--world", dir, "--at", noon, "--revocation", "off", file}, strings.Fields(tc.flags)...)
			got := document[verified](t, eidasCmd(t, args...))
			assert.Equal(t, tc.reason, got.Reason)
			assert.Equal(t, tc.degraded, strings.Join(got.Degraded, ","))
		})
	}
}

func TestVerifyInput(t *testing.T) {
	m := mint(t)
	dir := m.folder(t)
	run := func(files ...string) outcome {
		return eidasCmd(t, append([]string{"verify", "--json", "--world", dir, "--at", noon, "--revocation", "off"}, files...)...)
	}
	leaf, issuer := m.leaf.Chain[0], m.leaf.Chain[1]
	assert.Equal(t, 0, run(tempFile(t, leaf.Raw)).code, "leaf alone")
	assert.Equal(t, 0, run(tempFile(t, leaf.Raw), tempFile(t, issuer.Raw)).code, "two files")
	assert.Equal(t, 0, run(tempFile(t, pemOf(m.leaf))).code, "PEM chain")

	for name, tc := range map[string]struct {
		files  []string
		reason string // "": exit code 2
	}{
		"no file":          {nil, ""},
		"missing file":     {[]string{"no-such-file.pem"}, ""},
		"prose":            {[]string{tempFile(t, "hello")}, ""},
		"broken DER":       {[]string{tempFile(t, leaf.Raw[:len(leaf.Raw)-1])}, "certificate_malformed"},
		"broken first bit": {[]string{tempFile(t, append([]byte{leaf.Raw[0] ^ 0x80}, leaf.Raw[1:]...))}, "certificate_malformed"},
		"broken issuer":    {[]string{tempFile(t, leaf.Raw), tempFile(t, issuer.Raw[1:])}, "certificate_malformed"},
		"broken PEM":       {[]string{tempFile(t, strings.Replace(pemOf(m.leaf), "MII", "M*I", 1))}, "certificate_malformed"},
		"issuer first":     {[]string{tempFile(t, issuer.Raw), tempFile(t, leaf.Raw)}, "not_end_entity"},
		"too many":         {[]string{tempFile(t, strings.Repeat(pemOf(m.leaf), 20))}, "chain_too_long"},
	} {
		t.Run(name, func(t *testing.T) {
			o := run(tc.files...)
			if tc.reason == "" {
				assert.Equal(t, 2, o.code)
				assert.NotEmpty(t, o.stderr)
				if len(tc.files) == 0 { // of usage
					assert.Empty(t, o.stdout)
					return
				}
				assert.Equal(t, "input", document[verified](t, o).Reason)
				return
			}
			assert.Equal(t, 1, o.code)
			assert.Equal(t, tc.reason, document[verified](t, o).Reason)
		})
	}
}

func TestVerifyWithoutAuthenticListsRefuses(t *testing.T) {
	m := mint(t)
	m.Check(m.LOTL.Tamper())
	o := eidasCmd(t, "verify", "--json", "--world", m.folder(t), "--at", noon, "--revocation", "off", tempFile(t, pemOf(m.leaf)))
	assert.Equal(t, 1, o.code)
	got := document[verified](t, o)
	assert.Equal(t, "trust_unavailable", got.Reason)
	assert.Equal(t, "us", got.Cause)
}

func TestVerifyTextForPeople(t *testing.T) {
	m := mint(t)
	o := eidasCmd(t, "verify", "--world", m.folder(t), "--at", noon, "--revocation", "off", tempFile(t, pemOf(m.leaf)))
	assert.Equal(t, 0, o.code)
	assert.Empty(t, o.stderr)
	text := o.stdout
	assert.Regexp(t, `(?m)\Aaccepted  PSDLT-BL-EX000042$`, text)
	for _, part := range []string{
		"  Trust        profile test, not the EU's\n",
		"  Roles        PSP_PI, PSP_AI\n",
		"  Qualified    for website authentication (QWAC), at issuance and now\n",
		"  Service      QTSP LT 1 Issuing CA, QTSP LT 1\n               list of LT, granted since ",
		"  Let pass     revocation_off  nobody was asked whether it is revoked\n",
		"  Holds until  2027-11-22T11:00:00Z\n",
	} {
		assert.Contains(t, text, part)
	}
}

func TestVerifyJSONHasEveryFieldInEveryCase(t *testing.T) {
	m := mint(t)
	dir := m.folder(t)
	for _, file := range []string{tempFile(t, pemOf(m.leaf)), tempFile(t, "\x30\x00")} {
		o := eidasCmd(t, "verify", "--json", "--world", dir, "--at", noon, "--revocation", "off", file)
		fields := document[map[string]json.RawMessage](t, o)
		for _, name := range []string{"decision", "reason", "cause", "identity"} {
			assert.Regexp(t, `^"`, string(fields[name]), name)
		}
		for _, name := range []string{"roles", "degraded", "revocation", "chain", "warnings"} {
			assert.Regexp(t, `^\[`, string(fields[name]), name)
		}
		assert.Contains(t, fields, "service")
		assert.Contains(t, fields, "qualify")
	}
}

// fixed is a source of services.
type fixed struct{ set *eidas.ServiceSet }

func (f fixed) Services() *eidas.ServiceSet { return f.set }

// What the command prints is what a server logs: every member of the library's
// own JSON, with the same value.
func TestVerifyPrintsTheRecordOfTheLibrary(t *testing.T) {
	m := mint(t)
	dir := m.folder(t)
	w, err := trustlist.LoadWorld(dir)
	require.NoError(t, err)
	lists, err := trustlist.Load(t.Context(), trustlist.Config{Anchors: w.Anchors, Source: m.Source()}, w.At)
	require.NoError(t, err)
	policy := eidas.DefaultPolicy(eidas.AllowAnyone())
	policy.Profile, policy.AllowNoRevocation = eidas.ProfileTest, true
	judge, err := eidas.NewValidator(eidas.Config{Services: fixed{lists.Services().AsOf(w.At)}, Policy: policy})
	require.NoError(t, err)
	for name, at := range map[string]time.Time{"accept": m.Now(), "refuse": m.leaf.Certificate.NotAfter.Add(time.Second)} {
		own, err := json.Marshal(eidas.RecordOf(judge.Validate(t.Context(), m.leaf.Chain, eidas.UseTLS, at)))
		require.NoError(t, err)
		o := eidasCmd(t, "verify", "--json", "--world", dir, "--at", at.Format(time.RFC3339), "--revocation", "off",
			tempFile(t, pemOf(m.leaf)))
		got := document[map[string]json.RawMessage](t, o)
		var want map[string]json.RawMessage
		require.NoError(t, json.Unmarshal(own, &want))
		require.Equal(t, `"`+name+`"`, string(want["decision"]))
		for key, value := range want {
			assert.JSONEq(t, string(value), string(got[key]), key)
		}
	}
}
