package eidas_test

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
)

// attempt is one certificate that wants to be let in as tppID.
type attempt struct {
	name string
	run  run
	want eidas.Reason // 0: let in
}

// named makes a lawful QWAC with another name or identifier.
func named(organization, identifier string) func(*x509.Certificate) {
	return both(qwac, func(c *x509.Certificate) {
		c.Subject.Organization = []string{organization}
		c.Subject.ExtraNames = []pkix.AttributeTypeAndValue{{Type: asn1.ObjectIdentifier{2, 5, 4, 97}, Value: identifier}}
	})
}

// TestCaseGroups holds the case groups of the identity rule that need a path, a
// list or a time, each with what must be let in beside what must not. The bank
// knows tppID alone. The other groups are in TestImpersonation (03 to 18, 29, 33,
// 35), TestRolesGrantNothingByHalf (19), TestOpenBankingUK (28) and
// TestHostileEncodings (31).
func TestCaseGroups(t *testing.T) {
	const before = "PSDLT-BL-OLD1"
	status := func(s string) func(*eidas.Service) {
		return func(service *eidas.Service) { service.Periods[0].Status = statusBase + s }
	}
	info := func(uri string) func(*eidas.Service) {
		return func(service *eidas.Service) { service.Periods[0].AdditionalInfo = []string{infoBase + uri} }
	}
	from := func(territory string) func(*eidas.Service) {
		return func(s *eidas.Service) { s.List.Territory = territory }
	}
	roles := func(list ...eidas.Role) func(*x509.Certificate) {
		return both(qwac, func(c *x509.Certificate) { setStatements(c, qcStatements(3, "LT-BL", list...)) })
	}
	may := func(r eidas.Roles) func(*eidas.Policy) {
		return func(p *eidas.Policy) { p.Authorizer = eidas.RequireRoles(r) }
	}
	valid := func(from, until time.Time) func(*x509.Certificate) {
		return both(qwac, func(c *x509.Certificate) { c.NotBefore, c.NotAfter = from, until })
	}
	alias := func(a eidas.Alias) func(*eidas.Policy) {
		return func(p *eidas.Policy) {
			p.Aliases = []eidas.Alias{a}
			p.Authorizer = eidas.AllowIdentities(id(t, before))
		}
	}
	britain := func(p *eidas.Policy) { p.Authorizer = eidas.AllowIdentities(id(t, "PSDGB-FCA-827001")) }
	statements := func(critical bool, value []byte) func(*x509.Certificate) {
		return both(qwac, func(c *x509.Certificate) {
			setStatements(c, value)
			c.ExtraExtensions[0].Critical = critical
		})
	}
	lawful := sequence(others(), psd2("LT-BL", piRole, aiRole))
	anchoredIn := func(name string) func(*eidas.Service) {
		return func(s *eidas.Service) { s.Anchors = listed(t, newCA(t, name, nil)).Anchors }
	}
	sandbox := func(s *eidas.Service) { s.List.Profile = eidas.ProfileTest }
	groups := map[string][]attempt{
		"01 same identifier, another QTSP": {
			{"in another country", run{service: from("NO")}, 0},
			{"that QTSP's other client", run{service: from("NO"), leaf: named("Example TPP", "PSDLT-BL-EVIL")}, eidas.ReasonIdentityDenied},
		},
		"02 same identifier, an issuer without standing": {
			{"withdrawn", run{service: status("withdrawn")}, eidas.ReasonServiceNotGranted},
			{"for signatures only", run{service: info(forSig)}, eidas.ReasonNotQualified},
			{"for time stamps", run{service: func(s *eidas.Service) { s.Periods[0].Type = "http://uri.etsi.org/TrstSvc/Svctype/TSA/QTST" }}, eidas.ReasonNotQualified},
			{"on no list", run{service: anchoredIn("Another")}, eidas.ReasonIssuerUnknown},
			{"with the name of one that is listed", run{service: anchoredIn("Issuing")}, eidas.ReasonIssuerUnknown},
			{"granted for websites", run{service: info(forWeb)}, 0},
		},
		"20 certificate of another use": {
			{"QSealC in TLS", run{leaf: both(qseal, func(c *x509.Certificate) {
				c.KeyUsage, c.ExtKeyUsage = x509.KeyUsageDigitalSignature, []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}
			})}, eidas.ReasonWrongType},
			{"QWAC as a seal", run{use: eidas.UseSeal}, eidas.ReasonWrongType},
			{"2-QWAC in TLS", run{leaf: both(qwac, func(c *x509.Certificate) {
				c.ExtKeyUsage, c.UnknownExtKeyUsage = nil, []asn1.ObjectIdentifier{{0, 4, 0, 194115, 1, 0}}
			})}, eidas.ReasonTLSBinding},
			{"all three types in TLS", run{leaf: statements(false, sequence(compliance(), qcType(typeWeb, typeSeal, typeSign), psd2("LT-BL", aiRole)))}, eidas.ReasonWrongType},
			{"QWAC in TLS", run{}, 0},
			{"QSealC as a seal", run{use: eidas.UseSeal, leaf: qseal}, 0},
		},
		"21 same names, another identifier": {
			{"another", run{leaf: named("Example TPP", "PSDLT-BL-LB000459")}, eidas.ReasonIdentityDenied},
			{"the same", run{leaf: named("Example TPP", tppID)}, 0},
		},
		"22 renamed": {
			{"same identifier", run{leaf: named("Renamed TPP after a merger", tppID)}, 0},
			{"and another identifier", run{leaf: named("Renamed TPP after a merger", "PSDLT-BL-1")}, eidas.ReasonIdentityDenied},
		},
		"23 renumbered by its authority": {
			{"without an alias", run{policy: func(p *eidas.Policy) { p.Authorizer = eidas.AllowIdentities(id(t, before)) }}, eidas.ReasonIdentityDenied},
			{"with an alias", run{policy: alias(eidas.Alias{From: id(t, tppID), To: id(t, before), Since: now})}, 0},
			{"with an alias that has ended", run{policy: alias(eidas.Alias{From: id(t, tppID), To: id(t, before), Since: now.Add(-2), Until: now})}, eidas.ReasonIdentityDenied},
			// A chain of aliases is no policy: TestAliasThatCouldMeanTwoThingsIsAMistake.
		},
		"24 from GB to LT": {
			{"without an alias", run{policy: britain}, eidas.ReasonIdentityDenied},
			{"with an alias", run{policy: func(p *eidas.Policy) {
				britain(p)
				p.Aliases = []eidas.Alias{{From: id(t, tppID), To: id(t, "PSDGB-FCA-827001"), Since: now}}
			}}, 0},
		},
		"25 one organisation, two numbers": {
			{"the number that is known", run{leaf: named("Example TPP", tppID)}, 0},
			{"the other one", run{leaf: named("Example TPP", tppID+"-2")}, eidas.ReasonIdentityDenied},
		},
		"26 fewer roles than before": {
			{"payment by the new certificate", run{leaf: roles(roleAI), policy: may(eidas.RolePI)}, eidas.ReasonRoleMissing},
			{"account information by the new certificate", run{leaf: roles(roleAI), policy: may(eidas.RoleAI)}, 0},
			{"payment by the old certificate", run{leaf: roles(rolePI, roleAI), policy: may(eidas.RolePI)}, 0},
		},
		"27 sandbox with a real identifier": {
			{"in production", run{service: sandbox}, eidas.ReasonProfile},
			{"in the sandbox, as somebody of production", run{service: sandbox, policy: func(p *eidas.Policy) {
				p.Profile, p.Authorizer = eidas.ProfileTest, eidas.AllowIdentities(id(t, tppID))
			}}, eidas.ReasonIdentityDenied},
			{"in the sandbox", run{service: sandbox, policy: func(p *eidas.Policy) {
				p.Profile, p.Authorizer = eidas.ProfileTest, eidas.AllowIdentities(id(t, "test/"+tppID))
			}}, 0},
		},
		"29 identifier of another scheme": {
			{"not registered", run{leaf: named("Example TPP", "VATLT-100011223344"), policy: func(p *eidas.Policy) { p.Authorizer = eidas.AllowAnyone() }}, eidas.ReasonIdentityUnregistered},
			{"registered", run{leaf: named("Example TPP", "VATLT-100011223344"), policy: func(p *eidas.Policy) {
				p.Registered, p.Authorizer = []eidas.Identity{id(t, "VATLT-100011223344")}, eidas.AllowAnyone()
			}}, 0},
		},
		"30 old and new certificate overlap": {
			{"old one on its last day", run{leaf: valid(now.AddDate(-1, 0, 0), now)}, 0},
			{"new one on its first day", run{leaf: valid(now, now.AddDate(1, 0, 0))}, 0},
			{"old one a second later", run{leaf: valid(now.AddDate(-1, 0, 0), now.Add(-time.Second))}, eidas.ReasonExpired},
			{"new one a second early", run{leaf: valid(now.Add(time.Second), now.AddDate(1, 0, 0))}, eidas.ReasonNotYetValid},
		},
		"32 statements that are critical": {
			{"good", run{leaf: statements(true, lawful)}, 0},
			{"garbled", run{leaf: statements(true, lawful[:len(lawful)-1])}, eidas.ReasonStatementsMalformed},
		},
		"34 qualified under another law": {
			{"of Switzerland", run{leaf: statements(false, sequence(with(legislation("CH")), psd2("LT-BL", piRole)))}, eidas.ReasonNotQualified},
			{"of the Union", run{leaf: statements(false, lawful)}, 0},
		},
	}
	for group, rows := range groups {
		t.Run(group, func(t *testing.T) {
			accepted := 0
			for _, row := range rows {
				t.Run(row.name, func(t *testing.T) {
					if row.run.policy == nil {
						row.run.policy = func(p *eidas.Policy) { p.Authorizer = eidas.AllowIdentities(id(t, tppID)) }
					}
					res, err := row.run.validate(t)
					require.Equal(t, row.want, eidas.ReasonOf(err), "%v", err)
					assert.Equal(t, row.want == 0, res != nil)
				})
				if row.want == 0 {
					accepted++
				}
			}
			assert.NotZero(t, accepted, "a group needs a case that is let in")
			assert.Less(t, accepted, len(rows), "a group needs a case that is refused")
		})
	}
}
