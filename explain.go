package eidas

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"fmt"
	"strings"
	"time"
)

// Outcome is how a check of an Explanation ended. The zero Outcome is a check
// that was skipped.
type Outcome uint8

// The outcomes.
const (
	OutcomeSkipped Outcome = iota // what it needs was not to be had
	OutcomePass
	OutcomeWaived // it would have failed, but for a leniency of the policy or of the checker
	OutcomeFail
)

// String returns "skipped", "pass", "waived" or "fail".
func (o Outcome) String() string {
	switch o {
	case OutcomePass:
		return "pass"
	case OutcomeWaived:
		return "waived"
	case OutcomeFail:
		return "fail"
	case OutcomeSkipped:
	}
	return "skipped"
}

// MarshalText implements encoding.TextMarshaler with the code of String.
func (o Outcome) MarshalText() ([]byte, error) { return []byte(o.String()), nil }

// Fact is a piece of evidence, for people. Its value may hold text of a
// certificate or a list: escape it for where it is shown.
type Fact struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// CheckResult is how one check ended, and on what grounds.
type CheckResult struct {
	Step     Step          `json:"step"`
	Name     CheckName     `json:"check"`
	Outcome  Outcome       `json:"outcome"`
	Refusal  *Error        `json:"-"`                // why it failed, nil otherwise
	Waivers  []Degradation `json:"waived,omitempty"` // what was let pass
	Evidence []Fact        `json:"evidence"`
}

// Explanation says of every check how it ended. It grants nothing: use
// Validate to decide.
type Explanation struct {
	// Checks holds every check, in the order in which Validate makes them.
	Checks []CheckResult
	// Refusal is that of the first check that failed, with which Validate
	// refuses too; nil when none failed.
	Refusal *Error
	// Evidence is what the checks that passed have found.
	Evidence Evidence
	Degraded []Degradation
	// ValidUntil is when the evidence ends, as far as it is known.
	ValidUntil time.Time
	Snapshot   string
}

// Explain makes all checks of Validate, also those after one that failed, and
// says of each how it ended. A check is skipped when what it needs was not to be
// had: nobody is asked about a certificate whose path to a trusted list is not
// proved, and no authorizer about an incomplete identity. It changes no state
// but the cache of the StatusChecker. It never returns nil.
func (v *Validator) Explain(ctx context.Context, peer []*x509.Certificate, use Use, at time.Time) *Explanation {
	j := &judgement{Validator: v, Result: Result{Evidence: Evidence{Use: use, At: at}}, peer: peer, thorough: true}
	x := &Explanation{}
	if use != UseTLS && use != UseSeal {
		x.Refusal = refuse(ReasonInternal, "use %d is invalid", use)
	}
	for _, c := range checks() {
		r := CheckResult{Step: c.step, Name: c.name, Evidence: []Fact{}}
		ready := c.ready
		if ready == nil {
			ready = (*judgement).hasLeaf
		}
		if ready(j) && (use == UseTLS || use == UseSeal) {
			before := len(j.Degraded)
			r.Refusal = c.run(j, ctx)
			r.Waivers = append(r.Waivers, j.Degraded[before:]...)
			r.Outcome = outcomeOf(r.Refusal, r.Waivers)
			r.Evidence = append(r.Evidence, j.facts(c.name)...)
		}
		if x.Refusal == nil && r.Refusal != nil {
			x.Refusal = r.Refusal
		}
		x.Checks = append(x.Checks, r)
	}
	x.Evidence, x.Degraded, x.ValidUntil, x.Snapshot = j.Evidence, j.Degraded, j.ValidUntil, j.Snapshot
	return x
}

func outcomeOf(refusal *Error, waivers []Degradation) Outcome {
	switch {
	case refusal != nil:
		return OutcomeFail
	case len(waivers) > 0:
		return OutcomeWaived
	}
	return OutcomePass
}

// facts are what a check that was made has looked at.
func (j *judgement) facts(name CheckName) []Fact {
	switch name {
	case CheckSize:
		return j.sizeFacts()
	case CheckEndEntity, CheckValidity, CheckKey, CheckAlgorithm, CheckUsage, CheckExtensions, CheckClientAuth:
		return leafFacts(name, j.Leaf)
	case CheckStatements, CheckPSD2:
		return j.claimFacts(name)
	case CheckIdentity, CheckRegistration:
		return []Fact{{"identity", j.Identity.String()}, {"profile", string(j.policy.Profile)}}
	case CheckPath, CheckProfile:
		return j.pathFacts(name)
	case CheckQualified:
		return qualifiedFacts(&j.Qualification)
	case CheckListDates:
		return j.listFacts()
	case CheckRevocation:
		return j.statusFacts()
	case CheckAuthorisation:
		return []Fact{{"identity", j.Identity.String()}, {"roles", j.Roles.String()}}
	}
	return nil
}

