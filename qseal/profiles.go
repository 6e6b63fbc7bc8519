package qseal

import "slices"

// fapiTag is the tag of request signatures in FAPI 2.0 HTTP Signatures.
const fapiTag = "fapi-2-request"

// Profiles returns every profile of this package in its usual form, without
// quirks.
func Profiles() []Profile {
	return []Profile{
		BerlinGroup13(), STET16(), INGCavage(), INGJAdES(), JAdESHTTP(),
		OBIE31(OBIE313), OBIE31(OBIE314), PolishAPI21(), RFC9421(fapiTag),
	}
}

// ProfileByName returns the profile of a name, or false.
func ProfileByName(name string) (Profile, bool) {
	all := Profiles()
	i := slices.IndexFunc(all, func(p Profile) bool { return p.name == name })
	if i < 0 {
		return Profile{}, false
	}
	return all[i], true
}
