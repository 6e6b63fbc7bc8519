package qwac_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/qwac"
)

// state is a handshake in which the peer sent the given chain.
func state(resumed bool, chain ...*x509.Certificate) tls.ConnectionState {
	return tls.ConnectionState{PeerCertificates: chain, DidResume: resumed}
}

// scripted is a Validator whose answer depends on the issuer's name in the
// leaf: "hang" waits for the deadline, anything else is let in at once.
type scripted struct {
	mu    sync.Mutex
	calls int
	late  error // what "hang" says at its deadline; nil: that of the context
}

func (s *scripted) Validate(ctx context.Context, peer []*x509.Certificate, use eidas.Use, at time.Time) (*eidas.Result, error) {
	s.mu.Lock()
	s.calls++
	s.mu.Unlock()
	if use != eidas.UseTLS {
		return nil, errors.New("not for TLS")
	}
	if len(peer) > 0 && string(peer[0].Raw) == "hang" {
		<-ctx.Done()
		if s.late != nil {
			return nil, s.late
		}
		return nil, ctx.Err()
	}
	return &eidas.Result{ValidUntil: at.Add(time.Hour)}, nil
}

var (
	hanging = &x509.Certificate{Raw: []byte("hang")}
	quick   = &x509.Certificate{Raw: []byte("quick")}
)

func TestVerdictEndsAtItsDeadline(t *testing.T) {
	for name, row := range map[string]struct {
		timeout, want time.Duration
		late          error
		reason        eidas.Reason
	}{
		"default": {0, 2 * time.Second, nil, eidas.ReasonDeadline},
		"set":     {time.Minute, time.Minute, nil, eidas.ReasonDeadline},
		// The checker knows better who is to blame.
		"the responder's fault": {0, 2 * time.Second, eidas.ReasonRevocationUnavailable, eidas.ReasonRevocationUnavailable},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				v := newVerifier(t, qwac.Config{Validator: &scripted{late: row.late}, Timeout: row.timeout})
				start := time.Now()
				err := v.VerifyConnection(state(false, hanging))
				assert.Equal(t, row.reason, eidas.ReasonOf(err), "%v", err)
				assert.Equal(t, row.want, time.Since(start))
			})
		})
	}
}

// A responder that hangs takes all places; TPPs whose status is known do not
// need one.
func TestVerdictsBeyondTheLimitMayNotWait(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newVerifier(t, qwac.Config{Validator: &scripted{}, Timeout: time.Minute, MaxConcurrent: 2})
		results := make(chan error, 2)
		for range 2 {
			go func() { results <- v.VerifyConnection(state(false, hanging)) }()
		}
		synctest.Wait()

		start := time.Now()
		require.NoError(t, v.VerifyConnection(state(false, quick)), "needs no network")
		err := v.VerifyConnection(state(false, hanging))
		assert.Equal(t, eidas.ReasonOverloaded, eidas.ReasonOf(err), "%v", err)
		assert.Less(t, time.Since(start), time.Second, "and fails fast")

		for range 2 {
			assert.Equal(t, eidas.ReasonDeadline, eidas.ReasonOf(<-results))
		}
		err = v.VerifyConnection(state(false, hanging))
		assert.Equal(t, eidas.ReasonDeadline, eidas.ReasonOf(err), "places are given back")
	})
}

func TestRefusalOfThePeerStandsAlsoBeyondTheLimit(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		v := newVerifier(t, qwac.Config{Validator: &scripted{late: eidas.ReasonRevoked}, MaxConcurrent: 1})
		first := make(chan error)
		go func() { first <- v.VerifyConnection(state(false, hanging)) }()
		synctest.Wait()
		assert.Equal(t, eidas.ReasonRevoked, eidas.ReasonOf(v.VerifyConnection(state(false, hanging))))
		assert.Equal(t, eidas.ReasonRevoked, eidas.ReasonOf(<-first))
	})
}

