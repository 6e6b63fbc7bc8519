package eidas

import (
	"errors"
	"fmt"
)

// Reason is the closed set of causes for which a certificate is refused. One
// value is at once an error (callers use errors.Is), the code in JSON and the
// label of a metric. The zero Reason is not a refusal and is never returned.
type Reason uint8

// The reasons, in the order of the steps of [Validator.Validate].
const (
	// Step 1, form.

	ReasonCertificateMissing   Reason = iota + 1 // the peer sent no certificate
	ReasonCertificateMalformed                   // the certificate cannot be parsed
	ReasonChainTooLong                           // more certificates or bytes than the caps allow
	ReasonNotEndEntity                           // the leaf is a CA certificate
	ReasonExpired                                // judged after notAfter
	ReasonNotYetValid                            // judged before notBefore
	ReasonKeyWeak                                // key too short or of an unknown kind
	ReasonAlgorithmWeak                          // signature algorithm too weak or unknown
	ReasonKeyUsage                               // key usage does not allow this use
	ReasonExtendedKeyUsage                       // extended key usage does not allow this use
	ReasonTLSBinding                             // a 2-QWAC (TS 119 411-5) presented as a TLS client certificate
	ReasonCriticalExtension                      // a critical extension nobody here understands

	// Step 2, claims.

	ReasonStatementsMissing   // no qcStatements extension
	ReasonStatementsMalformed // qcStatements break EN 319 412-5 or TS 119 495
	ReasonPSD2Missing         // no PSD2 statement (TS 119 495)

	// Step 3, identity.

	ReasonIdentityMissing      // no organizationIdentifier in the subject
	ReasonIdentityAmbiguous    // more than one organizationIdentifier
	ReasonIdentityMalformed    // organizationIdentifier breaks EN 319 412-1 or TS 119 495
	ReasonIdentityConflict     // organizationIdentifier disagrees with another statement of the certificate
	ReasonIdentityUnregistered // not a PSD identity and not registered explicitly

	// Step 4, path.

	ReasonTrustUnavailable // no authenticated trusted list is loaded
	ReasonIssuerUnknown    // no chain to a service of an authenticated trusted list
	ReasonSignatureInvalid // a listed issuer is named but did not sign this certificate
	ReasonPathTooComplex   // the path search exceeded its work budget
	ReasonProfile          // the chain ends in another trust profile than the policy's

	// Step 5, qualification.

	ReasonServiceNotGranted // the service was or is withdrawn
	ReasonNotQualified      // not an EU qualified certificate
	ReasonWrongType         // qualified, but for another use
	ReasonIndeterminate     // the trusted list contradicts itself about this certificate
	ReasonListStale         // the list is past its NextUpdate by more than the policy allows

	// Step 6, revocation.

	ReasonRevoked               // an authentic answer says revoked
	ReasonRevocationUnknown     // an authentic answer says unknown, or the certificate offers no way to ask
	ReasonRevocationUnavailable // nobody answered in time
	ReasonRevocationInvalid     // the answer was not authentic or not fresh

	// Step 7, authorisation.

	ReasonRoleMissing     // the certificate lacks a required role
	ReasonIdentityDenied  // the identity is not allowed
	ReasonCountryDenied   // the country is not allowed
	ReasonAuthorityDenied // the competent authority is not allowed
	ReasonNotAuthorized   // an authorizer refused for a reason of its own
	ReasonHeld            // the certificate waits for this installation's confirmation
	ReasonAbandoned       // the caller, most often a client that hung up, did not wait for the verdict
	ReasonDeadline        // the verdict was not reached in time
	ReasonOverloaded      // too many slow verdicts at once
	ReasonInternal        // a defect of this library or of a hook of its caller
	reasonEnd             // one past the last
)

// Cause says whose fault a refusal is; availability reports need it
// (RTS (EU) 2018/389, article 32).
type Cause uint8

// The causes. The zero Cause belongs to no reason.
const (
	CauseTPP        Cause = iota + 1 // the peer's certificate or standing
	CauseSelf                        // this installation
	CauseThirdParty                  // a responder, a list host or a list
)

