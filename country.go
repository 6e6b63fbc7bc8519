package eidas

import "strings"

// countrySeconds holds, for each first letter, the second letters of the
// officially assigned ISO 3166-1 alpha-2 codes (249 in all).
var countrySeconds = [26]string{
	0:         "DEFGILMOQRSTUWXZ",
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

// ebaList is the list of the European Banking Authority, version 4 of 2 February
// 2023. Some codes serve two countries (FMA, CBI, BL): a code means nothing
// without its country.
var ebaList = [...]string{
	"AT-FMA", "BE-NBB", "BG-BNB", "CY-CBC", "CZ-CNB", "DE-BAFIN", "DK-DFSA", "EE-FI", "ES-BE", "FI-FINFSA",
	"FR-ACPR", "GR-BOG", "HR-HNB", "HU-CBH", "IE-CBI", "IS-CBI", "IT-BI", "LI-FMA", "LT-BL", "LU-CSSF",
	"LV-BL", "MT-MFSA", "NL-DNB", "NO-FSA", "PL-PFSA", "PT-BP", "RO-NBR", "SE-FINA", "SI-BS", "SK-NBS",
}

// ebaAuthority returns the code of the competent authority of a country in the
// list of the European Banking Authority, "" for a country that is not in it.
// The list changes without the standard, so a difference is a warning, never a
// refusal.
func ebaAuthority(country string) string {
	if len(country) != 2 {
		return ""
	}
	for i := range ebaList {
		if entry := ebaList[i]; entry[0] == country[0] && entry[1] == country[1] {
			return entry[3:]
		}
	}
	return ""
}
