package qseal

import "encoding/json"

// MaxJWS and the errors of the JSON walker, for tests.
const MaxJWS = maxJWS

// The errors of the JSON walker.
var (
	ErrJSONSize      = errJSONSize
	ErrJSONSyntax    = errJSONSyntax
	ErrJSONDuplicate = errJSONDuplicate
)

// DecodeJSON walks a JSON text under the limits of headers and returns what
// encoding/json would, with numbers as written.
func DecodeJSON(s string) (any, error) {
	v, err := parseJSON(s, headerLimits())
	if err != nil {
		return nil, err
	}
	return v.plain(), nil
}

func (v jsonValue) plain() any {
	n := v.node()
	switch n.kind {
	case jsonBool:
		return n.text == "true"
	case jsonNumber:
		return json.Number(n.text)
	case jsonString:
		return n.text
	case jsonArray:
		out := []any{}
		for _, e := range v.each() {
			out = append(out, e.plain())
		}
		return out
	case jsonObject:
		out := map[string]any{}
		for name, m := range v.each() {
			out[name] = m.plain()
		}
		return out
	case jsonNull:
	}
	return nil
}
