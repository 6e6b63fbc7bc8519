package trustlist

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/seed-b953571c/eidas"
)

// ChangeKind says what differs between two snapshots. The set is closed.
type ChangeKind string

// The kinds of change.
const (
	ChangeListAdded      ChangeKind = "list_added"      // a list is in use that was not
	ChangeListRemoved    ChangeKind = "list_removed"    // a list is no longer in use
	ChangeListSequence   ChangeKind = "list_sequence"   // another edition is in use
	ChangeListSigner     ChangeKind = "list_signer"     // signed by another certificate
	ChangeServiceAdded   ChangeKind = "service_added"   // a service is listed that was not
	ChangeServiceRemoved ChangeKind = "service_removed" // a service is no longer listed
	ChangeServiceStatus  ChangeKind = "service_status"  // the current status is another
	// ChangeServiceScope: what the service's certificates count for is another, by
	// its additional information or its qualifiers. Before and After are their URIs;
	// where only the criteria of qualifiers changed, they are the same.
	ChangeServiceScope ChangeKind = "service_scope"
)

// Change is one difference. Service and Provider are empty for a list.
type Change struct {
	Kind      ChangeKind `json:"kind"`
	Territory string     `json:"territory"`
	Provider  string     `json:"provider,omitempty"`
	Service   string     `json:"service,omitempty"`
	Type      string     `json:"type,omitempty"` // service type URI
	Before    string     `json:"before,omitempty"`
	After     string     `json:"after,omitempty"`
}

// Diff returns what differs between two snapshots, by territory: which lists are
// in use, their editions and signers, which services they hold, with which
// current status and for what. Either may be nil, which is a snapshot without lists.
func Diff(before, after *Snapshot) []Change {
	was, is := listsByTerritory(before), listsByTerritory(after)
	var all []Change
	for _, territory := range union(was, is) {
		a, b := was[territory], is[territory]
		all = append(all, diffLists(territory, a, b)...)
		all = append(all, diffServices(territory, a.services, b.services)...)
	}
	return all
}

// edition is what a snapshot has of one territory: one list, the LOTL counting
// as that of its own.
type edition struct {
	report   *ListReport // nil: none
	services map[string]*eidas.Service
}

func listsByTerritory(s *Snapshot) map[string]edition {
	all := make(map[string]edition)
	if s == nil {
		return all
	}
	all[s.LOTL.Territory] = edition{report: &s.LOTL}
	for _, e := range s.entries {
		if e.report.Accepted {
			all[e.report.Territory] = edition{&e.report, byIdentity(e.services)}
		}
	}
	return all
}

// byIdentity gives each service a key that stays the same from one edition of a
// list to the next: its type and its first certificate or, without one, its key
// identifiers and name. Services that share a key are numbered by their age, so
// that a new one, wherever it stands, does not take the number of another.
func byIdentity(services []*eidas.Service) map[string]*eidas.Service {
	services = slices.Clone(services)
	slices.SortStableFunc(services, func(a, b *eidas.Service) int { return oldest(a).Compare(oldest(b)) })
	all := make(map[string]*eidas.Service, len(services))
	shared := make(map[string]int)
	for _, s := range services {
		h := sha256.New()
		h.Write([]byte(s.Current().Type))
		if len(s.Anchors) > 0 {
			h.Write(s.Anchors[0].RawSPKI)
			h.Write(s.Anchors[0].RawSubject)
		} else {
			h.Write([]byte(eidas.English(s.Current().Names)))
			for _, id := range s.KeyIDs {
				h.Write(id)
			}
		}
		sum := string(h.Sum(nil))
		all[sum+strconv.Itoa(shared[sum])] = s
		shared[sum]++
	}
	return all
}

// oldest is when the history of a service begins.
func oldest(s *eidas.Service) time.Time { return s.Periods[len(s.Periods)-1].Start }

func diffLists(territory string, a, b edition) []Change {
	sequence := func(r *ListReport) string { return strconv.Itoa(r.Sequence) }
	switch {
	case a.report == nil:
		return []Change{{Kind: ChangeListAdded, Territory: territory, After: sequence(b.report)}}
	case b.report == nil:
		return []Change{{Kind: ChangeListRemoved, Territory: territory, Before: sequence(a.report)}}
	}
	var all []Change
	if a.report.Sequence != b.report.Sequence {
		all = append(all, Change{Kind: ChangeListSequence, Territory: territory, Before: sequence(a.report), After: sequence(b.report)})
	}
	if a.report.Signer != b.report.Signer {
		all = append(all, Change{
			Kind: ChangeListSigner, Territory: territory,
			Before: hex.EncodeToString(a.report.Signer[:]), After: hex.EncodeToString(b.report.Signer[:]),
		})
	}
	return all
}

func diffServices(territory string, was, is map[string]*eidas.Service) []Change {
	var all []Change
	for _, key := range union(was, is) {
		a, b := was[key], is[key]
		switch {
		case a == nil:
			all = append(all, changeOf(ChangeServiceAdded, territory, b, "", b.Current().Status))
		case b == nil:
			all = append(all, changeOf(ChangeServiceRemoved, territory, a, a.Current().Status, ""))
		default:
			all = append(all, diffPeriods(territory, a, b)...)
		}
	}
	slices.SortStableFunc(all, func(a, b Change) int {
		return cmp.Or(cmp.Compare(a.Provider, b.Provider), cmp.Compare(a.Service, b.Service), cmp.Compare(a.Kind, b.Kind))
	})
	return all
}

// diffPeriods compares what a service is now with what it was.
func diffPeriods(territory string, a, b *eidas.Service) []Change {
	var all []Change
	was, is := a.Current(), b.Current()
	if was.Status != is.Status {
		all = append(all, changeOf(ChangeServiceStatus, territory, b, was.Status, is.Status))
	}
	before, after := scopeOf(was), scopeOf(is)
	if before != after || !reflect.DeepEqual(was.Qualifications, is.Qualifications) {
		all = append(all, changeOf(ChangeServiceScope, territory, b, before, after))
	}
	return all
}

// scopeOf returns the URIs that say what certificates of a service count for.
func scopeOf(p *eidas.Period) string {
	uris := slices.Clone(p.AdditionalInfo)
	for i := range p.Qualifications {
		uris = append(uris, p.Qualifications[i].Qualifiers...)
	}
	slices.Sort(uris)
	return strings.Join(slices.Compact(uris), " ")
}

func changeOf(kind ChangeKind, territory string, s *eidas.Service, before, after string) Change {
	return Change{
		Kind: kind, Territory: territory, Provider: eidas.English(s.Provider.Names),
		Service: eidas.English(s.Current().Names), Type: s.Current().Type, Before: before, After: after,
	}
}

// union returns the keys of two maps, sorted.
func union[V any](a, b map[string]V) []string {
	keys := slices.AppendSeq(slices.Collect(maps.Keys(a)), maps.Keys(b))
	slices.Sort(keys)
	return slices.Compact(keys)
}
