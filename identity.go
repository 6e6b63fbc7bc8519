package eidas

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// Scheme is the identity type of an organizationIdentifier (ETSI EN 319 412-1,
// 5.1.4): one of the constants, or a national scheme of two characters and a
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
// identities are the same if and only if they are ==, byte for byte, and it
// can be a map key. Nothing is folded: the case and the separators of a number
// mean what its authority wants them to mean (TS 119 495, GEN-5.2.1-3).
//
// An Identity can only be had from a function that has checked it. The zero
// Identity names nobody and is never returned with a nil error, except by
// UnmarshalText of an empty text.
type Identity struct {
	profile Profile
	value   string // canonical organizationIdentifier
}

// The limits of an identifier.
const (
	// maxIdentifierRunes bounds an organizationIdentifier. X.520 sets none;
	// real ones are below 40.
	maxIdentifierRunes = 128
	// maxProfileSize bounds the name of a trust profile.
	maxProfileSize = 32
)

// ParseIdentity reads the form that String writes: the organizationIdentifier
// for the profile ProfileEU, "profile/organizationIdentifier" for any other. The
// two cannot be confused, because profiles start in lower case and
// organizationIdentifiers in upper case. The error is an *Error with
// ReasonIdentityMalformed.
func ParseIdentity(s string) (Identity, error) {
	profile, value := string(ProfileEU), s
	if s != "" && 'a' <= s[0] && s[0] <= 'z' {
		var found bool
		profile, value, found = strings.Cut(s, "/")
		if !found || Profile(profile) == ProfileEU {
			return Identity{}, refuse(ReasonIdentityMalformed, "identity %s%s", quote(s), identityForm)
		}
	}
	// Whoever writes one by hand is told the form; a certificate needs no example.
	return parseIdentifier(Profile(profile), value, identityForm)
}

// identityForm ends a message about an identity that somebody has typed.
const identityForm = ", which is not of the form PSDLT-BL-LB000458"

// ParseOrganizationIdentifier reads a bare organizationIdentifier under a trust
// profile (ETSI EN 319 412-1, 5.1.4; TS 119 495, 5.2.1). It refuses whatever
// could make two readers see different identifiers: control, format and
// invisible characters, spaces other than single inner U+0020, combining marks,
// symbols and punctuation outside ASCII, letters outside the Latin, Greek and
// Cyrillic alphabets or of more than one of them in one number. All it accepts
// is in Unicode normalisation form C. The error is an *Error with
// ReasonIdentityMalformed.
func ParseOrganizationIdentifier(p Profile, s string) (Identity, error) {
	return parseIdentifier(p, s, "")
}

// parseIdentifier is ParseOrganizationIdentifier with an end to its message.
func parseIdentifier(p Profile, s, form string) (Identity, error) {
	if !validProfile(p) {
		return Identity{}, refuse(ReasonIdentityMalformed, "trust profile %s", quote(string(p)))
	}
	if code := checkIdentifier(s); code != "" {
		return Identity{}, refuse(ReasonIdentityMalformed, "%s: %s%s", code, quote(s), form)
	}
	return Identity{profile: p, value: s}, nil
}

// Profile returns the trust profile.
func (i Identity) Profile() Profile { return i.profile }

// Scheme returns the identity type, "" for the zero Identity.
func (i Identity) Scheme() Scheme {
	if i.value == "" {
		return ""
	}
	return Scheme(i.value[:3])
}

// Country returns the two-letter country code of the register or, for the
// scheme PSD, of the competent authority. It is not the country of
// establishment, which is the subject's countryName.
func (i Identity) Country() string {
	if i.value == "" {
		return ""
	}
	return i.value[3:5]
}

// Authority returns the code of the competent authority within its country, ""
// unless the scheme is PSD. Two countries may use the same code.
func (i Identity) Authority() string {
	if i.Scheme() != SchemePSD {
		return ""
	}
	return i.value[authorityStart:authorityEnd(i.value)]
}

// Number returns what follows scheme, country and authority, unchanged. For a
// trade register of a part of a country ("NTRUS+CA-1") it is "1".
func (i Identity) Number() string {
	if i.Scheme() == SchemePSD {
		return i.value[authorityEnd(i.value)+1:]
	}
	_, number, _ := strings.Cut(i.value, "-")
	return number
}

