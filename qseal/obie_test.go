package qseal_test

import (
	"encoding/base64"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas/qseal"
)

// tppName is the subject of a forger's certificate in the form of RFC 4514.
const tppName = "2.5.4.97=PSDLT-BL-LB000468,O=TPP One,C=LT"

// bodySeal changes one thing of a detached JWS over a body and signs again.
type bodySeal struct {
	profile  qseal.Profile
	header   string
	old, new string
	input    string // what is signed after the dot, in place of the body
	way      string // PS256
	by       func() *forger
	change   func(h http.Header)
	body     *string
	at       time.Duration
	want     qseal.Reason
	says     string // in the error
	quirks   qseal.Quirk
}

func (b bodySeal) run(t *testing.T) {
	t.Helper()
	if b.way == "" {
		b.way = "PS256"
	}
	if b.by == nil {
		b.by = rsaForger
	}
	body := sealBody
	if b.body != nil {
		body = *b.body
	}
	if b.input == "" {
		b.input = b64url(body)
	}
	h := fields()
	h.Set("X-Jws-Signature", b.by().compact(t, b.way, swap(t, b.header, b.old, b.new), b.input))
	if b.change != nil {
		b.change(h)
	}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://bank.example/", nil)
	require.NoError(t, err)
	r.Header = h
	seal, err := qseal.VerifyMessage(qseal.ViewRequest(r, []byte(body)), b.profile, b.by().cert, sealTime.Add(b.at))
	assert.Equal(t, b.want, qseal.ReasonOf(err), "%v", err)
	if b.says != "" {
		require.ErrorContains(t, err, b.says)
	}
	if err == nil {
		assert.NotEmpty(t, seal.ReplayKey)
		assert.Equal(t, b.quirks, seal.Quirks)
	}
}

const obieNS = `"http://openbanking.org.uk/`

func obieHeader(more string) string {
	return fmt.Sprintf(`{"alg":"PS256","kid":"k1","typ":"JOSE","cty":"application/json",`+
		obieNS+`iat":%d,`+obieNS+`iss":"%s",`+obieNS+`tan":"openbanking.org.uk",`+
		`"crit":[`+obieNS+`iat",`+obieNS+`iss",`+obieNS+`tan"%s}`, sealTime.Unix(), tppName, more)
}

