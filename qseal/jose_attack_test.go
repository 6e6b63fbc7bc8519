package qseal_test

import (
	"crypto/elliptic"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"math/big"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas/qseal"
)

// Every attack is signed again, so that the one thing wrong with it is the one
// that its name says.

func TestAttack13JOSETimesOfJAdES(t *testing.T) {
	iat := `"iat":1795521600`
	require.EqualValues(t, 1795521600, sealTime.Unix())
	runAll(t, map[string]jadesAttack{
		"now":                          {},
		"at the end of its age":        {at: time.Minute},
		"too old":                      {at: time.Minute + time.Second, want: qseal.ReasonStale},
		"clock ahead within tolerance": {at: -2 * time.Second},
		"made in the future":           {at: -3 * time.Second, want: qseal.ReasonIssuedInFuture},
		"fractional iat":               {old: iat, new: `"iat":1795521600.582`, at: time.Second},
		"fractional iat ahead":         {old: iat, new: `"iat":1795521602.582`, want: qseal.ReasonIssuedInFuture},
		"iat with exponent":            {old: iat, new: `"iat":1.7955216e9`, want: qseal.ReasonHeader},
		"negative iat":                 {old: iat, new: `"iat":-1`, want: qseal.ReasonHeader},
		"iat is text":                  {old: iat, new: `"iat":"1795521600"`, want: qseal.ReasonHeader},
		"iat beyond any year":          {old: iat, new: `"iat":999999999999999`, want: qseal.ReasonHeader},
		"sigT":                         {old: iat, new: `"sigT":"2026-11-24T12:00:00Z"`},
		"sigT with an offset":          {old: iat, new: `"sigT":"2026-11-24T12:00:00+00:00"`, want: qseal.ReasonHeader},
		"sigT and iat":                 {old: iat, new: iat + `,"sigT":"2026-11-24T12:00:00Z"`, want: qseal.ReasonHeader},
		"neither":                      {old: iat, new: `"x":1`, want: qseal.ReasonHeader},
		"exp ahead":                    {old: iat, new: iat + `,"exp":1795521601`},
		"exp reached":                  {old: iat, new: iat + `,"exp":1795521600`, want: qseal.ReasonExpired},
		"exp is text":                  {old: iat, new: iat + `,"exp":"2027-11-24T12:00:00Z"`, want: qseal.ReasonHeader},
	})
}

func TestAttack29JOSENoneAndHMAC(t *testing.T) {
	runAll(t, map[string]jadesAttack{
		"PS256":                       {},
		"none, empty signature":       {alg: "none", way: "empty", want: qseal.ReasonAlgorithm},
		"none, signature":             {alg: "none", way: "PS256", want: qseal.ReasonAlgorithm},
		"None":                        {alg: "None", way: "PS256", want: qseal.ReasonAlgorithm},
		"empty alg":                   {old: `"PS256"`, new: `""`, want: qseal.ReasonAlgorithm},
		"alg is a number":             {old: `"PS256"`, new: `1`, want: qseal.ReasonAlgorithm},
		"no alg":                      {old: `"alg":"PS256",`, new: ``, want: qseal.ReasonAlgorithm},
		"no signature":                {way: "empty", want: qseal.ReasonFormat},
		"HS256 with the public key":   {alg: "HS256", want: qseal.ReasonAlgorithm},
		"alg in another case":         {alg: "ps256", way: "PS256", want: qseal.ReasonAlgorithm},
		"dash, the name of no name":   {alg: "-", way: "PS256", want: qseal.ReasonAlgorithm},
		"HS256 labelled as signature": {way: "HS256", want: qseal.ReasonSignatureInvalid},
	})
}

