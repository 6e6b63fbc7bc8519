package main

import (
	"context"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/qwac"
)

// guard judges calls. The handshake was judged by the hooks; a connection may be
// open for days after it.
type guard struct{ verifier *qwac.Verifier }

type callerKey struct{}

// fromContext returns who is calling.
func fromContext(ctx context.Context) (*eidas.Result, bool) {
	r, ok := ctx.Value(callerKey{}).(*eidas.Result)
	return r, ok
}

// identify says who is behind a call. The error is a status.
func (g guard) identify(ctx context.Context) (*eidas.Result, error) {
	p, ok := peer.FromContext(ctx)
	if !ok {
		return nil, status.Error(codes.Unauthenticated, "no peer")
	}
	info, ok := p.AuthInfo.(credentials.TLSInfo)
	if !ok {
		return nil, status.Error(codes.Unauthenticated, "not over TLS")
	}
	tpp, err := g.verifier.Peer(ctx, info.State)
	if err != nil {
		return nil, statusOf(eidas.ReasonOf(err))
	}
	return tpp, nil
}

// statusOf says the reason of a refusal, not the detail: that may speak of our
// network.
func statusOf(reason eidas.Reason) error {
	code := codes.Unavailable
	switch reason { //nolint:exhaustive // the others go by their cause
	case eidas.ReasonRoleMissing, eidas.ReasonIdentityDenied, eidas.ReasonCountryDenied, eidas.ReasonAuthorityDenied, eidas.ReasonNotAuthorized:
		code = codes.PermissionDenied
	default:
		if reason.Cause() == eidas.CauseTPP {
			code = codes.Unauthenticated
		}
	}
	return status.Error(code, reason.String())
}

func (g guard) unary(ctx context.Context, in any, _ *grpc.UnaryServerInfo, next grpc.UnaryHandler) (any, error) {
	tpp, err := g.identify(ctx)
	if err != nil {
		return nil, err
	}
	return next(context.WithValue(ctx, callerKey{}, tpp), in)
}

func (g guard) stream(srv any, ss grpc.ServerStream, _ *grpc.StreamServerInfo, next grpc.StreamHandler) error {
	tpp, err := g.identify(ss.Context())
	if err != nil {
		return err
	}
	return next(srv, &guardedStream{ss, g, context.WithValue(ss.Context(), callerKey{}, tpp)})
}

// guardedStream judges the peer again at each message, either way: a stream may
// outlive a certificate.
type guardedStream struct {
	grpc.ServerStream
	guard guard
	ctx   context.Context //nolint:containedctx // grpc.ServerStream has it so
}

func (s *guardedStream) Context() context.Context { return s.ctx }

func (s *guardedStream) RecvMsg(m any) error {
	if err := s.ServerStream.RecvMsg(m); err != nil {
		return err
	}
	_, err := s.guard.identify(s.ctx)
	return err
}

func (s *guardedStream) SendMsg(m any) error {
	if _, err := s.guard.identify(s.ctx); err != nil {
		return err
	}
	return s.ServerStream.SendMsg(m)
}
