package eidas_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
)

func mustIdentity(t *testing.T, s string) eidas.Identity {
	t.Helper()
	id, err := eidas.ParseIdentity(s)
	require.NoError(t, err)
	return id
}

func TestIdentityParts(t *testing.T) {
	for _, row := range []struct {
		value                             string
		scheme                            eidas.Scheme
		country, authority, number, issue string
	}{
		{"PSDLT-BL-LB000458", "PSD", "LT", "BL", "LB000458", "a real PSD identifier"},
		{"PSDFI-FINFSA-1234567-8", "PSD", "FI", "FINFSA", "1234567-8", "hyphen in the number"},
		{"PSDMT-MFSA-A 12345", "PSD", "MT", "MFSA", "A 12345", "space in the number"},
		{"PSDBE-NBB-1234.567.890", "PSD", "BE", "NBB", "1234.567.890", "dots in the number"},
		{"PSDFR-ACPR-CI:1", "PSD", "FR", "ACPR", "CI:1", "institution type in the number"},
		{"PSDGB-OB-Unknown0015800001HQQrZAAX", "PSD", "GB", "OB", "Unknown0015800001HQQrZAAX", "number in mixed case"},
		{"PSDDE-ABCDEFGH-1", "PSD", "DE", "ABCDEFGH", "1", "authority of eight letters"},
		{"PSDEU-ECB-1", "PSD", "EU", "ECB", "1", "transnational authority"},
		{"PSDGR-BOG-ΑΒ1", "PSD", "GR", "BOG", "ΑΒ1", "Greek letters in the number"},
		{"PSDBG-BNB-АВ1", "PSD", "BG", "BNB", "АВ1", "Cyrillic letters in the number"},
		{"PSDSE-FINA-Å1", "PSD", "SE", "FINA", "Å1", "composed letter in the number"},
		{"VATBE-0876866142", "VAT", "BE", "", "0876866142", "VAT"},
		{"VATEL-099755108", "VAT", "EL", "", "099755108", "VAT of Greece"},
		{"VATXI-123456789", "VAT", "XI", "", "123456789", "VAT of Northern Ireland"},
		{"VATHU-10197879-4-44", "VAT", "HU", "", "10197879-4-44", "hyphens in a VAT number"},
		{"NTRBE-0459.134.256", "NTR", "BE", "", "0459.134.256", "trade register"},
		{"NTRUS+CA-27380834", "NTR", "US", "", "27380834", "trade register of a part of a country"},
		{"LEIXG-254900ZNYA1FLUQ9U393", "LEI", "XG", "", "254900ZNYA1FLUQ9U393", "LEI"},
		{"SI:FR-434202180", "SI:", "FR", "", "434202180", "national scheme"},
		{"EI:SE-5567971433", "EI:", "SE", "", "5567971433", "national scheme"},
	} {
		t.Run(row.issue+" "+row.value, func(t *testing.T) {
			id := mustIdentity(t, row.value)
			assert.Equal(t, row.scheme, id.Scheme())
			assert.Equal(t, row.country, id.Country())
			assert.Equal(t, row.authority, id.Authority())
			assert.Equal(t, row.number, id.Number())
			assert.Equal(t, row.value, id.OrganizationIdentifier())
			assert.Equal(t, row.value, id.String())
			assert.Equal(t, eidas.ProfileEU, id.Profile())
			assert.False(t, id.IsZero())
		})
	}
}

