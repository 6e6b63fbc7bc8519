package sealtest

import (
	"bufio"
	"bytes"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/seed-b953571c/eidas/eidastest"
)

// Line is one header line, as it is on the wire.
type Line struct{ Name, Value string }

// Message is one request, as it goes over a connection of its own.
type Message struct {
	// Peer is who presents his QWAC on the connection.
	Peer *eidastest.Leaf
	// HTTP2 is whether it goes as frames instead of text: Authority is :authority
	// then, and a Host that Lines may have is another field.
	HTTP2                     bool
	Method, Target, Authority string
	Lines                     []Line
	// Body is what follows the header: content, or chunks of it with their sizes.
	Body []byte
	// Waits is whether the body is sent only when it is asked for (Expect:
	// 100-continue).
	Waits bool

	strays bool // from the lawful order, see Run
}

// Bytes returns the request in HTTP/1.1 (RFC 9112), malformed where that is the
// attack. It says nothing of one that goes over HTTP/2.
func (m *Message) Bytes() []byte { return append(m.head(), m.Body...) }

func (m *Message) head() []byte {
	var b bytes.Buffer
	fmt.Fprintf(&b, "%s %s HTTP/1.1\r\n", m.Method, m.Target)
	if m.Authority != "" {
		fmt.Fprintf(&b, "Host: %s\r\n", m.Authority)
	}
	for _, l := range m.Lines {
		fmt.Fprintf(&b, "%s: %s\r\n", l.Name, l.Value)
	}
	b.WriteString("\r\n")
	return b.Bytes()
}

// Request returns the request as net/http gives it to a handler, for verifiers
// that are tested without a connection. It fails for one over HTTP/2. Attacks
// that net/http refuses need its server: Attack.Want says which those are.
func (m *Message) Request() (*http.Request, error) {
	if m.HTTP2 {
		return nil, errors.New("sealtest: the message needs a connection of HTTP/2")
	}
	r, err := http.ReadRequest(bufio.NewReader(bytes.NewReader(m.Bytes())))
	if err != nil {
		return nil, err
	}
	r.TLS = &tls.ConnectionState{HandshakeComplete: true}
	if m.Peer != nil {
		r.TLS.PeerCertificates = m.Peer.Chain
	}
	return r, nil
}

// values returns the lines of a field.
func values(lines []Line, name string) []string {
	var out []string
	for _, l := range lines {
		if strings.EqualFold(l.Name, name) {
			out = append(out, l.Value)
		}
	}
	return out
}

// set gives a field one line, in the place of its first one.
func set(lines []Line, name, value string) []Line {
	i := slices.IndexFunc(lines, func(l Line) bool { return strings.EqualFold(l.Name, name) })
	if i < 0 {
		return append(lines, Line{name, value})
	}
	lines[i].Value = value
	return append(lines[:i+1], remove(lines[i+1:], name)...)
}

func remove(lines []Line, name string) []Line {
	return slices.DeleteFunc(lines, func(l Line) bool { return strings.EqualFold(l.Name, name) })
}
