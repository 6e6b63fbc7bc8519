package qwacgrpc_test

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/genproto/googleapis/rpc/errdetails"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/peer"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/eidastest"
	"github.com/seed-b953571c/eidas/qwac"
	"github.com/seed-b953571c/eidas/qwac/qwacgrpc"
)

const (
	tppID  = "PSDLT-BL-EX000042"
	list   = "/bank.v1.Accounts/List"
	create = "/bank.v1.Payments/Create"
	watch  = "/bank.v1.Accounts/Watch"
	feed   = "/bank.v1.Accounts/Feed"
	upload = "/bank.v1.Accounts/Upload"
	deaf   = "/bank.v1.Accounts/Deaf"
)

// hang is when a test has failed because something hangs. Nothing is measured.
const hang = time.Minute

// version is a test under one version of TLS.
type version struct {
	*testing.T
	tls uint16
}

func eachTLS(t *testing.T, f func(version)) {
	t.Helper()
	for _, v := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(v), func(t *testing.T) { f(version{t, v}) })
	}
}

// bank is a server under test.
type bank struct {
	*eidastest.Test
	tb       testing.TB
	address  string
	registry *prometheus.Registry
	push     chan struct{} // each makes Feed send, and tells of a message that the others got
	acted    atomic.Int64  // uploads that were acted on
	ended    chan error    // what Deaf gets when it sends after a refusal, and the cause of its context
}

// bankOptions say what differs from an ordinary bank, which lets in who may ask
// for account information.
type bankOptions struct {
	config      qwac.Config // without Validator: that of the world
	policy      eidas.Policy
	base        tls.Config // without certificate: that of the world
	authorizers map[string]eidas.Authorizer
	more        []grpc.ServerOption
}

func startBank(tb testing.TB, w *eidastest.Test, o *bankOptions) *bank {
	tb.Helper()
	b := &bank{Test: w, tb: tb, registry: prometheus.NewRegistry(), push: make(chan struct{}), ended: make(chan error, 8)}
	guarded, err := qwacgrpc.ServerOptions(b.guard(o))
	require.NoError(tb, err)
	server := grpc.NewServer(append(guarded, o.more...)...)
	b.register(server)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(tb, err)
	b.address = listener.Addr().String()
	go func() { _ = server.Serve(listener) }()
	tb.Cleanup(server.Stop)
	return b
}

// guard is the configuration of a bank.
func (b *bank) guard(o *bankOptions) qwacgrpc.Config {
	b.tb.Helper()
	if o.policy.Authorizer == nil {
		o.policy = eidas.DefaultPolicy(eidas.RequireRoles(eidas.RoleAI))
	}
	if o.config.Validator == nil {
		o.config.Validator = b.Validator(o.policy)
	}
	if b.registry != nil {
		o.config.Registerer = b.registry
	}
	o.config.Timeout = hang
	verifier, err := qwac.New(o.config)
	require.NoError(b.tb, err)
	base := o.base.Clone()
	if base.Certificates == nil && base.GetCertificate == nil && base.GetConfigForClient == nil {
		certificate, err := b.ServerCertificate()
		require.NoError(b.tb, err)
		base.Certificates = []tls.Certificate{certificate}
	}
	return qwacgrpc.Config{Verifier: verifier, TLS: base, Authorizers: o.authorizers}
}

func (b *bank) register(s *grpc.Server) {
	unary := func(full string) grpc.MethodDesc {
		_, name, _ := strings.Cut(full[1:], "/")
		return grpc.MethodDesc{
			MethodName: name,
			Handler: func(_ any, ctx context.Context, decode func(any) error, intercept grpc.UnaryServerInterceptor) (any, error) {
				in := new(emptypb.Empty)
				if err := decode(in); err != nil {
					return nil, err
				}
				handle := func(ctx context.Context, _ any) (any, error) { return whoami(ctx) }
				return intercept(ctx, in, &grpc.UnaryServerInfo{FullMethod: full}, handle)
			},
		}
	}
	stream := func(full string, handle func(grpc.ServerStream) error) grpc.StreamDesc {
		_, name, _ := strings.Cut(full[1:], "/")
		return grpc.StreamDesc{
			StreamName: name, ServerStreams: true, ClientStreams: true,
			Handler: func(_ any, s grpc.ServerStream) error { return handle(s) },
		}
	}
	s.RegisterService(&grpc.ServiceDesc{
		ServiceName: "bank.v1.Accounts", HandlerType: (*any)(nil), Methods: []grpc.MethodDesc{unary(list)},
		Streams: []grpc.StreamDesc{stream(watch, b.watch), stream(feed, b.feed), stream(upload, b.upload), stream(deaf, b.deaf)},
	}, nil)
	s.RegisterService(&grpc.ServiceDesc{ServiceName: "bank.v1.Payments", HandlerType: (*any)(nil), Methods: []grpc.MethodDesc{unary(create)}}, nil)
}

