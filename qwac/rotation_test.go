package qwac_test

import (
	"context"
	"crypto/sha256"
	"crypto/x509"
	"errors"
	"fmt"
	"math/big"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/qwac"
)

// follower is an instance of a bank that follows the certificates of its TPPs.
type follower struct {
	*world
	verifier *qwac.Verifier

	mu     sync.Mutex
	events []qwac.Event
}

func (w *world) follower(p eidas.Policy, r qwac.Rotation) *follower {
	w.tb.Helper()
	f := &follower{world: w}
	if r.OnEvent == nil {
		r.OnEvent = func(_ context.Context, e qwac.Event) {
			f.mu.Lock()
			defer f.mu.Unlock()
			f.events = append(f.events, e)
		}
	}
	f.verifier = newVerifier(w.tb, qwac.Config{Validator: w.validator(p), Rotation: r})
	return f
}

// visit is a request of a TPP that has proved its key.
func (f *follower) visit(l *leaf) error {
	cs := state(false, l.cert)
	cs.HandshakeComplete = true
	_, err := f.verifier.Peer(context.Background(), cs)
	return err
}

// told returns the events since the last call.
func (f *follower) told() []qwac.Event {
	f.mu.Lock()
	defer f.mu.Unlock()
	events := f.events
	f.events = nil
	return events
}

func kinds(events []qwac.Event) []qwac.EventKind {
	list := []qwac.EventKind{}
	for _, e := range events {
		list = append(list, e.Kind)
	}
	return list
}

func (f *follower) assertTold(tb testing.TB, want ...qwac.EventKind) {
	tb.Helper()
	if want == nil {
		want = []qwac.EventKind{}
	}
	assert.Equal(tb, want, kinds(f.told()))
}

func identityOf(tb testing.TB, s string) eidas.Identity {
	tb.Helper()
	id, err := eidas.ParseIdentity(s)
	require.NoError(tb, err)
	return id
}

// What a second certificate of a TPP says, beside that it is new and overlaps.
func TestSecondCertificateSaysWhatIsNew(t *testing.T) {
	key, other := newKey(t), rsaKey(t, 2048)
	for name, row := range map[string]struct {
		next    request
		another bool // QTSP
		want    []qwac.EventKind
	}{
		"nothing but the certificate": {next: request{}},
		"another QTSP":                {another: true, want: []qwac.EventKind{qwac.EventIssuerChanged}},
		"the same key":                {next: request{key: key}, want: []qwac.EventKind{qwac.EventKeyReused}},
		"another kind of key":         {next: request{key: other}, want: []qwac.EventKind{qwac.EventKeyTypeChanged}},
		"more roles":                  {next: request{roles: []role{roleAI, rolePI}}, want: []qwac.EventKind{qwac.EventRolesChanged}},
		"another name":                {next: request{name: "TPP Bank UAB"}, want: []qwac.EventKind{qwac.EventNameChanged}},
		"all of it": {
			next:    request{key: other, roles: []role{rolePI, roleAI}, name: "TPP Bank UAB"},
			another: true,
			want:    []qwac.EventKind{qwac.EventIssuerChanged, qwac.EventKeyTypeChanged, qwac.EventRolesChanged, qwac.EventNameChanged},
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			f := w.follower(eidas.Policy{}, qwac.Rotation{Store: new(qwac.MemoryStore)})
			lt, no := w.qtsp("LT", "QTSP LT"), w.qtsp("NO", "QTSP NO")
			first := w.qwac(lt, request{key: key})
			require.NoError(t, f.visit(first))
			f.assertTold(t, qwac.EventFirstSeen)
			issuer := lt
			if row.another {
				issuer = no
			}
			next := w.qwac(issuer, row.next)
			require.NoError(t, f.visit(next))
			events := f.told()
			assert.Equal(t, append([]qwac.EventKind{qwac.EventFirstSeen, qwac.EventOverlapping}, row.want...), kinds(events))
			for _, e := range events {
				assert.Equal(t, tppID, e.Identity.String())
				assert.Equal(t, sumOf(next), e.Certificate.SHA256)
				assert.False(t, e.Held)
				if e.Kind != qwac.EventFirstSeen {
					assert.Equal(t, sumOf(first), e.Other.SHA256)
				}
			}
			for range 3 {
				require.NoError(t, f.visit(first))
				require.NoError(t, f.visit(next))
			}
			f.assertTold(t)
			refs, err := f.verifier.Certificates(t.Context(), identityOf(t, tppID))
			require.NoError(t, err)
			require.Len(t, refs, 2)
			assert.Equal(t, "LT QTSP LT", refs[0].Provider)
			assert.Equal(t, eidas.RoleAI, refs[0].Roles)
			assert.Equal(t, "TPP UAB", refs[0].Name)
			assert.Equal(t, "ECDSA P-256", refs[0].KeyType)
			assert.True(t, first.cert.NotAfter.Equal(refs[0].NotAfter))
		})
	}
}

