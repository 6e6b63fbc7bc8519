package qseal

import (
	"crypto"
	"errors"
	"fmt"
)

// maxContentDigest bounds the text of Content-Digest. Both known digests take
// 155 bytes.
const maxContentDigest = 1 << 10

// parseContentDigest reads the fields Content-Digest (RFC 9530, 2) and returns
// the digests of algorithms that are known and safe, at least one. Those that
// are neither, such as md5, prove nothing and are passed over (5).
func parseContentDigest(lines []string) ([]digestDemand, error) {
	members, err := byteMembers(lines, maxContentDigest)
	if err != nil {
		return nil, fmt.Errorf("content-digest: %w", err)
	}
	var out []digestDemand
	for _, m := range members {
		if !m.exact {
			return nil, fmt.Errorf("content-digest: %.40q is not base64 in its one spelling", m.name)
		}
		h, ok := contentHash(m.name)
		if !ok {
			continue
		}
		if len(m.value) != h.Size() {
			return nil, fmt.Errorf("content-digest: %s of %d bytes, needs %d", m.name, len(m.value), h.Size())
		}
		out = append(out, digestDemand{hash: h, want: m.value})
	}
	if len(out) == 0 {
		return nil, errors.New("content-digest has neither sha-256 nor sha-512")
	}
	return out, nil
}

// contentHash returns the hash of an algorithm of RFC 9530, 5.
func contentHash(name string) (crypto.Hash, bool) {
	switch name {
	case "sha-256":
		return crypto.SHA256, true
	case "sha-512":
		return crypto.SHA512, true
	}
	return 0, false
}
