package main

import (
	"flag"
	"fmt"
	"regexp"
	"strings"

	"github.com/seed-b953571c/eidas"
)

// verifyFlags are the flags of "verify", as they were given.
type verifyFlags struct {
	world worldFlags
	at    timeFlag
	use   eidas.Use

	explain bool

	revocationFlags

	requirePSD2       bool
	allowNoPSD2       bool
	allowUnregistered bool
	allowServerAuth   bool
	allowLenient      bool
	maxListStale      durationFlag
	roles             listFlag
	identities        []string
	countries         listFlag
	authorities       listFlag
}

func newVerifyFlags(fs *flag.FlagSet) *verifyFlags {
	v := &verifyFlags{use: eidas.UseTLS}
	v.maxListStale.Duration = eidas.DefaultPolicy(nil).AllowListStale
	v.world.define(fs)
	fs.Var(&v.at, "at", "`TIME` of judgement, RFC 3339, a date or Unix seconds (default now)")
	fs.BoolVar(&v.explain, "explain", false, "make every check, also after one that failed, and show how each ended")
	fs.Func("use", "the `USE` it is presented for: tls or seal (default tls)", v.setUse)
	v.defineRevocation(fs)

	fs.Var(&v.roles, "require-role", "`ROLE`,… that the certificate must have, such as PSP_AI")
	// Not comma separated: an authorisation number may hold a comma.
	fs.Func("allow-identity", "let in only the identity `ID`, such as PSDLT-BL-LB000458; may be repeated", func(s string) error {
		v.identities = append(v.identities, s)
		return nil
	})
	fs.Var(&v.countries, "allow-country", "let in only identities of the countries `CC`,…")
	fs.Var(&v.authorities, "allow-authority", "let in only identities of the authorities `CC-NCA`,… such as LT-BL")

	fs.BoolVar(&v.requirePSD2, "require-psd2", false, "for --use seal: demand a PSD2 statement and a PSD identity")
	fs.BoolVar(&v.allowNoPSD2, "allow-no-psd2", false, "accept a certificate without PSD2 statement; it has no roles")
	fs.BoolVar(&v.allowUnregistered, "allow-unregistered", false, "accept identities of other schemes than PSD")
	fs.BoolVar(&v.allowServerAuth, "allow-server-auth-only", false, "accept a QWAC whose extended key usage lacks clientAuth")
	fs.BoolVar(&v.allowLenient, "allow-lenient-statements", false, "accept the malformed shapes of statements that were found in the wild")
	fs.Var(&v.maxListStale, "max-list-stale", "the `DURATION` that a list may be past its next update, such as 12h or 90d")
	return v
}

func (v *verifyFlags) setUse(s string) error {
	for _, u := range []eidas.Use{eidas.UseTLS, eidas.UseSeal} {
		if s == u.String() {
			v.use = u
			return nil
		}
	}
	return fmt.Errorf("%q is neither tls nor seal", s)
}

// config turns the flags into the configuration of a validator that has no
// services yet.
func (v *verifyFlags) config(profile eidas.Profile) (*eidas.Config, error) {
	checker, err := v.checker()
	if err != nil {
		return nil, err
	}
	if v.requirePSD2 && (v.allowNoPSD2 || v.allowUnregistered) {
		return nil, usagef("--require-psd2 excludes --allow-no-psd2 and --allow-unregistered")
	}
	authorizer, err := v.authorizer(profile)
	if err != nil {
		return nil, usageError{err}
	}
	p := eidas.DefaultPolicy(authorizer)
	p.Profile = profile
	p.AllowListStale = v.maxListStale.Duration
	p.AllowServerAuthOnly = v.allowServerAuth
	p.AllowLenientStatements = v.allowLenient
	// Seals are not for PSD2 alone: banks, authorities and any company make them.
	open := v.use == eidas.UseSeal && !v.requirePSD2
	p.AllowNoPSD2 = v.allowNoPSD2 || open
	p.AllowUnregistered = v.allowUnregistered || open
	c := &eidas.Config{Policy: p}
	if checker == nil {
		c.Policy.AllowNoRevocation = true
	} else {
		c.Status = checker
	}
	return c, nil
}

// authorizer demands every condition that was given; without one it lets
// anyone in.
func (v *verifyFlags) authorizer(profile eidas.Profile) (eidas.Authorizer, error) {
	var all []eidas.Authorizer
	if len(v.roles) > 0 {
		roles, err := v.parseRoles()
		if err != nil {
			return nil, err
		}
		all = append(all, eidas.RequireRoles(roles))
	}
	if len(v.identities) > 0 {
		ids, err := v.parseIdentities(profile)
		if err != nil {
			return nil, err
		}
		all = append(all, eidas.AllowIdentities(ids...))
	}
	for _, cc := range v.countries {
		if !countryCode.MatchString(cc) {
			return nil, fmt.Errorf("--allow-country: %q is not a code of two upper case letters", cc)
		}
	}
	for _, id := range v.authorities {
		if !authorityCode.MatchString(id) {
			return nil, fmt.Errorf("--allow-authority: %q does not look like \"LT-BL\"", id)
		}
	}
	if len(v.countries) > 0 {
		all = append(all, eidas.AllowCountries(v.countries...))
	}
	if len(v.authorities) > 0 {
		all = append(all, eidas.AllowAuthorities(v.authorities...))
	}
	if len(all) == 0 {
		return eidas.AllowAnyone(), nil
	}
	return eidas.All(all...), nil
}

// What the command line takes for a country and an NCAId (TS 119 495, 5.2.3):
// a typing mistake would refuse everybody.
var (
	countryCode   = regexp.MustCompile(`^[A-Z]{2}$`)
	authorityCode = regexp.MustCompile(`^[A-Z]{2}-[A-Z]{2,8}$`)
)

func (v *verifyFlags) parseRoles() (eidas.Roles, error) {
	var set eidas.Roles
	for _, name := range v.roles {
		role := eidas.RoleByName(name)
		if role == 0 {
			return 0, fmt.Errorf("--require-role: %q is none of %s%s", name, eidas.AllRoles(), roleMeant(name))
		}
		set |= role
	}
	return set, nil
}

// roleMeant suggests the role whose short or lower case name was given. It is not
// taken for the role: what is demanded of a certificate is not guessed.
func roleMeant(name string) string {
	for _, prefix := range []string{"", "PSP_", "VOP_"} {
		if role := eidas.RoleByName(prefix + strings.ToUpper(name)); role != 0 {
			return fmt.Sprintf("; did you mean %s?", role)
		}
	}
	return ""
}

// parseIdentities reads identities; one that names no profile has that of the
// world.
func (v *verifyFlags) parseIdentities(profile eidas.Profile) ([]eidas.Identity, error) {
	var ids []eidas.Identity
	for _, s := range v.identities {
		id, err := eidas.ParseOrganizationIdentifier(profile, s)
		if err != nil {
			id, err = eidas.ParseIdentity(s)
		}
		if err != nil {
			return nil, fmt.Errorf("--allow-identity: %w", err)
		}
		ids = append(ids, id)
	}
	return ids, nil
}