func TestIdentityRefusals(t *testing.T) {
	for _, row := range []struct{ rule, value string }{
		{"empty", ""},
		{"scheme alone", "PSD"},
		{"nothing after the scheme", "PSDDE"},
		{"no authority", "PSDDE-"},
		{"no number", "PSDDE-BAFIN"},
		{"empty number", "PSDDE-BAFIN-"},
		{"no first hyphen", "PSDDEBAFIN-1"},
		{"underscore for hyphen", "PSDDE-BAFIN_1"},
		{"three-letter country", "PSDFIN-FINFSA-1"},
		{"country not assigned", "PSDXX-BAFIN-1"},
		{"UK is not GB", "PSDUK-FCA-1"},
		{"EL is for VAT only", "PSDEL-BOG-1"},
		{"country in lower case", "PSDde-BAFIN-1"},
		{"authority in lower case", "PSDDE-bafin-1"},
		{"authority of one letter", "PSDDE-B-1"},
		{"authority of nine letters", "PSDDE-ABCDEFGHI-1"},
		{"digit in the authority", "PSDDE-BAF1N-1"},
		{"scheme in lower case", "psdDE-BAFIN-1"},
		{"prefix", "XPSDDE-BAFIN-1"},
		{"misspelt scheme", "PADFR-ACPR-1"},
		{"number only", "12345987"},
		{"government scheme of S/MIME", "GOVUS-123456"},
		{"international scheme of S/MIME", "INTXG-123456"},
		{"VAT of a country not assigned", "VATXX-1"},
		{"VAT of XG", "VATXG-1"},
		{"VAT of a part of a country", "VATUS+PA-1"},
		{"NTR of EL", "NTREL-1"},
		{"NTR without hyphen", "NTR@NL-1"},
		{"NTR subdivision too long", "NTRUS+CALI-1"},
		{"NTR subdivision empty", "NTRUS+-1"},
		{"NTR subdivision in lower case", "NTRUS+ca-1"},
		{"NTR empty", "NTRUS+CA-"},
		{"LEI of a country", "LEIRO-254900ZNYA1FLUQ9U393"},
		{"LEI too short", "LEIXG-254900ZNYA1FLUQ9U39"},
		{"LEI too long", "LEIXG-254900ZNYA1FLUQ9U3931"},
		{"LEI in lower case", "LEIXG-254900znya1fluq9u393"},
		{"LEI without check digits", "LEIXG-254900ZNYA1FLUQ9U39A"},
		{"LEI without hyphen", "LEIXG254900ZNYA1FLUQ9U393"},
		{"national scheme in lower case", "si:FR-1"},
		{"national scheme beyond ASCII", "Sé:FR-1"},
		{"national scheme of a country not assigned", "SI:XX-1"},
		{"too many characters", "PSDDE-BAFIN-" + strings.Repeat("1", 117)},
		{"too many characters of several octets", "PSDSE-FINA-" + strings.Repeat("Å", 118)},
		{"invalid UTF-8", "PSDDE-BAFIN-\xff"},
		{"replacement character", "PSDDE-BAFIN-\ufffd"},
	} {
		t.Run(row.rule, func(t *testing.T) {
			id, err := eidas.ParseOrganizationIdentifier(eidas.ProfileEU, row.value)
			require.ErrorIs(t, err, eidas.ReasonIdentityMalformed)
			assert.True(t, id.IsZero())
		})
	}
	for _, twin := range []string{
		"PSDDE-BAFIN-1", "NTRUS+CA-1", "VATEL-1",
		"PSDDE-BAFIN-" + strings.Repeat("1", 116), "PSDSE-FINA-" + strings.Repeat("Å", 117),
	} {
		_, err := eidas.ParseOrganizationIdentifier(eidas.ProfileEU, twin)
		require.NoError(t, err, twin)
	}
}

