package eidas

import (
	"strconv"
	"strings"
	"unicode/utf8"

	"golang.org/x/crypto/cryptobyte/asn1"
)

// PSD2 is the PSD2 statement (ETSI TS 119 495 v1.8.1, Annex A). Only Known may
// grant anything; the other fields are what the certificate says, for display,
// and in a malformed statement what could be read of it.
type PSD2 struct {
	// Roles are the roles as the certificate writes them, in order, also those
	// that are unknown, repeated or misnamed.
	Roles []Role
	// Known are the roles of the standard whose OID and name agree with it.
	// It is empty when ParseClaims returned an error.
	Known      Roles
	named      Roles  // the roles named by OID, whatever their names
	NCAName    string // for people only, never a key
	NCANameTag int    // universal ASN.1 tag number, 0 when absent
	NCAId      string // such as "LT-BL"
	NCAIdTag   int    // universal ASN.1 tag number, 0 when absent
}

// Role is a RoleOfPSP as a certificate writes it.
type Role struct {
	// OID is in dotted form. Where the certificate has no OBJECT IDENTIFIER it
	// is "tagN:" with the tag number, and the text if there is one.
	OID  string
	Name string // "" when absent or not text
}

// maxNameRunes is the upper bound of SIZE (1..256) in Annex A, in characters.
const maxNameRunes = 256

// nameSize reports whether s meets SIZE (1..256).
func nameSize(s string) bool {
	return s != "" && (len(s) <= maxNameRunes || utf8.RuneCountInString(s) <= maxNameRunes)
}

// psd2 reads PSD2QcType ::= SEQUENCE { rolesOfPSP, nCAName, nCAId }.
func (r *claimsReader) psd2(info *element) {
	p := &r.room.psd2
	r.claims.PSD2 = p
	body, ok := whole(info.full)
	if !ok {
		r.fatal(FindingPSD2Syntax, dottedPSD2, info.kind())
		return
	}
	var parts [3]element
	count := 0
	for ; len(body) > 0; count++ {
		var e element
		if e, body, ok = next(body); !ok || count > maxRoles {
			r.fatal(FindingPSD2Syntax, dottedPSD2, "element "+strconv.Itoa(count+1))
			break
		}
		if count < len(parts) {
			parts[count] = e
		}
	}
	if count != len(parts) {
		r.fatal(FindingWrongCount, dottedPSD2, strconv.Itoa(count)+" elements")
	}
	r.roles(p, &parts[0])
	p.NCAName, p.NCANameTag = r.ncaText(&parts[1], FindingNCANameType, FindingNCANameSize)
	p.NCAId, p.NCAIdTag = r.ncaText(&parts[2], FindingNCAIDType, FindingNCAIDSize)
	r.ncaName(p)
	r.ncaID(p)
}

// ncaText reads NCAName or NCAId ::= UTF8String (SIZE (1..256)).
// PrintableString and IA5String are found in the wild; they say the same
// characters, so the value is used.
func (r *claimsReader) ncaText(e *element, typeCode, sizeCode FindingCode) (string, int) {
	text, exact := r.directoryText(e)
	switch e.tag {
	case asn1.UTF8String, asn1.PrintableString, asn1.IA5String:
		if !exact {
			r.fatal(typeCode, dottedPSD2, "invalid "+e.kind())
		} else if e.tag != asn1.UTF8String {
			r.add(typeCode, SeverityWarning, dottedPSD2, e.kind())
		}
		if !nameSize(text) {
			r.fatal(sizeCode, dottedPSD2, strconv.Itoa(utf8.RuneCountInString(text))+" characters")
		}
	default:
		r.fatal(typeCode, dottedPSD2, e.kind())
	}
	return text, e.number()
}

