package main

import (
	"context"
	"encoding/hex"
	"errors"
	"flag"
	"fmt"
	"strings"
	"time"

	"github.com/seed-b953571c/eidas/trustlist"
)

func trustlistLoadCommand() *command {
	return &command{
		name:    "trustlist load",
		usage:   "--world DIR [flags]",
		summary: "load and verify all trusted lists of a folder",
		about: `
Authenticates the list of trusted lists (LOTL) from the anchors, through its
pivots, and with it each national list. A list that is missing or refused takes
nothing from the others.

With --json, one object:
  lotl{sequence,version}         and url
  lists[{territory,sequence,accepted,stale,final,reason}]   reason is "" when
                                 accepted; also url, error, version, issued,
                                 next_update, services, and signer, the SHA-256
                                 of the certificate that the list is signed with;
                                 lotl and pivots have it too
  services, ca_qc_granted, ca_qc_granted_web, ca_qc_granted_seal, ca_qc_granted_sig
  at, profile, snapshot, pivots[], alarms[{kind,url}]
  error, reason                  only when the LOTL is refused: text and code`,
		exits: `  0  the LOTL is authentic, even if some national list is missing or refused
  1  the LOTL is refused
  2  usage or input error`,
		examples: []string{
			"eidas trustlist load --world data/worlds/eu-2023",
			"eidas trustlist load --world data/worlds/eu-2023 --json | jq '.lists[] | select(.accepted | not)'",
			"eidas trustlist load --world data/worlds/eu-2023 --anchors oj-2026",
		},
		define: func(fs *flag.FlagSet) action {
			var f worldFlags
			var at timeFlag
			f.define(fs)
			fs.Var(&at, "at", "`TIME` to judge freshness at, RFC 3339, a date or Unix seconds (default that of world.json, else now)")
			return func(ctx context.Context, e *env, operands []string) (int, error) {
				if len(operands) > 0 {
					return 0, usagef("unexpected argument %q", operands[0])
				}
				return e.trustlistLoad(ctx, &f, at.Time)
			}
		},
	}
}

// loadReport is the JSON of "trustlist load".
type loadReport struct {
	LOTL     lotlReport   `json:"lotl"`
	Lists    []listReport `json:"lists"`
	Services int          `json:"services"`
	Granted  int          `json:"ca_qc_granted"`
	Web      int          `json:"ca_qc_granted_web"`
	Seal     int          `json:"ca_qc_granted_seal"`
	Sig      int          `json:"ca_qc_granted_sig"`

	At       time.Time     `json:"at"`
	Profile  string        `json:"profile"`
	Snapshot string        `json:"snapshot,omitempty"`
	Pivots   []lotlReport  `json:"pivots"`
	Alarms   []alarmReport `json:"alarms"`
	Error    string        `json:"error,omitempty"`
	Reason   string        `json:"reason,omitempty"`
}

type lotlReport struct {
	URL      string `json:"url"`
	Sequence int    `json:"sequence"`
	Version  int    `json:"version"`
	Signer   string `json:"signer,omitempty"` // SHA-256 of the certificate
}

func newLOTLReport(l *trustlist.ListReport) lotlReport {
	return lotlReport{l.URL, l.Sequence, l.Version, signerOf(l)}
}

// signerOf is "" for a list that is not authentic.
func signerOf(l *trustlist.ListReport) string {
	if !l.Authentic {
		return ""
	}
	return hex.EncodeToString(l.Signer[:])
}

type listReport struct {
	Territory string `json:"territory"`
	URL       string `json:"url"`
	Sequence  int    `json:"sequence"`
	Version   int    `json:"version"`
	Accepted  bool   `json:"accepted"`
	Stale     bool   `json:"stale"`
	Final     bool   `json:"final"`
	// Reason is its code in JSON, "" when accepted.
	Reason     trustlist.Reason `json:"reason"`
	Error      string           `json:"error,omitempty"`
	Issued     *time.Time       `json:"issued,omitempty"`
	NextUpdate *time.Time       `json:"next_update,omitempty"`
	Signer     string           `json:"signer,omitempty"` // SHA-256 of the certificate
	Services   int              `json:"services"`
}

type alarmReport struct {
	Kind string `json:"kind"`
	URL  string `json:"url"`
}

