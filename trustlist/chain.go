package trustlist

import (
	"context"
	"errors"
	"net/url"
	"slices"
	"strings"

	"github.com/seed-b953571c/eidas"
)

// officialJournalHost publishes the notices that pivots and anchors come from.
const officialJournalHost = "eur-lex.europa.eu"

// AlarmKind says what a person should look at. The set is closed.
type AlarmKind string

// The alarms.
const (
	// AlarmOfficialJournal: the LOTL names a notice in the Official Journal that
	// is newer than that of the anchors. The pivots still lead to it, but not
	// for ever: add the new notice's anchors.
	AlarmOfficialJournal AlarmKind = "official_journal_new"
	// AlarmLOTLLocation: the LOTL says that it has moved.
	AlarmLOTLLocation AlarmKind = "lotl_moved"
)

// Alarm is something that an authentic LOTL or pivot announces and that an
// operator must act on. Nothing is refused for it.
type Alarm struct {
	Kind AlarmKind
	URL  string // what was announced
}

// errPeeked ends the reading of a LOTL that is not authenticated yet.
var errPeeked = &Error{Reason: ReasonInternal, Err: errors.New("read ahead")}

// route is what SchemeInformationURI of a LOTL says about the way from the
// notice of the anchors to that LOTL.
type route struct {
	pivots  []string // oldest first
	notices []string // of the Official Journal, newer than ours
}

// routeOf reads SchemeInformationURI in document order, newest first: what comes
// before the notice of the anchors came after it in time. Values that end in
// ".xml" are pivots. (ETSI TS 119 615 v1.2.1, 4.1; the Commission's explanation
// of pivot LOTLs.)
func routeOf(uris []string, notice string) (route, *Error) {
	var r route
	if notice == "" {
		return r, nil
	}
	end := slices.Index(uris, notice)
	if end < 0 {
		// Without our notice nobody can say which pivots are missing: this LOTL
		// is older than the notice, or so new that it has dropped it.
		return r, refuse(ReasonOfficialJournal, "notice %q", notice)
	}
	for _, uri := range uris[:end] {
		u, err := url.Parse(uri)
		switch {
		case err != nil:
			continue
		case strings.HasSuffix(uri, ".xml") && u.Scheme != "https":
			// A pivot is fetched before anything vouches for the URL.
			return r, refuse(ReasonPivot, "pivot %q is not https", uri)
		case strings.HasSuffix(uri, ".xml") && !slices.Contains(r.pivots, uri):
			r.pivots = append(r.pivots, uri)
		case u.Hostname() == officialJournalHost && !slices.Contains(r.notices, uri):
			r.notices = append(r.notices, uri)
		}
	}
	if len(r.pivots) > MaxPivots {
		return r, refuse(ReasonPivot, "%d pivots, more than %d", len(r.pivots), MaxPivots)
	}
	slices.Reverse(r.pivots)
	return r, nil
}

// peekURIs reads SchemeInformationURI of a LOTL that is not authenticated yet.
// The signers of a LOTL are known only after its pivots, and only the LOTL names
// these. Nothing comes of a lie here: each pivot is authenticated by the set
// before it, and the URIs are read again from the signed octets.
func peekURIs(doc []byte, in *interner) ([]string, *Error) {
	var uris []string
	_, err := parseList(doc, in, func(s *scheme) (*eidas.List, *Error) {
		uris = s.uris
		return nil, errPeeked
	})
	if err != nil && err != errPeeked {
		return nil, err
	}
	return uris, nil
}

// chain is the authenticated LOTL with the way to it.
type chain struct {
	lotl   *entry
	pivots []ListReport // oldest first
	alarms []Alarm
}

// resolve walks from the anchors through the pivots to the LOTL. The chain holds
// the reports of what was reached, whatever the error.
func (l *loader) resolve(ctx context.Context) (*chain, *Error) {
	anchors := l.config.Anchors
	c := &chain{}
	doc, err := l.fetch(ctx, anchors.LOTL)
	if err != nil {
		return c, err
	}
	var way route
	if anchors.OfficialJournal != "" {
		uris, err := peekURIs(doc, l.in)
		if err == nil {
			way, err = routeOf(uris, anchors.OfficialJournal)
		}
		if err != nil {
			return c, at(err, anchors.LOTL, err.Reason)
		}
	}
	signers, last, err := l.walk(ctx, way.pivots, c)
	if err != nil {
		return c, err
	}
	c.lotl = l.read(doc, expectation{url: anchors.LOTL, typ: typeListOfLists, signers: signers})
	if err := c.checkLOTL(way, last, anchors); err != nil {
		return c, at(err, anchors.LOTL, err.Reason)
	}
	return c, nil
}

