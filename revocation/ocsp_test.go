package revocation_test

import (
	"bytes"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/revocation"
)

// ocspCase is one response and what is to be made of it.
type ocspCase struct {
	name     string
	response func(*world) *response
	policy   revocation.OCSPPolicy
	target   func(*world) revocation.Target // nil: the usual one
	want     eidas.Status
	reason   eidas.Reason // of the refusal
	rule     revocation.Rule
}

const (
	isInvalid     = eidas.ReasonRevocationInvalid
	isUnknown     = eidas.ReasonRevocationUnknown
	isUnavailable = eidas.ReasonRevocationUnavailable
	good          = eidas.StatusGood
	revoked       = eidas.StatusRevoked
)

func runCases(t *testing.T, cases []ocspCase) {
	t.Helper()
	w := newWorld(t)
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			target := w.target()
			if c.target != nil {
				target = c.target(w)
			}
			a, err := revocation.VerifyOCSP(c.response(w).encode(t), target, now, c.policy)
			assert.Equal(t, c.want, a.Status, "%v", err)
			assert.Equal(t, c.reason, eidas.ReasonOf(err), "%v", err)
			assert.Equal(t, c.rule, revocation.RuleOf(err), "%v", err)
		})
	}
}

// edit is a good answer with a change.
func edit(f func(*world, *response)) func(*world) *response {
	return func(w *world) *response {
		r := w.good()
		f(w, r)
		return r
	}
}

// editSingle is a good answer with a change to its only SingleResponse.
func editSingle(f func(*world, *single)) func(*world) *response {
	return edit(func(w *world, r *response) { f(w, &r.singles[0]) })
}

func TestP1Form(t *testing.T) {
	runCases(t, []ocspCase{
		{name: "P1 well-formed", response: (*world).good, want: good},
		{name: "P1 explicit v1", response: edit(func(_ *world, r *response) { r.version = 0 }), want: good},
		{name: "P1 v2", response: edit(func(_ *world, r *response) { r.version = 1 }), reason: isInvalid, rule: revocation.RuleP1},
		{name: "P1 trailing bytes", response: edit(func(_ *world, r *response) { r.trailing = []byte{0} }), reason: isInvalid, rule: revocation.RuleP1},
		{name: "P1 other response type", response: edit(func(_ *world, r *response) { r.kind = asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 48, 1, 10} }), reason: isInvalid, rule: revocation.RuleP1},
		{name: "P1 no response bytes", response: edit(func(_ *world, r *response) { r.noBytes = true }), reason: isInvalid, rule: revocation.RuleP1},
		{name: "P1 good and revoked at once", response: editSingle(func(_ *world, s *single) { s.status, s.revokedAt = "both", now }), reason: isInvalid, rule: revocation.RuleP1},
		{name: "P1 no status", response: editSingle(func(_ *world, s *single) { s.status = "" }), reason: isInvalid, rule: revocation.RuleP1},
		{name: "P1 extension twice", response: edit(func(_ *world, r *response) {
			r.exts = []pkix.Extension{ext("sct", false, nil), ext("sct", false, nil)}
		}), reason: isInvalid, rule: revocation.RuleP1},
		{name: "P1 empty extensions", response: edit(func(_ *world, r *response) { r.exts = []pkix.Extension{} }), reason: isInvalid, rule: revocation.RuleP1},
		{name: "P1 too many extensions", response: edit(func(_ *world, r *response) {
			for i := range 17 {
				r.exts = append(r.exts, pkix.Extension{Id: asn1.ObjectIdentifier{1, 2, i}, Value: []byte{}})
			}
		}), reason: isInvalid, rule: revocation.RuleP1},
		{name: "P1 too many certificates", response: edit(func(w *world, r *response) {
			r.certs = slices.Repeat([][]byte{w.ca.cert.Raw}, 17)
		}), reason: isInvalid, rule: revocation.RuleP1},
		{name: "P1 too large", response: edit(func(_ *world, r *response) { r.trailing = make([]byte, revocation.MaxOCSPSize) }), reason: isInvalid, rule: revocation.RuleP1},
		{name: "P1 undefined response status", response: edit(func(_ *world, r *response) { r.status, r.noBytes = 4, true }), reason: isInvalid, rule: revocation.RuleP1},
	})
}

func TestP1EveryByteCounts(t *testing.T) {
	// Whatever byte of an answer without certificates changes, it is refused.
	w := newWorld(t)
	raw := w.good().encode(t)
	for i := range raw {
		for _, bit := range []byte{1, 0x80} {
			changed := slices.Clone(raw)
			changed[i] ^= bit
			_, err := revocation.VerifyOCSP(changed, w.target(), now, revocation.OCSPPolicy{})
			require.Error(t, err, "byte %d", i)
		}
		_, err := revocation.VerifyOCSP(raw[:i], w.target(), now, revocation.OCSPPolicy{})
		assert.Error(t, err, "length %d", i)
	}
}

func TestP1Limits(t *testing.T) {
	w := newWorld(t)
	sized := func(n int) []byte {
		r := w.good()
		r.certs = [][]byte{der(t, asn1.RawValue{Tag: asn1.TagSequence, IsCompound: true, Bytes: make([]byte, n)}, "")}
		return r.encode(t)
	}
	n := revocation.MaxOCSPSize - len(sized(60_000)) + 60_000
	for len(sized(n)) != revocation.MaxOCSPSize {
		n += revocation.MaxOCSPSize - len(sized(n)) // signatures differ in length
	}
	var at, over []byte
	for len(at) != revocation.MaxOCSPSize {
		at = sized(n)
	}
	for len(over) != revocation.MaxOCSPSize+1 {
		over = sized(n + 1)
	}
	_, err := revocation.VerifyOCSP(at, w.target(), now, revocation.OCSPPolicy{})
	require.NoError(t, err)
	_, err = revocation.VerifyOCSP(over, w.target(), now, revocation.OCSPPolicy{})
	assert.Equal(t, revocation.RuleP1, revocation.RuleOf(err))
	for status, rule := range map[byte]revocation.Rule{0xff: revocation.RuleP1, 7: revocation.RuleP1, 6: revocation.RuleP2, 4: revocation.RuleP1} {
		_, err = revocation.VerifyOCSP([]byte{0x30, 3, 10, 1, status}, w.target(), now, revocation.OCSPPolicy{})
		assert.Equal(t, rule, revocation.RuleOf(err), "status %d", status)
	}
	r := w.good()
	r.byKey = true
	tbs := r.data(t)
	// A key hash of another size than SHA-1's.
	i := bytes.Index(tbs, []byte{0xa2, 22, 4, 20})
	require.Positive(t, i)
	cut := slices.Concat(tbs[:i], []byte{0xa2, 21, 4, 19}, tbs[i+4:i+23], tbs[i+24:])
	cut[1+1]-- // the length of ResponseData, in long form of one octet
	_, err = revocation.VerifyOCSP(wrap(t, w.ca, cut), w.target(), now, revocation.OCSPPolicy{})
	assert.Equal(t, revocation.RuleP1, revocation.RuleOf(err), "%v", err)
	assert.ErrorContains(t, err, "responder identifier")
}

