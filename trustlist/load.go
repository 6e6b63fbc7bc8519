package trustlist

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"slices"
	"sync"
	"time"

	"github.com/seed-b953571c/eidas"
)

// maxFetches bounds the national lists fetched at once. It hides the latency of
// some thirty hosts; lists are read one at a time, so that the memory for one
// document is needed and not for all.
const maxFetches = 4

// Config says what to load. Anchors and Source are required.
type Config struct {
	Anchors Anchors
	Source  Source
	// Territories limits the national lists that are loaded, by scheme territory
	// ("EL" is Greece, "UK" Britain); nil: all.
	Territories []string
	// Logger gets a record for each list that is not accepted and each alarm;
	// nil: none.
	Logger *slog.Logger
	// Progress is called after each national list, one call at a time; nil: not.
	Progress func(Event)
}

// Event tells how far a load has come.
type Event struct {
	Done, Total int // national lists
	Report      ListReport
}

// Snapshot is the outcome of a load. It is immutable and safe for concurrent use.
type Snapshot struct {
	// ID identifies the lists that were accepted, by their bytes.
	ID     string
	At     time.Time // the time that freshness was judged at
	LOTL   ListReport
	Pivots []ListReport // oldest first
	Lists  []ListReport // national lists, in the LOTL's order
	Alarms []Alarm

	services *eidas.ServiceSet
	counts   Counts
}

// Services returns the services of all accepted lists. It makes a Snapshot a
// source of services for a Validator.
func (s *Snapshot) Services() *eidas.ServiceSet { return s.services }

// Counts are statistics over the current status of services. CAQC are services
// that issue qualified certificates; Web, Seal and Sig those of them that are
// granted for website authentication, seals and signatures.
type Counts struct {
	Services        int
	CAQCGranted     int
	CAQCGrantedWeb  int
	CAQCGrantedSeal int
	CAQCGrantedSig  int
}

// Counts returns statistics over the services of all accepted lists.
func (s *Snapshot) Counts() Counts { return s.counts }

// Load fetches, authenticates and reads the lists that c.Anchors lead to, and
// judges their freshness at the given time. The error is an *Error that says
// why the list of trusted lists is not authentic, the error of ctx, or one that
// says what is wrong with c; a national list that is not accepted is reported in
// Snapshot.Lists.
func Load(ctx context.Context, c Config, at time.Time) (*Snapshot, error) {
	if err := c.check(at); err != nil {
		return nil, err
	}
	l := &loader{config: c, at: at, in: newInterner()}
	return l.load(ctx)
}

func (c *Config) check(at time.Time) error {
	if err := c.Anchors.check(); err != nil {
		return err
	}
	if c.Source == nil {
		return fmt.Errorf("trustlist: Config.Source is nil")
	}
	if at.IsZero() {
		return fmt.Errorf("trustlist: time to judge freshness at is zero")
	}
	return nil
}

// loader is one load.
type loader struct {
	config Config
	at     time.Time
	mu     sync.Mutex // held while a list is read and reported
	in     *interner
	done   int
}

func (l *loader) load(ctx context.Context) (*Snapshot, error) {
	c, refused := l.resolve(ctx)
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("trustlist: load: %w", err)
	}
	if refused != nil {
		return nil, refused
	}
	entries := l.national(ctx, l.wanted(c.lotl.scheme.national()))
	// What is missing because the caller gave up is nobody's failure, and a
	// snapshot without it must not pass for the whole.
	if err := ctx.Err(); err != nil {
		return nil, fmt.Errorf("trustlist: load: %w", err)
	}
	supersede(entries)
	s := l.snapshot(c, entries)
	l.log(ctx, s)
	return s, nil
}

// fetch gets a list and holds the source to the limit of size.
func (l *loader) fetch(ctx context.Context, url string) ([]byte, *Error) {
	doc, err := l.config.Source.Fetch(ctx, url)
	switch {
	case err != nil:
		return nil, at(err, url, ReasonFetchFailed)
	case len(doc) > MaxListSize:
		return nil, &Error{Reason: ReasonTooLarge, URL: url, Err: fmt.Errorf("%d bytes", len(doc))}
	}
	return doc, nil
}

