package qseal_test

import (
	"encoding/json"
	"errors"
	"io"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas/qseal"
)

func TestJSONWalker(t *testing.T) {
	nest := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	members := func(n int) string {
		var b strings.Builder
		for i := range n {
			b.WriteString(`,"` + strings.Repeat("x", i) + `":1`)
		}
		return "{" + b.String()[1:] + "}"
	}
	for name, row := range map[string]struct {
		in   string
		want error
	}{
		"object":                        {in: `{"a":1,"b":[true,false,null],"c":{"d":"e"}}`},
		"white space":                   {in: " \t\r\n{ \"a\" : 1 , \"b\" : [ ] } "},
		"empty object":                  {in: `{}`},
		"numbers":                       {in: `[0,-0,1.5,1e9,1E+9,1e-9,-1.25e3]`},
		"escapes":                       {in: `["\"\\\/\b\f\n\r\t\u00e9\ud83d\ude00"]`},
		"same name in two objects":      {in: `[{"a":1},{"a":1},{"b":{"a":1},"a":2}]`},
		"names differ in case":          {in: `{"alg":1,"Alg":2,"ALG":3}`},
		"depth 12":                      {in: nest(12)},
		"depth 13":                      {in: nest(13), want: qseal.ErrJSONSize},
		"64 members":                    {in: members(64)},
		"65 members":                    {in: members(65), want: qseal.ErrJSONSize},
		"1024 values":                   {in: "[1" + strings.Repeat(",1", 1022) + "]"},
		"1025 values":                   {in: "[1" + strings.Repeat(",1", 1023) + "]", want: qseal.ErrJSONSize},
		"number of 32 characters":       {in: strings.Repeat("1", 32)},
		"number of 33 characters":       {in: strings.Repeat("1", 33), want: qseal.ErrJSONSize},
		"too many bytes":                {in: `"` + strings.Repeat("x", qseal.MaxJWS-1) + `"`, want: qseal.ErrJSONSize},
		"member twice":                  {in: `{"a":1,"b":2,"a":1}`, want: qseal.ErrJSONDuplicate},
		"member twice below":            {in: `{"x":[{"a":1,"a":2}]}`, want: qseal.ErrJSONDuplicate},
		"member twice after unescaping": {in: `{"alg":1,"\u0061lg":2}`, want: qseal.ErrJSONDuplicate},
		"member twice around an object": {in: `{"a":{"b":{}},"c":[1,2],"a":1}`, want: qseal.ErrJSONDuplicate},
		"empty name twice":              {in: `{"":1,"":2}`, want: qseal.ErrJSONDuplicate},
		"nothing":                       {in: "", want: qseal.ErrJSONSyntax},
		"trailing value":                {in: `{}{}`, want: qseal.ErrJSONSyntax},
		"trailing NUL":                  {in: "{}\x00", want: qseal.ErrJSONSyntax},
		"trailing comma":                {in: `{"a":1,}`, want: qseal.ErrJSONSyntax},
		"trailing comma in array":       {in: `[1,]`, want: qseal.ErrJSONSyntax},
		"byte order mark":               {in: "\ufeff{}", want: qseal.ErrJSONSyntax},
		"comment":                       {in: `{}/**/`, want: qseal.ErrJSONSyntax},
		"form feed as space":            {in: "\f{}", want: qseal.ErrJSONSyntax},
		"object without end":            {in: `{"a":1`, want: qseal.ErrJSONSyntax},
		"closed by the other":           {in: `{"a":1]`, want: qseal.ErrJSONSyntax},
		"name without quotes":           {in: `{a:1}`, want: qseal.ErrJSONSyntax},
		"no colon":                      {in: `{"a" 1}`, want: qseal.ErrJSONSyntax},
		"no value":                      {in: `{"a":}`, want: qseal.ErrJSONSyntax},
		"leading zero":                  {in: `01`, want: qseal.ErrJSONSyntax},
		"plus":                          {in: `+1`, want: qseal.ErrJSONSyntax},
		"minus alone":                   {in: `-`, want: qseal.ErrJSONSyntax},
		"point without digits":          {in: `1.`, want: qseal.ErrJSONSyntax},
		"exponent without digits":       {in: `1e+`, want: qseal.ErrJSONSyntax},
		"hexadecimal":                   {in: `0x1`, want: qseal.ErrJSONSyntax},
		"NaN":                           {in: `NaN`, want: qseal.ErrJSONSyntax},
		"literal in capitals":           {in: `True`, want: qseal.ErrJSONSyntax},
		"string without end":            {in: `"a`, want: qseal.ErrJSONSyntax},
		"string ends in backslash":      {in: `"a\`, want: qseal.ErrJSONSyntax},
		"escaped string without end":    {in: `"\n`, want: qseal.ErrJSONSyntax},
		"unknown escape":                {in: `"\x41"`, want: qseal.ErrJSONSyntax},
		"escape cut short":              {in: `"\u00"`, want: qseal.ErrJSONSyntax},
		"escape at the end":             {in: `"\u00`, want: qseal.ErrJSONSyntax},
		"escape not hexadecimal":        {in: `"\u00g0"`, want: qseal.ErrJSONSyntax},
		"high surrogate alone":          {in: `"\ud83dx"`, want: qseal.ErrJSONSyntax},
		"high surrogate twice":          {in: `"\ud83d\ud83d"`, want: qseal.ErrJSONSyntax},
		"low surrogate alone":           {in: `"\ude00"`, want: qseal.ErrJSONSyntax},
		"low half not hexadecimal":      {in: `"\ud83d\uzzzz"`, want: qseal.ErrJSONSyntax},
		"line break in a string":        {in: "\"a\nb\"", want: qseal.ErrJSONSyntax},
		"line break after an escape":    {in: "\"\\n\nb\"", want: qseal.ErrJSONSyntax},
		"not UTF-8":                     {in: "\"\xff\"", want: qseal.ErrJSONSyntax},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := qseal.DecodeJSON(row.in)
			require.ErrorIs(t, err, row.want)
			if row.want != nil {
				return
			}
			var want any
			d := json.NewDecoder(strings.NewReader(row.in))
			d.UseNumber()
			require.NoError(t, d.Decode(&want))
			assert.Equal(t, want, got)
		})
	}
}

