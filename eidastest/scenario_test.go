package eidastest_test

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log"
	"net"
	"net/http"
	"net/netip"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/eidastest"
	"github.com/seed-b953571c/eidas/qwac"
	"github.com/seed-b953571c/eidas/revocation"
)

// The scenarios R1 to R24 of rotation: what a bank's server does, on signed
// lists, real handshakes and real responders, when certificates change. The
// files scenario*_test.go hold them; each is one test.

// full is a count: the long one where EIDAS_FULL is set.
func full(short, long int) int {
	if os.Getenv("EIDAS_FULL") != "" {
		return long
	}
	return short
}

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

// countingStore counts the writes to a store.
type countingStore struct {
	qwac.MemoryStore
	calls, writes atomic.Int64
}

func (s *countingStore) Update(ctx context.Context, keys []string, f func([][]byte) [][]byte) error {
	s.calls.Add(1)
	return s.MemoryStore.Update(ctx, keys, func(records [][]byte) [][]byte {
		next := f(records)
		for _, r := range next {
			if r != nil {
				s.writes.Add(1)
			}
		}
		return next
	})
}

// bank is a server under test, wired by qwac.ConfigureServer.
type bank struct {
	world    *eidastest.Test
	verifier *qwac.Verifier
	store    *countingStore
	registry *prometheus.Registry
	url      string
	failures chan error // of handshakes

	mu     sync.Mutex
	events []qwac.Event
}

// bankOptions say what differs from an ordinary bank, which lets in who may ask
// for account information.
type bankOptions struct {
	policy   eidas.Policy
	status   eidas.StatusChecker // nil: that of the world, which keeps no answer
	services eidas.ServiceSource // nil: the world
	store    *countingStore      // nil: one of its own
	rotation qwac.Rotation
	config   qwac.Config
	base     *tls.Config
	at       time.Time        // when it judges; zero: the world's time
	handler  http.HandlerFunc // nil: says who is calling and whether his session was resumed
}

func startBank(tb testing.TB, w *eidastest.Test, o bankOptions) *bank {
	tb.Helper()
	if o.policy.Authorizer == nil {
		p := eidas.DefaultPolicy(eidas.RequireRoles(eidas.RoleAI))
		o.policy.Authorizer, o.policy.AllowListStale = p.Authorizer, max(p.AllowListStale, o.policy.AllowListStale)
	}
	c, err := w.Config(o.policy)
	require.NoError(tb, err)
	if o.status != nil {
		c.Status = o.status
	}
	if o.services != nil {
		c.Services = o.services
	}
	validator, err := eidas.NewValidator(c)
	require.NoError(tb, err)
	b := &bank{world: w, store: o.store, registry: prometheus.NewRegistry(), failures: make(chan error, 4096)}
	if b.store == nil {
		b.store = &countingStore{}
	}
	o.config.Validator, o.config.Registerer, o.config.Rotation = w.Clocked(validator), b.registry, o.rotation
	o.config.Rotation.Store, o.config.Rotation.OnEvent = b.store, b.note
	if !o.at.IsZero() {
		o.config.Validator = judgedAt{validator, o.at}
	}
	o.config.Timeout = cmp.Or(o.config.Timeout, time.Minute) // the tests that are about time have their own
	b.verifier, err = qwac.New(o.config)
	require.NoError(tb, err)
	if o.handler == nil {
		o.handler = whoami
	}
	base := &tls.Config{}
	if o.base != nil {
		base = o.base.Clone()
	}
	server := &http.Server{TLSConfig: base, Handler: o.handler, ErrorLog: log.New(io.Discard, "", 0), ConnState: b.connState}
	require.NoError(tb, b.verifier.ConfigureServer(server))
	b.url = w.Serve(server)
	return b
}

// judgedAt is a validator whose clock stands still.
type judgedAt struct {
	validator *eidas.Validator
	at        time.Time
}

func (j judgedAt) Validate(ctx context.Context, peer []*x509.Certificate, use eidas.Use, _ time.Time) (*eidas.Result, error) {
	return j.validator.Validate(ctx, peer, use, j.at)
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

func (b *bank) note(_ context.Context, e qwac.Event) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.events = append(b.events, e)
}

// told returns the kinds of the events since the last call.
func (b *bank) told() []qwac.EventKind {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := make([]qwac.EventKind, len(b.events))
	for i := range b.events {
		list[i] = b.events[i].Kind
	}
	b.events = nil
	return list
}

