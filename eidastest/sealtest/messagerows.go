package sealtest

import (
	"crypto/md5"  //nolint:gosec // digests that must be refused
	"crypto/sha1" //nolint:gosec // likewise
	"crypto/sha256"
	"crypto/sha512"
	"encoding/base64"
	"strings"

	"github.com/seed-b953571c/eidas/qseal"
)

func b64(b []byte) string { return base64.StdEncoding.EncodeToString(b) }

// messageAttacks are 1 to 12: what is sealed, and what is there.
func messageAttacks() []group {
	groups := []group{
		{1, all, qseal.ReasonSignatureMissing, []row{{name: "no field of the seal is left", edit: unsealed}}},
		{2, cavage | fields | rfc9421, qseal.ReasonSignatureMissing, []row{
			{name: "digest without signature", edit: after(drop("Signature", jwsField, "Signature-Input"))},
			{name: "signature without digest", edit: after(drop("Digest")), want: qseal.ReasonDigestMissing, only: cavage},
			{name: "signature without digest", edit: after(drop("Digest")), want: qseal.ReasonFieldMissing, only: fields},
			{name: "signature without digest", edit: after(drop("Content-Digest")), want: qseal.ReasonFieldMissing, only: rfc9421},
			{name: "signature without certificate", edit: after(drop("TPP-Signature-Certificate")), want: qseal.ReasonCertificateMissing, only: berlin | ing},
			{name: "parameters without signature", edit: after(drop("Signature")), want: qseal.ReasonFormat, only: rfc9421},
		}},
		{3, all &^ obie, qseal.ReasonCoverage, coverageRows()},
		{4, berlin | stet | fields, qseal.ReasonCoverage, psuRows()},
		{4, rfc9421, qseal.ReasonCoverage, conditionalRows("Authorization", "DPoP x")},
		{5, cavage, qseal.ReasonCoverage, []row{
			{name: "accept is sealed", edit: both(field("Accept", "*/*"), also("accept")), twin: field("Accept", "*/*"), quirk: qseal.QuirkExtraFields},
			{name: "host is sealed", edit: also("host"), quirk: qseal.QuirkExtraFields},
		}},
		{6, all &^ obie, qseal.ReasonRepeated, repeatedRows()},
		{7, cavage | rfc9421, qseal.ReasonFormat, []row{
			{name: "digest is listed twice", edit: also("digest"), only: cavage},
			{name: "a component is listed twice", edit: also("@method"), only: rfc9421},
		}},
		{7, fields, qseal.ReasonHeader, []row{{name: "digest is listed twice", edit: also("digest")}}},
		{8, all, qseal.ReasonRepeated, twoSignatureRows()},
		{9, cavage | rfc9421, qseal.ReasonFormat, duplicateRows()},
		{10, cavage | fields | rfc9421, qseal.ReasonFormat, []row{
			{name: "headers is empty", edit: cover(), only: cavage},
			{name: "headers is a blank", edit: both(cover("", "")), only: cavage},
			{name: "no headers, which means date", edit: both(sealDateOnly, value(cutHeaders)), want: qseal.ReasonHeader, only: cavage},
			{name: "pars is empty", edit: cover(), want: qseal.ReasonHeader, only: fields},
			{name: "no component", edit: cover(), want: qseal.ReasonCoverage, only: rfc9421},
		}},
		{11, cavage | fields, qseal.ReasonDigest, digestRows()},
		{11, rfc9421, qseal.ReasonDigest, contentDigestRows()},
		{11, all &^ bodies, qseal.ReasonDigest, []row{{name: "body changed", edit: after(amount), twin: amount}}},
		{11, bodies, qseal.ReasonSignatureInvalid, []row{{name: "body changed", edit: after(amount), twin: amount}}},
	}
	return append(groups, bodylessAttacks()...)
}

