package sealtest

import (
	"encoding/base64"
	"strconv"
	"strings"

	"github.com/seed-b953571c/eidas/qseal"
)

// joseAttacks are 36 to 40; 38 to 40 are not of JOSE alone. 41 and 42 are about
// bindings.
func joseAttacks() []group {
	return []group{
		{36, jws, qseal.ReasonCritical, critRows()},
		{37, jws, qseal.ReasonCritical, []row{
			{name: "b64 is text", edit: b64Is(`"false"`)},
			{name: "b64 is null", edit: b64Is("null")},
			{name: "b64 is not critical", edit: both(uncritical("b64")), only: fields | obie313},
			{name: "b64 is not critical", edit: both(parameter("b64", "false"), without("crit")), twin: b64Is("false"), only: polish},
			{name: "b64 is true, and signed so", edit: both(parameter("b64", "true"), input(encodePayload)), only: fields},
			{name: "b64 is true, and signed so", edit: parameter("b64", "true"), want: qseal.ReasonHeader, only: obie313},
			{name: "b64 is true", edit: parameter("b64", "true"), want: qseal.ReasonHeader, only: obie314},
			{name: "b64 is false and critical", edit: b64Is("false"), only: obie314},
			{name: "b64 is false, and signed encoded", edit: input(encodePayload), want: qseal.ReasonSignatureInvalid, only: fields | obie313},
		}},
		{38, jws, qseal.ReasonFormat, jsonRows()},
		{38, cavage | rfc9421, qseal.ReasonFormat, boundRows()},
		{39, jws, qseal.ReasonFormat, jwsTextRows()},
		{39, berlin | ing, qseal.ReasonCertificateMalformed, certificateTextRows()},
		{39, cavage | rfc9421, qseal.ReasonFormat, signatureTextRows()},
		{40, fields, qseal.ReasonHeader, parsRows()},
		{40, cavage | rfc9421, qseal.ReasonSignatureInvalid, listRows()},
	}
}

// crit rewrites the list of critical parameters.
func crit(change func(names string) string) edit {
	return func(d *draft) { d.setParam("crit", change(d.param("crit"))) }
}

// critical adds a name to it, and uncritical removes one.
func critical(name string) edit {
	return crit(func(names string) string {
		if names == "" {
			return `["` + name + `"]`
		}
		return strings.TrimSuffix(names, "]") + `,"` + name + `"]`
	})
}

func uncritical(name string) edit {
	return crit(func(names string) string {
		names = strings.Replace(names, `"`+name+`",`, "", 1)
		return strings.Replace(names, `,"`+name+`"`, "", 1)
	})
}

// b64Is gives b64 a value, and makes it critical where the profile has none.
func b64Is(raw string) edit {
	return func(d *draft) {
		if d.param("b64") == "" {
			critical("b64")(d)
		}
		d.setParam("b64", raw)
	}
}

// encodePayload signs what follows the header in base64url.
func encodePayload(s string) string {
	head, payload, _ := strings.Cut(s, ".")
	return head + "." + base64.RawURLEncoding.EncodeToString([]byte(payload))
}

func critRows() []row {
	raw := func(text string) edit { return parameter("crit", text) }
	return []row{
		{name: "crit of what nobody knows", edit: both(parameter("x", "1"), critical("x"))},
		{name: "crit of what is absent", edit: critical("sigPl")},
		{name: "crit of a registered name", edit: critical("alg")},
		{name: "crit names nbf", edit: both(parameter("nbf", "1"), critical("nbf"))},
		{name: "crit is empty", edit: raw("[]")},
		{name: "crit is text", edit: raw(`"b64"`)},
		{name: "crit is null", edit: raw("null")},
		{name: "crit has a number", edit: crit(func(names string) string {
			return strings.Replace(strings.TrimSuffix(names, "]")+`,1]`, ",1]", map[bool]string{true: "[1]", false: ",1]"}[names == ""], 1)
		})},
		{name: "crit names one twice", only: jws &^ polish, edit: crit(func(names string) string {
			first, _, _ := strings.Cut(strings.TrimPrefix(names, "["), ",")
			return strings.TrimSuffix(names, "]") + "," + strings.TrimSuffix(first, "]") + "]"
		})},
		{name: "crit names one twice", edit: both(parameter("b64", "true"), raw(`["b64","b64"]`)), twin: both(parameter("b64", "true"), raw(`["b64"]`)), only: polish},
		{name: "no crit", edit: without("crit"), only: jose &^ polish},
		{name: "sigD is not critical", edit: uncritical("sigD"), only: fields},
		{name: "iss is not critical", edit: uncritical(obieNS + "iss"), only: obie},
	}
}

