package qseal_test

import (
	"crypto/sha256"
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas/qseal"
)

// The rows of this file hold guards that `make mutation` found unheld: those
// whose absence another guard hides, so that only the words of the refusal tell
// them apart, and those that no message of the other tests reaches.

func TestJSONWalkerStopsWhereItSays(t *testing.T) {
	for name, row := range map[string]struct{ in, says string }{
		"no comma in an array":            {`[1 2]`, "neither comma nor end"},
		"another letter before a name":    {`{xa":1}`, "no name"},
		"name with an unknown escape":     {`{"\x:1}`, "unknown escape"},
		"another letter for a colon":      {`{"a"=1}`, "no colon"},
		"escape of two digits":            {`"\x0041"`, "unknown escape"},
		"broken escape before a low half": {`"\u000g\udc00"`, "not hexadecimal"},
		"broken low half":                 {`"\ud83d\uzzzz"`, "not hexadecimal"},
		"beyond the low halves":           {`"\ud83d\uffff"`, "lone surrogate"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := qseal.DecodeJSON(row.in)
			require.ErrorIs(t, err, qseal.ErrJSONSyntax)
			assert.ErrorContains(t, err, row.says)
		})
	}
	got, err := qseal.DecodeJSON(`"\uffff\ue000\ud7ff"`)
	require.NoError(t, err, "characters around the surrogates")
	assert.Equal(t, "\uffff\ue000\ud7ff", got)
	assert.False(t, qseal.HasMember(`["x"]`, ""), "an element has no name")
	assert.True(t, qseal.HasMember(`{"":"x"}`, ""))
}

func TestJWSRefusalsSayWhatIsWrong(t *testing.T) {
	const alg = `"alg":"PS256"`
	token := func(text string) func(string) string { return func(string) string { return text } }
	segment := func(i int, text string) func(string) string {
		return func(s string) string {
			parts := strings.Split(s, ".")
			parts[i] = text
			return strings.Join(parts, ".")
		}
	}
	ref := `"x5t#S256":"` + rsaForger().thumbprint() + `"`
	runAll(t, map[string]jadesAttack{
		"two segments":            {token: token("a.b"), want: qseal.ReasonFormat, says: "three segments"},
		"four segments":           {token: func(s string) string { return s + "." }, want: qseal.ReasonFormat, says: "three segments"},
		"header is not base64url": {token: segment(0, "*"), want: qseal.ReasonFormat, says: "jws header: not base64url"},
		"header is no JSON":       {token: segment(0, b64url("{]")), want: qseal.ReasonFormat, says: "jws header: json is malformed"},
		"signature is not base64": {token: segment(2, "*"), want: qseal.ReasonFormat, says: "jws signature: not base64url"},
		"no signature":            {token: segment(2, ""), want: qseal.ReasonFormat, says: "jws signature is empty"},
		"alg is a number":         {old: alg, new: `"alg":1`, want: qseal.ReasonAlgorithm, says: "missing or no string"},
		"alg is empty":            {old: alg, new: `"alg":""`, want: qseal.ReasonAlgorithm, says: `alg ""`},
		"alg is a dash":           {old: alg, new: `"alg":"-"`, want: qseal.ReasonAlgorithm, says: `alg "-"`},
		"alg of another profile":  {alg: "RS256", profile: qseal.INGJAdES(), want: qseal.ReasonAlgorithm, says: "does not allow"},
		"crit is text":            {old: `"crit":["b64","sigD"]`, new: `"crit":"b64"`, want: qseal.ReasonCritical, says: "list of strings"},
		"crit of a number":        {old: `"crit":["b64","sigD"]`, new: `"crit":[1]`, want: qseal.ReasonCritical, says: "list of strings"},
		"x5c of a number":         {old: ref, new: `"x5c":[1]`, want: qseal.ReasonHeader, says: "list of strings"},
		"x5c is not base64":       {old: ref, new: `"x5c":["*"]`, want: qseal.ReasonCertificateMalformed, says: "illegal base64"},
		"iat in exponents":        {old: fmt.Sprint(sealTime.Unix()), new: "1795521600e0", want: qseal.ReasonHeader, says: "iat is not a time"},
		"iat of the year 10000":   {old: fmt.Sprint(sealTime.Unix()), new: "253402300800", want: qseal.ReasonHeader, says: "iat is not a time"},
		"iat of minus zero":       {old: fmt.Sprint(sealTime.Unix()), new: "-0", want: qseal.ReasonHeader, says: "iat is not a time"},
		"iat is negative":         {old: fmt.Sprint(sealTime.Unix()), new: "-1", want: qseal.ReasonHeader, says: "iat is not a time"},
		"iat with a fraction":     {old: fmt.Sprint(sealTime.Unix()), new: fmt.Sprintf("%d.25", sealTime.Unix())},
		"fraction in exponents":   {old: fmt.Sprint(sealTime.Unix()), new: fmt.Sprintf("%d.2e0", sealTime.Unix()), want: qseal.ReasonHeader, says: "iat is not a time"},
		"x5t#S256 of 31 bytes":    {old: rsaForger().thumbprint(), new: rsaForger().thumbprint()[:42], want: qseal.ReasonFormat, says: "not a digest"},
		"digest is gone":          {change: func(h http.Header) { h.Del("Digest") }, want: qseal.ReasonFieldMissing, says: "digest"},
		"a field of two lines":    {change: func(h http.Header) { h.Add("X-Jws-Signature", "x") }, want: qseal.ReasonRepeated, says: "2 lines"},
		"content-digest is wrong": {old: `,"digest"]`, new: `,"content-digest"]`, change: set9530(""), want: qseal.ReasonDigest, says: "content-digest"},
	})
	names := make([]string, 0, 33)
	var extra strings.Builder
	for i := range 33 {
		names = append(names, fmt.Sprintf(`"x-%d"`, i))
	}
	for i := range 28 {
		fmt.Fprintf(&extra, "\nx-%d: %d", i, i)
	}
	many := func(n int) jadesAttack {
		return jadesAttack{
			old: `"digest"]`, new: `"digest",` + strings.Join(names[:n], ",") + `]`,
			input:  func(h http.Header) string { return jadesInput(h) + extra.String() },
			change: func(h http.Header) { number(h, n) },
		}
	}
	thirtyTwo, thirtyThree := many(28), many(29)
	thirtyThree.want, thirtyThree.says = qseal.ReasonHeader, "1 to 32"
	runAll(t, map[string]jadesAttack{"32 fields": thirtyTwo, "33 fields": thirtyThree})
}

