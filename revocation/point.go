package revocation

import (
	"slices"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// maxPoints bounds the distribution points of a certificate; real ones have
// one to four.
const maxPoints = 16

// reasonMask is a ReasonFlags: bit n stands for named bit n (RFC 5280,
// 4.2.1.13), of which 1 (keyCompromise) to 8 (aACompromise) are in use.
type reasonMask uint16

const allReasons reasonMask = 0x1fe

// readReasons reads the content of a ReasonFlags.
func readReasons(content cryptobyte.String, out *reasonMask) bool {
	if len(content) < 1 || len(content) > 3 || content[0] > 7 || len(content) == 1 && content[0] != 0 {
		return false
	}
	unused, bits := content[0], content[1:]
	*out = 0
	if len(bits) == 0 {
		return true
	}
	// DER: no trailing zeros in a list of named bits, so the last bit is set,
	// and what is not in use is zero.
	if last := bits[len(bits)-1]; (last>>unused)&1 == 0 || last&(1<<unused-1) != 0 {
		return false
	}
	for i := range 8 * len(bits) {
		if bits[i/8]&(0x80>>(i%8)) != 0 {
			*out |= 1 << i
		}
	}
	*out &= allReasons
	return true
}

// pointName is a DistributionPointName: nothing, full names, or a name
// relative to that of the CRL issuer.
type pointName struct {
	full     []generalName
	relative []byte // content of the RelativeDistinguishedName, nil when full
}

func (p pointName) absent() bool { return p.full == nil && p.relative == nil }

// readPointName reads the content of the [0] in which the name is.
func readPointName(in cryptobyte.String, out *pointName) bool {
	var content cryptobyte.String
	var tag asn1.Tag
	if !in.ReadAnyASN1(&content, &tag) || !in.Empty() {
		return false
	}
	switch tag {
	case tag0:
		var ok bool
		out.full, ok = readGeneralNames(content)
		return ok
	case tag1:
		out.relative = content
		return len(content) > 0
	}
	return false
}

// names gives the full names; base is the Name that a relative one starts from.
func (p pointName) names(base []byte) []generalName {
	if p.relative == nil {
		return p.full
	}
	in := cryptobyte.String(base)
	var rdns cryptobyte.String
	if !in.ReadASN1(&rdns, asn1.SEQUENCE) {
		return nil
	}
	var b cryptobyte.Builder
	b.AddASN1(asn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddBytes(rdns)
		addElement(b, asn1.SET, p.relative)
	})
	name, err := b.Bytes()
	if err != nil {
		return nil
	}
	return []generalName{{tagDirectoryName, name}}
}

// distributionPoint is a DistributionPoint of a certificate (RFC 5280, 4.2.1.13).
type distributionPoint struct {
	name    pointName
	reasons reasonMask
	issuers []generalName // cRLIssuer, nil when absent
}

// parsePoints reads a CRLDistributionPoints (rule C1). crypto/x509 keeps only
// the URLs, which loses what is partitioned and by whom.
func parsePoints(value []byte) ([]distributionPoint, bool) {
	in := cryptobyte.String(value)
	var seq cryptobyte.String
	if !in.ReadASN1(&seq, asn1.SEQUENCE) || !in.Empty() || seq.Empty() {
		return nil, false
	}
	var list []distributionPoint
	for !seq.Empty() {
		p := distributionPoint{reasons: allReasons}
		if len(list) == maxPoints || !readPoint(&seq, &p) {
			return nil, false
		}
		list = append(list, p)
	}
	return list, true
}

func readPoint(in *cryptobyte.String, p *distributionPoint) bool {
	var seq, name, reasons, issuers cryptobyte.String
	var hasName, hasReasons, hasIssuers bool
	if !in.ReadASN1(&seq, asn1.SEQUENCE) ||
		!seq.ReadOptionalASN1(&name, &hasName, tag0) ||
		!seq.ReadOptionalASN1(&reasons, &hasReasons, asn1.Tag(1).ContextSpecific()) ||
		!seq.ReadOptionalASN1(&issuers, &hasIssuers, tag2) || !seq.Empty() {
		return false
	}
	// A point of reasons alone names nothing (RFC 5280, 4.2.1.13).
	if !hasName && !hasIssuers || hasName && !readPointName(name, &p.name) || hasReasons && !readReasons(reasons, &p.reasons) {
		return false
	}
	if hasIssuers {
		var ok bool
		p.issuers, ok = readGeneralNames(issuers)
		return ok
	}
	return true
}

// urls are the addresses of a point that can be fetched: its alternatives.
func (p distributionPoint) urls() []string {
	var list []string
	for _, n := range p.name.full {
		if n.tag == tagURI && !slices.Contains(list, string(n.value)) {
			list = append(list, string(n.value))
		}
	}
	return list
}

// issuingPoint is the IssuingDistributionPoint of a CRL (RFC 5280, 5.2.5).
type issuingPoint struct {
	name      pointName
	onlyUsers bool
	onlyCAs   bool
	reasons   reasonMask // onlySomeReasons, all when absent
	indirect  bool
}

// parseIssuingPoint reads an IssuingDistributionPoint (rule C3). One that says
// nothing, or more than one "only", is malformed; one for attribute
// certificates is about no certificate here.
func parseIssuingPoint(value []byte) (*issuingPoint, error) {
	in := cryptobyte.String(value)
	var seq, name, reasons cryptobyte.String
	var hasName, hasReasons bool
	var attributes bool
	p := &issuingPoint{reasons: allReasons}
	if !in.ReadASN1(&seq, asn1.SEQUENCE) || !in.Empty() || seq.Empty() ||
		!seq.ReadOptionalASN1(&name, &hasName, tag0) ||
		!readFlag(&seq, 1, &p.onlyUsers) || !readFlag(&seq, 2, &p.onlyCAs) ||
		!seq.ReadOptionalASN1(&reasons, &hasReasons, asn1.Tag(3).ContextSpecific()) ||
		!readFlag(&seq, 4, &p.indirect) || !readFlag(&seq, 5, &attributes) || !seq.Empty() {
		return nil, invalid(RuleC3, "issuing distribution point is malformed")
	}
	if hasName && !readPointName(name, &p.name) || hasReasons && !readReasons(reasons, &p.reasons) {
		return nil, invalid(RuleC3, "issuing distribution point is malformed")
	}
	if p.onlyUsers && p.onlyCAs {
		return nil, invalid(RuleC3, "issuing distribution point is for two kinds of certificates only")
	}
	if attributes {
		return nil, invalid(RuleC3, "CRL is for attribute certificates")
	}
	return p, nil
}

// readFlag reads [n] IMPLICIT BOOLEAN DEFAULT FALSE.
func readFlag(in *cryptobyte.String, n uint8, out *bool) bool {
	var content cryptobyte.String
	var present bool
	if !in.ReadOptionalASN1(&content, &present, asn1.Tag(n).ContextSpecific()) {
		return false
	}
	if !present {
		return true
	}
	if len(content) != 1 || content[0] != 0 && content[0] != 0xff {
		return false
	}
	*out = content[0] != 0
	return true
}