// jsonText changes the text of the protected header before it is signed.
func jsonText(change func(string) string) edit { return func(d *draft) { d.json = change } }

func jsonRows() []row {
	front := func(text string) edit {
		return jsonText(func(s string) string { return "{" + text + s[1:] })
	}
	behind := func(text string) edit { return jsonText(func(s string) string { return s + text }) }
	return []row{
		{name: "alg twice, none first", edit: front(`"alg":"none",`)},
		{name: "alg twice, one escaped", edit: front(`"\u0061lg":"none",`)},
		{name: "alg in capitals alone", edit: jsonText(func(s string) string { return strings.Replace(s, `"alg"`, `"ALG"`, 1) }), want: qseal.ReasonAlgorithm},
		{name: "an object behind", edit: behind("{}")},
		{name: "a NUL behind", edit: behind("\x00")},
		{name: "deep nesting", edit: front(`"x":` + strings.Repeat("[", 1000) + strings.Repeat("]", 1000) + ",")},
		{name: "not closed", edit: jsonText(func(s string) string { return s[:len(s)-1] })},
		{name: "a list", edit: jsonText(func(string) string { return "[]" })},
		{name: "dots without end", edit: value(func(string) string { return strings.Repeat(".", dots) })},
		{name: "the payload in the token too", only: bodies, edit: func(d *draft) {
			d.value = func(v string) string {
				return strings.Replace(v, "..", "."+base64.RawURLEncoding.EncodeToString(d.msg.Body)+".", 1)
			}
		}},
		{name: "a payload in the token", edit: value(func(v string) string { return strings.Replace(v, "..", ".e30.", 1) }), want: qseal.ReasonHeader, only: fields},
		{name: "two segments", edit: value(func(v string) string { return strings.Replace(v, "..", ".", 1) })},
		{name: "four segments", edit: value(func(v string) string { return v + "." })},
	}
}

// dots is what fits in a header of net/http, which takes 1 MiB.
const dots = 1_000_000

// loosened is base64 with a bit that its last character does not need.
func loosened(s string) string {
	const letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"
	text := strings.TrimRight(s, "=")
	alphabet := letters + "+/"
	if strings.ContainsAny(s, "-_") || len(text) == len(s) {
		alphabet = letters + "-_"
	}
	last := strings.IndexByte(alphabet, text[len(text)-1])
	return text[:len(text)-1] + string(alphabet[last|1]) + s[len(text):]
}

func jwsTextRows() []row {
	signature := func(change func(string) string) edit {
		return value(func(v string) string {
			head, s, _ := strings.Cut(v, "..")
			return head + ".." + change(s)
		})
	}
	// The header is signed as it is sent.
	header := func(change func(string) string) edit { return func(d *draft) { d.protected = change } }
	return []row{
		{name: "signature with padding", edit: signature(func(s string) string { return s + "==" })},
		{name: "signature with bits left over", edit: signature(loosened)},
		{name: "signature with a blank", edit: signature(func(s string) string { return s[:8] + " " + s[8:] })},
		{name: "signature in the other base64", edit: signature(func(s string) string {
			b, _ := base64.RawURLEncoding.DecodeString(s)
			return b64(b)
		})},
		{name: "header with padding", edit: header(func(s string) string { return s + "=" })},
		{name: "header with a blank", edit: header(func(s string) string { return s[:8] + " " + s[8:] })},
		{name: "x5t#S256 with padding", only: fields | polish | binding, edit: func(d *draft) { d.setParam("x5t#S256", quoted(thumbprint(d.leaf)+"=")) }},
	}
}

