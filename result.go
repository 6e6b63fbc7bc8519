package eidas

import (
	"crypto/x509"
	"time"
)

// Use says what a certificate is presented for. The zero Use is invalid.
type Use uint8

// The uses.
const (
	UseTLS  Use = iota + 1 // client certificate of a TLS connection: a QWAC
	UseSeal                // sealing of messages: a QSealC
)

// String returns "tls" or "seal".
func (u Use) String() string {
	switch u {
	case UseTLS:
		return "tls"
	case UseSeal:
		return "seal"
	}
	return "invalid"
}

// MarshalText implements encoding.TextMarshaler with the code of String.
func (u Use) MarshalText() ([]byte, error) { return []byte(u.String()), nil }

// Degradation names a leniency under which a Result was given. Each comes from
// one Policy field or one answer of a StatusChecker.
type Degradation string

// The degradations.
const (
	DegradedServerAuthOnly  Degradation = "server_auth_only"      // Policy.AllowServerAuthOnly was needed
	DegradedNoPSD2          Degradation = "no_psd2"               // Policy.AllowNoPSD2 was needed
	DegradedUnregistered    Degradation = "identity_unregistered" // Policy.AllowUnregistered was needed
	DegradedLenientClaims   Degradation = "lenient_statements"    // Policy.AllowLenientStatements was needed
	DegradedListStale       Degradation = "list_stale"            // the list, or the list of trusted lists, is past its NextUpdate, within Policy.AllowListStale
	DegradedRevocationOff   Degradation = "revocation_off"        // Policy.AllowNoRevocation
	DegradedRevocationStale Degradation = "revocation_stale"      // a last known good answer was used
	// DegradedRevocationUnchecked: no answer was to be had, and the checker's
	// failure policy lets such certificates through.
	DegradedRevocationUnchecked Degradation = "revocation_unchecked"
	// DegradedDelegateUnchecked: it is open whether the responder that said "good"
	// is revoked itself.
	DegradedDelegateUnchecked Degradation = "delegate_unchecked"
)

// Evidence is what the steps of Validate proved, in their order; what a step
// did not reach is zero. It is immutable.
type Evidence struct {
	Use    Use
	At     time.Time         // the time of judgement
	Leaf   *x509.Certificate // step 1
	Claims *Claims           // step 2
	// Identity and Roles are what the certificate says; they are worth nothing
	// before step 4 and 5 have passed.
	Identity      Identity            // step 3
	Alias         *Alias              // step 3: by which Identity is not what the certificate says; nil: it is
	Roles         Roles               // step 2
	Chain         []*x509.Certificate // step 4: the leaf, intermediates, the certificate of the listed service
	Services      []*Service          // step 4: every service that matches the path
	Service       *Service            // step 5: the one that qualifies the certificate
	Qualification Qualified           // step 5
	Status        []StatusAnswer      // step 6, one for each certificate below the anchor
}

// Result is a positive verdict. It exists only if every step passed, or passed
// under a leniency that Degraded names. It is immutable and safe for
// concurrent use.
type Result struct {
	Evidence
	Degraded []Degradation
	// ValidUntil is when the evidence ends: the earliest of the expiry of the
	// chain, the due dates of the lists and the freshness of every revocation answer. A cached decision
	// must not be used after it, nor after a new trust snapshot or policy.
	ValidUntil time.Time
	// Snapshot identifies the trust snapshot that decided.
	Snapshot string

	basis basis // for Recheck
}
