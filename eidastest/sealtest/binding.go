package sealtest

import (
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/eidastest"
	"github.com/seed-b953571c/eidas/qseal"
)

// BindingProfile is the name of TLS certificate bindings in [Exclusions].
const BindingProfile = "ts-119-411-5"

// BindingAttack is a TLS certificate binding (ETSI TS 119 411-5, annex B) that
// breaks one rule, and a near twin that breaks none.
type BindingAttack struct {
	Item  int
	Name  string
	Want  qseal.Reason
	Cause eidas.Reason
	// At is the time of the verdict.
	At time.Time
	// Text is the binding of the attack, for the TLS certificates of Presented.
	Text      []byte
	Presented []*x509.Certificate
	// Twin is the binding that must be accepted, for those of TwinPresented.
	Twin          []byte
	TwinPresented []*x509.Certificate
}

// BindingVerifier is what is under test: it verifies a binding for the TLS
// certificates of a connection, its own first, and asks trusted lists and the
// responder about the 2-QWAC that signed it, as qseal.VerifyBinding,
// Binding.Qualify and Binding.CheckStatus do.
type BindingVerifier func(text []byte, presented []*x509.Certificate, at time.Time) error

func bindings() *profile {
	return &profile{
		set: binding, id: BindingProfile, way: pss256(), alg: "alg",
		lawful: lawfulBinding, name: nameAlong, write: writeBinding,
	}
}

const byURIHash = "http://uri.etsi.org/19182/ObjectIdByURIHash"

func lawfulBinding(d *draft) {
	d.params = []param{
		{"alg", `"PS256"`},
		{"cty", `"TLS-Certificate-Binding-v1"`},
		{"iat", strconv.FormatInt(d.at.Unix(), 10)},
		{"exp", strconv.FormatInt(d.at.Add(time.Hour).Unix(), 10)},
		{"sigD", sigD(boundDigest(d.k.honest.Certificate))},
		{"crit", `["sigD"]`},
	}
}

// sigD binds one certificate, by its digest.
func sigD(hashV string) string {
	return fmt.Sprintf(`{"mId":"%s","pars":[""],"hashM":"S256","hashV":["%s"]}`, byURIHash, hashV)
}

