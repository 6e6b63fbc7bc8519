package qseal

import (
	"crypto"
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/dunglas/httpsfv"
)

// maxContentDigest bounds the text of Content-Digest. Both known digests take
// 155 bytes.
const maxContentDigest = 1 << 10

// parseContentDigest reads the fields Content-Digest (RFC 9530, 2) and returns
// the digests of algorithms that are known and safe, at least one. Those that
// are neither, such as md5, prove nothing and are passed over (5).
func parseContentDigest(lines []string) ([]digestDemand, error) {
	size := 0
	for _, l := range lines {
		size += len(l)
	}
	if size > maxContentDigest {
		return nil, fmt.Errorf("content-digest of %d bytes, at most %d", size, maxContentDigest)
	}
	d, err := httpsfv.UnmarshalDictionary(lines)
	if err != nil {
		return nil, fmt.Errorf("content-digest: %w: %q", errStructured, err.Error())
	}
	colons := 0
	for _, l := range lines {
		colons += strings.Count(l, ":")
	}
	var out []digestDemand
	for _, name := range d.Names() {
		member, _ := d.Get(name)
		item, _ := member.(httpsfv.Item)
		sum, ok := item.Value.([]byte)
		if !ok || len(item.Params.Names()) > 0 {
			return nil, fmt.Errorf("content-digest: %.40q is not bytes", name)
		}
		text := ":" + base64.StdEncoding.EncodeToString(sum) + ":"
		if !slices.ContainsFunc(lines, func(l string) bool { return strings.Contains(l, text) }) {
			return nil, fmt.Errorf("content-digest: %.40q is not base64 in its one spelling", name)
		}
		h, ok := contentHash(name)
		if !ok {
			continue
		}
		if len(sum) != h.Size() {
			return nil, fmt.Errorf("content-digest: %s of %d bytes, needs %d", name, len(sum), h.Size())
		}
		out = append(out, digestDemand{hash: h, want: sum})
	}
	// A dictionary keeps the last of two members with one name.
	if colons != 2*len(d.Names()) {
		return nil, errors.New("content-digest names an algorithm twice")
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
