package eidastest_test

import (
	"crypto/tls"
	"crypto/x509"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/eidastest"
)

func TestReplayerKeepsItsFirstSession(t *testing.T) {
	r := &eidastest.Replayer{}
	_, ok := r.Get("a")
	assert.False(t, ok)
	assert.Zero(t, r.Offered())
	first := &tls.ClientSessionState{}
	r.Put("a", first)
	r.Put("a", &tls.ClientSessionState{})
	r.Put("a", nil) // crypto/tls drops a session that failed
	got, ok := r.Get("b")
	assert.True(t, ok)
	assert.Same(t, first, got)
	assert.Equal(t, 1, r.Offered())
}

// A server whose validator is Clocked lives at the world's time.
func TestClockedJudgesAtTheWorldsTime(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{Now: time.Date(2024, time.March, 1, 0, 0, 0, 0, time.UTC)})
	c := w.Clocked(w.Validator(eidas.DefaultPolicy(eidas.AllowAnyone())))
	l := w.QWAC("LT", identifier, eidas.RoleAI)
	judge := func(at time.Time) (*eidas.Result, error) {
		return c.Validate(t.Context(), []*x509.Certificate{l.Certificate}, eidas.UseTLS, at)
	}
	result, err := judge(time.Time{})
	require.NoError(t, err)
	assert.True(t, w.Now().Equal(result.At))
	w.SetNow(l.Certificate.NotAfter.Add(time.Second))
	_, err = judge(l.Certificate.NotBefore)
	require.ErrorIs(t, err, eidas.ReasonExpired)
	_, ok := c.Recheck(result, result.At)
	assert.False(t, ok)
}
