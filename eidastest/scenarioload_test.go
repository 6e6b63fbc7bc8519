package eidastest_test

import (
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/eidastest"
)

// rotating is a TPP with its certificate of before and the next one.
type rotating struct {
	id        string
	old, next *eidastest.Leaf
	territory string // of the next
}

// rotatingTPPs makes TPPs that rotate in every way: with a new key, to a new QTSP, to
// a new country, under a new legal name, to another type of key.
func rotatingTPPs(tb testing.TB, w *eidastest.Test, n int) []*rotating {
	tb.Helper()
	second, err := w.AddQTSP(eidastest.QTSPOptions{Territory: "LT", Name: "Second QTSP"})
	require.NoError(tb, err)
	keys := rsaKeys(tb, (n+4)/5)
	all := make([]*rotating, n)
	for i := range all {
		r := &rotating{id: fmt.Sprintf("PSDLT-BL-LB%06d", i), territory: "LT"}
		r.old = w.QWAC("LT", r.id, eidas.RoleAI)
		next, issuer := eidastest.QWAC(r.id, eidas.RoleAI), w.QTSP("LT")
		switch i % 5 {
		case 1:
			issuer = second
		case 2:
			issuer, r.territory = w.QTSP("DE"), "DE"
		case 3:
			next.SetAttribute(eidastest.Attribute{OID: eidastest.OIDOrganization, Value: "Renamed TPP"})
		case 4:
			next.Key = keys[i/5]
		}
		r.next, err = issuer.Issue(next)
		require.NoError(tb, err)
		all[i] = r
	}
	return all
}

func rsaKeys(tb testing.TB, n int) []crypto.Signer {
	tb.Helper()
	keys := make([]crypto.Signer, n)
	var makers sync.WaitGroup
	for i := range keys {
		makers.Go(func() {
			key, err := eidastest.NewKey(eidastest.RSA2048)
			assert.NoError(tb, err)
			keys[i] = key
		})
	}
	makers.Wait()
	return keys
}

// run makes requests before, while and after the TPP changes its certificate,
// and returns how many were not answered as they should.
func (r *rotating) run(tb testing.TB, b *bank, seed, requests int) (failed int) {
	tb.Helper()
	protocol, v := [2]string{"h1", "h2"}[seed%2], [2]uint16{tls.VersionTLS12, tls.VersionTLS13}[seed/2%2]
	var current atomic.Pointer[tls.Certificate]
	present := func(l *eidastest.Leaf) { c := l.TLS(); current.Store(&c) }
	config := b.clientConfig(v, nil)
	config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return current.Load(), nil }
	present(r.old)
	swaps := keepAlive(tb, protocol, config)                    // one client that changes its certificate
	fresh := keepAlive(tb, protocol, b.clientConfig(v, r.next)) // a new deployment beside it
	anew := eidastest.HTTPClient(b.clientConfig(v, r.next))     // a handshake for each request
	defer func() { swaps.CloseIdleConnections(); fresh.CloseIdleConnections() }()
	ask := func(c *http.Client) {
		a, err := call(c, b.url)
		if err != nil || a.status != http.StatusOK || !strings.HasPrefix(a.body, r.id+" ") {
			failed++
		}
	}
	for i := range requests {
		switch {
		case i == requests/2:
			present(r.next)
			swaps.CloseIdleConnections() // it dials again, and offers its old session
			ask(swaps)
		case i > requests/4 && i%25 == 0:
			ask(anew)
		case i > requests/4 && i%2 == 0:
			ask(fresh)
		default:
			ask(swaps)
		}
	}
	return failed
}

