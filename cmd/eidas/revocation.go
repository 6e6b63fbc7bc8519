package main

import (
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"math/big"
	"time"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/revocation"
)

const revocationExits = `  0  good, or no revocation information is owed
  1  revoked, or unknown: no answer that may be relied on
  2  usage or input error`

// revocationJSON is what both commands say of their JSON.
const revocationJSON = `
With --json, one object:
  status                         good revoked unknown not_owed
  reason                         code of the refusal, "revoked" when revoked, else ""
  rule, clause                   the check that failed, such as P4, and where it
                                 comes from; B4 when nothing is owed, else ""
  detail                         the refusal for people
  this_update, next_update, produced_at, revoked_at, invalidity_date
                                 null when not stated
  revocation_reason              such as keyCompromise, only when revoked
  non_issued                     the issuer never issued the certificate
  responder                      subject of who signed the answer, "" when unknown
  responder_unchecked            whether that one is revoked itself is open
  source, subject, serial, at`

// statusFlags are the flags that both commands have.
type statusFlags struct {
	certificate fileList
	issuers     fileList
	anchors     fileList
	at          timeFlag
	allowSHA1   bool
	maxAge      ageFlag
}

func (f *statusFlags) define(fs *flag.FlagSet) {
	fs.Var(&f.certificate, "certificate", "`FILE` with the certificate in question first; others help to find paths")
	fs.Var(&f.issuers, "issuer", "`FILE` with the certificate of its issuer first, others help to find paths; may be repeated")
	fs.Var(&f.anchors, "anchor", "`FILE` with the trust anchor that the issuer must lead to; may be repeated (default the first certificate of --issuer)")
	fs.Var(&f.at, "at", "`TIME` of judgement, RFC 3339, a date or Unix seconds (default now)")
	fs.BoolVar(&f.allowSHA1, "allow-sha1", false, "accept SHA-1 signatures and short keys, to judge the past")
}

// time is when to judge.
func (f *statusFlags) time() time.Time {
	if f.at.IsZero() {
		return time.Now()
	}
	return f.at.Time
}

func (f *statusFlags) validate() error {
	switch {
	case len(f.certificate) == 0:
		return usagef("--certificate is missing")
	case len(f.certificate) > 1:
		return usagef("--certificate is given twice")
	case len(f.issuers) == 0:
		return usagef("--issuer is missing")
	}
	return nil
}

// fileList collects the names of files, which may hold commas.
type fileList []string

// String is for the flag package; a list has no default.
func (l *fileList) String() string { return "" }

// Set adds a name.
func (l *fileList) Set(s string) error {
	if s == "" {
		return errors.New("empty name of a file")
	}
	*l = append(*l, s)
	return nil
}

// ageFlag is a greatest age: not given, a duration, or none.
type ageFlag struct {
	durationFlag
	any bool
}

// String is for the flag package; the help says what the default is.
func (a *ageFlag) String() string { return "" }

// Set reads a positive duration, or "none".
func (a *ageFlag) Set(s string) error {
	*a = ageFlag{any: s == "none"}
	if a.any {
		return nil
	}
	if err := a.durationFlag.Set(s); err != nil || a.Duration == 0 {
		return fmt.Errorf("%q is neither a positive duration, such as 12h or 90d, nor none", s)
	}
	return nil
}

// revocationReport is the JSON of both commands.
type revocationReport struct {
	Status             eidas.Status `json:"status"`
	Reason             string       `json:"reason"`
	Rule               string       `json:"rule"`
	Clause             string       `json:"clause"`
	Detail             string       `json:"detail,omitempty"`
	ThisUpdate         *time.Time   `json:"this_update"`
	NextUpdate         *time.Time   `json:"next_update"`
	ProducedAt         *time.Time   `json:"produced_at"`
	RevokedAt          *time.Time   `json:"revoked_at"`
	InvalidityDate     *time.Time   `json:"invalidity_date"`
	RevocationReason   string       `json:"revocation_reason,omitempty"`
	NonIssued          bool         `json:"non_issued"`
	Responder          string       `json:"responder"`
	ResponderUnchecked bool         `json:"responder_unchecked"`
	Source             string       `json:"source"`
	Subject            string       `json:"subject"`
	Serial             string       `json:"serial"`
	At                 time.Time    `json:"at"`
}

