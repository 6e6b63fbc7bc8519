package eidas

import (
	"strconv"

	"golang.org/x/crypto/cryptobyte/asn1"
)

// Statements is the qcStatements extension (RFC 3739, 3.2.6; ETSI EN 319
// 412-5). The zero value is an absent extension.
type Statements struct {
	Present  bool
	Critical bool // shall not be (EN 319 412-5, QCS-4.1-02)
	SSCD     bool // the key is on a QSCD
	// Compliance is the QcCompliance statement; only CompliancePresent claims
	// an EU qualified certificate.
	Compliance Compliance
	// ComplianceTag is the ASN.1 tag number of the info of a
	// ComplianceWithInfo, else 0.
	ComplianceTag  int
	RetentionYears int // 0 when absent or malformed
	// List holds every statement that has an OID, known or not, in order.
	List            []Statement
	Types           []string      // QcType OIDs, dotted, in order, repeated and unknown ones too
	LimitValue      *LimitValue   // nil when absent or malformed
	PDS             []PDSLocation // those that can be read
	Legislation     []string      // QcCClegislation country codes: qualified there, not in the EU
	IdentMethods    []string      // QcIdentMethod OIDs, dotted
	QSCDLegislation []string      // QcQSCDlegislation country codes
	Semantics       []string      // semantics identifiers, dotted (EN 319 412-1, 5.1)
	// NameRegistrationAuthorities holds the DER of each GeneralName of the
	// semantics information.
	NameRegistrationAuthorities [][]byte
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
	OID string // dotted
	// Info is the DER of statementInfo, nil when absent. It shares memory with
	// the certificate and must not be changed.
	Info []byte
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
	case ComplianceMissing:
		return "missing"
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

// PDSLocation is the place of a PKI disclosure statement. It comes from the
// certificate: never fetch it unguarded.
type PDSLocation struct {
	URL  string
	Lang string // ISO 639-1, as written
}

// statements reads the extension. Every statement that can be read is kept, so
// that a malformed one neither hides nor removes another: it makes the whole an
// error instead.
func (r *claimsReader) statements(critical bool, value []byte) {
	st := &r.claims.Statements
	st.Present, st.Critical = true, critical
	if critical {
		// QCS-4.1-02 forbids it. Real certificates have it, and we understand
		// the extension, which is all that criticality asks for.
		r.add(FindingStatementsCritical, SeverityWarning, dottedStatements, "")
	}
	list, ok := whole(value)
	if !ok {
		r.fatal(FindingStatementsSyntax, dottedStatements, "")
		return
	}
	if startsWith(asn1.OBJECT_IDENTIFIER, list) {
		// One QCStatement where a SEQUENCE OF them should be.
		r.shape(FindingUnwrapped, dottedStatements, "")
		r.statement(list)
		return
	}
	st.List = r.room.list[:0]
	for n := 0; len(list) > 0; n++ {
		if n == maxStatements {
			r.fatal(FindingTooMany, dottedStatements, "more than "+strconv.Itoa(maxStatements)+" statements")
			return
		}
		var e element
		if e, list, ok = next(list); !ok {
			r.fatal(FindingStatementsSyntax, dottedStatements, "statement "+strconv.Itoa(n+1))
			return
		}
		if e.tag != asn1.SEQUENCE {
			r.fatal(FindingStatementNotSeq, dottedStatements, "statement "+strconv.Itoa(n+1)+" is "+e.kind())
			continue
		}
		r.statement(e.body())
	}
}

// statement reads one QCStatement ::= SEQUENCE { statementId, statementInfo
// ANY OPTIONAL } from its content.
func (r *claimsReader) statement(body []byte) {
	oid, name, rest, ok := nextOID(body)
	if !ok {
		r.fatal(FindingStatementIDType, dottedStatements, "")
		return
	}
	var info element
	if len(rest) > 0 {
		if info, rest, ok = next(rest); !ok {
			r.fatal(FindingStatementsSyntax, name, "")
			return
		}
	}
	if len(rest) > 0 {
		r.fatal(FindingStatementCount, name, "")
		return
	}
	kind := statementKindOf(oid)
	r.claims.Statements.List = append(r.claims.Statements.List, Statement{OID: name, Info: info.full})
	if r.met&(1<<kind) != 0 && r.duplicate(kind, name) {
		return
	}
	r.met |= 1 << kind
	r.known(kind, name, &info)
}

// statementKind is a statement of the standards; the zero value is any other.
type statementKind uint8

// The kinds up to statementQSCDLegislation have the last octet of their OID.
const (
	statementOther statementKind = iota
	statementCompliance
	statementLimitValue
	statementRetention
	statementSSCD
	statementPDS
	statementType
	statementLegislation
	statementIdentMethod
	statementQSCDLegislation
	statementPSD2
	statementSyntax          // RFC 3739, either version
	statementTypeItself      // a QC type that stands as a statement
	statementSemanticsItself // a semantics identifier that stands as a statement
)

func statementKindOf(oid []byte) statementKind {
	if last := len(oid) - 1; string(oid[:last]) == arcStatements {
		if kind := statementKind(oid[last]); kind <= statementQSCDLegislation {
			return kind
		}
		return statementOther
	}
	switch string(oid) {
	case derPSD2:
		return statementPSD2
	case derSyntaxV1, derSyntaxV2:
		return statementSyntax
	case derTypeSign, derTypeSeal, derTypeWeb:
		return statementTypeItself
	case derSemanticsNatural, derSemanticsLegal, derSemanticsEIDASNatural, derSemanticsEIDASLegal:
		return statementSemanticsItself
	}
	return statementOther
}

// duplicate judges a repeated statement and reports whether its second copy
// must be left alone. EN 319 412-5 v2.6.1, QCS-4.1-02A forbids repeating ETSI
// statements. Where the statement decides something there is no telling which
// copy to believe.
func (r *claimsReader) duplicate(kind statementKind, name string) bool {
	switch kind {
	case statementOther, statementTypeItself, statementSemanticsItself:
	case statementCompliance, statementType, statementLegislation, statementPSD2:
		r.fatal(FindingDuplicateStatement, name, "")
		return true
	case statementLimitValue, statementRetention, statementSSCD, statementPDS, statementIdentMethod, statementQSCDLegislation:
		r.add(FindingDuplicateStatement, SeverityWarning, name, "")
	case statementSyntax:
		// RFC 3739 does not forbid it: one may carry identifiers, another authorities.
		r.add(FindingDuplicateStatement, SeverityInfo, name, "")
	}
	return false
}

// known reads the info of a statement of the standards. Others stay raw.
func (r *claimsReader) known(kind statementKind, name string, info *element) {
	switch kind {
	case statementOther:
	case statementCompliance:
		r.compliance(info)
	case statementLimitValue:
		r.limitValue(info)
	case statementRetention:
		r.retention(info)
	case statementSSCD:
		r.sscd(info)
	case statementPDS:
		r.pds(info)
	case statementType:
		r.types(info)
	case statementLegislation:
		r.legislation(info)
	case statementIdentMethod:
		r.identMethod(info)
	case statementQSCDLegislation:
		r.qscdLegislation(info)
	case statementPSD2:
		r.psd2(info)
	case statementSyntax:
		r.semantics(info)
	case statementTypeItself:
		r.add(FindingTypeAsStatement, SeverityWarning, name, "")
	case statementSemanticsItself:
		r.add(FindingSemanticsStatement, SeverityWarning, name, "")
	}
}
