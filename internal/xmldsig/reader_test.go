package xmldsig_test

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas/internal/xmldsig"
)

// tokens renders what a Reader gives for a document: elements with their depth,
// text quoted.
func tokens(doc string) (string, error) {
	var b strings.Builder
	r := xmldsig.NewReader([]byte(doc))
	for {
		kind, err := r.Next()
		if errors.Is(err, io.EOF) {
			return b.String(), nil
		}
		if err != nil {
			return b.String(), err
		}
		switch kind {
		case xmldsig.StartElement:
			fmt.Fprintf(&b, "<%s %d>", r.Name(), r.Depth())
		case xmldsig.EndElement:
			fmt.Fprintf(&b, "</%s %d>", r.Name(), r.Depth())
		case xmldsig.Text:
			fmt.Fprintf(&b, "%q", r.Text())
		}
	}
}

func TestReaderTokens(t *testing.T) {
	rows := []struct{ name, doc, want string }{
		{"element", "<a></a>", "<a 1></a 1>"},
		{"empty element", "<a/>", "<a 1></a 1>"},
		{"nested", "<a><b/>x<c>y</c></a>", `<a 1><b 2></b 2>"x"<c 2>"y"</c 2></a 1>`},
		{"byte order mark and declaration", "\uFEFF<?xml version='1.0' encoding=\"utf-8\" standalone='yes' ?><a/>", "<a 1></a 1>"},
		{"white space around", " \r\n<!-- c --><a/>\t<!---->\n", "<a 1></a 1>"},
		{"white space in tags", "<a\r\n></a\t >", "<a 1></a 1>"},
		{"text is merged across comments and CDATA", "<a>x<!-- y -->z<![CDATA[<&]]>]]&gt;</a>", `<a 1>"xz<&]]>"</a 1>`},
		{"a comment alone is no text", "<a><!-- x --></a>", "<a 1></a 1>"},
		{"an empty CDATA section is no text", "<a><![CDATA[]]></a>", "<a 1></a 1>"},
		{"line ends", "<a>1\r\n2\r3\n4&#13;5<![CDATA[\r\n]]></a>", `<a 1>"1\n2\n3\n4\r5\n"</a 1>`},
		{"references", "<a>&lt;&gt;&amp;&quot;&apos;&#65;&#x1F600;</a>", `<a 1>"<>&\"'A😀"</a 1>`},
		{"characters", "<a>\t\u0085é€\uFFFD\uE000\U0010FFFF</a>", "<a 1>" + fmt.Sprintf("%q", "\t\u0085é€\uFFFD\uE000\U0010FFFF") + "</a 1>"},
		{"brackets", "<a>]] > ]></a>", `<a 1>"]] > ]>"</a 1>`},
		{"default namespace", `<a xmlns="urn:x"><b xmlns=""/><c/></a>`, "<{urn:x}a 1><b 2></b 2><{urn:x}c 2></{urn:x}c 2></{urn:x}a 1>"},
		{"prefix", `<p:a xmlns:p="urn:x"><p:b xmlns:p="urn:y"/><p:c/></p:a>`, "<{urn:x}a 1><{urn:y}b 2></{urn:y}b 2><{urn:x}c 2></{urn:x}c 2></{urn:x}a 1>"},
		{"declared after use", `<p:a p:b="" xmlns:p="urn:x"/>`, "<{urn:x}a 1></{urn:x}a 1>"},
		{"xml prefix", `<a xmlns:xml="http://www.w3.org/XML/1998/namespace" xml:space="preserve"/>`, "<a 1></a 1>"},
		{"names beyond ASCII", "<é·-.9/>", "<é·-.9 1></é·-.9 1>"},
		{"depth 64", strings.Repeat("<a>", 64) + strings.Repeat("</a>", 64), ""},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			got, err := tokens(row.doc)
			require.NoError(t, err)
			if row.want != "" {
				assert.Equal(t, row.want, got)
			}
		})
	}
}

