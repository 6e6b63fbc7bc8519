package eidas

import (
	"crypto/x509"
	"slices"
	"time"
)

// StatusMemory is a StatusChecker that can also tell what it knows already.
// Without it Recheck works only where revocation is not checked at all.
type StatusMemory interface {
	// KnownStatus returns what CheckStatus would return at once, from memory.
	// It asks nobody and does not wait: false where CheckStatus would have to.
	// It is safe for concurrent use.
	KnownStatus(q StatusQuery) (StatusAnswer, bool)
}

// basis is what a Result rests on besides its answers about revocation.
type basis struct {
	by         *Validator          // stands for the policy too: both are immutable
	set        *mark               // of the snapshot: a Result that is kept must not keep all of it
	until      time.Time           // ValidUntil without the answers about revocation
	responders []*x509.Certificate // of StatusQuery
}

// Recheck judges the peer of prev again, from memory and without allocation:
// it neither searches a path nor asks anybody. True means that Validate would
// let the peer in at that time too, with the Result returned; it is prev itself
// while the evidence is the same. False decides nothing: Validate must.
//
// Steps 1 to 5 depend on the certificates, the policy, the trust snapshot and
// the time alone, so they hold while the first three are the same and the time
// is within what they rest on. The answers about revocation are looked up anew
// each time, so that one that became known meanwhile counts at once, and the
// Authorizer is asked each time.
func (v *Validator) Recheck(prev *Result, at time.Time) (*Result, bool) {
	if prev == nil || prev.basis.by != v || at.Before(prev.At) || at.After(prev.basis.until) {
		return nil, false
	}
	if set := v.services.Services(); set == nil || set.mark != prev.basis.set {
		return nil, false
	}
	result, ok := v.recheckStatus(prev, at)
	if !ok || at.After(result.ValidUntil) || authorize(v.policy.Authorizer, &result.Evidence) != nil {
		return nil, false
	}
	return result, true
}

// recheckStatus is step 6 from memory.
func (v *Validator) recheckStatus(prev *Result, at time.Time) (*Result, bool) {
	if v.status == nil {
		return prev, true
	}
	if v.memory == nil || len(prev.Status) != len(prev.Chain)-1 {
		return nil, false
	}
	var changed []StatusAnswer
	for i := range prev.Status {
		a, ok := v.memory.KnownStatus(prev.statusQuery(i, at))
		if !ok || a.Stale || a.Status != StatusGood && a.Status != StatusNotOwed {
			return nil, false
		}
		if a == prev.Status[i] {
			continue
		}
		if changed == nil {
			changed = slices.Clone(prev.Status)
		}
		changed[i] = a
	}
	if changed == nil {
		return prev, true
	}
	return prev.withStatus(changed), true
}

// withStatus returns a copy that rests on other answers, none of them stale.
func (r *Result) withStatus(answers []StatusAnswer) *Result {
	next := *r
	next.Status, next.ValidUntil = answers, r.basis.until
	for i := range answers {
		next.ValidUntil = answers[i].limit(next.ValidUntil)
	}
	next.Degraded = slices.DeleteFunc(slices.Clone(r.Degraded), func(d Degradation) bool {
		return d == DegradedRevocationStale || d == DegradedDelegateUnchecked || d == DegradedRevocationUnchecked
	})
	if len(next.Degraded) == 0 {
		next.Degraded = nil // as Validate has it
	}
	for i := range answers {
		next.Degraded = answers[i].degrade(next.Degraded)
	}
	return &next
}

// degrade adds what is lenient about a to list, each once.
func (a *StatusAnswer) degrade(list []Degradation) []Degradation {
	if a.Stale && !slices.Contains(list, DegradedRevocationStale) {
		list = append(list, DegradedRevocationStale)
	}
	if a.Unchecked && !slices.Contains(list, DegradedRevocationUnchecked) {
		list = append(list, DegradedRevocationUnchecked)
	}
	if a.DelegateUnchecked && !slices.Contains(list, DegradedDelegateUnchecked) {
		list = append(list, DegradedDelegateUnchecked)
	}
	return list
}

// limit returns the earlier of a time and the end of a's freshness.
func (a *StatusAnswer) limit(until time.Time) time.Time {
	if a.Status != StatusGood && !a.Unchecked || a.FreshUntil.IsZero() {
		return until
	}
	return earlier(until, a.FreshUntil)
}

// nextChange returns when, after at, a service first changes its status, as far
// as the list says already, or until if that is before.
func nextChange(services []*Service, at, until time.Time) time.Time {
	for _, s := range services {
		for i := range s.Periods {
			if start := s.Periods[i].Start; start.After(at) {
				until = earlier(until, start)
			}
		}
	}
	return until
}
