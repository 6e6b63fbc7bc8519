package revocation_test

import (
	"bytes"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/seed-b953571c/eidas/revocation"
)

// nameOf encodes a Name. Each attribute is "cn=tag=text"; "+" before it adds it
// to the relative name before.
func nameOf(tb testing.TB, attributes ...string) []byte {
	tb.Helper()
	var rdns [][][]byte
	for _, a := range attributes {
		joined := strings.HasPrefix(a, "+")
		parts := strings.SplitN(strings.TrimPrefix(a, "+"), "=", 3)
		types := map[string][]byte{"cn": {6, 3, 0x55, 4, 3}, "o": {6, 3, 0x55, 4, 10}}
		tags := map[string]byte{
			"utf8": 12, "printable": 19, "t61": 20, "ia5": 22, "bmp": 30, "numeric": 18, "universal": 28, "general": 27,
			"octets": 4, "bits": 3, "null": 5, "utc": 23, "time": 24, "int": 2,
		}
		value := append([]byte{tags[parts[1]], byte(len(parts[2]))}, parts[2]...)
		attr := der(tb, asn1.RawValue{Tag: asn1.TagSequence, IsCompound: true, Bytes: append(slices.Clone(types[parts[0]]), value...)}, "")
		if joined {
			rdns[len(rdns)-1] = append(rdns[len(rdns)-1], attr)
		} else {
			rdns = append(rdns, [][]byte{attr})
		}
	}
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		for _, rdn := range rdns {
			b.AddASN1(cbasn1.SET, func(b *cryptobyte.Builder) { b.AddBytes(slices.Concat(rdn...)) })
		}
	})
	return b.BytesOrPanic()
}

func TestSameName(t *testing.T) {
	for _, tt := range []struct {
		name string
		a, b []byte
		want bool
	}{
		{"equal", nameOf(t, "cn=utf8=A B"), nameOf(t, "cn=utf8=A B"), true},
		{"case and type", nameOf(t, "cn=utf8=A b"), nameOf(t, "cn=printable=a B"), true},
		{"spaces", nameOf(t, "cn=utf8= A  B "), nameOf(t, "cn=utf8=A B"), true},
		{"spaces missing", nameOf(t, "cn=utf8=AB"), nameOf(t, "cn=utf8=A B"), false},
		{"a space that is not ASCII", nameOf(t, "cn=utf8=A\u00a0B"), nameOf(t, "cn=utf8=A B"), false},
		{"case beyond ASCII", nameOf(t, "cn=utf8=Ä"), nameOf(t, "cn=utf8=ä"), false},
		{"letters next to A to Z", nameOf(t, "cn=utf8=@["), nameOf(t, "cn=utf8=`{"), false},
		{"A and Z", nameOf(t, "cn=utf8=AZ"), nameOf(t, "cn=utf8=az"), true},
		{"other text", nameOf(t, "cn=utf8=A"), nameOf(t, "cn=utf8=B"), false},
		{"other attribute", nameOf(t, "cn=utf8=A"), nameOf(t, "o=utf8=A"), false},
		{"one more", nameOf(t, "cn=utf8=A"), nameOf(t, "cn=utf8=A", "cn=utf8=A"), false},
		{"other order", nameOf(t, "o=utf8=x", "cn=utf8=A"), nameOf(t, "cn=utf8=A", "o=utf8=X"), false},
		{"one relative name or two", nameOf(t, "o=utf8=x", "+cn=utf8=A"), nameOf(t, "o=utf8=X", "cn=utf8=A"), false},
		{"text of another type, same case", nameOf(t, "cn=ia5=A", "o=utf8=x"), nameOf(t, "cn=ia5=A", "o=utf8=X"), true},
		{"text of another type, other case", nameOf(t, "cn=ia5=A"), nameOf(t, "cn=ia5=a"), false},
		{"text and another type", nameOf(t, "cn=ia5=A"), nameOf(t, "cn=utf8=A"), false},
		{"text and another type, reversed", nameOf(t, "cn=utf8=A"), nameOf(t, "cn=t61=A"), false},
		{"first is no name", []byte{5, 0}, nameOf(t, "cn=utf8=A"), false},
		{"nothing and no name", []byte{0x30, 0}, []byte{5, 0}, false},
		{"no name and nothing", []byte{5, 0}, []byte{0x30, 0}, false},
		{"second is no name", nameOf(t, "cn=utf8=A"), []byte{5, 0}, false},
	} {
		assert.Equal(t, tt.want, revocation.SameName(tt.a, tt.b), tt.name)
	}
}

