package eidas

import (
	"bytes"
	"crypto/x509"
	"slices"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// truth is three-valued: what a criterion nobody understands says is neither
// true nor false, and must not become either on the way up. The zero value is
// unknown.
type truth uint8

const (
	truthUnknown truth = iota
	truthNo
	truthYes
)

func truthOf(b bool) truth {
	if b {
		return truthYes
	}
	return truthNo
}

// maxCriteriaDepth bounds nesting; real lists nest twice.
const maxCriteriaDepth = 8

// subject of criteria: what a certificate shows that criteria can ask for.
type criteriaSubject struct {
	usage     x509.KeyUsage
	policies  []string
	purposes  []string // extended key usage OIDs
	attrs     []string // attribute types of the subject with a non-empty value
	claims    *Claims
	qcTypes   []string
	nations   []string
	statement func(oid string) bool
}

func newCriteriaSubject(cert *x509.Certificate, claims *Claims) *criteriaSubject {
	return &criteriaSubject{
		usage:     cert.KeyUsage,
		policies:  claims.Policies,
		purposes:  extendedKeyUsages(cert),
		attrs:     subjectAttributes(cert.RawSubject),
		claims:    claims,
		qcTypes:   claims.Statements.Types,
		nations:   claims.Statements.Legislation,
		statement: claims.Statements.Has,
	}
}

// match evaluates a CriteriaList (ETSI TS 119 612 v2.4.1, 5.5.9.2.2). An empty
// list holds under "all" and "none" and fails under "atLeastOne".
func (s *criteriaSubject) match(c *Criteria, depth int) truth {
	if depth > maxCriteriaDepth {
		return truthUnknown
	}
	var yes, no, unknown int
	count := func(t truth) {
		switch t {
		case truthYes:
			yes++
		case truthNo:
			no++
		case truthUnknown:
			unknown++
		}
	}
	for _, k := range c.KeyUsages {
		count(s.matchKeyUsage(k))
	}
	for _, p := range c.PolicySets {
		count(truthOf(containsAll(s.policies, p)))
	}
	for _, a := range c.SubjectDN {
		count(truthOf(containsAll(s.attrs, a)))
	}
	for _, e := range c.ExtendedKey {
		count(truthOf(containsAll(s.purposes, e)))
	}
	for _, q := range c.Statements {
		count(s.matchStatements(q))
	}
	for i := range c.Nested {
		count(s.match(&c.Nested[i], depth+1))
	}
	unknown += len(c.Unknown)
	return combine(c.Assert, yes, no, unknown)
}

func combine(a Assert, yes, no, unknown int) truth {
	switch a {
	case AssertAll:
		return decide(no == 0, unknown > 0 && no == 0)
	case AssertAtLeastOne:
		return decide(yes > 0, unknown > 0 && yes == 0)
	case AssertNone:
		return decide(yes == 0, unknown > 0 && yes == 0)
	}
	return truthUnknown
}

func decide(answer, open bool) truth {
	if open {
		return truthUnknown
	}
	return truthOf(answer)
}

// matchKeyUsage holds when every named bit has its value; a certificate without
// the extension has no bit set.
func (s *criteriaSubject) matchKeyUsage(k KeyUsageCriterion) truth {
	for _, b := range k {
		if (s.usage&b.Bit != 0) != b.Value {
			return truthNo
		}
	}
	return truthYes
}

func (s *criteriaSubject) matchStatements(q []StatementCriterion) truth {
	for _, want := range q {
		if want.ID != "" && !s.statement(want.ID) ||
			want.Type != "" && !slices.Contains(s.qcTypes, want.Type) ||
			!containsAll(s.nations, want.Legislation) {
			return truthNo
		}
	}
	return truthYes
}

func containsAll(have, want []string) bool {
	for _, w := range want {
		if !slices.Contains(have, w) {
			return false
		}
	}
	return true
}

// extendedKeyUsages returns the purposes as OIDs. Only called for certificates
// that crypto/x509 has parsed, which checked the extension.
func extendedKeyUsages(cert *x509.Certificate) []string {
	const oidEKU = "2.5.29.37"
	for _, e := range cert.Extensions {
		if e.Id.String() != oidEKU {
			continue
		}
		if purposes, ok := readOIDs(e.Value); ok {
			return purposes
		}
		return nil
	}
	return nil
}

// subjectAttributes returns the attribute types of a Name that have a value.
func subjectAttributes(name []byte) []string {
	in := cryptobyte.String(name)
	var rdns cryptobyte.String
	if !in.ReadASN1(&rdns, asn1.SEQUENCE) {
		return nil
	}
	var out []string
	for !rdns.Empty() {
		var rdn cryptobyte.String
		if !rdns.ReadASN1(&rdn, asn1.SET) {
			return out
		}
		for !rdn.Empty() {
			var attr, content, value cryptobyte.String
			var tag asn1.Tag
			var oid x509.OID
			if !rdn.ReadASN1(&attr, asn1.SEQUENCE) || !attr.ReadASN1(&content, asn1.OBJECT_IDENTIFIER) ||
				oid.UnmarshalBinary(content) != nil || !attr.ReadAnyASN1(&value, &tag) {
				return out
			}
			if len(bytes.TrimSpace(value)) > 0 {
				out = append(out, oid.String())
			}
		}
	}
	return out
}
