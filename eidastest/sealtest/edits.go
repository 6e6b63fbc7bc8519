package sealtest

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/sha512"
	"fmt"
	"slices"
	"strings"
)

// Edits of messages, before they are sealed unless they say otherwise.

// both is several edits, one after the other.
func both(edits ...edit) edit { return func(d *draft) { d.apply(edits...) } }

// after is an edit of the sealed message.
func after(edits ...edit) edit { return func(d *draft) { d.after = append(d.after, edits...) } }

// field sets a header field.
func field(name, value string) edit { return func(d *draft) { d.set(name, value) } }

// drop removes header fields.
func drop(names ...string) edit {
	return func(d *draft) {
		for _, name := range names {
			d.remove(name)
		}
	}
}

// unsealed removes the seal from a sealed message.
func unsealed(d *draft) { d.later(func(d *draft) { drop(d.p.seal...)(d) }) }

// another adds a line to those of a field, before or after them.
func another(name string, first bool) edit {
	return func(d *draft) {
		lines := append(slices.Clone(d.msg.Lines), Line{name, "another"})
		if first {
			lines = append([]Line{{name, "another"}}, d.msg.Lines...)
		}
		d.msg.Lines = lines
	}
}

// also seals one more name, and cover all of them.
func also(name string) edit { return func(d *draft) { d.covered = append(d.covered, name) } }

func cover(names ...string) edit { return func(d *draft) { d.covered = names } }

// uncover leaves a name out of the seal.
func uncover(names ...string) edit {
	return func(d *draft) {
		d.covered = slices.DeleteFunc(slices.Clone(d.covered), func(s string) bool { return slices.Contains(names, s) })
	}
}

// parameter gives the seal a parameter, and without takes it away.
func parameter(name, raw string) edit { return func(d *draft) { d.setParam(name, raw) } }

func without(name string) edit { return func(d *draft) { d.dropParam(name) } }

// named is the name of an algorithm in the seal.
func named(alg string) edit { return func(d *draft) { d.setParam(d.p.alg, quoted(alg)) } }

// signing is another way to sign.
func signing(w way) edit { return func(d *draft) { d.way = w } }

// octets changes the signature, and value the finished seal.
func octets(change func([]byte) []byte) edit { return func(d *draft) { d.octets = change } }

func value(change func(string) string) edit { return func(d *draft) { d.value = change } }

// input changes what is signed: as an implementation would that has another
// opinion of the signing string.
func input(change func(string) string) edit { return func(d *draft) { d.input = change } }

func inputWith(old, text string) edit {
	return input(func(s string) string { return strings.Replace(s, old, text, 1) })
}

// by seals with a certificate of the cast: its key, and what the profile calls
// that key's algorithm.
func by(p part) edit {
	return func(d *draft) {
		d.leaf = d.k.leaf(d.p, p)
		d.p.name(d)
		alg, w := d.p.algorithm(d.leaf.Key.Public())
		d.setParam(d.p.alg, quoted(alg))
		d.way = w
	}
}

// claiming names a certificate of the cast and seals with the key as before.
func claiming(p part) edit {
	return func(d *draft) {
		own := d.leaf
		d.leaf = d.k.leaf(d.p, p)
		d.p.name(d)
		d.leaf = own
	}
}

// algorithm is the usual one for a key, whether the profile allows it or not.
func (p *profile) algorithm(pub any) (string, way) {
	k, isEC := pub.(*ecdsa.PublicKey)
	large := isEC && k.Curve == elliptic.P384()
	sha384 := side256()
	sha384.hash = crypto.SHA384
	switch {
	case p.set&cavage != 0 && isEC:
		return "ecdsa-sha256", der256()
	case p.set&cavage != 0:
		return "rsa-sha256", pkcs1256()
	case p.set&jws != 0 && large:
		return "ES384", sha384
	case p.set&jws != 0 && isEC:
		return "ES256", side256()
	case p.set&jws != 0:
		return "PS256", pss256()
	case large:
		return "ecdsa-p384-sha384", sha384
	case isEC:
		return "ecdsa-p256-sha256", side256()
	}
	return "rsa-v1_5-sha256", pkcs1256()
}

// amount is another order, of the same length.
func amount(d *draft) {
	d.msg.Body = bytes.Replace(d.msg.Body, []byte("10.00"), []byte("99.00"), 1)
}

// padded has white space behind its JSON, up to a size.
func padded(size int) edit {
	return func(d *draft) {
		d.msg.Body = append(d.msg.Body, bytes.Repeat([]byte(" "), size-len(d.msg.Body))...)
	}
}

// get is a request without a body.
func get(d *draft) {
	d.msg.Method, d.msg.Body = "GET", nil
	d.remove("Content-Type")
	uncover("content-type", "content-length", "content-digest")(d)
}

// chunked sends the sealed body in chunks, of which one may be broken.
func chunked(render func(content []byte) string) edit {
	return func(d *draft) {
		d.set("Transfer-Encoding", "chunked")
		uncover("content-length")(d)
		d.later(func(d *draft) { d.msg.Body = []byte(render(d.msg.Body)) })
	}
}

func chunks(content []byte) string {
	return fmt.Sprintf("%x\r\n%s\r\n0\r\n\r\n", len(content), content)
}

// target is another target for the same resource.
func target(change func(string) string) edit {
	return func(d *draft) { d.msg.Target = change(d.msg.Target) }
}

func suffix(s string) func(string) string { return func(t string) string { return t + s } }

// contentDigest512 is Content-Digest with SHA-512.
func contentDigest512(b []byte) string {
	sum := sha512.Sum512(b)
	return "sha-512=:" + b64(sum[:]) + ":"
}
