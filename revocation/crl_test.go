package revocation_test

import (
	"bytes"
	"crypto"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/revocation"
)

// crlCase is a set of CRLs and what is to be made of it. The leaf names the
// given distribution points.
type crlCase struct {
	name   string
	points []pointSpec
	crls   func(*world) []*crlSpec
	set    func(*world, *revocation.CRLSet) // further parts of the set
	policy revocation.CRLPolicy
	want   eidas.Status
	reason eidas.Reason
	rule   revocation.Rule
}

func runCRLCases(t *testing.T, w *world, cases []crlCase) {
	t.Helper()
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			own := *w
			if c.points != nil {
				own.leaf = w.mint(t, w.ca, "TPP", func(x *x509.Certificate) {
					x.ExtraExtensions = []pkix.Extension{points(t, c.points...)}
				})
			}
			set := revocation.CRLSet{Chain: []*x509.Certificate{w.root.cert}}
			for _, s := range c.crls(&own) {
				crl, err := revocation.ParseCRL(s.encode(t))
				if err != nil {
					assert.Equal(t, c.rule, revocation.RuleOf(err), "%v", err)
					assert.Equal(t, c.reason, eidas.ReasonOf(err))
					return
				}
				set.CRLs = append(set.CRLs, crl)
			}
			if c.set != nil {
				c.set(&own, &set)
			}
			a, err := revocation.VerifyCRL(set, own.target(), own.now, c.policy)
			assert.Equal(t, c.want, a.Status, "%v", err)
			assert.Equal(t, c.reason, eidas.ReasonOf(err), "%v", err)
			assert.Equal(t, c.rule, revocation.RuleOf(err), "%v", err)
		})
	}
}

// one is a set of one CRL with a change.
func one(f func(*world, *crlSpec)) func(*world) []*crlSpec {
	return func(w *world) []*crlSpec {
		s := w.crl(w.item(w.delegate, 1))
		if f != nil {
			f(w, s)
		}
		return []*crlSpec{s}
	}
}

func TestCRLAnswer(t *testing.T) {
	w := newWorld(t)
	item := w.item(w.leaf, 1)
	item.exts = append(item.exts, pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 24}, Value: der(t, w.now.AddDate(0, 0, -3), "generalized")})
	s := w.crl(item)
	set := revocation.CRLSet{CRLs: []*revocation.CRL{s.parse(t)}}
	a, err := revocation.VerifyCRL(set, w.target(), w.now, revocation.CRLPolicy{})
	require.NoError(t, err)
	assert.Equal(t, eidas.StatusRevoked, a.Status)
	assert.Equal(t, "crl", a.Source)
	assert.Equal(t, 1, a.Code)
	assert.Equal(t, w.now.Add(-time.Hour), a.RevokedAt)
	assert.Equal(t, w.now.AddDate(0, 0, -3), a.InvalidityDate, "C10")
	assert.Equal(t, s.thisUpdate, a.ThisUpdate)
	assert.Equal(t, s.nextUpdate, a.NextUpdate)
	assert.Equal(t, s.nextUpdate, a.FreshUntil)
	assert.Equal(t, w.ca.cert, a.Responder)
	assert.Equal(t, 1, set.CRLs[0].Len())
	assert.Equal(t, s.thisUpdate, set.CRLs[0].ThisUpdate())
	assert.Equal(t, s.nextUpdate, set.CRLs[0].NextUpdate())

	week := w.crl()
	week.nextUpdate = w.now.Add(7 * 24 * time.Hour)
	set.CRLs = []*revocation.CRL{week.parse(t)}
	a, err = revocation.VerifyCRL(set, w.target(), w.now, revocation.CRLPolicy{})
	require.NoError(t, err)
	assert.Equal(t, eidas.StatusGood, a.Status)
	assert.Equal(t, week.nextUpdate, a.FreshUntil)
	assert.Equal(t, week.thisUpdate.Add(24*time.Hour), a.RenewAfter)
}

func TestCRLAnswerHolds(t *testing.T) {
	w := newWorld(t)
	for _, tt := range []struct {
		name             string
		this, next, want time.Duration
		policy           revocation.CRLPolicy
	}{
		{name: "until nextUpdate", this: -time.Hour, next: time.Hour, want: time.Hour},
		{name: "by its age without nextUpdate", this: -time.Hour, want: 23 * time.Hour},
		{name: "within the skew", this: -time.Hour, next: -time.Minute, want: 4 * time.Minute},
		{name: "any age", this: -48 * time.Hour, next: -24 * time.Hour, policy: revocation.CRLPolicy{AllowAnyAge: true}},
	} {
		s := w.crl()
		s.thisUpdate, s.nextUpdate = w.now.Add(tt.this), time.Time{}
		if tt.next != 0 {
			s.nextUpdate = w.now.Add(tt.next)
		}
		a, err := revocation.VerifyCRL(revocation.CRLSet{CRLs: []*revocation.CRL{s.parse(t)}}, w.target(), w.now, tt.policy)
		require.NoError(t, err, tt.name)
		assert.Equal(t, tt.want, a.FreshUntil.Sub(w.now), tt.name)
	}
}

