package qwac

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"encoding/hex"
	"log/slog"
	"strings"
	"unicode"

	"github.com/seed-b953571c/eidas"
)

// verdict is one of the two, never both.
type verdict struct {
	result  *eidas.Result
	refusal *eidas.Error
}

// evidence is what there is to say about the peer, nil when nothing is.
func (d verdict) evidence() *eidas.Evidence {
	if d.result != nil {
		return &d.result.Evidence
	}
	return d.refusal.Partial
}

// level of a verdict: what somebody here must look at stands out, and what any
// stranger can cause at will does not.
func (d verdict) level() slog.Level {
	switch {
	case d.result != nil:
		return slog.LevelDebug
	case d.refusal.Reason == eidas.ReasonInternal:
		return slog.LevelError
	case d.refusal.Reason.Cause() == eidas.CauseTPP:
		return slog.LevelInfo
	default:
		return slog.LevelWarn
	}
}

// report logs a verdict under stable keys.
func (v *Verifier) report(ctx context.Context, h hook, peer []*x509.Certificate, d verdict) {
	level := d.level()
	if v.deferred && h == hookConnection {
		level = slog.LevelDebug // the verdict that counts comes with the request
	}
	if !v.logger.Enabled(ctx, level) {
		return
	}
	attrs := []slog.Attr{slog.String("event", "verdict"), slog.String("hook", string(h))}
	if len(peer) > 0 && peer[0] != nil {
		sum := sha256.Sum256(peer[0].Raw)
		attrs = append(attrs, slog.String("sha256", hex.EncodeToString(sum[:])))
	}
	if e := d.evidence(); e != nil && !e.Identity.IsZero() {
		key := "claimed_identity"
		if h == hookRequest && d.result != nil {
			key = "identity"
		}
		attrs = append(attrs, slog.String(key, e.Identity.String()))
	}
	if d.refusal == nil {
		v.logger.LogAttrs(ctx, level, "peer accepted", attrs...)
		return
	}
	attrs = append(attrs,
		slog.String("reason", d.refusal.Reason.String()),
		slog.String("cause", d.refusal.Reason.Cause().String()),
		slog.String("error", printable(d.refusal.Error())))
	v.logger.LogAttrs(ctx, level, "peer refused", attrs...)
}

// maxLogText bounds a text that may hold words of a certificate.
const maxLogText = 512

// printable makes a text safe for a log whose handler does not escape: a
// certificate may hold line breaks and terminal controls.
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