// TestIdentityCharacters: what could make two readers see different identifiers
// is refused wherever it stands.
func TestIdentityCharacters(t *testing.T) {
	for name, bad := range map[string]string{
		"NUL": "\x00", "tab": "\t", "LF": "\n", "CR LF": "\r\n", "DEL": "\x7f", "C1 NEL": "\u0085",
		"no-break space": "\u00a0", "thin space": "\u2009", "line separator": "\u2028", "ideographic space": "\u3000",
		"zero width space": "\u200b", "zero width joiner": "\u200d", "word joiner": "\u2060", "BOM": "\ufeff",
		"soft hyphen": "\u00ad", "right-to-left override": "\u202e", "left-to-right isolate": "\u2066", "Arabic letter mark": "\u061c",
		"hyphen U+2010": "\u2010", "no-break hyphen U+2011": "\u2011", "minus U+2212": "\u2212", "en dash": "\u2013", "fullwidth hyphen": "\uff0d",
		"combining acute": "e\u0301", "combining ring": "A\u030a", "enclosing circle": "1\u20dd",
		"fullwidth letter": "\uff21", "fullwidth digit": "\uff11", "Arabic digit": "\u0661", "superscript": "\u00b2",
		"Kelvin sign": "\u212a", "Angstrom sign": "\u212b", "ligature": "\ufb01", "Greek numeral sign": "\u0374",
		"Greek with oxia": "\u1f71", "Armenian letter": "\u0531", "Cherokee letter": "\u13aa", "private use": "\ue000",
		"tag character": "\U000e0041", "variation selector": "\ufe0f", "emoji": "\U0001f600", "two spaces": "a  b",
	} {
		t.Run(name, func(t *testing.T) {
			for _, value := range []string{"PSDDE-BAFIN-1" + bad + "2", "PSDDE-BAF" + bad + "IN-12", "P" + bad + "SDDE-BAFIN-12", "VATDE-1" + bad + "2"} {
				_, err := eidas.ParseOrganizationIdentifier(eidas.ProfileEU, value)
				assert.ErrorIs(t, err, eidas.ReasonIdentityMalformed, "%q", value)
			}
		})
	}
	for name, value := range map[string]string{
		"leading space": " PSDDE-BAFIN-1", "trailing space": "PSDDE-BAFIN-1 ", "space before the number": "PSDDE-BAFIN- 1",
		"trailing line feed": "PSDDE-BAFIN-1\n", "two identifiers": "PSDDE-BAFIN-1\nPSDDE-BAFIN-2",
		"Latin and Cyrillic in one number": "PSDBG-BNB-АB1", "Latin and Greek in one number": "PSDGR-BOG-AΒ1",
		"Cyrillic scheme": "РSDBG-BNB-1", "Cyrillic authority": "PSDBG-ВNB-1", "Cyrillic country": "PSDВG-BNB-1",
	} {
		t.Run(name, func(t *testing.T) {
			_, err := eidas.ParseOrganizationIdentifier(eidas.ProfileEU, value)
			assert.ErrorIs(t, err, eidas.ReasonIdentityMalformed, "%q", value)
		})
	}
	assert.NotEqual(t, mustIdentity(t, "PSDBG-BNB-АВ1"), mustIdentity(t, "PSDBG-BNB-AB1"), "Cyrillic and Latin look-alikes are two identities")
}

func TestIdentityProfileIsPartOfTheKey(t *testing.T) {
	const value = "PSDDE-BAFIN-1"
	seen := map[eidas.Identity]string{}
	for _, p := range []eidas.Profile{eidas.ProfileEU, eidas.ProfileUKOB, eidas.ProfileTest, "sandbox-2"} {
		id, err := eidas.ParseOrganizationIdentifier(p, value)
		require.NoError(t, err)
		assert.Equal(t, p, id.Profile())
		assert.Equal(t, value, id.OrganizationIdentifier())
		seen[id] = id.String()
		assert.Equal(t, id, mustIdentity(t, id.String()))
	}
	assert.Len(t, seen, 4)
	assert.Equal(t, "test/"+value, mustIdentity(t, "test/"+value).String())
	for _, p := range []eidas.Profile{"", "EU", "Test", "eu/x", "a b", "1eu", "-eu", "eü", eidas.Profile(strings.Repeat("a", 33))} {
		_, err := eidas.ParseOrganizationIdentifier(p, value)
		require.ErrorIs(t, err, eidas.ReasonIdentityMalformed, "%q", p)
	}
	for _, s := range []string{"eu/" + value, "test", "test/", "/" + value, "test/test/" + value, "Test/" + value} {
		_, err := eidas.ParseIdentity(s)
		require.ErrorIs(t, err, eidas.ReasonIdentityMalformed, "%q", s)
	}
}

func TestIdentityText(t *testing.T) {
	id := mustIdentity(t, "test/PSDDE-BAFIN-1")
	encoded, err := json.Marshal(map[eidas.Identity]eidas.Identity{id: id, {}: {}})
	require.NoError(t, err)
	var decoded map[eidas.Identity]eidas.Identity
	require.NoError(t, json.Unmarshal(encoded, &decoded))
	assert.Equal(t, map[eidas.Identity]eidas.Identity{id: id, {}: {}}, decoded)

	kept := id
	require.ErrorIs(t, kept.UnmarshalText([]byte("PSDDE")), eidas.ReasonIdentityMalformed)
	assert.Equal(t, id, kept, "a failed UnmarshalText changes nothing")
	require.NoError(t, kept.UnmarshalText(nil))
	assert.True(t, kept.IsZero())

	var zero eidas.Identity
	assert.Empty(t, zero.String())
	assert.Empty(t, zero.Scheme())
	assert.Empty(t, zero.Country())
	assert.Empty(t, zero.Authority())
	assert.Empty(t, zero.Number())
}

