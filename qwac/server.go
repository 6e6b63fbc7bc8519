package qwac

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"reflect"

	"github.com/seed-b953571c/eidas"
)

// ServerConfig returns a copy of base that lets in whom the Validator lets in.
// base is not changed. The copy
//
//   - demands a client certificate (RequireAnyClientCert) and leaves its
//     judgement to the hooks, so that crypto/tls neither holds it to a pool of
//     CAs nor to its own rule for extended key usage;
//   - judges every handshake, full or resumed, in VerifyConnection, then calls
//     the hooks of base. A VerifyPeerCertificate of base is also called for
//     resumed sessions, where crypto/tls would leave it out, and always with
//     nil chains. The VerifyPeerCertificate of the copy only bounds the chain:
//     it gets bytes that crypto/tls has parsed already;
//   - binds session tickets to this Verifier and to the server name. A ticket
//     of another Verifier, of a peer that is not let in any more, or of one
//     that this process does not know, is ignored: a full handshake follows,
//     and a client that has a new certificate by now sees no error;
//   - guards each config that GetConfigForClient of base returns in the same
//     way. It seals tickets with the keys of that config, so return the same
//     one for the same name, or its tickets never resume;
//   - sends no CA names but those of Config.CANames: 781 listed CAs would break
//     every client;
//   - speaks TLS 1.2 or newer.
//
// What contradicts this in base is an error and never overruled: a ClientAuth
// other than none or RequireAnyClientCert, ClientCAs, a version before TLS 1.2,
// and a config that a Verifier has guarded already, this one or another.
// In a config of GetConfigForClient it fails the handshake.
//
// With Config.Deferred it is an error: ConfigureServer sees to it that somebody
// refuses what the handshake let pass; UnsafeDeferredConfig leaves it to you.
func (v *Verifier) ServerConfig(base *tls.Config) (*tls.Config, error) {
	if v.deferred {
		return nil, errors.New("qwac: Config.Deferred needs ConfigureServer: a config alone would let everybody in")
	}
	return v.UnsafeDeferredConfig(base, nil)
}

// UnsafeDeferredConfig is ServerConfig with Config.Deferred too, for a server
// that puts every single request or call through Handler or [Verifier.Admit].
// With Config.Deferred its handshakes let everybody pass, with any certificate
// and with none. ready is asked at each of them, and an error refuses it: say
// there whether Handler is still in its place. It is safe for concurrent use; nil
// asks nothing.
func (v *Verifier) UnsafeDeferredConfig(base *tls.Config, ready func() error) (*tls.Config, error) {
	if base == nil {
		return nil, errors.New("qwac: base config is nil")
	}
	guarded, err := v.guard(base, ready)
	if err != nil {
		return nil, err
	}
	// The keys of the returned config, so that SetSessionTicketKeys on it works.
	v.bindTickets(guarded, guarded)
	if forClient := base.GetConfigForClient; forClient != nil {
		guarded.GetConfigForClient = v.guardedForClient(forClient, ready)
	}
	return guarded, nil
}

// Deferred reports Config.Deferred, for servers of other protocols: their
// handshakes let strangers pass, who must not hold much until their verdict.
func (v *Verifier) Deferred() bool { return v.deferred }

// guard returns a copy of base with both hooks.
func (v *Verifier) guard(base *tls.Config, ready func() error) (*tls.Config, error) {
	if err := checkBase(base); err != nil {
		return nil, err
	}
	c := base.Clone()
	c.ClientAuth = tls.RequireAnyClientCert
	if v.deferred {
		c.ClientAuth = tls.RequestClientCert // who has none is told so too
	}
	c.ClientCAs = v.hints
	c.MinVersion = max(c.MinVersion, tls.VersionTLS12)
	c.VerifyPeerCertificate = v.sizeHook
	c.VerifyConnection = v.connectionHook(base.VerifyPeerCertificate, base.VerifyConnection)
	if ready != nil {
		c.VerifyConnection = v.whenReady(ready, c.VerifyConnection)
	}
	return c, nil
}

// checkBase refuses what would have to be overruled.
func checkBase(base *tls.Config) error {
	switch {
	case isGuarded(base):
		return errors.New("qwac: config is the work of a Verifier already; call ServerConfig or ConfigureServer once, with the config as it was before")
	case base.ClientAuth != tls.NoClientCert && base.ClientAuth != tls.RequireAnyClientCert:
		return fmt.Errorf("qwac: base config has ClientAuth %s; leave it unset, the certificate is required and judged by the hooks", base.ClientAuth)
	case base.ClientCAs != nil:
		return errors.New("qwac: base config has ClientCAs; trust comes from the Validator alone, and its names are not sent")
	case base.MinVersion != 0 && base.MinVersion < tls.VersionTLS12:
		return fmt.Errorf("qwac: base config has MinVersion %s, before TLS 1.2", tls.VersionName(base.MinVersion))
	case base.MaxVersion != 0 && base.MaxVersion < tls.VersionTLS12:
		return fmt.Errorf("qwac: base config has MaxVersion %s, before TLS 1.2", tls.VersionName(base.MaxVersion))
	}
	return nil
}

// isGuarded reports whether a Verifier made c. Guarded twice it would judge each
// peer twice and mark each session twice, and none would ever resume. A
// tls.Config has no place for a mark that Clone keeps but its hooks, and those
// can only be compared by their code.
func isGuarded(c *tls.Config) bool {
	return reflect.ValueOf(c.VerifyPeerCertificate).Pointer() == reflect.ValueOf((*Verifier)(nil).sizeHook).Pointer()
}

