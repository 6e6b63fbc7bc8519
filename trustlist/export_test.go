package trustlist

import "github.com/seed-b953571c/eidas"

// Parsed is what parseList read, for tests of the parser alone.
type Parsed struct {
	Version, Sequence   int
	Services            []*eidas.Service
	Skipped, Unreadable int
	Pointers            int
}

// ParseOctets reads octets as if a signature over them had been verified.
func ParseOctets(octets []byte) (Parsed, error) {
	c, err := parseList(octets, newInterner(), func(s *scheme) (*eidas.List, *Error) {
		return &eidas.List{Territory: s.territory, Sequence: s.sequence}, nil
	})
	if err != nil {
		return Parsed{}, err
	}
	return Parsed{
		Version: c.scheme.version, Sequence: c.scheme.sequence, Services: c.services,
		Skipped: c.skipped, Unreadable: c.unreadable, Pointers: len(c.scheme.pointers),
	}, nil
}

// ReasonOfCode is reasonOfCode.
var ReasonOfCode = reasonOfCode