func TestReadName(t *testing.T) {
	for _, kind := range []string{"utf8", "printable", "t61", "ia5", "bmp", "numeric", "universal", "general", "octets", "utc", "time"} {
		assert.True(t, revocation.ReadsName(nameOf(t, "cn="+kind+"=A")), kind)
	}
	many := slices.Repeat([]string{"cn=utf8=A"}, 64)
	one := nameOf(t, "cn=utf8=A")
	for _, tt := range []struct {
		name string
		der  []byte
		want bool
	}{
		{"64 attributes", nameOf(t, many...), true},
		{"65 attributes", nameOf(t, append(many, "cn=utf8=A")...), false},
		{"bits", nameOf(t, "cn=bits=\x07\x80"), true},
		{"bits, more of them unused than there are", nameOf(t, "cn=bits=\x08\x80"), false},
		{"bits without their count", nameOf(t, "cn=bits="), false},
		{"null", nameOf(t, "cn=null="), false},
		{"number", nameOf(t, "cn=int=\x01"), false},
		{"relative name of nothing", []byte{0x30, 2, 0x31, 0}, false},
		{"trailing bytes", append(slices.Clone(one), 0), false},
		{"attribute without a value", []byte{0x30, 9, 0x31, 7, 0x30, 5, 6, 3, 0x55, 4, 3}, false},
		{"no type", bytes.Replace(one, []byte{6, 3, 0x55, 4, 3}, []byte{4, 3, 0x55, 4, 3}, 1), false},
	} {
		assert.Equal(t, tt.want, revocation.ReadsName(tt.der), tt.name)
	}
}

func TestC1Names(t *testing.T) {
	context := func(n uint8, content string) []byte {
		return append([]byte{0x80 | n, byte(len(content))}, content...)
	}
	// point is a distribution point with the given names.
	point := func(names ...[]byte) []byte {
		var b cryptobyte.Builder
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1(tag(0), func(b *cryptobyte.Builder) {
					b.AddASN1(tag(0), func(b *cryptobyte.Builder) { b.AddBytes(slices.Concat(names...)) })
				})
			})
		})
		return b.BytesOrPanic()
	}
	url := context(6, "http://a.test/1")
	for _, tt := range []struct {
		name  string
		value []byte
		urls  []string // nil: refused
	}{
		{"C1 one URL", point(url), []string{"http://a.test/1"}},
		{"C1 the same URL twice", point(url, url), []string{"http://a.test/1"}},
		{"C1 two URLs", point(url, context(6, "http://a.test/2")), []string{"http://a.test/1", "http://a.test/2"}},
		{"C1 names of other kinds", point(context(1, "a@a.test"), context(2, "a.test"), url, context(7, "\x01\x02\x03\x04"), context(8, "\x2a")), []string{"http://a.test/1"}},
		{"C1 a name that is not defined", point(url, context(9, "x")), nil},
		{"C1 no name", point(), nil},
		{"C1 32 names", point(slices.Repeat([][]byte{url}, 32)...), []string{"http://a.test/1"}},
		{"C1 33 names", point(slices.Repeat([][]byte{url}, 33)...), nil},
		{"C1 a directory name that is none", point([]byte{0xa4, 2, 5, 0}), nil},
	} {
		urls, _, ok := revocation.PointURLs(tt.value)
		assert.Equal(t, tt.urls != nil, ok, tt.name)
		assert.Equal(t, tt.urls, urls, tt.name)
	}
	list := func(n int) []byte {
		return points(t, slices.Repeat([]pointSpec{{url: "http://a.test/1"}}, n)...).Value
	}
	_, _, ok := revocation.PointURLs(list(16))
	assert.True(t, ok, "C1 16 points")
	_, _, ok = revocation.PointURLs(list(17))
	assert.False(t, ok, "C1 17 points")
	_, _, ok = revocation.PointURLs([]byte{0x30, 0})
	assert.False(t, ok, "C1 no point")
	_, _, ok = revocation.PointURLs(append(list(1), 5, 0))
	assert.False(t, ok, "C1 trailing bytes")
	empty := points(t, pointSpec{relative: []byte{}}).Value
	_, _, ok = revocation.PointURLs(empty)
	assert.False(t, ok, "C1 a relative name of nothing")
}

func TestC11Integers(t *testing.T) {
	// Serial numbers in longer form than needed, in entry and in CertID.
	w := newWorld(t)
	root := parseTree(w.crl(w.item(w.delegate, 1), w.item(w.root, 1)).encode(t))[0]
	serial := root.kids[0].kids[5].kids[0].kids[0]
	require.Equal(t, byte(2), serial.tag)
	for content, want := range map[string]bool{"\x05": true, "\x00\x85": true, "\xff\x05": true, "\x00\x05": false, "\xff\x85": false, "": false} {
		serial.leaf = []byte(content)
		_, err := revocation.ParseCRL(root.encode())
		assert.Equal(t, want, err == nil, "%x", content)
	}
}

