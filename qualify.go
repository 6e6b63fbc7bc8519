package eidas

import (
	"crypto/x509"
	"slices"
	"time"
)

// eidasStart is when Regulation (EU) 910/2014 began to apply: 1 July 2016,
// 00:00 in Brussels. Times before are "pre-eIDAS" in ETSI TS 119 615.
var eidasStart = time.Date(2016, 6, 30, 22, 0, 0, 0, time.UTC)

func preEIDAS(t time.Time) bool { return t.Before(eidasStart) }

// CertificateType is what a qualified certificate is for. The zero value is a
// type that could not be determined.
type CertificateType uint8

// The types (Regulation (EU) 910/2014, annexes I, III and IV).
const (
	TypeUnknown CertificateType = iota
	TypeSign                    // electronic signature
	TypeSeal                    // electronic seal
	TypeWeb                     // website authentication
)

// String returns "unknown", "esign", "eseal" or "web".
func (t CertificateType) String() string {
	switch t {
	case TypeSign:
		return "esign"
	case TypeSeal:
		return "eseal"
	case TypeWeb:
		return "web"
	case TypeUnknown:
	}
	return "unknown"
}

// purpose is t within a sentence.
func (t CertificateType) purpose() string {
	switch t {
	case TypeSign:
		return "electronic signatures"
	case TypeSeal:
		return "electronic seals"
	case TypeWeb:
		return "website authentication"
	case TypeUnknown:
	}
	return "no known purpose"
}

// MarshalText implements encoding.TextMarshaler with the code of String.
func (t CertificateType) MarshalText() ([]byte, error) { return []byte(t.String()), nil }

// Verdict is the outcome of ETSI TS 119 615, 4.4, at one time or over two. The
// zero value is: not qualified, type unknown.
type Verdict struct {
	// Indeterminate says that the list contradicts itself; nothing else holds then.
	Indeterminate bool            `json:"indeterminate,omitempty"`
	Qualified     bool            `json:"qualified"`
	Type          CertificateType `json:"type"`
	QSCD          bool            `json:"qscd"` // the key is on a qualified device; says nothing for TypeWeb
}

// Conclusion returns the verdict in the vocabulary of the European Commission's
// validation tests, such as "QESeal" or "AdESig-QC".
func (v Verdict) Conclusion() string {
	var base, onDevice string
	switch {
	case v.Indeterminate:
		return "N/A"
	case v.Type == TypeWeb:
		return "Not AdES"
	case v.Type == TypeSign:
		base, onDevice = "AdESig", "QESig"
	case v.Type == TypeSeal:
		base, onDevice = "AdESeal", "QESeal"
	default:
		base, onDevice = "Unknown", "Unknown-QC-QSCD"
	}
	switch {
	case !v.Qualified:
		return base
	case v.QSCD:
		return onDevice
	default:
		return base + "-QC"
	}
}

// shortcoming says in words why the certificate does not count as qualified.
// Conclusion would not do: its word for every QWAC is "Not AdES".
func (v Verdict) shortcoming() string {
	switch {
	case v.Indeterminate:
		return "the outcome is not determined"
	case v.Type == TypeUnknown:
		return "the certificate was not qualified for anything"
	}
	return "the certificate was not qualified for " + v.Type.purpose()
}

// WarningCode names an oddity that the qualification met; the set is closed.
type WarningCode string

// Warning is an oddity of a list, or of a list and a certificate together.
type Warning struct {
	Code   WarningCode `json:"code"`
	Detail string      `json:"detail,omitempty"`
}

// QualifiedAt is the outcome at one time, with its evidence.
type QualifiedAt struct {
	At time.Time `json:"at"`
	Verdict
	// Reason says why Qualified is false or Indeterminate true; 0 when qualified.
	Reason Reason `json:"-"`
	// Service and Period decided; nil when none was left.
	Service    *Service `json:"-"`
	Period     *Period  `json:"-"`
	Qualifiers []string `json:"qualifiers,omitempty"` // that matched the certificate in Period
	// Warnings holds each oddity once.
	Warnings []Warning `json:"warnings,omitempty"`
}

