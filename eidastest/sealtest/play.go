package sealtest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/seed-b953571c/eidas/qseal"
)

// maxSilent is how many messages in a row a bank may leave without an answer.
const maxSilent = 3

// Play is Run for programs that are no tests: it returns what the bank did, in
// order. A twin that is the lawful order, without any change, is not sent: the
// order is the first message of all. What needs HTTP/2 is left out where the bank
// does not speak it. The error is one of the kit, that of ctx, or that of a server
// that could not be started, that does not let the lawful order in, or that left
// three messages in a row without an answer; the outcomes until then come with it.
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
	b := &bank{k: k, p: attacks[0].p, address: strings.TrimPrefix(server.URL, "https://")}
	if err := b.meet(ctx); err != nil {
		return nil, err
	}
	out := make([]Outcome, 0, 2*len(attacks))
	for _, a := range attacks {
		for _, twin := range []bool{false, true} {
			if twin && a.row.twin == nil && a.row.twinAhead == nil {
				continue // it would be the order again
			}
			o, err := b.play(ctx, a, twin)
			if errors.Is(err, errNoHTTP2) {
				continue
			}
			if err != nil {
				return out, fmt.Errorf("sealtest: stopped at %s: %w", a, err)
			}
			out = append(out, *o)
			if b.silent == maxSilent {
				return out, fmt.Errorf("sealtest: stopped at %s: %d messages in a row had no answer within %v", a, maxSilent, k.o.Timeout)
			}
		}
	}
	return out, nil
}

// bank is the server under test, and what its answers mean.
type bank struct {
	k       *Kit
	p       *profile
	address string
	order   answer // to the lawful order
	bare    answer // to one without a seal
	silent  int    // messages in a row without an answer in time
}

// answer is what a bank says; status is zero where it says nothing, for err.
type answer struct {
	status int
	body   []byte
	err    error
}

// late is whether the time was over.
func (a *answer) late() bool { return errors.Is(a.err, context.DeadlineExceeded) }

// says is whether it has the text of a qseal.Reason.
func (a *answer) says() bool { r, _ := reasonsOf(a.body); return r != 0 }

// ask sends a message. The error is that of ctx, or errNoHTTP2.
func (b *bank) ask(ctx context.Context, m *Message) (*answer, error) {
	a := new(answer)
	a.status, a.body, a.err = b.k.send(ctx, b.address, m)
	if errors.Is(a.err, errNoHTTP2) {
		return nil, errNoHTTP2
	}
	if ctx.Err() != nil {
		return nil, ctx.Err()
	}
	if a.late() {
		b.silent++
	} else {
		b.silent = 0
	}
	return a, nil
}

// unseal is a message without its seal.
func (b *bank) unseal(m *Message) *Message {
	bare := *m
	bare.Lines = slices.Clone(m.Lines)
	for _, name := range b.p.seal {
		bare.Lines = remove(bare.Lines, name)
	}
	return &bare
}

// play sends an attack or a twin and judges the answer.
func (b *bank) play(ctx context.Context, a *Attack, twin bool) (*Outcome, error) {
	o := &Outcome{Attack: a, Twin: twin}
	messages, err := a.Messages()
	if twin {
		messages, err = a.Twin()
	}
	if err != nil {
		return nil, err
	}
	for i, m := range messages {
		got, err := b.ask(ctx, m)
		if err != nil {
			return nil, err
		}
		o.Method, o.Target, o.Status, o.Body = m.Method, m.Target, got.status, got.body
		was, err := b.verdict(ctx, m, got)
		if err != nil {
			return nil, err
		}
		attack := !twin && i == len(messages)-1
		switch {
		case attack:
			b.judge(o, got, was)
		case was == refused && i < len(messages)-1:
			o.is(faultRefused, "the lawful message ahead got %s", b.said(got))
			return o, nil
		case was == refused:
			o.is(faultRefused, "lawful, and got %s", b.said(got))
		}
	}
	return o, nil
}

// said is an answer in words.
func (b *bank) said(a *answer) string {
	switch {
	case a.late():
		return fmt.Sprintf("no answer within %v", b.k.o.Timeout)
	case a.status == 0:
		return fmt.Sprintf("no answer: %v", a.err)
	}
	return fmt.Sprintf("status %d, %.200q", a.status, a.body)
}

// verdict is what became of a message.
type verdict uint8

const (
	refused verdict = iota
	letIn
	aside // a route was chosen before anybody looked at the seal
)

// verdict is the rule of Run.
func (b *bank) verdict(ctx context.Context, m *Message, got *answer) (verdict, error) {
	if passed(got.status) || got.status != 0 && got.status == b.order.status {
		return letIn, nil
	}
	// Unless that is how the bank refuses an order without a seal.
	route := got.status != b.bare.status &&
		(redirects(got.status) || got.status == http.StatusNotFound || got.status == http.StatusMethodNotAllowed)
	content := slices.Contains([]int{
		http.StatusBadRequest, http.StatusLengthRequired, http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity,
	}, got.status)
	if !m.strays || got.says() || !route && !content {
		return refused, nil
	}
	bare, err := b.ask(ctx, b.unseal(m))
	switch {
	case err != nil:
		return refused, err
	case route && bare.status == got.status:
		return aside, nil
	case route || bare.says():
		return letIn, nil
	}
	return refused, nil
}

func passed(status int) bool    { return status >= 200 && status < 300 }
func redirects(status int) bool { return status >= 300 && status < 400 }

// judge says what is wrong with the answer to an attack.
func (b *bank) judge(o *Outcome, got *answer, was verdict) {
	a := o.Attack
	status, _ := (&qseal.Error{Reason: a.Want}).BerlinGroup()
	switch {
	case was == letIn:
		o.is(faultLetIn, "LET IN with status %d, want %s", got.status, a.wanted())
	case was == aside:
	case a.Want == 0 && got.status == http.StatusBadRequest, a.Want == 0 && got.status == 0 && !got.late():
	case got.status == 0:
		o.is(faultReason, "%s, want %s", b.said(got), a.wanted())
	case got.says():
		if text := textOf(got.body); text != a.wanted() {
			o.is(faultReason, "refused for %q, want %q", text, a.wanted())
		}
	case got.status != status && (got.status < 400 || got.status > 499):
		o.is(faultReason, "status %d, want %s", got.status, a.wanted())
	}
}
