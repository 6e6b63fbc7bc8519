package eidastest

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"sync/atomic"
	"time"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/trustlist"
)

// published is what a world serves: an immutable map that is replaced whole.
type published struct {
	files atomic.Pointer[map[string][]byte]
}

func (p *published) all() map[string][]byte {
	if m := p.files.Load(); m != nil {
		return *m
	}
	return nil
}

func (p *published) get(url string) []byte { return p.all()[url] }

func (p *published) set(url string, doc []byte) {
	m := maps.Clone(p.all())
	if m == nil {
		m = map[string][]byte{}
	}
	if m[url] = doc; doc == nil {
		delete(m, url)
	}
	p.files.Store(&m)
}

// Anchors returns where trust in the world starts, for trustlist.Load.
func (w *World) Anchors() trustlist.Anchors {
	a := trustlist.Anchors{Profile: w.profile, LOTL: w.LOTL.URL, OfficialJournal: urlOfficialJournal}
	for _, s := range w.anchors {
		a.Signers = append(a.Signers, sha256.Sum256(s.Certificate.Raw))
	}
	return a
}

// source is a trustlist.Source over what the world serves.
type source struct{ files *published }

// Source returns the lists in memory, as they are at each fetch.
func (w *World) Source() trustlist.Source { return source{&w.files} }

// Fetch returns the list at a URL.
func (s source) Fetch(ctx context.Context, url string) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, &trustlist.Error{Reason: trustlist.ReasonFetchFailed, URL: url, Err: err}
	}
	doc := s.files.get(url)
	if doc == nil {
		return nil, &trustlist.Error{Reason: trustlist.ReasonNotFound, URL: url}
	}
	return doc, nil
}

// Handler serves the lists over HTTP, by the Host of the request. The hosts are
// in no DNS: the client has to be told where they are.
func (w *World) Handler() http.Handler {
	return http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		doc := w.files.get("https://" + r.Host + r.URL.Path)
		if doc == nil {
			http.NotFound(rw, r)
			return
		}
		rw.Header().Set("Content-Type", mimeXML)
		_, _ = rw.Write(doc)
	})
}

// WriteFolder writes what is served into a folder, as trustlist.OpenFolder and
// trustlist.LoadWorld read it. A folder that is not there is made.
func (w *World) WriteFolder(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("eidastest: %w", err)
	}
	manifest := map[string]manifestEntry{}
	for _, l := range slices.Concat(w.pivots, []*List{w.LOTL}, w.lists) {
		doc := l.Served()
		if doc == nil {
			continue
		}
		sum := sha256.Sum256(doc)
		e := manifestEntry{
			Bytes: len(doc), File: fmt.Sprintf("%s-%d.xml", l.Territory, l.Sequence), Issued: l.Issued,
			Sequence: l.Sequence, SHA256: hex.EncodeToString(sum[:]), Territory: l.Territory, Version: l.document().version,
		}
		if !l.NextUpdate.IsZero() {
			e.NextUpdate = &l.NextUpdate
		}
		if err := os.WriteFile(filepath.Join(dir, e.File), doc, 0o600); err != nil {
			return fmt.Errorf("eidastest: %w", err)
		}
		manifest[l.URL] = e
	}
	if err := writeJSON(filepath.Join(dir, "manifest.json"), manifest); err != nil {
		return err
	}
	return writeJSON(filepath.Join(dir, "world.json"), w.describe())
}

// manifestEntry is one list in manifest.json.
type manifestEntry struct {
	Bytes      int        `json:"bytes"`
	File       string     `json:"file"`
	Issued     time.Time  `json:"issued"`
	NextUpdate *time.Time `json:"nextUpdate,omitempty"`
	Sequence   int        `json:"sequence"`
	SHA256     string     `json:"sha256"`
	Territory  string     `json:"territory"`
	Version    int        `json:"version"`
}

// worldFile is world.json: where trust starts, the time to judge at and what an
// honest edition of every list would give.
type worldFile struct {
	LOTL            string      `json:"lotl"`
	At              time.Time   `json:"at"`
	OfficialJournal string      `json:"official_journal"`
	Anchors         []string    `json:"anchors"`
	Expect          expectation `json:"expect"`
}

type expectation struct {
	Lists           map[string]listExpectation `json:"lists"`
	Absent          []string                   `json:"absent"`
	Services        int                        `json:"services"`
	CAQCGranted     int                        `json:"ca_qc_granted"`
	CAQCGrantedWeb  int                        `json:"ca_qc_granted_web"`
	CAQCGrantedSeal int                        `json:"ca_qc_granted_seal"`
	CAQCGrantedSig  int                        `json:"ca_qc_granted_sig"`
}

type listExpectation struct {
	Sequence int  `json:"sequence"`
	Stale    bool `json:"stale"`
	Final    bool `json:"final"`
}

func (w *World) describe() worldFile {
	now := w.Now().UTC().Truncate(time.Second)
	f := worldFile{
		LOTL: w.LOTL.URL, At: now, OfficialJournal: urlOfficialJournal,
		Expect: expectation{Lists: map[string]listExpectation{}, Absent: []string{}},
	}
	for _, s := range w.Anchors().Signers {
		f.Anchors = append(f.Anchors, hex.EncodeToString(s[:]))
	}
	for _, l := range w.lists {
		f.Expect.Lists[l.Territory] = listExpectation{
			Sequence: l.Sequence, Final: l.NextUpdate.IsZero(),
			Stale: !l.NextUpdate.IsZero() && now.After(l.NextUpdate),
		}
		for _, q := range l.qtsps {
			for _, s := range q.Services {
				f.Expect.count(&s.Periods[0])
			}
		}
	}
	return f
}

func (e *expectation) count(p *eidas.Period) {
	e.Services++
	if p.Type != ServiceCAQC || p.Status != StatusGranted {
		return
	}
	e.CAQCGranted++
	for uri, n := range map[string]*int{
		ForWeb: &e.CAQCGrantedWeb, ForSeals: &e.CAQCGrantedSeal, ForSignatures: &e.CAQCGrantedSig,
	} {
		if slices.Contains(p.AdditionalInfo, uri) {
			*n++
		}
	}
}

func writeJSON(name string, v any) error {
	doc, err := json.MarshalIndent(v, "", " ")
	if err != nil {
		return fmt.Errorf("eidastest: %w", err)
	}
	if err := os.WriteFile(name, append(doc, '\n'), 0o600); err != nil {
		return fmt.Errorf("eidastest: %w", err)
	}
	return nil
}