// Qualified is the outcome of ETSI TS 119 615 v1.2.1, 4.4: at issuance, at the
// time of judgement, and both together.
type Qualified struct {
	Verdict
	AtIssuance QualifiedAt `json:"at_issuance"`
	AtTime     QualifiedAt `json:"at_time"`
}

// Qualify decides whether a certificate is an EU qualified certificate, for
// what, and whether its key is on a qualified device, from the services that
// match its path. It is pure. services must come from authenticated lists.
func Qualify(cert *x509.Certificate, claims *Claims, services []*Service, at time.Time) Qualified {
	l := newQualifyLeaf(cert, claims)
	issued := l.qualifyAt(services, cert.NotBefore)
	now := l.qualifyAt(services, at)
	return Qualified{Verdict: together(issued.Verdict, now.Verdict), AtIssuance: issued, AtTime: now}
}

// together combines the outcomes at issuance and at the time of judgement: a
// certificate is qualified only if it was so at both times.
func together(issued, now Verdict) Verdict {
	if issued.Indeterminate || now.Indeterminate {
		return Verdict{Indeterminate: true}
	}
	v := Verdict{Qualified: issued.Qualified && now.Qualified, QSCD: now.QSCD}
	if issued.Type == now.Type {
		v.Type = now.Type
	}
	v.QSCD = v.QSCD && v.Qualified
	return v
}

// qualifyLeaf is what the qualification reads of a certificate.
type qualifyLeaf struct {
	*criteriaSubject
	old        bool // issued before eIDAS
	compliance bool // QcCompliance, and for no other legislation than the EU's
	declared   bool // QcCompliance, whatever the legislation
	policyQCP  bool // 0.4.0.1456.1.2 QCP public
	policyQCPP bool // 0.4.0.1456.1.1 QCP public + SSCD
	device     bool // QcSSCD
	kind       CertificateType
}

// Policies of ETSI TS 101 456, in force before eIDAS.
const (
	oidQCPPlus = "0.4.0.1456.1.1"
	oidQCP     = "0.4.0.1456.1.2"
)

// QcType values (ETSI EN 319 412-5 v2.6.1, 4.2.3).
const (
	oidTypeSign = "0.4.0.1862.1.6.1"
	oidTypeSeal = "0.4.0.1862.1.6.2"
	oidTypeWeb  = "0.4.0.1862.1.6.3"
)

func newQualifyLeaf(cert *x509.Certificate, claims *Claims) *qualifyLeaf {
	st := &claims.Statements
	l := &qualifyLeaf{
		criteriaSubject: newCriteriaSubject(cert, claims),
		old:             preEIDAS(cert.NotBefore),
		declared:        st.Compliance == CompliancePresent,
		policyQCP:       slices.Contains(claims.Policies, oidQCP),
		policyQCPP:      slices.Contains(claims.Policies, oidQCPPlus),
		device:          st.SSCD,
	}
	l.compliance = l.declared && len(st.Legislation) == 0
	l.kind = l.declaredType(st.Types)
	return l
}

// declaredType is the type that the certificate states. A qualified certificate
// without QcType is for signatures (EN 319 412-5, 4.2.3); before eIDAS there
// were no others.
func (l *qualifyLeaf) declaredType(types []string) CertificateType {
	if l.old {
		if l.declared || l.policyQCP || l.policyQCPP {
			return TypeSign
		}
		return TypeUnknown
	}
	if len(types) == 0 && l.declared {
		return TypeSign
	}
	if len(types) != 1 {
		return TypeUnknown
	}
	switch types[0] {
	case oidTypeSign:
		return TypeSign
	case oidTypeSeal:
		return TypeSeal
	case oidTypeWeb:
		return TypeWeb
	}
	return TypeUnknown
}

// declaredQualified is what the certificate says when the list does not overrule it.
func (l *qualifyLeaf) declaredQualified() bool {
	if !l.old {
		return l.compliance
	}
	return (l.declared || l.policyQCP || l.policyQCPP) && len(l.nations) == 0
}

// declaredDevice is what the certificate says of its device.
func (l *qualifyLeaf) declaredDevice() bool { return l.device || l.old && l.policyQCPP }

// candidate is one service at one time, with the qualifiers that the list gives
// this certificate there.
type candidate struct {
	service *Service
	period  *Period
	quals   []string
	open    bool // a criterion could not be decided
	foreign bool // a critical extension that nobody here understands
	verdict Verdict
}

