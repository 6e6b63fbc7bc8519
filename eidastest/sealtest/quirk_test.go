package sealtest_test

import (
	"math/bits"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas/eidastest/sealtest"
	"github.com/seed-b953571c/eidas/qseal"
)

// What a quirk lifts is what a bank that allows it does wrong by the strict
// profile, and nothing else: by its own profile it passes whole.
func TestQuirksAreExclusions(t *testing.T) {
	s := newScene(t)
	for _, p := range qseal.Profiles() {
		t.Run(p.Name(), func(t *testing.T) {
			production := p.AllowQuirks(p.KnownQuirks())
			assert.Empty(t, lifted(s.kit, p))
			all := lifted(s.kit, production)
			outcomes, err := s.kit.Play(t.Context(), p, s.bank(s.config(production)))
			require.NoError(t, err)
			var wrong []string
			for _, o := range outcomes {
				if o.Wrong != "" {
					assert.False(t, o.Twin, o.String())
					wrong = append(wrong, o.Attack.Name)
				}
			}
			assert.ElementsMatch(t, all, wrong)
			assert.Len(t, s.kit.Attacks(production), len(s.kit.Attacks(p))-len(all))
			one := 0
			for i := range bits.Len32(uint32(p.KnownQuirks())) {
				one += len(lifted(s.kit, p.AllowQuirks(p.KnownQuirks()&(1<<i))))
			}
			assert.Len(t, all, one, "each attack is lifted by one quirk")
		})
	}
}

// lifted are the names of what quirks exclude.
func lifted(k *sealtest.Kit, p qseal.Profile) []string {
	var names []string
	for _, e := range k.Exclusions(p) {
		if e.Name != "" {
			names = append(names, e.Name)
		}
	}
	return names
}

// An exclusion says which quirk it is of.
func TestExclusionsOfQuirks(t *testing.T) {
	s := newScene(t)
	p := qseal.BerlinGroup13().AllowQuirks(qseal.QuirkExtraFields)
	found := s.kit.Exclusions(p)
	for _, name := range []string{"accept is sealed", "host is sealed"} {
		assert.Contains(t, found, sealtest.Exclusion{
			Item: 5, Name: name, Profile: "berlin-group-1.3", Why: "the profile allows the quirk extra_fields",
		})
	}
	for _, e := range found {
		assert.Equal(t, "berlin-group-1.3", e.Profile)
	}
	var tb recorder
	s.kit.Run(&tb, p, s.bank(s.config(p)))
	assert.Empty(t, tb.text)
	s.kit.Run(&tb, p, s.bank(s.config(p.AllowQuirks(qseal.QuirkHS2019))))
	assert.Contains(t, tb.text, "30 hs2019 (POST /psd2/orders): LET IN")
}
