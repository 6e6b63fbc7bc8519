package main

import (
	"context"
	"crypto/x509"
	"flag"
	"fmt"
	"time"

	"github.com/seed-b953571c/eidas"
)

func qualifyCommand() *command {
	return &command{
		name:    "qualify",
		usage:   "--world DIR [flags] CHAIN…",
		summary: "say whether a certificate is qualified, for what, and by which service",
		about: `
Applies ETSI TS 119 615 to the leaf of CHAIN: at its issuance, at --at, and both
together. No policy, usage, revocation or authorisation is judged (see 'eidas
verify'). CHAIN is PEM or DER; the leaf alone is enough when a listed service
issued it.

The conclusions are the words of TS 119 615 for what the certificate supports:
  Not AdES                       website authentication, which makes no signature:
                                 the word of every QWAC, no refusal; the word before
                                 it says whether it is qualified
  QESeal, QESig                  qualified, and the key is on a qualified device
  AdESeal-QC, AdESig-QC          qualified, on no such device
  AdESeal, AdESig                not qualified
  Unknown-QC-QSCD, Unknown-QC    qualified, for what is not determined
  Unknown                        not qualified, or not determined
  N/A                            the list contradicts itself

With --json, one object:
  conclusion                     one of the words above
  qualified, type, qscd          type: esign eseal web unknown
  at_issuance{…}, at_time{…}     at, conclusion, qualified, type, qscd, reason,
                                 service{territory,provider,name,status,
                                 status_uri,since,list,sequence}, qualifiers[]
                                 that matched, warnings[]
  warnings[{code,detail}]        of both
  snapshot                       identifies the lists that were used
  path_error, path_reason        only when no listed service was found
  statements_error               only when the statements are malformed
  error, reason                  only when no conclusion can be drawn`,
		exits: `  0  qualified
  1  not qualified, or not determined
  2  usage or input error`,
		examples: []string{
			"eidas qualify --world data/worlds/eu-2023 --at 2023-10-28 qwac.pem",
			"eidas qualify --world data/worlds/eu-2023 --at 2021-03-01T00:00:00Z leaf.der issuer.der --json",
		},
		define: func(fs *flag.FlagSet) action {
			var f worldFlags
			var at timeFlag
			f.define(fs)
			fs.Var(&at, "at", "`TIME` of judgement, RFC 3339, a date or Unix seconds (default now)")
			return func(ctx context.Context, e *env, files []string) (int, error) {
				if at.IsZero() {
					at.Time = time.Now()
				}
				return e.qualify(ctx, &f, at.Time, files)
			}
		},
	}
}

// qualifyReport is the JSON of "qualify".
type qualifyReport struct {
	*qualificationReport        // nil when no conclusion can be drawn
	Snapshot             string `json:"snapshot,omitempty"`
	PathError            string `json:"path_error,omitempty"`
	PathReason           string `json:"path_reason,omitempty"`
	StatementsError      string `json:"statements_error,omitempty"`
	Error                string `json:"error,omitempty"`
	Reason               string `json:"reason,omitempty"`

	advice string // what may be done about the path, "" for nothing
}

func (e *env) qualify(ctx context.Context, f *worldFlags, at time.Time, files []string) (int, error) {
	r, err := e.qualifyFiles(ctx, f, at, files)
	refusal, err := refusalOf(err)
	if err != nil {
		return 0, err
	}
	if refusal != nil {
		r = &qualifyReport{Error: refusal.Error(), Reason: refusal.Reason.String()}
	}
	if err := e.showQualify(r); err != nil {
		return 0, err
	}
	if r.qualificationReport == nil || !r.Qualified {
		return exitRefused, nil
	}
	return exitAccepted, nil
}

func (e *env) qualifyFiles(ctx context.Context, f *worldFlags, at time.Time, files []string) (*qualifyReport, error) {
	w, err := openWorld(f)
	if err != nil {
		return nil, err
	}
	defer func() { _ = w.folder.Close() }()
	chain, err := e.readChain(files)
	if err != nil {
		return nil, err
	}
	snapshot, err := w.loadOwnTime(ctx, e.stderr)
	if err != nil {
		return nil, err
	}
	return qualifyChain(snapshot.Services(), chain, at), nil
}

// qualifyChain concludes from the services of the path. Without a path, or with
// statements that are malformed, there still is a conclusion, and the report
// says what it lacks.
func qualifyChain(set *eidas.ServiceSet, chain []*x509.Certificate, at time.Time) *qualifyReport {
	r := &qualifyReport{Snapshot: set.ID()}
	services, err := eidas.FindServices(set, chain, at)
	if err != nil {
		r.PathError, r.PathReason = err.Error(), eidas.ReasonOf(err).String()
		refusal, _ := refusalOf(err)
		r.advice = adviceOn(refusal, len(chain))
	}
	claims, err := eidas.ParseClaims(chain[0])
	if err != nil {
		r.StatementsError = err.Error()
	}
	if claims == nil {
		claims = &eidas.Claims{}
	}
	q := eidas.Qualify(chain[0], claims, services, at)
	r.qualificationReport = newQualificationReport(&q)
	return r
}

func (e *env) showQualify(r *qualifyReport) error {
	if e.json {
		return e.emit(r)
	}
	return e.print(qualifyText(r, e.style))
}

func qualifyText(r *qualifyReport, s style) string {
	if r.qualificationReport == nil {
		return s.red("no conclusion") + "  " + clean(r.Reason) + "\n  " + clean(readable(r.Error)) + "\n"
	}
	verdict := s.red("not qualified")
	if r.Qualified {
		verdict = s.green("qualified")
	}
	head := verdict + "  " + s.bold(r.Conclusion) + "\n"
	if r.Conclusion == notAdES {
		head = verdict + " " + s.bold(webText) + "\n"
	}
	list := []fact{
		{"Type", []string{typeText(r.Type)}},
		{"At issuance", sideLines(&r.AtIssuance, s)},
		{"At the time", sideLines(&r.AtTime, s)},
	}
	if r.PathError != "" {
		path := []string{s.red("none: ") + clean(readable(r.PathError))}
		if r.advice != "" {
			path = append(path, "Hint: "+r.advice)
		}
		list = append(list, fact{"Path", path})
	}
	if r.StatementsError != "" {
		list = append(list, fact{"Statements", []string{s.red("refused: ") + clean(readable(r.StatementsError))}})
	}
	for _, w := range r.Warnings {
		list = append(list, fact{"Warning", []string{s.yellow(string(w.Code)) + "  " + clean(readable(w.Detail))}})
	}
	return head + facts(s, list)
}

// sideLines describes the qualification at one time.
func sideLines(r *sideReport, s style) []string {
	first := r.At.Format(time.RFC3339) + "  " + r.conclusionText()
	if r.Reason != "" {
		first += "  " + s.yellow(r.Reason)
	}
	out := []string{first}
	if v := r.Service; v != nil {
		out = append(append(out, serviceText(&v.RecordService)...), listText(&v.RecordService))
	}
	for _, q := range r.Qualifiers {
		out = append(out, "qualifier "+clean(lastSegment(q)))
	}
	return out
}

// serviceText describes a service on two lines.
func serviceText(v *eidas.RecordService) []string {
	return []string{
		clean(v.Name) + ", " + clean(v.Provider),
		"list of " + clean(v.Territory) + ", " + clean(v.Status) + " since " + v.Since,
	}
}

// listText describes the list that a service is on.
func listText(v *eidas.RecordService) string {
	return fmt.Sprintf("%s, sequence %d, %s", clean(v.Territory), v.Sequence, clean(v.List))
}
