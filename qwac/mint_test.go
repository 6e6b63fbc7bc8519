package qwac_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"math/big"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/cryptobyte"
	cbasn1 "golang.org/x/crypto/cryptobyte/asn1"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/qwac"
)

// The TPP of most tests.
const tppID = "PSDLT-BL-LB000468"

// authority is a CA/QC service of a list with its key.
type authority struct {
	cert    *x509.Certificate
	key     crypto.Signer
	service *eidas.Service
}

// world is the smallest thing that a Validator can work with: services made
// without a list, and statuses without a responder. It is safe for concurrent use.
type world struct {
	tb      testing.TB
	serial  atomic.Int64
	set     atomic.Pointer[eidas.ServiceSet]
	profile eidas.Profile

	mu       sync.Mutex
	services []*eidas.Service
	revoked  map[string]bool
	checks   int
	known    int
	status   func(context.Context, eidas.StatusQuery) (eidas.StatusAnswer, error)
	fresh    time.Time // until when answers are

	forgetful bool // KnownStatus knows nothing
}

func newWorld(tb testing.TB) *world {
	tb.Helper()
	return &world{tb: tb, profile: eidas.ProfileEU, revoked: map[string]bool{}, fresh: time.Now().Add(time.Hour)}
}

// Services implements eidas.ServiceSource.
func (w *world) Services() *eidas.ServiceSet { return w.set.Load() }

// CheckStatus implements eidas.StatusChecker.
func (w *world) CheckStatus(ctx context.Context, q eidas.StatusQuery) (eidas.StatusAnswer, error) {
	w.mu.Lock()
	w.checks++
	status := w.status
	w.mu.Unlock()
	if status != nil {
		return status(ctx, q)
	}
	return w.answer(q), nil
}

// KnownStatus implements eidas.StatusMemory.
func (w *world) KnownStatus(q eidas.StatusQuery) (eidas.StatusAnswer, bool) {
	w.mu.Lock()
	forgetful := w.forgetful || w.status != nil
	if !forgetful {
		w.known++
	}
	w.mu.Unlock()
	return w.answer(q), !forgetful
}

func (w *world) answer(q eidas.StatusQuery) eidas.StatusAnswer {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.revoked[string(q.Certificate.Raw)] {
		return eidas.StatusAnswer{Status: eidas.StatusRevoked, Source: "ocsp", RevokedAt: w.fresh}
	}
	return eidas.StatusAnswer{Status: eidas.StatusGood, Source: "ocsp", FreshUntil: w.fresh}
}

func (w *world) setStatus(f func(context.Context, eidas.StatusQuery) (eidas.StatusAnswer, error)) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.status = f
}

func (w *world) revoke(c *x509.Certificate) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.revoked[string(c.Raw)] = true
}

// statusKnown is how often a status was had from memory.
func (w *world) statusKnown() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.known
}

func (w *world) statusChecks() int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.checks
}

// publish gives out a new snapshot of the services.
func (w *world) publish() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.set.Store(eidas.NewServiceSet("snapshot "+time.Now().Format(time.RFC3339Nano), append([]*eidas.Service(nil), w.services...)))
}

const svcInfo = "http://uri.etsi.org/TrstSvc/TrustedList/"

// qtsp adds a granted CA/QC service for everything to the list of a territory.
func (w *world) qtsp(territory, name string) *authority {
	w.tb.Helper()
	return w.qtspWith(territory, name, newKey(w.tb))
}

// qtspWith is qtsp with a given key.
func (w *world) qtspWith(territory, name string, key crypto.Signer) *authority {
	w.tb.Helper()
	cert := w.sign(nil, key, func(c *x509.Certificate) {
		c.Subject = pkix.Name{Country: []string{territory}, Organization: []string{name}, CommonName: name}
		c.IsCA, c.BasicConstraintsValid = true, true
		c.KeyUsage = x509.KeyUsageCertSign
	})
	anchor, err := eidas.ParseAnchor(cert.Raw)
	require.NoError(w.tb, err)
	a := &authority{cert: cert, key: key, service: &eidas.Service{
		List:     &eidas.List{Territory: territory, Profile: w.profile, NextUpdate: time.Now().AddDate(0, 1, 0)},
		Provider: &eidas.Provider{Names: []eidas.Name{{Lang: "en", Value: name}}},
		Anchors:  []*eidas.Anchor{anchor},
		Periods: []eidas.Period{{
			Type:   "http://uri.etsi.org/TrstSvc/Svctype/CA/QC",
			Status: svcInfo + "Svcstatus/granted",
			Start:  time.Now().AddDate(-3, 0, 0),
			AdditionalInfo: []string{
				svcInfo + "SvcInfoExt/ForWebSiteAuthentication", svcInfo + "SvcInfoExt/ForeSeals", svcInfo + "SvcInfoExt/ForeSignatures",
			},
		}},
	}}
	w.mu.Lock()
	w.services = append(w.services, a.service)
	w.mu.Unlock()
	w.publish()
	return a
}

// withdraw ends the service's granted period, in a new snapshot.
func (w *world) withdraw(a *authority) {
	old := a.service
	changed := *old
	period := old.Periods[0]
	period.Status, period.Start = svcInfo+"Svcstatus/withdrawn", time.Now()
	changed.Periods = append([]eidas.Period{period}, old.Periods...)
	w.mu.Lock()
	for i, s := range w.services {
		if s == old {
			w.services[i] = &changed
		}
	}
	w.mu.Unlock()
	a.service = &changed
	w.publish()
}

func newKey(tb testing.TB) *ecdsa.PrivateKey {
	tb.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(tb, err)
	return key
}