func TestC1Points(t *testing.T) {
	w := newWorld(t)
	w.leaf = w.mint(t, w.ca, "TPP", func(c *x509.Certificate) {
		// A list of a point of nothing: crypto/x509 takes it.
		c.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 31}, Value: []byte{0x30, 2, 0x30, 0}}}
	})
	runCRLCases(t, w, []crlCase{
		{name: "C1 malformed points", crls: one(nil), reason: isInvalid, rule: revocation.RuleC1},
		{name: "C1 one point, CRL without a name", points: []pointSpec{{url: "http://a.test/1"}}, crls: one(nil), want: good},
		{name: "C1 no points", points: []pointSpec{{url: "http://a.test/1"}}, crls: one(nil), want: good},
	})
}

func TestC2Issuer(t *testing.T) {
	w := newWorld(t)
	namesake := w.mint(t, nil, "Issuing CA", asCA)
	separate := w.mint(t, w.root, "Issuing CA", func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageCRLSign })
	rollover := w.mint(t, w.ca, "Issuing CA", asCA)
	forbidden := w.mint(t, w.root, "Issuing CA", func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageDigitalSignature })
	expired := w.mint(t, w.root, "Issuing CA", func(c *x509.Certificate) { asCA(c); c.NotAfter = w.now.Add(-time.Second) })
	unborn := w.mint(t, w.root, "Issuing CA", func(c *x509.Certificate) { asCA(c); c.NotBefore = w.now.Add(time.Second) })
	strange := w.mint(t, w.root, "Issuing CA", func(c *x509.Certificate) {
		asCA(c)
		c.ExtraExtensions = []pkix.Extension{ext("unknown", true, []byte{5, 0})}
	})
	noUse := w.mint(t, w.root, "Issuing CA", func(c *x509.Certificate) {
		asCA(c)
		c.KeyUsage = 0
		c.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 15}, Critical: true, Value: []byte{3, 1, 0}}}
	})
	misnamed := w.mint(t, mintKey(t, nil, w.root.key, "Another root", asCA), "Issuing CA", asCA)
	old := &party{signedAs(t, w.root, separate.cert, asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 1}, crypto.SHA1), separate.key}
	rootCRL := func(w *world, revoked ...*party) *crlSpec {
		s := w.crl()
		for _, p := range revoked {
			s.entries = append(s.entries, w.item(p, 1))
		}
		s.issuer, s.signer = w.root.cert.RawSubject, w.root
		return s
	}
	by := func(p *party, more ...*crlSpec) func(*world) []*crlSpec {
		return func(w *world) []*crlSpec {
			s := w.crl()
			s.signer = p
			return append([]*crlSpec{s}, more...)
		}
	}
	// holding has a certificate at hand, after so many others of its name.
	holding := func(p *party, others ...int) func(*world, *revocation.CRLSet) {
		return func(_ *world, set *revocation.CRLSet) {
			for _, n := range others {
				set.Certificates = slices.Repeat([]*x509.Certificate{namesake.cert}, n)
			}
			set.Certificates = append(set.Certificates, p.cert)
		}
	}
	runCRLCases(t, w, []crlCase{
		{name: "C2 issuer", crls: one(nil), want: good},
		{name: "C2 none", crls: func(*world) []*crlSpec { return nil }, reason: isUnavailable, rule: revocation.RuleC2},
		{name: "C2 other issuer", crls: func(w *world) []*crlSpec { return []*crlSpec{rootCRL(w)} }, reason: isInvalid, rule: revocation.RuleC2},
		{name: "C2 issuer's name in other letters", crls: one(func(w *world, s *crlSpec) {
			s.issuer = bytes.ReplaceAll(s.issuer, []byte("Issuing CA"), []byte("ISSUING ca"))
		}), want: good},
		{name: "C2 issuer's name longer", crls: one(func(w *world, s *crlSpec) {
			s.issuer = bytes.ReplaceAll(s.issuer, []byte("Issuing CA"), []byte("Issuing CB"))
		}), reason: isInvalid, rule: revocation.RuleC2},
		{name: "C2 broken signature", crls: one(func(_ *world, s *crlSpec) { s.breakSig = true }), reason: isInvalid, rule: revocation.RuleC2},
		{name: "C2 signed by a namesake", crls: by(namesake), reason: isInvalid, rule: revocation.RuleC2},
		{name: "C2 signed by a namesake at hand", crls: by(namesake), set: holding(namesake), reason: isInvalid, rule: revocation.RuleC2},
		{name: "C2 separate key", crls: by(separate, rootCRL(w)), set: holding(separate), want: good},
		{name: "C2 separate key that is revoked", crls: by(separate, rootCRL(w, separate)), set: holding(separate), reason: isInvalid, rule: revocation.RuleC2},
		{name: "C2 separate key of open status", crls: by(separate), set: holding(separate), reason: isInvalid, rule: revocation.RuleC2},
		{name: "C2 separate key not at hand", crls: by(separate, rootCRL(w)), reason: isInvalid, rule: revocation.RuleC2},
		{name: "C2 new key certified by the old one", crls: by(rollover), set: holding(rollover), want: good},
		{name: "C2 not yet valid", crls: by(unborn, rootCRL(w)), set: holding(unborn), reason: isInvalid, rule: revocation.RuleC2},
		{name: "C2 with an unknown critical extension", crls: by(strange, rootCRL(w)), set: holding(strange), reason: isInvalid, rule: revocation.RuleC2},
		{name: "C2 separate key certified with SHA-1", crls: by(old, rootCRL(w)), set: holding(old), reason: isInvalid, rule: revocation.RuleC2},
		{name: "C2 separate key certified with SHA-1, allowed", crls: by(old, rootCRL(w)), set: holding(old), policy: revocation.CRLPolicy{AllowSHA1: true}, want: good},
		{name: "C2 separate key certified by the root's key under another name", crls: by(misnamed, rootCRL(w)), set: holding(misnamed), reason: isInvalid, rule: revocation.RuleC2},
		{name: "C2 key usage without a bit", crls: by(noUse, rootCRL(w)), set: holding(noUse), reason: isInvalid, rule: revocation.RuleC2},
		{name: "C2 seven keys before the right one", crls: by(separate, rootCRL(w)), set: holding(separate, 6), want: good},
		{name: "C2 eight keys before the right one", crls: by(separate, rootCRL(w)), set: holding(separate, 7), reason: isInvalid, rule: revocation.RuleC2},
		{name: "C2 may not sign CRLs", crls: by(forbidden, rootCRL(w)), set: holding(forbidden), reason: isInvalid, rule: revocation.RuleC2},
		{name: "C2 expired", crls: by(expired, rootCRL(w)), set: holding(expired), reason: isInvalid, rule: revocation.RuleC2},
	})
	// What a Target cannot be asked about.
	_, err := revocation.VerifyCRL(revocation.CRLSet{}, revocation.Target{Certificate: w.leaf.cert, Issuer: w.root.cert}, now, revocation.CRLPolicy{})
	assert.Equal(t, revocation.RuleQ3, revocation.RuleOf(err))
	for _, p := range []revocation.CRLPolicy{{Skew: -1}, {MaxAge: -1}} {
		_, err = revocation.VerifyCRL(revocation.CRLSet{}, w.target(), now, p)
		assert.Equal(t, eidas.ReasonInternal, eidas.ReasonOf(err))
	}
}

