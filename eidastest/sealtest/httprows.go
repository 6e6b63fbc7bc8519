package sealtest

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"slices"
	"strings"

	"github.com/seed-b953571c/eidas/qseal"
)

// bound are the profiles that seal the target.
const bound = stet | ing | fields | rfc9421

// httpAttacks are 43 to 53: what HTTP does to a message, or lets be done.
func (k *Kit) httpAttacks() []group {
	return []group{
		{43, bound, qseal.ReasonSignatureInvalid, []row{
			{name: "sealed decoded", edit: both(target(suffix("/a%2Fb")), inputWith("%2F", "/")), twin: target(suffix("/a%2Fb"))},
			{name: "sealed decoded, over HTTP/2", edit: both(h2, target(suffix("/a%2Fb")), inputWith("%2F", "/")), twin: both(h2, target(suffix("/a%2Fb")))},
			{name: "sealed with other digits", edit: both(target(suffix("/a%2fb")), inputWith("%2f", "%2F")), twin: target(suffix("/a%2fb"))},
			{name: "sealed in absolute form", edit: inputWith("(request-target): post ", "(request-target): post https://"+bankAuthority), twin: after(absolute(bankAuthority)), only: bound &^ rfc9421, quirk: qseal.QuirkAbsoluteTarget},
			{name: "in absolute form, of another host", edit: after(absolute("evil.example")), twin: after(absolute(bankAuthority)), only: rfc9421},
		}},
		{44, bound, qseal.ReasonSignatureInvalid, []row{
			{name: "two slashes, sealed as one", edit: both(doubled, inputOnce), twin: doubled},
		}},
		{45, bound, qseal.ReasonSignatureInvalid, []row{
			{name: "query behind a semicolon, sealed without", edit: both(target(suffix("?a=1;b=2")), inputWith(";b=2", "")), twin: target(suffix("?a=1;b=2"))},
			{name: "query with a broken escape, sealed without", edit: both(target(suffix("?a=%zz")), inputWith("?a=%zz", "")), twin: target(suffix("?a=%zz"))},
		}},
		{46, all, qseal.ReasonHopByHop, hopRows()},
		{47, all, early, wireRows()},
		{48, cavage | fields | rfc9421, qseal.ReasonDigest, []row{{name: "digest of the body before its coding", edit: zipped(false), twin: zipped(true)}}},
		{48, obie, qseal.ReasonSignatureInvalid, []row{{name: "sealed before its coding", edit: zipped(false), twin: zipped(true)}}},
		{48, polish, qseal.ReasonBody, []row{{name: "sealed before its coding", edit: zipped(false)}}},
		{49, all, qseal.ReasonBody, transferRows()},
		{50, all, qseal.ReasonTooLarge, k.sizeRows()},
		{51, all &^ bodies, qseal.ReasonDigest, []row{{name: "changed behind the JSON", edit: tail, twin: padded(tailSize)}}},
		{51, bodies, qseal.ReasonSignatureInvalid, []row{{name: "changed behind the JSON", edit: tail, twin: padded(tailSize)}}},
		{52, all, qseal.ReasonRepeated, []row{
			{name: "Host beside another :authority", edit: both(h2, field("Host", "evil.example")), twin: both(h2, field("Host", bankAuthority))},
			{name: "sealed for another authority", edit: inputWith("https://"+bankAuthority, "https://evil.example"), want: qseal.ReasonSignatureInvalid, only: rfc9421},
			{
				name: "sealed for the host that a client says it was forwarded for", want: qseal.ReasonSignatureInvalid, only: rfc9421,
				edit: both(field("X-Forwarded-Host", "evil.example"), field("Forwarded", "host=evil.example"), inputWith("https://"+bankAuthority, "https://evil.example")),
				twin: both(field("X-Forwarded-Host", "evil.example"), field("Forwarded", "host=evil.example")),
			},
		}},
		{53, all, qseal.ReasonSignatureMissing, []row{
			{name: "no seal, and somebody's verdict about one", edit: both(verdicts(), unsealed), twin: verdicts()},
		}},
	}
}

func h2(d *draft) { d.msg.HTTP2 = true }

// absolute is the target as for a forward proxy (RFC 9112, 3.2.2).
func absolute(authority string) edit {
	return func(d *draft) { d.msg.Target = "https://" + authority + d.msg.Target }
}

// doubled begins the path with two slashes.
func doubled(d *draft) { d.msg.Target = "/" + d.msg.Target }

// inputOnce seals the path with one of them.
func inputOnce(d *draft) {
	two := d.msg.Target
	d.input = func(s string) string { return strings.Replace(s, two, two[1:], 1) }
}

// hopRows name each field of the seal in Connection.
func hopRows() []row {
	var rows []row
	for _, f := range []struct {
		name string
		of   profiles
	}{
		{"Signature", cavage | rfc9421},
		{"Digest", cavage | fields},
		{"TPP-Signature-Certificate", berlin | ing},
		{"X-Request-ID", berlin | stet | fields | polish},
		{"Date", stet | ing},
		{"Content-Type", stet | fields},
		{"X-JWS-Signature", jose},
		{"Signature-Input", rfc9421},
		{"Content-Digest", rfc9421},
	} {
		rows = append(rows,
			row{name: "Connection names " + f.name, edit: after(field("Connection", "close, "+f.name)), twin: after(field("Connection", "close, TE")), only: f.of},
			row{name: "Connection names " + f.name + " in capitals", edit: after(field("Connection", strings.ToUpper(f.name))), twin: after(field("Connection", "keep-alive")), only: f.of})
	}
	return rows
}

