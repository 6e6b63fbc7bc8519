package eidas

import "context"

type stapleKey struct{}

// ContextWithStaple returns a context that hands the OCSP response which the
// peer sent with its certificate to [Validator.Validate], which hands it to the
// StatusChecker with the question about the leaf (RFC 8446, 4.4.2.1). Nothing in
// it is believed that does not verify. It is kept, not copied.
func ContextWithStaple(ctx context.Context, staple []byte) context.Context {
	return context.WithValue(ctx, stapleKey{}, staple)
}

// stapleOf returns the staple of a context, nil for none.
func stapleOf(ctx context.Context) []byte {
	staple, _ := ctx.Value(stapleKey{}).([]byte)
	return staple
}
