package qseal

import (
	"bufio"
	"bytes"
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/textproto"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	// maxCaptured bounds the head of a captured message: the longest fields of a
	// seal, a JWS and a chain, take 176 KiB.
	maxCaptured = 256 << 10
	// maxCapturedLines bounds its lines, each of which is a field: real messages
	// have fifty.
	maxCapturedLines = 1000
)

// Captured is an HTTP/1 message as text: what a support case brings along.
type Captured struct {
	m     *message
	start string // the first line
}

// ParseCaptured reads the first line and the header fields of an HTTP/1 message
// (RFC 9112), in lines that end in CRLF or LF, an empty line, and the body: all
// bytes that follow, as they are. Without an empty line there is no body.
func ParseCaptured(text []byte) (*Captured, error) {
	head, body := splitHead(text)
	if len(head) > maxCaptured {
		return nil, fmt.Errorf("qseal: head of the message has %d bytes, at most %d", len(head), maxCaptured)
	}
	if lines := bytes.Count(head, []byte{'\n'}); lines > maxCapturedLines {
		return nil, fmt.Errorf("qseal: head of the message has %d lines, at most %d", lines, maxCapturedLines)
	}
	reader := textproto.NewReader(bufio.NewReader(io.MultiReader(bytes.NewReader(head), strings.NewReader("\r\n\r\n"))))
	start, _ := reader.ReadLine() // it has an end: see above
	if err := checkStart(start); err != nil {
		return nil, err
	}
	header, err := reader.ReadMIMEHeader()
	if err != nil {
		return nil, fmt.Errorf("qseal: header of the message: %w", err)
	}
	for name := range header {
		if !isToken(name) { // net/textproto lets blanks pass
			return nil, fmt.Errorf("qseal: header of the message: field %.80q", name)
		}
	}
	m := &message{scheme: "https", header: http.Header(header), body: body}
	c := &Captured{m: m, start: start}
	if status, isResponse := strings.CutPrefix(start, "HTTP/"); isResponse {
		_, status, _ = strings.Cut(status, " ")
		code, _, _ := strings.Cut(status, " ")
		if m.status, err = strconv.Atoi(code); err != nil {
			return nil, fmt.Errorf("qseal: status line %.80q", start)
		}
		return c, nil
	}
	words := strings.Split(start, " ")
	hosts := m.header["Host"]
	if len(hosts) > 1 {
		return nil, errors.New("qseal: more than one Host")
	}
	m.request, m.method, m.target = true, words[0], stripAuthority(words[1])
	m.authority = m.header.Get("Host")
	if authority, _, absolute := cutAuthority(words[1]); absolute {
		m.authority = authority // RFC 9112, 3.2.2
	}
	delete(m.header, "Host") // as net/http does
	return c, nil
}

// checkStart tells what cannot be the first line of a message, before its fields
// are complained of. That of a response begins as checked here; its status is not
// looked at.
func checkStart(start string) error {
	if strings.HasPrefix(start, "\ufeff") {
		return errors.New("qseal: no HTTP message in it: it begins with a byte order mark, which an editor has put there; save it without")
	}
	if strings.HasPrefix(start, "HTTP/") {
		return nil
	}
	words := strings.Split(start, " ")
	if len(words) != 3 || !isToken(words[0]) || words[1] == "" || !strings.HasPrefix(words[2], "HTTP/") {
		return fmt.Errorf("qseal: no HTTP message in it: the first line must be like 'POST /path HTTP/1.1', not %.80q", start)
	}
	return nil
}

// splitHead cuts after the first empty line.
func splitHead(text []byte) (head, body []byte) {
	for i := range text {
		if text[i] != '\n' {
			continue
		}
		rest := text[i+1:]
		if bytes.HasPrefix(rest, []byte("\r\n")) {
			return text[:i+1], rest[2:]
		}
		if bytes.HasPrefix(rest, []byte("\n")) {
			return text[:i+1], rest[1:]
		}
	}
	return text, nil
}

// WithBody returns the message with another body, where it was captured apart.
func (c *Captured) WithBody(body []byte) *Captured {
	m := *c.m
	m.header = m.header.Clone()
	m.body = slices.Clone(body)
	return &Captured{m: &m, start: c.start}
}

