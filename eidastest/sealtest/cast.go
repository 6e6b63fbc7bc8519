package sealtest

import (
	"crypto"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"errors"
	"time"

	"github.com/seed-b953571c/eidas/eidastest"
)

// part is somebody's certificate for seals. The zero part is the honest TPP's.
type part uint8

const (
	partHonest     part = iota // RSA
	partHonestEC               // the same TPP's, on P-256
	partHonestP384             // the same TPP's, on P-384
	partHonestTwin             // the same TPP's with the same key, and another serial number
	partRotated                // the same TPP's next one, of another QTSP
	partOther                  // another TPP's
	partOtherRotated
	partQWAC
	partWebType
	partNatural
	partNoPSD2
	partExpired
	partNotYetValid
	partRevoked
	partWithdrawn
	partImpostor
	partSelfSigned
	partNoSignatureBit
	partWeakRSA
	partExponentOne
	partExponentEven
	partOtherCase
	partOtherCountry
	partOtherAuthority
	partHomoglyph
	partLonger
	partTLS // a 2-QWAC's owner has it for TLS: no purpose of bindings
)

// changes are the certificates that are the honest TPP's request with one change
// each, sealed with its own key and issued by an honest QTSP.
func (k *Kit) changes() map[part]func(*eidastest.Request) {
	now := k.world.Now()
	named := func(id string) func(*eidastest.Request) {
		return func(r *eidastest.Request) { *r = eidastest.QSealC(id, k.o.Roles) }
	}
	exponent := func(e int) func(*eidastest.Request) {
		return func(r *eidastest.Request) {
			pub, _ := r.Key.Public().(*rsa.PublicKey)
			r.Key = &exponentKey{&rsa.PublicKey{N: pub.N, E: e}}
		}
	}
	return map[part]func(*eidastest.Request){
		partHonest:         func(*eidastest.Request) {},
		partHonestTwin:     func(*eidastest.Request) {},
		partHonestEC:       func(r *eidastest.Request) { r.Key, r.KeyType = nil, eidastest.P256 },
		partHonestP384:     func(r *eidastest.Request) { r.Key, r.KeyType = nil, eidastest.P384 },
		partOther:          func(r *eidastest.Request) { named(otherID)(r); r.Key = k.second },
		partQWAC:           func(r *eidastest.Request) { *r = eidastest.QWAC(honestID, k.o.Roles) },
		partWebType:        func(r *eidastest.Request) { r.Statements.Types = []string{eidastest.TypeWeb} },
		partNatural:        func(r *eidastest.Request) { r.Statements.Types = []string{eidastest.TypeESign} },
		partNoPSD2:         func(r *eidastest.Request) { r.Statements.PSD2 = nil },
		partExpired:        func(r *eidastest.Request) { r.NotAfter = now.Add(-time.Second) },
		partNotYetValid:    func(r *eidastest.Request) { r.NotBefore = now.Add(time.Hour) },
		partRevoked:        func(*eidastest.Request) {},
		partNoSignatureBit: func(r *eidastest.Request) { r.KeyUsage = x509.KeyUsageKeyEncipherment },
		partWeakRSA:        func(r *eidastest.Request) { r.Key, r.KeyType = nil, eidastest.RSA1024 },
		partExponentOne:    exponent(1),
		partExponentEven:   exponent(65536),
		partOtherCase:      named("PSDLT-BL-lb000468"),
		partOtherCountry:   named("PSDLV-BL-LB000468"),
		partOtherAuthority: named("PSDLT-BK-LB000468"),
		partHomoglyph:      named("PSDLT-BL-LB00046\u0417"), // the last digit is a Cyrillic letter
		partLonger:         named("PSDLT-BL-LB0004680"),
	}
}

