package eidas_test

import (
	"context"
	"crypto/x509"
	"errors"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
)

// remembering is a StatusChecker that knows its answer.
type remembering struct {
	statusOf
	forgot bool
}

func (r *remembering) KnownStatus(eidas.StatusQuery) (eidas.StatusAnswer, bool) {
	return r.answer, !r.forgot
}

// live is a ServiceSource whose snapshot changes.
type live struct{ set *eidas.ServiceSet }

func (l *live) Services() *eidas.ServiceSet { return l.set }

// recheckWorld is a Validator that has let a peer in, at the time now.
type recheckWorld struct {
	services  *live
	service   *eidas.Service
	status    *remembering
	config    eidas.Config
	validator *eidas.Validator
	peer      []*x509.Certificate
	first     *eidas.Result
	denied    error
	asked     int
	at        time.Time
}

func newRecheckWorld(t *testing.T, edits ...func(*recheckWorld)) *recheckWorld {
	t.Helper()
	ca := newCA(t, "Issuing", nil)
	w := &recheckWorld{service: listed(t, ca), status: &remembering{}, at: now}
	w.status.answer = eidas.StatusAnswer{Status: eidas.StatusGood, FreshUntil: now.Add(time.Hour)}
	w.services = &live{eidas.NewServiceSet("1", []*eidas.Service{w.service})}
	w.peer = []*x509.Certificate{issue(t, ca, newKey(t), qwac)}
	w.config = eidas.Config{Services: w.services, Status: w.status, Policy: eidas.Policy{Authorizer: func(*eidas.Evidence) error {
		w.asked++
		return w.denied
	}}}
	for _, edit := range edits {
		edit(w)
	}
	v, err := eidas.NewValidator(w.config)
	require.NoError(t, err)
	w.validator = v
	w.first, err = v.Validate(t.Context(), w.peer, eidas.UseTLS, now)
	require.NoError(t, err)
	return w
}

// Each row changes one thing. Recheck says yes only where Validate does, and
// where nothing has changed.
func TestRecheck(t *testing.T) {
	withdrawn := func(w *recheckWorld) {
		changed := *w.service
		p := changed.Periods[0]
		p.Status, p.Start = "http://uri.etsi.org/TrstSvc/TrustedList/Svcstatus/withdrawn", now.AddDate(0, 0, -1)
		changed.Periods = append([]eidas.Period{p}, changed.Periods...)
		w.services.set = eidas.NewServiceSet("2", []*eidas.Service{&changed})
	}
	for name, row := range map[string]struct {
		setup  func(*recheckWorld)
		change func(*recheckWorld)
		yes    bool
		want   eidas.Reason // of Validate; 0: lets in
	}{
		"nothing changed":           {nil, func(*recheckWorld) {}, true, 0},
		"last moment of the answer": {nil, func(w *recheckWorld) { w.at = now.Add(time.Hour) }, true, 0},
		"answer is fresh no more":   {nil, func(w *recheckWorld) { w.at = now.Add(time.Hour + 1) }, false, 0},
		"fresher answer": {nil, func(w *recheckWorld) {
			w.status.answer.FreshUntil = now.Add(2 * time.Hour)
			w.at = now.Add(90 * time.Minute)
		}, true, 0},
		"good, and nobody knew before": {unchecked, func(w *recheckWorld) {
			w.status.answer = eidas.StatusAnswer{Status: eidas.StatusGood, FreshUntil: now.Add(time.Hour)}
		}, true, 0},
		"still nobody knows":           {unchecked, func(*recheckWorld) {}, false, 0},
		"revoked":                      {nil, func(w *recheckWorld) { w.status.answer.Status = eidas.StatusRevoked }, false, eidas.ReasonRevoked},
		"unknown":                      {nil, func(w *recheckWorld) { w.status.answer.Status = eidas.StatusUnknown }, false, eidas.ReasonRevocationUnknown},
		"stale answer":                 {nil, func(w *recheckWorld) { w.status.answer.Stale = true }, false, 0},
		"answer forgotten":             {nil, func(w *recheckWorld) { w.status.forgot = true }, false, 0},
		"same services, new snapshot":  {nil, func(w *recheckWorld) { w.services.set = eidas.NewServiceSet("1", []*eidas.Service{w.service}) }, false, 0},
		"service withdrawn":            {nil, withdrawn, false, eidas.ReasonServiceNotGranted},
		"no snapshot":                  {nil, func(w *recheckWorld) { w.services.set = nil }, false, eidas.ReasonTrustUnavailable},
		"denied":                       {nil, func(w *recheckWorld) { w.denied = eidas.ReasonIdentityDenied }, false, eidas.ReasonIdentityDenied},
		"denied without a reason":      {nil, func(w *recheckWorld) { w.denied = errors.New("no") }, false, eidas.ReasonNotAuthorized},
		"clock went back":              {nil, func(w *recheckWorld) { w.at = now.Add(-1) }, false, 0},
		"certificate's last moment":    {longFresh, func(w *recheckWorld) { w.at = w.peer[0].NotAfter }, true, 0},
		"certificate has expired":      {longFresh, func(w *recheckWorld) { w.at = w.peer[0].NotAfter.Add(1) }, false, eidas.ReasonExpired},
		"list is due":                  {dueSoon, func(w *recheckWorld) { w.at = now.Add(time.Minute) }, true, 0},
		"list is past its date":        {dueSoon, func(w *recheckWorld) { w.at = now.Add(time.Minute + 1) }, false, eidas.ReasonListStale},
		"before a withdrawal to come":  {endsSoon, func(w *recheckWorld) { w.at = now.Add(time.Minute - 1) }, true, 0},
		"after a withdrawal announced": {endsSoon, func(w *recheckWorld) { w.at = now.Add(time.Minute + 1) }, false, eidas.ReasonServiceNotGranted},
		"nobody checks revocation":     {statusOff, func(*recheckWorld) {}, true, 0},
		"checker without a memory":     {noMemory, func(*recheckWorld) {}, false, 0},
	} {
		t.Run(name, func(t *testing.T) {
			setup := row.setup
			if setup == nil {
				setup = func(*recheckWorld) {}
			}
			w := newRecheckWorld(t, setup)
			row.change(w)
			asked := w.asked
			got, yes := w.validator.Recheck(w.first, w.at)
			assert.Equal(t, row.yes, yes)
			if yes {
				assert.Equal(t, asked+1, w.asked, "the authorizer is asked")
			} else {
				assert.Nil(t, got)
			}
			fresh, err := w.validator.Validate(context.Background(), w.peer, eidas.UseTLS, w.at)
			assert.Equal(t, row.want, eidas.ReasonOf(err), "%v", err)
			if yes {
				require.NoError(t, err, "never yes where Validate refuses")
				assert.Equal(t, fresh.ValidUntil, got.ValidUntil)
				assert.Equal(t, fresh.Status, got.Status)
				assert.Equal(t, fresh.Degraded, got.Degraded)
				assert.Equal(t, fresh.Identity, got.Identity)
			}
		})
	}
}

