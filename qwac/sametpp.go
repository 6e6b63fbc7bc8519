package qwac

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/seed-b953571c/eidas"
)

// SameTPP reports whether a request by the TPP behind current may use an access
// token that is bound to the certificate bound (x5t#S256 of RFC 8705, 3.1) and
// was issued at the time issued. Nil is yes. An error is an *[eidas.Error].
//
// With the certificate the token is bound to, the answer is always yes: that is
// RFC 8705. With another one it is yes only if Rotation.AllowTokensFor says so,
// and
//
//   - the TPP was let in with the old certificate, under the same identity,
//     after it had proved its key;
//   - the old certificate would be let in now: it has not expired, is not
//     revoked, and its QTSP is granted;
//   - the token is not older than Rotation.AllowTokensFor, nor from the future.
//
// The risk is that of the name in the place of the key: whoever holds any key
// that is certified for this TPP, an agent of it for one (EBA Q&A 2019_4507),
// can use a token that was stolen from any other. docs/tokens.md has the whole
// recipe. Only call it with a Result of a request that is let in (FromContext).
func (v *Verifier) SameTPP(ctx context.Context, current *eidas.Result, bound Fingerprint, issued time.Time) error {
	if current == nil || current.Leaf == nil {
		return &eidas.Error{Reason: eidas.ReasonInternal, Err: errors.New("no result of a request")}
	}
	if sha256.Sum256(current.Leaf.Raw) == bound {
		return nil
	}
	if refusal := v.bridge(ctx, current, bound, issued); refusal != nil {
		return refusal
	}
	v.logger.LogAttrs(ctx, slog.LevelWarn, "token of another certificate of the same TPP",
		slog.String("event", "token_bridge"), slog.String("identity", current.Identity.String()),
		slog.String("bound_sha256", bound.String()), slog.Time("issued", issued))
	return nil
}

func (v *Verifier) bridge(ctx context.Context, current *eidas.Result, bound Fingerprint, issued time.Time) *eidas.Error {
	deny := func(format string, args ...any) *eidas.Error {
		return &eidas.Error{Reason: eidas.ReasonNotAuthorized, Err: fmt.Errorf("token is bound to another certificate: "+format, args...)}
	}
	r := v.rotated
	if r == nil || r.AllowTokensFor <= 0 {
		return deny("Rotation.AllowTokensFor is off")
	}
	at := now()
	if age := at.Sub(issued); age < 0 || age > r.AllowTokensFor {
		return deny("it is %s old", age)
	}
	var k known
	var chain []*x509.Certificate
	err := r.update(ctx, []string{tppRecordKey(current.Identity), chainRecordKey(bound)}, func(records [][]byte) [][]byte {
		k, chain = decodeKnown(records[0]), parseChainRecord(records[1], bound)
		return make([][]byte, len(records))
	})
	if err != nil {
		return &eidas.Error{Reason: eidas.ReasonInternal, Err: fmt.Errorf("rotation store: %w", err)}
	}
	switch e := k.find(bound); {
	case e == nil || chain == nil:
		return deny("which %q has not used here", current.Identity.String())
	case e.Held != "" || e.Ended != "":
		return deny("which is held, revoked or withdrawn")
	}
	ctx, cancel := context.WithTimeout(ctx, v.timeout)
	defer cancel()
	old, refusal := v.validate(ctx, chain, at)
	switch {
	case refusal != nil:
		return refusal
	case old.Identity != current.Identity:
		return deny("which is %q by now", old.Identity.String())
	}
	return nil
}

// chainRecord keeps the certificates below the listed one, so that SameTPP can
// ask for their status later.
func chainRecord(record []byte, result *eidas.Result) []byte {
	if record != nil || len(result.Chain) < 2 {
		return nil
	}
	return encodeRecord(rawOf(result.Chain[:len(result.Chain)-1]))
}

// parseChainRecord returns nil for what is not the chain of that certificate.
func parseChainRecord(record []byte, leaf Fingerprint) []*x509.Certificate {
	var raw [][]byte
	if !decodeRecord(record, &raw) || len(raw) == 0 || checkRaw(raw) != nil || sha256.Sum256(raw[0]) != leaf {
		return nil
	}
	chain, _ := parseChain(raw) // nil of what cannot be parsed
	return chain
}
