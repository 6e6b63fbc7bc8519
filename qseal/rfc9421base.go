package qseal

import (
	"encoding/base64"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"

	"github.com/dunglas/httpsfv"
)

// signatureBase writes the signature base of RFC 9421, 2.5.
func signatureBase(m *message, s *signatureParams) ([]byte, error) {
	b := make([]byte, 0, 1024)
	parsed := 0
	for i := range s.components {
		c := &s.components[i]
		if parsed += c.parsed(m); parsed > maxParsed {
			return nil, fmt.Errorf("component %.40q: more than %d bytes to parse", c.name, maxParsed)
		}
		value, err := c.value(m)
		if err != nil {
			return nil, fmt.Errorf("component %.40q: %w", c.name, err)
		}
		if strings.ContainsAny(value, "\r\n") {
			// A line break would let one component speak for the next (7.5.6).
			return nil, fmt.Errorf("component %.40q holds a line break", c.name)
		}
		if b, err = c.appendIdentifier(b); err != nil {
			return nil, err
		}
		b = append(append(append(b, ": "...), value...), '\n')
	}
	params, err := marshalled(s.list)
	if err != nil {
		return nil, err
	}
	b = append(b, `"@signature-params": `...)
	return append(b, params...), nil
}

func (c *component) appendIdentifier(b []byte) ([]byte, error) {
	if len(c.item.Params.Names()) == 0 {
		return append(append(append(b, '"'), c.name...), '"'), nil
	}
	text, err := marshalled(c.item)
	return append(b, text...), err
}

// parsed is how much text value will parse.
func (c *component) parsed(m *message) (size int) {
	if c.req && m.answered != nil {
		m = m.answered
	}
	if c.query != nil {
		return len(m.target)
	}
	if c.sf || c.key != nil {
		for _, line := range m.values(canonicalName(c.name)) {
			size += len(line)
		}
	}
	return size
}

// value returns the value of a component in a message.
func (c *component) value(m *message) (string, error) {
	if c.req {
		if m.answered == nil {
			return "", errors.New("there is no request to take it from") // 2.4
		}
		m = m.answered
	}
	if c.name[0] == '@' {
		return c.derived(m)
	}
	if c.tr {
		// They come after the body, and the verdict before it is used.
		return "", errors.New("trailers are not looked at")
	}
	lines := m.values(canonicalName(c.name))
	if len(lines) == 0 {
		return "", errors.New("the message has no such field")
	}
	switch {
	case c.bs:
		return wrapBytes(lines), nil
	case c.key != nil:
		return dictionaryMember(lines, *c.key)
	case c.sf:
		return strictValue(c.name, lines)
	}
	return joinLines(lines), nil
}

// joinLines is the plain value of a field (2.1).
func joinLines(lines []string) string {
	if len(lines) == 1 {
		return strings.Trim(lines[0], " \t")
	}
	trimmed := make([]string, len(lines))
	for i, l := range lines {
		trimmed[i] = strings.Trim(l, " \t")
	}
	return strings.Join(trimmed, ", ")
}

// wrapBytes is the value under bs (2.1.3): each line by itself.
func wrapBytes(lines []string) string {
	out := make([]string, len(lines))
	for i, l := range lines {
		out[i] = ":" + base64.StdEncoding.EncodeToString([]byte(strings.Trim(l, " \t"))) + ":"
	}
	return strings.Join(out, ", ")
}

// dictionaryMember is the value under key (2.1.2).
func dictionaryMember(lines []string, key string) (string, error) {
	d, err := httpsfv.UnmarshalDictionary(lines)
	if err != nil {
		return "", errStructured
	}
	member, ok := d.Get(key)
	if !ok {
		return "", fmt.Errorf("no member %.40q", key)
	}
	return marshalled(member)
}

// strictValue is the value under sf (2.1.1), for fields whose type is known.
func strictValue(name string, lines []string) (string, error) {
	var v httpsfv.StructuredFieldValue
	var err error
	switch name {
	case "content-digest", "repr-digest", "want-content-digest", "want-repr-digest",
		"signature", "signature-input", "accept-signature", "priority", "cdn-cache-control":
		v, err = httpsfv.UnmarshalDictionary(lines)
	case "cache-status", "proxy-status", "client-cert-chain":
		v, err = httpsfv.UnmarshalList(lines)
	case "client-cert", "deprecation":
		v, err = httpsfv.UnmarshalItem(lines)
	default:
		return "", errors.New("the structure of this field is not known here")
	}
	if err != nil {
		return "", errStructured
	}
	return marshalled(v)
}

