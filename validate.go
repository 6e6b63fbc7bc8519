package eidas

import (
	"context"
	"crypto/x509"
	"errors"
	"slices"
	"time"
)

// ServiceSource gives the current trust snapshot. It must not block, returns
// nil when there is none yet, and is safe for concurrent use.
type ServiceSource interface {
	Services() *ServiceSet
}

// Config is what a Validator works with.
type Config struct {
	Services ServiceSource // required
	Status   StatusChecker // required, unless Policy.AllowNoRevocation
	Policy   Policy
}

// Validator decides who is behind a certificate and whether it may enter. It
// is immutable and safe for concurrent use.
type Validator struct {
	services ServiceSource
	status   StatusChecker
	memory   StatusMemory // status, where it is one
	policy   Policy
}

// NewValidator checks the configuration. Every mistake is an error here and
// none later.
func NewValidator(c Config) (*Validator, error) {
	p := c.Policy
	switch {
	case c.Services == nil:
		return nil, errors.New("eidas: Config.Services is required")
	case p.Authorizer == nil:
		return nil, errors.New("eidas: Policy.Authorizer is required")
	case c.Status == nil && !p.AllowNoRevocation:
		return nil, errors.New("eidas: Config.Status is required unless Policy.AllowNoRevocation is set")
	case c.Status != nil && p.AllowNoRevocation:
		return nil, errors.New("eidas: Config.Status and Policy.AllowNoRevocation exclude each other")
	case p.AllowListStale < 0:
		return nil, errors.New("eidas: Policy.AllowListStale is negative")
	case len(p.Registered) > 0 && p.AllowUnregistered:
		return nil, errors.New("eidas: Policy.Registered and Policy.AllowUnregistered exclude each other")
	}
	if p.Profile == "" {
		p.Profile = ProfileEU
	}
	for _, id := range p.Registered {
		if id.IsZero() || id.Profile() != p.Profile {
			return nil, errors.New("eidas: Policy.Registered holds an identity of another profile, or a zero one")
		}
	}
	if err := checkAliases(p.Aliases, p.Profile); err != nil {
		return nil, err
	}
	p.Registered, p.Aliases = slices.Clone(p.Registered), slices.Clone(p.Aliases)
	memory, _ := c.Status.(StatusMemory)
	return &Validator{services: c.Services, status: c.Status, memory: memory, policy: p}, nil
}

// Validate decides about the certificates a peer presented, its own first, for
// a use at a time. It runs the steps below in order; no option skips one. It
// returns a Result, or nil and an *Error whose Partial holds what was proved
// before. Only step 6 may block; it is bounded by ctx and by the StatusChecker.
// peer is not modified.
func (v *Validator) Validate(ctx context.Context, peer []*x509.Certificate, use Use, at time.Time) (*Result, error) {
	if use != UseTLS && use != UseSeal {
		return nil, refuse(ReasonInternal, "use %d is invalid", use)
	}
	j := &judgement{Validator: v, Result: Result{Evidence: Evidence{Use: use, At: at}}, peer: peer}
	for _, c := range checks() {
		if err := c.run(j, ctx); err != nil {
			return nil, j.refusal(err)
		}
	}
	result := j.Result
	return &result, nil
}

// judgement is one run of Validate: the Result as it grows.
type judgement struct {
	*Validator
	Result
	peer  []*x509.Certificate
	set   *ServiceSet
	found []*Service // of the path, under whatever profile
	// renamed is the alias of the certificate's identity, in force or not.
	renamed *Alias
	// thorough asks for the status of every certificate, also when one is refused.
	thorough bool
}

func (j *judgement) refusal(err *Error) *Error {
	partial := j.Evidence
	return &Error{Reason: err.Reason, Err: err.Err, Partial: &partial}
}

func (j *judgement) degrade(d Degradation) { j.Degraded = append(j.Degraded, d) }

// size is the first check of step 1: it bounds the work of all others.
func (j *judgement) size(context.Context) *Error {
	if err := checkSize(j.peer); err != nil {
		return err
	}
	j.Leaf = j.peer[0]
	return nil
}

func (j *judgement) criticalExtensions(context.Context) *Error {
	return checkCriticalExtensions(j.Leaf)
}

