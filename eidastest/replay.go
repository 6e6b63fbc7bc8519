package eidastest

import (
	"crypto/tls"
	"sync"
)

// Replayer is the session cache of an attacker, for tls.Config's
// ClientSessionCache: it keeps the first session that it gets, and offers it to
// every server and for ever, whatever the server's name and the client's
// certificate. A stock client drops a session that failed; this one comes back
// with it. The zero value has no session yet. It is safe for concurrent use.
type Replayer struct {
	mu      sync.Mutex
	session *tls.ClientSessionState
	offered int
}

// Get implements tls.ClientSessionCache.
func (r *Replayer) Get(string) (*tls.ClientSessionState, bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.session == nil {
		return nil, false
	}
	r.offered++
	return r.session, true
}

// Put implements tls.ClientSessionCache.
func (r *Replayer) Put(_ string, s *tls.ClientSessionState) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.session == nil {
		r.session = s
	}
}

// Offered returns how often the session was offered, so that a test can tell
// that it was.
func (r *Replayer) Offered() int {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.offered
}