func TestP2Status(t *testing.T) {
	var cases []ocspCase
	for status, name := range map[int]string{1: "malformedRequest", 2: "internalError", 3: "tryLater", 5: "sigRequired", 6: "unauthorized"} {
		cases = append(cases,
			ocspCase{name: "P2 " + name, response: edit(func(_ *world, r *response) { r.status, r.noBytes = status, true }), reason: isUnavailable, rule: revocation.RuleP2},
			// The content of an unsuccessful response is not looked at.
			ocspCase{name: "P2 " + name + " with content", response: edit(func(_ *world, r *response) { r.status = status }), reason: isUnavailable, rule: revocation.RuleP2})
	}
	runCases(t, cases)
}

func TestP3Match(t *testing.T) {
	other := func(f func(*single)) func(*world, *single) {
		return func(_ *world, s *single) { f(s) }
	}
	add := func(status string, f func(*single)) func(*world) *response {
		return edit(func(_ *world, r *response) {
			s := r.singles[0]
			s.status, s.revokedAt = status, now.Add(-time.Hour)
			if f != nil {
				f(&s)
			}
			r.singles = append(r.singles, s)
		})
	}
	runCases(t, []ocspCase{
		{name: "P3 SHA-1", response: editSingle(other(func(s *single) { s.hash = crypto.SHA1 })), want: good},
		{name: "P3 SHA-256", response: (*world).good, want: good},
		{name: "P3 SHA-384", response: editSingle(other(func(s *single) { s.hash = crypto.SHA384 })), want: good},
		{name: "P3 SHA-512", response: editSingle(other(func(s *single) { s.hash = crypto.SHA512 })), want: good},
		{name: "P3 MD5", response: editSingle(other(func(s *single) { s.hash = crypto.MD5 })), reason: isInvalid, rule: revocation.RuleP3},
		{name: "P3 other serial", response: editSingle(func(w *world, s *single) { s.serial = w.ca.cert.SerialNumber }), reason: isInvalid, rule: revocation.RuleP3},
		{name: "P3 other name hash", response: editSingle(other(func(s *single) { s.nameHash = make([]byte, 32) })), reason: isInvalid, rule: revocation.RuleP3},
		{name: "P3 other key hash", response: editSingle(other(func(s *single) { s.keyHash = make([]byte, 32) })), reason: isInvalid, rule: revocation.RuleP3},
		{name: "P3 no answer at all", response: edit(func(_ *world, r *response) { r.singles = nil }), reason: isInvalid, rule: revocation.RuleP3},
		{name: "P3 another certificate first", response: edit(func(w *world, r *response) {
			s := r.singles[0]
			s.serial, s.status, s.revokedAt = w.ca.cert.SerialNumber, "revoked", now
			r.singles = slices.Insert(r.singles, 0, s)
		}), want: good},
		{name: "P3 good then revoked", response: add("revoked", nil), want: revoked},
		{name: "P3 good then revoked, by another hash", response: add("revoked", func(s *single) { s.hash = crypto.SHA1 }), want: revoked},
		{name: "P3 good then unknown", response: add("unknown", nil), reason: isUnknown, rule: revocation.RuleP3},
		{name: "P3 unknown then revoked", response: edit(func(_ *world, r *response) {
			s := r.singles[0]
			s.status, s.revokedAt = "revoked", now
			r.singles[0].status = "unknown"
			r.singles = append(r.singles, s)
		}), want: revoked},
		{name: "P3 good, beside an outdated revoked", response: add("revoked", func(s *single) {
			s.thisUpdate, s.nextUpdate = now.Add(-48*time.Hour), now.Add(-47*time.Hour)
		}), want: good},
		{name: "P3 unknown", response: editSingle(other(func(s *single) { s.status = "unknown" })), reason: isUnknown, rule: revocation.RuleP3},
	})
}

func TestP3NewestCounts(t *testing.T) {
	w := newWorld(t)
	r := w.good()
	for _, age := range []time.Duration{3 * time.Minute, time.Minute, 2 * time.Minute} {
		s := r.singles[0]
		s.thisUpdate = now.Add(-age)
		r.singles = append(r.singles, s)
	}
	r.singles = r.singles[1:]
	for range r.singles {
		a, err := revocation.VerifyOCSP(r.encode(t), w.target(), now, revocation.OCSPPolicy{})
		require.NoError(t, err)
		assert.Equal(t, now.Add(-time.Minute), a.ThisUpdate)
		r.singles = append(r.singles[1:], r.singles[0])
	}
	// Revoked counts before good, even when it is older.
	r.singles[1].status, r.singles[1].revokedAt, r.singles[1].thisUpdate = "revoked", now, now.Add(-4*time.Minute)
	a, err := revocation.VerifyOCSP(r.encode(t), w.target(), now, revocation.OCSPPolicy{})
	require.NoError(t, err)
	assert.Equal(t, revoked, a.Status)
	assert.Equal(t, now.Add(-4*time.Minute), a.ThisUpdate)
}

