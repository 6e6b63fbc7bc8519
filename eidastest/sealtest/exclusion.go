package sealtest

import (
	"slices"

	"github.com/seed-b953571c/eidas/qseal"
)

// Exclusion is an item of the attack list that a profile cannot have, or one
// attack that is none on a profile with quirks, and why.
type Exclusion struct {
	Item    int
	Name    string // of the attack; "" for the whole item
	Profile string // of qseal.Profiles, or BindingProfile
	Why     string
}

// Exclusions returns what is no attack on a profile: its items of the function
// Exclusions, and each attack that breaks a rule which a quirk of the profile
// lifts (qseal.Profile.AllowQuirks). That the bank takes any of those quirks is not
// tested. A profile with another age (AllowAge) is held to the age of the strict
// one.
func (k *Kit) Exclusions(p qseal.Profile) []Exclusion {
	out := slices.DeleteFunc(Exclusions(), func(e Exclusion) bool { return e.Profile != p.Name() })
	_, lifted := k.attacks(p)
	for _, a := range lifted {
		out = append(out, Exclusion{a.Item, a.Name, a.Profile, "the profile allows the quirk " + a.row.quirk.String()})
	}
	return out
}

// Exclusions returns every item that is no attack on a profile. Each item of each
// profile is here or among its attacks, and never in both.
//
// Some items have parts that no client can send, because they are about the
// bank's own works; those are tests of package qseal: an outage of the replay
// store (14), a resolver that is redirected or sent too much (18), a mux and a
// proxy around the verifier (44, 45), and a handler that does not read its body
// (51).
func Exclusions() []Exclusion {
	var out []Exclusion
	for _, e := range excluded() {
		for _, p := range append(catalogue(), bindings()) {
			if e.of&p.set == 0 {
				continue
			}
			for _, item := range e.items {
				out = append(out, Exclusion{Item: item, Profile: p.id, Why: e.why})
			}
		}
	}
	return out
}

type excludedItems struct {
	items []int
	of    profiles
	why   string
}

func excluded() []excludedItems {
	return []excludedItems{
		{[]int{2, 4, 7}, bodies, "the seal is one field, over the body alone"},
		{[]int{3, 6}, obie, "the seal is over the body alone, and over all of it"},
		{[]int{4}, ing, "its seal is over target, date and digest, and over nothing else"},
		{[]int{5}, fields | rfc9421, "more may be sealed than must be"},
		{[]int{5, 10}, bodies, "the seal has no list of what it covers"},
		{[]int{9}, jose, "the parameters are members of a JSON object: item 38"},
		{[]int{13}, polish, "nothing in the seal says when it was made"},
		{[]int{16}, all &^ rfc9421, "a seal has no nonce; X-Request-ID is item 14"},
		{[]int{26}, all &^ (jades | polish), "a seal either brings its certificate or names it, and never both by x5c and x5t#S256"},
		{[]int{32}, berlin | ing, "draft-cavage combines any hash with any curve"},
		{[]int{32, 33}, stet | ingJAdES | obie, "RSA is the only kind of key: item 30"},
		{[]int{36, 37}, cavage | rfc9421, "the seal is no JOSE"},
		{[]int{40}, bodies | binding, "the seal has no list of header fields"},
		{[]int{41, 42}, all, "the seal is no TLS certificate binding"},
		{[]int{43, 44, 45}, berlin | bodies, "the target is not sealed; what stops another one is item 15"},

		{[]int{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12}, binding, "a binding is no HTTP message"},
		{[]int{14, 15, 16}, binding, "a binding is public and used again, until it ends"},
		{[]int{20, 23}, binding, "a 2-QWAC is compared with no identity, and has no roles"},
		{[]int{43, 44, 45, 46, 47, 48, 49, 50, 51, 52, 53}, binding, "a binding is no HTTP message"},
	}
}

// ProfileNames returns the names of what the kit attacks: those of
// qseal.Profiles, and BindingProfile.
func ProfileNames() []string {
	var names []string
	for _, p := range qseal.Profiles() {
		names = append(names, p.Name())
	}
	return append(names, BindingProfile)
}
