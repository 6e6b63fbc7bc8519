package xmldsig_test

import (
	"fmt"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas/internal/xmldsig"
)

const (
	listOpen  = `<TrustServiceStatusList xmlns="http://uri.etsi.org/02231/v2#">`
	listClose = `</TrustServiceStatusList>`
)

// bomb is a document that costs its reader more than its size.
type bomb struct {
	name string
	want xmldsig.Code
	make func() []byte
	// allocations, in multiples of the document, that verifying it may make:
	// a bound on work and on memory at once.
	growth int
}

// bombs returns the documents of acceptance rows 30 to 35 and their kin. by is
// announced; its key signed none of them.
func bombs(tb testing.TB, by identity) []bomb {
	tb.Helper()
	signed := string(sign(tb, listOpen+listClose, by, xmldsig.SignOptions{}))
	wrap := func(open, body string) func() []byte {
		return func() []byte { return []byte(open + body + listClose) }
	}
	attributes := func(n int) string {
		var b strings.Builder
		for i := range n {
			fmt.Fprintf(&b, ` xmlns:p%d="urn:%d"`, i, i)
		}
		return b.String()
	}
	const reference = `<ds:Reference URI=""><ds:Transforms><ds:Transform ` + enveloped + `/><ds:Transform ` + exclusive +
		`/></ds:Transforms>` + digest256 + `<ds:DigestValue>MDEyMzQ1Njc4OTAxMjM0NTY3ODkwMTIzNDU2Nzg5MDE=</ds:DigestValue></ds:Reference>`
	return []bomb{
		{"30 depth", xmldsig.CodeLimit, wrap(listOpen, strings.Repeat("<a>", 1<<20)), 3},
		{"31 attributes of one element", xmldsig.CodeLimit, wrap(listOpen, "<a"+attributes(100_000)+"/>"), 3},
		{"32 two million empty elements", xmldsig.CodeSignatureMissing, wrap(listOpen, strings.Repeat("<a/>", 2_000_000)), 7},
		{"33 entity expansion", xmldsig.CodeForbidden, func() []byte {
			return []byte(`<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]>` + listOpen + "&b;" + listClose)
		}, 1000},
		{"34 one prefix with a long namespace name, repeated", xmldsig.CodeLimit, wrap(
			strings.Replace(listOpen, ">", ` xmlns:p="urn:`+strings.Repeat("x", 1000)+`">`, 1), strings.Repeat("<p:a/>", 100_000)), 13},
		{"34 text that is all escapes", xmldsig.CodeLimit, wrap(listOpen, strings.Repeat(">", 1<<20)), 13},
		{"34 value that is all escapes", xmldsig.CodeLimit, wrap(listOpen, "<a b='"+strings.Repeat(`"`, 1<<20)+"'/>"), 13},
		{"34 identifiers", xmldsig.CodeLimit, wrap(listOpen, strings.Repeat(`<a id="1"/>`, 100_000)), 8},
		{"34 names", xmldsig.CodeLimit, func() []byte {
			return []byte(listOpen + strings.Repeat(" ", 1<<20) + manyNames(10_000) + listClose)
		}, 3},
		{"34 comments and references", xmldsig.CodeSignatureMissing, wrap(listOpen, strings.Repeat("<!---->&#65;", 100_000)), 4},
		{"35 3,000 references, junk value", xmldsig.CodeLimit, func() []byte {
			references := strings.Repeat(reference, 3000)
			return []byte(strings.Replace(signed, "</ds:SignedInfo>", references+"</ds:SignedInfo>", 1))
		}, 3},
		{"35 500 references, junk value", xmldsig.CodeReference, func() []byte {
			references := strings.Repeat(reference, 500)
			return []byte(strings.Replace(signed, "</ds:SignedInfo>", references+"</ds:SignedInfo>", 1))
		}, 6},
		{"35 a certificate of 1 MB", xmldsig.CodeLimit, func() []byte {
			return []byte(strings.Replace(signed, "</ds:X509Certificate>", strings.Repeat("A", 1<<20)+"</ds:X509Certificate>", 1))
		}, 4},
	}
}

func TestBombsAreRefusedWithBoundedWork(t *testing.T) {
	by := mintRSA(t)
	for _, row := range bombs(t, by) {
		t.Run(row.name, func(t *testing.T) {
			doc, signers := row.make(), by.pinned()
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			_, err := xmldsig.Verify(doc, signers)
			runtime.ReadMemStats(&after)
			assertCode(t, row.want, err)
			allocated := after.TotalAlloc - before.TotalAlloc
			assert.LessOrEqual(t, allocated, uint64(row.growth*len(doc)+64<<10), "%.1f times the document", float64(allocated)/float64(len(doc)))
		})
	}
}

// The twins of the bombs: what real documents need is within the limits.
func TestLimitsLeaveRoom(t *testing.T) {
	by := mintRSA(t)
	body := strings.Repeat("<a>", 60) + strings.Repeat("</a>", 60) +
		strings.Repeat("<a/>", 1000) + "<b" + strings.Repeat(` `, 1000) + `c='"""'>` + strings.Repeat("&gt;", 1000) + "</b>" +
		strings.Repeat(`<a id="1"/>`, xmldsig.MaxIDs-1000) + `<p:a xmlns:p="urn:x"/>`
	doc := sign(t, listOpen+body+listClose, by, xmldsig.SignOptions{})
	_, err := xmldsig.Verify(doc, by.pinned())
	require.NoError(t, err)
}

// A part of the signature that is too large is refused before it is canonicalised.
func TestHostilePartsOfTheSignature(t *testing.T) {
	padding := func(n int) string { return "<!--" + strings.Repeat("x", n) + "-->" }
	runHostile(t, mintRSA(t), []hostileRow{
		{"twin: SignedInfo with a long comment", 0, func(f *forgery) { f.method += padding(xmldsig.MaxPart / 2) }},
		{"SignedInfo above the limit", xmldsig.CodeLimit, func(f *forgery) { f.method += padding(xmldsig.MaxPart) }},
		{"twin: properties with a long comment", 0, func(f *forgery) {
			swap(&f.properties, "</xades:SignedProperties>", padding(xmldsig.MaxPart/2)+"</xades:SignedProperties>")
		}},
		{"properties above the limit", xmldsig.CodeLimit, func(f *forgery) {
			swap(&f.properties, "</xades:SignedProperties>", padding(xmldsig.MaxPart)+"</xades:SignedProperties>")
		}},
	})
}

// Digests are made once per target and only after the signature: a list whose
// signature is junk costs no more than reading it.
func BenchmarkBombs(b *testing.B) {
	by := mintRSA(b)
	for _, row := range bombs(b, by) {
		doc, signers := row.make(), by.pinned()
		b.Run(row.name, func(b *testing.B) {
			b.ReportAllocs()
			b.SetBytes(int64(len(doc)))
			for b.Loop() {
				if _, err := xmldsig.Verify(doc, signers); err == nil {
					b.Fatal("accepted")
				}
			}
		})
	}
}