// coverageRows leave out one of what must be sealed.
func coverageRows() []row {
	var rows []row
	for _, c := range []struct {
		names string
		of    profiles
	}{
		{"digest x-request-id", berlin},
		{"(request-target) digest date content-type content-length", stet},
		{"(request-target) date digest", ing},
		{"(request-target) content-type x-request-id", fields},
		{"@method @target-uri content-digest", rfc9421},
	} {
		for name := range strings.SplitSeq(c.names, " ") {
			rows = append(rows, row{name: name + " is not sealed", edit: uncover(name), only: c.of})
		}
	}
	replaced := func(old, text string) edit {
		return func(d *draft) { d.msg.Body = []byte(strings.Replace(string(d.msg.Body), old, text, 1)) }
	}
	return append(rows,
		row{name: "digest is not sealed", edit: uncover("digest"), want: qseal.ReasonDigestMissing, only: fields},
		row{name: "no requestId in the sealed body", edit: replaced(`"requestHeader"`, `"x"`), only: polish},
		row{name: "requestId in the sealed body is a list", edit: func(d *draft) { replaced(quoted(d.id), "["+quoted(d.id)+"]")(d) }, only: polish},
		row{name: "X-Request-ID is removed", edit: after(drop("X-Request-ID")), want: qseal.ReasonFieldMissing, only: polish},
		row{name: "X-Request-ID is not the sealed one", edit: after(field("X-Request-ID", newID())), only: polish},
		row{name: "the path in place of the target", edit: both(uncover("@target-uri"), also("@path")), only: rfc9421},
	)
}

// conditionalRows are about a field that must be sealed if, and only if, it is
// there.
func conditionalRows(name, text string) []row {
	sealed := both(field(name, text), also(strings.ToLower(name)))
	return []row{
		{name: name + " is there and not sealed", edit: field(name, text), twin: sealed},
		{name: name + " is added", edit: after(field(name, text))},
		{name: name + " is sealed and not there", edit: also(strings.ToLower(name)), twin: sealed, want: qseal.ReasonFieldMissing},
		{name: name + " is removed", edit: both(sealed, after(drop(name))), twin: sealed, want: qseal.ReasonFieldMissing},
		{name: name + " is changed", edit: both(sealed, after(field(name, text+"x"))), twin: sealed, want: qseal.ReasonSignatureInvalid},
	}
}

func psuRows() []row {
	rows := conditionalRows("PSU-ID", "anton")
	for _, name := range []string{"PSU-Corporate-ID", "TPP-Redirect-URI"} {
		for _, r := range conditionalRows(name, "https://tpp.example/") {
			r.only = berlin | fields
			if name == "TPP-Redirect-URI" && r.want == 0 {
				r.quirk = qseal.QuirkUncoveredRedirect
			}
			rows = append(rows, r)
		}
	}
	for _, r := range conditionalRows("PSU-IP-Address", "192.0.2.1") {
		r.only = stet
		rows = append(rows, r)
	}
	return rows
}

// repeatedRows give a sealed field a second line.
func repeatedRows() []row {
	var rows []row
	for _, f := range []struct {
		name string
		of   profiles
	}{
		{"Digest", cavage | fields},
		{"X-Request-ID", berlin | stet | fields | polish},
		{"Date", stet | ing},
		{"Content-Type", stet | fields},
		{"TPP-Signature-Certificate", berlin | ing},
	} {
		rows = append(rows,
			row{name: f.name + ", another one first", edit: after(another(f.name, true)), only: f.of},
			row{name: f.name + ", another one last", edit: after(another(f.name, false)), only: f.of})
		if strings.HasPrefix(f.name, "TPP") {
			continue
		}
		// Both are sealed, joined. The digest is written when the message is sealed.
		rows = append(rows, row{name: f.name + ", both sealed", only: f.of &^ polish, edit: func(d *draft) {
			d.writeDigest()
			another(f.name, false)(d)
		}})
	}
	two := func(d *draft) {
		d.msg.Lines = append(d.msg.Lines, Line{"X-A", "a"}, Line{"X-A", "b"})
		d.covered = append(d.covered, "x-a")
	}
	// RFC 9421, 2.1 has several lines of a field sealed as one value.
	return append(rows,
		row{name: "a line added", edit: both(two, after(another("X-A", false))), twin: two, want: qseal.ReasonSignatureInvalid, only: rfc9421},
		row{name: "lines turned", edit: both(two, after(turnLast)), twin: two, want: qseal.ReasonSignatureInvalid, only: rfc9421},
		row{name: "Content-Digest, another one last", edit: after(another("Content-Digest", false), lastLine("md5=:AA==:")), want: qseal.ReasonSignatureInvalid, only: rfc9421},
	)
}

