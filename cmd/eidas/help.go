package main

import (
	"flag"
	"fmt"
	"io"
	"strings"
)

const purpose = "eidas decides who is behind a PSD2 certificate, from the EU trusted lists."

// overview is the help of the program.
func overview(s style) string {
	var b strings.Builder
	b.WriteString(purpose + "\n\n" + s.bold("Usage:") + "\n  eidas COMMAND [flags] [arguments]\n\n")
	b.WriteString(s.bold("Commands:") + "\n" + commandTable(commands()))
	b.WriteString("\n" + s.bold("Begin with:") + "\n  eidas demo\n\n")
	b.WriteString("Run 'eidas help COMMAND' for flags and examples. Every command takes --json.\n")
	b.WriteString("Exit status: 0 accepted, 1 refused, 2 usage or input error.\n")
	return b.String()
}

// groupHelp is the help of a word that begins several commands.
func groupHelp(name string, members []*command, s style) string {
	return s.bold("Usage:") + "\n  eidas " + name + " COMMAND [flags] [arguments]\n\n" +
		s.bold("Commands:") + "\n" + commandTable(members) +
		"\nRun 'eidas help " + name + " COMMAND' for flags and examples.\n"
}

func commandTable(list []*command) string {
	var rows [][]string
	for _, c := range list {
		rows = append(rows, []string{c.name, c.summary})
	}
	return columns("  ", rows)
}

// commandHelp is the help of one command.
func commandHelp(c *command, s style) string {
	fs := flag.NewFlagSet(c.name, flag.ContinueOnError)
	fs.SetOutput(io.Discard)
	c.define(fs)
	fs.Bool("json", false, jsonUsage)

	var b strings.Builder
	b.WriteString("eidas " + c.name + ": " + c.summary + "\n\n")
	b.WriteString(s.bold("Usage:") + "\n  eidas " + c.name + " " + c.usage + "\n\n")
	b.WriteString(strings.TrimSpace(c.about) + "\n\n")
	b.WriteString(s.bold("Flags:") + "\n" + flagTable(fs) + "\n")
	b.WriteString(s.bold("Examples:") + "\n")
	for _, x := range c.examples {
		b.WriteString("  " + x + "\n")
	}
	b.WriteString("\n" + s.bold("Exit status:") + "\n" + c.exits + "\n")
	return b.String()
}

func flagTable(fs *flag.FlagSet) string {
	var rows [][]string
	fs.VisitAll(func(f *flag.Flag) {
		value, usage := flag.UnquoteUsage(f)
		name := "--" + f.Name
		if value != "" {
			name += " " + value
		}
		if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "0s" {
			usage += fmt.Sprintf(" (default %s)", f.DefValue)
		}
		rows = append(rows, []string{name, usage})
	})
	return columns("  ", rows)
}
