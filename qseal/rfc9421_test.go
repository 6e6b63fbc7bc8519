package qseal_test

import (
	"crypto/sha256"
	"crypto/tls"
	"encoding/base64"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas/qseal"
)

// messageSeal changes one thing of an HTTP Message Signature and signs again.
// The base is written out by hand here, line by line.
type messageSeal struct {
	by       func() *forger // p256Forger
	way      string         // ES256
	lines    []string       // of the base, before the parameters: usual()
	list     string         // covered components, as in Signature-Input: of lines
	params   string         // usualParams
	received string         // the parameters as they arrive, where they differ from those signed
	change   func(r *http.Request)
	body     *string
	profile  qseal.Profile
	at       time.Duration
	want     qseal.Reason
	says     string // in the error
}

func usual() []string {
	sum := sha256.Sum256([]byte(sealBody))
	return []string{
		`"@method": POST`, `"@target-uri": https://bank.example` + sealTarget,
		`"content-digest": sha-256=:` + base64.StdEncoding.EncodeToString(sum[:]) + ":",
	}
}

var usualParams = fmt.Sprintf(`;created=%d;keyid="k1";alg="ecdsa-p256-sha256";nonce="n1";tag="fapi-2-request"`, sealTime.Unix())

func plus(lines []string, more ...string) []string {
	return append(append([]string{}, lines...), more...)
}

func without(lines []string, i int) []string {
	return append(append([]string{}, lines[:i]...), lines[i+1:]...)
}

// request makes the request with its seal, as a server behind TLS sees it.
func (m messageSeal) request(tb testing.TB) *http.Request {
	tb.Helper()
	r, _ := m.sealed(tb)
	r.RequestURI, r.TLS = sealTarget, &tls.ConnectionState{}
	r.Body, r.ContentLength = io.NopCloser(strings.NewReader(sealBody)), int64(len(sealBody))
	return r
}

func (m messageSeal) build(tb testing.TB) (*qseal.MessageView, *forger) {
	tb.Helper()
	r, f := m.sealed(tb)
	body := sealBody
	if m.body != nil {
		body = *m.body
	}
	return qseal.ViewRequest(r, []byte(body)), f
}

func (m messageSeal) sealed(tb testing.TB) (*http.Request, *forger) {
	tb.Helper()
	if m.by == nil {
		m.by, m.way = p256Forger, orText(m.way, "ES256")
	}
	if m.lines == nil {
		m.lines = usual()
	}
	m.params = orText(m.params, usualParams)
	if m.list == "" {
		var ids []string
		for _, l := range m.lines {
			id, _, _ := strings.Cut(l, ": ")
			ids = append(ids, id)
		}
		m.list = "(" + strings.Join(ids, " ") + ")"
	}
	base := strings.Join(append(m.lines, `"@signature-params": `+m.list+m.params), "\n")
	f := m.by()
	signature := base64.StdEncoding.EncodeToString(f.sign(tb, m.way, []byte(base)))
	r, err := http.NewRequestWithContext(tb.Context(), http.MethodPost, "https://bank.example"+sealTarget, nil)
	require.NoError(tb, err)
	sum := sha256.Sum256([]byte(sealBody))
	r.Header.Set("Content-Digest", "sha-256=:"+base64.StdEncoding.EncodeToString(sum[:])+":")
	r.Header.Set("Signature-Input", "s="+m.list+orText(m.received, m.params))
	r.Header.Set("Signature", "s=:"+signature+":")
	if m.change != nil {
		m.change(r)
	}
	return r, f
}

func orText(s, otherwise string) string {
	if s == "" {
		return otherwise
	}
	return s
}

func (m messageSeal) run(t *testing.T) {
	t.Helper()
	view, f := m.build(t)
	if m.profile.IsZero() {
		m.profile = qseal.RFC9421("fapi-2-request")
	}
	_, err := qseal.VerifyMessage(view, m.profile, f.cert, sealTime.Add(m.at))
	assert.Equal(t, m.want, qseal.ReasonOf(err), "%v", err)
	if m.says != "" {
		require.ErrorContains(t, err, m.says)
	}
}

func set(name, value string) func(*http.Request) {
	return func(r *http.Request) { r.Header.Set(name, value) }
}

