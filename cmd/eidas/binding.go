package main

import (
	"context"
	"crypto/x509"
	"errors"
	"flag"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/qseal"
)

func bindingVerifyCommand() *command {
	return &command{
		name:    "binding verify",
		usage:   "--tls CHAIN [flags] BINDING",
		summary: "verify a TLS certificate binding: does a 2-QWAC name this TLS certificate",
		about: `
Verifies BINDING, the JWS of ETSI TS 119 411-5, annex B, that a site offers by
Link: rel="tls-certificate-binding": its form, its times, its signature by the
2-QWAC in it, and that it names the first certificate of --tls.

With --world it also decides whether the 2-QWAC is qualified for website
authentication, by the trusted lists of DIR; --intermediate adds certificates of
CAs that the binding does not bring. Then it asks over the network whether the
2-QWAC is revoked, as 'eidas verify' does, unless --revocation off. Without --world
the chain is a mere claim, and nobody is asked.

With --json, one object:
  decision              accept or refuse
  reason, detail        code and text of the refusal, "" when accepted
  algorithm, hash       of the signature and of the digests
  bound                 number of TLS certificates that are named
  issued_at, expires_at null when the binding does not say
  chain[{subject,sha256,not_after}]   of the signer, the 2-QWAC first
  qualification{…}      as in 'eidas qualify'; null without --world
  revocation[{…}]       as in 'eidas verify'; empty when nobody was asked, and
                        when the binding is refused
  tls{subject,sha256,not_after}, at`,
		exits: `  0  accepted
  1  refused
  2  usage or input error`,
		examples: []string{
			"eidas binding verify --world data/worlds/eu-2026 --tls server.pem binding.jws",
			"eidas binding verify --tls server.pem --at 2026-04-01 --allow-no-expiry --json binding.jws",
		},
		define: func(fs *flag.FlagSet) action {
			b := &bindingFlags{}
			b.world.define(fs)
			b.defineRevocation(fs)
			defineIntermediates(fs, &b.intermediates)
			fs.StringVar(&b.tls, "tls", "", "`CHAIN` that the server presented, its own certificate first; PEM or DER")
			fs.Var(&b.at, "at", "`TIME` of judgement, RFC 3339, a date or Unix seconds (default now)")
			fs.BoolVar(&b.options.AllowNoExpiry, "allow-no-expiry", false, "accept a binding without exp, as browsers do")
			return func(ctx context.Context, e *env, operands []string) (int, error) {
				return e.verifyBinding(ctx, b, operands)
			}
		},
	}
}

type bindingFlags struct {
	world   worldFlags
	tls     string
	at      timeFlag
	options qseal.BindingOptions

	revocationFlags
	intermediates []string
}

// bindingReport is the JSON of "binding verify".
type bindingReport struct {
	Decision  string       `json:"decision"`
	Reason    string       `json:"reason"`
	Detail    string       `json:"detail,omitempty"`
	Algorithm string       `json:"algorithm"`
	Hash      string       `json:"hash"`
	Bound     int          `json:"bound"`
	IssuedAt  *time.Time   `json:"issued_at"`
	ExpiresAt *time.Time   `json:"expires_at"`
	Chain     []certReport `json:"chain"`
	TLS       certReport   `json:"tls"`

	Qualification *qualificationReport `json:"qualification"`
	Revocation    []statusReport       `json:"revocation"`
	At            time.Time            `json:"at"`

	advice string // what may be done about it, "" for nothing
}

func (e *env) verifyBinding(ctx context.Context, b *bindingFlags, operands []string) (int, error) {
	switch {
	case b.tls == "":
		return 0, usagef("--tls is required")
	case len(operands) != 1:
		return 0, usagef("one BINDING is needed, not %d", len(operands))
	case b.tls == stdinName && operands[0] == stdinName:
		return 0, usagef("only one of --tls and BINDING can be standard input")
	}
	tls, err := e.readChain([]string{b.tls})
	if err != nil {
		return 0, err
	}
	text, err := e.readInput(operands[0], maxInputSize)
	if err != nil {
		return 0, fmt.Errorf("%s: %w", operands[0], err)
	}
	at := b.at.Time
	if at.IsZero() {
		at = time.Now()
	}
	set, err := e.bindingServices(ctx, b)
	if err != nil {
		return 0, err
	}
	intermediates, err := e.readIntermediates(b.intermediates, set != nil)
	if err != nil {
		return 0, err
	}
	checker, err := b.checkerOver(set)
	if err != nil {
		return 0, err
	}
	ctx, cancel := context.WithTimeout(ctx, b.timeout)
	defer cancel()
	r, err := newBindingReport(ctx, &bindingInput{text, tls, at, b.options, set, intermediates, checker})
	if err != nil {
		return 0, err
	}
	if err := e.showBinding(r); err != nil {
		return 0, err
	}
	if r.Decision != accept {
		return exitRefused, nil
	}
	return exitAccepted, nil
}

// checkerOver is the checker of the flags; nil when nobody is to be asked, as where
// no lists prove whose URLs a binding holds.
func (b *bindingFlags) checkerOver(set *eidas.ServiceSet) (eidas.StatusChecker, error) {
	checker, err := b.checker()
	switch {
	case err != nil:
		return nil, err
	case set == nil && (checker == nil || b.revocation != "auto" || len(b.private) > 0 || b.anyPort || b.proxy != ""):
		return nil, usagef("the --revocation flags need --world")
	case set == nil || checker == nil:
		return nil, nil
	}
	return checker, nil
}

