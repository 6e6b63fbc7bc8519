package main

import (
	"fmt"
	"strings"
)

const (
	// typingMistakes is how many letters of a command's name may be wrong, missing
	// or too many for it to be suggested. A swap of two counts as two.
	typingMistakes = 2
	// minSuggested is how long a name must be; in a shorter one so many mistakes
	// leave nothing.
	minSuggested = 4
)

// commandMeant suggests the command nearest to a name that is none.
func commandMeant(name string) string {
	best, meant := typingMistakes+1, ""
	for _, c := range commands() {
		word, _, _ := strings.Cut(c.name, " ")
		for _, known := range []string{c.name, word} {
			if len(name) < minSuggested || len(name) > len(known)+typingMistakes {
				continue
			}
			if d := distance(name, known); d < best {
				best, meant = d, known
			}
		}
	}
	if meant == "" {
		return ""
	}
	return fmt.Sprintf(", did you mean '%s'?", meant)
}

// distance is how many bytes must be put, taken or changed to make b of a
// (Levenshtein).
func distance(a, b string) int {
	row := make([]int, len(b)+1)
	for j := range row {
		row[j] = j
	}
	for i := range len(a) {
		diagonal := row[0]
		row[0] = i + 1
		for j := range len(b) {
			change := diagonal
			if a[i] != b[j] {
				change++
			}
			diagonal = row[j+1]
			row[j+1] = min(change, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(b)]
}