func TestC2Indirect(t *testing.T) {
	w := newWorld(t)
	third := w.mint(t, w.root, "CRL Issuer", func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageCRLSign })
	named := []pointSpec{{url: "http://a.test/1", issuers: [][]byte{third.cert.RawSubject}}}
	set := func(_ *world, set *revocation.CRLSet) { set.Certificates = []*x509.Certificate{third.cert} }
	crls := func(indirect bool, entries func(*world) []crlItem) func(*world) []*crlSpec {
		return func(w *world) []*crlSpec {
			s := w.crl(entries(w)...)
			s.issuer, s.signer = third.cert.RawSubject, third
			s.with(28, true, pointSpec{url: "http://a.test/1", indirct: indirect}.issuing(t))
			root := w.crl()
			root.issuer, root.signer = w.root.cert.RawSubject, w.root
			return []*crlSpec{s, root}
		}
	}
	entry := func(issuer func(*world) []byte, about func(*world) *party) func(*world) []crlItem {
		return func(w *world) []crlItem {
			first := w.item(w.delegate, 1)
			if issuer != nil {
				first.exts = append(first.exts, entryIssuer(t, issuer(w)))
			}
			return []crlItem{first, w.item(about(w), 4)}
		}
	}
	alone := []pointSpec{{issuers: [][]byte{third.cert.RawSubject}}}
	// pointed is an indirect CRL for a point that is a name.
	pointed := func(name []byte) func(*world) []*crlSpec {
		return func(w *world) []*crlSpec {
			list := crls(true, func(*world) []crlItem { return nil })(w)
			list[0].exts = nil
			list[0].with(28, true, pointSpec{directory: name, indirct: true}.issuing(t))
			return list
		}
	}
	leaf := func(w *world) *party { return w.leaf }
	issuer := func(w *world) []byte { return w.ca.cert.RawSubject }
	other := func(w *world) []byte { return w.root.cert.RawSubject }
	runCRLCases(t, w, []crlCase{
		{name: "C2 indirect, not listed", points: named, crls: crls(true, entry(issuer, func(w *world) *party { return w.delegate })), set: set, want: good},
		{name: "C7 indirect, listed under its issuer", points: named, crls: crls(true, entry(issuer, leaf)), set: set, want: revoked},
		{name: "C7 indirect, listed under another issuer", points: named, crls: crls(true, entry(other, leaf)), set: set, want: good},
		{name: "C7 indirect, listed under the CRL issuer", points: named, crls: crls(true, entry(nil, leaf)), set: set, want: good},
		{name: "C2 CRL does not say that it is indirect", points: named, crls: crls(false, entry(nil, leaf)), set: set, reason: isInvalid, rule: revocation.RuleC2},
		{name: "C7 CRL names issuers but is not indirect", points: named, crls: crls(false, entry(issuer, leaf)), set: set, reason: isInvalid, rule: revocation.RuleC7},
		{name: "C2 certificate names no CRL issuer", points: []pointSpec{{url: "http://a.test/1"}}, crls: crls(true, entry(issuer, leaf)), set: set, reason: isInvalid, rule: revocation.RuleC2},
		{name: "C3 certificate names the CRL issuer alone", points: alone, crls: pointed(third.cert.RawSubject), set: set, want: good},
		{name: "C2 certificate names the CRL issuer alone, CRL for another point", points: alone, crls: pointed(w.root.cert.RawSubject), set: set, reason: isInvalid, rule: revocation.RuleC2},
		{name: "C2 CRL issuer is of the chain", points: []pointSpec{{url: "http://a.test/1", issuers: [][]byte{w.root.cert.RawSubject}}}, crls: func(w *world) []*crlSpec {
			s := w.crl()
			s.issuer, s.signer = w.root.cert.RawSubject, w.root
			return []*crlSpec{s.with(28, true, pointSpec{url: "http://a.test/1", indirct: true}.issuing(t))}
		}, want: good},
		{name: "C2 certificate names another CRL issuer", points: []pointSpec{{issuers: [][]byte{w.delegate.cert.RawSubject}}}, crls: crls(true, entry(issuer, leaf)), set: set, reason: isInvalid, rule: revocation.RuleC2},
	})
}

