package main

import (
	"context"
	"crypto/x509"
	"flag"
	"time"

	"github.com/seed-b953571c/eidas"
)

func verifyCommand() *command {
	return &command{
		name:    "verify",
		usage:   "--world DIR [flags] CHAIN…",
		summary: "decide about a certificate: who is it, is it qualified, revoked, allowed",
		about: `
Runs every step of the library on CHAIN: form, statements, identity, path to a
trusted list, qualification, revocation, authorisation. CHAIN is PEM or DER, the
leaf first; the leaf alone is enough when a listed service issued it. Several
files are joined in order.

The lists' freshness is judged at the world's own time, the certificate at --at.

--use tls demands a QWAC with a PSD2 statement and a PSD identity. --use seal
demands a QSealC and takes other identities too, unless --require-psd2 is given.
Everything that was let pass is named in degraded.

Identities are the EU's only under anchors of a notice in the Official Journal;
under any others the trust profile is test, and profile says so.

With --json, one object:
  decision                       accept or refuse
  reason, cause                  codes, "" when accepted; cause: tpp us third_party
  detail                         the refusal for people
  identity, roles[]              proved when accepted; a mere claim when refused
  profile                        trust profile of the identity: eu, or test for
                                 lists of other anchors than the Official Journal's
  service{territory,provider,name,status}   null when none was found
  degraded[]                     what was let pass
  qualification{…}               as in 'eidas qualify'; null before that step
  revocation[{status,source,this_update,next_update,revoked_at,stale}]
  list{url,territory,sequence}   the trusted list that decided
  chain[{subject,sha256,not_after}], warnings[{code,detail}], valid_until,
  use, at, snapshot

--explain makes every check, also those after one that failed, and shows how each
ended and on what grounds. With --json it adds
  checks[{step,check,outcome,reason,detail,waived[],evidence[{name,value}]}]
                                 outcome: pass fail waived, or skipped where what
                                 the check needs was not to be had`,
		exits: `  0  accepted
  1  refused
  2  usage or input error`,
		examples: []string{
			"eidas verify --world data/worlds/eu-2023 --at 2023-10-28 --use tls --revocation off qwac.pem",
			"eidas verify --world lists --use tls --require-role PSP_AI --allow-country LT,LV chain.pem",
			"eidas verify --world lists --use seal qsealc.der --json",
		},
		define: func(fs *flag.FlagSet) action {
			v := newVerifyFlags(fs)
			return func(ctx context.Context, e *env, files []string) (int, error) {
				return e.verify(ctx, v, files)
			}
		},
	}
}

// verifyReport is the JSON of "verify".
type verifyReport struct {
	Decision      string               `json:"decision"`
	Reason        string               `json:"reason"`
	Cause         string               `json:"cause"`
	Detail        string               `json:"detail,omitempty"`
	Identity      string               `json:"identity"`
	Profile       eidas.Profile        `json:"profile"`
	Roles         []string             `json:"roles"`
	Service       *serviceReport       `json:"service"`
	Degraded      []eidas.Degradation  `json:"degraded"`
	Use           eidas.Use            `json:"use"`
	At            time.Time            `json:"at"`
	Qualification *qualificationReport `json:"qualification"`
	Revocation    []statusReport       `json:"revocation"`
	List          *sourceReport        `json:"list"`
	Chain         []certReport         `json:"chain"`
	Warnings      []eidas.Warning      `json:"warnings"`
	ValidUntil    *time.Time           `json:"valid_until,omitempty"`
	Snapshot      string               `json:"snapshot,omitempty"`
}

// statusReport is the JSON of the revocation status of one certificate.
type statusReport struct {
	Status     eidas.Status `json:"status"`
	Source     string       `json:"source"`
	ThisUpdate *time.Time   `json:"this_update,omitempty"`
	NextUpdate *time.Time   `json:"next_update,omitempty"`
	RevokedAt  *time.Time   `json:"revoked_at,omitempty"`
	Stale      bool         `json:"stale"`
}

// sourceReport is the JSON of the trusted list that decided.
type sourceReport struct {
	URL       string `json:"url"`
	Territory string `json:"territory"`
	Sequence  int    `json:"sequence"`
}

const (
	accept = "accept"
	refuse = "refuse"
)

