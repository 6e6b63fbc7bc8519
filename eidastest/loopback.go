package eidastest

import (
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Under these the responders and the CRLs are served.
const (
	ocspPath = "/ocsp/"
	crlPath  = "/crl/"
)

// headerTimeout ends connections that never send a request.
const headerTimeout = 10 * time.Second

// loopback serves the responders and CRLs of a world on the loopback interface. It does
// not come from net/http/httptest, which registers a flag in every program that
// links it.
type loopback struct {
	server *http.Server
	url    string

	mu       sync.RWMutex
	handlers map[string]http.Handler // by the two segments of the path that name one
}

func startLoopback() (*loopback, error) {
	l := &loopback{handlers: map[string]http.Handler{}}
	listener, err := listenLoopback()
	if err != nil {
		return nil, err
	}
	l.url = "http://" + listener.Addr().String()
	l.server = &http.Server{Handler: l, ReadHeaderTimeout: headerTimeout, ErrorLog: quiet()}
	go func() { _ = l.server.Serve(listener) }()
	return l, nil
}

func listenLoopback() (net.Listener, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0") //nolint:noctx // bound at once
	if err != nil {
		return nil, fmt.Errorf("eidastest: %w", err)
	}
	return listener, nil
}

// quiet is a log that drops what is expected in tests: refused handshakes.
func quiet() *log.Logger { return log.New(io.Discard, "", 0) } //nolint:forbidigo // net/http takes no other type

func (l *loopback) close() { _ = l.server.Close() }

// register serves h under a path of two segments and returns its URL.
func (l *loopback) register(path string, h http.Handler) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.handlers[path] = h
	return l.url + path
}

func (l *loopback) count() int {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return len(l.handlers)
}

// ServeHTTP does not use http.ServeMux, which redirects a path with two slashes
// in a row: the base64 of a request can hold them.
func (l *loopback) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	path := r.URL.EscapedPath()
	if parts := strings.SplitN(path, "/", 4); len(parts) > 3 {
		path = strings.Join(parts[:3], "/")
	}
	l.mu.RLock()
	h := l.handlers[path]
	l.mu.RUnlock()
	if h == nil {
		http.NotFound(w, r)
		return
	}
	h.ServeHTTP(w, r)
}