func (b *bank) connState(c net.Conn, state http.ConnState) {
	conn, ok := c.(*tls.Conn)
	if !ok || state != http.StateClosed {
		return
	}
	if err := conn.HandshakeContext(context.Background()); err != nil {
		select {
		case b.failures <- err:
		default: // of a test that does not look
		}
	}
}

// client is a TPP whose every request makes a connection and offers the session
// of the one before.
func (b *bank) client(v uint16, l *eidastest.Leaf) *http.Client {
	return eidastest.HTTPClient(b.clientConfig(v, l))
}

func (b *bank) clientConfig(v uint16, l *eidastest.Leaf) *tls.Config {
	c := b.world.ClientConfig(l)
	c.MinVersion, c.MaxVersion = v, v
	return c
}

// keepAlive is a TPP that keeps its connection.
func keepAlive(tb testing.TB, protocol string, c *tls.Config) *http.Client {
	tb.Helper()
	transport := &http.Transport{TLSClientConfig: c, Protocols: new(http.Protocols)}
	transport.Protocols.SetHTTP1(protocol == "h1")
	transport.Protocols.SetHTTP2(protocol == "h2")
	tb.Cleanup(transport.CloseIdleConnections)
	return &http.Client{Transport: transport}
}

// reply is an answer, read.
type reply struct {
	status int
	body   string
	close  bool
	proto  int
}

func call(c *http.Client, url string) (reply, error) {
	req, err := http.NewRequestWithContext(context.Background(), http.MethodGet, url, nil)
	if err != nil {
		return reply{}, err
	}
	return do(c, req)
}

func do(c *http.Client, req *http.Request) (reply, error) {
	resp, err := c.Do(req)
	if err != nil {
		return reply{}, err
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	return reply{resp.StatusCode, string(body), resp.Close, resp.ProtoMajor}, err
}

// assertLetIn asks and expects to be known as want.
func (b *bank) assertLetIn(tb testing.TB, c *http.Client, want string) {
	tb.Helper()
	a, err := call(c, b.url)
	if err != nil {
		require.NoError(tb, err, "%v", <-b.failures)
	}
	require.Equal(tb, http.StatusOK, a.status, a.body)
	assert.Equal(tb, want, strings.TrimSuffix(a.body, " resumed"))
}

// assertResumed is assertLetIn over a session that is resumed, or is not.
func (b *bank) assertResumed(tb testing.TB, c *http.Client, want string, resumed bool) {
	tb.Helper()
	a, err := call(c, b.url)
	require.NoError(tb, err)
	assert.Equal(tb, resumed, strings.HasSuffix(a.body, " resumed"))
	assert.Equal(tb, want, strings.TrimSuffix(a.body, " resumed"))
}

// assertRefused asks and expects the handshake to fail.
func (b *bank) assertRefused(tb testing.TB, c *http.Client, want eidas.Reason) {
	tb.Helper()
	_, err := call(c, b.url)
	require.Error(tb, err)
	got := <-b.failures
	assert.Equal(tb, want, eidas.ReasonOf(got), "%v", got)
}

func (b *bank) metric(tb testing.TB, name string, labels ...string) int {
	tb.Helper()
	return metricOf(tb, b.registry, name, labels...)
}

// metricOf sums the series of a name that have all the label values.
func metricOf(tb testing.TB, registry *prometheus.Registry, name string, labels ...string) int {
	tb.Helper()
	families, err := registry.Gather()
	require.NoError(tb, err)
	sum := 0.0
	for _, f := range families {
		if f.GetName() != name {
			continue
		}
	series:
		for _, m := range f.GetMetric() {
			for _, want := range labels {
				found := false
				for _, l := range m.GetLabel() {
					found = found || l.GetValue() == want
				}
				if !found {
					continue series
				}
			}
			sum += m.GetCounter().GetValue() + m.GetGauge().GetValue()
		}
	}
	return int(sum)
}

// caching is a revocation.Checker as in production, which keeps answers.
func caching(tb testing.TB, edit func(*revocation.Config)) *revocation.Checker {
	tb.Helper()
	c := revocation.DefaultConfig()
	c.AllowPrivate, c.AllowAnyPort = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, true
	c.Budget, c.DialTimeout, c.HeaderTimeout = 10*time.Second, 10*time.Second, 10*time.Second
	if edit != nil {
		edit(&c)
	}
	checker, err := revocation.New(c)
	require.NoError(tb, err)
	return checker
}

func parseID(tb testing.TB, s string) eidas.Identity {
	tb.Helper()
	id, err := eidas.ParseIdentity(s)
	require.NoError(tb, err)
	return id
}