func unchecked(w *recheckWorld) {
	w.status.answer = eidas.StatusAnswer{Unchecked: true, FreshUntil: now.Add(time.Minute)}
}

func longFresh(w *recheckWorld) {
	w.status.answer.FreshUntil = now.AddDate(50, 0, 0)
	w.service.List.NextUpdate = now.AddDate(50, 0, 0)
}

func dueSoon(w *recheckWorld) { w.service.List.NextUpdate = now.Add(time.Minute) }

func endsSoon(w *recheckWorld) {
	p := w.service.Periods[0]
	p.Status, p.Start = "http://uri.etsi.org/TrstSvc/TrustedList/Svcstatus/withdrawn", now.Add(time.Minute)
	w.service.Periods = append([]eidas.Period{p}, w.service.Periods...)
}

func statusOff(w *recheckWorld) { w.config.Status, w.config.Policy.AllowNoRevocation = nil, true }

func noMemory(w *recheckWorld) { w.config.Status = &w.status.statusOf }

func TestRecheckOfWhatThisValidatorNeverSaid(t *testing.T) {
	w, other := newRecheckWorld(t), newRecheckWorld(t)
	for name, prev := range map[string]*eidas.Result{
		"nothing":        nil,
		"made by hand":   {Evidence: w.first.Evidence, ValidUntil: w.first.ValidUntil, Snapshot: w.first.Snapshot},
		"of another one": other.first,
		"zero":           {},
		"fewer answers":  edited(w.first, func(r *eidas.Result) { r.Status = nil }),
		"more answers":   edited(w.first, func(r *eidas.Result) { r.Status = append(slices.Clone(r.Status), r.Status...) }),
		"no chain":       edited(w.first, func(r *eidas.Result) { r.Chain = nil }),
	} {
		_, yes := w.validator.Recheck(prev, now)
		assert.False(t, yes, name)
	}
	_, yes := w.validator.Recheck(w.first, now)
	assert.True(t, yes)
}

// edited is a Result whose exported fields somebody has changed.
func edited(r *eidas.Result, edit func(*eidas.Result)) *eidas.Result {
	changed := *r
	edit(&changed)
	return &changed
}

func TestRecheckKeepsTheResultWhileTheEvidenceIsTheSame(t *testing.T) {
	w := newRecheckWorld(t)
	same, yes := w.validator.Recheck(w.first, now.Add(time.Minute))
	require.True(t, yes)
	assert.Same(t, w.first, same)

	before := *w.first
	w.status.answer.FreshUntil = now.Add(30 * time.Minute)
	renewed, yes := w.validator.Recheck(w.first, now.Add(time.Minute))
	require.True(t, yes)
	assert.Equal(t, now.Add(30*time.Minute), renewed.ValidUntil)
	assert.Equal(t, before, *w.first, "a Result never changes")
}

func TestRecheckDoesNotAllocate(t *testing.T) {
	w := newRecheckWorld(t)
	assert.Zero(t, testing.AllocsPerRun(100, func() {
		if _, yes := w.validator.Recheck(w.first, now); !yes {
			t.Error("refused")
		}
	}))
}

// The verdict of one policy is none of another, though the services are the same.
func TestRecheckOfAnotherValidatorIsNone(t *testing.T) {
	w := newRecheckWorld(t)
	other, err := eidas.NewValidator(w.config)
	require.NoError(t, err)
	_, yes := other.Recheck(w.first, now)
	assert.False(t, yes)
	_, yes = w.validator.Recheck(w.first, now)
	assert.True(t, yes)
	_, yes = w.validator.Recheck(&eidas.Result{Evidence: w.first.Evidence}, now)
	assert.False(t, yes, "made by hand")
	_, yes = w.validator.Recheck(nil, now)
	assert.False(t, yes)
}
