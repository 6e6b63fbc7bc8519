package qseal

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"time"

	"github.com/seed-b953571c/eidas"
)

// Validator decides about the certificates of a sealer; *[eidas.Validator] is
// one. A refusal is an *[eidas.Error]. It honours ctx and is safe for
// concurrent use.
type Validator interface {
	Validate(ctx context.Context, peer []*x509.Certificate, use eidas.Use, at time.Time) (*eidas.Result, error)
}

// Config is what a Verifier works with.
type Config struct {
	// Validator decides. Required. It may be the one that judges TLS client
	// certificates: a policy holds for both uses.
	Validator Validator
}

// Verifier judges certificates that messages are sealed with. It is immutable
// and safe for concurrent use.
type Verifier struct {
	validator Validator
}

// New checks the configuration.
func New(c Config) (*Verifier, error) {
	if c.Validator == nil {
		return nil, errors.New("qseal: Config.Validator is required")
	}
	return &Verifier{validator: c.Validator}, nil
}

// VerifyCertificate decides about a certificate that seals a message, followed
// by any intermediates, at a time: that of the message's receipt, since a time
// in the message is the sealer's own word. It returns who sealed, or nil and an
// *[eidas.Error]. It may ask the network about revocation, within ctx and the
// limits of the Validator. chain is not modified.
func (v *Verifier) VerifyCertificate(ctx context.Context, chain []*x509.Certificate, at time.Time) (*eidas.Result, error) {
	result, refusal := v.validate(ctx, chain, at)
	if refusal != nil {
		return nil, refusal
	}
	return result, nil
}

// validate calls the Validator, which runs code of third hands: a panic there
// refuses this sealer and leaves the others alone.
func (v *Verifier) validate(ctx context.Context, chain []*x509.Certificate, at time.Time) (result *eidas.Result, refusal *eidas.Error) {
	defer func() {
		if p := recover(); p != nil {
			result, refusal = nil, internal("panic: %q", fmt.Sprint(p))
		}
	}()
	result, err := v.validator.Validate(ctx, chain, eidas.UseSeal, at)
	if err != nil {
		return nil, asRefusal(err)
	}
	if result == nil {
		return nil, internal("validator returned neither result nor refusal")
	}
	return result, nil
}

// asRefusal keeps the reason of an error; one without a reason is a defect.
func asRefusal(err error) *eidas.Error {
	e, ok := errors.AsType[*eidas.Error](err)
	if ok && e == nil {
		return internal("validator returned a nil refusal")
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

func internal(format string, args ...any) *eidas.Error {
	return &eidas.Error{Reason: eidas.ReasonInternal, Err: fmt.Errorf(format, args...)}
}
