package qwac

import (
	"context"

	"github.com/seed-b953571c/eidas"
)

// observer is told of peers that have proved their key and were let in. It is
// called for every request, so it must be cheap where nothing is new: as long
// as the evidence about a peer is the same, r is the same pointer.
type observer interface {
	// An error refuses the request.
	observe(ctx context.Context, r *eidas.Result) *eidas.Error
	// refused is told of peers that have proved their key and were refused.
	refused(ctx context.Context, refusal *eidas.Error)
}

// commit is the one place where a verdict becomes something that is remembered
// about a TPP. It is called after the handshake only: before its end anybody
// with a copy of a public certificate gets as far as the TPP.
func (v *Verifier) commit(ctx context.Context, r *eidas.Result) *eidas.Error {
	if v.rotation == nil {
		return nil
	}
	refusal := v.rotation.observe(ctx, r)
	if refusal != nil {
		v.refuse(ctx, hookRequest, refusal)
	}
	return refusal
}

// commitRefusal is commit for a peer that is not let in. It too is called after
// the handshake only.
func (v *Verifier) commitRefusal(ctx context.Context, refusal *eidas.Error) {
	if v.rotation != nil {
		v.rotation.refused(ctx, refusal)
	}
}