// What time brings about.
func TestEndOfACertificateIsToldOnce(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		toOurTime()
		w := newWorld(t)
		w.fresh = time.Now().AddDate(5, 0, 0)
		f := w.follower(eidas.Policy{AllowListStale: 5 * 365 * 24 * time.Hour}, qwac.Rotation{Store: new(qwac.MemoryStore)})
		lt := w.qtsp("LT", "QTSP LT")
		until := func(days int) request {
			return request{edit: func(c *x509.Certificate) { c.NotAfter = time.Now().AddDate(0, 0, days) }}
		}
		old := w.qwac(lt, until(60))
		require.NoError(t, f.visit(old))
		f.assertTold(t, qwac.EventFirstSeen)
		time.Sleep(29 * 24 * time.Hour)
		require.NoError(t, f.visit(old))
		f.assertTold(t)
		time.Sleep(2 * 24 * time.Hour)
		for range 2 {
			require.NoError(t, f.visit(old))
			time.Sleep(24 * time.Hour)
		}
		f.assertTold(t, qwac.EventExpiring)

		next := w.qwac(lt, until(100))
		require.NoError(t, f.visit(next))
		f.assertTold(t, qwac.EventFirstSeen, qwac.EventOverlapping)
		time.Sleep(30 * 24 * time.Hour)
		require.Error(t, f.visit(old), "expired")
		f.assertTold(t)
		for range 2 {
			require.NoError(t, f.visit(next))
			time.Sleep(24 * time.Hour)
		}
		events := f.told()
		assert.Equal(t, []qwac.EventKind{qwac.EventSuperseded}, kinds(events))
		assert.Equal(t, sumOf(old), events[0].Certificate.SHA256)
		assert.Equal(t, sumOf(next), events[0].Other.SHA256)
	})
}

func TestCertificateThatIsOutlastedIsNotReportedAsExpiring(t *testing.T) {
	w := newWorld(t)
	f := w.follower(eidas.Policy{}, qwac.Rotation{Store: new(qwac.MemoryStore)})
	lt := w.qtsp("LT", "QTSP LT")
	require.NoError(t, f.visit(w.qwac(lt, request{})))
	require.NoError(t, f.visit(w.qwac(lt, request{edit: func(c *x509.Certificate) { c.NotAfter = time.Now().AddDate(0, 0, 3) }})))
	f.assertTold(t, qwac.EventFirstSeen, qwac.EventFirstSeen, qwac.EventOverlapping)
}

func TestLossOfACertificateIsToldOnceForEachTime(t *testing.T) {
	for name, row := range map[string]struct {
		lose, regain func(w *world, issuer *authority, l *leaf)
		want         qwac.EventKind
	}{
		"revoked": {
			func(w *world, _ *authority, l *leaf) { w.revoke(l.cert) },
			func(w *world, _ *authority, l *leaf) { w.unrevoke(l.cert) },
			qwac.EventRevoked,
		},
		"withdrawn": {
			func(w *world, issuer *authority, _ *leaf) { w.withdraw(issuer) },
			func(w *world, issuer *authority, _ *leaf) { w.regrant(issuer) },
			qwac.EventAnchorWithdrawn,
		},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			f := w.follower(eidas.Policy{}, qwac.Rotation{Store: new(qwac.MemoryStore)})
			lt := w.qtsp("LT", "QTSP LT")
			l := w.qwac(lt, request{})
			require.NoError(t, f.visit(l))
			f.assertTold(t, qwac.EventFirstSeen)
			for range 2 {
				row.lose(w, lt, l)
				for range 3 {
					require.Error(t, f.visit(l))
				}
				events := f.told()
				assert.Equal(t, []qwac.EventKind{row.want}, kinds(events))
				assert.Equal(t, sumOf(l), events[0].Certificate.SHA256)
				row.regain(w, lt, l)
				require.NoError(t, f.visit(l))
				f.assertTold(t)
			}
			unseen := w.qwac(lt, request{})
			row.lose(w, lt, unseen)
			require.Error(t, f.visit(unseen))
			f.assertTold(t)
		})
	}
}

