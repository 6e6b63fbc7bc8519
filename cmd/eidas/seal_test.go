package main_test

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/pem"
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/eidastest"
	"github.com/seed-b953571c/eidas/qseal"
)

// sealVerdict is the JSON of "seal verify".
type sealVerdict struct {
	Decision, Reason, Cause, Judged, Profile, Algorithm, Identity string
	CertificateReason                                             string  `json:"certificate_reason"`
	SigningString                                                 *string `json:"signing_string"`
	Covered, Quirks, Roles                                        []string
	PathBound                                                     bool `json:"path_bound"`
	Chain                                                         []struct{ Subject string }
}

const unsealed = "POST /v1/payments HTTP/1.1\r\nHost: bank.example\r\nX-Request-ID: 99391c7e\r\nPSU-ID: anton\r\n\r\n{\"amount\": 1}"

// sealedFile seals a message with a certificate and returns the file with it.
func sealedFile(t *testing.T, l *eidastest.Leaf, profile string, flags ...string) (file, certificate string) {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(l.Key)
	require.NoError(t, err)
	key := tempFile(t, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	certificate = tempFile(t, l.Certificate.Raw)
	o := eidasCmd(t, append([]string{"seal", "sign", "--profile", profile, "--key", key, "--certificate", certificate, tempFile(t, unsealed)}, flags...)...)
	require.Equal(t, 0, o.code, o.stderr)
	require.Contains(t, o.stdout, "\nSignature: ")
	return tempFile(t, o.stdout), certificate
}

func TestSealSignAndVerify(t *testing.T) {
	w, err := eidastest.NewWorld(eidastest.Options{})
	require.NoError(t, err)
	defer w.Close()
	folder := t.TempDir()
	require.NoError(t, w.WriteFolder(folder))
	l, err := w.QTSP("LT").IssueQSealC("PSDLT-BL-LB000468", eidas.RolePI)
	require.NoError(t, err)
	file, certificate := sealedFile(t, l, "berlin-group-1.3")
	verify := []string{"seal", "verify", "--profile", "berlin-group-1.3", "--json"}
	world := []string{"--world", folder, "--revocation", "off"}

	for name, row := range map[string]struct {
		args     []string
		code     int
		reason   string
		identity string
	}{
		"seal alone":             {[]string{file}, 0, "", ""},
		"certificate given":      {[]string{"--certificate", certificate, file}, 0, "", ""},
		"with the lists":         {append(world, file), 0, "", "PSDLT-BL-LB000468"},
		"changed":                {[]string{changed(t, file, "anton", "berta")}, 1, "signature_invalid", ""},
		"body changed":           {append(world, changed(t, file, "\"amount\": 1", "\"amount\": 2")), 1, "digest", ""},
		"body apart":             {[]string{"--body", tempFile(t, `{"amount": 1}`), changed(t, file, `{"amount": 1}`, "")}, 0, "", ""},
		"not sealed":             {[]string{tempFile(t, unsealed)}, 1, "signature_missing", ""},
		"role missing":           {append(world, "--require-role", "PSP_AI", file), 1, "certificate", ""},
		"of another certificate": {[]string{"--certificate", foreign(t, w), file}, 1, "certificate_mismatch", ""},
	} {
		t.Run(name, func(t *testing.T) {
			o := eidasCmd(t, append(append([]string{}, verify...), row.args...)...)
			got := document[sealVerdict](t, o)
			assert.Equal(t, row.code, o.code, o.stderr)
			assert.Equal(t, row.reason, got.Reason)
			assert.Equal(t, row.identity, got.Identity)
			if row.reason == "certificate" {
				assert.Equal(t, "role_missing", got.CertificateReason)
			}
			if row.reason != "signature_missing" {
				require.NotNil(t, got.SigningString)
				assert.Contains(t, *got.SigningString, "x-request-id: 99391c7e\npsu-id: ")
			}
		})
	}
	for _, o := range []outcome{
		eidasCmd(t, "seal", "verify", file), eidasCmd(t, "seal", "verify", "--profile", "x", file),
		eidasCmd(t, append(verify, "--quirk", "lenient", file)...), eidasCmd(t, append(verify, "--quirk", "any_salt", file)...),
		eidasCmd(t, append(verify, file, file)...), eidasCmd(t, append(verify, tempFile(t, "no message"))...),
		eidasCmd(t, "seal", "sign", "--profile", "berlin-group-1.3", file),
		eidasCmd(t, "seal", "sign", "--profile", "berlin-group-1.3", "--key", certificate, "--certificate", certificate, file),
	} {
		assert.Equal(t, 2, o.code, o.stdout)
		assert.NotEmpty(t, o.stderr)
	}
}

func TestSealVerifyForPeople(t *testing.T) {
	w, err := eidastest.NewWorld(eidastest.Options{})
	require.NoError(t, err)
	defer w.Close()
	l, err := w.QTSP("LT").IssueQSealC("PSDLT-BL-LB000468", eidas.RolePI)
	require.NoError(t, err)
	file, _ := sealedFile(t, l, "ing-cavage")
	o := eidasCmd(t, "seal", "verify", "--profile", "ing-cavage", file)
	assert.Equal(t, 0, o.code, o.stdout+o.stderr)
	assert.Contains(t, o.stdout, "\nSigning string\n  (request-target): post /v1/payments\n  date: ")
	late := time.Now().Add(time.Hour).UTC().Format(time.RFC3339)
	o = eidasCmd(t, "seal", "verify", "--profile", "ing-cavage", "--at", late, file)
	assert.Equal(t, 1, o.code)
	assert.Contains(t, o.stdout, "stale")
	o = eidasCmd(t, "seal", "verify", "--profile", "ing-cavage", "--at", late, "--any-age", file)
	assert.Equal(t, 0, o.code, o.stdout)
	// Terminal codes in a message stay out of the terminal.
	o = eidasCmd(t, "seal", "verify", "--profile", "ing-cavage", changed(t, file, "date:", "\x1b[2Kdate:"))
	assert.NotContains(t, o.stdout+o.stderr, "\x1b")
}

func foreign(t *testing.T, w *eidastest.World) string {
	t.Helper()
	l, err := w.QTSP("DE").IssueQSealC("PSDLT-BL-LB000468", eidas.RolePI)
	require.NoError(t, err)
	return tempFile(t, l.Certificate.Raw)
}

// changed is a copy of a file with one text replaced by another.
func changed(t *testing.T, file, from, to string) string {
	t.Helper()
	text, err := os.ReadFile(file)
	require.NoError(t, err)
	return tempFile(t, strings.Replace(string(text), from, to, 1))
}

// Every profile judges what it has sealed itself, by the lists too.
func TestSealOfEveryProfileByTheLists(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	folder := t.TempDir()
	require.NoError(t, w.WriteFolder(folder))
	r := eidastest.QSealC("PSDLT-BL-LB000468", eidas.RolePI)
	r.KeyType = eidastest.RSA2048
	l := w.Issue("LT", r)
	der, err := x509.MarshalPKCS8PrivateKey(l.Key)
	require.NoError(t, err)
	key := tempFile(t, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
	certificate := tempFile(t, l.Certificate.Raw)
	message := tempFile(t, strings.Replace(unsealed, `{"amount"`, `{"requestHeader":{"requestId":"99391c7e"},"amount"`, 1))
	for _, p := range qseal.Profiles() {
		t.Run(p.Name(), func(t *testing.T) {
			keyID := "k1"
			if p.Name() == "stet-1.6" {
				keyID = fmt.Sprintf("https://tpp.example/seal_%x", sha256.Sum256(l.Certificate.Raw))
			}
			signed := eidasCmd(t, "seal", "sign", "--profile", p.Name(), "--key", key, "--certificate", certificate, "--key-id", keyID, message)
			if signed.code != 0 {
				signed = eidasCmd(t, "seal", "sign", "--profile", p.Name(), "--key", key, "--certificate", certificate, message)
			}
			require.Equal(t, 0, signed.code, signed.stderr)
			o := eidasCmd(t, "seal", "verify", "--json", "--profile", p.Name(), "--world", folder, "--revocation", "off",
				"--certificate", certificate, tempFile(t, signed.stdout))
			assert.Equal(t, 0, o.code, o.stdout+o.stderr)
		})
	}
}

// A message that brings the leaf alone, of a QTSP whose root is listed, takes the
// CA in between from a file; the refusal without it says so.
func TestIntermediateThatTheMessageDoesNotBring(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	q, err := w.AddQTSP(eidastest.QTSPOptions{Name: "Root listed", Territory: "LT", ListRoot: true})
	require.NoError(t, err)
	folder := t.TempDir()
	require.NoError(t, w.WriteFolder(folder))
	intermediate := tempFile(t, q.Issuing.Certificate.Raw)
	other := tempFile(t, w.QTSP("DE").Issuing.Certificate.Raw)

	sealer, err := q.IssueQSealC("PSDLT-BL-LB000468", eidas.RolePI)
	require.NoError(t, err)
	message, _ := sealedFile(t, sealer, "berlin-group-1.3")
	request := eidastest.QWAC(tppID, eidas.RolePI)
	request.ExtKeyUsage, request.Policies = []string{"0.4.0.194115.1.0"}, []string{"0.4.0.194112.1.6"}
	server, err := q.Issue(request)
	require.NoError(t, err)
	server.Chain = server.Chain[:1]
	binding, certificate := tempFile(t, signBinding(t, server)), tempFile(t, server.Certificate.Raw)

	for name, command := range map[string][]string{
		"seal":    {"seal", "verify", "--profile", "berlin-group-1.3", message},
		"binding": {"binding", "verify", "--tls", certificate, binding},
	} {
		t.Run(name, func(t *testing.T) {
			const hint = "\n  Hint: if a CA above it is listed, an intermediate certificate may be missing: --intermediate FILE\n"
			world := append(command[:len(command):len(command)], "--world", folder, "--revocation", "off", "--at", w.Now().UTC().Format(time.RFC3339))
			o := eidasCmd(t, world...)
			assert.Equal(t, 1, o.code, o.stdout+o.stderr)
			assert.Contains(t, o.stdout, "issuer")
			assert.Contains(t, o.stdout, hint)

			o = eidasCmd(t, append(world, "--intermediate", intermediate)...)
			assert.Equal(t, 0, o.code, o.stdout+o.stderr)
			assert.NotContains(t, o.stdout, "Hint")
			o = eidasCmd(t, append(world, "--intermediate", other, "--intermediate", intermediate)...)
			assert.Equal(t, 0, o.code, o.stdout+o.stderr)

			o = eidasCmd(t, append(world, "--intermediate", other)...)
			assert.Equal(t, 1, o.code, "of another CA")
			assert.NotContains(t, o.stdout, "Hint")

			o = eidasCmd(t, append(command[:len(command):len(command)], "--intermediate", intermediate)...)
			assert.Equal(t, 2, o.code, "of no use without lists")
			assert.Contains(t, o.stderr, "--intermediate needs --world")
			o = eidasCmd(t, append(world, "--intermediate", tempFile(t, "x"))...)
			assert.Equal(t, 2, o.code)
		})
	}
}

// A profile whose seals name no certificate by themselves needs a name, and the
// help says which ones those are. The twin: with a name, it seals.
func TestSealSignNeedsAKeyID(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	r := eidastest.QSealC("PSDLT-BL-LB000468", eidas.RolePI)
	r.KeyType = eidastest.RSA2048
	rsa, ec := w.Issue("LT", r), w.Issue("LT", eidastest.QSealC("PSDLT-BL-LB000468", eidas.RolePI))
	sign := func(l *eidastest.Leaf, args ...string) outcome {
		der, err := x509.MarshalPKCS8PrivateKey(l.Key)
		require.NoError(t, err)
		key := tempFile(t, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
		return eidasCmd(t, append([]string{"seal", "sign", "--key", key, "--certificate", tempFile(t, l.Certificate.Raw), tempFile(t, unsealed)}, args...)...)
	}
	for _, profile := range []string{"rfc9421", "obie-3.1.3", "obie-3.1.4", "stet-1.6"} {
		o := sign(rsa, "--profile", profile)
		assert.Equal(t, 2, o.code, profile)
		assert.Contains(t, o.stderr, "--key-id is required for --profile "+profile)
		assert.Contains(t, eidasCmd(t, "seal", "sign", "--help").stdout, profile)
	}
	assert.Equal(t, 0, sign(rsa, "--profile", "rfc9421", "--key-id", "k1").code)
	assert.Equal(t, 0, sign(ec, "--profile", "berlin-group-1.3").code)
	o := sign(ec, "--profile", "obie-3.1.4", "--key-id", "k1")
	assert.Equal(t, 2, o.code)
	assert.Contains(t, o.stderr, "it takes RSA")
	assert.Contains(t, eidasCmd(t, "seal", "sign", "--help").stdout, "required for stet-1.6, obie-3.1.3, obie-3.1.4, rfc9421")
}

// What editors do to a body is told apart from a body that was changed.
func TestSealVerifyHintsAtLineBreaks(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	l, err := w.QTSP("LT").IssueQSealC("PSDLT-BL-LB000468", eidas.RolePI)
	require.NoError(t, err)
	for name, row := range map[string]struct{ sealed, got, says string }{
		"as it was":                  {"{1}", "{1}", ""},
		"a line break at the end":    {"{1}", "{1}\n", "without the line break at its end"},
		"CRLF at the end":            {"{1}", "{1}\r\n", "without the line break at its end"},
		"CRLF for LF":                {"{\n1}", "{\r\n1}", "with LF for CRLF"},
		"LF for CRLF":                {"{\r\n1}", "{\n1}", "with CRLF for LF"},
		"CRLF and one at the end":    {"{\n1}", "{\r\n1}\r\n", "with LF for CRLF, and without"},
		"LF and one at the end":      {"{\r\n1}", "{\n1}\n", "with CRLF for LF, and without"},
		"changed":                    {"{1}", "{2}\n", "none"},
		"two line breaks at the end": {"{1}", "{1}\n\n", "none"},
	} {
		t.Run(name, func(t *testing.T) {
			for _, profile := range []string{"berlin-group-1.3", "jades-http"} {
				der, err := x509.MarshalPKCS8PrivateKey(l.Key)
				require.NoError(t, err)
				signed := eidasCmd(t, "seal", "sign", "--profile", profile, "--certificate", tempFile(t, l.Certificate.Raw),
					"--key", tempFile(t, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der})),
					"--body", tempFile(t, row.sealed), tempFile(t, unsealed))
				require.Equal(t, 0, signed.code, signed.stderr)
				o := eidasCmd(t, "seal", "verify", "--profile", profile, "--body", tempFile(t, row.got), tempFile(t, signed.stdout))
				switch row.says {
				case "":
					assert.Equal(t, 0, o.code, o.stdout)
				case "none":
					assert.Equal(t, 1, o.code)
					assert.NotContains(t, o.stdout, "Hint")
				default:
					assert.Equal(t, 1, o.code)
					assert.Contains(t, o.stdout, "Hint: the seal fits the body "+row.says)
				}
			}
		})
	}
}

func TestSealVerifyOfWhatIsNoMessage(t *testing.T) {
	const like = "no HTTP message in it: the first line must be like 'POST /path HTTP/1.1'"
	for name, row := range map[string]struct{ in, says string }{
		"empty":           {"", like},
		"a body alone":    {"{\n  \"amount\": 1\n}\n", like},
		"byte order mark": {"\ufeff" + unsealed, "byte order mark"},
	} {
		t.Run(name, func(t *testing.T) {
			o := eidasCmd(t, "seal", "verify", "--json", "--profile", "berlin-group-1.3", tempFile(t, row.in))
			assert.Equal(t, 2, o.code)
			assert.Contains(t, o.stderr, row.says)
			got := document[struct{ Error, Reason string }](t, o)
			assert.Equal(t, "input", got.Reason)
			assert.Contains(t, got.Error, row.says)
		})
	}
	o := eidasCmd(t, "seal", "verify", "--json", tempFile(t, ""))
	assert.Empty(t, o.stdout, "a usage error is told on standard error alone")
}
