package qseal_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/qseal"
)

const byURIHash = "http://uri.etsi.org/19182/ObjectIdByURIHash"

// bindingHeader is a header that a binding of one TLS certificate has.
func (f *forger) bindingHeader(alg string, tls *x509.Certificate) string {
	return fmt.Sprintf(`{"alg":"%s","cty":"TLS-Certificate-Binding-v1","x5t#S256":"%s","x5c":["%s"],"iat":%d,"exp":%d,`+
		`"sigD":{"mId":"%s","pars":[""],"hashM":"S256","hashV":["%s"]},"crit":["sigD"]}`,
		alg, f.thumbprint(), f.x5c(), sealTime.Unix(), sealTime.Unix()+60, byURIHash, boundDigest(tls))
}

// boundDigest is the digest of the base64url text of a certificate.
func boundDigest(c *x509.Certificate) string {
	sum := sha256.Sum256([]byte(base64.RawURLEncoding.EncodeToString(c.Raw)))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// bindingAttack changes one thing of a binding and signs again.
type bindingAttack struct {
	by       *forger // rsaForger
	alg, way string  // PS256
	old, new string
	payload  string
	token    func(string) string
	at       time.Duration
	options  qseal.BindingOptions
	tls      []*x509.Certificate
	want     qseal.Reason
	says     string       // in the error
	inside   eidas.Reason // of the certificate
}

func (a bindingAttack) run(t *testing.T) {
	t.Helper()
	if a.by == nil {
		a.by = rsaForger()
	}
	if a.alg == "" {
		a.alg = "PS256"
	}
	if a.way == "" {
		a.way = a.alg
	}
	if a.tls == nil {
		a.tls = []*x509.Certificate{p256Forger().cert}
	}
	header := swap(t, a.by.bindingHeader(a.alg, p256Forger().cert), a.old, a.new)
	token := a.by.compact(t, a.way, header, a.payload)
	if a.payload != "" {
		token = strings.Replace(token, "..", "."+a.payload+".", 1)
	}
	if a.token != nil {
		token = a.token(token)
	}
	b, err := qseal.VerifyBinding([]byte(token), a.tls, sealTime.Add(a.at), a.options)
	assert.Equal(t, a.want, qseal.ReasonOf(err), "%v", err)
	if a.says != "" {
		require.ErrorContains(t, err, a.says)
	}
	if a.inside != 0 {
		require.ErrorIs(t, err, a.inside)
	}
	if err != nil {
		assert.Nil(t, b)
		return
	}
	assert.Equal(t, a.by.cert.Raw, b.Chain[0].Raw)
	assert.Equal(t, 1, b.Bound)
}

func TestAttack42Binding(t *testing.T) {
	f, other := rsaForger(), p384Forger()
	exp, iat := fmt.Sprintf(`,"exp":%d`, sealTime.Unix()+60), fmt.Sprintf(`"iat":%d`, sealTime.Unix())
	const cty, crit, hashM = `"cty":"TLS-Certificate-Binding-v1"`, `"crit":["sigD"]`, `"hashM":"S256"`
	const pars = `"pars":[""]`
	digest := boundDigest(p256Forger().cert)
	raw := sha256.Sum256(p256Forger().cert.Raw)
	noExpiry := qseal.BindingOptions{AllowNoExpiry: true}
	header := func(old, text string) bindingAttack {
		return bindingAttack{old: old, new: text, want: qseal.ReasonHeader}
	}
	for name, row := range map[string]bindingAttack{
		"PS256":                    {},
		"RS256":                    {alg: "RS256"},
		"ES256":                    {by: p256Forger(), alg: "ES256"},
		"without crit":             {old: "," + crit, new: ""},
		"with kid and ctys":        {old: pars, new: pars + `,"ctys":["application/pkix-cert"]`},
		"without x5t#S256":         {old: `"x5t#S256":"` + f.thumbprint() + `",`, new: ""},
		"without iat":              {old: iat + ",", new: ""},
		"a chain":                  {old: `"x5c":["`, new: `"x5c":["` + f.x5c() + `","`},
		"leaf and issuer in TLS":   {tls: []*x509.Certificate{p256Forger().cert, other.cert}},
		"before its end":           {at: time.Minute - time.Second},
		"at its end":               {at: time.Minute, want: qseal.ReasonExpired},
		"at its end, in browsers":  {at: time.Minute, options: noExpiry, want: qseal.ReasonExpired},
		"no exp":                   header(exp, ""),
		"no exp, in browsers":      {old: exp, new: "", options: noExpiry},
		"exp is text":              header(exp, `,"exp":"2030-01-01T00:00:00Z"`),
		"exp is text, in browsers": {old: exp, new: `,"exp":"x"`, options: noExpiry, want: qseal.ReasonHeader},
		"iat is text":              header(iat, `"iat":"x"`),
		"iat a minute ahead":       {at: -time.Minute},
		"iat more ahead":           {at: -time.Minute - time.Second, want: qseal.ReasonIssuedInFuture},
		"no cty":                   header(cty+",", ""),
		"another cty":              header(cty, `"cty":"TLS-Certificate-Binding-v2"`),
		"cty in another case":      header(cty, `"cty":"tls-certificate-binding-v1"`),
		"cty is a number":          header(cty, `"cty":1`),
		"extra member":             header(iat, iat+`,"x":1`),
		"typ":                      header(iat, iat+`,"typ":"JOSE"`),
		"b64":                      header(iat, iat+`,"b64":true`),
		"x5u":                      header(iat, iat+`,"x5u":"https://evil.example"`),
		"kid is a number":          header(iat, iat+`,"kid":1`),
		"crit of b64":              {old: crit, new: `"b64":false,"crit":["sigD","b64"]`, want: qseal.ReasonCritical},
		"crit empty":               {old: crit, new: `"crit":[]`, want: qseal.ReasonCritical},
		"sigD is a list":           header(`"sigD":{"mId":"`+byURIHash+`",`+pars+`,`+hashM+`,"hashV":["`+digest+`"]}`, `"sigD":[]`),
		"extra member of sigD":     header(pars, pars+`,"spURI":"u"`),
		"by URI":                   header(byURIHash, "http://uri.etsi.org/19182/ObjectIdByURI"),
		"no mId":                   header(`"mId":"`+byURIHash+`",`, ""),
		"no pars":                  header(pars+",", ""),
		"pars is text":             header(pars, `"pars":""`),
		"pars with a number":       header(pars, `"pars":[1]`),
		"pars empty":               header(pars, `"pars":[]`),
		"nothing bound":            header(pars+`,`+hashM+`,"hashV":["`+digest+`"]`, `"pars":[],`+hashM+`,"hashV":[]`),
		"more pars than digests":   header(pars, `"pars":["",""]`),
		"ctys of another length":   header(pars, pars+`,"ctys":[]`),
		"ctys is text":             header(pars, pars+`,"ctys":"x"`),
		"SHA-224":                  header(hashM, `"hashM":"S224"`),
		"digest of another length": header(hashM, `"hashM":"S512"`),
		"no hashM":                 header(hashM+",", ""),
		"hashV is text":            header(`"hashV":["`+digest+`"]`, `"hashV":"`+digest+`"`),
		"hashV padded":             {old: digest, new: digest + "=", want: qseal.ReasonFormat},
		"digest of the DER":        {old: digest, new: base64.RawURLEncoding.EncodeToString(raw[:]), want: qseal.ReasonBinding},
		"another TLS certificate":  {tls: []*x509.Certificate{other.cert}, want: qseal.ReasonBinding},
		"bound certificate second": {tls: []*x509.Certificate{other.cert, p256Forger().cert}, want: qseal.ReasonBinding},
		"no TLS certificate":       {tls: []*x509.Certificate{}, want: qseal.ReasonCertificateMissing},
		"nil TLS certificate":      {tls: []*x509.Certificate{nil}, want: qseal.ReasonCertificateMissing},
		"payload":                  {payload: "AA", want: qseal.ReasonFormat},
		"RS384":                    {alg: "RS384", way: "RS256", want: qseal.ReasonAlgorithm},
		"EdDSA":                    {by: ed25519Forger(), alg: "EdDSA", want: qseal.ReasonAlgorithm},
		"none":                     {alg: "none", way: "empty", want: qseal.ReasonAlgorithm},
		"HS256":                    {alg: "HS256", want: qseal.ReasonAlgorithm},
		"wrong signature":          {way: "RS256", want: qseal.ReasonSignatureInvalid},
		"x5c of another":           {old: f.x5c(), new: p256Forger().x5c(), want: qseal.ReasonCertificateMismatch},
		"x5t#S256 of another":      {old: f.thumbprint(), new: other.thumbprint(), want: qseal.ReasonCertificateMismatch},
		"no x5c":                   {old: `"x5c":["` + f.x5c() + `"],`, new: "", want: qseal.ReasonCertificateMissing},
		"x5c empty":                header(`"x5c":["`+f.x5c()+`"]`, `"x5c":[]`),
		"x5c is text":              header(`"x5c":["`+f.x5c()+`"]`, `"x5c":"`+f.x5c()+`"`),
		"x5c with nine":            header(`"x5c":["`+f.x5c()+`"]`, `"x5c":["`+strings.Repeat(f.x5c()+`","`, 8)+f.x5c()+`"]`),
		"x5c is no base64":         {old: `"x5c":["`, new: `"x5c":["*`, want: qseal.ReasonCertificateMalformed},
		"x5c with a line break":    {old: `"x5c":["MI`, new: `"x5c":["M\nI`, want: qseal.ReasonCertificateMalformed},
		"x5c is no certificate":    {old: `"x5c":["` + f.x5c() + `"]`, new: `"x5c":["MIID"]`, want: qseal.ReasonCertificateMalformed},
		"certificate has expired":  {at: 366 * 24 * time.Hour, old: fmt.Sprint(sealTime.Unix() + 60), new: "2000000000", want: qseal.ReasonCertificate, inside: eidas.ReasonExpired},
		"certificate is not yet valid": {
			at: -366 * 24 * time.Hour, old: iat, new: `"iat":1`, want: qseal.ReasonCertificate, inside: eidas.ReasonNotYetValid,
		},
		"flattened": {token: func(s string) string {
			p := strings.Split(s, ".")
			return `{"protected":"` + p[0] + `","payload":"","signature":"` + p[2] + `"}`
		}, want: qseal.ReasonFormat},
		"1 MiB":             {token: func(string) string { return strings.Repeat("A", 1<<20) }, want: qseal.ReasonFormat},
		"line break behind": {token: func(s string) string { return s + "\n" }, want: qseal.ReasonFormat},
	} {
		t.Run(name, row.run)
	}
}

// RFC 5280, 4.2.1.3: the certificate says whether its key is for signatures.
func TestBindingSignerKeyUsage(t *testing.T) {
	f := p256Forger()
	for name, row := range map[string]struct {
		usage x509.KeyUsage
		want  eidas.Reason
	}{
		"digitalSignature": {usage: x509.KeyUsageDigitalSignature},
		"nonRepudiation":   {usage: x509.KeyUsageContentCommitment},
		"keyEncipherment":  {usage: x509.KeyUsageKeyEncipherment, want: eidas.ReasonKeyUsage},
		"none":             {want: eidas.ReasonKeyUsage},
	} {
		t.Run(name, func(t *testing.T) {
			template := *f.cert
			template.KeyUsage = row.usage
			der, err := x509.CreateCertificate(rand.Reader, &template, &template, f.key.Public(), f.key)
			require.NoError(t, err)
			cert, err := x509.ParseCertificate(der)
			require.NoError(t, err)
			a := bindingAttack{by: &forger{f.key, cert}, alg: "ES256", inside: row.want}
			if row.want != 0 {
				a.want = qseal.ReasonCertificate
			}
			a.run(t)
		})
	}
}

// TS 119 411-5, annex A: the purpose stands alone.
func TestBindingSignerPurpose(t *testing.T) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	binding, server := asn1.ObjectIdentifier{0, 4, 0, 194115, 1, 0}, asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 3, 1}
	for name, row := range map[string]struct {
		usage []asn1.ObjectIdentifier
		want  eidas.Reason
	}{
		"alone":          {usage: []asn1.ObjectIdentifier{binding}},
		"none":           {want: eidas.ReasonExtendedKeyUsage},
		"serverAuth":     {usage: []asn1.ObjectIdentifier{server}, want: eidas.ReasonExtendedKeyUsage},
		"and serverAuth": {usage: []asn1.ObjectIdentifier{binding, server}, want: eidas.ReasonExtendedKeyUsage},
		"and unknown":    {usage: []asn1.ObjectIdentifier{binding, {1, 2, 3}}, want: eidas.ReasonExtendedKeyUsage},
		"unknown":        {usage: []asn1.ObjectIdentifier{{0, 4, 0, 194115, 1, 1}}, want: eidas.ReasonExtendedKeyUsage},
	} {
		t.Run(name, func(t *testing.T) {
			a := bindingAttack{by: forgerWith(key, row.usage...), alg: "ES256", inside: row.want}
			if row.want != 0 {
				a.want = qseal.ReasonCertificate
			}
			a.run(t)
		})
	}
}

