package qwac_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/qwac"
)

// wired is a config as somebody writes it who does not use ServerConfig.
func wired(b *bank, v *qwac.Verifier, both bool) *tls.Config {
	c := b.base()
	c.ClientAuth = tls.RequireAnyClientCert
	c.VerifyPeerCertificate = v.VerifyPeerCertificate
	if both {
		c.VerifyConnection = v.VerifyConnection
	}
	return c
}

// ends are the ways in which a TPP loses its access while it holds a ticket.
var ends = map[string]struct {
	end  func(w *world, issuer *authority, l *leaf)
	want eidas.Reason
}{
	"revoked":     {func(w *world, _ *authority, l *leaf) { w.revoke(l.cert) }, eidas.ReasonRevoked},
	"withdrawn":   {func(w *world, issuer *authority, _ *leaf) { w.withdraw(issuer) }, eidas.ReasonServiceNotGranted},
	"trust lost":  {func(w *world, _ *authority, _ *leaf) { w.set.Store(nil) }, eidas.ReasonTrustUnavailable},
	"unavailable": {func(w *world, _ *authority, _ *leaf) { w.setStatus(unavailable) }, eidas.ReasonRevocationUnavailable},
}

func unavailable(context.Context, eidas.StatusQuery) (eidas.StatusAnswer, error) {
	return eidas.StatusAnswer{}, eidas.ReasonRevocationUnavailable
}

func TestSessionIsNotResumedOnceThePeerWouldBeRefused(t *testing.T) {
	for name, row := range ends {
		t.Run(name, func(t *testing.T) {
			eachVersion(t, func(t versioned) {
				w := newWorld(t)
				b := newBank(w)
				issuer := w.qtsp("LT", "QTSP LT")
				l := w.qwac(issuer, request{})
				client := b.client(t.version, l)
				config := guard(t, w.verifier(eidas.Policy{}), b.base())
				assertAccepted(t, handshake(t, config, client), false)
				assertAccepted(t, handshake(t, config, client), true)
				row.end(w, issuer, l)
				for range 3 {
					assertRefused(t, handshake(t, config, client), row.want)
				}
			})
		})
	}
}

func TestHooksWiredByHandRefuseResumedSessions(t *testing.T) {
	for name, row := range ends {
		t.Run(name, func(t *testing.T) {
			eachVersion(t, func(t versioned) {
				w := newWorld(t)
				b := newBank(w)
				issuer := w.qtsp("LT", "QTSP LT")
				l := w.qwac(issuer, request{})
				client := b.client(t.version, l)
				config := wired(b, w.verifier(eidas.Policy{}), true)
				assertAccepted(t, handshake(t, config, client), false)
				assertAccepted(t, handshake(t, config, client), true)
				row.end(w, issuer, l)
				assertRefused(t, handshake(t, config, client), row.want)
			})
		})
	}
}

// This is why ServerConfig sets more than one hook. Should crypto/tls begin to
// call VerifyPeerCertificate for resumed sessions, this test says so.
func TestVerifyPeerCertificateAloneLetsARevokedPeerResume(t *testing.T) {
	eachVersion(t, func(t versioned) {
		w := newWorld(t)
		b := newBank(w)
		l := w.qwac(w.qtsp("LT", "QTSP LT"), request{})
		client := b.client(t.version, l)
		hole := wired(b, w.verifier(eidas.Policy{}), false)
		assertAccepted(t, handshake(t, hole, client), false)
		w.revoke(l.cert)
		for range 3 { // each resumption renews the ticket
			assertAccepted(t, handshake(t, hole, client), true)
		}
		client.ClientSessionCache = nil
		assertRefused(t, handshake(t, hole, client), eidas.ReasonRevoked)
	})
}

