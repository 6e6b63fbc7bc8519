package qseal_test

import (
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
	const need = 6*time.Minute + time.Second
	for name, row := range map[string]struct {
		profile qseal.Profile
		window  time.Duration // of the memory
		without time.Duration // Config.ReplayWindow
		refused bool
	}{
		"as long as a seal is accepted": {p, need, 0, false},
		"a moment less":                 {p, need - 1, 0, true},
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
