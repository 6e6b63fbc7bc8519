package revocation_test

import (
	"bytes"
	"crypto/x509"
	"encoding/base64"
	"encoding/csv"
	"encoding/json"
	"encoding/pem"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/internal/realdata"
	"github.com/seed-b953571c/eidas/revocation"
)

// dataDir is the folder of the shared test data on revocation.
func dataDir(tb testing.TB) string {
	tb.Helper()
	return realdata.Path(tb, "revocation")
}

func read(tb testing.TB, path ...string) []byte {
	tb.Helper()
	b, err := os.ReadFile(filepath.Join(path...))
	require.NoError(tb, err)
	return b
}

// certificates reads a file with one DER or any number of PEM certificates.
func certificates(tb testing.TB, path ...string) []*x509.Certificate {
	tb.Helper()
	raw := read(tb, path...)
	var ders [][]byte
	for block, rest := pem.Decode(raw); block != nil; block, rest = pem.Decode(rest) {
		ders = append(ders, block.Bytes)
	}
	if ders == nil {
		ders = [][]byte{raw}
	}
	var list []*x509.Certificate
	for _, der := range ders {
		c, err := x509.ParseCertificate(der)
		require.NoError(tb, err, path)
		list = append(list, c)
	}
	return list
}

// certificate reads a file with one DER or PEM certificate.
func certificate(tb testing.TB, path ...string) *x509.Certificate {
	tb.Helper()
	list := certificates(tb, path...)
	require.Len(tb, list, 1)
	return list[0]
}

// TestCorpora runs every manifest that is there; one may be absent, all may not.
func TestCorpora(t *testing.T) {
	dir := dataDir(t)
	total := 0
	for name, run := range map[string]func(*testing.T, string) int{
		"openssl-ocsp/cases.csv":  runOpenSSL,
		"ocsp-mutants/cases.json": runMutants,
		"rfc9919/request.der":     runRFC9919,
		"pkits/cases.json":        runPKITS,
	} {
		if _, err := os.Stat(filepath.Join(dir, name)); errors.Is(err, fs.ErrNotExist) {
			t.Logf("%s: absent", name)
			continue
		}
		t.Run(filepath.Dir(name), func(t *testing.T) {
			n := run(t, filepath.Join(dir, filepath.Dir(name)))
			require.Positive(t, n, "no case met")
			t.Logf("%s: %d cases", name, n)
			total += n
		})
	}
	require.Positive(t, total, "no case met")
}

// runOpenSSL judges OpenSSL's test/recipes/80-test_ocsp.t. Each row is a call
//
//	openssl ocsp -respin RESPONSE -partial_chain -attime 1355875200
//	        -CAfile TRUSTED (-verify_other|-issuer) UNTRUSTED [-no_cert_checks]
//
// TRUSTED is an anchor whatever its own signature is worth (-partial_chain).
// UNTRUSTED holds only hints under either option: a certificate of it counts as
// an issuer if it chains to TRUSTED. -no_cert_checks asks for less checking than there is a way
// to ask for here. The call verifies the response alone; here it is also a
// question about the certificate that the response was made for, the file
// ID_Cert_*.pem.
func runOpenSSL(t *testing.T, dir string) int {
	t.Helper()
	rows, err := csv.NewReader(bytes.NewReader(read(t, dir, "cases.csv"))).ReadAll()
	require.NoError(t, err)
	at := time.Unix(1355875200, 0)
	policy := revocation.OCSPPolicy{AllowSHA1: true, AllowAnyAge: true}
	column := make(map[string]int)
	for i, name := range rows[0] {
		column[name] = i
	}
	for _, name := range []string{"group", "title", "response", "trusted", "untrusted", "accept"} {
		require.Contains(t, column, name)
	}
	for _, row := range rows[1:] {
		of := func(name string) string { return row[column[name]] }
		t.Run(of("group")+"/"+of("title")+"/"+of("trusted"), func(t *testing.T) {
			require.Contains(t, []string{"yes", "no"}, of("accept"))
			raw := openSSLResponse(t, dir, of("response"))
			issuers := certificates(t, dir, of("trusted"))
			if of("untrusted") != "" {
				issuers = prove(issuers, certificates(t, dir, of("untrusted")), at)
			}
			good := false
			for _, issuer := range issuers {
				target := revocation.Target{Certificate: openSSLSubject(t, dir, of("response")), Issuer: issuer}
				a, err := revocation.VerifyOCSP(raw, target, at, policy)
				t.Logf("issuer %q: %v %v", issuer.Subject, a.Status, err)
				good = good || err == nil && a.Status == eidas.StatusGood
				if err == nil {
					compare(t, raw, target, a)
				}
			}
			assert.Equal(t, of("accept") == "yes", good)
		})
	}
	return len(rows) - 1
}

