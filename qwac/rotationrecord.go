package qwac

import (
	"encoding/json"
	"slices"
	"time"

	"github.com/seed-b953571c/eidas"
)

// The decisions of rotation: pure functions over the records of a store.

const (
	// ExpiryNotice is how long before its end a certificate is reported that no
	// other one outlasts: a renewal at a new QTSP takes weeks.
	ExpiryNotice = 30 * 24 * time.Hour
	// seenGrain is how exactly LastSeen is kept. It costs one write per
	// certificate in that time.
	seenGrain = 24 * time.Hour
	// maxRemembered bounds the certificates remembered of one TPP, the latest
	// used; it bounds no TPP in how many it may use. The largest ones have one
	// for each of a dozen brands.
	maxRemembered = 32
	// maxRecord is more than a record of maxRemembered certificates takes, when
	// all their texts have to be escaped. What is larger in a shared store is not
	// of our making.
	maxRecord = 256 << 10
)

// known is the record of a TPP: its certificates in the order of first sight.
type known struct {
	Certificates []entry `json:"certificates"`
}

// entry is a certificate, with what was told about it already.
type entry struct {
	CertificateRef
	Roles16    uint16    `json:"roles"`
	Superseded bool      `json:"superseded,omitempty"`
	Expiring   bool      `json:"expiring,omitempty"`
	Ended      EventKind `json:"ended,omitempty"` // EventRevoked or EventAnchorWithdrawn
	Held       EventKind `json:"held,omitempty"`  // why it waits for Confirm
}

// holder is the record of a key: who used it first.
type holder struct {
	Identity eidas.Identity `json:"identity"`
}

// numbered is the record of an issuer and a serial number.
type numbered struct {
	SHA256 Fingerprint `json:"sha256"`
}

// sighting is a certificate that was let in, after its owner proved its key.
type sighting struct {
	identity eidas.Identity
	ref      CertificateRef
	at       time.Time
	issuer   string // its name, in DER

	holdNewIssuer  bool
	allowSharedKey bool
}

// seen is what came of a sighting.
type seen struct {
	events []Event
	held   EventKind // "": let in
}

// The order of the records that a sighting works on.
const (
	recordTPP = iota
	recordKey
	recordSerial
	recordCount
)

// see compares a sighting with the records, and returns those that change.
func (s *sighting) see(records [][]byte) ([][]byte, seen) {
	k := decodeKnown(records[recordTPP])
	next := make([][]byte, recordCount)
	var o seen
	me := k.find(s.ref.SHA256)
	isNew := me == nil
	if isNew {
		o.events = s.compare(&k, records)
		me = k.add(entry{CertificateRef: s.ref, Roles16: uint16(s.ref.Roles)})
		me.Held = heldBy(o.events)
		next[recordKey], next[recordSerial] = s.claim(records)
	}
	later, changed := s.follow(&k, me)
	o.events, o.held = append(o.events, later...), me.Held
	if isNew || changed {
		next[recordTPP] = encodeRecord(&k)
	}
	return next, o
}

func heldBy(events []Event) EventKind {
	for i := range events {
		if events[i].Held {
			return events[i].Kind
		}
	}
	return ""
}

// compare says what is new about a certificate that was never seen.
func (s *sighting) compare(k *known, records [][]byte) []Event {
	events := []Event{s.event(EventFirstSeen, nil)}
	tell := func(kind EventKind, other *entry) *Event {
		events = append(events, s.event(kind, &other.CertificateRef))
		return &events[len(events)-1]
	}
	if other := k.last(func(e *entry) bool { return e.validAt(s.at) }); other != nil {
		tell(EventOverlapping, other)
	}
	latest := k.last(func(*entry) bool { return true })
	if latest != nil && k.last(func(e *entry) bool { return e.Held == "" && e.Provider == s.ref.Provider }) == nil {
		tell(EventIssuerChanged, latest).Held = s.holdNewIssuer
	}
	if same := k.last(func(e *entry) bool { return e.KeySHA256 == s.ref.KeySHA256 }); same != nil {
		tell(EventKeyReused, same)
	} else if latest != nil && latest.KeyType != s.ref.KeyType {
		tell(EventKeyTypeChanged, latest)
	}
	if latest != nil {
		if latest.Roles != s.ref.Roles {
			tell(EventRolesChanged, latest)
		}
		if latest.Name != s.ref.Name {
			tell(EventNameChanged, latest)
		}
		if latest.Identity != s.ref.Identity {
			tell(EventIdentityChanged, latest)
		}
	}
	return append(events, s.compareOthers(records)...)
}

// compareOthers looks beyond the certificates of this TPP.
func (s *sighting) compareOthers(records [][]byte) (events []Event) {
	var h holder
	decodeRecord(records[recordKey], &h)
	if !h.Identity.IsZero() && h.Identity != s.identity && h.Identity != s.ref.Identity {
		e := s.event(EventIdentityChanged, &CertificateRef{Identity: h.Identity, KeySHA256: s.ref.KeySHA256})
		e.Held = !s.allowSharedKey
		events = append(events, e)
	}
	var n numbered
	decodeRecord(records[recordSerial], &n)
	if n != (numbered{}) && n != (numbered{s.ref.SHA256}) {
		events = append(events, s.event(EventSerialDuplicate, &CertificateRef{SHA256: n.SHA256}))
	}
	return events
}

