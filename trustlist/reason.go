package trustlist

import (
	"errors"
	"fmt"
)

// Reason is the closed set of causes for which a list is not accepted. One
// value is at once an error (callers use errors.Is), the code in JSON and the
// label of a metric. The zero Reason is not a refusal.
type Reason uint8

// The reasons, in the order in which they are found.
const (
	ReasonPointer     Reason = iota + 1 // the LOTL's pointer to the list is not usable
	ReasonNotListed                     // the LOTL points to no list of this territory
	ReasonNotFound                      // the source has no such list
	ReasonFetchFailed                   // the list could not be fetched
	ReasonTooLarge                      // the list exceeds MaxListSize

	ReasonXMLMalformed         // not well-formed XML of the accepted profile
	ReasonNotList              // the root is not a trusted list
	ReasonSignatureMissing     // no signature
	ReasonSignatureMalformed   // a signature that does not have the one accepted form
	ReasonSignatureUnsupported // an algorithm or transform that is not accepted
	ReasonSignerUnknown        // signed by a certificate that was not announced
	ReasonSignerMismatch       // the XAdES signing certificate is not the signer, or was not valid
	ReasonSignatureInvalid     // the digest or the signature value is wrong

	ReasonMalformed          // authentic, but not the structure of TS 119 612
	ReasonLimit              // authentic, but beyond a limit of this package
	ReasonVersionUnsupported // TSLVersionIdentifier is neither 5 nor 6
	ReasonTypeMismatch       // TSLType is not that of the pointer
	ReasonTerritoryMismatch  // SchemeTerritory is not that of the pointer
	ReasonIssuedInFuture     // ListIssueDateTime is ahead of the clock
	ReasonRollback           // older than a list that was verified before
	ReasonSuperseded         // the same territory's list was had newer from another location

	ReasonOfficialJournal // the LOTL does not name the notice that the anchors come from
	ReasonPivot           // a pivot between the notice and the LOTL is not usable

	ReasonInternal // a defect of this package
	reasonEnd      // one past the last
)

type reasonInfo struct{ code, text string }

// reasonTable is indexed by Reason; a test holds it complete and its codes unique.
var reasonTable = [...]reasonInfo{
	0:                          {"", ""},
	ReasonPointer:              {"pointer_malformed", "pointer to the list is not usable"},
	ReasonNotListed:            {"not_listed", "no list of this territory is pointed to"},
	ReasonNotFound:             {"not_found", "list is not there"},
	ReasonFetchFailed:          {"fetch_failed", "list could not be fetched"},
	ReasonTooLarge:             {"too_large", "list is too large"},
	ReasonXMLMalformed:         {"xml_malformed", "list is not acceptable XML"},
	ReasonNotList:              {"not_a_list", "document is not a trusted list"},
	ReasonSignatureMissing:     {"signature_missing", "list is not signed"},
	ReasonSignatureMalformed:   {"signature_malformed", "signature does not have the accepted form"},
	ReasonSignatureUnsupported: {"signature_unsupported", "signature uses an algorithm that is not accepted"},
	ReasonSignerUnknown:        {"signer_unknown", "signer was not announced for this list"},
	ReasonSignerMismatch:       {"signer_mismatch", "signing certificate does not match the signer"},
	ReasonSignatureInvalid:     {"signature_invalid", "signature is wrong"},
	ReasonMalformed:            {"malformed", "list breaks TS 119 612"},
	ReasonLimit:                {"limit_exceeded", "list exceeds a limit"},
	ReasonVersionUnsupported:   {"version_unsupported", "list format version is not supported"},
	ReasonTypeMismatch:         {"type_mismatch", "list is of another type than its pointer says"},
	ReasonTerritoryMismatch:    {"territory_mismatch", "list is of another territory than its pointer says"},
	ReasonIssuedInFuture:       {"issued_in_future", "list was issued in the future"},
	ReasonRollback:             {"rollback", "list is older than one seen before"},
	ReasonSuperseded:           {"superseded", "list was had newer from another location"},
	ReasonOfficialJournal:      {"official_journal_missing", "list of trusted lists does not name the Official Journal notice of the anchors"},
	ReasonPivot:                {"pivot_unusable", "pivot of the list of trusted lists is not usable"},
	ReasonInternal:             {"internal", "internal error"},
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

// String returns the stable code, such as "signer_unknown", and "" for zero.
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

// Error says why a list is not accepted. errors.Is matches its Reason, and the
// Reason of the pivot inside a ReasonPivot. It is immutable.
type Error struct {
	Reason Reason // never zero
	URL    string // of the list, "" when it is not known
	Err    error  // the detail, nil when Reason says it all
}

// Error gives the reason's sentence, the URL and the detail.
func (e *Error) Error() string {
	s := "trustlist: " + e.Reason.Error()
	if e.URL != "" {
		s += fmt.Sprintf(": url %q", e.URL)
	}
	// A Source may say no more than the reason.
	if e.Err != nil && e.Err.Error() != e.Reason.Error() {
		s += ": " + e.Err.Error()
	}
	return s
}

// Unwrap returns the reason and the detail, for errors.Is and errors.As.
func (e *Error) Unwrap() []error {
	if e.Err == nil {
		return []error{e.Reason}
	}
	return []error{e.Reason, e.Err}
}

// ReasonOf returns the Reason of an error of this package, ReasonInternal for
// any other non-nil error and 0 for nil.
func ReasonOf(err error) Reason {
	if err == nil {
		return 0
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e.Reason
	}
	if r, ok := errors.AsType[Reason](err); ok {
		return r
	}
	return ReasonInternal
}

func refuse(r Reason, format string, args ...any) *Error {
	return &Error{Reason: r, Err: fmt.Errorf(format, args...)}
}

// at returns err as an *Error that names url. An *Error or Reason in err keeps
// its reason; any other error gets r.
func at(err error, url string, r Reason) *Error {
	if e, ok := errors.AsType[*Error](err); ok {
		return &Error{Reason: e.Reason, URL: url, Err: e.Err}
	}
	if own, ok := errors.AsType[Reason](err); ok && own != 0 {
		r = own
	}
	return &Error{Reason: r, URL: url, Err: err}
}
