package eidastest

import (
	"encoding/asn1"
	"fmt"
	"strconv"
	"strings"
	"unicode/utf16"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"
)

// The attribute types of a subject (X.520, EN 319 412-1).
const (
	OIDCommonName             = "2.5.4.3"
	OIDSerialNumber           = "2.5.4.5"
	OIDCountry                = "2.5.4.6"
	OIDOrganization           = "2.5.4.10"
	OIDOrganizationalUnit     = "2.5.4.11"
	OIDOrganizationIdentifier = "2.5.4.97"
)

// StringType is the ASN.1 type of a string. The zero value is UTF8String,
// except for country and serialNumber, where it is PrintableString, as X.520
// wants it.
type StringType uint8

// The string types, by universal tag number.
const (
	UTF8String      StringType = 12
	PrintableString StringType = 19
	T61String       StringType = 20
	IA5String       StringType = 22
	BMPString       StringType = 30
)

// Attribute is one attribute of a subject. The kit writes Value as it is: no
// character is checked or changed, so that a hostile subject can be made.
type Attribute struct {
	OID   string // dotted
	Value string
	Type  StringType
	// Joined puts the attribute into the RDN of the one before it, which makes
	// that RDN multi-valued.
	Joined bool
}

// Subject returns the subject that EN 319 412-3, 4.2.1 asks of a legal person.
func Subject(country, organization, identifier, commonName string) []Attribute {
	return []Attribute{
		{OID: OIDCountry, Value: country},
		{OID: OIDOrganization, Value: organization},
		{OID: OIDOrganizationIdentifier, Value: identifier},
		{OID: OIDCommonName, Value: commonName},
	}
}

// marshalName writes a Name (RFC 5280, 4.1.2.4).
func marshalName(attrs []Attribute) ([]byte, error) {
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		for i := 0; i < len(attrs); {
			end := i + 1
			for end < len(attrs) && attrs[end].Joined {
				end++
			}
			addRDN(b, attrs[i:end])
			i = end
		}
	})
	der, err := b.Bytes()
	if err != nil {
		return nil, fmt.Errorf("eidastest: subject: %w", err)
	}
	return der, nil
}

func addRDN(b *cryptobyte.Builder, attrs []Attribute) {
	b.AddASN1(cbasn1.SET, func(b *cryptobyte.Builder) {
		for _, a := range attrs {
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
				addOID(b, a.OID)
				addString(b, a.stringType(), a.Value)
			})
		}
	})
}

func (a Attribute) stringType() StringType {
	switch {
	case a.Type != 0:
		return a.Type
	case a.OID == OIDCountry || a.OID == OIDSerialNumber:
		return PrintableString
	}
	return UTF8String
}

// addString writes a string of any type without looking at its characters.
func addString(b *cryptobyte.Builder, t StringType, s string) {
	b.AddASN1(cbasn1.Tag(t), func(b *cryptobyte.Builder) {
		if t != BMPString {
			b.AddBytes([]byte(s))
			return
		}
		for _, unit := range utf16.Encode([]rune(s)) {
			b.AddUint16(unit)
		}
	})
}

// addOID writes a dotted OID; a malformed one becomes the error of the builder.
func addOID(b *cryptobyte.Builder, dotted string) {
	oid, err := parseOID(dotted)
	if err != nil {
		b.SetError(err)
		return
	}
	b.AddASN1ObjectIdentifier(oid)
}

func parseOID(dotted string) (asn1.ObjectIdentifier, error) {
	parts := strings.Split(dotted, ".")
	oid := make(asn1.ObjectIdentifier, 0, len(parts))
	for _, p := range parts {
		n, err := strconv.ParseUint(p, 10, 31)
		if err != nil {
			return nil, fmt.Errorf("eidastest: OID %q is malformed", dotted)
		}
		oid = append(oid, int(n))
	}
	if len(oid) < 2 {
		return nil, fmt.Errorf("eidastest: OID %q is malformed", dotted)
	}
	return oid, nil
}
