//go:build unix

package xmldsig_test

import (
	"bytes"
	"encoding/xml"
	"errors"
	"io"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas/internal/xmldsig"
)

// benchLists returns the lists of the largest world, with their signers.
func benchLists(tb testing.TB) (docs [][]byte, signers []xmldsig.Fingerprint, size int64) {
	tb.Helper()
	for _, list := range realLists(tb) {
		if !strings.HasPrefix(list.name, "worlds/eu-2023/") {
			continue
		}
		docs = append(docs, list.doc)
		signers = append(signers, xmldsig.FingerprintOf(keyInfoCertificate(tb, list.doc)))
		size += int64(len(list.doc))
	}
	require.NotEmpty(tb, docs)
	return docs, signers, size
}

// cpu returns the processor time of this process so far: unlike the clock it does
// not count what else the machine is doing.
func cpu(tb testing.TB) time.Duration {
	tb.Helper()
	var u syscall.Rusage
	require.NoError(tb, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

func tokenScan(tb testing.TB, doc []byte) {
	tb.Helper()
	d := xml.NewDecoder(bytes.NewReader(doc))
	for {
		if _, err := d.Token(); errors.Is(err, io.EOF) {
			return
		} else if err != nil {
			tb.Fatal(err)
		}
	}
}

// BenchmarkVerify verifies a whole world and, in the same run, lets encoding/xml
// scan it for tokens. The metric "of-token-scan" is the ratio of processor times.
func BenchmarkVerify(b *testing.B) {
	docs, signers, size := benchLists(b)
	b.SetBytes(size)
	b.ReportAllocs()
	var own, scan time.Duration
	for b.Loop() {
		start := cpu(b)
		for _, doc := range docs {
			if _, err := xmldsig.Verify(doc, signers); err != nil {
				b.Fatal(err)
			}
		}
		own += cpu(b) - start
		b.StopTimer()
		start = cpu(b)
		for _, doc := range docs {
			tokenScan(b, doc)
		}
		scan += cpu(b) - start
		b.StartTimer()
	}
	b.ReportMetric(own.Seconds()/scan.Seconds(), "of-token-scan")
	b.ReportMetric(own.Seconds()*1000/float64(b.N), "cpu-ms/op")
}

// BenchmarkReader reads the tokens of a whole world.
func BenchmarkReader(b *testing.B) {
	docs, _, size := benchLists(b)
	b.SetBytes(size)
	b.ReportAllocs()
	for b.Loop() {
		for _, doc := range docs {
			r := xmldsig.NewReader(doc)
			for {
				if _, err := r.Next(); errors.Is(err, io.EOF) {
					break
				} else if err != nil {
					b.Fatal(err)
				}
			}
		}
	}
}
