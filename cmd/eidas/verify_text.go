package main

import (
	"strings"
	"time"

	"github.com/seed-b953571c/eidas"
)

func (e *env) showVerify(r *verifyReport) error {
	if e.json {
		return e.emit(r)
	}
	return e.print(verifyText(r, e.style))
}

func verifyText(r *verifyReport, s style) string {
	var b strings.Builder
	if r.Decision == accept {
		b.WriteString(s.green("accepted") + "  " + s.bold(clean(r.Identity)) + "\n")
	} else {
		b.WriteString(s.red("refused") + "  " + s.bold(r.Reason) + " (" + causeText(r.Cause) + ")\n")
		b.WriteString("  " + clean(readable(r.message)) + "\n")
		if r.advice != "" {
			b.WriteString("  Hint: " + r.advice + "\n")
		}
	}
	b.WriteString(facts(s, verifyFacts(r, s)))
	return b.String()
}

func causeText(cause string) string {
	switch cause {
	case eidas.CauseTPP.String():
		return "the certificate's side"
	case eidas.CauseSelf.String():
		return "our side"
	}
	return "a third party's side"
}

func verifyFacts(r *verifyReport, s style) []fact {
	var list []fact
	if r.Decision == refuse && r.Identity != "" {
		list = append(list, fact{"Claims to be", []string{clean(r.Identity)}})
	}
	if r.Profile != "" && r.Profile != eidas.ProfileEU {
		list = append(list, fact{"Trust", []string{"profile " + string(r.Profile) + ", not the EU's"}})
	}
	roles := "none"
	if len(r.Roles) > 0 {
		roles = strings.Join(r.Roles, ", ")
	}
	if r.Identity != "" || len(r.Roles) > 0 {
		list = append(list, fact{"Roles", []string{roles}})
	}
	list = append(list, fact{"Judged", []string{"for " + r.Use + " at " + r.At}})
	if q := r.Qualify; q != nil {
		list = append(list, fact{"Qualified", qualifiedLines(q)})
	}
	if r.Service != nil {
		l := r.Service
		list = append(list, fact{"Service", serviceText(l)}, fact{"List", []string{listText(l)}})
	}
	var revoked, path, warnings, degraded []string
	for i := range r.Revocation {
		revoked = append(revoked, statusLine(&r.Revocation[i], s))
	}
	for _, c := range r.Chain {
		path = append(path, clean(c.Subject))
	}
	for _, w := range r.Warnings {
		warnings = append(warnings, s.yellow(string(w.Code))+"  "+clean(readable(w.Detail)))
	}
	for _, d := range r.Degraded {
		degraded = append(degraded, s.yellow(string(d))+"  "+degradedText(d))
	}
	list = append(list, fact{"Revocation", revoked}, fact{"Path", path}, fact{"Warnings", warnings}, fact{"Let pass", degraded})
	if r.ValidUntil != "" {
		list = append(list, fact{"Holds until", []string{r.ValidUntil}})
	}
	return list
}

func qualifiedLines(q *qualificationReport) []string {
	if q.Qualified {
		return []string{"for " + typeText(q.Type) + ", at issuance and now"}
	}
	return []string{
		strings.TrimRight("at issuance: "+q.AtIssuance.conclusionText()+"  "+q.AtIssuance.Reason, " "),
		strings.TrimRight("now:         "+q.AtTime.conclusionText()+"  "+q.AtTime.Reason, " "),
	}
}

func statusLine(a *statusReport, s style) string {
	status := a.Status.String()
	switch a.Status {
	case eidas.StatusGood:
		status = s.green(status)
	case eidas.StatusRevoked:
		status = s.red(status)
	case eidas.StatusUnknown, eidas.StatusNotOwed:
	}
	line := status + ", " + clean(a.Source)
	if a.RevokedAt != nil {
		line += ", revoked " + a.RevokedAt.Format(time.RFC3339)
	}
	if a.ThisUpdate != "" {
		line += ", as of " + a.ThisUpdate
	}
	return line
}

func degradedText(d eidas.Degradation) string {
	switch d {
	case eidas.DegradedServerAuthOnly:
		return "the certificate is not for TLS clients"
	case eidas.DegradedNoPSD2:
		return "the certificate has no PSD2 statement, so it has no roles"
	case eidas.DegradedUnregistered:
		return "the identity is no PSD identity and is not registered"
	case eidas.DegradedLenientClaims:
		return "its statements are malformed in a known way"
	case eidas.DegradedListStale:
		return "the trusted list is past its next update"
	case eidas.DegradedRevocationOff:
		return "nobody was asked whether it is revoked"
	case eidas.DegradedRevocationStale:
		return "the answer about revocation is past its time"
	case eidas.DegradedRevocationUnchecked:
		return "nobody could say whether it is revoked"
	case eidas.DegradedDelegateUnchecked:
		return "it is open whether the responder that was asked is revoked itself"
	}
	return ""
}
