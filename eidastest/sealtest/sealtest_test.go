package sealtest_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/eidastest"
	"github.com/seed-b953571c/eidas/eidastest/sealtest"
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
				if reason, cause := o.Refusal(); !o.Twin && o.Attack.Want != 0 {
					assert.Equal(t, o.Attack.Want.String(), reason.String(), o.String())
					assert.Equal(t, o.Attack.Cause, cause, o.String())
				}
			}
			t.Logf("%d attacks, %d answers", len(s.kit.Attacks(p)), len(outcomes))
		})
	}
	assert.Zero(t, s.kit.Dialled())
}

func TestBindings(t *testing.T) {
	s := newScene(t)
	s.kit.RunBindings(t, s.verifyBinding)
}

// verifyBinding is what a program that meets a binding does.
func (s *scene) verifyBinding(text []byte, presented []*x509.Certificate, at time.Time) error {
	c, err := s.world.Config(eidas.Policy{})
	if err != nil {
		return err
	}
	b, err := qseal.VerifyBinding(text, presented, at, qseal.BindingOptions{})
	if err == nil {
		_, err = b.Qualify(s.world.Services(), at)
	}
	if err == nil {
		_, err = b.CheckStatus(s.t.Context(), c.Status, s.world.Services(), at)
	}
	return err
}

// The same without a connection, for those who test a verifier alone.
func TestAttacksAsRequests(t *testing.T) {
	s := newScene(t)
	for _, p := range qseal.Profiles() {
		c := s.config(p)
		c.Peer = func(r *http.Request) (eidas.Identity, error) {
			result, err := c.Validator.Validate(r.Context(), r.TLS.PeerCertificates, eidas.UseTLS, s.world.Now())
			if err != nil {
				return eidas.Identity{}, err
			}
			return result.Identity, nil
		}
		v, err := qseal.New(c)
		require.NoError(t, err)
		verify := func(m *sealtest.Message) error {
			r, err := m.Request()
			require.NoError(t, err)
			_, err = v.VerifyRequest(t.Context(), r, s.world.Now())
			return err
		}
		seen := 0
		for _, a := range s.kit.Attacks(p) {
			messages, err := a.Messages()
			require.NoError(t, err)
			last := len(messages) - 1
			if a.Want == 0 || messages[last].HTTP2 {
				continue
			}
			seen++
			for _, m := range messages[:last] {
				require.NoError(t, verify(m), a.String())
			}
			err = verify(messages[last])
			require.ErrorIs(t, err, a.Want, a.String())
			if a.Cause != 0 {
				require.ErrorIs(t, err, a.Cause, a.String())
			}
		}
		assert.Greater(t, seen, 90, p.Name())
	}
	m := sealtest.Message{HTTP2: true}
	_, err := m.Request()
	assert.Error(t, err)
}

// Every item of the list is an attack on every profile, or it is said why not.
func TestEveryItemIsAnAttackOrExcluded(t *testing.T) {
	s := newScene(t)
	attacked := map[string]map[int]bool{}
	names := map[string]bool{}
	add := func(profile string, item int, name string) {
		if attacked[profile] == nil {
			attacked[profile] = map[int]bool{}
		}
		attacked[profile][item] = true
		key := fmt.Sprint(profile, item, name)
		assert.False(t, names[key], "%s %d %s is there twice", profile, item, name)
		names[key] = true
	}
	for _, p := range qseal.Profiles() {
		for _, a := range s.kit.Attacks(p) {
			add(a.Profile, a.Item, a.Name)
		}
	}
	bindings, err := s.kit.Bindings()
	require.NoError(t, err)
	for _, a := range bindings {
		add(sealtest.BindingProfile, a.Item, a.Name)
	}
	excluded := map[string]map[int]bool{}
	for _, e := range sealtest.Exclusions() {
		assert.NotEmpty(t, e.Why)
		if excluded[e.Profile] == nil {
			excluded[e.Profile] = map[int]bool{}
		}
		assert.False(t, excluded[e.Profile][e.Item], "%s excludes %d twice", e.Profile, e.Item)
		excluded[e.Profile][e.Item] = true
	}
	require.Len(t, attacked, len(sealtest.ProfileNames()))
	assert.Empty(t, sealtest.Title(0)+sealtest.Title(sealtest.Items+1))
	titles := map[string]bool{}
	for item := 1; item <= sealtest.Items; item++ {
		assert.NotEmpty(t, sealtest.Title(item))
		titles[sealtest.Title(item)] = true
	}
	assert.Len(t, titles, sealtest.Items)
	for _, p := range sealtest.ProfileNames() {
		for item := 1; item <= sealtest.Items; item++ {
			assert.NotEqual(t, attacked[p][item], excluded[p][item], "%s %d is neither or both", p, item)
		}
	}
}

