package rediscache_test

import (
	"context"
	"crypto/x509"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"github.com/valkey-io/valkey-go"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/eidastest"
	"github.com/seed-b953571c/eidas/revocation"
	"github.com/seed-b953571c/eidas/revocation/rediscache"
)

// patience is for what happens at once where nothing is broken.
const patience = 30 * time.Second

// instance is a bank's server: a validator with its own memory, behind the
// shared store.
type instance struct {
	validator *eidas.Validator
	metrics   *prometheus.Registry
}

// start starts an instance. An eager one asks the responder at every question.
func start(t *testing.T, w *eidastest.Test, store revocation.Store, eager bool) *instance {
	t.Helper()
	i := &instance{metrics: prometheus.NewRegistry()}
	cfg := revocation.DefaultConfig()
	cfg.AllowPrivate = []netip.Prefix{netip.MustParsePrefix("127.0.0.0/8")}
	cfg.AllowAnyPort, cfg.Budget, cfg.NegativeTTL = true, time.Minute, 1
	cfg.Store, cfg.StoreTimeout, cfg.Registerer = store, 5*time.Second, i.metrics
	if eager {
		cfg.OCSP.MaxAge = 1
	}
	checker, err := revocation.New(cfg)
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(context.Background())
	var wg sync.WaitGroup
	wg.Go(func() { assert.ErrorIs(t, checker.Run(ctx), context.Canceled) })
	t.Cleanup(func() { cancel(); wg.Wait() })
	config, err := w.Config(eidas.DefaultPolicy(eidas.RequireRoles(eidas.RoleAI)))
	require.NoError(t, err)
	config.Status = checker
	i.validator, err = eidas.NewValidator(config)
	require.NoError(t, err)
	return i
}

// judge is what a handshake asks.
func (i *instance) judge(leaf *eidastest.Leaf) eidas.Reason {
	chain := append([]*x509.Certificate{leaf.Certificate}, leaf.Chain...)
	_, err := i.validator.Validate(context.Background(), chain, eidas.UseTLS, time.Now())
	return eidas.ReasonOf(err)
}

// count reads eidas_revocation_store_total.
func (i *instance) count(t *testing.T, op, outcome string) int {
	t.Helper()
	families, err := i.metrics.Gather()
	require.NoError(t, err)
	for _, f := range families {
		if f.GetName() != "eidas_revocation_store_total" {
			continue
		}
		for _, m := range f.GetMetric() {
			if l := m.GetLabel(); l[0].GetValue() == op && l[1].GetValue() == outcome {
				return int(m.GetCounter().GetValue())
			}
		}
	}
	return 0
}

func newWorld(t *testing.T) (*eidastest.Test, *eidastest.QTSP, *eidastest.Leaf) {
	t.Helper()
	w := eidastest.Start(t, eidastest.Options{})
	return w, w.QTSP("LT"), w.QWAC("LT", "PSDLT-LB-123456", eidas.RoleAI)
}

// TestFleet: what one instance has verified the other takes over without asking;
// what one finds revoked the other refuses within a second, though to the other
// the responder is down.
func TestFleet(t *testing.T) {
	redis := startServer(t)
	w, qtsp, tpp := newWorld(t)
	a, b := start(t, w, redis.store(t), true), start(t, w, redis.store(t), false)
	require.Zero(t, a.judge(tpp))
	require.Eventually(t, func() bool { return a.count(t, "save", "ok") > 0 }, patience, time.Millisecond)
	asked := qtsp.Responder.Requests()
	require.Zero(t, b.judge(tpp))
	assert.Equal(t, asked, qtsp.Responder.Requests(), "B asked nobody")
	assert.Equal(t, 1, b.count(t, "load", "ok"))

	qtsp.Revoke(tpp, 1)
	require.Equal(t, eidas.ReasonRevoked, a.judge(tpp))
	begin := time.Now()
	qtsp.Responder.SetFault(eidastest.FaultDown)
	require.Eventually(t, func() bool { return b.judge(tpp) == eidas.ReasonRevoked }, time.Second, time.Millisecond)
	t.Logf("revoked on A, refused on B after %s", time.Since(begin))

	late := start(t, w, redis.store(t), false)
	assert.Equal(t, eidas.ReasonRevoked, late.judge(tpp), "an instance that starts in the outage")
	assert.Equal(t, eidas.ReasonRevocationUnavailable, start(t, w, emptyFolder(t), false).judge(tpp), "which knows nothing by itself")
}

