package qwacgrpc_test

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/net/http2"
	"golang.org/x/net/http2/hpack"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/tap"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/eidastest"
	"github.com/seed-b953571c/eidas/qwac"
	"github.com/seed-b953571c/eidas/qwac/qwacgrpc"
)

// wire is a client that begins calls and does not go on with them.
type wire struct {
	*http2.Framer
	tb     testing.TB
	stream uint32
}

func (b *bank) wire(v uint16, l *eidastest.Leaf) *wire {
	b.tb.Helper()
	config := b.config(v)
	config.NextProtos = []string{"h2"}
	if l != nil {
		config.Certificates = []tls.Certificate{l.TLS()}
	}
	dialer := tls.Dialer{Config: config}
	c, err := dialer.DialContext(b.tb.Context(), "tcp", b.address)
	require.NoError(b.tb, err)
	b.tb.Cleanup(func() { _ = c.Close() })
	require.NoError(b.tb, c.SetDeadline(time.Now().Add(hang)))
	_, err = c.Write([]byte(http2.ClientPreface))
	require.NoError(b.tb, err)
	w := &wire{Framer: http2.NewFramer(c, c), tb: b.tb}
	w.ReadMetaHeaders = hpack.NewDecoder(4096, nil)
	require.NoError(b.tb, w.WriteSettings())
	return w
}

// begin sends the head of a call.
func (w *wire) begin(method string) {
	w.tb.Helper()
	var block bytes.Buffer
	encoder := hpack.NewEncoder(&block)
	for _, f := range [][2]string{
		{":method", "POST"},
		{":scheme", "https"},
		{":path", method},
		{":authority", "127.0.0.1"},
		{"content-type", "application/grpc"},
		{"te", "trailers"},
	} {
		require.NoError(w.tb, encoder.WriteField(hpack.HeaderField{Name: f[0], Value: f[1]}))
	}
	w.stream += 1 + w.stream%2 // 1, 3, 5
	require.NoError(w.tb, w.WriteHeaders(http2.HeadersFrameParam{StreamID: w.stream, BlockFragment: block.Bytes(), EndHeaders: true}))
}

// message sends an empty message of the call begun last.
func (w *wire) message() {
	w.tb.Helper()
	require.NoError(w.tb, w.WriteData(w.stream, false, make([]byte, 5)))
}

// status reads up to the end of the call begun last, and returns its status.
func (w *wire) status() string {
	w.tb.Helper()
	for {
		f, err := w.ReadFrame()
		require.NoError(w.tb, err)
		if h, ok := f.(*http2.MetaHeadersFrame); ok && h.StreamEnded() && h.StreamID == w.stream {
			return field(h, "grpc-status")
		}
	}
}

// soFar returns what the server has to say by now: "goaway" and the status of
// calls. It answers a PING after what was sent before.
func (w *wire) soFar() string {
	w.tb.Helper()
	require.NoError(w.tb, w.WritePing(false, [8]byte{1}))
	var said []string
	for {
		f, err := w.ReadFrame()
		require.NoError(w.tb, err)
		switch f := f.(type) {
		case *http2.GoAwayFrame:
			said = append(said, "goaway")
		case *http2.MetaHeadersFrame:
			said = append(said, field(f, "grpc-status"), field(f, "grpc-message"))
		case *http2.PingFrame:
			if f.IsAck() {
				return strings.Join(said, " ")
			}
		}
	}
}

func field(f *http2.MetaHeadersFrame, name string) string {
	for _, h := range f.Fields {
		if h.Name == name {
			return h.Value
		}
	}
	return ""
}

// counting counts the verdicts from scratch.
type counting struct {
	*eidas.Validator
	asked atomic.Int64
}

func (c *counting) Validate(ctx context.Context, peer []*x509.Certificate, use eidas.Use, at time.Time) (*eidas.Result, error) {
	c.asked.Add(1)
	return c.Validator.Validate(ctx, peer, use, at)
}

