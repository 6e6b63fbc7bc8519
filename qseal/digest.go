package qseal

import (
	"crypto"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"strings"
)

// maxDigestField bounds a Digest header: one SHA-256 and one SHA-512.
const maxDigestField = 512

// parseDigest reads a Digest header (RFC 3230) with the algorithms that
// NextGenPSD2 1.3.8, 12.1 allows, SHA-256 and SHA-512. Another one is refused,
// also beside these: the sealer meant something by it that nobody here checks.
func parseDigest(s string) ([]digestDemand, *Error) {
	if len(s) > maxDigestField {
		return nil, reject(ReasonDigest, "digest has %d bytes, at most %d", len(s), maxDigestField)
	}
	demands := make([]digestDemand, 0, 1)
	for element := range strings.SplitSeq(s, ",") {
		name, text, found := strings.Cut(strings.Trim(element, " \t"), "=")
		if !found {
			return nil, reject(ReasonDigest, "digest names no algorithm")
		}
		d := digestDemand{}
		switch { // RFC 3230, 4.1.1: names are case-insensitive
		case strings.EqualFold(name, "SHA-256"):
			d.hash = crypto.SHA256
		case strings.EqualFold(name, "SHA-512"):
			d.hash = crypto.SHA512
		default:
			return nil, reject(ReasonDigest, "digest algorithm %.40q", name)
		}
		for _, earlier := range demands {
			if earlier.hash == d.hash {
				return nil, reject(ReasonDigest, "two digests of %v", d.hash)
			}
		}
		var err error
		if d.want, err = decodeBase64(text); err != nil {
			return nil, reject(ReasonDigest, "digest is not base64: %w", err)
		}
		if len(d.want) != d.hash.Size() {
			return nil, reject(ReasonDigest, "digest of %v has %d bytes", d.hash, len(d.want))
		}
		demands = append(demands, d)
	}
	return demands, nil
}

// check compares the digest of a body.
func (d digestDemand) check(body []byte) *Error { return d.compare(sum(d.hash, body)) }

// compare holds a digest to the demand.
func (d digestDemand) compare(got []byte) *Error {
	if subtle.ConstantTimeCompare(got, d.want) != 1 {
		return reject(ReasonDigest, "%v is %x, not %x", d.hash, got, d.want)
	}
	return nil
}

// sum hashes with one of the hashes of the closed sets; nil for any other.
func sum(h crypto.Hash, data []byte) []byte {
	if h == crypto.SHA256 {
		s := sha256.Sum256(data)
		return s[:]
	}
	if h == crypto.SHA384 {
		s := sha512.Sum384(data)
		return s[:]
	}
	if h == crypto.SHA512 {
		s := sha512.Sum512(data)
		return s[:]
	}
	return nil
}