// A client that has a new certificate still offers the session of the old one.
// It must see no error, and be known by its new certificate.
func TestRotatedClientWithAnOldTicketIsAccepted(t *testing.T) {
	for name, row := range ends {
		if row.want.Cause() != eidas.CauseTPP || name == "trust lost" {
			continue // there the new certificate fares no better
		}
		t.Run(name, func(t *testing.T) {
			eachVersion(t, func(t versioned) {
				w := newWorld(t)
				b := newBank(w)
				issuer := w.qtsp("LT", "QTSP LT")
				old, next := w.qwac(issuer, request{}), w.qwac(w.qtsp("NO", "QTSP NO"), request{})
				config := guard(t, w.verifier(eidas.Policy{}), b.base())
				client := b.client(t.version, old)
				assertAccepted(t, handshake(t, config, client), false)
				row.end(w, issuer, old)
				client.Certificates = []tls.Certificate{next.tls}

				o := handshake(t, config, client)
				assertAccepted(t, o, false)
				assert.Equal(t, next.cert.Raw, o.state.PeerCertificates[0].Raw)
				o = handshake(t, config, client)
				assertAccepted(t, o, true)
				assert.Equal(t, next.cert.Raw, o.state.PeerCertificates[0].Raw)
			})
		})
	}
}

// Clone and GetConfigForClient share ticket keys. A ticket had from a sandbox,
// whose CAs anybody can use, must be worth nothing in production.
func TestTicketOfAnotherVerifierIsIgnored(t *testing.T) {
	const sandboxName = "sandbox.bank.example"
	eachVersion(t, func(t versioned) {
		production, sandbox := newWorld(t), newWorld(t)
		sandbox.profile = eidas.ProfileTest
		b := newBank(production, sandboxName)
		qtsp := production.qtsp("LT", "QTSP LT")
		base := b.base()
		base.SetSessionTicketKeys([][32]byte{{1}}) // the same for both
		configs := map[string]*tls.Config{
			serverName:  guard(t, production.verifier(eidas.Policy{}), base),
			sandboxName: guard(t, sandbox.verifier(eidas.Policy{Profile: eidas.ProfileTest}), base),
		}
		listener := b.base()
		listener.GetConfigForClient = func(h *tls.ClientHelloInfo) (*tls.Config, error) { return configs[h.ServerName], nil }

		visitor := sandbox.qwac(sandbox.qtsp("LT", "Sandbox"), request{})
		client := b.client(t.version, visitor)
		client.ClientSessionCache = oneSession{} // whatever the server's name
		client.ServerName = sandboxName
		assertAccepted(t, handshake(t, listener, client), false)
		assertAccepted(t, handshake(t, listener, client), true)
		client.ServerName = serverName
		assertRefused(t, handshake(t, listener, client), eidas.ReasonIssuerUnknown)

		client.ServerName = sandboxName
		client.ClientSessionCache = oneSession{}
		assertAccepted(t, handshake(t, listener, client), false)
		client.ServerName = serverName
		client.Certificates = []tls.Certificate{production.qwac(qtsp, request{}).tls}
		assertAccepted(t, handshake(t, listener, client), false)
	})
}

func TestTicketOfAnotherServerNameIsIgnored(t *testing.T) {
	const otherName = "payments.bank.example"
	eachVersion(t, func(t versioned) {
		w := newWorld(t)
		b := newBank(w, otherName)
		config := guard(t, w.verifier(eidas.Policy{}), b.base())
		client := b.client(t.version, w.qwac(w.qtsp("LT", "QTSP LT"), request{}))
		client.ClientSessionCache = oneSession{}
		assertAccepted(t, handshake(t, config, client), false)
		assertAccepted(t, handshake(t, config, client), true)
		client.ServerName = otherName
		assertAccepted(t, handshake(t, config, client), false)
	})
}

