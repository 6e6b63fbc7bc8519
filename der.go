package eidas

import (
	"crypto/x509"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"golang.org/x/crypto/cryptobyte"
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
	tag  asn1.Tag
	body cryptobyte.String
	full cryptobyte.String
}

func (e *element) missing() bool { return e.full == nil }

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
	tagNumericString   = asn1.Tag(18)
	tagVisibleString   = asn1.Tag(26)
	tagUniversalString = asn1.Tag(28)
	tagBMPString       = asn1.Tag(30)
)

// readElement reads one TLV in DER: low tag number, definite minimal length.
func readElement(in *cryptobyte.String, out *element) bool {
	if !in.ReadAnyASN1Element(&out.full, &out.tag) {
		return false
	}
	// cryptobyte has checked the header: one octet of tag, then the length in
	// short form, or an octet that counts the octets of the length.
	header := 2
	if out.full[1]&0x80 != 0 {
		header += int(out.full[1] & 0x7f)
	}
	out.body = out.full[header:]
	return true
}

// readWhole returns the content of a SEQUENCE that fills der.
func readWhole(der []byte) (cryptobyte.String, bool) {
	in := cryptobyte.String(der)
	var body cryptobyte.String
	ok := in.ReadASN1(&body, asn1.SEQUENCE) && in.Empty()
	return body, ok
}

// readOID reads an OBJECT IDENTIFIER and returns its content.
func readOID(in *cryptobyte.String) ([]byte, bool) {
	var content cryptobyte.String
	if !in.ReadASN1(&content, asn1.OBJECT_IDENTIFIER) || !validOID(content) {
		return nil, false
	}
	return content, true
}

// readOIDs reads a SEQUENCE OF OBJECT IDENTIFIER that fills der, in dotted form.
// At least one must be there, and at most maxListed.
func readOIDs(der []byte) ([]string, bool) { return appendOIDs(nil, der) }

// appendOIDs is readOIDs onto out.
func appendOIDs(out []string, der []byte) ([]string, bool) {
	list, ok := readWhole(der)
	if !ok || list.Empty() {
		return nil, false
	}
	for !list.Empty() {
		oid, ok := readOID(&list)
		if !ok || len(out) == maxListed {
			return nil, false
		}
		out = append(out, dotted(oid))
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
	if known, ok := oidNames[string(content)]; ok {
		return known.dotted
	}
	var buf [4 * maxOIDSize]byte
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
			out = append(out, '0'+byte(root), '.')
			out = strconv.AppendUint(out, arc-40*root, 10)
		} else {
			out = append(out, '.')
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
		if !utf8.Valid(e.body) {
			return strings.ToValidUTF8(string(e.body), string(utf8.RuneError)), false
		}
		return r.keep(e.body), true
	case asn1.PrintableString:
		return r.asciiText(e.body), isPrintable(e.body)
	case asn1.IA5String, asn1.T61String, tagNumericString, tagVisibleString:
		text := r.asciiText(e.body)
		return text, len(text) == len(e.body)
	case tagBMPString:
		return bmpText(e.body)
	}
	return "", false
}

// asciiText returns the text with every octet beyond ASCII replaced.
func (r *claimsReader) asciiText(b []byte) string {
	for _, c := range b {
		if c >= utf8.RuneSelf {
			return strings.Map(func(r rune) rune {
				if r >= utf8.RuneSelf {
					return utf8.RuneError
				}
				return r
			}, string(b))
		}
	}
	return r.keep(b)
}

func bmpText(b []byte) (string, bool) {
	if len(b)%2 != 0 {
		return "", false
	}
	units := make([]uint16, 0, len(b)/2)
	for i := 0; i < len(b); i += 2 {
		units = append(units, uint16(b[i])<<8|uint16(b[i+1]))
	}
	text := string(utf16.Decode(units))
	return text, !strings.ContainsRune(text, utf8.RuneError)
}

// isPrintable reports whether b is a PrintableString (ITU-T X.680, 41.4).
func isPrintable[T string | []byte | cryptobyte.String](b T) bool {
	for i := range len(b) {
		c := b[i]
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9':
		case strings.IndexByte(" '()+,-./:=?", c) >= 0:
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
