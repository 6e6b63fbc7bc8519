package trustlist

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/seed-b953571c/eidas"
)

// maxFetches bounds the national lists fetched at once. It hides the latency of
// some thirty hosts; lists are read one at a time, so that the memory for one
// document is needed and not for all.
const maxFetches = 4

// fetched is what a source answered.
type fetched struct {
	doc        []byte
	unchanged  bool // the list is the one that was known; doc is nil
	validators      // for the next time
}

// validators are what HTTP hands out to ask whether a document has changed
// (RFC 9110, 8.8). Nothing is believed because of them.
type validators struct{ etag, modified string }

// known describes a list to a source that may be able to say that it has not
// changed.
type known struct {
	sha256 [32]byte
	late   bool // past its NextUpdate: there must be a newer one
	validators
}

// revalidator is a Source that can answer that a list has not changed.
type revalidator interface {
	revalidate(ctx context.Context, url string, k known) (fetched, error)
}

// same reports whether the answer is the list e.
func (f *fetched) same(e *entry) bool {
	return f.unchanged || sha256.Sum256(f.doc) == e.report.SHA256
}

// archive keeps the originals of accepted lists.
type archive interface {
	put(sum [32]byte, doc []byte) error
	has(sum [32]byte) bool
}

// loader is one load.
type loader struct {
	config  Config
	at      time.Time
	extra   []*eidas.Service
	last    *Snapshot // what the load starts from; nil: nothing
	archive archive   // nil: none
	floors  floors    // of national lists; outlives the load

	mu     sync.Mutex // held while a list is read and reported
	in     *interner
	done   int
	alarms alarms
	failed error           // the first of the archive
	listed map[string]bool // URLs of national lists in the LOTL
}

func newLoader(c Config, last *Snapshot, at time.Time) (*loader, error) {
	extra, err := c.extra()
	if err != nil {
		return nil, err
	}
	return &loader{config: c, at: at, extra: extra, last: last, floors: floors{}, in: newInterner()}, nil
}

func (l *loader) lastChain() *chain {
	if l.last == nil {
		return nil
	}
	return l.last.chain
}

func (l *loader) load(ctx context.Context) (*Snapshot, error) {
	c, refused := l.resolve(ctx)
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("trustlist: load: %w", err)
	}
	if refused != nil {
		if l.last == nil {
			return nil, refused
		}
		c = l.last.chain.kept(refused, l)
	}
	entries := l.national(ctx, l.wanted(c.lotl.scheme.national()))
	// What is missing because the caller gave up is nobody's failure, and a
	// snapshot without it must not pass for the whole.
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("trustlist: load: %w", err)
	}
	l.settle(entries)
	return l.snapshot(c, entries), nil
}

// get fetches a list and holds the source to the limit of size. The source may
// answer that the list is still last, if that is not nil.
func (l *loader) get(ctx context.Context, url string, last *entry) (fetched, *Error) {
	var got fetched
	var err error
	source, able := l.config.Source.(revalidator)
	switch {
	case able && last != nil && last.report.URL == url && l.has(last):
		got, err = source.revalidate(ctx, url, known{
			sha256: last.report.SHA256, validators: last.validators,
			late: !last.report.Final && l.at.After(last.report.NextUpdate),
		})
	case able:
		got, err = source.revalidate(ctx, url, known{late: true})
	default:
		got.doc, err = l.config.Source.Fetch(ctx, url)
	}
	switch {
	case err != nil:
		return fetched{}, at(err, url, ReasonFetchFailed)
	case len(got.doc) > MaxListSize:
		return fetched{}, &Error{Reason: ReasonTooLarge, URL: url, Err: fmt.Errorf("%d bytes", len(got.doc))}
	}
	return got, nil
}

// read authenticates and reads a list for this load.
func (l *loader) read(doc []byte, want expectation) *entry {
	want.at, want.profile = l.at, l.config.Anchors.Profile
	return readList(doc, want, l.in)
}

// store keeps the original of an accepted list. That it fails costs the next
// start its list, not this load.
func (l *loader) store(e *entry, doc []byte) {
	if l.archive == nil || doc == nil {
		return
	}
	if err := l.archive.put(e.report.SHA256, doc); err != nil && l.failed == nil {
		l.failed = err
	}
}

// has reports whether the archive, if there is one, has the original of a list.
func (l *loader) has(e *entry) bool { return l.archive == nil || l.archive.has(e.report.SHA256) }

// archived reports whether the archive has every pivot of a chain.
func (l *loader) archived(c *chain) bool {
	return c == nil || !slices.ContainsFunc(c.pivots, func(e *entry) bool { return !l.has(e) })
}

