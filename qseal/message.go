package qseal

import (
	"net/http"
	"net/textproto"
	"strings"
)

// message is what a profile sees of an HTTP message. It reads; only the signing
// side of a profile writes, into header. header holds canonical keys, as
// net/http makes them.
type message struct {
	request   bool   // or a response
	method    string // as received
	target    string // raw request target in origin form, as received: never decoded
	scheme    string // "https", or "http" without TLS
	authority string // Host, or :authority in HTTP/2
	// otherHost is a second host that the request names, "" when there is none.
	otherHost string
	status    int // of a response
	header    http.Header
	// body is the content as it came over the connection, before any
	// decompression. streamed: it may have content that has not been read yet, so
	// that a profile may demand digests of it only; body is nil then. Only a
	// profile with wholeBody is always given the content.
	body     []byte
	streamed bool
	// known are the certificates of sealers that were let in before; nil: none.
	known *known
	// answered is the request of a response (RFC 9421, 2.4), nil when not known.
	answered *message
}

// requestMessage views a request that a server received or a client is to send.
func requestMessage(r *http.Request) *message {
	m := &message{
		request: true, method: r.Method, target: originForm(r), scheme: "https",
		authority: r.Host, header: r.Header,
	}
	if m.method == "" {
		m.method = http.MethodGet // net/http: "" means GET for a client
	}
	if m.authority == "" && r.URL != nil {
		m.authority = r.URL.Host
	}
	if r.RequestURI != "" && r.TLS == nil || r.RequestURI == "" && r.URL != nil && r.URL.Scheme == "http" {
		m.scheme = "http"
	}
	if r.RequestURI != "" {
		m.otherHost = otherHost(r, m.scheme)
	}
	return m
}

// otherHost returns a host that a received request names beside the one that
// net/http believes, "" when there is none. HTTP/2 leaves a Host field beside
// :authority in the header and takes a :path that has another authority in it.
// Of one message two readers would see two hosts (RFC 9113, 8.3.1). In HTTP/1
// the authority of the target alone counts, and net/http drops the field (RFC
// 9112, 3.2.2).
func otherHost(r *http.Request, scheme string) string {
	host := normalAuthority(scheme, r.Host)
	for _, line := range r.Header["Host"] {
		if normalAuthority(scheme, line) != host {
			return line
		}
	}
	if authority, _, absolute := cutAuthority(r.RequestURI); absolute && normalAuthority(scheme, authority) != host {
		return authority
	}
	return ""
}

// guardHost refuses a request that names two hosts.
func (m *message) guardHost() *Error {
	if m.otherHost != "" {
		return reject(ReasonRepeated, "hosts %.100q and %.100q", m.authority, m.otherHost)
	}
	return nil
}

// responseMessage views a response and the request that it answers, if known.
func responseMessage(r *http.Response) *message {
	m := &message{status: r.StatusCode, header: r.Header}
	if r.Request != nil {
		m.answered = requestMessage(r.Request)
	}
	return m
}

// originForm returns the request target as it was on the wire. URL.Path is
// decoded and may have been edited by the mux, so that two targets would share
// one seal; RequestURI is raw in HTTP/1 and HTTP/2. Through a forward proxy it is in
// absolute form (RFC 9112, 3.2.2), of which the sealer knows the end only.
func originForm(r *http.Request) string {
	target := r.RequestURI
	if target == "" { // of a client
		if r.URL == nil {
			return ""
		}
		target = r.URL.RequestURI()
	}
	return stripAuthority(target)
}

// stripAuthority brings a target in absolute form into origin form and leaves
// all others as they are: a path that holds "://" is not absolute.
func stripAuthority(target string) string {
	if _, rest, absolute := cutAuthority(target); absolute {
		return rest
	}
	return target
}

// cutAuthority takes a target in absolute form apart, into its authority and
// what it is in origin form.
func cutAuthority(target string) (authority, origin string, absolute bool) {
	scheme, rest, found := strings.Cut(target, "://")
	if !found || !strings.EqualFold(scheme, "http") && !strings.EqualFold(scheme, "https") {
		return "", "", false
	}
	end := strings.IndexAny(rest, "/?")
	switch {
	case end < 0:
		return rest, "/", true
	case rest[end] == '?':
		return rest[:end], "/" + rest[end:], true
	}
	return rest[:end], rest[end:], true
}

// values returns the field lines of a name in canonical form
// (textproto.CanonicalMIMEHeaderKey). net/http takes Host out of the header.
func (m *message) values(canonical string) []string {
	if canonical == "Host" && m.request {
		if m.authority == "" {
			return nil
		}
		return []string{m.authority}
	}
	return m.header[canonical]
}

// one returns the only line of a field, and whether there is a line at all.
// Which of two lines counts is a matter of taste, and an attacker knows every
// taste: two are refused. So are blanks around it, which no signing string has:
// net/http leaves them on in HTTP/2, where they are malformed (RFC 9113, 8.2.1),
// and one seal would have as many X-Request-IDs as there are blanks.
func (m *message) one(canonical string) (value string, present bool, refusal *Error) {
	lines := m.values(canonical)
	switch len(lines) {
	case 0:
		return "", false, nil
	case 1:
		if strings.Trim(lines[0], " \t") != lines[0] {
			return "", true, reject(ReasonFormat, "%s has blanks around it", canonical)
		}
		return lines[0], true, nil
	}
	return "", true, reject(ReasonRepeated, "%s has %d lines", canonical, len(lines))
}

// maxConnection bounds Connection: each option is compared with each field.
const maxConnection = 1 << 10

// guardHops refuses a message whose Connection field names a field of the seal
// (RFC 9110, 7.6.1): the next proxy would remove it, and an unsealed message
// would reach a backend that trusts the proxy. names are canonical.
func (m *message) guardHops(names []string) *Error {
	size := 0
	for _, line := range m.header["Connection"] {
		if size += len(line) + 1; size > maxConnection {
			return reject(ReasonHopByHop, "connection has more than %d bytes", maxConnection)
		}
		for option := range strings.SplitSeq(line, ",") {
			option = strings.Trim(option, " \t")
			for _, name := range names {
				if strings.EqualFold(option, name) {
					return reject(ReasonHopByHop, "connection names %s", name)
				}
			}
		}
	}
	return nil
}

// canonicalName returns the key of http.Header for a field name in lower case
// ("" if it is no such name). Those that every seal has cost nothing.
func canonicalName(lower string) string {
	switch lower {
	case "digest":
		return "Digest"
	case "x-request-id":
		return "X-Request-Id"
	case "psu-id":
		return "Psu-Id"
	case "psu-corporate-id":
		return "Psu-Corporate-Id"
	case "tpp-redirect-uri":
		return "Tpp-Redirect-Uri"
	case "date":
		return "Date"
	case "host":
		return "Host"
	case "content-type":
		return "Content-Type"
	case "content-length":
		return "Content-Length"
	}
	if !isToken(lower) || strings.ContainsFunc(lower, isUpper) {
		return ""
	}
	return textproto.CanonicalMIMEHeaderKey(lower)
}

func isUpper(r rune) bool { return 'A' <= r && r <= 'Z' }

// isToken reports a token of RFC 9110, 5.6.2.
func isToken(s string) bool {
	for _, c := range []byte(s) {
		switch {
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9',
			strings.IndexByte("!#$%&'*+-.^_`|~", c) >= 0:
		default:
			return false
		}
	}
	return s != ""
}
