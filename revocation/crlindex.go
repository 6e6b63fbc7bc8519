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
// offsets into the CRL itself, 12 to 24 bytes for each entry beside it.
// The standard library takes about 320.
type crlIndex struct {
	entries []byte // content of revokedCertificates
	n       int
	seed    maphash.Seed // of its own: a CA cannot choose numbers that collide
	slots   []slot       // a power of two
	changes []issuerChange
	issuers [][]generalName // those that entries name, each once
}

// slot is an offset + 1 of an entry, 0 is free, below the upper half of the hash
// of its key: most comparisons end there, without a look into the CRL.
type slot uint64

func newSlot(hash uint64, offset uint32) slot { return slot(hash>>32<<32 | uint64(offset) + 1) }

func (s slot) offset() uint32 { return uint32(s) - 1 } //nolint:gosec // the lower half

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
	x.entries, x.seed = entries, maphash.MakeSeed()
	found := make([]uint64, 0, estimate(entries)) // the hash of each entry
	offsets := make([]uint32, 0, cap(found))
	known := make(map[string]uint32)
	issuer := uint32(0)
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
			issuer = x.intern(&e, known)
			x.changes = append(x.changes, issuerChange{offset, issuer})
		}
		found, offsets = append(found, x.hash(e.serial, issuer)), append(offsets, offset)
	}
	x.fill(found, offsets)
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

// estimate guesses the number of entries by the size of the first, and a quarter
// more: to grow a list costs more memory than that.
func estimate(entries cryptobyte.String) int {
	rest := entries
	if entries.Empty() || !rest.SkipASN1(asn1.SEQUENCE) {
		return 0
	}
	n := len(entries)/max(len(entries)-len(rest), minEntry) + 1
	return n + n/4
}

// fill makes the table, at most two thirds full. Of several entries about one
// certificate only the first gets in: a CRL is indexed before its signature is
// verified, and a million equal numbers would take a million steps each.
func (x *crlIndex) fill(hashes []uint64, offsets []uint32) {
	x.n = len(offsets)
	x.slots = make([]slot, 1<<bits.Len(uint(x.n+x.n/2)))
	for i, offset := range offsets {
		own := newSlot(hashes[i], offset)
		at := x.probe(hashes[i], func(other uint32) bool {
			return x.issuerAt(other) == x.issuerAt(offset) && bytes.Equal(x.serialAt(other), x.serialAt(offset))
		})
		if x.slots[at] == 0 {
			x.slots[at] = own
		}
	}
}

// probe finds the slot of an entry by the hash of its key: the one it is in, or
// a free one. same reports whether the entry at an offset has the key.
func (x *crlIndex) probe(hash uint64, same func(uint32) bool) int {
	mask := len(x.slots) - 1
	i := int(hash & uint64(mask)) //nolint:gosec // below the length
	for ; x.slots[i] != 0; i = (i + 1) & mask {
		if s := x.slots[i]; uint64(s)>>32 == hash>>32 && same(s.offset()) {
			break
		}
	}
	return i
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

// hash is that of a key: a serial number and an issuer. The issuers of one
// number are spread over the table, as an odd factor makes their slots differ.
func (x *crlIndex) hash(serial []byte, issuer uint32) uint64 {
	const odd = 0x9e3779b97f4a7c15
	return maphash.Bytes(x.seed, serial) + uint64(issuer)*odd
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
	var first slot
	look := func(issuer uint32) {
		at := x.probe(x.hash(serial, issuer), func(offset uint32) bool {
			return x.issuerAt(offset) == issuer && bytes.Equal(x.serialAt(offset), serial)
		})
		if s := x.slots[at]; s != 0 && (first == 0 || s.offset() < first.offset()) {
			first = s
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
	rest := cryptobyte.String(x.entries[first.offset():])
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