// A bank that looks at no seal lets in everything but what net/http refuses, and
// is told so.
func TestABankThatVerifiesNothingIsFound(t *testing.T) {
	s := newScene(t)
	open := &http.Server{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
	}), TLSConfig: &tls.Config{MinVersion: tls.VersionTLS12, ClientAuth: tls.RequireAnyClientCert, NextProtos: []string{"h2", "http/1.1"}}}
	for _, p := range []qseal.Profile{qseal.BerlinGroup13(), qseal.JAdESHTTP(), qseal.RFC9421("fapi-2-request")} {
		outcomes, err := s.kit.Play(t.Context(), p, open)
		require.NoError(t, err)
		for _, o := range outcomes {
			switch {
			case o.Twin || o.Attack.Want == 0:
				assert.Empty(t, o.Wrong, o.String())
			default:
				assert.Contains(t, o.Wrong, "LET IN", o.String())
			}
		}
	}
}

// A bank that has forgotten one rule is told which.
func TestAForgottenRuleIsFound(t *testing.T) {
	s := newScene(t)
	for name, row := range map[string]struct {
		profile qseal.Profile
		forget  func(c *qseal.Config)
		want    []string
	}{
		"replay": {
			qseal.RFC9421("fapi-2-request"), func(c *qseal.Config) { c.Replay = forgetful{} },
			[]string{
				"rfc9421 14 the same seal again", "rfc9421 14 another order under the same id",
				"rfc9421 16 the nonce of another request",
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			c := s.config(row.profile)
			row.forget(&c)
			outcomes, err := s.kit.Play(t.Context(), row.profile, s.bank(c))
			require.NoError(t, err)
			var wrong []string
			for _, o := range outcomes {
				if o.Wrong != "" {
					assert.Contains(t, o.Wrong, "LET IN")
					wrong = append(wrong, o.Attack.String())
				}
			}
			assert.ElementsMatch(t, row.want, wrong)
		})
	}
}

// forgetful remembers nothing.
type forgetful struct{}

func (forgetful) Add(context.Context, string, time.Duration) (bool, error) { return true, nil }

// What needs HTTP/2 is no attack on a bank without it.
func TestABankOfHTTP1(t *testing.T) {
	s := newScene(t)
	p := qseal.OBIE31(qseal.OBIE313)
	for _, http2 := range []bool{true, false} {
		bank := s.bank(s.config(p))
		bank.Protocols = new(http.Protocols)
		bank.Protocols.SetHTTP1(true)
		bank.Protocols.SetHTTP2(http2)
		outcomes, err := s.kit.Play(t.Context(), p, bank)
		require.NoError(t, err)
		items := map[int]bool{}
		for _, o := range outcomes {
			assert.Empty(t, o.Wrong, o.String())
			items[o.Attack.Item] = true
		}
		assert.Equal(t, http2, items[52])
		assert.True(t, items[53])
	}
}

// The kit's own verdicts fail a test.
func TestRunFailsTheTest(t *testing.T) {
	s := newScene(t)
	c := s.config(qseal.OBIE31(qseal.OBIE314))
	c.Peer, c.AllowAnyPeer = nil, true
	var tb recorder
	s.kit.Run(&tb, c.Profile, s.bank(c))
	assert.Contains(t, tb.text, "attack obie-3.1.4 19 sealed by another TPP than the one on the connection (POST /psd2/orders): LET IN with status 200, want sealer is not the one on the connection")
	assert.NotContains(t, tb.text, "twin")
	var strict recorder
	s.kit.RunBindings(&strict, func([]byte, []*x509.Certificate, time.Time) error { return nil })
	assert.Contains(t, strict.text, "42 no cty: ACCEPTED")
	_, err := s.kit.Play(t.Context(), qseal.Profile{}, s.bank(c))
	require.ErrorContains(t, err, "no attacks on profile")
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	_, err = s.kit.Play(ended, c.Profile, s.bank(c))
	assert.ErrorIs(t, err, context.Canceled)
}

func TestNewRefusesWhatItCannotUse(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{Territories: []string{"DE"}})
	for name, row := range map[string]struct {
		world   *eidastest.World
		options sealtest.Options
		want    string
	}{
		"no world":     {nil, sealtest.Options{}, "no world"},
		"no path":      {w.World, sealtest.Options{Target: "v1"}, "no plain path"},
		"query":        {w.World, sealtest.Options{Target: "/v1?x"}, "no plain path"},
		"small bodies": {w.World, sealtest.Options{MaxBody: 100}, "MaxBody"},
		"no QTSP":      {w.World, sealtest.Options{}, "no QTSP in LT"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := sealtest.New(row.world, row.options)
			require.ErrorContains(t, err, row.want)
			var tb recorder
			sealtest.Start(&tb, row.world, row.options)
			assert.Contains(t, tb.text, row.want)
		})
	}
}

// recorder is a test that goes on.
type recorder struct{ text string }

func (r *recorder) Helper()                           {}
func (r *recorder) Cleanup(func())                    {}
func (r *recorder) Fatalf(format string, args ...any) { r.text = fmt.Sprintf(format, args...) }
