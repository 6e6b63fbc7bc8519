package main

import (
	"context"
	"encoding/json"
	"fmt"
	"go/parser"
	"go/token"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"time"
)

// target is the package whose guards are taken out.
type target struct {
	Dir, Name string
	GoFiles   []string

	guards []*guard
	binary string // its tests, with every mutant in them
	// patience is for tests that take no time; slow ones get tenfold their own on
	// top. What exceeds it hangs, and its mutant is killed.
	patience time.Duration
}

func load(ctx context.Context, pkg string) (*target, error) {
	//nolint:gosec // the package is the argument of the person at the keyboard
	out, err := exec.CommandContext(ctx, "go", "list", "-json=Dir,Name,GoFiles", pkg).Output()
	if err != nil {
		return nil, fmt.Errorf("go list %s: %w", pkg, withStderr(err))
	}
	t := &target{}
	if err := json.Unmarshal(out, t); err != nil {
		return nil, fmt.Errorf("go list %s: %w", pkg, err)
	}
	return t, nil
}

func withStderr(err error) error {
	if e, ok := err.(*exec.ExitError); ok { //nolint:errorlint // as Output returns it
		return fmt.Errorf("%w\n%s", err, e.Stderr)
	}
	return err
}

// instrument finds the guards and writes copies of the files in which each can be
// switched off. It returns what replaces what; the package itself is not touched.
func (t *target) instrument(dir string) (map[string]string, error) {
	replace := map[string]string{}
	for _, name := range t.GoFiles {
		path := filepath.Join(t.Dir, name)
		source, err := os.ReadFile(path)
		if err != nil {
			return nil, err
		}
		f := &finder{fset: token.NewFileSet(), file: name, source: source}
		tree, err := parser.ParseFile(f.fset, path, source, parser.SkipObjectResolution)
		if err != nil {
			return nil, err
		}
		f.find(tree)
		copied := filepath.Join(dir, name)
		//nolint:gosec // the names are those of the package's files
		if err := os.WriteFile(copied, rewrite(source, f.guards, len(t.guards)+1), 0o600); err != nil {
			return nil, err
		}
		replace[path] = copied
		t.guards = append(t.guards, f.guards...)
	}
	const added = "mutant_switch.go"
	copied := filepath.Join(dir, added)
	if err := os.WriteFile(copied, fmt.Appendf(nil, switches, t.Name, len(t.guards)+1), 0o600); err != nil {
		return nil, err
	}
	replace[filepath.Join(t.Dir, added)] = copied
	return replace, nil
}

// compile makes one binary of all mutants and the tests.
func (t *target) compile(ctx context.Context, dir string, replace map[string]string) error {
	text, err := json.Marshal(map[string]any{"Replace": replace})
	if err != nil {
		return err
	}
	overlay := filepath.Join(dir, "overlay.json")
	if err := os.WriteFile(overlay, text, 0o600); err != nil {
		return err
	}
	t.binary = filepath.Join(dir, "tests")
	//nolint:gosec // our own files
	c := exec.CommandContext(ctx, "go", "test", "-c", "-vet=off", "-overlay", overlay, "-o", t.binary, ".")
	c.Dir = t.Dir
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("compile the mutants: %w\n%s", err, out)
	}
	return nil
}

// rewrite writes each guard's words around its source, the outer ones outside.
// Nothing adds a line, so that a stack trace has the lines of the original.
func rewrite(source []byte, guards []*guard, first int) []byte {
	type insertion struct {
		at, order, span int
		text            string
	}
	var all []insertion
	for i, g := range guards {
		span := g.end - g.start
		all = append(all, insertion{g.start, 1, -span, strings.Replace(g.before, "%d", fmt.Sprint(first+i), 1)})
		if g.after != "" {
			all = append(all, insertion{g.end, 0, span, g.after})
		}
	}
	slices.SortStableFunc(all, func(a, b insertion) int {
		if a.at != b.at {
			return a.at - b.at
		}
		if a.order != b.order {
			return a.order - b.order
		}
		return a.span - b.span
	})
	var out []byte
	done := 0
	for _, i := range all {
		out = append(append(out, source[done:i.at]...), i.text...)
		done = i.at
	}
	return append(out, source[done:]...)
}

// switches is the file that is added to the package. A guard is noted when it
// would have decided otherwise: only such a test can kill its mutant.
const switches = `package %s

import (
	"os"
	"strconv"
	"sync/atomic"
)

var (
	mutantOn, _   = strconv.Atoi(os.Getenv("MUTANT"))
	mutantNotes   = os.Getenv("MUTANT_NOTES")
	mutantSeen    [%d]atomic.Bool
)

func mutantNote(n int) {
	if mutantNotes == "" || mutantSeen[n].Swap(true) {
		return
	}
	f, err := os.OpenFile(mutantNotes, os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		panic(err)
	}
	defer f.Close()
	if _, err := f.WriteString(strconv.Itoa(n) + "\n"); err != nil {
		panic(err)
	}
}

func mutantBool[T ~bool](n int, v, neutral T) T {
	if v != neutral {
		mutantNote(n)
	}
	if n == mutantOn {
		return neutral
	}
	return v
}

func mutantNil[T comparable](n int, v T) T {
	var none T
	if v != none {
		mutantNote(n)
	}
	if n == mutantOn {
		return none
	}
	return v
}

func mutantHere(n int) bool {
	mutantNote(n)
	return n == mutantOn
}
`
