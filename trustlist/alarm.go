package trustlist

import "slices"

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
	// AlarmSequenceReused: a list was changed without a new sequence number,
	// which ETSI TS 119 612, 5.3.2 forbids. The newer of the two is used.
	AlarmSequenceReused AlarmKind = "sequence_reused"
)

// AlarmKinds returns every kind. Use it to pre-register metric labels.
func AlarmKinds() []AlarmKind {
	return []AlarmKind{AlarmOfficialJournal, AlarmLOTLLocation, AlarmSequenceReused}
}

// Alarm is something that authentic lists say and that an operator must act on.
// Nothing is refused for it.
type Alarm struct {
	Kind AlarmKind `json:"kind"`
	// URL is what was announced: the notice or the new location. Of a list whose
	// sequence number was reused, it is the list's.
	URL string `json:"url"`
}

// alarms collects alarms, each once.
type alarms []Alarm

func (a *alarms) add(kind AlarmKind, url string) {
	if one := (Alarm{kind, url}); !slices.Contains(*a, one) {
		*a = append(*a, one)
	}
}
