package revocation

import (
	"errors"
	"fmt"

	"github.com/seed-b953571c/eidas"
)

// Rule names one check. The set is closed; the code of String is stable.
// The zero Rule belongs to no check.
type Rule uint8

// The rules. Q is about asking, P about OCSP responses, C about CRLs, B about
// certificates for which nobody has to be asked.
const (
	RuleQ1 Rule = iota + 1 // certificate identifier of the request
	RuleQ2                 // transport
	RuleQ3                 // who may be asked about what
	RuleQ4                 // nonce

	RuleP1  // strict DER, version and type of the response
	RuleP2  // response status
	RuleP3  // the answer is about this certificate
	RuleP4  // the signer is authorised
	RuleP5  // the delegate's certificate is fit for it
	RuleP6  // the responder identifier names the signer, and its signature holds
	RuleP7  // the delegate's own revocation status
	RuleP8  // times
	RuleP9  // answers without nextUpdate
	RuleP10 // age
	RuleP11 // critical extensions
	RuleP12 // certHash
	RuleP13 // certificates that were never issued
	RuleP14 // certificates that have expired
	RuleP15 // revocation in the future
	RuleP16 // signature algorithms

	RuleC1  // distribution points of the certificate
	RuleC2  // issuer and signature of the CRL
	RuleC3  // scope of the CRL
	RuleC4  // reasons
	RuleC5  // times
	RuleC6  // critical extensions and versions
	RuleC7  // certificate issuer of an entry
	RuleC8  // delta CRLs
	RuleC9  // never backwards
	RuleC10 // invalidity date
	RuleC11 // strict DER

	RuleB4 // no revocation information is owed
)

type ruleInfo struct{ code, clause string }

// rules is indexed by Rule; a test holds it complete and its codes unique.
var rules = [...]ruleInfo{
	RuleQ1:  {"Q1", "RFC 9919, 3.1.1"},
	RuleQ2:  {"Q2", "RFC 9919, 6; RFC 6960, A.1"},
	RuleQ3:  {"Q3", "RFC 9919, 4.2"},
	RuleQ4:  {"Q4", "RFC 9654, 2.1; RFC 9919, 5"},
	RuleP1:  {"P1", "RFC 6960, 4.2.1 and 4.2.2.3"},
	RuleP2:  {"P2", "RFC 6960, 2.3; RFC 9919, 3.2.3"},
	RuleP3:  {"P3", "RFC 6960, 3.2 (1) and 4.1.1"},
	RuleP4:  {"P4", "RFC 6960, 4.2.2.2"},
	RuleP5:  {"P5", "RFC 6960, 4.2.2.2; RFC 5280, 6.1.3"},
	RuleP6:  {"P6", "RFC 6960, 3.2 (2) and 4.2.2.3"},
	RuleP7:  {"P7", "RFC 6960, 4.2.2.2.1"},
	RuleP8:  {"P8", "RFC 6960, 3.2 (5), (6) and 4.2.2.1"},
	RuleP9:  {"P9", "RFC 6960, 4.2.2.1; RFC 9919, 5"},
	RuleP10: {"P10", "ETSI EN 319 411-1, 6.2.4"},
	RuleP11: {"P11", "RFC 6960, 4.4; RFC 5280, 4.2"},
	RuleP12: {"P12", "Common PKI, part 4, 3.1.2"},
	RuleP13: {"P13", "RFC 6960, 2.2 and 4.4.8"},
	RuleP14: {"P14", "RFC 6960, 4.4.4"},
	RuleP15: {"P15", "RFC 6960, 2.2"},
	RuleP16: {"P16", "ETSI TS 119 312"},
	RuleC1:  {"C1", "RFC 5280, 4.2.1.13"},
	RuleC2:  {"C2", "RFC 5280, 6.3.3 (b) (1), (f), (g)"},
	RuleC3:  {"C3", "RFC 5280, 6.3.3 (b) (2)"},
	RuleC4:  {"C4", "RFC 5280, 6.3.3 (d), (e), (l)"},
	RuleC5:  {"C5", "RFC 5280, 5.1.2.4 and 5.1.2.5"},
	RuleC6:  {"C6", "RFC 5280, 5.2 and 5.3"},
	RuleC7:  {"C7", "RFC 5280, 5.3.3"},
	RuleC8:  {"C8", "RFC 5280, 5.2.4 and 6.3.3 (c)"},
	RuleC9:  {"C9", "RFC 5280, 5.2.3"},
	RuleC10: {"C10", "RFC 5280, 5.3.2"},
	RuleC11: {"C11", "RFC 5280, 5.1"},
	RuleB4:  {"B4", "RFC 9608, 3; ETSI EN 319 412-1, 5.2"},
}

func (r Rule) info() ruleInfo {
	if int(r) < len(rules) {
		return rules[r]
	}
	return ruleInfo{}
}

// String returns the stable code, such as "P4"; "" for the zero Rule.
func (r Rule) String() string { return r.info().code }

// Clause names where the rule comes from.
func (r Rule) Clause() string { return r.info().clause }

// MarshalText implements encoding.TextMarshaler with the code of String.
func (r Rule) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// RuleError is the detail of a refusal: the rule that failed and how. It is
// always inside an *eidas.Error.
type RuleError struct {
	Rule Rule
	Err  error // never nil
}

// Error gives rule, clause and detail.
func (e *RuleError) Error() string {
	return fmt.Sprintf("revocation: rule %s (%s): %v", e.Rule, e.Rule.Clause(), e.Err)
}

// Unwrap returns the detail.
func (e *RuleError) Unwrap() error { return e.Err }

// RuleOf returns the rule that err says has failed, 0 when it names none.
func RuleOf(err error) Rule {
	if e, ok := errors.AsType[*RuleError](err); ok {
		return e.Rule
	}
	return 0
}

// invalid is a refusal because an answer is not authentic or not fresh.
func invalid(r Rule, format string, args ...any) *eidas.Error {
	return refuse(eidas.ReasonRevocationInvalid, r, fmt.Errorf(format, args...))
}

func refuse(reason eidas.Reason, r Rule, err error) *eidas.Error {
	return &eidas.Error{Reason: reason, Err: &RuleError{Rule: r, Err: err}}
}
