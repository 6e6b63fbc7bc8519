package sealtest

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
)

// The frames of HTTP/2 (RFC 9113, 6) that one request needs.
const (
	frameData     = 0
	frameHeaders  = 1
	frameReset    = 3
	frameSettings = 4
	frameGoAway   = 7

	flagEndStream  = 1
	flagAck        = 1
	flagEndHeaders = 4

	frameHead = 9
	maxFrame  = 16 << 10
)

// exchange2 sends the message in frames. net/http sends no Host beside
// :authority and no value that it thinks wrong, and this is to send them.
func exchange2(conn net.Conn, m *Message) (int, []byte, error) {
	out := []byte("PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
	out = appendFrame(out, frame{kind: frameSettings})
	block := appendLiteral(nil, ":method", m.Method)
	block = appendLiteral(block, ":scheme", "https")
	block = appendLiteral(block, ":path", m.Target)
	if m.Authority != "" {
		block = appendLiteral(block, ":authority", m.Authority)
	}
	for _, l := range m.Lines {
		block = appendLiteral(block, strings.ToLower(l.Name), l.Value)
	}
	if len(block) > maxFrame {
		return 0, nil, errors.New("sealtest: header is too long for a frame")
	}
	head := frame{kind: frameHeaders, flags: flagEndHeaders, stream: 1, payload: block}
	if len(m.Body) == 0 {
		head.flags |= flagEndStream
	}
	out = appendFrame(out, head)
	for rest := m.Body; len(rest) > 0; {
		part := rest[:min(len(rest), maxFrame)]
		rest = rest[len(part):]
		f := frame{kind: frameData, stream: 1, payload: part}
		if len(rest) == 0 {
			f.flags = flagEndStream
		}
		out = appendFrame(out, f)
	}
	go func() { _, _ = conn.Write(out) }()
	return readAnswer(conn)
}

type frame struct {
	kind, flags byte
	stream      uint32
	payload     []byte
}

func appendFrame(b []byte, f frame) []byte {
	n := len(f.payload)
	b = append(b, byte(n>>16), byte(n>>8), byte(n), f.kind, f.flags) //nolint:gosec // cut into octets
	return append(binary.BigEndian.AppendUint32(b, f.stream), f.payload...)
}

// appendLiteral writes a field as a literal that is not indexed (RFC 7541, 6.2.2).
func appendLiteral(b []byte, name, value string) []byte {
	b = append(b, 0)
	for _, s := range []string{name, value} {
		b = append(appendLength(b, len(s)), s...)
	}
	return b
}

// appendLength writes an integer with a prefix of 7 bits (RFC 7541, 5.1).
func appendLength(b []byte, n int) []byte {
	const full = 1<<7 - 1
	if n < full {
		return append(b, byte(n)) //nolint:gosec // below 127
	}
	b = append(b, full)
	for n -= full; n >= 1<<7; n >>= 7 {
		b = append(b, byte(n)|1<<7)
	}
	return append(b, byte(n))
}

// readAnswer reads frames until the stream ends.
func readAnswer(conn net.Conn) (status int, body []byte, err error) {
	from := bufio.NewReader(io.LimitReader(conn, maxAnswer))
	for {
		f, err := readFrame(from)
		if err != nil {
			return 0, nil, err
		}
		switch {
		case f.kind == frameReset, f.kind == frameGoAway:
			return 0, nil, errNoAnswer
		case f.stream != 1:
			continue
		case f.kind == frameHeaders:
			if status, err = statusOf(f.payload); err != nil {
				return 0, nil, err
			}
		case f.kind == frameData:
			body = append(body, f.payload...)
		}
		if f.flags&flagEndStream != 0 && (f.kind == frameHeaders || f.kind == frameData) {
			return status, body, nil
		}
	}
}

func readFrame(from io.Reader) (*frame, error) {
	head := make([]byte, frameHead)
	if _, err := io.ReadFull(from, head); err != nil {
		return nil, err
	}
	n := int(head[0])<<16 | int(head[1])<<8 | int(head[2])
	if n > maxFrame {
		return nil, fmt.Errorf("sealtest: frame of %d bytes", n)
	}
	f := &frame{kind: head[3], flags: head[4], stream: binary.BigEndian.Uint32(head[5:]), payload: make([]byte, n)}
	_, err := io.ReadFull(from, f.payload)
	return f, err
}

// statusOf reads :status, which is the first field of a response: an entry of the
// static table, or a literal that is indexed and has the name of one (RFC 7541, 6.1
// and 6.2.1).
func statusOf(block []byte) (int, error) {
	const digits = 3
	known := map[byte]int{0x88: 200, 0x89: 204, 0x8a: 206, 0x8b: 304, 0x8c: 400, 0x8d: 404, 0x8e: 500}
	if len(block) == 0 {
		return 0, errNoAnswer
	}
	if status, found := known[block[0]]; found {
		return status, nil
	}
	if len(block) < 3 || block[0] < 0x48 || block[0] > 0x4e {
		return 0, fmt.Errorf("sealtest: answer begins with %x", block[:1])
	}
	n := int(block[1] & 0x7f)
	if len(block) < 2+n {
		return 0, errNoAnswer
	}
	text := block[2 : 2+n]
	if block[1]&0x80 != 0 {
		text = huffmanDigits(text, digits)
	}
	if len(text) != digits {
		return 0, fmt.Errorf("sealtest: status %q", text)
	}
	return int(text[0]-'0')*100 + int(text[1]-'0')*10 + int(text[2]-'0'), nil
}

// huffmanDigits decodes decimal digits (RFC 7541, appendix B): 0 to 2 have five
// bits, 3 to 9 have six.
func huffmanDigits(b []byte, n int) []byte {
	var bits uint64
	size := 0
	for _, c := range b {
		bits, size = bits<<8|uint64(c), size+8
	}
	var out []byte
	for len(out) < n && size >= 5 {
		if five := bits >> (size - 5) & 0x1f; five <= 2 {
			out, size = append(out, '0'+byte(five)), size-5
			continue
		}
		if size < 6 {
			break
		}
		out, size = append(out, '3'+byte(bits>>(size-6)&0x3f-0x19)), size-6
	}
	return out
}
