package qseal

import (
	"fmt"
	"strings"
)

// Quirk is a set of deviations from a standard that real software has. Each one
// is off unless a Profile allows it, and its use is reported and counted: a bank
// sees which TPPs rely on it. The zero Quirk is none.
type Quirk uint32

// The quirks of Berlin Group and cavage.
const (
	// QuirkExtraFields: fields are sealed that the standard does not list
	// (accept, date, psu-ip-address).
	QuirkExtraFields Quirk = 1 << iota
	// QuirkUncoveredRedirect: TPP-Redirect-URI is sent and not sealed.
	QuirkUncoveredRedirect
	// QuirkJavaAlgorithm: algorithm is spelled as in Java, "SHA256withRSA".
	QuirkJavaAlgorithm
	// QuirkHS2019: algorithm is "hs2019" or absent, so that the key decides.
	QuirkHS2019
	// QuirkUnquoted: a parameter of Signature stands without its quotes.
	QuirkUnquoted
	// QuirkSerialDecimal: the serial number in keyId is decimal.
	QuirkSerialDecimal
	// QuirkNoIssuer: keyId has a serial number only.
	QuirkNoIssuer
	// QuirkPercentKeyID: keyId is percent-encoded.
	QuirkPercentKeyID
	// QuirkPEMCertificate: the certificate header holds PEM, or base64 of PEM.
	QuirkPEMCertificate
	// QuirkEmptyObject: a message without a body has the digest of "{}".
	QuirkEmptyObject
	// QuirkAnySalt: a PSS salt is not as long as the hash.
	QuirkAnySalt
	// QuirkMixedCase: pars of sigD are not in lower case.
	QuirkMixedCase
	// QuirkAbsoluteTarget: (request-target) is an absolute URL.
	QuirkAbsoluteTarget
	// QuirkPaddedDigest: x5t#S256 ends in padding.
	QuirkPaddedDigest
	quirkEnd // one past the last
)

// quirkNames is in the order of the bits; a test holds it complete.
var quirkNames = [...]string{
	"extra_fields", "uncovered_redirect", "java_algorithm", "hs2019", "unquoted", "serial_decimal", "no_issuer",
	"percent_key_id", "pem_certificate", "empty_object", "any_salt", "mixed_case", "absolute_target",
	"padded_digest",
}

// AllowedQuirks returns the deviations that the profile accepts, see AllowQuirks.
func (p Profile) AllowedQuirks() Quirk { return p.allowed }

// Names returns the stable codes of the set, in order.
func (q Quirk) Names() []string {
	var names []string
	for i, name := range quirkNames {
		if q&(1<<i) != 0 {
			names = append(names, name)
		}
	}
	return names
}

// String returns the codes separated by commas, "" for none.
func (q Quirk) String() string { return strings.Join(q.Names(), ",") }

// MarshalText implements encoding.TextMarshaler with String.
func (q Quirk) MarshalText() ([]byte, error) { return []byte(q.String()), nil }

// ParseQuirks reads what String writes.
func ParseQuirks(s string) (Quirk, error) {
	var q Quirk
	for name := range strings.SplitSeq(s, ",") {
		found := name == ""
		for i, known := range quirkNames {
			if name == known {
				q, found = q|1<<i, true
			}
		}
		if !found {
			return 0, fmt.Errorf("qseal: no quirk %q", name)
		}
	}
	return q, nil
}