// whoami says who is calling, over which session and connection.
func whoami(ctx context.Context) (*wrapperspb.StringValue, error) {
	tpp, ok := qwac.FromContext(ctx)
	p, _ := peer.FromContext(ctx)
	if !ok {
		return nil, status.Error(codes.Internal, "nobody is calling")
	}
	session := "full"
	if p.AuthInfo.(credentials.TLSInfo).State.DidResume { // as interceptors of others look at it
		session = "resumed"
	}
	return wrapperspb.String(fmt.Sprintf("%s %s %s %s", tpp.Identity, tpp.Service.List.Territory, session, p.Addr)), nil
}

// watch answers each message.
func (b *bank) watch(s grpc.ServerStream) error {
	for {
		err := s.RecvMsg(new(emptypb.Empty))
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		out, err := whoami(s.Context())
		if err != nil {
			return err
		}
		if err := s.SendMsg(out); err != nil {
			return err
		}
	}
}

// feed sends when there is news.
func (b *bank) feed(s grpc.ServerStream) error {
	for range b.push {
		out, err := whoami(s.Context())
		if err != nil {
			return err
		}
		if err := s.SendMsg(out); err != nil {
			return err
		}
	}
	return nil
}

// upload acts when the client has sent all.
func (b *bank) upload(s grpc.ServerStream) error {
	for {
		err := s.RecvMsg(new(emptypb.Empty))
		if errors.Is(err, io.EOF) {
			b.acted.Add(1)
			return nil
		}
		if err != nil {
			return err
		}
		b.push <- struct{}{} // it has come
	}
}

// deaf does not care for errors, sends all the same, and ends with its context.
func (b *bank) deaf(s grpc.ServerStream) error {
	for s.RecvMsg(new(emptypb.Empty)) == nil {
		b.push <- struct{}{} // it has come
	}
	b.ended <- s.SendMsg(new(emptypb.Empty))
	<-s.Context().Done()
	b.ended <- context.Cause(s.Context())
	return nil
}

// tpp is a client with one connection at a time, which presents what it has now.
type tpp struct {
	*grpc.ClientConn
	tb      testing.TB
	current atomic.Pointer[tls.Certificate]
}

func (c *tpp) present(l *eidastest.Leaf) {
	certificate := tls.Certificate{}
	if l != nil {
		certificate = l.TLS()
	}
	c.current.Store(&certificate)
}

// config is a TPP's. A nil leaf presents no certificate.
func (b *bank) config(v uint16) *tls.Config {
	config := b.ClientConfig(nil)
	config.MinVersion, config.MaxVersion = v, v
	return config
}

func (b *bank) dial(v uint16, l *eidastest.Leaf) *tpp {
	b.tb.Helper()
	return b.dialWith(b.config(v), l)
}

func (b *bank) dialWith(config *tls.Config, l *eidastest.Leaf, more ...grpc.DialOption) *tpp {
	b.tb.Helper()
	c := &tpp{tb: b.tb}
	c.present(l)
	config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return c.current.Load(), nil }
	var err error
	c.ClientConn, err = grpc.NewClient(b.address, append([]grpc.DialOption{grpc.WithTransportCredentials(credentials.NewTLS(config))}, more...)...)
	require.NoError(b.tb, err)
	b.tb.Cleanup(func() { _ = c.Close() })
	return c
}

// answer is what whoami says.
type answer struct{ who, session, connection string }

func read(text string) answer {
	f := strings.Fields(text)
	if len(f) != 4 {
		return answer{}
	}
	return answer{f[0] + " " + f[1], f[2], f[3]}
}

