package eidastest

import (
	"fmt"
	"strings"

	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/seed-b953571c/eidas"
)

// The OIDs of qualified certificates. They are written out here and not taken
// from package eidas, so that a mistake in one is found by the other.
const (
	oidStatements    = "1.3.6.1.5.5.7.1.3" // the extension (RFC 3739)
	oidQcCompliance  = "0.4.0.1862.1.1"    // EN 319 412-5, 4.2.1
	oidQcSSCD        = "0.4.0.1862.1.4"    // 4.2.2
	oidQcPDS         = "0.4.0.1862.1.5"    // 4.3.4
	oidQcType        = "0.4.0.1862.1.6"    // 4.2.3
	oidQcLegislation = "0.4.0.1862.1.7"    // 4.2.4
	oidSemantics     = "1.3.6.1.5.5.7.11.2"
	oidSemLegal      = "0.4.0.194121.1.2" // EN 319 412-1, 5.1.4
	oidPSD2          = "0.4.0.19495.2"    // TS 119 495, Annex A

	// TypeESign, TypeESeal and TypeWeb are the values of QcType.
	TypeESign = "0.4.0.1862.1.6.1"
	TypeESeal = "0.4.0.1862.1.6.2"
	TypeWeb   = "0.4.0.1862.1.6.3"

	// PolicyQEVCPw, PolicyQCPl and PolicyQCPwPSD2 are certificate policies of
	// EN 319 411-2 and TS 119 495.
	PolicyQEVCPw   = "0.4.0.194112.1.4"
	PolicyQCPl     = "0.4.0.194112.1.1"
	PolicyQCPwPSD2 = "0.4.0.19495.3.1"

	// ClientAuth, ServerAuth, OCSPSigning and TLSBinding are extended key usages;
	// the last one marks a 2-QWAC (TS 119 411-5).
	ClientAuth  = "1.3.6.1.5.5.7.3.2"
	ServerAuth  = "1.3.6.1.5.5.7.3.1"
	OCSPSigning = "1.3.6.1.5.5.7.3.9"
	TLSBinding  = "0.4.0.194115.1.0"
)

// role pairs a role of package eidas with what TS 119 495, 5.2.2 writes for it.
type role struct {
	bit       eidas.Roles
	oid, name string
}

var roleTable = [...]role{
	{eidas.RoleUnspecified, "0.4.0.19495.1.0", "Unspecified"},
	{eidas.RoleAS, "0.4.0.19495.1.1", "PSP_AS"},
	{eidas.RolePI, "0.4.0.19495.1.2", "PSP_PI"},
	{eidas.RoleAI, "0.4.0.19495.1.3", "PSP_AI"},
	{eidas.RoleIC, "0.4.0.19495.1.4", "PSP_IC"},
	{eidas.RoleCB, "0.4.0.19495.1.5", "PSP_CB"},
	{eidas.RolePA, "0.4.0.19495.1.6", "PSP_PA"},
	{eidas.RoleVOPRS, "0.4.0.19495.1.51", "VOP_RS"},
	{eidas.RoleVOPVS, "0.4.0.19495.1.52", "VOP_VS"},
}

// RolesOf returns the roles of a set as a certificate writes them.
func RolesOf(set eidas.Roles) []eidas.Role {
	var list []eidas.Role
	for _, r := range roleTable {
		if set&r.bit != 0 {
			list = append(list, eidas.Role{OID: r.oid, Name: r.name})
		}
	}
	return list
}

// PSD2 is a PSD2 statement to be written (TS 119 495 v1.8.1, Annex A). The
// string types and Shape exist to write it wrongly.
type PSD2 struct {
	Roles       []eidas.Role
	NCAName     string
	NCAId       string
	RoleType    StringType // of every role name
	NCANameType StringType
	NCAIdType   StringType
	Shape       Shape
}

// Shape is the ASN.1 shape of a PSD2 statement. The zero value is the right one.
type Shape uint8

// The shapes seen in the wild.
const (
	ShapeStandard Shape = iota
	// ShapeFlattened puts all roles into one RoleOfPSP: OID, name, OID, name. A
	// single role looks right that way.
	ShapeFlattened
	// ShapeDirect puts the roles straight into PSD2QcType.
	ShapeDirect
	// ShapeNoNCAName leaves nCAName out.
	ShapeNoNCAName
	// ShapeNoRoleName leaves every roleOfPspName out.
	ShapeNoRoleName
	// ShapeRoleText writes every role OID as a UTF8String.
	ShapeRoleText
	// ShapeTrailing adds an element after nCAId.
	ShapeTrailing
)

// addContent writes what is inside the SEQUENCE of PSD2QcType.
func (p *PSD2) addContent(b *cryptobyte.Builder) {
	p.addRoles(b)
	if p.Shape != ShapeNoNCAName {
		addString(b, orUTF8(p.NCANameType), p.NCAName)
	}
	addString(b, orUTF8(p.NCAIdType), p.NCAId)
	if p.Shape == ShapeTrailing {
		addString(b, UTF8String, "trailing")
	}
}