func TestReaderRefuses(t *testing.T) {
	attributes := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, ` a%d="1"`, i)
		}
		return "<a" + b.String() + "/>"
	}
	malformed, encoding := xmldsig.CodeMalformed, xmldsig.CodeEncoding
	forbidden, limit := xmldsig.CodeForbidden, xmldsig.CodeLimit
	rows := []struct {
		name, twin, doc string
		want            xmldsig.Code
	}{
		{"empty", "<a/>", "", malformed},
		{"white space only", "<a/> ", " \n", malformed},
		{"comment only", "<a/><!-- -->", "<!-- -->", malformed},
		{"text before the root", " <a/>", "x<a/>", malformed},
		{"text after the root", "<a/> ", "<a/>x", malformed},
		{"reference after the root", "<a/>\n", "<a/>&#10;", malformed},
		{"second root", "<a><b/></a>", "<a/><b/>", malformed},
		{"two byte order marks", "\uFEFF<a/>", "\uFEFF\uFEFF<a/>", malformed},
		{"unclosed", "<a></a>", "<a>", malformed},
		{"unclosed with text", "<a>x</a>", "<a>x", malformed},
		{"wrong end tag", "<a><b></b></a>", "<a><b></a></b>", malformed},
		{"end tag of a longer name", "<a></a>", "<a></ab>", malformed},
		{"end tag of another prefix", `<p:a xmlns:p="u:x" xmlns:q="u:x"></p:a>`, `<p:a xmlns:p="u:x" xmlns:q="u:x"></q:a>`, malformed},
		{"end tag first", "<a/>", "</a>", malformed},
		{"end tag with attribute", "<a></a >", `<a></a b="">`, malformed},
		{"tag cut short", "<a b='c'/>", "<a b='c'", malformed},
		{"name cut short", "<a/>", "<a", malformed},
		{"value cut short", "<a b='c'/>", "<a b='c", malformed},
		{"escaped value cut short", "<a b='&lt;'/>", "<a b='&lt;", malformed},
		{"lone less-than", "<a>&lt;</a>", "<a><</a>", malformed},
		{"space before the name", "<a />", "< a/>", malformed},
		{"digit first", "<a1/>", "<1a/>", malformed},
		{"two colons", `<p:a xmlns:p="u:x"/>`, `<p:a:b xmlns:p="u:x"/>`, malformed},
		{"colon first", "<a/>", "<:a/>", malformed},
		{"colon last", `<p:a xmlns:p="u:x"/>`, `<p: xmlns:p="u:x"/>`, malformed},
		{"name that is no name", "<é/>", "<×/>", malformed},
		{"attribute without value", `<a b=""/>`, `<a b/>`, malformed},
		{"attribute without quotes", `<a b="1"/>`, `<a b=1/>`, malformed},
		{"attributes not spaced", `<a b="" c=""/>`, `<a b=""c=""/>`, malformed},
		{"attribute twice", `<a b="" c=""/>`, `<a b="" b=""/>`, malformed},
		{"attribute twice by namespace", `<a xmlns:p="u:x" xmlns:q="u:y" p:b="" q:b=""/>`, `<a xmlns:p="u:x" xmlns:q="u:x" p:b="" q:b=""/>`, malformed},
		{"prefix declared twice", `<a xmlns:p="u:x" xmlns:q="u:x"/>`, `<a xmlns:p="u:x" xmlns:p="u:x"/>`, malformed},
		{"less-than in a value", `<a b="&lt;"/>`, `<a b="<"/>`, malformed},
		{"less-than in an escaped value", `<a b="&amp;&lt;"/>`, `<a b="&amp;<"/>`, malformed},
		{"undeclared element prefix", `<p:a xmlns:p="u:x"/>`, `<p:a/>`, malformed},
		{"undeclared attribute prefix", `<a xmlns:p="u:x" p:b=""/>`, `<a p:b=""/>`, malformed},
		{"prefix out of scope", `<a><b xmlns:p="u:x"><p:c/></b></a>`, `<a><b xmlns:p="u:x"/><p:c/></a>`, malformed},
		{"prefix undeclared", `<a xmlns=""/>`, `<a xmlns:p=""/>`, malformed},
		{"xml rebound", `<a xmlns:xml="http://www.w3.org/XML/1998/namespace"/>`, `<a xmlns:xml="u:x"/>`, malformed},
		{"another prefix for xml", `<a xmlns:p="u:x"/>`, `<a xmlns:p="http://www.w3.org/XML/1998/namespace"/>`, malformed},
		{"default namespace is xml's", `<a xmlns="u:x"/>`, `<a xmlns="http://www.w3.org/XML/1998/namespace"/>`, malformed},
		{"xmlns bound", `<a xmlns:p="u:x"/>`, `<a xmlns:xmlns="u:x"/>`, malformed},
		{"prefix for xmlns", `<a xmlns:p="u:x"/>`, `<a xmlns:p="http://www.w3.org/2000/xmlns/"/>`, malformed},
		{"element prefix xmlns", `<p:a xmlns:p="u:x"/>`, `<xmlns:a/>`, malformed},
		{"relative namespace name", `<a xmlns="u:x"/>`, `<a xmlns="x"/>`, malformed},
		{"control character", "<a>&#x9;</a>", "<a>\x01</a>", malformed},
		{"control character by reference", "<a>&#x9;</a>", "<a>&#x1;</a>", malformed},
		{"control character in a value", `<a b="&#x9;"/>`, "<a b='\x01'/>", malformed},
		{"null", "<a>0</a>", "<a>\x00</a>", malformed},
		{"null by reference", "<a>&#48;</a>", "<a>&#0;</a>", malformed},
		{"surrogate by reference", "<a>&#xD7FF;</a>", "<a>&#xD800;</a>", malformed},
		{"beyond Unicode", "<a>&#x10FFFF;</a>", "<a>&#x110000;</a>", malformed},
		{"overlong number", "<a>&#65;</a>", "<a>&#99999999999999;</a>", malformed},
		{"U+FFFE", "<a>\uFFFD</a>", "<a>\uFFFE</a>", malformed},
		{"U+FFFF in a value", "<a b='\uFFFD'/>", "<a b='\uFFFF'/>", malformed},
		{"U+FFFF in a comment", "<a><!--\uFFFD--></a>", "<a><!--\uFFFF--></a>", malformed},
		{"U+FFFF in a CDATA section", "<a><![CDATA[\uFFFD]]></a>", "<a><![CDATA[\uFFFF]]></a>", malformed},
		{"number that wraps around to a letter", "<a>&#65;</a>", "<a>&#4294967361;</a>", malformed},
		{"hexadecimal that wraps around to a letter", "<a>&#x41;</a>", "<a>&#x100000041;</a>", malformed},
		{"reference without number", "<a>&#1114111;</a>", "<a>&#;</a>", malformed},
		{"hexadecimal without number", "<a>&#xA;</a>", "<a>&#x;</a>", malformed},
		{"capital X", "<a>&#x41;</a>", "<a>&#X41;</a>", malformed},
		{"sign in a reference", "<a>&#41;</a>", "<a>&#+41;</a>", malformed},
		{"lone ampersand", "<a>&amp;</a>", "<a>& </a>", malformed},
		{"unknown entity", "<a>&amp;</a>", "<a>&x;</a>", forbidden},
		{"unknown entity in a value", "<a b='&amp;'/>", "<a b='&nbsp;'/>", forbidden},
		{"end of CDATA in text", "<a>]]&gt;</a>", "<a>]]></a>", malformed},
		{"end of CDATA in merged text", "<a>&amp;]]&gt;</a>", "<a>&amp;]]></a>", malformed},
		{"CDATA cut short", "<a><![CDATA[x]]></a>", "<a><![CDATA[x]></a>", malformed},
		{"CDATA outside the root", "<a/>", "<a/><![CDATA[x]]>", forbidden},
		{"two hyphens in a comment", "<a><!-- - --></a>", "<a><!-- -- --></a>", malformed},
		{"three hyphens end a comment", "<a><!-- --></a>", "<a><!-- ---></a>", malformed},
		{"shortest comment", "<a><!----></a>", "<a><!--></a>", malformed},
		{"comment cut short", "<a><!-- --></a>", "<a><!-- ", malformed},
		{"DOCTYPE", "<a/>", "<!DOCTYPE a><a/>", forbidden},
		{"DOCTYPE inside", "<a/>", "<a><!DOCTYPE a></a>", forbidden},
		{"processing instruction before", "<a/>", "<?x y?><a/>", forbidden},
		{"processing instruction inside", "<a/>", "<a><?x y?></a>", forbidden},
		{"stylesheet", `<?xml version="1.0"?><a/>`, `<?xml-stylesheet href="x"?><a/>`, forbidden},
		{"declaration not first", `<?xml version="1.0"?><a/>`, ` <?xml version="1.0"?><a/>`, forbidden},
		{"declaration cut short", `<?xml version="1.0"?><a/>`, `<?xml version="1.0"`, malformed},
		{"XML 1.1", `<?xml version="1.0"?><a/>`, `<?xml version="1.1"?><a/>`, malformed},
		{"no version", `<?xml version="1.0"?><a/>`, `<?xml encoding="UTF-8"?><a/>`, malformed},
		{"order of the declaration", `<?xml version="1.0" encoding="UTF-8" standalone="no"?><a/>`, `<?xml version="1.0" standalone="no" encoding="UTF-8"?><a/>`, malformed},
		{"standalone", `<?xml version="1.0" standalone="no"?><a/>`, `<?xml version="1.0" standalone="maybe"?><a/>`, malformed},
		{"declared Latin 1", `<?xml version="1.0" encoding="utf-8"?><a/>`, `<?xml version="1.0" encoding="ISO-8859-1"?><a/>`, encoding},
		{"UTF-16", "<a/>", "\xFF\xFE<\x00a\x00/\x00>\x00", malformed},
		{"Latin 1 in text", "<a>é</a>", "<a>\xE9</a>", encoding},
		{"Latin 1 in a value", "<a b='é'/>", "<a b='\xE9'/>", encoding},
		{"Latin 1 in an escaped value", "<a b='&lt;é'/>", "<a b='&lt;\xE9'/>", encoding},
		{"Latin 1 in a comment", "<a><!--é--></a>", "<a><!--\xE9--></a>", encoding},
		{"Latin 1 in a name", "<é/>", "<\xE9/>", malformed},
		{"overlong UTF-8", "<a>/</a>", "<a>\xC0\xAF</a>", encoding},
		{"surrogate in UTF-8", "<a>\uD7FF</a>", "<a>\xED\xA0\x80</a>", encoding},
		{"character cut short", "<a>é</a>", "<a>\xC3</a>", encoding},
		{"33 attributes", attributes(32), attributes(33), limit},
		{"depth 65", strings.Repeat("<a>", 64) + strings.Repeat("</a>", 64), strings.Repeat("<a>", 65) + strings.Repeat("</a>", 65), limit},
		{"long name", "<" + strings.Repeat("a", xmldsig.MaxName) + "/>", "<" + strings.Repeat("a", xmldsig.MaxName+1) + "/>", limit},
		{
			"long namespace name", `<a xmlns="u:` + strings.Repeat("x", xmldsig.MaxURI-2) + `"/>`,
			`<a xmlns="u:` + strings.Repeat("x", xmldsig.MaxURI-1) + `"/>`, limit,
		},
		{"many names", manyNames(xmldsig.MaxNames), manyNames(xmldsig.MaxNames + 1), limit},
		{"many namespace names", manySpaces(xmldsig.MaxNames), manySpaces(xmldsig.MaxNames + 1), limit},
	}
	for _, row := range rows {
		t.Run(row.name, func(t *testing.T) {
			_, err := tokens(row.twin)
			require.NoError(t, err, "twin")
			_, err = tokens(row.doc)
			assertCode(t, row.want, err)
		})
	}
}

