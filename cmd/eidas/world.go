package main

import (
	"cmp"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"
	"slices"
	"strings"
	"time"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/trustlist"
)

// anchorFlags say where trust in lists starts.
type anchorFlags struct {
	names  listFlag
	lotl   string
	notice string
	added  []trustlist.Anchors // of further notices, without LOTL and profile
}

func (f *anchorFlags) define(fs *flag.FlagSet, otherwise string) {
	fs.Var(&f.names, "anchors", "trust `NAMES`: oj-2026, oj-2019 or SHA256,… (default "+otherwise+")")
	fs.StringVar(&f.lotl, "lotl", "", "`URL` of the list of trusted lists (default that of the anchors)")
	fs.StringVar(&f.notice, "notice", "", "`URL` of the Official Journal notice that --anchors SHA256,… come from")
	fs.Func("add-notice", "trust a further notice `URL=SHA256,…` of the Official Journal, for when the LOTL no longer names the one of --anchors; may be repeated", f.add)
}

// add takes the signers of a notice that is not built in.
func (f *anchorFlags) add(s string) error {
	// The last "=", for the URL may have a query.
	i := strings.LastIndexByte(s, '=')
	if i < 0 {
		return fmt.Errorf("%q is not URL=SHA256,…", s)
	}
	notice, err := url.Parse(s[:i])
	if err != nil || notice.Scheme != "https" || notice.Host == "" {
		return fmt.Errorf("%q is not an https URL", s[:i])
	}
	signers, err := fingerprints(strings.Split(s[i+1:], ","))
	if err != nil {
		return err
	}
	f.added = append(f.added, trustlist.Anchors{OfficialJournal: s[:i], Signers: signers})
	return nil
}

// fallback completes the notices that were added with what they share with a.
func (f *anchorFlags) fallback(a trustlist.Anchors) []trustlist.Anchors {
	var all []trustlist.Anchors
	for _, notice := range f.added {
		notice.Profile, notice.LOTL = a.Profile, a.LOTL
		all = append(all, notice)
	}
	return all
}

// apply changes anchors by what was given. The signers of a notice that is built
// in come with its URL; the LOTL stays the one there was.
func (f *anchorFlags) apply(a trustlist.Anchors) (trustlist.Anchors, error) {
	lotl := a.LOTL
	switch {
	case len(f.names) == 0:
	case slices.Equal(f.names, []string{"oj-2019"}):
		a = trustlist.OfficialJournal2019()
	case slices.Equal(f.names, []string{"oj-2026"}):
		a = trustlist.OfficialJournal2026()
	default:
		signers, err := fingerprints(f.names)
		if err != nil {
			return a, usageError{fmt.Errorf("--anchors: %w", err)}
		}
		a.Signers, a.Profile = signers, profileOf(signers)
	}
	a.LOTL = cmp.Or(f.lotl, lotl)
	a.OfficialJournal = cmp.Or(f.notice, a.OfficialJournal)
	return a, nil
}

// own returns the anchors for lists that come without a world.json. Signers that
// are given without a notice must have signed the LOTL itself.
func (f *anchorFlags) own() (trustlist.Anchors, error) {
	a := trustlist.DefaultAnchors()
	if len(f.names) > 0 {
		a.OfficialJournal = ""
	}
	return f.apply(a)
}

// worldFlags say which lists to load and where trust in them starts.
type worldFlags struct {
	dir     string
	anchors anchorFlags
}

func (f *worldFlags) define(fs *flag.FlagSet) {
	fs.StringVar(&f.dir, "world", "", "folder `DIR` of lists: a world with manifest.json and world.json, or what 'trustlist fetch' keeps")
	f.anchors.define(fs, "those of world.json, else oj-2026")
}

// world is a folder of lists with where trust in it starts.
type world struct {
	trustlist.World
	fallback []trustlist.Anchors
	folder   *trustlist.Folder
}

// openWorld reads the description of a folder of lists. One without world.json,
// such as a store keeps, is judged at the present. Close its folder after use.
func openWorld(f *worldFlags) (*world, error) {
	if f.dir == "" {
		return nil, usagef("--world is missing")
	}
	described, err := trustlist.LoadWorld(f.dir)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		described = trustlist.World{At: time.Now()}
		described.Anchors, err = f.anchors.own()
	case err == nil:
		described.Anchors, err = f.anchors.apply(described.Anchors)
	}
	if err != nil {
		return nil, err
	}
	w := &world{World: described, fallback: f.anchors.fallback(described.Anchors)}
	w.folder, err = openLists(f.dir)
	return w, err
}

const noLists = "this folder holds no lists; fill it with 'eidas trustlist fetch --dir DIR'"

// openLists opens a folder of lists. One without lists is a folder that nobody
// has fetched into yet.
func openLists(dir string) (*trustlist.Folder, error) {
	folder, err := trustlist.OpenFolder(dir)
	if errors.Is(err, fs.ErrNotExist) {
		if _, missing := os.Stat(dir); missing == nil {
			return nil, fmt.Errorf("%s: %s", dir, noLists)
		}
	}
	return folder, err
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
		Anchors: w.Anchors, Fallback: w.fallback, Source: w.folder,
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
