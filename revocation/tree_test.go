package revocation_test

import (
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas/revocation"
)

// node is an element of DER as a tree. An OCTET STRING that holds one element,
// as the value of an extension does, is opened like a constructed one.
type node struct {
	tag  byte
	kids []*node
	leaf []byte // content, when there are no kids
}

// parseTree reads elements of definite length; nil when b is not of such.
func parseTree(b []byte) []*node {
	list := []*node{}
	for len(b) > 0 {
		var raw asn1.RawValue
		rest, err := asn1.Unmarshal(b, &raw)
		if err != nil {
			return nil
		}
		n := &node{tag: raw.FullBytes[0], leaf: raw.Bytes}
		if raw.IsCompound || n.tag == 4 {
			kids := parseTree(raw.Bytes)
			if raw.IsCompound && kids != nil || len(kids) == 1 && slices.Contains([]byte{0x30, 2, 10, 24}, kids[0].tag) {
				n.kids, n.leaf = kids, nil
			}
		}
		list, b = append(list, n), rest
	}
	return list
}

func (n *node) encode() []byte {
	content := n.leaf
	for _, k := range n.kids {
		content = append(content, k.encode()...)
	}
	out := []byte{n.tag}
	switch l := len(content); {
	case l < 0x80:
		out = append(out, byte(l))
	case l < 0x100:
		out = append(out, 0x81, byte(l))
	default:
		out = append(out, 0x82, byte(l>>8), byte(l))
	}
	return append(out, content...)
}

// visit calls f for every element that holds others, with the path to it.
func (n *node) visit(path string, f func(string, *node)) {
	if n.leaf != nil {
		return
	}
	f(path, n)
	for i, k := range n.kids {
		k.visit(fmt.Sprintf("%s.%d", path, i), f)
	}
}

// resign makes bits the signature of p over tbs.
func resign(t *testing.T, p *party, tbs, bits *node) {
	t.Helper()
	_, sig := (&response{signer: p}).sign(t, tbs.encode())
	bits.leaf = append([]byte{0}, sig...)
}

// trailing appends a NULL to each element that holds others, one at a time, and
// reports where what results is accepted.
func trailing(root *node, accepted func([]byte) bool) (paths []string) {
	root.visit("", func(path string, n *node) {
		n.kids = append(n.kids, &node{tag: 5, leaf: []byte{}})
		if accepted(root.encode()) {
			paths = append(paths, path)
		}
		n.kids = n.kids[:len(n.kids)-1]
	})
	return paths
}

func TestP1TrailingElements(t *testing.T) {
	w := newWorld(t)
	r := w.good().by(w.delegate)
	r.version = 0
	hash := der(t, struct {
		Algorithm pkix.AlgorithmIdentifier
		Hash      []byte
	}{pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}, Parameters: asn1.NullRawValue}, digest(5, w.leaf.cert.Raw)}, "")
	r.singles[0].exts = []pkix.Extension{ext("certHash", true, hash), ext("archiveCutoff", false, der(t, now, "generalized"))}
	r.exts = []pkix.Extension{ext("archiveCutoff", false, der(t, now, "generalized")), ext("sct", false, []byte{4, 0})}
	revokedOther := r.singles[0]
	revokedOther.serial, revokedOther.status, revokedOther.revokedAt, revokedOther.reason = w.root.cert.SerialNumber, "revoked", now, 1
	revokedOther.exts = nil
	r.singles = append(r.singles, revokedOther)
	for _, byKey := range []bool{false, true} {
		r.byKey = byKey
		root := parseTree(r.encode(t))[0]
		basic := root.kids[1].kids[0].kids[1].kids[0]
		verify := func([]byte) bool {
			resign(t, w.delegate, basic.kids[0], basic.kids[2])
			_, err := revocation.VerifyOCSP(root.encode(), w.target(), now, revocation.OCSPPolicy{})
			return err == nil
		}
		require.True(t, verify(nil))
		// NULL parameters of ECDSA mean what absent ones do, see algorithm.plain.
		assert.Equal(t, []string{".1.0.1.0.1"}, trailing(root, verify))
	}
}

func TestC11TrailingElements(t *testing.T) {
	w := newWorld(t)
	named := w.item(w.delegate, 4)
	named.exts = append(named.exts, pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 24}, Value: der(t, now, "generalized")}, entryIssuer(t, w.ca.cert.RawSubject))
	s := w.crl(named, w.item(w.root, 1)).numbered(t, 5, -1)
	s.with(28, true, pointSpec{directory: w.ca.cert.RawSubject, indirct: true}.issuing(t)).with(60, false, der(t, now, "generalized"))
	root := parseTree(s.encode(t))[0]
	verify := func([]byte) bool {
		resign(t, w.ca, root.kids[0], root.kids[2])
		crl, err := revocation.ParseCRL(root.encode())
		if err != nil {
			return false
		}
		_, err = revocation.VerifyCRL(revocation.CRLSet{CRLs: []*revocation.CRL{crl}}, w.target(), now, revocation.CRLPolicy{})
		return err == nil
	}
	require.True(t, verify(nil))
	assert.Empty(t, trailing(root, verify))
}

func TestC1TrailingElements(t *testing.T) {
	name := newWorld(t).ca.cert.RawSubject
	for _, p := range []pointSpec{
		{url: "http://a.test/1", reasons: []byte{5, 0x60}, issuers: [][]byte{name}},
		{directory: name},
		{relative: []byte("\x30\x0c\x06\x03\x55\x04\x03\x0c\x05part1")},
	} {
		root := parseTree(points(t, p).Value)[0]
		accepted := trailing(root, func(b []byte) bool { _, _, ok := revocation.PointURLs(b); return ok })
		if p.relative != nil {
			// What is in a relative name counts when it is put under a name.
			accepted = accepted[:max(0, len(accepted)-2)]
		}
		assert.Empty(t, accepted)
	}
}
