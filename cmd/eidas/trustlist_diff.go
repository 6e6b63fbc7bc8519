package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"slices"
	"strings"

	"github.com/seed-b953571c/eidas/trustlist"
)

func trustlistDiffCommand() *command {
	return &command{
		name:    "trustlist diff",
		usage:   "[flags] BEFORE AFTER",
		summary: "say what changed between two folders of lists",
		about: `
Verifies both folders, worlds or what 'trustlist fetch' keeps, and says which
lists came, went or were issued anew and by which signer, and which services
came, went, or changed their status or what they count for. To keep an earlier
state, copy the folder before you fetch.

With --json, one object on one line for each change:
  kind        list_added, list_removed, list_sequence, list_signer,
              service_added, service_removed, service_status, service_scope
  territory, provider, service, type, before, after`,
		exits: `  0  nothing changed
  1  something changed
  2  usage or input error, or a LOTL is refused`,
		examples: []string{
			"eidas trustlist diff lists.yesterday lists",
			"eidas trustlist diff lists.yesterday lists --json | jq 'select(.kind == \"service_status\")'",
		},
		define: func(fs *flag.FlagSet) action {
			var f anchorFlags
			f.define(fs, "those of world.json, else oj-2026")
			return func(ctx context.Context, e *env, dirs []string) (int, error) {
				if len(dirs) != 2 {
					return 0, usagef("needs two folders, BEFORE and AFTER")
				}
				return e.trustlistDiff(ctx, f, dirs[0], dirs[1])
			}
		},
	}
}

func (e *env) trustlistDiff(ctx context.Context, f anchorFlags, before, after string) (int, error) {
	var sides [2]*trustlist.Snapshot
	for i, dir := range []string{before, after} {
		s, err := e.snapshotOf(ctx, &worldFlags{dir: dir, anchors: f})
		if err != nil {
			return 0, fmt.Errorf("%s: %w", dir, err)
		}
		sides[i] = s
	}
	changes := trustlist.Diff(sides[0], sides[1])
	if err := e.showChanges(changes); err != nil {
		return 0, err
	}
	if len(changes) > 0 {
		return exitRefused, nil
	}
	return exitAccepted, nil
}

func (e *env) snapshotOf(ctx context.Context, f *worldFlags) (*trustlist.Snapshot, error) {
	w, err := openWorld(f)
	if err != nil {
		return nil, err
	}
	s, err := w.load(ctx, w.At, e.stderr)
	return s, errors.Join(err, w.folder.Close())
}

func (e *env) showChanges(changes []trustlist.Change) error {
	if !e.json {
		return e.print(changesText(changes, e.style))
	}
	for i := range changes {
		if err := e.emit(&changes[i]); err != nil {
			return err
		}
	}
	return nil
}

func changesText(changes []trustlist.Change, s style) string {
	if len(changes) == 0 {
		return "nothing changed\n"
	}
	var b strings.Builder
	for len(changes) > 0 {
		territory := changes[0].Territory
		n := slices.IndexFunc(changes, func(c trustlist.Change) bool { return c.Territory != territory })
		if n < 0 {
			n = len(changes)
		}
		b.WriteString(s.bold(clean(territory)) + "\n" + territoryText(changes[:n], s))
		changes = changes[n:]
	}
	return b.String()
}

// territoryText is a line for each change of one territory. Of a list that came
// or went as a whole, its services are counted only.
func territoryText(changes []trustlist.Change, s style) string {
	whole := changes[0].Kind == trustlist.ChangeListAdded || changes[0].Kind == trustlist.ChangeListRemoved
	var b strings.Builder
	for i := range changes {
		b.WriteString("  " + changeText(&changes[i], s))
		if whole {
			b.WriteString(", with " + count(len(changes)-1, "service") + "\n")
			break
		}
		b.WriteString("\n")
	}
	return b.String()
}

func changeText(c *trustlist.Change, s style) string {
	before, after := clean(lastOf(c.Before)), clean(lastOf(c.After))
	switch c.Kind {
	case trustlist.ChangeListAdded:
		return s.green("+ list") + "  sequence " + after
	case trustlist.ChangeListRemoved:
		return s.red("- list") + "  sequence " + before
	case trustlist.ChangeListSequence:
		return "  list  sequence " + before + " → " + after
	case trustlist.ChangeListSigner:
		return s.yellow("! list") + "  signer " + before + " → " + after
	case trustlist.ChangeServiceAdded:
		return s.green("+ ") + changedService(c) + "  " + after
	case trustlist.ChangeServiceRemoved:
		return s.red("- ") + changedService(c) + "  " + before
	case trustlist.ChangeServiceScope:
		return s.yellow("! ") + changedService(c) + "  " + scopeText(c)
	case trustlist.ChangeServiceStatus:
	}
	return s.yellow("! ") + changedService(c) + "  " + before + " → " + after
}

func changedService(c *trustlist.Change) string {
	return clean(strings.TrimPrefix(c.Type, "http://uri.etsi.org/TrstSvc/Svctype/")) + "  " + clean(c.Provider) + ": " + clean(c.Service)
}

// scopeText says what is new of the URIs of a scope, and what is gone.
func scopeText(c *trustlist.Change) string {
	before, after := strings.Fields(c.Before), strings.Fields(c.After)
	var parts []string
	for _, uri := range after {
		if !slices.Contains(before, uri) {
			parts = append(parts, "now "+clean(lastOf(uri)))
		}
	}
	for _, uri := range before {
		if !slices.Contains(after, uri) {
			parts = append(parts, "no longer "+clean(lastOf(uri)))
		}
	}
	if len(parts) == 0 {
		return "other criteria for its qualifiers"
	}
	return strings.Join(parts, ", ")
}

// lastOf returns what stands after the last "/" of a status URI.
func lastOf(uri string) string { return uri[strings.LastIndexByte(uri, '/')+1:] }
