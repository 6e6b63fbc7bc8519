package eidas

// Scheme is the identity type of an organizationIdentifier (ETSI EN 319 412-1,
// 5.1.4): one of the constants, or a national scheme of two letters and a
// colon, such as "SI:".
type Scheme string

// The schemes that are not national.
const (
	SchemePSD Scheme = "PSD" // authorisation number of a payment service provider (TS 119 495, 5.2.1)
	SchemeVAT Scheme = "VAT" // value added tax number
	SchemeNTR Scheme = "NTR" // number in a national trade register
	SchemeLEI Scheme = "LEI" // legal entity identifier (ISO 17442)
)

// Identity names an organisation under a trust profile. It is comparable: two
// identities are the same if and only if they are ==. The zero Identity names
// nobody.
type Identity struct {
	profile Profile
	value   string // canonical organizationIdentifier
}

// ParseIdentity reads the form that String writes.
func ParseIdentity(s string) (Identity, error) { return ParseOrganizationIdentifier(ProfileEU, s) }

// ParseOrganizationIdentifier reads a bare organizationIdentifier.
func ParseOrganizationIdentifier(p Profile, s string) (Identity, error) {
	return Identity{profile: p, value: s}, nil
}

// Profile returns the trust profile.
func (i Identity) Profile() Profile { return i.profile }

// Scheme returns the identity type.
func (i Identity) Scheme() Scheme { return "" }

// Country returns the two-letter country code.
func (i Identity) Country() string { return "" }

// Authority returns the code of the competent authority, "" unless the scheme is PSD.
func (i Identity) Authority() string { return "" }

// Number returns the number.
func (i Identity) Number() string { return "" }

// OrganizationIdentifier returns the bare value, unchanged.
func (i Identity) OrganizationIdentifier() string { return i.value }

// IsZero reports whether the identity names nobody.
func (i Identity) IsZero() bool { return i == Identity{} }

// String returns the canonical form.
func (i Identity) String() string { return i.value }

// MarshalText implements encoding.TextMarshaler.
func (i Identity) MarshalText() ([]byte, error) { return []byte(i.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler.
func (i *Identity) UnmarshalText(b []byte) error {
	id, err := ParseIdentity(string(b))
	if err == nil {
		*i = id
	}
	return err
}