// A ticket that this process cannot judge is ignored too, as after a restart
// of an instance that shares its ticket keys.
func TestTicketOfAnotherInstanceIsIgnored(t *testing.T) {
	eachVersion(t, func(t versioned) {
		w := newWorld(t)
		b := newBank(w)
		client := b.client(t.version, w.qwac(w.qtsp("LT", "QTSP LT"), request{}))
		for range 2 {
			config := guard(t, w.verifier(eidas.Policy{}), b.base())
			config.SetSessionTicketKeys([][32]byte{{1}})
			assertAccepted(t, handshake(t, config, client), false)
			assertAccepted(t, handshake(t, config, client), true)
		}
	})
}

// The mark is that of one Verifier: another one may have another policy, even
// where it knows the peer.
func TestTicketOfAnotherVerifierOfTheSamePeerIsIgnored(t *testing.T) {
	eachVersion(t, func(t versioned) {
		w := newWorld(t)
		b := newBank(w)
		l := w.qwac(w.qtsp("LT", "QTSP LT"), request{})
		base := b.base()
		base.SetSessionTicketKeys([][32]byte{{1}})
		first, second := guard(t, w.verifier(eidas.Policy{}), base), guard(t, w.verifier(eidas.Policy{}), base)
		assertAccepted(t, handshake(t, second, b.client(t.version, l)), false)
		client := b.client(t.version, l)
		assertAccepted(t, handshake(t, first, client), false)
		assertAccepted(t, handshake(t, first, client), true)
		assertAccepted(t, handshake(t, second, client), false)
		assertAccepted(t, handshake(t, second, client), true)
	})
}

// A ticket without the mark comes from a config that was not guarded.
func TestTicketOfAnUnguardedConfigIsIgnored(t *testing.T) {
	eachVersion(t, func(t versioned) {
		w := newWorld(t)
		b := newBank(w)
		client := b.client(t.version, w.qwac(w.qtsp("LT", "QTSP LT"), request{}))
		open := b.base()
		open.ClientAuth = tls.RequireAnyClientCert
		open.SetSessionTicketKeys([][32]byte{{1}})
		assertAccepted(t, handshake(t, open, client), false)
		assertAccepted(t, handshake(t, open, client), true)
		assertAccepted(t, handshake(t, guard(t, w.verifier(eidas.Policy{}), open), client), false)
	})
}

// Layers share SessionState.Extra. One that marks a session for us, in whatever
// way, gets no session resumed, and its client sees no error.
func TestTicketWithAnythingButOneMarkIsIgnored(t *testing.T) {
	for name, row := range map[string]struct {
		edit    func(extra [][]byte) [][]byte
		resumes bool
	}{
		"as it was":                {func(e [][]byte) [][]byte { return e }, true},
		"something else beside it": {func(e [][]byte) [][]byte { return append(e, []byte("eidas/qwac")) }, true},
		"twice":                    {func(e [][]byte) [][]byte { return append(e, e[0]) }, false},
		"none":                     {func([][]byte) [][]byte { return nil }, false},
		"label alone":              {func(e [][]byte) [][]byte { return [][]byte{e[0][:13]} }, false},
		"without a chain":          {func(e [][]byte) [][]byte { return [][]byte{e[0][:13+16]} }, false},
		"half of a chain":          {func(e [][]byte) [][]byte { return [][]byte{e[0][:13+16+20]} }, false},
		"without a server name":    {func(e [][]byte) [][]byte { return [][]byte{e[0][:13+16+32]} }, false},
		"longer":                   {func(e [][]byte) [][]byte { return [][]byte{append(e[0], 'x')} }, false},
		"another Verifier":         {func(e [][]byte) [][]byte { e[0][13] ^= 1; return e }, false},
		"another chain":            {func(e [][]byte) [][]byte { e[0][13+16] ^= 1; return e }, false},
	} {
		t.Run(name, func(t *testing.T) {
			eachVersion(t, func(t versioned) {
				w := newWorld(t)
				b := newBank(w)
				client := b.client(t.version, w.qwac(w.qtsp("LT", "QTSP LT"), request{}))
				base := b.base()
				base.WrapSession = func(cs tls.ConnectionState, ss *tls.SessionState) ([]byte, error) {
					ss.Extra = row.edit(ss.Extra)
					return base.EncryptTicket(cs, ss)
				}
				base.UnwrapSession = base.DecryptTicket
				config := guard(t, w.verifier(eidas.Policy{}), base)
				assertAccepted(t, handshake(t, config, client), false)
				assertAccepted(t, handshake(t, config, client), row.resumes)
			})
		})
	}
}

