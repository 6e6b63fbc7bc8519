package xmldsig_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"math/big"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas/internal/xmldsig"
)

// fixedIdentity returns the same key and certificate in every process, because
// fuzzing runs in several.
func fixedIdentity(tb testing.TB) identity {
	tb.Helper()
	scalar := bytes.Repeat([]byte{0x42}, 32)
	key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), scalar)
	require.NoError(tb, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1),
		NotBefore:    time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
		NotAfter:     time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC),
	}
	// Without a source of randomness the signature is that of RFC 6979.
	der, err := x509.CreateCertificate(nil, template, template, key.Public(), key)
	require.NoError(tb, err)
	return identity{key, der}
}

func TestFixedIdentityIsFixed(t *testing.T) {
	first, second := fixedIdentity(t), fixedIdentity(t)
	assert.Equal(t, first.der, second.der)
}

// documents are seeds with a little of everything.
var documents = []string{
	smallList,
	"<a/>",
	"<?xml version='1.0' encoding='utf-8' standalone='yes'?><!-- x --><a b='&lt;&#9;\r\n' xmlns:p=\"urn:x\"><p:c p:d=''/>x<!-- y -->z</a>\n",
	"<a xmlns='u:1'><b xmlns=''><c xmlns='u:2'/></b></a>",
	"<p:a xmlns:p='u:1' xmlns:q='u:1' q:b='1' c='2'><q:b xmlns:q='u:2'><![CDATA[<&]]>]]&gt;</q:b></p:a>",
	"<a xml:lang='en' xmlns:xml='http://www.w3.org/XML/1998/namespace'>&#xD;&#10;\r\n&amp;&quot;</a>",
	"<é·><ñ xmlns:ü='u:1' ü:ä='ö'/>\uFFFD😀</é·>",
	"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>",
}

// FuzzReader holds the Reader to this oracle: it never panics, and a document it
// accepts gives the same elements, attributes and text as encoding/xml with
// names resolved and white space normalised by the reference of these tests.
// Names beyond ASCII are left out where encoding/xml, which follows the fourth
// edition of XML 1.0, refuses them.
func FuzzReader(f *testing.F) {
	for _, doc := range documents {
		f.Add([]byte(doc))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		got, err := readerEvents(doc)
		if err != nil {
			require.NotZero(t, xmldsig.CodeOf(err), "%v", err)
			return
		}
		root, err := refParse(doc)
		if err != nil && hasHighBytes(doc) && strings.Contains(err.Error(), "name") {
			return
		}
		require.NoError(t, err, "encoding/xml refuses what Reader accepts")
		var want strings.Builder
		refEvents(&want, root)
		require.Equal(t, want.String(), got)
	})
}

func hasHighBytes(doc []byte) bool {
	return bytes.ContainsFunc(doc, func(r rune) bool { return r >= 0x80 })
}

// readerEvents renders what the Reader says about a document. The attributes are
// looked up by the names the reference finds.
func readerEvents(doc []byte) (string, error) {
	var b strings.Builder
	r := xmldsig.NewReader(doc)
	var open []*refNode
	root, _ := refParse(doc)
	for {
		kind, err := r.Next()
		if errors.Is(err, io.EOF) {
			return b.String(), nil
		}
		if err != nil {
			return "", err
		}
		switch kind {
		case xmldsig.StartElement:
			node := root
			if len(open) > 0 {
				node = open[len(open)-1].nextChild()
			}
			open = append(open, node)
			fmt.Fprintf(&b, "<%s", r.Name())
			if node != nil {
				for _, a := range node.attrs {
					value, ok := r.Attr(node.attrSpace(a), a.local)
					fmt.Fprintf(&b, " %s=%q,%v", a.qname(), value, ok)
				}
			}
			b.WriteString(">")
		case xmldsig.EndElement:
			open = open[:len(open)-1]
			fmt.Fprintf(&b, "</%s>", r.Name())
		case xmldsig.Text:
			fmt.Fprintf(&b, "%q", r.Text())
		}
	}
}

// nextChild returns the first child element not returned yet.
func (n *refNode) nextChild() *refNode {
	if n == nil {
		return nil
	}
	for n.visited < len(n.children) {
		n.visited++
		if e, ok := n.children[n.visited-1].(*refNode); ok {
			return e
		}
	}
	return nil
}

func (n *refNode) attrSpace(a refAttr) string {
	if a.prefix == "" {
		return ""
	}
	return n.lookup(a.prefix)
}

// refEvents renders the tree of a document as readerEvents does.
func refEvents(b *strings.Builder, n *refNode) {
	name := xmldsig.Name{Space: n.space(), Local: n.local}
	fmt.Fprintf(b, "<%s", name)
	for _, a := range n.attrs {
		fmt.Fprintf(b, " %s=%q,%v", a.qname(), a.value, true)
	}
	b.WriteString(">")
	text := ""
	flush := func() {
		if text != "" {
			fmt.Fprintf(b, "%q", text)
		}
		text = ""
	}
	for _, c := range n.children {
		switch c := c.(type) {
		case string:
			text += c
		case *refNode:
			flush()
			refEvents(b, c)
		}
	}
	flush()
	fmt.Fprintf(b, "</%s>", name)
}

