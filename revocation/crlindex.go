package revocation

import (
	"bytes"
	"hash/maphash"
	"math/bits"
	"sort"
	"time"

	"golang.org/x/crypto/cryptobyte"
	"golang.org/x/crypto/cryptobyte/asn1"
)

// crlIndex finds the entries of a CRL by serial number: a hash table of
// offsets into the CRL itself, 8 to 16 bytes for each entry beside it.
// The standard library takes about 320.
type crlIndex struct {
	entries []byte // content of revokedCertificates
	n       int
	seed    maphash.Seed // of its own: a CA cannot choose numbers that collide
	slots   []uint32     // offset + 1 of an entry, 0 is free; a power of two
	changes []issuerChange
	issuers [][]generalName // those that entries name, each once
}

// issuerChange says from which entry on another certificate issuer counts
// (rule C7).
type issuerChange struct {
	offset uint32
	issuer uint32 // index in issuers + 1; 0 is the issuer of the CRL
}

// crlEntry is an element of revokedCertificates.
type crlEntry struct {
	serial     []byte // content of the INTEGER
	revokedAt  calendar
	reason     int
	invalidity time.Time // zero when absent
	extensions []byte    // the element, nil when absent
	issuer     []generalName
	issuerRaw  []byte // the extension value that issuer is from
}

// build reads every entry once: one bad entry spoils the CRL for everybody.
func (x *crlIndex) build(entries cryptobyte.String, v2, indirect bool) error {
	x.entries = entries
	offsets := make([]uint32, 0, estimate(entries))
	known := make(map[string]uint32)
	for rest := entries; !rest.Empty(); {
		offset := uint32(len(entries) - len(rest)) //nolint:gosec // below MaxCRLSize
		var e crlEntry
		if !e.read(&rest) || e.extensions != nil && !v2 {
			return invalid(RuleC11, "CRL entry is malformed")
		}
		if err := e.readExtensions(); err != nil {
			return err
		}
		if e.issuer != nil {
			if !indirect {
				return invalid(RuleC7, "CRL entry names an issuer, but the CRL is not indirect")
			}
			if len(x.changes) == maxIssuerChanges {
				return invalid(RuleC7, "CRL names more than %d issuers", maxIssuerChanges)
			}
			x.changes = append(x.changes, issuerChange{offset, x.intern(&e, known)})
		}
		offsets = append(offsets, offset)
	}
	x.fill(offsets)
	return nil
}

// intern gives the number of the issuer that an entry names.
func (x *crlIndex) intern(e *crlEntry, known map[string]uint32) uint32 {
	n, ok := known[string(e.issuerRaw)]
	if !ok {
		x.issuers = append(x.issuers, e.issuer)
		n = uint32(len(x.issuers)) //nolint:gosec // at most maxIssuerChanges
		known[string(e.issuerRaw)] = n
	}
	return n
}

// minEntry is the size of the smallest entry: a serial number of one octet and
// a UTCTime.
const minEntry = 20

// estimate guesses the number of entries by the size of the first.
func estimate(entries cryptobyte.String) int {
	rest := entries
	if entries.Empty() || !rest.SkipASN1(asn1.SEQUENCE) {
		return 0
	}
	return len(entries)/max(len(entries)-len(rest), minEntry) + 1
}

// fill makes the table, at most two thirds full. Of several entries about one
// certificate only the first gets in: a CRL is indexed before its signature is
// verified, and a million equal numbers would take a million steps each.
func (x *crlIndex) fill(offsets []uint32) {
	x.n = len(offsets)
	if x.n == 0 {
		return
	}
	x.seed = maphash.MakeSeed()
	x.slots = make([]uint32, 1<<bits.Len(uint(x.n+x.n/2)))
	issuer, changes := uint32(0), x.changes
	for _, offset := range offsets {
		if len(changes) > 0 && changes[0].offset == offset {
			issuer, changes = changes[0].issuer, changes[1:]
		}
		if i, taken := x.probe(x.serialAt(offset), issuer); !taken {
			x.slots[i] = offset + 1
		}
	}
}

// probe finds the slot of a serial number of an issuer: the one it is in, or a
// free one.
func (x *crlIndex) probe(serial []byte, issuer uint32) (slot int, taken bool) {
	i := x.slot(serial, issuer)
	for ; x.slots[i] != 0; i = (i + 1) & (len(x.slots) - 1) {
		offset := x.slots[i] - 1
		if bytes.Equal(x.serialAt(offset), serial) && x.issuerAt(offset) == issuer {
			return i, true
		}
	}
	return i, false
}