func (c *candidate) has(q string) bool   { return slices.Contains(c.quals, q) }
func (c *candidate) about(u string) bool { return slices.Contains(c.period.AdditionalInfo, u) }

// qualifyAt runs the steps of TS 119 615, 4.4.4, at one time.
func (l *qualifyLeaf) qualifyAt(services []*Service, at time.Time) QualifiedAt {
	out := QualifiedAt{At: at}
	// Without a service the certificate's own word on its type stands.
	none := func(r Reason) QualifiedAt {
		out.Verdict, out.Reason = Verdict{Type: l.kind}, r
		return out
	}
	indeterminate := func(w WarningCode, detail string) QualifiedAt {
		out.warn(w, detail)
		out.Verdict, out.Reason = Verdict{Indeterminate: true}, ReasonIndeterminate
		return out
	}

	all := l.candidates(services, at)
	issuing := slices.DeleteFunc(all, func(c *candidate) bool { return c.period.Type != typeCAQC })
	if len(issuing) == 0 {
		return none(ReasonNotQualified)
	}
	if !l.old {
		issuing = slices.DeleteFunc(issuing, func(c *candidate) bool { return !c.open && !l.serves(c) })
		if len(issuing) == 0 {
			return none(ReasonNotQualified)
		}
	}
	for _, c := range issuing {
		for _, w := range inconsistencies(c) {
			out.warn(w, serviceLabel(c))
		}
		if c.open {
			return indeterminate(WarnCriteriaUndecidable, serviceLabel(c))
		}
		if c.foreign {
			return indeterminate(WarnExtensionUnknown, serviceLabel(c))
		}
		if !preEIDAS(at) && statusEra(c.period.Status) == eraPre {
			return indeterminate(WarnStatusPreEIDAS, serviceLabel(c))
		}
		c.verdict = l.verdict(c)
	}
	if slices.ContainsFunc(issuing, func(c *candidate) bool { return c.verdict != issuing[0].verdict }) {
		return indeterminate(WarnServiceConflict, serviceLabel(issuing[0]))
	}
	first := issuing[0]
	granted := slices.DeleteFunc(issuing, func(c *candidate) bool { return !grantedStatus(c.period) })
	if len(granted) == 0 {
		out.Service, out.Period = first.service, first.period
		return none(ReasonServiceNotGranted)
	}
	c := granted[0]
	out.Service, out.Period, out.Qualifiers = c.service, c.period, c.quals
	out.Verdict = c.verdict
	switch {
	case c.verdict.Indeterminate:
		return indeterminate(WarnUsageConflict, serviceLabel(c))
	case !c.verdict.Qualified:
		out.Reason = ReasonNotQualified
	}
	return out
}

// candidates returns each service in the period in force at the time. Periods
// are newest first; where two start at once the newer entry wins.
func (l *qualifyLeaf) candidates(services []*Service, at time.Time) []*candidate {
	var out []*candidate
	for _, s := range services {
		for i := range s.Periods {
			if p := &s.Periods[i]; !at.Before(p.Start) {
				c := &candidate{service: s, period: p}
				c.quals, c.open = l.qualifiers(p)
				c.foreign = len(p.UnknownCritical) > 0
				out = append(out, c)
				break
			}
		}
	}
	return out
}

// qualifiers returns the union of the qualifiers of every element whose
// criteria the certificate meets. open says that some criterion is unknown.
func (l *qualifyLeaf) qualifiers(p *Period) (quals []string, open bool) {
	for i := range p.Qualifications {
		q := &p.Qualifications[i]
		switch l.match(&q.Criteria, 0) {
		case truthYes:
			for _, u := range q.Qualifiers {
				if !slices.Contains(quals, u) {
					quals = append(quals, u)
				}
			}
		case truthUnknown:
			open = true
		case truthNo:
		}
	}
	return quals, open
}

func (q *QualifiedAt) warn(code WarningCode, detail string) {
	w := Warning{Code: code, Detail: detail}
	if !slices.Contains(q.Warnings, w) {
		q.Warnings = append(q.Warnings, w)
	}
}

func serviceLabel(c *candidate) string {
	return c.service.List.Territory + ": " + English(c.period.Names)
}
