package eidastest

import (
	"crypto"
	"crypto/x509"
	"fmt"
	"math/big"
	"slices"
	"time"

	"github.com/seed-b953571c/eidas"
)

// QTSPOptions say what AddQTSP makes.
type QTSPOptions struct {
	Name      string // of the provider and, in part, of its CAs; empty: one made of the territory
	Territory string // of the list that it is on; the list is made when it is new
	Key       KeyType
	// AdditionalInfo of its service; nil: ForSignatures, ForSeals and ForWeb.
	AdditionalInfo []string
	// Qualifications of its service.
	Qualifications []eidas.Qualification
	// Since is when the service was granted. Zero: two years before the world's
	// time, but not before eIDAS applied.
	Since time.Time
	// ListRoot puts the root CA on the list instead of the issuing CA.
	ListRoot bool
}

// QTSP is a trust service provider: a root CA, an issuing CA below it, an entry
// on a national list, an OCSP responder and CRLs. Its methods are not safe for
// concurrent use with each other; the responder and the lists may be in use
// meanwhile.
type QTSP struct {
	Provider  eidas.Provider
	Territory string
	Root      *Authority
	Issuing   *Authority
	// Services are on the list in this order. The first one is that of the CA.
	Services  []*Service
	Responder *Responder
	// ResponderURL is where the responder answers.
	ResponderURL string
	// CRL is where the CRL of the issuing CA is published that lists everything.
	// Certificates name it when Request.Points asks for it.
	CRL *DistributionPoint

	world  *World
	list   *List // nil: on none
	slug   string
	points int // how many were made
}

// Service is a service of a QTSP as its list shows it. After a change to a
// field, List.Reissue publishes it.
type Service struct {
	Certificates []*x509.Certificate // the digital identity
	KeyIDs       [][]byte            // X509SKI
	Subjects     []string            // X509SubjectName
	Periods      []eidas.Period      // newest first
}

// Name returns the name of the provider.
func (q *QTSP) Name() string { return eidas.English(q.Provider.Names) }

// List returns the list that the QTSP is on, nil for an impostor.
func (q *QTSP) List() *List { return q.list }

// eIDAS is when Regulation (EU) 910/2014 began to apply.
func eIDAS() time.Time { return time.Date(2016, time.June, 30, 22, 0, 0, 0, time.UTC) }

// newQTSP makes the CAs, the responder and the service, on no list yet.
func (w *World) newQTSP(o QTSPOptions) (*QTSP, error) {
	if o.Name == "" {
		o.Name = fmt.Sprintf("QTSP %s %d", o.Territory, len(w.qtsps)+1)
	}
	q := &QTSP{
		Provider:  eidas.Provider{Names: english(o.Name), TradeNames: english("VAT" + o.Territory + "-12345678")},
		Territory: o.Territory, world: w, slug: fmt.Sprintf("%s-%d", slugOf(o.Name), len(w.qtsps)),
	}
	if err := q.makeAuthorities(o.Key, nil); err != nil {
		return nil, err
	}
	since := o.Since
	if since.IsZero() {
		if since = w.Now().AddDate(-2, 0, 0); since.Before(eIDAS()) && w.Now().After(eIDAS()) {
			since = eIDAS()
		}
	}
	info := o.AdditionalInfo
	if info == nil {
		info = []string{ForSignatures, ForSeals, ForWeb}
	}
	listed := q.Issuing.Certificate
	if o.ListRoot {
		listed = q.Root.Certificate
	}
	q.Services = []*Service{{
		Certificates: []*x509.Certificate{listed},
		KeyIDs:       [][]byte{listed.SubjectKeyId},
		Subjects:     []string{listed.Subject.String()},
		Periods: []eidas.Period{{
			Type: ServiceCAQC, Names: english(listed.Subject.CommonName), Status: StatusGranted,
			Start: since.UTC().Truncate(time.Second), AdditionalInfo: info, Qualifications: o.Qualifications,
		}},
	}}
	return q, nil
}

