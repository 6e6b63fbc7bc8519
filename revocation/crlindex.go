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
}

// issuerChange says from which entry on another certificate issuer counts
// (rule C7).
type issuerChange struct {
	offset uint32
	issuer []generalName
}

// crlEntry is an element of revokedCertificates.
type crlEntry struct {
	serial     []byte // content of the INTEGER
	revokedAt  calendar
	reason     int
	invalidity time.Time // zero when absent
	extensions []byte    // the element, nil when absent
	issuer     []generalName
}

// build reads every entry once: one bad entry spoils the CRL for everybody.
func (x *crlIndex) build(entries cryptobyte.String, v2, indirect bool) error {
	x.entries = entries
	offsets := make([]uint32, 0, estimate(entries))
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
			x.changes = append(x.changes, issuerChange{offset, e.issuer})
		}
		offsets = append(offsets, offset)
	}
	x.fill(offsets)
	return nil
}

// estimate guesses the number of entries by the size of the first.
func estimate(entries cryptobyte.String) int {
	rest := entries
	if entries.Empty() || !rest.SkipASN1(asn1.SEQUENCE) {
		return 0
	}
	return len(entries)/(len(entries)-len(rest)) + 1
}

// fill makes the table, at most two thirds full.
func (x *crlIndex) fill(offsets []uint32) {
	x.n = len(offsets)
	if x.n == 0 {
		return
	}
	x.seed = maphash.MakeSeed()
	x.slots = make([]uint32, 1<<bits.Len(uint(x.n+x.n/2)))
	for _, offset := range offsets {
		i := x.slot(x.serialAt(offset))
		for x.slots[i] != 0 {
			i = x.next(i)
		}
		x.slots[i] = offset + 1
	}
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

func (x *crlIndex) slot(serial []byte) int {
	return int(maphash.Bytes(x.seed, serial) & uint64(len(x.slots)-1)) //nolint:gosec // below the length
}

func (x *crlIndex) next(i int) int { return (i + 1) & (len(x.slots) - 1) }

// find returns the entry for a certificate: its serial number, and its issuer,
// which is the CRL's where the entries do not say. Of several it is the first.
func (x *crlIndex) find(serial, certIssuer, crlIssuer []byte) (crlEntry, bool) {
	if x.n == 0 {
		return crlEntry{}, false
	}
	var found crlEntry
	first := uint32(0)
	for i := x.slot(serial); x.slots[i] != 0; i = x.next(i) {
		offset := x.slots[i] - 1
		if !bytes.Equal(x.serialAt(offset), serial) || !x.isAbout(offset, certIssuer, crlIssuer) {
			continue
		}
		if first == 0 || offset+1 < first {
			first = offset + 1
		}
	}
	if first == 0 {
		return crlEntry{}, false
	}
	// build has seen that the entry can be read; what cannot is revoked still.
	rest := cryptobyte.String(x.entries[first-1:])
	if found.read(&rest) {
		_ = found.readExtensions()
	}
	return found, true
}

// isAbout reports whether the entry at offset is about a certificate of
// certIssuer: the last issuer named up to it counts (rule C7).
func (x *crlIndex) isAbout(offset uint32, certIssuer, crlIssuer []byte) bool {
	i := sort.Search(len(x.changes), func(i int) bool { return x.changes[i].offset > offset })
	if i == 0 {
		return sameName(certIssuer, crlIssuer)
	}
	return hasDirectoryName(x.changes[i-1].issuer, certIssuer)
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
