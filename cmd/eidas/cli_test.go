package main_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	main "github.com/seed-b953571c/eidas/cmd/eidas"
)

// outcome is what one run of the program gave.
type outcome struct {
	code           int
	stdout, stderr string
}

// eidasCmd runs the program with nothing on standard input.
func eidasCmd(t *testing.T, args ...string) outcome {
	t.Helper()
	return eidasOn(t, "", args...)
}

func eidasOn(t *testing.T, stdin string, args ...string) outcome {
	t.Helper()
	var stdout, stderr bytes.Buffer
	code := main.Run(t.Context(), args, strings.NewReader(stdin), &stdout, &stderr)
	return outcome{code, stdout.String(), stderr.String()}
}

// documents parses standard output as one JSON object on each line.
func documents[T any](t *testing.T, o outcome) []T {
	t.Helper()
	var all []T
	for line := range strings.Lines(o.stdout) {
		var v T
		require.NoError(t, json.Unmarshal([]byte(line), &v), "line %q", line)
		all = append(all, v)
	}
	return all
}

// document parses standard output as one JSON object.
func document[T any](t *testing.T, o outcome) T {
	t.Helper()
	all := documents[T](t, o)
	require.Len(t, all, 1, "stdout %q, stderr %q", o.stdout, o.stderr)
	return all[0]
}

func TestWithoutCommandShowsHelpAndExits2(t *testing.T) {
	o := eidasCmd(t)
	assert.Equal(t, 2, o.code)
	assert.Empty(t, o.stdout)
	for _, name := range main.CommandNames() {
		assert.Contains(t, o.stderr, "  "+name)
	}
}

func TestHelpExits0(t *testing.T) {
	for _, args := range [][]string{{"help"}, {"--help"}, {"-h"}, {"-help"}, {"help", "--help"}} {
		o := eidasCmd(t, args...)
		assert.Equal(t, 0, o.code, args)
		assert.Contains(t, o.stdout, "Commands:", args)
		assert.Empty(t, o.stderr, args)
	}
}

func TestEveryCommandHasHelp(t *testing.T) {
	names := main.CommandNames()
	require.GreaterOrEqual(t, len(names), 7)
	for _, name := range names {
		words := strings.Fields(name)
		for _, args := range [][]string{
			append(words[:len(words):len(words)], "--help"), append(words[:len(words):len(words)], "-h"),
			append(words[:len(words):len(words)], "operand", "--json", "-help"), append([]string{"help"}, words...),
		} {
			o := eidasCmd(t, args...)
			assert.Equal(t, 0, o.code, args)
			assert.Empty(t, o.stderr, args)
			for _, part := range []string{"eidas " + name + ": ", "Usage:", "Flags:", "--json", "Examples:\n  ", "Exit status:\n  0"} {
				assert.Contains(t, o.stdout, part, args)
			}
		}
	}
}

func TestGroupOfCommands(t *testing.T) {
	for _, args := range [][]string{{"help", "trustlist"}, {"trustlist", "--help"}} {
		o := eidasCmd(t, args...)
		assert.Equal(t, 0, o.code, args)
		assert.Contains(t, o.stdout, "trustlist check", args)
	}
	o := eidasCmd(t, "trustlist")
	assert.Equal(t, 2, o.code)
	assert.Contains(t, o.stderr, "trustlist check")
}

