package qwac

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/seed-b953571c/eidas"
)

// hook says where a verdict was asked for. The set is closed; it is a metric label.
type hook string

const (
	hookCertificate hook = "certificate" // VerifyPeerCertificate, of full handshakes
	hookConnection  hook = "connection"  // VerifyConnection, of every handshake
	hookSession     hook = "session"     // before a session is resumed
	hookRequest     hook = "request"     // Handler; the peer has proved its key
)

var hooks = [...]hook{hookCertificate, hookConnection, hookSession, hookRequest}

// index is the place of h in hooks.
func (h hook) index() int {
	for i := range hooks {
		if hooks[i] == h {
			return i
		}
	}
	return 0 // there is no other hook
}

// quickVerdict is what a verdict gets that may not wait on the network: the
// work of 12 signature checks with a wide margin for a busy machine.
const quickVerdict = 100 * time.Millisecond

// refuse reports a refusal that needed no Validator.
func (v *Verifier) refuse(ctx context.Context, h hook, refusal *eidas.Error) {
	v.metrics.refused(h, refusal)
	v.report(ctx, h, nil, verdict{refusal: refusal})
}

// judge decides about a chain, from memory if that will do, and reports the
// verdict. It never returns both nil. key is that of peer.
func (v *Verifier) judge(ctx context.Context, h hook, key chainKey, peer []*x509.Certificate) (*eidas.Result, *eidas.Error) {
	start := now()
	d := v.decisions.get(key)
	if result := v.recheck(d, start); result != nil {
		v.metrics.remembered(h, result)
		v.report(ctx, h, peer, verdict{result: result})
		return result, nil
	}
	result, refusal := v.judgeAnew(ctx, h, peer, start)
	if refusal == nil && d != nil {
		d.keep(result, start)
	}
	return result, refusal
}

// judgeAnew asks the Validator, within the limits of the Config.
func (v *Verifier) judgeAnew(ctx context.Context, h hook, peer []*x509.Certificate, start time.Time) (*eidas.Result, *eidas.Error) {
	limited, release, slot := v.limit(ctx)
	defer release()
	v.metrics.begin()
	result, refusal := v.validate(limited, peer, start)
	switch {
	case refusal == nil || limited.Err() == nil:
	case ctx.Err() != nil:
		refusal = attribute(refusal, eidas.ReasonAbandoned)
	case !slot:
		refusal = attribute(refusal, eidas.ReasonOverloaded)
	case refusal.Reason == eidas.ReasonInternal && isContextError(refusal):
		refusal = attribute(refusal, eidas.ReasonDeadline)
	}
	v.metrics.end(h, result, refusal, now().Sub(start))
	v.report(ctx, h, peer, verdict{result, refusal})
	return result, refusal
}

// limit gives a verdict its deadline: the whole Timeout while fewer than
// MaxConcurrent are under way, else what needs no network.
func (v *Verifier) limit(ctx context.Context) (limited context.Context, release func(), slot bool) {
	select {
	case v.slots <- struct{}{}:
		ctx, cancel := context.WithTimeout(ctx, v.timeout)
		return ctx, func() { cancel(); <-v.slots }, true
	default:
		ctx, cancel := context.WithTimeout(ctx, min(v.timeout, quickVerdict))
		return ctx, cancel, false
	}
}

// validate calls the Validator. It runs code of third hands (authorizers,
// status checkers): a panic there refuses this peer, and must not end the
// process and with it every other TPP's connection.
func (v *Verifier) validate(ctx context.Context, peer []*x509.Certificate, at time.Time) (result *eidas.Result, refusal *eidas.Error) {
	defer func() {
		if p := recover(); p != nil {
			result, refusal = nil, v.panicked(ctx, p)
		}
	}()
	result, err := v.validator.Validate(ctx, peer, eidas.UseTLS, at)
	if err != nil {
		return nil, asRefusal(err)
	}
	if result == nil {
		return nil, &eidas.Error{Reason: eidas.ReasonInternal, Err: errors.New("validator returned neither result nor refusal")}
	}
	return result, nil
}

// panicked turns a recovered panic into a refusal.
func (v *Verifier) panicked(ctx context.Context, p any) *eidas.Error {
	text := fmt.Sprint(p)
	v.logger.LogAttrs(ctx, slog.LevelError, "verdict panicked",
		slog.String("event", "panic"), slog.String("panic", printable(text)), slog.String("stack", string(debug.Stack())))
	return &eidas.Error{Reason: eidas.ReasonInternal, Err: fmt.Errorf("panic: %q", text)}
}

// rescue is deferred by the hooks: crypto/tls does not recover, and a server
// that is not net/http would die.
func (v *Verifier) rescue(err *error) {
	if p := recover(); p != nil {
		*err = v.panicked(context.Background(), p)
	}
}

// attribute gives a refusal for want of time its reason. Refusals that blame the
// TPP were reached in time.
func attribute(refusal *eidas.Error, reason eidas.Reason) *eidas.Error {
	if refusal.Reason.Cause() == eidas.CauseTPP {
		return refusal
	}
	return &eidas.Error{Reason: reason, Err: refusal, Partial: refusal.Partial}
}

func isContextError(err error) bool {
	return errors.Is(err, context.DeadlineExceeded) || errors.Is(err, context.Canceled)
}

// asRefusal keeps the reason of an error; one without a reason is a defect.
func asRefusal(err error) *eidas.Error {
	e, ok := errors.AsType[*eidas.Error](err)
	if ok && e == nil {
		return &eidas.Error{Reason: eidas.ReasonInternal, Err: errors.New("validator returned a nil refusal")}
	}
	if ok && e.Reason != 0 {
		return e
	}
	reason := eidas.ReasonOf(err)
	if reason == 0 {
		reason = eidas.ReasonInternal
	}
	return &eidas.Error{Reason: reason, Err: err}
}
