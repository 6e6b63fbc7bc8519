// Package rediscache is a [revocation.Store] on a Redis or Valkey server that
// several instances share: what one has verified the others need not ask for,
// and what one finds revoked the others refuse at once.
//
// The server is not trusted with it. Every instance verifies a record again when
// it loads it, so whoever writes to the server can take knowledge away or delay it
// but forge no status; and it may fail at any time.
//
// [RotationStore] and [ReplayStore] are the stores of the same fleet for the
// packages qwac and qseal. What they hold cannot be verified: their server must
// keep it, and be written to by nobody else.
package rediscache

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"sync"
	"time"

	"github.com/valkey-io/valkey-go"

	"github.com/seed-b953571c/eidas/revocation"
)

const (
	// DefaultPrefix is before every key. The braces keep all keys in one slot of
	// a cluster, since a script writes a record and the notice of it in one step.
	DefaultPrefix = "{eidas-revocation}:"
	// DefaultMaxValue is twice the largest CRL seen in the field.
	DefaultMaxValue = 8 << 20

	// maxNotices bounds the revocations that the server remembers for instances
	// that were cut off: more than all payment service providers have
	// certificates.
	maxNotices = 10_000
	// watchBlock is how long one call waits for news, and so the longest for which
	// Watch goes on when its context ends; watchTimeout is when it is given up.
	watchBlock   = time.Second
	watchTimeout = 5 * watchBlock
	// watchBatch bounds the notices in one reply.
	watchBatch = 256

	kindNone, kindHash, kindStream = "none", "hash", "stream"
)

// loadScript returns the value under a key, nil for none. What is no record of
// ours, or too large, is returned as an empty value, which verifies as nothing.
const loadScript = `
local kind = redis.call('TYPE', KEYS[1]).ok
if kind == '` + kindNone + `' then return false end
if kind ~= '` + kindHash + `' or redis.call('HSTRLEN', KEYS[1], 'value') > tonumber(ARGV[1]) then return '' end
return redis.call('HGET', KEYS[1], 'value') or ''`

// saveScript is revocation.Record.Supersedes and the notice of a revocation in
// one step. Overwriting is an argument because what is there may claim anything.
const saveScript = `
local old = {}
if redis.call('TYPE', KEYS[1]).ok == '` + kindHash + `' then old = redis.call('HMGET', KEYS[1], 'this', 'final') end
local wins = ARGV[3] == '1' or ARGV[4] == '1'
if not wins and (old[2] == '1' or (tonumber(old[1]) or 0) > tonumber(ARGV[2])) then return 0 end
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], 'value', ARGV[1], 'this', ARGV[2], 'final', ARGV[3])
redis.call('PEXPIREAT', KEYS[1], ARGV[5])
if ARGV[6] == '1' then
  local notices = redis.call('TYPE', KEYS[2]).ok
  if notices ~= '` + kindNone + `' and notices ~= '` + kindStream + `' then redis.call('DEL', KEYS[2]) end
  redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[7], '*', 'key', ARGV[8])
end
return 1`

// Config configures a Store.
type Config struct {
	// Server is where the server is, with TLS and credentials. It need not be up
	// yet. Required: InitAddress.
	Server valkey.ClientOption
	// Prefix is before every key; empty: DefaultPrefix. In a cluster it needs a
	// hash tag. Instances share what they know if it is the same.
	Prefix string
	// MaxValue is the largest value in bytes that is stored or loaded; zero:
	// DefaultMaxValue. Instances fetch larger CRLs each for itself.
	MaxValue int
}

// Store implements revocation.Store. It is safe for concurrent use.
type Store struct {
	connection
	prefix     string
	maxValue   int
	load, save *valkey.Lua

	watching sync.Mutex
	last     string // identifier of the last notice that was seen
}

var _ revocation.Store = (*Store)(nil)

// New returns a Store, or an error that names the field which is no use. It
// does not use the network. Close it after the last call.
func New(cfg Config) (*Store, error) {
	switch {
	case len(cfg.Server.InitAddress) == 0:
		return nil, errors.New("rediscache: Config.Server.InitAddress is missing")
	case cfg.MaxValue < 0:
		return nil, errors.New("rediscache: Config.MaxValue is negative")
	}
	s := &Store{
		connection: connection{server: cfg.Server}, prefix: cfg.Prefix, maxValue: cfg.MaxValue,
		load: valkey.NewLuaScript(loadScript), save: valkey.NewLuaScript(saveScript),
		last: "0-0", // an instance that starts has seen none
	}
	if s.prefix == "" {
		s.prefix = DefaultPrefix
	}
	if s.maxValue == 0 {
		s.maxValue = DefaultMaxValue
	}
	return s, nil
}

// notices is the key of the stream of revocations.
func (s *Store) notices() string { return s.prefix + "revoked" }

// Load implements revocation.Store.
func (s *Store) Load(ctx context.Context, key string) ([]byte, error) {
	client, err := s.connected(ctx)
	if err != nil {
		return nil, fmt.Errorf("rediscache: load: %w", err)
	}
	value, err := s.load.Exec(ctx, client, []string{s.prefix + key}, []string{strconv.Itoa(s.maxValue)}).AsBytes()
	if valkey.IsValkeyNil(err) {
		return nil, revocation.ErrNotStored
	}
	if err != nil {
		return nil, fmt.Errorf("rediscache: load: %w", err)
	}
	return value, nil
}

// Save implements revocation.Store.
func (s *Store) Save(ctx context.Context, r revocation.Record) error {
	if len(r.Value) > s.maxValue {
		return nil // as if it had expired at once
	}
	args := []string{
		valkey.BinaryString(r.Value), strconv.FormatInt(r.ThisUpdate.Unix(), 10), flag(r.Final), flag(r.Overwrite),
		strconv.FormatInt(r.Expires.UnixMilli(), 10), flag(r.Revoked), strconv.Itoa(maxNotices), r.Key,
	}
	client, err := s.connected(ctx)
	if err != nil {
		return fmt.Errorf("rediscache: save: %w", err)
	}
	if err := s.save.Exec(ctx, client, []string{s.prefix + r.Key, s.notices()}, args).Error(); err != nil {
		return fmt.Errorf("rediscache: save: %w", err)
	}
	return nil
}

func flag(b bool) string {
	if b {
		return "1"
	}
	return "0"
}

// Watch implements revocation.Store. The notices are kept by the server, so none
// is lost while an instance is cut off.
func (s *Store) Watch(ctx context.Context, revoked func(key string)) error {
	s.watching.Lock() // one at a time
	defer s.watching.Unlock()
	for {
		if err := s.watchOnce(ctx, revoked); err != nil {
			return fmt.Errorf("rediscache: watch: %w", err)
		}
	}
}

// watchOnce waits for the next notices.
func (s *Store) watchOnce(ctx context.Context, revoked func(key string)) error {
	bounded, cancel := context.WithTimeout(ctx, watchTimeout)
	defer cancel()
	client, err := s.connected(bounded)
	if err != nil {
		return err
	}
	cmd := client.B().Xread().Count(watchBatch).Block(watchBlock.Milliseconds()).Streams().Key(s.notices()).Id(s.last).Build()
	streams, err := client.Do(bounded, cmd).AsXRead()
	if valkey.IsValkeyNil(err) {
		return ctx.Err() // no news
	}
	if err != nil {
		return err
	}
	for _, notice := range streams[s.notices()] {
		revoked(notice.FieldValues["key"])
		s.last = notice.ID
	}
	return ctx.Err()
}