// wanted applies the territory filter. A territory that was asked for and is not
// listed becomes a pointer that leads nowhere, so that it is reported.
func (l *loader) wanted(all []pointer) []pointer {
	if l.config.Territories == nil {
		return all
	}
	var some []pointer
	for _, t := range all {
		if slices.Contains(l.config.Territories, t.territory) {
			some = append(some, t)
		}
	}
	for _, name := range l.config.Territories {
		if !slices.ContainsFunc(some, func(t pointer) bool { return t.territory == name }) {
			some = append(some, pointer{territory: name, absent: true})
		}
	}
	return some
}

// national loads the lists that the pointers lead to. Each is on its own.
func (l *loader) national(ctx context.Context, pointers []pointer) []*entry {
	l.listed = make(map[string]bool, len(pointers))
	for i := range pointers {
		l.listed[pointers[i].url] = true
	}
	entries := make([]*entry, len(pointers))
	next := make(chan int)
	var workers sync.WaitGroup
	for range min(l.fetches(), len(pointers)) {
		workers.Go(func() {
			for i := range next {
				entries[i] = l.one(ctx, &pointers[i])
				l.report(entries[i], len(pointers))
			}
		})
	}
	for i := range pointers {
		next <- i
	}
	close(next)
	workers.Wait()
	return entries
}

// fetches is how many lists are fetched at once. From disk there is no latency
// to hide, and what waits to be read only takes memory.
func (l *loader) fetches() int {
	if _, local := l.config.Source.(*Folder); local {
		return 1
	}
	return maxFetches
}

func (l *loader) report(e *entry, total int) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.done++
	if l.config.Progress != nil {
		l.config.Progress(Event{Done: l.done, Total: total, Report: e.report})
	}
}

// one loads the list that a pointer leads to. If that fails, the last copy of
// it stays in use, as long as the LOTL vouches for its signer.
func (l *loader) one(ctx context.Context, t *pointer) *entry {
	last := l.lastOf(t)
	vouched := last
	if !t.announces(last) {
		vouched = nil
	}
	refused := t.check()
	var got fetched
	if refused == nil {
		got, refused = l.get(ctx, t.url, vouched)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	var e *entry
	switch {
	case refused != nil:
		e = &entry{report: ListReport{URL: t.url, Territory: t.territory}}
		e.report.refuse(refused)
	case vouched != nil && vouched.report.URL == t.url && got.same(vouched):
		e = vouched.again(l.at)
		if !l.has(e) {
			l.store(e, got.doc)
		}
	default:
		e = l.fresh(got.doc, t, last)
	}
	if !e.report.Accepted && vouched != nil {
		return vouched.kept(at(e.report.Err, t.url, e.report.Reason), l.at)
	}
	e.had(got, l.at)
	return e
}

// fresh reads a list that was not known in these bytes.
func (l *loader) fresh(doc []byte, t *pointer, last *entry) *entry {
	e := l.read(doc, expectation{url: t.url, territory: t.territory, typ: typeGeneric, signers: t.signers})
	e.scheme = scheme{} // its pointers are of no use
	if !e.report.Accepted {
		return e
	}
	if last != nil {
		if err := e.report.follows(&last.report, &l.alarms); err != nil {
			e.drop(err)
			return e
		}
	}
	l.store(e, doc)
	return e
}

// lastOf returns the copy of a list that was in use before: from the same
// location or, when the list has moved, of the same territory.
func (l *loader) lastOf(t *pointer) *entry {
	if l.last == nil {
		return nil
	}
	var moved *entry
	for _, e := range l.last.entries {
		switch {
		case !e.report.Accepted || e.report.Territory != t.territory:
		case e.report.URL == t.url:
			return e
		case !l.listed[e.report.URL]:
			moved = e
		}
	}
	return moved
}

// settle keeps one list of each territory, and none below the floor of it:
// during a move the LOTL may name the old and the new location, and services must
// not count twice. What is kept raises the floor.
func (l *loader) settle(entries []*entry) {
	profile := l.config.Anchors.Profile
	best := make(map[string]*entry)
	for _, e := range entries {
		if !e.report.Accepted || l.floors.check(floorOf(profile, &e.report)) != nil {
			continue
		}
		if b := best[e.report.Territory]; b == nil || e.report.Sequence > b.report.Sequence {
			best[e.report.Territory] = e
		}
	}
	for _, e := range entries {
		if !e.report.Accepted {
			continue
		}
		var err *Error
		switch b := best[e.report.Territory]; b {
		case nil:
			err = l.floors.check(floorOf(profile, &e.report))
		case e:
			err = l.floors.raise(floorOf(profile, &e.report))
		default:
			err = refuse(ReasonSuperseded, "sequence %d is at %q", b.report.Sequence, b.report.URL)
		}
		if err != nil {
			e.drop(err)
		}
	}
}