func TestOBIEHeader(t *testing.T) {
	v313, v314 := qseal.OBIE31(qseal.OBIE313), qseal.OBIE31(qseal.OBIE314)
	now, old := obieHeader("]"), obieHeader(`,"b64"],"b64":false`)
	iat := fmt.Sprintf(obieNS+`iat":%d`, sealTime.Unix())
	row := func(from, to string, want qseal.Reason) bodySeal {
		return bodySeal{profile: v314, header: now, old: from, new: to, want: want}
	}
	empty, other := "", `{"amount":"99.00"}`
	for name, c := range map[string]bodySeal{
		"3.1.4":                          {profile: v314, header: now},
		"3.1.3":                          {profile: v313, header: old, input: sealBody},
		"3.1.3, signed encoded":          {profile: v313, header: old, want: qseal.ReasonSignatureInvalid},
		"3.1.4 as 3.1.3":                 {profile: v313, header: now, want: qseal.ReasonCritical},
		"3.1.3 as 3.1.4":                 {profile: v314, header: old, input: sealBody, want: qseal.ReasonCritical},
		"3.1.4 with b64 not critical":    row(`"typ"`, `"b64":true,"typ"`, qseal.ReasonHeader),
		"3.1.3 with b64 true":            {profile: v313, header: obieHeader(`,"b64"],"b64":true`), want: qseal.ReasonHeader},
		"3.1.3 without b64 in crit":      {profile: v313, header: obieHeader(`],"b64":false`), input: sealBody, want: qseal.ReasonCritical},
		"without typ":                    row(`"typ":"JOSE",`, "", 0),
		"without cty":                    row(`"cty":"application/json",`, "", 0),
		"cty json":                       row(`application/json`, "json", 0),
		"cty text":                       row(`application/json`, "text/plain", qseal.ReasonHeader),
		"typ jose":                       row(`"JOSE"`, `"jose"`, qseal.ReasonHeader),
		"typ is a number":                row(`"JOSE"`, `1`, qseal.ReasonHeader),
		"member that is not listed":      row(`"typ"`, `"x5c":[],"typ"`, qseal.ReasonHeader),
		"case variant of alg":            row(`"typ"`, `"Alg":"none","typ"`, qseal.ReasonHeader),
		"no kid":                         row(`"kid":"k1",`, "", qseal.ReasonHeader),
		"kid is empty":                   row(`"k1"`, `""`, qseal.ReasonHeader),
		"kid is a number":                row(`"k1"`, `1`, qseal.ReasonHeader),
		"RS256":                          {profile: v314, header: now, old: "PS256", new: "RS256", way: "RS256", want: qseal.ReasonAlgorithm},
		"RS512, as a sample has it":      {profile: v314, header: now, old: "PS256", new: "RS512", way: "RS256", want: qseal.ReasonAlgorithm},
		"algorithm of nobody":            row("PS256", "PS257", qseal.ReasonAlgorithm),
		"HS256":                          {profile: v314, header: now, old: "PS256", new: "HS256", way: "HS256", want: qseal.ReasonAlgorithm},
		"ES256":                          {profile: v314, header: now, old: "PS256", new: "ES256", way: "ES256", by: p256Forger, want: qseal.ReasonAlgorithm},
		"salt max":                       {profile: v314, header: now, way: "PS256 salt max", want: qseal.ReasonSignatureInvalid},
		"salt max, allowed":              {profile: v314.AllowQuirks(qseal.QuirkAnySalt), header: now, way: "PS256 salt max", quirks: qseal.QuirkAnySalt},
		"crit of two":                    row(`,`+obieNS+`tan"]`, `]`, qseal.ReasonCritical),
		"crit with kid":                  row(`tan"]`, `tan","kid"]`, qseal.ReasonCritical),
		"no crit":                        row(`,"crit":[`+obieNS+`iat",`+obieNS+`iss",`+obieNS+`tan"]`, "", qseal.ReasonCritical),
		"fractional iat":                 {profile: v314, header: now, old: iat, new: iat + ".582", at: time.Second},
		"iat in the future":              {profile: v314, header: now, at: -3 * time.Second, want: qseal.ReasonIssuedInFuture},
		"iat too old":                    {profile: v314, header: now, at: 5*time.Minute + time.Second, want: qseal.ReasonStale},
		"iat is text":                    row(iat, obieNS+`iat":"1"`, qseal.ReasonHeader),
		"iss as OpenSSL writes it":       row(tppName, "C = LT, O = TPP One, organizationIdentifier = PSDLT-BL-LB000468", 0),
		"iss of another":                 row("LB000468", "LB000469", qseal.ReasonCertificateMismatch),
		"iss without the organisation":   row(tppName, "O=TPP One,C=LT", qseal.ReasonCertificateMismatch),
		"iss of the directory":           row(tppName, "0014H00002LmnSNQAZ/AORlKI7oUF85BB2WUr7ZK2", 0),
		"iss of a bank in a request":     row(tppName, "0014H00002LmnSNQAZ", qseal.ReasonHeader),
		"iss of neither":                 row(tppName, "TPP One", qseal.ReasonHeader),
		"iss is empty":                   row(tppName, "", qseal.ReasonHeader),
		"tan of another":                 row("tan\":\"openbanking.org.uk", "tan\":\"evil.example", qseal.ReasonHeader),
		"tan that is allowed":            {profile: qseal.OBIE31(qseal.OBIE314, "trust.example"), header: now, old: "tan\":\"openbanking.org.uk", new: "tan\":\"trust.example"},
		"body changed":                   {profile: v314, header: now, input: b64url(sealBody), body: &other, want: qseal.ReasonSignatureInvalid},
		"empty body":                     {profile: v314, header: now, body: &empty, want: qseal.ReasonCoverage},
		"payload in the token":           {profile: v314, header: now, change: attach, want: qseal.ReasonFormat},
		"no seal":                        {profile: v314, header: now, change: func(h http.Header) { h.Del("X-Jws-Signature") }, want: qseal.ReasonSignatureMissing},
		"two lines":                      {profile: v314, header: now, change: func(h http.Header) { h.Add("X-Jws-Signature", "x") }, want: qseal.ReasonRepeated},
		"connection names the signature": {profile: v314, header: now, change: func(h http.Header) { h.Set("Connection", "x-jws-signature") }, want: qseal.ReasonHopByHop},
	} {
		t.Run(name, c.run)
	}
	assert.True(t, qseal.OBIE31(0).IsZero(), "the zero version is none")
}

// attach puts the payload into the JWS of a message.
func attach(h http.Header) {
	h.Set("X-Jws-Signature", strings.Replace(h.Get("X-Jws-Signature"), "..", "."+base64.RawURLEncoding.EncodeToString([]byte(sealBody))+".", 1))
}