// Scenario R17, and acceptance 4 of the step: TPPs rotate under load while
// impostors try beside them.
func TestScenarioR17_RotationUnderLoad(t *testing.T) {
	tpps, perTPP := full(25, 1000), 100
	w := eidastest.Start(t, eidastest.Options{Territories: []string{"LT", "DE", "FR"}})
	all := rotatingTPPs(t, w, tpps)
	ids := make([]eidas.Identity, len(all))
	for i, r := range all {
		ids[i] = parseID(t, r.id)
	}
	attackers := impostors(t, w, all[0])
	b := startBank(t, w, bankOptions{status: caching(t, nil), policy: eidas.DefaultPolicy(
		eidas.All(eidas.RequireRoles(eidas.RoleAI), eidas.AllowIdentities(ids...)))})

	var stop atomic.Bool
	var accepted, tried, failed, answered atomic.Int64
	var hostile, lawful sync.WaitGroup
	for _, v := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
		hostile.Go(func() { // each variant once at least, and then again until the others are done
			for first := true; first || !stop.Load(); first = false {
				for name, l := range attackers {
					tried.Add(1)
					if a, err := call(b.client(v, l), b.url); err == nil && a.status == http.StatusOK {
						accepted.Add(1)
						t.Errorf("impostor %q was let in as %q", name, a.body)
					}
				}
			}
		})
	}
	const workers = 16
	for worker := range workers {
		lawful.Go(func() {
			for i := worker; i < len(all); i += workers {
				failed.Add(int64(all[i].run(t, b, i/workers+worker, perTPP)))
				answered.Add(int64(perTPP))
			}
		})
	}
	lawful.Wait()
	stop.Store(true)
	hostile.Wait()
	t.Logf("%d TPPs rotated, %d requests, %d failed; %d impostor variants, %d attempts, %d accepted",
		tpps, answered.Load(), failed.Load(), len(attackers), tried.Load(), accepted.Load())
	assert.Zero(t, failed.Load())
	assert.Zero(t, accepted.Load())
	for kind, want := range map[string]int{
		"first_seen": 2 * tpps, "overlapping": tpps, "issuer_changed": 2 * tpps / 5, "name_changed": tpps / 5,
		"key_type_changed": tpps / 5, "key_reused": 0, "identity_changed": 0, "serial_duplicate": 0, "superseded": 0,
	} {
		assert.Equal(t, want, b.metric(t, "eidas_qwac_rotation_events_total", kind), kind)
	}
}

// impostors are who is not the victim and would be it: the groups of qwac D4,
// as far as a client can show them in a handshake.
func impostors(tb testing.TB, w *eidastest.Test, victim *rotating) map[string]*eidastest.Leaf {
	tb.Helper()
	out := map[string]*eidastest.Leaf{}
	add := func(name string, l *eidastest.Leaf, err error) {
		require.NoError(tb, err, name)
		require.NotContains(tb, out, name)
		out[name] = l
	}
	for name, edit := range impostorRequests(tb, victim.id) {
		r := eidastest.QWAC(victim.id, eidas.RoleAI)
		edit(&r)
		der, key, err := w.QTSP("LT").IssueDER(r) // some are so broken that crypto/x509 does not read them
		require.NoError(tb, err, name)
		leaf := &x509.Certificate{Raw: der}
		if parsed, err := x509.ParseCertificate(der); err == nil {
			leaf = parsed
			w.QTSP("LT").Responder.Issued(parsed)
		}
		add(name, &eidastest.Leaf{Certificate: leaf, Key: key, Chain: []*x509.Certificate{leaf, w.QTSP("LT").Issuing.Certificate}}, nil)
	}
	thief, err := victim.old.Thief()
	add("thief", thief, err)
	leaf, err := w.Impostor("LT").IssueQWAC(victim.id, eidas.RoleAI)
	add("2 CA that prints a listed one's names", leaf, err)
	w.Check(w.QTSP("FR").Withdraw(w.Now().Add(-time.Hour)))
	leaf, err = w.QTSP("FR").IssueQWAC(victim.id, eidas.RoleAI)
	add("2 service withdrawn", leaf, err)
	signatures, err := w.AddQTSP(eidastest.QTSPOptions{Territory: "LT", Name: "For signatures", AdditionalInfo: []string{eidastest.ForSignatures}})
	require.NoError(tb, err)
	leaf, err = signatures.IssueQWAC(victim.id, eidas.RoleAI)
	add("2 service for signatures only", leaf, err)
	add("20 QSealC", w.QSealC("LT", victim.id, eidas.RoleAI), nil)
	leaf, err = w.QTSP("LT").IssueQWAC(victim.id, eidas.RoleAI)
	require.NoError(tb, err)
	w.QTSP("LT").Revoke(leaf, 1)
	add("revoked", leaf, nil)
	for _, profile := range []eidas.Profile{eidas.ProfileTest, eidas.ProfileEU} {
		sandbox, err := eidastest.NewWorld(eidastest.Options{Profile: profile})
		require.NoError(tb, err)
		tb.Cleanup(sandbox.Close)
		leaf, err = sandbox.QTSP("LT").IssueQWAC(victim.id, eidas.RoleAI)
		add("27 CA of another world, "+string(profile), leaf, err)
	}
	return out
}