// lastLine changes the value of the last line.
func lastLine(value string) edit {
	return func(d *draft) { d.msg.Lines[len(d.msg.Lines)-1].Value = value }
}

// turnLast turns the two lines of X-A.
func turnLast(d *draft) {
	lines := append([]Line{}, d.msg.Lines...)
	last := ""
	for i := range lines {
		if lines[i].Name == "X-A" && last == "" {
			last, lines[i].Value = lines[i].Value, "b"
		} else if lines[i].Name == "X-A" {
			lines[i].Value = last
		}
	}
	d.msg.Lines = lines
}

func twoSignatureRows() []row {
	again := func(name string) edit {
		return after(func(d *draft) { d.msg.Lines = append(d.msg.Lines, Line{name, d.values(name)[0]}) })
	}
	inAuthorization := after(func(d *draft) { d.set("Authorization", "Signature "+d.values("Signature")[0]) })
	// A proxy's signature, of another tag, stands beside the client's.
	second := func(tag string) edit {
		return after(func(d *draft) {
			input, signature := d.values("Signature-Input")[0], d.values("Signature")[0]
			other := strings.Replace(strings.Replace(input, "seal=", "other=", 1), "fapi-2-request", tag, 1)
			d.set("Signature-Input", input+", "+other)
			d.set("Signature", signature+", "+strings.Replace(signature, "seal=", "other=", 1))
		})
	}
	return []row{
		{name: "two lines", edit: again("Signature"), only: cavage},
		{name: "two in a line", only: cavage, want: qseal.ReasonFormat, edit: value(func(v string) string { return v + "," + v })},
		{name: "one in Authorization too", edit: inAuthorization, twin: both(inAuthorization, after(drop("Signature"))), only: ing},
		{name: "two lines", edit: again(jwsField), only: jose},
		{name: "two with the tag", edit: second("fapi-2-request"), twin: second("proxy"), only: rfc9421},
	}
}

func duplicateRows() []row {
	var rows []row
	for _, name := range []string{"keyId", "algorithm", "headers", "signature"} {
		rows = append(rows,
			row{name: name + ", another one first", edit: value(func(v string) string { return name + `="x",` + v }), only: cavage},
			row{name: name + ", another one last", edit: value(func(v string) string { return v + `,` + name + `="x"` }), only: cavage})
	}
	before := func(old, text string) edit {
		return value(func(v string) string { return strings.Replace(v, old, text+old, 1) })
	}
	// Of two, a parser of structured fields takes the last one (RFC 8941, 4.2.2).
	return append(rows,
		row{name: "created, another one first", edit: before(";created=", ";created=1"), only: rfc9421},
		row{name: "keyid, another one first", edit: before(";keyid=", `;keyid="x"`), only: rfc9421},
		row{name: "the label, another one first", edit: before("seal=", "seal=();created=1, "), only: rfc9421},
		row{name: "the signature, another one first", only: rfc9421, edit: after(func(d *draft) {
			d.set("Signature", "seal=:AAAA:, "+d.values("Signature")[0])
		})},
	)
}

// sealDateOnly seals what draft-cavage, 2.1.6 has sealed where no headers are
// named.
func sealDateOnly(d *draft) {
	d.set("Date", d.at.UTC().Format(dateLayout))
	d.covered = []string{"date"}
}

func cutHeaders(v string) string { return strings.Replace(v, `,headers="date"`, "", 1) }