// manyNames returns a document with n different names.
func manyNames(n int) string {
	var b strings.Builder
	b.WriteString("<a>")
	for i := range n - 1 {
		fmt.Fprintf(&b, "<a%d/>", i)
	}
	return b.String() + "</a>"
}

// manySpaces returns a document with n different namespace names.
func manySpaces(n int) string {
	var b strings.Builder
	b.WriteString("<a>")
	for i := range n {
		fmt.Fprintf(&b, `<a xmlns="u:%d"/>`, i)
	}
	return b.String() + "</a>"
}

func TestReaderRefusesAboveTheSizeLimit(t *testing.T) {
	doc := make([]byte, xmldsig.MaxDocument+1)
	for i := range doc {
		doc[i] = ' '
	}
	copy(doc, "<a/>")
	_, err := tokens(string(doc))
	require.ErrorIs(t, err, xmldsig.CodeLimit)
	_, err = tokens(string(doc[:xmldsig.MaxDocument]))
	require.NoError(t, err)
}

func TestReaderAttributes(t *testing.T) {
	doc := "<a xmlns:p='urn:x' b='1' p:b=\"2\" c=' x\ty\r\nz\n\r' d=\"&#9;&#xA;&#13;&quot;'\" xml:lang='en' e='>'><b/></a>"
	r := xmldsig.NewReader([]byte(doc))
	kind, err := r.Next()
	require.NoError(t, err)
	require.Equal(t, xmldsig.StartElement, kind)
	for _, row := range []struct{ space, local, want string }{
		{"", "b", "1"},
		{"urn:x", "b", "2"},
		{"", "c", " x y z  "},
		{"", "d", "\t\n\r\"'"},
		{"http://www.w3.org/XML/1998/namespace", "lang", "en"},
		{"", "e", ">"},
	} {
		got, ok := r.Attr(row.space, row.local)
		assert.True(t, ok, row.local)
		assert.Equal(t, row.want, got)
	}
	for _, row := range [][2]string{{"", "lang"}, {"", "p"}, {"http://www.w3.org/2000/xmlns/", "p"}, {"urn:y", "b"}} {
		_, ok := r.Attr(row[0], row[1])
		assert.False(t, ok, "%q", row)
	}
	_, err = r.Next()
	require.NoError(t, err)
	_, ok := r.Attr("", "b")
	assert.False(t, ok, "an attribute of the parent")
}

