package bench_test

import (
	"bytes"
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"io"
	"math/big"
	mathrand "math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"syscall"
	"testing"
	"time"

	notation "github.com/notaryproject/notation-core-go/revocation"
	notationcrl "github.com/notaryproject/notation-core-go/revocation/crl"
	notationocsp "github.com/notaryproject/notation-core-go/revocation/ocsp"
	"github.com/notaryproject/notation-core-go/revocation/purpose"
	"github.com/notaryproject/notation-core-go/revocation/result"
	"github.com/stretchr/testify/require"
	"golang.org/x/crypto/ocsp"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/revocation"
)

// issued is a CA with a certificate that notation-core-go takes: for code
// signing, with a responder or a CRL.
type issued struct {
	key      crypto.Signer
	ca, leaf *x509.Certificate
}

func issue(tb testing.TB, edit func(*x509.Certificate)) *issued {
	tb.Helper()
	mint := func(tmpl, parent *x509.Certificate, pub any, key crypto.Signer) *x509.Certificate {
		der, err := x509.CreateCertificate(rand.Reader, tmpl, parent, pub, key)
		require.NoError(tb, err)
		c, err := x509.ParseCertificate(der)
		require.NoError(tb, err)
		return c
	}
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(tb, err)
	leafKey, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(tb, err)
	begin, end := time.Now().Add(-time.Hour), time.Now().AddDate(1, 0, 0)
	ca := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{Country: []string{"DE"}, Organization: []string{"Test QTSP"}, CommonName: "CA"},
		NotBefore: begin, NotAfter: end, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
	}
	ca = mint(ca, ca, key.Public(), key)
	leaf := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{Country: []string{"DE"}, Organization: []string{"TPP"}, CommonName: "TPP"},
		NotBefore: begin, NotAfter: end, KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageCodeSigning},
	}
	edit(leaf)
	return &issued{key, ca, mint(leaf, ca, leafKey.Public(), key)}
}

func (i *issued) target() revocation.Target {
	return revocation.Target{Certificate: i.leaf, Issuer: i.ca}
}

func (i *issued) chain() []*x509.Certificate { return []*x509.Certificate{i.leaf, i.ca} }

// canned answers every request with one OCSP response.
type canned []byte

func (c canned) RoundTrip(*http.Request) (*http.Response, error) {
	return &http.Response{
		StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"application/ocsp-response"}},
		Body: io.NopCloser(bytes.NewReader(c)), ContentLength: int64(len(c)),
	}, nil
}

// BenchmarkOCSPPeers judges one OCSP response, by turns: here, by x/crypto/ocsp,
// which reads it and verifies a signature, and by notation-core-go, whose call
// also verifies the chain and pretends to ask. It reports the quickest time of
// each, so that other work on the machine does not decide, and the share of ours
// in that of each peer.
func BenchmarkOCSPPeers(b *testing.B) {
	w := issue(b, func(c *x509.Certificate) { c.OCSPServer = []string{"http://a.test/"} })
	now := time.Now()
	raw, err := ocsp.CreateResponse(w.ca, w.ca, ocsp.Response{
		Status: ocsp.Good, SerialNumber: w.leaf.SerialNumber, ThisUpdate: now.Add(-time.Minute), NextUpdate: now.Add(time.Hour),
	}, w.key)
	require.NoError(b, err)
	client := &http.Client{Transport: canned(raw)}
	ways := map[string]func() error{
		"own": func() error {
			_, err := revocation.VerifyOCSP(raw, w.target(), now, revocation.OCSPPolicy{})
			return err
		},
		"xcrypto": func() error {
			_, err := ocsp.ParseResponseForCert(raw, w.leaf, w.ca)
			return err
		},
		"notation": func() error {
			r, err := notationocsp.CheckStatus(notationocsp.Options{CertChain: w.chain(), CertChainPurpose: purpose.CodeSigning, HTTPClient: client})
			if err == nil && r[0].Result != result.ResultOK {
				err = fmt.Errorf("result %s: %w", r[0].Result, r[0].ServerResults[0].Error)
			}
			return err
		},
	}
	spent := make(map[string]time.Duration)
	for b.Loop() {
		for name, judge := range ways {
			start := time.Now()
			err := judge()
			took := time.Since(start)
			require.NoError(b, err, name)
			if spent[name] == 0 || took < spent[name] {
				spent[name] = took
			}
		}
	}
	for name := range ways {
		b.ReportMetric(float64(spent[name].Nanoseconds()), name+"-ns")
	}
	b.ReportMetric(float64(spent["own"])/float64(spent["xcrypto"]), "own/xcrypto")
	b.ReportMetric(float64(spent["own"])/float64(spent["notation"]), "own/notation")
}