func TestC3Scope(t *testing.T) {
	w := newWorld(t)
	here := []pointSpec{{url: "http://a.test/1"}}
	scoped := func(p pointSpec) func(*world) []*crlSpec {
		return one(func(w *world, s *crlSpec) { s.with(28, true, p.issuing(t)) })
	}
	rdn := []byte("\x30\x0c\x06\x03\x55\x04\x03\x0c\x05part1") // CN=part1
	full := append(slices.Clone(w.ca.cert.RawSubject), append([]byte{0x31, byte(len(rdn))}, rdn...)...)
	full[1] += byte(len(rdn)) + 2
	part1 := []pointSpec{{directory: full}}
	runCRLCases(t, w, []crlCase{
		{name: "C3 same point", points: here, crls: scoped(pointSpec{url: "http://a.test/1"}), want: good},
		{name: "C3 other point", points: here, crls: scoped(pointSpec{url: "http://a.test/2"}), reason: isInvalid, rule: revocation.RuleC3},
		{name: "C3 other point, and the certificate has none", crls: scoped(pointSpec{url: "http://a.test/2"}), reason: isInvalid, rule: revocation.RuleC3},
		{name: "C3 same point, named relative to the issuer", points: part1, crls: scoped(pointSpec{relative: rdn}), want: good},
		{name: "C3 other point, named relative to the issuer", points: part1, crls: scoped(pointSpec{relative: bytes.ReplaceAll(rdn, []byte("1"), []byte("2"))}), reason: isInvalid, rule: revocation.RuleC3},
		{name: "C3 user certificates", crls: scoped(pointSpec{users: true}), want: good},
		{name: "C3 CA certificates", crls: scoped(pointSpec{cas: true}), reason: isInvalid, rule: revocation.RuleC3},
		{name: "C3 attribute certificates", crls: scoped(pointSpec{attributes: true}), reason: isInvalid, rule: revocation.RuleC3},
		{name: "C3 both kinds only", crls: scoped(pointSpec{users: true, cas: true}), reason: isInvalid, rule: revocation.RuleC3},
		{name: "C3 says nothing", crls: scoped(pointSpec{}), reason: isInvalid, rule: revocation.RuleC3},
		{name: "C3 malformed", crls: one(func(_ *world, s *crlSpec) { s.with(28, true, []byte{5, 0}) }), reason: isInvalid, rule: revocation.RuleC3},
	})
	ca := *w
	ca.leaf = w.mint(t, w.ca, "Sub CA", asCA)
	runCRLCases(t, &ca, []crlCase{
		{name: "C3 user certificates for a CA", crls: scoped(pointSpec{users: true}), reason: isInvalid, rule: revocation.RuleC3},
		{name: "C3 CA certificates for a CA", crls: scoped(pointSpec{cas: true}), want: good},
	})
}