// Statement returns the statement for use in Statements.Before and After, where
// a second one can stand.
func (p *PSD2) Statement() (eidas.Statement, error) {
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, p.addContent)
	info, err := b.Bytes()
	if err != nil {
		return eidas.Statement{}, fmt.Errorf("eidastest: PSD2 statement: %w", err)
	}
	return eidas.Statement{OID: oidPSD2, Info: info}, nil
}

func (p *PSD2) addRoles(b *cryptobyte.Builder) {
	each := func(b *cryptobyte.Builder) {
		for _, r := range p.Roles {
			p.addRole(b, r)
		}
	}
	if p.Shape == ShapeDirect {
		each(b)
		return
	}
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		if p.Shape == ShapeFlattened {
			b.AddASN1(cbasn1.SEQUENCE, each)
			return
		}
		for _, r := range p.Roles {
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) { p.addRole(b, r) })
		}
	})
}

func (p *PSD2) addRole(b *cryptobyte.Builder, r eidas.Role) {
	if p.Shape == ShapeRoleText {
		addString(b, UTF8String, r.OID)
	} else {
		addOID(b, r.OID)
	}
	if p.Shape != ShapeNoRoleName {
		addString(b, orUTF8(p.RoleType), r.Name)
	}
}

func orUTF8(t StringType) StringType {
	if t == 0 {
		return UTF8String
	}
	return t
}

// psd2For returns the PSD2 statement that agrees with an organizationIdentifier:
// the competent authority is the one it names. An identifier of another scheme
// gets the authority of Lithuania.
func psd2For(identifier string, roles eidas.Roles) *PSD2 {
	nca := "LT-BL"
	if rest, ok := strings.CutPrefix(identifier, "PSD"); ok {
		if parts := strings.SplitN(rest, "-", 3); len(parts) == 3 {
			nca = parts[0] + "-" + parts[1]
		}
	}
	p := &PSD2{Roles: RolesOf(roles), NCAId: nca, NCAName: "Competent Authority " + nca}
	if roles&(eidas.RoleCB|eidas.RolePA) != 0 {
		p.NCAId, p.NCAName = "NA", "NA" // TS 119 495, GEN-5.2.3-1A and -5
	}
	return p
}

// Statements is the qcStatements extension to be written (RFC 3739, EN 319
// 412-5). The zero value writes none. The statements come in the order of the
// fields.
type Statements struct {
	Before      []eidas.Statement // ahead of all others, as they are
	Compliance  bool              // QcCompliance
	SSCD        bool              // QcSSCD
	Types       []string          // QcType: one statement with these OIDs
	Legislation []string          // QcCClegislation: qualified there and not in the EU
	PDS         string            // QcPDS: one https URL, in English
	Semantics   bool              // the semantics identifier of a legal person
	PSD2        *PSD2
	After       []eidas.Statement // behind all others, as they are

	Critical  bool
	Unwrapped bool   // without the SEQUENCE around the statements
	Raw       []byte // the value of the extension; all other fields but Critical are not used
}

// list returns the statements in order.
func (s *Statements) list() ([]eidas.Statement, error) {
	list := append([]eidas.Statement(nil), s.Before...)
	var failed error
	add := func(oid string, content func(*cryptobyte.Builder)) {
		var b cryptobyte.Builder
		b.AddASN1(cbasn1.SEQUENCE, content)
		info, err := b.Bytes()
		if err != nil && failed == nil {
			failed = fmt.Errorf("eidastest: statement %s: %w", oid, err)
		}
		list = append(list, eidas.Statement{OID: oid, Info: info})
	}
	if s.Compliance {
		list = append(list, eidas.Statement{OID: oidQcCompliance})
	}
	if s.SSCD {
		list = append(list, eidas.Statement{OID: oidQcSSCD})
	}
	if s.Types != nil {
		add(oidQcType, func(b *cryptobyte.Builder) {
			for _, oid := range s.Types {
				addOID(b, oid)
			}
		})
	}
	if s.Legislation != nil {
		add(oidQcLegislation, func(b *cryptobyte.Builder) {
			for _, c := range s.Legislation {
				addString(b, PrintableString, c)
			}
		})
	}
	if s.PDS != "" {
		add(oidQcPDS, func(b *cryptobyte.Builder) {
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
				addString(b, IA5String, s.PDS)
				addString(b, PrintableString, "en")
			})
		})
	}
	if s.Semantics {
		add(oidSemantics, func(b *cryptobyte.Builder) { addOID(b, oidSemLegal) })
	}
	if s.PSD2 != nil {
		add(oidPSD2, s.PSD2.addContent)
	}
	return append(list, s.After...), failed
}

// marshal returns the value of the extension, nil for none.
func (s *Statements) marshal() ([]byte, error) {
	if s.Raw != nil {
		return s.Raw, nil
	}
	list, err := s.list()
	if err != nil || len(list) == 0 {
		return nil, err
	}
	var b cryptobyte.Builder
	each := func(b *cryptobyte.Builder) {
		for _, st := range list {
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
				addOID(b, st.OID)
				b.AddBytes(st.Info)
			})
		}
	}
	if s.Unwrapped {
		each(&b)
	} else {
		b.AddASN1(cbasn1.SEQUENCE, each)
	}
	der, err := b.Bytes()
	if err != nil {
		return nil, fmt.Errorf("eidastest: qcStatements: %w", err)
	}
	return der, nil
}
