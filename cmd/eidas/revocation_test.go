package main_test

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"encoding/base64"
	"encoding/pem"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ocsp"

	"github.com/seed-b953571c/eidas"
	main "github.com/seed-b953571c/eidas/cmd/eidas"
	"github.com/seed-b953571c/eidas/eidastest"
)

// ocspAnswer asks the responder of a minted world about a leaf.
func ocspAnswer(tb testing.TB, l *eidastest.Leaf) []byte {
	tb.Helper()
	der, err := ocsp.CreateRequest(l.Certificate, l.Chain[1], &ocsp.RequestOptions{Hash: crypto.SHA256})
	require.NoError(tb, err)
	req, err := http.NewRequestWithContext(tb.Context(), http.MethodPost, l.Certificate.OCSPServer[0], bytes.NewReader(der))
	require.NoError(tb, err)
	resp, err := http.DefaultClient.Do(req)
	require.NoError(tb, err)
	defer func() { _ = resp.Body.Close() }()
	answer, err := io.ReadAll(resp.Body)
	require.NoError(tb, err)
	return answer
}

func crlOf(tb testing.TB, d *eidastest.DistributionPoint) []byte {
	tb.Helper()
	der, err := d.CRL()
	require.NoError(tb, err)
	return der
}

func pemBlock(kind string, der []byte) string {
	return "some text around it\n" + string(pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}))
}

// asked holds the files of a question about the leaf of a minted world.
type asked struct {
	minted
	cert, issuer string
}

func newAsked(t *testing.T) asked {
	t.Helper()
	m := mint(t)
	return asked{m, tempFile(t, m.leaf.Certificate.Raw), tempFile(t, m.leaf.Chain[1].Raw)}
}

func (a asked) ocsp(t *testing.T, more ...string) []string {
	t.Helper()
	return append([]string{"ocsp", "--response", tempFile(t, ocspAnswer(t, a.leaf)), "--certificate", a.cert, "--issuer", a.issuer, "--at", noon}, more...)
}

func (a asked) crl(t *testing.T) []string {
	t.Helper()
	list := tempFile(t, crlOf(t, a.QTSP("LT").CRL))
	return []string{"crl", "--crl", list, "--certificate", a.cert, "--issuer", a.issuer, "--at", noon}
}

func TestRevocationGoodAndRevoked(t *testing.T) {
	a := newAsked(t)
	v := revocationOf(t, a.ocsp(t)...)
	assert.Equal(t, "good", v.Status, v.Detail)
	assert.Contains(t, v.Responder, "OCSP responder")
	assert.Equal(t, "2026-11-22T11:59:00Z", *v.ThisUpdate)
	assert.Equal(t, "2026-11-23T00:00:00Z", *v.NextUpdate)
	v = revocationOf(t, a.crl(t)...)
	assert.Equal(t, "good", v.Status, v.Detail)
	assert.Contains(t, v.Responder, "Issuing CA")

	a.QTSP("LT").Revoke(a.leaf, 1)
	for _, args := range [][]string{a.ocsp(t), a.crl(t)} {
		v := revocationOf(t, args...)
		assert.Equal(t, "revoked", v.Status, v.Detail)
		assert.Equal(t, "revoked", v.Reason)
		assert.Equal(t, "keyCompromise", v.RevocationReason)
		assert.Equal(t, noon, *v.RevokedAt)
	}
}

func TestRevocationTakesEveryFormOfInput(t *testing.T) {
	a := newAsked(t)
	answer, list := ocspAnswer(t, a.leaf), crlOf(t, a.QTSP("LT").CRL)
	delta, err := a.QTSP("LT").AddPoint(eidastest.PointOptions{DeltaOf: a.QTSP("LT").CRL})
	require.NoError(t, err)
	base64Of := base64.StdEncoding.EncodeToString
	pemCert := tempFile(t, pemOfCertificates(a.leaf.Certificate))
	pemIssuer := tempFile(t, pemOfCertificates(a.leaf.Chain[1]))
	for name, content := range map[string]string{
		"DER": string(answer), "PEM": pemBlock("OCSP RESPONSE", answer), "base64": base64Of(answer), "base64 in lines": base64Of(answer)[:64] + "\r\n" + base64Of(answer)[64:] + "\n",
	} {
		t.Run("response, "+name, func(t *testing.T) {
			v := revocationOf(t, "ocsp", "--response", tempFile(t, content), "--certificate", pemCert, "--issuer", pemIssuer, "--at", noon)
			assert.Equal(t, "good", v.Status, v.Detail)
		})
	}
	for name, content := range map[string]string{
		"DER": string(list), "PEM": pemBlock("X509 CRL", list), "base64": base64Of(list), "two in PEM": pemBlock("X509 CRL", crlOf(t, delta)) + pemBlock("X509 CRL", list),
	} {
		t.Run("CRL, "+name, func(t *testing.T) {
			v := revocationOf(t, "crl", "--crl", tempFile(t, content), "--certificate", pemCert, "--issuer", pemIssuer, "--at", noon)
			assert.Equal(t, "good", v.Status, v.Detail)
		})
	}
	o := eidasOn(t, string(answer), "revocation", "ocsp", "--json", "--response", "-", "--certificate", a.cert, "--issuer", a.issuer, "--at", noon)
	assert.Equal(t, 0, o.code, o.stdout+o.stderr)
}