func TestP4Authorised(t *testing.T) {
	delegate := func(f func(*x509.Certificate)) func(*world) *response {
		return func(w *world) *response {
			return w.good().by(mint(t, w.ca, "Responder 2", func(c *x509.Certificate) { asDelegate(c); f(c) }))
		}
	}
	local := func(w *world, p *party) func(*world) revocation.Target {
		return func(*world) revocation.Target {
			target := w.target()
			target.Responders = []*x509.Certificate{p.cert}
			return target
		}
	}
	w := newWorld(t)
	stranger := mint(t, nil, "Listed responder", nil)
	expired := mint(t, nil, "Expired listed responder", func(c *x509.Certificate) { c.NotAfter = now.Add(-time.Hour) })
	sub := mint(t, w.ca, "Sub CA", asCA)
	twin := mint(t, w.root, "Issuing CA", asCA) // the issuer's name, another key
	renamed := mintKey(t, w.root, w.ca.key, "Issuing CA 2", asCA)
	sibling := mint(t, w.ca, "Other TPP", nil)
	for _, c := range []ocspCase{
		{name: "P4 delegate", response: func(w *world) *response { return w.good().by(w.delegate) }, want: good},
		{name: "P4 delegate without purpose", response: delegate(func(c *x509.Certificate) { c.ExtKeyUsage = nil }), reason: isInvalid, rule: revocation.RuleP4},
		{name: "P4 delegate with anyExtendedKeyUsage", response: delegate(func(c *x509.Certificate) { c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageAny} }), reason: isInvalid, rule: revocation.RuleP4},
		{name: "P4 delegate of a sub CA", response: func(w *world) *response { return w.good().by(mint(t, sub, "R", asDelegate)) }, reason: isInvalid, rule: revocation.RuleP4},
		{name: "P4 delegate of the root", response: func(w *world) *response { return w.good().by(mint(t, w.root, "R", asDelegate)) }, reason: isInvalid, rule: revocation.RuleP4},
		{name: "P4 delegate of the issuer's namesake", response: func(w *world) *response { return w.good().by(mint(t, twin, "R", asDelegate)) }, reason: isInvalid, rule: revocation.RuleP4},
		{name: "P4 delegate of the issuer's key under another name", response: func(w *world) *response { return w.good().by(mint(t, renamed, "R", asDelegate)) }, reason: isInvalid, rule: revocation.RuleP4},
		{name: "P4 self-signed delegate", response: func(w *world) *response { return w.good().by(mint(t, nil, "R", asDelegate)) }, reason: isInvalid, rule: revocation.RuleP4},
		{name: "P4 sibling certificate", response: func(w *world) *response { return w.good().by(sibling) }, reason: isInvalid, rule: revocation.RuleP4},
		{name: "P4 the certificate for itself", response: func(w *world) *response { return w.good().by(w.leaf) }, reason: isInvalid, rule: revocation.RuleP4},
		{name: "P4 the issuer's namesake", response: func(w *world) *response { return w.good().by(twin) }, reason: isInvalid, rule: revocation.RuleP6},
		{name: "P4 locally trusted", response: func(w *world) *response { r := w.good(); r.signer = stranger; return r }, target: local(w, stranger), want: good},
		{name: "P4 locally trusted, embedded too", response: func(w *world) *response { return w.good().by(stranger) }, target: local(w, stranger), want: good},
		{name: "P4 not locally trusted", response: func(w *world) *response { return w.good().by(stranger) }, reason: isInvalid, rule: revocation.RuleP4},
		{name: "P4 another one locally trusted", response: func(w *world) *response { return w.good().by(stranger) }, target: local(w, sibling), reason: isInvalid, rule: revocation.RuleP4},
		{name: "P5 locally trusted but expired", response: func(w *world) *response { r := w.good(); r.signer = expired; return r }, target: local(w, expired), reason: isInvalid, rule: revocation.RuleP5},
	} {
		c.target = orTarget(c.target, w)
		inner := c.response
		c.response = func(*world) *response { return inner(w) }
		runCases(t, []ocspCase{c})
	}
}

// orTarget keeps a case in the world w.
func orTarget(f func(*world) revocation.Target, w *world) func(*world) revocation.Target {
	if f != nil {
		return f
	}
	return func(*world) revocation.Target { return w.target() }
}

func TestP5Delegate(t *testing.T) {
	delegate := func(f func(*x509.Certificate)) func(*world) *response {
		return func(w *world) *response {
			return w.good().by(mint(t, w.ca, "R", func(c *x509.Certificate) { asDelegate(c); f(c) }))
		}
	}
	runCases(t, []ocspCase{
		{name: "P5 valid", response: delegate(func(c *x509.Certificate) { c.NotAfter = now.Add(time.Second) }), want: good},
		{name: "P5 expired", response: delegate(func(c *x509.Certificate) { c.NotAfter = now.Add(-time.Second) }), reason: isInvalid, rule: revocation.RuleP5},
		{name: "P5 expired before producedAt", response: delegate(func(c *x509.Certificate) { c.NotAfter = now.Add(-time.Hour) }), reason: isInvalid, rule: revocation.RuleP5},
		{name: "P5 not yet valid", response: delegate(func(c *x509.Certificate) { c.NotBefore = now.Add(time.Hour) }), reason: isInvalid, rule: revocation.RuleP5},
		{name: "P5 not valid at producedAt", response: delegate(func(c *x509.Certificate) { c.NotBefore = now }), reason: isInvalid, rule: revocation.RuleP5},
		{name: "P5 nonRepudiation", response: delegate(func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageContentCommitment }), want: good},
		{name: "P5 no key usage", response: delegate(func(c *x509.Certificate) { c.KeyUsage = 0 }), want: good},
		{name: "P5 may not sign", response: delegate(func(c *x509.Certificate) { c.KeyUsage = x509.KeyUsageKeyEncipherment }), reason: isInvalid, rule: revocation.RuleP5},
		{name: "P5 key usage without a bit", response: delegate(func(c *x509.Certificate) {
			c.KeyUsage = 0
			c.ExtraExtensions = append(c.ExtraExtensions, pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 15}, Critical: true, Value: []byte{3, 1, 0}})
		}), reason: isInvalid, rule: revocation.RuleP5},
		{name: "P5 critical nocheck", response: delegate(func(c *x509.Certificate) { c.ExtraExtensions[0].Critical = true }), want: good},
		{name: "P5 expired at producedAt only", response: func(w *world) *response {
			r := w.good().by(mint(t, w.ca, "R", func(c *x509.Certificate) { asDelegate(c); c.NotAfter = now.Add(time.Second) }))
			r.producedAt = now.Add(2 * time.Second)
			return r
		}, reason: isInvalid, rule: revocation.RuleP5},
		{name: "P5 valid from within the skew", response: func(w *world) *response {
			r := w.good().by(mint(t, w.ca, "R", func(c *x509.Certificate) { asDelegate(c); c.NotBefore = now.Add(5 * time.Minute) }))
			r.producedAt = now.Add(5 * time.Minute)
			return r
		}, want: good},
		{name: "P5 not yet valid, and produced later still", response: func(w *world) *response {
			r := w.good().by(mint(t, w.ca, "R", func(c *x509.Certificate) { asDelegate(c); c.NotBefore = now.Add(6 * time.Minute) }))
			r.producedAt = now.Add(7 * time.Minute)
			return r
		}, reason: isInvalid, rule: revocation.RuleP5},
		{name: "P5 valid from beyond the skew", response: func(w *world) *response {
			r := w.good().by(mint(t, w.ca, "R", func(c *x509.Certificate) { asDelegate(c); c.NotBefore = now.Add(5*time.Minute + time.Second) }))
			r.producedAt = now.Add(5 * time.Minute)
			return r
		}, reason: isInvalid, rule: revocation.RuleP5},
		{name: "P5 sub CA with the purpose", response: delegate(asCA), reason: isInvalid, rule: revocation.RuleP5},
		{name: "P5 unknown extension", response: delegate(func(c *x509.Certificate) {
			c.ExtraExtensions = append(c.ExtraExtensions, ext("unknown", false, []byte{5, 0}))
		}), want: good},
		{name: "P5 unknown critical extension", response: delegate(func(c *x509.Certificate) {
			c.ExtraExtensions = append(c.ExtraExtensions, ext("unknown", true, []byte{5, 0}))
		}), reason: isInvalid, rule: revocation.RuleP5},
		{name: "P5 the certificate's own key", response: func(w *world) *response {
			return w.good().by(mintKey(t, w.ca, w.leaf.key, "R", asDelegate))
		}, reason: isInvalid, rule: revocation.RuleP5},
	})
	// A responder with a purpose, asked about itself.
	w := newWorld(t)
	target := w.target()
	target.Certificate = w.delegate.cert
	r := w.good().by(w.delegate)
	r.singles[0].serial = w.delegate.cert.SerialNumber
	_, err := revocation.VerifyOCSP(r.encode(t), target, now, revocation.OCSPPolicy{})
	assert.Equal(t, revocation.RuleP5, revocation.RuleOf(err), "%v", err)
}

