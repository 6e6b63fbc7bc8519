package revocation_test

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas/revocation"
)

// FuzzCRL feeds arbitrary bytes as a TBSCertList signed by the issuer. Oracle:
// what is accepted is DER to an independent reader, and
// x509.ParseRevocationList, which accepts more, reads the same from it, field
// by field and entry by entry.
func FuzzCRL(f *testing.F) {
	w := fuzzWorld(f)
	for _, s := range crlSeeds(f, w) {
		r := &response{signer: w.ca}
		alg, _ := r.sign(f, nil)
		f.Add(s.list(f, der(f, alg, "")))
	}
	f.Fuzz(func(t *testing.T, tbs []byte) {
		raw := wrapCRL(t, w.ca, tbs, false)
		crl, err := revocation.ParseCRL(raw)
		if err != nil {
			if revocation.RuleOf(err) == 0 {
				t.Errorf("refusal without a rule: %v", err)
			}
			return
		}
		if !isDER(raw, 0) {
			t.Errorf("accepted, but not DER: %x", tbs)
		}
		compareCRL(t, raw, crl)
		set := revocation.CRLSet{CRLs: []*revocation.CRL{crl}}
		_, err = revocation.VerifyCRL(set, w.target(), now, revocation.CRLPolicy{AllowAnyAge: true})
		if err != nil && revocation.RuleOf(err) == 0 {
			t.Errorf("refusal without a rule: %v", err)
		}
	})
}

// FuzzPoints feeds arbitrary bytes as distribution points of a certificate.
// Oracle: encoding/asn1 reads what is accepted, with the same URLs, and it is
// DER to an independent reader.
func FuzzPoints(f *testing.F) {
	name := newWorld(f).ca.cert.RawSubject
	f.Add(points(f, pointSpec{url: "http://a.test/1"}).Value)
	f.Add(points(f, pointSpec{url: "http://a.test/1", reasons: []byte{5, 0x60}}, pointSpec{issuers: [][]byte{name}}).Value)
	f.Add(points(f, pointSpec{relative: []byte("\x30\x0c\x06\x03\x55\x04\x03\x0c\x05part1"), issuers: [][]byte{name, name}}).Value)
	f.Fuzz(func(t *testing.T, value []byte) {
		urls, opaque, ok := revocation.PointURLs(value)
		if !ok {
			return
		}
		if !opaque && !isDER(value, 0) {
			t.Errorf("accepted, but not DER: %x", value)
		}
		var list []struct {
			Name struct {
				Full     []asn1.RawValue `asn1:"optional,tag:0"`
				Relative asn1.RawValue   `asn1:"optional,tag:1"`
			} `asn1:"optional,tag:0"`
			Reasons asn1.BitString  `asn1:"optional,tag:1"`
			Issuers []asn1.RawValue `asn1:"optional,tag:2"`
		}
		if rest, err := asn1.Unmarshal(value, &list); err != nil || len(rest) > 0 {
			t.Fatalf("accepted, but encoding/asn1: %v", err)
		}
		var want []string
		for _, p := range list {
			var one []string
			for _, n := range p.Name.Full {
				if n.Tag == 6 && !slices.Contains(one, string(n.Bytes)) {
					one = append(one, string(n.Bytes))
				}
			}
			want = append(want, one...)
		}
		if !slices.Equal(want, urls) {
			t.Errorf("urls %q, encoding/asn1 %q", urls, want)
		}
	})
}

// FuzzIssuingPoint feeds arbitrary bytes as the scope of a CRL. Oracle: it is
// DER to an independent reader, and encoding/asn1 reads the same flags.
func FuzzIssuingPoint(f *testing.F) {
	for _, p := range []pointSpec{{url: "http://a.test/1", users: true}, {cas: true, indirct: true}, {reasons: []byte{5, 0x60}}} {
		f.Add(p.issuing(f))
	}
	f.Fuzz(func(t *testing.T, value []byte) {
		flags, opaque, ok := revocation.IssuingFlags(value)
		if !ok {
			return
		}
		if !opaque && !isDER(value, 0) {
			t.Errorf("accepted, but not DER: %x", value)
		}
		var p struct {
			Name       asn1.RawValue  `asn1:"optional,tag:0"`
			Users      bool           `asn1:"optional,tag:1"`
			CAs        bool           `asn1:"optional,tag:2"`
			Reasons    asn1.BitString `asn1:"optional,tag:3"`
			Indirect   bool           `asn1:"optional,tag:4"`
			Attributes bool           `asn1:"optional,tag:5"`
		}
		if rest, err := asn1.Unmarshal(value, &p); err != nil || len(rest) > 0 {
			t.Fatalf("accepted, but encoding/asn1: %v", err)
		}
		if flags != [3]bool{p.Users, p.CAs, p.Indirect} || p.Attributes {
			t.Errorf("flags differ: %+v", p)
		}
	})
}

