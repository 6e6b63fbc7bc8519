package qsealfetch_test

import (
	"context"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/qseal"
	"github.com/seed-b953571c/eidas/qseal/qsealfetch"
)

func identity(t *testing.T, number int) eidas.Identity {
	t.Helper()
	id, err := eidas.ParseIdentity(fmt.Sprint("PSDLT-BL-LB", number))
	require.NoError(t, err)
	return id
}

// sealFile is a file that a resolver accepts.
func sealFile(t *testing.T) []byte {
	t.Helper()
	s := httptest.NewTLSServer(nil)
	defer s.Close()
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.Certificate().Raw})
}

// A TPP that rotates is let in while others name files of its host that are not
// there, as many as they like, and its host is slow to say so.
func TestOneTPPCannotKeepOutAnother(t *testing.T) {
	for name, attack := range map[string]struct{ tpps, messages int }{
		"200 messages":           {1, 200},
		"2,000 messages":         {1, 2000},
		"700 messages of 7 TPPs": {7, 700},
	} {
		t.Run(name, func(t *testing.T) {
			file := sealFile(t)
			h := newHost(t, nil)
			release := make(chan struct{})
			h.serve = func(w http.ResponseWriter, r *http.Request) {
				if strings.HasPrefix(r.URL.Path, "/seal_") {
					_, _ = w.Write(file)
					return
				}
				<-release
				http.NotFound(w, r)
			}
			c := h.config()
			c.Timeout = time.Minute
			r := resolver(t, c)
			var attackers sync.WaitGroup
			start := time.Now()
			for i := range attack.messages {
				peer := identity(t, i%attack.tpps)
				attackers.Go(func() {
					_, err := r.Resolve(t.Context(), qseal.Hint{Peer: peer, URL: h.at("/absent", fmt.Append(nil, i))})
					assert.Error(t, err)
				})
			}
			require.Eventually(t, func() bool {
				return h.asked.Load() >= int64(attack.tpps*qsealfetch.MaxConcurrent)
			}, time.Minute, time.Millisecond)

			const messages = 10
			lawful, hint := make(chan error), qseal.Hint{Peer: identity(t, attack.tpps), URL: h.at("/seal", file)}
			for range messages {
				go func() {
					_, err := r.Resolve(t.Context(), hint)
					lawful <- err
				}()
			}
			for range messages {
				require.NoError(t, <-lawful)
			}
			close(release)
			attackers.Wait()
			forgotten := int64(time.Since(start)/qsealfetch.MissRest) + 1
			assert.LessOrEqual(t, h.asked.Load(), int64(attack.tpps)*(qsealfetch.MaxMisses+forgotten)+qsealfetch.MaxConcurrent)
		})
	}
}

// What it sends is not what its neighbour receives, one for one.
func TestMissesOfATPPAreBounded(t *testing.T) {
	file := sealFile(t)
	other := append(file[:len(file):len(file)], '\n')
	for name, serve := range map[string]http.HandlerFunc{
		"absent":       http.NotFound,
		"no chain":     func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte("file")) },
		"another file": func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(other) },
	} {
		t.Run(name, func(t *testing.T) {
			h := newHost(t, nil)
			h.serve = serve
			r := resolver(t, h.config())
			hint := qseal.Hint{Peer: identity(t, 1), URL: h.at("/seal", file)}
			start := time.Now()
			for range 200 {
				found, err := r.Resolve(t.Context(), hint)
				if found != nil {
					require.NoError(t, err)
					require.NotContains(t, hint.URL, fmt.Sprintf("%x", found.SHA256))
				}
			}
			forgotten := int64(time.Since(start)/qsealfetch.MissRest) + 1
			assert.LessOrEqual(t, h.asked.Load(), qsealfetch.MaxMisses+forgotten)

			// The file is there at last, and so is its TPP, without anybody's doing.
			h.serve = func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(file) }
			require.Eventually(t, func() bool {
				found, err := r.Resolve(t.Context(), hint)
				return err == nil && found != nil
			}, time.Minute, 10*time.Millisecond)
		})
	}
}