// The environment variables that turn a test process into one way to judge by
// a CRL, so that its memory and time are its own.
const (
	envWay = "EIDAS_BENCH_CRL_WAY"
	envDir = "EIDAS_BENCH_CRL_DIR"
)

// BenchmarkCRLPeers judges one certificate by a CRL of a million entries, each
// way in a process of its own: here, by x509.ParseRevocationList with a map of
// serial numbers, and by notation-core-go. It reports the CPU time to read and
// index the CRL and that to do so and judge, in ms, the greatest resident memory
// of the process in MB, and the time of each further judgement; then how many
// times as much the standard library takes, for memory beyond that of a process
// which only has the CRL.
func BenchmarkCRLPeers(b *testing.B) {
	dir := b.TempDir()
	writeCRL(b, dir, 1_000_000)
	sum := make(map[string]float64)
	for b.Loop() {
		for _, way := range []string{"nothing", "own", "stdlib", "notation"} {
			got := runWay(b, dir, way)
			sum[way+"-parse-ms"] += got.parse
			sum[way+"-cpu-ms"] += got.cpu
			sum[way+"-rss-MB"] += got.rss
			sum[way+"-again-ns"] += got.again
		}
	}
	for name := range sum {
		sum[name] /= float64(b.N)
		b.ReportMetric(sum[name], name)
	}
	for _, what := range []string{"-parse-ms", "-cpu-ms", "-rss-MB"} {
		own, peer, nothing := sum["own"+what], sum["stdlib"+what], sum["nothing"+what]
		b.ReportMetric((peer-nothing)/(own-nothing), "stdlib/own"+what)
	}
}

func writeCRL(tb testing.TB, dir string, n int) {
	tb.Helper()
	w := issue(tb, func(c *x509.Certificate) { c.CRLDistributionPoints = []string{"http://a.test/crl"} })
	random := mathrand.NewChaCha8([32]byte{1})
	list := &x509.RevocationList{Number: big.NewInt(1), ThisUpdate: time.Now().Add(-time.Minute), NextUpdate: time.Now().Add(24 * time.Hour)}
	for i := range n {
		serial := make([]byte, 16)
		_, _ = random.Read(serial)
		serial[0] = serial[0]&0x7f | 0x40
		e := x509.RevocationListEntry{SerialNumber: new(big.Int).SetBytes(serial), RevocationTime: time.Now().Add(-time.Duration(i) * time.Second)}
		if i%4 == 0 {
			e.ReasonCode = 4
		}
		list.RevokedCertificateEntries = append(list.RevokedCertificateEntries, e)
	}
	der, err := x509.CreateRevocationList(rand.Reader, list, w.ca, w.key)
	require.NoError(tb, err)
	for name, content := range map[string][]byte{"crl": der, "ca": w.ca.Raw, "leaf": w.leaf.Raw} {
		require.NoError(tb, os.WriteFile(filepath.Join(dir, name), content, 0o600))
	}
}

// figures are what judging by a CRL costs: CPU time in ms of reading it alone
// and with the first judgement, the time of a further one in ns, and memory in MB.
type figures struct{ parse, cpu, again, rss float64 }

func runWay(tb testing.TB, dir, way string) figures {
	tb.Helper()
	cmd := exec.CommandContext(tb.Context(), os.Args[0], "-test.run=^TestCRLWay$", "-test.v")
	cmd.Env = append(os.Environ(), envWay+"="+way, envDir+"="+dir)
	out, err := cmd.CombinedOutput()
	require.NoError(tb, err, "%s", out)
	at := bytes.Index(out, []byte("figures "))
	require.GreaterOrEqual(tb, at, 0, "%s", out)
	var f figures
	_, err = fmt.Sscanf(string(out[at:]), "figures %f %f %f %f", &f.parse, &f.cpu, &f.again, &f.rss)
	require.NoError(tb, err)
	return f
}