func TestRFC9421Parameters(t *testing.T) {
	created := fmt.Sprintf(";created=%d", sealTime.Unix())
	par := func(old, text string) string { return swap(t, usualParams, old, text) }
	expires := func(d int64) string { return par(created, fmt.Sprintf("%s;expires=%d", created, sealTime.Unix()+d)) }
	twice := func(text string) messageSeal {
		// What arrives has it twice; the base has what a lenient parser makes of it.
		return messageSeal{received: text, want: qseal.ReasonFormat}
	}
	for name, row := range map[string]messageSeal{
		"ES256":                     {},
		"Ed25519":                   {by: ed25519Forger, way: "EdDSA", params: par("ecdsa-p256-sha256", "ed25519")},
		"RSA of 2.1":                {by: rsaForger, way: "RS256", params: par("ecdsa-p256-sha256", "rsa-v1_5-sha256")},
		"no alg, the key decides":   {params: par(`;alg="ecdsa-p256-sha256"`, "")},
		"no alg, RSA means PSS":     {by: rsaForger, way: "RS256", params: par(`;alg="ecdsa-p256-sha256"`, ""), want: qseal.ReasonSignatureInvalid},
		"alg of another key":        {params: par("ecdsa-p256-sha256", "rsa-pss-sha512"), want: qseal.ReasonAlgorithm},
		"alg of another curve":      {params: par("ecdsa-p256-sha256", "ecdsa-p384-sha384"), want: qseal.ReasonAlgorithm},
		"RSA alg, EC key":           {by: rsaForger, way: "RS256", want: qseal.ReasonAlgorithm},
		"hmac-sha256":               {params: par("ecdsa-p256-sha256", "hmac-sha256"), want: qseal.ReasonAlgorithm},
		"hs2019":                    {params: par("ecdsa-p256-sha256", "hs2019"), want: qseal.ReasonAlgorithm},
		"name in JOSE":              {params: par("ecdsa-p256-sha256", "ES256"), want: qseal.ReasonAlgorithm},
		"name of DER":               {params: par("ecdsa-p256-sha256", "ecdsa-sha256-der"), want: qseal.ReasonAlgorithm},
		"DER signature":             {by: p256Forger, way: "ES256 DER", want: qseal.ReasonSignatureInvalid},
		"alg is a token":            {params: par(`"ecdsa-p256-sha256"`, "ecdsa"), want: qseal.ReasonFormat},
		"no created":                {params: par(created, ""), want: qseal.ReasonHeader},
		"created is text":           {params: par(created, `;created="1"`), want: qseal.ReasonFormat},
		"created is zero":           {params: par(created, `;created=0`), want: qseal.ReasonFormat},
		"created is negative":       {params: par(created, `;created=-1`), want: qseal.ReasonFormat},
		"created has a fraction":    {params: par(created, `;created=1795521600.5`), want: qseal.ReasonFormat},
		"created in the future":     {at: -3 * time.Second, want: qseal.ReasonIssuedInFuture},
		"created within tolerance":  {at: -2 * time.Second},
		"at the end of its age":     {at: time.Minute},
		"too old":                   {at: time.Minute + time.Second, want: qseal.ReasonStale},
		"expires ahead":             {params: expires(1)},
		"expires reached":           {params: expires(0), want: qseal.ReasonExpired},
		"expires is text":           {params: par(created, created+`;expires="1"`), want: qseal.ReasonFormat},
		"no keyid":                  {params: par(`;keyid="k1"`, ""), want: qseal.ReasonCertificateMissing},
		"keyid is a token":          {params: par(`"k1"`, "k1"), want: qseal.ReasonFormat},
		"no nonce":                  {params: par(`;nonce="n1"`, "")},
		"nonce is a number":         {params: par(`"n1"`, "1"), want: qseal.ReasonFormat},
		"no tag":                    {params: par(`;tag="fapi-2-request"`, ""), want: qseal.ReasonSignatureMissing},
		"another tag":               {params: par("fapi-2-request", "fapi-2-response"), want: qseal.ReasonSignatureMissing},
		"any tag":                   {profile: qseal.RFC9421("")},
		"unknown parameter":         {params: usualParams + ";x=1", want: qseal.ReasonFormat},
		"created twice, last right": twice(par(created, ";created=1"+created)),
		"created twice, both right": twice(par(created, created+created)),
		"keyid twice":               twice(par(`;keyid="k1"`, `;keyid="k0";keyid="k1"`)),
		"nonce twice, the first a display string": twice(par(`;nonce="n1"`, `;nonce=%"a\";nonce="n1"`)),
		"blank after a semicolon":                 {received: par(";keyid", "; keyid")},
		"parameters not signed":                   {received: par("n1", "n2"), want: qseal.ReasonSignatureInvalid},
		"parameters in other order":               {received: par(`;nonce="n1";tag="fapi-2-request"`, `;tag="fapi-2-request";nonce="n1"`), want: qseal.ReasonSignatureInvalid},
		"label twice": {change: func(r *http.Request) {
			r.Header.Add("Signature-Input", r.Header.Get("Signature-Input"))
		}, want: qseal.ReasonFormat},
		"another label of that tag": {change: func(r *http.Request) {
			r.Header.Add("Signature-Input", "t"+r.Header.Get("Signature-Input")[1:])
		}, want: qseal.ReasonRepeated},
		"a proxy's signature beside": {change: func(r *http.Request) {
			r.Header.Add("Signature-Input", `p=("@method");created=1;tag="proxy"`)
			r.Header.Add("Signature", "p=:AA==:")
		}},
		"label renamed in both": {change: func(r *http.Request) {
			r.Header.Set("Signature-Input", "t"+r.Header.Get("Signature-Input")[1:])
			r.Header.Set("Signature", "t"+r.Header.Get("Signature")[1:])
		}},
		"no signature of the label": {change: func(r *http.Request) { r.Header.Set("Signature", "t"+r.Header.Get("Signature")[1:]) }, want: qseal.ReasonFormat},
		"no Signature":              {change: func(r *http.Request) { r.Header.Del("Signature") }, want: qseal.ReasonFormat},
		"signature twice":           {change: func(r *http.Request) { r.Header.Add("Signature", r.Header.Get("Signature")) }, want: qseal.ReasonFormat},
		"signature is text":         {change: set("Signature", `s="x"`), want: qseal.ReasonFormat},
		"signature is a list":       {change: set("Signature", `s=("x")`), want: qseal.ReasonFormat},
		"signature with parameter":  {change: func(r *http.Request) { r.Header.Set("Signature", r.Header.Get("Signature")+";x=1") }, want: qseal.ReasonFormat},
		"signature, bits left over": {change: func(r *http.Request) {
			v := r.Header.Get("Signature")
			r.Header.Set("Signature", loosen(strings.TrimSuffix(v, "==:"))+"==:")
		}, want: qseal.ReasonFormat},
		"signature without padding": {change: func(r *http.Request) {
			r.Header.Set("Signature", strings.Replace(r.Header.Get("Signature"), "==:", ":", 1))
		}, want: qseal.ReasonFormat},
		"no Signature-Input":     {change: func(r *http.Request) { r.Header.Del("Signature-Input") }, want: qseal.ReasonSignatureMissing},
		"input is text":          {change: set("Signature-Input", `s="x"`), want: qseal.ReasonFormat},
		"input is no dictionary": {change: set("Signature-Input", `((`), want: qseal.ReasonFormat},
		"input is empty":         {change: set("Signature-Input", ``), want: qseal.ReasonSignatureMissing},
		"nine signatures":        {change: set("Signature-Input", nines()), want: qseal.ReasonFormat},
		"input of 9 KiB":         {change: set("Signature-Input", `s=("`+strings.Repeat("x", 9<<10)+`")`), want: qseal.ReasonFormat},
		"connection names it":    {change: set("Connection", "signature-input"), want: qseal.ReasonHopByHop},
		"names a sealed field":   {lines: plus(usual(), `"x-a": b`), change: func(r *http.Request) { r.Header.Set("X-A", "b"); r.Header.Set("Connection", "X-A") }, want: qseal.ReasonHopByHop},
	} {
		t.Run(name, row.run)
	}
}