func (e *env) trustlistLoad(ctx context.Context, f *worldFlags, at time.Time) (int, error) {
	w, err := openWorld(f)
	if err != nil {
		return 0, err
	}
	defer func() { _ = w.folder.Close() }()
	if at.IsZero() {
		at = w.At
	}
	s, err := w.load(ctx, at, e.stderr)
	r := loadReport{
		Lists: []listReport{}, Pivots: []lotlReport{}, Alarms: []alarmReport{},
		LOTL: lotlReport{URL: w.Anchors.LOTL}, At: at.UTC(), Profile: string(w.Anchors.Profile),
	}
	if refusal := refusedLOTL(err); refusal != nil {
		r.Error, r.Reason = refusal.Error(), refusal.Reason.String()
		return exitRefused, e.showLoad(&r)
	}
	if err != nil {
		return 0, err
	}
	r.read(s)
	return exitAccepted, e.showLoad(&r)
}

func (r *loadReport) read(s *trustlist.Snapshot) {
	r.Snapshot = s.ID
	r.LOTL = newLOTLReport(&s.LOTL)
	for i := range s.Lists {
		r.Lists = append(r.Lists, newListReport(&s.Lists[i]))
	}
	for i := range s.Pivots {
		r.Pivots = append(r.Pivots, newLOTLReport(&s.Pivots[i]))
	}
	for _, a := range s.Alarms {
		r.Alarms = append(r.Alarms, alarmReport{string(a.Kind), a.URL})
	}
	c := s.Counts()
	r.Services, r.Granted = c.Services, c.CAQCGranted
	r.Web, r.Seal, r.Sig = c.CAQCGrantedWeb, c.CAQCGrantedSeal, c.CAQCGrantedSig
}

func newListReport(l *trustlist.ListReport) listReport {
	r := listReport{
		Territory: l.Territory, URL: l.URL, Sequence: l.Sequence, Version: l.Version, Accepted: l.Accepted,
		Stale: l.Stale, Final: l.Final, Reason: l.Reason, Services: l.Services, Signer: signerOf(l),
		Issued: timeOrNil(l.Issued), NextUpdate: timeOrNil(l.NextUpdate),
	}
	if l.Err != nil {
		r.Error = l.Err.Error()
	}
	return r
}

// timeOrNil keeps a zero time out of JSON.
func timeOrNil(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	utc := t.UTC()
	return &utc
}

func (e *env) showLoad(r *loadReport) error {
	if e.json {
		return e.emit(r)
	}
	return e.print(loadText(r, e.style))
}

func loadText(r *loadReport, s style) string {
	if r.Error != "" {
		return s.red("refused") + "  list of trusted lists: " + clean(r.Reason) + "\n         " +
			clean(readable(r.Error)) + "\n"
	}
	var b strings.Builder
	fmt.Fprintf(&b, "%s  sequence %d, format %d, through %s\n\n", s.bold("List of trusted lists"), r.LOTL.Sequence, r.LOTL.Version, count(len(r.Pivots), "pivot"))
	accepted, missing := 0, 0
	for i := range r.Lists {
		l := &r.Lists[i]
		switch {
		case l.Accepted:
			accepted++
		case l.Reason == trustlist.ReasonNotFound:
			missing++
		}
		fmt.Fprintf(&b, "  %s  %s%s\n", pad(clean(l.Territory), 2), stateText(l, s), ageText(l, s))
	}
	fmt.Fprintf(&b, "\n%s %d of %s, with %s", s.bold("Accepted"), accepted, count(len(r.Lists), "list"), count(r.Services, "service"))
	if refused := len(r.Lists) - accepted - missing; missing+refused > 0 {
		fmt.Fprintf(&b, "; %d missing, %d refused", missing, refused)
	}
	b.WriteString("\n")
	fmt.Fprintf(&b, "%s  %s for issuing qualified certificates: %d for web sites, %d for seals, %d for signatures\n",
		s.bold("Granted"), count(r.Granted, "service"), r.Web, r.Seal, r.Sig)
	for _, a := range r.Alarms {
		fmt.Fprintf(&b, "%s  %s: %s\n", s.yellow("Look at"), clean(a.Kind), clean(a.URL))
	}
	fmt.Fprintf(&b, "%s judged at %s, trust profile %q\n", s.dim("Freshness"), r.At.Format(time.RFC3339), clean(r.Profile))
	return b.String()
}

// stateText says whether a list is in use, and why not.
func stateText(l *listReport, s style) string {
	switch {
	case l.Accepted:
		return fmt.Sprintf("%s  sequence %4d  %4d service%s", s.green("accepted"), l.Sequence, l.Services, plural(l.Services))
	case l.Reason == trustlist.ReasonNotFound:
		return s.yellow("missing ") + "  " + s.dim("not in the folder: "+clean(l.URL))
	}
	return s.red("refused ") + "  " + clean(readable(l.Error))
}

