package qwac

import (
	"context"
	"crypto/tls"
	"errors"

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
