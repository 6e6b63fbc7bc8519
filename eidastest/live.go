package eidastest

import (
	"context"
	"fmt"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/trustlist"
)

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