// boundDigest is the digest of the base64url text of a certificate (TS 119 182-1,
// 5.2.8.3.3), and rawDigest that of the certificate itself, as some read it.
func boundDigest(c *x509.Certificate) string {
	sum := sha256.Sum256([]byte(base64.RawURLEncoding.EncodeToString(c.Raw)))
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

func rawDigest(c *x509.Certificate) string {
	sum := sha256.Sum256(c.Raw)
	return base64.RawURLEncoding.EncodeToString(sum[:])
}

// writeBinding writes a JWS with an empty payload.
func writeBinding(d *draft) error { return d.writeJWS("") }

// Bindings returns the attacks with bindings, signed at the world's time.
func (k *Kit) Bindings() ([]BindingAttack, error) {
	var out []BindingAttack
	for _, g := range append(k.groups(), k.bindingAttacks()...) {
		for _, r := range g.rows {
			if g.of&binding == 0 || r.only != 0 && r.only&binding == 0 {
				continue
			}
			a := BindingAttack{Item: g.item, Name: r.name, Want: g.want, Cause: r.cause, At: k.world.Now()}
			if r.want != 0 {
				a.Want = r.want
			}
			var err error
			if a.Text, a.Presented, err = k.bind(r.edit); err != nil {
				return nil, fmt.Errorf("%d %s: %w", a.Item, a.Name, err)
			}
			if a.Twin, a.TwinPresented, err = k.bind(r.twin); err != nil {
				return nil, fmt.Errorf("%d %s: %w", a.Item, a.Name, err)
			}
			out = append(out, a)
		}
	}
	return out, nil
}

// bind signs a binding for the honest TPP's TLS certificate.
func (k *Kit) bind(e edit) ([]byte, []*x509.Certificate, error) {
	d := k.newDraft(bindings(), newID())
	d.apply(e)
	m, err := d.seal()
	if err != nil {
		return nil, nil, err
	}
	return []byte(values(m.Lines, jwsField)[0]), m.Peer.Chain, nil
}

// RunBindings hands every attack and every twin to a verifier, and fails the test
// with a list of those that got the wrong verdict.
func (k *Kit) RunBindings(tb eidastest.TB, verify BindingVerifier) {
	tb.Helper()
	attacks, err := k.Bindings()
	if err != nil {
		tb.Fatalf("%v", err)
	}
	var wrong []string
	for _, a := range attacks {
		if err := verify(a.Twin, a.TwinPresented, a.At); err != nil {
			wrong = append(wrong, fmt.Sprintf("twin of %d %s: lawful, and refused: %v", a.Item, a.Name, err))
		}
		err := verify(a.Text, a.Presented, a.At)
		switch {
		case err == nil:
			wrong = append(wrong, fmt.Sprintf("attack %d %s: ACCEPTED, want %v", a.Item, a.Name, a.Want.Error()))
		case qseal.ReasonOf(err) != a.Want, a.Cause != 0 && eidas.ReasonOf(err) != a.Cause:
			wrong = append(wrong, fmt.Sprintf("attack %d %s: refused: %v, want %v %v", a.Item, a.Name, err, a.Want, a.Cause))
		}
	}
	if len(wrong) > 0 {
		tb.Fatalf("%d of %d verdicts are wrong:\n%s", len(wrong), 2*len(attacks), strings.Join(wrong, "\n"))
	}
}

// bindingAttacks are those that no message has.
func (k *Kit) bindingAttacks() []group {
	tls := k.honest.Certificate
	hashes := func(s string) edit { return parameter("sigD", s) }
	replaced := func(old, text string) edit {
		return hashes(strings.Replace(sigD(boundDigest(tls)), old, text, 1))
	}
	return []group{
		{13, binding, qseal.ReasonHeader, []row{
			{name: "exp is over", edit: issued("exp", -time.Second), twin: issued("exp", time.Minute), want: qseal.ReasonExpired},
			{name: "no exp", edit: without("exp")},
			{name: "exp is text", edit: parameter("exp", `"2100-01-01T00:00:00Z"`)},
			{name: "iat is ahead", edit: issued("iat", 2*time.Minute), twin: without("iat"), want: qseal.ReasonIssuedInFuture},
		}},
		{17, binding, qseal.ReasonCertificateMismatch, []row{
			{name: "x5t#S256 is of another", edit: parameter("x5t#S256", quoted(thumbprint(k.sites[partHonestTwin]))), twin: without("x5t#S256")},
		}},
		{18, binding, qseal.ReasonHeader, []row{
			{name: "x5u beside the certificate", edit: k.x5u()},
			{name: "x5u in place of the certificate", edit: both(without("x5c"), k.x5u())},
		}},
		{19, binding, qseal.ReasonBinding, []row{
			{name: "the binding of another site", edit: onOther, twin: both(onOther, hashes(sigD(boundDigest(k.other.Certificate))))},
		}},
		{21, binding, qseal.ReasonCertificate, []row{{name: "signed by a TLS certificate", edit: by(partTLS), cause: eidas.ReasonExtendedKeyUsage}}},
		k.sitesRefused(22, partNatural, "certificate of a natural person"),
		k.sitesRefused(24, partExpired, "expired"),
		k.sitesRefused(24, partNotYetValid, "not yet valid"),
		k.sitesRefused(24, partRevoked, "revoked"),
		k.sitesRefused(24, partWithdrawn, "service withdrawn"),
		k.sitesRefused(25, partImpostor, "an impostor of the QTSP"),
		k.sitesRefused(25, partSelfSigned, "a copy that signs itself"),
		k.sitesRefused(27, partNoSignatureBit, "no bit for signatures"),
		{26, binding, qseal.ReasonCertificateMismatch, []row{
			{name: "x5c of the attacker, x5t#S256 of the honest one", edit: both(by(partSelfSigned), parameter("x5t#S256", quoted(thumbprint(k.sites[partHonest]))))},
		}},
		{28, binding, qseal.ReasonBinding, []row{
			{name: "the next certificate, of another site", edit: both(by(partRotated), onOther), twin: by(partRotated)},
		}},
		{41, binding, qseal.ReasonBinding, []row{{name: "digest of the certificate and not of its text", edit: hashes(sigD(rawDigest(tls)))}}},
		{42, binding, qseal.ReasonHeader, []row{
			{name: "no cty", edit: without("cty")},
			{name: "another cty", edit: parameter("cty", `"TLS-Certificate-Binding-v2"`)},
			{name: "a member more", edit: parameter("typ", `"JOSE"`), twin: parameter("kid", `"k1"`)},
			{name: "a payload", edit: value(func(v string) string { return strings.Replace(v, "..", ".e30.", 1) }), want: qseal.ReasonFormat},
			{name: "a member of sigD more", edit: replaced(`"hashM"`, `"spURI":"u","hashM"`), twin: replaced(`"hashM"`, `"ctys":["application/pkix-cert"],"hashM"`)},
			{name: "by URI alone", edit: replaced("ObjectIdByURIHash", "ObjectIdByURI")},
			{name: "digest of an unknown algorithm", edit: replaced("S256", "S1")},
			{name: "digest that is cut short", edit: hashes(sigD(boundDigest(tls)[:40]))},
			{name: "nothing is bound", edit: replaced(`"pars":[""]`, `"pars":[]`)},
			{name: "another certificate is bound", edit: hashes(sigD(boundDigest(k.other.Certificate))), want: qseal.ReasonBinding},
		}},
	}
}

// sitesRefused is an attack with a 2-QWAC that is refused.
func (k *Kit) sitesRefused(item int, p part, name string) group {
	return group{item, binding, qseal.ReasonCertificate, []row{{name: name, edit: by(p), cause: causes()[p]}}}
}
