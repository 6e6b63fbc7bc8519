package main

import (
	"context"
	"flag"
	"fmt"
	"strings"
	"time"

	"github.com/seed-b953571c/eidas"
)

func demoCommand() *command {
	return &command{
		name:    "demo",
		usage:   "[flags]",
		summary: "see it work: a bank, a TPP that rotates, an impostor, a revocation; offline",
		about: `
Plays the main job in this process, offline, over real TLS handshakes on the
loopback interface: a small EU of its own with signed trusted lists, QTSPs and
OCSP responders; a bank's server guarded by the library; and those who come to
it. Nothing is staged: each line says what the library decided. The demo checks
each decision against the right one.

With --json, one object on one line for each step:
  step, title, decision, reason, identity, roles[], provider, territory, client,
  connection                     full, resumed, resumption_declined or open
  detail, ok                     ok: the decision was the right one`,
		exits: `  0  every decision was right
  1  some decision was wrong
  2  the demo could not run`,
		examples: []string{"eidas demo", "NO_COLOR=1 eidas demo", "eidas demo --json | jq ."},
		define: func(*flag.FlagSet) action {
			return func(ctx context.Context, e *env, operands []string) (int, error) {
				if len(operands) > 0 {
					return 0, usagef("unexpected argument %q", operands[0])
				}
				return e.demo(ctx)
			}
		},
	}
}

// The cast. The identity is of no authorisation that exists.
const (
	demoIdentity = "PSDLT-BL-EX000042"
	demoCountryA = "LT"
	demoCountryB = "DE"
	demoQTSPA    = "Vilnius Trust Services"
	demoQTSPB    = "Rhine Trust Centre"
	demoTPP      = "UAB Example Payments"
)

// scene is one step of the demo: who comes, and what has to be decided.
type scene struct {
	title string
	story []string
	// play does it. Its error means that the demo itself is broken.
	play func(ctx context.Context) (*outcome, error)
	want eidas.Reason // to be refused for; 0: to be let in
	// over is how the request has to reach the bank; empty: in a full handshake.
	over  connection
	moral string
}

// connection says how a request reached the bank.
type connection string

const (
	overFull     connection = "full"                // a full handshake
	overResumed  connection = "resumed"             // a resumed session
	overDeclined connection = "resumption_declined" // a full handshake, though the client offered to resume
	overOpen     connection = "open"                // no handshake
)

// outcome is what a scene came to.
type outcome struct {
	result      *eidas.Result // what the bank decided: this,
	refusal     *eidas.Error  // or this
	certificate string        // that was presented
	over        connection
	client      string // what the client saw of it
}

// demoReport is the JSON of one step.
type demoReport struct {
	Step       int        `json:"step"`
	Title      string     `json:"title"`
	Decision   string     `json:"decision"`
	Reason     string     `json:"reason"`
	Identity   string     `json:"identity"`
	Roles      []string   `json:"roles"`
	Provider   string     `json:"provider"`
	Territory  string     `json:"territory"`
	Connection connection `json:"connection"`
	Client     string     `json:"client"`
	Detail     string     `json:"detail,omitempty"`
	OK         bool       `json:"ok"`
}

func (e *env) demo(ctx context.Context) (int, error) {
	began := time.Now()
	stage, err := newStage() //nolint:contextcheck // building the world takes no time that one would cut short
	if err != nil {
		return 0, err
	}
	defer stage.close()
	if err := e.showPrologue(ctx, stage); err != nil {
		return 0, err
	}
	wrong := 0
	for i, sc := range stage.scenes() {
		if err := ctx.Err(); err != nil {
			return 0, err
		}
		r, o, err := playScene(ctx, i+1, &sc)
		if err != nil {
			return 0, fmt.Errorf("step %d: %w", i+1, err)
		}
		if !r.OK {
			wrong++
		}
		if err := e.showScene(&sc, r, o); err != nil {
			return 0, err
		}
	}
	if !e.json {
		took := time.Since(began)
		if err := e.print(epilogue(wrong, took, e.style)); err != nil {
			return 0, err
		}
	}
	if wrong > 0 {
		return exitRefused, nil
	}
	return exitAccepted, nil
}