func TestUsageErrorsExit2AndSayWhy(t *testing.T) {
	for name, tc := range map[string]struct {
		args []string
		says string
	}{
		"unknown command":           {[]string{"frobnicate"}, `unknown command "frobnicate"`},
		"unknown command of group":  {[]string{"trustlist", "frobnicate"}, `unknown command "trustlist frobnicate"`},
		"mistyped command":          {[]string{"verfy", "x.pem"}, `unknown command "verfy", did you mean 'verify'?`},
		"mistyped group":            {[]string{"trustlst", "load"}, `unknown command "trustlst", did you mean 'trustlist'?`},
		"mistyped command of group": {[]string{"trustlist", "laod"}, `unknown command "trustlist laod", did you mean 'trustlist load'?`},
		"unknown help topic":        {[]string{"help", "frobnicate"}, `unknown command "frobnicate"`},
		"flag before the command":   {[]string{"--frob", "inspect"}, `unknown command "--frob"`},
		"unknown flag":              {[]string{"inspect", "x.pem", "--frob"}, "flag provided but not defined: -frob"},
		"flag without its value":    {[]string{"verify", "x.pem", "--world"}, "flag needs an argument: -world"},
		"no file to inspect":        {[]string{"inspect"}, "no FILE"},
		"no world to load":          {[]string{"trustlist", "load"}, "--world is missing"},
		"world is no folder":        {[]string{"trustlist", "load", "--world", "no such folder"}, "no such file"},
		"operand to load":           {[]string{"trustlist", "load", "x", "--world", "."}, `unexpected argument "x"`},
		"no signer to check with":   {[]string{"trustlist", "check", "x.xml"}, "--signer is missing"},
		"signer is no fingerprint":  {[]string{"trustlist", "check", "x.xml", "--signer", "abc"}, `"abc"`},
		"empty signer":              {[]string{"trustlist", "check", "x.xml", "--signer", ","}, "empty value"},
		"no list to check":          {[]string{"trustlist", "check", "--signer", strings.Repeat("a", 64)}, "no FILE"},
		"time is none":              {[]string{"verify", "--at", "yesterday", "x.pem"}, "yesterday"},
		"use is none":               {[]string{"verify", "--use", "web", "x.pem"}, "web"},
		"days are none":             {[]string{"verify", "--max-list-stale", "xd", "x.pem"}, "xd"},
		"negative duration":         {[]string{"verify", "--max-list-stale", "-1h", "x.pem"}, "-1h"},
		"verify without world":      {[]string{"verify", "x.pem"}, "--world is missing"},
		"qualify without world":     {[]string{"qualify", "x.pem"}, "--world is missing"},
		"argument to demo":          {[]string{"demo", "x"}, `unexpected argument "x"`},
		"argument to version":       {[]string{"version", "x"}, `unexpected argument "x"`},
		"control characters quoted": {[]string{"inspect", "\x1b[31m.pem"}, `\x1b[31m.pem`},
	} {
		t.Run(name, func(t *testing.T) {
			o := eidasCmd(t, tc.args...)
			assert.Equal(t, 2, o.code)
			assert.Empty(t, o.stdout)
			assert.Contains(t, o.stderr, tc.says)
			assert.NotContains(t, o.stderr, "\x1b")
		})
	}
}

func TestFlagsMayStandAnywhere(t *testing.T) {
	file := tempFile(t, pemOfCertificates(mint(t).leaf.Certificate))
	want := eidasCmd(t, "inspect", "--json", "--brief", file, file)
	require.Equal(t, 0, want.code)
	require.Len(t, strings.Split(strings.TrimSpace(want.stdout), "\n"), 2)
	for _, args := range [][]string{
		{"inspect", file, file, "--json", "--brief"},
		{"inspect", file, "-json", file, "-brief"},
		{"--json", "inspect", "--brief", file, file},
		{"inspect", "--brief=true", "--json=true", "--", file, file},
	} {
		assert.Equal(t, want, eidasCmd(t, args...), args)
	}
	o := eidasCmd(t, "inspect", "--", "--json")
	assert.Equal(t, 2, o.code)
	assert.Contains(t, o.stderr, "--json: no such file", "what follows -- is a file")
}

// failing is a standard output that is gone.
type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

func TestLostOutputExits2(t *testing.T) {
	file := tempFile(t, pemOf(mint(t).leaf))
	for _, args := range [][]string{{"inspect", file}, {"inspect", "--json", file}, {"help"}, {"version"}, {"demo"}} {
		var stderr bytes.Buffer
		code := main.Run(t.Context(), args, strings.NewReader(""), failing{}, &stderr)
		assert.Equal(t, 2, code, args)
		assert.Contains(t, stderr.String(), "broken pipe", args)
	}
}

func TestInterruptedExits2(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	var stdout, stderr bytes.Buffer
	code := main.Run(ctx, []string{"inspect", "x.pem"}, strings.NewReader(""), &stdout, &stderr)
	assert.Equal(t, 2, code)
	assert.Contains(t, stderr.String(), "canceled")
}

func TestVersion(t *testing.T) {
	assert.Equal(t, eidasCmd(t, "version"), eidasCmd(t, "--version"))
	o := eidasCmd(t, "version")
	assert.Equal(t, 0, o.code)
	assert.Contains(t, o.stdout, "eidas ")
	v := document[map[string]string](t, eidasCmd(t, "version", "--json"))
	assert.Contains(t, v["go"], "go1.")
	assert.Contains(t, v, "version")
	assert.Contains(t, v, "revision")
}

func TestNothingIsSuggestedForWhatIsFarOff(t *testing.T) {
	for _, args := range [][]string{{"frobnicate"}, {"x"}, {strings.Repeat("verify", 1000)}, {"verify\x1b[31m", "x"}} {
		assert.NotContains(t, eidasCmd(t, args...).stderr, "did you mean", args)
	}
}

func TestHelpOfDiffIsWrapped(t *testing.T) {
	about, _, found := strings.Cut(eidasCmd(t, "help", "trustlist", "diff").stdout, "Flags:")
	require.True(t, found)
	for line := range strings.Lines(about) {
		assert.LessOrEqual(t, len(line), 84, line)
	}
}