// TestFleetCutOff: an instance whose connections broke hears of what it missed.
func TestFleetCutOff(t *testing.T) {
	redis := startServer(t)
	w, qtsp, tpp := newWorld(t)
	a, b := start(t, w, redis.store(t), true), start(t, w, redis.store(t), false)
	require.Zero(t, a.judge(tpp))
	require.Zero(t, b.judge(tpp))
	admin := redis.attacker(t)
	do(t, admin, "CLIENT", "KILL", "TYPE", "normal", "SKIPME", "yes")
	qtsp.Revoke(tpp, 1)
	require.Equal(t, eidas.ReasonRevoked, a.judge(tpp))
	qtsp.Responder.SetFault(eidastest.FaultDown)
	require.Eventually(t, func() bool { return b.judge(tpp) == eidas.ReasonRevoked }, patience, 10*time.Millisecond)
}

// TestNoticesAreMended: notices that somebody has replaced come again with the
// next revocation.
func TestNoticesAreMended(t *testing.T) {
	redis := startServer(t)
	w, qtsp, tpp := newWorld(t)
	do(t, redis.attacker(t), "SET", rediscache.DefaultPrefix+"revoked", "x")
	a, b := start(t, w, redis.store(t), true), start(t, w, redis.store(t), false)
	require.Zero(t, a.judge(tpp))
	require.Zero(t, b.judge(tpp))
	require.Eventually(t, func() bool { return b.count(t, "watch", "failed") > 0 }, patience, time.Millisecond)
	qtsp.Revoke(tpp, 1)
	require.Equal(t, eidas.ReasonRevoked, a.judge(tpp))
	qtsp.Responder.SetFault(eidastest.FaultDown)
	require.Eventually(t, func() bool { return b.judge(tpp) == eidas.ReasonRevoked }, patience, 10*time.Millisecond)
}

// TestTampered: whoever may write to the server cannot make an instance believe.
func TestTampered(t *testing.T) {
	redis := startServer(t)
	w, qtsp, tpp := newWorld(t)
	other := w.QWAC("LT", "PSDLT-LB-654321", eidas.RoleAI)
	honest := start(t, w, redis.store(t), false)
	require.Zero(t, honest.judge(other))
	attacker := redis.attacker(t)
	require.Eventually(t, func() bool { return len(records(t, attacker)) == 1 }, patience, time.Millisecond)
	good := records(t, attacker)[0]
	goodValue, err := do(t, attacker, "HGET", good, "value").ToString()
	require.NoError(t, err)

	qtsp.Revoke(tpp, 1)
	require.Equal(t, eidas.ReasonRevoked, honest.judge(tpp))
	var key string
	require.Eventually(t, func() bool {
		for _, k := range records(t, attacker) {
			if k != good {
				key = k
			}
		}
		return key != ""
	}, patience, time.Millisecond)
	value, err := do(t, attacker, "HGET", key, "value").ToString()
	require.NoError(t, err)

	flip := func(i int) string {
		b := []byte(value)
		b[i] ^= 0x40
		return string(b)
	}
	for name, tamper := range map[string]func(){
		"the good of another certificate": func() { do(t, attacker, "HSET", key, "value", goodValue) },
		"its own, a bit of the proof":     func() { do(t, attacker, "HSET", key, "value", flip(len(value)/2)) },
		"its own, another kind":           func() { do(t, attacker, "HSET", key, "value", flip(0)) },
		"nothing":                         func() { do(t, attacker, "HSET", key, "value", "") },
		"no value":                        func() { do(t, attacker, "HDEL", key, "value") },
		"another type":                    func() { do(t, attacker, "DEL", key); do(t, attacker, "SET", key, "good") },
		"too large":                       func() { do(t, attacker, "HSET", key, "value", strings.Repeat("x", 65<<10)) },
		"gone":                            func() { do(t, attacker, "DEL", key) },
		"final, in the year 9999":         func() { do(t, attacker, "HSET", key, "value", "x", "final", "1", "this", "253370764800") },
		"times that are no numbers":       func() { do(t, attacker, "HSET", key, "value", "x", "final", "x", "this", "x") },
	} {
		t.Run(name, func(t *testing.T) {
			do(t, attacker, "DEL", key)
			do(t, attacker, "HSET", key, "value", value, "final", "1", "this", "1")
			tamper()
			qtsp.Responder.SetFault(eidastest.FaultDown)
			reason := start(t, w, redis.store(t), false).judge(tpp)
			assert.Equal(t, eidas.ReasonRevocationUnavailable, reason, "it is not believed")
			qtsp.Responder.SetFault(eidastest.FaultNone)
			i := start(t, w, redis.store(t), true)
			assert.Equal(t, eidas.ReasonRevoked, i.judge(tpp), "and it stands in nobody's way")
			require.Eventually(t, func() bool { return i.count(t, "save", "ok") > 0 }, patience, time.Millisecond)
			qtsp.Responder.SetFault(eidastest.FaultDown)
			assert.Equal(t, eidas.ReasonRevoked, start(t, w, redis.store(t), false).judge(tpp), "the next one who knows better mends it")
		})
	}
}

