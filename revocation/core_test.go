package revocation_test

import (
	"bytes"
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"path/filepath"
	"regexp"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ocsp"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/revocation"
)

// signedAs replaces the signature algorithm of a certificate by an older one
// and signs it again with the key of ca.
func signedAs(tb testing.TB, ca *party, c *x509.Certificate, alg asn1.ObjectIdentifier, h crypto.Hash) *x509.Certificate {
	tb.Helper()
	var tbs []asn1.RawValue
	_, err := asn1.Unmarshal(c.RawTBSCertificate, &tbs)
	require.NoError(tb, err)
	id := der(tb, pkix.AlgorithmIdentifier{Algorithm: alg}, "")
	tbs[2] = asn1.RawValue{FullBytes: id} // after version and serial number
	raw := der(tb, tbs, "")
	sig, err := ca.key.Sign(nil, digest(h, raw), h)
	require.NoError(tb, err)
	full := der(tb, []asn1.RawValue{
		{FullBytes: raw}, {FullBytes: id}, {FullBytes: der(tb, asn1.BitString{Bytes: sig, BitLength: 8 * len(sig)}, "")},
	}, "")
	out, err := x509.ParseCertificate(full)
	require.NoError(tb, err)
	return out
}

func TestP16DelegateCertificate(t *testing.T) {
	w := newWorld(t)
	old := &party{signedAs(t, w.ca, w.delegate.cert, asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 1}, crypto.SHA1), w.delegate.key}
	require.Equal(t, x509.ECDSAWithSHA1, old.cert.SignatureAlgorithm)
	raw := w.good().by(old).encode(t)
	_, err := revocation.VerifyOCSP(raw, w.target(), now, revocation.OCSPPolicy{})
	assert.Equal(t, revocation.RuleP16, revocation.RuleOf(err), "certificate signed with SHA-1: %v", err)
	a, err := revocation.VerifyOCSP(raw, w.target(), now, revocation.OCSPPolicy{AllowSHA1: true})
	require.NoError(t, err)
	assert.Equal(t, good, a.Status)
}

func TestP4ManyLocalResponders(t *testing.T) {
	// A provider that renews its responder every year lists many of one name.
	w := newWorld(t)
	target := w.target()
	var last *party
	for range 6 {
		last = mint(t, nil, "Listed responder", nil)
		target.Responders = append(target.Responders, last.cert)
	}
	r := w.good()
	r.signer = last
	a, err := revocation.VerifyOCSP(r.encode(t), target, now, revocation.OCSPPolicy{})
	require.NoError(t, err)
	assert.True(t, a.Local)
	assert.Equal(t, last.cert, a.Responder)
	target.Responders = target.Responders[:5]
	_, err = revocation.VerifyOCSP(r.encode(t), target, now, revocation.OCSPPolicy{})
	assert.Equal(t, revocation.RuleP6, revocation.RuleOf(err))
}

func TestP5LocalResponder(t *testing.T) {
	// What holds for delegates holds for them, but for who issued them.
	w := newWorld(t)
	for _, tt := range []struct {
		name string
		edit func(*x509.Certificate)
		key  crypto.Signer
		rule revocation.Rule
	}{
		{name: "P5 listed"},
		{name: "P5 listed, may not sign", edit: func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyEncipherment }, rule: revocation.RuleP5},
		{name: "P5 listed, has the key in question", key: w.leaf.key, rule: revocation.RuleP5},
	} {
		key := tt.key
		if key == nil {
			key = mint(t, nil, "key", nil).key
		}
		p := mintKey(t, nil, key, "Listed responder", tt.edit)
		target := w.target()
		target.Responders = []*x509.Certificate{p.cert}
		r := w.good()
		r.signer = p
		_, err := revocation.VerifyOCSP(r.encode(t), target, now, revocation.OCSPPolicy{})
		assert.Equal(t, tt.rule, revocation.RuleOf(err), "%s: %v", tt.name, err)
	}
}

