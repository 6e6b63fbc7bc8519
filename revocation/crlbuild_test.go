package revocation_test

import (
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/seed-b953571c/eidas/revocation"
)

// crlSpec is a CRL to be encoded.
type crlSpec struct {
	version                int // -1: left out
	issuer                 []byte
	thisUpdate, nextUpdate time.Time
	generalized            bool // GeneralizedTime instead of UTCTime
	entries                []crlItem
	emptyList              bool // an empty revokedCertificates
	exts                   []pkix.Extension
	signer                 *party
	otherAlg               bool // inside, not the algorithm outside
	breakSig               bool
	trailing               []byte
}

// crlItem is an entry of a CRL.
type crlItem struct {
	serial *big.Int
	at     time.Time
	exts   []pkix.Extension
}

// crl is a fresh CRL of the issuer, with the given entries.
func (w *world) crl(items ...crlItem) *crlSpec {
	return &crlSpec{
		version: 1, issuer: w.ca.cert.RawSubject, signer: w.ca, entries: items,
		thisUpdate: w.now.Add(-time.Minute), nextUpdate: w.now.Add(time.Hour),
	}
}

// item is an entry for p with a reason, none below zero.
func (w *world) item(p *party, reason int) crlItem {
	i := crlItem{serial: p.cert.SerialNumber, at: w.now.Add(-time.Hour)}
	if reason >= 0 {
		i.exts = append(i.exts, reasonCode(reason))
	}
	return i
}

func reasonCode(n int) pkix.Extension {
	return pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 21}, Value: []byte{10, 1, byte(n)}}
}

// with adds an extension of id-ce with the given last arc.
func (s *crlSpec) with(arc int, critical bool, value []byte) *crlSpec {
	s.exts = append(s.exts, pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, arc}, Critical: critical, Value: value})
	return s
}

// numbered adds a CRL number, and makes a delta CRL when base is not negative.
func (s *crlSpec) numbered(tb testing.TB, number, base int) *crlSpec {
	tb.Helper()
	s.with(20, false, der(tb, number, ""))
	if base >= 0 {
		s.with(27, true, der(tb, base, ""))
	}
	return s
}

// pointSpec is an IssuingDistributionPoint or, in part, a DistributionPoint.
type pointSpec struct {
	url                             string
	directory                       []byte // a full name that is a Name
	relative                        []byte // content of the relative name
	users, cas, attributes, indirct bool
	reasons                         []byte // content of the BIT STRING
	issuers                         [][]byte
}

func (p pointSpec) addName(b *cryptobyte.Builder) {
	if p.url == "" && p.directory == nil && p.relative == nil {
		return
	}
	b.AddASN1(tag(0), func(b *cryptobyte.Builder) {
		if p.relative != nil {
			b.AddASN1(tag(1), func(b *cryptobyte.Builder) { b.AddBytes(p.relative) })
			return
		}
		b.AddASN1(tag(0), func(b *cryptobyte.Builder) {
			if p.directory != nil {
				addDirectoryNames(b, [][]byte{p.directory})
				return
			}
			b.AddASN1(cbasn1.Tag(6).ContextSpecific(), func(b *cryptobyte.Builder) { b.AddBytes([]byte(p.url)) })
		})
	})
}

// issuing encodes an IssuingDistributionPoint.
func (p pointSpec) issuing(tb testing.TB) []byte {
	tb.Helper()
	var b cryptobyte.Builder
	flag := func(b *cryptobyte.Builder, n uint8, set bool) {
		if set {
			b.AddASN1(cbasn1.Tag(n).ContextSpecific(), func(b *cryptobyte.Builder) { b.AddUint8(0xff) })
		}
	}
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		p.addName(b)
		flag(b, 1, p.users)
		flag(b, 2, p.cas)
		if p.reasons != nil {
			b.AddASN1(cbasn1.Tag(3).ContextSpecific(), func(b *cryptobyte.Builder) { b.AddBytes(p.reasons) })
		}
		flag(b, 4, p.indirct)
		flag(b, 5, p.attributes)
	})
	out, err := b.Bytes()
	require.NoError(tb, err)
	return out
}

