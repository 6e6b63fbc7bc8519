//go:build unix

package bench_test

import (
	"bytes"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"encoding/xml"
	"errors"
	"io"
	"log"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/moov-io/signedxml"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas/internal/xmldsig"
)

// signedLists are the lists of a world with the fingerprints of their signers.
type signedLists struct {
	paths   []string
	docs    [][]byte
	signers []xmldsig.Fingerprint
	size    int64
}

// loadSignedLists reads every list of the world eu-2023.
func loadSignedLists(tb testing.TB) signedLists {
	tb.Helper()
	dir := os.Getenv("EIDAS_DATA")
	if dir == "" {
		dir = filepath.Join("..", "..", "shared", "data")
	}
	world := filepath.Join(dir, "worlds", "eu-2023")
	raw, err := os.ReadFile(filepath.Join(world, "manifest.json"))
	require.NoError(tb, err, "the shared data must be there: set EIDAS_DATA")
	var entries map[string]struct{ File string }
	require.NoError(tb, json.Unmarshal(raw, &entries))
	require.NotEmpty(tb, entries)
	certificate := regexp.MustCompile(`(?s)SignatureValue>.*?X509Certificate>([^<]*)<`)
	space := strings.NewReplacer(" ", "", "\n", "", "\r", "", "\t", "", "&#13;", "")
	var lists signedLists
	for _, entry := range entries {
		path := filepath.Join(world, entry.File)
		doc, err := os.ReadFile(path)
		require.NoError(tb, err)
		match := certificate.FindSubmatch(doc)
		require.NotNil(tb, match, path)
		der, err := base64.StdEncoding.DecodeString(space.Replace(string(match[1])))
		require.NoError(tb, err, path)
		lists.paths = append(lists.paths, path)
		lists.docs = append(lists.docs, doc)
		lists.signers = append(lists.signers, xmldsig.Fingerprint(sha256.Sum256(der)))
		lists.size += int64(len(doc))
	}
	return lists
}

// processorTime returns what this process has used so far, of all threads: the
// garbage collector counts.
func processorTime(tb testing.TB) time.Duration {
	tb.Helper()
	var u syscall.Rusage
	require.NoError(tb, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// verifyOwn verifies every list with this module.
func (l signedLists) verifyOwn(tb testing.TB) time.Duration {
	tb.Helper()
	start := processorTime(tb)
	for _, doc := range l.docs {
		_, err := xmldsig.Verify(doc, l.signers)
		require.NoError(tb, err)
	}
	return processorTime(tb) - start
}

// scanTokens lets encoding/xml read the tokens of every list.
func (l signedLists) scanTokens(tb testing.TB) time.Duration {
	tb.Helper()
	start := processorTime(tb)
	for _, doc := range l.docs {
		d := xml.NewDecoder(bytes.NewReader(doc))
		for {
			if _, err := d.Token(); errors.Is(err, io.EOF) {
				break
			} else if err != nil {
				tb.Fatal(err)
			}
		}
	}
	return processorTime(tb) - start
}

// verifyXMLSec verifies every list with one process of xmlsec1, so that its start
// counts once.
func (l signedLists) verifyXMLSec(tb testing.TB) time.Duration {
	tb.Helper()
	tool, err := exec.LookPath("xmlsec1")
	require.NoError(tb, err, "xmlsec1 must be installed")
	arguments := append([]string{
		"--verify", "--insecure",
		"--id-attr:Id", "http://uri.etsi.org/01903/v1.3.2#:SignedProperties",
		"--id-attr:Id", "http://uri.etsi.org/02231/v2#:TrustServiceStatusList",
	}, l.paths...)
	cmd := exec.Command(tool, arguments...)
	out, err := cmd.CombinedOutput()
	require.NoError(tb, err, "%s", out)
	require.Equal(tb, len(l.docs), bytes.Count(out, []byte("OK\n")), "%s", out)
	return cmd.ProcessState.UserTime() + cmd.ProcessState.SystemTime()
}

// verifySignedXML verifies every list with moov-io/signedxml.
func (l signedLists) verifySignedXML(tb testing.TB) time.Duration {
	tb.Helper()
	start := processorTime(tb)
	for i, doc := range l.docs {
		v, err := signedxml.NewValidator(string(doc))
		require.NoError(tb, err)
		v.SetReferenceIDAttribute("Id")
		_, err = v.ValidateReferences()
		require.NoError(tb, err, l.paths[i])
	}
	return processorTime(tb) - start
}

// BenchmarkVerifySideBySide verifies every list of a world with this module and
// with its peers in turn and reports the ratios of processor time, user and
// system: a ratio of 0.2 means a fifth of the peer's.
func BenchmarkVerifySideBySide(b *testing.B) {
	lists := loadSignedLists(b)
	log.SetOutput(io.Discard) // signedxml reports certificates it cannot parse
	b.Cleanup(func() { log.SetOutput(os.Stderr) })
	b.SetBytes(lists.size)
	var own, xmlsec, scan, peer time.Duration
	for b.Loop() {
		own += lists.verifyOwn(b)
		xmlsec += lists.verifyXMLSec(b)
		scan += lists.scanTokens(b)
		peer += lists.verifySignedXML(b)
	}
	b.ReportMetric(own.Seconds()*1000/float64(b.N), "own-ms")
	b.ReportMetric(own.Seconds()/xmlsec.Seconds(), "of-xmlsec1")
	b.ReportMetric(own.Seconds()/scan.Seconds(), "of-token-scan")
	b.ReportMetric(own.Seconds()/peer.Seconds(), "of-signedxml")
}
