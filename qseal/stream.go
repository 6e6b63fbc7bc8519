package qseal

import (
	"context"
	"errors"
	"net/http"
	"time"
)

// PendingSeal is a seal whose signature and sealer are verified and whose body
// is still on its way: nothing in the body is sealed until Commit has said so.
// It is for one goroutine, the one that reads the body.
type PendingSeal struct {
	v    *Verifier
	j    *judgement
	body *hashed
}

// VerifyStream is VerifyRequest for bodies that are too large for memory. It
// verifies everything but the body and replaces r.Body with one that hashes what
// is read, up to Config.MaxBody. Whoever reads it must call Commit before
// anything comes of what was read: a decoder of JSON is content long before the
// end, and an attacker can change the rest. A profile that seals the body itself,
// and not its digest, is refused with ReasonInternal.
func (v *Verifier) VerifyStream(ctx context.Context, r *http.Request, at time.Time) (*PendingSeal, error) {
	j := v.judge(requestMessage(r), at)
	if refusal := j.stream(ctx, r); refusal != nil {
		_, err := v.report(ctx, j, refusal)
		return nil, err
	}
	from := r.Body
	if from == nil {
		from = http.NoBody
	}
	h := newHashed(from, j.p, j.proof.sealed, v.c.MaxBody)
	r.Body = h
	return &PendingSeal{v: v, j: j, body: h}, nil
}

func (j *judgement) stream(ctx context.Context, r *http.Request) (refusal *Error) {
	defer rescue(&refusal)
	if refusal := j.identifyPeer(r); refusal != nil {
		return refusal
	}
	if j.p.wholeBody {
		return reject(ReasonInternal, "profile %s cannot be verified as a stream", j.p.name)
	}
	if r.ContentLength > j.v.c.MaxBody {
		return reject(ReasonTooLarge, "%d bytes announced, at most %d", r.ContentLength, j.v.c.MaxBody)
	}
	j.m.streamed = mayHaveBody(r.Body, r.ContentLength)
	if refusal := j.prove(ctx); refusal != nil {
		return refusal
	}
	return j.judgeSealer(ctx, true)
}

// Commit reads what the handler has left of the body and compares its digest.
// It returns the Seal, or nil and an *[Error]: then nothing that was read may
// have an effect. Another call returns the same.
func (p *PendingSeal) Commit(ctx context.Context) (*Seal, error) {
	err := p.body.drain()
	if err == nil {
		p.j.verdict.Quirks = p.j.proof.quirks
		return p.v.report(ctx, p.j, nil)
	}
	refusal, ok := errors.AsType[*Error](err)
	if !ok {
		refusal = reject(ReasonBody, "%w", err)
	}
	return p.v.report(ctx, p.j, refusal)
}