// TestCRLWay holds all ways to the same answer over a small CRL, and is what
// BenchmarkCRLPeers runs in a process of its own.
func TestCRLWay(t *testing.T) {
	if way := os.Getenv(envWay); way != "" {
		f := judgeByCRL(t, os.Getenv(envDir), way)
		fmt.Printf("figures %f %f %f %f\n", f.parse, f.cpu, f.again, f.rss)
		return
	}
	dir := t.TempDir()
	writeCRL(t, dir, 1000)
	for _, way := range []string{"nothing", "own", "stdlib", "notation"} {
		judgeByCRL(t, dir, way)
	}
}

// judgeByCRL judges a certificate that is not on the list.
func judgeByCRL(tb testing.TB, dir, way string) figures {
	tb.Helper()
	read := func(name string) []byte {
		b, err := os.ReadFile(filepath.Join(dir, name))
		require.NoError(tb, err)
		return b
	}
	ca, err := x509.ParseCertificate(read("ca"))
	require.NoError(tb, err)
	leaf, err := x509.ParseCertificate(read("leaf"))
	require.NoError(tb, err)
	der := read("crl")
	before := cpuTime(tb)
	judge := ways[way](tb, der, &issued{ca: ca, leaf: leaf})
	parsed := cpuTime(tb)
	judge()
	judged := cpuTime(tb)
	rounds := 1000
	if way == "notation" {
		rounds = 3 // it looks at every entry
	}
	start := time.Now()
	for range rounds {
		judge()
	}
	again := time.Since(start)
	runtime.KeepAlive(der)
	ms := func(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
	return figures{ms(parsed - before), ms(judged - before), float64(again.Nanoseconds()) / float64(rounds), peakMemory(tb)}
}

// peakMemory is the greatest resident memory of this program in MB. Not what
// getrusage says, which counts what the process was before exec.
func peakMemory(tb testing.TB) float64 {
	tb.Helper()
	status, err := os.ReadFile("/proc/self/status")
	require.NoError(tb, err)
	at := bytes.Index(status, []byte("VmHWM:"))
	require.GreaterOrEqual(tb, at, 0)
	var kB float64
	_, err = fmt.Sscanf(string(status[at:]), "VmHWM: %f", &kB)
	require.NoError(tb, err)
	return kB / 1024
}

func cpuTime(tb testing.TB) time.Duration {
	tb.Helper()
	var u syscall.Rusage
	require.NoError(tb, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return time.Duration(u.Utime.Nano() + u.Stime.Nano())
}

// ways read a CRL and return how to judge by it; the first time that verifies it.
var ways = map[string]func(testing.TB, []byte, *issued) func(){
	"nothing": func(testing.TB, []byte, *issued) func() { return func() {} },
	"own": func(tb testing.TB, der []byte, w *issued) func() {
		tb.Helper()
		crl, err := revocation.ParseCRL(der)
		require.NoError(tb, err)
		set := revocation.CRLSet{CRLs: []*revocation.CRL{crl}}
		return func() {
			a, err := revocation.VerifyCRL(set, w.target(), time.Now(), revocation.CRLPolicy{})
			require.NoError(tb, err)
			require.Equal(tb, eidas.StatusGood, a.Status)
		}
	},
	"stdlib": func(tb testing.TB, der []byte, w *issued) func() {
		tb.Helper()
		list, err := x509.ParseRevocationList(der)
		require.NoError(tb, err)
		index := make(map[string]int, len(list.RevokedCertificateEntries))
		for i, e := range list.RevokedCertificateEntries {
			index[string(e.SerialNumber.Bytes())] = i
		}
		verified := false
		return func() {
			if !verified {
				require.NoError(tb, list.CheckSignatureFrom(w.ca))
				verified = true
			}
			_, listed := index[string(w.leaf.SerialNumber.Bytes())]
			require.False(tb, listed)
		}
	},
	"notation": func(tb testing.TB, der []byte, w *issued) func() {
		tb.Helper()
		list, err := x509.ParseRevocationList(der)
		require.NoError(tb, err)
		v, err := notation.NewWithOptions(notation.Options{CRLFetcher: fetched{list}, CertChainPurpose: purpose.CodeSigning})
		require.NoError(tb, err)
		return func() {
			r, err := v.ValidateContext(tb.Context(), notation.ValidateContextOptions{CertChain: w.chain()})
			require.NoError(tb, err)
			require.Equal(tb, result.ResultOK, r[0].Result)
		}
	},
}

// fetched is a crl.Fetcher that has the CRL already.
type fetched struct{ list *x509.RevocationList }

func (f fetched) Fetch(context.Context, string) (*notationcrl.Bundle, error) {
	return &notationcrl.Bundle{BaseCRL: f.list}, nil
}
