package main_test

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
	main "github.com/seed-b953571c/eidas/cmd/eidas"
	"github.com/seed-b953571c/eidas/eidastest"
)

// FuzzInspect feeds any file to inspect. Oracle: the exit code is one of the
// three; JSON is one object on each line, and has an identity or an error, not
// both; text for people and JSON alike hold nothing that a terminal obeys.
func FuzzInspect(f *testing.F) {
	w := eidastest.Start(f, eidastest.Options{Now: time.Date(2026, 11, 22, 12, 0, 0, 0, time.UTC)})
	leaf := w.QWAC("LT", tppID, eidas.AllRoles())
	f.Add([]byte(pemOf(leaf)))
	f.Add(leaf.Certificate.Raw)
	f.Add([]byte(base64.StdEncoding.EncodeToString(leaf.Certificate.Raw)))
	f.Add([]byte("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n"))
	f.Fuzz(func(t *testing.T, content []byte) {
		for _, args := range [][]string{{"inspect", "-", "--json"}, {"inspect", "-"}} {
			var stdout, stderr bytes.Buffer
			code := main.Run(t.Context(), args, bytes.NewReader(content), &stdout, &stderr)
			require.Contains(t, []int{0, 1, 2}, code)
			require.False(t, strings.ContainsFunc(stdout.String()+stderr.String(), func(r rune) bool {
				return r != '\n' && (r < ' ' || r >= 0x7f && r < 0xa0)
			}), "control character in the output")
			if len(args) == 2 {
				continue
			}
			for line := range strings.Lines(stdout.String()) {
				var in inspected
				require.NoError(t, json.Unmarshal([]byte(line), &in))
				require.NotEqual(t, in.Identity == "", in.Error == "")
			}
		}
	})
}