func TestAttack30JOSEAlgorithmOfAnotherKey(t *testing.T) {
	runAll(t, map[string]jadesAttack{
		"ES256 on P-256":    {by: p256Forger, alg: "ES256"},
		"EdDSA on Ed25519":  {by: ed25519Forger, alg: "EdDSA"},
		"ES256 on RSA":      {alg: "ES256", way: "PS256", want: qseal.ReasonAlgorithm},
		"PS256 on P-256":    {by: p256Forger, alg: "PS256", way: "ES256", want: qseal.ReasonAlgorithm},
		"EdDSA on P-256":    {by: p256Forger, alg: "EdDSA", way: "ES256", want: qseal.ReasonAlgorithm},
		"ES256 on Ed25519":  {by: ed25519Forger, alg: "ES256", way: "EdDSA", want: qseal.ReasonAlgorithm},
		"hs2019":            {alg: "hs2019", way: "PS256", want: qseal.ReasonAlgorithm},
		"rsa-pss-sha256":    {alg: "rsa-pss-sha256", way: "PS256", want: qseal.ReasonAlgorithm},
		"RS256 in ING's":    {alg: "RS256", profile: qseal.INGJAdES(), old: `"iat":1795521600,"b64":false,"crit":["b64","sigD"]`, new: `"sigT":"2026-11-24T12:00:00Z","b64":false,"crit":["sigT","sigD","b64"]`, want: qseal.ReasonAlgorithm},
		"PS256 in ING's":    {profile: qseal.INGJAdES(), old: `"iat":1795521600,"b64":false,"crit":["b64","sigD"]`, new: `"sigT":"2026-11-24T12:00:00Z","b64":false,"crit":["sigT","sigD","b64"]`},
		"x5c beside in ING": {profile: qseal.INGJAdES(), old: `"iat":1795521600,"b64":false,"crit":["b64","sigD"]`, new: `"x5c":["` + rsaForger().x5c() + `"],"sigT":"2026-11-24T12:00:00Z","b64":false,"crit":["sigT","sigD","b64"]`, want: qseal.ReasonHeader},
	})
}

func TestAttack31JOSEPaddingAndSalt(t *testing.T) {
	tolerant := qseal.JAdESHTTP().AllowQuirks(qseal.QuirkAnySalt)
	runAll(t, map[string]jadesAttack{
		"RS256":                            {alg: "RS256"},
		"PS256 as RS256":                   {alg: "RS256", way: "PS256", want: qseal.ReasonSignatureInvalid},
		"RS256 as PS256":                   {alg: "PS256", way: "RS256", want: qseal.ReasonSignatureInvalid},
		"short salt":                       {way: "PS256 salt 0", want: qseal.ReasonSignatureInvalid},
		"salt 20":                          {way: "PS256 salt 20", want: qseal.ReasonSignatureInvalid},
		"salt max":                         {way: "PS256 salt max", want: qseal.ReasonSignatureInvalid},
		"salt max where it is allowed":     {way: "PS256 salt max", profile: tolerant, quirks: qseal.QuirkAnySalt},
		"right salt where any is allowed":  {profile: tolerant},
		"RS256 as PS256, any salt allowed": {way: "RS256", profile: tolerant, want: qseal.ReasonSignatureInvalid},
	})
}

func TestAttack32JOSECurveOfAnotherHash(t *testing.T) {
	runAll(t, map[string]jadesAttack{
		"ES512 on P-256": {by: p256Forger, alg: "ES512", way: "ES256", want: qseal.ReasonAlgorithm},
		"ES384 on P-256": {by: p256Forger, alg: "ES384", way: "ES256", want: qseal.ReasonAlgorithm},
		"ES256 on P-384": {by: p384Forger, alg: "ES256", way: "ES256 DER", want: qseal.ReasonAlgorithm},
	})
}

