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
	switch country {
	case "AT", "LI":
		return "FMA"
	case "BE":
		return "NBB"
	case "BG":
		return "BNB"
	case "HR":
		return "HNB"
	case "CY":
		return "CBC"
	case "CZ":
		return "CNB"
	case "DK":
		return "DFSA"
	case "EE":
		return "FI"
	case "FI":
		return "FINFSA"
	case "FR":
		return "ACPR"
	case "DE":
		return "BAFIN"
	case "GR":
		return "BOG"
	case "HU":
		return "CBH"
	case "IS", "IE":
		return "CBI"
	case "IT":
		return "BI"
	case "LV", "LT":
		return "BL"
	case "LU":
		return "CSSF"
	case "NO":
		return "FSA"
	case "MT":
		return "MFSA"
	case "NL":
		return "DNB"
	case "PL":
		return "PFSA"
	case "PT":
		return "BP"
	case "RO":
		return "NBR"
	case "SK":
		return "NBS"
	case "SI":
		return "BS"
	case "ES":
		return "BE"
	case "SE":
		return "FINA"
	}
	return ""
}
