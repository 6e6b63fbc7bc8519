package main_test

import (
	"bytes"
	"crypto/x509"
	"encoding/pem"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/eidastest"
)

// tppID is of no authorisation that exists.
const tppID = "PSDLT-BL-EX000042"

// noon is the time of minted worlds, written as commands take it.
const noon = "2026-11-22T12:00:00Z"

// minted is a world with a certificate in it.
type minted struct {
	*eidastest.Test
	leaf *eidastest.Leaf
}

func mint(t *testing.T) minted {
	t.Helper()
	now, err := time.Parse(time.RFC3339, noon)
	require.NoError(t, err)
	w := eidastest.Start(t, eidastest.Options{Now: now})
	return minted{w, w.QWAC("LT", tppID, eidas.RolePI|eidas.RoleAI)}
}

// folder writes the world's lists as they are now.
func (m minted) folder(t *testing.T) string {
	t.Helper()
	dir := t.TempDir()
	require.NoError(t, m.WriteFolder(dir))
	return dir
}

func pemOf(l *eidastest.Leaf) string { return pemOfCertificates(l.Chain...) }

func pemOfCertificates(list ...*x509.Certificate) string {
	var b bytes.Buffer
	for _, c := range list {
		_ = pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: c.Raw})
	}
	return b.String()
}

// tempFile writes a file and returns its path.
func tempFile[T string | []byte](t *testing.T, content T) string {
	t.Helper()
	name := filepath.Join(t.TempDir(), "input")
	require.NoError(t, os.WriteFile(name, []byte(content), 0o600))
	return name
}

func writeFile(tb testing.TB, dir, name string, content []byte) string {
	tb.Helper()
	path := filepath.Join(dir, name)
	require.NoError(tb, os.WriteFile(path, content, 0o600))
	return path
}
