package trustlist_test

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/internal/realdata"
	"github.com/seed-b953571c/eidas/trustlist"
)

// envLoad makes the test binary load one world and end, so that CPU and peak
// memory of exactly that can be measured.
const envLoad = "EIDAS_TEST_LOAD"

func TestMain(m *testing.M) {
	if dir := os.Getenv(envWriter); dir != "" {
		fmt.Fprintln(os.Stderr, writer(dir))
		os.Exit(1)
	}
	if what := os.Getenv(envFull); what != "" {
		if err := fullDisk(what); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	if dir := os.Getenv(envLoad); dir != "" {
		if err := loadOnce(dir); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		return
	}
	os.Exit(m.Run())
}

func loadOnce(dir string) error {
	w, err := trustlist.LoadWorld(dir)
	if err != nil {
		return err
	}
	f, err := trustlist.OpenFolder(dir)
	if err != nil {
		return err
	}
	s, err := trustlist.Load(context.Background(), trustlist.Config{Anchors: w.Anchors, Source: f}, w.At)
	if err != nil {
		return err
	}
	_, err = fmt.Println(s.Counts().Services)
	return err
}

// BenchmarkLoadWorld reads, authenticates, parses and indexes every world in a
// process of its own: cpu-s is user and system time, rss-MiB the peak of
// resident memory, both of the whole process with its start.
func BenchmarkLoadWorld(b *testing.B) {
	for _, w := range worlds(b) {
		b.Run(w.name, func(b *testing.B) {
			var cpu float64
			var rss int64
			runs := 0
			for b.Loop() {
				cmd := exec.Command(os.Args[0])
				cmd.Env = append(os.Environ(), envLoad+"="+w.dir)
				out, err := cmd.CombinedOutput()
				require.NoError(b, err, "%s", out)
				require.Equal(b, fmt.Sprintln(w.expect.Services), string(out))
				usage, ok := cmd.ProcessState.SysUsage().(*syscall.Rusage)
				require.True(b, ok)
				cpu += cmd.ProcessState.UserTime().Seconds() + cmd.ProcessState.SystemTime().Seconds()
				rss = max(rss, usage.Maxrss)
				runs++
			}
			b.ReportMetric(cpu/float64(runs), "cpu-s")
			b.ReportMetric(float64(rss)/1024, "rss-MiB")
		})
	}
}

// BenchmarkLoadLinear reads lists of 1, 2 and 4 times the same length: the
// processor time for each byte must not grow.
func BenchmarkLoadLinear(b *testing.B) {
	for _, copies := range []int{1, 2, 4} {
		b.Run(fmt.Sprintf("%dx", copies), func(b *testing.B) {
			o := newOperator(b, "UT")
			all := ""
			for range 200 * copies {
				all += provider(service(o.der, "granted", ""), service(o.der, "withdrawn", ""))
			}
			doc := o.sign(b, spec{territory: "UT", providers: all}.xml())
			b.SetBytes(int64(len(doc)))
			b.ReportAllocs()
			cpu := cpuTime(b)
			for b.Loop() {
				r := trustlist.CheckList(doc, [][32]byte{o.fingerprint()})
				require.True(b, r.Accepted)
			}
			b.ReportMetric((cpuTime(b)-cpu)*1e9/float64(b.N)/float64(len(doc)), "cpu-ns/byte")
		})
	}
}

// listedLeaf is a real certificate with its issuer, and the shortest times that
// were met for the verification of its signature alone and for FindServices.
type listedLeaf struct {
	chain        []*x509.Certificate
	issuer       *x509.Certificate
	verify, find time.Duration
}

// BenchmarkFindServices looks up the services of every real certificate whose
// issuer a world lists. FindServices verifies the one signature that decides;
// worst-lookup-ns is what it takes beyond that, of the worst certificate: the
// shortest times of many, since others share the machine.
func BenchmarkFindServices(b *testing.B) {
	leaves := realLeaves(b)
	for _, w := range worlds(b) {
		s, err := w.load(b, w.open(b))
		require.NoError(b, err)
		set := s.Services()
		var listed []*listedLeaf
		for _, leaf := range leaves {
			chain := []*x509.Certificate{leaf}
			if found, err := eidas.FindServices(set, chain, w.At); err == nil {
				if issuer := issuerAmong(found, leaf); issuer != nil {
					listed = append(listed, &listedLeaf{chain, issuer, time.Hour, time.Hour})
				}
			}
		}
		if len(listed) == 0 {
			continue
		}
		b.Run(w.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				for _, l := range listed {
					leaf := l.chain[0]
					start := time.Now()
					err := l.issuer.CheckSignature(leaf.SignatureAlgorithm, leaf.RawTBSCertificate, leaf.Signature)
					middle := time.Now()
					_, findErr := eidas.FindServices(set, l.chain, w.At)
					l.verify, l.find = min(l.verify, middle.Sub(start)), min(l.find, time.Since(middle))
					require.NoError(b, errors.Join(err, findErr))
				}
			}
			worst := time.Duration(0)
			for _, l := range listed {
				worst = max(worst, l.find-l.verify)
			}
			b.ReportMetric(float64(len(listed)), "leaves")
			b.ReportMetric(float64(worst), "worst-lookup-ns")
		})
	}
}

