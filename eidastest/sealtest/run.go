package sealtest

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/eidastest"
	"github.com/seed-b953571c/eidas/qseal"
)

// Outcome is what a bank did with an attack, or with its twin.
type Outcome struct {
	Attack *Attack
	Twin   bool
	// Status of the answer; zero where the connection ended without one.
	Status int
	// Body of the answer, the beginning of it.
	Body []byte
	// Wrong is what is wrong with the answer, "" when nothing is.
	Wrong string
}

// exchangeTimeout ends an exchange with a bank that does not answer.
const exchangeTimeout = 20 * time.Second

// Run sends every attack on a profile, and every twin, to a bank over mutual TLS,
// and fails the test with a list of those that got the wrong answer. The bank is
// given as eidastest.World.Serve takes it, with its own handler and TLS hooks.
//
// An attack must be refused with a status of 400 to 499, or the one of its
// reason; where the answer has the text of a qseal.Reason, as those of
// qseal.Profile.WriteRefusal have, it must be the text of Want. A twin must be
// answered with 200 to 299.
func (k *Kit) Run(tb eidastest.TB, p qseal.Profile, under *http.Server) {
	tb.Helper()
	outcomes, err := k.Play(context.Background(), p, under)
	if err != nil {
		tb.Fatalf("%v", err)
	}
	var wrong []string
	for _, o := range outcomes {
		if o.Wrong != "" {
			wrong = append(wrong, o.String())
		}
	}
	if n := k.Dialled(); n > 0 {
		wrong = append(wrong, fmt.Sprintf("18: somebody followed a URL in a message, %d times", n))
	}
	if len(wrong) > 0 {
		tb.Fatalf("%d of %d answers are wrong:\n%s", len(wrong), len(outcomes), strings.Join(wrong, "\n"))
	}
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
	return fmt.Sprintf("%s %s: %s", kind, o.Attack, verdict)
}

// Play is Run for programs that are no tests: it returns what the bank did, in
// order. Where the twin of an attack is the lawful message of the profile, without
// any change, that is sent once for all. What needs HTTP/2 is left out where the
// bank does not speak it. The error is one of the kit, that of ctx, or that of a
// server that could not be started.
func (k *Kit) Play(ctx context.Context, p qseal.Profile, under *http.Server) ([]Outcome, error) {
	attacks := k.Attacks(p)
	if len(attacks) == 0 {
		return nil, fmt.Errorf("sealtest: no attacks on profile %q", p.Name())
	}
	server, err := k.world.Serve(under)
	if err != nil {
		return nil, err
	}
	defer server.Close()
	out := make([]Outcome, 0, 2*len(attacks))
	plain := false
	for _, a := range attacks {
		for _, twin := range []bool{false, true} {
			if twin && a.row.twin == nil && a.row.twinAhead == nil {
				if plain {
					continue // it would be the same again
				}
				plain = true
			}
			o, err := k.play(ctx, a, played{strings.TrimPrefix(server.URL, "https://"), twin})
			if errors.Is(err, errNoHTTP2) {
				continue
			}
			if err != nil {
				return nil, fmt.Errorf("%s: %w", a, err)
			}
			out = append(out, *o)
		}
	}
	return out, nil
}

// played is what is sent where.
type played struct {
	address string
	twin    bool
}

func (k *Kit) play(ctx context.Context, a *Attack, p played) (*Outcome, error) {
	o := &Outcome{Attack: a, Twin: p.twin}
	messages, err := a.Messages()
	if p.twin {
		messages, err = a.Twin()
	}
	if err != nil {
		return nil, err
	}
	for i, m := range messages {
		o.Status, o.Body, err = k.send(ctx, p.address, m)
		if errors.Is(err, errNoHTTP2) {
			return nil, err
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if i < len(messages)-1 {
			if !passed(o.Status) {
				o.Wrong = fmt.Sprintf("the lawful message ahead got status %d, %.200q", o.Status, o.Body)
				return o, nil
			}
			continue
		}
		if p.twin {
			if !passed(o.Status) {
				o.Wrong = fmt.Sprintf("lawful, and got status %d, %.200q", o.Status, o.Body)
			}
			return o, nil
		}
	}
	o.Wrong = a.judge(o.Status, o.Body)
	return o, nil
}

func passed(status int) bool { return status >= 200 && status < 300 }

// judge says what is wrong with an answer to the attack.
func (a *Attack) judge(status int, body []byte) string {
	switch {
	case passed(status):
		return "LET IN, want " + a.wanted()
	case a.Want == 0 && (status == 0 || status == http.StatusBadRequest):
		return ""
	case status == 0:
		return "the connection ended without an answer, want " + a.wanted()
	}
	if got := textOf(body); isReason(got) {
		if got != a.wanted() {
			return fmt.Sprintf("refused for %q, want %q", got, a.wanted())
		}
		return ""
	}
	wanted, _ := (&qseal.Error{Reason: a.Want}).BerlinGroup()
	if status == wanted || status >= 400 && status < 500 {
		return ""
	}
	return fmt.Sprintf("status %d, want %s", status, a.wanted())
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

// isReason reports a text of package qseal.
func isReason(text string) bool {
	for _, r := range qseal.Reasons() {
		if text == r.Error() || strings.HasPrefix(text, r.Error()+": ") {
			return true
		}
	}
	return false
}

// Refusal returns the reasons in the answer of a bank that writes refusals with
// qseal.Profile.WriteRefusal, zero where there are none.
func (o *Outcome) Refusal() (qseal.Reason, eidas.Reason) {
	text := textOf(o.Body)
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
