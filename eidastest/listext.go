package eidastest

import (
	"crypto/x509"
	"strconv"

	"github.com/seed-b953571c/eidas"
)

// extensions writes the ServiceInformationExtensions of a period (TS 119 612,
// 5.5.9), each critical as in real lists.
func extensions(w *xmlWriter, p *eidas.Period) {
	if len(p.AdditionalInfo)+len(p.Qualifications)+len(p.UnknownCritical) == 0 &&
		p.TakenOverBy == "" && p.ExpiredCerts.IsZero() {
		return
	}
	ext := func(critical bool, body func()) {
		w.in("Extension", body, "Critical", strconv.FormatBool(critical))
	}
	w.in("ServiceInformationExtensions", func() {
		if len(p.Qualifications) > 0 {
			ext(true, func() {
				w.in("ns5:Qualifications", func() {
					for i := range p.Qualifications {
						qualification(w, &p.Qualifications[i])
					}
				}, w.ns("ns5", nsSie)...)
			})
		}
		for _, uri := range p.AdditionalInfo {
			ext(true, func() {
				w.in("AdditionalServiceInformation", func() { w.text("URI", uri, "xml:lang", "en") })
			})
		}
		if p.TakenOverBy != "" {
			ext(true, func() { takenOverBy(w, p.TakenOverBy) })
		}
		if !p.ExpiredCerts.IsZero() {
			ext(false, func() { w.text("ExpiredCertsRevocationInfo", timestamp(p.ExpiredCerts)) })
		}
		for _, name := range p.UnknownCritical {
			ext(true, func() { w.text("u:"+name, "", "xmlns:u", "https://unknown.example/") })
		}
	})
}

func takenOverBy(w *xmlWriter, uri string) {
	w.in("ns3:TakenOverBy", func() {
		w.text("ns3:URI", uri, "xml:lang", "en")
		names(w, "ns3:TSPName", english("Successor"))
		names(w, "SchemeOperatorName", english("Operator"))
		w.text("SchemeTerritory", "EU")
	}, w.ns("ns3", nsExtra)...)
}

func qualification(w *xmlWriter, q *eidas.Qualification) {
	w.in("ns5:QualificationElement", func() {
		w.in("ns5:Qualifiers", func() {
			for _, uri := range q.Qualifiers {
				w.text("ns5:Qualifier", "", "uri", uri)
			}
		})
		criteria(w, &q.Criteria)
	})
}

var assertNames = [...]string{
	eidas.AssertAll: "all", eidas.AssertAtLeastOne: "atLeastOne", eidas.AssertNone: "none",
}

// criteria writes a CriteriaList (TS 119 612, 5.5.9.2.2). The OIDs are written
// as URNs, which is one of the forms that real lists mix.
func criteria(w *xmlWriter, c *eidas.Criteria) {
	assert := "unknown"
	if int(c.Assert) < len(assertNames) && assertNames[c.Assert] != "" {
		assert = assertNames[c.Assert]
	}
	w.in("ns5:CriteriaList", func() {
		for _, k := range c.KeyUsages {
			w.in("ns5:KeyUsage", func() {
				for _, bit := range k {
					w.text("ns5:KeyUsageBit", strconv.FormatBool(bit.Value), "name", keyUsageName(bit.Bit))
				}
			})
		}
		for _, set := range c.PolicySets {
			w.in("ns5:PolicySet", func() {
				for _, oid := range set {
					w.in("ns5:PolicyIdentifier", func() { identifier(w, oid) })
				}
			})
		}
		for i := range c.Nested {
			criteria(w, &c.Nested[i])
		}
		if len(c.SubjectDN)+len(c.ExtendedKey)+len(c.Statements)+len(c.Unknown) > 0 {
			w.in("ns5:otherCriteriaList", func() { otherCriteria(w, c) })
		}
	}, "assert", assert)
}

func otherCriteria(w *xmlWriter, c *eidas.Criteria) {
	list := func(element, item string, oids []string) {
		w.in("ns3:"+element, func() {
			for _, oid := range oids {
				w.in("ns3:"+item, func() { identifier(w, oid) })
			}
		}, w.ns("ns3", nsExtra)...)
	}
	for _, set := range c.SubjectDN {
		list("CertSubjectDNAttribute", "AttributeOID", set)
	}
	for _, set := range c.ExtendedKey {
		list("ExtendedKeyUsage", "KeyPurposeId", set)
	}
	for _, set := range c.Statements {
		w.in("ns7:QcStatementSet", func() {
			for i := range set {
				w.in("ns7:QcStatement", func() { statementCriterion(w, &set[i]) })
			}
		}, w.ns("ns7", nsMRA)...)
	}
	for _, name := range c.Unknown {
		w.text("u:"+name, "", "xmlns:u", "https://unknown.example/")
	}
}

func statementCriterion(w *xmlWriter, s *eidas.StatementCriterion) {
	w.in("ns7:QcStatementId", func() { identifier(w, s.ID) })
	if s.Type == "" && len(s.Legislation) == 0 {
		return
	}
	w.in("ns7:QcStatementInfo", func() {
		if s.Type != "" {
			w.in("ns7:QcType", func() { identifier(w, s.Type) })
		}
		for _, country := range s.Legislation {
			w.text("ns7:QcCClegislation", country)
		}
	})
}

func identifier(w *xmlWriter, oid string) {
	w.text("ns4:Identifier", "urn:oid:"+oid, append(w.ns("ns4", nsXAdES), "Qualifier", "OIDAsURN")...)
}

// keyUsageName is the name of a bit in the schema of TS 119 612.
func keyUsageName(bit x509.KeyUsage) string {
	switch bit {
	case x509.KeyUsageDigitalSignature:
		return "digitalSignature"
	case x509.KeyUsageContentCommitment:
		return "nonRepudiation"
	case x509.KeyUsageKeyEncipherment:
		return "keyEncipherment"
	case x509.KeyUsageDataEncipherment:
		return "dataEncipherment"
	case x509.KeyUsageKeyAgreement:
		return "keyAgreement"
	case x509.KeyUsageCertSign:
		return "keyCertSign"
	case x509.KeyUsageCRLSign:
		return "crlSign"
	case x509.KeyUsageEncipherOnly:
		return "encipherOnly"
	case x509.KeyUsageDecipherOnly:
		return "decipherOnly"
	}
	return "unknown"
}
