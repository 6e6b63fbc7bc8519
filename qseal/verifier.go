package qseal

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/seed-b953571c/eidas"
)

// Validator decides about the certificates of a sealer; *[eidas.Validator] is
// one. A refusal is an *[eidas.Error]. It honours ctx and is safe for
// concurrent use.
type Validator interface {
	Validate(ctx context.Context, peer []*x509.Certificate, use eidas.Use, at time.Time) (*eidas.Result, error)
}

// Rechecker is a Validator that can judge a certificate again from memory;
// *[eidas.Validator] is one. With it a sealer that was let in before costs no
// search of a path.
type Rechecker interface {
	Recheck(prev *eidas.Result, at time.Time) (*eidas.Result, bool)
}

// Resolver finds the certificate of a seal that only names it. What it returns
// is a candidate like any other. It honours ctx and is safe for concurrent use;
// nil without an error means that nobody is known by that hint. *[Directory] is
// one that never dials. One that fetches [Hint].URL lets a stranger choose what
// is fetched, before the seal is verified.
type Resolver interface {
	Resolve(ctx context.Context, h Hint) (*Resolved, error)
}

// ReplayStore remembers seals. Add reports whether key is new, and keeps it for
// at least ttl; of concurrent calls with one key, exactly one must be told true,
// on all instances of a bank together. What stands before the last NUL of a key
// names the profile and the TPP. It honours ctx and is safe for concurrent
// use. *[ReplayMemory] is one for a single instance.
type ReplayStore interface {
	Add(ctx context.Context, key string, ttl time.Duration) (fresh bool, err error)
}

// Bounds of a Config.
const (
	// defaultMaxBody: payment orders are below 100 KiB.
	defaultMaxBody = 1 << 20
	// defaultReplayWindow is how long an X-Request-ID is remembered where nothing
	// in the seal says when it was made. A TPP retries within minutes, and only
	// the TPP itself can send its old seal: its TLS certificate must be there too.
	defaultReplayWindow = 24 * time.Hour
	// maxBound keeps the sum of two times and a second, and a size and a byte,
	// within what their types hold: 146 years, and more bytes than there are.
	maxBound = 1<<62 - int64(time.Second)
)

// Config is what a Verifier works with. With a Validator alone it judges
// certificates only (see VerifyCertificate). With a Profile it verifies
// messages; then every field that has Allow in its name refuses when zero.
type Config struct {
	// Validator decides. Required. It may be the one that judges TLS client
	// certificates: a policy holds for both uses.
	Validator Validator
	// Profile is the standard that messages are sealed in. One Verifier knows
	// one: a message cannot choose the weaker of two.
	Profile Profile
	// Peer tells who is on the connection of a request, by a certificate that has
	// been judged (qwac.PeerIdentity), for a seal must be that TPP's own. Required,
	// unless AllowAnyPeer.
	Peer func(*http.Request) (eidas.Identity, error)
	// AllowAnyPeer accepts the seal of another than the one on the connection.
	AllowAnyPeer bool
	// Origin is the scheme and authority by which TPPs address this server, such as
	// "https://api.bank.example", where a proxy in front replaces them; a seal may
	// be over both. Empty: those of the request itself. No field of a request, such
	// as X-Forwarded-Host, ever says them: anybody can write it.
	Origin string
	// Resolver finds certificates that a message names only. nil: it must send
	// its certificate.
	Resolver Resolver
	// Replay remembers seals, by the id or nonce in them or else by all that is
	// signed: each is accepted once. Required, unless AllowReplays. A ReplayMemory
	// whose window is too short for the profile is an error.
	Replay ReplayStore
	// AllowReplays accepts a seal as often as it is sent, for as long as it is not
	// too old, in place of Replay. For STET and ING over draft-cavage only, which
	// seal method, target and mostly a time.
	AllowReplays bool
	// AllowRepeatedReads accepts a GET, HEAD or OPTIONS again while its seal is not
	// too old, where the seal has neither id nor nonce of its own and is over
	// method and target: a TPP that reads twice in one second seals the same twice.
	AllowRepeatedReads bool
	// AllowReplayUnavailable accepts a seal when Replay fails. It is counted, and
	// Seal.ReplayUnchecked says so.
	AllowReplayUnavailable bool
	// ReplayWindow is how long a seal without a time is remembered. Zero is 24
	// hours. One with a time is remembered for as long as it would be accepted.
	ReplayWindow time.Duration
	// MaxBody caps a body, in bytes. Zero is 1 MiB.
	MaxBody int64
	// AllowUnsealed lets Handler pass on a request that carries no field of a seal,
	// without a Seal in its context. One that carries some is judged.
	AllowUnsealed bool
	// Logger gets refusals and the use of quirks, with the TPP's identity. nil is off.
	Logger *slog.Logger
	// Metrics gets counters by profile, reason and quirk. nil is off.
	Metrics prometheus.Registerer
}

