package main_test

import (
	"crypto/x509"
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas/internal/realdata"
)

// revoked is the JSON of "revocation ocsp" and "revocation crl".
type revoked struct {
	Status             string  `json:"status"`
	Reason             string  `json:"reason"`
	Rule               string  `json:"rule"`
	Detail             string  `json:"detail"`
	ThisUpdate         *string `json:"this_update"`
	NextUpdate         *string `json:"next_update"`
	RevokedAt          *string `json:"revoked_at"`
	RevocationReason   string  `json:"revocation_reason"`
	Responder          string  `json:"responder"`
	ResponderUnchecked bool    `json:"responder_unchecked"`
	Serial             string  `json:"serial"`
}

// revocationOf runs a command and holds what is true of every verdict.
func revocationOf(t *testing.T, args ...string) revoked {
	t.Helper()
	o := eidasCmd(t, append([]string{"revocation"}, append(args, "--json")...)...)
	require.Contains(t, []int{0, 1}, o.code, o.stderr)
	assert.Empty(t, o.stderr)
	v := document[revoked](t, o)
	require.Contains(t, []string{"good", "revoked", "unknown", "not_owed"}, v.Status)
	assert.Equal(t, v.Status == "good" || v.Status == "not_owed", o.code == 0)
	assert.Equal(t, v.Status == "good" || v.Status == "not_owed", v.Reason == "")
	assert.Equal(t, v.Status == "revoked", v.RevokedAt != nil)
	assert.Equal(t, v.Status == "unknown", v.Detail != "")
	answered := v.Status == "good" || v.Status == "revoked"
	assert.Equal(t, answered, v.ThisUpdate != nil)
	assert.Equal(t, answered, v.Responder != "")
	return v
}

// openSSLSubject is the certificate that a response of the suite is about.
func openSSLSubject(t *testing.T, dir, response string) string {
	t.Helper()
	id := strings.TrimSuffix(response[strings.LastIndex(response, "_")+1:], ".ors")
	found, err := filepath.Glob(filepath.Join(dir, id+"_Cert_*.pem"))
	require.NoError(t, err)
	require.Len(t, found, 1)
	return found[0]
}

// A row of the suite is "openssl ocsp -CAfile TRUSTED -partial_chain": the issuer
// is TRUSTED itself, or one of UNTRUSTED that leads to it.
func TestRevocationOpenSSL(t *testing.T) {
	rows := manifest(t, "revocation", "openssl-ocsp", "cases.csv")
	dir := realdata.Path(t, "revocation", "openssl-ocsp")
	for _, row := range rows {
		t.Run(row["group"]+"/"+row["title"]+"/"+row["trusted"], func(t *testing.T) {
			require.Contains(t, []string{"yes", "no"}, row["accept"])
			args := []string{
				"ocsp", "--response", filepath.Join(dir, row["response"]),
				"--certificate", openSSLSubject(t, dir, row["response"]), "--issuer", filepath.Join(dir, row["trusted"]),
				"--at", "1355875200", "--allow-sha1", "--max-age", "none",
			}
			ways := [][]string{{}}
			if row["untrusted"] != "" {
				hint := filepath.Join(dir, row["untrusted"])
				ways = [][]string{{"--issuer", hint}, {"--issuer", hint, "--anchor", filepath.Join(dir, row["trusted"])}, {"--responder", hint}}
			}
			for _, way := range ways {
				v := revocationOf(t, append(args, way...)...)
				assert.Equal(t, row["accept"] == "yes", v.Status == "good", "%s %v", v.Detail, way)
			}
		})
	}
	t.Logf("openssl-ocsp: %d cases", len(rows))
}

func TestRevocationMutants(t *testing.T) {
	var cases []struct{ N, Name, Want string }
	require.NoError(t, json.Unmarshal(realdata.Read(t, "revocation", "ocsp-mutants", "cases.json"), &cases))
	require.NotEmpty(t, cases)
	dir := realdata.Path(t, "revocation", "ocsp-mutants")
	for _, c := range cases {
		t.Run(c.N+" "+c.Name, func(t *testing.T) {
			file := func(what string) string { return filepath.Join(dir, c.N+"."+what+".der") }
			v := revocationOf(t, "ocsp", "--response", file("ors"), "--certificate", file("leaf"), "--issuer", file("issuer"),
				"--at", "2026-11-22T05:15:37Z")
			assert.Equal(t, strings.ToLower(c.Want), v.Status, v.Detail)
			assert.Equal(t, c.Want == "UNKNOWN", v.Rule != "", "a refusal names its rule")
		})
	}
	t.Logf("ocsp-mutants: %d cases", len(cases))
}