// OrganizationIdentifier returns the bare value as the certificate has it,
// decoded to UTF-8 and otherwise unchanged.
func (i Identity) OrganizationIdentifier() string { return i.value }

// IsZero reports whether the identity names nobody.
func (i Identity) IsZero() bool { return i == Identity{} }

// String returns the canonical form, which ParseIdentity reads: the
// organizationIdentifier, preceded by the profile and "/" unless that is
// ProfileEU. It may hold letters beyond ASCII: quote it in logs.
func (i Identity) String() string {
	if i.IsZero() || i.profile == ProfileEU {
		return i.value
	}
	return string(i.profile) + "/" + i.value
}

// MarshalText implements encoding.TextMarshaler with String.
func (i Identity) MarshalText() ([]byte, error) { return []byte(i.String()), nil }

// UnmarshalText implements encoding.TextUnmarshaler with ParseIdentity. An
// empty text gives the zero Identity, which MarshalText writes so.
func (i *Identity) UnmarshalText(text []byte) error {
	if len(text) == 0 {
		*i = Identity{}
		return nil
	}
	id, err := ParseIdentity(string(text))
	if err != nil {
		return err
	}
	*i = id
	return nil
}

// validProfile reports whether p can be part of an Identity: lower case
// letters, digits and hyphens, a letter first.
func validProfile(p Profile) bool {
	if p == "" || len(p) > maxProfileSize || p[0] < 'a' || p[0] > 'z' {
		return false
	}
	for _, c := range []byte(p) {
		if c != '-' && (c < 'a' || c > 'z') && (c < '0' || c > '9') {
			return false
		}
	}
	return true
}

// checkIdentifier returns the rule that an organizationIdentifier breaks, "" if
// it breaks none.
func checkIdentifier(s string) FindingCode {
	if !wellFormedText(s) {
		return FindingOrgIDCharacters
	}
	switch {
	case strings.HasPrefix(s, string(SchemePSD)):
		return checkPSD(s)
	case len(s) < 7:
		return FindingOrgIDSyntax
	}
	country, rest := s[3:5], s[5:]
	switch scheme := Scheme(s[:3]); {
	case scheme == SchemeLEI:
		return checkLEI(country, rest)
	case scheme == SchemeVAT:
		// EN 319 412-1, 5.1.4: VAT also uses EL for Greece and XI for Northern Ireland.
		return checkReference(rest, isCountry(country) || country == "EL" || country == "XI")
	case scheme == SchemeNTR:
		// CA/Browser Forum EV guidelines, 9.2.8: NTR may name a part of a country.
		return checkReference(skipSubdivision(rest), isCountry(country))
	case isUpper(s[0]) && (isUpper(s[1]) || isDigit(s[1])) && s[2] == ':':
		return checkReference(rest, isCountry(country))
	}
	return FindingOrgIDSyntax
}

// authorityStart is where the authority begins in "PSDLT-BL-LB000458".
const authorityStart = len("PSDLT-")

// authorityEnd returns where the run of upper case letters that begins at
// authorityStart ends.
func authorityEnd(s string) int {
	end := authorityStart
	for end < len(s) && isUpper(s[end]) {
		end++
	}
	return end
}

// checkPSD checks the form of TS 119 495, GEN-5.2.1-3: country, authority of 2
// to 8 letters and number, split at the first two hyphens.
func checkPSD(s string) FindingCode {
	if len(s) <= authorityStart || !isUpper(s[3]) || !isUpper(s[4]) || s[5] != '-' {
		return FindingOrgIDPSDSyntax
	}
	end := authorityEnd(s)
	if length := end - authorityStart; length < 2 || length > 8 || end+1 >= len(s) || s[end] != '-' {
		return FindingOrgIDPSDSyntax
	}
	return checkReference(s[end:], isCountry(s[3:5]))
}

// checkLEI checks the form of ISO 17442: 18 characters and 2 check digits. The
// check digits themselves are a finding only (see leiChecks).
func checkLEI(country, rest string) FindingCode {
	lei := strings.TrimPrefix(rest, "-")
	if len(lei) != 20 || len(rest) != 21 || !isDigit(lei[18]) || !isDigit(lei[19]) {
		return FindingOrgIDSyntax
	}
	for _, c := range []byte(lei) {
		if !isUpper(c) && !isDigit(c) {
			return FindingOrgIDSyntax
		}
	}
	if country != "XG" { // EN 319 412-1, 5.1.4: LEI has the country code XG
		return FindingOrgIDCountry
	}
	return ""
}