func TestRevocationTakesSeveralCRLs(t *testing.T) {
	a := newAsked(t)
	q := a.QTSP("LT")
	base := tempFile(t, crlOf(t, q.CRL))
	deltaPoint, err := q.AddPoint(eidastest.PointOptions{DeltaOf: q.CRL})
	require.NoError(t, err)
	q.Revoke(a.leaf, 4)
	delta := tempFile(t, crlOf(t, deltaPoint))
	other := tempFile(t, crlOf(t, a.QTSP("DE").CRL))
	rest := []string{"--certificate", a.cert, "--issuer", a.issuer, "--at", noon}
	for name, tc := range map[string]struct {
		args   []string
		status string
	}{
		"the base alone":         {[]string{"--crl", base}, "good"},
		"the delta alone":        {[]string{"--crl", delta}, "unknown"},
		"repeated":               {[]string{"--crl", base, "--crl", delta}, "revoked"},
		"one after the other":    {[]string{"--crl", base, delta, other}, "revoked"},
		"both":                   {[]string{"--crl", other, base, "--crl", delta}, "revoked"},
		"of another issuer":      {[]string{"--crl", other}, "unknown"},
		"one that is no CRL too": {[]string{"--crl", base, a.cert}, "good"},
		"one that is no CRL":     {[]string{"--crl", a.cert}, "unknown"},
	} {
		t.Run(name, func(t *testing.T) {
			v := revocationOf(t, append(append([]string{"crl"}, tc.args...), rest...)...)
			assert.Equal(t, tc.status, v.Status, v.Detail)
		})
	}
	v := revocationOf(t, append([]string{"crl", "--crl", a.cert, "--crl", other}, rest...)...)
	assert.Equal(t, "C11", v.Rule, "that one could not be read comes before that the other is another's")
}

