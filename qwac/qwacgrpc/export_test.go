package qwacgrpc

import (
	"net"

	"google.golang.org/grpc/credentials"
)

// StatusOf is statusOf.
func StatusOf(err error) error { return statusOf(err) }

// NewConnection is a connection of a server, before its first frame.
func NewConnection(inner net.Conn) net.Conn { return &connection{Conn: inner, raw: inner} }

// Leave is leave.
func Leave(c net.Conn) { c.(*connection).leave() }

// GoAway is goAway.
const GoAway = goAway

// Connections returns how many connections credentials remember.
func Connections(c credentials.TransportCredentials) int {
	m := c.(*serverCredentials).guard.connections
	m.mu.Lock()
	defer m.mu.Unlock()
	return len(m.byID)
}

// Credentials are those of ServerOptions, for tests that shake hands by hand.
func Credentials(c Config) (credentials.TransportCredentials, error) {
	g, err := newGuard(c)
	if err != nil {
		return nil, err
	}
	return g.credentials, nil
}