func (j *judgement) sizeFacts() []Fact {
	size := 0
	for _, c := range j.peer {
		if c != nil {
			size += len(c.Raw)
		}
	}
	list := []Fact{{"certificates", fmt.Sprint(len(j.peer))}, {"bytes", fmt.Sprint(size)}}
	if j.Leaf != nil {
		sum := sha256.Sum256(j.Leaf.Raw)
		list = append(list, Fact{"sha256", hex.EncodeToString(sum[:])}, Fact{"subject", j.Leaf.Subject.String()})
	}
	return list
}

func leafFacts(name CheckName, leaf *x509.Certificate) []Fact {
	switch name { //nolint:exhaustive // those of step 1
	case CheckEndEntity:
		return []Fact{{"ca", fmt.Sprint(leaf.IsCA)}}
	case CheckValidity:
		return []Fact{{"not_before", timeText(leaf.NotBefore)}, {"not_after", timeText(leaf.NotAfter)}}
	case CheckKey:
		return []Fact{{"key", leaf.PublicKeyAlgorithm.String()}}
	case CheckAlgorithm:
		return []Fact{{"algorithm", leaf.SignatureAlgorithm.String()}}
	case CheckExtensions:
		var list []Fact
		for _, id := range leaf.UnhandledCriticalExtensions {
			list = append(list, Fact{"critical", id.String()})
		}
		return list
	case CheckUsage:
		return []Fact{{"key_usage", fmt.Sprintf("%09b", leaf.KeyUsage)}}
	}
	var list []Fact
	for _, u := range leaf.ExtKeyUsage {
		list = append(list, Fact{"extended_key_usage", u.OID().String()})
	}
	for _, id := range leaf.UnknownExtKeyUsage {
		list = append(list, Fact{"extended_key_usage", id.String()})
	}
	return list
}

func (j *judgement) claimFacts(name CheckName) []Fact {
	if j.Claims == nil {
		return nil
	}
	if name == CheckStatements {
		return []Fact{{"lenient", fmt.Sprint(j.Claims.Lenient)}}
	}
	if j.Claims.PSD2 == nil {
		return nil
	}
	return []Fact{{"roles", j.Roles.String()}, {"authority", j.Claims.PSD2.NCAId}}
}

func (j *judgement) pathFacts(name CheckName) []Fact {
	var list []Fact
	if name == CheckProfile {
		for _, s := range j.found {
			list = append(list, Fact{"list", s.List.Territory + " " + string(s.List.Profile)})
		}
		return list
	}
	if j.set != nil {
		list = append(list, Fact{"snapshot", j.set.id})
	}
	for _, c := range j.Chain {
		list = append(list, Fact{"certificate", c.Subject.String()})
	}
	return list
}

func qualifiedFacts(q *Qualified) []Fact {
	list := []Fact{{"at_issuance", q.AtIssuance.Conclusion()}, {"at_time", q.AtTime.Conclusion()}}
	if s, p := q.AtTime.Service, q.AtTime.Period; s != nil && p != nil {
		list = append(list, Fact{"service_status", p.Status}, Fact{"status_since", timeText(p.Start)})
	}
	for _, w := range q.AtTime.Warnings {
		list = append(list, Fact{"warning", string(w.Code) + ": " + w.Detail})
	}
	return list
}

func (j *judgement) listFacts() []Fact {
	var list []Fact
	for _, l := range j.set.datesOf(j.Service.List) {
		due := "never, it is final"
		if !l.Final() {
			due = timeText(l.NextUpdate)
		}
		list = append(list, Fact{"list", fmt.Sprintf("%s, sequence %d, due %s, %s", l.Territory, l.Sequence, due, l.URL)})
	}
	return list
}

func (j *judgement) statusFacts() []Fact {
	var list []Fact
	for i := range j.Status {
		a := &j.Status[i]
		parts := []string{a.Status.String()}
		if a.Source != "" {
			parts = append(parts, a.Source)
		}
		if !a.ThisUpdate.IsZero() {
			parts = append(parts, "as of "+timeText(a.ThisUpdate))
		}
		if !a.RevokedAt.IsZero() {
			parts = append(parts, fmt.Sprintf("revoked %s, reason code %d", timeText(a.RevokedAt), a.Code))
		}
		list = append(list, Fact{"status", j.Chain[i].Subject.String() + ": " + strings.Join(parts, ", ")})
	}
	return list
}

func timeText(t time.Time) string { return t.UTC().Format(time.RFC3339) }