func TestAttack33JOSEEncodingOfECDSA(t *testing.T) {
	n := elliptic.P256().Params().N
	edit := func(change func(sig []byte) []byte) func(string) string {
		return func(token string) string {
			head, text, _ := strings.Cut(token, "..")
			sig, err := base64.RawURLEncoding.DecodeString(text)
			require.NoError(t, err)
			return head + ".." + base64.RawURLEncoding.EncodeToString(change(sig))
		}
	}
	row := func(change func([]byte) []byte) jadesAttack {
		return jadesAttack{by: p256Forger, alg: "ES256", token: edit(change), want: qseal.ReasonSignatureInvalid}
	}
	runAll(t, map[string]jadesAttack{
		"r and s":        {by: p256Forger, alg: "ES256"},
		"DER":            {by: p256Forger, alg: "ES256", way: "ES256 DER", want: qseal.ReasonSignatureInvalid},
		"all zero":       {by: p256Forger, alg: "ES256", way: "zero", want: qseal.ReasonSignatureInvalid},
		"r is zero":      row(func(b []byte) []byte { clear(b[:32]); return b }),
		"s is zero":      row(func(b []byte) []byte { clear(b[32:]); return b }),
		"r is n":         row(func(b []byte) []byte { n.FillBytes(b[:32]); return b }),
		"s is n":         row(func(b []byte) []byte { n.FillBytes(b[32:]); return b }),
		"r and s plus n": row(func(b []byte) []byte { return plusN(b, n) }),
		"a byte more":    row(func(b []byte) []byte { return append(b, 0) }),
		"zeros before":   row(func(b []byte) []byte { return append(append([]byte{0}, b[:32]...), append([]byte{0}, b[32:]...)...) }),
		"a byte less":    row(func(b []byte) []byte { return b[:63] }),
		"half":           row(func(b []byte) []byte { return b[:32] }),
		"length of P-521": row(func(b []byte) []byte {
			return append(append(make([]byte, 34), b[:32]...), append(make([]byte, 34), b[32:]...)...)
		}),
	})
}

// plusN adds the order to r and s where that fits, with one byte more for each.
func plusN(b []byte, n *big.Int) []byte {
	out := make([]byte, 66)
	new(big.Int).Add(new(big.Int).SetBytes(b[:32]), n).FillBytes(out[:33])
	new(big.Int).Add(new(big.Int).SetBytes(b[32:]), n).FillBytes(out[33:])
	return out
}

func TestAttack34JOSESHA1UnderALabelOfSHA256(t *testing.T) {
	runAll(t, map[string]jadesAttack{
		"SHA-256": {alg: "RS256"},
		"SHA-1":   {alg: "RS256", way: "RS-SHA1", want: qseal.ReasonSignatureInvalid},
	})
}

func TestAttack35JOSEWeakRSA(t *testing.T) {
	f := rsaForger()
	good := f.cert.PublicKey.(*rsa.PublicKey)
	with := func(n *big.Int, e int) *x509.Certificate {
		c := *f.cert
		c.PublicKey = &rsa.PublicKey{N: n, E: e}
		return &c
	}
	runAll(t, map[string]jadesAttack{
		"2048 bits":   {leaf: with(good.N, good.E)},
		"2047 bits":   {leaf: with(new(big.Int).Rsh(good.N, 1), good.E), want: qseal.ReasonKey},
		"1024 bits":   {leaf: with(new(big.Int).Rsh(good.N, 1024), good.E), want: qseal.ReasonKey},
		"16384 bits":  {leaf: with(new(big.Int).Lsh(good.N, 16384-2048), good.E), want: qseal.ReasonKey},
		"exponent 1":  {leaf: with(good.N, 1), want: qseal.ReasonKey},
		"exponent 2":  {leaf: with(good.N, 2), want: qseal.ReasonKey},
		"exponent -3": {leaf: with(good.N, -3), want: qseal.ReasonKey},
	})
}