func TestRevocationRFC9919(t *testing.T) {
	dir := realdata.Path(t, "revocation", "rfc9919")
	args := []string{
		"ocsp", "--response", filepath.Join(dir, "response.der"), "--certificate", filepath.Join(dir, "ee.pem"),
		"--issuer", filepath.Join(dir, "ca.pem"), "--at",
	}
	v := revocationOf(t, append(args, "2024-04-04T12:00:00Z")...)
	assert.Equal(t, "good", v.Status, v.Detail)
	v = revocationOf(t, append(args, "2024-06-04T12:00:00Z")...)
	assert.Equal(t, "unknown", v.Status)
	assert.Equal(t, "P8", v.Rule)
}

type pkitsCase struct {
	Num, Title  string
	Certs, CRLs []string
	Valid       bool
}

// TestRevocationPKITS runs the command for every certificate of the path of each
// case, with all its CRLs and, as hints, all its certificates. A case is valid
// when all of the path is good.
func TestRevocationPKITS(t *testing.T) {
	var cases []pkitsCase
	require.NoError(t, json.Unmarshal(realdata.Read(t, "revocation", "pkits", "cases.json"), &cases))
	dir := realdata.Path(t, "revocation", "pkits")
	n, outOfReach := 0, 0
	for _, c := range cases {
		if !slices.ContainsFunc([]string{"4.4.", "4.14.", "4.15."}, func(s string) bool { return strings.HasPrefix(c.Num, s) }) {
			continue
		}
		n++
		t.Run(c.Num+" "+c.Title, func(t *testing.T) {
			valid, unreadable := c.run(t, dir)
			if c.Valid && unreadable {
				outOfReach++
				t.Logf("out of reach: crypto/x509 cannot read a certificate")
				assert.False(t, valid)
				return
			}
			assert.Equal(t, c.Valid, valid)
		})
	}
	require.Positive(t, n, "the manifest has no case")
	t.Logf("pkits: %d cases, %d of them out of reach of crypto/x509", n, outOfReach)
	assert.LessOrEqual(t, outOfReach*22, n, "at least 63 of 66 must be right")
}

func (c *pkitsCase) run(t *testing.T, dir string) (valid, unreadable bool) {
	t.Helper()
	cert := func(i int) string { return filepath.Join(dir, "certs", c.Certs[i]+".crt") }
	args := []string{"crl", "--at", "2026-11-22T05:15:37Z", "--anchor", cert(0), "--crl"}
	for _, name := range c.CRLs {
		args = append(args, filepath.Join(dir, "crls", name+".crl"))
	}
	at := len(c.Certs) - 1
	for at != 0 {
		issuer := c.issuer(t, cert, at)
		if issuer < 0 {
			v := revocationOf(t, append(args, "--certificate", cert(at), "--issuer", cert(0))...)
			return v.Status == "good", v.Reason == "certificate_malformed"
		}
		ask := append(slices.Clone(args), "--certificate", cert(at), "--issuer", cert(issuer))
		for hint := range c.Certs {
			if hint != at && hint != issuer {
				ask = append(ask, "--issuer", cert(hint))
			}
		}
		if v := revocationOf(t, ask...); v.Status != "good" {
			t.Logf("%s: %s %s %s", c.Certs[at], v.Status, v.Rule, v.Detail)
			return false, v.Reason == "certificate_malformed"
		}
		at = issuer
	}
	return true, false
}

// issuer finds who issued a certificate, -1 when nobody did or it cannot be read.
func (c *pkitsCase) issuer(t *testing.T, file func(int) string, of int) int {
	t.Helper()
	parse := func(i int) *x509.Certificate {
		der, err := os.ReadFile(file(i))
		require.NoError(t, err)
		cert, err := x509.ParseCertificate(der)
		if err != nil {
			return nil
		}
		return cert
	}
	cert := parse(of)
	for i := range c.Certs {
		if ca := parse(i); i != of && ca != nil && cert != nil && ca.IsCA && cert.CheckSignatureFrom(ca) == nil {
			return i
		}
	}
	return -1
}