// guardedForClient guards the configs of a GetConfigForClient.
func (v *Verifier) guardedForClient(next func(*tls.ClientHelloInfo) (*tls.Config, error), ready func() error) func(*tls.ClientHelloInfo) (*tls.Config, error) {
	return func(hello *tls.ClientHelloInfo) (guarded *tls.Config, err error) {
		defer v.rescue(&err)
		c, err := next(hello)
		if err != nil || c == nil {
			return nil, err // nil without error: the config of ServerConfig serves
		}
		if guarded, err = v.guard(c, ready); err != nil {
			return nil, &eidas.Error{Reason: eidas.ReasonInternal, Err: fmt.Errorf("GetConfigForClient: %w", err)}
		}
		v.bindTickets(guarded, c)
		return guarded, nil
	}
}

type (
	peerCertificateHook = func([][]byte, [][]*x509.Certificate) error
	connectionHook      = func(tls.ConnectionState) error
)

// sizeHook bounds a chain at the first hook of a full handshake.
func (v *Verifier) sizeHook(raw [][]byte, _ [][]*x509.Certificate) error {
	if refusal := checkRaw(raw); refusal != nil && !v.deferred {
		v.refuse(context.Background(), hookCertificate, refusal)
		return refusal
	}
	return nil
}

// connectionHook judges every handshake and then calls the hooks of the base
// config. Those are called in deferred mode too when the peer is refused: by
// the time of its request it may have become acceptable.
func (v *Verifier) connectionHook(peer peerCertificateHook, next connectionHook) connectionHook {
	return func(cs tls.ConnectionState) (err error) {
		defer v.rescue(&err)
		if refusal := v.connection(cs); refusal != nil && !v.deferred {
			return refusal
		}
		if peer != nil {
			if err := peer(rawOf(cs.PeerCertificates), nil); err != nil {
				return err
			}
		}
		if next != nil {
			if err := next(cs); err != nil {
				return err
			}
		}
		v.metrics.handshake(cs.DidResume)
		return nil
	}
}

// whenReady refuses every handshake of a server that is not ready.
func (v *Verifier) whenReady(ready func() error, next connectionHook) connectionHook {
	return func(cs tls.ConnectionState) (err error) {
		defer v.rescue(&err)
		if err := ready(); err != nil {
			refusal := &eidas.Error{Reason: eidas.ReasonInternal, Err: err}
			v.refuse(context.Background(), hookConnection, refusal)
			return refusal
		}
		return next(cs)
	}
}

// connection judges a handshake, and leaves the verdict for its ticket.
func (v *Verifier) connection(cs tls.ConnectionState) *eidas.Error {
	peer := cs.PeerCertificates
	if refusal := checkChain(peer); refusal != nil {
		v.refuse(context.Background(), hookConnection, refusal)
		return refusal
	}
	key := keyOf(peer)
	before := toConnection
	if cs.DidResume {
		before = toResumed
	}
	if v.shared.take(handoffKey{key, before}, now()) != nil {
		return nil
	}
	result, refusal := v.judge(withStaple(context.Background(), &cs), hookConnection, key, peer)
	if refusal == nil && !cs.DidResume && v.decisions.get(key) == nil {
		v.shared.put(handoffKey{key, toTicket}, result, now())
	}
	return refusal
}

// VerifyPeerCertificate is a hook for tls.Config.VerifyPeerCertificate, for
// those who cannot use ServerConfig. It ignores chains. An error is an
// *[eidas.Error].
//
// Alone it is a hole: crypto/tls does not call it for resumed sessions, so a
// TPP whose certificate was revoked comes back with a session ticket, and each
// resumption gives it a new one. Set VerifyConnection as well.
func (v *Verifier) VerifyPeerCertificate(raw [][]byte, _ [][]*x509.Certificate) (err error) {
	defer v.rescue(&err)
	if refusal := checkRaw(raw); refusal != nil {
		v.refuse(context.Background(), hookCertificate, refusal)
		return refusal
	}
	key := keyOfRaw(raw)
	var peer []*x509.Certificate
	if d := v.decisions.get(key); d != nil {
		peer = d.chain
	} else {
		var refusal *eidas.Error
		if peer, refusal = parseChain(raw); refusal != nil {
			v.refuse(context.Background(), hookCertificate, refusal)
			return refusal
		}
	}
	result, refusal := v.judge(context.Background(), hookCertificate, key, peer)
	if refusal != nil {
		return refusal
	}
	v.shared.put(handoffKey{key, toConnection}, result, now())
	return nil
}

// VerifyConnection is a hook for tls.Config.VerifyConnection, for those who
// cannot use ServerConfig. It judges every handshake, resumed ones too, and
// shares the work of VerifyPeerCertificate where that ran just before. An error
// is an *[eidas.Error], also with Config.Deferred.
//
// It needs ClientAuth RequireAnyClientCert. Where it is the only hook, a client
// that got a new certificate but still offers the session of its revoked one is
// refused, and stock Go clients then offer it again; ServerConfig declines such
// sessions instead.
func (v *Verifier) VerifyConnection(cs tls.ConnectionState) (err error) {
	defer v.rescue(&err)
	if refusal := v.connection(cs); refusal != nil {
		return refusal
	}
	return nil
}
