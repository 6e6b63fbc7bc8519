package sealtest_test

import (
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/eidastest"
	"github.com/seed-b953571c/eidas/eidastest/sealtest"
	"github.com/seed-b953571c/eidas/qseal"
	"github.com/seed-b953571c/eidas/qwac"
)

// scene is a world and the kit in it.
type scene struct {
	t     *testing.T
	world *eidastest.Test
	kit   *sealtest.Kit
}

// maxBody is a cap that is reached soon.
const maxBody = 16 << 10

func newScene(t *testing.T) *scene {
	t.Helper()
	w := eidastest.Start(t, eidastest.Options{Territories: []string{"LT"}})
	return &scene{t, w, sealtest.Start(t, w.World, sealtest.Options{MaxBody: maxBody, Target: "/psd2/orders"})}
}

// config is that of a bank that is as strict as it should be.
func (s *scene) config(p qseal.Profile) qseal.Config {
	s.t.Helper()
	directory, err := qseal.NewDirectory(s.kit.Files())
	require.NoError(s.t, err)
	memory, err := qseal.NewReplayMemory(1<<16, 24*time.Hour)
	require.NoError(s.t, err)
	return qseal.Config{
		Validator: s.world.Validator(eidas.Policy{Authorizer: eidas.RequireRoles(eidas.RoleAI)}),
		Profile:   p, Resolver: directory, Replay: memory, MaxBody: maxBody,
		Peer: qwac.PeerIdentity,
	}
}

// bank is a server that answers 200 to whom it lets in, and never reads the body.
func (s *scene) bank(c qseal.Config) *http.Server {
	s.t.Helper()
	ok := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	return s.bankOf(c, func(v *qseal.Verifier) http.Handler { return v.Handler(ok) })
}

// bankOf is a server with a handler of its own around a verifier.
func (s *scene) bankOf(c qseal.Config, handler func(*qseal.Verifier) http.Handler) *http.Server {
	s.t.Helper()
	v, err := qseal.New(c)
	require.NoError(s.t, err)
	connections, err := qwac.New(qwac.Config{Validator: s.world.Validator(eidas.Policy{Authorizer: eidas.RequireRoles(eidas.RoleAI)})})
	require.NoError(s.t, err)
	certificate, err := s.world.ServerCertificate()
	require.NoError(s.t, err)
	config, err := connections.ServerConfig(serverConfig(certificate))
	require.NoError(s.t, err)
	return &http.Server{Handler: connections.Handler(handler(v)), TLSConfig: config, ReadHeaderTimeout: time.Minute}
}