func TestPolishAPI(t *testing.T) {
	p := qseal.PolishAPI21()
	f := rsaForger()
	header := `{"alg":"PS256","x5t#S256":"` + f.thumbprint() + `"}`
	id := fields().Get("X-Request-Id")
	good := `{"requestHeader":{"requestId":"` + id + `","sendDate":"2026-11-24T12:00:00Z"},"amount":"10.00"}`
	body := func(old, text string) *string { s := swap(t, good, old, text); return &s }
	row := func(from, to string, want qseal.Reason) bodySeal {
		return bodySeal{profile: p, header: header, old: from, new: to, body: &good, want: want}
	}
	with := func(b *string, want qseal.Reason) bodySeal {
		return bodySeal{profile: p, header: header, body: b, want: want}
	}
	deep := `{"requestHeader":{"requestId":"` + id + `"},"x":` + strings.Repeat("[", 40) + strings.Repeat("]", 40) + `}`
	for name, c := range map[string]bodySeal{
		"x5t#S256":                   row("", "", 0),
		"kid":                        row(`"x5t#S256":"`+f.thumbprint()+`"`, `"kid":"k1"`, 0),
		"x5c":                        row(`"x5t#S256":"`+f.thumbprint()+`"`, `"x5c":["`+f.x5c()+`"]`, 0),
		"no certificate":             row(`,"x5t#S256":"`+f.thumbprint()+`"`, "", qseal.ReasonCertificateMissing),
		"x5t#S256 of another":        row(f.thumbprint(), p256Forger().thumbprint(), qseal.ReasonCertificateMismatch),
		"kid is a number":            row(`"x5t#S256":"`+f.thumbprint()+`"`, `"kid":1`, qseal.ReasonHeader),
		"x5u":                        row(`"alg"`, `"x5u":"https://evil.example","alg"`, qseal.ReasonHeader),
		"jwk":                        row(`"alg"`, `"jwk":{},"alg"`, qseal.ReasonHeader),
		"crit":                       row(`"alg"`, `"iat":1,"crit":["iat"],"alg"`, qseal.ReasonCritical),
		"b64 false":                  {profile: p, header: header, old: `"alg"`, new: `"b64":false,"crit":["b64"],"alg"`, input: good, body: &good},
		"HS256":                      {profile: p, header: header, old: "PS256", new: "HS256", way: "HS256", body: &good, want: qseal.ReasonAlgorithm},
		"RS256":                      {profile: p, header: header, old: "PS256", new: "RS256", way: "RS256", body: &good},
		"payload in the token":       {profile: p, header: header, body: &good, change: attach, want: qseal.ReasonFormat},
		"another id":                 with(body(id, id[:35]+"0"), qseal.ReasonCoverage),
		"no id in the body":          with(body(`"requestId":"`+id+`",`, ""), qseal.ReasonCoverage),
		"id is a number":             with(body(`"`+id+`"`, "1"), qseal.ReasonCoverage),
		"id twice":                   with(body(`"sendDate"`, `"requestId":"x","sendDate"`), qseal.ReasonBody),
		"id of a response":           with(body("requestHeader", "responseHeader"), qseal.ReasonCoverage),
		"body is no JSON":            with(body("{", "["), qseal.ReasonBody),
		"body is too deep":           with(&deep, qseal.ReasonBody),
		"id in the field changed":    {profile: p, header: header, body: &good, change: func(h http.Header) { h.Set("X-Request-Id", "x") }, want: qseal.ReasonCoverage},
		"id empty in both":           {profile: p, header: header, body: body(id, ""), change: func(h http.Header) { h.Set("X-Request-Id", "") }, want: qseal.ReasonCoverage},
		"id in the field removed":    {profile: p, header: header, body: &good, change: func(h http.Header) { h.Del("X-Request-Id") }, want: qseal.ReasonFieldMissing},
		"seal in two lines":          {profile: p, header: header, body: &good, change: func(h http.Header) { h.Add("X-Jws-Signature", "x") }, want: qseal.ReasonRepeated},
		"no seal":                    {profile: p, header: header, body: &good, change: func(h http.Header) { h.Del("X-Jws-Signature") }, want: qseal.ReasonSignatureMissing},
		"id in the field twice":      {profile: p, header: header, body: &good, change: func(h http.Header) { h.Add("X-Request-Id", id) }, want: qseal.ReasonRepeated},
		"body changed after signing": {profile: p, header: header, input: b64url(good), body: body("10.00", "99.00"), want: qseal.ReasonSignatureInvalid},
	} {
		t.Run(name, c.run)
	}
}
