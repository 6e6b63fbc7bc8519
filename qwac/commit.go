package qwac

import (
	"context"

	"github.com/seed-b953571c/eidas"
)

// observer is told of peers that have proved their key and were let in. It is
// called for every request, so it must be cheap where nothing is new: as long
// as the evidence about a peer is the same, r is the same pointer.
type observer interface {
	observe(ctx context.Context, r *eidas.Result)
}

// commit is the one place where a verdict becomes something that is remembered
// about a TPP. It is called after the handshake only: before its end anybody
// with a copy of a public certificate gets as far as the TPP.
func (v *Verifier) commit(ctx context.Context, r *eidas.Result) {
	if v.rotation != nil {
		v.rotation.observe(ctx, r)
	}
}
