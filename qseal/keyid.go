package qseal

import (
	"crypto/x509"
	"encoding/asn1"
	"encoding/hex"
	"net/url"
	"strings"
)

// matchKeyID compares keyId="SN=<serial>,CA=<issuer>" (NextGenPSD2 1.3.8, 12.2)
// with a certificate: the serial as a number, the issuer as a set of attributes,
// since libraries write both in many ways. It returns the quirks that it took.
func matchKeyID(keyID string, c *x509.Certificate, allowed Quirk) (Quirk, *Error) {
	var used Quirk
	if strings.Contains(keyID, "%") && allowed&QuirkPercentKeyID != 0 {
		plain, err := url.PathUnescape(keyID)
		if err != nil {
			return 0, reject(ReasonFormat, "keyId is not percent-encoded")
		}
		used, keyID = QuirkPercentKeyID, plain
	}
	serial, issuer, full := strings.Cut(keyID, ",")
	serial, found := strings.CutPrefix(serial, "SN=")
	if !found {
		return 0, reject(ReasonFormat, "keyId does not begin with SN=")
	}
	decimal, refusal := matchSerial(serial, c, allowed)
	if refusal != nil {
		return 0, refusal
	}
	used |= decimal
	if !full {
		if allowed&QuirkNoIssuer == 0 {
			return 0, reject(ReasonFormat, "keyId has no CA=")
		}
		return used | QuirkNoIssuer, nil
	}
	issuer, found = strings.CutPrefix(strings.TrimLeft(issuer, " "), "CA=")
	if !found {
		return 0, reject(ReasonFormat, "keyId has no CA=")
	}
	// Some escape backslashes a second time, for the quotes around.
	if !matchIssuer(issuer, c) && !matchIssuer(strings.ReplaceAll(issuer, `\\`, `\`), c) {
		return 0, reject(ReasonCertificateMismatch, "keyId names issuer %.200q, the certificate is of %.200q", issuer, c.Issuer.String())
	}
	return used, nil
}

// maxSerial bounds the digits of a serial number: RFC 5280, 4.1.2.2 allows 20
// octets.
const maxSerial = 64

// matchSerial reads the serial as hexadecimal, and as decimal where that is
// allowed and needed.
func matchSerial(text string, c *x509.Certificate, allowed Quirk) (Quirk, *Error) {
	text = strings.TrimSpace(text)
	if text == "" || len(text) > maxSerial {
		return 0, reject(ReasonFormat, "serial number %.80q", text)
	}
	digits := strings.TrimLeft(text, "0")
	if digits == "" {
		digits = "0"
	}
	var buffer [maxSerial * 2]byte
	if equalFoldASCII(c.SerialNumber.Append(buffer[:0], 16), digits) {
		return 0, nil
	}
	if allowed&QuirkSerialDecimal != 0 && string(c.SerialNumber.Append(buffer[:0], 10)) == digits {
		return QuirkSerialDecimal, nil
	}
	return 0, reject(ReasonCertificateMismatch, "keyId names serial number %.80q, the certificate's is %x", text, c.SerialNumber)
}

// equalFoldASCII compares digits with a text, whatever case that has.
func equalFoldASCII(digits []byte, text string) bool {
	if len(digits) != len(text) {
		return false
	}
	for i, d := range digits {
		t := text[i]
		if 'A' <= t && t <= 'Z' {
			t |= 0x20
		}
		if d != t {
			return false
		}
	}
	return true
}

// attributeNames are the names of RFC 4514, 3 and those that OpenSSL and Java
// write. It is never changed.
var attributeNames = [...]struct {
	name string
	oid  asn1.ObjectIdentifier
}{
	{"CN", asn1.ObjectIdentifier{2, 5, 4, 3}},
	{"C", asn1.ObjectIdentifier{2, 5, 4, 6}},
	{"O", asn1.ObjectIdentifier{2, 5, 4, 10}},
	{"OU", asn1.ObjectIdentifier{2, 5, 4, 11}},
	{"L", asn1.ObjectIdentifier{2, 5, 4, 7}},
	{"ST", asn1.ObjectIdentifier{2, 5, 4, 8}},
	{"S", asn1.ObjectIdentifier{2, 5, 4, 8}},
	{"STREET", asn1.ObjectIdentifier{2, 5, 4, 9}},
	{"SN", asn1.ObjectIdentifier{2, 5, 4, 4}},
	{"SURNAME", asn1.ObjectIdentifier{2, 5, 4, 4}},
	{"SERIALNUMBER", asn1.ObjectIdentifier{2, 5, 4, 5}},
	{"T", asn1.ObjectIdentifier{2, 5, 4, 12}},
	{"TITLE", asn1.ObjectIdentifier{2, 5, 4, 12}},
	{"POSTALCODE", asn1.ObjectIdentifier{2, 5, 4, 17}},
	{"GN", asn1.ObjectIdentifier{2, 5, 4, 42}},
	{"GIVENNAME", asn1.ObjectIdentifier{2, 5, 4, 42}},
	{"DNQ", asn1.ObjectIdentifier{2, 5, 4, 46}},
	{"DNQUALIFIER", asn1.ObjectIdentifier{2, 5, 4, 46}},
	{"ORGANIZATIONIDENTIFIER", asn1.ObjectIdentifier{2, 5, 4, 97}},
	{"DC", asn1.ObjectIdentifier{0, 9, 2342, 19200300, 100, 1, 25}},
	{"UID", asn1.ObjectIdentifier{0, 9, 2342, 19200300, 100, 1, 1}},
	{"E", asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 1}},
	{"EMAIL", asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 1}},
	{"EMAILADDRESS", asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 9, 1}},
}

// isAttribute reports whether a name, or OID in dots, is that of an attribute.
func isAttribute(name string, oid asn1.ObjectIdentifier) bool {
	if name != "" && '0' <= name[0] && name[0] <= '9' {
		return oid.String() == name
	}
	for i := range attributeNames {
		if strings.EqualFold(attributeNames[i].name, name) && attributeNames[i].oid.Equal(oid) {
			return true
		}
	}
	return len(name) > len("OID.") && strings.EqualFold(name[:len("OID.")], "OID.") && oid.String() == name[len("OID."):]
}

// maxAttributes bounds the attributes of an issuer's name: one bit each.
const maxAttributes = 32

// matchIssuer reports whether a name in the form of RFC 4514 has the attributes
// of the certificate's issuer, each as often, in any order: libraries write it
// from either end.
func matchIssuer(name string, c *x509.Certificate) bool {
	attributes := c.Issuer.Names
	if len(attributes) == 0 || len(attributes) > maxAttributes {
		return false
	}
	var met uint32
	for rest := name; rest != ""; {
		var element string
		element, rest = cutAttribute(rest)
		key, value, found := strings.Cut(element, "=")
		if !found {
			return false
		}
		key, value = strings.Trim(key, " "), attributeValue(value)
		i := 0
		for ; i < len(attributes); i++ {
			have, isText := attributes[i].Value.(string)
			if met&(1<<i) == 0 && isText && isAttribute(key, attributes[i].Type) && strings.EqualFold(strings.Trim(have, " "), value) {
				break
			}
		}
		if i == len(attributes) {
			return false
		}
		met |= 1 << i
	}
	return met == 1<<len(attributes)-1
}

// cutAttribute cuts at the first comma, semicolon or plus that is not escaped.
func cutAttribute(s string) (element, rest string) {
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case ',', ';', '+':
			return s[:i], s[i+1:]
		}
	}
	return s, ""
}

// attributeValue undoes the escapes of RFC 4514, 2.4, or decodes #hex.
func attributeValue(s string) string {
	s = strings.Trim(s, " ")
	if strings.HasPrefix(s, "#") {
		der, err := hex.DecodeString(s[1:])
		if err != nil {
			return s
		}
		var value string
		if rest, err := asn1.Unmarshal(der, &value); err != nil || len(rest) > 0 {
			return s
		}
		return value
	}
	if !strings.Contains(s, `\`) {
		return s
	}
	out := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] != '\\' || i+1 == len(s) {
			out = append(out, s[i])
			continue
		}
		if pair, err := hex.DecodeString(s[i+1 : min(i+3, len(s))]); err == nil && len(pair) == 1 {
			out = append(out, pair...)
			i += 2
			continue
		}
		i++
		out = append(out, s[i])
	}
	return string(out)
}