// String returns "tpp", "us" or "third_party", the stable JSON code.
func (c Cause) String() string {
	switch c {
	case CauseTPP:
		return "tpp"
	case CauseSelf:
		return "us"
	case CauseThirdParty:
		return "third_party"
	}
	return "unknown"
}

// MarshalText implements encoding.TextMarshaler with the code of String.
func (c Cause) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

type reasonInfo struct {
	code  string
	cause Cause
	text  string
}

// reasonTable is indexed by Reason; a test holds it complete and its codes unique.
var reasonTable = [...]reasonInfo{
	0:                           {"", 0, ""},
	ReasonCertificateMissing:    {"certificate_missing", CauseTPP, "no certificate presented"},
	ReasonCertificateMalformed:  {"certificate_malformed", CauseTPP, "certificate cannot be parsed"},
	ReasonChainTooLong:          {"chain_too_long", CauseTPP, "certificate chain exceeds the limit"},
	ReasonNotEndEntity:          {"not_end_entity", CauseTPP, "leaf is a CA certificate"},
	ReasonExpired:               {"expired", CauseTPP, "certificate has expired"},
	ReasonNotYetValid:           {"not_yet_valid", CauseTPP, "certificate is not valid yet"},
	ReasonKeyWeak:               {"key_weak", CauseTPP, "public key is too weak"},
	ReasonAlgorithmWeak:         {"algorithm_weak", CauseTPP, "signature algorithm is too weak"},
	ReasonKeyUsage:              {"key_usage", CauseTPP, "key usage does not allow this use"},
	ReasonExtendedKeyUsage:      {"extended_key_usage", CauseTPP, "extended key usage does not allow this use"},
	ReasonTLSBinding:            {"tls_binding", CauseTPP, "a 2-QWAC cannot be a TLS client certificate"},
	ReasonCriticalExtension:     {"critical_extension", CauseTPP, "unknown critical extension"},
	ReasonStatementsMissing:     {"statements_missing", CauseTPP, "no qualified certificate statements"},
	ReasonStatementsMalformed:   {"statements_malformed", CauseTPP, "qualified certificate statements are malformed"},
	ReasonPSD2Missing:           {"psd2_missing", CauseTPP, "no PSD2 statement"},
	ReasonIdentityMissing:       {"identity_missing", CauseTPP, "no organizationIdentifier"},
	ReasonIdentityAmbiguous:     {"identity_ambiguous", CauseTPP, "more than one organizationIdentifier"},
	ReasonIdentityMalformed:     {"identity_malformed", CauseTPP, "organizationIdentifier is malformed"},
	ReasonIdentityConflict:      {"identity_conflict", CauseTPP, "organizationIdentifier disagrees with the certificate's statements"},
	ReasonIdentityUnregistered:  {"identity_unregistered", CauseTPP, "identity is not a PSD identifier and is not registered"},
	ReasonTrustUnavailable:      {"trust_unavailable", CauseSelf, "no authenticated trusted list is loaded"},
	ReasonIssuerUnknown:         {"issuer_unknown", CauseTPP, "issuer is not a service of a trusted list"},
	ReasonSignatureInvalid:      {"signature_invalid", CauseTPP, "certificate is not signed by the listed issuer it names"},
	ReasonPathTooComplex:        {"path_too_complex", CauseTPP, "certificate path exceeds the work limit"},
	ReasonProfile:               {"trust_profile", CauseTPP, "issuer belongs to another trust profile"},
	ReasonServiceNotGranted:     {"service_not_granted", CauseTPP, "trust service is not granted"},
	ReasonNotQualified:          {"not_qualified", CauseTPP, "not an EU qualified certificate"},
	ReasonWrongType:             {"wrong_type", CauseTPP, "qualified certificate is for another use"},
	ReasonIndeterminate:         {"qualification_indeterminate", CauseThirdParty, "trusted list contradicts itself about this certificate"},
	ReasonListStale:             {"list_stale", CauseThirdParty, "trusted list is too old"},
	ReasonRevoked:               {"revoked", CauseTPP, "certificate is revoked"},
	ReasonRevocationUnknown:     {"revocation_unknown", CauseThirdParty, "revocation status is unknown"},
	ReasonRevocationUnavailable: {"revocation_unavailable", CauseThirdParty, "no revocation answer"},
	ReasonRevocationInvalid:     {"revocation_invalid", CauseThirdParty, "revocation answer is not acceptable"},
	ReasonRoleMissing:           {"role_missing", CauseTPP, "required role is missing"},
	ReasonIdentityDenied:        {"identity_denied", CauseTPP, "identity is not allowed"},
	ReasonCountryDenied:         {"country_denied", CauseTPP, "country is not allowed"},
	ReasonAuthorityDenied:       {"authority_denied", CauseTPP, "competent authority is not allowed"},
	ReasonNotAuthorized:         {"not_authorized", CauseTPP, "not authorised"},
	ReasonHeld:                  {"held", CauseSelf, "certificate waits for confirmation"},
	ReasonAbandoned:             {"abandoned", CauseSelf, "caller did not wait for the verdict"},
	ReasonDeadline:              {"deadline", CauseSelf, "verdict was not reached in time"},
	ReasonOverloaded:            {"overloaded", CauseSelf, "too many verdicts under way"},
	ReasonInternal:              {"internal", CauseSelf, "internal error"},
}

