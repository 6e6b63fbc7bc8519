package qwac_test

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"os"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/qwac"
)

// The counts of the acceptance criteria take minutes. EIDAS_FULL=1 runs them.
func full(short, long int) int {
	if os.Getenv("EIDAS_FULL") != "" {
		return long
	}
	return short
}

// replayer is a session cache that gives out the same session for ever.
type replayer struct{ session *tls.ClientSessionState }

func (r *replayer) Get(string) (*tls.ClientSessionState, bool) { return r.session, r.session != nil }

func (r *replayer) Put(_ string, s *tls.ClientSessionState) {
	if r.session == nil {
		r.session = s
	}
}

// tlsServer accepts for ever, and says of each handshake how it ended.
type tlsServer struct {
	net.Listener
	ended chan outcome
}

func startTLS(tb testing.TB, config *tls.Config) *tlsServer {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(tb, err)
	s := &tlsServer{l, make(chan outcome, 1)}
	tb.Cleanup(func() { l.Close() })
	go func() {
		for {
			raw, err := l.Accept()
			if err != nil {
				return
			}
			conn := tls.Server(raw, config)
			if err = conn.Handshake(); err == nil {
				_, err = conn.Write([]byte{1})
			}
			s.ended <- outcome{server: err, state: conn.ConnectionState()}
			raw.Close()
		}
	}()
	return s
}

// dial makes one handshake and reads one byte.
func (s *tlsServer) dial(tb testing.TB, config *tls.Config) outcome {
	tb.Helper()
	raw, err := net.Dial("tcp", s.Addr().String())
	require.NoError(tb, err)
	defer raw.Close()
	conn := tls.Client(raw, config)
	err = conn.Handshake()
	if err == nil {
		_, err = io.ReadFull(conn, make([]byte, 1))
	}
	o := <-s.ended
	o.client = err
	return o
}

// Acceptance 2: 10,000 replays for each version of TLS.
func TestReplayedTicketsAreNeverAccepted(t *testing.T) {
	replays := full(30, 3334)
	eachVersion(t, func(t versioned) {
		for name, row := range ends {
			if row.want.Cause() != eidas.CauseTPP {
				continue
			}
			t.Run(name, func(tt *testing.T) {
				w := newWorld(tt)
				b := newBank(w)
				issuer := w.qtsp("LT", "QTSP LT")
				l := w.qwac(issuer, request{})
				s := startTLS(tt, guard(tt, w.verifier(eidas.Policy{}), b.base()))
				client := b.client(t.version, l)
				client.ClientSessionCache = &replayer{}
				assertAccepted(tt, s.dial(tt, client), false)
				assertAccepted(tt, s.dial(tt, client), true)
				row.end(w, issuer, l)
				for range replays {
					assertRefused(tt, s.dial(tt, client), row.want)
				}
			})
		}
		t.Run("of another policy", func(tt *testing.T) {
			production, sandbox := newWorld(tt), newWorld(tt)
			sandbox.profile = eidas.ProfileTest
			b := newBank(production)
			production.qtsp("LT", "QTSP LT")
			base := b.base()
			base.SetSessionTicketKeys([][32]byte{{1}}) // the same for both
			visitor := sandbox.qwac(sandbox.qtsp("LT", "Sandbox"), request{})
			client := b.client(t.version, visitor)
			client.ClientSessionCache = &replayer{}
			there := startTLS(tt, guard(tt, sandbox.verifier(eidas.Policy{Profile: eidas.ProfileTest}), base))
			assertAccepted(tt, there.dial(tt, client), false)
			assertAccepted(tt, there.dial(tt, client), true)
			here := startTLS(tt, guard(tt, production.verifier(eidas.Policy{}), base))
			for range replays {
				assertRefused(tt, here.dial(tt, client), eidas.ReasonIssuerUnknown)
			}
		})
	})
}