func TestP6ResponderID(t *testing.T) {
	runCases(t, []ocspCase{
		{name: "P6 issuer by key", response: edit(func(_ *world, r *response) { r.byKey = true }), want: good},
		{name: "P6 issuer's certificate embedded", response: edit(func(w *world, r *response) { r.certs = [][]byte{w.ca.cert.Raw} }), want: good},
		{name: "P6 delegate by key", response: func(w *world) *response { r := w.good().by(w.delegate); r.byKey = true; return r }, want: good},
		{name: "P6 delegate last", response: func(w *world) *response {
			r := w.good().by(w.delegate)
			r.certs = [][]byte{w.root.cert.Raw, w.ca.cert.Raw, w.delegate.cert.Raw}
			return r
		}, want: good},
		{name: "P6 delegate not embedded", response: edit(func(w *world, r *response) { r.signer = w.delegate }), reason: isInvalid, rule: revocation.RuleP6},
		{name: "P6 names another", response: edit(func(w *world, r *response) { r.by(w.delegate).byName = w.root.cert.RawSubject }), reason: isInvalid, rule: revocation.RuleP6},
		{name: "P6 names the issuer, signed by the delegate", response: edit(func(w *world, r *response) { r.by(w.delegate).byName = w.ca.cert.RawSubject }), reason: isInvalid, rule: revocation.RuleP6},
		{name: "P6 broken signature", response: edit(func(_ *world, r *response) { r.breakSig = true }), reason: isInvalid, rule: revocation.RuleP6},
		{name: "P6 broken signature of the delegate", response: edit(func(w *world, r *response) { r.by(w.delegate).breakSig = true }), reason: isInvalid, rule: revocation.RuleP6},
		{name: "P6 unreadable certificate beside", response: func(w *world) *response {
			r := w.good().by(w.delegate)
			r.certs = append([][]byte{{0x30, 0}}, r.certs...)
			return r
		}, want: good},
		{name: "P6 namesakes, one of them right", response: func(w *world) *response {
			r := w.good().by(w.delegate)
			r.certs = append([][]byte{mint(t, w.ca, "Responder", asDelegate).cert.Raw}, r.certs...)
			return r
		}, want: good},
		{name: "P6 four namesakes, the last of them right", response: func(w *world) *response {
			r := w.good().by(w.delegate)
			for range 3 {
				r.certs = append([][]byte{mint(t, w.ca, "Responder", asDelegate).cert.Raw}, r.certs...)
			}
			return r
		}, want: good},
		{name: "P6 too many namesakes", response: func(w *world) *response {
			r := w.good().by(w.delegate)
			for range 4 {
				r.certs = append([][]byte{mint(t, w.ca, "Responder", asDelegate).cert.Raw}, r.certs...)
			}
			return r
		}, reason: isInvalid, rule: revocation.RuleP6},
	})
}

func TestP7DelegateStatus(t *testing.T) {
	w := newWorld(t)
	unchecked := mint(t, w.ca, "R", func(c *x509.Certificate) {
		c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageOCSPSigning}
	})
	verify := func(p *party, policy revocation.OCSPPolicy) (revocation.Answer, error) {
		return revocation.VerifyOCSP(w.good().by(p).encode(t), w.target(), now, policy)
	}
	a, err := verify(w.delegate, revocation.OCSPPolicy{RejectUncheckedDelegate: true})
	require.NoError(t, err, "nocheck is trusted")
	assert.False(t, a.DelegateUnchecked)
	assert.Equal(t, w.delegate.cert, a.Responder)
	a, err = verify(unchecked, revocation.OCSPPolicy{})
	require.NoError(t, err)
	assert.True(t, a.DelegateUnchecked, "accepted and flagged")
	_, err = verify(unchecked, revocation.OCSPPolicy{RejectUncheckedDelegate: true})
	assert.Equal(t, revocation.RuleP7, revocation.RuleOf(err))
}

func TestP8Times(t *testing.T) {
	at := func(this, next time.Duration) func(*world) *response {
		return editSingle(func(_ *world, s *single) { s.thisUpdate, s.nextUpdate = now.Add(this), now.Add(next) })
	}
	produced := func(at time.Time) func(*world) *response {
		return edit(func(_ *world, r *response) { r.producedAt = at })
	}
	strict := revocation.OCSPPolicy{Skew: time.Minute}
	runCases(t, []ocspCase{
		{name: "P8 thisUpdate within the skew", response: at(5*time.Minute, time.Hour), want: good},
		{name: "P8 thisUpdate in the future", response: at(5*time.Minute+time.Second, time.Hour), reason: isInvalid, rule: revocation.RuleP8},
		{name: "P8 thisUpdate in the future, other skew", response: at(2*time.Minute, time.Hour), policy: strict, reason: isInvalid, rule: revocation.RuleP8},
		{name: "P8 nextUpdate passed within the skew", response: at(-time.Hour, -5*time.Minute), want: good},
		{name: "P8 nextUpdate passed", response: at(-time.Hour, -5*time.Minute-time.Second), reason: isInvalid, rule: revocation.RuleP8},
		{name: "P8 nextUpdate passed, any age", response: at(-10*24*time.Hour, -9*24*time.Hour), policy: revocation.OCSPPolicy{AllowAnyAge: true}, want: good},
		{name: "P8 thisUpdate in the future, any age", response: at(time.Hour, 2*time.Hour), policy: revocation.OCSPPolicy{AllowAnyAge: true}, reason: isInvalid, rule: revocation.RuleP8},
		{name: "P8 nextUpdate before thisUpdate", response: at(time.Minute, 0), reason: isInvalid, rule: revocation.RuleP8},
		{name: "P8 producedAt in the future", response: produced(now.Add(6 * time.Minute)), reason: isInvalid, rule: revocation.RuleP8},
		{name: "P8 producedAt before thisUpdate", response: produced(now.Add(-24 * time.Hour)), want: good},
		{name: "P8 producedAt before the certificate", response: produced(now.AddDate(0, -1, 0).Add(-time.Hour)), reason: isInvalid, rule: revocation.RuleP8},
		{name: "P8 thisUpdate before the certificate", response: at(-32*24*time.Hour, time.Hour), reason: isInvalid, rule: revocation.RuleP8},
	})
}

