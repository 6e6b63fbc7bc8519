package eidas

// Qualified is the outcome of TS 119 615 for one certificate.
type Qualified struct{}
