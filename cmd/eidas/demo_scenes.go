package main

import (
	"context"

	"github.com/seed-b953571c/eidas"
)

// scenes are the steps of the demo, in order. Later ones build on earlier ones.
func (st *stage) scenes() []scene {
	return []scene{
		{
			title: "A TPP connects",
			story: []string{"It presents the QWAC that " + demoQTSPA + " in Lithuania has issued to it."},
			play:  func(ctx context.Context) (*outcome, error) { return st.visitorA.visit(ctx) },
		},
		{
			title: "It comes back",
			story: []string{"The same client resumes its session. The bank judges that handshake too."},
			play:  st.comeBack,
			over:  overResumed,
		},
		{
			title: "It rotates",
			story: []string{
				"A new certificate, with a new key, from another QTSP in another country.",
				"The bank has changed nothing, and nobody has sent it anything.",
			},
			play:  func(ctx context.Context) (*outcome, error) { return st.newVisitor(st.leafB, false).visit(ctx) },
			moral: "the same TPP, because it is the same identity",
		},
		{
			title: "An impostor",
			story: []string{
				"It has copied every name, also those of the issuer, and the issuer's key",
				"identifier. Its CA is on no list.",
			},
			play:  st.impostor,
			want:  eidas.ReasonSignatureInvalid,
			moral: "names prove nothing; the listed key has not signed this",
		},
		{
			title: "The old certificate is revoked, and comes back on its session",
			story: []string{
				"The TPP has its old certificate revoked. Whoever still holds it also holds",
				"the session that was resumed in step 2.",
			},
			play:  st.revoked,
			want:  eidas.ReasonRevoked,
			over:  overDeclined,
			moral: "a session ticket is no way around the decision",
		},
		{
			title: "The old certificate, on a connection that was open before",
			story: []string{"No handshake happens here: each request is judged as well."},
			play:  func(ctx context.Context) (*outcome, error) { return st.openA.visit(ctx) },
			want:  eidas.ReasonRevoked,
			over:  overOpen,
			moral: "nor is an open connection",
		},
		{
			title: "The new certificate",
			story: []string{"Nothing has happened to it."},
			play:  func(ctx context.Context) (*outcome, error) { return st.newVisitor(st.leafB, false).visit(ctx) },
		},
	}
}

// comeBack resumes the session of the first visit. The connection that stays
// open, for a later scene, is opened on the way.
func (st *stage) comeBack(ctx context.Context) (*outcome, error) {
	if _, err := st.openA.visit(ctx); err != nil {
		return nil, err
	}
	return st.visitorA.visit(ctx)
}

func (st *stage) impostor(ctx context.Context) (*outcome, error) {
	unlisted, err := st.world.Impostor(st.qtspA)
	if err != nil {
		return nil, err
	}
	leaf, err := unlisted.Issue(demoRequest())
	if err != nil {
		return nil, err
	}
	return st.newVisitor(leaf, false).visit(ctx)
}

// superseded is the CRLReason of a certificate that a new one has replaced
// (RFC 5280, 5.3.1).
const superseded = 4

func (st *stage) revoked(ctx context.Context) (*outcome, error) {
	st.qtspA.Revoke(st.leafA, superseded)
	return st.visitorA.visit(ctx)
}
