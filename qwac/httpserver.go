package qwac

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"

	"github.com/seed-b953571c/eidas"
)

// unencryptedHTTP2 is what x/net's http2.ConfigureServer sets beside "h2". Both
// give their requests to Handler, which lets in nobody without TLS.
const unencryptedHTTP2 = "unencrypted_http2"

// ConfigureServer makes s a server of this Verifier in one call: it puts a
// guarded copy of s.TLSConfig in its place (see [Verifier.ServerConfig]), wraps
// s.Handler (see [Verifier.Handler]; nil stands for http.DefaultServeMux) and
// s.ConnState (see [Verifier.ConnState]), and sets
// s.DisableGeneralOptionsHandler, so that no request is answered before
// Handler. Call it once, before the server serves, when all fields are set: a
// second call is an error, and a Handler that is set later, be it one around that
// of ConfigureServer, fails every handshake.
//
// It refuses what it cannot make safe, and then leaves s as it was: what
// ServerConfig refuses, and a TLSNextProto with other protocols than HTTP/2, which
// would take connections past Handler.
//
// It sets no timeouts; a server on the Internet needs ReadHeaderTimeout, which
// also ends a handshake that the client does not go on with.
func (v *Verifier) ConfigureServer(s *http.Server) error {
	if s == nil {
		return errors.New("qwac: server is nil")
	}
	for protocol, take := range s.TLSNextProto {
		if take != nil && protocol != "h2" && protocol != unencryptedHTTP2 {
			return fmt.Errorf("qwac: TLSNextProto[%q] would take connections past Handler", protocol)
		}
	}
	base := s.TLSConfig
	if base == nil {
		base = &tls.Config{MinVersion: tls.VersionTLS12}
	}
	handler, connState := s.Handler, s.ConnState
	if handler == nil {
		handler = http.DefaultServeMux
	}
	front := &frontHandler{v.Handler(handler)}
	config, err := v.UnsafeDeferredConfig(base, func() error {
		if s.Handler != http.Handler(front) {
			return errReplaced
		}
		return nil
	})
	if err != nil {
		return err
	}
	s.TLSConfig = config
	s.Handler = front
	s.DisableGeneralOptionsHandler = true
	s.ConnState = func(c net.Conn, state http.ConnState) {
		v.ConnState(c, state)
		if connState != nil {
			connState(c, state)
		}
	}
	return nil
}

// frontHandler is the Handler that ConfigureServer sets: a pointer, which can be
// recognised.
type frontHandler struct{ http.Handler }

// errReplaced: the handler would be reached past the Verifier, with Config.Deferred
// by anybody.
var errReplaced = errors.New("qwac: http.Server.Handler was set after ConfigureServer; set it, and what wraps it, before")

// ConnState is a hook for http.Server.ConnState. It counts the handshakes that
// failed by their reason, also those that crypto/tls refuses itself: a client
// without a certificate, one with a certificate that cannot be parsed, and one
// that has a certificate but not its key.
func (v *Verifier) ConnState(c net.Conn, state http.ConnState) {
	conn, ok := c.(*tls.Conn)
	if !ok || state != http.StateClosed || conn.ConnectionState().HandshakeComplete {
		return
	}
	err := conn.HandshakeContext(context.Background()) // returns the error of the handshake again
	v.HandshakeFailed(err, conn.RemoteAddr())
}

// HandshakeFailed counts a handshake that failed by its reason, as ConnState
// does, for servers that are not net/http. err is the error of the handshake,
// which may be wrapped; nil is no failure and not counted. remote is for the log
// and may be nil. It is safe for concurrent use.
func (v *Verifier) HandshakeFailed(err error, remote net.Addr) {
	if err == nil {
		return
	}
	reason := failureOf(err)
	v.metrics.handshakeFailed(reason)
	if _, reported := errors.AsType[*eidas.Error](err); reported || reason == failedOther {
		return // by the hook that refused; or no verdict
	}
	attrs := []slog.Attr{slog.String("event", "handshake"), slog.String("reason", reason)}
	if remote != nil {
		attrs = append(attrs, slog.String("remote", remote.String()))
	}
	v.logger.LogAttrs(context.Background(), slog.LevelInfo, "handshake failed", attrs...)
}

// What a handshake fails for besides the reasons of package eidas. Together
// they are the closed set of a metric label.
const (
	failedUnproved = "key_not_proved" // the client does not hold the key of its certificate
	failedOther    = "other"          // no verdict about a certificate: scans, hang-ups, versions
)

func failureOf(err error) string {
	if refusal, ok := Refusal(err); ok {
		return reasonLabel(refusal.Reason)
	}
	if isUnproved(err) {
		return failedUnproved
	}
	return failedOther
}
