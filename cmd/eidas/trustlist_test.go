package main_test

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas/eidastest"
	"github.com/seed-b953571c/eidas/internal/realdata"
)

// loaded is the JSON of "trustlist load".
type loaded struct {
	LOTL    struct{ Sequence, Version int } `json:"lotl"`
	Lists   []listLine                      `json:"lists"`
	Profile string                          `json:"profile"`
	Error   string                          `json:"error"`
	Reason  string                          `json:"reason"`
	counts
}

type listLine struct {
	Territory string `json:"territory"`
	Sequence  int    `json:"sequence"`
	Accepted  bool   `json:"accepted"`
	Stale     bool   `json:"stale"`
	Final     bool   `json:"final"`
	Reason    string `json:"reason"`
}

// counts stand in world.json and in the command's JSON under the same names.
type counts struct {
	Services int `json:"services"`
	Granted  int `json:"ca_qc_granted"`
	Web      int `json:"ca_qc_granted_web"`
	Seal     int `json:"ca_qc_granted_seal"`
	Sig      int `json:"ca_qc_granted_sig"`
}

// worldFile is what these tests need of world.json.
type worldFile struct {
	At              string   `json:"at"`
	OfficialJournal *string  `json:"official_journal"`
	Anchors         []string `json:"anchors"`
	Expect          struct {
		Lists map[string]struct {
			Sequence     int
			Stale, Final bool
		} `json:"lists"`
		Absent []string `json:"absent"`
		counts
	} `json:"expect"`
}

func readWorld(t *testing.T, dir string) worldFile {
	t.Helper()
	doc, err := os.ReadFile(filepath.Join(dir, "world.json"))
	require.NoError(t, err)
	var w worldFile
	require.NoError(t, json.Unmarshal(doc, &w))
	return w
}

// worldFolders returns every folder of lists in the data.
func worldFolders(t *testing.T) []string {
	t.Helper()
	var dirs []string
	for _, pattern := range []string{"worlds/*/world.json", "efda/lists/world.json"} {
		found, err := filepath.Glob(filepath.Join(realdata.Path(t), pattern))
		require.NoError(t, err)
		for _, f := range found {
			dirs = append(dirs, filepath.Dir(f))
		}
	}
	require.NotEmpty(t, dirs, "the data holds no world")
	return dirs
}

func TestLoadGivesTheNumbersOfEveryWorld(t *testing.T) {
	for _, dir := range worldFolders(t) {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			w := readWorld(t, dir)
			o := eidasCmd(t, "trustlist", "load", "--world", dir, "--json")
			assert.Equal(t, 0, o.code, o.stderr)
			got := document[loaded](t, o)
			assert.Empty(t, got.Error+got.Reason)
			assert.Positive(t, got.LOTL.Sequence)
			assert.Positive(t, got.LOTL.Version)
			assert.Equal(t, w.Expect.counts, got.counts)
			require.Len(t, got.Lists, len(w.Expect.Lists)+len(w.Expect.Absent))
			for _, l := range got.Lists {
				want, listed := w.Expect.Lists[l.Territory]
				assert.Equal(t, listed, l.Accepted, l.Territory)
				assert.Equal(t, want.Sequence, l.Sequence, l.Territory)
				assert.Equal(t, want.Stale, l.Stale, l.Territory)
				assert.Equal(t, want.Final, l.Final, l.Territory)
				if listed {
					assert.Empty(t, l.Reason, l.Territory)
				} else {
					assert.Contains(t, w.Expect.Absent, l.Territory)
					assert.Equal(t, "not_found", l.Reason, l.Territory)
				}
			}
		})
	}
}

func TestLoadWithTheWrongNoticeIsRefused(t *testing.T) {
	cases := 0
	for _, dir := range worldFolders(t) {
		w := readWorld(t, dir)
		if w.OfficialJournal == nil {
			continue
		}
		cases++
		right, wrong := "oj-2019", "oj-2026"
		if strings.Contains(*w.OfficialJournal, "C/2026/1944") {
			right, wrong = wrong, right
		}
		signers := strings.Join(w.Anchors, ",")
		for anchors, profile := range map[string]string{right: "eu", signers: "eu", signers + "," + strings.Repeat("ab", 32): "test"} {
			o := eidasCmd(t, "trustlist", "load", "--world", dir, "--json", "--anchors", anchors)
			assert.Equal(t, 0, o.code)
			assert.Equal(t, profile, document[loaded](t, o).Profile, "a signer of no notice does not pass for the EU's")
		}
		for _, anchors := range []string{wrong, strings.Repeat("ab", 32)} {
			o := eidasCmd(t, "trustlist", "load", "--world", dir, "--json", "--anchors", anchors)
			assert.Equal(t, 1, o.code)
			got := document[loaded](t, o)
			assert.NotEmpty(t, got.Error)
			assert.NotEmpty(t, got.Reason)
			assert.Empty(t, got.Lists)
			assert.Zero(t, got.counts)
			text := eidasCmd(t, "trustlist", "load", "--world", dir, "--anchors", anchors)
			assert.Equal(t, 1, text.code)
			assert.Contains(t, text.stdout, "refused")
			assert.Contains(t, text.stdout, got.Reason)
		}
	}
	assert.Positive(t, cases, "no world of the data starts at the Official Journal")
}

