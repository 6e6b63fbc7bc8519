package qwac

import (
	"context"

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
