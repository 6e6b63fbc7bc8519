package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"strings"
)

// The exit codes of every command.
const (
	exitAccepted = 0
	exitRefused  = 1
	exitUsage    = 2 // usage or input error
)

// command is one subcommand.
type command struct {
	name     string // one or two words, as typed
	usage    string // what follows the name in the usage line
	summary  string // one line, for the overview
	about    string // for its own help: what it does and what its JSON holds
	exits    string // what the exit codes mean here
	examples []string
	// define declares the flags and returns what to do once they are parsed.
	define func(fs *flag.FlagSet) action
}

// action does the work of a command. It returns an exit code, or an error for
// exitUsage.
type action func(ctx context.Context, e *env, operands []string) (int, error)

// commands returns all subcommands, in the order of the overview.
func commands() []*command {
	return []*command{
		demoCommand(), inspectCommand(), verifyCommand(), qualifyCommand(),
		revocationOCSPCommand(), revocationCRLCommand(),
		trustlistLoadCommand(), trustlistCheckCommand(), trustlistFetchCommand(), trustlistStatusCommand(),
		trustlistDiffCommand(), sealVerifyCommand(), sealSignCommand(), bindingVerifyCommand(), versionCommand(),
	}
}

// env is what a command works with.
type env struct {
	stdin          io.Reader
	stdout, stderr io.Writer
	json           bool
	style          style // of stdout
}

// usageError is a mistake in the command line, for which the help is of use.
type usageError struct{ error }

// inputFailure is the JSON of a command that had nothing to judge: a file that
// cannot be read or is not what it should be.
type inputFailure struct {
	Error  string `json:"error"`
	Reason string `json:"reason"`
}

func usagef(format string, args ...any) error {
	return usageError{fmt.Errorf(format, args...)}
}

// run is the whole program but for the process around it.
func run(ctx context.Context, args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	e := &env{stdin: stdin, stdout: stdout, stderr: stderr, style: newStyle(stdout)}
	args = hoistJSON(args)
	if len(args) == 0 {
		e.complain(overview(e.style))
		return exitUsage
	}
	if args[0] == "help" || isHelp(args[0]) {
		return e.help(args[1:])
	}
	if args[0] == "--version" || args[0] == "-version" {
		args[0] = "version"
	}
	cmd, rest := find(args)
	if cmd == nil {
		return e.unknown(args)
	}
	code, err := e.execute(ctx, cmd, rest)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return e.finish(commandHelp(cmd, e.style))
	case err != nil:
		text := fmt.Sprintf("eidas %s: %s\n", cmd.name, clean(err.Error()))
		_, usage := errors.AsType[usageError](err)
		if usage {
			text += fmt.Sprintf("Run 'eidas %s --help' for its flags and examples.\n", cmd.name)
		}
		e.complain(text)
		if e.json && !usage {
			_ = e.emit(inputFailure{err.Error(), reasonInput}) // standard error has it too
		}
		return exitUsage
	}
	return code
}

// execute parses the flags of a command and runs it.
func (e *env) execute(ctx context.Context, cmd *command, args []string) (int, error) {
	fs := flag.NewFlagSet(cmd.name, flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	act := cmd.define(fs)
	fs.BoolVar(&e.json, "json", false, jsonUsage)
	flags, operands := permute(fs, args)
	if err := fs.Parse(flags); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return 0, err
		}
		return 0, usageError{err}
	}
	return act(ctx, e, operands)
}

const jsonUsage = "print JSON, one object on one line for each result"

// permute separates flags from operands, so that they may stand in any order.
// What follows "--" are operands.
func permute(fs *flag.FlagSet, args []string) (flags, operands []string) {
	for i := 0; i < len(args); i++ {
		a := args[i]
		switch {
		case a == "--":
			return flags, append(operands, args[i+1:]...)
		case len(a) < 2 || a[0] != '-':
			operands = append(operands, a)
		default:
			flags = append(flags, a)
			if takesValue(fs, a) && i+1 < len(args) {
				i++
				flags = append(flags, args[i])
			}
		}
	}
	return flags, operands
}

// takesValue reports whether the argument after the flag a is its value.
func takesValue(fs *flag.FlagSet, a string) bool {
	f := fs.Lookup(strings.TrimPrefix(a[1:], "-"))
	if f == nil {
		return false
	}
	b, ok := f.Value.(interface{ IsBoolFlag() bool })
	return !ok || !b.IsBoolFlag()
}

// hoistJSON moves --json behind the command's name, where it is looked for.
func hoistJSON(args []string) []string {
	var words, json []string
	for i, a := range args {
		switch {
		case a == "--json" || a == "-json":
			json = append(json, a)
		case strings.HasPrefix(a, "-") || len(words) == 2:
			return append(append(words, json...), args[i:]...)
		default:
			words = append(words, a)
		}
	}
	return append(words, json...)
}

// find returns the command that args name, and the arguments that follow.
func find(args []string) (*command, []string) {
	for words := min(2, len(args)); words > 0; words-- {
		name := strings.Join(args[:words], " ")
		for _, c := range commands() {
			if c.name == name {
				return c, args[words:]
			}
		}
	}
	return nil, nil
}

// group returns the commands whose first word of two is name.
func group(name string) []*command {
	var out []*command
	for _, c := range commands() {
		if strings.HasPrefix(c.name, name+" ") {
			out = append(out, c)
		}
	}
	return out
}

// unknown answers a command line that names no command.
func (e *env) unknown(args []string) int {
	members := group(args[0])
	switch {
	case len(members) > 0 && len(args) > 1 && isHelp(args[1]):
		return e.finish(groupHelp(args[0], members, e.style))
	case len(members) > 0 && len(args) == 1:
		e.complain(groupHelp(args[0], members, e.style))
	case len(members) > 0:
		name := strings.Join(args[:2], " ")
		e.complain(fmt.Sprintf("eidas: unknown command %q%s\n\n%s", name, commandMeant(name), groupHelp(args[0], members, e.style)))
	default:
		e.complain(fmt.Sprintf("eidas: unknown command %q%s\n\n%s", args[0], commandMeant(args[0]), overview(e.style)))
	}
	return exitUsage
}

func isHelp(a string) bool { return a == "-h" || a == "-help" || a == "--help" }

// help is the command "eidas help [COMMAND]".
func (e *env) help(args []string) int {
	if len(args) == 0 || isHelp(args[0]) {
		return e.finish(overview(e.style))
	}
	if cmd, _ := find(args); cmd != nil {
		return e.finish(commandHelp(cmd, e.style))
	}
	if members := group(args[0]); len(members) > 0 && len(args) == 1 {
		return e.finish(groupHelp(args[0], members, e.style))
	}
	return e.unknown(args)
}

// finish prints text that was asked for.
func (e *env) finish(text string) int {
	if err := e.print(text); err != nil {
		e.complain("eidas: " + err.Error() + "\n")
		return exitUsage
	}
	return exitAccepted
}

// print writes to standard output.
func (e *env) print(text string) error {
	if _, err := io.WriteString(e.stdout, text); err != nil {
		return fmt.Errorf("standard output: %w", err)
	}
	return nil
}

// complain writes to standard error. When that fails there is nobody to tell.
func (e *env) complain(text string) { _, _ = io.WriteString(e.stderr, text) }