func number(h http.Header, n int) {
	for i := range n {
		h.Set(fmt.Sprintf("X-%d", i), fmt.Sprint(i))
	}
}

func set9530(value string) func(h http.Header) {
	return func(h http.Header) { h.Set("Content-Digest", value) }
}

func TestJAdESDocumentGuards(t *testing.T) {
	f := rsaForger()
	head := fmt.Sprintf(`{"alg":"PS256","iat":%d,`, sealTime.Unix())
	x5t := `"x5t#S256":"` + f.thumbprint() + `"`
	reference := `{"digAlg":"S256","digVal":"` + f.thumbprint() + `"}`
	known := qseal.JAdESOptions{Certificates: f.chain()}
	one := []qseal.Document{{URI: "a", Data: []byte("one")}}
	form := func(text string) func(string) string {
		return func(s string) string {
			p := strings.Split(s, ".")
			return strings.NewReplacer("H", `"protected":"`+p[0]+`"`, "P", `"payload":"`+p[1]+`"`, "S", `"signature":"`+p[2]+`"`).Replace(text)
		}
	}
	attached := func(token func(string) string, want qseal.Reason, says string) jadesDocument {
		return jadesDocument{header: head + `%s}`, payload: b64url("one"), input: b64url("one"), token: token, want: want, says: says}
	}
	detached := func(token func(string) string, want qseal.Reason, says string) jadesDocument {
		return jadesDocument{header: head + `%s}`, input: b64url("one"), docs: one, token: token, want: want, says: says}
	}
	byURI := func(more string) string {
		return head + `%s,"crit":["sigD"],"sigD":{"mId":"http://uri.etsi.org/19182/ObjectIdByURI","pars":["a"]` + more + `}}`
	}
	digests := func(par, hashes string) string {
		return head + `%s,"crit":["sigD"],"sigD":{"mId":"` + byURIHash + `","pars":` + par + `,"hashM":"S256","hashV":` + hashes + `}}`
	}
	raw := sha256.Sum256([]byte(b64url("one")))
	digest := `"` + base64.RawURLEncoding.EncodeToString(raw[:]) + `"`
	for name, row := range map[string]jadesDocument{
		"sigX5ts alone":                         {header: head + `"sigX5ts":[` + reference + `]}`, input: b64url("one"), docs: one, options: known},
		"x5t#o alone":                           {header: head + `"x5t#o":` + reference + `}`, input: b64url("one"), docs: one, options: known},
		"x5t#S256, the certificate known":       {header: head + x5t + `}`, input: b64url("one"), docs: one, options: known},
		"x5t#o without digAlg":                  {header: head + `"x5t#o":{"digVal":"AA"}}`, docs: one, options: known, want: qseal.ReasonHeader, says: "without digAlg"},
		"general":                               attached(form(`{P,"signatures":[{H,S}]}`), 0, ""),
		"general, signature beside":             attached(form(`{P,S,"signatures":[{H,S}]}`), qseal.ReasonFormat, "mixes"),
		"general, protected beside":             attached(form(`{P,H,"signatures":[{H,S}]}`), qseal.ReasonFormat, "mixes"),
		"general, an object for the list":       attached(form(`{P,"signatures":{"a":{H,S}}}`), qseal.ReasonFormat, "not one"),
		"general, two":                          attached(form(`{P,"signatures":[{H,S},{H,S}]}`), qseal.ReasonFormat, "not one"),
		"flattened, no protected":               attached(form(`{P,S}`), qseal.ReasonFormat, "lacks protected"),
		"flattened, no JSON":                    attached(form(`{P,S`), qseal.ReasonFormat, "json is malformed"),
		"flattened, without payload":            detached(form(`{H,S}`), 0, ""),
		"flattened, payload is a number":        detached(form(`{H,S,"payload":1}`), qseal.ReasonFormat, "lacks protected"),
		"by URI":                                {header: byURI(""), input: b64url("one"), docs: one},
		"by URI, hashM":                         {header: byURI(`,"hashM":"S256"`), input: b64url("one"), docs: one, want: qseal.ReasonHeader, says: "has digests"},
		"by URI, hashV":                         {header: byURI(`,"hashV":[]`), input: b64url("one"), docs: one, want: qseal.ReasonHeader, says: "has digests"},
		"by URI, ctys of a number":              {header: byURI(`,"ctys":[1]`), input: b64url("one"), docs: one, want: qseal.ReasonHeader, says: "ctys"},
		"sigD is text":                          {header: head + `%s,"crit":["sigD"],"sigD":"x"}`, docs: one, want: qseal.ReasonHeader, says: "not an object"},
		"digests":                               {header: digests(`["a"]`, `[`+digest+`]`), docs: one},
		"digests, one is a number":              {header: digests(`["a"]`, `[1]`), docs: one, want: qseal.ReasonHeader, says: "hashV is not a list"},
		"digests, pars of a number":             {header: digests(`[1]`, `[`+digest+`]`), docs: one, want: qseal.ReasonHeader, says: "pars is not a list"},
		"digests, of a document that is not it": {header: digests(`["a"]`, `[`+digest+`]`), docs: []qseal.Document{{URI: "a", Data: []byte("two")}}, want: qseal.ReasonDigest},
	} {
		t.Run(name, row.run)
	}
}