// points encodes a CRLDistributionPoints extension.
func points(tb testing.TB, list ...pointSpec) pkix.Extension {
	tb.Helper()
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		for _, p := range list {
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
				p.addName(b)
				if p.reasons != nil {
					b.AddASN1(cbasn1.Tag(1).ContextSpecific(), func(b *cryptobyte.Builder) { b.AddBytes(p.reasons) })
				}
				if p.issuers != nil {
					b.AddASN1(tag(2), func(b *cryptobyte.Builder) { addDirectoryNames(b, p.issuers) })
				}
			})
		}
	})
	out, err := b.Bytes()
	require.NoError(tb, err)
	return pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 31}, Value: out}
}

func addDirectoryNames(b *cryptobyte.Builder, names [][]byte) {
	for _, name := range names {
		b.AddASN1(tag(4), func(b *cryptobyte.Builder) { b.AddBytes(name) })
	}
}

// entryIssuer is a certificateIssuer extension.
func entryIssuer(tb testing.TB, name []byte) pkix.Extension {
	tb.Helper()
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) { addDirectoryNames(b, [][]byte{name}) })
	out, err := b.Bytes()
	require.NoError(tb, err)
	return pkix.Extension{Id: asn1.ObjectIdentifier{2, 5, 29, 29}, Critical: true, Value: out}
}

func (s *crlSpec) addTime(b *cryptobyte.Builder, t time.Time) {
	if s.generalized {
		b.AddASN1GeneralizedTime(t.UTC())
		return
	}
	b.AddASN1UTCTime(t.UTC())
}

func (s *crlSpec) list(tb testing.TB, alg []byte) []byte {
	tb.Helper()
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		if s.version >= 0 {
			b.AddASN1Int64(int64(s.version))
		}
		b.AddBytes(alg)
		b.AddBytes(s.issuer)
		s.addTime(b, s.thisUpdate)
		if !s.nextUpdate.IsZero() {
			s.addTime(b, s.nextUpdate)
		}
		if len(s.entries) > 0 || s.emptyList {
			b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
				for _, i := range s.entries {
					b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
						b.AddASN1BigInt(i.serial)
						s.addTime(b, i.at)
						if i.exts != nil {
							b.AddBytes(der(tb, i.exts, ""))
						}
					})
				}
			})
		}
		if s.exts != nil {
			b.AddASN1(tag(0), func(b *cryptobyte.Builder) { b.AddBytes(der(tb, s.exts, "")) })
		}
	})
	out, err := b.Bytes()
	require.NoError(tb, err)
	return out
}

func (s *crlSpec) encode(tb testing.TB) []byte {
	tb.Helper()
	r := &response{signer: s.signer}
	alg, _ := r.sign(tb, nil)
	outer := der(tb, alg, "")
	inner := outer
	if s.otherAlg {
		inner = der(tb, pkix.AlgorithmIdentifier{Algorithm: asn1.ObjectIdentifier{1, 2, 840, 10045, 4, 3, 3}}, "")
	}
	return append(wrapCRL(tb, s.signer, s.list(tb, inner), s.breakSig), s.trailing...)
}

// wrapCRL signs a TBSCertList as p.
func wrapCRL(tb testing.TB, p *party, tbs []byte, breakSig bool) []byte {
	tb.Helper()
	r := &response{signer: p}
	alg, sig := r.sign(tb, tbs)
	if breakSig {
		sig[len(sig)-1] ^= 1
	}
	var b cryptobyte.Builder
	b.AddASN1(cbasn1.SEQUENCE, func(b *cryptobyte.Builder) {
		b.AddBytes(tbs)
		b.AddBytes(der(tb, alg, ""))
		b.AddASN1BitString(sig)
	})
	out, err := b.Bytes()
	require.NoError(tb, err)
	return out
}

// parse encodes and reads back.
func (s *crlSpec) parse(tb testing.TB) *revocation.CRL {
	tb.Helper()
	c, err := revocation.ParseCRL(s.encode(tb))
	require.NoError(tb, err)
	return c
}