func TestMissesAreForgottenOneByOne(t *testing.T) {
	c, now := qsealfetch.NewCallers(), time.Unix(1e9, 0)
	misses := func(peer string) (n int) {
		for c.Miss(peer, now) {
			n++
		}
		return n
	}
	assert.Equal(t, qsealfetch.MaxMisses, misses("a"))
	assert.Equal(t, qsealfetch.MaxMisses, misses("b"), "each has its own")
	now = now.Add(qsealfetch.MissRest - 1)
	assert.Zero(t, misses("a"))
	now = now.Add(1)
	assert.Equal(t, 1, misses("a"))
	now = now.Add(2 * qsealfetch.MissRest)
	assert.Equal(t, 2, misses("a"))
	now = now.Add(time.Hour)
	assert.Equal(t, qsealfetch.MaxMisses, misses("a"), "and no more than that")
}

// Neither the messages of a TPP nor the TPPs fill the memory.
func TestCallersAreBounded(t *testing.T) {
	now := time.Unix(1e9, 0)
	t.Run("messages", func(t *testing.T) {
		c := qsealfetch.NewCallers()
		for range qsealfetch.MaxInside {
			require.NoError(t, c.Enter("a", now))
		}
		require.Error(t, c.Enter("a", now))
		require.NoError(t, c.Enter("b", now))
	})
	t.Run("TPPs that missed", func(t *testing.T) {
		c := qsealfetch.NewCallers()
		for i := range qsealfetch.MaxCallers {
			require.True(t, c.Miss(fmt.Sprint(i), now))
		}
		require.Error(t, c.Enter("another", now))
		require.NoError(t, c.Enter("0", now), "who is known is not locked out")
		now := now.Add(qsealfetch.MissRest)
		require.NoError(t, c.Enter("another", now))
		assert.Equal(t, 2, c.Len(), "who is inside is not forgotten")
	})
}

// The wait for a turn has an end, though no turn comes.
func TestWaitsEnd(t *testing.T) {
	file := []byte("file")
	h := newHost(t, file)
	resolve := func(ctx context.Context, timeout time.Duration) error {
		c := h.config()
		c.Timeout = timeout
		r := resolver(t, c)
		r.Occupy("127.0.0.1")
		done := make(chan error, 1)
		go func() {
			_, err := r.Resolve(ctx, qseal.Hint{URL: h.at("/seal", file)})
			done <- err
		}()
		select {
		case err := <-done:
			return err
		case <-time.After(time.Minute):
			t.Fatal("it waits still")
			return nil
		}
	}
	require.ErrorIs(t, resolve(t.Context(), time.Millisecond), context.DeadlineExceeded)
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, resolve(canceled, time.Hour), context.Canceled)
	assert.Zero(t, h.asked.Load())
}

// Where a proxy is to take the requests, nothing goes past it.
func TestProxyTakesEveryRequest(t *testing.T) {
	file := sealFile(t)
	h := newHost(t, file)
	asked := make(chan string, 1)
	proxy := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		asked <- r.Method + " " + r.RequestURI
		w.WriteHeader(http.StatusForbidden)
	}))
	defer proxy.Close()
	c := h.config()
	_, err := resolver(t, c).Resolve(t.Context(), qseal.Hint{URL: h.at("/seal", file)})
	require.NoError(t, err)
	before := h.asked.Load()
	c.Proxy, err = url.Parse(proxy.URL)
	require.NoError(t, err)
	_, err = resolver(t, c).Resolve(t.Context(), qseal.Hint{URL: h.at("/seal", file)})
	require.Error(t, err)
	assert.Equal(t, "CONNECT "+h.Listener.Addr().String(), <-asked)
	assert.Equal(t, before, h.asked.Load())
}