func nines() string {
	var all []string
	for i := range 9 {
		all = append(all, fmt.Sprintf("s%d=();created=1", i))
	}
	return strings.Join(all, ", ")
}

func TestRFC9421Coverage(t *testing.T) {
	empty, other := "", "other"
	lines := usual()
	for name, row := range map[string]messageSeal{
		"all":                      {},
		"no method":                {lines: without(lines, 0), want: qseal.ReasonCoverage},
		"no target":                {lines: without(lines, 1), want: qseal.ReasonCoverage},
		"no digest":                {lines: without(lines, 2), want: qseal.ReasonCoverage},
		"nothing":                  {lines: []string{}, list: "()", want: qseal.ReasonCoverage},
		"path in place of target":  {lines: plus(without(lines, 1), `"@path": /v1/payments`), want: qseal.ReasonCoverage},
		"a member of the digest":   {lines: plus(without(lines, 2), strings.Replace(lines[2], `": sha-256=`, `";key="sha-256": `, 1)), want: qseal.ReasonCoverage},
		"digest as bytes":          {lines: plus(without(lines, 2), `"content-digest";bs: `+wrap(strings.TrimPrefix(lines[2], `"content-digest": `))), want: qseal.ReasonCoverage},
		"digest as structure":      {lines: plus(lines, `"content-digest";sf`+strings.TrimPrefix(lines[2], `"content-digest"`))},
		"no body, no digest":       {lines: without(lines, 2), body: &empty, change: func(r *http.Request) { r.Header.Del("Content-Digest") }},
		"no body, digest not in":   {lines: without(lines, 2), body: &empty, want: qseal.ReasonCoverage},
		"body, no digest field":    {lines: without(lines, 2), change: func(r *http.Request) { r.Header.Del("Content-Digest") }, want: qseal.ReasonCoverage},
		"another body":             {body: &other, want: qseal.ReasonDigest},
		"authorization not in":     {change: set("Authorization", "DPoP x"), want: qseal.ReasonCoverage},
		"authorization":            {lines: plus(lines, `"authorization": DPoP x`), change: set("Authorization", "DPoP x")},
		"authorization changed":    {lines: plus(lines, `"authorization": DPoP x`), change: set("Authorization", "DPoP y"), want: qseal.ReasonSignatureInvalid},
		"authorization removed":    {lines: plus(lines, `"authorization": DPoP x`), want: qseal.ReasonFieldMissing},
		"only MD5":                 {lines: plus(without(lines, 2), `"content-digest": md5=:AAAAAAAAAAAAAAAAAAAAAA==:`), change: set("Content-Digest", "md5=:AAAAAAAAAAAAAAAAAAAAAA==:"), want: qseal.ReasonDigest},
		"component twice":          {lines: plus(lines, lines[0]), want: qseal.ReasonFormat},
		"twice, parameters turned": {lines: plus(lines, `"x-a";sf;tr: 1`, `"x-a";tr;sf: 1`), want: qseal.ReasonFormat},
		"unknown derived":          {lines: plus(lines, `"@port": 443`), want: qseal.ReasonFieldMissing},
		"its own parameters":       {lines: plus(lines, `"@signature-params": x`), want: qseal.ReasonFieldMissing},
		"status of a request":      {lines: plus(lines, `"@status": 200`), want: qseal.ReasonFieldMissing},
		"req of a request":         {lines: plus(lines, `"@method";req: POST`), want: qseal.ReasonFieldMissing},
		"name in capitals":         {lines: plus(lines, `"X-A": b`), change: set("X-A", "b"), want: qseal.ReasonFormat},
		"name with a blank":        {lines: plus(lines, `"x a": b`), want: qseal.ReasonFormat},
		"empty name":               {lines: plus(lines, `"": b`), want: qseal.ReasonFormat},
		"name is a token":          {lines: lines, list: `("@method" "@target-uri" content-digest)`, want: qseal.ReasonFormat},
		"a trailer":                {lines: plus(lines, `"x-a";tr: b`), change: set("X-A", "b"), want: qseal.ReasonFieldMissing},
		"65 components":            {lines: plus(lines, many(62)...), want: qseal.ReasonFormat},
		"host":                     {lines: plus(lines, `"host": bank.example`)},
	} {
		t.Run(name, row.run)
	}
}

