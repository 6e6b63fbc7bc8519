package qwac_test

import (
	"crypto/x509"
	"fmt"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/qwac"
)

// resultOf is a verdict about the n-th TPP.
func resultOf(tb testing.TB, n int) *eidas.Result {
	tb.Helper()
	id, err := eidas.ParseIdentity(fmt.Sprintf("PSDLT-BL-LB%06d", n))
	require.NoError(tb, err)
	return &eidas.Result{Evidence: eidas.Evidence{Identity: id}}
}

func rawChain(parts ...string) (chain []*x509.Certificate) {
	for _, p := range parts {
		chain = append(chain, &x509.Certificate{Raw: []byte(p)})
	}
	return chain
}

func TestRememberedChainsAreBoundedAndTheLatestStay(t *testing.T) {
	c := qwac.NewRemembered()
	add := func(i int) { c.Add(rawChain(strconv.Itoa(i)), resultOf(t, i+2)) }
	for i := range qwac.MaxDecisions {
		add(i)
	}
	assert.True(t, c.Has(rawChain("0")), "and it is the latest now")
	add(1) // so is this one
	add(-1)
	add(-2)
	assert.Equal(t, qwac.MaxDecisions, c.Len())
	assert.Equal(t, qwac.MaxDecisions, c.Identities())
	for i, want := range map[int]bool{0: true, 1: true, 2: false, 3: false, 4: true, -1: true, -2: true} {
		assert.Equal(t, want, c.Has(rawChain(strconv.Itoa(i))), "%d", i)
	}
}

// A TPP can put any certificates behind its own.
func TestOneTPPPushesOutNobodyElse(t *testing.T) {
	c := qwac.NewRemembered()
	for i := range qwac.MaxDecisions - 1 {
		c.Add(rawChain(strconv.Itoa(i)), resultOf(t, i))
	}
	greedy := resultOf(t, qwac.MaxDecisions)
	c.Add(rawChain("own"), greedy)
	for i := range 2 * qwac.MaxDecisions {
		// Somebody else is heard of in between, so that the greedy one is not the latest by accident.
		c.Has(rawChain(strconv.Itoa(i % qwac.MaxDecisions)))
		c.Add(rawChain("own", strconv.Itoa(i)), greedy)
	}
	assert.Equal(t, qwac.MaxDecisions, c.Len())
	missing := 0
	for i := range qwac.MaxDecisions - 1 {
		if !c.Has(rawChain(strconv.Itoa(i))) {
			missing++
		}
	}
	assert.LessOrEqual(t, missing, qwac.MaxDecisionsOfOne)
	assert.Equal(t, qwac.MaxDecisions-missing, c.Identities())
}

func TestChainKeyTellsSplitsApart(t *testing.T) {
	c := rawChain
	cache := qwac.NewRemembered()
	cache.Add(c("ab", "c"), resultOf(t, 1))
	assert.True(t, cache.Has(c("ab", "c")))
	for _, other := range [][]*x509.Certificate{c("a", "bc"), c("abc"), c("c", "ab"), c("ab", "c", ""), c()} {
		assert.False(t, cache.Has(other))
	}
}
