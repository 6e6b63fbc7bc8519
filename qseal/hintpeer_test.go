package qseal_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/qseal"
)

// A Resolver is told on whose behalf it is asked, which is not the message's word.
func TestResolverIsToldWhoIsOnTheConnection(t *testing.T) {
	s := rsaScene(t, qseal.STET16())
	file := s.leaf.Certificate.Raw
	url := stetURL(s.leaf.Certificate)
	directory, err := qseal.NewDirectory(map[string][]byte{url: file})
	require.NoError(t, err)
	var told []eidas.Identity
	s.config.Resolver = resolverFunc(func(h qseal.Hint) (*qseal.Resolved, error) {
		told = append(told, h.Peer)
		return directory.Resolve(t.Context(), h)
	})
	byURL := func(f *forged) {
		f.keyID, f.covered = url, "(request-target) digest date"
		f.method, f.body, f.algorithm = http.MethodGet, "", "rsa-sha256"
		f.header.Set("Date", s.at.UTC().Format(http.TimeFormat))
	}
	s.peer = identityOf(t, "PSDLT-BL-LB000469")
	require.ErrorIs(t, s.verify(s.order(byURL)), qseal.ReasonPeer)
	require.Equal(t, []eidas.Identity{s.peer}, told, "the connection's, not the sealer's")

	s.config.Peer, s.config.AllowAnyPeer = nil, true
	require.NoError(t, s.verify(s.order(byURL)))
	require.Equal(t, []eidas.Identity{s.peer, {}}, told)
}