func TestAttack36JOSECrit(t *testing.T) {
	const crit = `"crit":["b64","sigD"]`
	row := func(text string) jadesAttack {
		return jadesAttack{old: crit, new: text, want: qseal.ReasonCritical}
	}
	runAll(t, map[string]jadesAttack{
		"b64 and sigD":            {},
		"in another order":        {old: crit, new: `"crit":["sigD","b64"]`},
		"iat too":                 {old: crit, new: `"crit":["b64","iat","sigD"]`},
		"unknown":                 row(`"x":1,"crit":["b64","sigD","x"]`),
		"unknown and absent":      row(`"crit":["b64","sigD","x"]`),
		"known and absent":        row(`"crit":["b64","sigD","sigPl"]`),
		"nbf":                     row(`"nbf":1,"crit":["b64","sigD","nbf"]`),
		"etsiU":                   row(`"etsiU":[],"crit":["b64","sigD","etsiU"]`),
		"empty":                   row(`"crit":[]`),
		"text":                    row(`"crit":"b64"`),
		"object":                  row(`"crit":{"b64":1,"sigD":1}`),
		"null":                    row(`"crit":null`),
		"list in a list":          row(`"crit":["b64",["sigD"]]`),
		"number":                  row(`"crit":["b64","sigD",1]`),
		"twice":                   row(`"crit":["b64","sigD","b64"]`),
		"registered":              row(`"crit":["b64","sigD","alg"]`),
		"x5t#S256":                row(`"crit":["b64","sigD","x5t#S256"]`),
		"itself":                  row(`"crit":["b64","sigD","crit"]`),
		"another case":            row(`"crit":["B64","sigD"]`),
		"sigD is not critical":    row(`"crit":["b64"]`),
		"absent":                  row(`"y":1`),
		"ING's crit, other order": {profile: qseal.INGJAdES(), old: `"iat":1795521600,"b64":false,` + crit, new: `"sigT":"2026-11-24T12:00:00Z","b64":false,"crit":["b64","sigT","sigD"]`},
		"sigPl critical in ING's": {profile: qseal.INGJAdES(), old: `"iat":1795521600,"b64":false,` + crit, new: `"sigPl":{},"sigT":"2026-11-24T12:00:00Z","b64":false,"crit":["sigT","sigD","b64","sigPl"]`, want: qseal.ReasonCritical},
	})
}

func TestAttack37JOSEB64(t *testing.T) {
	const b64 = `"b64":false`
	runAll(t, map[string]jadesAttack{
		"false and critical": {},
		"not critical":       {old: `["b64","sigD"]`, new: `["sigD"]`, want: qseal.ReasonCritical},
		"text":               {old: b64, new: `"b64":"false"`, want: qseal.ReasonCritical},
		"zero":               {old: b64, new: `"b64":0`, want: qseal.ReasonCritical},
		"null":               {old: b64, new: `"b64":null`, want: qseal.ReasonCritical},
		"true, signed so": {old: b64, new: `"b64":true`, want: qseal.ReasonCritical, input: func(h http.Header) string {
			return base64.RawURLEncoding.EncodeToString([]byte(jadesInput(h)))
		}},
		"false, signed in base64url": {want: qseal.ReasonSignatureInvalid, input: func(h http.Header) string {
			return base64.RawURLEncoding.EncodeToString([]byte(jadesInput(h)))
		}},
	})
	t.Run("mixed in two signatures", func(t *testing.T) {
		text := `{"payload":"JC4wMg","signatures":[{"protected":"e30","signature":"AA"},{"protected":"e30","signature":"AA"}]}`
		_, err := qseal.ParseJWS(text)
		assert.ErrorIs(t, err, qseal.ReasonFormat)
	})
}

func TestAttack38JOSEHostileJSON(t *testing.T) {
	const alg = `"alg":"PS256"`
	row := func(text string) jadesAttack {
		return jadesAttack{old: alg, new: text, want: qseal.ReasonFormat}
	}
	runAll(t, map[string]jadesAttack{
		"plain":                  {},
		"alg escaped":            {old: alg, new: `"\u0061lg":"PS256"`},
		"alg twice":              row(`"alg":"PS256","alg":"PS256"`),
		"alg twice, last other":  row(`"alg":"none","alg":"PS256"`),
		"alg twice, one escaped": row(`"alg":"PS256","\u0061lg":"none"`),
		"pars twice":             {old: `"pars":[`, new: `"pars":["digest"],"pars":[`, want: qseal.ReasonFormat},
		"alg in capitals alone":  {old: alg, new: `"ALG":"PS256"`, want: qseal.ReasonAlgorithm},
		"sigD in another case":   {old: `"sigD":{`, new: `"sigd":{`, want: qseal.ReasonCritical},
		"trailing object":        {old: `"digest"]}}`, new: `"digest"]}}{}`, want: qseal.ReasonFormat},
		"trailing NUL":           {old: `"digest"]}}`, new: "\"digest\"]}}\x00", want: qseal.ReasonFormat},
		"deep nesting":           row(alg + `,"x":` + strings.Repeat("[", 1000) + strings.Repeat("]", 1000)),
		"very deep nesting":      row(alg + `,"x":` + strings.Repeat("[", 50_000)),
		"many members":           row(alg + strings.Repeat(`,"x":1`, 1)[:0] + manyMembers(100)),
		"list":                   {token: func(string) string { return "W10..AA" }, want: qseal.ReasonFormat},
		"a million dots":         {token: func(string) string { return strings.Repeat(".", 1_000_000) }, want: qseal.ReasonFormat},
		"dots within the limit":  {token: func(string) string { return strings.Repeat(".", qseal.MaxJWS) }, want: qseal.ReasonFormat},
		"two segments":           {token: func(s string) string { return strings.Replace(s, "..", ".", 1) }, want: qseal.ReasonFormat},
		"four segments":          {token: func(s string) string { return s + "." }, want: qseal.ReasonFormat},
		"too long":               {token: func(s string) string { return s + strings.Repeat("A", qseal.MaxJWS) }, want: qseal.ReasonFormat},
		"JSON serialisation":     {token: func(s string) string { return `{"protected":"` + s + `"}` }, want: qseal.ReasonFormat},
	})
}