func many(n int) (lines []string) {
	for i := range n {
		lines = append(lines, fmt.Sprintf(`"x%d": 1`, i))
	}
	return lines
}

func wrap(s string) string { return ":" + base64.StdEncoding.EncodeToString([]byte(s)) + ":" }

// The value of each kind of component (RFC 9421, 2.1 and 2.2), the twin of each
// is a value one step off.
func TestRFC9421Components(t *testing.T) {
	fields := func(name string, values ...string) func(*http.Request) {
		return func(r *http.Request) { r.Header[http.CanonicalHeaderKey(name)] = values }
	}
	target := func(method, target string) func(*http.Request) {
		return func(r *http.Request) {
			u, err := r.URL.Parse(target)
			if err != nil {
				panic(err)
			}
			r.Method, r.URL = method, u
		}
	}
	good := func(line string, change func(*http.Request)) messageSeal {
		return messageSeal{lines: plus(usual(), line), change: change}
	}
	bad := func(line string, change func(*http.Request), want qseal.Reason) messageSeal {
		return messageSeal{lines: plus(usual(), line), change: change, want: want}
	}
	dictionary := fields("x-d", `a=1, b=2;x=1;y=2, c=(a b c), d`)
	query := func(q string) func(*http.Request) { return target(http.MethodPost, "https://bank.example/p?"+q) }
	onQuery := func(q, line string, want qseal.Reason) messageSeal {
		l := usual()
		l[1] = `"@target-uri": https://bank.example/p?` + q
		return messageSeal{lines: plus(l, line), change: query(q), want: want}
	}
	for name, row := range map[string]messageSeal{
		"field":                        good(`"x-a": b`, fields("x-a", "b")),
		"field, white space around":    good(`"x-a": b`, fields("x-a", " \tb\t ")),
		"field, two lines":             good(`"x-a": b, c`, fields("x-a", "b", " c")),
		"field, two lines turned":      bad(`"x-a": b, c`, fields("x-a", "c", "b"), qseal.ReasonSignatureInvalid),
		"field, empty":                 good(`"x-a": `, fields("x-a", "")),
		"field, absent":                bad(`"x-a": `, nil, qseal.ReasonFieldMissing),
		"field, line break":            bad(`"x-a": b`, fields("x-a", "b\n\"x\": y"), qseal.ReasonFieldMissing),
		"bs":                           good(`"x-a";bs: `+wrap("b")+", "+wrap("c"), fields("x-a", " b ", "c")),
		"bs, lines joined":             bad(`"x-a";bs: `+wrap("b")+", "+wrap("c"), fields("x-a", "b, c"), qseal.ReasonSignatureInvalid),
		"bs and sf":                    bad(`"x-a";bs;sf: b`, fields("x-a", "b"), qseal.ReasonFormat),
		"bs and key":                   bad(`"x-d";bs;key="a": b`, dictionary, qseal.ReasonFormat),
		"bs is not a flag":             bad(`"x-a";bs=1: b`, fields("x-a", "b"), qseal.ReasonFormat),
		"bs is false":                  bad(`"x-a";bs=?0: b`, fields("x-a", "b"), qseal.ReasonFormat),
		"key":                          good(`"x-d";key="a": 1`, dictionary),
		"key, with parameters":         good(`"x-d";key="b": 2;x=1;y=2`, dictionary),
		"key, a list":                  good(`"x-d";key="c": (a b c)`, dictionary),
		"key, a flag":                  good(`"x-d";key="d": ?1`, dictionary),
		"key, absent":                  bad(`"x-d";key="e": 1`, dictionary, qseal.ReasonFieldMissing),
		"key, no dictionary":           bad(`"x-a";key="a": 1`, fields("x-a", "\x01"), qseal.ReasonFieldMissing),
		"key is a token":               bad(`"x-d";key=a: 1`, dictionary, qseal.ReasonFormat),
		"two members":                  {lines: plus(usual(), `"x-d";key="a": 1`, `"x-d";key="b": 2;x=1;y=2`), change: dictionary},
		"sf":                           good(`"priority";sf: u=1, i`, fields("priority", "u=1,   i")),
		"sf, as it was":                bad(`"priority";sf: u=1,   i`, fields("priority", "u=1,   i"), qseal.ReasonSignatureInvalid),
		"sf, a list":                   good(`"cache-status";sf: a;hit, b`, fields("cache-status", "a;hit", "b")),
		"sf, an item":                  good(`"client-cert";sf: :AA==:`, fields("client-cert", " :AA==: ")),
		"sf, of another type":          bad(`"client-cert";sf: a`, fields("client-cert", "a, b"), qseal.ReasonFieldMissing),
		"sf, structure not known":      bad(`"x-a";sf: b`, fields("x-a", "b"), qseal.ReasonFieldMissing),
		"unknown parameter":            bad(`"x-a";x: b`, fields("x-a", "b"), qseal.ReasonFormat),
		"name on a field":              bad(`"x-a";name="b": b`, fields("x-a", "b"), qseal.ReasonFormat),
		"key on a derived one":         bad(`"@method";key="a": POST`, nil, qseal.ReasonFormat),
		"sf on a derived one":          bad(`"@method";sf: POST`, nil, qseal.ReasonFormat),
		"@authority":                   good(`"@authority": bank.example`, func(r *http.Request) { r.Host = "BANK.example:443" }),
		"@authority, another port":     bad(`"@authority": bank.example`, func(r *http.Request) { r.Host = "bank.example:80" }, qseal.ReasonSignatureInvalid),
		"@authority, another":          bad(`"@authority": bank.example`, func(r *http.Request) { r.Host = "evil.example" }, qseal.ReasonSignatureInvalid),
		"@scheme":                      good(`"@scheme": https`, nil),
		"@path":                        good(`"@path": /v1/payments`, nil),
		"@query":                       good(`"@query": ?x=%2F`, nil),
		"@query, decoded":              bad(`"@query": ?x=/`, nil, qseal.ReasonSignatureInvalid),
		"@request-target":              good(`"@request-target": /v1/payments?x=%2F`, nil),
		"@method in lower case":        bad(`"@method";req: post`, nil, qseal.ReasonFieldMissing),
		"@query-param":                 onQuery("a=b&c=d", `"@query-param";name="a": b`, 0),
		"@query-param, of several":     onQuery("a=b&c=d", `"@query-param";name="c": d`, 0),
		"@query-param, empty":          onQuery("a=&c=d", `"@query-param";name="a": `, 0),
		"@query-param, no value":       onQuery("a&c=d", `"@query-param";name="a": `, 0),
		"@query-param, coded":          onQuery("var=this%20is+%0A%c3%a7~*", `"@query-param";name="var": this%20is%20%0A%C3%A7%7E*`, 0),
		"@query-param, name coded":     onQuery("fa%C3%A7ade%22%3A%20=x", `"@query-param";name="fa%C3%A7ade%22%3A%20": x`, 0),
		"@query-param, name not coded": onQuery("a%3A=x", `"@query-param";name="a:": x`, qseal.ReasonFieldMissing),
		"@query-param, absent":         onQuery("a=b", `"@query-param";name="x": b`, qseal.ReasonFieldMissing),
		"@query-param, twice":          onQuery("a=b&a=b", `"@query-param";name="a": b`, qseal.ReasonFieldMissing),
		"@query-param, twice, coded":   onQuery("a=b&%61=c", `"@query-param";name="a": b`, qseal.ReasonFieldMissing),
		"@query-param, bad percent":    onQuery("a=%zz", `"@query-param";name="a": %zz`, qseal.ReasonFieldMissing),
		"@query-param without name":    onQuery("a=b", `"@query-param": b`, qseal.ReasonFormat),
		"name on @query":               bad(`"@query";name="a": b`, nil, qseal.ReasonFormat),
	} {
		t.Run(name, row.run)
	}
}