func TestP1ObjectIdentifiers(t *testing.T) {
	// In a non-critical extension nobody knows: even there, DER only.
	w := newWorld(t)
	for name, tt := range map[string]struct {
		oid  string
		rule revocation.Rule
	}{
		"P1 in shortest form": {"\x06\x03\x2a\x83\x04", 0},
		"P1 with padding":     {"\x06\x03\x2a\x80\x04", revocation.RuleP1},
		"P1 cut short":        {"\x06\x03\x2a\x03\x84", revocation.RuleP1},
		"P1 empty":            {"\x06\x00", revocation.RuleP1},
	} {
		r := w.good()
		r.exts = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 2, 3, 4}, Value: []byte{5, 0}}}
		tbs := r.data(t)
		was := "\x06\x03\x2a\x03\x04"
		require.Equal(t, 1, bytes.Count(tbs, []byte(was)))
		if len(tt.oid) != len(was) {
			continue
		}
		tbs = bytes.Replace(tbs, []byte(was), []byte(tt.oid), 1)
		_, err := revocation.VerifyOCSP(wrap(t, w.ca, tbs), w.target(), now, revocation.OCSPPolicy{})
		assert.Equal(t, tt.rule, revocation.RuleOf(err), "%s: %v", name, err)
	}
}

func TestC7EqualNumbers(t *testing.T) {
	// A CRL is indexed before its signature is verified: a row of equal serial
	// numbers must not cost the square of its length.
	w := newWorld(t)
	items := slices.Repeat([]crlItem{w.item(w.delegate, 4)}, 100_000)
	items[0] = w.item(w.delegate, 1)
	plain := w.crl(items...).parse(t)
	assert.Equal(t, 100_000, plain.Len())
	_, reason, ok := revocation.Lookup(plain, w.delegate.cert.SerialNumber, w.ca.cert.RawSubject)
	assert.True(t, ok)
	assert.Equal(t, 1, reason, "of several the first counts")
	assert.False(t, revocation.Lists(plain, w.leaf.cert.SerialNumber, w.ca.cert.RawSubject))
}

func TestC7ManyIssuers(t *testing.T) {
	w := newWorld(t)
	named := func(p *party, reason int, issuer []byte) crlItem {
		i := w.item(p, reason)
		i.exts = append(i.exts, entryIssuer(t, issuer))
		return i
	}
	issuers := make([][]byte, 300)
	var items []crlItem
	for range 2 { // each is named twice, by turns
		for n := range issuers {
			name := pkix.Name{CommonName: "CA " + big.NewInt(int64(n)).String()}
			issuers[n] = der(t, name.ToRDNSequence(), "")
			items = append(items, named(w.leaf, n%2+3, issuers[n]))
			if n%3 == 0 {
				items = append(items, w.item(w.root, n%2+3), w.item(w.ca, n%2+3))
			}
		}
	}
	items = append(items, w.item(w.delegate, 5)) // sticks to the last issuer
	s := w.crl(append([]crlItem{w.item(w.leaf, 1)}, items...)...).with(28, true, pointSpec{indirct: true}.issuing(t))
	crl := s.parse(t)
	for n, issuer := range issuers {
		_, reason, ok := revocation.Lookup(crl, w.leaf.cert.SerialNumber, issuer)
		assert.True(t, ok)
		assert.Equal(t, n%2+3, reason)
		assert.Equal(t, n == len(issuers)-1, revocation.Lists(crl, w.delegate.cert.SerialNumber, issuer))
		for _, p := range []*party{w.root, w.ca} {
			_, reason, ok := revocation.Lookup(crl, p.cert.SerialNumber, issuer)
			assert.Equal(t, n%3 == 0, ok)
			assert.True(t, !ok || reason == n%2+3)
		}
	}
	_, reason, ok := revocation.Lookup(crl, w.leaf.cert.SerialNumber, w.ca.cert.RawSubject)
	assert.True(t, ok)
	assert.Equal(t, 1, reason, "before any issuer is named it is the CRL's own")
	assert.False(t, revocation.Lists(crl, w.leaf.cert.SerialNumber, w.root.cert.RawSubject))
}

func TestC7TooManyIssuers(t *testing.T) {
	w := newWorld(t)
	named := w.item(w.leaf, 1)
	named.exts = append(named.exts, entryIssuer(t, w.root.cert.RawSubject))
	parse := func(n int) error {
		raw := w.crl(slices.Repeat([]crlItem{named}, n)...).with(28, true, pointSpec{indirct: true}.issuing(t)).encode(t)
		_, err := revocation.ParseCRL(raw)
		return err
	}
	require.NoError(t, parse(1<<16))
	assert.Equal(t, revocation.RuleC7, revocation.RuleOf(parse(1<<16+1)))
}

