package qseal

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// maxJWS bounds the text of a JWS. With eight certificates in x5c, 32 KiB, the
// header is 58 KiB after both layers of base64; the rest is room for a payload.
const maxJWS = 128 << 10

var (
	errSegments = errors.New("not three segments")
	errBase64   = errors.New("not base64url without padding, in its one spelling")
)

// splitCompact cuts a JWS in compact serialisation (RFC 7515, 3.1) into its
// three segments. It looks at no more than three dots: a text of 10^6 of them
// costs as much as any other (go-jose, CVE-2025-27144).
func splitCompact(s string, limit int) (header, payload, signature string, err error) {
	if len(s) > limit {
		return "", "", "", fmt.Errorf("%d bytes, at most %d", len(s), limit)
	}
	header, rest, _ := strings.Cut(s, ".")
	payload, signature, found := strings.Cut(rest, ".")
	if !found || strings.IndexByte(signature, '.') >= 0 {
		return "", "", "", errSegments
	}
	return header, payload, signature, nil
}

// decodeBase64URL reads base64url as RFC 7515, 2 defines it: no padding, no
// white space, and no bits left over, so that one octet string has one text.
func decodeBase64URL(s string) ([]byte, error) {
	// Go's decoder skips line breaks, also when it is strict.
	if strings.ContainsAny(s, "\r\n") {
		return nil, errBase64
	}
	b, err := base64.RawURLEncoding.Strict().DecodeString(s)
	if err != nil {
		return nil, errBase64
	}
	return b, nil
}

// decodeBase64 reads base64 with padding, for the values that RFC 7515, 4.1.6
// and cavage put in it.
func decodeBase64(s string) ([]byte, error) {
	if strings.ContainsAny(s, "\r\n") {
		return nil, errors.New("line break in base64")
	}
	return base64.StdEncoding.Strict().DecodeString(s)
}

// checkCrit holds a protected header to RFC 7515, 4.1.11 with the closed set of
// extensions that a profile understands and processes: the names that RFC 7515
// itself defines, which crit must not name, are in no such set. It returns the
// names in crit, none when there is no crit.
func checkCrit(header jsonValue, understood []string) ([]string, error) {
	value := header.member("crit")
	if !value.exists() {
		return nil, nil
	}
	names := value.strs()
	if len(names) == 0 {
		return nil, errors.New("crit is not a list of strings, at least one")
	}
	for i, name := range names {
		switch {
		case slices.Contains(names[:i], name):
			return nil, fmt.Errorf("crit names %.60q twice", name)
		case !slices.Contains(understood, name):
			return nil, fmt.Errorf("crit names %.60q, which this profile does not know", name)
		case !header.member(name).exists():
			return nil, fmt.Errorf("crit names %.60q, which is not in the protected header", name)
		}
	}
	return names, nil
}

// checkB64 reads the parameter b64 of RFC 7797: a boolean, and critical when it
// is false, because a reader who ignored it would see another payload
// (sections 3 and 6).
func checkB64(header jsonValue, crit []string) (encoded bool, err error) {
	value := header.member("b64")
	switch {
	case !value.exists():
		return true, nil
	case value.node().kind != jsonBool:
		return false, errors.New("b64 is not a boolean")
	case value.node().text == "false" && !slices.Contains(crit, "b64"):
		return false, errors.New("b64 is false and not critical")
	}
	return value.node().text == "true", nil
}
