package main

import (
	"bytes"
	"log/slog"
	"testing"
	"time"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/eidastest"
	"github.com/seed-b953571c/eidas/revocation"
)

func TestDemoShowsOneCall(t *testing.T) {
	var out bytes.Buffer
	if err := runDemo(t.Context(), &out); err != nil {
		t.Fatal(err)
	}
	want := "200 OK\naccounts for PSDLT-BL-EX000042, which may act as PSP_PI|PSP_AI\n"
	if out.String() != want {
		t.Errorf("got %q, want %q", out.String(), want)
	}
}

// The wiring of production, as far as it goes without a network.
func TestEverybodyIsRefusedUntilTheListsAreThere(t *testing.T) {
	logger := slog.New(slog.DiscardHandler)
	lists, err := newLists(t.TempDir(), logger)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = lists.Close() })
	answers, err := revocation.OpenFolder(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = answers.Close() })
	status, err := newStatus(answers, logger)
	if err != nil {
		t.Fatal(err)
	}
	validator, err := newValidator(lists, status)
	if err != nil {
		t.Fatal(err)
	}
	leaf := eidastest.Start(t, eidastest.Options{}).QWAC("LT", "PSDLT-BL-EX000042", eidas.RoleAI)
	_, err = validator.Validate(t.Context(), leaf.Chain, eidas.UseTLS, time.Now())
	if got := eidas.ReasonOf(err); got != eidas.ReasonTrustUnavailable {
		t.Errorf("got %v, want %v", got, eidas.ReasonTrustUnavailable)
	}
}