func TestMisbehavingValidatorRefuses(t *testing.T) {
	for name, answer := range map[string]validatorFunc{
		"neither result nor refusal": func() (*eidas.Result, error) { return nil, nil },
		"an untyped error":           func() (*eidas.Result, error) { return nil, errors.New("disk full") },
		"the zero reason":            func() (*eidas.Result, error) { return nil, eidas.Reason(0) },
		"a refusal without reason":   func() (*eidas.Result, error) { return nil, &eidas.Error{} },
		"a nil refusal":              func() (*eidas.Result, error) { return nil, (*eidas.Error)(nil) },
		"both":                       func() (*eidas.Result, error) { return &eidas.Result{}, errors.New("disk full") },
		"a panic":                    func() (*eidas.Result, error) { panic("boom\n\x1b[31m") },
	} {
		t.Run(name, func(t *testing.T) {
			v := newVerifier(t, qwac.Config{Validator: answer})
			err := v.VerifyConnection(state(false, quick))
			var refusal *eidas.Error
			require.ErrorAs(t, err, &refusal)
			assert.Equal(t, eidas.ReasonInternal, refusal.Reason)
			assert.NotContains(t, err.Error(), "\n", "net/http logs it as it is")
		})
	}
}

func TestBareReasonOfAValidatorIsKept(t *testing.T) {
	v := newVerifier(t, qwac.Config{Validator: validatorFunc(func() (*eidas.Result, error) { return nil, eidas.ReasonRevoked })})
	err := v.VerifyConnection(state(false, quick))
	var refusal *eidas.Error
	require.ErrorAs(t, err, &refusal)
	assert.Equal(t, eidas.ReasonRevoked, refusal.Reason)
}

// mintedChain returns n distinct certificates that parse.
func mintedChain(t *testing.T, n int) []*x509.Certificate {
	t.Helper()
	w := newWorld(t)
	chain := make([]*x509.Certificate, n)
	key := newKey(t)
	for i := range chain {
		chain[i] = w.sign(nil, key, func(*x509.Certificate) {})
	}
	return chain
}

func raw(chain ...*x509.Certificate) [][]byte {
	var out [][]byte
	for _, c := range chain {
		out = append(out, c.Raw)
	}
	return out
}

func TestVerdictIsSharedWithinOneHandshakeOnly(t *testing.T) {
	chain := mintedChain(t, 2)
	for name, row := range map[string]struct {
		wait    time.Duration // between the hooks
		valid   time.Duration // how long the evidence holds
		resumed bool
		second  []*x509.Certificate
		calls   int
	}{
		"same handshake":         {0, time.Hour, false, chain, 1},
		"client takes its time":  {qwac.HandoffAge, time.Hour, false, chain, 1},
		"client takes too long":  {qwac.HandoffAge + 1, time.Hour, false, chain, 2},
		"evidence ends before":   {2 * time.Second, time.Second, false, chain, 2},
		"resumed handshake":      {0, time.Hour, true, chain, 2},
		"other chain, same leaf": {0, time.Hour, false, chain[:1], 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				calls := 0
				v := newVerifier(t, qwac.Config{Validator: validatorFunc(func() (*eidas.Result, error) {
					calls++
					return &eidas.Result{ValidUntil: time.Now().Add(row.valid)}, nil
				})})
				require.NoError(t, v.VerifyPeerCertificate(raw(chain...), nil))
				time.Sleep(row.wait)
				require.NoError(t, v.VerifyConnection(state(row.resumed, row.second...)))
				assert.Equal(t, row.calls, calls)
				require.NoError(t, v.VerifyConnection(state(row.resumed, row.second...)))
				assert.Equal(t, row.calls+1, calls, "a verdict is taken once")
			})
		})
	}
}

func TestRefusalIsNotShared(t *testing.T) {
	chain := mintedChain(t, 1)
	v := newVerifier(t, qwac.Config{Validator: validatorFunc(func() (*eidas.Result, error) { return nil, eidas.ReasonRevoked })})
	require.ErrorIs(t, v.VerifyPeerCertificate(raw(chain...), nil), eidas.ReasonRevoked)
	assert.Zero(t, v.Parked())
	assert.ErrorIs(t, v.VerifyConnection(state(false, chain...)), eidas.ReasonRevoked)
}

