package revocation_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas/revocation"
)

func openFolder(t *testing.T, dir string) *revocation.Folder {
	t.Helper()
	f, err := revocation.OpenFolder(dir)
	require.NoError(t, err)
	t.Cleanup(func() { _ = f.Close() })
	return f
}

// storeKey is the n-th key.
func storeKey(n int) string {
	const digits = "0123456789abcdef"
	return strings.Repeat("0", 61) + string([]byte{digits[n>>8&15], digits[n>>4&15], digits[n&15]})
}

func TestFolderSupersedes(t *testing.T) {
	at := time.Now().Truncate(time.Second)
	var rows []revocation.Record
	for _, this := range []time.Duration{-time.Second, 0, time.Second} {
		for flags := range 4 {
			rows = append(rows, revocation.Record{
				Key: storeKey(1), ThisUpdate: at.Add(this), Expires: at.Add(time.Hour),
				Final: flags&1 != 0, Overwrite: flags&2 != 0,
			})
		}
	}
	f := openFolder(t, t.TempDir())
	for _, old := range rows {
		for _, r := range rows {
			old.Value, old.Overwrite = []byte("old"), true
			require.NoError(t, f.Save(t.Context(), old))
			r.Value = []byte("new\x00")
			require.NoError(t, f.Save(t.Context(), r))
			want := old.Value
			if r.Supersedes(old) {
				want = r.Value
			}
			got, err := f.Load(t.Context(), r.Key)
			require.NoError(t, err)
			assert.Equal(t, want, got, "%+v after %+v", r, old)
		}
	}
	final := revocation.Record{Final: true, ThisUpdate: at.Add(-time.Hour)}
	assert.True(t, final.Supersedes(revocation.Record{ThisUpdate: at}))
	assert.False(t, revocation.Record{ThisUpdate: at}.Supersedes(final))
}

func TestFolderIsBoundedAndKeepsWhatIsNotIts(t *testing.T) {
	dir := t.TempDir()
	require.NoError(t, os.WriteFile(filepath.Join(dir, "letter.txt"), []byte("dear"), 0o600))
	require.NoError(t, os.Chtimes(filepath.Join(dir, "letter.txt"), time.Unix(0, 0), time.Unix(0, 0)))
	require.NoError(t, os.WriteFile(filepath.Join(dir, ".tmp-LEFTBEHIND"), []byte("half"), 0o600))
	require.NoError(t, os.Mkdir(filepath.Join(dir, storeKey(4095)), 0o700))
	f := openFolder(t, dir)
	f.Bound(20, 1<<20)
	at := time.Now()
	save := func(n int, expires time.Duration, size int) {
		require.NoError(t, f.Save(t.Context(), revocation.Record{Key: storeKey(n), Value: make([]byte, size), Expires: at.Add(expires)}))
	}
	save(0, 1000*time.Hour, 10) // a revocation is kept until its certificate ends
	save(1, -time.Hour, 10)     // has expired
	for n := range 100 {
		save(n+2, time.Duration(n+1)*time.Minute, 10)
		names, err := os.ReadDir(dir)
		require.NoError(t, err)
		assert.LessOrEqual(t, len(names), 22)
	}
	for n, want := range map[int]bool{0: true, 1: false, 2: false, 101: true} {
		_, err := f.Load(t.Context(), storeKey(n))
		assert.Equal(t, want, err == nil, n)
		if !want {
			require.ErrorIs(t, err, revocation.ErrNotStored)
		}
	}
	f.Bound(20, 10_000)
	for n := range 30 {
		save(200+n, time.Hour, 3000)
	}
	var bytes int64
	names, err := os.ReadDir(dir)
	require.NoError(t, err)
	for _, name := range names {
		info, err := name.Info()
		require.NoError(t, err)
		if info.Mode().IsRegular() {
			bytes += info.Size()
		}
	}
	assert.LessOrEqual(t, bytes, int64(13_000))
	assert.FileExists(t, filepath.Join(dir, "letter.txt"))
	assert.NoFileExists(t, filepath.Join(dir, ".tmp-LEFTBEHIND"))

	info, err := os.Stat(filepath.Join(dir, storeKey(229)))
	require.NoError(t, err)
	assert.Equal(t, os.FileMode(0o600), info.Mode())
}

func TestFolderRefuses(t *testing.T) {
	dir := t.TempDir()
	f := openFolder(t, dir)
	for _, key := range []string{"", "../x", strings.Repeat("A", 64), strings.Repeat("a", 63), "/etc/passwd"} {
		require.Error(t, f.Save(t.Context(), revocation.Record{Key: key}), key)
		_, err := f.Load(t.Context(), key)
		require.Error(t, err, key)
	}
	require.NoError(t, os.WriteFile(filepath.Join(dir, storeKey(1)), []byte("short"), 0o600))
	_, err := f.Load(t.Context(), storeKey(1))
	require.Error(t, err)
	large, err := os.Create(filepath.Join(dir, storeKey(2)))
	require.NoError(t, err)
	require.NoError(t, large.Truncate(1<<40))
	require.NoError(t, large.Close())
	_, err = f.Load(t.Context(), storeKey(2))
	require.ErrorContains(t, err, "bytes", "no memory is taken for it")

	require.NoError(t, f.Close())
	require.Error(t, f.Save(t.Context(), revocation.Record{Key: storeKey(3)}))
	_, err = revocation.OpenFolder(filepath.Join(dir, storeKey(1)))
	require.Error(t, err)
}
