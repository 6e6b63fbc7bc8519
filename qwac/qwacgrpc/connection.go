package qwacgrpc

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"net"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"syscall"
	"weak"
)

// connections finds the connection of a call. grpc gives an interceptor the
// credentials.TLSInfo of the handshake and no more, so the array that holds the
// certificates in there, one for each connection, stands for it.
type connections struct {
	mu   sync.RWMutex // each call reads
	byID map[connectionID]weak.Pointer[connection]
}

type connectionID = **x509.Certificate

func newConnections() *connections {
	return &connections{byID: make(map[connectionID]weak.Pointer[connection])}
}

// add wraps a connection whose handshake is complete, and marks its state. grpc
// does not close the wrapped one where it fails early, so what nobody holds any
// more is forgotten by the garbage collector.
func (m *connections) add(inner, raw net.Conn, cs *tls.ConnectionState) *connection {
	// An array of its own, also for nobody: with Config.Deferred there may be none.
	cs.PeerCertificates = append(make([]*x509.Certificate, 0, len(cs.PeerCertificates)+1), cs.PeerCertificates...)
	id := idOf(cs)
	c := &connection{Conn: inner, raw: raw}
	m.mu.Lock()
	m.byID[id] = weak.Make(c)
	m.mu.Unlock()
	runtime.AddCleanup(c, m.forget, id)
	return c
}

func (m *connections) forget(id connectionID) {
	m.mu.Lock()
	defer m.mu.Unlock()
	delete(m.byID, id)
}

// of returns the connection of a handshake, nil when it is not one of ours.
func (m *connections) of(cs *tls.ConnectionState) *connection {
	id := idOf(cs)
	if id == nil {
		return nil
	}
	m.mu.RLock()
	defer m.mu.RUnlock()
	return m.byID[id].Value()
}

func idOf(cs *tls.ConnectionState) connectionID {
	if cs == nil || cap(cs.PeerCertificates) == 0 {
		return nil
	}
	return &cs.PeerCertificates[:1][0]
}

// connection is a server's connection that can send the client away.
type connection struct {
	net.Conn
	raw     net.Conn
	leaves  atomic.Bool
	refusal atomic.Pointer[error] // the status of every call from now on, nil for none

	mu     sync.Mutex // guards the following
	frames frames
	told   bool // GOAWAY was sent, by us or by grpc
}

// goAway is a GOAWAY frame (RFC 9113, 6.8) with NO_ERROR and the highest stream:
// no call under way is cut, and the client makes no other one here.
const goAway = "\x00\x00\x08" + "\x07" + "\x00" + "\x00\x00\x00\x00" + "\x7f\xff\xff\xff" + "\x00\x00\x00\x00"

// leave has the client told to go before anything else is. It may be nil.
func (c *connection) leave() {
	if c != nil {
		c.leaves.Store(true)
	}
}

// refused returns the status of a connection whose peer was refused. It may be nil.
func (c *connection) refused() error {
	if c == nil {
		return nil
	}
	if refusal := c.refusal.Load(); refusal != nil {
		return *refusal
	}
	return nil
}

// keep keeps a verdict about the peer for the calls to come, where dialling again
// may change it and waiting does not. c may be nil, and err.
func (c *connection) keep(err error) {
	if c != nil && endsConnection(err) {
		refusal := statusOf(err)
		c.refusal.Store(&refusal)
	}
}

// Write implements net.Conn. The refusal that follows leave is a frame of its own,
// so GOAWAY goes before it at the latest, and nothing needs to be written out of turn.
func (c *connection) Write(p []byte) (int, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	at := c.place(p)
	if at < 0 {
		return c.Conn.Write(p)
	}
	n, err := c.Conn.Write(slices.Concat(p[:at], []byte(goAway), p[at:]))
	return min(n, len(p)), err
}

// place follows the frames in p and says where GOAWAY goes, -1 for nowhere.
func (c *connection) place(p []byte) int {
	at := -1
	for i := 0; ; {
		if c.frames.between() && !c.told && c.leaves.Load() {
			at, c.told = i, true
		}
		if i == len(p) {
			return at
		}
		i += c.frames.take(p[i:])
		// After grpc's own, which may name a lower stream, ours would be an error
		// (RFC 9113, 6.8: the stream must not increase).
		c.told = c.told || c.frames.between() && c.frames.kind == kindGoAway
	}
}

// SyscallConn implements syscall.Conn, with which grpc reads the options of a socket.
func (c *connection) SyscallConn() (syscall.RawConn, error) {
	if raw, ok := c.raw.(syscall.Conn); ok {
		return raw.SyscallConn()
	}
	return nil, errors.ErrUnsupported
}

const (
	frameHeader      = 9 // RFC 9113, 4.1
	frameLength      = 3 // the first bytes of it
	kindGoAway  byte = 7 // the fourth (RFC 9113, 6.8)
)

// frames follows the frames of HTTP/2 in what is written.
type frames struct {
	seen int  // bytes of the header of the frame
	rest int  // bytes of its payload to come
	kind byte // of the latest frame
}

// between reports whether the next byte begins a frame.
func (f *frames) between() bool { return f.seen == 0 }

// take takes the bytes up to the end of a frame, or all, and returns their number.
func (f *frames) take(p []byte) int {
	n := 0
	for ; n < len(p) && f.seen < frameHeader; n++ {
		switch {
		case f.seen < frameLength:
			f.rest = f.rest<<8 | int(p[n])
		case f.seen == frameLength:
			f.kind = p[n]
		}
		f.seen++
	}
	if f.seen < frameHeader {
		return n
	}
	payload := min(f.rest, len(p)-n)
	if f.rest -= payload; f.rest == 0 {
		f.seen = 0
	}
	return n + payload
}