func (c *tpp) call(method string) (answer, error) {
	c.tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), hang)
	defer cancel()
	out := new(wrapperspb.StringValue)
	err := c.Invoke(ctx, method, new(emptypb.Empty), out)
	return read(out.GetValue()), err
}

// assertLetIn calls and expects to be known as want.
func (c *tpp) assertLetIn(want string) answer {
	c.tb.Helper()
	a, err := c.call(list)
	require.NoError(c.tb, err)
	assert.Equal(c.tb, want, a.who)
	return a
}

// assertRefused calls and expects the call to be refused.
func (c *tpp) assertRefused(method string, code codes.Code, want eidas.Reason) {
	c.tb.Helper()
	_, err := c.call(method)
	assertStatus(c.tb, err, code, want)
}

// assertShutOut calls and expects the handshake to fail.
func (c *tpp) assertShutOut() {
	c.tb.Helper()
	_, err := c.call(list)
	assert.Equal(c.tb, codes.Unavailable, status.Code(err), "%v", err)
	assert.Empty(c.tb, status.Convert(err).Details(), "no call was judged: %v", err)
}

func assertStatus(tb testing.TB, err error, code codes.Code, want eidas.Reason) {
	tb.Helper()
	s := status.Convert(err)
	assert.Equal(tb, code, s.Code(), "%v", err)
	assert.Equal(tb, want.Error(), s.Message())
	info := infoOf(tb, err)
	assert.Equal(tb, strings.ToUpper(want.String()), info.GetReason())
	assert.Equal(tb, qwacgrpc.Domain, info.GetDomain())
	assert.Equal(tb, map[string]string{"cause": want.Cause().String()}, info.GetMetadata())
}

// assertClosed expects a method to be refused that has no authorizer.
func assertClosed(tb testing.TB, err error) {
	tb.Helper()
	assert.Equal(tb, codes.PermissionDenied, status.Code(err), "%v", err)
	info := infoOf(tb, err)
	assert.Equal(tb, "METHOD_CLOSED", info.GetReason())
	assert.Equal(tb, qwacgrpc.Domain, info.GetDomain())
	assert.Equal(tb, map[string]string{"cause": "us"}, info.GetMetadata())
}

func infoOf(tb testing.TB, err error) *errdetails.ErrorInfo {
	tb.Helper()
	details := status.Convert(err).Details()
	require.Len(tb, details, 1, "%v", err)
	info, ok := details[0].(*errdetails.ErrorInfo)
	require.True(tb, ok)
	return info
}

// open opens a stream.
func (c *tpp) open(method string) *clientStream {
	c.tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), hang)
	c.tb.Cleanup(cancel)
	s, err := c.NewStream(ctx, &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, method)
	require.NoError(c.tb, err)
	return &clientStream{s, c.tb}
}

type clientStream struct {
	grpc.ClientStream
	tb testing.TB
}

func (s *clientStream) send() {
	s.tb.Helper()
	require.NoError(s.tb, s.SendMsg(new(emptypb.Empty)))
}

func (s *clientStream) receive() (answer, error) {
	out := new(wrapperspb.StringValue)
	err := s.RecvMsg(out)
	return read(out.GetValue()), err
}

// assertRefused expects the stream to end.
func (s *clientStream) assertRefused(want eidas.Reason) {
	s.tb.Helper()
	_, err := s.receive()
	assertStatus(s.tb, err, codes.Unauthenticated, want)
}

// ask sends and expects an answer, as the TPP of Lithuania.
func (s *clientStream) ask() answer {
	s.tb.Helper()
	s.send()
	a, err := s.receive()
	require.NoError(s.tb, err)
	assert.Equal(s.tb, tppID+" LT", a.who)
	return a
}

// series returns the value of a metric with one label value.
func (b *bank) series(name, label string) int {
	families, err := b.registry.Gather()
	require.NoError(b.tb, err)
	for _, f := range families {
		for _, m := range f.GetMetric() {
			if f.GetName() == name && len(m.GetLabel()) == 1 && m.GetLabel()[0].GetValue() == label {
				return int(m.GetCounter().GetValue())
			}
		}
	}
	return -1
}