// claim writes down the key and the serial number, where nobody has.
func (s *sighting) claim(records [][]byte) (key, serial []byte) {
	var h holder
	decodeRecord(records[recordKey], &h)
	// An alias may have given the holder another name since.
	if h.Identity.IsZero() || h.Identity == s.ref.Identity && h.Identity != s.identity {
		key = encodeRecord(holder{s.identity})
	}
	var n numbered
	if decodeRecord(records[recordSerial], &n); n == (numbered{}) {
		serial = encodeRecord(numbered{s.ref.SHA256})
	}
	return key, serial
}

// follow says what time has brought about me and the certificates before it.
func (s *sighting) follow(k *known, me *entry) (events []Event, changed bool) {
	if me.Ended != "" { // it is let in again: what was told is over
		me.Ended, changed = "", true
	}
	if s.at.Sub(me.LastSeen) >= seenGrain {
		me.LastSeen, changed = s.at.UTC(), true
	}
	if me.Held != "" {
		return nil, changed
	}
	for i := range k.Certificates {
		e := &k.Certificates[i]
		if e == me {
			break // those after it are not followed by it
		}
		if !e.Superseded && !e.validAt(s.at) {
			e.Superseded, changed = true, true
			event := s.event(EventSuperseded, &me.CertificateRef)
			event.Certificate = e.CertificateRef
			events = append(events, event)
		}
	}
	outlasted := func(e *entry) bool { return e.Held == "" && e.Ended == "" && e.NotAfter.After(me.NotAfter) }
	if !me.Expiring && me.NotAfter.Sub(s.at) <= ExpiryNotice && k.last(outlasted) == nil {
		me.Expiring, changed = true, true
		events = append(events, s.event(EventExpiring, nil))
	}
	return events, changed
}

func (s *sighting) event(kind EventKind, other *CertificateRef) Event {
	e := Event{Kind: kind, Identity: s.identity, At: s.at, Certificate: s.ref}
	if other != nil {
		copied := *other // the entry may be forgotten or changed
		e.Other = &copied
	}
	return e
}

// end notes that a certificate which was let in is not any more. Of one that
// never was there is nothing to tell.
func (s *sighting) end(kind EventKind, record []byte) ([]byte, []Event) {
	k := decodeKnown(record)
	me := k.find(s.ref.SHA256)
	if me == nil || me.Ended == kind {
		return nil, nil
	}
	me.Ended = kind
	event := s.event(kind, nil)
	event.Certificate = me.CertificateRef
	return encodeRecord(&k), []Event{event}
}

// confirm lets a held certificate in.
func confirm(record []byte, certificate Fingerprint) (next []byte, found bool) {
	k := decodeKnown(record)
	me := k.find(certificate)
	if me == nil {
		return nil, false
	}
	me.Held = ""
	return encodeRecord(&k), true
}

func (e *entry) validAt(at time.Time) bool { return e.Ended != EventRevoked && !at.After(e.NotAfter) }

func (k *known) find(sum Fingerprint) *entry {
	return k.last(func(e *entry) bool { return e.SHA256 == sum })
}

// last returns the latest certificate of those that match, nil if none does.
func (k *known) last(match func(*entry) bool) *entry {
	for i := len(k.Certificates) - 1; i >= 0; i-- {
		if match(&k.Certificates[i]) {
			return &k.Certificates[i]
		}
	}
	return nil
}

// add appends a certificate, in place of another one if there are too many:
// first of those that ended, then of those that are held, then of those that
// were not seen for longest.
func (k *known) add(e entry) *entry {
	for len(k.Certificates) >= maxRemembered {
		worst := 0
		for i := range k.Certificates {
			if k.Certificates[i].dearer(&k.Certificates[worst], e.FirstSeen) < 0 {
				worst = i
			}
		}
		k.Certificates = slices.Delete(k.Certificates, worst, worst+1)
	}
	k.Certificates = append(k.Certificates, e)
	return &k.Certificates[len(k.Certificates)-1]
}

// dearer is negative where e goes before other.
func (e *entry) dearer(other *entry, at time.Time) int {
	rank := func(e *entry) int {
		switch {
		case !e.validAt(at):
			return 0
		case e.Held != "":
			return 1
		}
		return 2
	}
	if d := rank(e) - rank(other); d != 0 {
		return d
	}
	return e.LastSeen.Compare(other.LastSeen)
}

// decodeRecord reads a record, and reports whether there was one. What cannot
// be read is as good as nothing: nothing in a record lets anybody in who would
// not be let in by a TPP that is new.
func decodeRecord(record []byte, into any) bool {
	return len(record) <= maxRecord && json.Unmarshal(record, into) == nil
}

// decodeKnown reads the record of a TPP.
func decodeKnown(record []byte) (k known) {
	if !decodeRecord(record, &k) || len(k.Certificates) > maxRemembered {
		return known{}
	}
	for i := range k.Certificates {
		k.Certificates[i].Roles = eidas.Roles(k.Certificates[i].Roles16) & eidas.AllRoles()
	}
	return k
}

func encodeRecord(v any) []byte {
	record, _ := json.Marshal(v) // of texts, numbers and times of certificates: it does not fail
	return record
}
