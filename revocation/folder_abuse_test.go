package revocation_test

import (
	"bytes"
	"errors"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas/revocation"
)

// A record that was cut off is one that does not verify. Were it a folder out of
// reach, five looks at it would have the breaker give all the others a rest.
func TestFolderWithABrokenRecordIsNotOutOfReach(t *testing.T) {
	for name, breakIt := range map[string]func(path string) error{
		"empty":     func(path string) error { return os.WriteFile(path, nil, 0o600) },
		"cut off":   func(path string) error { return os.WriteFile(path, []byte("abc"), 0o600) },
		"too large": func(path string) error { return os.Truncate(path, revocation.MaxCRLSize+19) },
		"no file":   func(path string) error { return os.Mkdir(path, 0o700) },
		"a link":    func(path string) error { return errors.Join(os.Remove(path), os.Symlink("other", path)) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := t.TempDir()
			path := filepath.Join(dir, storeKey(1))
			if name != "no file" {
				// Its header would keep anything from taking its place.
				final := append(bytes.Repeat([]byte{0x7f}, 8), 1)
				require.NoError(t, os.WriteFile(path, append(final, "value"...), 0o600))
				require.NoError(t, os.WriteFile(filepath.Join(dir, "other"), append(final, "value"...), 0o600))
			}
			require.NoError(t, breakIt(path))
			require.NoError(t, os.Chtimes(path, time.Time{}, time.Now().Add(time.Hour)))
			f := openFolder(t, dir)
			_, err := f.Load(t.Context(), storeKey(1))
			require.ErrorIs(t, err, revocation.ErrNotStored)
			if name == "no file" {
				return
			}
			r := revocation.Record{Key: storeKey(1), Value: []byte("new"), Expires: time.Now().Add(time.Hour)}
			require.NoError(t, f.Save(t.Context(), r))
			value, err := f.Load(t.Context(), storeKey(1))
			require.NoError(t, err)
			assert.Equal(t, r.Value, value)
		})
	}
}
