package main

import (
	"bytes"
	"encoding/json"
	"strconv"
	"strings"
	"unicode/utf16"
)

// emit prints one JSON object on one line.
func (e *env) emit(v any) error {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return err
	}
	return e.print(escapeJSON(b.String()))
}

// escapeJSON escapes what JSON allows raw and a terminal may obey, such as C1
// controls and marks that turn the direction of writing. Such runes stand in
// strings only, so the value stays the same.
func escapeJSON(doc string) string {
	var b strings.Builder
	for _, r := range doc {
		if r == '\n' || strconv.IsPrint(r) {
			b.WriteRune(r)
			continue
		}
		units := []rune{r}
		if hi, lo := utf16.EncodeRune(r); r > 0xffff {
			units = []rune{hi, lo}
		}
		for _, u := range units {
			b.WriteString(`\u` + strconv.FormatInt(int64(u)|0x10000, 16)[1:])
		}
	}
	return b.String()
}
