package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/trustlist"
)

// worldFlags say which lists to load and where trust in them starts.
type worldFlags struct {
	dir     string
	anchors listFlag
}

func (f *worldFlags) define(fs *flag.FlagSet) {
	fs.StringVar(&f.dir, "world", "", "folder `DIR` of lists, with manifest.json and world.json")
	fs.Var(&f.anchors, "anchors", "trust `NAMES` instead of the anchors of world.json: oj-2026, oj-2019 or SHA256,…")
}

// world is a folder of lists with where trust in it starts.
type world struct {
	trustlist.World
	folder *trustlist.Folder
}

// openWorld reads the description of a folder of lists. Close its folder after use.
func openWorld(f *worldFlags) (*world, error) {
	if f.dir == "" {
		return nil, usagef("--world is missing")
	}
	described, err := trustlist.LoadWorld(f.dir)
	if err != nil {
		return nil, err
	}
	w := &world{World: described}
	if len(f.anchors) > 0 {
		if err := w.overrideAnchors(f.anchors); err != nil {
			return nil, err
		}
	}
	w.folder, err = trustlist.OpenFolder(f.dir)
	return w, err
}

// overrideAnchors replaces the signers, and for a notice that is built in also
// its URL. The LOTL stays that of world.json.
func (w *world) overrideAnchors(names []string) error {
	lotl := w.Anchors.LOTL
	switch {
	case slices.Equal(names, []string{"oj-2019"}):
		w.Anchors = trustlist.OfficialJournal2019()
	case slices.Equal(names, []string{"oj-2026"}):
		w.Anchors = trustlist.OfficialJournal2026()
	default:
		signers, err := fingerprints(names)
		if err != nil {
			return usageError{fmt.Errorf("--anchors: %w", err)}
		}
		w.Anchors.Signers, w.Anchors.Profile = signers, profileOf(signers)
	}
	w.Anchors.LOTL = lotl
	return nil
}

// profileOf is the EU's only if every signer is in a notice that is built in,
// so that no other signer passes for the EU's.
func profileOf(signers [][32]byte) eidas.Profile {
	for _, notice := range []trustlist.Anchors{trustlist.OfficialJournal2019(), trustlist.OfficialJournal2026()} {
		if !slices.ContainsFunc(signers, func(f [32]byte) bool { return !slices.Contains(notice.Signers, f) }) {
			return notice.Profile
		}
	}
	return eidas.ProfileTest
}

// fingerprints reads SHA-256 fingerprints, with or without colons.
func fingerprints(texts []string) ([][32]byte, error) {
	var out [][32]byte
	for _, t := range texts {
		f, err := trustlist.ParseFingerprint(strings.ReplaceAll(t, ":", ""))
		if err != nil {
			return nil, err
		}
		out = append(out, f)
	}
	return out, nil
}

// load loads the lists and judges their freshness at a time. A refusal of the
// LOTL is a *trustlist.Error.
func (w *world) load(ctx context.Context, at time.Time, progressTo io.Writer) (*trustlist.Snapshot, error) {
	p := newProgress(progressTo)
	defer p.clear()
	p.show("Reading the list of trusted lists …")
	return trustlist.Load(ctx, trustlist.Config{
		Anchors: w.Anchors, Source: w.folder,
		Progress: func(ev trustlist.Event) {
			p.show(fmt.Sprintf("Verifying trusted lists … %d of %d (%s)", ev.Done, ev.Total, clean(ev.Report.Territory)))
		},
	}, at)
}

// loadOwnTime loads the lists for judging a certificate; their freshness is
// judged at the world's own time. A refusal of the LOTL is an *eidas.Error:
// nothing is left to judge by.
func (w *world) loadOwnTime(ctx context.Context, progressTo io.Writer) (*trustlist.Snapshot, error) {
	s, err := w.load(ctx, w.At, progressTo)
	if refusedLOTL(err) != nil {
		err = &eidas.Error{Reason: eidas.ReasonTrustUnavailable, Err: err}
	}
	return s, err
}

// refusedLOTL returns the refusal that err is, nil when it is another error.
func refusedLOTL(err error) *trustlist.Error {
	refusal, _ := errors.AsType[*trustlist.Error](err)
	return refusal
}

// progress is one line on a terminal that is written over and over, and nothing
// elsewhere.
type progress struct{ w io.Writer }

func newProgress(w io.Writer) progress {
	if !isTerminal(w) {
		w = io.Discard
	}
	return progress{w}
}

const eraseLine = "\r\x1b[2K"

func (p progress) show(text string) { _, _ = io.WriteString(p.w, eraseLine+text) }
func (p progress) clear()           { _, _ = io.WriteString(p.w, eraseLine) }