func manyMembers(n int) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(`,"m` + strings.Repeat("x", i) + `":1`)
	}
	return b.String()
}

func TestAttack39JOSEOneSpellingOfBase64(t *testing.T) {
	segment := func(i int, change func(string) string) jadesAttack {
		return jadesAttack{want: qseal.ReasonFormat, token: func(s string) string {
			parts := strings.Split(s, ".")
			parts[i] = change(parts[i])
			return strings.Join(parts, ".")
		}}
	}
	runAll(t, map[string]jadesAttack{
		"as it should be":          {},
		"header padded":            segment(0, func(s string) string { return s + "=" }),
		"signature padded":         segment(2, func(s string) string { return s + "==" }),
		"signature, bits left":     segment(2, loosen),
		"signature, line break":    segment(2, func(s string) string { return s[:8] + "\n" + s[8:] }),
		"header, carriage return":  segment(0, func(s string) string { return s[:8] + "\r" + s[8:] }),
		"header, blank":            segment(0, func(s string) string { return s[:8] + " " + s[8:] }),
		"signature, blank at end":  segment(2, func(s string) string { return s + " " }),
		"signature, other base64":  segment(2, func(s string) string { return "+/" + s[2:] }),
		"signature, one character": segment(2, func(string) string { return "A" }),
		"thumbprint padded":        {old: rsaForger().thumbprint(), new: rsaForger().thumbprint() + "=", want: qseal.ReasonFormat},
		"thumbprint padded, where it is allowed": {
			old: rsaForger().thumbprint(), new: rsaForger().thumbprint() + "=",
			profile: qseal.JAdESHTTP().AllowQuirks(qseal.QuirkPaddedDigest), quirks: qseal.QuirkPaddedDigest,
		},
		"thumbprint cut short":  {old: rsaForger().thumbprint(), new: rsaForger().thumbprint()[:40], want: qseal.ReasonFormat},
		"thumbprint of another": {old: rsaForger().thumbprint(), new: p256Forger().thumbprint(), want: qseal.ReasonCertificateMismatch},
		"no thumbprint":         {old: `"x5t#S256":"` + rsaForger().thumbprint() + `",`, new: "", want: qseal.ReasonCertificateMissing},
		"SHA-1 thumbprint":      {old: `"iat"`, new: `"x5t":"AAAAAAAAAAAAAAAAAAAAAAAAAAA","iat"`, want: qseal.ReasonHeader},
	})
}

