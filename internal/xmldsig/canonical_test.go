package xmldsig_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas/internal/xmldsig"
)

func TestCanonicalForm(t *testing.T) {
	rows := []struct{ name, doc, exclusive, inclusive string }{
		{"empty element", "<a/>", "<a></a>", ""},
		{"declaration, comments and space around", "<?xml version='1.0'?> <!-- x --><a ><!-- y --></a >\n", "<a></a>", ""},
		{"quotes", `<a b='"' c="'"/>`, `<a b="&quot;" c="'"></a>`, ""},
		{"text escapes", "<a>&lt;&gt;>&amp;\"'&#13;\r\n\t</a>", "<a>&lt;&gt;&gt;&amp;\"'&#xD;\n\t</a>", ""},
		{"value escapes", "<a b='&lt;>&amp;&quot;&#9;&#10;&#13; \t\r\n'/>", `<a b="&lt;>&amp;&quot;&#x9;&#xA;&#xD;   "></a>`, ""},
		{"CDATA", "<a><![CDATA[<x>&]]></a>", "<a>&lt;x&gt;&amp;</a>", ""},
		{"characters", "<a>&#233;é&#x1F600;</a>", "<a>éé😀</a>", ""},
		{
			"attribute order", `<a c="1" b="2" xmlns:y="u:1" xmlns:x="u:2" x:a="3" y:z="4" y:b="5" xml:lang="6"/>`,
			`<a xmlns:x="u:2" xmlns:y="u:1" b="2" c="1" xml:lang="6" y:b="5" y:z="4" x:a="3"></a>`, "",
		},
		{
			"unused namespaces", `<a xmlns:p="u:1" xmlns:q="u:2"><q:b/><p:c/></a>`,
			`<a><q:b xmlns:q="u:2"></q:b><p:c xmlns:p="u:1"></p:c></a>`,
			`<a xmlns:p="u:1" xmlns:q="u:2"><q:b></q:b><p:c></p:c></a>`,
		},
		{"nested use", `<p:a xmlns:p="u:1"><p:b><p:c/></p:b></p:a>`, `<p:a xmlns:p="u:1"><p:b><p:c></p:c></p:b></p:a>`, ""},
		{"redundant declaration", `<p:a xmlns:p="u:1"><p:b xmlns:p="u:1"/></p:a>`, `<p:a xmlns:p="u:1"><p:b></p:b></p:a>`, ""},
		{
			"redeclared and back", `<p:a xmlns:p="u:1"><p:b xmlns:p="u:2"><p:c xmlns:p="u:1"/></p:b><p:d/></p:a>`,
			`<p:a xmlns:p="u:1"><p:b xmlns:p="u:2"><p:c xmlns:p="u:1"></p:c></p:b><p:d></p:d></p:a>`, "",
		},
		{
			"redeclared where unused", `<p:a xmlns:p="u:1"><b xmlns:p="u:2"><p:c/></b></p:a>`,
			`<p:a xmlns:p="u:1"><b><p:c xmlns:p="u:2"></p:c></b></p:a>`,
			`<p:a xmlns:p="u:1"><b xmlns:p="u:2"><p:c></p:c></b></p:a>`,
		},
		{
			"default namespace undeclared", `<a xmlns="u:1"><b xmlns=""><c/></b><d/></a>`,
			`<a xmlns="u:1"><b xmlns=""><c></c></b><d></d></a>`, "",
		},
		{
			"undeclared below a prefix", `<p:a xmlns:p="u:1" xmlns="u:2"><p:b xmlns=""><c/></p:b></p:a>`,
			`<p:a xmlns:p="u:1"><p:b><c></c></p:b></p:a>`,
			`<p:a xmlns="u:2" xmlns:p="u:1"><p:b xmlns=""><c></c></p:b></p:a>`,
		},
		{"superfluous undeclaration", `<a xmlns=""><b xmlns=""/></a>`, `<a><b></b></a>`, ""},
		{
			"prefix of an attribute", `<a xmlns:p="u:1" xmlns:q="u:2"><b p:c="1"/></a>`, `<a><b xmlns:p="u:1" p:c="1"></b></a>`,
			`<a xmlns:p="u:1" xmlns:q="u:2"><b p:c="1"></b></a>`,
		},
		{
			"default namespace is not for attributes", `<p:a xmlns="u:1" xmlns:p="u:2" b="1"/>`, `<p:a xmlns:p="u:2" b="1"></p:a>`,
			`<p:a xmlns="u:1" xmlns:p="u:2" b="1"></p:a>`,
		},
		{"xml declared", `<a xmlns:xml="http://www.w3.org/XML/1998/namespace" xml:space="preserve"> </a>`, `<a xml:space="preserve"> </a>`, ""},
		{"escapes in a namespace name", `<a xmlns="u:&amp;&quot;"/>`, `<a xmlns="u:&amp;&quot;"></a>`, ""},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			if row.inclusive == "" {
				row.inclusive = row.exclusive
			}
			for inclusive, want := range map[bool]string{false: row.exclusive, true: row.inclusive} {
				got, err := xmldsig.Canonical([]byte(row.doc), inclusive)
				require.NoError(t, err)
				assert.Equal(t, want, string(got))
				root, err := refParse([]byte(row.doc))
				require.NoError(t, err)
				assert.Equal(t, want, refCanonical(root, inclusive, nil), "the reference of the tests differs")
			}
		})
	}
}

