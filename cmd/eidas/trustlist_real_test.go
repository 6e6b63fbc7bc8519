package main_test

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"io"
	"log"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
)

// internet is a forward proxy behind which the hosts of a folder of real lists
// are as they were, over http and https.
type internet struct {
	proxy, roots string
	stop         func()
}

func newInternet(t *testing.T, dir string) *internet {
	t.Helper()
	text, err := os.ReadFile(filepath.Join(dir, "manifest.json"))
	require.NoError(t, err)
	var manifest map[string]struct{ File string }
	require.NoError(t, json.Unmarshal(text, &manifest))
	serve := func(scheme string) http.HandlerFunc {
		return func(rw http.ResponseWriter, r *http.Request) {
			f, known := manifest[scheme+"://"+r.Host+r.URL.RequestURI()]
			if !known {
				http.NotFound(rw, r)
				return
			}
			http.ServeFile(rw, r, filepath.Join(dir, f.File))
		}
	}
	issue, root := hostAuthority(t)
	hosts := httptest.NewUnstartedServer(serve("https"))
	hosts.Config.ErrorLog = log.New(io.Discard, "", 0)
	hosts.TLS = &tls.Config{GetCertificate: func(h *tls.ClientHelloInfo) (*tls.Certificate, error) { return issue(h.ServerName) }}
	hosts.StartTLS()
	proxy := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodConnect {
			serve("http")(rw, r)
			return
		}
		tunnel(rw, hosts.Listener.Addr().String())
	}))
	stop := func() { proxy.Close(); hosts.CloseClientConnections(); hosts.Close() }
	t.Cleanup(stop)
	return &internet{proxy.URL, tempFile(t, root), stop}
}

// tunnel answers CONNECT.
func tunnel(rw http.ResponseWriter, addr string) {
	up, err := net.Dial("tcp", addr)
	if err != nil {
		rw.WriteHeader(http.StatusBadGateway)
		return
	}
	down, _, err := http.NewResponseController(rw).Hijack()
	if err != nil {
		return
	}
	_, _ = io.WriteString(down, "HTTP/1.1 200 OK\r\n\r\n")
	go func() { _, _ = io.Copy(up, down); _ = up.Close() }()
	_, _ = io.Copy(down, up)
	_ = down.Close()
}

// hostAuthority issues a certificate for any host, and returns its root in PEM.
func hostAuthority(t *testing.T) (issue func(host string) (*tls.Certificate, error), root string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	from, to := time.Now().Add(-time.Hour), time.Now().Add(time.Hour)
	ca := &x509.Certificate{SerialNumber: big.NewInt(1), NotBefore: from, NotAfter: to, IsCA: true, BasicConstraintsValid: true}
	der, err := x509.CreateCertificate(rand.Reader, ca, ca, key.Public(), key)
	require.NoError(t, err)
	issue = func(host string) (*tls.Certificate, error) {
		leaf := &x509.Certificate{SerialNumber: big.NewInt(2), NotBefore: from, NotAfter: to, DNSNames: []string{host}}
		c, err := x509.CreateCertificate(rand.Reader, leaf, ca, key.Public(), key)
		return &tls.Certificate{Certificate: [][]byte{c}, PrivateKey: key}, err
	}
	return issue, string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}))
}

// Every world of real lists is fetched from its hosts into a store: each list as
// world.json expects it, and the same from disk without a network.
func TestFetchOfRealWorlds(t *testing.T) {
	for _, dir := range worldFolders(t) {
		t.Run(filepath.Base(dir), func(t *testing.T) {
			want := readWorld(t, dir)
			var lotl struct{ LOTL string }
			text, err := os.ReadFile(filepath.Join(dir, "world.json"))
			require.NoError(t, err)
			require.NoError(t, json.Unmarshal(text, &lotl))
			trusting := []string{"--anchors", strings.Join(want.Anchors, ","), "--lotl", lotl.LOTL}
			if want.OfficialJournal != nil {
				trusting = append(trusting, "--notice", *want.OfficialJournal)
			}
			hosts, store := newInternet(t, dir), t.TempDir()
			run := func(args ...string) stored {
				o := eidasCmd(t, append(append([]string{"trustlist"}, args...), append(trusting, "--json", "--dir", store)...)...)
				require.Equal(t, 0, o.code, o.stdout+o.stderr)
				got := document[stored](t, o)
				assert.True(t, got.Ready)
				seen := map[string]bool{}
				for _, l := range got.Lists {
					expected, listed := want.Expect.Lists[l.Territory]
					if !listed {
						assert.False(t, l.Accepted, l.Territory)
						continue
					}
					seen[l.Territory] = true
					assert.True(t, l.Accepted && !l.Kept, "%s: %s", l.Territory, l.Reason)
					assert.Equal(t, expected.Sequence, l.Sequence, l.Territory)
					assert.Equal(t, expected.Final, l.Final, l.Territory)
				}
				assert.Len(t, seen, len(want.Expect.Lists))
				return got
			}
			fetch := []string{"fetch", "--proxy", hosts.proxy, "--tls-roots", hosts.roots}
			fetched := run(fetch...)
			assert.Equal(t, fetched.Snapshot, run(fetch...).Snapshot, "unchanged")
			hosts.stop()
			assert.Equal(t, fetched.Snapshot, run("status").Snapshot)
			assert.NotEmpty(t, fetched.Snapshot)
		})
	}
}
