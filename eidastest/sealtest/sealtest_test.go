package sealtest_test

import (
	"crypto/tls"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas/qseal"
)

func serverConfig(c tls.Certificate) *tls.Config {
	return &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{c}, NextProtos: []string{"h2", "http/1.1"}}
}

// Every attack on every profile is refused over mutual TLS, for its own reason and
// no other, and every twin is let in.
func TestAttacksOverMutualTLS(t *testing.T) {
	s := newScene(t)
	for _, p := range qseal.Profiles() {
		t.Run(p.Name(), func(t *testing.T) {
			outcomes, err := s.kit.Play(t.Context(), p, s.bank(s.config(p)))
			require.NoError(t, err)
			for _, o := range outcomes {
				assert.Empty(t, o.Wrong, o.String())
			}
			t.Logf("%d attacks", len(outcomes)/2)
		})
	}
	assert.Zero(t, s.kit.Dialled())
}
