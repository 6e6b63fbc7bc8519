package qseal

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/seed-b953571c/eidas"
)

// Reason is the closed set of causes for which a seal is refused. One value is
// at once an error (callers use errors.Is), the code in JSON and the label of a
// metric. The zero Reason is not a refusal.
type Reason uint8

// The reasons, about in the order in which they are found.
const (
	ReasonSignatureMissing Reason = iota + 1 // the message carries no seal
	ReasonHopByHop                           // Connection names a field that the seal needs
	ReasonRepeated                           // a field is there more than once that must be there once
	ReasonFormat                             // a field of the seal cannot be parsed
	ReasonHeader                             // a parameter of the seal is missing, not allowed or wrong
	ReasonCritical                           // crit or b64 (RFC 7515, 4.1.11; RFC 7797)
	ReasonCoverage                           // not all that must be sealed is, or more than may be
	ReasonFieldMissing                       // a field is sealed and not there

	ReasonCertificateMissing    // the message has no certificate and names none that is known
	ReasonCertificateMalformed  // the certificate cannot be parsed
	ReasonCertificateUnresolved // the resolver failed
	ReasonCertificateMismatch   // the seal names another certificate
	ReasonKey                   // the key of the certificate is too weak, too costly or of an unknown kind
	ReasonAlgorithm             // the algorithm is not allowed here or is not one of the key
	ReasonSignatureInvalid      // the signature is wrong

	ReasonBinding // the TLS certificate is not one of those that are bound

	ReasonDigestMissing // no digest of the body
	ReasonDigest        // the digest cannot be used, or is not that of the body
	ReasonBody          // the body could not be read
	ReasonTooLarge      // the body exceeds the cap

	ReasonExpired        // the seal has ended
	ReasonStale          // the seal is too old
	ReasonIssuedInFuture // the seal was made ahead of the clock

	ReasonCertificate       // the Validator refused the certificate: the cause is the *eidas.Error inside
	ReasonPeerMissing       // nobody is known on the connection
	ReasonPeer              // the sealer is not the one on the connection
	ReasonReplay            // the seal has been here before
	ReasonReplayUnavailable // whether it has been here is not known
	ReasonInternal          // a defect of this package or of a hook of its caller
	reasonEnd               // one past the last
)

type reasonInfo struct {
	code   string
	text   string
	status int
	berlin string // code of NextGenPSD2 1.3.8, 14.11.1
	obie   string // code of the OBIE namespace UK.OBIE
}

// What Berlin Group and OBIE call the reasons. Both say 401 or 400 for seals;
// neither has a code for a replay or for a bank that cannot tell.
const (
	bgFormat             = "FORMAT_ERROR"
	bgSignatureMissing   = "SIGNATURE_MISSING"
	bgSignatureInvalid   = "SIGNATURE_INVALID"
	bgCertificateMissing = "CERTIFICATE_MISSING"
	bgCertificateInvalid = "CERTIFICATE_INVALID"
	bgCertificateExpired = "CERTIFICATE_EXPIRED"
	bgCertificateBlocked = "CERTIFICATE_BLOCKED"
	bgCertificateRevoked = "CERTIFICATE_REVOKED"
	bgRoleInvalid        = "ROLE_INVALID"
	bgInternal           = "INTERNAL_SERVER_ERROR"

	obieMissing      = "UK.OBIE.Signature.Missing"
	obieMalformed    = "UK.OBIE.Signature.Malformed"
	obieInvalid      = "UK.OBIE.Signature.Invalid"
	obieInvalidClaim = "UK.OBIE.Signature.InvalidClaim"
	obieUnexpected   = "UK.OBIE.UnexpectedError"
)

