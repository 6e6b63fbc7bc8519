package eidastest

import (
	"bytes"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// HostileRow is one way to attack the reader of trusted lists.
type HostileRow struct {
	Number int    // 1 to 16 are forgeries, 30 to 35 are bombs
	Name   string // what it is, for the name of a test
	build  func(*hostile) ([]byte, error)
}

// hostile is what the attacker works with.
type hostile struct {
	list     *List
	doc      []byte // the honest document, canonical and without a signature
	forged   []byte // the same with the attacker's QTSP on it
	operator *Authority
	attacker *Authority
}

// HostileRows returns every attack. None of them may be accepted, though XML
// signature libraries accept many of rows 1 to 16, and need seconds to minutes
// for some of rows 30 to 35.
func HostileRows() []HostileRow {
	return []HostileRow{
		{1, "signature removed", func(h *hostile) ([]byte, error) { return h.doc, nil }},
		{2, "signed by a self-made certificate", (*hostile).selfMade},
		{3, "signature covers only SignedProperties", (*hostile).propertiesOnly},
		{4, "zero references", (*hostile).noReferences},
		{5, "no reference to SignedProperties", (*hostile).noProperties},
		{6, "two good signatures", (*hostile).twoSignatures},
		{7, "XPath transform", (*hostile).xpath},
		{8, "DOCTYPE with an entity", (*hostile).doctype},
		{9, "signature is not a child of the root", (*hostile).nested},
		{10, "SHA-1 signature and digests", (*hostile).sha1},
		{11, "list changed after signing", (*hostile).changed},
		{12, "signed by a key listed inside, KeyInfo names the operator", (*hostile).insideKey},
		{13, "signed by the operator of another territory", (*hostile).otherOperator},
		{14, "honest list wrapped inside a forged root", (*hostile).wrapped},
		{15, "honest list moved into an Object of the signature", (*hostile).moved},
		{16, "duplicate Id, forged root first", (*hostile).duplicateID},
		{30, "elements nested a million deep", (*hostile).deep},
		{31, "a hundred thousand attributes on one element", (*hostile).attributes},
		{32, "two million empty elements", (*hostile).wide},
		{33, "namespaces declared again on every level", (*hostile).namespaces},
		{34, "more than 32 MiB of white space", (*hostile).large},
		{35, "three thousand references with right digests and a junk signature", (*hostile).references},
	}
}

// Hostile returns the list as an attack has it. The signers that a verifier
// pins stay those of List.Signers. An attacker who is not the operator puts a
// QTSP of his own on it, so what is accepted does harm.
func (l *List) Hostile(number int) ([]byte, error) {
	for _, row := range HostileRows() {
		if row.Number != number {
			continue
		}
		h, err := l.newHostile()
		if err != nil {
			return nil, err
		}
		doc, err := row.build(h)
		if err != nil {
			return nil, fmt.Errorf("eidastest: row %d: %w", number, err)
		}
		return doc, nil
	}
	return nil, fmt.Errorf("eidastest: there is no row %d", number)
}

func (l *List) newHostile() (*hostile, error) {
	attacker, err := l.world.newAttacker()
	if err != nil {
		return nil, err
	}
	h := &hostile{list: l, operator: l.signer, attacker: attacker, doc: l.document().marshal(true)}
	if !l.isNational() {
		h.forged = h.doc
		return h, nil
	}
	q, err := l.world.newQTSP(QTSPOptions{Territory: l.Territory, Name: "Attacker"})
	if err != nil {
		return nil, err
	}
	d := l.document()
	d.providers = append(d.providers[:len(d.providers):len(d.providers)], q)
	h.forged = d.marshal(true)
	return h, nil
}

// newAttacker returns a signer that nobody announced, with a key like that of
// the operators. One does for all attacks: RSA keys are slow to make.
func (w *World) newAttacker() (*Authority, error) {
	if w.attacker != nil {
		return w.attacker, nil
	}
	var err error
	w.attacker, err = newAuthority(authorityRequest{
		subject: caSubject("EU", "Attacker", "Signer"), key: w.signerKey, now: w.Now(), endEntity: true,
	})
	return w.attacker, err
}

// honest returns a forger with all switches off.
func (h *hostile) honest() *forger {
	return &forger{
		key: h.operator.Key, keyInfo: h.operator.Certificate.Raw, signed: h.list.Issued, listRefs: 1,
	}
}

// Row 2: goxmldsig and others accept it without a pinned signer.
func (h *hostile) selfMade() ([]byte, error) {
	f := h.honest()
	f.key, f.keyInfo = h.attacker.Key, h.attacker.Certificate.Raw
	return f.sign(h.forged)
}

// Row 3: the operator's signature is over the properties alone, so any list fits.
func (h *hostile) propertiesOnly() ([]byte, error) {
	f := h.honest()
	f.listRefs = 0
	return f.sign(h.forged)
}

// Row 4: nothing at all is covered.
func (h *hostile) noReferences() ([]byte, error) {
	f := h.honest()
	f.listRefs, f.noProps = 0, true
	return f.sign(h.forged)
}

// Row 5: the signing certificate is not bound (EN 319 132-1, 6.3).
func (h *hostile) noProperties() ([]byte, error) {
	f := h.honest()
	f.noProps = true
	return f.sign(h.doc)
}

// Row 6: which of the two is meant is anybody's choice.
func (h *hostile) twoSignatures() ([]byte, error) {
	f := h.honest()
	once, err := f.sign(h.doc)
	if err != nil {
		return nil, err
	}
	second, err := (&forger{
		key: f.key, keyInfo: f.keyInfo, signed: f.signed, listRefs: 1, id: "sig2",
	}).signature(h.doc)
	if err != nil {
		return nil, err
	}
	return insertLast(once, second)
}

// Row 7: XPath can leave any part of the list out of the digest.
func (h *hostile) xpath() ([]byte, error) {
	f := h.honest()
	f.xpath = true
	return f.sign(h.doc)
}

// Row 8: no canonicaliser sees it, and no digest covers it.
func (h *hostile) doctype() ([]byte, error) {
	signed, err := h.honest().sign(h.doc)
	if err != nil {
		return nil, err
	}
	return append([]byte(`<!DOCTYPE TrustServiceStatusList [<!ENTITY operator "Attacker">]>`), signed...), nil
}

// Row 9: the signature is good, but sits where the profile has none.
func (h *hostile) nested() ([]byte, error) {
	sig, err := h.honest().signature(h.doc)
	if err != nil {
		return nil, err
	}
	return bytes.Replace(h.doc, []byte("</SchemeInformation>"), []byte(sig+"</SchemeInformation>"), 1), nil
}

// Row 10: the operator's own, in algorithms that are broken.
func (h *hostile) sha1() ([]byte, error) {
	f := h.honest()
	f.sha1 = true
	return f.sign(h.doc)
}

// Row 11: one letter.
func (h *hostile) changed() ([]byte, error) {
	signed, err := h.honest().sign(h.doc)
	if err != nil {
		return nil, err
	}
	return bytes.Replace(signed, []byte("Trusted list of"), []byte("trusted list of"), 1), nil
}

// Row 12: a verifier that tries every certificate of the document finds the
// attacker's, which is on the forged list.
func (h *hostile) insideKey() ([]byte, error) {
	f := h.honest()
	f.key = h.attacker.Key
	mark := []byte("<DigitalId>")
	if !bytes.Contains(h.forged, mark) {
		return nil, errors.New("list has no digital identity")
	}
	inside := bytes.Replace(h.forged, mark, []byte("<DigitalId><X509Certificate>"+
		b64(h.attacker.Certificate.Raw)+"</X509Certificate></DigitalId><DigitalId>"), 1)
	return f.sign(inside)
}

// Row 13: a real operator, but not this list's.
func (h *hostile) otherOperator() ([]byte, error) {
	for _, l := range slices.Concat(h.list.world.lists, []*List{h.list.world.LOTL}) {
		if l == h.list {
			continue
		}
		f := h.honest()
		f.key, f.keyInfo = l.signer.Key, l.signer.Certificate.Raw
		return f.sign(h.forged)
	}
	return nil, errors.New("there is no other operator")
}

// byID signs the honest list by its Id instead of as the whole document.
func (h *hostile) byID() (*forger, string) {
	f := h.honest()
	id := h.list.document().id
	f.listURI = "#" + id
	return f, id
}

// Row 14: the signature is found and good; what is read is the outer list.
func (h *hostile) wrapped() ([]byte, error) {
	f, id := h.byID()
	signed, err := f.sign(h.doc)
	if err != nil {
		return nil, err
	}
	outer := bytes.Replace(h.forged, []byte(`Id="`+id+`"`), []byte(`Id="outer"`), 1)
	return insertLast(outer, "<ds:Object xmlns:ds=\""+nsDS+"\">"+string(signed)+"</ds:Object>")
}

// Row 15: the signature moves to the forged root and carries the honest list,
// to which its reference still leads.
func (h *hostile) moved() ([]byte, error) {
	f, id := h.byID()
	f.digested, f.bare = h.doc, true
	f.extra = []string{string(h.doc)}
	outer := bytes.Replace(h.forged, []byte(`Id="`+id+`"`), []byte(`Id="outer"`), 1)
	return f.sign(outer)
}

// Row 16: both roots have the Id; who looks for it may find either.
func (h *hostile) duplicateID() ([]byte, error) {
	f, _ := h.byID()
	f.digested, f.bare = h.doc, true
	f.extra = []string{string(h.doc)}
	return f.sign(h.forged)
}

// The sizes of the bombs.
const (
	bombDepth      = 1_000_000
	bombAttributes = 100_000
	bombElements   = 2_000_000
	bombLevels     = 2_000
	bombBytes      = 33 << 20
	bombReferences = 3_000
	bombNotice     = 1 << 20
)

// stuffed puts content into the root of the list, unsigned.
func (h *hostile) stuffed(content string) ([]byte, error) { return insertLast(h.doc, content) }

// Row 30.
func (h *hostile) deep() ([]byte, error) {
	return h.stuffed(strings.Repeat("<a>", bombDepth) + strings.Repeat("</a>", bombDepth))
}

// Row 31.
func (h *hostile) attributes() ([]byte, error) {
	var b strings.Builder
	b.WriteString("<a")
	for i := range bombAttributes {
		fmt.Fprintf(&b, ` a%d=""`, i)
	}
	b.WriteString("></a>")
	return h.stuffed(b.String())
}

// Row 32.
func (h *hostile) wide() ([]byte, error) { return h.stuffed(strings.Repeat("<a/>", bombElements)) }

// Row 33: canonicalisers that copy the scope at each level need its square.
func (h *hostile) namespaces() ([]byte, error) {
	var b strings.Builder
	for i := range bombLevels {
		fmt.Fprintf(&b, `<n%d:a xmlns:n%d="urn:%d">`, i, i, i)
	}
	for i := bombLevels - 1; i >= 0; i-- {
		fmt.Fprintf(&b, "</n%d:a>", i)
	}
	return h.stuffed(b.String())
}

// Row 34.
func (h *hostile) large() ([]byte, error) { return h.stuffed(strings.Repeat(" ", bombBytes)) }

// Row 35: who digests before he verifies does it three thousand times over a
// megabyte.
func (h *hostile) references() ([]byte, error) {
	f := h.honest()
	f.listRefs, f.junk = bombReferences, true
	notice := []byte("</TSLLegalNotice>")
	return f.sign(bytes.Replace(h.doc, notice, append(bytes.Repeat([]byte("x"), bombNotice), notice...), 1))
}
