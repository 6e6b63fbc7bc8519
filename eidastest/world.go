package eidastest

import (
	"crypto/x509"
	"fmt"
	"slices"
	"sync/atomic"
	"time"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/trustlist"
)

// Options say what NewWorld makes. The zero value is a world of today with a
// QTSP in Lithuania and one in Germany, under the EU's profile.
type Options struct {
	// Now is the world's time. Zero: that of the clock, which goes on.
	Now time.Time
	// Territories get a list and a QTSP each. Nil: "LT" and "DE".
	Territories []string
	// Profile of the anchors. Zero: eidas.ProfileEU, so that code under test
	// runs as it is; nobody else can have signed for these anchors.
	Profile eidas.Profile
	// Pivots between the anchors and the list of trusted lists. Zero: one.
	// Negative: none.
	Pivots int
	// SignerKey is the key type of the signer of each list.
	SignerKey KeyType
}

// World is a small EU of its own: a list of trusted lists (LOTL) behind pivots,
// national lists, QTSPs on them, their OCSP responders and CRLs. What changes it is
// not safe for concurrent use; what serves it is, while it changes.
type World struct {
	// LOTL is the list of trusted lists.
	LOTL *List

	profile   eidas.Profile
	clock     atomic.Pointer[time.Time] // nil: the real one
	signerKey KeyType
	anchors   []*Authority // as in the Official Journal
	pivots    []*List      // oldest first
	lists     []*List      // in the order of the LOTL's pointers
	qtsps     []*QTSP
	files     published
	loopback  *loopback
	bank      *Authority // the CA of the servers under test
	attacker  *Authority // nil until a hostile list is made
	live      atomic.Pointer[trustlist.Snapshot]
	isLive    bool
	err       error // of the last reload
}

// The addresses of a world lie under a name that no DNS has (RFC 6761, 6.4).
const (
	urlLOTL            = "https://lotl.eidastest.invalid/eu-lotl.xml"
	urlPivot           = "https://lotl.eidastest.invalid/eu-lotl-pivot-%d.xml"
	urlOfficialJournal = "https://oj.eidastest.invalid/C/2026/1/oj"
	urlExplanation     = "https://lotl.eidastest.invalid/pivot-lotl-explanation.html"
	urlNational        = "https://tl-%s.eidastest.invalid/tl.xml"

	commission = "European Commission of a test world"
	// lotlSequence is where the LOTL starts; pivots count from below it.
	lotlSequence = 300
)

// NewWorld makes a world and starts its responders on the loopback interface.
// Close it after use. Tests rather call Start.
func NewWorld(o Options) (*World, error) {
	w := &World{profile: o.Profile, signerKey: o.SignerKey}
	if w.profile == "" {
		w.profile = eidas.ProfileEU
	}
	if !o.Now.IsZero() {
		w.SetNow(o.Now)
	}
	var err error
	if w.loopback, err = startLoopback(); err != nil {
		return nil, err
	}
	if err := w.build(o); err != nil {
		w.Close()
		return nil, err
	}
	return w, nil
}

// Close stops the responders. The world cannot be used any more.
func (w *World) Close() { w.loopback.close() }

// build makes the signers, the lists and the QTSPs.
func (w *World) build(o Options) error {
	var err error
	if w.bank, err = newAuthority(authorityRequest{subject: caSubject("EU", "Server", "CA"), now: w.Now()}); err != nil {
		return err
	}
	if err := w.buildLOTL(o.Pivots); err != nil {
		return err
	}
	territories := o.Territories
	if territories == nil {
		territories = []string{"LT", "DE"}
	}
	for _, t := range territories {
		if _, err := w.addQTSP(QTSPOptions{Territory: t}); err != nil {
			return err
		}
	}
	for _, l := range w.lists {
		if err := l.Publish(); err != nil {
			return err
		}
	}
	// Pivots point to the national lists too, so they come last.
	for _, l := range append(slices.Clone(w.pivots), w.LOTL) {
		if err := l.Publish(); err != nil {
			return err
		}
	}
	return w.goLive()
}