// Reasons returns every reason, in order. Use it to pre-register metric labels.
func Reasons() []Reason {
	all := make([]Reason, 0, reasonEnd-1)
	for r := Reason(1); r < reasonEnd; r++ {
		all = append(all, r)
	}
	return all
}

func (r Reason) info() reasonInfo {
	if int(r) < len(reasonTable) {
		return reasonTable[r]
	}
	return reasonInfo{}
}

// String returns the stable code, such as "role_missing".
func (r Reason) String() string {
	if c := r.info().code; c != "" {
		return c
	}
	return fmt.Sprintf("reason(%d)", uint8(r))
}

// Error returns a sentence for people. It makes Reason a target for errors.Is.
func (r Reason) Error() string {
	if t := r.info().text; t != "" {
		return t
	}
	return r.String()
}

// Cause says whose fault the refusal is.
func (r Reason) Cause() Cause { return r.info().cause }

// MarshalText implements encoding.TextMarshaler with the code of String.
func (r Reason) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// Error is a refusal. errors.Is matches its Reason; errors.As and errors.Unwrap
// reach the detail. It is immutable and safe for concurrent use.
type Error struct {
	Reason Reason // never zero
	Err    error  // the detail, nil when Reason says it all
	// Partial holds what earlier steps proved, nil when there is nothing. It is
	// for the audit log only: nothing in it may grant access.
	Partial *Evidence
}

// Error gives the reason's sentence and the detail.
func (e *Error) Error() string {
	if e.Err == nil {
		return "eidas: " + e.Reason.Error()
	}
	return "eidas: " + e.Reason.Error() + ": " + e.Err.Error()
}

// Unwrap returns the reason and the detail, for errors.Is and errors.As.
func (e *Error) Unwrap() []error {
	if e.Err == nil {
		return []error{e.Reason}
	}
	return []error{e.Reason, e.Err}
}

// ReasonOf returns the Reason of a refusal, ReasonInternal for any other
// non-nil error and 0 for nil.
func ReasonOf(err error) Reason {
	if err == nil {
		return 0
	}
	if e, ok := errors.AsType[*Error](err); ok {
		if e == nil || e.Reason == 0 {
			return ReasonInternal
		}
		return e.Reason
	}
	if r, ok := errors.AsType[Reason](err); ok && r != 0 {
		return r
	}
	return ReasonInternal
}

func refuse(r Reason, format string, args ...any) *Error {
	return &Error{Reason: r, Err: fmt.Errorf(format, args...)}
}
