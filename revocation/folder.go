package revocation

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
)

const (
	// maxFolderRecords and maxFolderBytes bound a Folder: twice the default of
	// the cache in memory, and of the CRLs there.
	maxFolderRecords = 2 * DefaultCacheEntries
	maxFolderBytes   = 2 * DefaultCRLBytes
	// folderHeader is before the value in a file: ThisUpdate, flags.
	folderHeader = 8 + 1
	folderTemp   = ".tmp-"
)

// Folder is a Store in a folder, so that one instance starts warm. A file holds
// a record and is changed by renaming; when there are too many, those go that
// would have gone first. It is safe for concurrent use by one process.
type Folder struct {
	root *os.Root

	maxRecords int
	maxBytes   int64

	mu      sync.Mutex
	records int
	bytes   int64
}

var _ Store = (*Folder)(nil)

// OpenFolder opens a folder, and creates it for this user alone. What else is in
// it is left alone.
func OpenFolder(dir string) (*Folder, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("revocation: folder: %w", err)
	}
	root, err := os.OpenRoot(dir)
	if err != nil {
		return nil, fmt.Errorf("revocation: folder: %w", err)
	}
	f := &Folder{root: root, maxRecords: maxFolderRecords, maxBytes: maxFolderBytes}
	if err := f.prune(); err != nil {
		return nil, errors.Join(fmt.Errorf("revocation: folder: %w", err), root.Close())
	}
	return f, nil
}

// Close closes the folder. Calls after it fail.
func (f *Folder) Close() error { return f.root.Close() }

// Load implements Store.
func (f *Folder) Load(_ context.Context, key string) ([]byte, error) {
	_, value, err := f.read(key, true)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, ErrNotStored
	}
	return value, err
}

// Save implements Store.
func (f *Folder) Save(_ context.Context, r Record) error {
	if !isKey(r.Key) {
		return fmt.Errorf("revocation: folder: %q is no key", r.Key)
	}
	f.mu.Lock()
	defer f.mu.Unlock()
	if old, _, err := f.read(r.Key, false); err == nil && !r.Supersedes(old) {
		return nil
	}
	if f.records >= f.maxRecords || f.bytes+int64(len(r.Value)) > f.maxBytes {
		if err := f.prune(); err != nil {
			return err
		}
	}
	if err := f.write(r); err != nil {
		return err
	}
	// What was overwritten is counted too: the next pruning counts anew.
	f.records++
	f.bytes += int64(len(r.Value))
	return nil
}

// Watch implements Store: nobody else saves here.
func (f *Folder) Watch(ctx context.Context, _ func(string)) error {
	<-ctx.Done()
	return ctx.Err()
}

// read reads a file, or its header alone. One that no Save has left there is as
// good as none: it does not mean that the folder is out of reach.
func (f *Folder) read(key string, whole bool) (Record, []byte, error) {
	info, err := f.root.Lstat(key)
	if err == nil && !info.Mode().IsRegular() { // to open a pipe would wait
		err = fmt.Errorf("revocation: folder: %s is no file: %w", key, ErrNotStored)
	}
	if err != nil {
		return Record{}, nil, err
	}
	file, err := f.root.Open(key)
	if err != nil {
		return Record{}, nil, err
	}
	defer func() { _ = file.Close() }()
	if info, err = file.Stat(); err != nil { // it may be another one by now
		return Record{}, nil, err
	}
	if size := info.Size() - folderHeader; size < 0 || size > MaxCRLSize+storedHeader {
		return Record{}, nil, fmt.Errorf("revocation: folder: %s has %d bytes: %w", key, info.Size(), ErrNotStored)
	}
	var header [folderHeader]byte
	if _, err := io.ReadFull(file, header[:]); err != nil {
		return Record{}, nil, fmt.Errorf("revocation: folder: %w", err)
	}
	r := Record{ThisUpdate: time.Unix(int64(binary.BigEndian.Uint64(header[:])), 0), Final: header[8] == 1} //nolint:gosec // a comparison of times
	if !whole {
		return r, nil, nil
	}
	value := make([]byte, info.Size()-folderHeader)
	_, err = io.ReadFull(file, value)
	return r, value, err
}

// write puts a record aside, syncs it and renames it, so that a process killed
// at any moment leaves the old or the new one. The time of the file is when it
// may go.
func (f *Folder) write(r Record) (err error) {
	temp := folderTemp + rand.Text()
	file, err := f.root.OpenFile(temp, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	defer func() {
		if err != nil {
			_ = f.root.Remove(temp)
		}
	}()
	header := binary.BigEndian.AppendUint64(nil, uint64(r.ThisUpdate.Unix())) //nolint:gosec // read back as it was written
	flag := byte(0)
	if r.Final {
		flag = 1
	}
	_, err = file.Write(append(append(header, flag), r.Value...))
	if err = errors.Join(err, file.Sync(), file.Close()); err != nil {
		return err
	}
	if err = f.root.Chtimes(temp, r.Expires, r.Expires); err != nil {
		return err
	}
	return f.root.Rename(temp, r.Key)
}

// prune removes what has expired or was left behind, and when there is too
// much still, what would go first, down to nine tenths.
func (f *Folder) prune() error {
	dir, err := f.root.Open(".")
	if err != nil {
		return err
	}
	infos, err := dir.Readdir(-1)
	if err = errors.Join(err, dir.Close()); err != nil {
		return err
	}
	slices.SortFunc(infos, func(a, b fs.FileInfo) int { return cmp.Compare(b.ModTime().Unix(), a.ModTime().Unix()) })
	f.records, f.bytes = 0, 0
	for _, info := range infos {
		isTemp := strings.HasPrefix(info.Name(), folderTemp)
		if !info.Mode().IsRegular() || !isTemp && !isKey(info.Name()) {
			continue // not ours
		}
		if !isTemp && info.ModTime().After(now()) && f.records < f.maxRecords*9/10 && f.bytes+info.Size() <= f.maxBytes/10*9 {
			f.records++
			f.bytes += info.Size()
		} else if err := f.root.Remove(info.Name()); err != nil {
			return err
		}
	}
	return nil
}

// isKey reports whether a name is that of a record.
func isKey(name string) bool {
	return len(name) == 2*len(cacheKey{}) && strings.Trim(name, "0123456789abcdef") == ""
}
