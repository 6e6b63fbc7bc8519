package eidas

// Identity names an organisation under a trust profile.
type Identity struct {
	profile Profile
	value   string // canonical organizationIdentifier
}
