package qseal

import (
	"slices"
	"strings"
)

// Bounds of a Signature header of draft-cavage.
const (
	// maxSignatureField: a signature of RSA-8192 is 1368 characters, a long
	// issuer name below 2 KiB, and names of fields are few.
	maxSignatureField = 8 << 10
	// maxCovered bounds the names in the parameter headers. Real ones have ten.
	maxCovered = 32
)

// The pseudo fields of draft-cavage-http-signatures-12, 2.3.
const (
	fieldTarget  = "(request-target)"
	fieldCreated = "(created)"
	fieldExpires = "(expires)"
)

// cavage is the Signature header of draft-cavage (4.1), read and held to its
// grammar. Empty strings are absent parameters: no parameter may be empty.
type cavage struct {
	keyID, algorithm, signature string
	created, expires            string
	covered                     []string
	headers                     bool // the parameter headers is there
	unquoted                    bool // a parameter that is a string stands without quotes
	upper                       bool // a name in headers was not in lower case
}

// parseCavage reads the parameters strictly: each one of the draft at most
// once, and no other, because of two spellings readers pick different ones.
func parseCavage(s string) (*cavage, *Error) {
	if len(s) > maxSignatureField {
		return nil, reject(ReasonFormat, "signature has %d bytes, at most %d", len(s), maxSignatureField)
	}
	c := new(cavage)
	for rest := s; ; {
		name, value, quoted, after, refusal := cutParameter(rest)
		if refusal != nil {
			return nil, refusal
		}
		if refusal := c.set(name, value, quoted); refusal != nil {
			return nil, refusal
		}
		if after == "" {
			return c, nil
		}
		if after[0] != ',' {
			return nil, reject(ReasonFormat, "no comma after %s", name)
		}
		rest = after[1:]
	}
}