// ncaName applies GEN-5.2.3-1 and -1A. NCAName is never a key, so nothing here
// is an error.
func (r *claimsReader) ncaName(p *PSD2) {
	if p.NCANameTag == 0 || p.NCAName == "" {
		return
	}
	if p.named.Intersects(RoleCB|RolePA) != (p.NCAName == "NA") {
		r.add(FindingNCANameNA, SeverityWarning, dottedPSD2, quote(p.NCAName))
	}
	if strings.IndexByte(" \t\r\n", p.NCAName[len(p.NCAName)-1]) >= 0 {
		r.add(FindingNCANameTrailing, SeverityWarning, dottedPSD2, "")
	}
	if utf8.RuneCountInString(p.NCAName) != len(p.NCAName) {
		r.add(FindingNCANameNonASCII, SeverityInfo, dottedPSD2, "")
	}
}

// ncaID judges NCAId for display. A malformed one leaves the statement readable
// but takes the identity away: see ncaIDRule and [Claims.Identity].
func (r *claimsReader) ncaID(p *PSD2) {
	switch p.NCAIdTag {
	case int(asn1.UTF8String), int(asn1.PrintableString), int(asn1.IA5String):
	default:
		return // ncaText has refused it
	}
	code := p.ncaIDRule()
	if code != "" {
		r.add(code, SeverityError, dottedPSD2, quote(p.NCAId))
	}
	if code == FindingNCAIDSyntax || p.NCAId == "NA" {
		return
	}
	country, authority := p.NCAId[:2], p.NCAId[3:]
	switch listed := ebaAuthority(country); listed {
	case authority:
	case "":
		r.add(FindingNCAIDElsewhere, SeverityInfo, dottedPSD2, country)
	default:
		r.add(FindingNCAIDNotListed, SeverityWarning, dottedPSD2, p.NCAId+" instead of "+country+"-"+listed)
	}
}

// ncaIDRule returns the rule that NCAId breaks, "" if it breaks none
// (GEN-5.2.3-2 and -5).
func (p *PSD2) ncaIDRule() FindingCode {
	na := p.named.Intersects(RoleCB | RolePA)
	switch {
	case na && p.NCAId == "NA":
		return ""
	case !isNCAId(p.NCAId):
		return FindingNCAIDSyntax
	case !isCountry(p.NCAId[:2]):
		return FindingNCAIDCountry
	case na:
		return FindingNCAIDNA
	}
	return ""
}

// isNCAId reports whether s is two letters, a hyphen and 2 to 8 letters.
func isNCAId(s string) bool {
	if len(s) < 5 || len(s) > 11 || s[2] != '-' {
		return false
	}
	for i := range len(s) {
		if i != 2 && !isUpper(s[i]) {
			return false
		}
	}
	return true
}

// roles reads RolesOfPSP ::= SEQUENCE OF RoleOfPSP.
func (r *claimsReader) roles(p *PSD2, e *element) {
	if e.tag == asn1.SEQUENCE {
		r.listRoles(p, e.body())
	} else {
		r.fatal(FindingRolesType, dottedPSD2, e.kind())
	}
	if len(p.Roles) == 0 {
		r.fatal(FindingNoRoles, dottedPSD2, "")
	}
	r.judgeRoles(p)
}

func (r *claimsReader) listRoles(p *PSD2, list []byte) {
	p.Roles = r.room.roles[:0]
	for n := 0; len(list) > 0; n++ {
		var role element
		var ok bool
		if role, list, ok = next(list); !ok {
			r.fatal(FindingPSD2Syntax, dottedPSD2, "role "+strconv.Itoa(n+1))
			return
		}
		if n == maxRoles {
			r.fatal(FindingTooMany, dottedPSD2, "more than "+strconv.Itoa(maxRoles)+" roles")
			return
		}
		if role.tag != asn1.SEQUENCE {
			r.fatal(FindingRoleNotSeq, dottedPSD2, "role "+strconv.Itoa(n+1)+" is "+role.kind())
			continue
		}
		r.role(p, role.body())
	}
}

