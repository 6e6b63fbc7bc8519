package main

import (
	"context"
	"flag"
	"runtime/debug"
)

func versionCommand() *command {
	return &command{
		name:     "version",
		usage:    "[flags]",
		summary:  "which build this is",
		about:    "With --json, one object: version, revision, go.",
		exits:    "  0  always, unless the command line is wrong",
		examples: []string{"eidas version", "eidas version --json"},
		define: func(*flag.FlagSet) action {
			return func(_ context.Context, e *env, operands []string) (int, error) {
				if len(operands) > 0 {
					return 0, usagef("unexpected argument %q", operands[0])
				}
				return exitAccepted, e.printVersion(buildVersion())
			}
		},
	}
}

type version struct {
	Version  string `json:"version"`
	Revision string `json:"revision"`
	Go       string `json:"go"`
}

// buildVersion reads what the Go tool stamped into the binary.
func buildVersion() version {
	v := version{Version: "unknown"}
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return v
	}
	v.Version, v.Go = info.Main.Version, info.GoVersion
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" {
			v.Revision = s.Value
		}
	}
	return v
}

func (e *env) printVersion(v version) error {
	if e.json {
		return e.emit(v)
	}
	text := "eidas " + v.Version
	if v.Revision != "" {
		text += " (" + v.Revision + ")"
	}
	return e.print(text + ", " + v.Go + "\n")
}
