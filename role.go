package eidas

import (
	"math/bits"
	"strings"
)

// Roles is a set of PSD2 roles (ETSI TS 119 495 v1.8.1, 5.1 and 5.2.2). The
// zero value is the empty set. Roles that are not in the standard are kept in
// PSD2.Roles and are never in a set.
type Roles uint16

// The roles of TS 119 495.
const (
	RoleUnspecified Roles = 1 << iota // 0.4.0.19495.1.0
	RoleAS                            // 0.4.0.19495.1.1 PSP_AS, account servicing
	RolePI                            // 0.4.0.19495.1.2 PSP_PI, payment initiation
	RoleAI                            // 0.4.0.19495.1.3 PSP_AI, account information
	RoleIC                            // 0.4.0.19495.1.4 PSP_IC, issuing of card-based payment instruments
	RoleCB                            // 0.4.0.19495.1.5 PSP_CB, central bank
	RolePA                            // 0.4.0.19495.1.6 PSP_PA, public authority
	RoleVOPRS                         // 0.4.0.19495.1.51 VOP_RS, verification of payee, responding
	RoleVOPVS                         // 0.4.0.19495.1.52 VOP_VS, verification of payee, verifying
)

// roleTable holds the roles in the order of their bits.
var roleTable = [...]Role{
	{"0.4.0.19495.1.0", "Unspecified"},
	{"0.4.0.19495.1.1", "PSP_AS"},
	{"0.4.0.19495.1.2", "PSP_PI"},
	{"0.4.0.19495.1.3", "PSP_AI"},
	{"0.4.0.19495.1.4", "PSP_IC"},
	{"0.4.0.19495.1.5", "PSP_CB"},
	{"0.4.0.19495.1.6", "PSP_PA"},
	{"0.4.0.19495.1.51", "VOP_RS"},
	{"0.4.0.19495.1.52", "VOP_VS"},
}

// AllRoles returns the set of all roles of the standard.
func AllRoles() Roles { return 1<<len(roleTable) - 1 }

// RoleByOID returns the role of the standard with this dotted OID, the empty
// set if there is none.
func RoleByOID(oid string) Roles {
	if i := roleIndex(oid); i >= 0 {
		return 1 << i
	}
	return 0
}

// roleIndex returns the place of an OID in roleTable, -1 if it is not there.
func roleIndex(oid string) int {
	arc, found := strings.CutPrefix(oid, "0.4.0.19495.1.")
	switch {
	case !found:
	case arc == "51":
		return 7
	case arc == "52":
		return 8
	case len(arc) == 1 && arc[0] >= '0' && arc[0] <= '6':
		return int(arc[0] - '0')
	}
	return -1
}

// RoleByName returns the role of the standard with this name, such as
// "PSP_AI", the empty set if there is none. Names are case sensitive.
func RoleByName(name string) Roles {
	for i := range roleTable {
		if roleTable[i].Name == name {
			return 1 << i
		}
	}
	return 0
}

// Has reports whether every role of all is in the set. It is false for an
// empty all: a question that asks for nothing must not be answered with yes.
func (r Roles) Has(all Roles) bool { return all != 0 && r&all == all }

// Intersects reports whether the two sets have a role in common.
func (r Roles) Intersects(other Roles) bool { return r&other != 0 }

// List returns the roles of the set with OID and name, in the order of the standard.
func (r Roles) List() []Role {
	if r&AllRoles() == 0 {
		return nil
	}
	out := make([]Role, 0, bits.OnesCount16(uint16(r)))
	for i := range roleTable {
		if r&(1<<i) != 0 {
			out = append(out, roleTable[i])
		}
	}
	return out
}

// Names returns the names of the roles of the set, in the order of the standard.
func (r Roles) Names() []string {
	list := r.List()
	if list == nil {
		return nil
	}
	names := make([]string, len(list))
	for i := range list {
		names[i] = list[i].Name
	}
	return names
}

// String returns the names joined by "|", "" for the empty set.
func (r Roles) String() string { return strings.Join(r.Names(), "|") }

// MarshalText implements encoding.TextMarshaler with String.
func (r Roles) MarshalText() ([]byte, error) { return []byte(r.String()), nil }
