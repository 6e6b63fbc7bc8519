package bench_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"fmt"
	"math/big"
	mathrand "math/rand/v2"
	"net"
	"net/url"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/spiffe/go-spiffe/v2/bundle/x509bundle"
	"github.com/spiffe/go-spiffe/v2/spiffeid"
	"github.com/spiffe/go-spiffe/v2/spiffetls/tlsconfig"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/eidastest"
	"github.com/seed-b953571c/eidas/qwac"
)

// manyRoots is how many trust anchors go-spiffe's bundle has in the second of
// its modes. The EU's lists have some 780 CAs.
const manyRoots = 500

// chain is a QWAC with its CAs, all with keys of one kind. It has a SPIFFE ID
// too, so that the hook of go-spiffe takes it.
type chain struct {
	root, issuing *x509.Certificate
	leaf          tls.Certificate
	anchor        *x509.Certificate // what the list and the pools hold
}

// newChain makes a chain of 2 or 3 certificates, the last of which is trusted.
// The client sends the others.
func newChain(b *testing.B, length int, newKey func() crypto.Signer) *chain {
	b.Helper()
	w := eidastest.Start(b, eidastest.Options{})
	model := w.QWAC("LT", "PSDLT-BL-LB000468", eidas.RoleAI).Certificate
	ca := func(name string, edit func(*x509.Certificate)) *x509.Certificate {
		c := &x509.Certificate{Subject: pkix.Name{Country: []string{"LT"}, CommonName: name}, IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign}
		edit(c)
		return c
	}
	keep := func(*x509.Certificate) {}
	rootKey, issuingKey, leafKey := newKey(), newKey(), newKey()
	root := certify(b, ca("Root", keep), nil, rootKey, rootKey)
	issuing := certify(b, ca("Issuing", keep), root, issuingKey, rootKey)
	id, err := url.Parse("spiffe://bank.example/tpp")
	require.NoError(b, err)
	request := &x509.Certificate{
		RawSubject: model.RawSubject, KeyUsage: x509.KeyUsageDigitalSignature, URIs: []*url.URL{id},
		ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth, x509.ExtKeyUsageServerAuth},
	}
	for _, e := range model.Extensions {
		if e.Id.String() == "1.3.6.1.5.5.7.1.3" { // qcStatements
			request.ExtraExtensions = append(request.ExtraExtensions, e)
		}
	}
	require.Len(b, request.ExtraExtensions, 1)
	leaf := certify(b, request, issuing, leafKey, issuingKey)
	c := &chain{root: root, issuing: issuing, anchor: issuing}
	c.leaf = tls.Certificate{Certificate: [][]byte{leaf.Raw}, PrivateKey: leafKey, Leaf: leaf}
	if length == 3 {
		c.anchor = root
		c.leaf.Certificate = append(c.leaf.Certificate, issuing.Raw)
	}
	return c
}

func certify(b *testing.B, request, issuer *x509.Certificate, key, issuerKey crypto.Signer) *x509.Certificate {
	b.Helper()
	request.SerialNumber = big.NewInt(mathrand.Int64())
	request.NotBefore, request.NotAfter = time.Now().Add(-time.Hour), time.Now().AddDate(1, 0, 0)
	if issuer == nil {
		issuer = request
	}
	der, err := x509.CreateCertificate(rand.Reader, request, issuer, key.Public(), issuerKey)
	require.NoError(b, err)
	c, err := x509.ParseCertificate(der)
	require.NoError(b, err)
	return c
}

// trust is the services and the revocation status of a chain: known, and good.
type trust struct{ set *eidas.ServiceSet }

func (t trust) Services() *eidas.ServiceSet { return t.set }

func (t trust) CheckStatus(context.Context, eidas.StatusQuery) (eidas.StatusAnswer, error) {
	return eidas.StatusAnswer{Status: eidas.StatusGood, Source: "ocsp"}, nil
}

func (t trust) KnownStatus(eidas.StatusQuery) (eidas.StatusAnswer, bool) {
	return eidas.StatusAnswer{Status: eidas.StatusGood, Source: "ocsp"}, true
}

func (c *chain) verifier(b *testing.B) *qwac.Verifier {
	b.Helper()
	w := eidastest.Start(b, eidastest.Options{})
	model := *w.Services().Services()[0]
	anchor, err := eidas.ParseAnchor(c.anchor.Raw)
	require.NoError(b, err)
	model.Anchors = []*eidas.Anchor{anchor}
	t := trust{eidas.NewServiceSet("bench", []*eidas.Service{&model})}
	validator, err := eidas.NewValidator(eidas.Config{Services: t, Status: t, Policy: eidas.DefaultPolicy(eidas.RequireRoles(eidas.RoleAI))})
	require.NoError(b, err)
	v, err := qwac.New(qwac.Config{Validator: validator})
	require.NoError(b, err)
	return v
}

