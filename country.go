package eidas

import "strings"

// countrySeconds holds, for each first letter, the second letters of the
// officially assigned ISO 3166-1 alpha-2 codes (249 in all).
var countrySeconds = [26]string{
	'A' - 'A': "DEFGILMOQRSTUWXZ",
	'B' - 'A': "ABDEFGHIJLMNOQRSTVWYZ",
	'C' - 'A': "ACDFGHIKLMNORUVWXYZ",
	'D' - 'A': "EJKMOZ",
	'E' - 'A': "CEGHRST",
	'F' - 'A': "IJKMOR",
	'G' - 'A': "ABDEFGHILMNPQRSTUWY",
	'H' - 'A': "KMNRTU",
	'I' - 'A': "DELMNOQRST",
	'J' - 'A': "EMOP",
	'K' - 'A': "EGHIMNPRWYZ",
	'L' - 'A': "ABCIKRSTUVY",
	'M' - 'A': "ACDEFGHKLMNOPQRSTUVWXYZ",
	'N' - 'A': "ACEFGILOPRUZ",
	'O' - 'A': "M",
	'P' - 'A': "AEFGHKLMNRSTWY",
	'Q' - 'A': "A",
	'R' - 'A': "EOSUW",
	'S' - 'A': "ABCDEGHIJKLMNORSTVXYZ",
	'T' - 'A': "CDFGHJKLMNORTVWZ",
	'U' - 'A': "AGMSYZ",
	'V' - 'A': "ACEGINU",
	'W' - 'A': "FS",
	'Y' - 'A': "ET",
	'Z' - 'A': "AMW",
}

// isCountry reports whether code is assigned in ISO 3166-1, or one of the
// exceptional reservations under which transnational bodies are registered.
func isCountry(code string) bool {
	switch code {
	case "EU", "EZ", "UN", "SU":
		return true
	}
	return len(code) == 2 && code[0] >= 'A' && code[0] <= 'Z' &&
		strings.IndexByte(countrySeconds[code[0]-'A'], code[1]) >= 0
}

// ebaAuthority returns the code of the competent authority of a country in the
// list of the European Banking Authority (version 4 of 2 February 2023), "" for
// a country that is not in it. The list changes without the standard, so a
// difference is a warning, never a refusal. Some codes serve two countries
// (FMA, CBI, BL): a code means nothing without its country.
func ebaAuthority(country string) string {
	const list = "AT-FMA BE-NBB BG-BNB HR-HNB CY-CBC CZ-CNB DK-DFSA EE-FI FI-FINFSA FR-ACPR DE-BAFIN " +
		"GR-BOG HU-CBH IS-CBI IE-CBI IT-BI LI-FMA LV-BL LT-BL LU-CSSF NO-FSA MT-MFSA NL-DNB PL-PFSA " +
		"PT-BP RO-NBR SK-NBS SI-BS ES-BE SE-FINA "
	for rest := list; rest != ""; {
		entry, after, _ := strings.Cut(rest, " ")
		if entry[:2] == country {
			return entry[3:]
		}
		rest = after
	}
	return ""
}
