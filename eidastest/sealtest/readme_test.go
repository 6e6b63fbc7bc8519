package sealtest_test

import (
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/eidastest"
	"github.com/seed-b953571c/eidas/eidastest/sealtest"
	"github.com/seed-b953571c/eidas/qseal"
)

func TestSeals(t *testing.T) {
	world := eidastest.Start(t, eidastest.Options{})
	kit := sealtest.Start(t, world.World, sealtest.Options{Target: "/v1/payments"})
	known, err := qseal.NewDirectory(kit.Files()) // certificates that seals only name
	world.Check(err)
	validator := world.Validator(eidas.DefaultPolicy(eidas.RequireRoles(eidas.RolePI)))
	bank, err := newBank(qseal.BerlinGroup13(), validator, known) // your *http.Server
	world.Check(err)
	kit.Run(t, qseal.BerlinGroup13(), bank) // fails with a list of what was let in
}

// README shows the test above, word for word.
func TestREADMEShowsTestSeals(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	source, err := os.ReadFile("readme_test.go")
	require.NoError(t, err)
	_, shown, found := strings.Cut(string(readme), "```go\nfunc TestSeals(")
	require.True(t, found)
	shown, _, _ = strings.Cut(shown, "```")
	assert.Contains(t, string(source), "\nfunc TestSeals("+shown)
}
