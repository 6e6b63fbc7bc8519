// Command grpc is a bank's API over gRPC, guarded by qwacgrpc: every handshake,
// every call and every message of a stream is judged.
package main

import (
	"context"
	"crypto/tls"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/keepalive"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/qwac"
	"github.com/seed-b953571c/eidas/qwac/qwacgrpc"
	"github.com/seed-b953571c/eidas/revocation"
	"github.com/seed-b953571c/eidas/trustlist"
)

type options struct{ address, folder, certificate, key string }

func main() {
	var o options
	flag.StringVar(&o.address, "address", ":8443", "`ADDRESS` to listen at")
	flag.StringVar(&o.folder, "lists", "lists", "`FOLDER` where the trusted lists are kept for the next start")
	flag.StringVar(&o.certificate, "certificate", "", "PEM `FILE` of the server's certificate chain")
	flag.StringVar(&o.key, "key", "", "PEM `FILE` of its private key")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, o)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "grpc:", err)
		os.Exit(1)
	}
}

// run serves until ctx ends.
func run(ctx context.Context, o options) error {
	logger := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	certificate, err := tls.LoadX509KeyPair(o.certificate, o.key)
	if err != nil {
		return err
	}
	source, err := trustlist.NewHTTP(trustlist.HTTPConfig{})
	if err != nil {
		return err
	}
	lists, err := trustlist.NewStore(trustlist.StoreConfig{
		Config: trustlist.Config{Anchors: trustlist.DefaultAnchors(), Source: source, Logger: logger}, Dir: o.folder,
	})
	if err != nil {
		return err
	}
	err = serveLists(ctx, o.address, lists, certificate, logger)
	return errors.Join(err, lists.Close())
}

func serveLists(ctx context.Context, address string, lists *trustlist.Store, certificate tls.Certificate, logger *slog.Logger) error {
	checker, err := revocation.New(revocation.Config{Logger: logger})
	if err != nil {
		return err
	}
	validator, err := eidas.NewValidator(eidas.Config{Services: lists, Status: checker, Policy: policy()})
	if err != nil {
		return err
	}
	verifier, err := qwac.New(qwac.Config{Validator: validator, Logger: logger, Deferred: true}) // who is refused reads why
	if err != nil {
		return err
	}
	server, err := newServer(verifier, certificate)
	if err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	var background sync.WaitGroup
	background.Go(func() { _ = lists.Run(ctx) }) // until ctx ends; it logs what fails
	background.Go(func() { <-ctx.Done(); server.GracefulStop() })
	err = server.Serve(listener)
	cancel()
	background.Wait()
	return err
}

// policy says who may come in.
func policy() eidas.Policy { return eidas.DefaultPolicy(eidas.RequireRoles(eidas.RoleAI)) }

// newServer is the bank's API behind the verifier.
func newServer(v *qwac.Verifier, certificate tls.Certificate) (*grpc.Server, error) {
	options, err := qwacgrpc.ServerOptions(qwacgrpc.Config{
		Verifier: v, TLS: &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{certificate}},
	})
	if err != nil {
		return nil, err
	}
	s := grpc.NewServer(append(options,
		grpc.KeepaliveParams(keepalive.ServerParameters{MaxConnectionIdle: 10 * time.Minute, MaxConnectionAge: time.Hour}))...)
	s.RegisterService(accountsService(accounts{}), nil)
	return s, nil
}

// accounts is the bank's own. A real one would be generated from a .proto file.
type accounts struct{}

func (accounts) list(ctx context.Context, _ *emptypb.Empty) (*wrapperspb.StringValue, error) {
	tpp, ok := qwac.FromContext(ctx)
	if !ok {
		return nil, status.Error(codes.Internal, "nobody is calling")
	}
	return wrapperspb.String(fmt.Sprintf("accounts for %s, which may act as %s", tpp.Identity, tpp.Roles)), nil
}

// watch answers each message of a stream.
func (a accounts) watch(stream grpc.ServerStream) error {
	for {
		var in emptypb.Empty
		if err := stream.RecvMsg(&in); err != nil {
			return err
		}
		out, err := a.list(stream.Context(), &in)
		if err != nil {
			return err
		}
		if err := stream.SendMsg(out); err != nil {
			return err
		}
	}
}

func accountsService(a accounts) *grpc.ServiceDesc {
	return &grpc.ServiceDesc{
		ServiceName: "bank.v1.Accounts",
		HandlerType: (*any)(nil),
		Methods: []grpc.MethodDesc{{
			MethodName: "List",
			Handler: func(_ any, ctx context.Context, decode func(any) error, intercept grpc.UnaryServerInterceptor) (any, error) {
				in := new(emptypb.Empty)
				if err := decode(in); err != nil {
					return nil, err
				}
				handle := func(ctx context.Context, _ any) (any, error) { return a.list(ctx, in) }
				return intercept(ctx, in, &grpc.UnaryServerInfo{Server: a, FullMethod: "/bank.v1.Accounts/List"}, handle)
			},
		}},
		Streams: []grpc.StreamDesc{{
			StreamName: "Watch", ServerStreams: true, ClientStreams: true,
			Handler: func(_ any, stream grpc.ServerStream) error { return a.watch(stream) },
		}},
	}
}
