package qwac

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"

	"github.com/seed-b953571c/eidas"
)

// ServerConfig returns a copy of base that lets in whom the Validator lets in.
// base is not changed. The copy
//
//   - demands a client certificate (RequireAnyClientCert) and leaves its
//     judgement to the hooks, so that crypto/tls neither holds it to a pool of
//     CAs nor to its own rule for extended key usage;
//   - judges full handshakes in VerifyPeerCertificate and every handshake in
//     VerifyConnection, then calls the hooks of base. A VerifyPeerCertificate
//     of base is also called for resumed sessions, with nil chains, where
//     crypto/tls would leave it out;
//   - binds session tickets to this Verifier and to the server name. A ticket
//     of another Verifier, of a peer that is not let in any more, or of one
//     that this process does not know, is ignored: a full handshake follows,
//     and a client that has a new certificate by now sees no error;
//   - guards each config that GetConfigForClient of base returns in the same
//     way. It seals tickets with the keys of that config, so return the same
//     one for the same name, or its tickets never resume;
//   - sends no CA names: 781 listed CAs would break every client;
//   - speaks TLS 1.2 or newer.
//
// What contradicts this in base is an error and never overruled: a ClientAuth
// other than none or RequireAnyClientCert, ClientCAs, a version before TLS 1.2.
// In a config of GetConfigForClient it fails the handshake.
func (v *Verifier) ServerConfig(base *tls.Config) (*tls.Config, error) {
	if base == nil {
		return nil, errors.New("qwac: base config is nil")
	}
	guarded, err := v.guard(base)
	if err != nil {
		return nil, err
	}
	// The keys of the returned config, so that SetSessionTicketKeys on it works.
	v.bindTickets(guarded, guarded)
	if forClient := base.GetConfigForClient; forClient != nil {
		guarded.GetConfigForClient = v.guardedForClient(forClient)
	}
	return guarded, nil
}

// guard returns a copy of base with both hooks.
func (v *Verifier) guard(base *tls.Config) (*tls.Config, error) {
	if err := checkBase(base); err != nil {
		return nil, err
	}
	c := base.Clone()
	c.ClientAuth = tls.RequireAnyClientCert
	c.MinVersion = max(c.MinVersion, tls.VersionTLS12)
	c.VerifyPeerCertificate = v.peerCertificateHook(base.VerifyPeerCertificate)
	c.VerifyConnection = v.connectionHook(base.VerifyPeerCertificate, base.VerifyConnection)
	return c, nil
}

// checkBase refuses what would have to be overruled.
func checkBase(base *tls.Config) error {
	switch {
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

// guardedForClient guards the configs of a GetConfigForClient.
func (v *Verifier) guardedForClient(next func(*tls.ClientHelloInfo) (*tls.Config, error)) func(*tls.ClientHelloInfo) (*tls.Config, error) {
	return func(hello *tls.ClientHelloInfo) (guarded *tls.Config, err error) {
		defer v.rescue(&err)
		c, err := next(hello)
		if err != nil || c == nil {
			return nil, err // nil without error: the config of ServerConfig serves
		}
		if guarded, err = v.guard(c); err != nil {
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

func (v *Verifier) peerCertificateHook(next peerCertificateHook) peerCertificateHook {
	if next == nil {
		return v.VerifyPeerCertificate
	}
	return func(raw [][]byte, chains [][]*x509.Certificate) (err error) {
		defer v.rescue(&err)
		if err := v.VerifyPeerCertificate(raw, chains); err != nil {
			return err
		}
		return next(raw, chains)
	}
}

func (v *Verifier) connectionHook(peer peerCertificateHook, next connectionHook) connectionHook {
	return func(cs tls.ConnectionState) (err error) {
		defer v.rescue(&err)
		if err := v.VerifyConnection(cs); err != nil {
			return err
		}
		if peer != nil && cs.DidResume {
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

// VerifyPeerCertificate is a hook for tls.Config.VerifyPeerCertificate, for
// those who cannot use ServerConfig. It ignores chains. An error is an
// *[eidas.Error].
//
// Alone it is a hole: crypto/tls does not call it for resumed sessions, so a
// TPP whose certificate was revoked comes back with a session ticket, and each
// resumption gives it a new one. Set VerifyConnection as well.
func (v *Verifier) VerifyPeerCertificate(raw [][]byte, _ [][]*x509.Certificate) (err error) {
	defer v.rescue(&err)
	key := keyOfRaw(raw)
	peer, known := v.proven.get(key)
	if !known {
		var refusal *eidas.Error
		if peer, refusal = parseChain(raw); refusal != nil {
			v.metrics.refused(hookCertificate, refusal)
			v.report(context.Background(), hookCertificate, nil, verdict{refusal: refusal})
			return refusal
		}
	}
	result, refusal := v.judge(context.Background(), hookCertificate, peer)
	if refusal != nil {
		return refusal
	}
	v.shared.put(handoffKey{chain: key}, result, now())
	return nil
}

// VerifyConnection is a hook for tls.Config.VerifyConnection, for those who
// cannot use ServerConfig. It judges every handshake, resumed ones too, and
// shares the work of VerifyPeerCertificate where that ran just before. An error
// is an *[eidas.Error].
//
// It needs ClientAuth RequireAnyClientCert. Where it is the only hook, a client
// that got a new certificate but still offers the session of its revoked one is
// refused, and stock Go clients then offer it again; ServerConfig declines such
// sessions instead.
func (v *Verifier) VerifyConnection(cs tls.ConnectionState) (err error) {
	defer v.rescue(&err)
	key := handoffKey{chain: keyOf(cs.PeerCertificates), resumed: cs.DidResume}
	if v.shared.take(key, now()) != nil {
		return nil
	}
	if _, refusal := v.judge(context.Background(), hookConnection, cs.PeerCertificates); refusal != nil {
		return refusal
	}
	return nil
}
