// Package realdata finds the real trusted lists, certificates and revocation
// answers that tests run over. They are not part of this repository: the
// environment variable EIDAS_DATA names their folder, and the default is
// ../shared/data beside the module root. Only tests import it.
package realdata

import (
	"os"
	"path/filepath"
	"runtime"
	"testing"
)

// Path returns the path of a file or folder of the data. The test fails when
// EIDAS_DATA is set and names no folder. It is skipped, and says so on standard
// error, when no data is there at all or when this set of data has no such part:
// an acceptance run may bring a set of the same layout with fewer parts.
func Path(tb testing.TB, parts ...string) string {
	tb.Helper()
	root, set := os.LookupEnv("EIDAS_DATA")
	if !set {
		root = defaultRoot(tb)
	}
	if info, err := os.Stat(root); err != nil || !info.IsDir() {
		if set {
			tb.Fatalf("EIDAS_DATA=%q is not a folder", root)
		}
		absent(tb, "no real data at "+root+"; set EIDAS_DATA to run this test over it")
	}
	path := filepath.Join(append([]string{root}, parts...)...)
	if _, err := os.Stat(path); err != nil {
		absent(tb, path+" is not in this set of data")
	}
	return path
}

// Read returns the content of a file of the data, under the rules of Path.
func Read(tb testing.TB, parts ...string) []byte {
	tb.Helper()
	b, err := os.ReadFile(Path(tb, parts...))
	if err != nil {
		tb.Fatal(err)
	}
	return b
}

// Glob returns the paths that match a pattern below the data folder, at least
// one, under the rules of Path.
func Glob(tb testing.TB, pattern string) []string {
	tb.Helper()
	root := Path(tb)
	found, err := filepath.Glob(filepath.Join(root, pattern))
	if err != nil {
		tb.Fatal(err)
	}
	if len(found) == 0 {
		absent(tb, pattern+" matches nothing in this set of data")
	}
	return found
}

func absent(tb testing.TB, what string) {
	tb.Helper()
	_, _ = os.Stderr.WriteString("\n*** " + tb.Name() + " DID NOT RUN: " + what + "\n")
	tb.Skip(what)
}

func defaultRoot(tb testing.TB) string {
	tb.Helper()
	_, file, _, ok := runtime.Caller(0)
	if !ok {
		tb.Fatal("cannot find the module root")
	}
	return filepath.Join(filepath.Dir(file), "..", "..", "..", "shared", "data")
}
