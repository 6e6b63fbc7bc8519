package qwac_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/netip"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/eidastest"
	"github.com/seed-b953571c/eidas/qwac"
	"github.com/seed-b953571c/eidas/revocation"
)

// benchPeer is a TPP with the chain that it sends, under real lists and real
// answers about revocation.
type benchPeer struct {
	*eidastest.Test
	verifier  *qwac.Verifier
	validator *eidas.Validator
	leaf      *eidastest.Leaf
	state     tls.ConnectionState
	raw       [][]byte
}

var benchKeys = map[string]eidastest.KeyType{"P-256": eidastest.P256, "RSA-2048": eidastest.RSA2048}

// eachPeer runs a benchmark for each kind of key, for the leaf alone and with
// its issuer.
func eachPeer(b *testing.B, f func(*testing.B, *benchPeer)) {
	b.Helper()
	for name, kind := range benchKeys {
		for _, chain := range []string{"leaf", "leaf and issuer"} {
			b.Run(name+"/"+chain, func(b *testing.B) {
				w := eidastest.Start(b, eidastest.Options{})
				r := eidastest.QWAC(tppID, eidas.RoleAI)
				r.KeyType = kind
				p := &benchPeer{Test: w, leaf: w.Issue("LT", r), validator: cachingValidator(b, w)}
				p.verifier = newVerifier(b, qwac.Config{Validator: p.validator})
				sent := []*x509.Certificate{p.leaf.Certificate}
				if chain != "leaf" {
					sent = append(sent, w.QTSP("LT").Issuing.Certificate)
				}
				p.state = state(false, sent...)
				p.state.HandshakeComplete = true
				p.raw = raw(sent...)
				f(b, p)
			})
		}
	}
}

// cachingValidator is a Validator as in production. That of eidastest asks the
// responder each time.
func cachingValidator(tb testing.TB, w *eidastest.Test) *eidas.Validator {
	tb.Helper()
	c, err := w.Config(eidas.DefaultPolicy(eidas.RequireRoles(eidas.RoleAI)))
	require.NoError(tb, err)
	c.Status, err = revocation.New(revocation.Config{
		AllowPrivate: []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}, AllowAnyPort: true,
	})
	require.NoError(tb, err)
	v, err := eidas.NewValidator(c)
	require.NoError(tb, err)
	return v
}