func TestC4Reasons(t *testing.T) {
	w := newWorld(t)
	// keyCompromise and cACompromise; all the others.
	compromise, others := []byte{5, 0x60}, []byte{7, 0x1f, 0x80}
	crls := func(reasons ...[]byte) func(*world) []*crlSpec {
		return func(w *world) (list []*crlSpec) {
			for _, r := range reasons {
				list = append(list, w.crl(w.item(w.delegate, 1)).with(28, true, pointSpec{reasons: r}.issuing(t)))
			}
			return list
		}
	}
	listed := func(w *world) []*crlSpec {
		list := crls(compromise, others)(w)
		list[1].entries = append(list[1].entries, w.item(w.leaf, 5))
		return list
	}
	runCRLCases(t, w, []crlCase{
		{name: "C4 all reasons in two CRLs", crls: crls(compromise, others), want: good},
		{name: "C4 some reasons open", crls: crls(compromise), reason: isUnknown, rule: revocation.RuleC4},
		{name: "C4 other reasons open", crls: crls(others), reason: isUnknown, rule: revocation.RuleC4},
		{name: "C4 a reason that is not in use", crls: crls(compromise, others[:2:2], []byte{7, 0x80}), reason: isInvalid, rule: revocation.RuleC3},
		{name: "C4 the same reasons twice", crls: crls(compromise, compromise), reason: isUnknown, rule: revocation.RuleC4},
		{name: "C4 revoked in one of two", crls: listed, want: revoked},
		{name: "C4 revoked though reasons are open", crls: func(w *world) []*crlSpec { return listed(w)[1:] }, want: revoked},
		{name: "C4 point for some reasons", points: []pointSpec{{url: "http://a.test/1", reasons: compromise}}, crls: one(func(_ *world, s *crlSpec) {
			s.with(28, true, pointSpec{url: "http://a.test/1"}.issuing(t))
		}), reason: isUnknown, rule: revocation.RuleC4},
		{name: "C4 points for all reasons", points: []pointSpec{{url: "http://a.test/1", reasons: compromise}, {url: "http://a.test/2", reasons: others}}, crls: func(w *world) []*crlSpec {
			return []*crlSpec{
				w.crl().with(28, true, pointSpec{url: "http://a.test/1"}.issuing(t)),
				w.crl().with(28, true, pointSpec{url: "http://a.test/2"}.issuing(t)),
			}
		}, want: good},
		{name: "C4 flags with trailing zeros", crls: crls([]byte{4, 0x60}), reason: isInvalid, rule: revocation.RuleC3},
	})
}

