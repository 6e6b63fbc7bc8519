package main_test

import (
	"bytes"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// fixtures is the folder that testdata/generate wrote, in the past: what older
// versions of the testkit made has to mean the same today.
const fixtures = "../../testdata"

// noonOfFixtures is the time of their world.
const noonOfFixtures = "2026-11-24T12:00:00Z"

// verdict is what cases.json expects of a run, under the command's own names.
type verdict struct {
	Decision string   `json:"decision"`
	Reason   string   `json:"reason"`
	Identity string   `json:"identity"`
	Profile  string   `json:"profile"`
	Roles    []string `json:"roles"`
}

type fixtureCase struct {
	Name  string    `json:"name"`
	File  string    `json:"file"`
	Use   string    `json:"use"`
	At    time.Time `json:"at"`
	Flags []string  `json:"flags"`
	verdict
}

func fixtureCases(t *testing.T) []fixtureCase {
	t.Helper()
	doc, err := os.ReadFile(filepath.Join(fixtures, "cases.json"))
	require.NoError(t, err)
	dec := json.NewDecoder(bytes.NewReader(doc))
	dec.DisallowUnknownFields()
	var all []fixtureCase
	require.NoError(t, dec.Decode(&all))
	require.NotEmpty(t, all)
	return all
}

func TestFixturesOfAnOlderTestkitMeanTheSame(t *testing.T) {
	exits := map[string]int{"accept": 0, "refuse": 1}
	for _, tc := range fixtureCases(t) {
		t.Run(filepath.Base(tc.File)+", "+tc.Name, func(t *testing.T) {
			args := append([]string{
				"verify", "--json", "--world", filepath.Join(fixtures, "world"),
				"--use", tc.Use, "--at", tc.At.Format(time.RFC3339), filepath.Join(fixtures, tc.File),
			}, tc.Flags...)
			o := eidasCmd(t, args...)
			assert.Equal(t, tc.verdict, document[verdict](t, o), o.stdout)
			require.Contains(t, exits, tc.Decision)
			assert.Equal(t, exits[tc.Decision], o.code)
			assert.Equal(t, tc.Decision == "accept", tc.Reason == "", "a refusal and nothing else has a reason")
		})
	}
}

// sealFixture is an entry of seals.json.
type sealFixture struct {
	Name, File, Profile        string
	At                         time.Time
	Decision, Reason, Identity string
}

// Every sealed message has a case, and every case its outcome.
func TestSealFixturesMeanTheSame(t *testing.T) {
	doc, err := os.ReadFile(filepath.Join(fixtures, "seals.json"))
	require.NoError(t, err)
	var all []sealFixture
	require.NoError(t, json.Unmarshal(doc, &all))
	files := map[string]bool{}
	for _, tc := range all {
		files[filepath.Base(tc.File)] = true
		t.Run(filepath.Base(tc.File)+", "+tc.Name, func(t *testing.T) {
			o := eidasCmd(t, "seal", "verify", "--json", "--world", filepath.Join(fixtures, "world"), "--revocation", "off",
				"--profile", tc.Profile, "--at", tc.At.Format(time.RFC3339), filepath.Join(fixtures, tc.File))
			got := document[sealVerdict](t, o)
			assert.Equal(t, tc.Decision, got.Decision, o.stdout)
			assert.Equal(t, tc.Reason, got.Reason)
			assert.Equal(t, tc.Identity, got.Identity)
			assert.Equal(t, map[string]int{"accept": 0, "refuse": 1}[tc.Decision], o.code)
		})
	}
	entries, err := os.ReadDir(filepath.Join(fixtures, "seals"))
	require.NoError(t, err)
	for _, e := range entries {
		assert.True(t, files[e.Name()], "%s has no case", e.Name())
	}
	assert.Len(t, entries, len(files))
	assert.NotEmpty(t, files)
}

func TestEveryFixtureHasACaseAndHoldsNoKey(t *testing.T) {
	cases := map[string]bool{}
	for _, tc := range fixtureCases(t) {
		cases[tc.File] = true
	}
	entries, err := os.ReadDir(filepath.Join(fixtures, "certs"))
	require.NoError(t, err)
	for _, e := range entries {
		assert.True(t, cases["certs/"+e.Name()], "%s has no case in cases.json", e.Name())
		doc, err := os.ReadFile(filepath.Join(fixtures, "certs", e.Name()))
		require.NoError(t, err)
		assert.NotContains(t, string(doc), "PRIVATE KEY", e.Name())
	}
	assert.Len(t, entries, len(cases), "cases.json names files that are not there")
}

func TestRotatedFixtureSharesTheIdentityAlone(t *testing.T) {
	read := func(name string) (verified, *x509.Certificate) {
		path := filepath.Join(fixtures, "certs", name)
		o := eidasCmd(t, "verify", "--json", "--world", filepath.Join(fixtures, "world"), "--at", noonOfFixtures,
			"--revocation", "off", path)
		v := document[verified](t, o)
		require.Equal(t, "accept", v.Decision, o.stdout)
		doc, err := os.ReadFile(path)
		require.NoError(t, err)
		block, _ := pem.Decode(doc)
		require.NotNil(t, block)
		c, err := x509.ParseCertificate(block.Bytes)
		require.NoError(t, err)
		return v, c
	}
	first, firstCert := read("qwac.pem")
	rotated, rotatedCert := read("rotated.pem")
	assert.Equal(t, first.Identity, rotated.Identity)
	assert.Equal(t, first.Roles, rotated.Roles)
	assert.Equal(t, "LT", first.Service.Territory)
	assert.Equal(t, "DE", rotated.Service.Territory)
	assert.NotEqual(t, first.Service.Provider, rotated.Service.Provider)
	assert.NotEqual(t, firstCert.RawSubjectPublicKeyInfo, rotatedCert.RawSubjectPublicKeyInfo)
	assert.NotEqual(t, firstCert.SerialNumber, rotatedCert.SerialNumber)
}

func TestFixtureListsLoad(t *testing.T) {
	dir := filepath.Join(fixtures, "world")
	o := eidasCmd(t, "trustlist", "load", "--json", "--world", dir)
	require.Equal(t, 0, o.code, o.stdout+o.stderr)
	got, want := document[loaded](t, o), readWorld(t, dir).Expect
	assert.Equal(t, want.counts, got.counts)
	assert.Equal(t, "test", got.Profile)
	require.Len(t, got.Lists, len(want.Lists))
	for _, l := range got.Lists {
		w := want.Lists[l.Territory]
		assert.True(t, l.Accepted, "%s: %s", l.Territory, l.Reason)
		assert.Equal(t, w.Sequence, l.Sequence, l.Territory)
		assert.False(t, l.Stale, l.Territory)
	}
}
