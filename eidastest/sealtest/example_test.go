package sealtest_test

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/eidastest"
	"github.com/seed-b953571c/eidas/eidastest/sealtest"
	"github.com/seed-b953571c/eidas/qseal"
	"github.com/seed-b953571c/eidas/qwac"
)

// newBank is the code under test: it lets in who is on the connection with a QWAC
// and has sealed the request with a QSealC.
func newBank(profile qseal.Profile, validator *eidas.Validator, known qseal.Resolver) (*http.Server, error) {
	connections, err := qwac.New(qwac.Config{Validator: validator})
	if err != nil {
		return nil, err
	}
	memory, err := qseal.NewReplayMemory(1<<16, 24*time.Hour)
	if err != nil {
		return nil, err
	}
	seals, err := qseal.New(qseal.Config{
		Validator: validator, Profile: profile, Resolver: known, Replay: memory,
		Peer: qwac.PeerIdentity,
	})
	if err != nil {
		return nil, err
	}
	order := http.HandlerFunc(func(http.ResponseWriter, *http.Request) {})
	server := &http.Server{Handler: seals.Handler(order)}
	return server, connections.ConfigureServer(server)
}

// A test of a bank calls Kit.Run in place of Play: it fails with a list.
func Example() {
	world, err := eidastest.NewWorld(eidastest.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer world.Close()
	kit, err := sealtest.New(world, sealtest.Options{})
	if err != nil {
		fmt.Println(err)
		return
	}
	defer kit.Close()
	validator, err1 := world.Validator(eidas.DefaultPolicy(eidas.RequireRoles(eidas.RoleAI)))
	known, err2 := qseal.NewDirectory(kit.Files())
	bank, err3 := newBank(qseal.PolishAPI21(), validator, known)
	outcomes, err4 := kit.Play(context.Background(), qseal.PolishAPI21(), bank)
	if err := errors.Join(err1, err2, err3, err4); err != nil {
		fmt.Println(err)
		return
	}
	wrong := 0
	for _, o := range outcomes {
		if o.Wrong != "" {
			wrong++
			fmt.Println(&o)
		}
	}
	fmt.Println(len(outcomes) > 100, wrong)
	// Output: true 0
}
