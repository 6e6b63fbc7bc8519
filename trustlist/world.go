package trustlist

import (
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/seed-b953571c/eidas"
)

const worldName = "world.json"

// World is what world.json says about a folder of lists: where trust starts and
// the time to judge at.
type World struct {
	Anchors Anchors
	At      time.Time
	// Expect is the member "expect", untouched; nil when absent.
	Expect json.RawMessage
}

// LoadWorld reads world.json of a folder. The profile is the EU's only if the
// anchors are those of an Official Journal notice that is built in here, else
// it is that for tests: a folder cannot pass its own signers off as the EU's.
func LoadWorld(dir string) (World, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return World{}, fmt.Errorf("trustlist: world: %w", err)
	}
	defer func() { _ = root.Close() }()
	var raw struct {
		LOTL            string          `json:"lotl"`
		At              time.Time       `json:"at"`
		OfficialJournal *string         `json:"official_journal"`
		Anchors         []string        `json:"anchors"`
		Expect          json.RawMessage `json:"expect"`
	}
	if err := readJSON(root, worldName, &raw); err != nil {
		return World{}, err
	}
	w := World{At: raw.At, Expect: raw.Expect, Anchors: Anchors{LOTL: raw.LOTL}}
	if raw.OfficialJournal != nil {
		w.Anchors.OfficialJournal = *raw.OfficialJournal
	}
	for _, s := range raw.Anchors {
		f, err := ParseFingerprint(s)
		if err != nil {
			return World{}, fmt.Errorf("trustlist: %s: %w", worldName, err)
		}
		w.Anchors.Signers = append(w.Anchors.Signers, f)
	}
	w.Anchors.Profile = profileOf(w.Anchors)
	if err := w.Anchors.check(); err != nil {
		return World{}, fmt.Errorf("%s: %w", worldName, err)
	}
	if w.At.IsZero() {
		return World{}, fmt.Errorf("trustlist: %s: no time to judge at", worldName)
	}
	return w, nil
}

// profileOf returns the profile of a built-in notice if every signer is in it.
func profileOf(a Anchors) eidas.Profile {
	for _, known := range []Anchors{OfficialJournal2019(), OfficialJournal2026()} {
		if len(a.Signers) > 0 && !slices.ContainsFunc(a.Signers, func(f [32]byte) bool {
			return !slices.Contains(known.Signers, f)
		}) {
			return known.Profile
		}
	}
	return eidas.ProfileTest
}
