package eidas

// OrganizationIdentifier is one value of attribute 2.5.4.97 of a subject.
type OrganizationIdentifier struct {
	Value       string
	Tag         int  // universal ASN.1 tag number: 12 UTF8String, 19 PrintableString
	MultiValued bool // its RDN holds other attributes too
}

// Statements is the qcStatements extension. The zero value is an absent extension.
type Statements struct {
	Present  bool
	Critical bool // shall not be (EN 319 412-5, QCS-4.1-02)
	// List holds every statement, known or not, in order.
	List []Statement
	// Compliance is the QcCompliance statement; only CompliancePresent claims
	// an EU qualified certificate.
	Compliance Compliance
	// ComplianceTag is the ASN.1 tag number of the info of a
	// ComplianceWithInfo, else 0.
	ComplianceTag               int
	Types                       []string    // QcType OIDs, dotted, in order, repeated ones too
	LimitValue                  *LimitValue // nil when absent
	RetentionYears              int         // 0 when absent
	SSCD                        bool        // the key is on a QSCD
	PDS                         []PDSLocation
	Legislation                 []string // QcCClegislation country codes: qualified there, not in the EU
	IdentMethods                []string // QcIdentMethod OIDs, dotted
	QSCDLegislation             []string // QcQSCDlegislation country codes
	Semantics                   []string // semantics identifiers, dotted (EN 319 412-1, 5.1)
	NameRegistrationAuthorities [][]byte // DER of each GeneralName of the semantics information
}

// Has reports whether a statement with this dotted OID is present.
func (s *Statements) Has(oid string) bool {
	for i := range s.List {
		if s.List[i].OID == oid {
			return true
		}
	}
	return false
}

// Statement is one QCStatement as it stands in the certificate.
type Statement struct {
	OID  string // dotted
	Info []byte // DER of statementInfo, nil when absent
}

// Compliance is the form of the QcCompliance statement.
type Compliance uint8

// The forms. The zero value is a missing statement.
const (
	ComplianceMissing  Compliance = iota // no such statement
	CompliancePresent                    // as EN 319 412-5, 4.2.1 has it
	ComplianceWithInfo                   // with an info that must not be there: claims nothing
)

// String returns "missing", "present" or "with_info".
func (c Compliance) String() string {
	switch c {
	case CompliancePresent:
		return "present"
	case ComplianceWithInfo:
		return "with_info"
	}
	return "missing"
}

// MarshalText implements encoding.TextMarshaler with the code of String.
func (c Compliance) MarshalText() ([]byte, error) { return []byte(c.String()), nil }

// LimitValue is the limit on the value of transactions: Amount * 10^Exponent.
type LimitValue struct {
	Currency         string // ISO 4217: three letters, or the number in decimal digits
	Amount, Exponent int64
}

// PDSLocation is the place of a PKI disclosure statement.
type PDSLocation struct {
	URL  string
	Lang string // ISO 639-1
}

// PSD2 is the PSD2 statement (ETSI TS 119 495 v1.8.1, Annex A).
type PSD2 struct {
	// Roles are the roles as the certificate writes them, in order. They grant nothing.
	Roles []Role
	// Known are the roles of the standard whose OID and name agree with it.
	// Zero when any part of the statement is malformed.
	Known      Roles
	NCAName    string
	NCANameTag int // universal ASN.1 tag number, 0 when absent
	NCAId      string
	NCAIdTag   int // universal ASN.1 tag number, 0 when absent
}

// Role is a RoleOfPSP as a certificate writes it.
type Role struct {
	OID  string // dotted
	Name string
}

// CABFOrganizationIdentifier is extension 2.23.140.3.1 of the CA/Browser Forum.
type CABFOrganizationIdentifier struct {
	Scheme, Country, State, Reference string
}