func TestRevocationFindsTheIssuer(t *testing.T) {
	a := newAsked(t)
	root := tempFile(t, a.QTSP("LT").Root.Certificate.Raw)
	foreign := tempFile(t, a.QTSP("DE").Root.Certificate.Raw)
	impostor := tempFile(t, a.Impostor("LT").Issuing.Certificate.Raw)
	chain := tempFile(t, pemOf(a.leaf))
	bundle := tempFile(t, pemOfCertificates(a.QTSP("LT").Root.Certificate, a.leaf.Chain[1]))
	backwards := tempFile(t, pemOfCertificates(a.QTSP("DE").Root.Certificate, a.leaf.Chain[1]))
	impostorRoot := tempFile(t, a.Impostor("LT").Root.Certificate.Raw)
	renamed := tempFile(t, sameKeyOtherName(t, a.QTSP("LT").Root))
	response := tempFile(t, ocspAnswer(t, a.leaf))
	for name, tc := range map[string]struct {
		args           []string
		status, reason string
	}{
		"the issuer":                      {[]string{"--certificate", a.cert, "--issuer", a.issuer}, "good", ""},
		"below the anchor":                {[]string{"--certificate", a.cert, "--issuer", a.issuer, "--anchor", root}, "good", ""},
		"anchor of another":               {[]string{"--certificate", a.cert, "--issuer", a.issuer, "--anchor", foreign}, "unknown", "issuer_unknown"},
		"anchor of the name, not the key": {[]string{"--certificate", a.cert, "--issuer", a.issuer, "--anchor", impostorRoot}, "unknown", "issuer_unknown"},
		"anchor of the key, not the name": {[]string{"--certificate", a.cert, "--issuer", a.issuer, "--anchor", renamed}, "unknown", "issuer_unknown"},
		"two anchors":                     {[]string{"--certificate", a.cert, "--issuer", a.issuer, "--anchor", foreign, "--anchor", root}, "good", ""},
		"a chain below the root":          {[]string{"--certificate", chain, "--issuer", root}, "good", ""},
		"a chain below another root":      {[]string{"--certificate", chain, "--issuer", foreign}, "unknown", "issuer_unknown"},
		"bundle, root first":              {[]string{"--certificate", a.cert, "--issuer", bundle}, "good", ""},
		"bundle, not below the first":     {[]string{"--certificate", a.cert, "--issuer", backwards}, "unknown", "issuer_unknown"},
		"the root did not issue it":       {[]string{"--certificate", a.cert, "--issuer", root}, "unknown", "issuer_unknown"},
		"an issuer of the name, not key":  {[]string{"--certificate", a.cert, "--issuer", impostor}, "unknown", "signature_invalid"},
		"the impostor first, anchor good": {[]string{"--certificate", a.cert, "--issuer", impostor, "--issuer", a.issuer, "--anchor", root}, "good", ""},
	} {
		t.Run(name, func(t *testing.T) {
			v := revocationOf(t, append([]string{"ocsp", "--response", response, "--at", noon}, tc.args...)...)
			assert.Equal(t, tc.status, v.Status, v.Detail)
			assert.Equal(t, tc.reason, v.Reason)
			assert.Equal(t, tc.reason != "", v.Rule == "Q3")
		})
	}
}

// sameKeyOtherName is a CA with the key of another one.
func sameKeyOtherName(t *testing.T, ca *eidastest.Authority) []byte {
	t.Helper()
	tmpl := *ca.Certificate
	tmpl.RawSubject, tmpl.Subject = nil, pkix.Name{CommonName: "Somebody else"}
	der, err := x509.CreateCertificate(rand.Reader, &tmpl, &tmpl, ca.Key.Public(), ca.Key)
	require.NoError(t, err)
	return der
}

// An attacker who holds a certificate of the CA issues one with it, and names
// himself as its issuer.
func TestRevocationIssuerMustBeACA(t *testing.T) {
	a := newAsked(t)
	q := a.QTSP("LT")
	root := tempFile(t, q.Root.Certificate.Raw)
	request := func(edit func(*eidastest.Request)) *eidastest.Leaf {
		r := eidastest.QWAC(tppID, eidas.RoleAI)
		r.CA, r.KeyUsage = true, x509.KeyUsageCertSign|x509.KeyUsageCRLSign
		edit(&r)
		return a.Issue("LT", r)
	}
	critical := pkix.Extension{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 4, 1, 32473, 9}, Critical: true, Value: []byte{5, 0}}
	for name, tc := range map[string]struct {
		edit   func(*eidastest.Request)
		at     string
		reason string
	}{
		// Its responder knows nothing of it, which comes after the path.
		"a CA":                    {func(*eidastest.Request) {}, noon, "revocation_invalid"},
		"an end entity":           {func(r *eidastest.Request) { r.CA = false }, noon, "issuer_unknown"},
		"a CA that may not issue": {func(r *eidastest.Request) { r.KeyUsage = x509.KeyUsageCRLSign }, noon, "issuer_unknown"},
		"with an unknown extension": {
			func(r *eidastest.Request) { r.Extensions = []pkix.Extension{critical} }, noon, "issuer_unknown",
		},
		"expired":     {func(*eidastest.Request) {}, "2027-11-23", "issuer_unknown"},
		"too early":   {func(*eidastest.Request) {}, "2026-11-22", "issuer_unknown"},
		"last moment": {func(*eidastest.Request) {}, "2027-11-22T10:59:59Z", "revocation_invalid"},
	} {
		t.Run(name, func(t *testing.T) {
			by := request(tc.edit)
			tmpl := &x509.Certificate{SerialNumber: a.leaf.Certificate.SerialNumber, NotBefore: by.Certificate.NotBefore, NotAfter: by.Certificate.NotAfter}
			der, err := x509.CreateCertificate(rand.Reader, tmpl, by.Certificate, a.leaf.Key.Public(), by.Key)
			require.NoError(t, err)
			chain := tempFile(t, pemBlock("CERTIFICATE", der)+pemOf(by))
			v := revocationOf(t, append(a.ocsp(t)[:3], "--certificate", chain, "--issuer", root, "--at", tc.at)...)
			assert.Equal(t, "unknown", v.Status)
			assert.Equal(t, tc.reason, v.Reason, v.Detail)
		})
	}
}