// serialAt reads the serial number of the entry at offset, which build has seen
// that it can be read.
func (x *crlIndex) serialAt(offset uint32) []byte {
	rest := cryptobyte.String(x.entries[offset:])
	var seq, serial cryptobyte.String
	if !rest.ReadASN1(&seq, asn1.SEQUENCE) || !seq.ReadASN1(&serial, asn1.INTEGER) {
		return nil
	}
	return serial
}

// slot is where to look first. The issuers of one serial number are spread over
// the table: an odd factor makes their slots differ.
func (x *crlIndex) slot(serial []byte, issuer uint32) int {
	const odd = 0x9e3779b97f4a7c15
	h := maphash.Bytes(x.seed, serial) + uint64(issuer)*odd
	return int(h & uint64(len(x.slots)-1)) //nolint:gosec // below the length
}

// issuerAt is the number of the issuer that the entry at offset is about: the
// last one named up to it (rule C7).
func (x *crlIndex) issuerAt(offset uint32) uint32 {
	i := sort.Search(len(x.changes), func(i int) bool { return x.changes[i].offset > offset })
	if i == 0 {
		return 0
	}
	return x.changes[i-1].issuer
}

// find returns the entry for a certificate: its serial number, and its issuer,
// which is the CRL's where the entries do not say. Of several it is the first.
func (x *crlIndex) find(serial, certIssuer, crlIssuer []byte) (crlEntry, bool) {
	if x.n == 0 {
		return crlEntry{}, false
	}
	first := uint32(0)
	look := func(issuer uint32) {
		if i, taken := x.probe(serial, issuer); taken && (first == 0 || x.slots[i] < first) {
			first = x.slots[i]
		}
	}
	if sameName(certIssuer, crlIssuer) {
		look(0)
	}
	for i, names := range x.issuers {
		if hasDirectoryName(names, certIssuer) {
			look(uint32(i) + 1)
		}
	}
	if first == 0 {
		return crlEntry{}, false
	}
	// build has seen that the entry can be read; what cannot is revoked still.
	var found crlEntry
	rest := cryptobyte.String(x.entries[first-1:])
	if found.read(&rest) {
		_ = found.readExtensions()
	}
	return found, true
}

func (e *crlEntry) read(in *cryptobyte.String) bool {
	var seq, exts cryptobyte.String
	if !in.ReadASN1(&seq, asn1.SEQUENCE) || !readInteger(&seq, &e.serial) || !e.revokedAt.readEither(&seq) {
		return false
	}
	if seq.Empty() {
		return true
	}
	ok := seq.ReadASN1Element(&exts, asn1.SEQUENCE) && seq.Empty()
	e.extensions = exts
	return ok
}

// plainReason begins the extensions of an entry with nothing but a reason, as
// nearly all are; the reason follows.
const plainReason = "\x30\x0c\x30\x0a\x06\x03" + oidReasonCode + "\x04\x03\x0a\x01"

// readExtensions reads the extensions of an entry (rules C6, C11).
func (e *crlEntry) readExtensions() error {
	if e.extensions == nil {
		return nil
	}
	if n := len(plainReason); len(e.extensions) == n+1 && string(e.extensions[:n]) == plainReason {
		return e.setReason(int(e.extensions[n]))
	}
	in := cryptobyte.String(e.extensions)
	var space [maxExtensions]extension
	list, ok := readExtensions(&in, &space)
	if !ok {
		return invalid(RuleC11, "CRL entry extensions are malformed")
	}
	for _, x := range list {
		if err := e.extension(x); err != nil {
			return err
		}
	}
	return nil
}

func (e *crlEntry) extension(x extension) error {
	v := cryptobyte.String(x.value)
	switch string(x.id) {
	case oidReasonCode:
		var reason int
		if !v.ReadASN1Enum(&reason) || !v.Empty() {
			return invalid(RuleC11, "reason code is malformed")
		}
		return e.setReason(reason)
	case oidInvalidity:
		if !readTime(&v, &e.invalidity) || !v.Empty() {
			return invalid(RuleC11, "invalidity date is malformed")
		}
	case oidEntryIssuer:
		var names cryptobyte.String
		if !v.ReadASN1(&names, asn1.SEQUENCE) || !v.Empty() {
			return invalid(RuleC7, "certificate issuer is malformed")
		}
		var ok bool
		if e.issuer, ok = readGeneralNames(names); !ok {
			return invalid(RuleC7, "certificate issuer is malformed")
		}
		e.issuerRaw = x.value
	default:
		if x.critical {
			return invalid(RuleC6, "critical CRL entry extension %x is unknown", x.id)
		}
	}
	return nil
}

// setReason takes the reasons of RFC 5280, 5.3.1.
func (e *crlEntry) setReason(reason int) error {
	if reason < 0 || reason == 7 || reason > 10 {
		return invalid(RuleC11, "reason code %d is not defined", reason)
	}
	e.reason = reason
	return nil
}