func (j *judgement) clientAuth(context.Context) *Error {
	if j.Use != UseTLS {
		return nil
	}
	waived, err := checkClientAuth(j.Leaf, j.policy.AllowServerAuthOnly)
	if waived {
		j.degrade(DegradedServerAuthOnly)
	}
	return err
}

// statements begins step 2: EN 319 412-5 and TS 119 495.
func (j *judgement) statements(context.Context) *Error {
	parse := ParseClaims
	if j.policy.AllowLenientStatements {
		parse = ParseClaimsLenient
	}
	claims, err := parse(j.Leaf)
	if err != nil {
		return asRefusal(err)
	}
	if claims.Lenient {
		j.degrade(DegradedLenientClaims)
	}
	if !claims.Statements.Present {
		return &Error{Reason: ReasonStatementsMissing}
	}
	j.Claims = claims
	return nil
}

func (j *judgement) psd2(context.Context) *Error {
	if j.Claims.PSD2 != nil {
		j.Roles = j.Claims.PSD2.Known
		return nil
	}
	if !j.policy.AllowNoPSD2 {
		return &Error{Reason: ReasonPSD2Missing}
	}
	j.degrade(DegradedNoPSD2)
	return nil
}

// identity is step 3: the subject, read under the policy's profile, which step
// 4 then demands of the list.
func (j *judgement) identity(context.Context) *Error {
	id, err := j.Claims.Identity(j.policy.Profile)
	if err != nil {
		return asRefusal(err)
	}
	j.Identity = id
	if j.renamed = j.policy.aliasOf(id); j.renamed != nil && j.renamed.covers(j.At) {
		j.Alias, j.Identity = j.renamed, j.renamed.To
	}
	return nil
}

func (j *judgement) registration(context.Context) *Error {
	if j.Identity.Scheme() == SchemePSD || slices.Contains(j.policy.Registered, j.Identity) {
		return nil
	}
	if !j.policy.AllowUnregistered {
		return refuse(ReasonIdentityUnregistered, "identity %q", j.Identity.String())
	}
	j.degrade(DegradedUnregistered)
	return nil
}

// path begins step 4.
func (j *judgement) path(context.Context) *Error {
	j.set = j.services.Services()
	if j.set == nil || len(j.set.services) == 0 {
		return &Error{Reason: ReasonTrustUnavailable}
	}
	p, err := findPath(j.set, j.peer, j.At)
	if err != nil {
		return err
	}
	j.Chain, j.found = p.chain, p.services
	j.Snapshot = j.set.id
	j.ValidUntil = j.Leaf.NotAfter
	for _, c := range j.Chain[1 : len(j.Chain)-1] {
		j.ValidUntil = earlier(j.ValidUntil, c.NotAfter)
	}
	return nil
}

func (j *judgement) profile(context.Context) *Error {
	for _, s := range j.found {
		if s.List.Profile == j.policy.Profile {
			j.Services = append(j.Services, s)
		}
	}
	if len(j.Services) == 0 {
		return refuse(ReasonProfile, "listed under %q, not %q", j.found[0].List.Profile, j.policy.Profile)
	}
	j.ValidUntil = j.renamed.nextChange(j.At, nextChange(j.Services, j.At, j.ValidUntil))
	return nil
}

// qualification begins step 5.
func (j *judgement) qualification(context.Context) *Error {
	q := Qualify(j.Leaf, j.Claims, j.Services, j.At)
	j.Qualification, j.Service = q, q.AtTime.Service
	return judgeQualified(&q, j.Use)
}

func (j *judgement) listDates(context.Context) *Error {
	for _, list := range j.set.datesOf(j.Service.List) {
		if err := j.freshness(list); err != nil {
			return err
		}
	}
	return nil
}

// freshness holds a list to its NextUpdate (TS 119 612 v2.4.1, 5.3.15).
func (j *judgement) freshness(list *List) *Error {
	if list.Final() {
		return nil
	}
	when, due := j.set.listTime(j.At), list.NextUpdate
	if when.After(due) {
		if when.Sub(due) > j.policy.AllowListStale {
			return refuse(ReasonListStale, "list of %s was due %s", list.Territory, due.UTC().Format(time.RFC3339))
		}
		if !slices.Contains(j.Degraded, DegradedListStale) {
			j.degrade(DegradedListStale)
		}
		due = due.Add(j.policy.AllowListStale)
	}
	if j.set.asOf.IsZero() {
		j.ValidUntil = earlier(j.ValidUntil, due)
	}
	return nil
}