// insteadOfID sets one attribute of the subject, in place of the identifier.
func insteadOfID(oid, value string) func(*eidastest.Request) {
	return func(r *eidastest.Request) {
		var rest []eidastest.Attribute
		for _, a := range r.Subject {
			if a.OID != eidastest.OIDOrganizationIdentifier {
				rest = append(rest, a)
			}
		}
		r.Subject = rest
		if oid != "" {
			r.SetAttribute(eidastest.Attribute{OID: oid, Value: value})
		}
	}
}

func identified(value string, kind eidastest.StringType) func(*eidastest.Request) {
	return func(r *eidastest.Request) {
		r.SetAttribute(eidastest.Attribute{OID: eidastest.OIDOrganizationIdentifier, Value: value, Type: kind})
	}
}

// alsoIdentified adds an identifier, before or behind the one that is there.
func alsoIdentified(value string, first bool) func(*eidastest.Request) {
	return func(r *eidastest.Request) {
		a := eidastest.Attribute{OID: eidastest.OIDOrganizationIdentifier, Value: value}
		if first {
			r.Subject = append([]eidastest.Attribute{a}, r.Subject...)
			return
		}
		r.Subject = append(append([]eidastest.Attribute(nil), r.Subject...), a)
	}
}

// impostorRequests are certificates of a listed QTSP that errs or was deceived.
func impostorRequests(tb testing.TB, id string) map[string]func(*eidastest.Request) {
	tb.Helper()
	const own = "PSDLT-BL-IMPOSTOR1"
	number := strings.TrimPrefix(id, "PSDLT-BL-")
	pi, err := (&eidastest.PSD2{Roles: eidastest.RolesOf(eidas.RolePI), NCAName: "BL", NCAId: "LT-BL"}).Statement()
	require.NoError(tb, err)
	statements := func(f func(*eidastest.Statements)) func(*eidastest.Request) {
		return func(r *eidastest.Request) { f(&r.Statements) }
	}
	psd2 := func(f func(*eidastest.PSD2)) func(*eidastest.Request) {
		return func(r *eidastest.Request) { f(r.Statements.PSD2) }
	}
	roles := func(list ...eidas.Role) func(*eidastest.Request) {
		return psd2(func(p *eidastest.PSD2) { p.Roles = list })
	}
	rows := map[string]func(*eidastest.Request){
		"3 id in OU":                     insteadOfID(eidastest.OIDOrganizationalUnit, id),
		"4 id in CN":                     insteadOfID(eidastest.OIDCommonName, id),
		"4 id in serialNumber":           insteadOfID(eidastest.OIDSerialNumber, id),
		"4 id in SAN":                    func(r *eidastest.Request) { insteadOfID("", "")(r); r.DNSNames = []string{id} },
		"5 two ids, victim last":         alsoIdentified(own, true),
		"5 two ids, victim first":        alsoIdentified(own, false),
		"6 the same id twice":            alsoIdentified(id, false),
		"8 lower case country":           identified("PSDlt-BL-"+number, 0),
		"8 lower case authority":         identified("PSDLT-bl-"+number, 0),
		"8 lower case number":            identified("PSDLT-BL-"+strings.ToLower(number), 0),
		"9 leading space":                identified(" "+id, 0),
		"9 trailing space":               identified(id+" ", 0),
		"9 no-break space":               identified(id+"\u00a0", 0),
		"9 NUL":                          identified(id+"\x00", 0),
		"9 line break":                   identified(id+"\r\n", 0),
		"9 tab":                          identified("PSDLT-BL-\t"+number, 0),
		"10 zero width":                  identified(id+"\u200b", 0),
		"10 bidi":                        identified("PSDLT-BL-\u202e"+number, 0),
		"10 fullwidth":                   identified("PSDLT-BL-\uff2c"+number[1:], 0),
		"10 Cyrillic":                    identified("PSDLT-\u0412L-"+number, 0),
		"11 BMPString":                   identified(id, eidastest.BMPString),
		"11 T61String":                   identified(id, eidastest.T61String),
		"12 another hyphen":              identified("PSDLT-BL\u2010"+number, 0),
		"12 hyphen in the number":        identified("PSDLT-BL-"+number[:2]+"-"+number[2:], 0),
		"13 prefix":                      identified("X"+id, 0),
		"13 two lines":                   identified(own+"\n"+id, 0),
		"13 no number":                   identified("PSDLT-BL-", 0),
		"13 no authority":                identified("PSDLT-"+number, 0),
		"13 three letters":               identified("PSDLTU-BL-"+number, 0),
		"14 the code in another country": identified("PSDLV-BL-"+number, 0),
		"15 NCAId of another country":    psd2(func(p *eidastest.PSD2) { p.NCAId = "LV-BL" }),
		"16 a second PSD2 statement":     statements(func(s *eidastest.Statements) { s.After = []eidas.Statement{pi} }),
		"16 a second extension":          func(r *eidastest.Request) { secondStatements(tb, r) },
		"17 malformed sibling": statements(func(s *eidastest.Statements) {
			s.Before = []eidas.Statement{{OID: "0.4.0.1862.1.6", Info: []byte{0x30, 0x05, 1}}}
		}),
		"18 flattened roles": psd2(func(p *eidastest.PSD2) {
			p.Roles, p.Shape = eidastest.RolesOf(eidas.RoleAI|eidas.RolePI), eidastest.ShapeFlattened
		}),
		"19 PI named AI":          roles(eidas.Role{OID: "0.4.0.19495.1.2", Name: "PSP_AI"}),
		"19 AI named PI":          roles(eidas.Role{OID: "0.4.0.19495.1.3", Name: "PSP_PI"}),
		"19 unknown OID named AI": roles(eidas.Role{OID: "0.4.0.19495.1.99", Name: "PSP_AI"}),
		"20 2-QWAC":               func(r *eidastest.Request) { r.ExtKeyUsage = []string{eidastest.TLSBinding} },
		"20 all QcTypes": statements(func(s *eidastest.Statements) {
			s.Types = []string{eidastest.TypeESign, eidastest.TypeESeal, eidastest.TypeWeb}
		}),
		"21 same name, own id":            identified(own, 0),
		"23 renamed without an alias":     identified("PSDLT-BLX-"+number, 0),
		"24 another country, same number": identified("PSDGB-FCA-"+number, 0),
		"26 without the role":             roles(eidastest.RolesOf(eidas.RolePI)...),
		"28 not compliant":                statements(func(s *eidastest.Statements) { s.Compliance = false }),
		"29 VAT number":                   identified("VATLT-100001738313", 0),
		"30 expired": func(r *eidastest.Request) {
			r.NotBefore, r.NotAfter = time.Now().AddDate(-1, 0, 0), time.Now().Add(-time.Hour)
		},
		"30 not yet valid": func(r *eidastest.Request) { r.NotBefore = time.Now().Add(time.Hour) },
		"31 trailing bytes": statements(func(s *eidastest.Statements) {
			s.After = []eidas.Statement{{OID: "0.4.0.1862.1.4", Info: []byte{5, 0, 0}}}
		}),
		"32 garbled critical statements": statements(func(s *eidastest.Statements) { s.Critical, s.Raw = true, []byte{0x30, 0x80, 0, 0} }),
		"33 empty NCAId":                 psd2(func(p *eidastest.PSD2) { p.NCAId = "" }),
		"34 of a third country's law":    statements(func(s *eidastest.Statements) { s.Legislation = []string{"CH"} }),
		"35 id in O": func(r *eidastest.Request) {
			identified(own, 0)(r)
			r.SetAttribute(eidastest.Attribute{OID: eidastest.OIDOrganization, Value: "X,2.5.4.97=" + id + "/"})
		},
		"no statements": func(r *eidastest.Request) { r.Statements = eidastest.Statements{} },
		"a CA": func(r *eidastest.Request) {
			r.CA, r.KeyUsage = true, x509.KeyUsageDigitalSignature|x509.KeyUsageCertSign
		},
		"weak key": func(r *eidastest.Request) { r.KeyType = eidastest.RSA1024 },
	}
	return rows
}

// secondStatements writes the qcStatements extension twice, the other one empty.
func secondStatements(tb testing.TB, r *eidastest.Request) {
	tb.Helper()
	value, err := asn1.Marshal([]asn1.RawValue{})
	require.NoError(tb, err)
	r.Extensions = []pkix.Extension{
		{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 3}, Value: value},
		{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 3}, Value: value},
	}
}