func (c *chain) guarded(b *testing.B, base *tls.Config) *tls.Config {
	b.Helper()
	config, err := c.verifier(b).ServerConfig(base)
	require.NoError(b, err)
	return config
}

// spiffe is a server with the hook of go-spiffe and a bundle of so many roots.
func (c *chain) spiffe(b *testing.B, base *tls.Config, roots int) *tls.Config {
	b.Helper()
	domain := spiffeid.RequireTrustDomainFromString("bank.example")
	bundle := x509bundle.FromX509Authorities(domain, []*x509.Certificate{c.anchor})
	key := newP256(b)
	for i := range roots - 1 {
		bundle.AddX509Authority(certify(b, &x509.Certificate{Subject: pkix.Name{CommonName: fmt.Sprint("Root ", i)}, IsCA: true, BasicConstraintsValid: true}, nil, key, key))
	}
	config := base.Clone()
	config.ClientAuth = tls.RequireAnyClientCert
	config.VerifyPeerCertificate = tlsconfig.VerifyPeerCertificate(bundle, tlsconfig.AuthorizeAny())
	return config
}

func newP256(b *testing.B) *ecdsa.PrivateKey {
	b.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(b, err)
	return key
}

// mode is one way to run the server.
type mode struct {
	name           string
	server, client *tls.Config
	cpu            []time.Duration
}

// streak is how many handshakes a mode makes in a turn. A server runs one mode:
// with one handshake in a turn, each would find the processor's caches full of
// what the seven other modes left there, and "open" alone would not, for its
// code is part of all of them.
const streak = 8

// BenchmarkHandshake measures the server's processor time of one TLS 1.3
// handshake in several modes, which take turns in random order in one run, for
// the machine is noisy. Nothing waits on a network. It reports the median of
// "open" (a certificate is demanded and not judged), and of each other mode the
// median difference to it in the same place of the same round.
func BenchmarkHandshake(b *testing.B) {
	eachChain(b, func(b *testing.B, c *chain) {
		b.Helper()
		modes := c.modes(b)
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		require.NoError(b, err)
		defer listener.Close()
		order := make([]*mode, len(modes))
		copy(order, modes)
		for b.Loop() {
			mathrand.Shuffle(len(order), func(i, j int) { order[i], order[j] = order[j], order[i] })
			for _, m := range order {
				for range streak {
					m.cpu = append(m.cpu, serverCPU(b, listener, m.server, m.client))
				}
			}
		}
		open := median(modes[0].cpu)
		b.ReportMetric(float64(open.Nanoseconds())/1e3, "open-µs")
		for _, m := range modes[1:] {
			diffs := make([]time.Duration, len(m.cpu))
			for i := range diffs {
				diffs[i] = m.cpu[i] - modes[0].cpu[i]
			}
			d := median(diffs)
			b.ReportMetric(float64(d.Nanoseconds())/1e3, m.name+"-µs")
			b.ReportMetric(1+float64(d)/float64(open), m.name+"/open")
		}
	})
}

func eachChain(b *testing.B, f func(*testing.B, *chain)) {
	b.Helper()
	for _, kind := range []string{"P-256", "RSA-2048"} {
		for _, length := range []int{2, 3} {
			b.Run(fmt.Sprintf("%s/%d", kind, length), func(b *testing.B) {
				f(b, newChain(b, length, func() crypto.Signer {
					if kind == "P-256" {
						return newP256(b)
					}
					key, err := rsa.GenerateKey(rand.Reader, 2048)
					require.NoError(b, err)
					return key
				}))
			})
		}
	}
}

func (c *chain) modes(b *testing.B) []*mode {
	b.Helper()
	key := newP256(b)
	own := certify(b, &x509.Certificate{Subject: pkix.Name{CommonName: "bank"}, DNSNames: []string{"bank.example"}, IsCA: true, BasicConstraintsValid: true}, nil, key, key)
	base := &tls.Config{Certificates: []tls.Certificate{{Certificate: [][]byte{own.Raw}, PrivateKey: key}}}
	pool := x509.NewCertPool()
	pool.AddCert(own)
	client := &tls.Config{RootCAs: pool, ServerName: "bank.example", MinVersion: tls.VersionTLS13, Certificates: []tls.Certificate{c.leaf}}
	resuming := client.Clone()
	resuming.ClientSessionCache = tls.NewLRUClientSessionCache(1)

	open := base.Clone()
	open.ClientAuth = tls.RequireAnyClientCert
	stdlib := base.Clone()
	stdlib.ClientAuth, stdlib.ClientCAs = tls.RequireAndVerifyClientCert, x509.NewCertPool()
	stdlib.ClientCAs.AddCert(c.anchor)
	// What crypto/tls takes to call hooks, whatever they do.
	idle := open.Clone()
	idle.VerifyPeerCertificate = func([][]byte, [][]*x509.Certificate) error { return nil }
	idle.VerifyConnection = func(tls.ConnectionState) error { return nil }
	// A verdict is remembered when its owner has proved its key and asked for a
	// ticket; who asks for none stays unknown without Handler, hence cold.
	warm := c.guarded(b, base)
	cold := c.guarded(b, base)
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(b, err)
	defer listener.Close()
	serverCPU(b, listener, warm, resuming)
	noTickets := client.Clone()
	noTickets.ClientSessionCache = nil
	return []*mode{
		{name: "open", server: open, client: noTickets},
		{name: "idle-hooks", server: idle, client: noTickets},
		{name: "stdlib", server: stdlib, client: noTickets},
		{name: "go-spiffe-1", server: c.spiffe(b, base, 1), client: noTickets},
		{name: "go-spiffe-500", server: c.spiffe(b, base, manyRoots), client: noTickets},
		{name: "cold", server: cold, client: noTickets},
		{name: "warm", server: warm, client: noTickets},
		{name: "resumed", server: warm, client: resuming},
	}
}