func TestRFC9421EmptyTarget(t *testing.T) {
	for name, row := range map[string]struct{ target, path, query, want string }{
		"no path":           {"https://bank.example", "/", "?", "https://bank.example/"},
		"no query":          {"https://bank.example/a", "/a", "?", "https://bank.example/a"},
		"empty query":       {"https://bank.example/a?", "/a", "?", "https://bank.example/a?"},
		"encoded slash":     {"https://bank.example/a%2Fb?q", "/a%2Fb", "?q", "https://bank.example/a%2Fb?q"},
		"query with a mark": {"https://bank.example/a?b?c", "/a", "?b?c", "https://bank.example/a?b?c"},
	} {
		t.Run(name, func(t *testing.T) {
			lines := usual()
			lines[1] = `"@target-uri": ` + row.want
			messageSeal{lines: plus(lines, `"@path": `+row.path, `"@query": `+row.query), change: func(r *http.Request) {
				u, err := r.URL.Parse(row.target)
				require.NoError(t, err)
				r.URL = u
				r.URL.ForceQuery = strings.HasSuffix(row.target, "?")
			}}.run(t)
		})
	}
}

// What a response has of its request only, it has not of itself (2.4).
func TestRFC9421DerivedOfResponse(t *testing.T) {
	for name, row := range map[string]struct {
		line string
		want qseal.Reason
	}{
		"@status":             {`"@status": 201`, 0},
		"@method of request":  {`"@method";req: POST`, 0},
		"@method":             {`"@method": `, qseal.ReasonFieldMissing},
		"@authority":          {`"@authority": `, qseal.ReasonFieldMissing},
		"@status of request":  {`"@status";req: 201`, qseal.ReasonFieldMissing},
		"@path of no request": {`"@path";req: /`, qseal.ReasonFieldMissing},
	} {
		t.Run(name, func(t *testing.T) {
			id, _, _ := strings.Cut(row.line, ": ")
			params := "(" + id + ");created=1"
			f := p256Forger()
			signature := f.sign(t, "ES256", []byte(row.line+"\n\"@signature-params\": "+params))
			r := &http.Response{StatusCode: http.StatusCreated, Header: http.Header{
				"Signature-Input": {"s=" + params}, "Signature": {"s=:" + base64.StdEncoding.EncodeToString(signature) + ":"},
			}}
			var request *qseal.MessageView
			if !strings.HasPrefix(name, "@path") {
				request = sealRequest(t, fields())
			}
			_, err := qseal.VerifyRFC9421(qseal.ViewResponse(r, nil, request), "s", "ecdsa-p256-sha256", f.cert.PublicKey)
			assert.Equal(t, row.want, qseal.ReasonOf(err), "%v", err)
		})
	}
}

