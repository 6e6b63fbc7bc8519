package qwac_test

import (
	"bytes"
	"context"
	"crypto/x509"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/qwac"
)

// until is a certificate that ends in some days.
func until(days int) request {
	return request{edit: func(c *x509.Certificate) { c.NotAfter = time.Now().AddDate(0, 0, days) }}
}

// longWorld is a world whose lists and answers last for years.
func longWorld(t *testing.T) (*world, eidas.Policy) {
	t.Helper()
	toOurTime()
	w := newWorld(t)
	w.fresh = time.Now().AddDate(5, 0, 0)
	return w, eidas.Policy{AllowListStale: 5 * 365 * 24 * time.Hour}
}

func TestLastSeenIsKeptToTheDay(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, policy := longWorld(t)
		f := w.follower(policy, qwac.Rotation{Store: new(qwac.MemoryStore)})
		l := w.qwac(w.qtsp("LT", "QTSP LT"), request{})
		first := time.Now()
		for range 50 {
			require.NoError(t, f.visit(l))
			time.Sleep(time.Hour)
		}
		refs, err := f.verifier.Certificates(t.Context(), identityOf(t, tppID))
		require.NoError(t, err)
		assert.Equal(t, first.Unix(), refs[0].FirstSeen.Unix())
		assert.InDelta(t, time.Now().Unix(), refs[0].LastSeen.Unix(), 25*3600)
	})
}

func TestHeldCertificateFollowsNobodyAndOutlastsNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, policy := longWorld(t)
		f := w.follower(policy, qwac.Rotation{Store: new(qwac.MemoryStore), HoldNewIssuer: true})
		lt, no := w.qtsp("LT", "QTSP LT"), w.qtsp("NO", "QTSP NO")
		old, held := w.qwac(lt, until(40)), w.qwac(no, request{})
		require.NoError(t, f.visit(old))
		require.Error(t, f.visit(held))
		f.told()
		time.Sleep(20 * 24 * time.Hour)
		require.NoError(t, f.visit(old))
		f.assertTold(t, qwac.EventExpiring)
		time.Sleep(21 * 24 * time.Hour)
		require.Error(t, f.visit(held))
		f.assertTold(t)
		require.NoError(t, f.verifier.Confirm(t.Context(), identityOf(t, tppID), sumOf(held)))
		require.NoError(t, f.visit(held))
		f.assertTold(t, qwac.EventSuperseded)
	})
}

func TestCertificateIsNotSupersededByAnOlderOne(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, policy := longWorld(t)
		f := w.follower(policy, qwac.Rotation{Store: new(qwac.MemoryStore)})
		lt := w.qtsp("LT", "QTSP LT")
		old, brief := w.qwac(lt, request{}), w.qwac(lt, until(2))
		require.NoError(t, f.visit(old))
		require.NoError(t, f.visit(brief))
		f.told()
		time.Sleep(3 * 24 * time.Hour)
		require.NoError(t, f.visit(old))
		f.assertTold(t)
	})
}

func TestLossIsToldOnceInAFleet(t *testing.T) {
	w := newWorld(t)
	store := new(qwac.MemoryStore)
	one, two := w.follower(eidas.Policy{}, qwac.Rotation{Store: store}), w.follower(eidas.Policy{}, qwac.Rotation{Store: store})
	l := w.qwac(w.qtsp("LT", "QTSP LT"), request{})
	require.NoError(t, one.visit(l))
	w.revoke(l.cert)
	require.Error(t, one.visit(l))
	require.Error(t, two.visit(l))
	one.assertTold(t, qwac.EventFirstSeen, qwac.EventRevoked)
	two.assertTold(t)
}

// An alias renames a TPP whose key is known under its old name.
func TestRenamedTPPKeepsItsKey(t *testing.T) {
	const before, after = "PSDLT-BL-OLD1", tppID
	synctest.Test(t, func(t *testing.T) {
		w, policy := longWorld(t)
		policy.Aliases = []eidas.Alias{{From: identityOf(t, before), To: identityOf(t, after), Since: time.Now().Add(24 * time.Hour)}}
		f := w.follower(policy, qwac.Rotation{Store: new(qwac.MemoryStore)})
		lt, key := w.qtsp("LT", "QTSP LT"), newKey(t)
		old := w.qwac(lt, request{id: before, key: key})
		require.NoError(t, f.visit(old))
		f.assertTold(t, qwac.EventFirstSeen)
		time.Sleep(25 * time.Hour)
		require.NoError(t, f.visit(old), "its own key, under the name it has now")
		f.assertTold(t, qwac.EventFirstSeen)
		require.NoError(t, f.visit(w.qwac(lt, request{key: key})), "and with the certificate of the new name")
		events := f.told()
		assert.Equal(t, []qwac.EventKind{
			qwac.EventFirstSeen, qwac.EventOverlapping, qwac.EventKeyReused, qwac.EventIdentityChanged,
		}, kinds(events))
		assert.Equal(t, before, events[3].Other.Identity.String())
		assert.False(t, events[3].Held)
		for _, e := range events {
			assert.Equal(t, after, e.Identity.String())
		}
	})
}

