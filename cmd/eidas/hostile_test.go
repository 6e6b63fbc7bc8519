package main_test

import (
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/eidastest"
)

// hostileText is what XML lets through: C1 control characters, which are escape
// sequences to some terminals, line ends, and marks that turn the direction of
// writing.
const hostileText = "Good\u009b2J\u202e\u2028\nready  sequence 1\u0085\u00ad\ufeff"

// hostileURL is what is left of it in a URL.
const hostileURL = "\u009b2J\u202e\u00ad"

// assertPrintable says that nothing of hostileText reached a terminal as it is.
func assertPrintable(t *testing.T, o outcome, what string) {
	t.Helper()
	for _, text := range []string{o.stdout, o.stderr} {
		for _, r := range text {
			if r != '\n' && !unicode.IsPrint(r) {
				assert.Failf(t, "unprintable", "%s: %q in %q", what, r, text)
				return
			}
		}
		assert.NotRegexp(t, `(?m)^ready  sequence 1`, text, what)
	}
}

// Lists are written by many, and a signed list is no friendlier to a terminal
// than one that is not.
func TestListsKeepHostileTextOffTheTerminal(t *testing.T) {
	m := mint(t)
	before := m.folder(t)
	q, err := m.AddQTSP(eidastest.QTSPOptions{Territory: "DE", Name: hostileText})
	require.NoError(t, err)
	list := m.List("DE")
	list.Operator, list.URL = hostileText, list.URL+"?"+hostileURL
	require.NoError(t, list.Reissue())
	require.NoError(t, m.LOTL.Reissue())
	issued, err := q.Issue(eidastest.QWAC(tppID, eidas.RoleAI))
	require.NoError(t, err)
	leaf := tempFile(t, pemOf(issued))
	hostile := m.folder(t)

	show := func(args ...string) outcome {
		o := eidasCmd(t, args...)
		require.NotEqual(t, 2, o.code, "%v: %s", args, o.stderr)
		what := strings.Join(args[:2], " ")
		assertPrintable(t, o, what)
		return o
	}
	diff := show("trustlist", "diff", before, hostile)
	assert.Contains(t, diff.stdout, `Good\u009b2J\u202e\u2028 ready`, "it is there, escaped")
	show("trustlist", "load", "--world", hostile)
	show("verify", "--world", hostile, "--at", noon, "--revocation", "off", leaf)
	show("verify", "--explain", "--world", hostile, "--at", noon, "--revocation", "off", leaf)
	show("qualify", "--world", hostile, "--at", noon, leaf)
	for _, args := range [][]string{{"trustlist", "load", "--world", hostile}, {"trustlist", "diff", before, hostile}} {
		assertPrintable(t, eidasCmd(t, append(args, "--json")...), "JSON escapes too")
	}
}

// The URL of a list that is not to be had is shown, and so is the error of one
// that is refused.
func TestHostileURLsOfListsStayOffTheTerminal(t *testing.T) {
	m := mint(t)
	m.List("DE").URL += "?" + hostileText
	m.List("LT").URL += "?" + hostileURL
	require.NoError(t, m.LOTL.Reissue())
	require.NoError(t, m.List("LT").Unsign())
	o := eidasCmd(t, "trustlist", "load", "--world", m.folder(t))
	assertPrintable(t, o, "load")
	assert.Regexp(t, `(?m)^  LT  refused `, o.stdout)
	assert.Regexp(t, `(?m)^  DE  missing .*\\u009b2J\\u202e`, o.stdout)

	w, dir := present(t), t.TempDir()
	w.List("DE").URL += "/" + hostileURL
	require.NoError(t, w.LOTL.Reissue())
	fetched := w.fetch(t, dir)
	assertPrintable(t, fetched, "fetch")
	assert.Regexp(t, `(?m)^  DE  missing .*no such list at .*\\u009b2J\\u202e`, fetched.stdout)
	assertPrintable(t, eidasCmd(t, append([]string{"trustlist", "status", "--dir", dir}, w.trusting()...)...), "status")
}