// judgeQualified demands a certificate qualified for the use, at issuance and now.
func judgeQualified(q *Qualified, use Use) *Error {
	if side := &q.AtIssuance; side.Reason != 0 {
		return refuse(side.Reason, "at its issuance, %s, %s", side.At.UTC().Format(time.RFC3339), side.shortcoming())
	}
	if side := &q.AtTime; side.Reason != 0 {
		return refuse(side.Reason, "at %s %s", side.At.UTC().Format(time.RFC3339), side.shortcoming())
	}
	want := TypeWeb
	if use == UseSeal {
		want = TypeSeal
	}
	if !q.Qualified || q.Type != want {
		return refuse(ReasonWrongType, "qualified for %s, needs %s", q.Type.purpose(), want.purpose())
	}
	return nil
}

// revocation is step 6: every certificate below the anchor. Only now is the
// chain proved, so that a responder URL in it may be called.
func (j *judgement) revocation(ctx context.Context) *Error {
	j.basis = basis{by: j.Validator, set: j.set.mark, until: j.ValidUntil, responders: j.set.respondersOf(j.Services)}
	if j.status == nil {
		j.degrade(DegradedRevocationOff)
		return nil
	}
	var first *Error
	for i := range len(j.Chain) - 1 {
		a, err := j.askStatus(ctx, i)
		if err == nil || j.thorough {
			j.Status = append(j.Status, a)
		}
		if err == nil {
			err = j.judgeStatus(a)
		}
		if first == nil {
			first = err
		}
		if first != nil && !j.thorough {
			break
		}
	}
	return first
}

// askStatus asks for the status of the i-th certificate of the chain. Without
// an answer it returns the zero one.
func (j *judgement) askStatus(ctx context.Context, i int) (StatusAnswer, *Error) {
	if err := ctx.Err(); err != nil {
		return StatusAnswer{}, &Error{Reason: ReasonDeadline, Err: err}
	}
	q := j.statusQuery(i, j.At)
	if i == 0 {
		q.Staple = stapleOf(ctx)
	}
	a, err := j.status.CheckStatus(ctx, q)
	if err != nil {
		return StatusAnswer{}, asRefusal(err)
	}
	return a, nil
}

// statusQuery asks about the i-th certificate of the chain.
func (r *Result) statusQuery(i int, at time.Time) StatusQuery {
	q := StatusQuery{Certificate: r.Chain[i], Issuer: r.Chain[i+1], Responders: r.basis.responders, At: at, Use: r.Use}
	if i == 0 {
		q.Roles = r.Roles
	}
	return q
}

func (j *judgement) judgeStatus(a StatusAnswer) *Error {
	switch a.Status {
	case StatusGood:
		j.Degraded = a.degrade(j.Degraded)
		j.ValidUntil = a.limit(j.ValidUntil)
		return nil
	case StatusNotOwed:
		return nil
	case StatusRevoked:
		return refuse(ReasonRevoked, "since %s, reason code %d", a.RevokedAt.UTC().Format(time.RFC3339), a.Code)
	case StatusUnknown:
		if a.Unchecked {
			j.Degraded = a.degrade(j.Degraded)
			j.ValidUntil = a.limit(j.ValidUntil)
			return nil
		}
	}
	return &Error{Reason: ReasonRevocationUnknown}
}

// authorisation is step 7.
func (j *judgement) authorisation(context.Context) *Error {
	return authorize(j.policy.Authorizer, &j.Evidence)
}

// asRefusal keeps the reason of err; an error without one is a defect of ours.
func asRefusal(err error) *Error {
	if e, ok := errors.AsType[*Error](err); ok && e != nil {
		return e
	}
	return &Error{Reason: ReasonOf(err), Err: err}
}

func earlier(a, b time.Time) time.Time {
	if b.Before(a) {
		return b
	}
	return a
}