// Acceptance 2: a stock client that got a new certificate and offers its old
// session, whose certificate is revoked, sees no error.
func TestRotatedClientsSeeNoError(t *testing.T) {
	clients := full(50, 10_000)
	eachVersion(t, func(t versioned) {
		w := newWorld(t)
		b := newBank(w)
		lt, no := w.qtsp("LT", "QTSP LT"), w.qtsp("NO", "QTSP NO")
		s := startConfigured(t, b, w.verifier(eidas.Policy{}))
		go func() {
			for range s.closed {
			}
		}()
		key, next := newKey(t), newKey(t)
		for range clients {
			old := w.qwac(lt, request{key: key})
			current := old
			config := b.client(t.version, nil)
			config.GetClientCertificate = func(*tls.CertificateRequestInfo) (*tls.Certificate, error) { return &current.tls, nil }
			client := &http.Client{Transport: &http.Transport{
				TLSClientConfig: config, DisableKeepAlives: true,
				DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
					return new(net.Dialer).DialContext(ctx, network, s.Listener.Addr().String())
				},
			}}
			a, err := get(t, client, apiURL)
			require.NoError(t, err)
			require.Equal(t, tppID, a.body)
			w.revoke(old.cert)
			current = w.qwac(no, request{key: next})
			a, err = get(t, client, apiURL)
			require.NoError(t, err)
			require.Equal(t, tppID, a.body)
		}
	})
}

// Acceptance 3: who holds a certificate but not its key leaves no trace of the
// TPP, and sends nobody anywhere.
func TestThievesLeaveNoTrace(t *testing.T) {
	thefts := full(50, 5000) // for each version of TLS
	eachVersion(t, func(t versioned) {
		w, stranger := newWorld(t), newWorld(t)
		b := newBank(w)
		registry := prometheus.NewRegistry()
		v := newVerifier(t, qwac.Config{Validator: w.validator(eidas.Policy{}), Registerer: registry})
		var commits atomic.Int64
		v.OnCommit(func(*eidas.Result) { commits.Add(1) })
		s := startTLS(t, guard(t, v, b.base()))
		l := w.qwac(w.qtsp("LT", "QTSP LT"), request{})
		before := len(series(t.T, registry))
		stolen := b.client(t.version, &leaf{tls: tls.Certificate{Certificate: l.tls.Certificate, PrivateKey: newKey(t), Leaf: l.cert}})
		for range thefts {
			o := s.dial(t, stolen)
			require.ErrorContains(t, o.server, "invalid signature by the client certificate")
			require.Error(t, o.client)
		}
		checks := w.statusChecks()
		unknown := b.client(t.version, stranger.qwac(stranger.qtsp("LT", "Nobody"), request{}))
		for range thefts {
			assertRefused(t, s.dial(t, unknown), eidas.ReasonIssuerUnknown)
		}
		assert.Equal(t, checks, w.statusChecks(), "nobody is asked about a chain that is not proved")
		assert.Zero(t, v.Decisions())
		assert.Zero(t, commits.Load())
		assert.LessOrEqual(t, v.Parked(), 1)
		assert.Len(t, series(t.T, registry), before)

		assertAccepted(t, s.dial(t, b.client(t.version, l)), false) // the TPP itself is not the worse for it
		assert.Equal(t, 1, v.Decisions())
	})
}