// signatureTextRows are about the base64 of draft-cavage and RFC 9421.
func signatureTextRows() []row {
	inCavage := func(change func(string) string) edit {
		return value(func(v string) string {
			head, s, _ := strings.Cut(v, `,signature="`)
			return head + `,signature="` + change(strings.TrimSuffix(s, `"`)) + `"`
		})
	}
	inBytes := func(change func(string) string) edit {
		return after(func(d *draft) {
			s := strings.TrimSuffix(strings.TrimPrefix(d.values("Signature")[0], "seal=:"), ":")
			d.set("Signature", "seal=:"+change(s)+":")
		})
	}
	// Quotes are of the grammar too: without them a value ends where a reader likes.
	rows := []row{
		{name: "a parameter without quotes", only: cavage, quirk: qseal.QuirkUnquoted, edit: value(func(v string) string {
			return strings.Replace(v, `algorithm="rsa-sha256"`, "algorithm=rsa-sha256", 1)
		})},
		{name: "a quote that is escaped", only: cavage, edit: value(func(v string) string { return strings.Replace(v, `",algorithm`, `\",algorithm`, 1) })},
		{name: "a quote that is not closed", only: cavage, edit: value(func(v string) string { return strings.TrimSuffix(v, `"`) })},
		{name: "a parameter that is empty", only: cavage, edit: parameter("algorithm", `""`)},
		{name: "a semicolon between parameters", only: cavage, edit: value(func(v string) string { return strings.Replace(v, `",`, `";`, 1) })},
		{name: "a parameter that nobody knows", only: cavage, edit: value(func(v string) string { return v + `,x="y"` })},
		{name: "a parameter that nobody knows", only: rfc9421, edit: parameter("x", `"y"`)},
	}
	for _, r := range []struct {
		name   string
		change func(string) string
	}{
		{"more padding", func(s string) string { return s + "=" }},
		{"no padding", func(s string) string { return strings.TrimRight(s, "=") }},
		{"bits left over", loosened},
		{"a blank", func(s string) string { return s[:8] + " " + s[8:] }},
		{"a letter behind", func(s string) string { return s + "!" }},
	} {
		rows = append(rows, row{name: r.name, edit: inCavage(r.change), only: cavage}, row{name: r.name, edit: inBytes(r.change), only: rfc9421})
	}
	return rows
}

// renamed lists a sealed field by another name.
func renamed(old, name string) edit {
	return func(d *draft) {
		for i := range d.covered {
			if d.covered[i] == old {
				d.covered[i] = name
			}
		}
	}
}

// listRows are about the list of the sealed fields where it is not in JSON.
func listRows() []row {
	lineBreak := input(func(s string) string { return s + "\n" })
	absent := both(also("x-absent"), inputWith("\nx-absent: ", ""))
	return []row{
		{name: "a name in mixed case", edit: renamed("digest", "Digest"), want: qseal.ReasonFormat, only: cavage, quirk: qseal.QuirkMixedCase},
		{name: "a name in mixed case", edit: both(field("X-A", "a"), also("X-A")), twin: both(field("X-A", "a"), also("x-a")), want: qseal.ReasonFormat, only: rfc9421},
		{name: "a field that is not there, passed over", edit: both(also("psu-id"), inputWith("\npsu-id: ", "")), want: qseal.ReasonFieldMissing, only: berlin | stet},
		{name: "a field that is not there, passed over", edit: absent, want: qseal.ReasonCoverage, only: ing, quirk: qseal.QuirkExtraFields},
		{name: "a field that is not there", edit: also("x-absent"), want: qseal.ReasonFieldMissing, only: rfc9421},
		{name: "a line break at the end", edit: lineBreak},
		{name: "the method in capitals", edit: inputWith("(request-target): post", "(request-target): POST"), only: stet | ing},
		{name: "the method in small letters", edit: inputWith(`"@method": POST`, `"@method": post`), only: rfc9421},
	}
}

