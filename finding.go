package eidas

import "fmt"

// Severity says what was done about a finding. The zero value is SeverityInfo.
type Severity uint8

// The severities.
const (
	SeverityInfo    Severity = iota // lawful or harmless, but rare enough to show
	SeverityWarning                 // a rule is broken, the value is used all the same
	SeverityError                   // a rule is broken, what it is about is not used
)

// String returns "info", "warning" or "error", the stable JSON code.
func (s Severity) String() string {
	switch s {
	case SeverityInfo:
		return "info"
	case SeverityWarning:
		return "warning"
	case SeverityError:
		return "error"
	}
	return fmt.Sprintf("severity(%d)", uint8(s))
}

// MarshalText implements encoding.TextMarshaler with the code of String.
func (s Severity) MarshalText() ([]byte, error) { return []byte(s.String()), nil }

// FindingCode is the stable name of a rule. The set is closed, FindingCodes
// lists it.
type FindingCode string

// Finding is one deviation of a certificate from the standards.
type Finding struct {
	Code     FindingCode `json:"code"`
	Severity Severity    `json:"severity"`
	OID      string      `json:"oid,omitempty"` // of the statement, extension or attribute, dotted
	// Detail is for people. It may hold text of the certificate, always quoted.
	Detail string `json:"detail,omitempty"`
}
