package eidas

import (
	"crypto/x509"
	"encoding/binary"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/crypto/cryptobyte/asn1"
)

// The limits on what a certificate may hold. A certificate comes from a peer
// that has proved nothing yet; whoever exceeds a limit is refused, never
// truncated.
const (
	// maxCertificateSize bounds a certificate. Real ones are below 4 KiB.
	maxCertificateSize = 128 << 10
	// maxStatementsSize bounds the qcStatements extension. Real ones are below 1 KiB.
	maxStatementsSize = 64 << 10
	// maxStatements bounds the statements. The standards know twelve.
	maxStatements = 64
	// maxRoles bounds the roles of a PSD2 statement. The standard knows nine.
	maxRoles = 64
	// maxListed bounds every other list of a statement or extension: QC types,
	// PDS locations, countries, policies, purposes.
	maxListed = 64
	// maxAttributes bounds the attributes of the subject. Real ones have about ten.
	maxAttributes = 128
	// maxExtensions bounds the extensions. Real ones have about a dozen.
	maxExtensions = 128
	// maxFindings bounds the findings, so that a certificate that is wrong in
	// every place does not cost more than its size.
	maxFindings = 256
	// maxOIDSize bounds the content of an OBJECT IDENTIFIER. 128-bit UUID arcs
	// (ITU-T X.667) need 19 octets.
	maxOIDSize = 64
)

// element is one TLV. An element that is not there has no full encoding.
type element struct {
	tag    asn1.Tag
	header uint8  // octets before the content
	full   []byte // header and content
}

func (e *element) missing() bool { return e.full == nil }

// body returns the content.
func (e *element) body() []byte { return e.full[e.header:] }

// next reads one TLV in DER: low tag number, definite minimal length. Up to
// 16 MiB it accepts exactly what cryptobyte.String.ReadAnyASN1Element accepts,
// which a fuzz target holds it to. Reading claims is mostly this, for every peer and
// before the peer has proved anything; this form needs no writes through
// pointers and takes a quarter of the time.
func next(in []byte) (e element, rest []byte, ok bool) {
	if len(in) < 2 || in[0]&0x1f == 0x1f { // X.690, 8.1.2.4: no high tag number
		return element{}, nil, false
	}
	size, header := int(in[1]), 2
	if size >= 0x80 {
		if size, header = longLength(in); header == 0 {
			return element{}, nil, false
		}
	}
	if size > len(in)-header {
		return element{}, nil, false
	}
	return element{asn1.Tag(in[0]), uint8(header), in[:header+size]}, in[header+size:], true
}

// longLength reads a length of more than one octet (X.690, 8.1.3.5 and 10.1).
// It returns header 0 if the length is indefinite, not minimal or beyond three
// octets, which is far more than any input here.
func longLength(in []byte) (size, header int) {
	count := int(in[1] & 0x7f)
	if count < 1 || count > 3 || len(in) < 2+count || in[2] == 0 {
		return 0, 0
	}
	for _, b := range in[2 : 2+count] {
		size = size<<8 | int(b)
	}
	if size < 0x80 {
		return 0, 0
	}
	return size, 2 + count
}

// nextOf is next for one tag. It returns the content.
func nextOf(tag asn1.Tag, in []byte) (body, rest []byte, ok bool) {
	if len(in) >= 2 && in[0] == byte(tag) && in[1] < 0x80 && int(in[1]) <= len(in)-2 {
		end := 2 + int(in[1]) // the short form of next, without the way through an element
		return in[2:end], in[end:], true
	}
	e, rest, ok := next(in)
	if !ok || e.tag != tag {
		return nil, nil, false
	}
	return e.body(), rest, true
}

// nextOID reads an OBJECT IDENTIFIER and returns its content and its dotted form.
func nextOID(in []byte) (content []byte, name string, rest []byte, ok bool) {
	content, rest, ok = nextOf(asn1.OBJECT_IDENTIFIER, in)
	if !ok {
		return nil, "", nil, false
	}
	if name = dottedKnown(content); name == "" {
		if !validOID(content) {
			return nil, "", nil, false
		}
		name = dotted(content)
	}
	return content, name, rest, true
}

// whole returns the content of a SEQUENCE that fills der.
func whole(der []byte) ([]byte, bool) {
	body, rest, ok := nextOf(asn1.SEQUENCE, der)
	return body, ok && len(rest) == 0
}

// startsWith reports whether in begins with a TLV of this tag.
func startsWith(tag asn1.Tag, in []byte) bool { return len(in) > 0 && in[0] == byte(tag) }

// number returns the universal tag number, 0 for a missing element and for
// any other class.
func (e *element) number() int {
	if e.missing() || e.tag&0xc0 != 0 {
		return 0
	}
	return int(e.tag & 0x1f)
}

// kind names the type for people.
func (e *element) kind() string {
	if e.missing() {
		return "missing"
	}
	switch e.tag {
	case asn1.BOOLEAN:
		return "boolean"
	case asn1.INTEGER:
		return "integer"
	case asn1.OCTET_STRING:
		return "octet string"
	case asn1.NULL:
		return "null"
	case asn1.OBJECT_IDENTIFIER:
		return "oid"
	case asn1.UTF8String:
		return "utf8"
	case asn1.SEQUENCE:
		return "seq"
	case asn1.SET:
		return "set"
	case asn1.PrintableString:
		return "printable"
	case asn1.T61String:
		return "t61"
	case asn1.IA5String:
		return "ia5"
	case tagBMPString:
		return "bmp"
	}
	return "tag " + strconv.Itoa(int(e.tag))
}

