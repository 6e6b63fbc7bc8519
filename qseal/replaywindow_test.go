package qseal_test

import (
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/eidastest"
	"github.com/seed-b953571c/eidas/qseal"
)

// A memory that forgets a seal before it is stale would refuse every seal. That
// is said when the Verifier is made, not at the first one.
func TestReplayMemoryMustRememberForAsLongAsASealIsAccepted(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	validator := w.Validator(eidas.Policy{Authorizer: eidas.AllowAnyone()})
	p := qseal.BerlinGroup13().AllowAge(5*time.Minute, time.Minute)
	timed := qseal.JAdESHTTP().AllowAge(5*time.Minute, time.Minute)
	const need = 6*time.Minute + time.Second
	for name, row := range map[string]struct {
		profile qseal.Profile
		window  time.Duration // of the memory
		without time.Duration // Config.ReplayWindow
		refused bool
	}{
		"as long as a seal is accepted": {timed, need, 0, false},
		"a moment less":                 {timed, need - 1, 0, true},
		"no time in it, a day":          {p, 24 * time.Hour, 0, false},
		"no time in it, a moment less":  {p, 24*time.Hour - 1, 0, true},
		"older than it is told to":      {p, need, time.Minute, false},
		"a moment less than that":       {p, need - 1, time.Minute, true},
		"as long as it is told to":      {p, time.Hour, time.Hour, false},
		"less than it is told to":       {p, time.Hour - 1, time.Hour, true},
		"any age, a day":                {p.AllowAge(0, 0), 24 * time.Hour, 0, false},
		"any age, less than a day":      {p.AllowAge(0, 0), 24*time.Hour - 1, 0, true},
		"any age, as it is told to":     {p.AllowAge(0, 0), time.Hour, time.Hour, false},
	} {
		m, err := qseal.NewReplayMemory(1000, row.window)
		require.NoError(t, err)
		_, err = qseal.New(qseal.Config{
			Validator: validator, Profile: row.profile, AllowAnyPeer: true, Replay: m, ReplayWindow: row.without,
		})
		if row.refused {
			require.ErrorContains(t, err, "Config.Replay remembers for", name)
			continue
		}
		assert.NoError(t, err, name)
	}
}

// A seal that may be without a time is remembered for a day if nobody says
// otherwise; with a shorter memory none would be, and Config.AllowReplayUnavailable
// would let it in again and again. Which profiles those are is told by what they
// refuse: each seal of theirs has a time, or the profile takes one without.
func TestEveryProfileIsRememberedForAsLongAsItsSealsNeed(t *testing.T) {
	w := eidastest.Start(t, eidastest.Options{})
	validator := w.Validator(eidas.Policy{Authorizer: eidas.AllowAnyone()})
	timeless := map[string]bool{"berlin-group-1.3": true, "stet-1.6": true, "polish-api-2.1": true}
	for _, p := range qseal.Profiles() {
		m, err := qseal.NewReplayMemory(1000, time.Hour)
		require.NoError(t, err)
		_, err = qseal.New(qseal.Config{Validator: validator, Profile: p, AllowAnyPeer: true, Replay: m, AllowReplayUnavailable: true})
		if timeless[p.Name()] {
			require.ErrorContains(t, err, "is to be remembered for 24h", p.Name())
			continue
		}
		assert.NoError(t, err, p.Name())
	}
}

// Times and sizes that mean "for ever" must not overflow into "never".
func TestBoundsDoNotOverflow(t *testing.T) {
	m, err := qseal.NewReplayMemory(1000, math.MaxInt64)
	require.NoError(t, err)
	for i := range 3 {
		fresh, err := m.Add(t.Context(), "key", time.Hour)
		require.NoError(t, err)
		assert.Equal(t, i == 0, fresh)
	}
	s := newScene(t, qseal.STET16())
	s.config.Replay = m
	const most = 1<<62 - int64(time.Second)
	for name, row := range map[string]struct {
		age, skew time.Duration
		body      int64
		refused   bool
	}{
		"the most":                  {time.Duration(most), time.Duration(most), most, false},
		"an age beyond":             {time.Duration(most) + 1, 0, 0, true},
		"a skew beyond":             {0, time.Duration(most) + 1, 0, true},
		"a body beyond":             {time.Minute, 0, most + 1, true},
		"the greatest there can be": {math.MaxInt64, math.MaxInt64, math.MaxInt64, true},
	} {
		c := s.config
		c.Profile, c.MaxBody = qseal.STET16().AllowAge(row.age, row.skew), row.body
		_, err := qseal.New(c)
		assert.Equal(t, row.refused, err != nil, "%s: %v", name, err)
	}
}