// walk authenticates the pivots, oldest first: each by the signers that the one
// before it announced for the LOTL, the first by those of the notice. It returns
// the signers that the last one announced and its sequence number.
func (l *loader) walk(ctx context.Context, urls []string, c *chain) (signers [][32]byte, last int, refused *Error) {
	signers = l.config.Anchors.Signers
	for _, url := range urls {
		doc, err := l.fetch(ctx, url)
		if err != nil {
			return nil, 0, pivotError(url, err)
		}
		pivot := l.read(doc, expectation{url: url, typ: typeListOfLists, signers: signers})
		pivot.report.Stale = false // a pivot is history: it says who signed from then on
		own := pivot.scheme.own()
		switch {
		case !pivot.report.Accepted:
		case pivot.report.Sequence <= last:
			pivot.report.refuse(refuse(ReasonRollback, "sequence %d after %d", pivot.report.Sequence, last))
		case len(own.signers) == 0:
			pivot.report.refuse(refuse(ReasonPointer, "pivot announces no signer of the list of trusted lists"))
		}
		c.pivots = append(c.pivots, pivot.report)
		if !pivot.report.Accepted {
			return nil, 0, pivotError(url, pivot.report.Err)
		}
		signers, last = own.signers, pivot.report.Sequence
		c.alarm(AlarmLOTLLocation, own.url, l.config.Anchors.LOTL)
	}
	return signers, last, nil
}

func pivotError(url string, err error) *Error {
	return &Error{Reason: ReasonPivot, URL: url, Err: err}
}

// checkLOTL compares the authentic LOTL with the way that led to it.
func (c *chain) checkLOTL(way route, last int, anchors Anchors) *Error {
	r := &c.lotl.report
	if !r.Accepted {
		return at(r.Err, r.URL, r.Reason)
	}
	signed, err := routeOf(c.lotl.scheme.uris, anchors.OfficialJournal)
	if err != nil {
		return err
	}
	if !slices.Equal(signed.pivots, way.pivots) {
		return refuse(ReasonPivot, "pivots differ between the document and what was signed")
	}
	if r.Sequence < last {
		// Each pivot is a LOTL of its time; an older LOTL does not lead to it.
		return refuse(ReasonRollback, "sequence %d, older than pivot %d", r.Sequence, last)
	}
	for _, notice := range signed.notices {
		c.alarm(AlarmOfficialJournal, notice, "")
	}
	if own := c.lotl.scheme.own(); own.url != "" {
		c.alarm(AlarmLOTLLocation, own.url, anchors.LOTL)
	}
	return nil
}

// alarm adds an alarm if url is not what it should be, once.
func (c *chain) alarm(kind AlarmKind, url, usual string) {
	if a := (Alarm{kind, url}); url != "" && url != usual && !slices.Contains(c.alarms, a) {
		c.alarms = append(c.alarms, a)
	}
}

// own returns the LOTL's pointer to itself. Where it is stated twice, the
// signers of both count and the first location.
func (s *scheme) own() pointer {
	var own pointer
	for i := range s.pointers {
		t := &s.pointers[i]
		if t.typ != typeListOfLists || !t.isXML() || t.conflict {
			continue
		}
		if own.url == "" {
			own.url = t.url
		}
		own.signers = append(own.signers, t.signers...)
	}
	return own
}

// national returns the pointers to national lists, in document order. Pointers
// to the same list are merged: some LOTLs repeat them.
func (s *scheme) national() []pointer {
	var all []pointer
	for _, t := range s.pointers {
		if t.typ != typeGeneric || !t.isXML() {
			continue
		}
		i := slices.IndexFunc(all, func(o pointer) bool { return o.url == t.url && o.territory == t.territory })
		if i < 0 {
			t.signers = slices.Clone(t.signers)
			all = append(all, t)
			continue
		}
		for _, f := range t.signers {
			if !slices.Contains(all[i].signers, f) {
				all[i].signers = append(all[i].signers, f)
			}
		}
		all[i].conflict = all[i].conflict || t.conflict
	}
	return all
}
