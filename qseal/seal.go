package qseal

import (
	"time"

	"github.com/seed-b953571c/eidas"
)

// Seal is a positive verdict about a message: who sealed it, and what. It is
// immutable.
type Seal struct {
	Profile   string // name of the Profile
	Signer    *eidas.Result
	Algorithm Algorithm
	// Covered are the sealed components as the standard writes them; the body is
	// among them by its digest. What is not in it, anybody may have changed.
	Covered []string
	// PathBound is whether method and path are sealed.
	PathBound bool
	// SignedAt and Expires are the sealer's word; zero where the seal has none.
	SignedAt, Expires time.Time
	// Quirks are the deviations that had to be accepted.
	Quirks Quirk
	// ReplayUnchecked is whether nobody knows if the seal was here before: the
	// ReplayStore failed, or was not asked, and the Config allows that.
	ReplayUnchecked bool
	// Base is what was signed. It holds what the message says: it is for
	// evidence, not for a log.
	Base []byte
}

// proof is a seal whose signature has been verified with the key of a
// certificate that nobody has judged yet.
type proof struct {
	*sealed
	algorithm Algorithm
}

// prove is the part of a verdict that asks nobody, once the seal has been read
// and its certificate is there: key, algorithm, times and signature, in the
// order of their cost.
func prove(p *Profile, s *sealed, at time.Time) (*proof, *Error) {
	leaf := s.chain[0]
	if p.match != nil {
		if refusal := p.match(s, leaf); refusal != nil {
			return nil, refusal
		}
	}
	if refusal := checkKey(leaf.PublicKey); refusal != nil {
		return nil, refusal
	}
	algorithm, refusal := chooseAlgorithm(leaf.PublicKey, p.algorithms, s.claimed)
	if refusal != nil {
		return nil, refusal
	}
	if refusal := checkTimes(p, s, at); refusal != nil {
		return nil, refusal
	}
	anySalt := p.allowed&QuirkAnySalt != 0
	quirk, refusal := algorithm.verify(leaf.PublicKey, s.base, s.signature, anySalt)
	if refusal != nil && s.otherBase != nil {
		quirk, refusal = algorithm.verify(leaf.PublicKey, s.otherBase, s.signature, anySalt)
		quirk |= s.otherQuirk
		s.base = s.otherBase
	}
	if refusal != nil {
		return nil, refusal
	}
	s.quirks |= quirk
	return &proof{s, algorithm}, nil
}

// read parses a message and holds it to the guards of hosts and of hops.
func read(p *Profile, m *message) (*sealed, *Error) {
	if refusal := m.guardHost(); refusal != nil {
		return nil, refusal
	}
	if refusal := m.guardHops(p.fields); refusal != nil {
		return nil, refusal
	}
	s, refusal := p.parse(m, p)
	if refusal != nil {
		return nil, refusal
	}
	if refusal := m.guardHops(s.covered); refusal != nil {
		return nil, refusal
	}
	return s, nil
}

// checkTimes judges the sealer's own times against that of receipt.
func checkTimes(p *Profile, s *sealed, at time.Time) *Error {
	if !s.signedAt.IsZero() {
		if s.signedAt.Sub(at) > p.skew {
			return reject(ReasonIssuedInFuture, "at %s", s.signedAt.Format(time.RFC3339))
		}
		if p.maxAge > 0 && at.Sub(s.signedAt) > p.maxAge {
			return reject(ReasonStale, "made at %s, at most %s ago is accepted", s.signedAt.Format(time.RFC3339), p.maxAge)
		}
	}
	if !s.expires.IsZero() && !at.Before(s.expires) {
		return reject(ReasonExpired, "at %s", s.expires.Format(time.RFC3339))
	}
	return nil
}

// checkBody compares a whole body with the digests in the seal.
func (s *sealed) checkBody(p *Profile, body []byte) *Error {
	if len(s.digests) == 0 && len(body) > 0 && !p.wholeBody {
		return &Error{Reason: ReasonDigestMissing}
	}
	for _, d := range s.digests {
		if refusal := s.compare(p, d, sum(d.hash, body), len(body) == 0); refusal != nil {
			return refusal
		}
	}
	return nil
}

// compare holds the digest of a body to one demand.
func (s *sealed) compare(p *Profile, d digestDemand, got []byte, empty bool) *Error {
	if empty && d.check([]byte(emptyObject)) == nil && s.quirk(p, QuirkEmptyObject) {
		return nil
	}
	return d.compare(got)
}

// seal is what is said of a proof once its sealer has been judged.
func (f *proof) seal(p *Profile, signer *eidas.Result) *Seal {
	return &Seal{
		Profile: p.name, Signer: signer, Algorithm: f.algorithm, Covered: f.covered, PathBound: f.pathBound,
		SignedAt: f.signedAt, Expires: f.expires, Quirks: f.quirks, Base: f.base,
	}
}