func TestRevocationOfACertificateThatCannotBeRead(t *testing.T) {
	a := newAsked(t)
	broken := tempFile(t, a.leaf.Certificate.Raw[:len(a.leaf.Certificate.Raw)-1])
	v := revocationOf(t, append(a.ocsp(t)[:3], "--certificate", broken, "--issuer", a.issuer)...)
	assert.Equal(t, "unknown", v.Status)
	assert.Equal(t, "certificate_malformed", v.Reason)
	assert.Contains(t, v.Detail, "x509: malformed certificate")
	assert.Contains(t, v.Detail, broken, "which file it is")
}

func TestRevocationNotOwed(t *testing.T) {
	a := newAsked(t)
	noRevAvail := pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 56}, Value: []byte{asn1.TagNull, 0}}
	exempt := eidastest.QWAC(tppID, eidas.RoleAI)
	exempt.Extensions, exempt.OCSP = []pkix.Extension{noRevAvail}, []string{}
	contradictory := eidastest.QWAC(tppID, eidas.RoleAI)
	contradictory.Extensions = []pkix.Extension{noRevAvail} // and the URL of a responder
	type said struct{ status, rule string }
	for name, tc := range map[string]struct {
		request   eidastest.Request
		ocsp, crl said
	}{
		"noRevAvail":                    {exempt, said{"not_owed", "B4"}, said{"not_owed", "B4"}},
		"noRevAvail beside a responder": {contradictory, said{"unknown", "B4"}, said{"unknown", "B4"}},
		// The response is about another certificate, the CRL about all of the issuer.
		"like any other": {eidastest.QWAC(tppID, eidas.RoleAI), said{"unknown", "P3"}, said{"good", ""}},
	} {
		t.Run(name, func(t *testing.T) {
			of := []string{"--certificate", tempFile(t, a.Issue("LT", tc.request).Certificate.Raw), "--issuer", a.issuer, "--at", noon}
			v := revocationOf(t, append(a.ocsp(t)[:3], of...)...)
			got := said{v.Status, v.Rule}
			assert.Equal(t, tc.ocsp, got, v.Detail)
			v = revocationOf(t, append(a.crl(t)[:3], of...)...)
			got = said{v.Status, v.Rule}
			assert.Equal(t, tc.crl, got, v.Detail)
		})
	}
}

func TestRevocationResponders(t *testing.T) {
	a := newAsked(t)
	q := a.QTSP("LT")
	listed := a.Issue("DE", eidastest.Delegate()) // of another CA: trusted by configuration alone
	q.Responder.SetDelegate(listed)
	v := revocationOf(t, a.ocsp(t)...)
	assert.Equal(t, "P4", v.Rule, v.Detail)
	v = revocationOf(t, a.ocsp(t, "--responder", tempFile(t, listed.Certificate.Raw))...)
	assert.Equal(t, "good", v.Status, v.Detail)

	plain := eidastest.Delegate()
	plain.Extensions = nil
	q.Responder.SetDelegate(a.Issue("LT", plain))
	v = revocationOf(t, a.ocsp(t)...)
	assert.Equal(t, "good", v.Status)
	assert.True(t, v.ResponderUnchecked)

	o := eidasCmd(t, append([]string{"revocation"}, a.ocsp(t, "--responder", tempFile(t, listed.Certificate.Raw[1:]))...)...)
	assert.Equal(t, 2, o.code, "a responder that is trusted is configuration")
	assert.Contains(t, o.stderr, "malformed certificate")
}