func TestBindingGuards(t *testing.T) {
	for name, row := range map[string]bindingAttack{
		"plain":             {},
		"cty is a number":   {old: `"cty":"TLS-Certificate-Binding-v1"`, new: `"cty":1`, want: qseal.ReasonHeader, says: "cty is not a string"},
		"alg of no binding": {alg: "RS384", way: "RS256", want: qseal.ReasonAlgorithm, says: "does not allow rsa-v1_5-sha384"},
		"sigD is a number":  {old: `"sigD":{`, new: `"sigD":1,"x5t#o":{`, want: qseal.ReasonHeader},
	} {
		t.Run(name, row.run)
	}
	list := `"sigD":{"mId":"` + byURIHash + `","pars":[""],"hashM":"S256","hashV":["` + boundDigest(p256Forger().cert) + `"]}`
	bindingAttack{old: list, new: `"sigD":"x"`, want: qseal.ReasonHeader, says: "sigD is not an object"}.run(t)
	assert.False(t, qseal.NamesCertificate("MD5", nil, p256Forger().cert), "a hash outside of the set names nothing")
}

func TestBodySealGuards(t *testing.T) {
	f := rsaForger()
	id := fields().Get("X-Request-Id")
	good := `{"requestHeader":{"requestId":"` + id + `"},"amount":1}`
	number := `{"requestHeader":{"requestId":1},"amount":1}`
	polish := qseal.PolishAPI21()
	header := `{"alg":"PS256","x5t#S256":"` + f.thumbprint() + `"}`
	v313, v314 := qseal.OBIE31(qseal.OBIE313), qseal.OBIE31(qseal.OBIE314)
	for name, row := range map[string]bodySeal{
		"Polish":                             {profile: polish, header: header, body: &good},
		"Polish, x5t#S256 is no digest":      {profile: polish, header: header, old: f.thumbprint(), new: "AA", body: &good, want: qseal.ReasonFormat, says: "x5t#S256"},
		"Polish, id is a number in both":     {profile: polish, header: header, body: &number, change: func(h http.Header) { h.Set("X-Request-Id", "1") }, want: qseal.ReasonCoverage, says: "has no requestHeader.requestId"},
		"OBIE":                               {profile: v314, header: obieHeader("]")},
		"OBIE, kid is a number":              {profile: v314, header: obieHeader("]"), old: `"kid":"k1"`, new: `"kid":1`, want: qseal.ReasonHeader, says: "kid is not a string"},
		"OBIE, b64 since 3.1.4":              {profile: v314, header: obieHeader("]"), old: `"alg"`, new: `"b64":true,"alg"`, want: qseal.ReasonHeader, says: "not allowed since 3.1.4"},
		"OBIE, b64 is true until 3.1.3":      {profile: v313, header: obieHeader(`,"b64"],"b64":true`), want: qseal.ReasonHeader, says: "b64 is not false"},
		"OBIE, b64 is false as it should be": {profile: v313, header: obieHeader(`,"b64"],"b64":false`), input: sealBody},
	} {
		t.Run(name, row.run)
	}
	const org, statement = "0015800000jfQ9aAAE", "1234567890abcdefghijkL"
	require.NoError(t, qseal.CheckOBIEIss("tpp", org+"/"+statement))
	require.Error(t, qseal.CheckOBIEIss("tpp", org))
	require.Error(t, qseal.CheckOBIEIss("nobody", org+"/"+statement), "the zero party has no iss")
	require.NoError(t, qseal.CheckOBIEIss("aspsp", org))
}

