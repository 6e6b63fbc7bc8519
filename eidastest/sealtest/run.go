package sealtest

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/seed-b953571c/eidas/eidastest"
	"github.com/seed-b953571c/eidas/qseal"
)

// Run sends a lawful order, and then every attack on a profile and every twin, to
// a bank over mutual TLS, and fails the test with a list of those that got the
// wrong answer: attacks that were let in first, then lawful messages that were
// refused, then what was refused for another reason. The bank is given as
// eidastest.World.Serve takes it, with its own handler and TLS hooks. The profile
// is the bank's own, with the quirks that it allows: see [Kit.Exclusions].
//
// Let in is what is answered with 200 to 299, or with the redirection (300 to
// 399) that the lawful order got. An attack must not be, and a twin must be. An
// attack must be refused with a status of 400 to 499, or the one of its reason;
// where the answer has the text of a qseal.Reason, as those of
// qseal.Profile.WriteRefusal have, it must be the text of Want. If the lawful
// order is not let in, the test fails with one sentence about that.
//
// A message that strays, by another method or target than the order's, without
// content or with coded content (see [Options].Target), need not be of use to the
// bank. Unless its answer has the text of a qseal.Reason, two kinds of it are the
// word of a route or a handler, and not of a verifier:
//
//   - 300 to 399, 404 and 405, unless that is how the bank refuses an order
//     without a seal. The same message then goes again without its seal. If that
//     gets the same status, the route was chosen before anybody looked at a seal:
//     nobody was let in, and there is nothing to judge. If it gets another one, a
//     verifier let the message in: an attack is reported.
//   - 400, 411, 415 and 422, if the same message without its seal gets a refusal
//     with the text of a qseal.Reason: the bank's refusals have such texts, and
//     this is none. A verifier let the message in: an attack is reported. A bank
//     that refuses in words of its own cannot be told from its handler here, and
//     should be tested with a handler that takes any content.
//
// Run ends with the test's context, and in time to report before the deadline of
// the test.
func (k *Kit) Run(tb eidastest.TB, p qseal.Profile, under *http.Server) {
	tb.Helper()
	ctx, cancel := k.within(tb)
	defer cancel()
	outcomes, err := k.Play(ctx, p, under)
	text := report(outcomes)
	if n := k.Dialled(); n > 0 {
		text += fmt.Sprintf("\n18 %s: somebody followed a URL in a message, %d times", Title(18), n)
	}
	switch {
	case err != nil && len(outcomes) == 0:
		tb.Fatalf("%v", err)
	case err != nil:
		tb.Fatalf("%v; what is known so far: %s", err, cmp.Or(text, "nothing wrong"))
	case text != "":
		tb.Fatalf("%s", text)
	}
}

// within is the context of a test, which ends one message before its deadline: go
// test kills a test that is late, and its report with it.
func (k *Kit) within(tb eidastest.TB) (context.Context, context.CancelFunc) {
	ctx := context.Background()
	if t, ok := tb.(interface{ Context() context.Context }); ok {
		ctx = t.Context()
	}
	if t, ok := tb.(interface{ Deadline() (time.Time, bool) }); ok {
		if at, ends := t.Deadline(); ends {
			return context.WithDeadline(ctx, at.Add(-k.o.Timeout))
		}
	}
	return context.WithCancel(ctx)
}

// fault is a kind of wrong answer, the worst first.
type fault uint8

const (
	faultNone fault = iota
	faultLetIn
	faultRefused
	faultReason
	faultEnd // one past the last
)

// report lists what is wrong, by kind and item; "" when nothing is.
func report(outcomes []Outcome) string {
	headings := [faultEnd]string{
		faultLetIn: "attacks that were let in", faultRefused: "lawful messages that were not let in",
		faultReason: "attacks that were refused otherwise than they should be",
	}
	var of [faultEnd][]Outcome
	wrong := 0
	for _, o := range outcomes {
		if o.Wrong != "" {
			of[o.fault] = append(of[o.fault], o)
			wrong++
		}
	}
	if wrong == 0 {
		return ""
	}
	lines := []string{fmt.Sprintf("%d of %d answers are wrong", wrong, len(outcomes))}
	for f, list := range of {
		if len(list) == 0 {
			continue
		}
		lines = append(lines, fmt.Sprintf("%d %s:", len(list), headings[f]))
		slices.SortStableFunc(list, func(a, b Outcome) int { return cmp.Compare(a.Attack.Item, b.Attack.Item) })
		for i := range list {
			if item := list[i].Attack.Item; i == 0 || item != list[i-1].Attack.Item {
				lines = append(lines, fmt.Sprintf("  %d %s", item, Title(item)))
			}
			lines = append(lines, "    "+list[i].String())
		}
	}
	return strings.Join(lines, "\n")
}
