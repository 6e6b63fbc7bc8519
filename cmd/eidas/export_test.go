package main

import (
	"context"

	"github.com/seed-b953571c/eidas"
)

// FindingText is the sentence of a finding.
var FindingText = findingText

// Run is the whole program but for its process.
var Run = run

// CommandNames returns the names of all commands.
func CommandNames() []string {
	var names []string
	for _, c := range commands() {
		names = append(names, c.name)
	}
	return names
}

// DemoStepOK is the demo's check of a step that was refused: for what and how it
// had to be, and what came of it.
func DemoStepOK(want eidas.Reason, over string, refusal *eidas.Error, wentOver, client string) (bool, error) {
	sc := scene{want: want, over: connection(over), play: func(context.Context) (*outcome, error) {
		return &outcome{refusal: refusal, over: connection(wentOver), client: client}, nil
	}}
	r, _, err := playScene(context.Background(), 1, &sc)
	return err == nil && r.OK, err
}

// Readable is the text of an error for people.
var Readable = readable
