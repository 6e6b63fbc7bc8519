package eidas

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Authorizer decides whether what the first six steps proved may enter. It
// returns nil to let in, or an error; an *Error or a Reason gives the reason,
// anything else is reported as ReasonNotAuthorized. It must not change the
// evidence, and must be safe for concurrent use. Decide by identity, role and
// country, never by fingerprint, serial number or subject name: those change
// at every renewal.
type Authorizer func(e *Evidence) error

// RequireRoles lets in a certificate that carries all the given roles. Roles
// that are unknown, or whose name contradicts their OID, count for nothing. An
// empty set refuses everybody.
func RequireRoles(roles Roles) Authorizer {
	return func(e *Evidence) error {
		if roles == 0 || !e.Roles.Has(roles) {
			return refuse(ReasonRoleMissing, "has %s, needs %s", e.Roles, roles)
		}
		return nil
	}
}

// AllowIdentities lets in the given identities, compared byte for byte together
// with their trust profile. An empty list refuses everybody.
func AllowIdentities(ids ...Identity) Authorizer {
	set := make(map[Identity]bool, len(ids))
	for _, id := range ids {
		set[id] = !id.IsZero()
	}
	return func(e *Evidence) error {
		if !set[e.Identity] {
			return refuse(ReasonIdentityDenied, "identity %q", e.Identity.String())
		}
		return nil
	}
}

// DenyIdentities refuses the given identities and lets in all others. Combine
// it with All.
func DenyIdentities(ids ...Identity) Authorizer {
	set := make(map[Identity]bool, len(ids))
	for _, id := range ids {
		set[id] = true
	}
	return func(e *Evidence) error {
		if set[e.Identity] {
			return refuse(ReasonIdentityDenied, "identity %q", e.Identity.String())
		}
		return nil
	}
}

// AllowCountries lets in identities registered in the given countries, in the
// spelling of organizationIdentifier: ISO 3166-1 alpha-2, upper case. It is the
// country of the register, not that of the list or of the subject's address.
func AllowCountries(countries ...string) Authorizer {
	allowed := slices.Clone(countries)
	return func(e *Evidence) error {
		if !slices.Contains(allowed, e.Identity.Country()) {
			return refuse(ReasonCountryDenied, "country %q, allowed are %q", e.Identity.Country(), allowed)
		}
		return nil
	}
}

// AllowAuthorities lets in PSD identities of the given competent authorities,
// written as in the NCAId, such as "LT-BL". Country and authority go together,
// because two countries may share an authority's code.
func AllowAuthorities(ncaIDs ...string) Authorizer {
	allowed := slices.Clone(ncaIDs)
	return func(e *Evidence) error {
		id := e.Identity.Country() + "-" + e.Identity.Authority()
		if e.Identity.Authority() == "" || !slices.Contains(allowed, id) {
			return refuse(ReasonAuthorityDenied, "authority %q, allowed are %q", id, allowed)
		}
		return nil
	}
}

// AllowAnyone lets in every certificate that passed the first six steps.
// Whatever it guards must then ask for roles itself.
func AllowAnyone() Authorizer { return func(*Evidence) error { return nil } }

// All lets in when every authorizer does, and returns the first refusal. With
// no authorizer it refuses.
func All(authorizers ...Authorizer) Authorizer {
	list := slices.Clone(authorizers)
	return func(e *Evidence) error {
		if len(list) == 0 {
			return refuse(ReasonNotAuthorized, "no authorizer")
		}
		for _, a := range list {
			if err := authorize(a, e); err != nil {
				return err
			}
		}
		return nil
	}
}

// Any lets in when one authorizer does. It returns the first refusal and names
// the others. With no authorizer it refuses.
func Any(authorizers ...Authorizer) Authorizer {
	list := slices.Clone(authorizers)
	return func(e *Evidence) error {
		var refusals []*Error
		for _, a := range list {
			err := authorize(a, e)
			if err == nil {
				return nil
			}
			refusals = append(refusals, err)
		}
		if len(refusals) == 0 {
			return refuse(ReasonNotAuthorized, "no authorizer")
		}
		texts := make([]string, len(refusals))
		for i, r := range refusals {
			texts[i] = r.Error()
		}
		return &Error{Reason: refusals[0].Reason, Err: errors.New(strings.Join(texts, "; "))}
	}
}

// authorize runs one authorizer. It is the caller's code: a panic in it refuses
// and must not end the process, which would take every other TPP along.
func authorize(a Authorizer, e *Evidence) (refusal *Error) {
	defer func() {
		if p := recover(); p != nil {
			refusal = refuse(ReasonInternal, "authorizer panicked: %v", p)
		}
	}()
	if a == nil {
		return refuse(ReasonInternal, "authorizer is nil")
	}
	err := a(e)
	if err == nil {
		return nil
	}
	typed, ok := errors.AsType[*Error](err)
	switch {
	case ok && typed == nil: // a nil *Error in an error is still a refusal
		return &Error{Reason: ReasonNotAuthorized}
	case ok && typed.Reason != 0:
		return typed
	}
	if r, ok := errors.AsType[Reason](err); ok && r != 0 {
		return &Error{Reason: r, Err: err}
	}
	return &Error{Reason: ReasonNotAuthorized, Err: fmt.Errorf("authorizer: %w", err)}
}