// engage issues every certificate.
func (k *Kit) engage() error {
	q := k.world.QTSP("LT")
	if q == nil {
		return errors.New("the world has no QTSP in LT")
	}
	key, err := eidastest.NewKey(eidastest.RSA2048) // one for all: making them takes long
	if err != nil {
		return err
	}
	if k.second, err = eidastest.NewKey(eidastest.RSA2048); err != nil {
		return err
	}
	k.cast = map[part]*eidastest.Leaf{}
	for p, change := range k.changes() {
		r := eidastest.QSealC(honestID, k.o.Roles)
		r.Key = key
		change(&r)
		if r.Key == nil && r.KeyType == eidastest.P256 && p != partHonestEC {
			r.Key = key
		}
		if k.cast[p], err = q.Issue(r); err != nil {
			return err
		}
	}
	q.Revoke(k.cast[partRevoked], 1)
	if k.honest, err = q.IssueQWAC(honestID, k.o.Roles); err != nil {
		return err
	}
	if k.other, err = q.IssueQWAC(otherID, k.o.Roles); err != nil {
		return err
	}
	if k.cast[partSelfSigned], err = selfSigned(k.cast[partHonest], k.second); err != nil {
		return err
	}
	if err := k.engageSites(q, key); err != nil {
		return err
	}
	return k.engageElsewhere(key)
}

// purposeBinding is id-kp-tls-binding (TS 119 411-5, annex A).
const purposeBinding = "0.4.0.194115.1.0"

// site is the request for a 2-QWAC.
func site(key crypto.Signer) eidastest.Request {
	r := eidastest.QWAC("NTRLT-123456789", 0)
	r.ExtKeyUsage = []string{purposeBinding}
	r.Policies = []string{"0.4.0.194112.1.6"} // QNCP-w-gen
	r.Key = key
	return r
}

// engageSites issues 2-QWACs, with the changes that mean the same to them.
func (k *Kit) engageSites(q *eidastest.QTSP, key crypto.Signer) error {
	changes := k.changes()
	k.sites = map[part]*eidastest.Leaf{}
	for _, p := range []part{
		partHonest, partHonestTwin, partHonestEC, partHonestP384, partNatural, partExpired, partNotYetValid,
		partNoSignatureBit, partWeakRSA, partExponentOne, partExponentEven, partRevoked, partTLS,
	} {
		r := site(key)
		if p == partTLS {
			r.ExtKeyUsage = []string{eidastest.ServerAuth}
		} else {
			changes[p](&r)
		}
		var err error
		if k.sites[p], err = q.Issue(r); err != nil {
			return err
		}
	}
	q.Revoke(k.sites[partRevoked], 1)
	var err error
	k.sites[partSelfSigned], err = selfSigned(k.sites[partHonest], k.second)
	return err
}

// engageElsewhere issues the certificates of other providers.
func (k *Kit) engageElsewhere(key crypto.Signer) error {
	second, err := k.world.AddQTSP(eidastest.QTSPOptions{Territory: "EE", Name: "Second QTSP"})
	if err != nil {
		return err
	}
	withdrawn, err := k.world.AddQTSP(eidastest.QTSPOptions{Territory: "EE", Name: "Withdrawn QTSP"})
	if err != nil {
		return err
	}
	impostor, err := k.world.Impostor(k.world.QTSP("LT"))
	if err != nil {
		return err
	}
	issue := func(q *eidastest.QTSP, r eidastest.Request) *eidastest.Leaf {
		var l *eidastest.Leaf
		if err == nil {
			l, err = q.Issue(r)
		}
		return l
	}
	seal := func(id string, key crypto.Signer) eidastest.Request {
		r := eidastest.QSealC(id, k.o.Roles)
		r.Key = key
		return r
	}
	k.cast[partRotated] = issue(second, seal(honestID, k.second))
	k.cast[partOtherRotated] = issue(second, seal(otherID, k.second))
	k.cast[partWithdrawn] = issue(withdrawn, seal(honestID, key))
	k.cast[partImpostor] = issue(impostor, seal(honestID, key))
	k.sites[partRotated] = issue(second, site(key))
	k.sites[partWithdrawn] = issue(withdrawn, site(key))
	k.sites[partImpostor] = issue(impostor, site(key))
	if err != nil {
		return err
	}
	return withdrawn.Withdraw(k.world.Now())
}

// selfSigned copies subject, extensions and dates of a certificate into one that
// nobody but its own key vouches for.
func selfSigned(l *eidastest.Leaf, key crypto.Signer) (*eidastest.Leaf, error) {
	c := l.Certificate
	template := &x509.Certificate{
		SerialNumber: c.SerialNumber, RawSubject: c.RawSubject, NotBefore: c.NotBefore, NotAfter: c.NotAfter,
		ExtraExtensions: c.Extensions,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	return &eidastest.Leaf{Certificate: cert, Key: key, Chain: []*x509.Certificate{cert}}, nil
}
