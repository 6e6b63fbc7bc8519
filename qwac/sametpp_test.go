package qwac_test

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/qwac"
)

// result is that of a request of a TPP that has proved its key.
func (f *follower) result(tb testing.TB, l *leaf) *eidas.Result {
	tb.Helper()
	cs := state(false, l.cert)
	cs.HandshakeComplete = true
	r, err := f.verifier.Peer(context.Background(), cs)
	require.NoError(tb, err)
	return r
}

func TestTokenAcrossARotation(t *testing.T) {
	const age = 10 * time.Minute
	for name, row := range map[string]struct {
		off     bool
		unseen  bool          // the old certificate was never used
		issued  time.Duration // ago; 0: one minute
		change  func(w *world, issuer *authority, old *leaf)
		another string // identity that the new certificate is of
		want    eidas.Reason
	}{
		"of the same TPP":       {},
		"at its last moment":    {issued: age},
		"too old":               {issued: age + time.Second, want: eidas.ReasonNotAuthorized},
		"from the future":       {issued: -time.Second, want: eidas.ReasonNotAuthorized},
		"off":                   {off: true, want: eidas.ReasonNotAuthorized},
		"of another TPP":        {another: "PSDLT-BL-LB000999", want: eidas.ReasonNotAuthorized},
		"of one that never was": {unseen: true, want: eidas.ReasonNotAuthorized},
		"revoked":               {change: func(w *world, _ *authority, old *leaf) { w.revoke(old.cert) }, want: eidas.ReasonRevoked},
		"withdrawn":             {change: func(w *world, issuer *authority, _ *leaf) { w.withdraw(issuer) }, want: eidas.ReasonServiceNotGranted},
		"expired":               {change: func(*world, *authority, *leaf) { time.Sleep(31 * 24 * time.Hour) }, want: eidas.ReasonExpired},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				toOurTime()
				w := newWorld(t)
				w.fresh = time.Now().AddDate(1, 0, 0)
				rotation := qwac.Rotation{Store: new(qwac.MemoryStore), AllowTokensFor: age}
				if row.off {
					rotation.AllowTokensFor = 0
				}
				f := w.follower(eidas.Policy{AllowListStale: 24 * 365 * time.Hour}, rotation)
				lt := w.qtsp("LT", "QTSP LT")
				old := w.qwac(lt, request{edit: func(c *x509.Certificate) { c.NotAfter = time.Now().AddDate(0, 0, 30) }})
				next := w.qwac(w.qtsp("NO", "QTSP NO"), request{id: row.another})
				if !row.unseen {
					f.result(t, old)
				}
				if row.change != nil {
					row.change(w, lt, old)
				}
				if row.issued == 0 {
					row.issued = time.Minute
				}
				current := f.result(t, next)
				issued := time.Now().Add(-row.issued)
				assert.Equal(t, row.want, eidas.ReasonOf(f.verifier.SameTPP(t.Context(), current, sumOf(old), issued)))
				require.NoError(t, f.verifier.SameTPP(t.Context(), current, sumOf(next), issued), "RFC 8705 as it stands")
			})
		})
	}
}

func TestTokenOfAHeldCertificateStaysWithIt(t *testing.T) {
	w := newWorld(t)
	f := w.follower(eidas.Policy{}, qwac.Rotation{Store: new(qwac.MemoryStore), AllowTokensFor: time.Hour, HoldNewIssuer: true})
	first := w.qwac(w.qtsp("LT", "QTSP LT"), request{})
	current := f.result(t, first)
	held := w.qwac(w.qtsp("NO", "QTSP NO"), request{})
	require.Error(t, f.visit(held))
	require.ErrorIs(t, f.verifier.SameTPP(t.Context(), current, sumOf(held), time.Now()), eidas.ReasonNotAuthorized)
	require.NoError(t, f.verifier.Confirm(t.Context(), identityOf(t, tppID), sumOf(held)))
	require.NoError(t, f.verifier.SameTPP(t.Context(), current, sumOf(held), time.Now()))
	require.ErrorIs(t, f.verifier.SameTPP(t.Context(), nil, sumOf(held), time.Now()), eidas.ReasonInternal)
}

// Who writes to a shared store can take tokens away and bring none about.
func TestTokenOfAForgedRecordIsRefused(t *testing.T) {
	w := newWorld(t)
	store := new(qwac.MemoryStore)
	f := w.follower(eidas.Policy{}, qwac.Rotation{Store: store, AllowTokensFor: time.Hour})
	lt := w.qtsp("LT", "QTSP LT")
	old, victim := w.qwac(lt, request{}), w.qwac(lt, request{id: "PSDLT-BL-LB000999"})
	f.result(t, victim)
	current := f.result(t, old)
	require.NoError(t, store.Update(t.Context(), []string{"tpp/PSDLT-BL-LB000999", "tpp/" + tppID}, func(r [][]byte) [][]byte {
		return [][]byte{nil, r[0]}
	}))
	require.ErrorIs(t, f.verifier.SameTPP(t.Context(), current, sumOf(victim), time.Now()), eidas.ReasonNotAuthorized)
}

// The record of a chain is that of the certificate it is kept for, and bounded.
func TestTokenOfAForgedChainIsRefused(t *testing.T) {
	for name, row := range map[string]struct {
		revoked bool
		forge   func(old, chain [][]byte) [][]byte
		want    eidas.Reason
	}{
		"as it was":                 {false, func(old, _ [][]byte) [][]byte { return old }, 0},
		"of a valid certificate":    {true, func(_, current [][]byte) [][]byte { return current }, eidas.ReasonNotAuthorized},
		"behind a valid one":        {true, func(old, current [][]byte) [][]byte { return append(current, old...) }, eidas.ReasonNotAuthorized},
		"before a valid one":        {true, func(old, current [][]byte) [][]byte { return append(old, current...) }, eidas.ReasonRevoked},
		"of too many certificates":  {false, func(old, _ [][]byte) [][]byte { return slices.Repeat(old[:1], qwac.MaxCertificates+1) }, eidas.ReasonNotAuthorized},
		"of no certificate":         {false, func(_, _ [][]byte) [][]byte { return [][]byte{} }, eidas.ReasonNotAuthorized},
		"with what is none at last": {false, func(old, _ [][]byte) [][]byte { return append(old, []byte("x")) }, eidas.ReasonNotAuthorized},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			store := new(qwac.MemoryStore)
			f := w.follower(eidas.Policy{}, qwac.Rotation{Store: store, AllowTokensFor: time.Hour})
			lt := w.qtsp("LT", "QTSP LT")
			old, next := w.qwac(lt, request{}), w.qwac(lt, request{})
			f.result(t, old)
			current := f.result(t, next)
			if row.revoked {
				w.revoke(old.cert)
			}
			keys := []string{"chain/" + sumOf(old).String(), "chain/" + sumOf(next).String()}
			require.NoError(t, store.Update(t.Context(), keys, func(r [][]byte) [][]byte {
				var chains [2][][]byte
				for i := range r {
					assert.NoError(t, json.Unmarshal(r[i], &chains[i]))
				}
				forged, err := json.Marshal(row.forge(chains[0], chains[1]))
				assert.NoError(t, err)
				return [][]byte{forged, nil}
			}))
			assert.Equal(t, row.want, eidas.ReasonOf(f.verifier.SameTPP(t.Context(), current, sumOf(old), time.Now())))
		})
	}
}
