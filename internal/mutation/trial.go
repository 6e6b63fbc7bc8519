package main

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// trial is one top-level test, fuzz target (its seeds) or example.
type trial struct {
	name string
	cost time.Duration // of the processor
	sees map[int]bool  // guards, by number, that decide something in it
}

// memory bounds one process of tests, in KiB: without the check of a size a test
// may be given all there is.
const memory = 8 << 20

// command runs some of the tests, below other work on the machine.
func (t *target) command(ctx context.Context, limit time.Duration, args ...string) *exec.Cmd {
	script := fmt.Sprintf(`ulimit -v %d 2>/dev/null; exec nice -n 10 "$@"`, memory)
	all := append([]string{"-c", script, "sh", t.binary, "-test.timeout", limit.String()}, args...)
	c := exec.CommandContext(ctx, "sh", all...) //nolint:gosec // our own binary
	c.Dir = t.Dir
	return c
}

// record runs each test by itself, without a mutant, and learns what it sees.
func (t *target) record(ctx context.Context, dir string, workers int) ([]*trial, error) {
	out, err := t.command(ctx, 0, "-test.list", "^(Test|Fuzz|Example)").Output()
	if err != nil {
		return nil, fmt.Errorf("list the tests: %w", withStderr(err))
	}
	var trials []*trial
	for name := range strings.FieldsSeq(string(out)) {
		trials = append(trials, &trial{name: name, sees: map[int]bool{}})
	}
	errs := make([]error, len(trials))
	each(len(trials), workers, func(i int) { errs[i] = t.note(ctx, trials[i], filepath.Join(dir, trials[i].name+".notes")) })
	for _, err := range errs {
		if err != nil {
			return nil, err
		}
	}
	slices.SortStableFunc(trials, func(a, b *trial) int { return int(a.cost - b.cost) })
	return trials, nil
}

func (t *target) note(ctx context.Context, r *trial, notes string) error {
	c := t.command(ctx, 0, "-test.run", "^"+r.name+"$")
	c.Env = append(os.Environ(), "MUTANT_NOTES="+notes)
	if out, err := c.CombinedOutput(); err != nil {
		return fmt.Errorf("%s fails without a mutant: %w\n%s", r.name, err, out)
	}
	r.cost = c.ProcessState.UserTime() + c.ProcessState.SystemTime()
	text, err := os.ReadFile(notes)
	if os.IsNotExist(err) {
		return nil
	}
	for line := range strings.FieldsSeq(string(text)) {
		n, _ := strconv.Atoi(line)
		r.sees[n] = true
	}
	return err
}

// verdict is what became of a mutant.
type verdict struct {
	killed bool
	by     string // the test, or why none did
}

// try runs the tests that see a guard without it, the cheap ones first.
func (t *target) try(ctx context.Context, n int, trials []*trial) verdict {
	batches := [][]string{nil}
	var cost, total time.Duration
	seen := 0
	for _, r := range trials {
		if !r.sees[n] {
			continue
		}
		seen++
		total += r.cost
		if last := len(batches) - 1; cost > 0 && cost+r.cost > time.Second<<last {
			batches, cost = append(batches, nil), 0
		}
		batches[len(batches)-1] = append(batches[len(batches)-1], r.name)
		cost += r.cost
	}
	if seen == 0 {
		return verdict{by: "no test sees it"}
	}
	for _, names := range batches {
		c := t.command(ctx, t.patience+10*total, "-test.failfast", "-test.run", "^("+strings.Join(names, "|")+")$")
		c.Env = append(os.Environ(), "MUTANT="+strconv.Itoa(n))
		var out bytes.Buffer
		c.Stdout, c.Stderr = &limited{&out}, &limited{&out}
		if c.Run() != nil {
			return verdict{true, killer(out.String(), names)}
		}
	}
	return verdict{by: fmt.Sprintf("%d tests see it", seen)}
}

var failed = regexp.MustCompile(`(?m)^\s*--- FAIL: (\S+)`)

// killer names the test that failed, its innermost part first.
func killer(out string, names []string) string {
	if strings.Contains(out, "panic: test timed out") {
		return "a hang of " + strings.Join(names, ", ")
	}
	by := ""
	for _, m := range failed.FindAllStringSubmatch(out, -1) {
		if by != "" && !strings.HasPrefix(m[1], by+"/") {
			break
		}
		by = m[1]
	}
	if by == "" {
		return "a crash in " + strings.Join(names, ", ")
	}
	return by
}

// limited keeps the beginning of what a test has to say.
type limited struct{ to *bytes.Buffer }

func (l *limited) Write(p []byte) (int, error) {
	const most = 1 << 20
	if room := most - l.to.Len(); room > 0 {
		l.to.Write(p[:min(room, len(p))])
	}
	return len(p), nil
}

var _ io.Writer = (*limited)(nil)

// each calls do for 0 to n-1, so many at a time.
func each(n, workers int, do func(int)) {
	var wg sync.WaitGroup
	next := make(chan int)
	for range workers {
		wg.Go(func() {
			for i := range next {
				do(i)
			}
		})
	}
	for i := range n {
		next <- i
	}
	close(next)
	wg.Wait()
}