// TS 119 312: a weak key proves nothing, in a binding and in a document.
func TestWeakKeyOfDocuments(t *testing.T) {
	key, err := rsa.GenerateKey(rand.Reader, 1024)
	require.NoError(t, err)
	f := forgerWith(key, asn1.ObjectIdentifier{0, 4, 0, 194115, 1, 0})
	bindingAttack{by: f, alg: "RS256", want: qseal.ReasonKey}.run(t)
	header := fmt.Sprintf(`{"alg":"RS256","x5c":["%s"],"iat":%d}`, f.x5c(), sealTime.Unix())
	token := f.compact(t, "RS256", header, b64url("one"))
	_, err = qseal.VerifyJAdES([]byte(token), []qseal.Document{{Data: []byte("one")}}, sealTime, qseal.JAdESOptions{})
	require.ErrorIs(t, err, qseal.ReasonKey)
}

// Of several bound certificates the one of the connection may be any.
func TestBindingNamesSeveral(t *testing.T) {
	f := rsaForger()
	one, two := p256Forger().cert, p384Forger().cert
	header := strings.Replace(f.bindingHeader("PS256", one), `"pars":[""],"hashM":"S256","hashV":["`,
		`"pars":["",""],"hashM":"S256","hashV":["`+boundDigest(two)+`","`, 1)
	token := f.compact(t, "PS256", header, "")
	for _, c := range []*x509.Certificate{one, two} {
		b, err := qseal.VerifyBinding([]byte(token), []*x509.Certificate{c}, sealTime, qseal.BindingOptions{})
		require.NoError(t, err)
		assert.Equal(t, 2, b.Bound)
		assert.Equal(t, "S256", b.Hash)
		assert.Equal(t, qseal.PSSSHA256, b.Algorithm)
		assert.Equal(t, sealTime, b.IssuedAt)
		assert.Equal(t, sealTime.Add(time.Minute), b.ExpiresAt)
	}
	_, err := qseal.VerifyBinding([]byte(token), []*x509.Certificate{f.cert}, sealTime, qseal.BindingOptions{})
	require.ErrorIs(t, err, qseal.ReasonBinding)
}

