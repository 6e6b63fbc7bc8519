package qwac_test

import (
	"crypto/x509"
	"strconv"
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/seed-b953571c/eidas/qwac"
)

func TestProvenChainsAreBoundedAndTheLatestStay(t *testing.T) {
	c := qwac.NewChainCache()
	chain := func(i int) []*x509.Certificate { return []*x509.Certificate{{Raw: []byte(strconv.Itoa(i))}} }
	for i := range qwac.MaxProvenChains {
		c.Add(chain(i))
	}
	assert.True(t, c.Has(chain(0)), "and it is the latest now")
	c.Add(chain(1)) // so is this one
	c.Add(chain(-1))
	c.Add(chain(-2))
	assert.Equal(t, qwac.MaxProvenChains, c.Len())
	for i, want := range map[int]bool{0: true, 1: true, 2: false, 3: false, 4: true, -1: true, -2: true} {
		assert.Equal(t, want, c.Has(chain(i)), "%d", i)
	}
}

func TestChainKeyTellsSplitsApart(t *testing.T) {
	c := func(parts ...string) (chain []*x509.Certificate) {
		for _, p := range parts {
			chain = append(chain, &x509.Certificate{Raw: []byte(p)})
		}
		return chain
	}
	cache := qwac.NewChainCache()
	cache.Add(c("ab", "c"))
	assert.True(t, cache.Has(c("ab", "c")))
	for _, other := range [][]*x509.Certificate{c("a", "bc"), c("abc"), c("c", "ab"), c("ab", "c", ""), c()} {
		assert.False(t, cache.Has(other))
	}
}