func TestRevokedCertificateIsSupersededByTheNextOne(t *testing.T) {
	w := newWorld(t)
	f := w.follower(eidas.Policy{}, qwac.Rotation{Store: new(qwac.MemoryStore)})
	lt := w.qtsp("LT", "QTSP LT")
	l := w.qwac(lt, request{})
	require.NoError(t, f.visit(l))
	w.revoke(l.cert)
	require.Error(t, f.visit(l))
	require.NoError(t, f.visit(w.qwac(lt, request{})))
	f.assertTold(t, qwac.EventFirstSeen, qwac.EventRevoked, qwac.EventFirstSeen, qwac.EventSuperseded)
}

// The same serial number is a sign of trouble within one issuer only (R14).
func TestSerialNumberTwiceFromOneIssuer(t *testing.T) {
	w := newWorld(t)
	f := w.follower(eidas.Policy{}, qwac.Rotation{Store: new(qwac.MemoryStore)})
	lt, no := w.qtsp("LT", "QTSP LT"), w.qtsp("NO", "QTSP NO")
	numbered := request{edit: func(c *x509.Certificate) { c.SerialNumber = big.NewInt(4711) }}
	first := w.qwac(lt, numbered)
	require.NoError(t, f.visit(first))
	f.assertTold(t, qwac.EventFirstSeen)
	require.NoError(t, f.visit(w.qwac(no, numbered)))
	f.assertTold(t, qwac.EventFirstSeen, qwac.EventOverlapping, qwac.EventIssuerChanged)
	numbered.id = "PSDLT-BL-LB000999"
	twin := w.qwac(lt, numbered)
	for range 2 {
		require.NoError(t, f.visit(twin))
	}
	events := f.told()
	assert.Equal(t, []qwac.EventKind{qwac.EventFirstSeen, qwac.EventSerialDuplicate}, kinds(events))
	assert.Equal(t, sumOf(first), events[1].Other.SHA256)
}

func TestKeyOfAnotherTPPIsHeld(t *testing.T) {
	const otherID = "PSDLT-BL-LB000999"
	for name, allowed := range map[string]bool{"held": false, "allowed": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			f := w.follower(eidas.Policy{}, qwac.Rotation{Store: new(qwac.MemoryStore), AllowSharedKeys: allowed})
			lt, key := w.qtsp("LT", "QTSP LT"), newKey(t)
			first, renamed := w.qwac(lt, request{key: key}), w.qwac(lt, request{key: key, id: otherID})
			require.NoError(t, f.visit(first))
			f.told()
			for range 2 {
				err := f.visit(renamed)
				assert.Equal(t, allowed, err == nil)
				if !allowed {
					assert.Equal(t, eidas.ReasonHeld, eidas.ReasonOf(err))
				}
			}
			events := f.told()
			require.Equal(t, []qwac.EventKind{qwac.EventFirstSeen, qwac.EventIdentityChanged}, kinds(events))
			assert.Equal(t, !allowed, events[1].Held)
			assert.Equal(t, tppID, events[1].Other.Identity.String())
			require.NoError(t, f.visit(first), "who had the key first is not the worse for it")
			if allowed {
				return
			}
			require.Error(t, f.verifier.Confirm(t.Context(), identityOf(t, otherID), sumOf(first)), "not its certificate")
			require.Error(t, f.visit(renamed))
			require.NoError(t, f.verifier.Confirm(t.Context(), identityOf(t, otherID), sumOf(renamed)))
			require.NoError(t, f.visit(renamed))
			f.assertTold(t)
		})
	}
}