// ageText says what is unusual about the age of a list.
func ageText(l *listReport, s style) string {
	switch {
	case l.Stale && l.NextUpdate != nil:
		return s.yellow("  stale, an update was due " + day(*l.NextUpdate))
	case l.Final:
		return s.dim("  final, no further update")
	}
	return ""
}

func trustlistCheckCommand() *command {
	return &command{
		name:    "trustlist check",
		usage:   "--signer SHA256,… [flags] FILE…",
		summary: "check one trusted list on its own against its announced signers",
		about: `
Verifies the signature of each list with exactly the given signers and reads
what was signed. Freshness, territory and type are shown, not judged: that takes
the list of trusted lists (see 'eidas trustlist load').

With --json, one object on one line for each file:
  file, authentic, reason        authentic: signed by one of the signers, and a
                                 trusted list that can be used; else reason says why
  error, signature               text; whether the signature alone is good
  territory, sequence, version, issued, next_update, final, signer, services`,
		exits: `  0  every list is authentic
  1  some list is not
  2  usage or input error`,
		examples: []string{
			"eidas trustlist check --signer SHA256 LT.xml",
			"eidas trustlist check LT.xml EE.xml --signer SHA256,SHA256 --json",
		},
		define: func(fs *flag.FlagSet) action {
			var signers listFlag
			fs.Var(&signers, "signer", "`SHA256` fingerprints of the certificates that may have signed, comma separated")
			return func(ctx context.Context, e *env, files []string) (int, error) {
				known, err := fingerprints(signers)
				switch {
				case err != nil:
					return 0, usageError{fmt.Errorf("--signer: %w", err)}
				case len(known) == 0:
					return 0, usagef("--signer is missing")
				case len(files) == 0:
					return 0, usagef("no FILE given")
				}
				return e.trustlistCheck(ctx, known, files)
			}
		},
	}
}

// checkReport is the JSON of one file of "trustlist check".
type checkReport struct {
	File       string     `json:"file"`
	Authentic  bool       `json:"authentic"`
	Reason     string     `json:"reason"`
	Error      string     `json:"error,omitempty"`
	Signature  bool       `json:"signature"`
	Territory  string     `json:"territory,omitempty"`
	Sequence   int        `json:"sequence,omitempty"`
	Version    int        `json:"version,omitempty"`
	Issued     *time.Time `json:"issued,omitempty"`
	NextUpdate *time.Time `json:"next_update,omitempty"`
	Final      bool       `json:"final"`
	Signer     string     `json:"signer,omitempty"`
	Services   int        `json:"services"`
}

func (e *env) trustlistCheck(ctx context.Context, signers [][32]byte, files []string) (int, error) {
	code := exitAccepted
	for _, name := range files {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		r, fileCode := e.checkFile(name, signers)
		code = max(code, fileCode)
		if err := e.showCheck(r); err != nil {
			return 0, err
		}
	}
	return code, nil
}

func (e *env) checkFile(name string, signers [][32]byte) (checkReport, int) {
	doc, err := e.readInput(name, trustlist.MaxListSize)
	if errors.Is(err, errTooLarge) {
		return checkReport{File: name, Reason: trustlist.ReasonTooLarge.String(), Error: err.Error()}, exitRefused
	}
	if err != nil {
		e.complain(fmt.Sprintf("eidas trustlist check: %s: %s\n", clean(name), clean(err.Error())))
		return checkReport{File: name, Reason: reasonInput, Error: err.Error()}, exitUsage
	}
	l := trustlist.CheckList(doc, signers)
	r := checkReport{
		File: name, Authentic: l.Accepted, Signature: l.Authentic, Reason: l.Reason.String(), Territory: l.Territory,
		Sequence: l.Sequence, Version: l.Version, Issued: timeOrNil(l.Issued), NextUpdate: timeOrNil(l.NextUpdate),
		Final: l.Final, Services: l.Services, Signer: signerOf(&l),
	}
	if l.Err != nil {
		r.Error = l.Err.Error()
	}
	if !r.Authentic {
		return r, exitRefused
	}
	return r, exitAccepted
}

func (e *env) showCheck(r checkReport) error {
	if e.json {
		return e.emit(r)
	}
	if r.Reason == reasonInput {
		return nil // told on standard error
	}
	name, s := clean(r.File), e.style
	if !r.Authentic {
		return e.print(fmt.Sprintf("%s  %s: %s\n           %s\n", s.red("refused  "), name, clean(r.Reason),
			s.dim(clean(readable(r.Error)))))
	}
	return e.print(fmt.Sprintf("%s  %s: %s sequence %d, %s\n           %s\n", s.green("authentic"), name,
		clean(r.Territory), r.Sequence, count(r.Services, "service"), s.dim("signer "+r.Signer)))
}
