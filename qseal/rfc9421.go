package qseal

import (
	"encoding/base64"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/dunglas/httpsfv"
)

// Limits of HTTP Message Signatures.
const (
	// maxSignatureInput bounds Signature-Input and Signature, each with all its
	// lines. A covered component takes 20 bytes, an RSA-4096 signature 690.
	maxSignatureInput = 8 << 10
	// maxComponents bounds the covered components: each is looked up, and
	// compared with the others.
	maxComponents = 64
	// maxParsed bounds the text that is parsed for components: each that is a
	// member of a field, or of the query, has all of that parsed again.
	maxParsed = 64 << 10
	// maxSignatures bounds the signatures on one message. A client's and a
	// proxy's are usual.
	maxSignatures = 8
)

var errStructured = errors.New("not a structured field")

// signatureParams are the parameters of one signature (RFC 9421, 2.3).
type signatureParams struct {
	label      string
	components []component
	created    int64 // Unix seconds; 0 is absent
	expires    int64
	nonce      string
	alg        string
	keyID      string
	tag        string
	list       httpsfv.InnerList // as received, for the base
}

// component is a component identifier (RFC 9421, 2).
type component struct {
	name string
	item httpsfv.Item
	param
}

// param is a set of the parameters of a component that were read.
type param struct {
	sf, bs, req, tr bool
	key             *string
	query           *string // name of a @query-param
}

// parseSignatureInput reads the fields Signature-Input of a message: all of
// its signatures, in order.
func parseSignatureInput(lines []string) ([]signatureParams, error) {
	d, err := parseFieldDictionary(lines, maxSignatureInput)
	if err != nil {
		return nil, err
	}
	names := d.Names()
	if len(names) > maxSignatures {
		return nil, fmt.Errorf("%d signatures, at most %d", len(names), maxSignatures)
	}
	out := make([]signatureParams, 0, len(names))
	params := 0
	for _, label := range names {
		member, _ := d.Get(label)
		list, ok := member.(httpsfv.InnerList)
		if !ok {
			return nil, fmt.Errorf("signature %.40q is not an inner list", label)
		}
		s := signatureParams{label: label, list: list}
		if err := s.read(); err != nil {
			return nil, fmt.Errorf("signature %.40q: %w", label, err)
		}
		params += len(list.Params.Names())
		for _, c := range s.components {
			params += len(c.item.Params.Names())
		}
		out = append(out, s)
	}
	// Of a label or parameter named twice the last one counts (RFC 8941, 4.2.2),
	// and readers who do not know that see another. What is in the text and not
	// in the result was overwritten.
	lists, semicolons := countOutsideStrings(lines)
	if lists != len(out) || semicolons != params {
		return nil, errors.New("a label or parameter is named twice")
	}
	return out, nil
}

// parseFieldDictionary reads a field that is a dictionary (RFC 8941, 3.2).
func parseFieldDictionary(lines []string, limit int) (*httpsfv.Dictionary, error) {
	size := 0
	for _, l := range lines {
		size += len(l)
	}
	if size > limit {
		return nil, fmt.Errorf("%d bytes, at most %d", size, limit)
	}
	d, err := httpsfv.UnmarshalDictionary(lines)
	if err != nil {
		return nil, fmt.Errorf("%w: %q", errStructured, err.Error())
	}
	return d, nil
}

// countOutsideStrings counts the inner lists and the parameters of structured
// field lines that were parsed. Display strings (RFC 9651, 3.3.8), which escape
// in another way, do not belong in these fields: they give no count at all.
func countOutsideStrings(lines []string) (lists, parameters int) {
	for _, l := range lines {
		quoted := false
		for i := 0; i < len(l); i++ {
			switch c := l[i]; {
			case quoted && c == '\\':
				i++
			case !quoted && c == '%' && strings.HasPrefix(l[i:], `%"`):
				return -1, -1
			case c == '"':
				quoted = !quoted
			case !quoted && c == '(':
				lists++
			case !quoted && c == ';':
				parameters++
			}
		}
	}
	return lists, parameters
}

// read takes the inner list apart.
func (s *signatureParams) read() error {
	if len(s.list.Items) > maxComponents {
		return fmt.Errorf("%d components, at most %d", len(s.list.Items), maxComponents)
	}
	s.components = make([]component, 0, len(s.list.Items))
	for _, item := range s.list.Items {
		c, err := readComponent(item)
		if err != nil {
			return err
		}
		if slices.ContainsFunc(s.components, c.same) {
			return fmt.Errorf("component %.40q is listed twice", c.name) // 2.5
		}
		s.components = append(s.components, c)
	}
	for _, name := range s.list.Params.Names() {
		value, _ := s.list.Params.Get(name)
		if err := s.set(name, value); err != nil {
			return err
		}
	}
	return nil
}