func TestP16PSSParameters(t *testing.T) {
	sha256 := pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{2, 16, 840, 1, 101, 3, 4, 2, 1}, Parameters: asn1.NullRawValue}
	mgf1 := asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 8}
	params := func(mgf asn1.ObjectIdentifier, trailer int) asn1.RawValue {
		return asn1.RawValue{FullBytes: der(t, struct {
			Hash    pkix.AlgorithmIdentifier `asn1:"explicit,tag:0"`
			MGF     pkix.AlgorithmIdentifier `asn1:"explicit,tag:1"`
			Salt    int                      `asn1:"explicit,tag:2"`
			Trailer int                      `asn1:"explicit,tag:3"`
		}{sha256, pkix.AlgorithmIdentifier{Algorithm: mgf, Parameters: asn1.RawValue{FullBytes: der(t, sha256, "")}}, 32, trailer}, "")}
	}
	unsupported := revocation.RuleP16
	root := parseTree(params(mgf1, 1).FullBytes)[0]
	assert.Empty(t, trailing(root, func(b []byte) bool { return ruleOfPSS(t, asn1.RawValue{FullBytes: b}) != unsupported }))
	for _, tt := range []struct {
		name   string
		params asn1.RawValue
		rule   revocation.Rule
	}{
		// The key is ECDSA: what is supported fails as a signature.
		{"P16 PSS with its trailer", params(mgf1, 1), revocation.RuleP6},
		{"P16 PSS with another trailer", params(mgf1, 2), unsupported},
		{"P16 PSS with another mask", params(asn1.ObjectIdentifier{1, 2, 3}, 1), unsupported},
		{"P16 PSS without parameters", asn1.RawValue{}, unsupported},
		{"P16 PSS with NULL", asn1.NullRawValue, unsupported},
	} {
		assert.Equal(t, tt.rule, ruleOfPSS(t, tt.params), tt.name)
	}
}

// ruleOfPSS is the rule by which a response is refused that says to be signed
// by RSASSA-PSS.
func ruleOfPSS(t *testing.T, params asn1.RawValue) revocation.Rule {
	t.Helper()
	w := newWorld(t)
	r := w.good()
	r.sigAlg = pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 10}, Parameters: params}
	_, err := revocation.VerifyOCSP(r.encode(t), w.target(), now, revocation.OCSPPolicy{})
	return revocation.RuleOf(err)
}

func TestC3Flags(t *testing.T) {
	for _, tt := range []struct {
		name  string
		flag  []byte
		users bool
		ok    bool
	}{
		{"C3 set", []byte{0x81, 1, 0xff}, true, true},
		{"C3 not set, at length", []byte{0x81, 1, 0}, false, true},
		{"C3 neither", []byte{0x81, 1, 1}, false, false},
		{"C3 of no octet", []byte{0x81, 0}, false, false},
		{"C3 of two octets", []byte{0x81, 2, 0xff, 0xff}, false, false},
		{"C3 out of order", []byte{0x84, 1, 0xff, 0x81, 1, 0xff}, false, false},
	} {
		flags, _, ok := revocation.IssuingFlags(append([]byte{0x30, byte(len(tt.flag))}, tt.flag...))
		assert.Equal(t, tt.ok, ok, tt.name)
		assert.Equal(t, tt.users, flags[0], tt.name)
	}
}

func TestC3NamesOfTwoKinds(t *testing.T) {
	// Two points, though a URI and a DNS name have the same letters.
	w := newWorld(t)
	p := points(t, pointSpec{url: "a.test"})
	w.leaf = w.mint(t, w.ca, "TPP", func(c *x509.Certificate) { c.ExtraExtensions = []pkix.Extension{p} })
	for kind, want := range map[byte]revocation.Rule{0x86: 0, 0x82: revocation.RuleC3} {
		scope := pointSpec{url: "a.test"}.issuing(t)
		at := bytes.Index(scope, []byte("a.test")) - 2
		require.Equal(t, byte(0x86), scope[at])
		scope[at] = kind
		crl := w.crl().with(28, true, scope).parse(t)
		_, err := revocation.VerifyCRL(revocation.CRLSet{CRLs: []*revocation.CRL{crl}}, w.target(), w.now, revocation.CRLPolicy{})
		assert.Equal(t, want, revocation.RuleOf(err), "tag %#x: %v", kind, err)
	}
}
