package qwachttp3_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/quic-go/quic-go"
	"github.com/quic-go/quic-go/http3"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/eidastest"
	"github.com/seed-b953571c/eidas/qwac"
	"github.com/seed-b953571c/eidas/qwac/qwachttp3"
)

// identifier is the TPP of most tests.
const identifier = "PSDLT-BL-LB000468"

// bank is an HTTP/3 server under test on the loopback interface.
type bank struct {
	world    *eidastest.Test
	verifier *qwac.Verifier
	registry *prometheus.Registry
	url      string
	handled  atomic.Int64 // requests that reached the handler
	failures chan error   // of handshakes, as the server's connections end
	latest   atomic.Pointer[quic.Conn]

	mu     sync.Mutex
	events []qwac.EventKind
}

// bankOptions say what differs from an ordinary bank, which lets in who may ask
// for account information.
type bankOptions struct {
	policy  eidas.Policy
	config  qwac.Config
	base    *tls.Config
	quic    *quic.Config
	handler http.HandlerFunc // nil: says who is calling and whether his session was resumed
}

func startBank(tb testing.TB, w *eidastest.Test, o bankOptions) *bank {
	tb.Helper()
	if o.policy.Authorizer == nil {
		p := eidas.DefaultPolicy(eidas.RequireRoles(eidas.RoleAI))
		o.policy.Authorizer, o.policy.AllowListStale = p.Authorizer, p.AllowListStale
	}
	b := &bank{world: w, registry: prometheus.NewRegistry(), failures: make(chan error, 256)}
	o.config.Validator, o.config.Registerer = w.Clocked(w.Validator(o.policy)), b.registry
	o.config.Rotation = qwac.Rotation{Store: &qwac.MemoryStore{}, OnEvent: b.note}
	var err error
	o.config.Timeout = time.Minute // no test is about time
	b.verifier, err = qwac.New(o.config)
	require.NoError(tb, err)
	if o.handler == nil {
		o.handler = whoami
	}
	if o.base == nil {
		o.base = base(tb, w)
	}
	server := &http3.Server{
		TLSConfig: o.base, QUICConfig: o.quic, ConnContext: b.connContext,
		Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			b.handled.Add(1)
			o.handler(w, r)
		}),
	}
	require.NoError(tb, qwachttp3.ConfigureServer(b.verifier, server))
	b.url = serve(tb, server.Serve, server.Close)
	return b
}

// base is the config of a bank before it is guarded.
func base(tb testing.TB, w *eidastest.Test) *tls.Config {
	tb.Helper()
	certificate, err := w.ServerCertificate()
	require.NoError(tb, err)
	return &tls.Config{Certificates: []tls.Certificate{certificate}, Time: w.Now}
}

// serve runs a server on a socket of its own.
func serve(tb testing.TB, run func(net.PacketConn) error, stop func() error) (url string) {
	tb.Helper()
	socket, err := net.ListenPacket("udp", "127.0.0.1:0")
	require.NoError(tb, err)
	done := make(chan struct{})
	go func() { defer close(done); _ = run(socket) }()
	tb.Cleanup(func() {
		_ = stop()
		_ = socket.Close()
		<-done
	})
	return "https://" + socket.LocalAddr().String()
}

func (b *bank) connContext(ctx context.Context, c *quic.Conn) context.Context {
	b.latest.Store(c)
	context.AfterFunc(c.Context(), func() {
		select {
		case <-c.HandshakeComplete():
		default:
			select {
			case b.failures <- context.Cause(c.Context()):
			default: // of a test that does not look
			}
		}
	})
	return ctx
}

func (b *bank) note(_ context.Context, e qwac.Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.events = append(b.events, e.Kind)
}

// told returns the events since the last call.
func (b *bank) told() []qwac.EventKind {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := b.events
	b.events = nil
	return list
}

func whoami(w http.ResponseWriter, r *http.Request) {
	caller, ok := qwac.FromContext(r.Context())
	if !ok {
		http.Error(w, "nobody", http.StatusInternalServerError)
		return
	}
	answer := caller.Identity.String() + " " + caller.Service.List.Territory
	if r.TLS.DidResume {
		answer += " resumed"
	}
	_, _ = io.WriteString(w, answer)
}

// tpp is a client whose every connection offers the session of an earlier one.
type tpp struct {
	config  *tls.Config
	tickets *ticketCache
	current atomic.Pointer[tls.Certificate]
}

// ticketCache tells when a ticket has come, which is after the handshake.
type ticketCache struct {
	tls.ClientSessionCache

	stored chan struct{}
}

func (c *ticketCache) Put(key string, s *tls.ClientSessionState) {
	c.ClientSessionCache.Put(key, s)
	if s != nil {
		select {
		case c.stored <- struct{}{}:
		default:
		}
	}
}

// client makes a TPP with a stock session cache, or the one given.
func client(w *eidastest.Test, l *eidastest.Leaf, cache tls.ClientSessionCache) *tpp {
	c := &tpp{config: w.ClientConfig(nil)}
	if cache == nil {
		cache = c.config.ClientSessionCache
	}
	c.tickets = &ticketCache{cache, make(chan struct{}, 1)}
	c.config.ClientSessionCache = c.tickets
	if l != nil {
		c.present(l)
		c.config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return c.current.Load(), nil }
	}
	return c
}