// leiChecks reports whether the check digits of an LEI are right (ISO 7064,
// MOD 97-10).
func leiChecks(lei string) bool {
	rest := 0
	for _, c := range []byte(lei) {
		if isDigit(c) {
			rest = (rest*10 + int(c-'0')) % 97
		} else {
			rest = (rest*100 + int(c-'A') + 10) % 97
		}
	}
	return rest == 1
}

// checkReference checks the hyphen and the reference that follow the country.
func checkReference(rest string, country bool) FindingCode {
	switch {
	case len(rest) < 2 || rest[0] != '-':
		return FindingOrgIDSyntax
	case !country:
		return FindingOrgIDCountry
	case rest[1] == ' ' || !oneAlphabet(rest[1:]):
		return FindingOrgIDCharacters
	}
	return ""
}

// skipSubdivision drops "+" and the subdivision part of an ISO 3166-2 code.
func skipSubdivision(rest string) string {
	part, number, found := strings.Cut(rest, "-")
	if !found || len(part) < 2 || len(part) > 4 || part[0] != '+' {
		return rest
	}
	for _, c := range []byte(part[1:]) {
		if !isUpper(c) && !isDigit(c) {
			return rest
		}
	}
	return rest[len(rest)-len(number)-1:]
}

// wellFormedText reports whether s may be shown and compared as it is.
func wellFormedText(s string) bool {
	if s == "" || len(s) > maxIdentifierRunes*utf8.UTFMax || s[len(s)-1] == ' ' {
		return false
	}
	before := byte(' ') // a space must follow something else
	for i := range len(s) {
		c := s[i]
		if c >= utf8.RuneSelf {
			return wellFormedRunes(s)
		}
		if c < ' ' || c == 0x7f || c == ' ' && before == ' ' {
			return false
		}
		before = c
	}
	return len(s) <= maxIdentifierRunes
}

// wellFormedRunes is wellFormedText beyond ASCII.
func wellFormedRunes(s string) bool {
	count, before := 0, ' '
	for _, r := range s {
		switch {
		case r == ' ' && before == ' ' || r < ' ' || r == 0x7f:
			return false
		case r >= utf8.RuneSelf && alphabetOf(r) == 0: // also U+FFFD, which stands for invalid UTF-8
			return false
		}
		before = r
		count++
	}
	return count <= maxIdentifierRunes
}

// alphabet is Latin, Greek or Cyrillic, 0 is none of them.
type alphabet uint8

const (
	alphabetLatin alphabet = 1 << iota
	alphabetGreek
	alphabetCyrillic
)

// alphabetOf returns the alphabet of a letter. It knows the blocks that the
// languages of the European Economic Area need and no others. None of their
// letters has a canonical decomposition that normalisation would keep, so text
// of them is in NFC, save U+0374, which is not a letter of any word
// (Unicode Standard Annex #15). Fullwidth forms, letterlike symbols and
// ligatures lie outside.
func alphabetOf(r rune) alphabet {
	switch {
	case r < utf8.RuneSelf:
		if r &^= 0x20; 'A' <= r && r <= 'Z' {
			return alphabetLatin
		}
		return 0
	case !unicode.IsLetter(r) || r == 0x0374:
		return 0
	case 0x00C0 <= r && r <= 0x024F, 0x1E00 <= r && r <= 0x1EFF:
		return alphabetLatin
	case 0x0370 <= r && r <= 0x03FF:
		return alphabetGreek
	case 0x0400 <= r && r <= 0x052F:
		return alphabetCyrillic
	}
	return 0
}

// oneAlphabet reports whether all letters of s are of the same alphabet. A
// number that mixes them is made to be mistaken for another one.
func oneAlphabet(s string) bool {
	var seen alphabet
	for _, r := range s {
		if r >= 'A' { // digits need no look
			seen |= alphabetOf(r)
		}
	}
	return seen&(seen-1) == 0
}

func isUpper(c byte) bool { return 'A' <= c && c <= 'Z' }
func isDigit(c byte) bool { return '0' <= c && c <= '9' }