// 64 bound certificates are taken, 65 are not.
func TestBindingIsBounded(t *testing.T) {
	f := rsaForger()
	for n, want := range map[int]qseal.Reason{64: 0, 65: qseal.ReasonHeader} {
		digests := strings.Repeat(boundDigest(f.cert)+`","`, n-1)
		header := strings.Replace(f.bindingHeader("PS256", p256Forger().cert), `"pars":[""],"hashM":"S256","hashV":["`,
			`"pars":[""`+strings.Repeat(`,""`, n-1)+`],"hashM":"S256","hashV":["`+digests, 1)
		_, err := qseal.VerifyBinding([]byte(f.compact(t, "PS256", header, "")), []*x509.Certificate{p256Forger().cert}, sealTime, qseal.BindingOptions{})
		assert.Equal(t, want, qseal.ReasonOf(err), "%d: %v", n, err)
	}
}

// The oracle: no panic; what is accepted has the segments, the type and the
// digest that the test finds by itself, and a byte more or less is refused.
func FuzzBinding(f *testing.F) {
	forger := p256Forger()
	header := forger.bindingHeader("ES256", forger.cert)
	f.Add([]byte(forger.compact(f, "ES256", header, "")))
	f.Add([]byte("W10.."))
	f.Add([]byte(strings.Repeat(".", 100)))
	tls := []*x509.Certificate{forger.cert}
	f.Fuzz(func(t *testing.T, text []byte) {
		b, err := qseal.VerifyBinding(text, tls, sealTime, qseal.BindingOptions{})
		if err != nil {
			assert.Nil(t, b)
			assert.NotEqual(t, qseal.ReasonInternal, qseal.ReasonOf(err))
			return
		}
		parts := strings.Split(string(text), ".")
		require.Len(t, parts, 3)
		raw, err := base64.RawURLEncoding.DecodeString(parts[0])
		require.NoError(t, err)
		assert.Contains(t, string(raw), boundDigest(tls[0]))
		for _, changed := range []string{string(text) + "A", string(text[1:]), string(text[:len(text)-1])} {
			_, err := qseal.VerifyBinding([]byte(changed), tls, sealTime, qseal.BindingOptions{})
			assert.Error(t, err)
		}
	})
}
