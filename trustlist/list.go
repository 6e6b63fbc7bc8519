package trustlist

import (
	"crypto/sha256"
	"time"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/internal/xmldsig"
)

// ListReport says what became of one list.
type ListReport struct {
	URL string
	// Territory is what the LOTL's pointer says; for a list on its own, what the
	// list says.
	Territory string
	// Accepted says that the list is authentic and may be used. Stale lists are
	// accepted too; the policy decides about them.
	Accepted bool
	// Authentic says that the signature is good. Only then are the following
	// fields set, whether the list was accepted or not.
	Authentic  bool
	Version    int // TSLVersionIdentifier
	Sequence   int // TSLSequenceNumber
	Issued     time.Time
	NextUpdate time.Time // zero: the list is final
	Stale      bool      // past NextUpdate when judged
	Final      bool      // no further update was announced
	Signer     [32]byte  // SHA-256 of the DER of the signer's certificate

	SHA256   [32]byte // of the bytes that were fetched; zero when there were none
	Services int      // that came from the list into the snapshot
	// ServicesSkipped counts services that are left out because what their
	// status depends on is missing or stated twice.
	ServicesSkipped int
	// CertificatesUnreadable counts certificates and key identifiers of digital
	// identities that are no such thing; their services are kept.
	CertificatesUnreadable int

	// Checked is when the copy in use was last had from its source, or confirmed
	// by it to be unchanged; zero when that is not known.
	Checked time.Time
	// Kept says that the copy in use is the last good one, because what the
	// source gave later was refused for Reason.
	Kept bool

	Reason Reason // zero when accepted and not kept
	Err    error  // an *Error with Reason, else nil
}

func (r *ListReport) refuse(err *Error) {
	r.Accepted, r.Reason, r.Err = false, err.Reason, at(err, r.URL, err.Reason)
}

// follows refuses a list that is older than the one in use before it: whoever can
// replay an old list brings a withdrawn provider back to life. For a national list
// that is not in use any more, floors do.
func (r *ListReport) follows(last *ListReport, a *alarms) *Error {
	switch {
	case r.Sequence < last.Sequence:
		return refuse(ReasonRollback, "sequence %d after %d", r.Sequence, last.Sequence)
	case r.Issued.Before(last.Issued):
		return refuse(ReasonRollback, "issued %s after %s", r.Issued.Format(time.RFC3339), last.Issued.Format(time.RFC3339))
	case r.Sequence == last.Sequence && r.SHA256 != last.SHA256:
		a.add(AlarmSequenceReused, r.URL)
	}
	return nil
}

// expectation is what a list must be: what was announced about it.
type expectation struct {
	url       string
	territory string // "": any
	typ       string // TSLType; "": any
	signers   [][32]byte
	profile   eidas.Profile
	at        time.Time // to judge freshness at; zero: not judged
}

// entry is one list with what was read from it.
type entry struct {
	report     ListReport
	scheme     scheme // of a LOTL
	services   []*eidas.Service
	validators // of the source
}

// had notes that the list was had from its source.
func (e *entry) had(got fetched, at time.Time) {
	e.validators = got.validators
	if e.report.Accepted {
		e.report.Checked = at
	}
}

// again returns an accepted list to be used at a later time.
func (e *entry) again(at time.Time) *entry {
	next := *e
	next.report.Kept, next.report.Reason, next.report.Err = false, 0, nil
	next.report.judge(at)
	return &next
}

// kept returns an accepted list that stays in use because a newer one was
// refused.
func (e *entry) kept(refused *Error, at time.Time) *entry {
	next := e.again(at)
	next.report.Kept, next.report.Reason, next.report.Err = true, refused.Reason, refused
	return next
}

// drop refuses a list that was accepted.
func (e *entry) drop(err *Error) {
	e.report.refuse(err)
	e.services, e.report.Services = nil, 0
}

// readList authenticates and reads one list. The answer is always complete; a
// list that is not accepted has no services.
func readList(doc []byte, want expectation, in *interner) *entry {
	e := &entry{report: ListReport{URL: want.url, Territory: want.territory, SHA256: sha256.Sum256(doc)}}
	v, err := xmldsig.Verify(doc, want.fingerprints())
	if err != nil {
		e.report.refuse(&Error{Reason: reasonOfCode(xmldsig.CodeOf(err)), Err: err})
		return e
	}
	e.report.Authentic, e.report.Signer = true, sha256.Sum256(v.Signer)
	out, refused := parseList(v.Octets, in, func(s *scheme) (*eidas.List, *Error) {
		e.report.state(s, want.at)
		return e.report.list(want.profile), want.check(s)
	})
	e.scheme = out.scheme
	if refused != nil {
		e.report.refuse(refused)
		return e
	}
	e.services = out.services
	e.report.Accepted = true
	e.report.Services = len(out.services)
	e.report.ServicesSkipped, e.report.CertificatesUnreadable = out.skipped, out.unreadable
	return e
}

// state notes what the list says of itself.
func (r *ListReport) state(s *scheme, at time.Time) {
	if r.Territory == "" {
		r.Territory = s.territory
	}
	r.Version, r.Sequence, r.Issued, r.NextUpdate = s.version, s.sequence, s.issued, s.nextUpdate
	r.Final = s.nextUpdate.IsZero()
	r.judge(at)
}

// judge sets Stale. Past NextUpdate is a warning, not a refusal: states are
// late by weeks, and to drop their lists would cut off their providers.
func (r *ListReport) judge(at time.Time) {
	r.Stale = !r.Final && !at.IsZero() && at.After(r.NextUpdate)
}

func (r *ListReport) list(profile eidas.Profile) *eidas.List {
	return &eidas.List{
		URL: r.URL, Territory: r.Territory, Profile: profile, Version: r.Version, Sequence: r.Sequence,
		Issued: r.Issued, NextUpdate: r.NextUpdate, SHA256: r.SHA256,
	}
}

func (want *expectation) fingerprints() []xmldsig.Fingerprint {
	all := make([]xmldsig.Fingerprint, len(want.signers))
	for i, f := range want.signers {
		all[i] = f
	}
	return all
}

// check compares the scheme information with what was announced.
func (want *expectation) check(s *scheme) *Error {
	switch {
	case s.version != 5 && s.version != 6: // TS 119 612 v2.1.1 to v2.4.1, 5.3.1
		return refuse(ReasonVersionUnsupported, "TSLVersionIdentifier %d", s.version)
	case want.typ != "" && s.typ != want.typ:
		return refuse(ReasonTypeMismatch, "TSLType %q, want %q", s.typ, want.typ)
	case want.territory != "" && s.territory != want.territory:
		return refuse(ReasonTerritoryMismatch, "SchemeTerritory %q, want %q", s.territory, want.territory)
	case !want.at.IsZero() && s.issued.After(want.at.Add(MaxSkew)):
		return refuse(ReasonIssuedInFuture, "ListIssueDateTime %s", s.issued.Format(time.RFC3339))
	}
	return nil
}

// CheckList authenticates and reads one list on its own: whether one of signers,
// given as the SHA-256 of the DER of their certificates, has signed it, and
// whether it is a list that this package can read. Freshness, territory and type
// are reported but not judged, because nothing was announced to compare with.
func CheckList(doc []byte, signers [][32]byte) ListReport {
	return readList(doc, expectation{signers: signers, profile: eidas.ProfileTest}, newInterner()).report
}