func TestWhatEndedIsForgottenFirst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w, policy := longWorld(t)
		f := w.follower(policy, qwac.Rotation{Store: new(qwac.MemoryStore)})
		lt, key := w.qtsp("LT", "QTSP LT"), newKey(t)
		longLived := request{key: key}
		kept := w.qwac(lt, longLived)
		require.NoError(t, f.visit(kept))
		time.Sleep(time.Hour)
		ended := until(1)
		ended.key = key
		for range qwac.MaxRemembered - 1 {
			require.NoError(t, f.visit(w.qwac(lt, ended)))
		}
		time.Sleep(48 * time.Hour)
		for range qwac.MaxRemembered - 1 {
			require.NoError(t, f.visit(w.qwac(lt, longLived)))
		}
		refs, err := f.verifier.Certificates(t.Context(), identityOf(t, tppID))
		require.NoError(t, err)
		require.Len(t, refs, qwac.MaxRemembered)
		assert.Equal(t, sumOf(kept), refs[0].SHA256)
	})
}

// rewrite changes a record.
func rewrite(t *testing.T, store qwac.RotationStore, keys []string, f func([][]byte) [][]byte) {
	t.Helper()
	require.NoError(t, store.Update(t.Context(), keys, f))
}

func TestRecordThatIsTooLargeIsNothing(t *testing.T) {
	w := newWorld(t)
	store := new(qwac.MemoryStore)
	l := w.qwac(w.qtsp("LT", "QTSP LT"), request{})
	require.NoError(t, w.follower(eidas.Policy{}, qwac.Rotation{Store: store}).visit(l))
	for _, row := range []struct {
		size int
		want []qwac.EventKind
	}{{qwac.MaxRecord, nil}, {qwac.MaxRecord + 1, []qwac.EventKind{qwac.EventFirstSeen}}} {
		rewrite(t, store, []string{"tpp/" + tppID}, func(r [][]byte) [][]byte {
			return [][]byte{append(bytes.TrimSpace(r[0]), bytes.Repeat([]byte(" "), row.size-len(bytes.TrimSpace(r[0])))...)}
		})
		f := w.follower(eidas.Policy{}, qwac.Rotation{Store: store})
		require.NoError(t, f.visit(l))
		f.assertTold(t, row.want...)
	}
}

// silentStore gives fewer records than it was asked for.
type silentStore struct{}

func (silentStore) Update(_ context.Context, _ []string, f func([][]byte) [][]byte) error {
	f(nil)
	return nil
}

func TestStoreThatBreaksItsContractTellsNothing(t *testing.T) {
	w := newWorld(t)
	f := w.follower(eidas.Policy{}, qwac.Rotation{Store: silentStore{}, AllowTokensFor: time.Hour})
	l := w.qwac(w.qtsp("LT", "QTSP LT"), request{})
	require.NoError(t, f.visit(l))
	w.revoke(l.cert)
	require.Error(t, f.visit(l))
	f.assertTold(t)
	refs, err := f.verifier.Certificates(t.Context(), identityOf(t, tppID))
	require.NoError(t, err)
	assert.Empty(t, refs)
}

// A certificate that was refused once carries no token until it is let in again.
func TestTokenOfACertificateThatWasLost(t *testing.T) {
	w := newWorld(t)
	f := w.follower(eidas.Policy{}, qwac.Rotation{Store: new(qwac.MemoryStore), AllowTokensFor: time.Hour})
	lt := w.qtsp("LT", "QTSP LT")
	old, next := w.qwac(lt, request{}), w.qwac(lt, request{})
	f.result(t, old)
	current := f.result(t, next)
	ask := func() error { return f.verifier.SameTPP(t.Context(), current, sumOf(old), time.Now()) }
	require.NoError(t, ask())
	w.revoke(old.cert)
	require.Error(t, f.visit(old))
	w.unrevoke(old.cert) // as after certificateHold
	require.ErrorIs(t, ask(), eidas.ReasonNotAuthorized)
	require.NoError(t, f.visit(old))
	require.NoError(t, ask())
}

// The chain in the store must be that of the certificate.
func TestTokenIsNotJudgedByTheChainOfAnotherCertificate(t *testing.T) {
	w := newWorld(t)
	store := new(qwac.MemoryStore)
	f := w.follower(eidas.Policy{}, qwac.Rotation{Store: store, AllowTokensFor: time.Hour})
	lt := w.qtsp("LT", "QTSP LT")
	old, next := w.qwac(lt, request{}), w.qwac(lt, request{})
	f.result(t, old)
	current := f.result(t, next)
	w.revoke(old.cert)
	rewrite(t, store, []string{"chain/" + sumOf(next).String(), "chain/" + sumOf(old).String()}, func(r [][]byte) [][]byte {
		return [][]byte{nil, r[0]}
	})
	require.ErrorIs(t, f.verifier.SameTPP(t.Context(), current, sumOf(old), time.Now()), eidas.ReasonNotAuthorized)
}