func TestReaderSkip(t *testing.T) {
	r := xmldsig.NewReader([]byte("<a><b><c>x</c><b/></b><d/>y</a>"))
	next := func() xmldsig.Kind {
		kind, err := r.Next()
		require.NoError(t, err)
		return kind
	}
	next()
	require.Equal(t, xmldsig.StartElement, next())
	require.NoError(t, r.Skip())
	assert.Equal(t, "b", r.Name().Local)
	assert.Equal(t, 2, r.Depth())
	require.NoError(t, r.Skip(), "after an end tag it does nothing")
	require.Equal(t, xmldsig.StartElement, next())
	assert.Equal(t, "d", r.Name().Local)
	require.NoError(t, r.Skip())
	require.Equal(t, xmldsig.Text, next())
	assert.Equal(t, "y", string(r.Text()))
	assert.Equal(t, 1, r.Depth())
	next()
	_, err := r.Next()
	require.Equal(t, io.EOF, err)
	require.NoError(t, r.Skip())
	_, err = r.Next()
	require.Equal(t, io.EOF, err, "the end stays")

	r = xmldsig.NewReader([]byte("<a><b><c></b></a>"))
	next()
	err = r.Skip()
	require.ErrorIs(t, err, xmldsig.CodeMalformed)
	require.Equal(t, err, r.Skip(), "errors stay")
	_, again := r.Next()
	require.Equal(t, err, again)
}

func TestKindString(t *testing.T) {
	for kind, want := range map[xmldsig.Kind]string{
		0: "none", xmldsig.StartElement: "start", xmldsig.EndElement: "end", xmldsig.Text: "text",
	} {
		assert.Equal(t, want, kind.String())
	}
}

func TestReaderAllocatesNothingPerElement(t *testing.T) {
	doc := []byte("<a>" + strings.Repeat(`<b c="1">text</b><p:d xmlns:p="urn:x"/>`, 1000) + "</a>")
	few := testing.AllocsPerRun(10, func() {
		r := xmldsig.NewReader(doc)
		for {
			if _, err := r.Next(); err != nil {
				return
			}
			_ = r.Name()
		}
	})
	assert.Less(t, few, 100.0)
}