// read authenticates and reads a list for this load.
func (l *loader) read(doc []byte, want expectation) *entry {
	want.at, want.profile = l.at, l.config.Anchors.Profile
	return readList(doc, want, l.in)
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
	entries := make([]*entry, len(pointers))
	next := make(chan int)
	var workers sync.WaitGroup
	for range min(maxFetches, len(pointers)) {
		workers.Go(func() {
			for i := range next {
				entries[i] = l.one(ctx, &pointers[i], len(pointers))
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

// one loads the list that a pointer leads to.
func (l *loader) one(ctx context.Context, t *pointer, total int) *entry {
	e := &entry{report: ListReport{URL: t.url, Territory: t.territory}}
	refused := t.check()
	var doc []byte
	if refused == nil {
		doc, refused = l.fetch(ctx, t.url)
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	if refused != nil {
		e.report.refuse(refused)
	} else {
		e = l.read(doc, expectation{url: t.url, territory: t.territory, typ: typeGeneric, signers: t.signers})
		e.scheme = scheme{} // its pointers are of no use
	}
	l.done++
	if l.config.Progress != nil {
		l.config.Progress(Event{Done: l.done, Total: total, Report: e.report})
	}
	return e
}

// supersede keeps one list of each territory: during a move the LOTL may name
// the old and the new location, and services must not count twice.
func supersede(entries []*entry) {
	best := make(map[string]*entry)
	for _, e := range entries {
		if !e.report.Accepted {
			continue
		}
		worse := best[e.report.Territory]
		switch {
		case worse == nil:
			best[e.report.Territory] = e
			continue
		case e.report.Sequence > worse.report.Sequence:
			best[e.report.Territory] = e
		default:
			worse = e
		}
		worse.services, worse.report.Services = nil, 0
		worse.report.refuse(refuse(ReasonSuperseded, "sequence %d is at %q",
			best[e.report.Territory].report.Sequence, best[e.report.Territory].report.URL))
	}
}

func (l *loader) snapshot(c *chain, entries []*entry) *Snapshot {
	s := &Snapshot{At: l.at, LOTL: c.lotl.report, Pivots: c.pivots, Alarms: c.alarms}
	id := fmt.Appendf(nil, "%s\n%x\n", l.config.Anchors.Profile, s.LOTL.SHA256)
	total := 0
	for _, e := range entries {
		total += len(e.services)
	}
	services := make([]*eidas.Service, 0, total)
	for _, e := range entries {
		s.Lists = append(s.Lists, e.report)
		if e.report.Accepted {
			id = fmt.Appendf(id, "%q %x\n", e.report.URL, e.report.SHA256)
			services = append(services, e.services...)
		}
	}
	sum := sha256.Sum256(id)
	s.ID = hex.EncodeToString(sum[:])
	s.services = eidas.NewServiceSet(s.ID, services)
	s.counts = count(services)
	return s
}

// count looks at the current status of each service only.
func count(services []*eidas.Service) Counts {
	c := Counts{Services: len(services)}
	for _, s := range services {
		now := s.Current()
		if now.Type != uriCAQC || now.Status != uriGranted {
			continue
		}
		c.CAQCGranted++
		granted := func(uri string) int {
			if slices.Contains(now.AdditionalInfo, uri) {
				return 1
			}
			return 0
		}
		c.CAQCGrantedWeb += granted(uriForWebSiteAuth)
		c.CAQCGrantedSeal += granted(uriForSeals)
		c.CAQCGrantedSig += granted(uriForSignatures)
	}
	return c
}

func (l *loader) log(ctx context.Context, s *Snapshot) {
	log := l.config.Logger
	if log == nil {
		return
	}
	for _, a := range s.Alarms {
		log.WarnContext(ctx, "trusted list alarm", "kind", a.Kind, "url", a.URL)
	}
	for i := range s.Lists {
		if r := &s.Lists[i]; !r.Accepted {
			log.WarnContext(ctx, "trusted list not accepted", "territory", r.Territory, "reason", r.Reason, "error", r.Err)
		}
	}
	log.InfoContext(ctx, "trusted lists loaded", "snapshot", s.ID, "sequence", s.LOTL.Sequence, "services", s.counts.Services)
}