// role reads RoleOfPSP ::= SEQUENCE { roleOfPspOid, roleOfPspName }. Several
// pairs in one RoleOfPSP are a known mistake; taking the first alone would give
// a silently wrong answer, so they are all read or the statement is refused.
func (r *claimsReader) role(p *PSD2, body []byte) {
	count := 0
	for first := true; first || len(body) > 0; first = false {
		var pair [2]element // stays missing beyond the end of body
		for i := 0; i < len(pair) && len(body) > 0; i++ {
			var ok bool
			if pair[i], body, ok = next(body); !ok {
				r.fatal(FindingPSD2Syntax, dottedPSD2, "role")
				return
			}
			count++
		}
		if len(p.Roles) == maxRoles {
			r.fatal(FindingTooMany, dottedPSD2, "more than "+strconv.Itoa(maxRoles)+" roles")
			return
		}
		r.pair(p, &pair[0], &pair[1])
	}
	if count > 2 {
		r.shape(FindingFlatRoles, dottedPSD2, strconv.Itoa(count)+" elements")
	}
}

// pair keeps one OID and name. What has not its type is a finding of its own, so
// flattened roles that are no pairs are refused under leniency too.
func (r *claimsReader) pair(p *PSD2, oid, name *element) {
	role := Role{}
	if _, name, _, isOID := nextOID(oid.full); isOID {
		role.OID = name
	} else {
		r.fatal(FindingRoleOIDType, dottedPSD2, oid.kind())
		text, _ := r.directoryText(oid)
		role.OID = "tag" + strconv.Itoa(oid.number()) + ":" + text
	}
	text, exact := r.roleName(role.OID, name)
	role.Name = text
	switch {
	case !exact || name.tag != asn1.UTF8String && name.tag != asn1.PrintableString && name.tag != asn1.IA5String:
		r.fatal(FindingRoleNameType, dottedPSD2, name.kind())
	case !nameSize(text):
		r.fatal(FindingRoleNameSize, dottedPSD2, strconv.Itoa(utf8.RuneCountInString(text))+" characters")
	case name.tag != asn1.UTF8String:
		r.add(FindingRoleNameType, SeverityWarning, dottedPSD2, name.kind())
	}
	p.Roles = append(p.Roles, role)
}

// roleName returns the text of a role name, without a copy where it is the one
// of the standard.
func (r *claimsReader) roleName(oid string, name *element) (string, bool) {
	if name.tag == asn1.UTF8String {
		if i := roleIndex(oid); i >= 0 && roleTable[i].Name == string(name.body()) {
			return roleTable[i].Name, true
		}
	}
	return r.directoryText(name)
}

// judgeRoles compares the roles with the standard. Neither the OID nor the name
// wins where they disagree (REG-5.2.2-5): the role is dropped, and in strict
// mode the statement with it.
func (r *claimsReader) judgeRoles(p *PSD2) {
	for i := range p.Roles {
		role := &p.Roles[i]
		if repeated(p.Roles[:i], role.OID) {
			r.add(FindingDuplicateRole, SeverityWarning, dottedPSD2, quote(role.OID))
		}
		switch k := roleIndex(role.OID); {
		case k >= 0:
			p.named |= 1 << k
			if role.Name == roleTable[k].Name {
				p.Known |= 1 << k
			} else {
				r.shape(FindingRoleNameMismatch, dottedPSD2, role.OID+" is named "+quote(role.Name))
			}
		case !strings.HasPrefix(role.OID, "tag"):
			// GEN-5.2.2-4: a role registered nationally. It grants nothing.
			r.add(FindingUnknownRole, SeverityInfo, dottedPSD2, role.OID)
		}
	}
	if p.Known.Has(RoleUnspecified) && p.Known != RoleUnspecified {
		r.add(FindingUnspecifiedRole, SeverityWarning, dottedPSD2, "")
	}
}

func repeated(roles []Role, oid string) bool {
	for i := range roles {
		if roles[i].OID == oid {
			return true
		}
	}
	return false
}