// Acceptance 5: the lists change all the time, and nobody notices but those
// whose QTSP is withdrawn.
func TestSnapshotsSwapUnderLoad(t *testing.T) {
	duration := time.Duration(full(1, 60)) * time.Second
	w := newWorld(t)
	b := newBank(w)
	s := startConfigured(t, b, w.verifier(eidas.Policy{}))
	go func() {
		for range s.closed {
		}
	}()
	stays, goes := w.qtsp("LT", "QTSP LT"), w.qtsp("NO", "QTSP NO")
	var withdrawing atomic.Bool // from before the withdrawal
	var withdrawn atomic.Int64  // when it had been made, in Unix nanoseconds
	end := time.Now().Add(duration)
	load := &swapLoad{service: &s.service, end: end, withdrawing: &withdrawing, withdrawn: &withdrawn}

	var swaps, workers sync.WaitGroup
	var published int
	swaps.Go(func() {
		begun := time.Now()
		for time.Now().Before(end) || withdrawn.Load() == 0 {
			time.Sleep(time.Millisecond)
			// As many as are due: a busy machine sleeps longer than it is told.
			for due := int(time.Since(begun) / time.Millisecond); published < due; published++ {
				w.publish()
			}
			if withdrawn.Load() == 0 && time.Until(end) < duration/2 {
				withdrawing.Store(true)
				w.withdraw(goes)
				withdrawn.Store(time.Now().UnixNano())
			}
		}
	})
	for _, protocol := range []string{"h1", "h2"} {
		for _, version := range []uint16{tls.VersionTLS12, tls.VersionTLS13} {
			for _, issuer := range []*authority{stays, goes} {
				l := w.qwac(issuer, request{})
				open := s.client(t, protocol, b.client(version, l))
				fresh := s.client(t, protocol, b.client(version, l))
				fresh.Transport.(*http.Transport).DisableKeepAlives = true
				for _, client := range []*http.Client{open, fresh} {
					workers.Go(func() { load.run(client, issuer == goes) })
				}
			}
		}
	}
	workers.Wait()
	swaps.Wait()
	t.Logf("%d snapshots, %d requests answered, %d refused after the withdrawal", published, load.answered.Load(), load.refused.Load())
	assert.Zero(t, load.dropped.Load(), "requests of TPPs that stay were refused or lost")
	assert.Zero(t, load.late.Load(), "requests begun after the withdrawal were let in")
	assert.Positive(t, load.answered.Load())
	assert.Positive(t, load.refused.Load())
	assert.Greater(t, published, int(duration/time.Millisecond)/2, "1,000 in a second, on a machine that has the time")
}

// swapLoad is the clients of TestSnapshotsSwapUnderLoad.
type swapLoad struct {
	service                          *service
	end                              time.Time
	withdrawing                      *atomic.Bool
	withdrawn                        *atomic.Int64
	answered, dropped, late, refused atomic.Int64
}

func (l *swapLoad) run(client *http.Client, goes bool) {
	for last := false; !last; {
		last = time.Now().After(l.end) && l.withdrawn.Load() != 0 // one more, after the withdrawal
		begun := time.Now().UnixNano()
		status, err := l.ask(client)
		ended, going := l.withdrawn.Load(), l.withdrawing.Load()
		switch {
		case err == nil && status == http.StatusOK:
			l.answered.Add(1)
			if goes && ended != 0 && begun > ended {
				l.late.Add(1)
			}
		case goes && going: // it may take effect before withdrawn says so
			l.refused.Add(1)
			time.Sleep(time.Millisecond)
		default:
			l.dropped.Add(1)
		}
	}
}

func (l *swapLoad) ask(client *http.Client) (int, error) {
	r, err := http.NewRequestWithContext(context.Background(), http.MethodGet, apiURL, nil)
	if err != nil {
		return 0, err
	}
	resp, err := client.Do(r)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	if _, err = io.Copy(io.Discard, resp.Body); err != nil && !errors.Is(err, io.EOF) {
		return 0, err
	}
	return resp.StatusCode, nil
}

// Acceptance 7.
func TestSeriesDoNotGrowWithCertificates(t *testing.T) {
	w := newWorld(t)
	registry := prometheus.NewRegistry()
	v := newVerifier(t, qwac.Config{Validator: w.validator(eidas.Policy{}), Registerer: registry})
	issuer := w.qtsp("LT", "QTSP LT")
	before := len(series(t, registry))
	key := newKey(t)
	for i := range full(300, 10_000) {
		cs := state(i%2 == 0, w.qwac(issuer, request{key: key, id: resultOf(t, i).Identity.OrganizationIdentifier()}).cert)
		require.NoError(t, v.VerifyConnection(cs))
		cs.HandshakeComplete = true
		_, err := v.Peer(t.Context(), cs)
		require.NoError(t, err)
	}
	assert.Len(t, series(t, registry), before)
	assert.LessOrEqual(t, v.Decisions(), qwac.MaxDecisions)
	assert.LessOrEqual(t, v.Parked(), qwac.MaxHandoffs)
}
