package eidas

import "crypto/x509"

// Claims is what a certificate says of itself. Nothing in it is proved.
type Claims struct {
	// OrganizationIdentifiers are all values of attribute 2.5.4.97 in the subject.
	OrganizationIdentifiers []OrganizationIdentifier
	// CABF is the CA/Browser Forum's organization identifier, nil when absent.
	CABF *CABFOrganizationIdentifier
	// Statements is the qcStatements extension (RFC 3739, ETSI EN 319 412-5).
	Statements Statements
	// PSD2 is the PSD2 statement (ETSI TS 119 495), nil when absent.
	PSD2 *PSD2
	// Policies are the certificate policy OIDs, in order, dotted.
	Policies []string
	// ValidityAssured is extension 0.4.0.194121.2.1 (EN 319 412-1, 5.2).
	ValidityAssured bool
	// Lenient says that ParseClaimsLenient accepted what ParseClaims refuses.
	Lenient bool
	// Findings are all deviations from the standards, in order of discovery.
	Findings []Finding
}

// Identity returns the identity of the subject under a trust profile.
func (c *Claims) Identity(p Profile) (Identity, error) { return Identity{}, nil }

// ParseClaims reads the claims strictly.
func ParseClaims(cert *x509.Certificate) (*Claims, error) { return &Claims{}, nil }

// ParseClaimsLenient is ParseClaims with the two shapes found in the wild accepted.
func ParseClaimsLenient(cert *x509.Certificate) (*Claims, error) { return &Claims{}, nil }

// ParseClaimsDER reads the claims strictly from the DER of a certificate,
// also of one that crypto/x509 refuses.
func ParseClaimsDER(der []byte) (*Claims, error) { return &Claims{}, nil }