func TestC5Times(t *testing.T) {
	w := newWorld(t)
	times := func(this, next time.Duration) func(*world) []*crlSpec {
		return one(func(w *world, s *crlSpec) {
			s.thisUpdate, s.nextUpdate = w.now.Add(this), w.now.Add(next)
			if next == 0 {
				s.nextUpdate = time.Time{}
			}
		})
	}
	past := revocation.CRLPolicy{AllowAnyAge: true}
	runCRLCases(t, w, []crlCase{
		{name: "C5 within the skew", crls: times(5*time.Minute, time.Hour), want: good},
		{name: "C5 in the future", crls: times(5*time.Minute+time.Second, time.Hour), reason: isInvalid, rule: revocation.RuleC5},
		{name: "C5 passed within the skew", crls: times(-time.Hour, -5*time.Minute), want: good},
		{name: "C5 passed", crls: times(-time.Hour, -5*time.Minute-time.Second), reason: isInvalid, rule: revocation.RuleC5},
		{name: "C5 passed, any age", crls: times(-48*time.Hour, -24*time.Hour), policy: past, want: good},
		{name: "C5 nextUpdate before thisUpdate", crls: times(time.Minute, time.Second), reason: isInvalid, rule: revocation.RuleC5},
		{name: "C5 no nextUpdate", crls: times(-24*time.Hour, 0), want: good},
		{name: "C5 no nextUpdate and old", crls: times(-24*time.Hour-time.Second, 0), reason: isInvalid, rule: revocation.RuleC5},
		{name: "C5 GeneralizedTime", crls: one(func(_ *world, s *crlSpec) { s.generalized = true }), want: good},
		{name: "C9 an expired CRL beside a current one", crls: func(w *world) []*crlSpec {
			old := w.crl()
			old.thisUpdate, old.nextUpdate = w.now.Add(-2*time.Hour), w.now.Add(-time.Hour)
			return []*crlSpec{old, w.crl()}
		}, want: good},
	})
}

func TestC6Critical(t *testing.T) {
	w := newWorld(t)
	entry := func(critical bool) func(*world) []*crlSpec {
		return one(func(_ *world, s *crlSpec) {
			s.entries[0].exts = append(s.entries[0].exts, ext("unknown", critical, []byte{5, 0}))
		})
	}
	runCRLCases(t, w, []crlCase{
		{name: "C6 unknown extension", crls: one(func(_ *world, s *crlSpec) { s.exts = []pkix.Extension{ext("unknown", false, []byte{5, 0})} }), want: good},
		{name: "C6 unknown critical extension", crls: one(func(_ *world, s *crlSpec) { s.exts = []pkix.Extension{ext("unknown", true, []byte{5, 0})} }), reason: isInvalid, rule: revocation.RuleC6},
		{name: "C6 unknown extension of another's entry", crls: entry(false), want: good},
		{name: "C6 unknown critical extension of another's entry", crls: entry(true), reason: isInvalid, rule: revocation.RuleC6},
		{name: "C6 v1", crls: one(func(_ *world, s *crlSpec) { s.version, s.entries[0].exts = -1, nil }), want: good},
		{name: "C6 v1 with extensions", crls: one(func(_ *world, s *crlSpec) { s.version, s.entries[0].exts = -1, nil; s.numbered(t, 1, -1) }), reason: isInvalid, rule: revocation.RuleC6},
		{name: "C11 v1 with entry extensions", crls: one(func(_ *world, s *crlSpec) { s.version = -1 }), reason: isInvalid, rule: revocation.RuleC11},
		{name: "C11 v3", crls: one(func(_ *world, s *crlSpec) { s.version = 2 }), reason: isInvalid, rule: revocation.RuleC11},
	})
}

