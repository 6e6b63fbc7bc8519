package qwac

import (
	"context"
	"crypto/rand"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/seed-b953571c/eidas"
)

// Validator decides about the certificates of a peer; *[eidas.Validator] is
// one. A refusal is an *[eidas.Error]. It honours ctx and is safe for
// concurrent use.
type Validator interface {
	Validate(ctx context.Context, peer []*x509.Certificate, use eidas.Use, at time.Time) (*eidas.Result, error)
}

// Defaults of Config.
const (
	// defaultTimeout: a TPP's client gives up a handshake after a few seconds;
	// an answer about revocation takes some 50 ms when all is well.
	defaultTimeout = 2 * time.Second
	// defaultMaxConcurrent: each waiting handshake holds some 30 KiB.
	defaultMaxConcurrent = 256
)

// Config is what a Verifier works with.
type Config struct {
	// Validator decides. Required.
	Validator Validator
	// Timeout bounds one verdict, since the hooks of crypto/tls have no context
	// and no deadline of net/http ends them. 0 is 2 seconds.
	Timeout time.Duration
	// MaxConcurrent is how many verdicts may wait on the network at once. Those
	// beyond it get as much time as a verdict needs that asks nobody, and then
	// ReasonOverloaded: so a responder that hangs does not hold up TPPs whose
	// status is known. 0 is 256.
	MaxConcurrent int
	// AllowHostMismatch lets requests in whose Host is not the server name of
	// the TLS handshake. Without it Handler answers them with 421. A client that
	// sends no server name may ask for any Host: it was judged by this Verifier
	// all the same.
	AllowHostMismatch bool
	// MaxSessionAge is for how long after the latest full handshake with a
	// certificate its sessions may be resumed; a full handshake follows then.
	// Until it does, a client that has a new certificate is still seen with its
	// old one. 0 leaves it to crypto/tls, which ends tickets after 7 days.
	MaxSessionAge time.Duration
	// Deferred completes the handshake of peers that are refused, and leaves it
	// to Handler to tell them why: a failed handshake tells them nothing but
	// bad_certificate. It needs ConfigureServer, or what does the same for another
	// protocol (qwacgrpc, qwachttp3).
	Deferred bool
	// CANames are the names of CAs (DER, as in x509.Certificate.RawSubject) that
	// the server tells its clients, so that one with several certificates can
	// choose. A client whose CA is not among them may send no certificate at all;
	// those in Go and Java do. So a list that is not kept up with the trusted
	// lists cuts off the TPPs of new QTSPs. Nil tells none. More than 12 KiB is an
	// error, since it breaks clients.
	CANames [][]byte
	// Rotation says what is remembered of the certificates of a TPP. The zero
	// value remembers nothing.
	Rotation Rotation
	// ErrorFormat is the format of the bodies of refused requests. 0 is FormatProblem.
	ErrorFormat ErrorFormat
	// Logger gets every verdict. Nil is off. An identity in it is "claimed"
	// while the peer has not proved its key.
	Logger *slog.Logger
	// Registerer gets the metrics. Nil is off. Two Verifiers in one registry
	// need prometheus.WrapRegistererWith, or the second is an error.
	Registerer prometheus.Registerer
}

// Verifier holds a TLS server to the verdicts of a Validator. It is immutable
// and safe for concurrent use.
type Verifier struct {
	validator         Validator
	timeout           time.Duration
	slots             chan struct{} // one for each verdict that may wait
	allowHostMismatch bool
	maxSessionAge     time.Duration
	deferred          bool
	errorFormat       ErrorFormat
	hints             *x509.CertPool // names to send, nil for none
	logger            *slog.Logger
	metrics           *metrics
	id                verifierID
	shared            *handoff
	memory            rechecker // validator, where it is one
	decisions         *decisions
	rotation          observer  // nil is off
	rotated           *rotation // rotation, where Config.Rotation has a Store
}

// verifierID marks the session tickets of one Verifier.
type verifierID [16]byte

// New checks the configuration. Every mistake is an error here and none later.
func New(c Config) (*Verifier, error) {
	switch {
	case c.Validator == nil, isNilValidator(c.Validator):
		return nil, errors.New("qwac: Config.Validator is required")
	case c.Timeout < 0:
		return nil, errors.New("qwac: Config.Timeout is negative")
	case c.MaxConcurrent < 0:
		return nil, errors.New("qwac: Config.MaxConcurrent is negative")
	case c.ErrorFormat > FormatBerlinGroup:
		return nil, fmt.Errorf("qwac: Config.ErrorFormat is %d, no format", c.ErrorFormat)
	case c.MaxSessionAge < 0:
		return nil, errors.New("qwac: Config.MaxSessionAge is negative")
	}
	if err := c.Rotation.check(); err != nil {
		return nil, err
	}
	if c.Timeout == 0 {
		c.Timeout = defaultTimeout
	}
	if c.MaxConcurrent == 0 {
		c.MaxConcurrent = defaultMaxConcurrent
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	v := &Verifier{
		validator:         c.Validator,
		timeout:           c.Timeout,
		slots:             make(chan struct{}, c.MaxConcurrent),
		allowHostMismatch: c.AllowHostMismatch,
		maxSessionAge:     c.MaxSessionAge,
		deferred:          c.Deferred,
		errorFormat:       c.ErrorFormat,
		logger:            c.Logger,
		metrics:           newMetrics(),
		shared:            newHandoff(),
		decisions:         newDecisions(),
	}
	if c.Rotation.Store != nil {
		v.rotated = newRotation(v, c.Rotation)
		v.rotation = v.rotated
	}
	v.memory, _ = c.Validator.(rechecker)
	var err error
	if v.hints, err = hintPool(c.CANames); err != nil {
		return nil, err
	}
	_, _ = rand.Read(v.id[:]) // never fails
	if c.Registerer != nil {
		if err := c.Registerer.Register(v.metrics); err != nil {
			return nil, fmt.Errorf("qwac: Config.Registerer: %w", err)
		}
	}
	return v, nil
}

// isNilValidator reports the nil that is left when the error of NewValidator
// was not looked at.
func isNilValidator(v Validator) bool {
	own, ok := v.(*eidas.Validator)
	return ok && own == nil
}

// now is the only clock of this package.
func now() time.Time { return time.Now() }