// compareCRL holds a CRL against what the standard library reads.
func compareCRL(tb testing.TB, raw []byte, crl *revocation.CRL) {
	tb.Helper()
	other, err := x509.ParseRevocationList(raw)
	if err != nil {
		return // it does not take v1, for one
	}
	if !crl.ThisUpdate().Equal(other.ThisUpdate) || !crl.NextUpdate().Equal(other.NextUpdate) || crl.Len() != len(other.RevokedCertificateEntries) {
		tb.Errorf("own %s %s %d, standard library %s %s %d", crl.ThisUpdate(), crl.NextUpdate(), crl.Len(),
			other.ThisUpdate, other.NextUpdate, len(other.RevokedCertificateEntries))
	}
	seen := make(map[string]bool)
	for _, e := range other.RevokedCertificateEntries {
		key := e.SerialNumber.String()
		indirect := slices.ContainsFunc(other.Extensions, func(x pkix.Extension) bool { return x.Id.Equal([]int{2, 5, 29, 28}) })
		if seen[key] || indirect || e.SerialNumber.Sign() < 0 {
			continue // of several entries the first counts; issuers may differ
		}
		seen[key] = true
		at, reason, ok := revocation.Lookup(crl, e.SerialNumber, other.RawIssuer)
		if !ok || !at.Equal(e.RevocationTime) || reason != e.ReasonCode {
			tb.Errorf("serial %s: own %v %s %d, standard library %s %d", key, ok, at, reason, e.RevocationTime, e.ReasonCode)
		}
	}
}

func crlSeeds(tb testing.TB, w *world) []*crlSpec {
	tb.Helper()
	v1 := w.crl(w.item(w.leaf, -1))
	v1.version = -1
	late := w.crl(w.item(w.leaf, 6), w.item(w.delegate, -1))
	late.generalized = true
	item := w.item(w.leaf, 1)
	item.exts = append(item.exts, pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 24}, Value: der(tb, w.now, "generalized")})
	indirect := w.item(w.leaf, 1)
	indirect.exts = append(indirect.exts, entryIssuer(tb, w.ca.cert.RawSubject))
	return []*crlSpec{
		w.crl(), w.crl(w.item(w.delegate, 1)).numbered(tb, 5, -1), w.crl(item).numbered(tb, 7, 5), v1, late,
		w.crl(indirect).with(28, true, pointSpec{indirct: true}.issuing(tb)),
		w.crl(w.item(w.leaf, 4)).with(28, true, pointSpec{url: "http://a.test/1", reasons: []byte{5, 0x60}}.issuing(tb)),
	}
}

// compareMisses asks each CRL of the corpora for all serial numbers of the
// others.
func compareMisses(tb testing.TB, paths []string, serials map[string]*big.Int) {
	tb.Helper()
	for _, path := range paths {
		raw := read(tb, path)
		crl, err := revocation.ParseCRL(raw)
		other, otherErr := x509.ParseRevocationList(raw)
		if err != nil || otherErr != nil {
			continue
		}
		if slices.ContainsFunc(other.Extensions, func(x pkix.Extension) bool { return x.Id.Equal([]int{2, 5, 29, 28}) }) {
			continue // its entries may be of other issuers
		}
		for _, n := range serials {
			if n.Sign() < 0 {
				continue // no certificate that crypto/x509 takes has one
			}
			want := slices.ContainsFunc(other.RevokedCertificateEntries, func(e x509.RevocationListEntry) bool { return e.SerialNumber.Cmp(n) == 0 })
			if revocation.Lists(crl, n, other.RawIssuer) != want {
				tb.Errorf("%s: serial %s: standard library %v", filepath.Base(path), n, want)
			}
		}
	}
}

func TestCRLsReadAsByTheStandardLibrary(t *testing.T) {
	paths, err := filepath.Glob(filepath.Join(dataDir(t), "*", "crls", "*.crl"))
	require.NoError(t, err)
	compared := 0
	listed := make(map[string]*big.Int)
	for _, path := range paths {
		raw, err := os.ReadFile(path)
		require.NoError(t, err)
		crl, err := revocation.ParseCRL(raw)
		if err != nil {
			t.Logf("%s: %v", filepath.Base(path), err)
			continue
		}
		compareCRL(t, raw, crl)
		compared++
		if other, err := x509.ParseRevocationList(raw); err == nil {
			for _, e := range other.RevokedCertificateEntries {
				listed[e.SerialNumber.String()] = e.SerialNumber
			}
		}
	}
	t.Logf("%d of %d CRLs compared", compared, len(paths))
	compareMisses(t, paths, listed)
	w := newWorld(t)
	for _, s := range crlSeeds(t, w) {
		compareCRL(t, s.encode(t), s.parse(t))
		compared++
	}
	large, last := bigCRL(t, w, 50_000)
	crl, err := revocation.ParseCRL(large)
	require.NoError(t, err)
	compareCRL(t, large, crl)
	assert.True(t, revocation.Lists(crl, last, w.ca.cert.RawSubject))
	assert.False(t, revocation.Lists(crl, w.leaf.cert.SerialNumber, w.ca.cert.RawSubject))
	assert.Greater(t, compared, len(paths)/2)
}