// cutParameter reads name=value and the white space around it (RFC 9110, 5.6.6).
// A backslash stays what it is: nobody escapes in these, and in names of
// issuers it belongs to the name.
func cutParameter(s string) (name, value string, quoted bool, rest string, refusal *Error) {
	s = strings.TrimLeft(s, " \t")
	name, rest, found := strings.Cut(s, "=")
	if !found || !isToken(name) {
		return "", "", false, "", reject(ReasonFormat, "no parameter at %.40q", s)
	}
	if strings.HasPrefix(rest, `"`) {
		value, rest, found = strings.Cut(rest[1:], `"`)
		if !found || strings.HasSuffix(value, `\`) {
			return "", "", false, "", reject(ReasonFormat, "%.40s has no closing quote, or one is escaped", name)
		}
		return name, value, true, strings.TrimLeft(rest, " \t"), nil
	}
	end := strings.IndexByte(rest, ',')
	if end < 0 {
		end = len(rest)
	}
	value = strings.TrimRight(rest[:end], " \t")
	if strings.ContainsAny(value, "\" \t") {
		return "", "", false, "", reject(ReasonFormat, "%.40s is neither quoted nor one word", name)
	}
	return name, value, false, rest[end:], nil
}

func (c *cavage) set(name, value string, quoted bool) *Error {
	if value == "" {
		return reject(ReasonFormat, "parameter %.40q is empty", name)
	}
	var into *string
	switch name {
	case "keyId":
		into = &c.keyID
	case "algorithm":
		into = &c.algorithm
	case "signature":
		into = &c.signature
	case "created", "expires":
		into = &c.created
		if name == "expires" {
			into = &c.expires
		}
		if quoted { // 2.1.4: an integer, so without quotes
			return reject(ReasonFormat, "%s is quoted", name)
		}
	case "headers":
		if c.headers {
			return reject(ReasonFormat, "parameter headers is there twice")
		}
		c.headers = true
		c.unquoted = c.unquoted || !quoted
		return c.setHeaders(value)
	default:
		return reject(ReasonFormat, "unknown parameter %.40q", name)
	}
	if *into != "" {
		return reject(ReasonFormat, "parameter %s is there twice", name)
	}
	*into = value
	c.unquoted = c.unquoted || !quoted && into != &c.created && into != &c.expires
	return nil
}

func (c *cavage) setHeaders(list string) *Error {
	n := strings.Count(list, " ") + 1
	if n > maxCovered {
		return reject(ReasonFormat, "more than %d names in headers", maxCovered)
	}
	c.covered = make([]string, 0, n)
	for name := range strings.SplitSeq(list, " ") {
		lower := strings.ToLower(name)
		c.upper = c.upper || lower != name
		if slices.Contains(c.covered, lower) {
			return reject(ReasonFormat, "headers lists %.60q twice", name)
		}
		switch lower {
		case fieldTarget, fieldCreated, fieldExpires:
		default:
			// Before folding: U+212A would become a k.
			if !isToken(name) {
				return reject(ReasonFormat, "%.60q in headers is no field name", name)
			}
		}
		c.covered = append(c.covered, lower)
	}
	return nil
}

// base builds the signing string (2.3) over the covered fields.
func (c *cavage) base(m *message) ([]byte, *Error) {
	size := 0
	for _, name := range c.covered {
		size += len(name) + len(": \n") + 64
	}
	b := make([]byte, 0, size+len(m.target))
	for i, name := range c.covered {
		if i > 0 {
			b = append(b, '\n')
		}
		b = append(append(b, name...), ": "...)
		var refusal *Error
		if b, refusal = c.appendValue(b, m, name); refusal != nil {
			return nil, refusal
		}
	}
	return b, nil
}

func (c *cavage) appendValue(b []byte, m *message, name string) ([]byte, *Error) {
	switch name {
	case fieldTarget:
		if !m.request {
			return nil, reject(ReasonFieldMissing, "a response has no request target")
		}
		b = append(b, strings.ToLower(m.method)...)
		return append(append(b, ' '), m.target...), nil
	case fieldCreated:
		return c.appendTime(b, name, c.created)
	case fieldExpires:
		return c.appendTime(b, name, c.expires)
	}
	lines := m.values(canonicalName(name))
	if len(lines) == 0 {
		return nil, reject(ReasonFieldMissing, "%s", name)
	}
	for i, line := range lines {
		if i > 0 {
			b = append(b, ", "...)
		}
		b = append(b, strings.Trim(line, " \t")...)
	}
	return b, nil
}

// appendTime writes a parameter that is sealed. 2.3 forbids it to the
// algorithms of old, whose readers would not see that it has passed.
func (c *cavage) appendTime(b []byte, name, value string) ([]byte, *Error) {
	for _, prefix := range [...]string{"rsa", "hmac", "ecdsa"} {
		if strings.HasPrefix(c.algorithm, prefix) {
			return nil, reject(ReasonHeader, "%s is not for algorithm %.40q", name, c.algorithm)
		}
	}
	if value == "" {
		return nil, reject(ReasonFieldMissing, "%s", name)
	}
	return append(b, value...), nil
}

// cavageAlgorithm returns the algorithm of a name, 0 for any other. quirk says
// when the name is not the draft's.
func cavageAlgorithm(name string) (a Algorithm, quirk Quirk) {
	switch name {
	case "rsa-sha256":
		return RSASHA256, 0
	case "rsa-sha512":
		return RSASHA512, 0
	case "ecdsa-sha256":
		return ECDSADERSHA256, 0
	case "ecdsa-sha512":
		return ECDSADERSHA512, 0
	case "SHA256withRSA":
		return RSASHA256, QuirkJavaAlgorithm
	case "SHA512withRSA":
		return RSASHA512, QuirkJavaAlgorithm
	case "SHA256withECDSA":
		return ECDSADERSHA256, QuirkJavaAlgorithm
	case "SHA512withECDSA":
		return ECDSADERSHA512, QuirkJavaAlgorithm
	case "hs2019", "":
		return 0, QuirkHS2019
	}
	return 0, 0
}
