package eidas

import "crypto/x509"

// Claims is what a certificate says of itself. Nothing in it is proved.
type Claims struct {
	// OrganizationIdentifiers are all values of attribute 2.5.4.97 in the subject.
	OrganizationIdentifiers []OrganizationIdentifier
	// Statements is the qcStatements extension (RFC 3739, ETSI EN 319 412-5).
	Statements Statements
	// PSD2 is the PSD2 statement (ETSI TS 119 495), nil when absent.
	PSD2 *PSD2
	// Policies are the certificate policy OIDs, in order, dotted.
	Policies []string
	// Findings are all deviations from the standards, in order of discovery.
	Findings []Finding

	identity    Identity
	identityErr *Error
}

// Identity returns the identity of the subject under a trust profile, or an
// *Error with one of the identity reasons (docs/design.md, identity rule).
func (c *Claims) Identity(p Profile) (Identity, error) { return Identity{}, nil }

// ParseClaims reads the claims.
func ParseClaims(cert *x509.Certificate) (*Claims, error) { return nil, nil }
