package qwac_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
)

// The parts of production fit together, and let nobody in before there are lists.
func TestProductionWithoutListsLetsNobodyIn(t *testing.T) {
	validator, lists, err := newValidator(t.TempDir())
	require.NoError(t, err)
	defer lists.Close()
	w := newWorld(t)
	l := w.qwac(w.qtsp("LT", "QTSP LT"), request{})
	_, err = validator.Validate(t.Context(), state(false, l.cert).PeerCertificates, eidas.UseTLS, time.Now())
	require.ErrorIs(t, err, eidas.ReasonTrustUnavailable)
}