// parsRows are about the list of the sealed fields in sigD.
func parsRows() []row {
	// Seen: the target is signed first whatever pars say, and what is absent is
	// passed over.
	targetAnyway := both(uncover("(request-target)"), func(d *draft) {
		d.input = func(s string) string {
			head, rest, _ := strings.Cut(s, ".")
			return head + "." + d.line("(request-target)") + "\n" + rest
		}
	})
	return []row{
		{name: "a name in mixed case", edit: renamed("content-type", "Content-Type"), quirk: qseal.QuirkMixedCase},
		{name: "the target twice", edit: also("(request-target)")},
		{name: "a name twice, by its case", edit: also("Digest")},
		{name: "a field that is not there", edit: also("date"), want: qseal.ReasonFieldMissing},
		{name: "a field that is not there, passed over", edit: both(also("psu-id"), inputWith("\npsu-id: ", "")), want: qseal.ReasonFieldMissing},
		{name: "the target is signed and not in pars", edit: targetAnyway, want: qseal.ReasonCoverage},
		{name: "a line break at the end", edit: input(func(s string) string { return s + "\n" }), want: qseal.ReasonSignatureInvalid},
		{name: "the method in capitals", edit: inputWith("(request-target): post", "(request-target): POST"), want: qseal.ReasonSignatureInvalid},
		{name: "another mechanism", edit: parameter("sigD", `{"mId":"http://uri.etsi.org/19182/ObjectIdByURI","pars":["(request-target)","content-type","x-request-id","digest"]}`)},
		{name: "digests beside pars", edit: parameter("sigD", `{"mId":"http://uri.etsi.org/19182/HttpHeaders","pars":["(request-target)","content-type","x-request-id","digest"],"hashV":["x"]}`)},
	}
}

// boundRows are seals that are good, and of more parts than any real one has.
func boundRows() []row {
	many := func(n int) edit {
		return func(d *draft) {
			for i := range n {
				name := "x-" + strconv.Itoa(i)
				d.set(name, "1")
				d.covered = append(d.covered, name)
			}
		}
	}
	signatures := func(n int) edit {
		return after(func(d *draft) {
			input := d.values("Signature-Input")[0]
			for i := range n {
				input += ", s" + strconv.Itoa(i) + "=();created=1"
			}
			d.set("Signature-Input", input)
		})
	}
	long := func(d *draft) { d.setParam("keyId", quoted("SN="+strings.Repeat("0", 9<<10)+d.param("keyId")[4:])) }
	return []row{
		{name: "a hundred names are listed", edit: many(100)},
		{name: "a parameter of 9 KiB", edit: func(d *draft) { d.setParam("keyid", quoted(strings.Repeat("x", 9<<10))) }, only: rfc9421},
		{name: "a parameter of 9 KiB", edit: long, only: berlin | ing},
		{name: "a hundred signatures", edit: signatures(100), twin: signatures(1), only: rfc9421},
	}
}

// certificateTextRows are about the field that carries the certificate.
func certificateTextRows() []row {
	written := func(text func(der []byte) string) edit {
		return func(d *draft) { d.set("TPP-Signature-Certificate", text(d.leaf.Certificate.Raw)) }
	}
	return []row{
		{name: "the certificate in PEM", only: berlin, quirk: qseal.QuirkPEMCertificate, edit: written(pemLine)},
		{name: "the certificate in base64url", edit: written(base64.URLEncoding.EncodeToString)},
		{name: "the certificate, a byte behind", edit: written(func(der []byte) string { return b64(append(append([]byte{}, der...), 0)) })},
		{name: "the certificate, cut short", edit: written(func(der []byte) string { return b64(der[:len(der)-1]) })},
		{name: "no certificate in its field", edit: written(func([]byte) string { return b64([]byte("certificate")) })},
	}
}
