package revocation_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	_ "crypto/sha1"
	_ "crypto/sha256"
	_ "crypto/sha512"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/seed-b953571c/eidas/revocation"
)

// now is the time of judgement in the tests of the pure core.
var now = time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)

// party is a certificate with its key.
type party struct {
	cert *x509.Certificate
	key  crypto.Signer
}

var serials atomic.Int64

// mint makes a certificate that ca signs, or the party itself when ca is nil.
// edit may change the template.
func mint(tb testing.TB, ca *party, name string, edit func(*x509.Certificate)) *party {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(tb, err)
	return mintKey(tb, ca, key, name, edit)
}

func mintKey(tb testing.TB, ca *party, key crypto.Signer, name string, edit func(*x509.Certificate)) *party {
	tb.Helper()
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(1000 + serials.Add(1)),
		Subject:      pkix.Name{Organization: []string{"Test QTSP"}, CommonName: name},
		NotBefore:    now.AddDate(0, -1, 0),
		NotAfter:     now.AddDate(0, 1, 0),
		KeyUsage:     x509.KeyUsageDigitalSignature,
	}
	if edit != nil {
		edit(tmpl)
	}
	parent, signer := tmpl, key
	if ca != nil {
		parent, signer = ca.cert, ca.key
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, parent, key.Public(), signer)
	require.NoError(tb, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(tb, err)
	return &party{cert, key}
}

func asCA(c *x509.Certificate) {
	c.IsCA, c.BasicConstraintsValid = true, true
	c.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
}

// asDelegate makes a responder that needs no check of its own.
func asDelegate(c *x509.Certificate) {
	c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageOCSPSigning}
	c.ExtraExtensions = append(c.ExtraExtensions, pkix.Extension{Id: []int{1, 3, 6, 1, 5, 5, 7, 48, 1, 5}, Value: []byte{5, 0}})
}

// world is an issuer with a certificate to ask about.
type world struct {
	now                      time.Time
	root, ca, leaf, delegate *party
}

func newWorld(tb testing.TB) *world {
	tb.Helper()
	return newWorldAt(tb, now)
}

// newWorldAt makes a world in which it is the given time.
func newWorldAt(tb testing.TB, at time.Time) *world {
	tb.Helper()
	w := &world{now: at}
	w.root = w.mint(tb, nil, "Root", asCA)
	w.ca = w.mint(tb, w.root, "Issuing CA", asCA)
	w.leaf = w.mint(tb, w.ca, "TPP", nil)
	w.delegate = w.mint(tb, w.ca, "Responder", asDelegate)
	return w
}

// mint makes a certificate that is valid around the time of the world.
func (w *world) mint(tb testing.TB, ca *party, name string, edit func(*x509.Certificate)) *party {
	tb.Helper()
	return mint(tb, ca, name, func(c *x509.Certificate) {
		c.NotBefore, c.NotAfter = w.now.AddDate(0, -1, 0), w.now.AddDate(0, 1, 0)
		if edit != nil {
			edit(c)
		}
	})
}

func (w *world) target() revocation.Target {
	return revocation.Target{Certificate: w.leaf.cert, Issuer: w.ca.cert}
}

// single is a SingleResponse to be encoded.
type single struct {
	hash                   crypto.Hash // 0: SHA-256; MD5 for a digest nobody takes
	issuer                 *x509.Certificate
	serial                 *big.Int
	nameHash, keyHash      []byte // instead of the right ones
	status                 string // "good", "revoked", "unknown", "both"
	revokedAt              time.Time
	reason                 int // -1: none
	thisUpdate, nextUpdate time.Time
	exts                   []pkix.Extension
}

// response is an OCSPResponse to be encoded.
type response struct {
	status     int
	noBytes    bool
	kind       asn1.ObjectIdentifier
	version    int // -1: left out
	byKey      bool
	byName     []byte // instead of the signer's
	producedAt time.Time
	singles    []single
	exts       []pkix.Extension
	certs      [][]byte
	signer     *party
	sigAlg     pkix.AlgorithmIdentifier // zero: by the signer's key, SHA-256
	sigHash    crypto.Hash
	pss        bool
	breakSig   bool
	trailing   []byte
}