// buildLOTL makes the chain anchors, pivots, LOTL: each is signed with the
// signers that the one before announces.
func (w *World) buildLOTL(pivots int) error {
	if pivots == 0 {
		pivots = 1
	}
	set, err := w.newSigners("EU", commission)
	if err != nil {
		return err
	}
	w.anchors = set
	for i := range max(pivots, 0) {
		seq := lotlSequence - 20*(pivots-i)
		p := &List{
			world: w, Territory: "EU", URL: fmt.Sprintf(urlPivot, seq), Sequence: seq, Operator: commission,
			Issued: w.Now().AddDate(0, -2*(pivots-i), 0), signer: set[0],
		}
		p.NextUpdate = p.Issued.AddDate(0, 6, 0)
		if set, err = w.newSigners("EU", commission); err != nil {
			return err
		}
		p.announced = set
		w.pivots = append(w.pivots, p)
	}
	w.LOTL = &List{
		world: w, Territory: "EU", URL: urlLOTL, Sequence: lotlSequence, Operator: commission,
		signer: set[0], announced: set,
	}
	w.LOTL.date()
	return nil
}

// newSigners makes the two certificates that may sign a list: the signer, and
// one in reserve. They are end entities of no CA, as many real ones are.
func (w *World) newSigners(country, operator string) ([]*Authority, error) {
	var list []*Authority
	for i, key := range []KeyType{w.signerKey, P256} {
		a, err := newAuthority(authorityRequest{
			subject: caSubject(country, operator, fmt.Sprintf("Signer %d", i+1)),
			key:     key, now: w.Now(), endEntity: true,
		})
		if err != nil {
			return nil, err
		}
		list = append(list, a)
	}
	return list, nil
}

// Now returns the world's time.
func (w *World) Now() time.Time {
	if t := w.clock.Load(); t != nil {
		return *t
	}
	return time.Now() //nolint:forbidigo // the one clock of the kit; SetNow replaces it
}

// SetNow stops the world's clock at a time. Certificates and lists that are
// already there stay as they are.
func (w *World) SetNow(t time.Time) { w.clock.Store(&t) }

// QTSP returns the first QTSP of a territory, nil when there is none.
func (w *World) QTSP(territory string) *QTSP {
	for _, q := range w.qtsps {
		if q.Territory == territory {
			return q
		}
	}
	return nil
}

// List returns the national list of a territory, nil when there is none.
func (w *World) List(territory string) *List {
	for _, l := range w.lists {
		if l.Territory == territory {
			return l
		}
	}
	return nil
}

// AddQTSP makes a QTSP, puts it on the list of its territory and reissues what
// has to be: the list, and the LOTL when the list is new.
func (w *World) AddQTSP(o QTSPOptions) (*QTSP, error) {
	isNew := w.List(o.Territory) == nil
	q, err := w.addQTSP(o)
	if err != nil {
		return nil, err
	}
	if isNew {
		// Until the LOTL points to it, the list means nothing.
		if err := q.list.Publish(); err != nil {
			return nil, err
		}
		return q, w.LOTL.Reissue()
	}
	return q, q.list.Reissue()
}

// addQTSP adds without publishing.
func (w *World) addQTSP(o QTSPOptions) (*QTSP, error) {
	if len(o.Territory) != 2 {
		return nil, fmt.Errorf("eidastest: territory %q does not have two letters", o.Territory)
	}
	q, err := w.newQTSP(o)
	if err != nil {
		return nil, err
	}
	l := w.List(o.Territory)
	if l == nil {
		operator := "Scheme operator of " + o.Territory
		signers, err := w.newSigners(o.Territory, operator)
		if err != nil {
			return nil, err
		}
		l = &List{
			world: w, Territory: o.Territory, URL: fmt.Sprintf(urlNational, slugOf(o.Territory)),
			Sequence: 10, Operator: operator, signer: signers[0], announced: signers,
		}
		l.date()
		w.lists = append(w.lists, l)
	}
	q.list = l
	l.qtsps = append(l.qtsps, q)
	w.qtsps = append(w.qtsps, q)
	return q, nil
}

// Impostor makes a QTSP that is on no list and prints the names and the key
// identifiers of another one. Only its keys are its own.
func (w *World) Impostor(victim *QTSP) (*QTSP, error) {
	q := &QTSP{
		Provider: victim.Provider, Territory: victim.Territory, world: w,
		slug: fmt.Sprintf("%s-impostor-%d", victim.slug, w.loopback.count()),
	}
	if err := q.makeAuthorities(P256, victim); err != nil {
		return nil, err
	}
	return q, nil
}

// certificates returns the certificates of authorities.
func certificates(list []*Authority) []*x509.Certificate {
	certs := make([]*x509.Certificate, 0, len(list))
	for _, a := range list {
		certs = append(certs, a.Certificate)
	}
	return certs
}