func TestNewIssuerIsHeldWhereThePolicySaysSo(t *testing.T) {
	w := newWorld(t)
	store := new(qwac.MemoryStore)
	f := w.follower(eidas.Policy{}, qwac.Rotation{Store: store, HoldNewIssuer: true})
	other := w.follower(eidas.Policy{}, qwac.Rotation{Store: store, HoldNewIssuer: true})
	lt, no := w.qtsp("LT", "QTSP LT"), w.qtsp("NO", "QTSP NO")
	require.NoError(t, f.visit(w.qwac(lt, request{})), "a TPP that is new has no QTSP yet")
	require.NoError(t, f.visit(w.qwac(lt, request{})), "a renewal")
	f.told()
	l := w.qwac(no, request{})
	for range 3 {
		require.ErrorIs(t, f.visit(l), eidas.ReasonHeld)
		require.ErrorIs(t, other.visit(l), eidas.ReasonHeld)
	}
	events := f.told()
	require.Equal(t, []qwac.EventKind{qwac.EventFirstSeen, qwac.EventOverlapping, qwac.EventIssuerChanged}, kinds(events))
	assert.True(t, events[2].Held)
	require.ErrorIs(t, f.visit(w.qwac(no, request{})), eidas.ReasonHeld, "one that is held does not speak for the next")
	require.NoError(t, other.verifier.Confirm(t.Context(), identityOf(t, tppID), sumOf(l)))
	require.NoError(t, f.visit(l))
	require.NoError(t, f.visit(w.qwac(no, request{})))
	f.told()
	require.NoError(t, f.visit(w.qwac(no, request{id: "PSDLT-BL-LB000999"})))
	f.assertTold(t, qwac.EventFirstSeen)
}

// Two instances share a store: one of them tells (R16).
func TestFleetTellsOnce(t *testing.T) {
	w := newWorld(t)
	store := new(qwac.MemoryStore)
	const instances = 8
	var fleet []*follower
	for range instances {
		fleet = append(fleet, w.follower(eidas.Policy{}, qwac.Rotation{Store: store}))
	}
	lt, no := w.qtsp("LT", "QTSP LT"), w.qtsp("NO", "QTSP NO")
	meet := func(l *leaf) (all []qwac.Event) {
		var wg sync.WaitGroup
		for _, f := range fleet {
			wg.Go(func() { assert.NoError(t, f.visit(l)) })
		}
		wg.Wait()
		for _, f := range fleet {
			all = append(all, f.told()...)
		}
		return all
	}
	assert.Equal(t, []qwac.EventKind{qwac.EventFirstSeen}, kinds(meet(w.qwac(lt, request{}))))
	assert.Equal(t, []qwac.EventKind{qwac.EventFirstSeen, qwac.EventOverlapping, qwac.EventIssuerChanged}, kinds(meet(w.qwac(no, request{}))))
}

// brokenStore fails as a test says.
type brokenStore struct {
	qwac.MemoryStore
	fail  error
	panic bool
	calls int
}

func (s *brokenStore) Update(ctx context.Context, keys []string, f func([][]byte) [][]byte) error {
	s.calls++
	switch {
	case s.panic:
		panic("boom")
	case s.fail != nil:
		return s.fail
	}
	return s.MemoryStore.Update(ctx, keys, f)
}

func TestStoreInTroubleLetsTPPsIn(t *testing.T) {
	for name, hold := range map[string]bool{"as ever": false, "not where the store decides": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				toOurTime()
				w := newWorld(t)
				store := &brokenStore{fail: errors.New("down")}
				registry := prometheus.NewRegistry()
				f := w.follower(eidas.Policy{}, qwac.Rotation{Store: store, HoldNewIssuer: hold})
				v := newVerifier(t, qwac.Config{Validator: w.validator(eidas.Policy{}), Registerer: registry, Rotation: qwac.Rotation{Store: store, HoldNewIssuer: hold}})
				f.verifier = v
				l := w.qwac(w.qtsp("LT", "QTSP LT"), request{})
				for range 5 {
					err := f.visit(l)
					if hold {
						require.ErrorIs(t, err, eidas.ReasonInternal)
					} else {
						require.NoError(t, err)
					}
				}
				assert.Equal(t, 1, store.calls, "a store that failed is left alone for a while")
				time.Sleep(6 * time.Second)
				store.panic = true
				_ = f.visit(l)
				assert.Equal(t, 2, store.calls)
				assert.Equal(t, 2, valueOf(t, registry, "eidas_qwac_rotation_store_failures_total"))
				time.Sleep(6 * time.Second)
				store.panic, store.fail = false, nil
				require.NoError(t, f.visit(l))
				assert.Equal(t, 1, valueOf(t, registry, "eidas_qwac_rotation_events_total"))
			})
		})
	}
}

