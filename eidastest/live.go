package eidastest

import (
	"context"
	"fmt"
	"net/netip"
	"time"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/revocation"
	"github.com/seed-b953571c/eidas/trustlist"
)

// checkBudget is far beyond what a responder on the loopback interface needs,
// so that a busy machine does not fail a test.
const checkBudget = 10 * time.Second

// Load loads the world's lists as production code does, at the world's time.
func (w *World) Load(ctx context.Context) (*trustlist.Snapshot, error) {
	return trustlist.Load(ctx, trustlist.Config{Anchors: w.Anchors(), Source: w.Source()}, w.Now())
}

// Services makes the world an eidas.ServiceSource: the services of the lists as
// they are served now. Each publication loads them again before it returns. When
// the LOTL is not authentic any more, the last good snapshot stays, and
// LoadError says why; a national list that is refused takes its services along.
func (w *World) Services() *eidas.ServiceSet {
	if s := w.live.Load(); s != nil {
		return s.Services()
	}
	return nil
}

// LoadError returns why the last publication could not be loaded, nil when it
// was. A national list that was refused is no error here: see Load.
func (w *World) LoadError() error { return w.err }

// reload takes over what is served. Before the world is built there is nothing.
func (w *World) reload() error {
	if !w.isLive {
		return nil
	}
	s, err := w.Load(context.Background())
	if w.err = err; err != nil {
		return nil //nolint:nilerr // a hostile list was published on purpose; LoadError tells
	}
	w.live.Store(s)
	return nil
}

// goLive begins to follow the publications.
func (w *World) goLive() error {
	w.isLive = true
	if err := w.reload(); err != nil {
		return err
	}
	if w.err != nil {
		return fmt.Errorf("eidastest: world cannot be loaded: %w", w.err)
	}
	return nil
}

// Config returns the configuration of a validator over the world: its services,
// and a revocation.Checker that may reach its responders and CRLs and asks them anew
// each time, so that a revocation takes effect at once.
func (w *World) Config(p eidas.Policy) (eidas.Config, error) {
	c := eidas.Config{Services: w, Policy: p}
	if p.AllowNoRevocation {
		return c, nil
	}
	checker, err := revocation.New(revocation.Config{
		Budget: checkBudget, DialTimeout: checkBudget, HeaderTimeout: checkBudget,
		OCSP:         revocation.OCSPPolicy{MaxAge: time.Nanosecond},
		CRL:          revocation.CRLPolicy{MaxAge: time.Nanosecond},
		NegativeTTL:  time.Nanosecond,
		AllowPrivate: []netip.Prefix{netip.PrefixFrom(netip.AddrFrom4([4]byte{127, 0, 0, 0}), 8)},
		AllowAnyPort: true,
	})
	if err != nil {
		return eidas.Config{}, fmt.Errorf("eidastest: %w", err)
	}
	c.Status = checker
	return c, nil
}

// Validator returns a validator with the configuration of Config.
func (w *World) Validator(p eidas.Policy) (*eidas.Validator, error) {
	c, err := w.Config(p)
	if err != nil {
		return nil, err
	}
	return eidas.NewValidator(c)
}
