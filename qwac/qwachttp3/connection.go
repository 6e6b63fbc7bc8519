package qwachttp3

import (
	"net/http"
	"sync"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
)

// linger is how long a connection stays when its last answer was written.
// Closing it drops what the client has not received yet, and quic-go does not
// tell when it has: a few round trips with a lost packet among them. Who sends
// another request meanwhile is told to dial again.
const linger = time.Second

// connectionKey is the key of the connection in the context of its requests.
type connectionKey struct{}

// connection is what a QUIC connection needs in order to end when its requests
// have. It says nothing about the peer.
type connection struct {
	close   func()
	unknown *time.Timer // ends it, unless a request is let in; nil where nothing does

	mu       sync.Mutex
	requests int // under way
	retired  bool
}

func newConnection(end func()) *connection {
	return &connection{close: end, unknown: time.AfterFunc(maxUnknown, end)}
}

// known lets a connection live on which a request was let in.
func (c *connection) known() {
	if c.unknown != nil {
		c.unknown.Stop()
	}
}

// begin counts a request in, unless the connection is about to end.
func (c *connection) begin() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.retired {
		return false
	}
	c.requests++
	return true
}

// end counts a request out; the last one of a retired connection ends it.
func (c *connection) end() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.requests--
	if c.retired && c.requests == 0 {
		time.AfterFunc(linger, c.close)
	}
}

// retire takes no more requests in. It is called during a request.
func (c *connection) retire() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.retired = true
}

// retiring makes the header "Connection: close" of next what it means over TCP.
// As it is it would be a malformed response (RFC 9114, 4.2), which clients refuse.
func retiring(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		c, ok := r.Context().Value(connectionKey{}).(*connection)
		if !ok { // ConnContext was replaced: judged all the same, and not ended
			c = &connection{close: func() {}}
		}
		judged := &answer{ResponseWriter: w, connection: c}
		if !c.begin() {
			if !reject(w) { // not the writer of http3
				next.ServeHTTP(judged, r)
			}
			return
		}
		defer c.end()
		next.ServeHTTP(judged, r)
	})
}

// reject resets a request of which nothing was done. The client may send it
// again, on another connection (RFC 9114, 4.1.1).
func reject(w http.ResponseWriter) bool {
	taker, ok := w.(http3.HTTPStreamer)
	if !ok {
		return false
	}
	stream, err := taker.HTTPStream()
	if err != nil {
		return false
	}
	stream.CancelRead(quic.StreamErrorCode(http3.ErrCodeRequestRejected))
	stream.CancelWrite(quic.StreamErrorCode(http3.ErrCodeRequestRejected))
	return true
}

// answer is the ResponseWriter of qwac. The owner's handler gets the one of
// http3, which can do more.
type answer struct {
	http.ResponseWriter

	connection *connection
}

// Unwrap is for http.ResponseController.
func (a *answer) Unwrap() http.ResponseWriter { return a.ResponseWriter }

// WriteHeader retires the connection before the client has the answer, so that
// its next request is too late for certain.
func (a *answer) WriteHeader(status int) {
	if header := a.Header(); header.Get("Connection") == "close" {
		header.Del("Connection")
		a.connection.retire()
	}
	a.ResponseWriter.WriteHeader(status)
}

// unwrapped is for the requests that were let in. It hands next the ResponseWriter of http3.
func unwrapped(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if a, ok := w.(*answer); ok {
			a.connection.known()
			w = a.ResponseWriter
		}
		next.ServeHTTP(w, r)
	})
}
