package eidas_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/seed-b953571c/eidas"
)

// now is the time of judgement of the tests of this package.
var now = time.Date(2026, 6, 1, 12, 0, 0, 0, time.UTC)

// authority is a CA with its key.
type authority struct {
	cert *x509.Certificate
	key  crypto.Signer
}

func newKey(tb testing.TB) *ecdsa.PrivateKey {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(tb, err)
	return key
}

var serial int64

// issue signs a certificate for key; a nil issuer makes it self-signed.
func issue(tb testing.TB, issuer *authority, key crypto.Signer, edit func(*x509.Certificate)) *x509.Certificate {
	tb.Helper()
	serial++
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(serial),
		NotBefore:    now.AddDate(-1, 0, 0), NotAfter: now.AddDate(1, 0, 0),
	}
	edit(tmpl)
	parent, signer := tmpl, key
	if issuer != nil {
		parent, signer = issuer.cert, issuer.key
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, parent, key.Public(), signer)
	require.NoError(tb, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(tb, err)
	return cert
}

// newCA makes a CA named name under issuer, or a root.
func newCA(tb testing.TB, name string, issuer *authority, edits ...func(*x509.Certificate)) *authority {
	tb.Helper()
	key := newKey(tb)
	cert := issue(tb, issuer, key, func(c *x509.Certificate) {
		c.Subject = pkix.Name{Country: []string{"LT"}, Organization: []string{name}, CommonName: name}
		c.IsCA, c.BasicConstraintsValid = true, true
		c.KeyUsage = x509.KeyUsageCertSign | x509.KeyUsageCRLSign
		for _, e := range edits {
			e(c)
		}
	})
	return &authority{cert, key}
}

// qcStatements is the value of a lawful extension of a PSD2 certificate.
func qcStatements(qcType int, ncaID string, roles ...eidas.Role) []byte {
	var b cryptobyte.Builder
	oid := func(b *cryptobyte.Builder, s string) { b.AddASN1ObjectIdentifier(parseOID(s)) }
	utf8 := func(b *cryptobyte.Builder, s string) {
		b.AddASN1(cbasn1.UTF8String, func(b *cryptobyte.Builder) { b.AddBytes([]byte(s)) })
	}
	seq := func(b *cryptobyte.Builder, f cryptobyte.BuilderContinuation) { b.AddASN1(cbasn1.SEQUENCE, f) }
	seq(&b, func(b *cryptobyte.Builder) {
		seq(b, func(b *cryptobyte.Builder) { oid(b, "0.4.0.1862.1.1") })
		seq(b, func(b *cryptobyte.Builder) {
			oid(b, "0.4.0.1862.1.6")
			seq(b, func(b *cryptobyte.Builder) { b.AddASN1ObjectIdentifier([]int{0, 4, 0, 1862, 1, 6, qcType}) })
		})
		seq(b, func(b *cryptobyte.Builder) {
			oid(b, "0.4.0.1862.1.5")
			seq(b, func(b *cryptobyte.Builder) {
				seq(b, func(b *cryptobyte.Builder) {
					b.AddASN1(cbasn1.IA5String, func(b *cryptobyte.Builder) { b.AddBytes([]byte("https://pds.example")) })
					b.AddASN1(cbasn1.PrintableString, func(b *cryptobyte.Builder) { b.AddBytes([]byte("en")) })
				})
			})
		})
		if ncaID == "" {
			return
		}
		seq(b, func(b *cryptobyte.Builder) {
			oid(b, "0.4.0.19495.2")
			seq(b, func(b *cryptobyte.Builder) {
				seq(b, func(b *cryptobyte.Builder) {
					for _, r := range roles {
						seq(b, func(b *cryptobyte.Builder) { oid(b, r.OID); utf8(b, r.Name) })
					}
				})
				utf8(b, "Bank of Lithuania")
				utf8(b, ncaID)
			})
		})
	})
	return b.BytesOrPanic()
}

func parseOID(s string) asn1.ObjectIdentifier {
	oid, err := x509.ParseOID(s)
	if err != nil {
		panic(err)
	}
	var out asn1.ObjectIdentifier
	der, err := oid.MarshalBinary()
	if err != nil {
		panic(err)
	}
	if _, err := asn1.Unmarshal(append([]byte{6, byte(len(der))}, der...), &out); err != nil {
		panic(err)
	}
	return out
}

var (
	rolePI = eidas.Role{OID: "0.4.0.19495.1.2", Name: "PSP_PI"}
	roleAI = eidas.Role{OID: "0.4.0.19495.1.3", Name: "PSP_AI"}
)

const tppID = "PSDLT-BL-LB000458"

// qwac edits a template into a lawful QWAC of tppID.
func qwac(c *x509.Certificate) {
	c.Subject = pkix.Name{
		Country: []string{"LT"}, Organization: []string{"Example TPP"}, CommonName: "tpp.example",
		ExtraNames: []pkix.AttributeTypeAndValue{{Type: asn1.ObjectIdentifier{2, 5, 4, 97}, Value: tppID}},
	}
	c.DNSNames = []string{"tpp.example"}
	c.KeyUsage = x509.KeyUsageDigitalSignature
	c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth}
	setStatements(c, qcStatements(3, "LT-BL", rolePI, roleAI))
}

// qseal edits a template into a lawful QSealC of tppID.
func qseal(c *x509.Certificate) {
	qwac(c)
	c.DNSNames, c.ExtKeyUsage = nil, nil
	c.KeyUsage = x509.KeyUsageContentCommitment
	setStatements(c, qcStatements(2, "LT-BL", rolePI, roleAI))
}

func setStatements(c *x509.Certificate, value []byte) {
	c.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 3}, Value: value}}
}

// both applies edits in order.
func both(edits ...func(*x509.Certificate)) func(*x509.Certificate) {
	return func(c *x509.Certificate) {
		for _, e := range edits {
			e(c)
		}
	}
}

// listed makes a granted CA/QC service of a CA.
func listed(tb testing.TB, ca *authority, edits ...func(*eidas.Service)) *eidas.Service {
	tb.Helper()
	anchor, err := eidas.ParseAnchor(ca.cert.Raw)
	require.NoError(tb, err)
	s := service("granted", edge, allInfo, "")
	s.List = &eidas.List{Territory: "LT", Profile: eidas.ProfileEU, Sequence: 7, NextUpdate: now.AddDate(0, 1, 0), URL: "https://list.example/lt.xml"}
	s.Provider = &eidas.Provider{Names: []eidas.Name{{Lang: "en", Value: "Example QTSP"}}}
	s.Anchors = []*eidas.Anchor{anchor}
	for _, e := range edits {
		e(s)
	}
	return s
}

// trust is a ServiceSource of fixed services.
type trust struct{ set *eidas.ServiceSet }

func (s trust) Services() *eidas.ServiceSet { return s.set }

func trusting(services ...*eidas.Service) trust {
	return trust{eidas.NewServiceSet("snapshot-1", services)}
}