// sign makes a certificate; a nil issuer makes it self-signed.
func (w *world) sign(issuer *authority, key crypto.Signer, edit func(*x509.Certificate)) *x509.Certificate {
	w.tb.Helper()
	tmpl := &x509.Certificate{
		SerialNumber: big.NewInt(w.serial.Add(1)),
		NotBefore:    time.Now().AddDate(0, -1, 0), NotAfter: time.Now().AddDate(1, 0, 0),
	}
	edit(tmpl)
	parent, signer := tmpl, key
	if issuer != nil {
		parent, signer = issuer.cert, issuer.key
	}
	der, err := x509.CreateCertificate(rand.Reader, tmpl, parent, key.Public(), signer)
	require.NoError(w.tb, err)
	cert, err := x509.ParseCertificate(der)
	require.NoError(w.tb, err)
	return cert
}

// request says what to put into a QWAC. The zero value is a lawful one.
type request struct {
	id    string // "": tppID
	name  string
	ncaID string // "": "LT-BL"
	roles []role // nil: account information
	kind  int    // QcType; 0: web
	plain bool   // no qcStatements at all
	key   crypto.Signer
	edit  func(*x509.Certificate)
}

type role struct {
	arc  int64
	name string
}

var (
	rolePI = role{2, "PSP_PI"}
	roleAI = role{3, "PSP_AI"}
)

// leaf is a certificate with its key, ready for crypto/tls.
type leaf struct {
	cert *x509.Certificate
	tls  tls.Certificate
}

func (w *world) qwac(issuer *authority, r request) *leaf {
	w.tb.Helper()
	if r.id == "" {
		r.id = tppID
	}
	if r.name == "" {
		r.name = "TPP UAB"
	}
	if r.ncaID == "" {
		r.ncaID = "LT-BL"
	}
	if r.roles == nil {
		r.roles = []role{roleAI}
	}
	if r.kind == 0 {
		r.kind = 3
	}
	if r.key == nil {
		r.key = newKey(w.tb)
	}
	cert := w.sign(issuer, r.key, func(c *x509.Certificate) {
		c.Subject = pkix.Name{
			Country: []string{"LT"}, Organization: []string{r.name}, CommonName: "tpp.example",
			ExtraNames: []pkix.AttributeTypeAndValue{{Type: asn1.ObjectIdentifier{2, 5, 4, 97}, Value: r.id}},
		}
		c.DNSNames = []string{"tpp.example"}
		c.KeyUsage = x509.KeyUsageDigitalSignature
		c.ExtKeyUsage = []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth}
		if !r.plain {
			c.ExtraExtensions = []pkix.Extension{{Id: asn1.ObjectIdentifier{1, 3, 6, 1, 5, 5, 7, 1, 3}, Value: qcStatements(w.tb, r)}}
		}
		if r.edit != nil {
			r.edit(c)
		}
	})
	return &leaf{cert: cert, tls: tls.Certificate{Certificate: [][]byte{cert.Raw}, PrivateKey: r.key, Leaf: cert}}
}

// qcStatements is the value of the extension: QcCompliance, QcType and the PSD2
// statement (EN 319 412-5, TS 119 495 annex A).
func qcStatements(tb testing.TB, r request) []byte {
	tb.Helper()
	var b cryptobyte.Builder
	seq := func(b *cryptobyte.Builder, f func(*cryptobyte.Builder)) { b.AddASN1(cbasn1.SEQUENCE, f) }
	utf8 := func(b *cryptobyte.Builder, s string) {
		b.AddASN1(cbasn1.UTF8String, func(b *cryptobyte.Builder) { b.AddBytes([]byte(s)) })
	}
	oid := func(b *cryptobyte.Builder, arcs ...int) { b.AddASN1ObjectIdentifier(arcs) }
	seq(&b, func(b *cryptobyte.Builder) {
		seq(b, func(b *cryptobyte.Builder) { oid(b, 0, 4, 0, 1862, 1, 1) })
		seq(b, func(b *cryptobyte.Builder) {
			oid(b, 0, 4, 0, 1862, 1, 6)
			seq(b, func(b *cryptobyte.Builder) { oid(b, 0, 4, 0, 1862, 1, 6, r.kind) })
		})
		if len(r.roles) == 0 {
			return
		}
		seq(b, func(b *cryptobyte.Builder) {
			oid(b, 0, 4, 0, 19495, 2)
			seq(b, func(b *cryptobyte.Builder) {
				seq(b, func(b *cryptobyte.Builder) {
					for _, role := range r.roles {
						seq(b, func(b *cryptobyte.Builder) {
							oid(b, 0, 4, 0, 19495, 1, int(role.arc))
							utf8(b, role.name)
						})
					}
				})
				utf8(b, "Bank of Lithuania")
				utf8(b, r.ncaID)
			})
		})
	})
	der, err := b.Bytes()
	require.NoError(tb, err)
	return der
}

// validator is a Validator over the world. The policy needs an Authorizer only
// where the test is about it.
func (w *world) validator(p eidas.Policy) *eidas.Validator {
	w.tb.Helper()
	if p.Authorizer == nil {
		p.Authorizer = eidas.RequireRoles(eidas.RoleAI)
	}
	v, err := eidas.NewValidator(eidas.Config{Services: w, Status: w, Policy: p})
	require.NoError(w.tb, err)
	return v
}

// verifier is a Verifier over the world.
func (w *world) verifier(p eidas.Policy) *qwac.Verifier {
	w.tb.Helper()
	return newVerifier(w.tb, qwac.Config{Validator: w.validator(p)})
}

func newVerifier(tb testing.TB, c qwac.Config) *qwac.Verifier {
	tb.Helper()
	v, err := qwac.New(c)
	require.NoError(tb, err)
	return v
}