// subtreeRows are documents whose element "s" is canonicalised as a subtree.
var subtreeRows = []struct{ name, doc, exclusive, inclusive string }{
	{"nothing in scope", "<r><s><t/></s></r>", "<s><t></t></s>", "<s><t></t></s>"},
	{
		"prefixes in scope", `<r xmlns:p="u:1" xmlns="u:0"><p:s xmlns:q="u:2"><t/></p:s></r>`,
		`<p:s xmlns:p="u:1"><t xmlns="u:0"></t></p:s>`, `<p:s xmlns="u:0" xmlns:p="u:1" xmlns:q="u:2"><t></t></p:s>`,
	},
	{"redeclared at the element", `<r xmlns:p="u:1"><p:s xmlns:p="u:2"/></r>`, `<p:s xmlns:p="u:2"></p:s>`, `<p:s xmlns:p="u:2"></p:s>`},
	{"default undeclared", `<r xmlns="u:1"><s xmlns=""/></r>`, `<s></s>`, `<s></s>`},
	{
		"xml attributes", `<r xml:lang="en" xml:space="preserve" id="x"><m xml:lang="de"><s a="1"><t/></s></m></r>`,
		`<s a="1"><t></t></s>`, `<s a="1" xml:lang="de" xml:space="preserve"><t></t></s>`,
	},
	{"own xml attribute", `<r xml:lang="en"><s xml:lang="fr"/></r>`, `<s xml:lang="fr"></s>`, `<s xml:lang="fr"></s>`},
	{"xml attribute of a closed sibling", `<r><x xml:lang="en"/><s/></r>`, `<s></s>`, `<s></s>`},
	{"xml attribute with escapes", "<r xml:base='u:&quot;&#9;&lt;'><s/></r>", `<s></s>`, `<s xml:base="u:&quot;&#x9;&lt;"></s>`},
}

func TestCanonicalSubtree(t *testing.T) {
	for _, row := range subtreeRows {
		t.Run(row.name, func(t *testing.T) {
			for inclusive, want := range map[bool]string{false: row.exclusive, true: row.inclusive} {
				got, err := xmldsig.CanonicalElement([]byte(row.doc), "s", inclusive)
				require.NoError(t, err)
				assert.Equal(t, want, string(got))
				root, err := refParse([]byte(row.doc))
				require.NoError(t, err)
				found := refFindLocal(root, "s")
				require.NotNil(t, found)
				assert.Equal(t, want, refCanonical(found, inclusive, nil), "the reference of the tests differs")
			}
		})
	}
}

func refFindLocal(n *refNode, local string) *refNode {
	if n.local == local {
		return n
	}
	for _, c := range n.children {
		if e, ok := c.(*refNode); ok {
			if found := refFindLocal(e, local); found != nil {
				return found
			}
		}
	}
	return nil
}

// Real lists as whole documents, their signature included, in both forms, and
// their signed properties and SignedInfo as subtrees.
func TestCanonicalAgreesWithReferenceOnRealLists(t *testing.T) {
	for _, list := range realLists(t) {
		t.Run(list.name, func(t *testing.T) {
			root, err := refParse(list.doc)
			require.NoError(t, err)
			for _, inclusive := range []bool{false, true} {
				got, err := xmldsig.Canonical(list.doc, inclusive)
				require.NoError(t, err)
				assert.True(t, bytes.Equal([]byte(refCanonical(root, inclusive, nil)), got), "document, inclusive %v", inclusive)
				again, err := xmldsig.Canonical(got, inclusive)
				require.NoError(t, err)
				assert.True(t, bytes.Equal(got, again), "not a fixpoint, inclusive %v", inclusive)
				for _, part := range []string{"SignedInfo", "SignedProperties"} {
					got, err := xmldsig.CanonicalElement(list.doc, part, inclusive)
					require.NoError(t, err)
					assert.Equal(t, refCanonical(refFindLocal(root, part), inclusive, nil), string(got))
				}
			}
		})
	}
}
