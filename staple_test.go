package eidas_test

import (
	"crypto/x509"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
)

// What the checker needs for its failure policy, and what the client stapled,
// go with the question about the leaf, and with no other.
func TestStapleAndRolesGoWithTheLeaf(t *testing.T) {
	root := newCA(t, "Root", nil)
	ca := newCA(t, "Issuing", root)
	status := good()
	v, err := eidas.NewValidator(eidas.Config{Services: trusting(listed(t, root)), Status: status, Policy: policy()})
	require.NoError(t, err)
	peer := []*x509.Certificate{issue(t, ca, newKey(t), qwac), ca.cert}
	res, err := v.Validate(eidas.ContextWithStaple(t.Context(), []byte("staple")), peer, eidas.UseTLS, now)
	require.NoError(t, err)
	require.Len(t, status.asked, 2)
	assert.Equal(t, []byte("staple"), status.asked[0].Staple)
	assert.Equal(t, res.Roles, status.asked[0].Roles)
	assert.NotZero(t, status.asked[0].Roles)
	assert.Nil(t, status.asked[1].Staple)
	assert.Zero(t, status.asked[1].Roles)

	_, err = v.Validate(t.Context(), peer, eidas.UseTLS, now)
	require.NoError(t, err)
	assert.Nil(t, status.asked[2].Staple)
}

// Unknown lets nobody in, unless the policy of the checker says so, and then it shows.
func TestUncheckedIsDegraded(t *testing.T) {
	_, err := run{status: &statusOf{}}.validate(t)
	require.ErrorIs(t, err, eidas.ReasonRevocationUnknown)
	res, err := run{status: &statusOf{answer: eidas.StatusAnswer{Unchecked: true, FreshUntil: now}}}.validate(t)
	require.NoError(t, err)
	assert.Equal(t, []eidas.Degradation{eidas.DegradedRevocationUnchecked}, res.Degraded)
	assert.Equal(t, now, res.ValidUntil)
	_, err = run{status: &statusOf{answer: eidas.StatusAnswer{Status: eidas.StatusRevoked, Unchecked: true}}}.validate(t)
	require.ErrorIs(t, err, eidas.ReasonRevoked)
}
