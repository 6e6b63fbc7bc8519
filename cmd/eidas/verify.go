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

Revocation is asked about over the network: OCSP, and CRLs when no responder has a
usable answer (auto); --revocation ocsp or crl asks one of them alone. An answer
that is at hand is judged by 'eidas revocation'.

Identities are the EU's only under anchors of a notice in the Official Journal;
under any others the trust profile is test, and profile says so.

With --json, one object, that of eidas.Record with nothing left out:
  schema, decision               eidas.verdict/v1; accept or refuse
  reason, cause                  codes, "" when accepted; cause: tpp us third_party
  detail                         the refusal for people
  identity, roles[]              proved when accepted; a mere claim when refused
  profile                        trust profile of the identity: eu, or test for
                                 lists of other anchors than the Official Journal's
  certificate{sha256,issuer,serial,not_after}
  service{territory,provider,name,status,since,list,sequence}   that decided, and
                                 the URL and sequence number of its trusted list;
                                 null when none was found
  degraded[]                     what was let pass
  qualification                  the conclusion of TS 119 615
  revocation[{status,source,this_update,next_update,revoked_at,stale}]
  warnings[{code,detail}], valid_until, use, at, snapshot
and
  qualify{…}                     as in 'eidas qualify'; null before that step
  chain[{subject,sha256,not_after}]

Where a file cannot be read, the object has error and reason "input" alone.

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

// verifyReport is the JSON of "verify": a verdict as the library records it,
// with nothing left out for being empty, and what it was drawn from.
type verifyReport struct {
	eidas.Record
	Reason     string               `json:"reason"`
	Cause      string               `json:"cause"`
	Profile    eidas.Profile        `json:"profile"`
	Service    *eidas.RecordService `json:"service"`
	Revocation []statusReport       `json:"revocation"`
	Warnings   []eidas.Warning      `json:"warnings"`

	Qualify *qualificationReport `json:"qualify"`
	Chain   []certReport         `json:"chain"`

	message string // the refusal for people, with the sentence of its reason
	advice  string // what may be done about it, "" for nothing
}

// statusReport is the JSON of the revocation status of one certificate.
type statusReport struct {
	eidas.RecordStatus
	RevokedAt *time.Time `json:"revoked_at,omitempty"`
}

// statusReports are the records of answers, with what they leave out.
func statusReports(answers []eidas.StatusAnswer) []statusReport {
	// The record of an Error has the answers that its evidence holds.
	records := (&eidas.Error{Partial: &eidas.Evidence{Status: answers}}).Record().Revocation
	list := make([]statusReport, len(records))
	for i, s := range records {
		list[i] = statusReport{s, timeOrNil(answers[i].RevokedAt)}
	}
	return list
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
	certificates := 0
	err := e.judge(ctx, v, files, func(ctx context.Context, judge *eidas.Validator, chain []*x509.Certificate) (err error) {
		certificates = len(chain)
		result, err = judge.Validate(ctx, chain, v.use, at)
		return err
	})
	refusal, err := refusalOf(err)
	if err != nil {
		return 0, err
	}
	r := newVerifyReport(result, refusal)
	r.asked(v.use, at)
	r.advice = adviceOn(refusal, certificates)
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
	var evidence eidas.Evidence
	r := &verifyReport{Warnings: []eidas.Warning{}}
	if refusal == nil {
		r.Record, evidence = result.Record(), result.Evidence
	} else {
		r.Record, r.message = refusal.Record(), plain(refusal.Error())
		if refusal.Partial != nil {
			evidence = *refusal.Partial
		}
	}
	r.Reason, r.Cause, r.Profile, r.Service = r.Record.Reason, r.Record.Cause, r.Record.Profile, r.Record.Service
	r.Warnings = append(r.Warnings, r.Record.Warnings...)
	r.Revocation = statusReports(evidence.Status)
	r.Chain = chainReport(evidence.Chain)
	if q := &evidence.Qualification; !q.AtTime.At.IsZero() {
		r.Qualify = newQualificationReport(q)
	}
	return r
}

// asked states what was asked, which a refusal without evidence does not know.
func (r *verifyReport) asked(use eidas.Use, at time.Time) {
	r.Use, r.At = use.String(), at.UTC().Format(time.RFC3339)
}
