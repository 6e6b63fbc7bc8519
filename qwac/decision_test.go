package qwac_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/qwac"
)

// counted counts the verdicts from scratch of a Validator.
type counted struct {
	*eidas.Validator
	calls int
}

func (c *counted) Validate(ctx context.Context, peer []*x509.Certificate, use eidas.Use, at time.Time) (*eidas.Result, error) {
	c.calls++
	return c.Validator.Validate(ctx, peer, use, at)
}

// known is a Verifier that has met a TPP already.
type known struct {
	*world
	issuer     *authority
	peer       *leaf
	validator  *counted
	verifier   *qwac.Verifier
	authorized int   // how often the authorizer was asked
	refusal    error // of the authorizer
	panics     bool  // the authorizer does
}

func newKnown(t *testing.T) *known {
	t.Helper()
	k := &known{world: newWorld(t)}
	k.issuer = k.qtsp("LT", "QTSP LT")
	k.peer = k.qwac(k.issuer, request{})
	k.validator = &counted{Validator: k.world.validator(eidas.Policy{Authorizer: func(*eidas.Evidence) error {
		k.authorized++
		if k.panics {
			panic("boom")
		}
		return k.refusal
	}})}
	k.verifier = newVerifier(t, qwac.Config{Validator: k.validator})
	_, err := k.ask(t)
	require.NoError(t, err)
	return k
}

// ask is a request of the peer.
func (k *known) ask(t *testing.T) (*eidas.Result, error) {
	t.Helper()
	cs := state(false, k.peer.cert)
	cs.HandshakeComplete = true
	return k.verifier.Peer(t.Context(), cs)
}

func TestVerdictFromMemoryHoldsAsLongAsItsEvidence(t *testing.T) {
	for name, row := range map[string]struct {
		change func(*known)
		anew   int // verdicts from scratch
		want   eidas.Reason
	}{
		"nothing new":                   {func(*known) {}, 0, 0},
		"shortly before the cap":        {func(*known) { time.Sleep(qwac.MaxDecisionAge) }, 0, 0},
		"after the cap":                 {func(*known) { time.Sleep(qwac.MaxDecisionAge + 1) }, 1, 0},
		"a fresher answer":              {func(k *known) { k.fresh = k.fresh.Add(time.Hour) }, 0, 0},
		"a revocation became known":     {func(k *known) { k.revoke(k.peer.cert) }, 1, eidas.ReasonRevoked},
		"status is known no more":       {func(k *known) { k.forgetful = true }, 1, 0},
		"same lists in a new snapshot":  {func(k *known) { k.publish() }, 1, 0},
		"QTSP withdrawn":                {func(k *known) { k.withdraw(k.issuer) }, 1, eidas.ReasonServiceNotGranted},
		"lists lost":                    {func(k *known) { k.set.Store(nil) }, 1, eidas.ReasonTrustUnavailable},
		"authorisation taken back":      {func(k *known) { k.refusal = eidas.ReasonIdentityDenied }, 1, eidas.ReasonIdentityDenied},
		"authorizer panics from now on": {func(k *known) { k.panics = true }, 1, eidas.ReasonInternal},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(time.Until(time.Date(2026, 11, 24, 12, 0, 0, 0, time.UTC))) // a bubble begins before eIDAS
				k := newKnown(t)
				calls, authorized, checks := k.validator.calls, k.authorized, k.statusChecks()
				row.change(k)
				_, err := k.ask(t)
				assert.Equal(t, row.want, eidas.ReasonOf(err), "%v", err)
				assert.Equal(t, row.anew, k.validator.calls-calls)
				if row.anew == 0 {
					assert.Equal(t, 1, k.authorized-authorized, "the authorizer is asked each time")
					assert.Equal(t, checks, k.statusChecks(), "nobody else is asked")
					assert.Positive(t, k.statusKnown(), "but what is known counts")
				}
			})
		})
	}
}