// String types that cryptobyte does not name (ITU-T X.680).
const (
	tagNumericString = asn1.Tag(18)
	tagVisibleString = asn1.Tag(26)
	tagBMPString     = asn1.Tag(30)
)

// readOIDs reads a SEQUENCE OF OBJECT IDENTIFIER that fills der, in dotted form.
// At least one must be there, and at most maxListed.
func readOIDs(der []byte) ([]string, bool) { return appendOIDs(nil, der) }

// appendOIDs is readOIDs onto out.
func appendOIDs(out []string, der []byte) ([]string, bool) {
	list, ok := whole(der)
	if !ok || len(list) == 0 {
		return nil, false
	}
	for len(list) > 0 {
		var name string
		if _, name, list, ok = nextOID(list); !ok || len(out) == maxListed {
			return nil, false
		}
		out = append(out, name)
	}
	return out, true
}

// validOID reports whether content is in DER (ITU-T X.690, 8.19): arcs end,
// and none begins with a padding octet.
func validOID(content []byte) bool {
	if len(content) == 0 || len(content) > maxOIDSize || content[len(content)-1]&0x80 != 0 {
		return false
	}
	first := true
	for _, b := range content {
		if first && b == 0x80 {
			return false
		}
		first = b&0x80 == 0
	}
	return true
}

// dotted returns the dotted form of a valid OBJECT IDENTIFIER content.
func dotted(content []byte) string {
	var buf [4 * maxOIDSize]byte // an octet of content gives at most four of text
	out := buf[:0]
	var arc uint64
	for _, b := range content {
		if arc >= 1<<56 {
			return dottedLarge(content)
		}
		arc = arc<<7 | uint64(b&0x7f)
		if b&0x80 != 0 {
			continue
		}
		if len(out) == 0 {
			root := min(arc/40, 2)
			out = append(out, '0'+byte(root))
			arc -= 40 * root
		}
		out = append(out, '.')
		if arc < 10 {
			out = append(out, '0'+byte(arc))
		} else {
			out = strconv.AppendUint(out, arc, 10)
		}
		arc = 0
	}
	return string(out)
}

// dottedLarge is dotted for arcs beyond 63 bits.
func dottedLarge(content []byte) string {
	var oid x509.OID
	if err := oid.UnmarshalBinary(content); err != nil {
		return ""
	}
	return oid.String()
}

// directoryText decodes the text of a string type for people and for
// comparison. The second result says whether the text is exactly what the
// encoding says; where it is not, the text is for display only.
func (r *claimsReader) directoryText(e *element) (string, bool) {
	switch e.tag {
	case asn1.UTF8String:
		if !utf8.Valid(e.body()) {
			return strings.ToValidUTF8(string(e.body()), string(utf8.RuneError)), false
		}
		return r.keep(e.body()), true
	case asn1.PrintableString:
		return r.asciiText(e.body(), isPrintable(e.body()))
	case asn1.IA5String, asn1.T61String, tagNumericString, tagVisibleString:
		return r.asciiText(e.body(), isASCII(e.body()))
	case tagBMPString:
		return bmpText(e.body())
	}
	return "", false
}

// asciiText returns the text of an ASCII type, and whether it is valid in it.
// Where it is not, every octet beyond ASCII is replaced.
func (r *claimsReader) asciiText(b []byte, valid bool) (string, bool) {
	if valid {
		return r.keep(b), true
	}
	return strings.Map(func(c rune) rune {
		if c >= utf8.RuneSelf {
			return utf8.RuneError
		}
		return c
	}, string(b)), false
}

func isASCII(b []byte) bool {
	const high = 0x8080808080808080
	for ; len(b) >= 8; b = b[8:] {
		if binary.LittleEndian.Uint64(b)&high != 0 {
			return false
		}
	}
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return false
		}
	}
	return true
}

// bmpText decodes BMPString, which has two octets for each character and no
// surrogates (ITU-T X.690, 8.23.7). It is nowhere allowed here, so the text is
// for display only.
func bmpText(b []byte) (string, bool) {
	if len(b)%2 != 0 {
		return "", false
	}
	var out strings.Builder
	out.Grow(len(b) / 2)
	valid := true
	for i := 0; i < len(b); i += 2 {
		r := rune(b[i])<<8 | rune(b[i+1])
		valid = valid && !utf16.IsSurrogate(r)
		out.WriteRune(r) // writes U+FFFD for a surrogate
	}
	return out.String(), valid
}

// isPrintable reports whether b is a PrintableString (ITU-T X.680, 41.4).
func isPrintable[T string | []byte](b T) bool {
	for i := range len(b) {
		switch c := b[i]; {
		case isUpper(c &^ 0x20), isDigit(c):
		case c == ' ', c == '\'', '(' <= c && c <= ')', '+' <= c && c <= '/', c == ':', c == '=', c == '?':
		default:
			return false
		}
	}
	return true
}

// maxQuoted bounds what a finding or an error repeats of a certificate.
const maxQuoted = 80

// quote makes text of a certificate safe and short enough for messages.
func quote(s string) string {
	if len(s) > maxQuoted {
		return strconv.QuoteToASCII(strings.ToValidUTF8(s[:maxQuoted], "")) + "..."
	}
	return strconv.QuoteToASCII(s)
}

// plain is quote, but leaves alone what is only letters and so needs none.
func plain(s string) string {
	if len(s) <= maxQuoted && isLetters(s) {
		return s
	}
	return quote(s)
}