func TestP9NoNextUpdate(t *testing.T) {
	aged := func(age time.Duration) func(*world) *response {
		return editSingle(func(_ *world, s *single) { s.thisUpdate, s.nextUpdate = now.Add(-age), time.Time{} })
	}
	runCases(t, []ocspCase{
		{name: "P9 young", response: aged(10 * time.Minute), want: good},
		{name: "P9 old", response: aged(10*time.Minute + time.Second), reason: isInvalid, rule: revocation.RuleP9},
		{name: "P9 old, longer allowed", response: aged(time.Hour), policy: revocation.OCSPPolicy{NoNextUpdateAge: time.Hour}, want: good},
		{name: "P9 old, rejected only without nextUpdate", response: (*world).good, policy: revocation.OCSPPolicy{RejectNoNextUpdate: true}, want: good},
		{name: "P9 rejected at all", response: aged(0), policy: revocation.OCSPPolicy{RejectNoNextUpdate: true}, reason: isInvalid, rule: revocation.RuleP9},
	})
}

func TestP10Age(t *testing.T) {
	aged := editSingle(func(_ *world, s *single) {
		s.thisUpdate, s.nextUpdate = now.Add(-25*time.Hour), now.Add(6*24*time.Hour)
	})
	runCases(t, []ocspCase{
		{name: "P10 due for renewal but good", response: aged, want: good},
		{name: "P10 strict", response: aged, policy: revocation.OCSPPolicy{StrictMaxAge: true}, reason: isInvalid, rule: revocation.RuleP10},
		{name: "P10 strict, longer allowed", response: aged, policy: revocation.OCSPPolicy{StrictMaxAge: true, MaxAge: 26 * time.Hour}, want: good},
	})
}

func TestP11CriticalExtensions(t *testing.T) {
	both := func(e pkix.Extension) []func(*world) *response {
		return []func(*world) *response{
			edit(func(_ *world, r *response) { r.exts = []pkix.Extension{e} }),
			editSingle(func(_ *world, s *single) { s.exts = []pkix.Extension{e} }),
		}
	}
	for i, level := range []string{"response", "single"} {
		runCases(t, []ocspCase{
			{name: "P11 unknown at " + level, response: both(ext("unknown", false, nil))[i], want: good},
			{name: "P11 unknown critical at " + level, response: both(ext("unknown", true, nil))[i], reason: isInvalid, rule: revocation.RuleP11},
			{name: "P11 critical nonce at " + level, response: both(ext("nonce", true, []byte{4, 1, 1}))[i], want: good},
			{name: "P11 critical SCT list at " + level, response: both(ext("sct", true, nil))[i], want: good},
		})
	}
}

func TestP12CertHash(t *testing.T) {
	hash := func(h crypto.Hash, flip byte) func(*world) *response {
		return editSingle(func(w *world, s *single) {
			d := digest(h, w.leaf.cert.Raw)
			d[0] ^= flip
			s.exts = []pkix.Extension{ext("certHash", false, der(t, struct {
				Algorithm pkix.AlgorithmIdentifier
				Hash      []byte
			}{pkix.AlgorithmIdentifier{Algorithm: hashOIDs[h], Parameters: asn1.NullRawValue}, d}, ""))}
		})
	}
	require1 := revocation.OCSPPolicy{RequireCertHash: true}
	runCases(t, []ocspCase{
		{name: "P12 right", response: hash(crypto.SHA256, 0), policy: require1, want: good},
		{name: "P12 right by SHA-1", response: hash(crypto.SHA1, 0), want: good},
		{name: "P12 wrong", response: hash(crypto.SHA256, 1), reason: isInvalid, rule: revocation.RuleP12},
		{name: "P12 unknown digest", response: hash(crypto.MD5, 0), reason: isInvalid, rule: revocation.RuleP12},
		{name: "P12 right digest under another name", response: editSingle(func(w *world, s *single) {
			s.exts = []pkix.Extension{ext("certHash", false, der(t, struct {
				Algorithm pkix.AlgorithmIdentifier
				Hash      []byte
			}{pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 3}}, digest(crypto.SHA1, w.leaf.cert.Raw)}, ""))}
		}), reason: isInvalid, rule: revocation.RuleP12},
		{name: "P12 malformed", response: editSingle(func(_ *world, s *single) { s.exts = []pkix.Extension{ext("certHash", false, []byte{5, 0})} }), reason: isInvalid, rule: revocation.RuleP12},
		{name: "P12 missing", response: (*world).good, want: good},
		{name: "P12 missing though required", response: (*world).good, policy: require1, reason: isInvalid, rule: revocation.RuleP12},
		{name: "P12 revoked needs no statement", response: editSingle(func(_ *world, s *single) { s.status, s.revokedAt = "revoked", now }), policy: require1, want: revoked},
	})
}