func TestTicketKeysOfTheReturnedConfigAreUsed(t *testing.T) {
	eachVersion(t, func(t versioned) {
		w := newWorld(t)
		b := newBank(w)
		client := b.client(t.version, w.qwac(w.qtsp("LT", "QTSP LT"), request{}))
		config := guard(t, w.verifier(eidas.Policy{}), b.base())
		config.SetSessionTicketKeys([][32]byte{{1}})
		served := config.Clone() // as net/http does
		assertAccepted(t, handshake(t, served, client), false)
		assertAccepted(t, handshake(t, served, client), true)
		config.SetSessionTicketKeys([][32]byte{{2}, {1}})
		assertAccepted(t, handshake(t, served, client), true)
		config.SetSessionTicketKeys([][32]byte{{3}})
		assertAccepted(t, handshake(t, served, client), false)
	})
}

func TestTicketsCanBeOff(t *testing.T) {
	eachVersion(t, func(t versioned) {
		w := newWorld(t)
		b := newBank(w)
		client := b.client(t.version, w.qwac(w.qtsp("LT", "QTSP LT"), request{}))
		base := b.base()
		base.SessionTicketsDisabled = true
		config := guard(t, w.verifier(eidas.Policy{}), base)
		for range 2 {
			assertAccepted(t, handshake(t, config, client), false)
		}
	})
}

func TestSessionHooksOfBaseSealTheTickets(t *testing.T) {
	eachVersion(t, func(t versioned) {
		w := newWorld(t)
		b := newBank(w)
		client := b.client(t.version, w.qwac(w.qtsp("LT", "QTSP LT"), request{}))
		sealed, opened := 0, 0
		base := b.base()
		base.WrapSession = func(cs tls.ConnectionState, ss *tls.SessionState) ([]byte, error) {
			sealed++
			ss.Extra = append(ss.Extra, []byte("somebody else's"))
			return base.EncryptTicket(cs, ss)
		}
		base.UnwrapSession = func(ticket []byte, cs tls.ConnectionState) (*tls.SessionState, error) {
			opened++
			return base.DecryptTicket(ticket, cs)
		}
		config := guard(t, w.verifier(eidas.Policy{}), base)
		assertAccepted(t, handshake(t, config, client), false)
		assertAccepted(t, handshake(t, config, client), true)
		assert.Positive(t, sealed)
		assert.Positive(t, opened)
	})
}

// A VerifyPeerCertificate of the caller has the same hole as ours would have.
func TestHooksOfBaseAreCalledAfterOurs(t *testing.T) {
	eachVersion(t, func(t versioned) {
		w := newWorld(t)
		b := newBank(w)
		l := w.qwac(w.qtsp("LT", "QTSP LT"), request{})
		client := b.client(t.version, l)
		var calls []string
		var refusal error
		base := b.base()
		base.VerifyPeerCertificate = func(raw [][]byte, chains [][]*x509.Certificate) error {
			calls = append(calls, "certificate")
			assert.Equal(t, [][]byte{l.cert.Raw}, raw)
			assert.Nil(t, chains)
			return refusal
		}
		base.VerifyConnection = func(cs tls.ConnectionState) error {
			calls = append(calls, "connection")
			assert.Equal(t, l.cert.Raw, cs.PeerCertificates[0].Raw)
			return nil
		}
		config := guard(t, w.verifier(eidas.Policy{}), base)
		assertAccepted(t, handshake(t, config, client), false)
		assert.Equal(t, []string{"certificate", "connection"}, calls)
		assertAccepted(t, handshake(t, config, client), true)
		assert.Equal(t, []string{"certificate", "connection", "certificate", "connection"}, calls)

		refusal = assert.AnError
		o := handshake(t, config, client)
		assert.Same(t, assert.AnError, o.server, "also on a resumed session")
		require.Error(t, o.client)

		calls, refusal = nil, nil
		w.revoke(l.cert)
		assertRefused(t, handshake(t, config, client), eidas.ReasonRevoked)
		assert.Empty(t, calls, "not for those we refuse")
	})
}

