package qwac_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/qwac"
)

// The tests of this file hold guards that `make mutation PKG=./qwac` found
// unheld, most of them because another one refuses too: they are told apart by
// the words of the refusal, or by a Validator that lets everybody in.

var errOutage = errors.New("outage")

// A Validator that lets everybody in does not widen what is looked at.
func TestChainGuards(t *testing.T) {
	v := newVerifier(t, qwac.Config{Validator: &scripted{}})
	config := guard(t, v, &tls.Config{})
	many := func(n int) []*x509.Certificate {
		chain := make([]*x509.Certificate, n)
		for i := range chain {
			chain[i] = quick
		}
		return chain
	}
	for name, row := range map[string]struct {
		chain []*x509.Certificate
		want  eidas.Reason
	}{
		"as many as may be": {many(qwac.MaxCertificates), 0},
		"one more":          {many(qwac.MaxCertificates + 1), eidas.ReasonChainTooLong},
		"one not parsed":    {[]*x509.Certificate{quick, nil}, eidas.ReasonCertificateMalformed},
	} {
		t.Run(name, func(t *testing.T) {
			cs := state(false, row.chain...)
			cs.HandshakeComplete = true
			_, err := v.Peer(t.Context(), cs)
			assert.Equal(t, row.want, eidas.ReasonOf(err), "of a request: %v", err)
			assert.Equal(t, row.want, eidas.ReasonOf(v.VerifyConnection(cs)), "of a connection")
			if row.want != eidas.ReasonCertificateMalformed {
				assert.Equal(t, row.want, eidas.ReasonOf(config.VerifyPeerCertificate(raw(row.chain...), nil)), "of a handshake")
			}
		})
	}
}

func TestConfigGuards(t *testing.T) {
	_, err := qwac.New(qwac.Config{Validator: &scripted{}, MaxSessionAge: -1})
	require.ErrorContains(t, err, "MaxSessionAge is negative")
	_, err = qwac.New(qwac.Config{Validator: &scripted{}, CANames: [][]byte{{0x30, 0x03, 0x02}}})
	require.ErrorContains(t, err, "CANames[0]: asn1")
	_, err = qwac.New(qwac.Config{Validator: &scripted{}, CANames: [][]byte{{0x30, 0x00, 0x00}}})
	require.ErrorContains(t, err, "CANames[0]: trailing bytes")

	v := newVerifier(t, qwac.Config{Validator: &scripted{}})
	config := guard(t, v, &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
		return &tls.Config{ClientCAs: x509.NewCertPool()}, nil
	}})
	_, err = config.GetConfigForClient(&tls.ClientHelloInfo{})
	require.ErrorContains(t, err, "GetConfigForClient: qwac: base config has ClientCAs")

	config = guard(t, v, &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) {
		return &tls.Config{}, errOutage
	}})
	_, err = config.GetConfigForClient(&tls.ClientHelloInfo{})
	require.ErrorIs(t, err, errOutage)

	config = guard(t, v, &tls.Config{UnwrapSession: func([]byte, tls.ConnectionState) (*tls.SessionState, error) {
		return &tls.SessionState{}, errOutage
	}})
	_, err = config.UnwrapSession(nil, tls.ConnectionState{})
	require.ErrorIs(t, err, errOutage, "an error of the base config is its own")
}

// What a Validator says is passed on as it is, and what it should not say is a
// defect of ours.
func TestAnswersOfTheValidator(t *testing.T) {
	own := &eidas.Error{Reason: eidas.ReasonRevocationUnavailable}
	late := &eidas.Error{Reason: eidas.ReasonInternal, Err: context.DeadlineExceeded}
	var none *eidas.Error
	for name, row := range map[string]struct {
		err  error
		same *eidas.Error
		says string
	}{
		"its own refusal":            {own, own, ""},
		"late by its own clock":      {late, late, ""},
		"a nil refusal":              {none, nil, "returned a nil refusal"},
		"neither result nor refusal": {nil, nil, "neither result nor refusal"},
	} {
		t.Run(name, func(t *testing.T) {
			v := newVerifier(t, qwac.Config{Validator: validatorFunc(func() (*eidas.Result, error) { return nil, row.err })})
			err := v.VerifyConnection(state(false, quick))
			if row.same != nil {
				assert.Same(t, row.same, err)
				return
			}
			require.ErrorIs(t, err, eidas.ReasonInternal)
			assert.ErrorContains(t, err, row.says)
		})
	}
	// At the deadline the checker's own words are kept, and a context that was
	// cancelled inside of the Validator is a deadline too.
	synctest.Test(t, func(t *testing.T) {
		v := newVerifier(t, qwac.Config{Validator: &scripted{late: own}})
		assert.Same(t, own, v.VerifyConnection(state(false, hanging)))
		v = newVerifier(t, qwac.Config{Validator: &scripted{late: context.Canceled}})
		assert.Equal(t, eidas.ReasonDeadline, eidas.ReasonOf(v.VerifyConnection(state(false, hanging))))
	})
}

// timedWriter is the writer of a connection.
type timedWriter struct {
	*httptest.ResponseRecorder
	fail  error
	timed bool
}

func (w *timedWriter) SetReadDeadline(time.Time) error {
	w.timed = true
	return w.fail
}