func TestP13NonIssued(t *testing.T) {
	w := newWorld(t)
	for _, tt := range []struct {
		name   string
		exts   []pkix.Extension
		at     time.Time
		reason int
		want   bool
	}{
		{"P13 never issued", []pkix.Extension{ext("extendedRevoke", false, []byte{5, 0})}, time.Unix(0, 0), 6, true},
		{"P13 without the extension", nil, time.Unix(0, 0), 6, false},
		{"P13 never issued, said of the certificate", []pkix.Extension{ext("sct", false, nil)}, time.Unix(0, 0), 6, true},
		{"P13 other reason", []pkix.Extension{ext("extendedRevoke", false, []byte{5, 0})}, time.Unix(0, 0), 1, false},
		{"P13 other time", []pkix.Extension{ext("extendedRevoke", false, []byte{5, 0})}, now, 6, false},
	} {
		r := w.good()
		r.exts = tt.exts
		s := &r.singles[0]
		if strings.Contains(tt.name, "of the certificate") {
			s.exts = []pkix.Extension{ext("extendedRevoke", false, []byte{5, 0})}
		}
		s.status, s.revokedAt, s.reason = "revoked", tt.at, tt.reason
		a, err := revocation.VerifyOCSP(r.encode(t), w.target(), now, revocation.OCSPPolicy{})
		require.NoError(t, err, tt.name)
		assert.Equal(t, revoked, a.Status, tt.name)
		assert.Equal(t, tt.want, a.NonIssued, tt.name)
		assert.Equal(t, tt.reason, a.Code, tt.name)
		assert.True(t, tt.at.Equal(a.RevokedAt), tt.name)
	}
}

func TestP14Expired(t *testing.T) {
	end := now.Add(-time.Hour)
	cutoff := func(at time.Time) []pkix.Extension {
		return []pkix.Extension{ext("archiveCutoff", false, der(t, at, "generalized"))}
	}
	w := newWorld(t)
	w.leaf = mint(t, w.ca, "TPP", func(c *x509.Certificate) { c.NotAfter = end })
	for _, tt := range []struct {
		name   string
		edit   func(*response)
		status eidas.Status
	}{
		{"P14 produced after expiry, no archive", func(*response) {}, 0},
		{"P14 archive covers it", func(r *response) { r.singles[0].exts = cutoff(end) }, good},
		{"P14 archive covers it, at response level", func(r *response) { r.exts = cutoff(end.Add(-time.Hour)) }, good},
		{"P14 archive begins later", func(r *response) { r.singles[0].exts = cutoff(end.Add(time.Second)) }, 0},
		{"P14 revoked counts in any case", func(r *response) { r.singles[0].status, r.singles[0].revokedAt = "revoked", end }, revoked},
		{"P14 looked up and produced before expiry", func(r *response) { r.producedAt, r.singles[0].thisUpdate = end, end }, good},
		{"P14 produced before expiry, archive begins later", func(r *response) {
			r.producedAt, r.singles[0].thisUpdate, r.singles[0].exts = end, end, cutoff(end.Add(time.Second))
		}, 0},
		{"P14 looked up after expiry", func(r *response) { r.producedAt, r.singles[0].thisUpdate = end, end.Add(time.Second) }, 0},
		{"P14 produced after expiry", func(r *response) { r.producedAt, r.singles[0].thisUpdate = end.Add(time.Second), end }, 0},
	} {
		r := w.good()
		tt.edit(r)
		a, err := revocation.VerifyOCSP(r.encode(t), w.target(), now, revocation.OCSPPolicy{})
		assert.Equal(t, tt.status, a.Status, "%s: %v", tt.name, err)
		if tt.status == 0 {
			assert.Equal(t, revocation.RuleP14, revocation.RuleOf(err), tt.name)
		}
	}
}

func TestP14NotExpired(t *testing.T) {
	w := newWorld(t)
	r := w.good()
	r.singles[0].exts = []pkix.Extension{ext("archiveCutoff", false, der(t, now.AddDate(1, 0, 0), "generalized"))}
	a, err := revocation.VerifyOCSP(r.encode(t), w.target(), now, revocation.OCSPPolicy{})
	require.NoError(t, err, "what an archive holds is of no matter to a certificate in force")
	assert.Equal(t, good, a.Status)
	// By the responder's clock, it is over.
	w.leaf = mint(t, w.ca, "TPP", func(c *x509.Certificate) { c.NotAfter = now })
	r = w.good()
	r.producedAt = now.Add(time.Second)
	_, err = revocation.VerifyOCSP(r.encode(t), w.target(), now, revocation.OCSPPolicy{})
	assert.Equal(t, revocation.RuleP14, revocation.RuleOf(err))
}

func TestP15FutureRevocation(t *testing.T) {
	runCases(t, []ocspCase{
		{name: "P15 revoked", response: editSingle(func(_ *world, s *single) { s.status, s.revokedAt, s.reason = "revoked", now.Add(-time.Hour), 1 }), want: revoked},
		{name: "P15 revoked in the future", response: editSingle(func(_ *world, s *single) { s.status, s.revokedAt = "revoked", now.AddDate(1, 0, 0) }), want: revoked},
		{name: "P15 revoked for an undefined reason", response: editSingle(func(_ *world, s *single) { s.status, s.revokedAt, s.reason = "revoked", now, 7 }), want: revoked},
	})
}