func (c *tpp) present(l *eidastest.Leaf) {
	certificate := l.TLS()
	c.current.Store(&certificate)
}

// reply is an answer, read.
type reply struct {
	status int
	header http.Header
	body   string
}

// keepAlive is a client that keeps its connection.
func (c *tpp) keepAlive(tb testing.TB) *http.Client {
	tb.Helper()
	transport := &http3.Transport{TLSClientConfig: c.config}
	tb.Cleanup(func() { _ = transport.Close() })
	return &http.Client{Transport: transport}
}

// dial makes one connection. http3.Transport would make a second one where the
// first one fails early, which tests that count handshakes cannot have.
func (c *tpp) dial(r *http.Request) (*http3.ClientConn, *quic.Conn, error) {
	config := c.config.Clone()
	config.NextProtos = []string{http3.NextProtoH3}
	if config.ServerName == "" {
		config.ServerName = r.URL.Hostname()
	}
	conn, err := quic.DialAddrEarly(r.Context(), r.URL.Host, config, &quic.Config{})
	if err != nil {
		return nil, nil, err
	}
	return (&http3.Transport{}).NewClientConn(conn), conn, nil
}

// call makes a connection for one request, and waits for its ticket if it is let in.
func (c *tpp) call(tb testing.TB, method, url string) (reply, error) {
	tb.Helper()
	select {
	case <-c.tickets.stored: // of an earlier connection
	default:
	}
	r := newRequest(tb, method, url)
	conn, dialed, err := c.dial(r)
	if err != nil {
		return reply{}, err
	}
	defer func() {
		_ = dialed.CloseWithError(quic.ApplicationErrorCode(http3.ErrCodeNoError), "")
		<-dialed.Context().Done()
	}()
	a, err := ask(&http.Client{Transport: conn}, r)
	if err == nil {
		waitFor(tb, c.tickets.stored)
	}
	return a, err
}

func newRequest(tb testing.TB, method, url string) *http.Request {
	tb.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute) // a hang fails the test, nothing is measured
	tb.Cleanup(cancel)
	r, err := http.NewRequestWithContext(ctx, method, url, nil)
	require.NoError(tb, err)
	return r
}

func ask(c *http.Client, r *http.Request) (reply, error) {
	resp, err := c.Do(r)
	if err != nil {
		return reply{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return reply{resp.StatusCode, resp.Header, string(body)}, err
}

// get is a request on a connection that is kept.
func get(tb testing.TB, c *http.Client, url string) (reply, error) {
	tb.Helper()
	return ask(c, newRequest(tb, http.MethodGet, url))
}

func waitFor[T any](tb testing.TB, c <-chan T) T {
	tb.Helper()
	select {
	case v := <-c:
		return v
	case <-time.After(time.Minute):
		tb.Fatal("it never came")
		panic("unreachable")
	}
}

// assertLetIn makes a connection and expects to be known as want.
func (b *bank) assertLetIn(tb testing.TB, c *tpp, want string) {
	tb.Helper()
	a, err := c.call(tb, http.MethodGet, b.url)
	if err != nil {
		require.NoError(tb, err, "%v", <-b.failures)
	}
	require.Equal(tb, http.StatusOK, a.status, a.body)
	assert.Equal(tb, want, a.body)
}

// badCertificate is what QUIC makes of the alert of a hook (RFC 9001, 4.8).
const badCertificate = quic.TransportErrorCode(0x100 + 42)

// assertRefused makes a connection and expects its handshake to fail.
func (b *bank) assertRefused(tb testing.TB, c *tpp, want eidas.Reason) {
	tb.Helper()
	_, err := c.call(tb, http.MethodGet, b.url)
	closed, ok := errors.AsType[*quic.TransportError](err)
	require.True(tb, ok, "%v", err)
	assert.True(tb, closed.Remote)
	failure := waitFor(tb, b.failures)
	refusal, ok := qwac.Refusal(failure)
	require.True(tb, ok, "%v", failure)
	assert.Equal(tb, want, refusal.Reason, "%v", refusal)
	if want != eidas.ReasonCertificateMissing { // refused by crypto/tls, with its own alert
		assert.Equal(tb, badCertificate, closed.ErrorCode)
	}
}

// metric sums the series of a name that have all the label values.
func (b *bank) metric(tb testing.TB, name string, labels ...string) int {
	tb.Helper()
	families, err := b.registry.Gather()
	require.NoError(tb, err)
	sum := 0.0
	for _, f := range families {
		if f.GetName() != "eidas_qwac_"+name {
			continue
		}
		for _, m := range f.GetMetric() {
			var values []string
			for _, l := range m.GetLabel() {
				values = append(values, l.GetValue())
			}
			all := " " + strings.Join(values, " ") + " "
			matches := true
			for _, want := range labels {
				matches = matches && strings.Contains(all, " "+want+" ")
			}
			if matches {
				sum += m.GetCounter().GetValue()
			}
		}
	}
	return int(sum)
}

// waitMetric waits until a metric has come to at least want.
func (b *bank) waitMetric(tb testing.TB, want int, name string, labels ...string) {
	tb.Helper()
	require.Eventually(tb, func() bool { return b.metric(tb, name, labels...) >= want }, time.Minute, time.Millisecond)
}
