package trustlist_test

import (
	"context"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas/trustlist"
)

// editionStore returns a store over the edition in a folder beside it; close
// both after use.
func editionStore(dir, edition string) (*trustlist.Store, *trustlist.Folder, error) {
	anchors := trustlist.Anchors{Profile: "test", LOTL: urlLOTL, OfficialJournal: urlNotice}
	text, err := os.ReadFile(filepath.Join(dir, "signer"))
	if err != nil {
		return nil, nil, err
	}
	f, err := trustlist.ParseFingerprint(string(text))
	if err != nil {
		return nil, nil, err
	}
	anchors.Signers = [][32]byte{f}
	folder, err := trustlist.OpenFolder(filepath.Join(dir, edition))
	if err != nil {
		return nil, nil, err
	}
	s, err := trustlist.NewStore(trustlist.StoreConfig{
		Config: trustlist.Config{Anchors: anchors, Source: folder}, Dir: filepath.Join(dir, "store"),
	})
	return s, folder, err
}

// envWriter makes the test binary refresh a store in a folder until it is killed.
const envWriter = "EIDAS_TEST_WRITER"

// writer alternates between two editions of every list, which it finds in the
// folders "a" and "b" beside its own, so that each commit replaces all of them.
func writer(dir string) error {
	for i := 0; ; i++ {
		// A store of its own each time, to write both editions from the start. They
		// have the same sequence number: the rollback guard lets them alternate.
		s, folder, err := editionStore(dir, string("ab"[i%2]))
		if err != nil {
			return err
		}
		if err := s.Refresh(context.Background()); err != nil {
			return err
		}
		if err := errors.Join(s.Health().Disk, s.Close(), folder.Close()); err != nil {
			return err
		}
		if i == 0 {
			fmt.Println("ready")
		}
	}
}

// twoEditions prepares a folder for writer, and returns it with the name of each
// edition by the ID of its snapshot.
func twoEditions(t *testing.T) (u *union, dir string, ids map[string]string) {
	t.Helper()
	dir, u, ids = t.TempDir(), newUnion(t), map[string]string{}
	u.lotl.issued, u.utList.issued, u.vtList.issued = now.AddDate(-1, 0, 0), now.AddDate(-1, 0, 0), now.AddDate(-1, 0, 0)
	for _, name := range []string{"a", "b"} {
		u.publish() // each signature is another
		ids[u.mustLoad().ID] = name
		folder := filepath.Join(dir, name)
		require.NoError(t, os.Mkdir(folder, 0o700))
		manifest := map[string]any{}
		for i, url := range []string{urlLOTL, urlUT, urlVT} {
			file := fmt.Sprintf("%d.xml", i)
			write(t, folder, file, string(u.source.files[url]))
			manifest[url] = map[string]string{"file": file}
		}
		text, err := json.Marshal(manifest)
		require.NoError(t, err)
		write(t, folder, "manifest.json", string(text))
	}
	signer := u.eu.fingerprint()
	write(t, dir, "signer", hex.EncodeToString(signer[:]))
	return u, dir, ids
}

// startWriter starts a process that writes into the folder until it is killed,
// and waits for its first snapshot.
func startWriter(t *testing.T, dir string) *exec.Cmd {
	t.Helper()
	cmd := exec.CommandContext(t.Context(), os.Args[0])
	cmd.Env = append(os.Environ(), envWriter+"="+dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, cmd.Start())
	_, err = out.Read(make([]byte, 1))
	require.NoError(t, err, "the writer got going")
	return cmd
}

// wholeEdition loads what is on disk and returns which edition it is.
func wholeEdition(t *testing.T, u *union, dir string, ids map[string]string) string {
	t.Helper()
	folder, err := trustlist.OpenFolder(filepath.Join(dir, "store"))
	require.NoError(t, err)
	s, err := trustlist.Load(t.Context(), trustlist.Config{Anchors: u.anchors(), Source: folder}, now)
	require.NoError(t, err)
	require.NoError(t, folder.Close())
	name, whole := ids[s.ID]
	require.True(t, whole, "neither one edition nor the other: %+v", s.Lists)
	return name
}