// good is a fresh good answer signed by the issuer itself.
func (w *world) good() *response {
	return &response{
		kind: asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 48, 1, 1}, version: -1,
		producedAt: w.now.Add(-time.Minute), signer: w.ca,
		singles: []single{{
			issuer: w.ca.cert, serial: w.leaf.cert.SerialNumber, status: "good", reason: -1,
			thisUpdate: w.now.Add(-time.Minute), nextUpdate: w.now.Add(time.Hour),
		}},
	}
}

// by lets p sign and embeds its certificate.
func (r *response) by(p *party) *response {
	r.signer, r.certs = p, [][]byte{p.cert.Raw}
	return r
}

func ext(id string, critical bool, value []byte) pkix.Extension {
	oids := map[string]asn1.ObjectIdentifier{
		"nonce":          {1, 3, 6, 1, 5, 5, 7, 48, 1, 2},
		"archiveCutoff":  {1, 3, 6, 1, 5, 5, 7, 48, 1, 6},
		"extendedRevoke": {1, 3, 6, 1, 5, 5, 7, 48, 1, 9},
		"certHash":       {1, 3, 36, 8, 3, 13},
		"sct":            {1, 3, 6, 1, 4, 1, 11129, 2, 4, 5},
		"unknown":        {1, 2, 3, 4, 5},
	}
	return pkix.Extension{Id: oids[id], Critical: critical, Value: value}
}

func der(tb testing.TB, v any, params string) []byte {
	tb.Helper()
	b, err := asn1.MarshalWithParams(v, params)
	require.NoError(tb, err)
	return b
}

func digest(h crypto.Hash, b []byte) []byte {
	if h == crypto.MD5 {
		return make([]byte, 16) // nobody shall look at it
	}
	w := h.New()
	w.Write(b)
	return w.Sum(nil)
}

var hashOIDs = map[crypto.Hash]asn1.ObjectIdentifier{
	crypto.MD5:    {1, 2, 840, 113549, 2, 5},
	crypto.SHA1:   {1, 3, 14, 3, 2, 26},
	crypto.SHA256: {2, 16, 840, 1, 101, 3, 4, 2, 1},
	crypto.SHA384: {2, 16, 840, 1, 101, 3, 4, 2, 2},
	crypto.SHA512: {2, 16, 840, 1, 101, 3, 4, 2, 3},
}

func publicKeyBits(tb testing.TB, c *x509.Certificate) []byte {
	tb.Helper()
	var spki struct {
		Algorithm pkix.AlgorithmIdentifier
		Key       asn1.BitString
	}
	_, err := asn1.Unmarshal(c.RawSubjectPublicKeyInfo, &spki)
	require.NoError(tb, err)
	return spki.Key.Bytes
}

func tag(n uint8) cbasn1.Tag { return cbasn1.Tag(n).ContextSpecific().Constructed() }

func (s single) add(tb testing.TB, b *cryptobyte.Builder) {
	tb.Helper()
	h := s.hash
	if h == 0 {
		h = crypto.SHA256
	}
	nameHash, keyHash := digest(h, s.issuer.RawSubject), digest(h, publicKeyBits(tb, s.issuer))
	if s.nameHash != nil {
		nameHash = s.nameHash
	}
	if s.keyHash != nil {
		keyHash = s.keyHash
	}
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			b.AddBytes(der(tb, pkix.AlgorithmIdentifier{Algorithm: hashOIDs[h], Parameters: asn1.NullRawValue}, ""))
			b.AddASN1OctetString(nameHash)
			b.AddASN1OctetString(keyHash)
			b.AddASN1BigInt(s.serial)
		})
		if s.status == "good" || s.status == "both" {
			b.AddASN1(cbasn1.Tag(0).ContextSpecific(), func(*cryptobyte.Builder) {})
		}
		if s.status == "revoked" || s.status == "both" {
			b.AddASN1(tag(1), func(b *cryptobyte.Builder) {
				b.AddASN1GeneralizedTime(s.revokedAt.UTC())
				if s.reason >= 0 {
					b.AddASN1(tag(0), func(b *cryptobyte.Builder) { b.AddASN1Enum(int64(s.reason)) })
				}
			})
		}
		if s.status == "unknown" {
			b.AddASN1(cbasn1.Tag(2).ContextSpecific(), func(*cryptobyte.Builder) {})
		}
		b.AddASN1GeneralizedTime(s.thisUpdate.UTC())
		if !s.nextUpdate.IsZero() {
			b.AddASN1(tag(0), func(b *cryptobyte.Builder) { b.AddASN1GeneralizedTime(s.nextUpdate.UTC()) })
		}
		if s.exts != nil {
			b.AddASN1(tag(1), func(b *cryptobyte.Builder) { b.AddBytes(der(tb, s.exts, "")) })
		}
	})
}