// A verdict is remembered for the policy that gave it.
func TestVerdictIsNotForAnotherValidator(t *testing.T) {
	k := newKnown(t)
	strict := k.world.validator(eidas.Policy{Authorizer: eidas.AllowIdentities()})
	first, err := k.ask(t)
	require.NoError(t, err)
	_, ok := strict.Recheck(first, time.Now())
	assert.False(t, ok)
	_, ok = k.validator.Recheck(first, time.Now())
	assert.True(t, ok)
}

func TestResultIsTheSameWhileTheEvidenceIs(t *testing.T) {
	k := newKnown(t)
	first, err := k.ask(t)
	require.NoError(t, err)
	second, err := k.ask(t)
	require.NoError(t, err)
	assert.Same(t, first, second)

	k.fresh = k.fresh.Add(time.Minute)
	renewed, err := k.ask(t)
	require.NoError(t, err)
	assert.NotSame(t, first, renewed)
	assert.Equal(t, k.fresh, renewed.ValidUntil)
	again, err := k.ask(t)
	require.NoError(t, err)
	assert.Same(t, renewed, again)
}

// Before the handshake is complete anybody may be behind a certificate.
func TestPeerDemandsACompletedHandshake(t *testing.T) {
	k := newKnown(t)
	_, err := k.verifier.Peer(t.Context(), state(false, k.peer.cert))
	require.ErrorIs(t, err, eidas.ReasonInternal)
	cs := state(false)
	cs.HandshakeComplete = true
	_, err = k.verifier.Peer(t.Context(), cs)
	require.ErrorIs(t, err, eidas.ReasonCertificateMissing)
}

// A client that resumes is seen with the certificate of its session.
func TestSessionsEndAtTheirAge(t *testing.T) {
	eachVersion(t, func(t versioned) {
		for name, row := range map[string]struct {
			age     time.Duration
			resumed bool
		}{
			"within":   {time.Hour, true},
			"beyond":   {time.Nanosecond, false},
			"no bound": {0, true},
		} {
			t.Run(name, func(tt *testing.T) {
				w := newWorld(tt)
				b := newBank(w)
				config := guard(tt, newVerifier(tt, qwac.Config{Validator: w.validator(eidas.Policy{}), MaxSessionAge: row.age}), b.base())
				client := b.client(t.version, w.qwac(w.qtsp("LT", "QTSP LT"), request{}))
				assertAccepted(tt, handshake(tt, config, client), false)
				for range 3 {
					assertAccepted(tt, handshake(tt, config, client), row.resumed)
				}
			})
		}
	})
}

// The age is that of the full handshake, however often its session was resumed.
func TestResumingDoesNotMakeASessionYounger(t *testing.T) {
	eachVersion(t, func(t versioned) {
		w := newWorld(t)
		b := newBank(w)
		v := newVerifier(t, qwac.Config{Validator: w.validator(eidas.Policy{}), MaxSessionAge: time.Hour})
		config := guard(t, v, b.base())
		client := b.client(t.version, w.qwac(w.qtsp("LT", "QTSP LT"), request{}))
		for _, resumed := range []bool{false, true, true, false, true, true, false} {
			assertAccepted(t, handshake(t, config, client), resumed)
			v.AgeSessions(25 * time.Minute)
		}
	})
}

func TestWarmHooksDoNotAllocate(t *testing.T) {
	k := newKnown(t)
	config := guard(t, k.verifier, &tls.Config{})
	cs, sent := state(false, k.peer.cert), raw(k.peer.cert)
	for name, hooks := range map[string]func() error{
		"of ServerConfig": func() error { return errors.Join(config.VerifyPeerCertificate(sent, nil), config.VerifyConnection(cs)) },
		"set by hand": func() error {
			return errors.Join(k.verifier.VerifyPeerCertificate(sent, nil), k.verifier.VerifyConnection(cs))
		},
	} {
		calls := k.validator.calls
		assert.Zero(t, testing.AllocsPerRun(100, func() {
			if err := hooks(); err != nil {
				t.Error(err)
			}
		}), name)
		assert.Equal(t, calls, k.validator.calls, name)
	}
}