// grpc holds a message, 4 MiB of it, before any interceptor: nothing of a
// stranger's, who with Config.Deferred may be anybody.
func TestDeferredStrangerIsRefusedBeforeItsMessage(t *testing.T) {
	eachTLS(t, func(t version) {
		w := eidastest.Start(t, eidastest.Options{})
		v := &counting{Validator: w.Validator(eidas.DefaultPolicy(eidas.RequireRoles(eidas.RoleAI)))}
		b := startBank(t, w, &bankOptions{config: qwac.Config{Deferred: true, Validator: v}})
		impostor, err := w.Impostor("LT").IssueQWAC(tppID, eidas.RoleAI)
		require.NoError(t, err)
		for _, row := range []struct {
			name string
			leaf *eidastest.Leaf
			want string
		}{
			{"let in", w.QWAC("LT", tppID, eidas.RoleAI), ""},
			{"no certificate", nil, "16 " + eidas.ReasonCertificateMissing.Error()},
			{"not of the listed key", impostor, "16 " + eidas.ReasonSignatureInvalid.Error()},
			{"without the role", w.QWAC("LT", tppID, eidas.RolePI), "7 " + eidas.ReasonRoleMissing.Error()},
		} {
			c := b.wire(t.tls, row.leaf)
			c.begin(list)
			first := row.want
			if row.want != "" {
				first = "goaway " + row.want
			}
			assert.Equal(t, first, c.soFar(), row.name)
			asked := v.asked.Load()
			for range 3 {
				c.begin(list)
				assert.Equal(t, row.want, c.soFar(), row.name)
			}
			assert.Equal(t, asked, v.asked.Load(), "no verdict on the connection's reader")
		}
	})
}

// Whose status could not be learned is asked for again, on the same connection.
func TestDeferredPeerOfUnknownStatusIsNotRefusedForGood(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	v := &shaky{Validator: w.Validator(eidas.DefaultPolicy(eidas.RequireRoles(eidas.RoleAI)))}
	v.down.Store(true)
	b := startBank(t, w, &bankOptions{config: qwac.Config{Deferred: true, Validator: v}})
	c := b.dial(tls.VersionTLS13, w.QWAC("LT", tppID, eidas.RoleAI))
	c.assertRefused(list, codes.Unavailable, eidas.ReasonRevocationUnavailable)
	v.down.Store(false)
	c.assertLetIn(tppID + " LT")
	assert.Equal(t, 1, b.series("eidas_qwac_sessions_total", "full"), "the same connection")
}

// After the first call that is refused, no other one has its message read.
func TestRevokedPeerIsRefusedBeforeItsNextMessage(t *testing.T) {
	eachTLS(t, func(t version) {
		for _, method := range []string{list, watch} {
			p := startPair(t)
			gone, twin := p.wire(t.tls, p.leaf), p.wire(t.tls, p.QWAC("LT", tppID, eidas.RoleAI))
			for _, c := range []*wire{gone, twin} {
				c.begin(list)
				c.message()
				require.NoError(t, c.WriteData(c.stream, true, nil))
				assert.Equal(t, "0", c.status())
				c.begin(method)
				assert.Empty(t, c.soFar())
			}
			p.revoke()
			for _, c := range []*wire{gone, twin} {
				c.message()
				require.NoError(t, c.WriteData(c.stream, true, nil))
			}
			assert.Equal(t, "16", gone.status())
			assert.Equal(t, "0", twin.status())
			for _, c := range []*wire{gone, twin} {
				c.begin(list)
			}
			assert.Equal(t, "16 "+eidas.ReasonRevoked.Error(), gone.soFar())
			assert.Empty(t, twin.soFar())
		}
	})
}

// The same where the stream was let in before, and is refused as it goes on.
func TestStreamRevokedOnItsWayEndsTheConnection(t *testing.T) {
	p := startPair(version{t, tls.VersionTLS13})
	c := p.wire(tls.VersionTLS13, p.leaf)
	c.begin(watch)
	c.message()
	for answered := false; !answered; {
		f, err := c.ReadFrame()
		require.NoError(t, err)
		_, answered = f.(*http2.DataFrame)
	}
	p.revoke()
	c.message()
	assert.Equal(t, "16", c.status())
	c.begin(list)
	assert.Equal(t, "16 "+eidas.ReasonRevoked.Error(), c.soFar())
}

// What one method asks beyond the policy says nothing about the others.
func TestRefusalOfOneMethodIsNotThatOfTheConnection(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	b := startBank(t, w, &bankOptions{authorizers: map[string]eidas.Authorizer{
		"/bank.v1.Accounts/": eidas.AllowAnyone(), create: eidas.RequireRoles(eidas.RolePI),
	}})
	c := b.wire(tls.VersionTLS13, w.QWAC("LT", tppID, eidas.RoleAI))
	c.begin(create)
	c.message()
	require.NoError(t, c.WriteData(c.stream, true, nil))
	assert.Equal(t, "7", c.status())
	c.begin(list)
	assert.Empty(t, c.soFar())
}

// grpc has one place for it, and a second handle would be one in place of ours.
func TestOwnersTapHandlePanicsAtTheStart(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	options, err := qwacgrpc.ServerOptions((&bank{Test: w, tb: t}).guard(&bankOptions{}))
	require.NoError(t, err)
	own := grpc.InTapHandle(func(ctx context.Context, _ *tap.Info) (context.Context, error) { return ctx, nil })
	assert.NotNil(t, grpc.NewServer(options...))
	assert.Panics(t, func() { grpc.NewServer(append(options, own)...) })
}
