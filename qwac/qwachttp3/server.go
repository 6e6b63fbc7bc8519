// Package qwachttp3 guards an HTTP/3 server with a [qwac.Verifier]: one call,
// [ConfigureServer], and the peers of QUIC are held to the same verdicts as those
// of TCP, at every handshake, full or resumed, and at every request. A handler
// learns who is calling from [qwac.FromContext].
//
// # Early data
//
// A request in 0-RTT data comes before its peer has proved anything and may be a
// replay of what somebody has recorded. A server has no 0-RTT: all that it could
// do with such a request is to answer 425 (RFC 8470, 5.2), and a client whose
// early data is refused, because its certificate was revoked and it has a new
// one, may see an error where otherwise its ticket is ignored and all goes well.
// Where a server listens past ConfigureServer, 425 is the answer, and no handler
// runs.
//
// # Ending a connection
//
// HTTP/3 has no Connection header. Where [qwac.Verifier.Handler] ends a
// connection, the answer is sent, requests that follow on the connection are
// reset with H3_REQUEST_REJECTED, which says that nothing was done and that they
// may be sent again (RFC 9114, 4.1.1), those under way are finished, and then the
// connection is closed. So the client dials again, with its new certificate if it
// has one. It would be GOAWAY if quic-go could send one on a single connection.
package qwachttp3

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"

	"github.com/seed-b953571c/eidas/qwac"
)

// What a peer may hold before the first verdict about a request, which comes when
// its header is there. http3 would take 1 MiB on each of 100 streams, and waits
// for it as long as the client sends PINGs.
const (
	maxHeader = 64 << 10
	// maxUnknown is for how long a connection lives on which no request was let
	// in. A verdict takes 2 seconds at most (qwac.Config.Timeout), the body of a
	// refused request 5.
	maxUnknown = 10 * time.Second
)