// The oracle: what is accepted encoding/json reads to the same value; what
// encoding/json accepts and is refused here is over a limit, has a member twice,
// or is text that encoding/json repairs.
func FuzzJSONWalker(f *testing.F) {
	for _, s := range []string{
		`{"alg":"PS256","crit":["b64"],"b64":false}`, `{"a":[1,{"b":null}],"c":"\u00e9\ud83d\ude00"}`,
		`{"a":1,"\u0061":2}`, "[-0.5e+3,true]", `"\ud800"`, `{}x`, `[[[[[[[[[[[[[]]]]]]]]]]]]]`,
	} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, in string) {
		got, err := qseal.DecodeJSON(in)
		var want any
		d := json.NewDecoder(strings.NewReader(in))
		d.UseNumber()
		valid := json.Valid([]byte(in)) && d.Decode(&want) == nil
		if err == nil {
			require.True(t, valid, "encoding/json refuses %q", in)
			assert.Equal(t, want, got)
			return
		}
		if !valid || errors.Is(err, qseal.ErrJSONSize) {
			return
		}
		repaired := !utf8.ValidString(in) || strings.Contains(strings.ToLower(in), `\ud`)
		assert.True(t, repaired || hasDuplicate(t, in), "%q: %v", in, err)
	})
}

// hasDuplicate reports whether an object of a JSON text names a member twice,
// by the tokens of encoding/json.
func hasDuplicate(t *testing.T, in string) bool {
	t.Helper()
	type level struct {
		names map[string]bool // nil in an array
		value bool            // a value comes next
	}
	d := json.NewDecoder(strings.NewReader(in))
	var stack []level
	for {
		token, err := d.Token()
		if errors.Is(err, io.EOF) {
			return false
		}
		require.NoError(t, err)
		if token == json.Delim('}') || token == json.Delim(']') {
			stack = stack[:len(stack)-1]
			continue
		}
		if top := len(stack) - 1; top >= 0 && stack[top].names != nil {
			if s, ok := token.(string); ok && !stack[top].value {
				if stack[top].names[s] {
					return true
				}
				stack[top].names[s], stack[top].value = true, true
				continue
			}
			stack[top].value = false
		}
		switch token {
		case json.Delim('{'):
			stack = append(stack, level{names: map[string]bool{}})
		case json.Delim('['):
			stack = append(stack, level{})
		}
	}
}
