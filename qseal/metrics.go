package qseal

import (
	"context"
	"fmt"
	"log/slog"
	"strings"
	"unicode"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/seed-b953571c/eidas"
)

// metrics counts verdicts about messages. Every label has a closed set of
// values and none is chosen by a peer. All series exist from the start.
type metrics struct {
	verdicts *prometheus.CounterVec // by reason, "none" where accepted
	quirks   *prometheus.CounterVec
	replay   prometheus.Counter
}

// reasonNone is the reason of an accepted seal.
const reasonNone = "none"

func newMetrics(r prometheus.Registerer, p Profile) (*metrics, error) {
	options := func(name, help string) prometheus.CounterOpts {
		return prometheus.CounterOpts{
			Namespace: "eidas", Subsystem: "qseal", Name: name, Help: help,
			ConstLabels: prometheus.Labels{"profile": p.name},
		}
	}
	m := &metrics{
		verdicts: prometheus.NewCounterVec(options("verdicts_total", "Verdicts about sealed messages."), []string{"reason"}),
		quirks:   prometheus.NewCounterVec(options("quirks_total", "Seals accepted with a deviation from their standard."), []string{"quirk"}),
		replay:   prometheus.NewCounter(options("replay_store_failures_total", "Seals of which the replay store could not tell whether they are new.")),
	}
	m.verdicts.WithLabelValues(reasonNone)
	for _, reason := range Reasons() {
		m.verdicts.WithLabelValues(reason.String())
	}
	for _, name := range p.known.Names() {
		m.quirks.WithLabelValues(name)
	}
	if r == nil {
		return m, nil
	}
	for _, c := range [...]prometheus.Collector{m.verdicts, m.quirks, m.replay} {
		if err := r.Register(c); err != nil {
			return nil, fmt.Errorf("qseal: register metrics: %w", err)
		}
	}
	return m, nil
}

func (m *metrics) replayFailed() { m.replay.Inc() }

// report counts, logs and returns a verdict, which is the seal without a refusal.
func (v *Verifier) report(ctx context.Context, j *judgement, refusal *Error) (*Seal, error) {
	if refusal == nil {
		v.metrics.verdicts.WithLabelValues(reasonNone).Inc()
		if j.verdict.Quirks != 0 {
			v.reportQuirks(ctx, j.verdict)
		}
		return j.verdict, nil
	}
	v.metrics.verdicts.WithLabelValues(refusal.Reason.String()).Inc()
	level := slog.LevelInfo // any stranger can cause it at will
	switch refusal.Cause() {
	case eidas.CauseSelf, eidas.CauseThirdParty:
		level = slog.LevelWarn
	case eidas.CauseTPP:
	}
	if v.c.Logger.Enabled(ctx, level) {
		v.c.Logger.LogAttrs(ctx, level, "seal refused", slog.String("profile", j.p.name),
			slog.String("reason", refusal.Reason.String()), slog.String("cause", refusal.Cause().String()),
			slog.String("identity", j.peer.String()), slog.String("error", printable(refusal.Error())))
	}
	return nil, refusal
}

// maxLogText bounds a text that may hold words of a message or a certificate.
const maxLogText = 1000

// printable makes a text safe for a log whose handler does not escape.
func printable(s string) string {
	if len(s) > maxLogText {
		s = s[:maxLogText] + "…"
	}
	return strings.Map(func(r rune) rune {
		if unicode.IsPrint(r) {
			return r
		}
		return unicode.ReplacementChar
	}, s)
}

// reportQuirks says which TPP relies on a deviation, so that a bank can ask it
// to mend its software.
func (v *Verifier) reportQuirks(ctx context.Context, s *Seal) {
	for _, name := range s.Quirks.Names() {
		v.metrics.quirks.WithLabelValues(name).Inc()
	}
	v.c.Logger.LogAttrs(ctx, slog.LevelInfo, "seal accepted with quirks", slog.String("profile", s.Profile),
		slog.String("quirks", s.Quirks.String()), slog.String("identity", s.Signer.Identity.String()))
}
