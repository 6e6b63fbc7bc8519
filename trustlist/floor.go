package trustlist

import (
	"cmp"
	"maps"
	"slices"
	"time"

	"github.com/seed-b953571c/eidas"
)

const (
	// maxFloors bounds the territories remembered; real LOTLs have 31.
	maxFloors = 1024
	// maxTerritory bounds the name of one in bytes; TS 119 612, 5.3.10 has two letters.
	maxTerritory = 64
)

// place is what a floor holds for.
type place struct {
	Profile   eidas.Profile `json:"profile"`
	Territory string        `json:"territory"`
}

// floor is the newest edition of a national list that was ever accepted.
type floor struct {
	place
	Sequence int       `json:"sequence"`
	Issued   time.Time `json:"issued"`
}

func floorOf(p eidas.Profile, r *ListReport) floor {
	return floor{place{p, r.Territory}, r.Sequence, r.Issued}
}

// floors guard against the replay of old national lists. They are apart from the
// lists in use, so that no refusal, no LOTL without the pointer and no restart
// makes them forget, and they only rise.
type floors map[place]floor

// check refuses an edition that is older than the floor of its place.
func (f floors) check(e floor) *Error {
	was := f[e.place]
	switch {
	case e.Sequence < was.Sequence:
		return refuse(ReasonRollback, "sequence %d after %d", e.Sequence, was.Sequence)
	case e.Issued.Before(was.Issued):
		return refuse(ReasonRollback, "issued %s after %s", e.Issued.Format(time.RFC3339), was.Issued.Format(time.RFC3339))
	}
	return nil
}

// raise lifts the floor of a place to an edition. A place that there is no room
// for is an error: what cannot be guarded must not be used.
func (f floors) raise(e floor) *Error {
	was, known := f[e.place]
	if !known && (len(f) >= maxFloors || len(e.Territory) > maxTerritory) {
		return refuse(ReasonLimit, "more than %d territories, or one of more than %d bytes", maxFloors, maxTerritory)
	}
	e.Sequence = max(e.Sequence, was.Sequence)
	if e.Issued.Before(was.Issued) {
		e.Issued = was.Issued
	}
	f[e.place] = e
	return nil
}

// sorted returns the floors in an order that stays.
func (f floors) sorted() []floor {
	return slices.SortedFunc(maps.Values(f), func(a, b floor) int {
		return cmp.Or(cmp.Compare(a.Profile, b.Profile), cmp.Compare(a.Territory, b.Territory))
	})
}
