package revocation_test

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/x509"
	"encoding/asn1"
	"encoding/base64"
	"math/big"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ocsp"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/revocation"
)

// FuzzOCSP feeds arbitrary bytes. Oracle: nothing panics, every refusal is an
// *eidas.Error of a revocation reason that names a rule, and whatever is
// accepted is DER to an independent reader and, where x/crypto/ocsp accepts it
// too, read alike, field by field.
func FuzzOCSP(f *testing.F) {
	w := fuzzWorld(f)
	for _, r := range seeds(f, w) {
		f.Add(r.encode(f))
	}
	for _, raw := range corpusResponses(f) {
		f.Add(raw)
	}
	policy := revocation.OCSPPolicy{AllowSHA1: true, AllowAnyAge: true}
	f.Fuzz(func(t *testing.T, raw []byte) {
		own, err := revocation.VerifyOCSP(raw, w.target(), now, policy)
		if err != nil {
			if revocation.RuleOf(err) == 0 {
				t.Errorf("refusal without a rule: %v", err)
			}
			return
		}
		if !isDER(raw, 0) {
			t.Errorf("accepted, but not DER: %x", raw)
		}
		compare(t, raw, w.target(), own)
	})
}

// FuzzResponseData signs arbitrary bytes as the ResponseData of the issuer, so
// that the fuzzer gets past the signature. Oracle: x/crypto/ocsp; what both
// accept about a certificate with one answer, they read alike, field by field.
func FuzzResponseData(f *testing.F) {
	w := fuzzWorld(f)
	for _, r := range seeds(f, w) {
		if r.signer == w.ca {
			f.Add(r.data(f))
		}
	}
	policy := revocation.OCSPPolicy{AllowAnyAge: true}
	f.Fuzz(func(t *testing.T, tbs []byte) {
		raw := wrap(t, w.ca, tbs)
		own, err := revocation.VerifyOCSP(raw, w.target(), now, policy)
		if err != nil {
			if revocation.RuleOf(err) == 0 {
				t.Errorf("refusal without a rule: %v", err)
			}
			return
		}
		if !isDER(raw, 0) {
			t.Errorf("accepted, but not DER: %x", tbs)
		}
		compare(t, raw, w.target(), own)
	})
}

// fuzzWorld is the same world in every process of a fuzzing run, as far as
// names, keys and serial numbers go.
func fuzzWorld(tb testing.TB) *world {
	tb.Helper()
	fixed := func(ca *party, n byte, name string, edit func(*x509.Certificate)) *party {
		key, err := ecdsa.ParseRawPrivateKey(elliptic.P256(), bytes.Repeat([]byte{n}, 32))
		require.NoError(tb, err)
		return mintKey(tb, ca, key, name, func(c *x509.Certificate) {
			c.SerialNumber = big.NewInt(0x5e71a100 + int64(n))
			if edit != nil {
				edit(c)
			}
		})
	}
	w := &world{now: now, root: fixed(nil, 1, "Root", asCA)}
	w.ca = fixed(w.root, 2, "Issuing CA", asCA)
	w.leaf = fixed(w.ca, 3, "TPP", nil)
	w.delegate = fixed(w.ca, 4, "Responder", asDelegate)
	return w
}

// compare holds an accepted answer against that of x/crypto/ocsp, if it
// accepts the response too. It takes the first answer with the serial number,
// so responses with several such answers are not compared.
func compare(tb testing.TB, raw []byte, target revocation.Target, own revocation.Answer) {
	tb.Helper()
	other, err := ocsp.ParseResponseForCert(raw, target.Certificate, target.Issuer)
	if err != nil || strings.Count(string(raw), string(derInt(target.Certificate.SerialNumber))) > 1 {
		return
	}
	status := map[int]eidas.Status{ocsp.Good: eidas.StatusGood, ocsp.Revoked: eidas.StatusRevoked}[other.Status]
	switch {
	case own.Status != status:
		tb.Errorf("status %s, x/crypto %s", own.Status, status)
	case !own.ThisUpdate.Equal(other.ThisUpdate), !own.NextUpdate.Equal(other.NextUpdate), !own.ProducedAt.Equal(other.ProducedAt):
		tb.Errorf("times %v, x/crypto %v %v %v", own, other.ThisUpdate, other.NextUpdate, other.ProducedAt)
	case own.Status == eidas.StatusRevoked && (!own.RevokedAt.Equal(other.RevokedAt) || own.Code != other.RevocationReason):
		tb.Errorf("revoked %s for %d, x/crypto %s for %d", own.RevokedAt, own.Code, other.RevokedAt, other.RevocationReason)
	case other.Certificate != nil && !other.Certificate.Equal(own.Responder) && own.Responder != target.Issuer:
		tb.Errorf("responder %q, x/crypto %q", own.Responder.Subject, other.Certificate.Subject)
	}
}

func derInt(n *big.Int) []byte {
	b, _ := asn1.Marshal(n)
	return b
}

