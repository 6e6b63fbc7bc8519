package eidas

import (
	"fmt"
	"time"
)

// Alias is an entry of a register of renamed organisations: a certificate that
// says From belongs to whom To names. Authorities are renamed, numbers change,
// firms merge, and an organisation that was known by its VAT number gets an
// authorisation number; nothing in a certificate proves any of this, so it is
// data that somebody has looked up and is never inferred.
//
// To is the identity under which you know the TPP: with From the new and To the
// old identity, your consents and limits stay as they are.
type Alias struct {
	From, To Identity
	// Since is when it begins to count. Required.
	Since time.Time
	// Until is when it ends. Zero: never.
	Until time.Time
}

// covers reports whether the alias counts at a time.
func (a *Alias) covers(at time.Time) bool {
	return !at.Before(a.Since) && (a.Until.IsZero() || at.Before(a.Until))
}

// checkAliases refuses what could mean two things. One hop is all there is: a
// chain would make the answer depend on which alias is in force first.
func checkAliases(aliases []Alias, profile Profile) error {
	from := make(map[Identity]bool, len(aliases))
	for i := range aliases {
		a := &aliases[i]
		switch {
		case a.From.Profile() != profile || a.To.Profile() != profile: // also the zero Identity
			return fmt.Errorf("eidas: Policy.Aliases: %q to %q is not within profile %q", a.From.String(), a.To.String(), profile)
		case a.From == a.To:
			return fmt.Errorf("eidas: Policy.Aliases: %q is an alias of itself", a.From.String())
		case a.Since.IsZero():
			return fmt.Errorf("eidas: Policy.Aliases: %q has no Since", a.From.String())
		case !a.Until.IsZero() && !a.Until.After(a.Since):
			return fmt.Errorf("eidas: Policy.Aliases: %q ends before it begins", a.From.String())
		case from[a.From]:
			return fmt.Errorf("eidas: Policy.Aliases: %q is named twice", a.From.String())
		}
		from[a.From] = true
	}
	for i := range aliases {
		if from[aliases[i].To] {
			return fmt.Errorf("eidas: Policy.Aliases: %q is both From and To; name the last identity in each", aliases[i].To.String())
		}
	}
	return nil
}

// aliasOf returns the alias of an identity, in force or not, nil for none.
func (p *Policy) aliasOf(id Identity) *Alias {
	for i := range p.Aliases {
		if p.Aliases[i].From == id {
			return &p.Aliases[i]
		}
	}
	return nil
}

// nextChange returns when, after at, the alias begins or ends, or until if that
// is before.
func (a *Alias) nextChange(at, until time.Time) time.Time {
	if a == nil {
		return until
	}
	for _, t := range [...]time.Time{a.Since, a.Until} {
		if t.After(at) {
			until = earlier(until, t.Add(-1)) // until is the last moment that holds
		}
	}
	return until
}