func openSSLResponse(t *testing.T, dir, name string) []byte {
	t.Helper()
	raw, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(string(read(t, dir, name))), ""))
	require.NoError(t, err)
	return raw
}

// openSSLSubject is the certificate that a response is about.
func openSSLSubject(t *testing.T, dir, response string) *x509.Certificate {
	t.Helper()
	id := strings.TrimSuffix(response[strings.LastIndex(response, "_")+1:], ".ors")
	subject, err := filepath.Glob(filepath.Join(dir, id+"_Cert_*.pem"))
	require.NoError(t, err)
	require.Len(t, subject, 1)
	return certificates(t, subject[0])[0]
}

// prove adds to trusted the hints that chain to it.
func prove(trusted, hints []*x509.Certificate, at time.Time) []*x509.Certificate {
	for again := true; again; {
		again = false
		for _, hint := range hints {
			if slices.ContainsFunc(trusted, hint.Equal) {
				continue
			}
			issued := func(ca *x509.Certificate) bool { return issuedBy(hint, ca, at) }
			if hint.IsCA && slices.ContainsFunc(trusted, issued) {
				trusted, again = append(trusted, hint), true
			}
		}
	}
	return trusted
}

func issuedBy(c, ca *x509.Certificate, at time.Time) bool {
	return bytes.Equal(c.RawIssuer, ca.RawSubject) && !at.Before(c.NotBefore) && !at.After(c.NotAfter) &&
		ca.CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature) == nil
}

// runMutants judges responses that each break one rule, as the defaults do.
func runMutants(t *testing.T, dir string) int {
	t.Helper()
	var cases []struct{ N, Name, Rule, Want string }
	require.NoError(t, json.Unmarshal(read(t, dir, "cases.json"), &cases))
	at := time.Date(2026, 11, 22, 5, 15, 37, 0, time.UTC)
	for _, c := range cases {
		t.Run(c.N+" "+c.Name, func(t *testing.T) {
			target := revocation.Target{
				Certificate: certificate(t, dir, c.N+".leaf.der"),
				Issuer:      certificate(t, dir, c.N+".issuer.der"),
			}
			raw := read(t, dir, c.N+".ors.der")
			a, err := revocation.VerifyOCSP(raw, target, at, revocation.OCSPPolicy{})
			t.Logf("%v %v", a.Status, err)
			assert.Equal(t, strings.ToLower(c.Want), a.Status.String())
			assert.Equal(t, c.Want == "UNKNOWN", err != nil)
			if err != nil {
				assert.NotZero(t, revocation.RuleOf(err), "the refusal names its rule")
				return
			}
			compare(t, raw, target, a)
		})
	}
	return len(cases)
}

// runRFC9919 judges the worked example of RFC 9919, appendix B.
func runRFC9919(t *testing.T, dir string) int {
	t.Helper()
	target := revocation.Target{
		Certificate: certificate(t, dir, "ee.pem"),
		Issuer:      certificate(t, dir, "ca.pem"),
	}
	req, err := revocation.NewRequest(target, nil)
	require.NoError(t, err)
	assert.Equal(t, read(t, dir, "request.der"), req)
	// Its producedAt is a day before its thisUpdate: rule P8 must not mind.
	at := time.Date(2024, 4, 4, 12, 0, 0, 0, time.UTC)
	raw := read(t, dir, "response.der")
	a, err := revocation.VerifyOCSP(raw, target, at, revocation.OCSPPolicy{})
	require.NoError(t, err)
	compare(t, raw, target, a)
	assert.Equal(t, eidas.StatusGood, a.Status)
	assert.True(t, a.ProducedAt.Before(a.ThisUpdate))
	return 1
}