func (e *env) verify(ctx context.Context, v *verifyFlags, files []string) (int, error) {
	at := v.at.Time
	if at.IsZero() {
		at = time.Now()
	}
	if v.explain {
		return e.explain(ctx, v, files, at)
	}
	var result *eidas.Result
	err := e.judge(ctx, v, files, func(ctx context.Context, judge *eidas.Validator, chain []*x509.Certificate) (err error) {
		result, err = judge.Validate(ctx, chain, v.use, at)
		return err
	})
	refusal, err := refusalOf(err)
	if err != nil {
		return 0, err
	}
	r := newVerifyReport(result, refusal)
	r.Use, r.At = v.use, at.UTC()
	if err := e.showVerify(r); err != nil {
		return 0, err
	}
	return r.code(), nil
}

// code is the exit code of a decision.
func (r *verifyReport) code() int {
	if r.Decision == accept {
		return exitAccepted
	}
	return exitRefused
}

// judge runs judge with the validator and the chain that were asked for. An
// *eidas.Error is a refusal.
func (e *env) judge(ctx context.Context, v *verifyFlags, files []string, judge func(context.Context, *eidas.Validator, []*x509.Certificate) error) error {
	w, err := openWorld(&v.world)
	if err != nil {
		return err
	}
	defer func() { _ = w.folder.Close() }()
	config, err := v.config(w.Anchors.Profile)
	if err != nil {
		return err
	}
	chain, err := e.readChain(files)
	if err != nil {
		return err
	}
	snapshot, err := w.loadOwnTime(ctx, e.stderr)
	if err != nil {
		return err
	}
	config.Services = fixedServices{snapshot.Services().AsOf(w.At)}
	validator, err := eidas.NewValidator(*config)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(ctx, v.timeout)
	defer cancel()
	p := newProgress(e.stderr)
	defer p.clear()
	p.show("Judging the certificate …")
	return judge(ctx, validator, chain)
}

// fixedServices is a source of services that does not change.
type fixedServices struct{ set *eidas.ServiceSet }

// Services implements eidas.ServiceSource.
func (s fixedServices) Services() *eidas.ServiceSet { return s.set }

// newVerifyReport reports a result, or a refusal with what was known by then.
func newVerifyReport(result *eidas.Result, refusal *eidas.Error) *verifyReport {
	r := &verifyReport{
		Decision: accept, Roles: []string{}, Degraded: []eidas.Degradation{}, Revocation: []statusReport{},
		Chain: []certReport{}, Warnings: []eidas.Warning{},
	}
	if refusal != nil {
		r.Decision, r.Reason, r.Cause = refuse, refusal.Reason.String(), refusal.Reason.Cause().String()
		r.Detail = plain(refusal.Error())
		if refusal.Partial != nil {
			r.read(refusal.Partial)
		}
		return r
	}
	r.read(&result.Evidence)
	r.Degraded = append(r.Degraded, result.Degraded...)
	r.ValidUntil, r.Snapshot = timeOrNil(result.ValidUntil), result.Snapshot
	return r
}

func (r *verifyReport) read(ev *eidas.Evidence) {
	if !ev.Identity.IsZero() {
		r.Identity, r.Profile = ev.Identity.OrganizationIdentifier(), ev.Identity.Profile()
	}
	r.Roles = append(r.Roles, ev.Roles.Names()...)
	r.Chain = chainReport(ev.Chain)
	for i := range ev.Status {
		r.Revocation = append(r.Revocation, newStatusReport(&ev.Status[i]))
	}
	q := &ev.Qualification
	if q.AtTime.At.IsZero() {
		return // not reached
	}
	r.Qualification = newQualificationReport(q)
	r.Warnings = r.Qualification.Warnings
	if s := ev.Service; s != nil {
		r.Service = newServiceReport(s, q.AtTime.Period)
		r.List = &sourceReport{s.List.URL, s.List.Territory, s.List.Sequence}
	}
}

func newStatusReport(a *eidas.StatusAnswer) statusReport {
	return statusReport{
		Status: a.Status, Source: a.Source, Stale: a.Stale,
		ThisUpdate: timeOrNil(a.ThisUpdate), NextUpdate: timeOrNil(a.NextUpdate), RevokedAt: timeOrNil(a.RevokedAt),
	}
}