// wireRows are about octets of a header.
func wireRows() []row {
	// A line that is folded (RFC 9112, 5.2) is one with a blank.
	const psu = berlin | stet | fields | rfc9421
	sealedPSU := func(text string) edit { return both(field("PSU-ID", text), also("psu-id")) }
	folded := sealedPSU("an ton")
	fold := after(func(d *draft) { d.set("PSU-ID", "an\r\n ton") })
	foldedID := func(d *draft) {
		d.later(func(d *draft) { d.set("X-Request-ID", d.id[:8]+"\r\n "+d.id[8:]) })
	}
	kelvin := "\u212aey" // folds to a k
	return []row{
		{name: "control character in a value", edit: after(field("X-A", "a\vb")), twin: after(field("X-A", "a\tb"))},
		{name: "blank behind a name", edit: after(field("X-A ", "a"))},
		{name: "folded, sealed without the blank", edit: both(sealedPSU("anton"), fold), twin: both(folded, fold), want: qseal.ReasonSignatureInvalid, only: psu},
		{name: "folded, in the body without the blank", edit: foldedID, want: qseal.ReasonCoverage, only: polish},
		{name: "not UTF-8, sealed replaced", edit: both(sealedPSU("\xff\xfe"), inputWith("\xff\xfe", "\ufffd\ufffd")), twin: sealedPSU("\xff\xfe"), want: qseal.ReasonSignatureInvalid, only: psu},
		{name: "U+212A in a name", edit: both(field("Key", "x"), also(kelvin)), want: qseal.ReasonFormat, only: cavage | rfc9421},
		{name: "U+212A in a name", edit: both(field("Key", "x"), also(kelvin)), want: qseal.ReasonHeader, only: fields},
	}
}

// zipped sends the order compressed, with the digest of what is sent or of what
// it was.
func zipped(coded bool) edit {
	return func(d *draft) {
		var b bytes.Buffer
		w := gzip.NewWriter(&b)
		_, _ = w.Write(d.msg.Body) // into memory: cannot fail
		_ = w.Close()
		if !coded {
			d.digested = d.msg.Body
		}
		d.msg.Body = b.Bytes()
		d.set("Content-Encoding", "gzip")
	}
}

// transferRows are about how a body comes.
func transferRows() []row {
	broken := func(content []byte) string { return fmt.Sprintf("%x\r\n%s\r\nxyz\r\n", len(content), content) }
	short := func(content []byte) string { return fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(content)-1, content) }
	right := chunked(chunks)
	trailer := func(name string) edit {
		return both(chunked(chunks), after(func(d *draft) {
			text := d.values(name)[0]
			d.remove(name)
			d.set("Trailer", name)
			d.msg.Body = append(bytes.TrimSuffix(d.msg.Body, []byte("\r\n")), name+": "+text+"\r\n\r\n"...)
		}))
	}
	expect := func(d *draft) {
		d.set("Expect", "100-continue")
		d.msg.Waits = true
	}
	flipped := octets(func(b []byte) []byte {
		b = slices.Clone(b)
		b[len(b)-1] ^= 1
		return b
	})
	return []row{
		{name: "a chunk with no size", edit: chunked(broken), twin: right},
		{name: "a chunk with a wrong size", edit: chunked(short), twin: right},
		{name: "the digest in a trailer", edit: trailer("Digest"), twin: right, want: qseal.ReasonDigestMissing, only: cavage},
		{name: "the digest in a trailer", edit: trailer("Digest"), twin: right, want: qseal.ReasonFieldMissing, only: fields},
		{name: "the digest in a trailer", edit: trailer("Content-Digest"), twin: right, want: qseal.ReasonFieldMissing, only: rfc9421},
		{name: "the seal in a trailer", edit: trailer(jwsField), twin: right, want: qseal.ReasonSignatureMissing, only: bodies},
		{name: "a wrong signature that waits to be asked for its body", edit: both(expect, flipped), twin: expect, want: qseal.ReasonSignatureInvalid},
	}
}

// sizeRows are one byte over the cap, and at it.
func (k *Kit) sizeRows() []row {
	size := int(k.o.MaxBody)
	return []row{
		{name: "announced", edit: padded(size + 1), twin: padded(size)},
		{name: "not announced", edit: both(padded(size+1), chunked(chunks)), twin: both(padded(size), chunked(chunks))},
	}
}

// tailSize is beyond what a decoder of JSON reads at once.
const tailSize = 2048

// tail changes what a decoder of JSON never looks at.
func tail(d *draft) {
	padded(tailSize)(d)
	d.later(func(d *draft) {
		d.msg.Body = slices.Clone(d.msg.Body)
		d.msg.Body[len(d.msg.Body)-1] = '\t'
	})
}

// verdicts are the fields in which proxies and sidecars tell an application whom
// they have let in.
func verdicts() edit {
	return both(
		field("X-TPP-Identity", honestID), field("X-Seal-Identity", honestID), field("X-Eidas-Identity", honestID),
		field("X-Client-Verify", "SUCCESS"), field("X-SSL-Client-Verify", "SUCCESS"), field("X-Forwarded-Client-Cert", "Hash=00"),
	)
}