func TestContentDigest(t *testing.T) {
	sum := sha256.Sum256([]byte("x"))
	good := "sha-256=:" + base64.StdEncoding.EncodeToString(sum[:]) + ":"
	const sha512 = "sha-512=:pKvSlSyvbZTLBZJLVKz+tFkWmIyIGN34s5j6GRZxTAO1idNmfLyeqAvKp+OUzHMPRSIPFwtYlrkxBuDgVpJDnA==:"
	for name, row := range map[string]struct {
		lines []string
		ok    bool
	}{
		"sha-256":               {[]string{good}, true},
		"two lines":             {[]string{good, "md5=:AAAA:"}, true},
		"unknown one beside":    {[]string{"sha=:AAAA:, " + good}, true},
		"unknown one alone":     {[]string{"md5=:AAAA:"}, false},
		"nothing":               {[]string{""}, false},
		"no line":               {nil, false},
		"one of two is wrong":   {[]string{good + ", " + sha512[:len(sha512)-4] + "A==:"}, false},
		"twice":                 {[]string{good + ", " + good}, false},
		"twice, the last right": {[]string{"sha-256=:" + strings.Repeat("A", 43) + "=:, " + good}, false},
		"cut short":             {[]string{"sha-256=:AAAA:"}, false},
		"text":                  {[]string{`sha-256="x"`}, false},
		"with a parameter":      {[]string{good + ";x=1"}, false},
		"bits left over":        {[]string{loosen(strings.TrimSuffix(good, "=:")) + "=:"}, false},
		"without padding":       {[]string{strings.Replace(good, "=:", ":", 2)}, false},
		"name in capitals":      {[]string{strings.Replace(good, "sha", "SHA", 1)}, false},
		"too long":              {[]string{good + ", x=:" + strings.Repeat("A", 1<<10) + ":"}, false},
	} {
		t.Run(name, func(t *testing.T) {
			err := qseal.CheckContentDigest(row.lines, []byte("x"))
			if row.ok {
				require.NoError(t, err)
				return
			}
			require.ErrorIs(t, err, qseal.ReasonDigest)
		})
	}
}
