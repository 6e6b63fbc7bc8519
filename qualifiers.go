package eidas

import "slices"

// Qualifier URIs (ETSI TS 119 612 v2.4.1, 5.5.9.2.3).
const (
	qualifierPrefix = "http://uri.etsi.org/TrstSvc/TrustedList/SvcInfoExt/"

	qualStatement    = qualifierPrefix + "QCStatement"
	qualNot          = qualifierPrefix + "NotQualified"
	qualWithSSCD     = qualifierPrefix + "QCWithSSCD"
	qualNoSSCD       = qualifierPrefix + "QCNoSSCD"
	qualSSCDAsInCert = qualifierPrefix + "QCSSCDStatusAsInCert"
	qualWithQSCD     = qualifierPrefix + "QCWithQSCD"
	qualNoQSCD       = qualifierPrefix + "QCNoQSCD"
	qualQSCDAsInCert = qualifierPrefix + "QCQSCDStatusAsInCert"
	qualQSCDOnBehalf = qualifierPrefix + "QCQSCDManagedOnBehalf"
	qualForESig      = qualifierPrefix + "QCForESig"
	qualForESeal     = qualifierPrefix + "QCForESeal"
	qualForWSA       = qualifierPrefix + "QCForWSA"
	qualForLegal     = qualifierPrefix + "QCForLegalPerson"
	aboutSignatures  = qualifierPrefix + "ForeSignatures"
	aboutSeals       = qualifierPrefix + "ForeSeals"
	aboutWeb         = qualifierPrefix + "ForWebSiteAuthentication"
)

var knownQualifiers = []string{
	qualStatement, qualNot, qualWithSSCD, qualNoSSCD, qualSSCDAsInCert, qualWithQSCD, qualNoQSCD,
	qualQSCDAsInCert, qualQSCDOnBehalf, qualForESig, qualForESeal, qualForWSA, qualForLegal,
}

// Status URIs (ETSI TS 119 612 v2.4.1, 5.5.4; before eIDAS TS 119 612 v1.1.1 and TS 102 231).
const (
	statusPrefix = "http://uri.etsi.org/TrstSvc/TrustedList/Svcstatus/"

	statusGranted              = statusPrefix + "granted"
	statusWithdrawn            = statusPrefix + "withdrawn"
	statusUnderSupervision     = statusPrefix + "undersupervision"
	statusSupervisionCessation = statusPrefix + "supervisionincessation"
	statusSupervisionCeased    = statusPrefix + "supervisionceased"
	statusSupervisionRevoked   = statusPrefix + "supervisionrevoked"
	statusAccredited           = statusPrefix + "accredited"
	statusAccreditationCeased  = statusPrefix + "accreditationceased"
	statusAccreditationRevoked = statusPrefix + "accreditationrevoked"
)

// era says under which law a status exists.
type era uint8

const (
	eraOther era = iota // national statuses, and URIs nobody knows: never granted
	eraPre              // Directive 1999/93/EC
	eraPost             // Regulation (EU) 910/2014
)

func statusEra(status string) era {
	switch status {
	case statusUnderSupervision, statusSupervisionCessation, statusSupervisionCeased, statusSupervisionRevoked,
		statusAccredited, statusAccreditationCeased, statusAccreditationRevoked:
		return eraPre
	case statusGranted, statusWithdrawn:
		return eraPost
	}
	return eraOther
}

// grantedStatus reports whether the status of a period is an approved one. Each
// law's statuses count only in periods that began under it.
func grantedStatus(p *Period) bool {
	if preEIDAS(p.Start) {
		return p.Status == statusUnderSupervision || p.Status == statusSupervisionCessation || p.Status == statusAccredited
	}
	return p.Status == statusGranted
}

// serves is the type filter of TS 119 615 for certificates issued under eIDAS:
// a service takes part only when it issues certificates of the leaf's type, or
// when the list overrules the type of this certificate with a usage qualifier.
// EU DSS also reads QcCompliance as such a qualifier, so that a seal or website
// certificate of a service listed for signatures alone takes part; that service
// was never supervised for them, so here it does not (docs/divergences.md).
func (l *qualifyLeaf) serves(c *candidate) bool {
	sig, seal, web := c.has(qualForESig), c.has(qualForESeal), c.has(qualForWSA)
	one := exactlyOne(sig, seal, web)
	signing := c.about(aboutSignatures) && !c.has(qualForLegal)
	bySig := c.about(aboutSignatures) && sig && one
	bySeal := c.about(aboutSeals) && seal && one
	byWeb := c.about(aboutWeb) && web && one
	switch l.kind {
	case TypeSign:
		return signing || bySeal || byWeb
	case TypeSeal:
		return c.about(aboutSeals) || bySig || byWeb
	case TypeWeb:
		return c.about(aboutWeb) || bySeal || bySig
	case TypeUnknown:
	}
	return true
}

func exactlyOne(bs ...bool) bool {
	n := 0
	for _, b := range bs {
		if b {
			n++
		}
	}
	return n == 1
}

// verdict judges the certificate under one service.
func (l *qualifyLeaf) verdict(c *candidate) Verdict {
	if !grantedStatus(c.period) || !l.qualifiedUnder(c) {
		return Verdict{Type: l.kind}
	}
	kind, conflict := l.typeUnder(c)
	if conflict {
		return Verdict{Indeterminate: true}
	}
	return Verdict{Qualified: true, Type: kind, QSCD: kind != TypeWeb && l.deviceUnder(c)}
}

