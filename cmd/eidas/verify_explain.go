package main

import (
	"context"
	"crypto/x509"
	"strings"
	"time"

	"github.com/seed-b953571c/eidas"
)

// explainReport is the JSON of "verify --explain".
type explainReport struct {
	*verifyReport
	Checks []explainedCheck `json:"checks"`

	leaf *x509.Certificate // nil when there is none
}

// explainedCheck is the JSON of one check.
type explainedCheck struct {
	eidas.CheckResult
	Reason string `json:"reason"`
	Detail string `json:"detail,omitempty"`
}

// explain shows every check. Its exit code is that of "verify".
func (e *env) explain(ctx context.Context, v *verifyFlags, files []string, at time.Time) (int, error) {
	var x *eidas.Explanation
	certificates := 0
	err := e.judge(ctx, v, files, func(ctx context.Context, judge *eidas.Validator, chain []*x509.Certificate) error {
		certificates = len(chain)
		x = judge.Explain(ctx, chain, v.use, at)
		return nil
	})
	if err != nil {
		return 0, err
	}
	r := newExplainReport(x)
	r.asked(v.use, at)
	if x.Refusal != nil {
		r.advice = adviceOn(&eidas.Error{Reason: x.Refusal.Reason, Err: x.Refusal.Err, Partial: &x.Evidence}, certificates)
	}
	if e.json {
		err = e.emit(r)
	} else {
		err = e.print(verifyText(r.verifyReport, e.style) + checksText(r, e.style))
	}
	if err != nil {
		return 0, err
	}
	return r.code(), nil
}

func newExplainReport(x *eidas.Explanation) *explainReport {
	result, refusal := &eidas.Result{
		Evidence: x.Evidence, Degraded: x.Degraded, ValidUntil: x.ValidUntil, Snapshot: x.Snapshot,
	}, x.Refusal
	if refusal != nil {
		result, refusal = nil, &eidas.Error{Reason: refusal.Reason, Err: refusal.Err, Partial: &x.Evidence}
	}
	r := &explainReport{verifyReport: newVerifyReport(result, refusal), leaf: x.Evidence.Leaf}
	for i := range x.Checks {
		c := explainedCheck{CheckResult: x.Checks[i]}
		if c.Refusal != nil {
			c.Reason, c.Detail = c.Refusal.Reason.String(), plain(c.Refusal.Error())
		}
		r.Checks = append(r.Checks, c)
	}
	return r
}

// checksText is one line for each check, and one for each fact.
func checksText(r *explainReport, s style) string {
	var b strings.Builder
	b.WriteString("\nChecks\n")
	const outcomeWidth, nameWidth = 7, 19 // the longest of each
	for i := range r.Checks {
		c := &r.Checks[i]
		var notes []string
		if c.Detail != "" {
			notes = append(notes, clean(readable(c.Detail)))
		}
		for _, d := range c.Waivers {
			notes = append(notes, degradedText(d))
		}
		if c.Outcome == eidas.OutcomeSkipped {
			if why := r.skippedText(c.Name); why != "" {
				notes = append(notes, why)
			}
		}
		name := string(c.Name)
		if len(notes) > 0 {
			name = pad(name, nameWidth) + "  " + strings.Join(notes, "  ")
		}
		b.WriteString("  " + outcomeText(c.Outcome, s, outcomeWidth) + "  " + name + "\n")
		for _, f := range c.Evidence {
			b.WriteString(strings.Repeat(" ", outcomeWidth+4) + s.dim(clean(f.Name)+":") + " " + r.evidenceText(f) + "\n")
		}
	}
	return b.String()
}

func outcomeText(o eidas.Outcome, s style, width int) string {
	text := pad(o.String(), width)
	switch o {
	case eidas.OutcomePass:
		return s.green(text)
	case eidas.OutcomeFail:
		return s.red(text)
	case eidas.OutcomeWaived:
		return s.yellow(text)
	case eidas.OutcomeSkipped:
	}
	return s.dim(text)
}
