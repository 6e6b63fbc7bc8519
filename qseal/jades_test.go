package qseal_test

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas/qseal"
)

// jadesDocument changes one thing of a JAdES signature of documents.
type jadesDocument struct {
	header  string // with %s for the reference to the certificate, before the rest
	payload string // in the token
	input   string // what is signed after the dot
	docs    []qseal.Document
	token   func(string) string
	options qseal.JAdESOptions
	at      time.Duration
	want    qseal.Reason
	says    string // in the error
}

func (d jadesDocument) run(t *testing.T) {
	t.Helper()
	f := rsaForger()
	header := strings.Replace(d.header, "%s", `"x5t#S256":"`+f.thumbprint()+`","x5c":["`+f.x5c()+`"]`, 1)
	token := f.compact(t, "PS256", header, d.input)
	if d.payload != "" {
		token = strings.Replace(token, "..", "."+d.payload+".", 1)
	}
	if d.token != nil {
		token = d.token(token)
	}
	r, err := qseal.VerifyJAdES([]byte(token), d.docs, sealTime.Add(d.at), d.options)
	assert.Equal(t, d.want, qseal.ReasonOf(err), "%v", err)
	if d.says != "" {
		require.ErrorContains(t, err, d.says)
	}
	if err == nil {
		assert.Equal(t, sealTime, r.SignedAt)
		assert.Equal(t, f.cert.Raw, r.Chain[0].Raw)
	}
}

func b64url(s string) string { return base64.RawURLEncoding.EncodeToString([]byte(s)) }