func TestP16Algorithms(t *testing.T) {
	rsaKey := func(bits int) *rsa.PrivateKey {
		k, err := rsa.GenerateKey(rand.Reader, bits)
		require.NoError(t, err)
		return k
	}
	_, edKey, err := ed25519.GenerateKey(rand.Reader)
	require.NoError(t, err)
	w := newWorld(t)
	strong := mintKey(t, w.ca, rsaKey(2048), "RSA", asDelegate)
	weak := mintKey(t, w.ca, rsaKey(1024), "RSA-1024", asDelegate)
	p224, err := ecdsa.GenerateKey(elliptic.P224(), rand.Reader)
	require.NoError(t, err)
	small := mintKey(t, w.ca, p224, "P-224", asDelegate)
	ed := mintKey(t, w.ca, edKey, "Ed25519", asDelegate)
	pss := func(hash, mgf crypto.Hash, salt int) pkix.AlgorithmIdentifier {
		alg := func(h crypto.Hash) pkix.AlgorithmIdentifier {
			return pkix.AlgorithmIdentifier{Algorithm: hashOIDs[h], Parameters: asn1.NullRawValue}
		}
		params := struct {
			Hash pkix.AlgorithmIdentifier `asn1:"explicit,tag:0"`
			MGF  pkix.AlgorithmIdentifier `asn1:"explicit,tag:1"`
			Salt int                      `asn1:"explicit,tag:2"`
		}{alg(hash), pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 8}, Parameters: asn1.RawValue{FullBytes: der(t, alg(mgf), "")}}, salt}
		return pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 10}, Parameters: asn1.RawValue{FullBytes: der(t, params, "")}}
	}
	legacy := revocation.OCSPPolicy{AllowSHA1: true}
	oid := func(last ...int) pkix.AlgorithmIdentifier {
		return pkix.AlgorithmIdentifier{Algorithm: last, Parameters: asn1.NullRawValue}
	}
	for _, tt := range []struct {
		name   string
		signer *party
		edit   func(*response)
		policy revocation.OCSPPolicy
		want   eidas.Status
	}{
		{"P16 RSA with SHA-256", strong, func(*response) {}, revocation.OCSPPolicy{}, good},
		{"P16 RSA with SHA-512", strong, func(r *response) {
			r.sigHash, r.sigAlg = crypto.SHA512, oid(1, 2, 840, 113549, 1, 1, 13)
		}, revocation.OCSPPolicy{}, good},
		{"P16 RSA with SHA-1", strong, func(r *response) { r.sigHash, r.sigAlg = crypto.SHA1, oid(1, 2, 840, 113549, 1, 1, 5) }, revocation.OCSPPolicy{}, 0},
		{"P16 RSA with SHA-1 allowed", strong, func(r *response) { r.sigHash, r.sigAlg = crypto.SHA1, oid(1, 2, 840, 113549, 1, 1, 5) }, legacy, good},
		{"P16 RSA with SHA-1 by its old name", strong, func(r *response) { r.sigHash, r.sigAlg = crypto.SHA1, oid(1, 3, 14, 3, 2, 29) }, legacy, good},
		{"P16 RSA with 1024 bits", weak, func(*response) {}, revocation.OCSPPolicy{}, 0},
		{"P16 RSA with 1024 bits allowed", weak, func(*response) {}, legacy, good},
		{"P16 PSS", strong, func(r *response) { r.pss, r.sigAlg = true, pss(crypto.SHA256, crypto.SHA256, 32) }, revocation.OCSPPolicy{}, good},
		{"P16 PSS with SHA-384", strong, func(r *response) {
			r.pss, r.sigHash, r.sigAlg = true, crypto.SHA384, pss(crypto.SHA384, crypto.SHA384, 48)
		}, revocation.OCSPPolicy{}, good},
		{"P16 PSS with SHA-1", strong, func(r *response) {
			r.pss, r.sigHash, r.sigAlg = true, crypto.SHA1, pss(crypto.SHA1, crypto.SHA1, 20)
		}, legacy, 0},
		{"P16 PSS with two hashes", strong, func(r *response) { r.pss, r.sigAlg = true, pss(crypto.SHA256, crypto.SHA1, 32) }, revocation.OCSPPolicy{}, 0},
		{"P16 PSS with another salt", strong, func(r *response) { r.pss, r.sigAlg = true, pss(crypto.SHA256, crypto.SHA256, 20) }, revocation.OCSPPolicy{}, 0},
		{"P16 Ed25519", ed, func(*response) {}, revocation.OCSPPolicy{}, good},
		{"P16 ECDSA with SHA-1", w.delegate, func(r *response) {
			r.sigHash, r.sigAlg = crypto.SHA1, pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 1}}
		}, revocation.OCSPPolicy{}, 0},
		{"P16 P-256 signed under RSA's name", w.delegate, func(r *response) { r.sigAlg = oid(1, 2, 840, 113549, 1, 1, 11) }, legacy, 0},
		{"P16 ECDSA with SHA-1 allowed", w.delegate, func(r *response) {
			r.sigHash, r.sigAlg = crypto.SHA1, pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 1}}
		}, legacy, good},
		{"P16 ECDSA with SHA-384", w.delegate, func(r *response) {
			r.sigHash, r.sigAlg = crypto.SHA384, pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 3}}
		}, revocation.OCSPPolicy{}, good},
		{"P16 ECDSA with SHA-512", w.delegate, func(r *response) {
			r.sigHash, r.sigAlg = crypto.SHA512, pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 4}}
		}, revocation.OCSPPolicy{}, good},
		{"P16 RSA with SHA-384", strong, func(r *response) {
			r.sigHash, r.sigAlg = crypto.SHA384, oid(1, 2, 840, 113549, 1, 1, 12)
		}, revocation.OCSPPolicy{}, good},
		{"P16 ECDSA P-224", small, func(*response) {}, revocation.OCSPPolicy{}, 0},
		{"P16 ECDSA P-224 allowed", small, func(*response) {}, legacy, good},
		{"P16 parameters where there are none", w.delegate, func(r *response) {
			r.sigAlg = pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2}, Parameters: asn1.RawValue{Tag: asn1.TagInteger, Bytes: []byte{1}}}
		}, revocation.OCSPPolicy{}, 0},
		{"P16 an algorithm nobody knows", w.delegate, func(r *response) { r.sigAlg = oid(1, 2, 3) }, legacy, 0},
	} {
		r := w.good().by(tt.signer)
		tt.edit(r)
		a, err := revocation.VerifyOCSP(r.encode(t), w.target(), now, tt.policy)
		assert.Equal(t, tt.want, a.Status, "%s: %v", tt.name, err)
		if tt.want == 0 {
			rule := revocation.RuleP16
			if strings.Contains(tt.name, "RSA's name") {
				rule = revocation.RuleP6 // an algorithm for another key
			}
			assert.Equal(t, rule, revocation.RuleOf(err), "%s: %v", tt.name, err)
		}
	}
}

func TestQ3Target(t *testing.T) {
	w := newWorld(t)
	raw := w.good().encode(t)
	for name, target := range map[string]revocation.Target{
		"Q3 no certificate": {Issuer: w.ca.cert},
		"Q3 no issuer":      {Certificate: w.leaf.cert},
		"Q3 other issuer":   {Certificate: w.leaf.cert, Issuer: w.root.cert},
	} {
		_, err := revocation.VerifyOCSP(raw, target, now, revocation.OCSPPolicy{})
		assert.Equal(t, revocation.RuleQ3, revocation.RuleOf(err), name)
	}
}

func TestQ4Nonce(t *testing.T) {
	nonce := make([]byte, 32)
	sent := revocation.OCSPPolicy{Nonce: nonce}
	demand := revocation.OCSPPolicy{Nonce: nonce, RequireNonce: true}
	right, wrong := der(t, nonce, ""), der(t, append([]byte{1}, nonce[1:]...), "")
	with := func(value []byte) func(*world) *response {
		return edit(func(_ *world, r *response) { r.exts = []pkix.Extension{ext("nonce", false, value)} })
	}
	withSingle := func(value []byte) func(*world) *response {
		return editSingle(func(_ *world, s *single) { s.exts = []pkix.Extension{ext("nonce", true, value)} })
	}
	runCases(t, []ocspCase{
		{name: "Q4 right", response: with(right), policy: demand, want: good},
		{name: "Q4 right among the single extensions", response: withSingle(right), policy: demand, want: good},
		{name: "Q4 wrong", response: with(wrong), policy: sent, reason: isInvalid, rule: revocation.RuleQ4},
		{name: "Q4 wrong among the single extensions", response: withSingle(wrong), policy: sent, reason: isInvalid, rule: revocation.RuleQ4},
		{name: "Q4 missing", response: (*world).good, policy: sent, want: good},
		{name: "Q4 missing though required", response: (*world).good, policy: demand, reason: isInvalid, rule: revocation.RuleQ4},
		{name: "Q4 not asked for", response: with(wrong), want: good},
	})
}