func TestAttack40JOSEPars(t *testing.T) {
	const pars = `["(request-target)","content-type","x-request-id","digest"]`
	without := func(line string) func(http.Header) string {
		return func(h http.Header) string {
			var kept []string
			for _, l := range strings.Split(jadesInput(h), "\n") {
				if !strings.HasPrefix(l, line+":") {
					kept = append(kept, l)
				}
			}
			return strings.Join(kept, "\n")
		}
	}
	plus := func(line string) func(http.Header) string {
		return func(h http.Header) string { return jadesInput(h) + "\n" + line }
	}
	mixed := strings.Replace(pars, "content-type", "Content-Type", 1)
	runAll(t, map[string]jadesAttack{
		"all that there is":      {},
		"a field that is absent": {old: `"digest"]`, new: `"digest","date"]`, input: plus("date: "), want: qseal.ReasonFieldMissing},
		"removed after signing":  {change: func(h http.Header) { h.Del("Content-Type") }, want: qseal.ReasonFieldMissing},
		"repeated after signing": {change: func(h http.Header) { h.Add("Content-Type", "text/html") }, want: qseal.ReasonRepeated},
		"changed after signing":  {change: func(h http.Header) { h.Set("Content-Type", "text/html") }, want: qseal.ReasonSignatureInvalid},
		"joined after signing":   {change: func(h http.Header) { h["Content-Type"] = []string{"application", "json"} }, want: qseal.ReasonRepeated},
		"mixed case":             {old: pars, new: mixed, want: qseal.ReasonHeader},
		"mixed case allowed":     {old: pars, new: mixed, profile: qseal.JAdESHTTP().AllowQuirks(qseal.QuirkMixedCase), quirks: qseal.QuirkMixedCase},
		"(request-target) twice": {old: `"digest"]`, new: `"digest","(request-target)"]`, input: plus("(request-target): post " + sealTarget), want: qseal.ReasonHeader},
		"a field twice":          {old: `"digest"]`, new: `"digest","digest"]`, want: qseal.ReasonHeader},
		// U+212A is a k in lower case, and no letter of a field name.
		"a Kelvin sign":             {old: `"digest"]`, new: `"digest","\u212aey"]`, profile: qseal.JAdESHTTP().AllowQuirks(qseal.QuirkMixedCase), want: qseal.ReasonHeader},
		"a field twice by its case": {old: `"digest"]`, new: `"digest","Digest"]`, profile: qseal.JAdESHTTP().AllowQuirks(qseal.QuirkMixedCase), want: qseal.ReasonHeader},
		"no target":                 {old: `"(request-target)",`, new: ``, input: without("(request-target)"), want: qseal.ReasonCoverage},
		"no digest":                 {old: `,"digest"`, new: ``, input: without("digest"), want: qseal.ReasonDigestMissing},
		"no content-type":           {old: `"content-type",`, new: ``, input: without("content-type"), want: qseal.ReasonCoverage},
		"no x-request-id":           {old: `"x-request-id",`, new: ``, input: without("x-request-id"), want: qseal.ReasonCoverage},
		"psu-id added":              {change: func(h http.Header) { h.Set("Psu-Id", "mallory") }, want: qseal.ReasonCoverage},
		"empty pars":                {old: pars, new: `[]`, input: func(http.Header) string { return "" }, want: qseal.ReasonHeader},
		"pars is text":              {old: pars, new: `"digest"`, want: qseal.ReasonHeader},
		"pars with a number":        {old: `"digest"]`, new: `"digest",1]`, want: qseal.ReasonHeader},
		"pars with a line break":    {old: `"digest"]`, new: `"digest","a\nb"]`, want: qseal.ReasonHeader},
		"pars with (created)":       {old: `"digest"]`, new: `"digest","(created)"]`, want: qseal.ReasonHeader},
		"hashV in header fields":    {old: `"pars"`, new: `"hashV":["x"],"pars"`, want: qseal.ReasonHeader},
		"another mechanism":         {old: "HttpHeaders", new: "ObjectIdByURI", want: qseal.ReasonHeader},
		"no sigD":                   {old: `"sigD":{"mId":"http://uri.etsi.org/19182/HttpHeaders","pars":` + pars + `}`, new: `"z":1`, want: qseal.ReasonCritical},
		"sigD is a list":            {old: `{"mId":"http://uri.etsi.org/19182/HttpHeaders","pars":` + pars + `}`, new: `[]`, want: qseal.ReasonHeader},
		"other target":              {input: func(h http.Header) string { return strings.Replace(jadesInput(h), "%2F", "/", 1) }, want: qseal.ReasonSignatureInvalid},
		"other method":              {input: func(h http.Header) string { return strings.Replace(jadesInput(h), "post", "put", 1) }, want: qseal.ReasonSignatureInvalid},
		"method in capitals":        {input: func(h http.Header) string { return strings.Replace(jadesInput(h), "post", "POST", 1) }, want: qseal.ReasonSignatureInvalid},
		"line break at the end":     {input: func(h http.Header) string { return jadesInput(h) + "\n" }, want: qseal.ReasonSignatureInvalid},
		"absolute target":           {input: absoluteInput, want: qseal.ReasonSignatureInvalid},
		"absolute target, allowed":  {input: absoluteInput, profile: qseal.JAdESHTTP().AllowQuirks(qseal.QuirkAbsoluteTarget), quirks: qseal.QuirkAbsoluteTarget},
		"plain target, both taken":  {profile: qseal.JAdESHTTP().AllowQuirks(qseal.QuirkAbsoluteTarget)},
		"absolute target elsewhere": {input: func(h http.Header) string { return strings.Replace(absoluteInput(h), "bank.", "evil.", 1) }, profile: qseal.JAdESHTTP().AllowQuirks(qseal.QuirkAbsoluteTarget), want: qseal.ReasonSignatureInvalid},
		"payload in the token":      {token: func(s string) string { return strings.Replace(s, "..", ".AA.", 1) }, want: qseal.ReasonHeader},
		"no seal":                   {change: func(h http.Header) { h.Del("X-Jws-Signature") }, want: qseal.ReasonSignatureMissing},
		"empty seal":                {change: func(h http.Header) { h.Set("X-Jws-Signature", "") }, want: qseal.ReasonFormat},
		"seal in two lines":         {change: func(h http.Header) { h.Add("X-Jws-Signature", "x") }, want: qseal.ReasonRepeated},
		"digest of another body":    {change: func(h http.Header) { h.Set("Digest", "SHA-256="+strings.Repeat("A", 43)+"=") }, want: qseal.ReasonSignatureInvalid},
		"connection names digest":   {change: func(h http.Header) { h.Set("Connection", "close, Digest") }, want: qseal.ReasonHopByHop},
		"connection names content":  {change: func(h http.Header) { h.Set("Connection", "content-type") }, want: qseal.ReasonHopByHop},
	})
}