// TestIdentityEveryByteMatters: no byte of an identifier can change without
// changing the identity or ending it.
func TestIdentityEveryByteMatters(t *testing.T) {
	for _, value := range []string{"PSDMT-MFSA-A 1.2-b", "VATEL-099755108", "NTRUS+CA-27380834", "LEIXG-254900ZNYA1FLUQ9U393", "SI:FR-434202180", "PSDSE-FINA-Å1"} {
		id := mustIdentity(t, value)
		accepted := 0
		for i := range len(value) {
			for b := range 256 {
				if byte(b) == value[i] {
					continue
				}
				changed := value[:i] + string([]byte{byte(b)}) + value[i+1:]
				other, err := eidas.ParseOrganizationIdentifier(eidas.ProfileEU, changed)
				if err != nil {
					continue
				}
				accepted++
				require.NotEqual(t, id, other)
				require.Equal(t, changed, other.String())
			}
		}
		assert.NotZero(t, accepted, "the test met no accepted neighbour of %s", value)
	}
}

func TestLEICheckDigits(t *testing.T) {
	for value, want := range map[string]bool{"LEIXG-254900ZNYA1FLUQ9U393": true, "LEIXG-254900ZNYA1FLUQ9U394": false} {
		claims, err := parseBoth(t, certificate(orgID(value)))
		require.NoError(t, err)
		_, err = claims.Identity(eidas.ProfileEU)
		require.NoError(t, err, "check digits are a finding, not a refusal")
		assert.Equal(t, want, len(findingsByCode(claims)[eidas.FindingOrgIDLEIChecks]) == 0, value)
	}
}

func ExampleParseIdentity() {
	id, err := eidas.ParseIdentity("PSDLT-BL-LB000458")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(id.Scheme(), id.Country(), id.Authority(), id.Number())

	// The same identifier from a sandbox is another identity.
	sandbox, _ := eidas.ParseIdentity("test/PSDLT-BL-LB000458")
	fmt.Println(id == sandbox, sandbox)

	// Nothing is folded or repaired.
	_, err = eidas.ParseIdentity("PSDlt-BL-LB000458")
	fmt.Println(eidas.ReasonOf(err).String())
	// Output:
	// PSD LT BL LB000458
	// false test/PSDLT-BL-LB000458
	// identity_malformed
}

func ExampleParseOrganizationIdentifier() {
	id, err := eidas.ParseOrganizationIdentifier(eidas.ProfileTest, "VATEL-099755108")
	if err != nil {
		fmt.Println(err)
		return
	}
	fmt.Println(id.Scheme(), id.Country(), id.Number(), id)
	// Output:
	// VAT EL 099755108 test/VATEL-099755108
}

// Who types an identity is told the form; the code of the rule stays. The twins: a
// certificate's value gets no example, and what is right no error.
func TestParseIdentitySaysTheForm(t *testing.T) {
	const form = "PSDLT-BL-LB000458"
	for in, code := range map[string]string{
		"PSDLT-BL": string(eidas.FindingOrgIDPSDSyntax), "": string(eidas.FindingOrgIDCharacters),
		"test/PSDLT-BL": string(eidas.FindingOrgIDPSDSyntax), "hello": "identity", "XX": string(eidas.FindingOrgIDSyntax),
	} {
		_, err := eidas.ParseIdentity(in)
		require.ErrorIs(t, err, eidas.ReasonIdentityMalformed)
		require.ErrorContains(t, err, code)
		require.ErrorContains(t, err, "not of the form "+form)
	}
	_, err := eidas.ParseOrganizationIdentifier(eidas.ProfileEU, "PSDLT-BL")
	require.ErrorContains(t, err, string(eidas.FindingOrgIDPSDSyntax))
	assert.NotContains(t, err.Error(), form)
	_, err = eidas.ParseIdentity(form)
	require.NoError(t, err)
}