// ConfigureServer makes s a server of v: it puts a guarded copy of s.TLSConfig in
// its place (see [qwac.Verifier.ServerConfig]), wraps s.Handler (see
// [qwac.Verifier.Handler]; nil stands for http.DefaultServeMux) and
// s.ConnContext, and puts a copy of s.QUICConfig in its place, since http3 allows
// 0-RTT where there is none. Call it once, before the server serves, when all
// fields are set: a Handler that is set later fails every handshake.
//
// It refuses what it cannot make safe, and then leaves s as it was: what
// ServerConfig refuses; 0-RTT (in a config of QUICConfig.GetConfigForClient it
// refuses the connection); a TLSConfig without TLS 1.3, since QUIC has no other;
// and one without a certificate: ListenAndServeTLS, which would bring one,
// ignores TLSConfig and all its hooks. A connection that comes past TLSConfig in
// this or another way (ServeListener, ServeQUICConn) reaches no handler unless it
// has a client certificate that the Verifier lets in.
//
// It serves Config.Deferred as well. Handshakes that fail after the server's
// first flight are counted and logged as [qwac.Verifier.ConnState] does it; one
// that fails before (a session that is refused between two of its hooks, no
// common protocol) shows in the verdicts alone.
//
// It bounds what a stranger can hold: s.MaxHeaderBytes is 64 KiB where it is not
// set, and a connection ends with H3_NO_ERROR when no request on it was let in for
// 10 seconds from its beginning, so keep qwac.Config.Timeout well below that. What a TPP that was let in holds is bounded by
// MaxHeaderBytes and the QUICConfig, for as long as its connection lives. A
// ConnContext that is set after ConfigureServer leaves the connections without it.
//
// A ConnContext of s is called before the peer has proved its key.
//
// quic-go takes no more than 16 KiB of handshake, so chains are bounded by some
// 14 KiB, which over TCP may have 32 KiB.
func ConfigureServer(v *qwac.Verifier, s *http3.Server) error {
	if err := check(v, s); err != nil {
		return err
	}
	transport, err := withoutEarlyData(s.QUICConfig)
	if err != nil {
		return err
	}
	handler, connContext := s.Handler, s.ConnContext
	if handler == nil {
		handler = http.DefaultServeMux
	}
	front := &frontHandler{retiring(v.Handler(unwrapped(handler)))}
	// Deferred is safe here: every request goes through front.
	config, err := v.UnsafeDeferredConfig(s.TLSConfig, func() error {
		if s.Handler != http.Handler(front) {
			return errReplaced
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("qwachttp3: %w", err)
	}
	s.TLSConfig = config
	s.Handler = front
	s.ConnContext = func(ctx context.Context, c *quic.Conn) context.Context {
		reportFailure(v, c)
		if connContext != nil {
			ctx = connContext(ctx, c)
		}
		return context.WithValue(ctx, connectionKey{}, newConnection(closer(c)))
	}
	s.QUICConfig = transport
	if s.MaxHeaderBytes <= 0 {
		s.MaxHeaderBytes = maxHeader
	}
	return nil
}

// frontHandler is the Handler that ConfigureServer sets: a pointer, which can be
// recognised.
type frontHandler struct{ http.Handler }

// errReplaced: the handler would be reached past the Verifier, with Config.Deferred
// by anybody.
var errReplaced = errors.New("qwachttp3: http3.Server.Handler was set after ConfigureServer; set it, and what wraps it, before")

var errEarlyData = errors.New("qwachttp3: QUICConfig has Allow0RTT; the peer of a request in early data has not proved its key, so it could only be refused")

// withoutEarlyData returns a copy of c, which may be nil, that has no 0-RTT.
func withoutEarlyData(c *quic.Config) (*quic.Config, error) {
	if c == nil {
		return &quic.Config{}, nil
	}
	if c.Allow0RTT {
		return nil, errEarlyData
	}
	c = c.Clone()
	if forClient := c.GetConfigForClient; forClient != nil {
		c.GetConfigForClient = func(info *quic.ClientInfo) (*quic.Config, error) {
			config, err := forClient(info)
			if err != nil {
				return nil, err
			}
			return withoutEarlyData(config)
		}
	}
	return c, nil
}

// check refuses what cannot be served, or not with the guarded config.
func check(v *qwac.Verifier, s *http3.Server) error {
	switch {
	case v == nil:
		return errors.New("qwachttp3: verifier is nil")
	case s == nil:
		return errors.New("qwachttp3: server is nil")
	case s.TLSConfig == nil:
		return errors.New("qwachttp3: server has no TLSConfig; ListenAndServeTLS makes one that asks for no client certificate")
	case s.TLSConfig.MaxVersion != 0 && s.TLSConfig.MaxVersion < tls.VersionTLS13:
		return fmt.Errorf("qwachttp3: TLSConfig has MaxVersion %s; QUIC needs TLS 1.3 (RFC 9001, 4.2)", tls.VersionName(s.TLSConfig.MaxVersion))
	case len(s.TLSConfig.Certificates) == 0 && s.TLSConfig.GetCertificate == nil && s.TLSConfig.GetConfigForClient == nil:
		return errors.New("qwachttp3: TLSConfig has no certificate; ListenAndServeTLS brings one but ignores TLSConfig and its hooks")
	}
	return nil
}

// reportFailure counts the handshake of c if it fails. http3 has no ConnState.
func reportFailure(v *qwac.Verifier, c *quic.Conn) {
	ctx := c.Context()
	context.AfterFunc(ctx, func() {
		select {
		case <-c.HandshakeComplete():
		default:
			v.HandshakeFailed(context.Cause(ctx), c.RemoteAddr()) //nolint:contextcheck // that of the connection has ended
		}
	})
}

func closer(c *quic.Conn) func() {
	return func() { _ = c.CloseWithError(quic.ApplicationErrorCode(http3.ErrCodeNoError), "") }
}
