package qwacgrpc_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc"
	"google.golang.org/grpc/codes"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
	"google.golang.org/grpc/status"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/eidastest"
	"github.com/seed-b953571c/eidas/qwac"
	"github.com/seed-b953571c/eidas/qwac/qwacgrpc"
)

// careless asks for no certificate.
type careless struct{}

func (careless) Validate(context.Context, []*x509.Certificate, eidas.Use, time.Time) (*eidas.Result, error) {
	return &eidas.Result{}, nil
}

// Without TLS there is no handshake by which a stream could be judged again.
func TestStreamWithoutTLSEndsWhateverTheValidator(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	b := startBank(t, w, &bankOptions{config: qwac.Config{Validator: careless{}}, more: []grpc.ServerOption{grpc.Creds(insecure.NewCredentials())}})
	c := b.dialWith(b.config(tls.VersionTLS13), nil, grpc.WithTransportCredentials(insecure.NewCredentials()))
	s := c.open(watch)
	s.send()
	_, err := s.receive()
	assert.Equal(t, codes.Unauthenticated, status.Code(err), "%v", err)
	assert.Equal(t, "TOO_EARLY", infoOf(t, err).GetReason())
}

// A clone is all that the original is, not grpc's credentials below it.
func TestCloneOfTheCredentialsGuardsToo(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	certificate, err := w.ServerCertificate()
	require.NoError(t, err)
	b := &bank{Test: w, tb: t}
	server, err := qwacgrpc.Credentials(b.guard(&bankOptions{base: tls.Config{
		NextProtos: []string{"http/1.1"},
		GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			if hello.ServerName == "panics" {
				panic("boom")
			}
			return &certificate, nil
		},
	}}))
	require.NoError(t, err)
	client := w.ClientConfig(w.QWAC("LT", tppID, eidas.RoleAI))
	client.NextProtos, client.ServerName = []string{"h2"}, "localhost"
	other := client.Clone()
	other.NextProtos = []string{"http/1.1"}
	panics := client.Clone()
	panics.ServerName = "panics"
	for _, c := range []credentials.TransportCredentials{server, server.Clone(), server.Clone().Clone()} {
		conn, _, err := shake(t, c, client)
		require.NoError(t, err)
		assert.NotPanics(t, func() { qwacgrpc.Leave(conn) }, "it can send GOAWAY")
		_, _, err = shake(t, c, other)
		require.ErrorContains(t, err, `negotiated protocol is "http/1.1"`)
		_, _, err = shake(t, c, panics)
		require.ErrorContains(t, err, "handshake panicked")
	}
}

// A handshake that fails is counted before grpc hears of it.
func TestFailedHandshakeIsCounted(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	b := &bank{Test: w, tb: t, registry: prometheus.NewRegistry()}
	server, err := qwacgrpc.Credentials(b.guard(&bankOptions{}))
	require.NoError(t, err)
	for n, row := range []struct {
		leaf    *eidastest.Leaf
		counted string
	}{
		{w.QWAC("LT", tppID, eidas.RolePI), "role_missing"},
		{nil, "certificate_missing"},
	} {
		client := w.ClientConfig(row.leaf)
		client.NextProtos, client.ServerName = []string{"h2"}, "localhost"
		_, _, err := shake(t, server, client)
		require.Error(t, err, n)
		require.Equal(t, 1, b.series("eidas_qwac_handshakes_failed_total", row.counted), row.counted)
	}
}
