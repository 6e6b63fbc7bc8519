package main

import (
	"encoding/asn1"
	"encoding/hex"
	"regexp"
	"slices"
	"strings"
	"unicode/utf8"
)

// readable is the text of an error for people: without the names of packages,
// with names for the attributes of a subject, each URL once and short, and the
// rule that was broken at the end. What it returns may hold text of a
// certificate: clean it.
func readable(text string) string {
	return readableURLs(rulesLast(readableName(plain(text))))
}

// unnamedAttribute is how crypto/x509/pkix writes an attribute that it has no
// name for: the value in DER (RFC 4514, 2.4).
var unnamedAttribute = regexp.MustCompile(`\b([0-9]+(?:\.[0-9]+)+)=#([0-9a-f]+)`)

// readableName names the attributes of a distinguished name that are known here.
func readableName(text string) string {
	return unnamedAttribute.ReplaceAllStringFunc(text, func(whole string) string {
		m := unnamedAttribute.FindStringSubmatch(whole)
		name := attributeName(m[1])
		der, err := hex.DecodeString(m[2])
		if name == "" || err != nil {
			return whole
		}
		var value string
		if rest, err := asn1.Unmarshal(der, &value); err != nil || len(rest) > 0 {
			return whole
		}
		return name + "=" + attributeValue(value)
	})
}

// brokenRule is how package revocation begins the text of a broken rule.
var brokenRule = regexp.MustCompile(`\brule ([A-Z]+[0-9]+) \(([^()]*)\): `)

// rulesLast puts what went wrong before the numbers of rules.
func rulesLast(text string) string {
	var rules []string
	for _, m := range brokenRule.FindAllStringSubmatch(text, -1) {
		if rule := " (rule " + m[1] + ": " + m[2] + ")"; !slices.Contains(rules, rule) {
			rules = append(rules, rule)
		}
	}
	return brokenRule.ReplaceAllString(text, "") + strings.Join(rules, "")
}

// namedURL is how the errors of fetching, and of net/http inside them, name what
// was fetched.
var namedURL = regexp.MustCompile(`\b(?:url|Get|Post|Head) "(https?://[^"]*)"(?:: )?`)

// shownURL is what is shown of a URL. One with an OCSP request in it (RFC 6960,
// A.1) is longer; its host and path say enough.
const shownURL = 80

// readableURLs keeps the first naming of each URL.
func readableURLs(text string) string {
	seen := make(map[string]bool)
	return namedURL.ReplaceAllStringFunc(text, func(whole string) string {
		u := namedURL.FindStringSubmatch(whole)[1]
		if seen[u] {
			return ""
		}
		seen[u] = true
		if utf8.RuneCountInString(u) <= shownURL {
			return whole
		}
		return strings.Replace(whole, u, string([]rune(u)[:shownURL])+"…", 1)
	})
}
