package qwac_test

import (
	"errors"
	"fmt"
	"io"
	"testing"

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

func TestNewRefusesANilValidator(t *testing.T) {
	_, err := qwac.New(qwac.Config{Validator: (*eidas.Validator)(nil)})
	require.Error(t, err)
}
