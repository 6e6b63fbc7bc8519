// Command generate writes the fixtures of testdata: a small world of trusted
// lists, certificates of it, messages sealed with one of them, and what the
// command has to say of each. Run it in
// the root of the module:
//
//	go run ./testdata/generate
//
// Every key is new at each run and none is kept, so a run replaces all fixtures
// at once. testdata/README.md says when that is right.
package main

import (
	"bytes"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"github.com/seed-b953571c/eidas/eidastest"
)

func main() {
	if err := generate("testdata"); err != nil {
		fmt.Fprintln(os.Stderr, "generate:", err)
		os.Exit(1)
	}
}

// now is the time of the world; nothing here depends on the clock.
func now() time.Time { return time.Date(2026, time.November, 24, 12, 0, 0, 0, time.UTC) }

// generate replaces the fixtures in a folder.
func generate(dir string) error {
	// Nothing is removed in a folder that is not the one meant.
	if _, err := os.Stat(filepath.Join(dir, "generate", "main.go")); err != nil {
		return fmt.Errorf("not run in the root of the module: %w", err)
	}
	world, err := eidastest.NewWorld(eidastest.Options{Now: now()})
	if err != nil {
		return err
	}
	defer world.Close()
	issued, err := issue(world)
	if err != nil {
		return err
	}
	worldDir, certDir := filepath.Join(dir, "world"), filepath.Join(dir, "certs")
	for _, d := range []string{worldDir, certDir} {
		if err := errors.Join(os.RemoveAll(d), os.Mkdir(d, 0o750)); err != nil {
			return err
		}
	}
	if err := world.WriteFolder(worldDir); err != nil {
		return err
	}
	var all []testCase
	for _, f := range issued {
		if err := os.WriteFile(filepath.Join(certDir, f.name), pemOf(f.leaf, f.withIssuer), 0o600); err != nil {
			return err
		}
		for _, c := range f.cases {
			c.File = "certs/" + f.name
			all = append(all, c)
		}
	}
	if err := writeCases(filepath.Join(dir, "cases.json"), all); err != nil {
		return err
	}
	sealer, err := sealerOf(issued)
	if err != nil {
		return err
	}
	return writeSeals(dir, sealer)
}

// pemOf returns the certificate, with that of its issuer on demand.
func pemOf(l *eidastest.Leaf, withIssuer bool) []byte {
	chain := l.Chain[:1]
	if withIssuer {
		chain = l.Chain
	}
	var b bytes.Buffer
	for _, c := range chain {
		b.Write(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: c.Raw}))
	}
	return b.Bytes()
}

func writeCases(name string, all []testCase) error {
	doc, err := json.MarshalIndent(all, "", " ")
	if err != nil {
		return err
	}
	return os.WriteFile(name, append(doc, '\n'), 0o600)
}