func TestRevocationAge(t *testing.T) {
	a := newAsked(t)
	q := a.QTSP("LT")
	run := func(at, age string, weak bool) revoked {
		args := a.ocsp(t)
		args[len(args)-1] = at
		if age != "" {
			args = append(args, "--max-age", age)
		}
		if weak {
			args = append(args, "--allow-sha1")
		}
		return revocationOf(t, args...)
	}
	assert.Equal(t, "good", run("2026-11-22T23:00:00Z", "", false).Status)
	assert.Equal(t, "P10", run("2026-11-22T23:00:00Z", "1h", false).Rule)
	assert.Equal(t, "P8", run("2026-11-24", "", false).Rule)
	assert.Equal(t, "good", run("2026-11-24", "none", false).Status)
	assert.Equal(t, "P8", run("2026-11-22T11:00:00Z", "none", false).Rule, "the future is no matter of age")
	q.Responder.SetLifetime(0)
	assert.Equal(t, "P9", run("2026-11-22T13:00:00Z", "", false).Rule)
	assert.Equal(t, "good", run("2026-11-22T13:00:00Z", "2h", false).Status)
	q.Responder.SetFault(eidastest.FaultWeak)
	assert.Equal(t, "P16", run(noon, "", false).Rule)
	assert.Equal(t, "good", run(noon, "", true).Status)

	q.CRL.SetLifetime(0)
	list := a.crl(t)
	list[len(list)-1] = "2026-11-24T12:00:00Z"
	assert.Equal(t, "C5", revocationOf(t, list...).Rule)
	assert.Equal(t, "good", revocationOf(t, append(list, "--max-age", "3d")...).Status)
	assert.Equal(t, "good", revocationOf(t, append(list, "--max-age", "none")...).Status)
}

func TestTimeInUnixSeconds(t *testing.T) {
	a := newAsked(t)
	at, err := time.Parse(time.RFC3339, noon)
	require.NoError(t, err)
	require.EqualValues(t, 1795348800, at.Unix())
	args := a.ocsp(t)
	want := eidasCmd(t, append([]string{"revocation", "--json"}, args...)...)
	args[len(args)-1] = "1795348800"
	assert.Equal(t, want, eidasCmd(t, append([]string{"revocation", "--json"}, args...)...))
	for _, none := range []string{"20261122", "179534880000", "-179534880", "1795348800.5"} {
		args[len(args)-1] = none
		assert.Equal(t, 2, eidasCmd(t, append([]string{"revocation"}, args...)...).code, none)
	}
}

func TestRevocationText(t *testing.T) {
	a := newAsked(t)
	run := func(args []string) outcome { return eidasCmd(t, append([]string{"revocation"}, args...)...) }
	o := run(a.ocsp(t))
	assert.Equal(t, 0, o.code)
	assert.Regexp(t, `^good\n`, o.stdout)
	assert.Contains(t, o.stdout, "As of        2026-11-22T11:59:00Z")
	a.QTSP("LT").Revoke(a.leaf, 6)
	o = run(a.crl(t))
	assert.Equal(t, 1, o.code)
	assert.Regexp(t, `^revoked  certificateHold\n`, o.stdout)
	assert.Contains(t, o.stdout, "Revoked      "+noon)
	a.QTSP("LT").Responder.SetFault(eidastest.FaultForged)
	o = run(a.ocsp(t))
	assert.Equal(t, 1, o.code)
	assert.Regexp(t, `^unknown  revocation_invalid\n`, o.stdout)
	assert.Contains(t, o.stdout, "P6, RFC 6960")
	exempt := eidastest.QWAC(tppID, eidas.RoleAI)
	exempt.Extensions, exempt.OCSP = []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 56}, Value: []byte{asn1.TagNull, 0}}}, []string{}
	o = run(append(a.crl(t)[:3], "--certificate", tempFile(t, a.Issue("LT", exempt).Certificate.Raw), "--issuer", a.issuer, "--at", noon))
	assert.Equal(t, 0, o.code)
	assert.Regexp(t, `^not owed`, o.stdout)
}

