package qwacgrpc

import (
	"crypto/tls"
	"errors"
	"fmt"
	"maps"
	"strings"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/qwac"
)

// Config says how a server is guarded.
type Config struct {
	// Verifier judges. Required. Its ErrorFormat is for HTTP and does nothing here.
	Verifier *qwac.Verifier
	// TLS is the server's own configuration, with its certificate; it is not
	// changed. Required. See qwac.Verifier.ServerConfig for what is refused.
	TLS *tls.Config
	// Authorizers say who may call what, beyond the policy, which holds for every
	// call. A key is a whole service, "/bank.v1.Accounts/", or one method,
	// "/bank.v1.Payments/Create"; a service has either one for itself or some for
	// its methods. With any entry all that has none is refused, so that a slip in
	// a name opens nothing: give eidas.AllowAnyone to what the policy is enough
	// for, health checks say. Nil asks nothing beyond the policy.
	Authorizers map[string]eidas.Authorizer
}

// What a peer may hold before the first verdict about a call. grpc calls no
// interceptor before the whole message is there, so that with
// qwac.Config.Deferred anybody, and without it a TPP whose certificate was
// revoked since the handshake, could begin calls without number (grpc's default)
// and finish none, each with 16 MiB of metadata (its default).
const (
	maxCalls     = 100
	maxMetadata  = 64 << 10
	maxHandshake = 10 * time.Second // grpc's default are 2 minutes
)

// ServerOptions returns what makes a grpc.Server one of the Verifier: the
// credentials, the first interceptors, and bounds on what a stranger can hold: a
// handshake takes at most 10 seconds, a connection has at most 100 calls at once,
// a call at most 64 KiB of metadata. Methods that the server does not have are
// refused like others, and unimplemented to those who are let in. Another bound or
// grpc.UnknownServiceHandler of yours, given later, wins. Give your own
// interceptors to grpc.ChainUnaryInterceptor and grpc.ChainStreamInterceptor; grpc
// panics at a second grpc.UnaryInterceptor. Do not give other credentials after
// these, nor a grpc.InTapHandle: grpc panics at a second one.
//
// The tap handle refuses the calls of a peer that was refused before, with
// qwac.Config.Deferred at the handshake already, so that no message of theirs is
// held. What a TPP that was let in holds before the first verdict about a call is
// bounded by grpc.MaxRecvMsgSize (grpc's default are 4 MiB) for each of its calls;
// so is what a peer holds whose status could not be learned at the handshake.
// Calls that the tap handle refuses are in no metric of requests; the verdict that
// they repeat is in that of verdicts.
//
// It refuses a configuration that it cannot make safe, and names the field.
func ServerOptions(c Config) ([]grpc.ServerOption, error) {
	g, err := newGuard(c)
	if err != nil {
		return nil, err
	}
	return []grpc.ServerOption{
		grpc.Creds(g.credentials), grpc.UnaryInterceptor(g.unary), grpc.StreamInterceptor(g.stream),
		grpc.UnknownServiceHandler(unknown), grpc.InTapHandle(g.tap),
		grpc.MaxConcurrentStreams(maxCalls), grpc.MaxHeaderListSize(maxMetadata), grpc.ConnectionTimeout(maxHandshake),
	}, nil
}

func newGuard(c Config) (*guard, error) {
	switch {
	case c.Verifier == nil:
		return nil, errors.New("qwacgrpc: Config.Verifier is required")
	case c.TLS == nil:
		return nil, errors.New("qwacgrpc: Config.TLS is required")
	case len(c.TLS.Certificates) == 0 && c.TLS.GetCertificate == nil && c.TLS.GetConfigForClient == nil:
		return nil, errors.New("qwacgrpc: Config.TLS has no certificate")
	}
	if err := checkAuthorizers(c.Authorizers); err != nil {
		return nil, err
	}
	// The interceptors put every call through Admit.
	config, err := c.Verifier.UnsafeDeferredConfig(c.TLS, nil)
	if err != nil {
		return nil, fmt.Errorf("qwacgrpc: Config.TLS: %w", err)
	}
	g := &guard{verifier: c.Verifier, authorizers: maps.Clone(c.Authorizers), connections: newConnections()}
	g.credentials = &serverCredentials{credentials.NewTLS(config), g}
	return g, nil
}

func checkAuthorizers(authorizers map[string]eidas.Authorizer) error {
	for key, authorizer := range authorizers {
		service, method, ok := splitMethod(key)
		if !ok {
			return fmt.Errorf("qwacgrpc: Config.Authorizers: %q is neither \"/service/\" nor \"/service/method\"", key)
		}
		if authorizer == nil {
			return fmt.Errorf("qwacgrpc: Config.Authorizers[%q] is nil", key)
		}
		if _, both := authorizers[service]; both && method != "" {
			return fmt.Errorf("qwacgrpc: Config.Authorizers has %q and its method %q: name each method, or none", service, key)
		}
	}
	return nil
}

// splitMethod splits "/service/method" after the second slash.
func splitMethod(full string) (service, method string, ok bool) {
	name, method, ok := strings.Cut(strings.TrimPrefix(full, "/"), "/")
	if !ok || !strings.HasPrefix(full, "/") || name == "" || strings.Contains(method, "/") {
		return "", "", false
	}
	return "/" + name + "/", method, true
}
