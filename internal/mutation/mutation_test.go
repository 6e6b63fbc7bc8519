package main_test

import (
	"context"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// build returns the command, compiled.
func build(t *testing.T) string {
	t.Helper()
	binary := filepath.Join(t.TempDir(), "mutation")
	out, err := exec.CommandContext(t.Context(), "go", "build", "-o", binary, ".").CombinedOutput()
	require.NoError(t, err, "%s", out)
	return binary
}

// run returns what the command writes, and its exit status.
func run(ctx context.Context, t *testing.T, binary, dir string, args ...string) (string, int) {
	t.Helper()
	c := exec.CommandContext(ctx, binary, args...)
	c.Dir = dir
	out, err := c.CombinedOutput()
	if err != nil {
		var exit *exec.ExitError
		require.ErrorAs(t, err, &exit)
	}
	return string(out), c.ProcessState.ExitCode()
}

// TestFixture takes the guards of a small package out: those that its tests hold
// and those that they do not, with a hang and an equivalent one among them.
func TestFixture(t *testing.T) {
	binary := build(t)
	out, code := run(t.Context(), t, binary, ".", "-patience", "5s", "-min", "50", "./testdata/fixture")
	assert.Equal(t, 0, code, out)
	for _, line := range []string{
		`killed: line 10: fixture.go Age: n < 0 -> false: TestAge/below`,
		`survived: line 10: fixture.go Age: n > 150 -> false: no test sees it`,
		`killed: line 17: fixture.go Both: a -> true: TestBoth`,
		`survived: line 17: fixture.go Both: b -> true: no test sees it`,
		`survived: line 22: fixture.go Kind: case "forbidden": return 0, errRefused -> break: 1 tests see it`,
		`killed: line 27: fixture.go Kind: return 0, errors.New("no such kind") -> return: TestKind`,
		`killed: line 31: fixture.go Checked: Age(n) -> nil: TestChecked`,
		`survived: line 35: fixture.go Twice: err != nil -> false: 1 tests see it`,
		`equivalent: line 38: fixture.go Twice: n < 0 -> false: no test sees it`,
		`killed: line 47: fixture.go Forever: n > 3 -> false: a hang of TestForever`,
		`10 mutants: 5 killed, 4 survived, 1 equivalent: 55.6 % killed of those that can be, at least 50.0 wanted`,
	} {
		assert.Contains(t, strings.Split(out, "\n"), line)
	}

	out, code = run(t.Context(), t, binary, ".", "-only", " Age: ", "./testdata/fixture")
	assert.Equal(t, 1, code, "half of them survive")
	assert.Contains(t, out, "2 mutants: 1 killed, 1 survived, 0 equivalent: 50.0 %")

	out, code = run(t.Context(), t, binary, ".", "-only", "no such guard", "./testdata/fixture")
	assert.Equal(t, 1, code, "nothing tried is no success")
	assert.Contains(t, out, "no mutants")

	out, code = run(t.Context(), t, binary, ".", "./testdata/nothing")
	assert.Equal(t, 2, code)
	assert.Contains(t, out, "go list")
}

// module writes a package of its own, and a list of equivalent mutants with it.
func module(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	files["go.mod"] = "module example.test/m\n\ngo 1.26\n"
	for name, text := range files {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	return dir
}

const (
	source = "package m\n\nfunc OK(n int) bool {\n\tif n < 0 {\n\t\treturn false\n\t}\n\treturn true\n}\n"
	tests  = "package m\n\nimport \"testing\"\n\nfunc TestOK(t *testing.T) {\n\tif OK(-1) || !OK(1) {\n\t\tt.Fatal()\n\t}\n}\n"
)

// TestListOfEquivalents holds the list to the truth.
func TestListOfEquivalents(t *testing.T) {
	binary := build(t)
	for name, row := range map[string]struct {
		list, says string
		code       int
	}{
		"none":             {"# nothing here\n", "100.0 %", 0},
		"killed":           {"m.go OK: n < 0 -> false\n    we thought so\n", "NOT EQUIVALENT, killed: line 4: m.go OK: n < 0 -> false: TestOK", 1},
		"no such guard":    {"m.go OK: n < 1 -> false\n    it was there once\n", "NO SUCH GUARD", 1},
		"no reason":        {"m.go OK: n < 0 -> false\n", "no reason", 2},
		"reason of none":   {"    because\n", "a reason of nothing", 2},
		"named twice":      {"a\n    b\na\n    c\n", "named twice", 2},
		"tests that fail ": {"# nothing here\n", "fails without a mutant", 2},
	} {
		t.Run(name, func(t *testing.T) {
			files := map[string]string{"m.go": source, "m_test.go": tests, "equivalent_mutants.txt": row.list}
			if strings.HasPrefix(name, "tests that fail") {
				files["m_test.go"] = strings.ReplaceAll(tests, "OK(-1)", "OK(1)")
			}
			out, code := run(t.Context(), t, binary, module(t, files), ".")
			assert.Contains(t, out, row.says)
			assert.Equal(t, row.code, code, out)
		})
	}
}

// TestGuards lists what counts as a guard, row by row: the body of a function
// and the guards in it.
func TestGuards(t *testing.T) {
	binary := build(t)
	for name, row := range map[string]struct {
		source string
		guards []string
	}{
		"operands of both kinds": {
			"func f(a, b, c bool) error { if a || b && c { return errX }; return nil }",
			[]string{"f: a -> false", "f: b && c -> false", "f: b -> true", "f: c -> true"},
		},
		"or inside of and": {
			"func f(a, b, c bool) error { if a && (b || c) { return errX }; return nil }",
			[]string{"f: a && (b || c) -> false", "f: a -> true", "f: b || c -> true", "f: b -> false", "f: c -> false"},
		},
		"an if that does not refuse": {"func f(a bool) error { if a { g() }; return nil }", nil},
		"an acceptance before a refusal": {
			"func f(a bool) error { if a { return nil }; return errX }",
			[]string{"f: a -> true", "f: return errX -> return"},
		},
		"a refusal in else": {
			"func f(a bool) error { if a { g() } else { return errX }; return nil }",
			[]string{"f: a -> true"},
		},
		"a check inside of a condition": {
			"func f(a bool) error { if a { if err := h(); err != nil { return err } }; return nil }",
			[]string{"f: a -> false", "f: err != nil -> false"},
		},
		"a refusal that is assigned": {
			"func f(a bool) (err error) { if a { err = errX }; return err }",
			[]string{"f: a -> false"},
		},
		"false and a value": {
			"func f(a bool) (int, bool) { if a { return 0, false }; return 1, true }",
			[]string{"f: a -> false"},
		},
		"nothing in place of a value": {
			"func f(a bool) []int { if a { return nil }; return []int{1} }",
			[]string{"f: a -> false"},
		},
		"a handler that has answered": {
			"func f(w http.ResponseWriter, a bool) { if a { w.WriteHeader(400); return }; g() }",
			[]string{"f: a -> false"},
		},
		"cases": {
			"func f(a, b bool) error { switch { case a, b: return errX }; return nil }",
			[]string{"f: a -> false", "f: b -> false"},
		},
		"cases of a value, after which it goes on": {
			"func f(n int) error { switch n { case 1: return errX; case 2: g() }; return nil }",
			[]string{"f: case 1: return errX -> break"},
		},
		"cases of which one is left": {
			"func f(n int) error { switch n { case 1: return nil; default: return errX } }",
			[]string{"f: default: return errX -> return"},
		},
		"a check that is passed on": {"func f() error { return h() }", []string{"f: h() -> nil"}},
		"operands of a boolean": {
			"func f(a, b bool) bool { return a && b }\nfunc k(a, b bool) bool { return a || b }",
			[]string{"f: a -> true", "f: b -> true", "k: a -> false", "k: b -> false"},
		},
		"a method and a function in it": {
			"type T struct{}\nfunc (t *T) f() func(bool) bool { return func(a bool) bool { if a { return false }; return true } }",
			[]string{"T.f.func: a -> false"},
		},
		"the same text twice": {
			"func f(a bool) error { if a { return errX }; if a { return errX }; return nil }",
			[]string{"f: a -> false", "f: a -> false #2"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			text := "package m\n\nimport (\n\"errors\"\n\"net/http\"\n)\n\nvar errX = errors.New(\"\")\nvar _ http.Handler\nfunc g() {}\n" +
				row.source + "\n"
			if strings.Contains(row.source, "h()") {
				text += "func h() (err error) { return }\n"
			}
			out, code := run(t.Context(), t, binary, module(t, map[string]string{"m.go": text}), "-list", ".")
			require.Equal(t, 0, code, out)
			var guards []string
			for line := range strings.Lines(out) {
				_, guard, _ := strings.Cut(strings.TrimSpace(line), " m.go ")
				guards = append(guards, guard)
			}
			assert.Equal(t, row.guards, guards)
		})
	}
}