// BenchmarkWarmHook is both hooks with everything known: the bound is 3 µs and
// no allocation.
func BenchmarkWarmHook(b *testing.B) {
	eachPeer(b, func(b *testing.B, p *benchPeer) {
		b.Helper()
		_, err := p.verifier.Peer(b.Context(), p.state)
		require.NoError(b, err)
		config := guard(b, p.verifier, &tls.Config{})
		b.ReportAllocs()
		for b.Loop() {
			if err := config.VerifyPeerCertificate(p.raw, nil); err != nil {
				b.Fatal(err)
			}
			if err := config.VerifyConnection(p.state); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkWarmHooksByHand is the same without ServerConfig.
func BenchmarkWarmHooksByHand(b *testing.B) {
	eachPeer(b, func(b *testing.B, p *benchPeer) {
		b.Helper()
		_, err := p.verifier.Peer(b.Context(), p.state)
		require.NoError(b, err)
		b.ReportAllocs()
		for b.Loop() {
			if err := p.verifier.VerifyPeerCertificate(p.raw, nil); err != nil {
				b.Fatal(err)
			}
			if err := p.verifier.VerifyConnection(p.state); err != nil {
				b.Fatal(err)
			}
		}
	})
}

// BenchmarkColdHook is a chain that nobody has proved yet, its status known. It
// reports the ratio to the bare signature checks of the path.
func BenchmarkColdHook(b *testing.B) {
	eachPeer(b, func(b *testing.B, p *benchPeer) {
		b.Helper()
		config := guard(b, p.verifier, &tls.Config{})
		require.NoError(b, config.VerifyConnection(p.state))
		result, err := p.validator.Validate(b.Context(), p.state.PeerCertificates, eidas.UseTLS, time.Now())
		require.NoError(b, err)
		var own, bare time.Duration
		b.ReportAllocs()
		for b.Loop() {
			start := time.Now()
			if err := config.VerifyConnection(p.state); err != nil {
				b.Fatal(err)
			}
			own += time.Since(start)
			b.StopTimer()
			start = time.Now()
			checkSignatures(b, result.Chain)
			bare += time.Since(start)
			b.StartTimer()
		}
		b.ReportMetric(float64(bare.Nanoseconds())/float64(b.N), "bare-ns/op")
		b.ReportMetric((float64(own)-1.3*float64(bare))/float64(b.N)/1000, "µs-over-1.3-bare")
	})
}

func checkSignatures(b *testing.B, chain []*x509.Certificate) {
	b.Helper()
	for i, c := range chain[:len(chain)-1] {
		if err := chain[i+1].CheckSignature(c.SignatureAlgorithm, c.RawTBSCertificate, c.Signature); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkRefusal is the cost of peers that nobody knows.
func BenchmarkRefusal(b *testing.B) {
	w := eidastest.Start(b, eidastest.Options{})
	v := newVerifier(b, qwac.Config{Validator: w.Validator(eidas.DefaultPolicy(eidas.RequireRoles(eidas.RoleAI)))})
	other := eidastest.Start(b, eidastest.Options{})
	for name, chain := range map[string][]*x509.Certificate{
		"unknown issuer":             other.QWAC("LT", tppID, eidas.RoleAI).Chain[:1],
		"unknown issuer and its CAs": append(other.QWAC("LT", tppID, eidas.RoleAI).Chain, other.QTSP("LT").Root.Certificate),
		"ordinary certificate":       {newWorld(b).sign(nil, newKey(b), func(*x509.Certificate) {})},
	} {
		b.Run(name, func(b *testing.B) {
			cs := state(false, chain...)
			config := guard(b, v, &tls.Config{})
			b.ReportAllocs()
			for b.Loop() {
				if err := config.VerifyConnection(cs); err == nil {
					b.Fatal("let in")
				}
			}
		})
	}
}

// heap returns the bytes in use.
func heap() float64 {
	runtime.GC()
	runtime.GC() // certificates are freed by cleanups of the first
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return float64(m.HeapAlloc)
}

// BenchmarkHeapOfKnownPeers is what a remembered chain takes, its parsed
// certificates included. There are at most MaxDecisions.
func BenchmarkHeapOfKnownPeers(b *testing.B) {
	const peers = 1000
	w := newWorld(b)
	issuer := w.qtsp("LT", "QTSP LT")
	key := newKey(b)
	var chains [][][]byte
	for i := range peers {
		l := w.qwac(issuer, request{key: key, id: resultOf(b, i).Identity.OrganizationIdentifier()})
		chains = append(chains, raw(l.cert, issuer.cert))
	}
	for b.Loop() {
		v := w.verifier(eidas.Policy{})
		before := heap()
		for _, chain := range chains {
			cs := state(false)
			cs.HandshakeComplete = true
			for _, der := range chain {
				c, err := x509.ParseCertificate(der)
				require.NoError(b, err)
				cs.PeerCertificates = append(cs.PeerCertificates, c)
			}
			_, err := v.Peer(b.Context(), cs)
			require.NoError(b, err)
		}
		b.ReportMetric((heap()-before)/peers/1024, "KiB/peer")
		require.Equal(b, peers, v.Decisions())
	}
}

// BenchmarkHeapOfParkedHandshakes is what a handshake takes that waits for an
// answer about revocation, both ends and their goroutines included. There are at
// most Config.MaxConcurrent.
func BenchmarkHeapOfParkedHandshakes(b *testing.B) {
	const parked = 200
	w := newWorld(b)
	bank := newBank(w)
	l := w.qwac(w.qtsp("LT", "QTSP LT"), request{})
	release := make(chan struct{})
	w.setStatus(func(context.Context, eidas.StatusQuery) (eidas.StatusAnswer, error) {
		<-release
		return eidas.StatusAnswer{}, eidas.ReasonRevocationUnavailable
	})
	config := guard(b, newVerifier(b, qwac.Config{Validator: w.validator(eidas.Policy{}), Timeout: time.Hour}), bank.base())
	for b.Loop() {
		before := heap()
		var ends sync.WaitGroup
		asked := w.statusChecks()
		for range parked {
			server, client := net.Pipe()
			ends.Go(func() { _ = tls.Server(server, config).Handshake(); server.Close() })
			ends.Go(func() { _ = tls.Client(client, bank.client(tls.VersionTLS13, l)).Handshake(); client.Close() })
		}
		for w.statusChecks()-asked < parked {
			time.Sleep(time.Millisecond)
		}
		b.ReportMetric((heap()-before)/parked/1024, "KiB/handshake")
		close(release)
		ends.Wait()
		release = make(chan struct{})
	}
}
