package sealtest

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/qseal"
)

// Outcome is what a bank did with an attack, or with its twin.
type Outcome struct {
	Attack *Attack
	Twin   bool
	// Method and Target of the message that got the answer.
	Method, Target string
	// Status of the answer; zero where the connection ended without one.
	Status int
	// Body of the answer, the beginning of it.
	Body []byte
	// Wrong is what is wrong with the answer, "" when nothing is.
	Wrong string

	fault fault
}

// String says what is wrong, or that nothing is.
func (o *Outcome) String() string {
	kind, verdict := "attack", o.Wrong
	if o.Twin {
		kind = "twin of"
	}
	if verdict == "" {
		verdict = "as it should be"
	}
	return fmt.Sprintf("%s %s (%s %s): %s", kind, o.Attack, o.Method, o.Target, verdict)
}

// is says what is wrong.
func (o *Outcome) is(f fault, format string, args ...any) {
	o.fault, o.Wrong = f, fmt.Sprintf(format, args...)
}

// Refusal returns the reasons in the answer of a bank that writes refusals with
// qseal.Profile.WriteRefusal, zero where there are none.
func (o *Outcome) Refusal() (qseal.Reason, eidas.Reason) { return reasonsOf(o.Body) }

// reasonsOf reads a refusal of package qseal.
func reasonsOf(body []byte) (qseal.Reason, eidas.Reason) {
	text := textOf(body)
	for _, r := range qseal.Reasons() {
		rest, found := strings.CutPrefix(text, r.Error())
		if !found || rest != "" && !strings.HasPrefix(rest, ": ") {
			continue
		}
		for _, c := range eidas.Reasons() {
			if rest == ": "+c.Error() {
				return r, c
			}
		}
		return r, 0
	}
	return 0, 0
}

// textOf is the text in a refusal of NextGenPSD2 or OBIE.
func textOf(body []byte) string {
	var refusal struct {
		TPPMessages []struct{ Text string }
		Message     string
	}
	if json.Unmarshal(body, &refusal) != nil {
		return ""
	}
	if len(refusal.TPPMessages) == 1 {
		return refusal.TPPMessages[0].Text
	}
	return refusal.Message
}

// wanted is the text of the reason, as refusals have it.
func (a *Attack) wanted() string {
	switch {
	case a.Want == 0:
		return "refused by net/http"
	case a.Cause != 0:
		return a.Want.Error() + ": " + a.Cause.Error()
	}
	return a.Want.Error()
}
