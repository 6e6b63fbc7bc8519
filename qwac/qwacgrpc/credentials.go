package qwacgrpc

import (
	"context"
	"errors"
	"fmt"
	"net"

	"google.golang.org/grpc/credentials"
)

// alpnProtocol is what gRPC must have agreed on (RFC 9113, 3.2).
const alpnProtocol = "h2"

// serverCredentials are grpc's own over a config of the Verifier. What they hand
// to grpc stays a credentials.TLSInfo, for interceptors of others.
type serverCredentials struct {
	credentials.TransportCredentials
	guard *guard
}

// ServerHandshake implements credentials.TransportCredentials. grpc recovers no
// panic, so one in a hook of the server's owner would end the process.
func (c *serverCredentials) ServerHandshake(raw net.Conn) (guarded net.Conn, auth credentials.AuthInfo, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("qwacgrpc: handshake panicked: %q", fmt.Sprint(p))
		}
		if err != nil {
			_ = raw.Close()
			guarded, auth = nil, nil
			c.guard.verifier.HandshakeFailed(err, raw.RemoteAddr())
		}
	}()
	inner, auth, err := c.TransportCredentials.ServerHandshake(raw)
	if err != nil {
		return nil, nil, err
	}
	info, ok := auth.(credentials.TLSInfo)
	// grpc can be told to do without (GRPC_ENFORCE_ALPN_ENABLED), and takes any
	// protocol that the config names.
	if !ok || info.State.NegotiatedProtocol != alpnProtocol {
		return nil, nil, fmt.Errorf("qwacgrpc: negotiated protocol is %q, not %q", info.State.NegotiatedProtocol, alpnProtocol)
	}
	conn := c.guard.connections.add(inner, raw, &info.State)
	if c.guard.verifier.Deferred() { // the handshake let everybody pass
		_, refusal := c.guard.verifier.Peer(context.Background(), info.State)
		conn.keep(refusal)
	}
	return conn, info, nil
}

// ClientHandshake implements credentials.TransportCredentials.
func (c *serverCredentials) ClientHandshake(context.Context, string, net.Conn) (net.Conn, credentials.AuthInfo, error) {
	return nil, nil, errors.New("qwacgrpc: the credentials of a server cannot dial")
}

// Clone implements credentials.TransportCredentials.
func (c *serverCredentials) Clone() credentials.TransportCredentials {
	return &serverCredentials{c.TransportCredentials.Clone(), c.guard}
}