// Anybody can leave verdicts behind, with public certificates in every order.
func TestVerdictsLeftBehindAreBounded(t *testing.T) {
	certs := mintedChain(t, 3)
	synctest.Test(t, func(t *testing.T) {
		v := newVerifier(t, qwac.Config{Validator: &scripted{}})
		leave := func(n int) {
			var chain []*x509.Certificate
			for range 6 {
				chain = append(chain, certs[n%3])
				n /= 3
			}
			require.NoError(t, v.VerifyPeerCertificate(raw(chain...), nil))
		}
		for n := range 2 * qwac.MaxHandoffs {
			leave(n)
		}
		assert.Equal(t, qwac.MaxHandoffs, v.Parked())
		time.Sleep(qwac.HandoffAge + 1)
		leave(700)
		assert.Equal(t, 1, v.Parked(), "old ones make room")
	})
}

func TestChainIsBoundedBeforeItIsParsed(t *testing.T) {
	v := newVerifier(t, qwac.Config{Validator: &scripted{}})
	der := mintedChain(t, 1)[0].Raw
	repeat := func(n int) (chain [][]byte) {
		for range n {
			chain = append(chain, der)
		}
		return chain
	}
	for name, row := range map[string]struct {
		raw  [][]byte
		want eidas.Reason
	}{
		"eight certificates": {repeat(qwac.MaxCertificates), 0},
		"nine certificates":  {repeat(qwac.MaxCertificates + 1), eidas.ReasonChainTooLong},
		"too many bytes":     {[][]byte{der, make([]byte, qwac.MaxBytes)}, eidas.ReasonChainTooLong},
		"as many as allowed": {[][]byte{der, make([]byte, qwac.MaxBytes-len(der))}, eidas.ReasonCertificateMalformed},
		"no certificate":     {[][]byte{der, []byte("no\ncertificate")}, eidas.ReasonCertificateMalformed},
		"trailing byte":      {[][]byte{append(der[:len(der):len(der)], 0)}, eidas.ReasonCertificateMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			err := v.VerifyPeerCertificate(row.raw, nil)
			assert.Equal(t, row.want, eidas.ReasonOf(err), "%v", err)
		})
	}
}

func TestEmptyChainIsRefused(t *testing.T) {
	w := newWorld(t)
	v := w.verifier(eidas.Policy{})
	require.ErrorIs(t, v.VerifyPeerCertificate(nil, nil), eidas.ReasonCertificateMissing)
	require.ErrorIs(t, v.VerifyConnection(state(false)), eidas.ReasonCertificateMissing)
	assert.ErrorIs(t, v.VerifyConnection(state(true)), eidas.ReasonCertificateMissing)
}

// The oracle: no panic, and every error is a refusal with a known reason.
func FuzzVerifyPeerCertificate(f *testing.F) {
	w := newWorld(f)
	issuer := w.qtsp("LT", "QTSP LT")
	f.Add(w.qwac(issuer, request{}).cert.Raw, issuer.cert.Raw)
	f.Add(w.qwac(issuer, request{id: "x"}).cert.Raw, []byte{})
	f.Add([]byte{}, []byte{0x30, 0x80})
	v := w.verifier(eidas.Policy{})
	f.Fuzz(func(t *testing.T, leaf, intermediate []byte) {
		for _, raw := range [][][]byte{{leaf}, {leaf, intermediate}} {
			err := v.VerifyPeerCertificate(raw, nil)
			if err == nil {
				continue
			}
			var refusal *eidas.Error
			require.ErrorAs(t, err, &refusal)
			assert.NotZero(t, refusal.Reason.Cause())
			assert.NotEqual(t, eidas.ReasonInternal, refusal.Reason, "%v", err)
		}
	})
}
