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
// of pivot LOTLs.) The LOTL may not be authenticated yet: the first that is one
// too many ends the reading.
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
			if len(r.pivots) == MaxPivots {
				return route{}, refuse(ReasonPivot, "more than %d pivots", MaxPivots)
			}
			r.pivots = append(r.pivots, uri)
		case u.Hostname() == officialJournalHost && !slices.Contains(r.notices, uri):
			if len(r.notices) == maxNotices {
				return route{}, refuse(ReasonLimit, "more than %d notices", maxNotices)
			}
			r.notices = append(r.notices, uri)
		}
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
	anchors Anchors // that it starts at
	lotl    *entry
	pivots  []*entry // oldest first
	alarms  alarms
}

// resolve walks from the anchors through the pivots to the LOTL.
func (l *loader) resolve(ctx context.Context) (*chain, *Error) {
	last := l.lastChain()
	location := l.config.Anchors.LOTL
	known := last.list()
	if !l.archived(last) {
		known = nil // the way must be walked again, to archive its pivots
	}
	got, err := l.get(ctx, location, known)
	if err != nil {
		return nil, err
	}
	if known != nil && got.same(known) {
		l.store(last.lotl, got.doc)
		return last.again(l, got), nil
	}
	c := &chain{anchors: l.config.Anchors}
	way, err := l.route(got.doc, c)
	if err != nil {
		return nil, at(err, location, err.Reason)
	}
	signers, err := l.walk(ctx, way.pivots, c)
	if err != nil {
		return nil, err
	}
	c.lotl = l.read(got.doc, expectation{url: location, typ: typeListOfLists, signers: signers})
	c.lotl.had(got, l.at)
	if err := c.checkLOTL(l, way); err != nil {
		return nil, at(err, location, err.Reason)
	}
	l.store(c.lotl, got.doc)
	return c, nil
}

// route reads the way to the LOTL and chooses the anchors that it starts at:
// those of the configuration, or the first of the other known notices that the
// LOTL names.
func (l *loader) route(doc []byte, c *chain) (route, *Error) {
	if c.anchors.OfficialJournal == "" {
		return route{}, nil
	}
	uris, err := peekURIs(doc, l.in)
	if err != nil {
		return route{}, err
	}
	if !slices.Contains(uris, c.anchors.OfficialJournal) {
		for _, other := range l.config.Fallback {
			if slices.Contains(uris, other.OfficialJournal) {
				c.anchors = other
				break
			}
		}
	}
	return routeOf(uris, c.anchors.OfficialJournal)
}

// walk authenticates the pivots, oldest first: each by the signers that the one
// before it announced for the LOTL, the first by those of the notice. It returns
// the signers that the last one announced.
func (l *loader) walk(ctx context.Context, urls []string, c *chain) ([][32]byte, *Error) {
	signers, sequence := c.anchors.Signers, 0
	for _, url := range urls {
		pivot, err := l.pivot(ctx, url, signers, c)
		if err == nil && pivot.report.Sequence <= sequence {
			err = refuse(ReasonRollback, "sequence %d after %d", pivot.report.Sequence, sequence)
		}
		if err != nil {
			return nil, &Error{Reason: ReasonPivot, URL: url, Err: err}
		}
		own := pivot.scheme.own()
		if own.url != l.config.Anchors.LOTL {
			c.alarms.add(AlarmLOTLLocation, own.url)
		}
		signers, sequence = own.signers, pivot.report.Sequence
		c.pivots = append(c.pivots, pivot)
	}
	return signers, nil
}

// pivot returns the next pivot of c. A pivot never changes, so one that was
// authenticated before, by the same way, is not fetched again, unless the archive
// has lost it.
func (l *loader) pivot(ctx context.Context, url string, signers [][32]byte, c *chain) (*entry, *Error) {
	known := l.lastChain().after(c, url)
	if known != nil && l.has(known) {
		return known, nil
	}
	fresh, err := l.freshPivot(ctx, url, signers)
	if err != nil && known != nil {
		return known, nil
	}
	return fresh, err
}

// freshPivot authenticates a pivot.
func (l *loader) freshPivot(ctx context.Context, url string, signers [][32]byte) (*entry, *Error) {
	got, err := l.get(ctx, url, nil)
	if err != nil {
		return nil, err
	}
	e := l.read(got.doc, expectation{url: url, typ: typeListOfLists, signers: signers})
	e.had(got, l.at)
	e.report.Stale = false // a pivot is history: it says who signed from then on
	if !e.report.Accepted {
		return nil, at(e.report.Err, url, e.report.Reason)
	}
	if own := e.scheme.own(); own.url == "" || len(own.signers) == 0 {
		return nil, refuse(ReasonPointer, "pivot announces no signer of the list of trusted lists")
	}
	l.store(e, got.doc)
	return e, nil
}

// after returns a copy of the pivot that follows those of way in c, if it is at
// url.
func (c *chain) after(way *chain, url string) *entry {
	i := len(way.pivots)
	if c == nil || c.anchors.OfficialJournal != way.anchors.OfficialJournal || i >= len(c.pivots) ||
		!slices.EqualFunc(c.pivots[:i], way.pivots, sameList) || c.pivots[i].report.URL != url {
		return nil
	}
	again := *c.pivots[i] // a snapshot's entries are not shared with the next
	return &again
}

func sameList(a, b *entry) bool { return a.report.SHA256 == b.report.SHA256 }

// checkLOTL compares the authentic LOTL with the way that led to it and with the
// LOTL before it.
func (c *chain) checkLOTL(l *loader, way route) *Error {
	r := &c.lotl.report
	if !r.Accepted {
		return at(r.Err, r.URL, r.Reason)
	}
	signed, err := routeOf(c.lotl.scheme.uris, c.anchors.OfficialJournal)
	if err != nil {
		return err
	}
	if !slices.Equal(signed.pivots, way.pivots) {
		return refuse(ReasonPivot, "pivots differ between the document and what was signed")
	}
	if n := len(c.pivots); n > 0 && r.Sequence < c.pivots[n-1].report.Sequence {
		// Each pivot is a LOTL of its time; an older LOTL does not lead to it.
		return refuse(ReasonRollback, "sequence %d, older than pivot %d", r.Sequence, c.pivots[n-1].report.Sequence)
	}
	if last := l.lastChain(); last != nil {
		if err := r.follows(&last.lotl.report, &c.alarms); err != nil {
			return err
		}
	}
	for _, notice := range signed.notices {
		if !l.config.knows(notice) {
			c.alarms.add(AlarmOfficialJournal, notice)
		}
	}
	if own := c.lotl.scheme.own(); own.url != "" && own.url != r.URL {
		c.alarms.add(AlarmLOTLLocation, own.url)
	}
	return nil
}

// list returns the LOTL of c, nil when there is none.
func (c *chain) list() *entry {
	if c == nil {
		return nil
	}
	return c.lotl
}

// again returns c for the same LOTL, had again.
func (c *chain) again(l *loader, got fetched) *chain {
	next := *c
	next.lotl = c.lotl.again(l.at)
	next.lotl.had(got, l.at)
	return &next
}

// kept returns c for when no newer LOTL could be had or believed.
func (c *chain) kept(refused *Error, l *loader) *chain {
	next := *c
	next.lotl = c.lotl.kept(refused, l.at)
	return &next
}
