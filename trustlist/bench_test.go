package trustlist_test

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/stretchr/testify/require"

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

// BenchmarkLoadLinear loads 1, 2 and 4 copies of the same list: the cost per
// byte must not grow.
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
			for b.Loop() {
				r := trustlist.CheckList(doc, [][32]byte{o.fingerprint()})
				require.True(b, r.Accepted)
			}
		})
	}
}
