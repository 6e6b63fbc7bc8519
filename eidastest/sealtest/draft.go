package sealtest

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/seed-b953571c/eidas/eidastest"
)

// draft is a request on its way to be sealed. newDraft makes a lawful one; the
// edits of an attack change it before it is sealed, or after.
type draft struct {
	k    *Kit
	p    *profile
	id   string // X-Request-ID, or nonce
	at   time.Time
	msg  Message
	leaf *eidastest.Leaf // seals, and is named by the seal

	params  []param // of the seal, in order
	covered []string
	way     way

	digested []byte // what the digest is of; nil: the body
	noDigest bool   // none is written
	input    func(string) string
	octets   func([]byte) []byte // of the signature
	value    func(string) string // of the finished seal

	json, protected func(string) string // of the protected header, and of its base64url
	after           []edit
}

// edit changes a draft.
type edit func(d *draft)

// param is a parameter of a seal and its value as it stands there: with the
// quotes of a string, which JSON, draft-cavage and structured fields all have.
type param struct{ name, raw string }

const bankAuthority = "bank.example"

// newDraft is a lawful payment order of the honest TPP.
func (k *Kit) newDraft(p *profile, id string) *draft {
	d := &draft{k: k, p: p, id: id, at: k.world.Now(), leaf: k.leaf(p, partHonest), way: p.way}
	d.msg = Message{Peer: k.honest, Method: "POST", Target: k.o.Target, Authority: bankAuthority}
	d.msg.Body = []byte(`{"requestHeader":{"requestId":"` + id + `"},"amount":"10.00"}`)
	d.set("Content-Type", "application/json")
	d.set("X-Request-ID", id)
	p.lawful(d)
	p.name(d)
	return d
}

// newID returns a UUID (RFC 9562, 5.4).
func newID() string {
	var b [16]byte
	_, _ = rand.Read(b[:])
	b[6], b[8] = b[6]&0x0f|0x40, b[8]&0x3f|0x80
	h := hex.EncodeToString(b[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// apply runs edits that are there.
func (d *draft) apply(edits ...edit) {
	for _, e := range edits {
		if e != nil {
			e(d)
		}
	}
}

// seal makes the message.
func (d *draft) seal() (*Message, error) {
	if len(d.msg.Body) > 0 && len(d.values("Content-Length"))+len(d.values("Transfer-Encoding")) == 0 {
		d.set("Content-Length", strconv.Itoa(len(d.msg.Body)))
	}
	d.writeDigest()
	if err := d.p.write(d); err != nil {
		return nil, fmt.Errorf("sealtest: %s: %w", d.p.id, err)
	}
	d.apply(d.after...)
	m := d.msg
	return &m, nil
}

// writeDigest writes the profile's digest of the body, where an edit has not.
func (d *draft) writeDigest() {
	if d.noDigest || d.p.digest == "" || len(d.values(d.p.digest)) > 0 {
		return
	}
	of := d.digested
	if of == nil {
		of = d.msg.Body
	}
	if d.p.digest == "Content-Digest" {
		if len(of) > 0 {
			d.set(d.p.digest, contentDigest(of))
		}
		return
	}
	d.set(d.p.digest, digest(of))
}

func digest(b []byte) string {
	sum := sha256.Sum256(b)
	return "SHA-256=" + base64.StdEncoding.EncodeToString(sum[:])
}

func contentDigest(b []byte) string {
	sum := sha256.Sum256(b)
	return "sha-256=:" + base64.StdEncoding.EncodeToString(sum[:]) + ":"
}

// sign signs a signing string, with what an attack does to either.
func (d *draft) sign(input string) ([]byte, error) {
	if d.input != nil {
		input = d.input(input)
	}
	out, err := d.way.sign(d.leaf, []byte(input))
	if err == nil && d.octets != nil {
		out = d.octets(out)
	}
	return out, err
}

func (d *draft) finish(value string) string {
	if d.value != nil {
		return d.value(value)
	}
	return value
}

func (d *draft) set(name, value string)      { d.msg.Lines = set(d.msg.Lines, name, value) }
func (d *draft) values(name string) []string { return values(d.msg.Lines, name) }
func (d *draft) remove(name string)          { d.msg.Lines = remove(d.msg.Lines, name) }
func (d *draft) later(e edit)                { d.after = append(d.after, e) }
func quoted(s string) string                 { return `"` + s + `"` }

// setParam gives the seal a parameter, in its place where it has one.
func (d *draft) setParam(name, raw string) {
	i := slices.IndexFunc(d.params, func(p param) bool { return p.name == name })
	if i < 0 {
		d.params = append(d.params, param{name, raw})
		return
	}
	d.params[i].raw = raw
}

func (d *draft) dropParam(name string) {
	d.params = slices.DeleteFunc(d.params, func(p param) bool { return p.name == name })
}

func (d *draft) param(name string) string {
	for _, p := range d.params {
		if p.name == name {
			return p.raw
		}
	}
	return ""
}

// line is the line of a signing string of draft-cavage (2.3).
func (d *draft) line(name string) string {
	switch strings.ToLower(name) {
	case "(request-target)":
		return "(request-target): " + strings.ToLower(d.msg.Method) + " " + d.msg.Target
	case "host":
		return "host: " + d.msg.Authority
	}
	return strings.ToLower(name) + ": " + d.joined(name)
}

// joined is the value of a field with several lines.
func (d *draft) joined(name string) string {
	lines := d.values(name)
	for i, l := range lines {
		lines[i] = strings.Trim(l, " \t")
	}
	return strings.Join(lines, ", ")
}

// lines is the signing string of draft-cavage.
func (d *draft) lines() string {
	out := make([]string, 0, len(d.covered))
	for _, name := range d.covered {
		out = append(out, d.line(name))
	}
	return strings.Join(out, "\n")
}
