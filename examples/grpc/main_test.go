package main

import (
	"context"
	"crypto/tls"
	"net"
	"strings"
	"testing"
	"time"

	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/status"
	"google.golang.org/protobuf/types/known/emptypb"
	"google.golang.org/protobuf/types/known/wrapperspb"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/eidastest"
	"github.com/seed-b953571c/eidas/qwac"
)

const tppID = "PSDLT-BL-EX000042"

// bank is the server over a world.
type bank struct {
	*eidastest.Test
	address string
}

func startBank(t *testing.T) *bank {
	t.Helper()
	w := eidastest.Start(t, eidastest.Options{})
	v, err := qwac.New(qwac.Config{Validator: w.Validator(policy()), Deferred: true})
	w.Check(err)
	certificate, err := w.ServerCertificate()
	w.Check(err)
	server, err := newServer(v, certificate)
	w.Check(err)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	w.Check(err)
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(server.Stop)
	return &bank{w, listener.Addr().String()}
}

// dial is a TPP with one connection.
func (b *bank) dial(t *testing.T, version uint16, config *tls.Config) *grpc.ClientConn {
	t.Helper()
	config.MinVersion, config.MaxVersion = version, version
	c, err := grpc.NewClient(b.address, grpc.WithTransportCredentials(credentials.NewTLS(config)))
	b.Check(err)
	t.Cleanup(func() { _ = c.Close() })
	return c
}

func list(t *testing.T, c *grpc.ClientConn) (string, error) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), time.Minute) // a hang fails the test, nothing is measured
	defer cancel()
	out := new(wrapperspb.StringValue)
	err := c.Invoke(ctx, "/bank.v1.Accounts/List", &emptypb.Empty{}, out)
	return out.GetValue(), err
}

func eachVersion(t *testing.T, f func(t *testing.T, version uint16)) {
	t.Helper()
	for _, v := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		t.Run(tls.VersionName(v), func(t *testing.T) { f(t, v) })
	}
}

const granted = "accounts for " + tppID + ", which may act as PSP_AI"

func TestCallsAreAnsweredToWhomTheyShould(t *testing.T) {
	eachVersion(t, func(t *testing.T, version uint16) {
		t.Helper()
		b := startBank(t)
		for _, territory := range []string{"LT", "DE"} {
			got, err := list(t, b.dial(t, version, b.ClientConfig(b.QWAC(territory, tppID, eidas.RoleAI))))
			if got != granted || err != nil {
				t.Errorf("got %q and %v from %s", got, err, territory)
			}
		}
		stolen, err := b.QWAC("LT", tppID, eidas.RoleAI).Thief()
		b.Check(err)
		unlisted, err := b.Impostor("LT").IssueQWAC(tppID, eidas.RoleAI)
		b.Check(err)
		for name, row := range map[string]struct {
			leaf *eidastest.Leaf
			want codes.Code
		}{
			"nobody":           {nil, codes.Unauthenticated},
			"thief":            {stolen, codes.Unavailable}, // his handshake fails
			"unlisted":         {unlisted, codes.Unauthenticated},
			"without the role": {b.QWAC("LT", tppID, eidas.RolePI), codes.PermissionDenied},
		} {
			if got, err := list(t, b.dial(t, version, b.ClientConfig(row.leaf))); status.Code(err) != row.want {
				t.Errorf("%s got %q and %v", name, got, err)
			}
		}
	})
}

func TestRevocationEndsAConnectionThatIsOpen(t *testing.T) {
	eachVersion(t, func(t *testing.T, version uint16) {
		t.Helper()
		b := startBank(t)
		leaf := b.QWAC("LT", tppID, eidas.RoleAI)
		c := b.dial(t, version, b.ClientConfig(leaf))
		stream, err := c.NewStream(t.Context(), &grpc.StreamDesc{ServerStreams: true, ClientStreams: true}, "/bank.v1.Accounts/Watch")
		b.Check(err)
		ask := func() (string, error) {
			if err := stream.SendMsg(&emptypb.Empty{}); err != nil {
				return "", err
			}
			out := new(wrapperspb.StringValue)
			err := stream.RecvMsg(out)
			return out.GetValue(), err
		}
		for range 2 {
			if got, err := ask(); got != granted || err != nil {
				t.Fatalf("got %q and %v", got, err)
			}
		}
		if got, err := list(t, c); got != granted || err != nil {
			t.Fatalf("got %q and %v", got, err)
		}
		b.QTSP("LT").Revoke(leaf, 1)
		_, err = ask()
		wantRevoked(t, err)
		_, err = list(t, c)
		wantRevoked(t, err)
	})
}

func wantRevoked(t *testing.T, err error) {
	t.Helper()
	if status.Code(err) != codes.Unauthenticated || !strings.Contains(err.Error(), "revoked") {
		t.Errorf("got %v", err)
	}
}

// A client that changed its certificate dials again with the session of its old one.
func TestRotatedClientSeesNoError(t *testing.T) {
	eachVersion(t, func(t *testing.T, version uint16) {
		t.Helper()
		b := startBank(t)
		old, current := b.QWAC("LT", tppID, eidas.RoleAI), tls.Certificate{}
		config := b.ClientConfig(nil)
		config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &current, nil }
		current = old.TLS()
		first := b.dial(t, version, config.Clone())
		if got, err := list(t, first); got != granted || err != nil {
			t.Fatalf("got %q and %v", got, err)
		}
		b.Check(first.Close())
		current = b.QWAC("DE", tppID, eidas.RoleAI).TLS()
		b.QTSP("LT").Revoke(old, 4)
		if got, err := list(t, b.dial(t, version, config.Clone())); got != granted || err != nil {
			t.Errorf("got %q and %v", got, err)
		}
	})
}
