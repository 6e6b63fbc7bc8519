package main

import (
	"io"
	"os"
	"strconv"
	"strings"
	"unicode/utf8"
)

// style writes text in colour, or plain when its zero value.
type style struct{ on bool }

// newStyle gives colour to a terminal whose user has not declined it
// (NO_COLOR, see no-color.org).
func newStyle(w io.Writer) style {
	return style{isTerminal(w) && os.Getenv("NO_COLOR") == "" && os.Getenv("TERM") != "dumb"}
}

// isTerminal reports whether w is a character device.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0 && f.Name() != os.DevNull
}

func (s style) sgr(code, text string) string {
	if !s.on || text == "" {
		return text
	}
	return "\x1b[" + code + "m" + text + "\x1b[0m"
}

func (s style) bold(t string) string   { return s.sgr("1", t) }
func (s style) dim(t string) string    { return s.sgr("2", t) }
func (s style) red(t string) string    { return s.sgr("31", t) }
func (s style) green(t string) string  { return s.sgr("32", t) }
func (s style) yellow(t string) string { return s.sgr("33", t) }
func (s style) cyan(t string) string   { return s.sgr("36", t) }

// clean makes text of a certificate or a list fit for a terminal: everything
// that does not print, such as escape sequences, line ends and marks that turn
// the direction of writing, is written as an escape.
func clean(text string) string { return escape(text, "") }

// escape is clean, with the runes of keep left as they are.
func escape(text, keep string) string {
	var b strings.Builder
	for i, r := range text {
		_, size := utf8.DecodeRuneInString(text[i:])
		switch {
		case r == utf8.RuneError && size == 1:
			b.WriteString(`\x` + strconv.FormatUint(uint64(text[i])|0x100, 16)[1:])
		case strconv.IsPrint(r) || strings.ContainsRune(keep, r):
			b.WriteRune(r)
		default:
			q := strconv.QuoteRuneToASCII(r)
			b.WriteString(q[1 : len(q)-1])
		}
	}
	return b.String()
}

// columns aligns rows. Cells are counted in runes and must be plain; the last
// cell of a row is not padded.
func columns(indent string, rows [][]string) string {
	var width []int
	for _, row := range rows {
		for i, cell := range row[:max(0, len(row)-1)] {
			if i == len(width) {
				width = append(width, 0)
			}
			width[i] = max(width[i], utf8.RuneCountInString(cell))
		}
	}
	var b strings.Builder
	for _, row := range rows {
		line := indent
		for i, cell := range row {
			if i == len(row)-1 {
				line += cell
				break
			}
			line += pad(cell, width[i]) + "  "
		}
		b.WriteString(strings.TrimRight(line, " ") + "\n")
	}
	return b.String()
}

func pad(cell string, width int) string {
	return cell + strings.Repeat(" ", max(0, width-utf8.RuneCountInString(cell)))
}

// count writes a number of things.
func count(n int, what string) string { return strconv.Itoa(n) + " " + what + plural(n) }

func plural(n int) string {
	if n == 1 {
		return ""
	}
	return "s"
}
