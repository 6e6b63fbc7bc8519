package qwacgrpc_test

import (
	"crypto/tls"
	"io"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"google.golang.org/grpc/codes"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/eidastest"
)

// pair is a TPP whose certificate will be revoked and its near twin.
type pair struct {
	*bank
	gone, twin *tpp
	leaf       *eidastest.Leaf
}

func startPair(t version) pair {
	t.Helper()
	w := eidastest.Start(t, eidastest.Options{})
	b := startBank(t, w, &bankOptions{})
	leaf := w.QWAC("LT", tppID, eidas.RoleAI)
	return pair{b, b.dial(t.tls, leaf), b.dial(t.tls, w.QWAC("LT", tppID, eidas.RoleAI)), leaf}
}

func (p pair) revoke() { p.QTSP("LT").Revoke(p.leaf, 1) }

func TestRevokedDuringAStreamThatIsAnswered(t *testing.T) {
	eachTLS(t, func(t version) {
		p := startPair(t)
		gone, twin := p.gone.open(watch), p.twin.open(watch)
		for range 3 {
			gone.ask()
			twin.ask()
		}
		p.revoke()
		gone.send()
		gone.assertRefused(eidas.ReasonRevoked)
		twin.ask()
		require.NoError(t, twin.CloseSend())
		_, err := twin.receive()
		require.ErrorIs(t, err, io.EOF)
		p.gone.assertShutOut()
	})
}

// Where only the server sends, its next message is the last.
func TestRevokedDuringAStreamThatOnlyListens(t *testing.T) {
	eachTLS(t, func(t version) {
		p := startPair(t)
		gone := p.gone.open(feed)
		p.push <- struct{}{}
		a, err := gone.receive()
		require.NoError(t, err)
		assert.Equal(t, tppID+" LT", a.who)
		p.revoke()
		p.push <- struct{}{}
		gone.assertRefused(eidas.ReasonRevoked)

		twin := p.twin.open(feed)
		p.push <- struct{}{}
		_, err = twin.receive()
		require.NoError(t, err)
	})
}

// The end of what a client sends is a handler's sign to act.
func TestRevokedBeforeTheEndOfAnUpload(t *testing.T) {
	eachTLS(t, func(t version) {
		p := startPair(t)
		gone, twin := p.gone.open(upload), p.twin.open(upload)
		for _, s := range []*clientStream{gone, twin} {
			s.send()
			<-p.push // it has come
		}
		p.revoke()
		for _, s := range []*clientStream{gone, twin} {
			require.NoError(t, s.CloseSend())
		}
		gone.assertRefused(eidas.ReasonRevoked)
		_, err := twin.receive()
		require.ErrorIs(t, err, io.EOF)
		assert.EqualValues(t, 1, p.acted.Load(), "the twin's alone")
	})
}

// A handler that takes any error for the end of the stream says nothing of the
// refusal, and one that waits for something else would wait on.
func TestRefusalOfAStreamDoesNotDependOnItsHandler(t *testing.T) {
	eachTLS(t, func(t version) {
		p := startPair(t)
		gone := p.gone.open(deaf)
		gone.send()
		<-p.push
		p.revoke()
		gone.send()
		gone.assertRefused(eidas.ReasonRevoked)
		for range 2 {
			assertStatus(t, <-p.ended, codes.Unauthenticated, eidas.ReasonRevoked)
		}
	})
}

// GOAWAY cuts no call that is under way.
func TestRefusedCallCutsNoOther(t *testing.T) {
	eachTLS(t, func(t version) {
		w := eidastest.Start(t, eidastest.Options{})
		b := startBank(t, w, &bankOptions{authorizers: map[string]eidas.Authorizer{
			"/bank.v1.Accounts/": eidas.AllowAnyone(), create: eidas.RequireRoles(eidas.RolePI),
		}})
		c := b.dial(t.tls, w.QWAC("LT", tppID, eidas.RoleAI))
		stream := c.open(watch)
		before := stream.ask()
		c.assertRefused(create, codes.PermissionDenied, eidas.ReasonRoleMissing)
		after := c.assertLetIn(tppID + " LT")
		assert.NotEqual(t, before.connection, after.connection, "the client dialled again")
		for range 3 {
			assert.Equal(t, before, stream.ask())
		}
		require.NoError(t, stream.CloseSend())
		_, err := stream.receive()
		require.ErrorIs(t, err, io.EOF)
	})
}

// What the authorizer of a method says counts during a stream, too.
func TestAuthorizerChangesItsMindDuringAStream(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	blocked := make(chan struct{})
	b := startBank(t, w, &bankOptions{authorizers: map[string]eidas.Authorizer{watch: func(*eidas.Evidence) error {
		select {
		case <-blocked:
			return eidas.ReasonIdentityDenied
		default:
			return nil
		}
	}}})
	s := b.dial(tls.VersionTLS13, w.QWAC("LT", tppID, eidas.RoleAI)).open(watch)
	s.ask()
	close(blocked)
	s.send()
	_, err := s.receive()
	assertStatus(t, err, codes.PermissionDenied, eidas.ReasonIdentityDenied)
}

// What is refused once stays refused, also when the next verdict would be good.
func TestRefusedStreamStaysRefused(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	var asked atomic.Int64 // for the call, for its first message, for the second
	policy := eidas.DefaultPolicy(eidas.AllowAnyone())
	policy.AllowNoRevocation = true // a verdict that needs no network does not end with the context
	b := startBank(t, w, &bankOptions{policy: policy, authorizers: map[string]eidas.Authorizer{deaf: func(*eidas.Evidence) error {
		if asked.Add(1) == 3 {
			return eidas.ReasonIdentityDenied
		}
		return nil
	}}})
	s := b.dial(tls.VersionTLS13, w.QWAC("LT", tppID, eidas.RoleAI)).open(deaf)
	s.send()
	<-b.push
	s.send()
	_, err := s.receive()
	assertStatus(t, err, codes.PermissionDenied, eidas.ReasonIdentityDenied)
	assertStatus(t, <-b.ended, codes.PermissionDenied, eidas.ReasonIdentityDenied)
	assert.EqualValues(t, 3, asked.Load())
}