func TestC11EmptyEntry(t *testing.T) {
	// The first entry must not make room for millions of its size.
	w := newWorld(t)
	s := w.crl()
	r := &response{signer: w.ca}
	alg, _ := r.sign(t, nil)
	s.emptyList = true
	tbs := s.list(t, der(t, alg, ""))
	empty := []byte{0x30, 0}
	require.True(t, bytes.HasSuffix(tbs, empty))
	list := der(t, asn1.RawValue{Tag: asn1.TagSequence, IsCompound: true, Bytes: bytes.Repeat(empty, 1<<20)}, "")
	var seq asn1.RawValue
	_, err := asn1.Unmarshal(tbs, &seq)
	require.NoError(t, err)
	seq = asn1.RawValue{Tag: asn1.TagSequence, IsCompound: true, Bytes: append(bytes.TrimSuffix(seq.Bytes, empty), list...)}
	raw := wrapCRL(t, w.ca, der(t, seq, ""), false)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	_, err = revocation.ParseCRL(raw)
	runtime.ReadMemStats(&after)
	assert.Equal(t, revocation.RuleC11, revocation.RuleOf(err))
	assert.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(len(raw)))
}

func TestC8EvidenceIsAsOldAsItsOldestPart(t *testing.T) {
	// Two partitions, the newer of them brought up to date by a delta.
	w := newWorld(t)
	part := func(reasons []byte, age time.Duration) *crlSpec {
		s := w.crl(w.item(w.delegate, 1)).with(28, true, pointSpec{reasons: reasons}.issuing(t))
		s.thisUpdate, s.nextUpdate = w.now.Add(-age), w.now.Add(3*time.Hour)
		return s
	}
	compromise, others := []byte{5, 0x60}, []byte{7, 0x1f, 0x80}
	old := part(compromise, 5*time.Hour)
	complete := part(others, 4*time.Hour).numbered(t, 5, -1)
	delta := part(others, time.Hour).numbered(t, 6, 5)
	delta.nextUpdate = w.now.Add(time.Hour)
	verify := func(specs ...*crlSpec) revocation.Answer {
		var set revocation.CRLSet
		for _, s := range specs {
			set.CRLs = append(set.CRLs, s.parse(t))
		}
		a, err := revocation.VerifyCRL(set, w.target(), w.now, revocation.CRLPolicy{})
		require.NoError(t, err)
		assert.Equal(t, eidas.StatusGood, a.Status)
		return a
	}
	for _, order := range [][]*crlSpec{{old, complete, delta}, {complete, delta, old}} {
		a := verify(order...)
		assert.Equal(t, old.thisUpdate, a.ThisUpdate)
		assert.Equal(t, old.nextUpdate, a.NextUpdate)
		assert.Equal(t, delta.nextUpdate, a.FreshUntil)
		assert.Equal(t, delta.nextUpdate, a.RenewAfter)
	}
	// Alone, a delta makes its CRL as young as itself.
	base := w.crl().numbered(t, 5, -1)
	base.thisUpdate = w.now.Add(-4 * time.Hour)
	young := w.crl().numbered(t, 6, 5)
	a := verify(base, young)
	assert.Equal(t, young.thisUpdate, a.ThisUpdate)
}

func TestC2NamesDifferInSpacesOfASCIIOnly(t *testing.T) {
	w := newWorld(t)
	plain := w.ca.cert.RawSubject
	rename := func(from, to string) []byte {
		return bytes.ReplaceAll(plain, []byte(from), []byte(to))
	}
	issuer := func(name []byte) func(*world) []*crlSpec {
		return one(func(_ *world, s *crlSpec) { s.issuer = name })
	}
	runCRLCases(t, w, []crlCase{
		{name: "C2 same name", crls: issuer(plain), want: good},
		{name: "C2 other case", crls: issuer(rename("Issuing CA", "issuing ca")), want: good},
		{name: "C2 tabulator for a space", crls: issuer(rename("Issuing CA", "Issuing\tCA")), reason: isInvalid, rule: revocation.RuleC2},
		{name: "C2 line feed for a space", crls: issuer(rename("Issuing CA", "Issuing\nCA")), reason: isInvalid, rule: revocation.RuleC2},
	})
}

