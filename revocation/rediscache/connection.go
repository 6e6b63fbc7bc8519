package rediscache

import (
	"context"
	"errors"
	"sync"

	"github.com/valkey-io/valkey-go"
)

// connection is the way to a server that may be down, at the start too.
type connection struct {
	server valkey.ClientOption

	mu     sync.Mutex
	client valkey.Client // nil: not connected yet
	dial   chan struct{} // closed when the dialling under way ends; nil: none is
	failed error         // how the last one ended
	closed bool
}

// Close ends the connections. Calls after it fail.
func (c *connection) Close() {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.closed = true
	if c.client != nil {
		c.client.Close()
	}
}

// connected returns the client, which is made when it is first needed, so that
// an instance starts without the server too. Dialling knows no context and goes
// on when ctx ends.
func (c *connection) connected(ctx context.Context) (valkey.Client, error) {
	c.mu.Lock()
	if c.client != nil || c.closed {
		defer c.mu.Unlock()
		if c.closed {
			return nil, errors.New("store is closed")
		}
		return c.client, nil
	}
	if c.dial == nil {
		c.dial = make(chan struct{})
		go c.connect(c.dial)
	}
	dial := c.dial
	c.mu.Unlock()
	select {
	case <-dial:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.client == nil {
		return nil, c.failed
	}
	return c.client, nil
}

// connect dials once and tells those who wait.
func (c *connection) connect(done chan struct{}) {
	client, err := valkey.NewClient(c.server)
	c.mu.Lock()
	defer c.mu.Unlock()
	if err == nil && c.closed {
		client.Close()
		client, err = nil, errors.New("store is closed")
	}
	if c.failed = err; err == nil {
		c.client = client
	}
	c.dial = nil
	close(done)
}