func TestRFC9421Guards(t *testing.T) {
	lines := usual()
	query := func(name, value string) string { return `"@query-param";name="` + name + `": ` + value }
	field := set("X-A", "b")
	for name, row := range map[string]messageSeal{
		"label twice, the first empty": {change: func(r *http.Request) {
			r.Header.Set("Signature-Input", "s=(), "+r.Header.Get("Signature-Input"))
		}, want: qseal.ReasonFormat, says: "named twice"},
		"unknown parameter":          {params: usualParams + ";x=1", want: qseal.ReasonFormat, says: `parameter "x" is unknown`},
		"component is a number":      {lines: lines, list: `("@method" "@target-uri" "content-digest" 1)`, want: qseal.ReasonFormat, says: "component is not a string"},
		"a field, and its bytes":     {lines: plus(lines, `"x-a": b`, `"x-a";bs: :Yg==:`), change: field},
		"a field twice":              {lines: plus(lines, `"x-a": b`, `"x-a": b`), change: field, want: qseal.ReasonFormat, says: "listed twice"},
		"a field, and its trailer":   {lines: plus(lines, `"x-a": b`, `"x-a";tr: b`), change: field, want: qseal.ReasonFieldMissing, says: "trailers"},
		"a field, and no member":     {lines: plus(lines, `"x-a": b`, `"x-a";key="": b`), change: field, want: qseal.ReasonFieldMissing, says: "no member"},
		"a member that is not there": {lines: plus(lines, `"x-a";key="c": b`), change: field, want: qseal.ReasonFieldMissing, says: `no member "c"`},
		"two parameters of a query":  {lines: plus(at(lines, "/x?a=1&b=2"), query("a", "1"), query("b", "2")), change: target("/x?a=1&b=2")},
		"a parameter twice":          {lines: plus(at(lines, "/x?a=1&b=2"), query("a", "1"), query("a", "1")), change: target("/x?a=1&b=2"), want: qseal.ReasonFormat, says: "listed twice"},
		"a parameter of no query":    {lines: plus(at(lines, "/x"), query("a", "1")), change: target("/x"), want: qseal.ReasonFieldMissing, says: "there is no query"},
		"a broken parameter":         {lines: plus(at(lines, "/x?a=%zz"), query("a", "")), change: target("/x?a=%zz"), want: qseal.ReasonFieldMissing, says: "not percent-encoded"},
		"signature is no dictionary": {change: set("Signature", "(("), want: qseal.ReasonFormat, says: "signature: not a structured field"},
		"no signature of the label":  {change: set("Signature", "t=:AA==:"), want: qseal.ReasonFormat, says: `no signature "s"`},
		"a structure that is broken": {lines: plus(lines, `"priority";sf: u=1`), change: set("Priority", "(("), want: qseal.ReasonFieldMissing, says: "not a structured field"},
	} {
		t.Run(name, row.run)
	}
	require.ErrorContains(t, qseal.CheckContentDigest([]string{"(("}, nil), "not a structured field")
	require.ErrorContains(t, qseal.CheckContentDigest([]string{"sha-256=:AAAA:"}, nil), "needs 32")
	for header, says := range map[string]string{"SHA-256": "names no algorithm", "SHA-256=AAAA": "has 3 bytes"} {
		require.ErrorContains(t, qseal.CheckDigest(header, nil), says)
	}
}

// at moves the target of a base.
func at(lines []string, target string) []string {
	out := append([]string{}, lines...)
	out[1] = strings.Replace(out[1], sealTarget, target, 1)
	return out
}

// target sends a request elsewhere.
func target(text string) func(r *http.Request) {
	return func(r *http.Request) {
		r.URL.Path, r.URL.RawQuery, _ = strings.Cut(text, "?")
		r.URL.RawPath, r.URL.Opaque = "", ""
	}
}