// set reads a parameter of the closed set of RFC 9421, 2.3. One that nobody
// here knows could restrict what the signature means.
func (s *signatureParams) set(name string, value any) error {
	var ok bool
	switch name {
	case "created":
		s.created, ok = positive(value)
	case "expires":
		s.expires, ok = positive(value)
	case "nonce":
		s.nonce, ok = value.(string)
	case "alg":
		s.alg, ok = value.(string)
	case "keyid":
		s.keyID, ok = value.(string)
	case "tag":
		s.tag, ok = value.(string)
	default:
		return fmt.Errorf("parameter %.40q is unknown", name)
	}
	if !ok {
		return fmt.Errorf("parameter %s is of another type", name)
	}
	return nil
}

func positive(value any) (int64, bool) {
	n, _ := value.(int64)
	return n, n > 0
}

// readComponent reads a component identifier: a lower case name and parameters
// of the closed set of 2.1 and 2.2.
func readComponent(item httpsfv.Item) (component, error) {
	name, _ := item.Value.(string)
	if name == "" {
		return component{}, errors.New("component is not a string")
	}
	c := component{name: name, item: item}
	if name[0] != '@' && canonicalName(name) == "" {
		return component{}, fmt.Errorf("component %.40q is not a field name in lower case", name)
	}
	for _, p := range item.Params.Names() {
		value, _ := item.Params.Get(p)
		if !c.set(p, value) {
			return component{}, fmt.Errorf("component %.40q has parameter %.40q, which it cannot", name, p)
		}
	}
	if c.bs && (c.sf || c.key != nil) {
		return component{}, fmt.Errorf("component %.40q is both bytes and structure", name) // 2.1.3
	}
	if (name == "@query-param") != (c.query != nil) {
		return component{}, fmt.Errorf("component %.40q needs the parameter name", name) // 2.2.8
	}
	return c, nil
}

// set reads one parameter and reports whether the component may have it.
func (c *component) set(name string, value any) bool {
	derived := c.name[0] == '@'
	text, isText := value.(string)
	flag := value == true
	switch {
	case name == "req":
		c.req = flag
		return flag
	case name == "sf" && !derived:
		c.sf = flag
		return flag
	case name == "bs" && !derived:
		c.bs = flag
		return flag
	case name == "tr" && !derived:
		c.tr = flag
		return flag
	case name == "key" && !derived:
		c.key = &text
		return isText
	case name == "name" && derived:
		c.query = &text
		return isText
	}
	return false
}

// same reports whether two identifiers are one: the order of parameters does
// not tell them apart (2).
func (c *component) same(d component) bool {
	text := func(p *string) string {
		if p == nil {
			return ""
		}
		return *p
	}
	return c.name == d.name && c.sf == d.sf && c.bs == d.bs && c.req == d.req && c.tr == d.tr &&
		(c.key == nil) == (d.key == nil) && text(c.key) == text(d.key) && text(c.query) == text(d.query)
}

// signatureValue returns the signature with a label from the fields Signature,
// whose members are all byte sequences (RFC 9421, 4.2).
func signatureValue(lines []string, label string) ([]byte, error) {
	members, err := byteMembers(lines, maxSignatureInput)
	if err != nil {
		return nil, fmt.Errorf("signature: %w", err)
	}
	for _, m := range members {
		if m.name != label {
			continue
		}
		if !m.exact {
			return nil, fmt.Errorf("signature %.40q is not base64 in its one spelling", label)
		}
		return m.value, nil
	}
	return nil, fmt.Errorf("no signature %.40q", label)
}

// byteMember is a member of a dictionary of byte sequences.
type byteMember struct {
	name  string
	value []byte
	exact bool // written in the one spelling of base64: httpsfv takes any padding and bits left over
}

// byteMembers reads a dictionary of at most limit bytes whose members are byte
// sequences without parameters, each named once.
func byteMembers(lines []string, limit int) ([]byteMember, error) {
	d, err := parseFieldDictionary(lines, limit)
	if err != nil {
		return nil, err
	}
	colons := 0
	for _, l := range lines {
		colons += strings.Count(l, ":")
	}
	var members []byteMember
	for _, name := range d.Names() {
		member, _ := d.Get(name)
		item, _ := member.(httpsfv.Item)
		value, ok := item.Value.([]byte)
		if !ok || len(item.Params.Names()) > 0 {
			return nil, fmt.Errorf("%.40q is not bytes", name)
		}
		text := ":" + base64.StdEncoding.EncodeToString(value) + ":"
		exact := slices.ContainsFunc(lines, func(l string) bool { return strings.Contains(l, text) })
		members = append(members, byteMember{name, value, exact})
	}
	// A dictionary keeps the last of two members with one name.
	if colons != 2*len(members) {
		return nil, errors.New("a member is named twice")
	}
	return members, nil
}
