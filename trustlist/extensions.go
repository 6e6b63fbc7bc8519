package trustlist

import (
	"crypto/x509"
	"strings"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/internal/xmldsig"
)

// extension reads one Extension of a service information (5.5.9). A critical one
// that is not understood whole is named in the period, so that whoever decides
// by the period can refuse to.
func (p *parser) extension(d *eidas.Period) {
	critical, stated := p.attr("", "Critical")
	isCritical := !stated || !isFalse(critical)
	known := 0
	p.children(func(n xmldsig.Name) {
		ok := false
		switch n {
		case tsl("AdditionalServiceInformation"):
			ok = p.additionalInformation(d)
		case sie("Qualifications"):
			ok = p.qualifications(d)
		case tslx("TakenOverBy"):
			ok = p.takenOverBy(d)
		case tsl("ExpiredCertsRevocationInfo"):
			d.ExpiredCerts, ok = parseTime(p.text())
		}
		known++
		if !ok && isCritical {
			d.UnknownCritical = append(d.UnknownCritical, p.in.str(n.String()))
		}
	})
	if known == 0 && isCritical {
		d.UnknownCritical = append(d.UnknownCritical, "")
	}
}

// isFalse reports whether an xs:boolean is false. What is no boolean is not.
func isFalse(s string) bool { return s == "false" || s == "0" }

// additionalInformation reads an AdditionalServiceInformation (5.5.9.4).
func (p *parser) additionalInformation(d *eidas.Period) bool {
	found := false
	p.children(func(n xmldsig.Name) {
		if n == tsl("URI") && p.entry() {
			found = true
			d.AdditionalInfo = append(d.AdditionalInfo, p.text())
		}
	})
	return found
}

// takenOverBy reads a TakenOverBy (5.5.9.3). It tells people where to look; the
// status of the listed service still decides.
func (p *parser) takenOverBy(d *eidas.Period) bool {
	p.children(func(n xmldsig.Name) {
		if n == tslx("URI") && d.TakenOverBy == "" {
			d.TakenOverBy = p.text()
		}
	})
	return true
}

// qualifications reads a Qualifications extension (5.5.9.2).
func (p *parser) qualifications(d *eidas.Period) bool {
	ok := true
	p.children(func(n xmldsig.Name) {
		if n != sie("QualificationElement") {
			ok = false
			return
		}
		if p.entry() {
			d.Qualifications = append(d.Qualifications, p.qualification())
		}
	})
	return ok
}

func (p *parser) qualification() eidas.Qualification {
	var q eidas.Qualification
	lists := 0
	p.children(func(n xmldsig.Name) {
		switch n {
		case sie("Qualifiers"):
			p.children(func(n xmldsig.Name) {
				if uri, ok := p.attr("", "uri"); ok && n == sie("Qualifier") && p.entry() {
					q.Qualifiers = append(q.Qualifiers, uri)
				}
			})
		case sie("CriteriaList"):
			lists++
			q.Criteria = p.criteria(0)
		default:
			q.Criteria.Unknown = append(q.Criteria.Unknown, p.in.str(n.String()))
		}
	})
	if lists != 1 {
		// 5.5.9.2.2 has exactly one; without or with more nobody can say which
		// certificates are meant.
		q.Criteria.Unknown = append(q.Criteria.Unknown, "CriteriaList")
	}
	return q
}

// criteria reads a CriteriaList (5.5.9.2.2). Whatever is not understood whole is
// named in Unknown, which makes the list undecidable, never true or false.
func (p *parser) criteria(depth int) eidas.Criteria {
	var c eidas.Criteria
	assert, _ := p.attr("", "assert")
	switch assert {
	case "all":
		c.Assert = eidas.AssertAll
	case "atLeastOne":
		c.Assert = eidas.AssertAtLeastOne
	case "none":
		c.Assert = eidas.AssertNone
	}
	p.children(func(n xmldsig.Name) {
		if n == sie("Description") || !p.entry() {
			return
		}
		switch {
		case n == sie("KeyUsage"):
			p.keyUsage(&c)
		case n == sie("PolicySet"):
			p.oidSet(n, &c.PolicySets, &c, sie("PolicyIdentifier"))
		case n == sie("CriteriaList") && depth < maxCriteriaDepth:
			c.Nested = append(c.Nested, p.criteria(depth+1))
		case n == sie("otherCriteriaList"):
			p.children(func(n xmldsig.Name) {
				if p.entry() {
					p.otherCriterion(n, &c)
				}
			})
		default:
			p.unknown(&c, n)
		}
	})
	return c
}

// otherCriterion reads a child of otherCriteriaList: those of TS 119 612, annex
// C, and the QcStatementSet of the Commission's mutual recognition schema.
func (p *parser) otherCriterion(n xmldsig.Name, c *eidas.Criteria) {
	switch n {
	case tslx("CertSubjectDNAttribute"):
		p.oidSet(n, &c.SubjectDN, c, tslx("AttributeOID"))
	case tslx("ExtendedKeyUsage"):
		p.oidSet(n, &c.ExtendedKey, c, tslx("KeyPurposeId"))
	case xmldsig.Name{Space: nsMRA, Local: "QcStatementSet"}, xmldsig.Name{Space: nsMRA, Local: "QcStatementList"}:
		p.statementSet(n, c)
	default:
		p.unknown(c, n)
	}
}

