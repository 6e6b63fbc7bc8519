// Command mutation takes the refusals of a package out, one at a time, and tells
// which of them no test misses.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"slices"
	"sync/atomic"
	"time"
)

const usage = `usage: mutation [flags] package

Takes every refusal guard of a package out, one at a time, runs the tests of the
package that could notice, and says which of them did. A guard is

  - the condition of an if, or of a case, that ends in a refusal (an error, false,
    nil) or leads past the refusal that a function ends in. Each operand of || is
    a guard of its own (removed: false), and so is each one of && (true);
  - a case of a value or a type, or a default, that refuses (removed: skipped);
  - the refusal that a function ends in (removed: it accepts);
  - the error of a last check that is passed on (removed: nil);
  - each operand of a boolean that is returned.

All mutants are compiled into one test binary. Each test is run once without a
mutant, to learn which guards decide something in it; those that decide nothing
in any test survive without a run. A mutant that hangs is killed.

The package may list mutants that cannot be killed in ` + equivalentFile + `: the
name of a guard as it stands in the report, and below it, indented, the reason.

Exit status: 0 when at least -min percent of the others are killed and the list is
true; 1 when not; 2 when the run fails.

`

type options struct {
	pkg      string
	min      float64
	only     *regexp.Regexp
	list     bool
	parallel int
	patience time.Duration
}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	code, err := run(ctx, os.Args[1:])
	stop()
	if err != nil && !errors.Is(err, flag.ErrHelp) {
		fmt.Fprintln(os.Stderr, "mutation:", err)
	}
	os.Exit(code)
}

func parse(args []string) (options, error) {
	var o options
	f := flag.NewFlagSet("mutation", flag.ContinueOnError)
	f.Usage = func() {
		_, _ = io.WriteString(f.Output(), usage)
		f.PrintDefaults()
	}
	only := f.String("only", "", "`regexp` of the names of guards to try, as in the report")
	f.Float64Var(&o.min, "min", 95, "`percent` to be killed")
	f.BoolVar(&o.list, "list", false, "list the guards and do nothing")
	f.IntVar(&o.parallel, "parallel", 2, "processes at a time")
	f.DurationVar(&o.patience, "patience", time.Minute, "for tests that take no time; slow ones get tenfold their own on top")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if f.NArg() != 1 || o.parallel < 1 {
		f.Usage()
		return o, errors.New("one package, and at least one process")
	}
	o.pkg = f.Arg(0)
	var err error
	o.only, err = regexp.Compile(*only)
	return o, err
}

func run(ctx context.Context, args []string) (int, error) {
	o, err := parse(args)
	if errors.Is(err, flag.ErrHelp) {
		return 0, err
	}
	if err != nil {
		return 2, err
	}
	t, err := load(ctx, o.pkg)
	if err != nil {
		return 2, err
	}
	t.patience = o.patience
	dir, err := os.MkdirTemp("", "mutation")
	if err != nil {
		return 2, err
	}
	defer os.RemoveAll(dir) //nolint:errcheck // of the system's
	replace, err := t.instrument(dir)
	if err != nil {
		return 2, err
	}
	if o.list {
		for _, g := range t.guards {
			_, _ = fmt.Fprintf(os.Stdout, "%d %s\n", g.line, g.name)
		}
		return 0, nil
	}
	if err := t.compile(ctx, dir, replace); err != nil {
		return 2, err
	}
	reasons, err := readEquivalents(filepath.Join(t.Dir, equivalentFile))
	if err != nil {
		return 2, err
	}
	trials, err := t.record(ctx, dir, o.parallel)
	if err != nil {
		return 2, err
	}
	verdicts := t.tryAll(ctx, o, trials)
	if ctx.Err() != nil {
		return 2, ctx.Err()
	}
	if !report(os.Stdout, t, o, reasons, verdicts) {
		return 1, nil
	}
	return 0, nil
}

// tryAll runs all mutants; one that was not asked for has the zero verdict.
func (t *target) tryAll(ctx context.Context, o options, trials []*trial) []verdict {
	verdicts := make([]verdict, len(t.guards))
	var done atomic.Int64
	each(len(t.guards), o.parallel, func(i int) {
		if ctx.Err() != nil || !o.only.MatchString(t.guards[i].name) {
			return
		}
		verdicts[i] = t.try(ctx, i+1, trials)
		if n := done.Add(1); n%50 == 0 {
			fmt.Fprintf(os.Stderr, "%d mutants\n", n)
		}
	})
	return verdicts
}

// report writes a line for each mutant and the sum, and says whether all is well.
func report(w io.Writer, t *target, o options, reasons map[string]string, verdicts []verdict) bool {
	killed, survived, equivalent, wrong := 0, 0, 0, 0
	for i, g := range t.guards {
		v := verdicts[i]
		if v == (verdict{}) {
			continue
		}
		_, listed := reasons[g.name]
		word := "survived"
		switch {
		case v.killed && listed:
			word = "NOT EQUIVALENT, killed"
			killed++
			wrong++
		case v.killed:
			word = "killed"
			killed++
		case listed:
			word = "equivalent"
			equivalent++
		default:
			survived++
		}
		_, _ = fmt.Fprintf(w, "%s: line %d: %s: %s\n", word, g.line, g.name, v.by)
	}
	if o.only.String() == "" {
		for name := range reasons {
			if !slices.ContainsFunc(t.guards, func(g *guard) bool { return g.name == name }) {
				wrong++
				_, _ = fmt.Fprintf(w, "NO SUCH GUARD, in %s: %s\n", equivalentFile, name)
			}
		}
	}
	if killed+survived == 0 {
		_, _ = fmt.Fprintln(w, "no mutants")
		return false
	}
	percent := 100 * float64(killed) / float64(killed+survived)
	_, _ = fmt.Fprintf(w, "%d mutants: %d killed, %d survived, %d equivalent: %.1f %% killed of those that can be, at least %.1f wanted\n",
		killed+survived+equivalent, killed, survived, equivalent, percent, o.min)
	return percent >= o.min && wrong == 0
}