func TestPolicyRefused(t *testing.T) {
	w := newWorld(t)
	for name, p := range map[string]revocation.OCSPPolicy{
		"negative":    {Skew: -1},
		"short nonce": {Nonce: make([]byte, 31)},
		"long nonce":  {Nonce: make([]byte, 129)},
		"no nonce":    {RequireNonce: true},
	} {
		_, err := revocation.VerifyOCSP(w.good().encode(t), w.target(), now, p)
		assert.Equal(t, eidas.ReasonInternal, eidas.ReasonOf(err), name)
	}
}

func TestPolicyAccepted(t *testing.T) {
	w := newWorld(t)
	for name, p := range map[string]revocation.OCSPPolicy{
		"shortest nonce": {Nonce: make([]byte, 32)},
		"longest nonce":  {Nonce: make([]byte, 128)},
	} {
		_, err := revocation.VerifyOCSP(w.good().encode(t), w.target(), now, p)
		assert.NoError(t, err, name)
	}
}

func TestAnswer(t *testing.T) {
	w := newWorld(t)
	r := w.good()
	a, err := revocation.VerifyOCSP(r.encode(t), w.target(), now, revocation.OCSPPolicy{})
	require.NoError(t, err)
	s := r.singles[0]
	assert.Equal(t, "ocsp", a.Source)
	assert.Equal(t, s.thisUpdate, a.ThisUpdate)
	assert.Equal(t, s.nextUpdate, a.NextUpdate)
	assert.Equal(t, r.producedAt, a.ProducedAt)
	assert.Equal(t, s.nextUpdate, a.FreshUntil)
	assert.Equal(t, s.nextUpdate, a.RenewAfter)
	assert.Equal(t, w.ca.cert, a.Responder)
	assert.False(t, a.Local || a.CertHash || a.NonIssued || a.DelegateUnchecked || a.Stale)

	until := func(policy revocation.OCSPPolicy, edit func(*response)) (fresh, renew time.Duration) {
		r := w.good()
		edit(r)
		a, err := revocation.VerifyOCSP(r.encode(t), w.target(), now, policy)
		require.NoError(t, err)
		return a.FreshUntil.Sub(now), a.RenewAfter.Sub(now)
	}
	week := func(r *response) { r.singles[0].nextUpdate = now.Add(7 * 24 * time.Hour) }
	fresh, renew := until(revocation.OCSPPolicy{}, week)
	assert.Equal(t, 7*24*time.Hour, fresh)
	assert.Equal(t, 24*time.Hour-time.Minute, renew, "asked again daily")
	fresh, _ = until(revocation.OCSPPolicy{StrictMaxAge: true}, week)
	assert.Equal(t, 24*time.Hour-time.Minute, fresh)
	fresh, _ = until(revocation.OCSPPolicy{}, func(r *response) { r.singles[0].nextUpdate = time.Time{} })
	assert.Equal(t, 5*time.Minute, fresh, "no nextUpdate")
	fresh, _ = until(revocation.OCSPPolicy{}, func(r *response) { r.singles[0].nextUpdate = now.Add(-time.Minute) })
	assert.Equal(t, 4*time.Minute, fresh, "within the skew")
	short := mint(t, w.ca, "R", func(c *x509.Certificate) { asDelegate(c); c.NotAfter = now.Add(time.Minute) })
	fresh, _ = until(revocation.OCSPPolicy{}, func(r *response) { r.by(short) })
	assert.Equal(t, time.Minute, fresh, "a delegate's word ends with its certificate")
	fresh, _ = until(revocation.OCSPPolicy{}, func(r *response) { r.by(short).singles[0].nextUpdate = now.Add(-time.Second) })
	assert.Equal(t, time.Minute, fresh, "also within the skew")
	old := func(r *response) {
		r.singles[0].thisUpdate, r.singles[0].nextUpdate = now.Add(-24*time.Hour), now.Add(-time.Minute)
	}
	fresh, renew = until(revocation.OCSPPolicy{StrictMaxAge: true}, old)
	assert.Zero(t, fresh, "strict age, also within the skew")
	assert.Zero(t, renew)
	fresh, _ = until(revocation.OCSPPolicy{AllowAnyAge: true}, func(r *response) {
		r.singles[0].nextUpdate = now.Add(-30 * time.Second)
		r.singles[0].thisUpdate = now.Add(-time.Hour)
	})
	assert.Equal(t, 5*time.Minute-30*time.Second, fresh)
	fresh, _ = until(revocation.OCSPPolicy{AllowAnyAge: true}, func(r *response) {
		r.singles[0].nextUpdate = now.AddDate(0, 0, -1)
		r.singles[0].thisUpdate = now.AddDate(0, 0, -2)
	})
	assert.Zero(t, fresh, "any age: for this moment")
}

func TestAnswerOfAnExpiredIssuer(t *testing.T) {
	// The listed certificate of a CA may have expired; its path is judged elsewhere.
	w := newWorld(t)
	w.ca = mint(t, w.root, "Issuing CA", func(c *x509.Certificate) { asCA(c); c.NotAfter = now.Add(time.Minute) })
	w.leaf = mint(t, w.ca, "TPP", nil)
	r := w.good()
	a, err := revocation.VerifyOCSP(r.encode(t), w.target(), now, revocation.OCSPPolicy{})
	require.NoError(t, err)
	assert.Equal(t, r.singles[0].nextUpdate, a.FreshUntil)
}

func TestRulesAreNamed(t *testing.T) {
	seen := make(map[string]bool)
	for r := revocation.RuleQ1; r <= revocation.RuleB4; r++ {
		assert.NotEmpty(t, r.String())
		assert.NotEmpty(t, r.Clause())
		assert.False(t, seen[r.String()], r)
		seen[r.String()] = true
	}
	assert.Empty(t, revocation.Rule(0).String())
	assert.Empty(t, (revocation.RuleB4 + 1).String())
	assert.Empty(t, (revocation.RuleB4 + 1).Clause())
	text, err := revocation.RuleP4.MarshalText()
	require.NoError(t, err)
	assert.Equal(t, "P4", string(text))
}
