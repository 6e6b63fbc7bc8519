package revocation_test

import (
	"bytes"
	"context"
	"net/http"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/internal/fetch"
	"github.com/seed-b953571c/eidas/revocation"
)

// A value in a store that others write to is not parsed without end.
func TestStoredProofHasABoundedNumberOfCRLs(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := crlWorld(t, nil, pointSpec{url: "http://a.test/1"})
		list := w.crl(w.item(w.leaf, 1)).encode(t)
		store := newFakeStore()
		c, err := revocation.NewWithFetcher(revocation.Config{Store: store}, fetcherFunc(func(context.Context, fetch.Request) (*fetch.Response, error) {
			return &fetch.Response{Status: http.StatusOK, Body: list}, nil
		}))
		require.NoError(t, err)
		_, err = ask(t, c, w)
		require.NoError(t, err)
		synctest.Wait()
		var proof revocation.Record
		for _, r := range store.records {
			if r.Revoked {
				proof = r
			}
		}
		require.NotEmpty(t, proof.Value)
		for n, want := range map[int]eidas.Status{
			1: eidas.StatusRevoked, revocation.MaxStoredSet: eidas.StatusRevoked, revocation.MaxStoredSet + 1: eidas.StatusUnknown,
		} {
			stored := proof
			stored.Value = append(bytes.Clone(proof.Value), bytes.Repeat(list, n-1)...)
			only := newFakeStore()
			only.put(stored)
			a, err := ask(t, new(network).checker(t, revocation.Config{Store: only}), w)
			assert.Equal(t, want, a.Status, "%d CRLs", n)
			assert.Equal(t, want == eidas.StatusRevoked, err == nil, "%v", err)
		}
		time.Sleep(time.Minute) // what is still on its way to the store
	})
}

func TestRevocationsThatWaitForAStoreAreBounded(t *testing.T) {
	assert.Equal(t, revocation.MaxUnsaved, revocation.Unsaved(revocation.MaxUnsaved))
	assert.Equal(t, revocation.MaxUnsaved, revocation.Unsaved(2*revocation.MaxUnsaved))
}

// The one that was not asked about for longest makes room.
func TestCertificatesThatAreRenewedAreBounded(t *testing.T) {
	var u revocation.InUse
	at := time.Date(2026, time.November, 24, 0, 0, 0, 0, time.UTC)
	for n := range revocation.MaxInUse {
		u.Ask(n, at.Add(time.Duration(n)*time.Second))
	}
	require.Equal(t, revocation.MaxInUse, u.Len())
	at = at.Add(3 * time.Hour)
	u.Ask(0, at)
	require.True(t, u.Has(1))
	u.Ask(revocation.MaxInUse, at)
	assert.Equal(t, revocation.MaxInUse, u.Len())
	assert.False(t, u.Has(1))
	for _, n := range []int{0, 2, revocation.MaxInUse} {
		assert.True(t, u.Has(n), n)
	}
}
