package sealtest_test

import (
	"crypto/tls"
	"crypto/x509"
	"testing"
	"time"

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

func TestBindings(t *testing.T) {
	s := newScene(t)
	s.kit.RunBindings(t, func(text []byte, presented []*x509.Certificate, at time.Time) error {
		b, err := qseal.VerifyBinding(text, presented, at, qseal.BindingOptions{})
		if err == nil {
			_, err = b.Qualify(s.world.Services(), at)
		}
		return err
	})
}