func TestC11Size(t *testing.T) {
	_, err := revocation.ParseCRL(make([]byte, revocation.MaxCRLSize+1))
	assert.Equal(t, revocation.RuleC11, revocation.RuleOf(err))
	require.ErrorContains(t, err, "exceeds the limit")
	_, err = revocation.ParseCRL(make([]byte, revocation.MaxCRLSize))
	assert.ErrorContains(t, err, "malformed", "not for its size")
}

func TestP16CRL(t *testing.T) {
	w := newWorld(t)
	verify := func(raw []byte, p revocation.CRLPolicy) (revocation.Answer, error) {
		crl, err := revocation.ParseCRL(raw)
		require.NoError(t, err)
		return revocation.VerifyCRL(revocation.CRLSet{CRLs: []*revocation.CRL{crl}}, w.target(), now, p)
	}
	both := func(raw []byte) {
		t.Helper()
		_, err := verify(raw, revocation.CRLPolicy{})
		assert.Equal(t, revocation.RuleP16, revocation.RuleOf(err), "%v", err)
		a, err := verify(raw, revocation.CRLPolicy{AllowSHA1: true})
		require.NoError(t, err)
		assert.Equal(t, good, a.Status)
	}
	// Signed with SHA-1.
	root := parseTree(w.crl().encode(t))[0]
	alg := parseTree(der(t, pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 1}}, ""))[0]
	root.kids[0].kids[1], root.kids[1] = alg, alg
	sig, err := w.ca.key.Sign(rand.Reader, digest(crypto.SHA1, root.kids[0].encode()), crypto.SHA1)
	require.NoError(t, err)
	root.kids[2].leaf = append([]byte{0}, sig...)
	both(root.encode())
	// Signed with a short key.
	key, err := rsa.GenerateKey(rand.Reader, 1024)
	require.NoError(t, err)
	w.ca = mintKey(t, w.root, key, "Issuing CA", asCA)
	w.leaf = mint(t, w.ca, "TPP", nil)
	both(w.crl().encode(t))
}

func TestC1Reasons(t *testing.T) {
	for _, tt := range []struct {
		name    string
		content []byte
		want    bool
	}{
		{"C1 eight flags", []byte{0, 0x41}, true},
		{"C1 one flag", []byte{6, 0x40}, true},
		{"C1 all flags", []byte{7, 0x7f, 0x80}, true},
		{"C1 no flag", []byte{0}, true},
		{"C1 nothing", []byte{}, false},
		{"C1 unused bits of nothing", []byte{1}, false},
		{"C1 unused bits of more than an octet", []byte{8, 0x80}, false},
		{"C1 unused bit set", []byte{6, 0x60}, false},
		{"C1 trailing zero", []byte{5, 0x40}, false},
		{"C1 trailing zero octet", []byte{0, 0x41, 0}, false},
		{"C1 flags that do not exist", []byte{0, 0x41, 0x01}, true},
		{"C1 three octets of flags", []byte{0, 0x41, 0x01, 0x01}, false},
	} {
		_, _, ok := revocation.PointURLs(points(t, pointSpec{url: "http://a.test/1", reasons: tt.content}).Value)
		assert.Equal(t, tt.want, ok, tt.name)
	}
}

func TestQ1Request(t *testing.T) {
	w := newWorld(t)
	for _, serial := range []int64{1, 0x7f, 0x80, 0xff, 0x100, 0x8000, 0x7fffffffffffffff} {
		leaf := mint(t, w.ca, "TPP", func(c *x509.Certificate) { c.SerialNumber = big.NewInt(serial) })
		target := revocation.Target{Certificate: leaf.cert, Issuer: w.ca.cert}
		own, err := revocation.NewRequest(target, nil)
		require.NoError(t, err)
		other, err := ocsp.CreateRequest(leaf.cert, w.ca.cert, &ocsp.RequestOptions{Hash: crypto.SHA256})
		require.NoError(t, err)
		assert.Equal(t, other, own, "serial number %#x", serial)
	}
}

func TestQ4Request(t *testing.T) {
	w := newWorld(t)
	nonce := bytes.Repeat([]byte{7}, 32)
	without, err := revocation.NewRequest(w.target(), nil)
	require.NoError(t, err)
	with, err := revocation.NewRequest(w.target(), nonce)
	require.NoError(t, err)
	a, b := parseTree(without)[0].kids[0], parseTree(with)[0].kids[0]
	assert.Len(t, a.kids, 1)
	require.Len(t, b.kids, 2)
	assert.Equal(t, a.kids[0].encode(), b.kids[0].encode())
	want := der(t, []pkix.Extension{ext("nonce", false, der(t, nonce, ""))}, "explicit,tag:2")
	assert.Equal(t, want, b.kids[1].encode())
}

