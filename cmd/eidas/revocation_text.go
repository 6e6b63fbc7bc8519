package main

import (
	"strings"
	"time"

	"github.com/seed-b953571c/eidas"
)

func (e *env) showRevocation(r *revocationReport) error {
	if e.json {
		return e.emit(r)
	}
	return e.print(revocationText(r, e.style))
}

func revocationText(r *revocationReport, s style) string {
	var b strings.Builder
	switch r.Status {
	case eidas.StatusGood:
		b.WriteString(s.green("good") + "\n")
	case eidas.StatusNotOwed:
		b.WriteString(s.green("not owed") + "  the issuer publishes no revocation information about such certificates\n")
	case eidas.StatusRevoked:
		b.WriteString(s.red("revoked") + "  " + s.bold(r.RevocationReason) + "\n")
	case eidas.StatusUnknown:
		b.WriteString(s.red("unknown") + "  " + s.bold(r.Reason) + "\n  " + clean(readable(r.Detail)) + "\n")
	}
	b.WriteString(facts(s, revocationFacts(r)))
	return b.String()
}

func revocationFacts(r *revocationReport) []fact {
	var list []fact
	add := func(label, text string) {
		if text != "" {
			list = append(list, fact{label, []string{clean(text)}})
		}
	}
	moment := func(label string, t *time.Time) {
		if t != nil {
			add(label, t.Format(time.RFC3339))
		}
	}
	add("Certificate", r.Subject)
	add("Serial", r.Serial)
	moment("Revoked", r.RevokedAt)
	moment("Invalid since", r.InvalidityDate)
	if r.NonIssued {
		add("Never issued", "the issuer has no such certificate")
	}
	moment("As of", r.ThisUpdate)
	moment("Next update", r.NextUpdate)
	add("Signed by", r.Responder)
	if r.ResponderUnchecked {
		add("Let pass", "it is open whether the responder is revoked itself")
	}
	if r.Rule != "" {
		add("Rule", r.Rule+", "+r.Clause)
	}
	add("Judged", "at "+r.At.Format(time.RFC3339))
	return list
}
