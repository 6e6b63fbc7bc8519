package qwac_test

import (
	"testing"

	"github.com/stretchr/testify/assert"

	"github.com/seed-b953571c/eidas"
)

func TestDeferredSaysWhetherStrangersPass(t *testing.T) {
	w := newWorld(t)
	assert.True(t, deferred(w).Deferred())
	assert.False(t, w.verifier(eidas.Policy{}).Deferred())
}
