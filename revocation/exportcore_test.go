package revocation

import (
	"time"

	"github.com/seed-b953571c/eidas"
)

// Key is the key under which the answer about a target is kept.
func Key(t Target) [32]byte { return newCacheKey(t) }

// Counts reports whether a kept answer is evidence at a time.
func Counts(a eidas.StatusAnswer, at time.Time, skew time.Duration) bool {
	return (&entry{answer: a}).counts(at, skew, nil)
}

// Supersedes reports whether an answer takes the place of one that is kept.
func Supersedes(a, old eidas.StatusAnswer) bool {
	return (&entry{answer: a}).supersedes(&entry{answer: old})
}

// SameName compares two Name elements.
func SameName(a, b []byte) bool { return sameName(a, b) }

// ReadsName reports whether der is a Name.
func ReadsName(der []byte) bool {
	_, ok := readName(der)
	return ok
}
