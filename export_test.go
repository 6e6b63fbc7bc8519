package eidas

import "golang.org/x/crypto/cryptobyte/asn1"

// OIDEntry is a row of the table of known OIDs, for the external tests.
type OIDEntry struct{ DER, Dotted, Name string }

// OIDTable returns the table of known OIDs.
func OIDTable() []OIDEntry {
	var out []OIDEntry
	for _, e := range oidNames {
		out = append(out, OIDEntry{e.der, e.dotted, e.name})
	}
	return out
}

// KnownOID is dottedKnown.
func KnownOID(content []byte) string { return dottedKnown(content) }

// Dotted is dotted behind validOID.
func Dotted(content []byte) (string, bool) {
	if !validOID(content) {
		return "", false
	}
	return dotted(content), true
}

// Next is next: tag, content, rest.
func Next(in []byte) (tag byte, body, rest []byte, ok bool) {
	e, rest, ok := next(in)
	if !ok {
		return 0, nil, nil, false
	}
	return byte(e.tag), e.body(), rest, true
}

// NextOf is nextOf.
func NextOf(tag byte, in []byte) (body, rest []byte, ok bool) { return nextOf(asn1.Tag(tag), in) }

// IsCountry is isCountry.
func IsCountry(code string) bool { return isCountry(code) }

// EBAAuthority is ebaAuthority.
func EBAAuthority(country string) string { return ebaAuthority(country) }

// The limits that tests go up to and beyond.
const (
	MaxStatements     = maxStatements
	MaxStatementsSize = maxStatementsSize
	MaxRoles          = maxRoles
	MaxExtensions     = maxExtensions
	MaxAttributes     = maxAttributes
	MaxListed         = maxListed
	MaxFindings       = maxFindings
)