func TestC8Delta(t *testing.T) {
	w := newWorld(t)
	pair := func(complete, delta func(*world, *crlSpec)) func(*world) []*crlSpec {
		return func(w *world) []*crlSpec {
			c, d := w.crl(w.item(w.delegate, 1)).numbered(t, 5, -1), w.crl(w.item(w.delegate, 1)).numbered(t, 7, 5)
			if complete != nil {
				complete(w, c)
			}
			if delta != nil {
				delta(w, d)
			}
			return []*crlSpec{d, c}
		}
	}
	list := func(reason int) func(*world, *crlSpec) {
		return func(w *world, s *crlSpec) { s.entries = append(s.entries, w.item(w.leaf, reason)) }
	}
	renumber := func(number, base int, reason int) func(*world, *crlSpec) {
		return func(w *world, s *crlSpec) {
			s.exts = nil
			s.numbered(t, number, base)
			s.entries = append(s.entries, w.item(w.leaf, reason))
		}
	}
	runCRLCases(t, w, []crlCase{
		{name: "C8 not in either", crls: pair(nil, nil), want: good},
		{name: "C8 revoked in the delta", crls: pair(nil, list(1)), want: revoked},
		{name: "C8 revoked in the complete one", crls: pair(list(1), nil), want: revoked},
		{name: "C8 hold lifted", crls: pair(list(6), list(8)), want: good},
		{name: "C8 hold kept", crls: pair(list(6), nil), want: revoked},
		{name: "C8 removal of a compromised key", crls: pair(list(1), list(8)), want: revoked},
		{name: "C8 removal without an entry", crls: pair(nil, list(8)), want: good},
		{name: "C8 removal in a complete CRL lifts nothing", crls: pair(list(8), nil), want: revoked},
		{name: "C8 delta alone", crls: func(w *world) []*crlSpec { return pair(nil, nil)(w)[:1] }, reason: isUnavailable, rule: revocation.RuleC2},
		{name: "C8 base is newer than the complete one", crls: pair(nil, renumber(7, 6, 1)), want: good},
		{name: "C8 base is older", crls: pair(nil, renumber(7, 1, 1)), want: revoked},
		{name: "C8 delta is not newer", crls: pair(nil, renumber(5, 5, 1)), want: good},
		{name: "C8 numbers are compared as numbers", crls: pair(renumber(0x80, -1, 6), renumber(0x100, 0x7f, 8)), want: good},
		{name: "C8 delta of another scope", crls: pair(nil, func(w *world, s *crlSpec) {
			list(1)(w, s)
			s.with(28, true, pointSpec{users: true}.issuing(t))
		}), want: good},
		{name: "C8 delta with another key identifier", crls: pair(nil, func(w *world, s *crlSpec) {
			list(1)(w, s)
			s.with(35, false, []byte{0x30, 0})
		}), want: good},
		{name: "C8 complete one without a number", crls: pair(func(_ *world, s *crlSpec) { s.exts = nil }, func(w *world, s *crlSpec) {
			s.exts = nil
			s.numbered(t, 1, 0)
			list(1)(w, s)
		}), want: good},
		{name: "C8 a complete CRL is no delta", crls: func(w *world) []*crlSpec {
			return []*crlSpec{w.crl(w.item(w.leaf, 6)).numbered(t, 5, -1), w.crl(w.item(w.leaf, 8)).numbered(t, 7, -1)}
		}, want: revoked},
		{name: "C8 delta of the issuer's key under another name", crls: pair(nil, func(w *world, s *crlSpec) {
			list(1)(w, s)
			s.issuer = w.root.cert.RawSubject
		}), want: good},
		{name: "C8 delta expired", crls: pair(list(6), func(w *world, s *crlSpec) {
			list(8)(w, s)
			s.thisUpdate, s.nextUpdate = w.now.Add(-2*time.Hour), w.now.Add(-time.Hour)
		}), want: revoked},
		{name: "C8 delta forged", crls: pair(list(6), func(w *world, s *crlSpec) { list(8)(w, s); s.breakSig = true }), want: revoked},
		{name: "C8 delta without a number", crls: pair(nil, func(_ *world, s *crlSpec) { s.exts = s.exts[1:] }), reason: isInvalid, rule: revocation.RuleC8},
		{name: "C8 the newest of several deltas counts", crls: func(w *world) []*crlSpec {
			lists := pair(list(6), list(8))(w)
			return append(lists, w.crl(w.item(w.leaf, 1)).numbered(t, 9, 5), w.crl(w.item(w.leaf, 8)).numbered(t, 8, 5))
		}, want: revoked},
	})
}

