package eidas

import (
	"context"
	"crypto/x509"
	"time"
)

// Status is the revocation status of a certificate. The zero value is unknown
// and never counts as good.
type Status uint8

// The statuses.
const (
	StatusUnknown Status = iota // no authentic, fresh answer
	StatusGood                  // an authentic, fresh answer says good
	StatusRevoked               // an authentic answer says revoked, for whatever reason
	StatusNotOwed               // the certificate is of a kind for which no information is owed (RFC 9608, EN 319 412-1 5.2)
)

// String returns "unknown", "good", "revoked" or "not_owed".
func (s Status) String() string {
	switch s {
	case StatusUnknown:
		return "unknown"
	case StatusGood:
		return "good"
	case StatusRevoked:
		return "revoked"
	case StatusNotOwed:
		return "not_owed"
	}
	return "unknown"
}

// MarshalText implements encoding.TextMarshaler with the code of String.
func (s Status) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// StatusQuery asks for the status of one certificate.
type StatusQuery struct {
	Certificate *x509.Certificate
	// Issuer is the certificate whose key verified the signature of Certificate
	// on the path to a trusted list.
	Issuer *x509.Certificate
	// Responders are the OCSP responders that the trusted list names for the
	// provider of the path's service (RFC 6960, 4.2.2.2, first case).
	Responders []*x509.Certificate
	At         time.Time
	Use        Use
	// Roles are those that the leaf's PSD2 statement names; empty above the leaf.
	// They are for the failure policy of the checker.
	Roles Roles
	// Staple is the OCSP response that the peer sent with its certificate, nil
	// when it sent none. It is as hostile as the rest of what it sent.
	Staple []byte
}

// StatusAnswer is the evidence for a status. Times are zero when the source
// does not state them.
type StatusAnswer struct {
	Status     Status
	Source     string // "ocsp", "crl", "staple" or "none"
	ThisUpdate time.Time
	NextUpdate time.Time
	ProducedAt time.Time
	RevokedAt  time.Time
	// Code is the CRLReason of RFC 5280, 5.3.1; meaningful when revoked.
	Code int
	// FreshUntil is when the answer stops being evidence.
	FreshUntil time.Time
	// Stale says that a last known good answer was served past its time; the
	// policy of the checker allowed it.
	Stale bool
	// Unchecked says that no answer was to be had, that Status therefore is
	// unknown, and that the policy of the checker lets the certificate through
	// all the same.
	Unchecked bool
	// DelegateUnchecked says that an OCSP responder answered by delegation of the
	// issuer, and that whether its own certificate is revoked is open (RFC 6960,
	// 4.2.2.2.1).
	DelegateUnchecked bool
}

// StatusChecker answers status queries. It returns an *Error with one of the
// revocation reasons when it has no usable answer; a revoked certificate is an
// answer, not an error. Implementations bound their own time, honour ctx and
// are safe for concurrent use.
type StatusChecker interface {
	CheckStatus(ctx context.Context, q StatusQuery) (StatusAnswer, error)
}