func (r *response) data(tb testing.TB) []byte {
	tb.Helper()
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		if r.version >= 0 {
			b.AddASN1(tag(0), func(b *cryptobyte.Builder) { b.AddASN1Int64(int64(r.version)) })
		}
		switch {
		case r.byKey:
			b.AddASN1(tag(2), func(b *cryptobyte.Builder) {
				b.AddASN1OctetString(digest(crypto.SHA1, publicKeyBits(tb, r.signer.cert)))
			})
		case r.byName != nil:
			b.AddASN1(tag(1), func(b *cryptobyte.Builder) { b.AddBytes(r.byName) })
		default:
			b.AddASN1(tag(1), func(b *cryptobyte.Builder) { b.AddBytes(r.signer.cert.RawSubject) })
		}
		b.AddASN1GeneralizedTime(r.producedAt.UTC())
		b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
			for _, s := range r.singles {
				s.add(tb, b)
			}
		})
		if r.exts != nil {
			b.AddASN1(tag(1), func(b *cryptobyte.Builder) { b.AddBytes(der(tb, r.exts, "")) })
		}
	})
	out, err := b.Bytes()
	require.NoError(tb, err)
	return out
}

func (r *response) sign(tb testing.TB, tbs []byte) (pkix.AlgorithmIdentifier, []byte) {
	tb.Helper()
	h := r.sigHash
	if h == 0 {
		h = crypto.SHA256
	}
	alg := r.sigAlg
	var opts crypto.SignerOpts = h
	signed := digest(h, tbs)
	switch r.signer.key.(type) {
	case *ecdsa.PrivateKey:
		if alg.Algorithm == nil {
			alg.Algorithm = asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 2}
		}
	case *rsa.PrivateKey:
		if alg.Algorithm == nil {
			alg = pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 840, 113549, 1, 1, 11}, Parameters: asn1.NullRawValue}
		}
		if r.pss {
			opts = &rsa.PSSOptions{SaltLength: rsa.PSSSaltLengthEqualsHash, Hash: h}
		}
	case ed25519.PrivateKey:
		alg.Algorithm = asn1.ObjectIdentifier{1, 3, 101, 112}
		opts, signed = crypto.Hash(0), tbs
	}
	sig, err := r.signer.key.Sign(rand.Reader, signed, opts)
	require.NoError(tb, err)
	return alg, sig
}

func (r *response) encode(tb testing.TB) []byte {
	tb.Helper()
	tbs := r.data(tb)
	alg, sig := r.sign(tb, tbs)
	if r.breakSig {
		sig[len(sig)-1] ^= 1
	}
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddASN1Enum(int64(r.status))
		if r.noBytes {
			return
		}
		b.AddASN1(tag(0), func(b *cryptobyte.Builder) {
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
				b.AddASN1ObjectIdentifier(r.kind)
				b.AddASN1(cbasn1.OCTET_STRING, func(b *cryptobyte.Builder) {
					b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
						b.AddBytes(tbs)
						b.AddBytes(der(tb, alg, ""))
						b.AddASN1BitString(sig)
						if r.certs != nil {
							b.AddASN1(tag(0), func(b *cryptobyte.Builder) {
								b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
									for _, c := range r.certs {
										b.AddBytes(c)
									}
								})
							})
						}
					})
				})
			})
		})
	})
	out, err := b.Bytes()
	require.NoError(tb, err)
	return append(out, r.trailing...)
}