func TestPanicOfOnEventIsItsOwn(t *testing.T) {
	w := newWorld(t)
	calls := 0
	f := w.follower(eidas.Policy{}, qwac.Rotation{Store: new(qwac.MemoryStore), OnEvent: func(context.Context, qwac.Event) {
		calls++
		panic("boom")
	}})
	lt := w.qtsp("LT", "QTSP LT")
	require.NoError(t, f.visit(w.qwac(lt, request{})))
	require.NoError(t, f.visit(w.qwac(lt, request{})))
	assert.Equal(t, 3, calls)
}

// What stands in a store that others write to lets nobody in, and breaks nothing.
func TestNonsenseInTheStoreIsNothing(t *testing.T) {
	for name, record := range map[string]string{
		"no JSON": "}{", "another type": `[1]`, "no identity": `{"certificates":[{"identity":"PSD"}]}`,
		"too large": fmt.Sprintf("%*s{}", qwac.MaxRecord, ""), "too many": `{"certificates":[` + manyEntries + `{}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			store := new(qwac.MemoryStore)
			f := w.follower(eidas.Policy{}, qwac.Rotation{Store: store, HoldNewIssuer: true, AllowTokensFor: time.Hour})
			l := w.qwac(w.qtsp("LT", "QTSP LT"), request{})
			keys := []string{"tpp/" + tppID, "key/" + sumOfKey(l).String(), "chain/" + sumOf(l).String()}
			require.NoError(t, store.Update(t.Context(), keys, func([][]byte) [][]byte {
				return [][]byte{[]byte(record), []byte(record), []byte(record)}
			}))
			require.NoError(t, f.visit(l))
			f.assertTold(t, qwac.EventFirstSeen)
			refs, err := f.verifier.Certificates(t.Context(), identityOf(t, tppID))
			require.NoError(t, err)
			assert.Len(t, refs, 1)
		})
	}
}

// A TPP may have as many certificates as it likes; what is remembered is bounded.
func TestCertificatesOfOneTPPAreUnlimitedAndMemoryIsNot(t *testing.T) {
	w := newWorld(t)
	f := w.follower(eidas.Policy{}, qwac.Rotation{Store: new(qwac.MemoryStore)})
	lt, key := w.qtsp("LT", "QTSP LT"), newKey(t)
	var all []*leaf
	for range 3 * qwac.MaxRemembered {
		l := w.qwac(lt, request{key: key})
		all = append(all, l)
		require.NoError(t, f.visit(l))
	}
	for _, l := range all {
		require.NoError(t, f.visit(l))
	}
	refs, err := f.verifier.Certificates(t.Context(), identityOf(t, tppID))
	require.NoError(t, err)
	assert.Len(t, refs, qwac.MaxRemembered)
	assert.Equal(t, sumOf(all[len(all)-1]), refs[len(refs)-1].SHA256)
}

func TestMemoryStoreForgetsWhatWasNotUsedForLongest(t *testing.T) {
	store := new(qwac.MemoryStore)
	put := func(key string) {
		require.NoError(t, store.Update(t.Context(), []string{key}, func([][]byte) [][]byte { return [][]byte{make([]byte, 1<<20)} }))
	}
	has := func(key string) (there bool) {
		require.NoError(t, store.Update(t.Context(), []string{key}, func(r [][]byte) [][]byte {
			there = r[0] != nil
			return [][]byte{nil}
		}))
		return there
	}
	put("used")
	for i := range 4 * qwac.MaxStoreBytes >> 20 {
		put(fmt.Sprint(i))
		require.True(t, has("used"))
	}
	assert.False(t, has("0"))
	assert.LessOrEqual(t, store.Bytes(), qwac.MaxStoreBytes)
	canceled, cancel := context.WithCancel(t.Context())
	cancel()
	require.ErrorIs(t, store.Update(canceled, nil, nil), context.Canceled)
}

func TestRotationWithoutAStoreIsAMistake(t *testing.T) {
	validator := newWorld(t).validator(eidas.Policy{})
	for name, r := range map[string]qwac.Rotation{
		"OnEvent":         {OnEvent: func(context.Context, qwac.Event) {}},
		"HoldNewIssuer":   {HoldNewIssuer: true},
		"AllowSharedKeys": {AllowSharedKeys: true},
		"AllowTokensFor":  {AllowTokensFor: time.Minute},
		"negative":        {Store: new(qwac.MemoryStore), AllowTokensFor: -1},
	} {
		_, err := qwac.New(qwac.Config{Validator: validator, Rotation: r})
		require.ErrorContains(t, err, "Rotation", name)
	}
	v := newVerifier(t, qwac.Config{Validator: validator})
	refs, err := v.Certificates(t.Context(), identityOf(t, tppID))
	require.NoError(t, err)
	assert.Empty(t, refs)
	require.Error(t, v.Confirm(t.Context(), identityOf(t, tppID), qwac.Fingerprint{}))
}

func TestFingerprintText(t *testing.T) {
	var f, back qwac.Fingerprint
	f[0], f[31] = 0xab, 1
	text, err := f.MarshalText()
	require.NoError(t, err)
	require.NoError(t, back.UnmarshalText(text))
	assert.Equal(t, f, back)
	require.Error(t, back.UnmarshalText(text[2:]))
	require.Error(t, back.UnmarshalText(append([]byte("zz"), text[2:]...)))
}

var manyEntries = strings.Repeat("{},", qwac.MaxRemembered)

func sumOf(l *leaf) qwac.Fingerprint { return sha256.Sum256(l.cert.Raw) }

func sumOfKey(l *leaf) qwac.Fingerprint { return sha256.Sum256(l.cert.RawSubjectPublicKeyInfo) }

func (w *world) unrevoke(c *x509.Certificate) {
	w.mu.Lock()
	defer w.mu.Unlock()
	delete(w.revoked, string(c.Raw))
}

// regrant takes a withdrawal back.
func (w *world) regrant(a *authority) {
	changed := *a.service
	changed.Periods = changed.Periods[1:]
	w.mu.Lock()
	for i, s := range w.services {
		if s == a.service {
			w.services[i] = &changed
		}
	}
	w.mu.Unlock()
	a.service = &changed
	w.publish()
}

// valueOf sums the series of a name.
func valueOf(tb testing.TB, registry *prometheus.Registry, name string) (sum int) {
	tb.Helper()
	families, err := registry.Gather()
	require.NoError(tb, err)
	for _, f := range families {
		if f.GetName() == name {
			for _, m := range f.GetMetric() {
				sum += int(m.GetCounter().GetValue())
			}
		}
	}
	return sum
}

// toOurTime is for a bubble, whose clock begins before eIDAS applied.
func toOurTime() {
	time.Sleep(time.Until(time.Date(2026, time.November, 24, 0, 0, 0, 0, time.UTC)))
}

// What is known costs a request no call of the store and no memory.
func TestKnownCertificateCostsNothing(t *testing.T) {
	w := newWorld(t)
	store := &brokenStore{}
	f := w.follower(eidas.Policy{}, qwac.Rotation{Store: store, AllowTokensFor: time.Hour})
	l := w.qwac(w.qtsp("LT", "QTSP LT"), request{})
	require.NoError(t, f.visit(l))
	calls := store.calls
	cs := state(false, l.cert)
	cs.HandshakeComplete = true
	assert.Zero(t, testing.AllocsPerRun(100, func() { _, _ = f.verifier.Peer(context.Background(), cs) }))
	assert.Equal(t, calls, store.calls)
}

// A thief gets as far as the hooks, and a client that hangs up harms nobody.
func TestHandshakesWriteNothing(t *testing.T) {
	eachVersion(t, func(t versioned) {
		w := newWorld(t)
		store := &brokenStore{}
		b := newBank(w)
		f := w.follower(eidas.Policy{}, qwac.Rotation{Store: store})
		l := w.qwac(w.qtsp("LT", "QTSP LT"), request{})
		config := guard(t, f.verifier, b.base())
		assertAccepted(t, handshake(t, config, b.client(t.version, l)), false)
		w.revoke(l.cert)
		assertRefused(t, handshake(t, config, b.client(t.version, l)), eidas.ReasonRevoked)
		assert.Zero(t, store.calls)
		f.assertTold(t)

		canceled, cancel := context.WithCancel(t.Context())
		cancel()
		w.unrevoke(l.cert)
		cs := state(false, l.cert)
		cs.HandshakeComplete = true
		_, err := f.verifier.Peer(canceled, cs)
		require.NoError(t, err)
		f.assertTold(t, qwac.EventFirstSeen)
	})
}