func absoluteInput(h http.Header) string {
	return strings.Replace(jadesInput(h), sealTarget, "https://bank.example"+sealTarget, 1)
}

func TestJAdESHTTPCertificate(t *testing.T) {
	ref := `"x5t#S256":"` + rsaForger().thumbprint() + `"`
	other := `"x5t#o":{"digAlg":"S256","digVal":"` + rsaForger().thumbprint() + `"}`
	runAll(t, map[string]jadesAttack{
		"x5t#S256":                       {},
		"x5c":                            {old: ref, new: `"x5c":["` + rsaForger().x5c() + `"]`},
		"x5c and x5t#S256":               {old: ref, new: ref + `,"x5c":["` + rsaForger().x5c() + `"]`},
		"x5c of another, x5t#S256":       {old: ref, new: ref + `,"x5c":["` + p256Forger().x5c() + `"]`, want: qseal.ReasonCertificateMismatch},
		"x5c and x5t#o":                  {old: ref, new: other + `,"x5c":["` + rsaForger().x5c() + `"]`},
		"x5t#o alone":                    {old: ref, new: other, want: qseal.ReasonCertificateMissing},
		"x5t#S256 is a number":           {old: ref, new: `"x5t#S256":1`, want: qseal.ReasonHeader},
		"x5t#S256 is empty":              {old: ref, new: `"x5t#S256":""`, want: qseal.ReasonCertificateMissing},
		"kid beside":                     {old: ref, new: ref + `,"kid":"k1"`},
		"kid is a number":                {old: ref, new: ref + `,"kid":1`, want: qseal.ReasonHeader},
		"x5c is empty":                   {old: ref, new: ref + `,"x5c":[]`, want: qseal.ReasonHeader},
		"x5c is no certificate":          {old: ref, new: ref + `,"x5c":["MIID"]`, want: qseal.ReasonCertificateMalformed},
		"x5t#S256 of another with x5c":   {old: ref, new: `"x5t#S256":"` + p256Forger().thumbprint() + `","x5c":["` + rsaForger().x5c() + `"]`, want: qseal.ReasonCertificateMismatch},
		"sigX5ts alone":                  {old: ref, new: `"sigX5ts":[{"digAlg":"S256","digVal":"` + rsaForger().thumbprint() + `"}]`, want: qseal.ReasonCertificateMissing},
		"sigX5ts of another beside x5c":  {old: ref, new: `"sigX5ts":[{"digAlg":"S256","digVal":"` + p256Forger().thumbprint() + `"}],"x5c":["` + rsaForger().x5c() + `"]`, want: qseal.ReasonCertificateMismatch},
		"a digest in another algorithm":  {old: ref, new: `"x5t#o":{"digAlg":"S1","digVal":"AA"},"x5c":["` + rsaForger().x5c() + `"]`, want: qseal.ReasonHeader},
		"content-digest and digest both": {change: func(h http.Header) { h.Set("Content-Digest", "sha-256=:AAAA:") }},
	})
}