// reasonTable is indexed by Reason; a test holds it complete and its codes unique.
var reasonTable = [...]reasonInfo{
	0:                           {},
	ReasonSignatureMissing:      {"signature_missing", "message is not sealed", 401, bgSignatureMissing, obieMissing},
	ReasonHopByHop:              {"hop_by_hop", "connection header removes a field of the seal", 400, bgFormat, obieMalformed},
	ReasonRepeated:              {"repeated", "field may be there once only", 400, bgFormat, obieMalformed},
	ReasonFormat:                {"format", "seal cannot be parsed", 400, bgFormat, obieMalformed},
	ReasonHeader:                {"header", "parameter of the seal is missing, not allowed or wrong", 401, bgSignatureInvalid, obieInvalidClaim},
	ReasonCritical:              {"critical", "critical parameter is not understood", 401, bgSignatureInvalid, obieInvalidClaim},
	ReasonCoverage:              {"coverage", "seal does not cover what it must, or covers more than it may", 401, bgSignatureInvalid, obieInvalid},
	ReasonFieldMissing:          {"field_missing", "sealed field is not there", 401, bgSignatureInvalid, obieInvalid},
	ReasonCertificateMissing:    {"certificate_missing", "no certificate of the sealer", 401, bgCertificateMissing, obieInvalid},
	ReasonCertificateMalformed:  {"certificate_malformed", "certificate cannot be parsed", 401, bgCertificateInvalid, obieInvalid},
	ReasonCertificateUnresolved: {"certificate_unresolved", "certificate could not be resolved", 503, bgInternal, obieUnexpected},
	ReasonCertificateMismatch:   {"certificate_mismatch", "seal names another certificate", 401, bgCertificateInvalid, obieInvalid},
	ReasonKey:                   {"key", "key of the certificate is not acceptable", 401, bgCertificateInvalid, obieInvalid},
	ReasonAlgorithm:             {"algorithm", "signature algorithm is not acceptable", 401, bgSignatureInvalid, obieInvalidClaim},
	ReasonSignatureInvalid:      {"signature_invalid", "signature is wrong", 401, bgSignatureInvalid, obieInvalid},
	ReasonBinding:               {"binding", "tls certificate is not bound", 401, bgCertificateInvalid, obieInvalid},
	ReasonDigestMissing:         {"digest_missing", "no digest of the body", 401, bgSignatureInvalid, obieInvalid},
	ReasonDigest:                {"digest", "digest is not that of the body", 401, bgSignatureInvalid, obieInvalid},
	ReasonBody:                  {"body", "body could not be read", 400, bgFormat, obieMalformed},
	ReasonTooLarge:              {"too_large", "body is too large", 413, bgFormat, obieMalformed},
	ReasonExpired:               {"expired", "seal has expired", 401, bgSignatureInvalid, obieInvalidClaim},
	ReasonStale:                 {"stale", "seal is too old", 401, bgSignatureInvalid, obieInvalidClaim},
	ReasonIssuedInFuture:        {"issued_in_future", "seal was made in the future", 401, bgSignatureInvalid, obieInvalidClaim},
	ReasonCertificate:           {"certificate", "certificate is refused", 401, bgCertificateInvalid, obieInvalid},
	ReasonPeerMissing:           {"peer_missing", "nobody is known on the connection", 401, bgCertificateMissing, obieInvalid},
	ReasonPeer:                  {"peer", "sealer is not the one on the connection", 401, bgCertificateInvalid, obieInvalid},
	ReasonReplay:                {"replay", "seal has been used before", 401, bgSignatureInvalid, obieInvalid},
	ReasonReplayUnavailable:     {"replay_unavailable", "uses of the seal are not known", 503, bgInternal, obieUnexpected},
	ReasonInternal:              {"internal", "internal error", 500, bgInternal, obieUnexpected},
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

// String returns the stable code, such as "coverage", and "" for zero.
func (r Reason) String() string {
	if c := r.info().code; c != "" || r == 0 {
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

// MarshalText implements encoding.TextMarshaler with the code of String.
func (r Reason) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// Error is the refusal of a seal. errors.Is matches its Reason and, where that
// is ReasonCertificate, the [eidas.Reason] of the Validator too. It is immutable
// and safe for concurrent use.
type Error struct {
	Reason Reason // never zero
	Err    error  // the detail, nil when Reason says it all
}

// Error gives the reason's sentence and the detail.
func (e *Error) Error() string {
	if e.Err == nil {
		return "qseal: " + e.Reason.Error()
	}
	return "qseal: " + e.Reason.Error() + ": " + e.Err.Error()
}

// sentence is what a stranger may read: the reason and, of a certificate, that
// of the Validator. The detail may speak of our network.
func (e *Error) sentence() string {
	if e.Reason == ReasonCertificate {
		return e.Reason.Error() + ": " + eidas.ReasonOf(e.Err).Error()
	}
	return e.Reason.Error()
}

// Unwrap returns the reason and the detail, for errors.Is and errors.As.
func (e *Error) Unwrap() []error {
	if e.Err == nil {
		return []error{e.Reason}
	}
	return []error{e.Reason, e.Err}
}

// Cause says whose fault the refusal is: that of the Validator's reason, if it
// was the Validator's.
func (e *Error) Cause() eidas.Cause {
	switch e.Reason { //nolint:exhaustive // all others are the sealer's doing
	case ReasonCertificate:
		return eidas.ReasonOf(e.Err).Cause()
	case ReasonCertificateUnresolved:
		return eidas.CauseThirdParty
	case ReasonReplayUnavailable, ReasonInternal:
		return eidas.CauseSelf
	}
	return eidas.CauseTPP
}

// BerlinGroup returns the HTTP status and the message code of NextGenPSD2
// (Implementation Guidelines 1.3.8, 14.11.1) for the refusal.
func (e *Error) BerlinGroup() (status int, code string) {
	if e.Reason == ReasonCertificate {
		return berlinCertificate(eidas.ReasonOf(e.Err))
	}
	i := e.Reason.info()
	return i.status, i.berlin
}

// OBIE returns the HTTP status and the error code of the UK Open Banking
// read/write API (namespace UK.OBIE) for the refusal. Its seals fail with 400;
// another one's seal is 401, as in every other standard.
func (e *Error) OBIE() (status int, code string) {
	i := e.Reason.info()
	if e.Reason == ReasonCertificate {
		status, _ = berlinCertificate(eidas.ReasonOf(e.Err))
		if status >= http.StatusInternalServerError {
			return status, obieUnexpected
		}
		return status, i.obie
	}
	switch {
	case i.status == http.StatusUnauthorized && (i.obie == obieMissing || i.obie == obieMalformed || i.obie == obieInvalidClaim):
		return http.StatusBadRequest, i.obie
	default:
		return i.status, i.obie
	}
}

// berlinCertificate is what NextGenPSD2 calls a refusal of the Validator.
func berlinCertificate(r eidas.Reason) (status int, code string) {
	if r.Cause() != eidas.CauseTPP {
		if r == eidas.ReasonInternal {
			return http.StatusInternalServerError, bgInternal
		}
		return http.StatusServiceUnavailable, bgInternal
	}
	switch r { //nolint:exhaustive // the standard has one code for all other faults
	case eidas.ReasonCertificateMissing:
		return http.StatusUnauthorized, bgCertificateMissing
	case eidas.ReasonExpired, eidas.ReasonNotYetValid:
		return http.StatusUnauthorized, bgCertificateExpired
	case eidas.ReasonRevoked:
		return http.StatusUnauthorized, bgCertificateRevoked
	case eidas.ReasonServiceNotGranted, eidas.ReasonIdentityDenied, eidas.ReasonCountryDenied,
		eidas.ReasonAuthorityDenied, eidas.ReasonNotAuthorized:
		return http.StatusUnauthorized, bgCertificateBlocked
	case eidas.ReasonRoleMissing:
		return http.StatusUnauthorized, bgRoleInvalid
	}
	return http.StatusUnauthorized, bgCertificateInvalid
}

// ReasonOf returns the Reason of an error of this package, ReasonInternal for
// any other non-nil error and 0 for nil.
func ReasonOf(err error) Reason {
	if err == nil {
		return 0
	}
	if e, ok := errors.AsType[*Error](err); ok && e != nil && e.Reason != 0 {
		return e.Reason
	}
	if r, ok := errors.AsType[Reason](err); ok && r != 0 {
		return r
	}
	return ReasonInternal
}

// reject makes a refusal. What a stranger wrote goes in with %q and a width.
func reject(r Reason, format string, args ...any) *Error {
	return &Error{Reason: r, Err: fmt.Errorf(format, args...)}
}
