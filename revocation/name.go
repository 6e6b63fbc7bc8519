package revocation

import (
	"bytes"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

const (
	// maxNames bounds the names of one distribution point; real ones have 1 to 4.
	maxNames = 32
	// maxRDNs bounds the attributes of a name; real ones have up to 10.
	maxRDNs = 64
)

// Tags of GeneralName (RFC 5280, 4.2.1.6) that mean something here.
const (
	tagDirectoryName = asn1.Tag(0xa4)
	tagURI           = asn1.Tag(0x86)
)

// generalName is a GeneralName: its tag and its content; for a directoryName
// the content is the Name as an element.
type generalName struct {
	tag   asn1.Tag
	value []byte
}

// readGeneralNames reads the content of a GeneralNames, SIZE (1..MAX).
func readGeneralNames(in cryptobyte.String) ([]generalName, bool) {
	var list []generalName
	for !in.Empty() {
		var n generalName
		var value cryptobyte.String
		if len(list) == maxNames || !in.ReadAnyASN1(&value, &n.tag) || !isGeneralName(n.tag) {
			return nil, false
		}
		n.value = value
		if n.tag == tagDirectoryName {
			if _, ok := readName(value); !ok {
				return nil, false
			}
		}
		list = append(list, n)
	}
	return list, len(list) > 0
}

// isGeneralName reports whether a tag is of a choice of GeneralName. The
// content of otherName, x400Address and ediPartyName (0, 3, 5) is not looked at.
func isGeneralName(t asn1.Tag) bool {
	switch t {
	case 0xa0, 0x81, 0x82, 0xa3, tagDirectoryName, 0xa5, tagURI, 0x87, 0x88:
		return true
	}
	return false
}

func (n generalName) equal(o generalName) bool {
	if n.tag != o.tag {
		return false
	}
	if n.tag == tagDirectoryName {
		return sameName(n.value, o.value)
	}
	return bytes.Equal(n.value, o.value)
}

// namesIntersect reports whether one name is in both lists.
func namesIntersect(a, b []generalName) bool {
	for _, x := range a {
		for _, y := range b {
			if x.equal(y) {
				return true
			}
		}
	}
	return false
}

// hasDirectoryName reports whether the list holds the given Name.
func hasDirectoryName(list []generalName, name []byte) bool {
	return namesIntersect(list, []generalName{{tagDirectoryName, name}})
}

// sameName compares two Name elements: equal bytes, or equal by RFC 5280, 7.1
// as far as this: the same attributes in the same order, whose texts are
// PrintableString or UTF8String and differ in ASCII case and spaces only.
func sameName(a, b []byte) bool {
	if bytes.Equal(a, b) {
		return true
	}
	x, okx := readName(a)
	y, oky := readName(b)
	if !okx || !oky || len(x) != len(y) {
		return false
	}
	for i := range x {
		if !x[i].equal(y[i]) {
			return false
		}
	}
	return true
}

// attribute is an AttributeTypeAndValue. last says that it ends its relative
// distinguished name.
type attribute struct {
	oid   []byte
	tag   asn1.Tag
	value []byte
	last  bool
}

func readName(der []byte) ([]attribute, bool) {
	in := cryptobyte.String(der)
	var rdns cryptobyte.String
	if !in.ReadASN1(&rdns, asn1.SEQUENCE) || !in.Empty() {
		return nil, false
	}
	var list []attribute
	for !rdns.Empty() {
		var rdn cryptobyte.String
		if !rdns.ReadASN1(&rdn, asn1.SET) || rdn.Empty() {
			return nil, false
		}
		for !rdn.Empty() {
			var seq, oid, value cryptobyte.String
			var tag asn1.Tag
			if len(list) == maxRDNs || !rdn.ReadASN1(&seq, asn1.SEQUENCE) ||
				!readOID(&seq, &oid) || !seq.ReadAnyASN1(&value, &tag) || !seq.Empty() ||
				!isAttributeValue(tag, value) {
				return nil, false
			}
			list = append(list, attribute{oid, tag, value, rdn.Empty()})
		}
	}
	return list, true
}

// isAttributeValue takes what names are made of: strings, one of them of bits.
func isAttributeValue(t asn1.Tag, value []byte) bool {
	switch t {
	case asn1.UTF8String, asn1.PrintableString, asn1.T61String, asn1.IA5String, asn1.GeneralString,
		18, 28, 30, asn1.OCTET_STRING: // NumericString, UniversalString, BMPString
		return true
	case asn1.BIT_STRING:
		return len(value) > 0 && value[0] <= 7
	case asn1.GeneralizedTime, asn1.UTCTime: // dateOfBirth
		return true
	}
	return false
}

func (a attribute) equal(b attribute) bool {
	if !bytes.Equal(a.oid, b.oid) || a.last != b.last {
		return false
	}
	if a.tag == b.tag && bytes.Equal(a.value, b.value) {
		return true
	}
	return a.isText() && b.isText() && bytes.Equal(fold(a.value), fold(b.value))
}

func (a attribute) isText() bool {
	return a.tag == asn1.PrintableString || a.tag == asn1.UTF8String
}

// fold lowers ASCII letters, drops outer spaces and joins inner ones.
func fold(text []byte) []byte {
	fields := bytes.FieldsFunc(text, func(r rune) bool { return r == ' ' })
	joined := bytes.Join(fields, []byte{' '})
	for i, c := range joined {
		if 'A' <= c && c <= 'Z' {
			joined[i] = c + 'a' - 'A'
		}
	}
	return joined
}