func median(list []time.Duration) time.Duration {
	sorted := slices.Clone(list)
	slices.Sort(sorted)
	return sorted[len(sorted)/2]
}

// threadCPU returns the processor time of the calling thread.
func threadCPU() time.Duration {
	const clockThreadCPU = 3 // CLOCK_THREAD_CPUTIME_ID
	var ts syscall.Timespec
	_, _, _ = syscall.Syscall(syscall.SYS_CLOCK_GETTIME, clockThreadCPU, uintptr(unsafe.Pointer(&ts)), 0)
	return time.Duration(ts.Nano())
}

// serverCPU makes one handshake and returns the processor time of the server
// alone: both ends are in this process.
func serverCPU(b *testing.B, l net.Listener, server, client *tls.Config) time.Duration {
	b.Helper()
	took := make(chan time.Duration, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		took <- serveOne(l, server)
	}()
	raw, err := net.Dial("tcp", l.Addr().String())
	require.NoError(b, err)
	defer raw.Close()
	conn := tls.Client(raw, client)
	require.NoError(b, conn.Handshake())
	_, err = conn.Read(make([]byte, 1))
	require.NoError(b, err)
	cpu := <-took
	require.Positive(b, cpu)
	return cpu
}

// serveOne returns 0 when the handshake fails.
func serveOne(l net.Listener, server *tls.Config) time.Duration {
	raw, err := l.Accept()
	if err != nil {
		return 0
	}
	defer raw.Close()
	conn := tls.Server(raw, server)
	start := threadCPU()
	err = conn.Handshake()
	cpu := threadCPU() - start
	if err != nil {
		return 0
	}
	if _, err = conn.Write([]byte{1}); err != nil {
		return 0
	}
	return cpu
}

// BenchmarkHook is the hooks alone: what the standard library's own
// verification costs, that of go-spiffe, and ours with everything known.
func BenchmarkHook(b *testing.B) {
	eachChain(b, func(b *testing.B, c *chain) {
		b.Helper()
		peer := []*x509.Certificate{c.leaf.Leaf}
		between := x509.NewCertPool()
		if len(c.leaf.Certificate) > 1 {
			peer = append(peer, c.issuing)
			between.AddCert(c.issuing)
		}
		state := tls.ConnectionState{PeerCertificates: peer, HandshakeComplete: true}
		roots := x509.NewCertPool()
		roots.AddCert(c.anchor)
		v := c.verifier(b)
		_, err := v.Peer(context.Background(), state)
		require.NoError(b, err)
		ours, err := v.ServerConfig(&tls.Config{})
		require.NoError(b, err)
		one, many := c.spiffe(b, &tls.Config{}, 1), c.spiffe(b, &tls.Config{}, manyRoots)
		for _, hook := range []struct {
			name string
			run  func() error
		}{
			{"warm", func() error {
				if err := ours.VerifyPeerCertificate(c.leaf.Certificate, nil); err != nil {
					return err
				}
				return ours.VerifyConnection(state)
			}},
			{"x509.Verify", func() error {
				_, err := c.leaf.Leaf.Verify(x509.VerifyOptions{Roots: roots, Intermediates: between, KeyUsages: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth}})
				return err
			}},
			{"go-spiffe-1", func() error { return one.VerifyPeerCertificate(c.leaf.Certificate, nil) }},
			{"go-spiffe-500", func() error { return many.VerifyPeerCertificate(c.leaf.Certificate, nil) }},
		} {
			b.Run(hook.name, func(b *testing.B) {
				b.ReportAllocs()
				for b.Loop() {
					if err := hook.run(); err != nil {
						b.Fatal(err)
					}
				}
			})
		}
	})
}