// marshalled writes a structure in its one spelling.
func marshalled(v httpsfv.StructuredFieldValue) (string, error) {
	text, err := httpsfv.Marshal(v)
	if err != nil {
		return "", fmt.Errorf("%w: %q", errStructured, err.Error())
	}
	return text, nil
}

// derived returns the value of a derived component (2.2).
func (c *component) derived(m *message) (string, error) {
	if c.name == "@status" {
		if m.request {
			return "", errors.New("a request has no status")
		}
		return strconv.Itoa(m.status), nil
	}
	if !m.request {
		return "", errors.New("a response has it from its request alone")
	}
	path, query, hasQuery := splitTarget(m.target)
	switch c.name {
	case "@method":
		return m.method, nil
	case "@scheme":
		return lowerASCII(m.scheme), nil
	case "@authority":
		return normalAuthority(m.scheme, m.authority), nil
	case "@target-uri":
		return targetURI(m), nil
	case "@request-target":
		return m.target, nil
	case "@path":
		return path, nil
	case "@query":
		return "?" + query, nil
	case "@query-param":
		if !hasQuery {
			return "", errors.New("there is no query")
		}
		return queryParam(query, *c.query)
	}
	return "", errors.New("unknown derived component")
}

// splitTarget takes a request target (RFC 9112, 3.2) apart, without decoding
// anything: what was sent is what is signed.
func splitTarget(target string) (path, query string, hasQuery bool) {
	path, query, hasQuery = strings.Cut(target, "?")
	if i := strings.Index(path, "://"); i >= 0 && path[0] != '/' { // absolute form
		path = path[i+len("://"):]
		if i := strings.IndexByte(path, '/'); i >= 0 {
			path = path[i:]
		} else {
			path = ""
		}
	}
	if path == "" { // 2.2.6
		path = "/"
	}
	return path, query, hasQuery
}

// normalAuthority is @authority: lower case, without the scheme's own port
// (2.2.3; RFC 9110, 4.2.3).
func normalAuthority(scheme, authority string) string {
	a := lowerASCII(authority)
	switch lowerASCII(scheme) {
	case "https":
		return strings.TrimSuffix(a, ":443")
	case "http":
		return strings.TrimSuffix(a, ":80")
	}
	return a
}

// lowerASCII folds ASCII letters only: U+212A in a host is no k.
func lowerASCII(s string) string {
	if !strings.ContainsFunc(s, isUpper) {
		return s
	}
	b := []byte(s)
	for i, c := range b {
		if isUpper(rune(c)) {
			b[i] += 'a' - 'A'
		}
	}
	return string(b)
}

// targetURI is @target-uri (2.2.2; RFC 9110, 7.1).
func targetURI(m *message) string {
	path, query, hasQuery := splitTarget(m.target)
	uri := lowerASCII(m.scheme) + "://" + normalAuthority(m.scheme, m.authority) + path
	if hasQuery {
		uri += "?" + query
	}
	return uri
}

// queryParam is @query-param (2.2.8): the parameter whose name is the decoded
// form of name, which must be there once. Twice, readers differ in which counts.
func queryParam(query, name string) (string, error) {
	want, _ := url.QueryUnescape(name)
	if encodeForm(want) != name {
		return "", fmt.Errorf("name %.40q is not percent-encoded", name)
	}
	found, value := false, ""
	for pair := range strings.SplitSeq(query, "&") {
		k, v, _ := strings.Cut(pair, "=")
		if key, err := url.QueryUnescape(k); err != nil || key != want || pair == "" {
			continue
		}
		if found {
			return "", fmt.Errorf("parameter %.40q is in the query twice", name)
		}
		plain, err := url.QueryUnescape(v)
		if err != nil {
			return "", fmt.Errorf("parameter %.40q is not percent-encoded", name)
		}
		found, value = true, encodeForm(plain)
	}
	if !found {
		return "", fmt.Errorf("no parameter %.40q", name)
	}
	return value, nil
}

// encodeForm percent-encodes as the URL standard does for forms, a blank as %20.
func encodeForm(s string) string {
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	for i := range len(s) {
		c := s[i]
		if 'a' <= c && c <= 'z' || 'A' <= c && c <= 'Z' || '0' <= c && c <= '9' || strings.IndexByte("*-._", c) >= 0 {
			b.WriteByte(c)
			continue
		}
		b.Write([]byte{'%', hex[c>>4], hex[c&15]})
	}
	return b.String()
}