// FuzzCanonical holds canonicalisation to this oracle: it never panics, its
// result agrees with the reference of these tests, and canonicalising the result
// again changes nothing, in both forms.
func FuzzCanonical(f *testing.F) {
	for _, doc := range documents {
		f.Add([]byte(doc))
	}
	for _, row := range subtreeRows {
		f.Add([]byte(row.doc))
	}
	f.Fuzz(func(t *testing.T, doc []byte) {
		root, parsed := refParse(doc)
		for _, inclusive := range []bool{false, true} {
			got, err := xmldsig.Canonical(doc, inclusive)
			if err != nil {
				require.NotZero(t, xmldsig.CodeOf(err))
				continue
			}
			again, err := xmldsig.Canonical(got, inclusive)
			require.NoError(t, err, "canonical form is refused")
			require.Equal(t, string(got), string(again), "not a fixpoint")
			if parsed == nil {
				require.Equal(t, refCanonical(root, inclusive, nil), string(got))
			}
		}
		part, err := xmldsig.CanonicalElement(doc, "s", true)
		if err != nil || parsed != nil {
			return
		}
		if found := refFindLocal(root, "s"); found != nil {
			require.Equal(t, refCanonical(found, true, nil), string(part))
		}
	})
}

// FuzzVerify holds verification to this oracle: it never panics, and whatever
// variation of a signed list is accepted has the octets and the signer of the
// original.
func FuzzVerify(f *testing.F) {
	by := fixedIdentity(f)
	want := refOctets(f, []byte(smallList))
	f.Add(sign(f, smallList, by, xmldsig.SignOptions{}))
	f.Add(sign(f, smallList, by, xmldsig.SignOptions{RootID: "list-1", V1: true}))
	f.Fuzz(func(t *testing.T, doc []byte) {
		v, err := xmldsig.Verify(doc, by.pinned())
		if err != nil {
			require.NotZero(t, xmldsig.CodeOf(err), "%v", err)
			require.Nil(t, v)
			return
		}
		require.Equal(t, want, string(v.Octets))
		require.Equal(t, by.der, v.Signer)
	})
}

// mutants is how many variations TestMutants tries; EIDAS_MUTANTS sets another.
func mutants(t *testing.T) int {
	t.Helper()
	text := os.Getenv("EIDAS_MUTANTS")
	if text == "" {
		return 4000
	}
	n, err := strconv.Atoi(text)
	require.NoError(t, err)
	return n
}

// Mutants of a signed list, made of its own tokens: none is accepted with other
// octets or another signer.
func TestMutants(t *testing.T) {
	by := fixedIdentity(t)
	want := refOctets(t, []byte(smallList))
	accepted, refused, n := 0, 0, mutants(t)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range n {
		o := xmldsig.SignOptions{V1: i%2 == 0}
		if i%3 == 0 {
			o.RootID = "list-1"
		}
		mutant := mutate(random, sign(t, smallList, by, o))
		v, err := xmldsig.Verify(mutant, by.pinned())
		if err != nil {
			refused++
			require.NotZero(t, xmldsig.CodeOf(err), "%v", err)
			continue
		}
		accepted++
		require.Equal(t, want, string(v.Octets), "%s", mutant)
		require.Equal(t, by.der, v.Signer)
	}
	t.Logf("%d mutants: %d refused, %d accepted with the octets that were signed", n, refused, accepted)
	assert.Positive(t, accepted)
	assert.Greater(t, refused, accepted)
}

// mutate changes a document in one of the ways that have broken verifiers.
func mutate(random *rand.Rand, doc []byte) []byte {
	snippets := []string{
		"<!---->", "<!-- x -->", "<![CDATA[]]>", " ", "\n", "&#32;", "&#13;", "\r", "<x/>", "<?x?>", "&amp;", "xmlns=''",
		` Id="list-1"`, ` xmlns:ds="http://www.w3.org/2000/09/xmldsig#"`, `<ds:Object/>`, "\x00", "\xC3", "]]>", "/", ">",
	}
	// Cuts are at the edges of tags, so that whole elements move.
	var cuts []int
	for i, b := range doc {
		if b == '<' {
			cuts = append(cuts, i)
		}
		if b == '>' {
			cuts = append(cuts, i+1)
		}
	}
	cut := func() int { return cuts[random.IntN(len(cuts))] }
	a, b := cut(), cut()
	if a > b {
		a, b = b, a
	}
	at := random.IntN(len(doc))
	join := func(parts ...[]byte) []byte { return bytes.Join(parts, nil) }
	switch random.IntN(8) {
	case 0: // change a byte
		out := bytes.Clone(doc)
		out[at] ^= 1 << random.IntN(8)
		return out
	case 1: // remove a byte
		return join(doc[:at], doc[at+1:])
	case 2: // add something anywhere
		return join(doc[:at], []byte(snippets[random.IntN(len(snippets))]), doc[at:])
	case 3: // add something between tags
		return join(doc[:a], []byte(snippets[random.IntN(len(snippets))]), doc[a:])
	case 4: // remove a range
		return join(doc[:a], doc[b:])
	case 5: // repeat a range
		return join(doc[:b], doc[a:b], doc[b:])
	case 6: // move a range
		rest := join(doc[:a], doc[b:])
		to := random.IntN(len(rest))
		return join(rest[:to], doc[a:b], rest[to:])
	default: // replace a range by another
		c, d := cut(), cut()
		if c > d {
			c, d = d, c
		}
		return join(doc[:a], doc[c:d], doc[b:])
	}
}