func (e *env) showPrologue(ctx context.Context, st *stage) error {
	if e.json {
		return nil
	}
	text, err := st.prologue(ctx, e.style)
	if err != nil {
		return err
	}
	return e.print(text)
}

func playScene(ctx context.Context, step int, sc *scene) (*demoReport, *outcome, error) {
	o, err := sc.play(ctx)
	if err != nil {
		return nil, nil, err
	}
	r := &demoReport{Step: step, Title: sc.title, Roles: []string{}, Connection: o.over, Client: o.client}
	var got eidas.Reason
	if o.refusal != nil {
		got = o.refusal.Reason
		r.Decision, r.Reason, r.Detail = refuse, got.String(), plain(o.refusal.Error())
	} else {
		r.Decision, r.Identity = accept, o.result.Identity.String()
		r.Roles = append(r.Roles, o.result.Roles.Names()...)
		r.Provider, r.Territory = eidas.English(o.result.Service.Provider.Names), o.result.Service.List.Territory
	}
	if sc.over == "" {
		sc.over = overFull
	}
	served := strings.HasPrefix(o.client, "HTTP 200")
	r.OK = got == sc.want && o.over == sc.over && served == (sc.want == 0) && (got != 0 || r.Identity == demoIdentity)
	return r, o, nil
}

func (e *env) showScene(sc *scene, r *demoReport, o *outcome) error {
	if e.json {
		return e.emit(r)
	}
	s := e.style
	var b strings.Builder
	fmt.Fprintf(&b, "\n%s\n", s.bold(fmt.Sprintf("%d  %s", r.Step, r.Title)))
	for _, line := range sc.story {
		b.WriteString("   " + line + "\n")
	}
	list := []fact{
		{"certificate", []string{clean(o.certificate)}},
		{"connection", []string{connectionText(o.over)}},
		{"client saw", []string{clean(o.client)}},
	}
	if o.refusal != nil {
		list = append(list, fact{"decision", []string{s.red("refused") + "  " + o.refusal.Reason.Error() + s.dim("  ("+r.Reason+")")}})
	} else {
		list = append(list, fact{"decision", acceptedLines(o.result, s)})
	}
	if sc.moral != "" {
		list = append(list, fact{"so", []string{sc.moral}})
	}
	b.WriteString(indentBlock(facts(s, list)))
	if !r.OK {
		b.WriteString("   " + s.red("WRONG: ") + wanted(sc) + "\n")
	}
	return e.print(b.String())
}

func connectionText(c connection) string {
	switch c {
	case overFull:
		return "a full handshake"
	case overResumed:
		return "a resumed session"
	case overDeclined:
		return "a session to resume, which the bank declined; then a full handshake"
	case overOpen:
		return "the one that was open already"
	}
	return string(c)
}

// acceptedLines says who was let in and why.
func acceptedLines(result *eidas.Result, s style) []string {
	v := newServiceReport(result.Service, result.Qualification.AtTime.Period)
	lines := []string{
		s.green("let in") + "  " + s.bold(clean(result.Identity.String())) + "  " + strings.Join(result.Roles.Names(), ", "),
		"qualified for " + typeText(result.Qualification.Type) + ", at issuance and now",
		"issued by " + clean(v.Provider) + ", " + clean(v.Status) + " on the list of " + clean(v.Territory),
	}
	for i := range result.Status {
		lines = append(lines, "not revoked: its responder says "+result.Status[i].Status.String())
	}
	return lines
}

func wanted(sc *scene) string {
	verdict := "let in"
	if sc.want != 0 {
		verdict = "refused for " + sc.want.String()
	}
	return "it had to be " + verdict + ", over " + connectionText(sc.over)
}

// indentBlock puts a block one column further in.
func indentBlock(text string) string {
	return " " + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n ") + "\n"
}

func epilogue(wrong int, took time.Duration, s style) string {
	if wrong > 0 {
		return fmt.Sprintf("\n%s in %s.\n", s.red("Wrongly decided: "+count(wrong, "step")), took.Round(time.Millisecond))
	}
	return fmt.Sprintf("\n%s, in %s. The bank's configuration never changed: one identity, one role.\n",
		s.green("Every decision was right"), took.Round(time.Millisecond))
}