// makeAuthorities makes root, issuing CA and responder. With a victim, the CAs
// print its key identifiers, though their keys are others.
func (q *QTSP) makeAuthorities(key KeyType, victim *QTSP) error {
	w, name := q.world, q.Name()
	root := authorityRequest{subject: caSubject(q.Territory, name, "Root CA"), key: key, now: w.Now()}
	issuing := authorityRequest{subject: caSubject(q.Territory, name, "Issuing CA"), key: key, now: w.Now()}
	if victim != nil {
		root.keyID, issuing.keyID = victim.Root.Certificate.SubjectKeyId, victim.Issuing.Certificate.SubjectKeyId
	}
	var err error
	if q.Root, err = newAuthority(root); err != nil {
		return err
	}
	q.Responder = newResponder(w.Now)
	q.ResponderURL = w.loopback.register(ocspPath+q.slug, q.Responder)
	q.CRL = q.newPoint(PointOptions{}, true)
	issuing.parent, issuing.ocsp = q.Root, q.ResponderURL
	if q.Issuing, err = newAuthority(issuing); err != nil {
		return err
	}
	q.Responder.add(q.Root)
	q.Responder.add(q.Issuing)
	q.Responder.Issued(q.Issuing.Certificate)
	return nil
}

func caSubject(country, organization, what string) []Attribute {
	return []Attribute{
		{OID: OIDCountry, Value: country},
		{OID: OIDOrganization, Value: organization},
		{OID: OIDOrganizationIdentifier, Value: "VAT" + country + "-12345678"},
		{OID: OIDCommonName, Value: organization + " " + what},
	}
}

// IssueQWAC issues the certificate that QWAC describes. It checks nothing: an
// identifier that is malformed is issued as it stands, so that its refusal can be
// tested.
func (q *QTSP) IssueQWAC(organizationIdentifier string, roles eidas.Roles) (*Leaf, error) {
	return q.Issue(QWAC(organizationIdentifier, roles))
}

// IssueQSealC issues the certificate that QSealC describes.
func (q *QTSP) IssueQSealC(organizationIdentifier string, roles eidas.Roles) (*Leaf, error) {
	return q.Issue(QSealC(organizationIdentifier, roles))
}

// Issue issues a certificate from the issuing CA and tells the responder. It is
// an error when crypto/x509 cannot read the certificate back: use IssueDER for
// one that is so broken.
func (q *QTSP) Issue(r Request) (*Leaf, error) {
	der, key, err := q.IssueDER(r)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, fmt.Errorf("eidastest: certificate cannot be read back: %w", err)
	}
	q.Responder.Issued(cert)
	return &Leaf{Certificate: cert, Key: key, Chain: []*x509.Certificate{cert, q.Issuing.Certificate}}, nil
}

// IssueDER is Issue for a certificate that need not be readable. The responder
// is not told.
func (q *QTSP) IssueDER(r Request) ([]byte, crypto.Signer, error) {
	if r.OCSP == nil {
		r.OCSP = []string{q.ResponderURL}
	}
	key := r.Key
	var err error
	if key == nil {
		if key, err = NewKey(r.KeyType); err != nil {
			return nil, nil, err
		}
	}
	tmpl, err := r.template(q.world.Now())
	if err != nil {
		return nil, nil, err
	}
	der, err := signDER(tmpl, q.Issuing, key.Public())
	if err != nil {
		return nil, nil, err
	}
	for _, d := range r.Points {
		d.add(tmpl.SerialNumber)
	}
	return der, key, nil
}

// Revoke makes the responder of the QTSP answer revoked from the world's time
// on, with a CRLReason of RFC 5280, 5.3.1, and puts the certificate on its CRLs.
func (q *QTSP) Revoke(l *Leaf, reason int) { q.Responder.Revoke(l.Certificate.SerialNumber, reason) }

// Withdraw gives the service of the CA the status withdrawn from a time on, and
// reissues the list.
func (q *QTSP) Withdraw(from time.Time) error { return q.SetStatus(StatusWithdrawn, from) }

// Grant gives the service of the CA the status granted from a time on, and
// reissues the list.
func (q *QTSP) Grant(from time.Time) error { return q.SetStatus(StatusGranted, from) }

// SetStatus begins a new period of the service of the CA: its old one becomes
// history (TS 119 612, 5.6). The list is reissued.
func (q *QTSP) SetStatus(status string, from time.Time) error {
	if q.list == nil {
		return fmt.Errorf("eidastest: %s is on no list", q.Name())
	}
	s := q.Services[0]
	p := s.Periods[0]
	p.Status, p.Start = status, from.UTC().Truncate(time.Second)
	s.Periods = slices.Insert(s.Periods, 0, p)
	return q.list.Reissue()
}

// serialOf is the key under which a responder remembers a certificate.
func serialOf(n *big.Int) string { return n.Text(16) }
