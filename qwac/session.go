package qwac

import (
	"context"
	"crypto/tls"
	"strings"

	"github.com/seed-b953571c/eidas"
)

// ticketLabel begins the entry of this package in SessionState.Extra, which
// several layers may share.
const ticketLabel = "eidas/qwac/1\x00"

// bindTickets marks the session tickets of c with this Verifier, and has them
// judged before a session is resumed. The tickets are sealed by the hooks of
// keys, if it has any, else with its ticket keys.
//
// crypto/tls would resume what the hooks then refuse, and a refused handshake
// is no way back to a full one: a client keeps offering its ticket. And Clone
// and GetConfigForClient share ticket keys, so that without the mark a ticket
// of a sandbox would reach VerifyConnection of production.
func (v *Verifier) bindTickets(c, keys *tls.Config) {
	seal, open := c.WrapSession, c.UnwrapSession
	if seal == nil {
		seal = keys.EncryptTicket
	}
	if open == nil {
		open = keys.DecryptTicket
	}
	c.WrapSession = func(cs tls.ConnectionState, ss *tls.SessionState) (ticket []byte, err error) {
		defer v.rescue(&err)
		v.mark(cs, ss)
		return seal(cs, ss)
	}
	c.UnwrapSession = func(ticket []byte, cs tls.ConnectionState) (ss *tls.SessionState, err error) {
		defer v.rescue(&err)
		ss, err = open(ticket, cs)
		if err != nil || ss == nil {
			return nil, err
		}
		if !v.mayResume(cs, ss) {
			v.metrics.sessionDeclined()
			return nil, nil // crypto/tls goes on with a full handshake
		}
		return ss, nil
	}
}

// mark writes into a session whose it is. crypto/tls seals a session only when
// the peer has proved its key, or has resumed a session that was marked.
func (v *Verifier) mark(cs tls.ConnectionState, ss *tls.SessionState) {
	peer := cs.PeerCertificates
	if len(peer) == 0 || checkChain(peer) != nil {
		return // an unmarked session is not resumed
	}
	key := keyOf(peer)
	d := v.decisions.get(key)
	if d == nil {
		at := now()
		result := v.shared.take(handoffKey{key, toTicket}, at)
		if result == nil && v.deferred {
			return // refused, which its request will be told
		}
		if result == nil {
			var refusal *eidas.Error
			if result, refusal = v.judge(context.Background(), hookSession, key, peer); refusal != nil {
				return
			}
		}
		d = v.decisions.add(key, peer, result, at)
	}
	if !cs.DidResume {
		d.proved.Store(now().UnixNano())
	}
	ss.Extra = append(ss.Extra, []byte(v.markText(key, cs.ServerName)))
}

// markText is what a session is marked with: this Verifier, the chain, and the
// server name.
func (v *Verifier) markText(key chainKey, serverName string) string {
	return ticketLabel + string(v.id[:]) + string(key[:]) + serverName
}

// mayResume judges a session before it is resumed. It runs before the client
// has shown that it knows the session's secret, so it only reads and computes.
func (v *Verifier) mayResume(cs tls.ConnectionState, ss *tls.SessionState) bool {
	key, ok := v.markOf(cs, ss)
	if !ok {
		return false
	}
	// The session holds the chain but does not show it.
	d := v.decisions.get(key)
	if d == nil || v.sessionEnded(d) {
		return false
	}
	result, refusal := v.judge(context.Background(), hookSession, key, d.chain)
	if refusal != nil {
		return false
	}
	v.shared.put(handoffKey{key, toResumed}, result, now())
	return true
}

// sessionEnded holds sessions to Config.MaxSessionAge.
func (v *Verifier) sessionEnded(d *decision) bool {
	return v.maxSessionAge > 0 && now().UnixNano()-d.proved.Load() > int64(v.maxSessionAge)
}

// markOf returns the chain that a session was marked with, by this Verifier
// and under the same server name, exactly once. Whatever else begins like a mark
// spoils the session.
func (v *Verifier) markOf(cs tls.ConnectionState, ss *tls.SessionState) (key chainKey, ok bool) {
	for _, extra := range ss.Extra {
		if !strings.HasPrefix(string(extra), ticketLabel) {
			continue
		}
		const at = len(ticketLabel) + len(verifierID{})
		if ok || len(extra) < at {
			return chainKey{}, false
		}
		copy(key[:], extra[at:])
		if string(extra) != v.markText(key, cs.ServerName) {
			return chainKey{}, false
		}
		ok = true
	}
	return key, ok
}