func TestC11Form(t *testing.T) {
	w := newWorld(t)
	runCRLCases(t, w, []crlCase{
		{name: "C11 well-formed", crls: one(nil), want: good},
		{name: "C11 trailing bytes", crls: one(func(_ *world, s *crlSpec) { s.trailing = []byte{0} }), reason: isInvalid, rule: revocation.RuleC11},
		{name: "C11 empty list", crls: one(func(_ *world, s *crlSpec) { s.entries, s.emptyList = nil, true }), reason: isInvalid, rule: revocation.RuleC11},
		{name: "C11 no list", crls: one(func(_ *world, s *crlSpec) { s.entries = nil }), want: good},
		{name: "C11 algorithm inside and outside", crls: one(func(_ *world, s *crlSpec) { s.otherAlg = true }), reason: isInvalid, rule: revocation.RuleC11},
		{name: "C11 undefined reason", crls: one(func(_ *world, s *crlSpec) { s.entries[0].exts = []pkix.Extension{reasonCode(7)} }), reason: isInvalid, rule: revocation.RuleC11},
		{name: "C11 reason beyond the last", crls: one(func(_ *world, s *crlSpec) { s.entries[0].exts = []pkix.Extension{reasonCode(11)} }), reason: isInvalid, rule: revocation.RuleC11},
		{name: "C11 reason unspecified", crls: one(func(_ *world, s *crlSpec) { s.entries[0].exts = []pkix.Extension{reasonCode(0)} }), want: good},
		{name: "C11 the last reason", crls: one(func(_ *world, s *crlSpec) { s.entries[0].exts = []pkix.Extension{reasonCode(10)} }), want: good},
		{name: "C11 negative reason", crls: one(func(_ *world, s *crlSpec) { s.entries[0].exts = []pkix.Extension{reasonCode(0xff)} }), reason: isInvalid, rule: revocation.RuleC11},
		{name: "C11 negative reason beside another extension", crls: one(func(_ *world, s *crlSpec) {
			s.entries[0].exts = []pkix.Extension{reasonCode(0xff), ext("unknown", false, []byte{5, 0})}
		}), reason: isInvalid, rule: revocation.RuleC11},
		{name: "C11 an extension like a reason", crls: one(func(_ *world, s *crlSpec) {
			s.entries[0].exts = []pkix.Extension{{Id: asn1.ObjectIdentifier{2, 5, 29, 99}, Value: []byte{10, 1, 99}}}
		}), want: good},
		{name: "C11 entry extensions malformed", crls: one(func(_ *world, s *crlSpec) { s.entries[0].exts = []pkix.Extension{} }), reason: isInvalid, rule: revocation.RuleC11},
		{name: "C11 issuer malformed", crls: one(func(_ *world, s *crlSpec) { s.issuer = []byte{0x30, 2, 5, 0} }), reason: isInvalid, rule: revocation.RuleC11},
		{name: "C11 least number", crls: one(func(_ *world, s *crlSpec) { s.numbered(t, -128, -1) }), reason: isInvalid, rule: revocation.RuleC11},
		{name: "C11 negative number", crls: one(func(_ *world, s *crlSpec) { s.numbered(t, -1, -1) }), reason: isInvalid, rule: revocation.RuleC11},
		{name: "C11 number of 20 octets", crls: one(func(_ *world, s *crlSpec) {
			s.with(20, false, der(t, new(big.Int).Lsh(big.NewInt(1), 159), ""))
		}), want: good},
		{name: "C11 number of 21 octets", crls: one(func(_ *world, s *crlSpec) {
			s.with(20, false, der(t, new(big.Int).Lsh(big.NewInt(1), 168), ""))
		}), reason: isInvalid, rule: revocation.RuleC11},
		{name: "C11 extension twice", crls: one(func(_ *world, s *crlSpec) { s.numbered(t, 1, -1).numbered(t, 1, -1) }), reason: isInvalid, rule: revocation.RuleC11},
	})
	raw := one(nil)(w)[0].encode(t)
	for i := range raw {
		for _, bit := range []byte{1, 0x80} {
			changed := slices.Clone(raw)
			changed[i] ^= bit
			crl, err := revocation.ParseCRL(changed)
			if err == nil {
				_, err = revocation.VerifyCRL(revocation.CRLSet{CRLs: []*revocation.CRL{crl}}, w.target(), now, revocation.CRLPolicy{})
			}
			require.Error(t, err, "byte %d", i)
		}
	}
}

func TestP14ExpiredOnCRL(t *testing.T) {
	w := newWorld(t)
	end := w.now.Add(-time.Hour)
	w.leaf = w.mint(t, w.ca, "TPP", func(c *x509.Certificate) { c.NotAfter = end })
	keeps := func(from time.Time) func(*world) []*crlSpec {
		return one(func(_ *world, s *crlSpec) { s.with(60, false, der(t, from, "generalized")) })
	}
	runCRLCases(t, w, []crlCase{
		{name: "P14 expired, nothing said", crls: one(nil), reason: isInvalid, rule: revocation.RuleP14},
		{name: "P14 expired, kept on the list", crls: keeps(end), want: good},
		{name: "P14 expired before what is kept", crls: keeps(end.Add(time.Second)), reason: isInvalid, rule: revocation.RuleP14},
		{name: "P14 expired and listed", crls: one(func(w *world, s *crlSpec) { s.entries = append(s.entries, w.item(w.leaf, 1)) }), want: revoked},
		{name: "P14 CRL from before", crls: one(func(_ *world, s *crlSpec) { s.thisUpdate = end }), want: good},
	})
}

func TestP16CRLAlgorithms(t *testing.T) {
	w := newWorld(t)
	s := w.crl()
	set := revocation.CRLSet{CRLs: []*revocation.CRL{s.parse(t)}}
	// A signature that held once does not hold under another key.
	_, err := revocation.VerifyCRL(set, w.target(), now, revocation.CRLPolicy{})
	require.NoError(t, err)
	other := *w
	other.ca = w.mint(t, w.root, "Issuing CA", asCA)
	other.leaf = w.mint(t, other.ca, "TPP", nil)
	_, err = revocation.VerifyCRL(set, other.target(), now, revocation.CRLPolicy{})
	assert.Equal(t, revocation.RuleC2, revocation.RuleOf(err), "%v", err)
}
