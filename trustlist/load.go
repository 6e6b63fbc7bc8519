package trustlist

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/seed-b953571c/eidas"
)

// Config says what to load. Anchors and Source are required.
type Config struct {
	Anchors Anchors
	// Fallback are the anchors of other notices for the same LOTL, for the time
	// in which it does not name the notice of Anchors: the first that it does
	// name is used. They are trusted as much as Anchors.
	Fallback []Anchors
	Source   Source
	// Territories limits the national lists that are loaded, by scheme territory
	// ("EL" is Greece, "UK" Britain); nil: all.
	Territories []string
	// Extra are CAs outside of the lists, under other profiles than the lists'.
	Extra []Extra
	// Logger gets a record for each list that is not accepted or past its
	// NextUpdate, and each alarm; nil: none.
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
	chain    *chain
	entries  []*entry // of Lists
}

// Services returns the services of all accepted lists and those of Config.Extra. It makes a Snapshot a
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
	l, err := newLoader(c, nil, at)
	if err != nil {
		return nil, err
	}
	s, err := l.load(ctx)
	if err != nil {
		return nil, err
	}
	s.log(ctx, c.Logger)
	return s, nil
}

func (c *Config) check(at time.Time) error {
	if err := c.Anchors.check(); err != nil {
		return err
	}
	for _, other := range c.Fallback {
		if err := other.check(); err != nil {
			return err
		}
		if other.LOTL != c.Anchors.LOTL || other.Profile != c.Anchors.Profile || other.OfficialJournal == "" {
			return fmt.Errorf("trustlist: fallback anchors of notice %q are not for the same LOTL and profile", other.OfficialJournal)
		}
	}
	if _, err := c.extra(); err != nil {
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

// knows reports whether a notice is that of anchors in the configuration.
func (c *Config) knows(notice string) bool {
	return notice == c.Anchors.OfficialJournal ||
		slices.ContainsFunc(c.Fallback, func(a Anchors) bool { return a.OfficialJournal == notice })
}

func (l *loader) snapshot(c *chain, entries []*entry) *Snapshot {
	s := &Snapshot{At: l.at, chain: c, entries: entries}
	s.Alarms = append(s.Alarms, c.alarms...)
	s.Alarms = append(s.Alarms, l.alarms...)
	s.refresh()
	id := fmt.Appendf(nil, "%s\n%x\n", l.config.Anchors.Profile, s.LOTL.SHA256)
	total := 0
	for _, e := range entries {
		if e.report.Accepted {
			id = fmt.Appendf(id, "%q %x\n", e.report.URL, e.report.SHA256)
			total += len(e.services)
		}
	}
	for _, x := range l.extra {
		id = fmt.Appendf(id, "%q %x\n", x.List.Profile, x.List.SHA256)
	}
	sum := sha256.Sum256(id)
	s.ID = hex.EncodeToString(sum[:])
	if l.last != nil && l.last.ID == s.ID {
		s.services, s.counts = l.last.services, l.last.counts
		return s
	}
	services := make([]*eidas.Service, 0, total+len(l.extra))
	for _, e := range entries {
		services = append(services, e.services...)
	}
	s.counts = count(services)
	s.services = eidas.NewServiceSet(s.ID, append(services, l.extra...)).Announced(&eidas.List{
		URL: s.LOTL.URL, Territory: s.LOTL.Territory, Profile: l.config.Anchors.Profile, Version: s.LOTL.Version,
		Sequence: s.LOTL.Sequence, Issued: s.LOTL.Issued, NextUpdate: s.LOTL.NextUpdate, SHA256: s.LOTL.SHA256,
	})
	return s
}

// refresh takes the reports from the entries.
func (s *Snapshot) refresh() {
	s.LOTL, s.Pivots, s.Lists = s.chain.lotl.report, nil, nil
	for _, p := range s.chain.pivots {
		s.Pivots = append(s.Pivots, p.report)
	}
	for _, e := range s.entries {
		s.Lists = append(s.Lists, e.report)
	}
}

// accepted returns every list in use: the pivots, the LOTL, the national ones.
func (s *Snapshot) accepted() []*entry {
	all := append(append([]*entry(nil), s.chain.pivots...), s.chain.lotl)
	for _, e := range s.entries {
		if e.report.Accepted {
			all = append(all, e)
		}
	}
	return all
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

func (s *Snapshot) log(ctx context.Context, log *slog.Logger) {
	if log == nil {
		return
	}
	for _, a := range s.Alarms {
		log.WarnContext(ctx, "trusted list alarm", "kind", a.Kind, "url", a.URL)
	}
	for _, r := range append([]ListReport{s.LOTL}, s.Lists...) {
		if r.Reason != 0 {
			log.WarnContext(ctx, "trusted list refused", "territory", r.Territory, "reason", r.Reason.String(), "kept", r.Kept, "error", r.Err)
		}
		if r.Accepted && r.Stale {
			log.WarnContext(ctx, "trusted list past its next update", "territory", r.Territory, "sequence", r.Sequence, "due", r.NextUpdate)
		}
	}
	log.InfoContext(ctx, "trusted lists loaded", "snapshot", s.ID, "sequence", s.LOTL.Sequence, "services", s.counts.Services)
}
