package eidastest

import (
	"bytes"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"github.com/seed-b953571c/eidas/internal/xmldsig"
)

// List is a trusted list of a world: the LOTL, a pivot or a national list. The
// exported fields are what the next edition says. The methods publish an
// edition, an honest one or not; the last one published is what is served.
type List struct {
	Territory  string
	URL        string
	Operator   string
	Version    int // TSLVersionIdentifier; zero: 6
	Sequence   int
	Issued     time.Time
	NextUpdate time.Time // zero: none, the list is final

	world     *World
	signer    *Authority
	announced []*Authority // who may sign it, says the list that points to it
	qtsps     []*QTSP
	editions  [][]byte // the honest ones, oldest first
}

// listLifetime is what most real lists take: six months.
const listLifetime = 180 * 24 * time.Hour

// date gives the list the world's time.
func (l *List) date() {
	l.Issued = l.world.Now().UTC().Truncate(time.Second)
	l.NextUpdate = l.Issued.Add(listLifetime)
}

// QTSPs returns the providers on the list, in order.
func (l *List) QTSPs() []*QTSP { return l.qtsps }

// Signer returns the certificate that signs the list.
func (l *List) Signer() *x509.Certificate { return l.signer.Certificate }

// Signers returns the certificates that the LOTL announces for the list, its
// signer first.
func (l *List) Signers() []*x509.Certificate { return certificates(l.announced) }

// isNational tells a national list from the LOTL and its pivots.
func (l *List) isNational() bool { return l.Territory != "EU" }

// Reissue publishes the next edition: one sequence number up, issued at the
// world's time.
func (l *List) Reissue() error {
	l.Sequence++
	l.date()
	return l.Publish()
}

// Publish signs an edition from the fields as they are and serves it.
func (l *List) Publish() error {
	doc, err := l.sign(l.signer)
	if err != nil {
		return err
	}
	l.editions = append(l.editions, doc)
	return l.Replace(doc)
}

// Expire publishes an edition whose NextUpdate passed the given time ago.
func (l *List) Expire(ago time.Duration) error {
	l.Sequence++
	l.NextUpdate = l.world.Now().UTC().Truncate(time.Second).Add(-ago)
	l.Issued = l.NextUpdate.Add(-listLifetime)
	return l.Publish()
}

// Replace serves any octets as the list. Nil makes it go missing.
func (l *List) Replace(doc []byte) error {
	l.world.files.set(l.URL, doc)
	return l.world.reload()
}

// Restore serves the newest honest edition again.
func (l *List) Restore() error { return l.Replace(l.editions[len(l.editions)-1]) }

// Rollback serves the honest edition before the newest one.
func (l *List) Rollback() error {
	if len(l.editions) < 2 {
		return errors.New("eidastest: list has no earlier edition")
	}
	return l.Replace(l.editions[len(l.editions)-2])
}

// Tamper serves the newest edition with one signed letter changed.
func (l *List) Tamper() error {
	doc := bytes.Clone(l.editions[len(l.editions)-1])
	i := bytes.Index(doc, []byte("<SchemeName>"))
	j := bytes.Index(doc, []byte("Trusted list of"))
	if i < 0 || j < i {
		return errors.New("eidastest: list has no scheme name")
	}
	doc[j] = 't'
	return l.Replace(doc)
}

// Unsign serves the list without a signature.
func (l *List) Unsign() error { return l.Replace(l.document().marshal(false)) }

// SignAs serves the list signed by the signer of another list.
func (l *List) SignAs(other *List) error {
	doc, err := l.sign(other.signer)
	if err != nil {
		return err
	}
	return l.Replace(doc)
}

// Served returns the octets that are served now, nil when there are none. The
// caller must not change them.
func (l *List) Served() []byte { return l.world.files.get(l.URL) }

// sign writes the list and signs it.
func (l *List) sign(by *Authority) ([]byte, error) {
	d := l.document()
	// Format 5 had SigningCertificate, 6 demands SigningCertificateV2.
	o := xmldsig.SignOptions{At: l.Issued, V1: d.version == 5}
	doc, err := xmldsig.Sign(d.marshal(false), by.Key, by.Certificate.Raw, o)
	if err != nil {
		return nil, fmt.Errorf("eidastest: list of %s: %w", l.Territory, err)
	}
	return doc, nil
}

// document is what the next edition says.
func (l *List) document() *document {
	w := l.world
	d := &document{
		id: fmt.Sprintf("TL-%s-%d", l.Territory, l.Sequence), version: l.Version, sequence: l.Sequence,
		tslType: typeNational, territory: l.Territory, operator: l.Operator, url: l.URL,
		issued: l.Issued, nextUpdate: l.NextUpdate, providers: l.qtsps,
	}
	if d.version == 0 {
		d.version = 6
	}
	if l.isNational() {
		d.uris = []string{l.URL + "?about"}
		d.pointers = []pointer{w.LOTL.pointer(w.LOTL.announced)}
		return d
	}
	d.tslType = typeLOTL
	// Newest first; who knows the notice in the Official Journal stops there.
	for i := len(w.pivots) - 1; i >= 0; i-- {
		if w.pivots[i].Sequence < l.Sequence {
			d.uris = append(d.uris, w.pivots[i].URL)
		}
	}
	d.uris = append(d.uris, urlOfficialJournal, urlExplanation)
	d.pointers = []pointer{w.LOTL.pointer(l.announced)}
	for _, n := range w.lists {
		d.pointers = append(d.pointers, n.pointer(n.announced))
	}
	return d
}

// pointer is how another list points to this one.
func (l *List) pointer(signers []*Authority) pointer {
	p := pointer{
		url: l.URL, territory: l.Territory, tslType: typeNational, operator: l.Operator,
		signers: certificates(signers),
	}
	if !l.isNational() {
		p.tslType = typeLOTL
	}
	return p
}
