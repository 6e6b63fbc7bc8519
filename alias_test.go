package eidas_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
)

func id(t *testing.T, s string) eidas.Identity {
	t.Helper()
	i, err := eidas.ParseIdentity(s)
	require.NoError(t, err)
	return i
}

// The bank knows the TPP by the identity that it had before (qwac D4, 23 and 24).
func TestAliasIsTheIdentityForEverybodyAfterStep3(t *testing.T) {
	const before = "PSDLT-BL-OLD1"
	hour := time.Hour
	for name, row := range map[string]struct {
		aliases func(from, to eidas.Identity) []eidas.Alias
		want    string
	}{
		"none":              {nil, tppID},
		"in force":          {func(f, o eidas.Identity) []eidas.Alias { return []eidas.Alias{{From: f, To: o, Since: now}} }, before},
		"not yet":           {func(f, o eidas.Identity) []eidas.Alias { return []eidas.Alias{{From: f, To: o, Since: now.Add(1)}} }, tppID},
		"until a moment on": {func(f, o eidas.Identity) []eidas.Alias { return []eidas.Alias{{f, o, now.Add(-hour), now.Add(1)}} }, before},
		"over":              {func(f, o eidas.Identity) []eidas.Alias { return []eidas.Alias{{f, o, now.Add(-hour), now}} }, tppID},
		"the other way":     {func(f, o eidas.Identity) []eidas.Alias { return []eidas.Alias{{From: o, To: f, Since: now}} }, tppID},
		"of somebody else's": {func(f, o eidas.Identity) []eidas.Alias {
			return []eidas.Alias{{From: id(t, tppID+"9"), To: o, Since: now}}
		}, tppID},
	} {
		t.Run(name, func(t *testing.T) {
			var seen eidas.Identity
			res, err := run{policy: func(p *eidas.Policy) {
				if row.aliases != nil {
					p.Aliases = row.aliases(id(t, tppID), id(t, before))
				}
				p.Authorizer = func(e *eidas.Evidence) error {
					seen = e.Identity
					return nil
				}
			}}.validate(t)
			require.NoError(t, err)
			assert.Equal(t, row.want, res.Identity.String())
			assert.Equal(t, res.Identity, seen)
			if row.want == tppID {
				assert.Nil(t, res.Alias)
				assert.Empty(t, res.Record().AliasOf)
				return
			}
			assert.Equal(t, tppID, res.Alias.From.String())
			assert.Equal(t, tppID, res.Record().AliasOf)
		})
	}
}

// An alias is an explicit registration of another scheme's number.
func TestAliasRegistersAnotherScheme(t *testing.T) {
	vat := run{policy: func(p *eidas.Policy) {
		p.Aliases = []eidas.Alias{{From: id(t, tppID), To: id(t, "VATLT-123456789"), Since: now}}
	}}
	_, err := vat.validate(t)
	require.ErrorIs(t, err, eidas.ReasonIdentityUnregistered)
	known := vat.policy
	vat.policy = func(p *eidas.Policy) {
		known(p)
		p.Registered = []eidas.Identity{id(t, "VATLT-123456789")}
	}
	_, err = vat.validate(t)
	require.NoError(t, err)
}

func TestAliasThatCouldMeanTwoThingsIsAMistake(t *testing.T) {
	a, b, c := id(t, "PSDLT-BL-A"), id(t, "PSDLT-BL-B"), id(t, "PSDLT-BL-C")
	foreign := id(t, "test/PSDLT-BL-B")
	for name, row := range map[string]struct {
		aliases []eidas.Alias
		want    string
	}{
		"several of one":   {aliases: []eidas.Alias{{From: a, To: c, Since: now}, {From: b, To: c, Since: now}}},
		"chain":            {[]eidas.Alias{{From: a, To: b, Since: now}, {From: b, To: c, Since: now}}, "both From and To"},
		"circle":           {[]eidas.Alias{{From: a, To: b, Since: now}, {From: b, To: a, Since: now}}, "both From and To"},
		"itself":           {[]eidas.Alias{{From: a, To: a, Since: now}}, "alias of itself"},
		"twice":            {[]eidas.Alias{{From: a, To: b, Since: now}, {From: a, To: c, Since: now}}, "named twice"},
		"undated":          {[]eidas.Alias{{From: a, To: b}}, "no Since"},
		"ends before":      {[]eidas.Alias{{From: a, To: b, Since: now, Until: now}}, "ends before"},
		"nobody":           {[]eidas.Alias{{To: b, Since: now}}, "profile"},
		"to a sandbox":     {[]eidas.Alias{{From: a, To: foreign, Since: now}}, "profile"},
		"out of a sandbox": {[]eidas.Alias{{From: foreign, To: a, Since: now}}, "profile"},
	} {
		_, err := eidas.NewValidator(eidas.Config{Services: trusting(), Status: good(), Policy: policy(func(p *eidas.Policy) { p.Aliases = row.aliases })})
		if row.want == "" {
			require.NoError(t, err, name)
			continue
		}
		require.ErrorContains(t, err, row.want, name)
	}
}

// A decision does not outlive the alias that it rests on, nor the lack of one.
func TestRecheckEndsWhereAnAliasBeginsOrEnds(t *testing.T) {
	for name, edit := range map[string]func(a *eidas.Alias){
		"begins": func(a *eidas.Alias) { a.Since = now.Add(time.Minute) },
		"ends":   func(a *eidas.Alias) { a.Since, a.Until = now, now.Add(time.Minute) },
	} {
		t.Run(name, func(t *testing.T) {
			w := newRecheckWorld(t, func(w *recheckWorld) {
				a := eidas.Alias{From: id(t, tppID), To: id(t, "PSDLT-BL-OLD1")}
				edit(&a)
				w.config.Policy.Aliases = []eidas.Alias{a}
			})
			same, ok := w.validator.Recheck(w.first, now.Add(time.Minute-1))
			require.True(t, ok)
			assert.Equal(t, w.first.Identity, same.Identity)
			_, ok = w.validator.Recheck(w.first, now.Add(time.Minute))
			require.False(t, ok)
			next, err := w.validator.Validate(t.Context(), w.peer, eidas.UseTLS, now.Add(time.Minute))
			require.NoError(t, err)
			assert.NotEqual(t, w.first.Identity, next.Identity)
		})
	}
}
