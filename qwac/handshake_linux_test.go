package qwac_test

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"net"
	"runtime"
	"slices"
	"syscall"
	"testing"
	"time"
	"unsafe"

	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/qwac"
)

// threadCPU returns the processor time of the calling thread.
func threadCPU() time.Duration {
	const clockThreadCPU = 3 // CLOCK_THREAD_CPUTIME_ID
	var ts syscall.Timespec
	_, _, _ = syscall.Syscall(syscall.SYS_CLOCK_GETTIME, clockThreadCPU, uintptr(unsafe.Pointer(&ts)), 0)
	return time.Duration(ts.Nano())
}

// serverCPU makes one handshake and returns the processor time of the server
// alone: both ends are in this process, and the client does not matter.
func serverCPU(b *testing.B, l net.Listener, server, client *tls.Config) time.Duration {
	b.Helper()
	took := make(chan time.Duration, 1)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		raw, err := l.Accept()
		if err != nil {
			took <- -1
			return
		}
		defer raw.Close()
		conn := tls.Server(raw, server)
		start := threadCPU()
		err = conn.Handshake()
		cpu := threadCPU() - start
		if err == nil {
			_, err = conn.Write([]byte{1})
		}
		if err != nil {
			cpu = -1
		}
		took <- cpu
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

// BenchmarkHandshake compares the server's processor time of one handshake, in
// one run and in turns, since the machine is noisy: with no judgement at all,
// with that of the standard library, and with ours. Nothing waits on a network.
func BenchmarkHandshake(b *testing.B) {
	for name, key := range map[string]func() signer{
		"P-256":    func() signer { return newKey(b) },
		"RSA-2048": func() signer { return rsaKey(b, 2048) },
	} {
		b.Run(name, func(b *testing.B) { benchmarkHandshake(b, key()) })
	}
}

func benchmarkHandshake(b *testing.B, key signer) {
	b.Helper()
	w := newWorld(b)
	bank := newBank(w)
	issuer := w.qtsp("LT", "QTSP LT")
	l := w.qwac(issuer, request{key: key})
	l.tls.Certificate = append(l.tls.Certificate, issuer.cert.Raw)

	open := bank.base()
	open.ClientAuth = tls.RequireAnyClientCert
	stdlib := bank.base()
	stdlib.ClientAuth = tls.RequireAndVerifyClientCert
	stdlib.ClientCAs = x509.NewCertPool()
	stdlib.ClientCAs.AddCert(issuer.cert)
	warm := guard(b, w.verifier(eidas.Policy{}), bank.base())

	full := bank.client(tls.VersionTLS13, l)
	full.ClientSessionCache = nil
	withTicket := bank.client(tls.VersionTLS13, l)

	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(b, err)
	defer listener.Close()
	times := map[string][]time.Duration{}
	measure := func(mode string, server, client *tls.Config) {
		times[mode] = append(times[mode], serverCPU(b, listener, server, client))
	}
	// A chain is known when its owner has been given a ticket.
	serverCPU(b, listener, warm, withTicket)
	for b.Loop() {
		measure("open", open, full)
		measure("stdlib", stdlib, full)
		measure("cold", guard(b, w.verifier(eidas.Policy{}), bank.base()), full)
		measure("warm", warm, full)
		measure("resumed", warm, withTicket)
	}
	median := func(mode string) float64 {
		slices.Sort(times[mode])
		return float64(times[mode][len(times[mode])/2].Nanoseconds())
	}
	for mode := range times {
		b.ReportMetric(median(mode)/1e3, mode+"-µs")
	}
	b.ReportMetric(median("cold")/median("stdlib"), "cold/stdlib")
	b.ReportMetric(median("warm")/median("stdlib"), "warm/stdlib")
	b.ReportMetric(median("warm")/median("open"), "warm/open")
}

// BenchmarkVerifyConnection is one whole verdict, as every request has it.
func BenchmarkVerifyConnection(b *testing.B) {
	w := newWorld(b)
	issuer := w.qtsp("LT", "QTSP LT")
	l := w.qwac(issuer, request{})
	v := w.verifier(eidas.Policy{})
	cs := state(false, l.cert, issuer.cert)
	b.ReportAllocs()
	for b.Loop() {
		if err := v.VerifyConnection(cs); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkBothHooks is what the hooks of one full handshake cost, of a chain
// seen for the first time.
func BenchmarkBothHooks(b *testing.B) {
	w := newWorld(b)
	issuer := w.qtsp("LT", "QTSP LT")
	l := w.qwac(issuer, request{})
	v := w.verifier(eidas.Policy{})
	cs := state(false, l.cert, issuer.cert)
	sent := raw(l.cert, issuer.cert)
	b.ReportAllocs()
	for b.Loop() {
		if err := v.VerifyPeerCertificate(sent, nil); err != nil {
			b.Fatal(err)
		}
		if err := v.VerifyConnection(cs); err != nil {
			b.Fatal(err)
		}
	}
}

// BenchmarkUnknownIssuer is what a stranger can make the hooks do, without a key.
func BenchmarkUnknownIssuer(b *testing.B) {
	w, unlisted := newWorld(b), newWorld(b)
	w.qtsp("LT", "QTSP LT")
	l := unlisted.qwac(unlisted.qtsp("LT", "Nobody"), request{})
	v := w.verifier(eidas.Policy{})
	sent := raw(l.cert)
	b.ReportAllocs()
	for b.Loop() {
		if err := v.VerifyPeerCertificate(sent, nil); err == nil {
			b.Fatal("let in")
		}
	}
}

// BenchmarkHostileChain is the most that a stranger can make the hook compute:
// every certificate that it may send claims to be issued by a listed CA, under
// each of its names. It reports the processor time.
func BenchmarkHostileChain(b *testing.B) {
	rsaKeyOf := func(bits int) func() crypto.Signer {
		return func() crypto.Signer { return rsaKey(b, bits) }
	}
	ecKeyOf := func(curve elliptic.Curve) func() crypto.Signer {
		return func() crypto.Signer {
			key, err := ecdsa.GenerateKey(curve, rand.Reader)
			require.NoError(b, err)
			return key
		}
	}
	for name, newKey := range map[string]func() crypto.Signer{
		"P-256": ecKeyOf(elliptic.P256()), "P-384": ecKeyOf(elliptic.P384()), "P-521": ecKeyOf(elliptic.P521()),
		"RSA-2048": rsaKeyOf(2048), "RSA-4096": rsaKeyOf(4096),
	} {
		b.Run(name, func(b *testing.B) {
			w, stranger := newWorld(b), newWorld(b)
			listed := w.qtspWith("LT", "QTSP LT", newKey())
			// The same name and key identifier, which are public, and another key.
			forged := *listed.cert
			fake := &authority{cert: &forged, key: newKey()}
			forged.PublicKey = fake.key.Public()
			key := newKey()
			var chain []*x509.Certificate
			for range qwac.MaxCertificates - 1 {
				chain = append(chain, stranger.sign(fake, key, func(c *x509.Certificate) {
					c.Subject = pkix.Name{CommonName: "Between"}
					c.IsCA, c.BasicConstraintsValid, c.KeyUsage = true, true, x509.KeyUsageCertSign
				}))
			}
			between := &authority{cert: chain[0], key: key}
			chain = append([]*x509.Certificate{stranger.qwac(between, request{}).cert}, chain...)
			require.Equal(b, listed.cert.RawSubject, chain[1].RawIssuer)
			v := w.verifier(eidas.Policy{})
			cs := state(false, chain...)
			runtime.LockOSThread()
			defer runtime.UnlockOSThread()
			start, runs := threadCPU(), 0
			for ; b.Loop(); runs++ {
				if err := v.VerifyConnection(cs); eidas.ReasonOf(err) != eidas.ReasonSignatureInvalid && eidas.ReasonOf(err) != eidas.ReasonPathTooComplex {
					b.Fatal(err)
				}
			}
			b.ReportMetric(float64((threadCPU()-start).Microseconds())/float64(runs), "cpu-µs/op")
		})
	}
}
