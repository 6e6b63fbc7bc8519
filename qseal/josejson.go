package qseal

import (
	"errors"
	"fmt"
	"iter"
	"unicode/utf8"
)

// jsonLimits bounds what is read of a stranger's JSON before any of it is
// believed.
type jsonLimits struct {
	size    int // bytes
	depth   int // containers inside each other
	nodes   int // values in all, which bounds the memory of the walk
	members int // of one object: they are compared pair by pair
}

// headerLimits are for JOSE headers. x5c with 32 KiB of certificates is 43 KiB;
// real headers have 10 to 20 members, at most 4 deep.
func headerLimits() jsonLimits {
	return jsonLimits{size: maxJWS, depth: 12, nodes: 1024, members: 64}
}

// maxNumber bounds the digits of a number; a time in nanoseconds has 20.
const maxNumber = 32

type jsonKind uint8

const (
	jsonNull jsonKind = iota + 1
	jsonBool
	jsonNumber
	jsonString
	jsonArray
	jsonObject
)

// jsonNode is one value. The nodes of a document stand in the order of their
// text, so the children of node i begin at i+1 and end before its next.
type jsonNode struct {
	kind jsonKind
	next int    // index behind the last descendant
	name string // of a member of an object
	text string // of a string, without escapes; of anything else, as written
}

// jsonValue points at a value of a document. The zero value has no kind and no
// members.
type jsonValue struct {
	nodes []jsonNode
	i     int
}

func (v jsonValue) node() jsonNode {
	if v.i >= len(v.nodes) {
		return jsonNode{}
	}
	return v.nodes[v.i]
}

// each yields the members of an object or the elements of an array.
func (v jsonValue) each() iter.Seq2[string, jsonValue] {
	return func(yield func(string, jsonValue) bool) {
		if v.i >= len(v.nodes) {
			return
		}
		for i := v.i + 1; i < v.nodes[v.i].next; i = v.nodes[i].next {
			if !yield(v.nodes[i].name, jsonValue{v.nodes, i}) {
				return
			}
		}
	}
}

// member returns a member of an object by its exact name, or the zero value.
func (v jsonValue) member(name string) jsonValue {
	if v.node().kind != jsonObject {
		return jsonValue{}
	}
	for n, m := range v.each() {
		if n == name {
			return m
		}
	}
	return jsonValue{}
}

// first returns the first element of an array, or the zero value.
func (v jsonValue) first() jsonValue {
	if v.node().kind == jsonArray {
		for _, e := range v.each() {
			return e
		}
	}
	return jsonValue{}
}

func (v jsonValue) exists() bool { return v.node().kind != 0 }

// str returns the text of a string.
func (v jsonValue) str() (string, bool) {
	n := v.node()
	return n.text, n.kind == jsonString
}

// strs returns the texts of an array of strings; none of anything else.
func (v jsonValue) strs() []string {
	if v.node().kind != jsonArray {
		return nil
	}
	out := make([]string, 0, v.node().next-v.i-1)
	for _, e := range v.each() {
		s, ok := e.str()
		if !ok {
			return nil
		}
		out = append(out, s)
	}
	return out
}

var (
	errJSONSize      = errors.New("json exceeds a limit")
	errJSONSyntax    = errors.New("json is malformed")
	errJSONDuplicate = errors.New("json object names a member twice")
)

// parseJSON reads one JSON text (RFC 8259) in one pass. It is stricter than
// encoding/json where two readers of one header could disagree: names are
// compared exactly and must be unique, after their escapes are resolved (RFC
// 7515, 4); ill-formed UTF-8 and lone surrogates are errors; nothing may follow.
func parseJSON(s string, limits jsonLimits) (jsonValue, error) {
	if len(s) > limits.size {
		return jsonValue{}, fmt.Errorf("%w: %d bytes, at most %d", errJSONSize, len(s), limits.size)
	}
	if !utf8.ValidString(s) {
		return jsonValue{}, fmt.Errorf("%w: not UTF-8", errJSONSyntax)
	}
	w := jsonWalker{s: s, limits: limits, nodes: make([]jsonNode, 0, 16)}
	if err := w.value("", 0); err != nil {
		return jsonValue{}, err
	}
	if w.space(); w.pos != len(s) {
		return jsonValue{}, w.syntax("trailing data")
	}
	return jsonValue{nodes: w.nodes}, nil
}

type jsonWalker struct {
	s      string
	pos    int
	limits jsonLimits
	nodes  []jsonNode
}

func (w *jsonWalker) syntax(what string) error {
	return fmt.Errorf("%w: %s at byte %d", errJSONSyntax, what, w.pos)
}

func (w *jsonWalker) space() {
	for w.pos < len(w.s) {
		switch w.s[w.pos] {
		case ' ', '\t', '\n', '\r':
			w.pos++
		default:
			return
		}
	}
}

// next skips white space and returns the byte there, 0 at the end.
func (w *jsonWalker) next() byte {
	if w.space(); w.pos < len(w.s) {
		return w.s[w.pos]
	}
	return 0
}

// value reads a value and appends its node and those below it.
func (w *jsonWalker) value(name string, depth int) error {
	if len(w.nodes) >= w.limits.nodes {
		return fmt.Errorf("%w: more than %d values", errJSONSize, w.limits.nodes)
	}
	n := jsonNode{name: name}
	i := len(w.nodes)
	w.nodes = append(w.nodes, n)
	var err error
	switch c := w.next(); {
	case c == '{' || c == '[':
		n.kind = jsonArray
		if c == '{' {
			n.kind = jsonObject
		}
		err = w.container(i, c, depth+1)
	case c == '"':
		n.kind = jsonString
		n.text, err = w.str()
	case c == '-' || '0' <= c && c <= '9':
		n.kind = jsonNumber
		n.text, err = w.number()
	default:
		n.kind, n.text, err = w.literal()
	}
	n.next = len(w.nodes)
	w.nodes[i] = n
	return err
}

// container reads the object or array that node parent stands for.
func (w *jsonWalker) container(parent int, open byte, depth int) error {
	if depth > w.limits.depth {
		return fmt.Errorf("%w: more than %d levels", errJSONSize, w.limits.depth)
	}
	object, closing := open == '{', open+2 // '}' and ']' in ASCII
	w.pos++
	if w.next() == closing {
		w.pos++
		return nil
	}
	for members := 1; ; members++ {
		name := ""
		if object {
			if members > w.limits.members {
				return fmt.Errorf("%w: more than %d members", errJSONSize, w.limits.members)
			}
			var err error
			if name, err = w.name(parent); err != nil {
				return err
			}
		}
		if err := w.value(name, depth); err != nil {
			return err
		}
		switch w.next() {
		case ',':
			w.pos++
		case closing:
			w.pos++
			return nil
		default:
			return w.syntax("neither comma nor end")
		}
	}
}

// name reads the name of a member of the object at node parent and the colon.
func (w *jsonWalker) name(parent int) (string, error) {
	if w.next() != '"' {
		return "", w.syntax("no name")
	}
	name, err := w.str()
	if err != nil {
		return "", err
	}
	for i := parent + 1; i < len(w.nodes); i = w.nodes[i].next {
		if w.nodes[i].name == name {
			return "", fmt.Errorf("%w: %.60q", errJSONDuplicate, name)
		}
	}
	if w.next() != ':' {
		return "", w.syntax("no colon")
	}
	w.pos++
	return name, nil
}