// A process that is killed at any moment leaves one whole edition on disk.
func TestKilledProcessLeavesAWholeSnapshot(t *testing.T) {
	u, dir, ids := twoEditions(t)
	seen := map[string]int{}
	for range 25 {
		cmd := startWriter(t, dir)
		time.Sleep(rand.N(20 * time.Millisecond))
		require.NoError(t, cmd.Process.Kill())
		require.Error(t, cmd.Wait(), "killed")
		seen[wholeEdition(t, u, dir, ids)]++
	}
	t.Logf("editions found: %v", seen)
}

// Two processes that write other editions into one folder all the time: whoever
// reads it finds one whole edition at every moment, and neither process fails.
func TestTwoProcessesOnOneFolder(t *testing.T) {
	u, dir, ids := twoEditions(t)
	writers := []*exec.Cmd{startWriter(t, dir), startWriter(t, dir)}
	seen := map[string]int{}
	for i := 0; i < 300 || len(seen) < 2; i++ { // on one core a writer may have stood still all the time
		seen[wholeEdition(t, u, dir, ids)]++
	}
	assert.Len(t, seen, 2, "both editions were met: %v", seen)
	for _, cmd := range writers {
		require.NoError(t, cmd.Process.Signal(syscall.Signal(0)), "a writer has ended by itself: it had an error")
		require.NoError(t, cmd.Process.Kill())
		require.Error(t, cmd.Wait())
	}
	seen[wholeEdition(t, u, dir, ids)]++
	t.Logf("editions found: %v", seen)
}

// envFull makes the test binary refresh a store on a disk that is full.
const envFull = "EIDAS_TEST_FULL"

// fullDisk refreshes a store in a process none of whose files may grow beyond
// 100 bytes, so that a write stops in the middle as on a disk that is full, and
// prints the ID of the snapshot in use.
func fullDisk(what string) error {
	dir, edition := filepath.Split(what)
	signal.Ignore(syscall.SIGXFSZ) // it would end the process
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &syscall.Rlimit{Cur: 100, Max: 100}); err != nil {
		return err
	}
	s, folder, err := editionStore(dir, edition)
	if err != nil {
		return err
	}
	if err := errors.Join(s.Load(context.Background()), s.Refresh(context.Background())); err != nil {
		return err
	}
	h := s.Health()
	if !h.Ready || !h.Degraded || !errors.Is(h.Disk, syscall.EFBIG) {
		return fmt.Errorf("health is %+v", h)
	}
	fmt.Print(h.Snapshot)
	return errors.Join(s.Close(), folder.Close())
}

// A disk that is full costs nothing but the newer copy on it: the new lists are in
// use, the old ones start the next process, and the first refresh with room
// mends the folder.
func TestStoreWithADiskThatIsFull(t *testing.T) {
	for name, edition := range map[string]string{"a list does not fit": "b", "the manifest does not fit": "a"} {
		t.Run(name, func(t *testing.T) {
			u, dir, ids := twoEditions(t)
			refresh := func(edition string) {
				s, folder, err := editionStore(dir, edition)
				require.NoError(t, err)
				require.NoError(t, s.Refresh(t.Context()))
				require.NoError(t, errors.Join(s.Health().Disk, s.Close(), folder.Close()))
			}
			refresh("a")
			cmd := exec.CommandContext(t.Context(), os.Args[0])
			cmd.Env = append(os.Environ(), envFull+"="+filepath.Join(dir, edition))
			cmd.Stderr = os.Stderr
			out, err := cmd.Output()
			require.NoError(t, err)
			assert.Equal(t, edition, ids[string(out)], "what was had is in use")
			assert.Equal(t, "a", wholeEdition(t, u, dir, ids), "what was there is whole")
			litter, err := filepath.Glob(filepath.Join(dir, "store", ".tmp-*"))
			require.NoError(t, err)
			assert.Empty(t, litter, "half a file takes no room")
			refresh("b")
			assert.Equal(t, "b", wholeEdition(t, u, dir, ids), "mended")
		})
	}
}
