package eidas

import "context"

// Step is one of the seven steps of Validate. The zero Step is none.
type Step uint8

// The steps, in their order.
const (
	StepForm Step = iota + 1
	StepClaims
	StepIdentity
	StepPath
	StepQualification
	StepRevocation
	StepAuthorisation
)

// String returns "form", "claims", "identity", "path", "qualification",
// "revocation" or "authorisation".
func (s Step) String() string {
	names := [...]string{"none", "form", "claims", "identity", "path", "qualification", "revocation", "authorisation"}
	if int(s) < len(names) {
		return names[s]
	}
	return names[0]
}

// MarshalText implements encoding.TextMarshaler with the code of String.
func (s Step) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// CheckName names one check of a step; the set is closed.
type CheckName string

// The checks, in their order.
const (
	CheckSize          CheckName = "size"
	CheckEndEntity     CheckName = "end_entity"
	CheckValidity      CheckName = "validity"
	CheckKey           CheckName = "key"
	CheckAlgorithm     CheckName = "signature_algorithm"
	CheckUsage         CheckName = "usage"
	CheckExtensions    CheckName = "critical_extensions"
	CheckClientAuth    CheckName = "client_auth"
	CheckStatements    CheckName = "statements"
	CheckPSD2          CheckName = "psd2"
	CheckIdentity      CheckName = "identity"
	CheckRegistration  CheckName = "registration"
	CheckPath          CheckName = "path"
	CheckProfile       CheckName = "trust_profile"
	CheckQualified     CheckName = "qualified"
	CheckListDates     CheckName = "list_dates"
	CheckRevocation    CheckName = "revocation"
	CheckAuthorisation CheckName = "authorisation"
)

// check is one check of Validate. What it needs of the ones before it, they
// have put into the judgement when they passed.
type check struct {
	step Step
	name CheckName
	run  func(*judgement, context.Context) *Error
	// ready reports whether what the check needs is there; nil: it needs the leaf.
	ready func(*judgement) bool
}

// checks are all checks in order. Validate runs them until the first refusal,
// Explain all of them.
func checks() [18]check {
	return [...]check{
		{StepForm, CheckSize, (*judgement).size, func(*judgement) bool { return true }},
		{StepForm, CheckEndEntity, (*judgement).endEntity, nil},
		{StepForm, CheckValidity, (*judgement).validity, nil},
		{StepForm, CheckKey, (*judgement).key, nil},
		{StepForm, CheckAlgorithm, (*judgement).algorithm, nil},
		{StepForm, CheckUsage, (*judgement).usage, nil},
		{StepForm, CheckExtensions, (*judgement).criticalExtensions, nil},
		{StepForm, CheckClientAuth, (*judgement).clientAuth, nil},
		{StepClaims, CheckStatements, (*judgement).statements, nil},
		{StepClaims, CheckPSD2, (*judgement).psd2, (*judgement).hasClaims},
		{StepIdentity, CheckIdentity, (*judgement).identity, (*judgement).hasClaims},
		{StepIdentity, CheckRegistration, (*judgement).registration, (*judgement).hasIdentity},
		{StepPath, CheckPath, (*judgement).path, nil},
		{StepPath, CheckProfile, (*judgement).profile, (*judgement).hasPath},
		{StepQualification, CheckQualified, (*judgement).qualification, (*judgement).canQualify},
		{StepQualification, CheckListDates, (*judgement).listDates, (*judgement).hasService},
		{StepRevocation, CheckRevocation, (*judgement).revocation, (*judgement).hasPath},
		{StepAuthorisation, CheckAuthorisation, (*judgement).authorisation, (*judgement).isComplete},
	}
}

func (j *judgement) hasLeaf() bool     { return j.Leaf != nil }
func (j *judgement) hasClaims() bool   { return j.Claims != nil }
func (j *judgement) hasIdentity() bool { return !j.Identity.IsZero() }
func (j *judgement) hasPath() bool     { return len(j.Chain) > 0 }
func (j *judgement) hasService() bool  { return j.Service != nil }
func (j *judgement) canQualify() bool  { return j.hasClaims() && len(j.Services) > 0 }
func (j *judgement) isComplete() bool  { return j.hasIdentity() && j.hasService() }