func TestRevocationUsage(t *testing.T) {
	a := newAsked(t)
	prose, bigText := tempFile(t, "hello"), tempFile(t, strings.Repeat("A", 200<<10))
	brokenPEM := tempFile(t, strings.Replace(pemBlock("X509 CRL", crlOf(t, a.QTSP("LT").CRL)), "MII", "M*I", 1))
	answer := tempFile(t, ocspAnswer(t, a.leaf))
	two := tempFile(t, pemBlock("OCSP RESPONSE", []byte{1})+pemBlock("OCSP RESPONSE", []byte{2}))
	chain := []string{"--certificate", a.cert, "--issuer", a.issuer}
	for name, tc := range map[string]struct {
		args []string
		says string
	}{
		"no response":            {append([]string{"ocsp"}, chain...), "exactly one --response"},
		"two responses":          {append([]string{"ocsp", "--response", answer, "--response", answer}, chain...), "exactly one --response"},
		"two in a file":          {append([]string{"ocsp", "--response", two}, chain...), "more than one OCSP response"},
		"operand":                {append([]string{"ocsp", "--response", answer, "x"}, chain...), `unexpected argument "x"`},
		"response is prose":      {append([]string{"ocsp", "--response", prose}, chain...), "no OCSP response in it"},
		"response is missing":    {append([]string{"ocsp", "--response", "no-such-file"}, chain...), "no such file"},
		"response is too large":  {append([]string{"ocsp", "--response", bigText}, chain...), "too large"},
		"response is a PEM cert": {append([]string{"ocsp", "--response", tempFile(t, pemOf(a.leaf))}, chain...), "no OCSP response in it"},
		"no certificate":         {[]string{"ocsp", "--response", answer, "--issuer", a.issuer}, "--certificate is missing"},
		"two certificates":       {append([]string{"ocsp", "--response", answer, "--certificate", a.cert}, chain...), "given twice"},
		"no issuer":              {[]string{"crl", "--crl", a.cert, "--certificate", a.cert}, "--issuer is missing"},
		"certificate is prose":   {[]string{"crl", "--crl", a.cert, "--certificate", prose, "--issuer", a.issuer}, "no certificate in it"},
		"no CRL":                 {append([]string{"crl"}, chain...), "--crl is missing"},
		"CRL is prose":           {append([]string{"crl", "--crl", prose}, chain...), "no CRL in it"},
		"broken PEM":             {append([]string{"crl", "--crl", brokenPEM}, chain...), "cannot be decoded"},
		"empty name":             {append([]string{"crl", "--crl", ""}, chain...), "empty name"},
		"age is none":            {append([]string{"ocsp", "--response", answer, "--max-age", "old"}, chain...), "old"},
		"age is nothing":         {append([]string{"ocsp", "--response", answer, "--max-age", "0s"}, chain...), "0s"},
		"too many certificates":  {[]string{"crl", "--crl", a.cert, "--certificate", a.cert, "--issuer", tempFile(t, strings.Repeat(pemOfCertificates(a.leaf.Chain[1]), 65))}, "more than 64"},
	} {
		t.Run(name, func(t *testing.T) {
			o := eidasCmd(t, append([]string{"revocation"}, tc.args...)...)
			assert.Equal(t, 2, o.code)
			assert.Empty(t, o.stdout)
			assert.Contains(t, o.stderr, tc.says)
		})
	}
}

// FuzzRevocationOCSP feeds any file to "revocation ocsp". Oracle: the exit code
// is one of the three, and 0 only for the response that the responder has signed,
// in whatever form.
func FuzzRevocationOCSP(f *testing.F) {
	w := eidastest.Start(f, eidastest.Options{Now: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)})
	leaf := w.QWAC("LT", tppID, eidas.RoleAI)
	honest := ocspAnswer(f, leaf)
	f.Add(honest)
	f.Add([]byte(base64.StdEncoding.EncodeToString(honest)))
	f.Add([]byte(pemBlock("OCSP RESPONSE", honest)))
	dir := f.TempDir()
	write := func(name string, c *x509.Certificate) string { return writeFile(f, dir, name, c.Raw) }
	cert, issuer := write("cert", leaf.Certificate), write("issuer", leaf.Chain[1])
	f.Fuzz(func(t *testing.T, content []byte) {
		var stdout, stderr bytes.Buffer
		args := []string{"revocation", "ocsp", "--response", "-", "--certificate", cert, "--issuer", issuer, "--at", noon}
		code := main.Run(t.Context(), args, bytes.NewReader(content), &stdout, &stderr)
		require.Contains(t, []int{0, 1, 2}, code)
		if code == 0 {
			require.True(t, holds(content, honest), "good without the signed response")
		}
	})
}

// holds reports whether a file is der in one of the forms that are read.
func holds(content, der []byte) bool {
	if bytes.Equal(content, der) {
		return true
	}
	for block, rest := pem.Decode(content); block != nil; block, rest = pem.Decode(rest) {
		if bytes.Equal(block.Bytes, der) {
			return true
		}
	}
	content = bytes.TrimPrefix(content, []byte("\ufeff"))
	got, err := base64.StdEncoding.DecodeString(strings.Join(strings.Fields(string(content)), ""))
	return err == nil && bytes.Equal(got, der) || bytes.Equal(content, der)
}