// TestServerDies: nothing changes but a metric, at the start too.
func TestServerDies(t *testing.T) {
	redis := startServer(t)
	w, qtsp, tpp := newWorld(t)
	i := start(t, w, redis.store(t), false)
	require.Zero(t, i.judge(tpp))
	redis.stop()
	require.Zero(t, i.judge(tpp))
	assert.Zero(t, i.judge(w.QWAC("LT", "PSDLT-LB-1", eidas.RoleAI)), "one that was never seen")
	revoked := w.QWAC("LT", "PSDLT-LB-2", eidas.RoleAI)
	qtsp.Revoke(revoked, 1)
	assert.Equal(t, eidas.ReasonRevoked, i.judge(revoked))
	assert.Positive(t, i.count(t, "load", "failed"))

	late := start(t, w, redis.store(t), false)
	assert.Zero(t, late.judge(tpp), "an instance that starts without it")
	redis.start(t)
	require.Eventually(t, func() bool {
		return late.judge(w.QWAC("LT", "PSDLT-LB-3", eidas.RoleAI)) == 0 && late.count(t, "save", "ok") > 0
	}, patience, 100*time.Millisecond, "and uses it when it is back")
}

// TestSupersedes holds the script against revocation.Record.Supersedes.
func TestSupersedes(t *testing.T) {
	redis := startServer(t)
	store := redis.store(t)
	at := time.Now().Truncate(time.Second)
	var rows []revocation.Record
	for _, this := range []time.Duration{-time.Second, 0, time.Second} {
		for _, flags := range []int{0, 1, 2, 3} {
			rows = append(rows, revocation.Record{
				Key: strings.Repeat("a", 64), ThisUpdate: at.Add(this), Expires: at.Add(time.Hour),
				Final: flags&1 != 0, Revoked: flags&1 != 0, Overwrite: flags&2 != 0,
			})
		}
	}
	for _, old := range rows {
		for _, r := range rows {
			old.Value, old.Overwrite = []byte("old\x00\xff"), true
			require.NoError(t, store.Save(t.Context(), old))
			r.Value = []byte("new")
			require.NoError(t, store.Save(t.Context(), r))
			want := old.Value
			if r.Supersedes(old) {
				want = r.Value
			}
			got, err := store.Load(t.Context(), r.Key)
			require.NoError(t, err)
			assert.Equal(t, want, got, "%+v after %+v", r, old)
		}
	}
	ttl, err := do(t, redis.attacker(t), "TTL", rediscache.DefaultPrefix+rows[0].Key).AsInt64()
	require.NoError(t, err)
	assert.InDelta(t, 3600, ttl, 60)

	_, err = store.Load(t.Context(), strings.Repeat("b", 64))
	require.ErrorIs(t, err, revocation.ErrNotStored)
	require.NoError(t, store.Save(t.Context(), revocation.Record{Key: strings.Repeat("b", 64), Value: make([]byte, 64<<10+1), Expires: at.Add(time.Hour)}))
	_, err = store.Load(t.Context(), strings.Repeat("b", 64))
	require.ErrorIs(t, err, revocation.ErrNotStored, "too large")
}

func TestWatchEnds(t *testing.T) {
	store := startServer(t).store(t)
	ctx, cancel := context.WithCancel(t.Context())
	for i := range 3 {
		require.NoError(t, store.Save(ctx, revocation.Record{Key: strings.Repeat("c", 63) + string(rune('0'+i)), Revoked: true, Final: true, Expires: time.Now().Add(time.Hour)}))
	}
	var keys []string
	err := store.Watch(ctx, func(key string) {
		if keys = append(keys, key); len(keys) == 3 {
			cancel()
		}
	})
	require.ErrorIs(t, err, context.Canceled)
	assert.Len(t, keys, 3, "those from before it began too")
	store.Close()
	require.Error(t, store.Watch(t.Context(), func(string) {}))
	_, err = store.Load(t.Context(), "x")
	require.Error(t, err)
}

func TestConfigRefused(t *testing.T) {
	_, err := rediscache.New(rediscache.Config{})
	require.Error(t, err)
	_, err = rediscache.New(rediscache.Config{Server: valkey.ClientOption{InitAddress: []string{"127.0.0.1:1"}}, MaxValue: -1})
	require.Error(t, err)
}

func emptyFolder(t *testing.T) *revocation.Folder {
	t.Helper()
	f, err := revocation.OpenFolder(t.TempDir())
	require.NoError(t, err)
	t.Cleanup(func() { assert.NoError(t, f.Close()) })
	return f
}
