package qseal

import (
	"context"
	"crypto/sha256"
	"encoding/base64"
	"errors"
	"net/http"
	"strings"
	"time"
)

// rememberedBy returns what tells the seal from all others of its sealer, and
// whether the sealer gave it: an id, or a nonce. Where there is none it is the
// hash of what is signed, which has the time in it. Not that of the signature: of
// one text ECDSA has two and RSA-PSS as many as you like. It is bounded, which
// not every profile is.
func (f *proof) rememberedBy() (key string, given bool) {
	switch {
	case f.replayKey == "":
		return hashOf(f.base), false
	case len(f.replayKey) > maxRequestID:
		return hashOf([]byte(f.replayKey)), true
	}
	return f.replayKey, true
}

func hashOf(b []byte) string {
	sum := sha256.Sum256(b)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// remember asks the ReplayStore. The identity is part of the key: two TPPs may
// use one id, and none can block another's.
func (j *judgement) remember(ctx context.Context, verdict *Seal) *Error {
	c := &j.v.c
	id, given := j.proof.rememberedBy()
	switch {
	case c.Replay == nil && verdict.SignedAt.IsZero():
		return reject(ReasonCoverage, "no time is sealed, and nothing is remembered: it would be good for ever")
	case c.Replay == nil, // AllowReplays, see Config.check
		c.AllowRepeatedReads && !given && isRead(j.m, verdict):
		verdict.ReplayUnchecked = true
		return nil
	}
	ttl := c.ReplayWindow
	if !verdict.SignedAt.IsZero() && j.p.maxAge > 0 {
		ttl = j.p.remembered()
	}
	key := strings.Join([]string{j.p.name, verdict.Signer.Identity.String(), id}, "\x00")
	fresh, err := c.Replay.Add(ctx, key, ttl)
	switch {
	case err != nil && c.AllowReplayUnavailable && !errors.Is(err, context.Canceled):
		j.v.metrics.replayFailed()
		verdict.ReplayUnchecked = true
		return nil
	case err != nil:
		j.v.metrics.replayFailed()
		return reject(ReasonReplayUnavailable, "%w", err)
	case !fresh:
		return reject(ReasonReplay, "%.130q", id)
	}
	return nil
}

// remembered is for how long a seal with a time is remembered: older than that
// it is stale, and until then it must be known.
func (p Profile) remembered() time.Duration { return p.maxAge + p.skew + time.Second }

// isRead reports a request that changes nothing (RFC 9110, 9.2.1), whose seal
// says so and when it was made.
func isRead(m *message, s *Seal) bool {
	switch m.method {
	case http.MethodGet, http.MethodHead, http.MethodOptions:
		return s.PathBound && !s.SignedAt.IsZero()
	}
	return false
}
