package main

import (
	"flag"
	"fmt"
	"net/netip"
	"net/url"
	"regexp"
	"strings"
	"time"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/revocation"
)

// verifyFlags are the flags of "verify", as they were given.
type verifyFlags struct {
	world worldFlags
	at    timeFlag
	use   eidas.Use

	explain bool

	revocation string
	private    listFlag
	anyPort    bool
	proxy      string
	timeout    time.Duration

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

// verifyTimeout is what a person waits for; a server would not.
const verifyTimeout = 10 * time.Second

func newVerifyFlags(fs *flag.FlagSet) *verifyFlags {
	v := &verifyFlags{use: eidas.UseTLS}
	v.maxListStale.Duration = eidas.DefaultPolicy(nil).AllowListStale
	v.world.define(fs)
	fs.Var(&v.at, "at", "`TIME` of judgement, RFC 3339, a date or Unix seconds (default now)")
	fs.BoolVar(&v.explain, "explain", false, "make every check, also after one that failed, and show how each ended")
	fs.Func("use", "the `USE` it is presented for: tls or seal (default tls)", v.setUse)
	fs.StringVar(&v.revocation, "revocation", "auto", "`HOW` to ask whether it is revoked: ocsp, crl, auto (OCSP, and CRLs when no responder has a usable answer) or off")
	fs.Var(&v.private, "revocation-allow-private", "addresses `CIDR`,… of responders and CRLs that are not public")
	fs.BoolVar(&v.anyPort, "revocation-allow-any-port", false, "let responders and CRLs use other ports than 80 and 443")
	fs.StringVar(&v.proxy, "revocation-proxy", "", "`URL` of a proxy for requests to responders and for CRLs")
	fs.DurationVar(&v.timeout, "timeout", verifyTimeout, "the `DURATION` within which the verdict must be reached")

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
	switch {
	case v.timeout <= 0:
		return nil, usagef("--timeout %s is not positive", v.timeout)
	case v.requirePSD2 && (v.allowNoPSD2 || v.allowUnregistered):
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
	switch v.revocation {
	case "off":
		if len(v.private) > 0 || v.anyPort || v.proxy != "" {
			return nil, usagef("--revocation off excludes the other --revocation flags")
		}
		c.Policy.AllowNoRevocation = true
	case "auto", "ocsp", "crl":
		checker, err := v.checker()
		if err != nil {
			return nil, usageError{err}
		}
		c.Status = checker
	default:
		return nil, usagef("--revocation %q is none of ocsp, crl, auto and off", v.revocation)
	}
	return c, nil
}

// checker asks the responders, or fetches the CRLs, that the certificates name.
func (v *verifyFlags) checker() (*revocation.Checker, error) {
	c := revocation.Config{
		Budget: v.timeout, DialTimeout: v.timeout, HeaderTimeout: v.timeout, AllowAnyPort: v.anyPort,
		RejectOCSP: v.revocation == "crl", RejectCRL: v.revocation == "ocsp",
	}
	for _, s := range v.private {
		prefix, err := netip.ParsePrefix(s)
		if err != nil {
			return nil, fmt.Errorf("--revocation-allow-private: %w", err)
		}
		c.AllowPrivate = append(c.AllowPrivate, prefix)
	}
	if v.proxy != "" {
		u, err := url.Parse(v.proxy)
		if err != nil {
			return nil, fmt.Errorf("--revocation-proxy: %w", err)
		}
		c.Proxy = u
	}
	return revocation.New(c)
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
