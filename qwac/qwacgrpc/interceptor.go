package qwacgrpc

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"sync/atomic"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/metadata"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/grpc/tap"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/qwac"
)

// guard judges the calls of a server. It is immutable but for its connections.
type guard struct {
	verifier    *qwac.Verifier
	authorizers map[string]eidas.Authorizer // nil asks nothing
	connections *connections
	credentials *serverCredentials
}

// tap refuses the calls of a peer that was refused before, at the latest call or,
// with qwac.Config.Deferred, at the handshake. grpc holds a whole message before an
// interceptor is asked, and asks this before it reads any. It runs on the reader of
// the connection, so it waits for no verdict.
func (g *guard) tap(ctx context.Context, _ *tap.Info) (context.Context, error) {
	c := g.connections.of(stateOf(ctx))
	refusal := c.refused()
	if refusal != nil {
		c.leave()
	}
	return ctx, refusal
}

func (g *guard) unary(ctx context.Context, in any, info *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	ctx, err := g.callOf(ctx, info.FullMethod).admit(ctx)
	if err != nil {
		return nil, err
	}
	return next(ctx, in)
}

func (g *guard) stream(srv any, ss grpc.ServerStream, info *grpc.StreamServerInfo, next grpc.StreamHandler) error {
	c := g.callOf(ss.Context(), info.FullMethod)
	ctx, err := c.admit(ss.Context())
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	s := &guardedStream{ServerStream: ss, call: c, ctx: ctx, cancel: cancel}
	err = next(srv, s)
	if refusal := s.refusal.Load(); refusal != nil {
		return *refusal // whatever the handler made of it
	}
	return err
}

// call is one call, unary or a stream.
type call struct {
	guard     *guard
	method    string
	authority string
	state     *tls.ConnectionState // nil without TLS
}

func (g *guard) callOf(ctx context.Context, method string) call {
	c := call{guard: g, method: method, state: stateOf(ctx)}
	// grpc refuses a call with several, and takes Host for one that has none.
	if values := metadata.ValueFromIncomingContext(ctx, ":authority"); len(values) == 1 {
		c.authority = values[0]
	}
	return c
}

// stateOf returns the handshake of a call, nil without TLS. It is not of the
// Verifier's credentials, perhaps: Admit judges what is there.
func stateOf(ctx context.Context) *tls.ConnectionState {
	if p, ok := peer.FromContext(ctx); ok {
		if info, ok := p.AuthInfo.(credentials.TLSInfo); ok {
			return &info.State
		}
	}
	return nil
}

// admit judges a call. An error is a status.
func (c call) admit(ctx context.Context) (context.Context, error) {
	ctx, err := c.guard.verifier.Admit(ctx, c.state, c.authority)
	if err != nil {
		return ctx, c.refusePeer(err)
	}
	tpp, _ := qwac.FromContext(ctx)
	if err := c.authorize(ctx, tpp); err != nil {
		return ctx, c.refuse(err)
	}
	return ctx, nil
}

// again judges a call that was let in, as it goes on. An error is a status.
func (c call) again(ctx context.Context) error {
	if c.state == nil { // let in by a Validator that asks for no certificate
		return c.refuse(qwac.ErrEarly)
	}
	tpp, err := c.guard.verifier.Peer(ctx, *c.state)
	if err != nil {
		return c.refusePeer(err)
	}
	if err := c.authorize(ctx, tpp); err != nil {
		return c.refuse(err)
	}
	return nil
}

// authorize asks who may call this method.
func (c call) authorize(ctx context.Context, tpp *eidas.Result) error {
	if c.guard.authorizers == nil {
		return nil
	}
	authorizer, ok := c.guard.authorizers[c.method]
	if !ok {
		service, _, _ := splitMethod(c.method)
		authorizer, ok = c.guard.authorizers[service]
	}
	if !ok {
		authorizer = nobody
	}
	return c.guard.verifier.Authorize(ctx, tpp, authorizer)
}

// errClosed is the server's doing, whatever the TPP: no certificate opens it.
var errClosed = errors.New("no authorizer for this method")

// nobody is the authorizer of what Config.Authorizers forgot.
func nobody(*eidas.Evidence) error {
	return fmt.Errorf("%w: %w", eidas.ReasonNotAuthorized, errClosed)
}

// unknown answers calls of methods that the server does not have, which grpc
// else does before any interceptor, so that a stranger could ask which it has.
func unknown(any, grpc.ServerStream) error {
	return status.Error(codes.Unimplemented, "unknown service or method")
}

// refusePeer refuses a call for what holds for all of its connection.
func (c call) refusePeer(err error) error {
	c.guard.connections.of(c.state).keep(err)
	return c.refuse(err)
}

func (c call) refuse(err error) error {
	if endsConnection(err) {
		c.guard.connections.of(c.state).leave()
	}
	return statusOf(err)
}

// guardedStream judges the peer again at each message, either way: a stream may
// outlive a certificate. What is refused once stays refused.
type guardedStream struct {
	grpc.ServerStream
	call    call
	ctx     context.Context //nolint:containedctx // grpc.ServerStream has it so
	cancel  context.CancelCauseFunc
	refusal atomic.Pointer[error] // a status
}

// Context ends when the stream is refused, so that a handler that waits for
// something else ends too.
func (s *guardedStream) Context() context.Context { return s.ctx }

func (s *guardedStream) RecvMsg(m any) error {
	err := s.ServerStream.RecvMsg(m)
	if err != nil && !errors.Is(err, io.EOF) {
		return err
	}
	// At the end of what the client sends too: it is a handler's sign to act.
	if refusal := s.judge(); refusal != nil {
		return refusal
	}
	return err
}

func (s *guardedStream) SendMsg(m any) error {
	if refusal := s.judge(); refusal != nil {
		return refusal
	}
	return s.ServerStream.SendMsg(m)
}

func (s *guardedStream) judge() error {
	if refusal := s.refusal.Load(); refusal != nil {
		return *refusal
	}
	err := s.call.again(s.ctx)
	if err == nil {
		return nil
	}
	s.refusal.CompareAndSwap(nil, &err) // sending and receiving may both be refused
	s.cancel(err)
	return *s.refusal.Load()
}
