package qwac

import (
	"context"
	"crypto/tls"
	"errors"
	"net/http"

	"github.com/seed-b953571c/eidas"
)

// resultKey is the key of the Result in a request's context.
type resultKey struct{}

// FromContext returns who is calling, from the context of a request that
// Verifier.Handler let in. Without one it returns nil and false.
func FromContext(ctx context.Context) (*eidas.Result, bool) {
	r, ok := ctx.Value(resultKey{}).(*eidas.Result)
	return r, ok
}

// PeerIdentity returns who is calling, from a request that Verifier.Handler let
// in. It is what qseal.Config.Peer asks for. An error is an *[eidas.Error]: nobody
// was let in.
func PeerIdentity(r *http.Request) (eidas.Identity, error) {
	tpp, ok := FromContext(r.Context())
	if !ok {
		return eidas.Identity{}, &eidas.Error{Reason: eidas.ReasonInternal, Err: errNobody}
	}
	return tpp.Identity, nil
}

var errNobody = errors.New("nobody was let in")

// Errors of [Verifier.Admit] that are no verdict about a certificate.
var (
	// ErrEarly is for what comes before the end of the handshake (0-RTT of QUIC):
	// the peer has not proved its key, and it may be a replay.
	ErrEarly = errors.New("qwac: handshake is not complete, the peer has not proved its key")
	// ErrMisdirected is for a host that is not the server name of the handshake:
	// another config may have judged the handshake.
	ErrMisdirected = errors.New("qwac: host is not the server name of the handshake")
)

// Admit judges the peer of one request or call, as Handler does, for servers of
// other protocols. The context that it returns is for what handles the call: it
// holds the result for [FromContext]. host is what the call names as its host,
// HTTP's Host or :authority; it is held to the server name of the handshake
// unless Config.AllowHostMismatch. A nil cs is a call without TLS. An error is
// an *[eidas.Error], ErrEarly or ErrMisdirected.
func (v *Verifier) Admit(ctx context.Context, cs *tls.ConnectionState, host string) (context.Context, error) {
	switch {
	case cs == nil:
		cs = &tls.ConnectionState{} // nobody
	case !cs.HandshakeComplete:
		v.metrics.request(outcomeEarly)
		return ctx, ErrEarly
	case !v.allowHostMismatch && cs.ServerName != "" && !sameHost(cs.ServerName, host):
		v.metrics.request(outcomeMisdirected)
		return ctx, ErrMisdirected
	}
	result, refusal := v.identify(ctx, cs)
	if refusal != nil {
		v.metrics.request(outcomeRefused)
		return ctx, refusal
	}
	v.metrics.request(outcomeAccepted)
	return context.WithValue(ctx, resultKey{}, result), nil
}

// Authorize asks an authorizer about a peer that was let in, for what needs more
// than the policy asks of everybody. A refusal is logged and counted like one of
// the policy, and so is a panic of the authorizer, which refuses. A nil peer is
// refused. An error is an *[eidas.Error].
func (v *Verifier) Authorize(ctx context.Context, peer *eidas.Result, authorizer eidas.Authorizer) error {
	if peer == nil {
		refusal := &eidas.Error{Reason: eidas.ReasonInternal, Err: errNobody}
		v.refuse(ctx, hookRequest, refusal)
		return refusal
	}
	err := eidas.All(authorizer)(&peer.Evidence) // All recovers, and types what is not typed
	if err == nil {
		return nil
	}
	refused := asRefusal(err)
	refusal := &eidas.Error{Reason: refused.Reason, Err: refused.Err, Partial: &peer.Evidence}
	v.refuse(ctx, hookRequest, refusal)
	return refusal
}

// Peer judges the peer of a completed handshake and says who it is, as Handler
// does for each request. It is for servers without net/http: call it when
// (*tls.Conn).HandshakeContext has returned nil, and again for each message of
// a connection that may live long. An error is an *[eidas.Error].
func (v *Verifier) Peer(ctx context.Context, cs tls.ConnectionState) (*eidas.Result, error) {
	if !cs.HandshakeComplete {
		return nil, &eidas.Error{Reason: eidas.ReasonInternal, Err: errors.New("handshake is not complete, the peer has not proved its key")}
	}
	result, refusal := v.identify(ctx, &cs)
	if refusal != nil {
		return nil, refusal
	}
	return result, nil
}

// identify judges a peer that has proved its key, and remembers it.
func (v *Verifier) identify(ctx context.Context, cs *tls.ConnectionState) (*eidas.Result, *eidas.Error) {
	peer := cs.PeerCertificates
	if refusal := checkChain(peer); refusal != nil {
		v.refuse(ctx, hookRequest, refusal)
		return nil, refusal
	}
	key := keyOf(peer)
	result, refusal := v.judge(withStaple(ctx, cs), hookRequest, key, peer)
	if refusal != nil {
		v.commitRefusal(ctx, refusal)
		return nil, refusal
	}
	if v.decisions.get(key) == nil {
		v.decisions.add(key, peer, result, now())
	}
	if refusal := v.commit(ctx, result); refusal != nil {
		return nil, refusal
	}
	return result, nil
}

// withStaple hands on the OCSP response that a TLS 1.3 client sent with its
// certificate (RFC 8446, 4.4.2.1); crypto/tls asks every client for one.
func withStaple(ctx context.Context, cs *tls.ConnectionState) context.Context {
	if len(cs.OCSPResponse) == 0 {
		return ctx
	}
	return eidas.ContextWithStaple(ctx, cs.OCSPResponse)
}