func TestDifferentialOverCorpora(t *testing.T) {
	dir := dataDir(t)
	targets := map[string]revocation.Target{}
	leaves, err := filepath.Glob(filepath.Join(dir, "ocsp-mutants", "*.leaf.der"))
	require.NoError(t, err)
	for _, leaf := range leaves {
		base := strings.TrimSuffix(leaf, ".leaf.der")
		targets[base+".ors.der"] = revocation.Target{Certificate: certificate(t, leaf), Issuer: certificate(t, base+".issuer.der")}
	}
	both := 0
	for path, target := range targets {
		raw := read(t, path)
		own, err := revocation.VerifyOCSP(raw, target, time.Date(2026, 11, 22, 5, 15, 37, 0, time.UTC), revocation.OCSPPolicy{})
		if err == nil {
			compare(t, raw, target, own)
			both++
		}
	}
	w := newWorld(t)
	for _, r := range seeds(t, w) {
		raw := r.encode(t)
		if own, err := revocation.VerifyOCSP(raw, w.target(), now, revocation.OCSPPolicy{AllowAnyAge: true}); err == nil {
			compare(t, raw, w.target(), own)
			both++
		}
	}
	require.Positive(t, both)
}

// seeds are responses of every shape.
func seeds(tb testing.TB, w *world) []*response {
	tb.Helper()
	revokedAnswer := w.good()
	s := &revokedAnswer.singles[0]
	s.status, s.revokedAt, s.reason = "revoked", now.Add(-time.Hour), 4
	two := w.good()
	two.singles = append(two.singles, two.singles[0])
	two.singles[0].serial = w.delegate.cert.SerialNumber
	exts := w.good()
	exts.exts = append(exts.exts, ext("nonce", false, der(tb, make([]byte, 32), "")))
	exts.singles[0].exts = append(exts.singles[0].exts, ext("archiveCutoff", false, der(tb, now, "generalized")))
	byKey := w.good()
	byKey.byKey, byKey.version = true, 0
	none := w.good()
	none.singles[0].nextUpdate = time.Time{}
	return []*response{w.good(), revokedAnswer, two, exts, byKey, none, w.good().by(w.delegate)}
}

// wrap signs tbs as p.
func wrap(tb testing.TB, p *party, tbs []byte) []byte {
	tb.Helper()
	r := &response{signer: p}
	alg, sig := r.sign(tb, tbs)
	type element = asn1.RawValue
	type responseBytes struct {
		Kind     asn1.ObjectIdentifier
		Response []byte
	}
	// Not as a RawValue: tbs need not be an element.
	inner := slices.Concat(tbs, der(tb, alg, ""), der(tb, asn1.BitString{Bytes: sig, BitLength: 8 * len(sig)}, ""))
	basic := der(tb, element{Tag: asn1.TagSequence, IsCompound: true, Bytes: inner}, "")
	return der(tb, struct {
		Status asn1.Enumerated
		Bytes  responseBytes `asn1:"explicit,tag:0"`
	}{0, responseBytes{asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 48, 1, 1}, basic}}, "")
}

// isDER reads b as a row of DER elements, by its own rules: shortest lengths,
// shortest integers, booleans of 00 and FF, whole bit strings.
func isDER(b []byte, depth int) bool {
	for len(b) > 0 {
		if depth > 32 || len(b) < 2 || b[0]&0x1f == 0x1f {
			return false
		}
		tag, n, head := b[0], int(b[1]), 2
		if n >= 0x80 {
			size := n & 0x7f
			if size == 0 || size > 3 || len(b) < 2+size || b[2] == 0 {
				return false
			}
			n = 0
			for _, c := range b[2 : 2+size] {
				n = n<<8 | int(c)
			}
			if n < 0x80 {
				return false
			}
			head += size
		}
		if len(b) < head+n {
			return false
		}
		whole, v := b[:head+n], b[head:head+n]
		b = b[head+n:]
		switch {
		case tag&0x20 != 0:
			if !isDER(v, depth+1) {
				return false
			}
		case tag == 1:
			if len(v) != 1 || v[0] != 0 && v[0] != 0xff {
				return false
			}
		case tag == 2, tag == 10:
			if len(v) == 0 || len(v) > 1 && (v[0] == 0 && v[1] < 0x80 || v[0] == 0xff && v[1] >= 0x80) {
				return false
			}
		case tag == 3:
			if len(v) == 0 || v[0] > 7 {
				return false
			}
		case tag == 5:
			if len(v) != 0 {
				return false
			}
		case tag == 6:
			if _, err := asn1.Unmarshal(whole, new(asn1.ObjectIdentifier)); err != nil && !hugeArc(v) {
				return false
			}
		}
	}
	return true
}

// hugeArc tells of an OBJECT IDENTIFIER with an arc that encoding/asn1 does not
// take for its size alone: more than four octets.
func hugeArc(v []byte) bool {
	run := 0
	for _, c := range v {
		if run++; run > 4 {
			return true
		}
		if c < 0x80 {
			run = 0
		}
	}
	return false
}

// corpusResponses are the responses of the shared data that is at hand.
func corpusResponses(tb testing.TB) [][]byte {
	tb.Helper()
	var list [][]byte
	dir := dataDir(tb)
	for _, pattern := range []string{"*/*.ors", "*/*.ors.der", "rfc9919/response.der"} {
		paths, err := filepath.Glob(filepath.Join(dir, pattern))
		require.NoError(tb, err)
		for _, path := range paths {
			raw, err := os.ReadFile(path)
			require.NoError(tb, err)
			if strings.HasSuffix(path, ".ors") {
				raw, err = base64.StdEncoding.DecodeString(strings.Join(strings.Fields(string(raw)), ""))
				require.NoError(tb, err)
			}
			list = append(list, raw)
		}
	}
	return list
}
