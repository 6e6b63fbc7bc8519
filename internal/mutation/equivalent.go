package main

import (
	"fmt"
	"os"
	"strings"
)

// equivalentFile stands in the package that it is about.
const equivalentFile = "equivalent_mutants.txt"

// readEquivalents reads the list of mutants that no test can kill, with the
// reason why: the name of a guard at the beginning of a line, as the report has
// it, and the reason below, indented. # begins a comment. No file is no list.
func readEquivalents(path string) (map[string]string, error) {
	text, err := os.ReadFile(path)
	if os.IsNotExist(err) {
		return map[string]string{}, nil
	}
	if err != nil {
		return nil, err
	}
	reasons := map[string]string{}
	name := ""
	for i, line := range strings.Split(string(text), "\n") {
		reason, indented := strings.CutPrefix(line, "    ")
		switch {
		case strings.TrimSpace(line) == "" || strings.HasPrefix(line, "#"):
		case indented && name != "":
			reasons[name] = strings.TrimSpace(reasons[name] + " " + strings.TrimSpace(reason))
		case indented:
			return nil, fmt.Errorf("%s:%d: a reason of nothing", path, i+1)
		default:
			name = strings.TrimSpace(line)
			if _, twice := reasons[name]; twice {
				return nil, fmt.Errorf("%s:%d: named twice", path, i+1)
			}
			reasons[name] = ""
		}
	}
	for name, reason := range reasons {
		if reason == "" {
			return nil, fmt.Errorf("%s: %s: no reason", path, name)
		}
	}
	return reasons, nil
}