func (p *parser) unknown(c *eidas.Criteria, n xmldsig.Name) {
	c.Unknown = append(c.Unknown, p.in.str(n.String()))
}

// keyUsageBits are the names of KeyUsageBit (5.5.9.2.2.1); the schema has
// crlSign, RFC 5280 has cRLSign.
func keyUsageBit(name string) x509.KeyUsage {
	switch name {
	case "digitalSignature":
		return x509.KeyUsageDigitalSignature
	case "nonRepudiation", "contentCommitment":
		return x509.KeyUsageContentCommitment
	case "keyEncipherment":
		return x509.KeyUsageKeyEncipherment
	case "dataEncipherment":
		return x509.KeyUsageDataEncipherment
	case "keyAgreement":
		return x509.KeyUsageKeyAgreement
	case "keyCertSign":
		return x509.KeyUsageCertSign
	case "crlSign", "cRLSign":
		return x509.KeyUsageCRLSign
	case "encipherOnly":
		return x509.KeyUsageEncipherOnly
	case "decipherOnly":
		return x509.KeyUsageDecipherOnly
	}
	return 0
}

func (p *parser) keyUsage(c *eidas.Criteria) {
	var k eidas.KeyUsageCriterion
	ok := true
	p.children(func(n xmldsig.Name) {
		name, _ := p.attr("", "name")
		bit := keyUsageBit(name)
		value := p.text()
		set := value == "true" || value == "1"
		if n != sie("KeyUsageBit") || bit == 0 || !set && !isFalse(value) || !p.entry() {
			ok = false
			return
		}
		k = append(k, eidas.KeyUsageBit{Bit: bit, Value: set})
	})
	if !ok || len(k) == 0 {
		p.unknown(c, sie("KeyUsage"))
		return
	}
	c.KeyUsages = append(c.KeyUsages, k)
}

// oidSet reads a set of ObjectIdentifierType children. A set that is empty or
// holds what is no OID is undecidable: an empty one would hold always, one with
// a misprint never.
func (p *parser) oidSet(n xmldsig.Name, sets *[][]string, c *eidas.Criteria, child xmldsig.Name) {
	var set []string
	ok := true
	p.children(func(m xmldsig.Name) {
		oid, valid := "", false
		if m == child && p.entry() {
			oid, valid = p.objectIdentifier()
		}
		if !valid {
			ok = false
			return
		}
		set = append(set, oid)
	})
	if !ok || len(set) == 0 {
		p.unknown(c, n)
		return
	}
	*sets = append(*sets, set)
}

// statementSet reads a QcStatementSet: statements of which each must be there.
func (p *parser) statementSet(n xmldsig.Name, c *eidas.Criteria) {
	var set []eidas.StatementCriterion
	ok := true
	p.children(func(m xmldsig.Name) {
		if m != mra("QcStatement") || !p.entry() {
			ok = false
			return
		}
		s, valid := p.statement()
		ok = ok && valid
		set = append(set, s)
	})
	if !ok || len(set) == 0 {
		p.unknown(c, n)
		return
	}
	c.Statements = append(c.Statements, set)
}

func (p *parser) statement() (eidas.StatementCriterion, bool) {
	var s eidas.StatementCriterion
	ok := true
	p.children(func(n xmldsig.Name) {
		valid := true
		switch n {
		case mra("QcStatementId"):
			s.ID, valid = p.objectIdentifier()
		case mra("QcStatementInfo"):
			p.children(func(n xmldsig.Name) {
				switch n {
				case mra("QcType"):
					s.Type, valid = p.objectIdentifier()
				case mra("QcCClegislation"):
					s.Legislation = append(s.Legislation, p.text())
				default:
					valid = false
				}
				ok = ok && valid
			})
		default:
			valid = false
		}
		ok = ok && valid
	})
	return s, ok && (s.ID != "" || s.Type != "" || s.Legislation != nil)
}

func mra(local string) xmldsig.Name { return xmldsig.Name{Space: nsMRA, Local: local} }

// objectIdentifier reads the Identifier of an XAdES ObjectIdentifierType.
func (p *parser) objectIdentifier() (string, bool) {
	oid, count := "", 0
	p.children(func(n xmldsig.Name) {
		if n == (xmldsig.Name{Space: nsXAdES, Local: "Identifier"}) {
			oid = p.text()
			count++
		}
	})
	oid = normalOID(oid)
	return p.in.str(oid), count == 1 && isOID(oid)
}

// normalOID strips what real lists put around an OID, whatever @Qualifier says:
// white space, the prefixes "urn:oid:" and "oid:" in any case, a trailing dot.
func normalOID(s string) string {
	s = strings.TrimSpace(s)
	for _, prefix := range []string{"urn:oid:", "oid:"} {
		if len(s) >= len(prefix) && strings.EqualFold(s[:len(prefix)], prefix) {
			s = strings.TrimSpace(s[len(prefix):])
			break
		}
	}
	return strings.TrimSuffix(s, ".")
}

// isOID reports whether s is an OID in dotted form.
func isOID(s string) bool {
	arcs := strings.Split(s, ".")
	if len(arcs) < 2 || len(arcs[0]) != 1 || arcs[0] > "2" {
		return false
	}
	for _, arc := range arcs {
		if arc == "" || strings.Trim(arc, "0123456789") != "" || arc[0] == '0' && arc != "0" {
			return false
		}
	}
	return true
}
