package eidas

import "time"

// Policy says what a Validator accepts. Its zero value is refused by
// NewValidator, since nobody is authorised. Every field that weakens a check
// has Allow in its name and refuses when zero; its use is named in
// Result.Degraded.
type Policy struct {
	// Authorizer decides step 7. Required.
	Authorizer Authorizer
	// Profile is the trust profile that chains must end in. Zero is ProfileEU.
	Profile Profile
	// Registered are identities of another scheme than PSD that may enter
	// (TS 119 495, GEN-5.2.1-4). They never enter by role alone.
	Registered []Identity
	// Aliases say which identities are another one by now. What a certificate
	// says is replaced in step 3: everybody after it, the Authorizer and
	// Registered too, sees the other identity, and Evidence.Alias says why.
	Aliases []Alias
	// AllowUnregistered lets identities of another scheme than PSD in without
	// registration.
	AllowUnregistered bool
	// AllowNoPSD2 accepts a certificate without a PSD2 statement. It has no roles.
	AllowNoPSD2 bool
	// AllowServerAuthOnly accepts a QWAC without clientAuth that has serverAuth
	// or no extended key usage. It does not matter to UseSeal.
	AllowServerAuthOnly bool
	// AllowLenientStatements accepts the two malformed shapes of qcStatements
	// that ParseClaimsLenient reads.
	AllowLenientStatements bool
	// AllowListStale accepts services of a list that is past its NextUpdate by
	// up to this much, or whose list of trusted lists is. Real lists have been
	// two months late.
	AllowListStale time.Duration
	// AllowNoRevocation skips step 6. It needs Config.Status to be nil.
	AllowNoRevocation bool
}

// DefaultPolicy is what a bank would begin with: PSD2 certificates of the EU
// lists, judged by authorizer, and a list may be up to 90 days late. It is not
// the zero Policy, because a list past its date would cut off a whole country.
func DefaultPolicy(authorizer Authorizer) Policy {
	return Policy{Authorizer: authorizer, AllowListStale: 90 * 24 * time.Hour}
}
