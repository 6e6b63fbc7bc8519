package xmldsig

import (
	"crypto"
	"errors"
	"io"
	"time"
)

// Limits and internals that tests name.
const (
	MaxNames = maxNames
	MaxURI   = maxURILen
	MaxName  = maxNameLen
	MaxIDs   = maxIDs
	MaxPart  = maxPart
)

// Canonical returns the canonical form of a whole document.
func Canonical(doc []byte, inclusive bool) ([]byte, error) {
	r := NewReader(doc)
	c := canonicalizer{inclusive: inclusive, limit: sizeLimit(len(doc))}
	for {
		kind, err := r.Next()
		if errors.Is(err, io.EOF) {
			return c.out, nil
		}
		if err != nil {
			return nil, err
		}
		if err := c.token(r, kind); err != nil {
			return nil, err
		}
	}
}

// CanonicalElement returns the canonical form of the first element called local,
// as a subtree of its document.
func CanonicalElement(doc []byte, local string, inclusive bool) ([]byte, error) {
	s := scanner{r: NewReader(doc)}
	var stack [][]inherited
	for {
		kind, err := s.r.Next()
		switch {
		case err != nil:
			return nil, err
		case kind == StartElement && s.r.Name().Local == local:
			f, err := s.fragment()
			if err != nil {
				return nil, err
			}
			return f.canonical(inclusive)
		case kind == StartElement:
			stack = append(stack, s.xml)
			s.inherit()
		case kind == EndElement:
			s.xml, stack = stack[len(stack)-1], stack[:len(stack)-1]
		}
	}
}

// ParseSigner reads a signer's certificate.
func ParseSigner(der []byte) (key crypto.PublicKey, notBefore, notAfter time.Time, err error) {
	s, err := parseSigner(der)
	if err != nil {
		return nil, time.Time{}, time.Time{}, err
	}
	return s.key, s.notBefore, s.notAfter, nil
}

// ParseDateTime reads an xsd:dateTime.
func ParseDateTime(text string) (time.Time, error) { return parseDateTime(text) }
