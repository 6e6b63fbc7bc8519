package eidastest_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas/eidastest"
)

// The names are those of the constants, in the order of the source.
func TestNamesOfConstants(t *testing.T) {
	for file, row := range map[string]struct {
		first, kind string
		name        func(n int) string
	}{
		"fault.go": {"FaultNone", "Fault", func(n int) string { return eidastest.Fault(n).String() }},
		"pki.go":   {"P256", "KeyType", func(n int) string { return eidastest.KeyType(n).String() }},
	} {
		declared := constants(t, file, row.first)
		require.Greater(t, len(declared), 5)
		for n, want := range declared {
			assert.Equal(t, want, row.name(n))
		}
		past := row.name(len(declared))
		assert.True(t, strings.HasPrefix(past, row.kind+"("), "%s: one more than there are", past)
	}
}

// constants returns the names that a file declares in the block that first begins.
func constants(t *testing.T, file, first string) []string {
	t.Helper()
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	require.NoError(t, err)
	for _, d := range parsed.Decls {
		block, ok := d.(*ast.GenDecl)
		if !ok || block.Tok != token.CONST {
			continue
		}
		var names []string
		for _, s := range block.Specs {
			if v, ok := s.(*ast.ValueSpec); ok {
				names = append(names, v.Names[0].Name)
			}
		}
		if names[0] == first {
			return names
		}
	}
	return nil
}
