package revocation_test

import (
	"context"
	"crypto/x509"
	"crypto/x509/pkix"
	"math/big"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/internal/fetch"
	"github.com/seed-b953571c/eidas/revocation"
)

func TestCacheKey(t *testing.T) {
	w := newWorld(t)
	base := w.target()
	same := base
	same.Certificate = mint(t, w.ca, "Another encoding", func(c *x509.Certificate) { c.SerialNumber = w.leaf.cert.SerialNumber }).cert
	assert.Equal(t, revocation.Key(base), revocation.Key(same), "the certificate itself is not in the key")
	same.Responders = []*x509.Certificate{w.delegate.cert}
	assert.Equal(t, revocation.Key(base), revocation.Key(same), "nor is who may answer")

	serial := base
	serial.Certificate = mint(t, w.ca, "TPP", nil).cert
	assert.NotEqual(t, revocation.Key(base), revocation.Key(serial), "serial number")

	key := base
	key.Issuer = mint(t, w.root, "Issuing CA", asCA).cert
	assert.NotEqual(t, revocation.Key(base), revocation.Key(key), "key of the issuer")

	// One key under two names, as after a change of name: a CRL of either name
	// speaks of its own certificates.
	renamed := mintKey(t, w.root, w.ca.key, "Issuing CA 2", asCA)
	name := base
	name.Issuer = renamed.cert
	name.Certificate = mint(t, renamed, "TPP", func(c *x509.Certificate) { c.SerialNumber = w.leaf.cert.SerialNumber }).cert
	assert.NotEqual(t, revocation.Key(base), revocation.Key(name), "name of the issuer")

	// A name that does not fit into the space that is set aside.
	long := mint(t, w.root, "Long", func(c *x509.Certificate) {
		asCA(c)
		for range 40 {
			c.Subject.ExtraNames = append(c.Subject.ExtraNames, pkix.AttributeTypeAndValue{Type: []int{2, 5, 4, 11}, Value: "a unit with a name of fifty letters, more or less.."})
		}
	})
	keyOf := func(serial int64) [32]byte {
		leaf := mint(t, long, "TPP", func(c *x509.Certificate) { c.SerialNumber = big.NewInt(serial) })
		return revocation.Key(revocation.Target{Certificate: leaf.cert, Issuer: long.cert})
	}
	five, again := keyOf(5), keyOf(5)
	assert.Equal(t, five, again)
	assert.NotEqual(t, five, keyOf(6))
}

func TestCacheCounts(t *testing.T) {
	const skew = 5 * time.Minute
	good := eidas.StatusAnswer{Status: eidas.StatusGood, ThisUpdate: now, FreshUntil: now.Add(time.Hour)}
	hold := good
	hold.Status, hold.Code = eidas.StatusRevoked, 6
	for _, tt := range []struct {
		name   string
		answer eidas.StatusAnswer
		at     time.Duration
		want   bool
	}{
		{"fresh", good, time.Minute, true},
		{"at its end", good, time.Hour, true},
		{"past its end", good, time.Hour + 1, false},
		{"before thisUpdate, within the skew", good, -skew, true},
		{"before thisUpdate, beyond the skew", good, -skew - 1, false},
		{"revoked, past its end", hold, 48 * time.Hour, true},
		{"revoked, before thisUpdate", hold, -48 * time.Hour, true},
	} {
		assert.Equal(t, tt.want, revocation.Counts(tt.answer, now.Add(tt.at), skew), tt.name)
	}
}

func TestCacheSupersedes(t *testing.T) {
	answer := func(status eidas.Status, code int, age time.Duration) eidas.StatusAnswer {
		return eidas.StatusAnswer{Status: status, Code: code, ThisUpdate: now.Add(-age)}
	}
	const hold, compromise = 6, 1
	for _, tt := range []struct {
		name     string
		old, new eidas.StatusAnswer
		want     bool
	}{
		{"good by a newer good", answer(good, 0, 2), answer(good, 0, 1), true},
		{"good by the same again", answer(good, 0, 1), answer(good, 0, 1), true},
		{"good by an older good", answer(good, 0, 1), answer(good, 0, 2), false},
		{"good by an older revocation", answer(good, 0, 1), answer(revoked, compromise, 2), true},
		{"good by a newer hold", answer(good, 0, 2), answer(revoked, hold, 1), true},
		{"revoked by a newer good", answer(revoked, compromise, 2), answer(good, 0, 1), false},
		{"revoked by a newer hold", answer(revoked, compromise, 2), answer(revoked, hold, 1), false},
		{"revoked by a newer revocation", answer(revoked, compromise, 2), answer(revoked, compromise, 1), false},
		{"hold by a newer good", answer(revoked, hold, 2), answer(good, 0, 1), true},
		{"hold by a good of the same time", answer(revoked, hold, 1), answer(good, 0, 1), false},
		{"hold by an older good", answer(revoked, hold, 1), answer(good, 0, 2), false},
		{"hold by an older revocation", answer(revoked, hold, 1), answer(revoked, compromise, 2), true},
		{"hold by a newer hold", answer(revoked, hold, 2), answer(revoked, hold, 1), true},
	} {
		assert.Equal(t, tt.want, revocation.Supersedes(tt.new, tt.old), tt.name)
	}
}

func TestP7DelegateUncheckedReachesTheCaller(t *testing.T) {
	// A delegate without nocheck and without a CRL: nobody can tell its status.
	for name, nocheck := range map[string]bool{"P7 open": false, "P7 nocheck": true} {
		w := liveWorld(t, "http://a.test/")
		open := w.mint(t, w.ca, "R", func(c *x509.Certificate) {
			asDelegate(c)
			if !nocheck {
				c.ExtraExtensions = nil
			}
		})
		body := w.good().by(open).encode(t)
		c, err := revocation.NewWithFetcher(revocation.Config{}, fetcherFunc(func(context.Context, fetch.Request) (*fetch.Response, error) {
			return ocspBody(body)
		}))
		require.NoError(t, err)
		for _, from := range []string{"network", "cache"} {
			a, err := c.CheckStatus(t.Context(), w.query())
			require.NoError(t, err, name)
			assert.Equal(t, good, a.Status)
			assert.Equal(t, !nocheck, a.DelegateUnchecked, "%s from the %s", name, from)
		}
	}
}
