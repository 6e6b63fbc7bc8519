package trustlist

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"
)

// Source gets the bytes of a list. Nothing it says is believed; trust comes
// from signatures alone. It returns at most MaxListSize bytes, or an error that
// matches ReasonNotFound, ReasonTooLarge or, by default, ReasonFetchFailed.
// Implementations bound their own time and are safe for concurrent use. The
// caller may keep the bytes but does not change them.
type Source interface {
	Fetch(ctx context.Context, url string) ([]byte, error)
}

const (
	// maxManifestSize bounds manifest.json and world.json; real ones have 12 KiB.
	maxManifestSize = 4 << 20
	manifestName    = "manifest.json"
	// floorsMember of the manifest is not the URL of a list but the floors of a store.
	floorsMember = "floors"
)

// Folder is a Source over a folder that holds lists as files and manifest.json,
// an object from URL to {"file": NAME}; further members are for people. It is
// safe for concurrent use.
type Folder struct {
	root  *os.Root
	files map[string]string // URL to file name
}

// OpenFolder reads the manifest of a folder. Files outside of it cannot be
// reached, not even through symbolic links. Close it after use.
func OpenFolder(dir string) (*Folder, error) {
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("trustlist: folder: %w", err)
	}
	records, _, err := readManifest(root)
	if err != nil {
		return nil, errors.Join(err, root.Close())
	}
	return newFolder(root, records), nil
}

func newFolder(root *os.Root, records map[string]record) *Folder {
	f := &Folder{root: root, files: make(map[string]string, len(records))}
	for url, r := range records {
		f.files[url] = r.File
	}
	return f
}

// record is what a manifest says of a list. Only File is needed; the validators
// save a fetch, the rest is for people.
type record struct {
	File      string    `json:"file"`
	SHA256    string    `json:"sha256"`
	Territory string    `json:"territory"`
	Sequence  int       `json:"sequence"`
	Checked   time.Time `json:"checked,omitzero"`
	ETag      string    `json:"etag,omitempty"`
	Modified  string    `json:"last_modified,omitempty"`
}

func readManifest(root *os.Root) (map[string]record, []floor, error) {
	var members map[string]json.RawMessage
	if err := readJSON(root, manifestName, &members); err != nil {
		return nil, nil, err
	}
	var lowest []floor
	records := make(map[string]record, len(members))
	for url, text := range members {
		var r record
		var dst any = &r
		if url == floorsMember {
			dst = &lowest
		}
		if err := json.Unmarshal(text, dst); err != nil {
			return nil, nil, fmt.Errorf("trustlist: %s: %q: %w", manifestName, url, err)
		}
		if url == floorsMember {
			continue
		}
		if !filepath.IsLocal(r.File) {
			return nil, nil, fmt.Errorf("trustlist: %s: file %q is not inside the folder", manifestName, r.File)
		}
		records[url] = r
	}
	return records, lowest, nil
}

// Fetch reads the file of a URL.
func (f *Folder) Fetch(ctx context.Context, url string) ([]byte, error) {
	if err := ctx.Err(); err != nil {
		return nil, at(err, url, ReasonFetchFailed)
	}
	name, ok := f.files[url]
	if !ok {
		return nil, &Error{Reason: ReasonNotFound, URL: url}
	}
	doc, err := readFile(f.root, name, MaxListSize)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil, at(err, url, ReasonNotFound)
	case err != nil:
		return nil, at(err, url, ReasonFetchFailed)
	}
	return doc, nil
}

// Close ends the use of the folder.
func (f *Folder) Close() error { return f.root.Close() }

// readFile reads a regular file of at most limit bytes.
func readFile(root *os.Root, name string, limit int64) ([]byte, error) {
	// Asked before opening: to open a named pipe would block.
	info, err := root.Stat(name)
	if err != nil {
		return nil, err
	}
	if !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%q is not a regular file", name)
	}
	if info.Size() > limit {
		return nil, refuse(ReasonTooLarge, "%q has %d bytes, more than %d", name, info.Size(), limit)
	}
	f, err := root.Open(name)
	if err != nil {
		return nil, err
	}
	defer func() { _ = f.Close() }()
	return readAll(f, info.Size(), limit)
}

// readAll reads r to its end; size is a guess. More than limit bytes are an
// error, never cut.
func readAll(r io.Reader, size, limit int64) ([]byte, error) {
	var buf bytes.Buffer
	buf.Grow(int(min(size, limit)) + bytes.MinRead)
	n, err := buf.ReadFrom(io.LimitReader(r, limit+1))
	if err != nil {
		return nil, err
	}
	if n > limit {
		return nil, refuse(ReasonTooLarge, "more than %d bytes", limit)
	}
	return buf.Bytes(), nil
}

// readJSON reads one JSON value that fills the file.
func readJSON(root *os.Root, name string, v any) error {
	doc, err := readFile(root, name, maxManifestSize)
	if err != nil {
		return fmt.Errorf("trustlist: %s: %w", name, err)
	}
	if err := json.Unmarshal(doc, v); err != nil {
		return fmt.Errorf("trustlist: %s: %w", name, err)
	}
	return nil
}