func TestPanickingHookOfBaseRefusesItsPeerOnly(t *testing.T) {
	for name, set := range map[string]func(*tls.Config){
		"VerifyPeerCertificate": func(c *tls.Config) {
			c.VerifyPeerCertificate = func([][]byte, [][]*x509.Certificate) error { panic("boom") }
		},
		"VerifyConnection": func(c *tls.Config) { c.VerifyConnection = func(tls.ConnectionState) error { panic("boom") } },
		"GetConfigForClient": func(c *tls.Config) {
			c.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { panic("boom") }
		},
		"WrapSession": func(c *tls.Config) {
			c.WrapSession = func(tls.ConnectionState, *tls.SessionState) ([]byte, error) { panic("boom") }
		},
	} {
		t.Run(name, func(t *testing.T) {
			eachVersion(t, func(t versioned) {
				w := newWorld(t)
				b := newBank(w)
				base := b.base()
				set(base)
				client := b.client(t.version, w.qwac(w.qtsp("LT", "QTSP LT"), request{}))
				assertRefused(t, handshake(t, guard(t, w.verifier(eidas.Policy{}), base), client), eidas.ReasonInternal)
			})
		})
	}
}

// oneSession is a session cache that offers its session to every server.
type oneSession map[string]*tls.ClientSessionState

func (s oneSession) Get(string) (*tls.ClientSessionState, bool) { c, ok := s[""]; return c, ok }
func (s oneSession) Put(_ string, c *tls.ClientSessionState) {
	if c == nil {
		delete(s, "")
		return
	}
	s[""] = c
}

func TestGetConfigForClientIsGuardedToo(t *testing.T) {
	eachVersion(t, func(t versioned) {
		w := newWorld(t)
		b := newBank(w)
		l := w.qwac(w.qtsp("LT", "QTSP LT"), request{})
		client := b.client(t.version, l)
		special := b.base()
		base := b.base()
		base.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return special, nil }
		config := guard(t, w.verifier(eidas.Policy{}), base)
		assertAccepted(t, handshake(t, config, client), false)
		assertAccepted(t, handshake(t, config, client), true)
		assert.Equal(t, tls.NoClientCert, special.ClientAuth, "the caller's config is not changed")
		assert.Nil(t, special.VerifyConnection)
		w.revoke(l.cert)
		renewed := b.client(t.version, w.qwac(w.qtsp("NO", "QTSP NO"), request{}))
		renewed.ClientSessionCache = client.ClientSessionCache
		assertAccepted(t, handshake(t, config, renewed), false)
		assertAccepted(t, handshake(t, config, renewed), true)
		assertRefused(t, handshake(t, config, b.client(t.version, l)), eidas.ReasonRevoked)

		special.ClientAuth = tls.VerifyClientCertIfGiven
		o := handshake(t, config, client)
		assertRefused(t, o, eidas.ReasonInternal)
		require.ErrorContains(t, o.server, "VerifyClientCertIfGiven")

		base.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return nil, nil }
		assertRefused(t, handshake(t, guard(t, w.verifier(eidas.Policy{}), base), b.client(t.version, l)), eidas.ReasonRevoked)
		base.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) { return nil, assert.AnError }
		assert.Same(t, assert.AnError, handshake(t, guard(t, w.verifier(eidas.Policy{}), base), client).server)
	})
}