func TestLoadReportsARefusedListAndKeepsTheOthers(t *testing.T) {
	m := mint(t)
	m.Check(m.List("DE").Tamper())
	o := eidasCmd(t, "trustlist", "load", "--world", m.folder(t), "--json")
	assert.Equal(t, 0, o.code)
	got := document[loaded](t, o)
	require.Len(t, got.Lists, 2)
	assert.Equal(t, listLine{Territory: "LT", Sequence: 10, Accepted: true}, got.Lists[0])
	assert.False(t, got.Lists[1].Accepted)
	assert.Equal(t, "signature_invalid", got.Lists[1].Reason)
	assert.Equal(t, 1, got.Services)
}

func TestLoadTextForPeople(t *testing.T) {
	m := mint(t)
	m.Check(m.List("DE").Unsign())
	o := eidasCmd(t, "trustlist", "load", "--world", m.folder(t))
	assert.Equal(t, 0, o.code)
	assert.Equal(t, `List of trusted lists  sequence 300, format 5, through 1 pivot

  LT  accepted  sequence   10     1 service
  DE  refused   list is not signed: url "https://tl-de.eidastest.invalid/tl.xml": document is not signed

Accepted 1 of 2 lists, with 1 service; 0 missing, 1 refused
Granted  1 service for issuing qualified certificates: 1 for web sites, 1 for seals, 1 for signatures
Freshness judged at 2026-11-22T12:00:00Z, trust profile "test"
`, strings.ReplaceAll(o.stdout, "format 6", "format 5"))
	assert.Empty(t, o.stderr, "no progress where there is no terminal")
	m.Check(m.List("DE").Replace(nil))
	o = eidasCmd(t, "trustlist", "load", "--world", m.folder(t))
	assert.Contains(t, o.stdout, "  DE  missing   not in the folder: https://tl-de.eidastest.invalid/tl.xml\n")
	assert.Contains(t, o.stdout, "; 1 missing, 0 refused\n")
	m.Check(m.List("DE").Restore())
	o = eidasCmd(t, "trustlist", "load", "--world", m.folder(t))
	assert.Contains(t, o.stdout, "Accepted 2 of 2 lists, with 2 services\n")
}

func TestLoadSaysWhoSignedEachList(t *testing.T) {
	m := mint(t)
	m.Check(m.List("DE").Unsign())
	type signed struct{ Territory, Signer string }
	got := document[struct {
		LOTL          signed
		Pivots, Lists []signed
	}](t, eidasCmd(t, "trustlist", "load", "--json", "--world", m.folder(t)))
	of := func(l *eidastest.List) string {
		sum := sha256.Sum256(l.Signer().Raw)
		return hex.EncodeToString(sum[:])
	}
	assert.Equal(t, of(m.LOTL), got.LOTL.Signer)
	assert.Equal(t, []signed{{"LT", of(m.List("LT"))}, {"DE", ""}}, got.Lists)
	require.Len(t, got.Pivots, 1)
	anchor := m.Anchors().Signers[0]
	assert.Equal(t, hex.EncodeToString(anchor[:]), got.Pivots[0].Signer)
}

func TestLoadJudgesFreshnessAtTheTimeGiven(t *testing.T) {
	m := mint(t)
	dir := m.folder(t)
	early := document[loaded](t, eidasCmd(t, "trustlist", "load", "--json", "--world", dir))
	late := document[loaded](t, eidasCmd(t, "trustlist", "load", "--json", "--world", dir, "--at", "2036-01-01"))
	require.Len(t, late.Lists, 2)
	for i := range late.Lists {
		assert.False(t, early.Lists[i].Stale)
		assert.True(t, late.Lists[i].Stale)
		assert.True(t, late.Lists[i].Accepted, "stale lists are accepted; the policy decides")
	}
}

func TestLoadOfABrokenWorldIsAnErrorOfInput(t *testing.T) {
	for name, content := range map[string]string{
		"not JSON":  "{",
		"no anchor": `{"lotl":"https://lotl.example/","at":"2026-11-22T12:00:00Z"}`,
		"too large": `{"x":"` + strings.Repeat("x", 5<<20) + `"}`,
	} {
		t.Run(name, func(t *testing.T) {
			dir := mint(t).folder(t)
			require.NoError(t, os.WriteFile(filepath.Join(dir, "world.json"), []byte(content), 0o600))
			for _, args := range [][]string{
				{"trustlist", "load", "--world", dir}, {"verify", "--world", dir, "x.pem"}, {"qualify", "--world", dir, "x.pem"},
			} {
				o := eidasCmd(t, args...)
				assert.Equal(t, 2, o.code, args)
				assert.Contains(t, o.stderr, "world.json", args)
			}
		})
	}
}

