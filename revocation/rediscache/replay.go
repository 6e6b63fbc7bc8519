package rediscache

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/valkey-io/valkey-go"
)

const (
	// DefaultReplayPrefix is before every key of a ReplayStore. Each is on its own,
	// so they spread over a cluster.
	DefaultReplayPrefix = "eidas-replay:"

	// replayTimeout bounds what a request waits for the server, whatever its
	// context allows: a server that hangs must not gather all requests.
	replayTimeout = time.Second
	// maxReplayTTL is more than a seal may be remembered for by any profile, and
	// far from where the server's count of milliseconds overflows.
	maxReplayTTL = 10 * 365 * 24 * time.Hour
)

// ReplayConfig configures a ReplayStore.
type ReplayConfig struct {
	// Server is where the server is, with TLS and credentials. It need not be up
	// yet. Required: InitAddress.
	Server valkey.ClientOption
	// Prefix is before every key; empty: DefaultReplayPrefix. Instances share what
	// they know if it is the same.
	Prefix string
}

// ReplayStore implements qseal.ReplayStore for a fleet. It is safe for concurrent
// use. The zero value is of no use.
type ReplayStore struct {
	connection
	prefix  string
	timeout time.Duration
}

// NewReplayStore returns a ReplayStore, or an error that names the field which is
// no use. It does not use the network. Close it after the last call.
func NewReplayStore(cfg ReplayConfig) (*ReplayStore, error) {
	if len(cfg.Server.InitAddress) == 0 {
		return nil, errors.New("rediscache: ReplayConfig.Server.InitAddress is missing")
	}
	if cfg.Prefix == "" {
		cfg.Prefix = DefaultReplayPrefix
	}
	return &ReplayStore{connection: connection{server: cfg.Server}, prefix: cfg.Prefix, timeout: replayTimeout}, nil
}

// Add implements qseal.ReplayStore: it reports whether key is new to the fleet,
// and keeps it for ttl, which must be positive. An error says that nobody knows,
// and then key may have been kept: the client sends a write once, so an answer
// that was lost makes no seal fresh twice.
func (s *ReplayStore) Add(ctx context.Context, key string, ttl time.Duration) (fresh bool, err error) {
	if ttl <= 0 || ttl > maxReplayTTL {
		return false, fmt.Errorf("rediscache: replay: a ttl of %s", ttl)
	}
	ctx, cancel := context.WithTimeout(ctx, s.timeout)
	defer cancel()
	client, err := s.connected(ctx)
	if err != nil {
		return false, fmt.Errorf("rediscache: replay: %w", err)
	}
	// Rounded up: it is at least ttl.
	milliseconds := (ttl + time.Millisecond - 1).Milliseconds()
	cmd := client.B().Set().Key(s.prefix + hashed(key)).Value("1").Nx().PxMilliseconds(milliseconds).Build()
	switch reply, err := client.Do(ctx, cmd).ToString(); {
	case valkey.IsValkeyNil(err):
		return false, nil
	case err != nil:
		return false, fmt.Errorf("rediscache: replay: %w", err)
	case reply != "OK":
		return false, fmt.Errorf("rediscache: replay: the server says %.40q", reply)
	}
	return true, nil
}