// digestRows have a wrong Digest sealed.
func digestRows() []row {
	written := func(value func(body []byte) string) edit {
		return func(d *draft) { d.set("Digest", value(d.msg.Body)) }
	}
	wide := func(b []byte) string { sum := sha512.Sum512(b); return "SHA-512=" + b64(sum[:]) }
	old := func(b []byte) string { sum := md5.Sum(b); return "MD5=" + b64(sum[:]) }  //nolint:gosec // to be refused
	sha := func(b []byte) string { sum := sha1.Sum(b); return "SHA=" + b64(sum[:]) } //nolint:gosec // to be refused
	two := func(first, second func([]byte) string) edit {
		return written(func(b []byte) string { return first(b) + "," + second(b) })
	}
	other := func(f func([]byte) string) func([]byte) string {
		return func(b []byte) string { return f(append([]byte(" "), b...)) }
	}
	right := two(digest, wide)
	return []row{
		{name: "of another body", edit: written(other(digest)), twin: written(digest)},
		{name: "truncated", edit: written(func(b []byte) string { sum := sha256.Sum256(b); return "SHA-256=" + b64(sum[:16]) })},
		{name: "MD5 alone", edit: written(old), twin: written(wide)},
		{name: "SHA-1 alone", edit: written(sha), twin: written(wide)},
		{name: "two, the second one wrong", edit: two(digest, other(wide)), twin: right},
		{name: "two, the first one wrong", edit: two(other(digest), wide), twin: right},
		{name: "one algorithm twice", edit: two(digest, digest), twin: right},
		{name: "MD5 beside", edit: two(digest, old), twin: right},
	}
}

func contentDigestRows() []row {
	written := func(value func(body []byte) string) edit {
		return func(d *draft) { d.set("Content-Digest", value(d.msg.Body)) }
	}
	old := func(b []byte) string { sum := md5.Sum(b); return "md5=:" + b64(sum[:]) + ":" }  //nolint:gosec // to be refused
	sha := func(b []byte) string { sum := sha1.Sum(b); return "sha=:" + b64(sum[:]) + ":" } //nolint:gosec // to be refused
	two := func(first, second func([]byte) string) edit {
		return written(func(b []byte) string { return first(b) + ", " + second(b) })
	}
	other := func(f func([]byte) string) func([]byte) string {
		return func(b []byte) string { return f(append([]byte(" "), b...)) }
	}
	right := two(contentDigest, contentDigest512)
	return []row{
		{name: "of another body", edit: written(other(contentDigest)), twin: written(contentDigest)},
		{name: "truncated", edit: written(func(b []byte) string { sum := sha256.Sum256(b); return "sha-256=:" + b64(sum[:16]) + ":" })},
		{name: "MD5 alone", edit: written(old), twin: written(contentDigest512)},
		{name: "SHA-1 alone", edit: written(sha), twin: written(contentDigest512)},
		{name: "two, the second one wrong", edit: two(contentDigest, other(contentDigest512)), twin: right},
		{name: "two, the first one wrong", edit: two(other(contentDigest), contentDigest512), twin: right},
		{name: "one algorithm twice", edit: two(contentDigest, contentDigest), twin: right},
	}
}

// bodylessAttacks are 12.
func bodylessAttacks() []group {
	object := both(get, func(d *draft) { d.digested = []byte("{}") })
	smuggled := func(d *draft) {
		get(d)
		d.digested = []byte{}
		d.msg.Body = []byte(`{"amount":"99.00"}`)
	}
	return []group{
		{12, cavage | fields, qseal.ReasonDigest, []row{
			{name: "no body, digest of an object", edit: object, twin: get, quirk: qseal.QuirkEmptyObject},
			{name: "GET with a body that is not in the digest", edit: both(smuggled, sealLength), twin: get},
		}},
		{12, rfc9421, qseal.ReasonDigest, []row{
			{name: "no body, digest of an object", edit: both(object, also("content-digest")), twin: get},
			{name: "GET with a body that is not sealed", edit: smuggled, twin: get, want: qseal.ReasonCoverage},
		}},
		{12, bodies, qseal.ReasonCoverage, []row{
			{name: "nothing to seal", edit: get, only: obie},
			{name: "nothing to seal", edit: get, want: qseal.ReasonBody, only: polish},
		}},
	}
}

// sealLength has STET seal the length of a body that is there.
func sealLength(d *draft) {
	if d.p.set == stet {
		d.covered = append(d.covered, "content-length")
	}
}
