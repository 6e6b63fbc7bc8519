package trustlist

import "time"

// Health says how a Store is.
type Health struct {
	// Ready says that there are services to decide by. It is never true of an
	// empty store.
	Ready bool
	// Degraded says that something is not as it should be: the LOTL or a list is
	// stale, kept or not accepted, or the folder cannot be written.
	Degraded bool
	Snapshot string // ID; "" when there is none
	LOTL     ListHealth
	Lists    []ListHealth
	Alarms   []Alarm

	LastAttempt time.Time // start of the last refresh; zero: none
	LastSuccess time.Time // start of the last refresh that had the LOTL; zero: none
	// Err is why the last refresh gave no snapshot, nil when it did.
	Err error
	// Disk is why the last snapshot was not written whole, nil when it was.
	Disk error
}

// ListHealth is the health of one list.
type ListHealth struct {
	ListReport
	// Age is the time since the copy in use was had from its source or confirmed
	// by it; zero when that is not known.
	Age time.Duration
}

// Healthy reports whether a list is in use, of its newest edition, and not past
// its NextUpdate.
func (l *ListHealth) Healthy() bool { return l.Accepted && !l.Kept && !l.Stale }

func (s *Store) health(now time.Time) Health {
	s.mu.Lock()
	last := s.attempt
	s.mu.Unlock()
	h := Health{LastAttempt: last.started, LastSuccess: last.succeeded, Err: last.err, Disk: last.disk}
	h.Degraded = last.err != nil || last.disk != nil
	current := s.snapshot.Load()
	if current == nil {
		h.Degraded = true
		return h
	}
	h.Ready = current.counts.Services > 0
	h.Snapshot, h.Alarms = current.ID, current.Alarms
	h.LOTL = newListHealth(current.LOTL, now)
	h.Degraded = h.Degraded || !h.Ready || !h.LOTL.Healthy()
	for _, r := range current.Lists {
		l := newListHealth(r, now)
		h.Lists = append(h.Lists, l)
		h.Degraded = h.Degraded || !l.Healthy()
	}
	return h
}

func newListHealth(r ListReport, now time.Time) ListHealth {
	if r.Accepted {
		r.judge(now)
	}
	l := ListHealth{ListReport: r}
	if !r.Checked.IsZero() {
		l.Age = max(0, now.Sub(r.Checked))
	}
	return l
}
