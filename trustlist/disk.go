package trustlist

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"strings"
	"time"
)

const (
	listSuffix = ".xml"
	tempPrefix = ".tmp-"
	// keepUnused is how long a list that no manifest names stays on disk. Two
	// processes may share a folder: what one has just written, or confirmed by
	// touching it, the other must not take away before its manifest names it.
	keepUnused = 7 * 24 * time.Hour
	// maxValidator bounds what is kept of an ETag or Last-Modified.
	maxValidator = 1 << 10
)

// disk keeps the originals of accepted lists in a folder that OpenFolder reads:
// each list in a file named by its SHA-256, written before the manifest that
// names it. Every file is written aside, synced and renamed, so that a process
// killed at any moment leaves the old manifest with its lists, or the new one
// with its own. Nothing of it is believed when it is read again, but the floors in
// the manifest, which can only refuse.
type disk struct {
	root *os.Root
}

// openDisk opens the folder, and creates it for this user alone.
func openDisk(dir string) (*disk, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("trustlist: folder: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("trustlist: folder: %w", err)
	}
	return &disk{root: root}, nil
}

func (d *disk) close() error { return d.root.Close() }

func fileOf(sum [32]byte) string { return hex.EncodeToString(sum[:]) + listSuffix }

// has reports whether a list is there. Whether it is whole shows when it is read.
func (d *disk) has(sum [32]byte) bool {
	info, err := d.root.Stat(fileOf(sum))
	return err == nil && info.Mode().IsRegular()
}

// put keeps a list. One that is there and whole is left alone.
func (d *disk) put(sum [32]byte, doc []byte) error {
	name := fileOf(sum)
	if have, err := readFile(d.root, name, MaxListSize); err == nil && sha256.Sum256(have) == sum {
		return nil
	}
	return d.write(name, doc)
}

// write replaces a file so that there is always a whole one.
func (d *disk) write(name string, content []byte) error {
	temp := tempPrefix + rand.Text()
	err := d.writeNew(temp, content)
	if err == nil {
		err = d.root.Rename(temp, name)
	}
	if err != nil {
		_ = d.root.Remove(temp) // there may be none
		return fmt.Errorf("trustlist: folder: write %q: %w", name, err)
	}
	return nil
}

func (d *disk) writeNew(name string, content []byte) error {
	f, err := d.root.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	_, err = f.Write(content)
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// sync makes what was renamed last over a loss of power.
func (d *disk) sync() error {
	f, err := d.root.Open(".")
	if err != nil {
		return fmt.Errorf("trustlist: folder: %w", err)
	}
	if err := errors.Join(f.Sync(), f.Close()); err != nil {
		return fmt.Errorf("trustlist: folder: sync: %w", err)
	}
	return nil
}

// commit makes the lists of a snapshot the ones that the next start finds. A
// list whose file has been taken away is left out and is an error; without the
// LOTL and its pivots the manifest stays as it was.
func (d *disk) commit(s *Snapshot, f floors, now time.Time) error {
	manifest := make(map[string]any)
	keep := map[string]bool{manifestName: true}
	var missing error
	for i, e := range s.accepted() {
		r := recordOf(e)
		// Fresh to the other processes that share the folder.
		if err := d.root.Chtimes(r.File, now, now); err != nil {
			missing = errors.Join(missing, fmt.Errorf("trustlist: folder: list of %q: %w", e.report.URL, err))
			if i <= len(s.chain.pivots) {
				return missing
			}
			continue
		}
		manifest[e.report.URL], keep[r.File] = r, true
	}
	manifest[floorsMember] = f.sorted()
	text, err := json.MarshalIndent(manifest, "", " ")
	if err != nil {
		return fmt.Errorf("trustlist: folder: manifest: %w", err)
	}
	if err := d.sync(); err != nil { // the lists, before what names them
		return err
	}
	if err := d.write(manifestName, text); err != nil {
		return err
	}
	return errors.Join(missing, d.sync(), d.sweep(keep, now))
}

func recordOf(e *entry) record {
	r := record{
		File: fileOf(e.report.SHA256), SHA256: hex.EncodeToString(e.report.SHA256[:]), Territory: e.report.Territory,
		Sequence: e.report.Sequence, Checked: e.report.Checked, ETag: e.etag, Modified: e.modified,
	}
	if len(r.ETag) > maxValidator || len(r.Modified) > maxValidator {
		r.ETag, r.Modified = "", ""
	}
	return r
}

// sweep removes lists and temporary files that nobody has used for long.
func (d *disk) sweep(keep map[string]bool, now time.Time) error {
	entries, err := fs.ReadDir(d.root.FS(), ".")
	if err != nil {
		return fmt.Errorf("trustlist: folder: %w", err)
	}
	for _, e := range entries {
		name := e.Name()
		ours := strings.HasPrefix(name, tempPrefix) || len(name) == 64+len(listSuffix) && strings.HasSuffix(name, listSuffix)
		if !ours || keep[name] {
			continue
		}
		// Whatever cannot be looked at or removed is left for the next time.
		if info, err := e.Info(); err == nil && now.Sub(info.ModTime()) > keepUnused {
			_ = d.root.Remove(name)
		}
	}
	return nil
}

// recall raises f to the floors on disk. A manifest that cannot be read has none:
// it is load that says so.
func (d *disk) recall(f floors) {
	_, lowest, err := readManifest(d.root)
	if err != nil {
		return
	}
	for _, one := range lowest {
		_ = f.raise(one) // when f is full, every list that is not in it is refused
	}
}

// load authenticates the lists on disk as if they had just been fetched.
func (d *disk) load(ctx context.Context, c Config, last *Snapshot, f floors, at time.Time) (*Snapshot, error) {
	records, _, err := readManifest(d.root)
	if err != nil {
		return nil, err
	}
	c.Source = newFolder(d.root, records)
	l, err := newLoader(c, last, at)
	if err != nil {
		return nil, err
	}
	l.floors = f
	s, err := l.load(ctx)
	if err != nil {
		return nil, err
	}
	for _, e := range s.accepted() {
		r := records[e.report.URL]
		e.report.Checked, e.validators = r.Checked, validators{etag: r.ETag, modified: r.Modified}
	}
	s.refresh()
	return s, nil
}