func TestC10InvalidityDate(t *testing.T) {
	w := newWorld(t)
	revokedSince := func(invalidity time.Time) crlItem {
		i := w.item(w.leaf, 1)
		i.exts = append(i.exts, pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 24}, Value: der(t, invalidity, "generalized")})
		return i
	}
	for name, invalidity := range map[string]time.Time{
		"C10 before the revocation":                    now.AddDate(0, 0, -7),
		"C10 later than the time in question, in vain": now.AddDate(0, 0, 7),
	} {
		set := revocation.CRLSet{CRLs: []*revocation.CRL{w.crl(revokedSince(invalidity)).parse(t)}}
		a, err := revocation.VerifyCRL(set, w.target(), now, revocation.CRLPolicy{})
		require.NoError(t, err, name)
		assert.Equal(t, revoked, a.Status, name)
		assert.Equal(t, invalidity, a.InvalidityDate, name)
	}
	bad := revokedSince(now)
	bad.exts[1].Value = []byte{24, 1, 'Z'}
	_, err := revocation.ParseCRL(w.crl(bad).encode(t))
	assert.Equal(t, revocation.RuleC11, revocation.RuleOf(err))
}

// TestRulesHaveTests holds that each rule has a test or a row of its name.
func TestRulesHaveTests(t *testing.T) {
	files, err := filepath.Glob("*_test.go")
	require.NoError(t, err)
	var all []byte
	for _, f := range files {
		all = append(all, read(t, f)...)
	}
	for r := revocation.RuleQ1; r <= revocation.RuleB4; r++ {
		named := regexp.MustCompile(`func Test` + r.String() + `[A-Z]|"` + r.String() + ` [A-Za-z0-9]`)
		assert.True(t, named.Match(all), r.String())
	}
}

func TestC7IssuersShareSlots(t *testing.T) {
	// In so small a table entries collide, otherwise each time it is made.
	w := newWorld(t)
	name := func(n int) []byte {
		return der(t, pkix.Name{CommonName: "CA " + big.NewInt(int64(n)).String()}.ToRDNSequence(), "")
	}
	under := func(p *party, n int) crlItem {
		i := w.item(p, 1)
		i.exts = append(i.exts, entryIssuer(t, name(n)))
		return i
	}
	raw := w.crl(under(w.leaf, 1), under(w.leaf, 2), under(w.delegate, 3), under(w.root, 4)).with(28, true, pointSpec{indirct: true}.issuing(t)).encode(t)
	for range 200 {
		crl, err := revocation.ParseCRL(raw)
		require.NoError(t, err)
		for n := range 5 {
			assert.Equal(t, n == 1 || n == 2, revocation.Lists(crl, w.leaf.cert.SerialNumber, name(n)))
			assert.Equal(t, n == 3, revocation.Lists(crl, w.delegate.cert.SerialNumber, name(n)))
		}
	}
}

func TestC7FirstOfSeveralEntries(t *testing.T) {
	// One issuer under two spellings: the entry that comes first counts.
	w := newWorld(t)
	upper := bytes.ReplaceAll(w.ca.cert.RawSubject, []byte("Issuing CA"), []byte("ISSUING CA"))
	under := func(p *party, reason int, name []byte) crlItem {
		i := w.item(p, reason)
		i.exts = append(i.exts, entryIssuer(t, name))
		return i
	}
	for name, items := range map[string][]crlItem{
		"the CRL's own before a named one": {w.item(w.leaf, 1), under(w.leaf, 4, upper)},
		"the second of the names":          {under(w.root, 3, upper), under(w.leaf, 1, w.ca.cert.RawSubject), under(w.leaf, 4, upper)},
		"the first of the names":           {under(w.leaf, 1, upper), under(w.leaf, 4, w.ca.cert.RawSubject)},
	} {
		crl := w.crl(items...).with(28, true, pointSpec{indirct: true}.issuing(t)).parse(t)
		_, reason, ok := revocation.Lookup(crl, w.leaf.cert.SerialNumber, w.ca.cert.RawSubject)
		assert.True(t, ok, name)
		assert.Equal(t, 1, reason, name)
	}
}
