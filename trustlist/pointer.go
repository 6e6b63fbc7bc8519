package trustlist

import (
	"errors"
	"slices"
	"strings"
)

// pointer is an OtherTSLPointer (5.3.13). Its fields are scattered over several
// OtherInformation elements; conflict says that two of them disagree.
type pointer struct {
	url, territory, typ, mime string
	signers                   [][32]byte
	conflict                  bool
	absent                    bool // asked for, but the LOTL does not have it
}

var (
	errConflict    = errors.New("pointer states a field twice and differently")
	errNoTerritory = errors.New("pointer states no territory")
	errNoSigner    = errors.New("pointer announces no signer")
)

// set stores a field of the pointer; two different values are a conflict.
func (t *pointer) set(field *string, value string) {
	if *field != "" && *field != value {
		t.conflict = true
	}
	*field = value
}

// isXML reports whether the pointer is to a machine readable list; those to PDF
// files are for people.
func (t *pointer) isXML() bool {
	mime, _, _ := strings.Cut(t.mime, ";")
	return strings.EqualFold(strings.TrimSpace(mime), mimeTSL)
}

// check refuses a pointer that cannot be followed.
func (t *pointer) check() *Error {
	switch {
	case t.absent:
		return &Error{Reason: ReasonNotListed}
	case t.conflict:
		return &Error{Reason: ReasonPointer, URL: t.url, Err: errConflict}
	case t.url == "":
		return refuse(ReasonPointer, "no location")
	case t.territory == "":
		return &Error{Reason: ReasonPointer, URL: t.url, Err: errNoTerritory}
	case len(t.signers) == 0:
		return &Error{Reason: ReasonPointer, URL: t.url, Err: errNoSigner}
	}
	return nil
}

// announces reports whether the pointer still vouches for the signer of an
// accepted list of its territory. A signer that the LOTL no longer announces is not
// believed any more, not even for what was accepted under it.
func (t *pointer) announces(e *entry) bool {
	return e != nil && !t.conflict && slices.Contains(t.signers, e.report.Signer)
}

// own returns the LOTL's pointer to itself. Where it is stated twice, the
// signers of both count and the first location.
func (s *scheme) own() pointer {
	var own pointer
	for i := range s.pointers {
		t := &s.pointers[i]
		if t.typ != typeListOfLists || !t.isXML() || t.conflict {
			continue
		}
		if own.url == "" {
			own.url = t.url
		}
		own.signers = append(own.signers, t.signers...)
	}
	return own
}

// national returns the pointers to national lists, in document order. Pointers
// to the same list are merged: some LOTLs repeat them.
func (s *scheme) national() []pointer {
	var all []pointer
	for _, t := range s.pointers {
		if t.typ != typeGeneric || !t.isXML() {
			continue
		}
		i := slices.IndexFunc(all, func(o pointer) bool { return o.url == t.url && o.territory == t.territory })
		if i < 0 {
			t.signers = slices.Clone(t.signers)
			all = append(all, t)
			continue
		}
		for _, f := range t.signers {
			if !slices.Contains(all[i].signers, f) {
				all[i].signers = append(all[i].signers, f)
			}
		}
		all[i].conflict = all[i].conflict || t.conflict
	}
	return all
}
