package rediscache_test

import (
	"context"
	"net"
	"os"
	"os/exec"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/valkey-io/valkey-go"

	"github.com/seed-b953571c/eidas/revocation/rediscache"
)

// server is a real redis-server of this test, on a port and in a folder of its
// own.
type server struct {
	binary, address, dir string
	process              *exec.Cmd
}

// startServer starts one. Without a redis-server the test is skipped, which is
// an error where EIDAS_REDIS says "required".
func startServer(t *testing.T) *server {
	t.Helper()
	binary, err := exec.LookPath("redis-server")
	if err != nil {
		if os.Getenv("EIDAS_REDIS") == "required" {
			t.Fatal("EIDAS_REDIS=required, but there is no redis-server: apt-get install redis-server")
		}
		t.Skip("NOT TESTED: there is no redis-server: apt-get install redis-server")
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	s := &server{binary: binary, address: l.Addr().String(), dir: t.TempDir()}
	require.NoError(t, l.Close())
	s.start(t)
	t.Cleanup(s.stop)
	return s
}

func (s *server) start(t *testing.T) {
	t.Helper()
	_, port, err := net.SplitHostPort(s.address)
	require.NoError(t, err)
	s.process = exec.Command(s.binary, "--bind", "127.0.0.1", "--port", port, "--dir", s.dir,
		"--save", "", "--appendonly", "no", "--daemonize", "no", "--logfile", "redis.log")
	require.NoError(t, s.process.Start())
	require.Eventually(t, func() bool {
		c, err := net.Dial("tcp", s.address)
		if err == nil {
			_ = c.Close()
		}
		return err == nil
	}, time.Minute, 10*time.Millisecond)
}

// stop kills the server.
func (s *server) stop() {
	if s.process == nil {
		return
	}
	_ = s.process.Process.Kill()
	_ = s.process.Wait()
	s.process = nil
}

// hang stops the server without closing its connections.
func (s *server) hang(t *testing.T) {
	t.Helper()
	require.NoError(t, s.process.Process.Signal(syscall.SIGSTOP))
}

// store is a connection of one instance.
func (s *server) store(t *testing.T) *rediscache.Store {
	t.Helper()
	store, err := rediscache.New(rediscache.Config{Server: s.options(), MaxValue: 64 << 10})
	require.NoError(t, err)
	t.Cleanup(store.Close)
	return store
}

func (s *server) options() valkey.ClientOption {
	return valkey.ClientOption{InitAddress: []string{s.address}, DisableCache: true}
}

// attacker may do everything on the server.
func (s *server) attacker(t *testing.T) valkey.Client {
	t.Helper()
	client, err := valkey.NewClient(s.options())
	require.NoError(t, err)
	t.Cleanup(client.Close)
	return client
}

// do runs a command.
func do(t *testing.T, c valkey.Client, words ...string) valkey.ValkeyResult {
	t.Helper()
	r := c.Do(context.Background(), c.B().Arbitrary(words[0]).Args(words[1:]...).Build())
	if err := r.Error(); err != nil {
		require.True(t, valkey.IsValkeyNil(err), "%v", err)
	}
	return r
}

// records are the keys of all records.
func records(t *testing.T, c valkey.Client) []string {
	t.Helper()
	keys, err := do(t, c, "KEYS", rediscache.DefaultPrefix+"????????????????????????????????????????????????????????????????").AsStrSlice()
	require.NoError(t, err)
	return keys
}
