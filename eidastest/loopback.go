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

// ocspPath is under which the responders are served.
const ocspPath = "/ocsp/"

// headerTimeout ends connections that never send a request.
const headerTimeout = 10 * time.Second

// loopback serves the responders of a world on the loopback interface. It does
// not come from net/http/httptest, which registers a flag in every program that
// links it.
type loopback struct {
	server *http.Server
	url    string

	mu         sync.RWMutex
	responders map[string]*Responder
}

func startLoopback() (*loopback, error) {
	l := &loopback{responders: map[string]*Responder{}}
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

func (l *loopback) register(slug string, r *Responder) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.responders[slug] = r
	return l.url + ocspPath + slug
}

func (l *loopback) count() int {
	l.mu.RLock()
	defer l.mu.RUnlock()
	return len(l.responders)
}

// ServeHTTP does not use http.ServeMux, which redirects a path with two slashes
// in a row: the base64 of a request can hold them.
func (l *loopback) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	rest, _ := strings.CutPrefix(r.URL.EscapedPath(), ocspPath)
	slug, _, _ := strings.Cut(rest, "/")
	l.mu.RLock()
	responder := l.responders[slug]
	l.mu.RUnlock()
	if responder == nil {
		http.NotFound(w, r)
		return
	}
	responder.ServeHTTP(w, r)
}