func sha256url(s string) string {
	sum := sha256.Sum256([]byte(s))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func TestJAdESPayload(t *testing.T) {
	head := fmt.Sprintf(`{"alg":"PS256",%%s,"iat":%d`, sealTime.Unix())
	one := []qseal.Document{{URI: "a", Data: []byte("one")}}
	flat := func(more string) func(string) string {
		return func(s string) string {
			p := strings.Split(s, ".")
			return `{"protected":"` + p[0] + `","payload":"` + p[1] + `","signature":"` + p[2] + `"` + more + `}`
		}
	}
	exp := func(text string) string { return head + `,"exp":` + text + `}` }
	ref := func(text string) string { return strings.Replace(head, "%s", text, 1) + "}" }
	other := p256Forger()
	x5c := `"x5c":["` + rsaForger().x5c() + `"]`
	attached := func(header string, want qseal.Reason) jadesDocument {
		return jadesDocument{header: header, payload: b64url("one"), input: b64url("one"), want: want}
	}
	for name, row := range map[string]jadesDocument{
		"attached":                   attached(head+"}", 0),
		"attached, another payload":  {header: head + "}", payload: b64url("two"), input: b64url("one"), want: qseal.ReasonSignatureInvalid},
		"attached, not encoded":      {header: head + `,"b64":false,"crit":["b64"]}`, payload: "one", input: "one"},
		"attached, encoded as false": {header: head + `,"b64":false,"crit":["b64"]}`, payload: "one", input: b64url("one"), want: qseal.ReasonSignatureInvalid},
		"attached, not base64url":    {header: head + "}", payload: "o*e", input: "o*e", want: qseal.ReasonFormat},
		"a minute ahead":             {header: head + "}", payload: b64url("one"), input: b64url("one"), at: -time.Minute},
		"more than a minute ahead":   {header: head + "}", payload: b64url("one"), input: b64url("one"), at: -time.Minute - 1, want: qseal.ReasonIssuedInFuture},
		"ten years old":              {header: head + "}", payload: b64url("one"), input: b64url("one"), at: 87600 * time.Hour},
		"attached, and a document":   {header: head + "}", payload: b64url("one"), input: b64url("one"), docs: one, want: qseal.ReasonCoverage},
		"detached":                   {header: head + "}", input: b64url("one"), docs: one},
		"detached, not encoded":      {header: head + `,"b64":false,"crit":["b64"]}`, input: "one", docs: one},
		"detached, other document":   {header: head + "}", input: b64url("two"), docs: one, want: qseal.ReasonSignatureInvalid},
		"detached, no document":      {header: head + "}", want: qseal.ReasonCoverage},
		"detached, two documents":    {header: head + "}", docs: append(one, one...), want: qseal.ReasonCoverage},
		"flattened":                  {header: head + "}", payload: b64url("one"), input: b64url("one"), token: flat("")},
		"flattened, extra member":    {header: head + "}", payload: b64url("one"), input: b64url("one"), token: flat(`,"evil":1`)},
		"flattened, header":          {header: head + "}", payload: b64url("one"), input: b64url("one"), token: flat(`,"header":{"etsiU":[]}`)},
		"flattened, header is a list": {
			header: head + "}", payload: b64url("one"), input: b64url("one"), token: flat(`,"header":[]`), want: qseal.ReasonFormat,
		},
		"flattened, alg outside": {
			header: head + "}", payload: b64url("one"), input: b64url("one"), token: flat(`,"header":{"alg":"none"}`), want: qseal.ReasonFormat,
		},
		"flattened, x5c outside": {
			header: head + "}", payload: b64url("one"), input: b64url("one"), token: flat(`,"header":{"x5c":[]}`), want: qseal.ReasonFormat,
		},
		"flattened and general": {
			header: head + "}", payload: b64url("one"), input: b64url("one"), token: flat(`,"signatures":[]`), want: qseal.ReasonFormat,
		},
		"flattened, member twice": {
			header: head + "}", payload: b64url("one"), input: b64url("one"), token: flat(`,"payload":"` + b64url("one") + `"`), want: qseal.ReasonFormat,
		},
		"flattened, payload is a number": {
			header: head + "}", token: func(s string) string {
				p := strings.Split(s, ".")
				return `{"protected":"` + p[0] + `","payload":1,"signature":"` + p[2] + `"}`
			}, want: qseal.ReasonFormat,
		},
		"flattened, no signature":       {header: head + "}", token: func(string) string { return `{"protected":"e30"}` }, want: qseal.ReasonFormat},
		"flattened, signature a number": {header: head + "}", token: func(string) string { return `{"protected":"e30","signature":1}` }, want: qseal.ReasonFormat},
		"general, none":                 {header: head + "}", token: func(string) string { return `{"payload":"","signatures":[]}` }, want: qseal.ReasonFormat},
		"general, no list":              {header: head + "}", token: func(string) string { return `{"payload":"","signatures":{"a":{}}}` }, want: qseal.ReasonFormat},
		"exp ahead":                     attached(exp(fmt.Sprint(sealTime.Unix()+1)), 0),
		"exp ahead, in text":            attached(exp(`"2026-11-24T12:00:01Z"`), 0),
		"exp reached":                   attached(exp(fmt.Sprint(sealTime.Unix())), qseal.ReasonExpired),
		"exp reached, in text":          attached(exp(`"2026-11-24T12:00:00Z"`), qseal.ReasonExpired),
		"exp reached, allowed":          {header: exp(fmt.Sprint(sealTime.Unix())), payload: b64url("one"), input: b64url("one"), options: qseal.JAdESOptions{AllowExpired: true}},
		"exp is no time":                attached(exp(`"soon"`), qseal.ReasonHeader),
		"x5c alone":                     attached(ref(x5c), 0),
		"x5t#o":                         attached(ref(x5c+`,"x5t#o":{"digAlg":"S256","digVal":"`+rsaForger().thumbprint()+`"}`), 0),
		"x5t#o of another":              attached(ref(x5c+`,"x5t#o":{"digAlg":"S256","digVal":"`+other.thumbprint()+`"}`), qseal.ReasonCertificateMismatch),
		"x5t#o without digest":          attached(ref(x5c+`,"x5t#o":{"digAlg":"S256"}`), qseal.ReasonHeader),
		"x5t#o with SHA-1":              attached(ref(x5c+`,"x5t#o":{"digAlg":"S1","digVal":"AA"}`), qseal.ReasonHeader),
		"x5t#o, not base64url":          attached(ref(x5c+`,"x5t#o":{"digAlg":"S256","digVal":"="}`), qseal.ReasonFormat),
		"sigX5ts":                       attached(ref(x5c+`,"sigX5ts":[{"digAlg":"S256","digVal":"`+rsaForger().thumbprint()+`"}]`), 0),
		"sigX5ts of another":            attached(ref(x5c+`,"sigX5ts":[{"digAlg":"S256","digVal":"`+other.thumbprint()+`"}]`), qseal.ReasonCertificateMismatch),
		"sigX5ts empty":                 attached(ref(x5c+`,"sigX5ts":[]`), qseal.ReasonHeader),
		"sigX5ts is no list":            attached(ref(x5c+`,"sigX5ts":{"a":1}`), qseal.ReasonHeader),
		"x5t#S256 is a number":          attached(ref(x5c+`,"x5t#S256":1`), qseal.ReasonHeader),
		"no reference":                  attached(ref(`"kid":"1"`), qseal.ReasonCertificateMissing),
		"no reference, the caller has it": {
			header: ref(`"kid":"1"`), payload: b64url("one"), input: b64url("one"),
			options: qseal.JAdESOptions{Certificates: []*x509.Certificate{rsaForger().cert}}, want: qseal.ReasonCertificateMissing,
		},
		"x5t":                      attached(ref(x5c+`,"x5t":"AA"`), qseal.ReasonHeader),
		"reference, nobody has it": attached(ref(`"x5t#S256":"`+rsaForger().thumbprint()+`"`), qseal.ReasonCertificateMissing),
		"reference, the caller has it": {
			header: ref(`"x5t#S256":"` + rsaForger().thumbprint() + `"`), payload: b64url("one"), input: b64url("one"),
			options: qseal.JAdESOptions{Certificates: []*x509.Certificate{rsaForger().cert}},
		},
		"reference, the caller has another": {
			header: ref(`"x5t#S256":"` + rsaForger().thumbprint() + `"`), payload: b64url("one"), input: b64url("one"),
			options: qseal.JAdESOptions{Certificates: []*x509.Certificate{other.cert}}, want: qseal.ReasonCertificateMismatch,
		},
		"reference, the caller has nil": {
			header: ref(`"x5t#S256":"` + rsaForger().thumbprint() + `"`), payload: b64url("one"), input: b64url("one"),
			options: qseal.JAdESOptions{Certificates: []*x509.Certificate{nil}}, want: qseal.ReasonCertificateMissing,
		},
		"too long": {header: head + "}", token: func(s string) string { return s + strings.Repeat("A", 2<<20) }, want: qseal.ReasonFormat},
	} {
		t.Run(name, row.run)
	}
}

// The digests of ObjectIdByURIHash are of the base64url text of a document, and
// of the document itself when b64 is false.
func TestAttack41DigestsOfDocuments(t *testing.T) {
	head := fmt.Sprintf(`{"alg":"PS256",%%s,"iat":%d`, sealTime.Unix())
	docs := []qseal.Document{{URI: "https://a.example/1", Data: []byte("ones")}, {URI: "b", Data: []byte("two")}}
	hashes := func(more, pars, v1, v2 string) string {
		return head + `,"sigD":{"mId":"` + byURIHash + `","pars":[` + pars + `],"hashM":"S256","hashV":["` + v1 + `","` + v2 + `"]}` + more + `}`
	}
	const pars, crit, plain = `"https://a.example/1","b"`, `,"crit":["sigD"]`, `,"b64":false,"crit":["sigD","b64"]`
	byURI := func(more, pars string) string {
		return head + `,"sigD":{"mId":"http://uri.etsi.org/19182/ObjectIdByURI","pars":[` + pars + `]}` + more + `}`
	}
	e1, e2 := sha256url(b64url("ones")), sha256url(b64url("two"))
	for name, row := range map[string]jadesDocument{
		"of the text":                {header: hashes(crit, pars, e1, e2), docs: docs},
		"of the text, other order":   {header: hashes(crit, `"b","https://a.example/1"`, e2, e1), docs: docs},
		"percent-encoded":            {header: hashes(crit, `"https%3A//a.example/1","b"`, e1, e2), docs: docs},
		"of the document":            {header: hashes(crit, pars, sha256url("ones"), sha256url("two")), docs: docs, want: qseal.ReasonDigest},
		"not encoded, of the doc":    {header: hashes(plain, pars, sha256url("ones"), sha256url("two")), docs: docs},
		"not encoded, of the text":   {header: hashes(plain, pars, e1, e2), docs: docs, want: qseal.ReasonDigest},
		"the other way round":        {header: hashes(crit, pars, e2, e1), docs: docs, want: qseal.ReasonDigest},
		"second one differs":         {header: hashes(crit, pars, e1, e1), docs: docs, want: qseal.ReasonDigest},
		"a document missing":         {header: hashes(crit, pars, e1, e2), docs: docs[:1], want: qseal.ReasonCoverage},
		"a document too many":        {header: hashes(crit, pars, e1, e2), docs: append(docs, docs[0]), want: qseal.ReasonCoverage},
		"a document of another name": {header: hashes(crit, `"https://a.example/2","b"`, e1, e2), docs: docs, want: qseal.ReasonCoverage},
		"one named twice":            {header: hashes(crit, `"b","b"`, e2, e2), docs: docs, want: qseal.ReasonCoverage},
		"sigD not critical":          {header: hashes("", pars, e1, e2), docs: docs, want: qseal.ReasonCritical},
		"beside a payload":           {header: hashes(crit, pars, e1, e2), payload: "AA", input: "AA", docs: docs, want: qseal.ReasonHeader},
		"over something else":        {header: hashes(crit, pars, e1, e2), input: "AA", docs: docs, want: qseal.ReasonSignatureInvalid},
		"by URI":                     {header: byURI(crit, pars), input: b64url("ones") + b64url("two"), docs: docs},
		"by URI, not encoded":        {header: byURI(plain, pars), input: "onestwo", docs: docs},
		"by URI, joined first":       {header: byURI(crit, pars), input: b64url("onestwo"), docs: docs, want: qseal.ReasonSignatureInvalid},
		"by URI, other order":        {header: byURI(crit, pars), input: b64url("two") + b64url("ones"), docs: docs, want: qseal.ReasonSignatureInvalid},
		"by URI, a document missing": {header: byURI(crit, pars), docs: docs[1:], want: qseal.ReasonCoverage},
		"by URI, with digests":       {header: strings.Replace(byURI(crit, pars), `"pars"`, `"hashV":[],"pars"`, 1), docs: docs, want: qseal.ReasonHeader},
		"by URI, pars is text":       {header: byURI(crit, `1`), docs: docs, want: qseal.ReasonHeader},
		"header fields":              {header: strings.Replace(byURI(crit, pars), "ObjectIdByURI", "HttpHeaders", 1), docs: docs, want: qseal.ReasonHeader},
		"sigD is text":               {header: head + `,"sigD":"x"` + crit + `}`, docs: docs, want: qseal.ReasonHeader},
	} {
		t.Run(name, row.run)
	}
}

// The caller's documents are not changed.
func TestJAdESLeavesDocumentsAlone(t *testing.T) {
	f := rsaForger()
	data := []byte("one")
	header := fmt.Sprintf(`{"alg":"PS256","x5c":["%s"],"iat":%d}`, f.x5c(), sealTime.Unix())
	r, err := qseal.VerifyJAdES([]byte(f.compact(t, "PS256", header, b64url("one"))), []qseal.Document{{Data: data}}, sealTime, qseal.JAdESOptions{})
	require.NoError(t, err)
	assert.Equal(t, "one", string(data))
	assert.Nil(t, r.Payload)
	assert.Equal(t, qseal.PSSSHA256, r.Algorithm)
}