// statusJudge judges a certificate whose issuer is proved.
type statusJudge func(*pathSet, time.Time) (revocation.Answer, error)

// revocationVerdict prints what judge finds about the certificate of the flags.
// Certificates that belong to the question may help to find paths.
func (e *env) revocationVerdict(f *statusFlags, hints []*x509.Certificate, judge statusJudge) (int, error) {
	r := &revocationReport{At: f.time().UTC()}
	a, err := e.judgeRevocation(f, hints, r, judge)
	refusal, err := refusalOf(err)
	if err != nil {
		return 0, err
	}
	r.read(&a, refusal)
	if err := e.showRevocation(r); err != nil {
		return 0, err
	}
	if r.Status == eidas.StatusGood || r.Status == eidas.StatusNotOwed {
		return exitAccepted, nil
	}
	return exitRefused, nil
}

// judgeRevocation reads the certificates and notes in r which one is meant. An
// *eidas.Error is a verdict. judge is not asked when nothing is owed.
func (e *env) judgeRevocation(f *statusFlags, hints []*x509.Certificate, r *revocationReport, judge statusJudge) (revocation.Answer, error) {
	set, err := e.readPathSet(f, hints)
	if err != nil {
		return revocation.Answer{}, err
	}
	r.Subject, r.Serial = nameText(&set.target.Subject), serialText(set.target.SerialNumber)
	if err := set.find(r.At); err != nil {
		return revocation.Answer{}, err
	}
	exempt, err := revocation.NotOwed(set.target)
	if exempt {
		r.Rule, r.Clause = revocation.RuleB4.String(), revocation.RuleB4.Clause()
		return revocation.Answer{StatusAnswer: eidas.StatusAnswer{Status: eidas.StatusNotOwed, Source: "none"}}, nil
	}
	if err != nil {
		return revocation.Answer{}, err
	}
	return judge(set, r.At)
}

// read reports an answer, or a refusal.
func (r *revocationReport) read(a *revocation.Answer, refusal *eidas.Error) {
	if refusal != nil {
		r.Reason, r.Detail = refusal.Reason.String(), plain(refusal.Error())
		if rule := revocation.RuleOf(refusal); rule != 0 {
			r.Rule, r.Clause = rule.String(), rule.Clause()
		}
		return
	}
	r.Status, r.Source = a.Status, a.Source
	r.ThisUpdate, r.NextUpdate, r.ProducedAt = timeOrNil(a.ThisUpdate), timeOrNil(a.NextUpdate), timeOrNil(a.ProducedAt)
	r.ResponderUnchecked = a.DelegateUnchecked
	if a.Responder != nil {
		r.Responder = nameText(&a.Responder.Subject)
	}
	if a.Status == eidas.StatusRevoked {
		r.Reason = eidas.ReasonRevoked.String()
		r.RevokedAt, r.InvalidityDate = timeOrNil(a.RevokedAt), timeOrNil(a.InvalidityDate)
		r.RevocationReason, r.NonIssued = reasonCodeName(a.Code), a.NonIssued
	}
}

// serialText writes a serial number as tools do that print it as octets.
func serialText(n *big.Int) string { return n.Text(16) }

// reasonCodeName names a CRLReason (RFC 5280, 5.3.1).
func reasonCodeName(code int) string {
	names := [...]string{
		"unspecified", "keyCompromise", "cACompromise", "affiliationChanged", "superseded", "cessationOfOperation",
		"certificateHold", "", "removeFromCRL", "privilegeWithdrawn", "aACompromise",
	}
	if code < 0 || code >= len(names) || names[code] == "" {
		return fmt.Sprintf("reason %d", code)
	}
	return names[code]
}