// bindingServices loads the trusted lists, nil when no world was given.
func (e *env) bindingServices(ctx context.Context, b *bindingFlags) (*eidas.ServiceSet, error) {
	if b.world.dir == "" && len(b.world.anchors.names) == 0 && b.world.anchors.lotl == "" {
		return nil, nil // no lists were asked for
	}
	w, err := openWorld(&b.world)
	if err != nil {
		return nil, err
	}
	defer func() { _ = w.folder.Close() }()
	snapshot, err := w.loadOwnTime(ctx, e.stderr)
	if err != nil {
		return nil, err
	}
	return snapshot.Services(), nil
}

// bindingInput is what a binding is judged by. set is nil when it is not to be
// judged by trusted lists.
type bindingInput struct {
	text    []byte
	tls     []*x509.Certificate
	at      time.Time
	options qseal.BindingOptions
	set     *eidas.ServiceSet
	more    []*x509.Certificate // of CAs, beside those in the binding
	checker eidas.StatusChecker // nil asks nobody
}

// newBindingReport verifies a binding. A line break at its end is the editor's.
func newBindingReport(ctx context.Context, in *bindingInput) (*bindingReport, error) {
	r := &bindingReport{Decision: accept, Chain: []certReport{}, Revocation: []statusReport{}, TLS: chainReport(in.tls[:1])[0], At: in.at.UTC()}
	binding, err := qseal.VerifyBinding([]byte(strings.TrimRight(string(in.text), "\r\n")), in.tls, in.at, in.options)
	if err != nil {
		return r, r.refuse(err)
	}
	r.Algorithm, r.Hash, r.Bound = binding.Algorithm.String(), binding.Hash, binding.Bound
	r.IssuedAt, r.ExpiresAt = timeOrNil(binding.IssuedAt), timeOrNil(binding.ExpiresAt)
	r.Chain = chainReport(binding.Chain)
	if in.set == nil {
		return r, nil
	}
	whole := *binding
	whole.Chain = slices.Concat(binding.Chain, in.more)
	return r, r.judge(ctx, &whole, in)
}

// judge decides about the 2-QWAC by trusted lists, and asks whether it is revoked.
func (r *bindingReport) judge(ctx context.Context, binding *qseal.Binding, in *bindingInput) error {
	q, err := binding.Qualify(in.set, in.at)
	if !q.AtTime.At.IsZero() {
		r.Qualification = newQualificationReport(&q)
	}
	if err == nil && in.checker != nil {
		var answers []eidas.StatusAnswer
		answers, err = binding.CheckStatus(ctx, in.checker, in.set, in.at)
		r.Revocation = statusReports(answers)
	}
	r.advice = adviceOnSealer(err, len(in.more))
	if err != nil {
		return r.refuse(err)
	}
	return nil
}

// refuse notes a refusal; any other error is returned.
func (r *bindingReport) refuse(err error) error {
	refusal, ok := errors.AsType[*qseal.Error](err)
	if !ok {
		return err
	}
	r.Decision, r.Reason, r.Detail = refuse, refusal.Reason.String(), plain(refusal.Error())
	return nil
}

func (e *env) showBinding(r *bindingReport) error {
	if e.json {
		return e.emit(r)
	}
	return e.print(bindingText(r, e.style))
}

func bindingText(r *bindingReport, s style) string {
	var b strings.Builder
	if r.Decision == accept {
		b.WriteString(s.green("accepted") + "  the binding names this TLS certificate\n")
	} else {
		b.WriteString(s.red("refused") + "  " + s.bold(r.Reason) + "\n  " + clean(readable(r.Detail)) + "\n")
		if r.advice != "" {
			b.WriteString("  Hint: " + r.advice + "\n")
		}
	}
	list := []fact{
		{"TLS", []string{clean(r.TLS.Subject)}},
		{"Judged", []string{"at " + r.At.Format(time.RFC3339)}},
	}
	if r.Decision == accept {
		list = append(list, fact{"Signed", []string{r.Algorithm + ", " + fmt.Sprintf("%d certificates by %s", r.Bound, r.Hash)}})
	}
	for _, t := range []struct {
		name string
		at   *time.Time
	}{{"Issued", r.IssuedAt}, {"Holds until", r.ExpiresAt}} {
		if t.at != nil {
			list = append(list, fact{t.name, []string{t.at.Format(time.RFC3339)}})
		}
	}
	var path []string
	for _, c := range r.Chain {
		path = append(path, clean(c.Subject))
	}
	trust := "not judged: no --world"
	if q := r.Qualification; q != nil {
		trust = q.Conclusion + ", " + typeText(q.Type)
	}
	revoked := []string{}
	for i := range r.Revocation {
		revoked = append(revoked, statusLine(&r.Revocation[i], s))
	}
	if r.Decision == accept && len(revoked) == 0 {
		revoked = []string{"not asked"}
	}
	list = append(list, fact{"2-QWAC", path}, fact{"Qualified", []string{trust}}, fact{"Revocation", revoked})
	return b.String() + facts(s, list)
}
