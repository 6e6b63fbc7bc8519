package sealtest

import (
	"context"
	"fmt"

	"github.com/seed-b953571c/eidas/qseal"
)

// meet sends a lawful order, and one without a seal, to learn the bank's answers.
// The error is one sentence about a bank that cannot be tested: a single mistake
// would make every row of a report wrong.
func (b *bank) meet(ctx context.Context) error {
	order, err := b.k.newDraft(b.p, newID()).seal()
	if err != nil {
		return err
	}
	got, err := b.ask(ctx, order)
	if err != nil {
		return err
	}
	b.order = *got
	if !passed(got.status) && !redirects(got.status) {
		return b.cannot(order, got)
	}
	if got, err = b.ask(ctx, b.unseal(order)); err != nil {
		return err
	}
	b.bare = *got
	if redirects(got.status) && got.status == b.order.status {
		return fmt.Errorf("sealtest: %s %s is answered with status %d, sealed or not: look at Options.Target, and whether the verifier is before what redirects",
			order.Method, order.Target, got.status)
	}
	return nil
}

// cannot says what the bank did with the lawful order, and where to look.
func (b *bank) cannot(order *Message, got *answer) error {
	roles := fmt.Sprintf("Options.Roles (%s), one of which its policy must require", b.k.o.Roles)
	reason, _ := reasonsOf(got.body)
	look := "what it says"
	switch {
	case got.late():
		look = "what its handler waits for, and Options.Timeout"
	case got.status == 0:
		look = roles + ", the TLS hooks, and whether its handler panics"
	case reason == 0:
		look = roles + ", and whether its handler takes the order (Options.Target)"
	case reason == qseal.ReasonCertificate:
		look = roles + ", and the lists that it trusts, which must be the world's"
	case reason == qseal.ReasonPeer || reason == qseal.ReasonPeerMissing:
		look = "what tells it who is on the connection (qseal.Config.Peer)"
	case reason == qseal.ReasonCertificateMissing || reason == qseal.ReasonCertificateUnresolved:
		look = "its resolver, which must know Kit.Files"
	}
	return fmt.Errorf("sealtest: the bank does not let in a lawful order of %s, %s %s, which got %s: look at whether that is its profile, and at %s",
		b.p.id, order.Method, order.Target, b.said(got), look)
}
