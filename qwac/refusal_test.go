package qwac_test

import (
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/qwac"
)

// What is a verdict about a certificate, and what is noise. The text of
// crypto/tls for a missing certificate is met in real handshakes, in server_test.go.
func TestRefusal(t *testing.T) {
	for _, err := range []error{nil, io.EOF, errors.New("tls: invalid signature by the client certificate"), (*eidas.Error)(nil)} {
		_, ok := qwac.Refusal(err)
		assert.False(t, ok, err)
	}
	refusal, ok := qwac.Refusal(fmt.Errorf("handshake: %w", &eidas.Error{Reason: eidas.ReasonRevoked}))
	require.True(t, ok)
	assert.Equal(t, eidas.ReasonRevoked, refusal.Reason)
}

// A server without net/http counts its failed handshakes itself, whatever wraps their errors.
func TestHandshakeFailedCountsByReason(t *testing.T) {
	registry := prometheus.NewRegistry()
	var log strings.Builder
	v := newVerifier(t, qwac.Config{
		Validator: &scripted{}, Registerer: registry, Logger: slog.New(slog.NewTextHandler(&log, nil)),
	})
	remote := &net.UDPAddr{IP: net.IPv4(192, 0, 2, 1), Port: 4433}
	for _, err := range []error{
		nil,
		io.EOF,
		fmt.Errorf("quic: %w", &eidas.Error{Reason: eidas.ReasonRevoked}),
		errors.New("quic: tls: client didn't provide a certificate"),
		errors.New("quic: tls: failed to parse client certificate: x509: unsupported elliptic curve"),
		errors.New("quic: tls: invalid signature by the client certificate: oh"),
	} {
		v.HandshakeFailed(err, remote)
		v.HandshakeFailed(err, nil)
	}
	counts := map[string]float64{}
	for name, value := range series(t, registry) {
		if reason, ok := strings.CutPrefix(name, "eidas_qwac_handshakes_failed_total{reason="); ok && value != 0 {
			counts[strings.TrimSuffix(reason, "}")] = value
		}
	}
	assert.Equal(t, map[string]float64{"other": 2, "revoked": 2, "certificate_missing": 2, "certificate_malformed": 2, "key_not_proved": 2}, counts)
	assert.Equal(t, 6, strings.Count(log.String(), "event=handshake"), "those that no hook has reported")
	assert.Equal(t, 3, strings.Count(log.String(), "remote=192.0.2.1:4433"))
}

func TestNewRefusesANilValidator(t *testing.T) {
	_, err := qwac.New(qwac.Config{Validator: (*eidas.Validator)(nil)})
	require.Error(t, err)
}