// qualifiedUnder: NotQualified beats QCStatement, the list beats the certificate.
func (l *qualifyLeaf) qualifiedUnder(c *candidate) bool {
	if c.has(qualNot) {
		return false
	}
	return c.has(qualStatement) || l.declaredQualified()
}

// typeUnder: one usage qualifier overrules the certificate. Two of them, or one
// that contradicts what the service is listed for, are a conflict (the
// Commission's test 5.3.1; EU DSS says "type unknown").
func (l *qualifyLeaf) typeUnder(c *candidate) (kind CertificateType, conflict bool) {
	if preEIDAS(c.period.Start) {
		return TypeSign, false
	}
	uses := usageQualifiers(c)
	switch {
	case len(uses) > 1, len(uses) == 1 && !c.about(uses[0].about):
		return TypeUnknown, true
	case c.has(qualForLegal) && c.has(qualForESig):
		return TypeUnknown, false
	case len(uses) == 1:
		return uses[0].kind, false
	}
	return l.kind, false
}

// usage ties a usage qualifier to the service information that covers it.
type usage struct {
	qualifier, about string
	kind             CertificateType
}

func usageQualifiers(c *candidate) []usage {
	var out []usage
	for _, u := range [...]usage{
		{qualForESig, aboutSignatures, TypeSign},
		{qualForESeal, aboutSeals, TypeSeal},
		{qualForWSA, aboutWeb, TypeWeb},
	} {
		if c.has(u.qualifier) {
			out = append(out, u)
		}
	}
	return out
}

// deviceUnder: the list's word on the device. Contradicting qualifiers mean no
// device (the Commission's test 6.4.1).
func (l *qualifyLeaf) deviceUnder(c *candidate) bool {
	with, no, as := deviceQualifiers(c)
	switch {
	case with && (no || as), no:
		return false
	case with:
		return true
	}
	return l.declaredDevice()
}

// deviceQualifiers reads the qualifiers of the law the period began under.
func deviceQualifiers(c *candidate) (with, no, as bool) {
	if preEIDAS(c.period.Start) {
		return c.has(qualWithSSCD), c.has(qualNoSSCD), c.has(qualSSCDAsInCert)
	}
	return c.has(qualWithQSCD) || c.has(qualQSCDOnBehalf), c.has(qualNoQSCD), c.has(qualQSCDAsInCert)
}

// The warnings.
const (
	WarnQualifiedAndNot      WarningCode = "qualified-and-not-qualified"
	WarnDeviceContradiction  WarningCode = "device-contradiction"
	WarnDeviceTwice          WarningCode = "device-as-in-certificate-and-with"
	WarnDeviceLegacyOnly     WarningCode = "sscd-without-qscd"
	WarnQualifierUnknown     WarningCode = "qualifier-unknown"
	WarnUsageSeveral         WarningCode = "several-usages"
	WarnUsageNotCovered      WarningCode = "usage-not-covered"
	WarnUsageConflict        WarningCode = "usage-conflict"
	WarnLegalPersonSignature WarningCode = "legal-person-and-signature"
	WarnStatusBeforeEIDAS    WarningCode = "eidas-status-before-eidas"
	WarnStatusPreEIDAS       WarningCode = "pre-eidas-status-under-eidas"
	WarnUsageBeforeEIDAS     WarningCode = "eidas-usage-before-eidas"
	WarnServiceConflict      WarningCode = "service-conflict"
	WarnExtensionUnknown     WarningCode = "critical-extension-unknown"
	WarnCriteriaUndecidable  WarningCode = "criteria-undecidable"
)

// inconsistencies lists the oddities of a service for this certificate
// (TS 119 615, 4.4.4; the checks of EU DSS package "consistency").
func inconsistencies(c *candidate) []WarningCode {
	var out []WarningCode
	add := func(when bool, w WarningCode) {
		if when {
			out = append(out, w)
		}
	}
	old := preEIDAS(c.period.Start)
	with := c.has(qualWithSSCD) || c.has(qualWithQSCD) || c.has(qualQSCDOnBehalf)
	no := c.has(qualNoSSCD) || c.has(qualNoQSCD)
	as := c.has(qualSSCDAsInCert) || c.has(qualQSCDAsInCert)
	uses := usageQualifiers(c)

	add(c.has(qualStatement) && c.has(qualNot), WarnQualifiedAndNot)
	add(no && (with || as), WarnDeviceContradiction)
	add(as && with, WarnDeviceTwice)
	add(!old && (c.has(qualWithSSCD) && !c.has(qualWithQSCD) || c.has(qualNoSSCD) && !c.has(qualNoQSCD)), WarnDeviceLegacyOnly)
	add(slices.ContainsFunc(c.quals, func(q string) bool { return !slices.Contains(knownQualifiers, q) }), WarnQualifierUnknown)
	add(len(uses) > 1, WarnUsageSeveral)
	add(len(uses) == 1 && len(c.period.AdditionalInfo) > 0 && !c.about(uses[0].about), WarnUsageNotCovered)
	add(c.has(qualForLegal) && c.has(qualForESig), WarnLegalPersonSignature)
	add(old && statusEra(c.period.Status) == eraPost, WarnStatusBeforeEIDAS)
	onlyNew := (c.about(aboutSeals) || c.about(aboutWeb)) && !c.about(aboutSignatures)
	add(old && (onlyNew || c.has(qualForESeal) || c.has(qualForWSA)), WarnUsageBeforeEIDAS)
	return out
}