// Body returns a copy of the body.
func (c *Captured) Body() []byte { return slices.Clone(c.m.body) }

// Text returns the message as ParseCaptured reads it, its fields in order of name.
func (c *Captured) Text() []byte {
	var b bytes.Buffer
	b.WriteString(c.start + "\n")
	if c.m.request && c.m.authority != "" {
		b.WriteString("Host: " + c.m.authority + "\n")
	}
	names := make([]string, 0, len(c.m.header))
	for name := range c.m.header {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		for _, line := range c.m.header[name] {
			b.WriteString(name + ": " + line + "\n")
		}
	}
	b.WriteString("\n")
	b.Write(c.m.body)
	return b.Bytes()
}

// VerifyCaptured is VerifyRequest, or VerifyResponse, for a captured message. It
// needs Config.AllowAnyPeer, since there is no connection.
func (v *Verifier) VerifyCaptured(ctx context.Context, c *Captured, at time.Time) (*Seal, error) {
	m := *c.m
	j := v.judge(&m, at)
	return v.report(ctx, j, j.captured(ctx))
}

func (j *judgement) captured(ctx context.Context) (refusal *Error) {
	defer rescue(&refusal)
	switch {
	case j.p.IsZero():
		return reject(ReasonInternal, "verifier has no profile")
	case !j.v.c.AllowAnyPeer:
		return reject(ReasonPeerMissing, "a captured message has no connection")
	case int64(len(j.m.body)) > j.v.c.MaxBody:
		return reject(ReasonTooLarge, "more than %d bytes", j.v.c.MaxBody)
	}
	if refusal := j.prove(ctx); refusal != nil {
		return refusal
	}
	if refusal := j.proof.checkBody(j.p, j.m.body); refusal != nil {
		return refusal
	}
	return j.judgeSealer(ctx, j.m.request)
}

// Examination is what a seal says, proved or not. It is for people who look for
// what is wrong with a message: nothing in it may grant access.
type Examination struct {
	Profile   string
	Hint      Hint
	Chain     []*x509.Certificate // nil where no certificate was had
	Algorithm Algorithm           // that of the verification; zero before it
	Covered   []string
	PathBound bool
	SignedAt  time.Time
	Expires   time.Time
	Quirks    Quirk
	Base      []byte // the signing string
	Signature []byte
}

// Examine verifies everything about a captured message but its sealer's standing
// and its novelty, at a time. found is the certificate of a seal that brings
// none, and must be that of one that does; nil is none. It returns what there is
// to say, nil where the seal cannot be read at all, and an *[Error] for a refusal.
func (p Profile) Examine(c *Captured, found *Resolved, at time.Time) (*Examination, error) {
	if p.IsZero() {
		return nil, reject(ReasonInternal, "zero profile")
	}
	s, refusal := read(&p, c.m)
	if refusal != nil {
		return nil, refusal
	}
	if found == nil {
		found = &Resolved{}
	}
	algorithm, refusal := examine(&p, s, c.m.body, examined{found, at})
	e := &Examination{
		Profile: p.name, Hint: s.hint, Chain: s.chain, Algorithm: algorithm, Covered: s.covered, PathBound: s.pathBound,
		SignedAt: s.signedAt, Expires: s.expires, Quirks: s.quirks, Base: s.base, Signature: s.signature,
	}
	if refusal != nil {
		return e, refusal
	}
	return e, nil
}

// examined is what an examination is given beside the message.
type examined struct {
	*Resolved
	at time.Time
}

func examine(p *Profile, s *sealed, body []byte, given examined) (Algorithm, *Error) {
	chain := given.Chain
	switch {
	case len(s.chain) == 0 && len(chain) == 0:
		return 0, reject(ReasonCertificateMissing, "for keyId %.200q", s.hint.KeyID)
	case len(s.chain) == 0:
		s.chain, s.file, s.resolved = chain, given.SHA256, true
	case len(chain) > 0 && !s.chain[0].Equal(chain[0]):
		return 0, reject(ReasonCertificateMismatch, "the message brings another certificate")
	}
	f, refusal := prove(p, s, given.at)
	if refusal != nil {
		return 0, refusal
	}
	return f.algorithm, s.checkBody(p, body)
}