// checked is the JSON of one file of "trustlist check".
type checked struct {
	File      string `json:"file"`
	Authentic bool   `json:"authentic"`
	Reason    string `json:"reason"`
	Error     string `json:"error"`
	Signature bool   `json:"signature"`
	Territory string `json:"territory"`
	Sequence  int    `json:"sequence"`
}

func signerOf(l *eidastest.List) string {
	sum := sha256.Sum256(l.Signer().Raw)
	return hex.EncodeToString(sum[:])
}

func TestCheckOneList(t *testing.T) {
	m := mint(t)
	lt, de := m.List("LT"), m.List("DE")
	good := tempFile(t, lt.Served())
	other := tempFile(t, de.Served())
	m.Check(lt.Tamper())
	bad := tempFile(t, lt.Served())

	o := eidasCmd(t, "trustlist", "check", good, "--signer", signerOf(lt), "--json")
	assert.Equal(t, 0, o.code)
	assert.Equal(t, checked{File: good, Authentic: true, Signature: true, Territory: "LT", Sequence: 10}, document[checked](t, o))

	colons := strings.ToUpper(signerOf(lt))
	for i := 62; i > 0; i -= 2 {
		colons = colons[:i] + ":" + colons[i:]
	}
	assert.Equal(t, 0, eidasCmd(t, "trustlist", "check", good, "--signer", colons).code, "fingerprints as openssl writes them")

	both := signerOf(lt) + "," + signerOf(de)
	assert.Equal(t, 0, eidasCmd(t, "trustlist", "check", good, other, "--signer", both).code)

	o = eidasCmd(t, "trustlist", "check", "--json", "--signer", signerOf(lt), good, other, bad)
	assert.Equal(t, 1, o.code)
	all := documents[checked](t, o)
	require.Len(t, all, 3)
	assert.True(t, all[0].Authentic)
	for i, reason := range map[int]string{1: "signer_unknown", 2: "signature_invalid"} {
		assert.False(t, all[i].Authentic)
		assert.False(t, all[i].Signature)
		assert.Equal(t, reason, all[i].Reason)
		assert.NotEmpty(t, all[i].Error)
	}
	text := eidasCmd(t, "trustlist", "check", "--signer", signerOf(lt), good, bad)
	assert.Equal(t, 1, text.code)
	assert.Contains(t, text.stdout, "authentic  "+good+": LT sequence 10")
	assert.Contains(t, text.stdout, "refused    "+bad+": signature_invalid")

	o = eidasCmd(t, "trustlist", "check", "--json", "--signer", signerOf(lt), good, "no-such-file.xml")
	assert.Equal(t, 2, o.code)
	all = documents[checked](t, o)
	require.Len(t, all, 2)
	assert.Equal(t, "input", all[1].Reason)
	assert.Contains(t, o.stderr, "no-such-file.xml")
}

func TestNoHostileListIsAuthentic(t *testing.T) {
	m := mint(t)
	l := m.List("LT")
	rows := eidastest.HostileRows()
	require.NotEmpty(t, rows)
	for _, row := range rows {
		doc, err := l.Hostile(row.Number)
		require.NoError(t, err)
		o := eidasCmd(t, "trustlist", "check", "--json", "--signer", signerOf(l), tempFile(t, doc))
		assert.Equal(t, 1, o.code, row.Name)
		assert.False(t, document[checked](t, o).Authentic, row.Name)
	}
}

func TestFoldersThatAreNoStore(t *testing.T) {
	const hint = "this folder holds no lists; fill it with 'eidas trustlist fetch --dir DIR'"
	empty := t.TempDir()
	o := eidasCmd(t, "trustlist", "status", "--dir", empty)
	assert.Equal(t, 1, o.code)
	assert.Contains(t, o.stdout, "  Hint: "+hint+"\n")
	assert.NotContains(t, o.stdout, "manifest.json")
	for _, args := range [][]string{{"trustlist", "load"}, {"verify", tempFile(t, pemOf(mint(t).leaf))}} {
		o := eidasCmd(t, append(args, "--world", empty)...)
		assert.Equal(t, 2, o.code)
		assert.Contains(t, o.stderr, hint)
	}

	world := mint(t).folder(t)
	o = eidasCmd(t, "trustlist", "status", "--dir", world)
	assert.Equal(t, 1, o.code, "of other anchors")
	assert.Contains(t, o.stdout, "use 'eidas trustlist load --world DIR'")
}

func TestFetchThatFailsNamesTheURLOnce(t *testing.T) {
	o := eidasCmd(t, "trustlist", "fetch", "--dir", t.TempDir(), "--lotl", "https://127.0.0.1:1/lotl.xml")
	assert.Equal(t, 1, o.code)
	assert.Equal(t, 1, strings.Count(o.stdout, "https://127.0.0.1:1/lotl.xml"), o.stdout)
	assert.Contains(t, o.stdout, "  Hint: --allow-any-port ")
}