// Verifier judges seals and the certificates that messages are sealed with. It
// is immutable but for what it remembers, and safe for concurrent use.
type Verifier struct {
	c       Config
	origin  *origin // nil: that of each request
	known   known
	metrics *metrics
}

// New checks the configuration. Every mistake is an error here and none later.
func New(c Config) (*Verifier, error) {
	if c.Validator == nil {
		return nil, errors.New("qseal: Config.Validator is required")
	}
	if err := c.check(); err != nil {
		return nil, err
	}
	if c.MaxBody == 0 {
		c.MaxBody = defaultMaxBody
	}
	if c.ReplayWindow == 0 {
		c.ReplayWindow = defaultReplayWindow
	}
	if c.Logger == nil {
		c.Logger = slog.New(slog.DiscardHandler)
	}
	at, err := parseOrigin(c.Origin)
	if err != nil {
		return nil, err
	}
	m, err := newMetrics(c.Metrics, c.Profile)
	if err != nil {
		return nil, err
	}
	return &Verifier{c: c, origin: at, metrics: m}, nil
}

func (c *Config) check() error {
	p := c.Profile
	switch {
	case p.IsZero() && (c.Peer != nil || c.AllowAnyPeer || c.Origin != "" || c.Resolver != nil || c.Replay != nil || c.AllowReplayUnavailable ||
		c.AllowReplays || c.AllowRepeatedReads || c.ReplayWindow != 0 || c.MaxBody != 0 || c.AllowUnsealed || c.Metrics != nil || c.Logger != nil):
		return errors.New("qseal: Config.Profile is required to verify messages")
	case p.IsZero():
		return nil
	case p.allowed&^p.known != 0:
		return fmt.Errorf("qseal: profile %s has no quirk %s", p.name, p.allowed&^p.known)
	case p.maxAge < 0 || p.skew < 0 || int64(max(p.maxAge, p.skew)) > maxBound:
		return errors.New("qseal: age and skew of a profile must be neither negative nor beyond 146 years")
	case c.Peer == nil && !c.AllowAnyPeer:
		return errors.New("qseal: Config.Peer is required unless AllowAnyPeer is set")
	case c.Peer != nil && c.AllowAnyPeer:
		return errors.New("qseal: Config.Peer and AllowAnyPeer exclude each other")
	case c.ReplayWindow < 0 || c.MaxBody < 0 || c.MaxBody > maxBound:
		return errors.New("qseal: ReplayWindow and MaxBody must not be negative, and MaxBody is too large")
	}
	return c.checkReplay()
}

func (c *Config) checkReplay() error {
	p := c.Profile
	switch {
	case c.AllowReplays && (p.replay || c.Replay != nil):
		return fmt.Errorf("qseal: AllowReplays excludes Config.Replay and is not for %s", p.name)
	case c.Replay == nil && !c.AllowReplays:
		return fmt.Errorf("qseal: Config.Replay is required to accept a seal of %s once", p.name)
	case c.Replay == nil && (c.AllowReplayUnavailable || c.AllowRepeatedReads || c.ReplayWindow != 0):
		return errors.New("qseal: AllowReplayUnavailable, AllowRepeatedReads and ReplayWindow need Config.Replay")
	case c.AllowRepeatedReads && !p.bindsPath:
		return fmt.Errorf("qseal: AllowRepeatedReads is not for %s, which seals neither method nor target", p.name)
	case (c.AllowReplays || c.AllowRepeatedReads) && p.maxAge == 0:
		return errors.New("qseal: AllowReplays and AllowRepeatedReads need a bound on the age of a seal, or it would be good for ever")
	}
	return c.checkMemory()
}

// checkMemory refuses a memory that would refuse every seal: it must remember for
// as long as a seal is accepted. Other stores say so when they are asked.
func (c *Config) checkMemory() error {
	m, ok := c.Replay.(*ReplayMemory)
	if !ok || m == nil {
		return nil
	}
	p, need := c.Profile, c.ReplayWindow
	if need == 0 && (!p.sealsTime || p.maxAge == 0) {
		need = defaultReplayWindow
	}
	if p.maxAge > 0 {
		need = max(need, p.remembered())
	}
	if m.window < need {
		return fmt.Errorf("qseal: Config.Replay remembers for %s, and a seal of %s is to be remembered for %s", m.window, p.name, need)
	}
	return nil
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
	result, err := v.c.Validator.Validate(ctx, chain, eidas.UseSeal, at)
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
