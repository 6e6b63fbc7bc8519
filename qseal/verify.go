package qseal

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/seed-b953571c/eidas"
)

// VerifyRequest decides whether a request is sealed, by whom, and whether that
// is the TPP on the connection, at the time of its receipt. It reads the whole
// body, up to Config.MaxBody, and replaces r.Body with one that can be read
// again; otherwise r is not modified. It returns nil and an *[Error] for a
// refusal. It may ask the network about revocation within ctx and the limits of
// the Validator, and dials for nothing else unless its Resolver or ReplayStore does.
func (v *Verifier) VerifyRequest(ctx context.Context, r *http.Request, at time.Time) (*Seal, error) {
	j := v.judge(requestMessage(r), at)
	return v.report(ctx, j, j.request(ctx, r))
}

// VerifyResponse is VerifyRequest for a response. Its sealer is the bank or
// whoever the Validator lets in: nobody is compared with it, so that the caller
// must look at Seal.Signer. Responses are not replayed.
func (v *Verifier) VerifyResponse(ctx context.Context, r *http.Response, at time.Time) (*Seal, error) {
	j := v.judge(responseMessage(r), at)
	return v.report(ctx, j, j.response(ctx, r))
}

// judgement is one verdict on its way.
type judgement struct {
	v    *Verifier
	p    *Profile
	m    *message
	at   time.Time
	peer eidas.Identity // zero: anybody

	proof   *proof
	verdict *Seal
}

func (v *Verifier) judge(m *message, at time.Time) *judgement {
	m.known = &v.known
	if m.request && v.origin != nil {
		m.scheme, m.authority = v.origin.scheme, v.origin.authority
	}
	return &judgement{v: v, p: &v.c.Profile, m: m, at: at}
}

// request runs the steps. A panic in a hook of the caller refuses this message.
func (j *judgement) request(ctx context.Context, r *http.Request) (refusal *Error) {
	defer rescue(&refusal)
	if refusal := j.identifyPeer(r); refusal != nil {
		return refusal
	}
	body := newBody(r.Body, r.ContentLength, j.v.c.MaxBody)
	if refusal := j.buffered(ctx, body); refusal != nil {
		return refusal
	}
	r.Body = body.again()
	return j.judgeSealer(ctx, true)
}

func (j *judgement) response(ctx context.Context, r *http.Response) (refusal *Error) {
	defer rescue(&refusal)
	if j.p.IsZero() {
		return reject(ReasonInternal, "verifier has no profile")
	}
	if r.Uncompressed {
		return reject(ReasonBody, "the transport has decompressed it: see http.Transport.DisableCompression")
	}
	body := newBody(r.Body, r.ContentLength, j.v.c.MaxBody)
	if refusal := j.buffered(ctx, body); refusal != nil {
		return refusal
	}
	r.Body = body.again()
	return j.judgeSealer(ctx, false)
}

func rescue(refusal **Error) {
	if p := recover(); p != nil {
		*refusal = reject(ReasonInternal, "panic: %q", fmt.Sprint(p))
	}
}

// identifyPeer asks who is on the connection, before any work for a stranger.
func (j *judgement) identifyPeer(r *http.Request) *Error {
	if j.p.IsZero() {
		return reject(ReasonInternal, "verifier has no profile")
	}
	if j.v.c.Peer == nil {
		return nil // AllowAnyPeer
	}
	peer, err := j.v.c.Peer(r)
	if err != nil {
		return reject(ReasonPeerMissing, "%w", err)
	}
	if peer.IsZero() {
		return &Error{Reason: ReasonPeerMissing}
	}
	j.peer = peer
	return nil
}

// buffered proves the seal of a message whose body is read into memory. A
// profile that seals a digest has its signature verified first, so that the
// body of a stranger is not even read.
func (j *judgement) buffered(ctx context.Context, b *body) *Error {
	if j.p.wholeBody {
		var refusal *Error
		if j.m.body, refusal = b.read(); refusal != nil {
			return refusal
		}
		return j.prove(ctx)
	}
	j.m.streamed = mayHaveBody(b.from, b.declared)
	if refusal := j.prove(ctx); refusal != nil {
		return refusal
	}
	content, refusal := b.read()
	if refusal != nil {
		return refusal
	}
	if !j.m.streamed && len(content) > 0 {
		return reject(ReasonBody, "%d bytes that were not announced", len(content))
	}
	return j.proof.checkBody(j.p, content)
}

// prove reads the seal, finds its certificate and verifies the signature.
func (j *judgement) prove(ctx context.Context) *Error {
	s, refusal := read(j.p, j.m)
	if refusal != nil {
		return refusal
	}
	if len(s.chain) == 0 {
		if refusal := j.resolve(ctx, s); refusal != nil {
			return refusal
		}
	}
	j.proof, refusal = prove(j.p, s, j.at)
	return refusal
}

// resolve finds the certificate of a seal that names it only. Without a
// Resolver no name, and no URL, leads anywhere.
func (j *judgement) resolve(ctx context.Context, s *sealed) *Error {
	if j.v.c.Resolver == nil {
		return reject(ReasonCertificateMissing, "no certificate, and no resolver for keyId %.200q", s.hint.KeyID)
	}
	s.hint.Peer = j.peer
	found, err := j.v.c.Resolver.Resolve(ctx, s.hint)
	if err != nil {
		return reject(ReasonCertificateUnresolved, "%w", err)
	}
	if found == nil || len(found.Chain) == 0 {
		return reject(ReasonCertificateMissing, "keyId %.200q is nobody's", s.hint.KeyID)
	}
	s.chain, s.file, s.resolved = found.Chain, found.SHA256, true
	return nil
}

// judgeSealer has the certificate judged, holds its owner to the one on the
// connection, and remembers the seal: last, so that nobody can use up ids that
// are not his.
func (j *judgement) judgeSealer(ctx context.Context, replay bool) *Error {
	signer, refusal := j.v.signer(ctx, j.proof.chain, j.at)
	if refusal != nil {
		return &Error{Reason: ReasonCertificate, Err: refusal}
	}
	verdict := j.proof.seal(j.p, signer)
	if !j.peer.IsZero() && signer.Identity != j.peer {
		return reject(ReasonPeer, "sealed by %q, connection of %q", signer.Identity.String(), j.peer.String())
	}
	if replay {
		if refusal := j.remember(ctx, verdict); refusal != nil {
			return refusal
		}
	}
	j.verdict = verdict
	if text := j.proof.text; text != "" {
		if _, met := j.v.known.chain(text); !met {
			j.v.known.chains.add(text, j.proof.chain)
		}
	}
	return nil
}
