package rediscache

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/valkey-io/valkey-go"
)

const (
	// DefaultRotationPrefix is before every key of a RotationStore. The braces keep
	// all keys in one slot of a cluster, since a script changes several in one step.
	DefaultRotationPrefix = "{eidas-rotation}:"
	// DefaultRetention is qwac.RotationRetention.
	DefaultRetention = 400 * 24 * time.Hour
	// DefaultMaxRecord is the largest record that qwac makes.
	DefaultMaxRecord = 256 << 10

	// maxKeys bounds one update; qwac has four. With DefaultMaxRecord a reply is
	// at most 4 MiB.
	maxKeys = 16
	// maxTries bounds one update. A try is lost to an update of another only, so
	// this is how many may get in between; hundreds of instances do not.
	maxTries = 512
)

// updateScript stores records if those that are there are the expected ones, and
// returns the ones that are there if not: also the first time, when none is
// expected. ARGV is the largest record, the retention, what is expected and what
// is stored; "0" stands for none, "1" is before a record. All is read before
// anything is written, since the server undoes nothing of a script that fails.
//
//nolint:dupword // Lua ends blocks so
const updateScript = `
local now, same = {}, true
for i, key in ipairs(KEYS) do
  if redis.call('STRLEN', key) > tonumber(ARGV[1]) then return redis.error_reply('ERR record is too large') end
  now[i] = redis.call('GET', key)
  if ARGV[2 + i] ~= (now[i] and '1' .. now[i] or '0') then same = false end
end
if not same then return now end
for i, key in ipairs(KEYS) do
  local record = ARGV[2 + #KEYS + i]
  if string.sub(record, 1, 1) == '1' then redis.call('SET', key, string.sub(record, 2), 'PX', ARGV[2]) end
end
return 1`

// RotationConfig configures a RotationStore.
type RotationConfig struct {
	// Server is where the server is, with TLS and credentials. It need not be up
	// yet. Required: InitAddress.
	Server valkey.ClientOption
	// Prefix is before every key; empty: DefaultRotationPrefix. In a cluster it
	// needs a hash tag. Instances share what they know if it is the same.
	Prefix string
	// MaxRecord is the largest record in bytes; zero: DefaultMaxRecord. Update
	// fails where one is larger.
	MaxRecord int
	// Retention is for how long a record is kept that does not change; zero:
	// DefaultRetention. At least a millisecond.
	Retention time.Duration
}

// RotationStore implements qwac.RotationStore for a fleet. It is safe for
// concurrent use. The zero value is of no use.
type RotationStore struct {
	connection
	prefix    string
	maxRecord int
	retention string // milliseconds
	script    *valkey.Lua
}

// NewRotationStore returns a RotationStore, or an error that names the field
// which is no use. It does not use the network. Close it after the last call.
func NewRotationStore(cfg RotationConfig) (*RotationStore, error) {
	if cfg.Prefix == "" {
		cfg.Prefix = DefaultRotationPrefix
	}
	if cfg.MaxRecord == 0 {
		cfg.MaxRecord = DefaultMaxRecord
	}
	if cfg.Retention == 0 {
		cfg.Retention = DefaultRetention
	}
	switch {
	case len(cfg.Server.InitAddress) == 0:
		return nil, errors.New("rediscache: RotationConfig.Server.InitAddress is missing")
	case cfg.MaxRecord < 0:
		return nil, errors.New("rediscache: RotationConfig.MaxRecord is negative")
	case cfg.Retention < time.Millisecond:
		return nil, errors.New("rediscache: RotationConfig.Retention is less than a millisecond")
	}
	return &RotationStore{
		connection: connection{server: cfg.Server}, prefix: cfg.Prefix, maxRecord: cfg.MaxRecord,
		retention: strconv.FormatInt(cfg.Retention.Milliseconds(), 10),
		script:    valkey.NewLuaScript(updateScript),
	}, nil
}

// Update implements qwac.RotationStore. Records are compared by what they say: to
// store one that is there already is no change. A record that is too large, or
// no record, is an error and stays. When the server cannot be reached any more
// while it stores, Update fails although it may have stored.
func (s *RotationStore) Update(ctx context.Context, keys []string, f func(records [][]byte) [][]byte) error {
	if len(keys) == 0 || len(keys) > maxKeys {
		return fmt.Errorf("rediscache: update: %d keys, not 1 to %d", len(keys), maxKeys)
	}
	names := make([]string, len(keys))
	for i, key := range keys {
		names[i] = s.prefix + hashed(key)
	}
	var args []string // nothing is expected: read
	for range maxTries {
		records, err := s.try(ctx, names, args)
		if err != nil {
			return fmt.Errorf("rediscache: update: %w", err)
		}
		if records == nil {
			return nil // stored
		}
		var changes bool
		args, changes, err = s.change(records, f(records))
		if err != nil {
			return fmt.Errorf("rediscache: update: %w", err)
		}
		if !changes {
			return nil // what f saw was there, all at once
		}
	}
	return fmt.Errorf("rediscache: update: others changed the records %d times meanwhile", maxTries)
}

// try returns the records that are there, or nil if it has stored others.
func (s *RotationStore) try(ctx context.Context, names, args []string) ([][]byte, error) {
	client, err := s.connected(ctx)
	if err != nil {
		return nil, err
	}
	args = append([]string{strconv.Itoa(s.maxRecord), s.retention}, args...)
	reply, err := s.script.Exec(ctx, client, names, args).ToMessage()
	if err != nil {
		return nil, err
	}
	if reply.IsInt64() {
		return nil, nil
	}
	list, err := reply.ToArray()
	if err != nil {
		return nil, err
	}
	if len(list) != len(names) {
		return nil, fmt.Errorf("%d records for %d keys", len(list), len(names))
	}
	records := make([][]byte, len(list))
	for i := range list {
		if list[i].IsNil() {
			continue
		}
		record, err := list[i].ToString()
		if err != nil {
			return nil, err
		}
		records[i] = []byte(record)
	}
	return records, nil
}

// change returns the arguments that store next if records are still there, and
// whether there is anything to store.
func (s *RotationStore) change(records, next [][]byte) (args []string, changes bool, err error) {
	args = make([]string, 2*len(records))
	for i, record := range records {
		args[i], args[len(records)+i] = argument(record), argument(nil)
		if i >= len(next) || next[i] == nil {
			continue
		}
		if len(next[i]) > s.maxRecord {
			return nil, false, fmt.Errorf("record of %d bytes, more than %d", len(next[i]), s.maxRecord)
		}
		args[len(records)+i], changes = argument(next[i]), true
	}
	return args, changes, nil
}

func argument(record []byte) string {
	if record == nil {
		return "0"
	}
	return "1" + string(record)
}

// hashed keeps keys short, and whoever picks a part of one from naming another.
func hashed(key string) string {
	digest := sha256.Sum256([]byte(key))
	return hex.EncodeToString(digest[:])
}