// loosen sets a bit behind the last octet of a text in base64 or base64url that
// ends within one.
func loosen(s string) string {
	const alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	last := strings.IndexByte(alphabet+"-_", s[len(s)-1])
	if last < 0 {
		last = strings.IndexByte(alphabet+"+/", s[len(s)-1])
	}
	return s[:len(s)-1] + string((alphabet + "-_")[last|1])
}

// The digest that is sealed is the one that counts, in either of its fields.
func TestJAdESHTTPDigest(t *testing.T) {
	line := func(name string) func(http.Header) string {
		return func(h http.Header) string {
			return strings.Replace(jadesInput(h), "digest: "+h.Get("Digest"), strings.ToLower(name)+": "+h.Get(name), 1)
		}
	}
	// before sets a field before the message is signed.
	before := func(name, value string, input func(http.Header) string) func(http.Header) string {
		return func(h http.Header) string {
			h.Set(name, value)
			return input(h)
		}
	}
	sum := strings.TrimPrefix(fields().Get("Digest"), "SHA-256=")
	runAll(t, map[string]jadesAttack{
		"digest":                    {},
		"content-digest":            {old: `"digest"]`, new: `"content-digest"]`, input: before("Content-Digest", "sha-256=:"+sum+":", line("Content-Digest"))},
		"digest of MD5":             {input: before("Digest", "MD5=AAAA", jadesInput), want: qseal.ReasonDigest},
		"digest of another body":    {input: before("Digest", "SHA-256="+strings.Repeat("A", 43)+"=", jadesInput), want: qseal.ReasonDigest},
		"content-digest of MD5":     {old: `"digest"]`, new: `"content-digest"]`, input: before("Content-Digest", "md5=:AAAA:", line("Content-Digest")), want: qseal.ReasonDigest},
		"content-digest, another":   {old: `"digest"]`, new: `"content-digest"]`, input: before("Content-Digest", "sha-256=:"+strings.Repeat("A", 43)+"=:", line("Content-Digest")), want: qseal.ReasonDigest},
		"neither, and a body":       {old: `,"digest"]`, new: `]`, input: func(h http.Header) string { return strings.Split(jadesInput(h), "\ndigest")[0] }, want: qseal.ReasonDigestMissing},
		"neither, and no body":      {old: `,"digest"]`, new: `]`, noBody: true, input: func(h http.Header) string { return strings.Split(jadesInput(h), "\ndigest")[0] }, want: qseal.ReasonDigestMissing},
		"digest of no body":         {noBody: true, input: before("Digest", "SHA-256=47DEQpj8HBSa+/TImW+5JCeuQeRkm5NMpJWZG3hSuFU=", jadesInput)},
		"digest of a body, no body": {noBody: true, want: qseal.ReasonDigest},
	})
}