// What a refused client still has to send is read with a bound in time or not at all.
func TestDrainGuards(t *testing.T) {
	for name, row := range map[string]struct {
		edit  func(r *http.Request)
		fail  error
		timed bool
		left  int
	}{
		"a body":                     {func(*http.Request) {}, nil, true, 0},
		"no bound in time":           {func(*http.Request) {}, errOutage, true, 4},
		"client waits for an answer": {func(r *http.Request) { r.Header.Set("Expect", "100-continue") }, nil, false, 4},
		"nil body":                   {func(r *http.Request) { r.Body = nil }, nil, false, 4},
		"no body":                    {func(r *http.Request) { r.Body = http.NoBody }, nil, false, 4},
	} {
		t.Run(name, func(t *testing.T) {
			v := newVerifier(t, qwac.Config{Validator: validatorFunc(func() (*eidas.Result, error) { return nil, eidas.ReasonRevoked })})
			body := strings.NewReader("body")
			r := httptest.NewRequest(http.MethodPost, apiURL, nil)
			r.TLS, r.Body = nil, io.NopCloser(body)
			row.edit(r)
			w := &timedWriter{ResponseRecorder: httptest.NewRecorder(), fail: row.fail}
			v.Handler(unreachable(t)).ServeHTTP(w, r)
			assert.GreaterOrEqual(t, w.Code, 400)
			assert.Equal(t, row.timed, w.timed)
			assert.Equal(t, row.left, body.Len())
		})
	}
}

func TestRotationGuards(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, policy := longWorld(t)
		store := &brokenStore{}
		f := w.follower(policy, qwac.Rotation{Store: store, AllowTokensFor: time.Hour})
		lt := w.qtsp("LT", "QTSP LT")
		old, current := w.qwac(lt, request{}), w.qwac(lt, request{})
		require.NoError(t, f.visit(old))
		result := f.result(t, current)
		id, issued := identityOf(t, tppID), time.Now().Add(-time.Minute)
		require.NoError(t, f.verifier.SameTPP(t.Context(), result, sumOf(old), issued))

		store.fail = errOutage
		err := f.verifier.SameTPP(t.Context(), result, sumOf(old), issued)
		require.ErrorIs(t, err, eidas.ReasonInternal)
		require.ErrorIs(t, err, errOutage)
		time.Sleep(time.Minute) // it is left alone for a moment
		_, err = f.verifier.Certificates(t.Context(), id)
		require.ErrorIs(t, err, errOutage)
		time.Sleep(time.Minute)
		require.ErrorIs(t, f.verifier.Confirm(t.Context(), id, sumOf(old)), errOutage)

		for _, none := range []*eidas.Result{nil, {}} {
			require.ErrorIs(t, f.verifier.SameTPP(t.Context(), none, sumOf(old), issued), eidas.ReasonInternal)
		}
		off := w.follower(policy, qwac.Rotation{Store: &qwac.MemoryStore{}}).verifier
		for name, v := range map[string]*qwac.Verifier{"no store": w.verifier(policy), "no tokens": off} {
			require.ErrorContains(t, v.SameTPP(t.Context(), result, sumOf(old), issued), "AllowTokensFor is off", name)
		}
	})
}

// A certificate that was never let in has no end to tell of.
func TestRevokedStrangerIsNotFollowed(t *testing.T) {
	w := newWorld(t)
	var log records
	v := newVerifier(t, qwac.Config{
		Validator: w.validator(eidas.Policy{}), Logger: log.logger(), Rotation: qwac.Rotation{Store: new(qwac.MemoryStore)},
	})
	l := w.qwac(w.qtsp("LT", "QTSP LT"), request{})
	w.revoke(l.cert)
	cs := state(false, l.cert)
	cs.HandshakeComplete = true
	_, err := v.Peer(t.Context(), cs)
	require.ErrorIs(t, err, eidas.ReasonRevoked)
	assert.NotContains(t, log.String(), "panic")
	refs, err := v.Certificates(t.Context(), identityOf(t, tppID))
	require.NoError(t, err)
	assert.Empty(t, refs)
}

// A Validator that shows no path leaves nothing to ask for later.
func TestResultWithoutAChainIsFollowed(t *testing.T) {
	w := newWorld(t)
	l := w.qwac(w.qtsp("LT", "QTSP LT"), request{})
	var log records
	v := newVerifier(t, qwac.Config{
		Logger: log.logger(), Rotation: qwac.Rotation{Store: new(qwac.MemoryStore), AllowTokensFor: time.Hour},
		Validator: validatorFunc(func() (*eidas.Result, error) {
			return &eidas.Result{
				Evidence:   eidas.Evidence{Leaf: l.cert, Identity: identityOf(t, tppID), At: time.Now()},
				ValidUntil: time.Now().Add(time.Hour),
			}, nil
		}),
	})
	cs := state(false, l.cert)
	cs.HandshakeComplete = true
	_, err := v.Peer(t.Context(), cs)
	require.NoError(t, err)
	assert.NotContains(t, log.String(), "panic")
	refs, err := v.Certificates(t.Context(), identityOf(t, tppID))
	require.NoError(t, err)
	assert.Len(t, refs, 1)
}

// A certificate that was revoked outlasts nobody.
func TestRevokedCertificateOutlastsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, policy := longWorld(t)
		f := w.follower(policy, qwac.Rotation{Store: new(qwac.MemoryStore)})
		lt := w.qtsp("LT", "QTSP LT")
		long, brief := w.qwac(lt, until(300)), w.qwac(lt, until(40))
		require.NoError(t, f.visit(long))
		require.NoError(t, f.visit(brief))
		w.revoke(long.cert)
		time.Sleep(20 * 24 * time.Hour)
		require.Error(t, f.visit(long))
		f.told()
		require.NoError(t, f.visit(brief))
		f.assertTold(t, qwac.EventSuperseded, qwac.EventExpiring)
	})
}
