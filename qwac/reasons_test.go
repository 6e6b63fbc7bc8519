package qwac_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/qwac"
)

// unreadable is a client's certificate that crypto/x509 does not read, as those
// with a brainpool key. The client itself does not look at what it sends.
func unreadable(l *leaf) *leaf {
	cut := l.cert.Raw[:len(l.cert.Raw)-1]
	return &leaf{cert: l.cert, tls: tls.Certificate{Certificate: [][]byte{cut}, PrivateKey: l.tls.PrivateKey, Leaf: l.cert}}
}

// handshakesElsewhere are the reasons that a real handshake meets in a test of
// its own. With the rows of TestHandshakeIsRefusedWithItsReason they are all.
var handshakesElsewhere = map[eidas.Reason]string{
	eidas.ReasonCertificateMissing:   "TestClientWithoutCertificateIsRefusedByTLSItself",
	eidas.ReasonCertificateMalformed: "TestCertificateThatCannotBeParsedIsRefusedByTLSItself",
	eidas.ReasonIssuerUnknown:        "TestHandshakeFollowsTheList",
	eidas.ReasonSignatureInvalid:     "TestHandshakeFollowsTheList",
	eidas.ReasonProfile:              "TestHandshakeFollowsTheList",
	eidas.ReasonServiceNotGranted:    "TestHandshakeFollowsTheList",
	eidas.ReasonNotQualified:         "TestHandshakeFollowsTheList",
	eidas.ReasonListStale:            "TestHandshakeFollowsTheList",
	eidas.ReasonPathTooComplex:       "TestHandshakeIsRefusedWhereThePathIsTooDear",
	eidas.ReasonHeld:                 "TestHeldCertificateIsRefusedAtItsRequest",
	eidas.ReasonAbandoned:            "TestClientThatHangsUpIsNoOverloadAndNoOutage", // at a request: no handshake can be abandoned
	eidas.ReasonDeadline:             "TestHandshakeIsRefusedAtItsDeadlineAndBeyondTheLimit",
	eidas.ReasonOverloaded:           "TestHandshakeIsRefusedAtItsDeadlineAndBeyondTheLimit",
}

// crypto/tls parses certificates before any hook; its refusal is as typed as ours.
func TestCertificateThatCannotBeParsedIsRefusedByTLSItself(t *testing.T) {
	eachVersion(t, func(t versioned) {
		w := newWorld(t)
		b := newBank(w)
		l := w.qwac(w.qtsp("LT", "QTSP LT"), request{})
		config := guard(t, w.verifier(eidas.Policy{}), b.base())
		o := handshake(t, config, b.client(t.version, unreadable(l)))
		require.ErrorContains(t, o.server, "failed to parse client certificate")
		refusal, ok := qwac.Refusal(o.server)
		require.True(t, ok)
		assert.Equal(t, eidas.ReasonCertificateMalformed, refusal.Reason)
		require.Error(t, o.client)
		assert.Zero(t, w.statusChecks(), "no hook has run")
		assertAccepted(t, handshake(t, config, b.client(t.version, l)), false)
	})
}

// A crowd of listed CAs with one name and key identifier, none of which signed:
// the search ends at its budget.
func TestHandshakeIsRefusedWhereThePathIsTooDear(t *testing.T) {
	eachVersion(t, func(t versioned) {
		w := newWorld(t)
		b := newBank(w)
		config := guard(t, w.verifier(eidas.Policy{}), b.base())
		sameID := func(c *x509.Certificate) {
			c.Subject = pkix.Name{CommonName: "Crowd"}
			c.SubjectKeyId = []byte("k")
			c.IsCA, c.BasicConstraintsValid, c.KeyUsage = true, true, x509.KeyUsageCertSign
		}
		key := newKey(t)
		stranger := &authority{key: key, cert: w.sign(nil, key, sameID)}
		client := func() *tls.Config { return b.client(t.version, w.qwac(stranger, request{})) }
		for i := range 9 {
			a := w.qtsp("LT", "Crowd")
			var err error
			a.service.Anchors[0], err = eidas.ParseAnchor(w.sign(nil, newKey(t), sameID).Raw)
			require.NoError(t, err)
			w.publish()
			if i == 7 {
				assertRefused(t, handshake(t, config, client()), eidas.ReasonSignatureInvalid)
			}
		}
		assertRefused(t, handshake(t, config, client()), eidas.ReasonPathTooComplex)
	})
}

// A new issuer is held where the policy says so. Hooks run before a client has
// proved its key, so that its first connection is judged by Peer, at its first
// request; until it is confirmed, each request is refused.
func TestHeldCertificateIsRefusedAtItsRequest(t *testing.T) {
	eachVersion(t, func(t versioned) {
		w := newWorld(t)
		b := newBank(w)
		v := newVerifier(t, qwac.Config{
			Validator: w.validator(eidas.Policy{}), Rotation: qwac.Rotation{Store: new(qwac.MemoryStore), HoldNewIssuer: true},
		})
		config := guard(t, v, b.base())
		request1 := func(l *leaf) error {
			o := handshake(t, config, b.client(t.version, l))
			assertAccepted(t, o, false)
			_, err := v.Peer(t.Context(), o.state)
			return err
		}
		require.NoError(t, request1(w.qwac(w.qtsp("LT", "QTSP LT"), request{})))
		next := w.qwac(w.qtsp("NO", "QTSP NO"), request{})
		require.ErrorIs(t, request1(next), eidas.ReasonHeld)
		require.ErrorIs(t, request1(next), eidas.ReasonHeld)
		require.NoError(t, v.Confirm(t.Context(), identityOf(t, tppID), sumOf(next)))
		require.NoError(t, request1(next))
	})
}

// A responder that hangs: a handshake ends at its deadline, and one beyond the
// limit of such does not wait for it.
func TestHandshakeIsRefusedAtItsDeadlineAndBeyondTheLimit(t *testing.T) {
	eachVersion(t, func(t versioned) {
		w := newWorld(t)
		b := newBank(w)
		asked := make(chan struct{}, 4)
		w.setStatus(func(ctx context.Context, _ eidas.StatusQuery) (eidas.StatusAnswer, error) {
			asked <- struct{}{}
			<-ctx.Done()
			return eidas.StatusAnswer{}, ctx.Err()
		})
		qtsp := w.qtsp("LT", "QTSP LT")
		v := newVerifier(t, qwac.Config{Validator: w.validator(eidas.Policy{}), Timeout: 2 * time.Second, MaxConcurrent: 1})
		config := guard(t, v, b.base())
		client := func() *tls.Config { return b.client(t.version, w.qwac(qtsp, request{})) }
		first, other := make(chan error, 1), state(false, w.qwac(qtsp, request{}).cert)
		go func() { first <- v.VerifyConnection(other) }()
		<-asked
		assertRefused(t, handshake(t, config, client()), eidas.ReasonOverloaded)
		require.ErrorIs(t, <-first, eidas.ReasonDeadline)
		assertRefused(t, handshake(t, config, client()), eidas.ReasonDeadline)
		w.setStatus(nil)
		assertAccepted(t, handshake(t, config, client()), false) // places are given back
	})
}
