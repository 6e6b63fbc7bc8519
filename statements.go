package eidas

// OrganizationIdentifier, Statements, PSD2, Finding: contract placeholders.
type OrganizationIdentifier struct{}
type Statements struct{}
type PSD2 struct{}
type Finding struct{}