// issuerAmong returns the certificate of a service that has issued leaf itself,
// nil when there is none.
func issuerAmong(services []*eidas.Service, leaf *x509.Certificate) *x509.Certificate {
	for _, svc := range services {
		for _, a := range svc.Anchors {
			c, err := a.Certificate()
			if err == nil && c.CheckSignature(leaf.SignatureAlgorithm, leaf.RawTBSCertificate, leaf.Signature) == nil {
				return c
			}
		}
	}
	return nil
}

// realLeaves returns the end entity certificates of the data, by file.
func realLeaves(b *testing.B) map[string]*x509.Certificate {
	b.Helper()
	leaves := map[string]*x509.Certificate{}
	for _, path := range realdata.Glob(b, "certs/*.der") {
		der, err := os.ReadFile(path)
		require.NoError(b, err)
		if c, err := x509.ParseCertificate(der); err == nil && !c.IsCA {
			leaves[filepath.Base(path)] = c
		}
	}
	return leaves
}

// BenchmarkRefreshUnchanged refreshes every world from its folder, which cannot
// say that nothing has changed: each list is read and hashed, none is parsed.
func BenchmarkRefreshUnchanged(b *testing.B) {
	for _, w := range worlds(b) {
		b.Run(w.name, func(b *testing.B) {
			s, err := trustlist.NewStore(trustlist.StoreConfig{Config: trustlist.Config{Anchors: w.Anchors, Source: w.open(b)}})
			require.NoError(b, err)
			require.NoError(b, s.Refresh(b.Context()))
			cpu := cpuTime(b)
			for b.Loop() {
				require.NoError(b, s.Refresh(b.Context()))
			}
			b.ReportMetric((cpuTime(b)-cpu)/float64(b.N), "cpu-s")
		})
	}
}

// BenchmarkRestart is a start without network: every list is read from disk and
// authenticated before the store is ready.
func BenchmarkRestart(b *testing.B) {
	for _, w := range worlds(b) {
		b.Run(w.name, func(b *testing.B) {
			c := trustlist.StoreConfig{Config: trustlist.Config{Anchors: w.Anchors, Source: w.open(b)}, Dir: b.TempDir()}
			first, err := trustlist.NewStore(c)
			require.NoError(b, err)
			require.NoError(b, first.Refresh(b.Context()))
			require.NoError(b, first.Health().Disk)
			require.NoError(b, first.Close())
			cpu := cpuTime(b)
			for b.Loop() {
				s, err := trustlist.NewStore(c)
				require.NoError(b, err)
				require.NoError(b, s.Load(b.Context()))
				require.True(b, s.Health().Ready)
				require.NoError(b, s.Close())
			}
			b.ReportMetric((cpuTime(b)-cpu)/float64(b.N), "cpu-s")
		})
	}
}

// cpuTime returns the user and system time of this process.
func cpuTime(b *testing.B) float64 {
	b.Helper()
	var u syscall.Rusage
	require.NoError(b, syscall.Getrusage(syscall.RUSAGE_SELF, &u))
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}
