// Command sidecar judges the client certificates of an API that nginx serves:
// nginx asks it about each request (auth_request), over a Unix socket or with a
// secret that only nginx knows. nginx.conf beside it is the other half.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/qwac"
	"github.com/seed-b953571c/eidas/revocation"
	"github.com/seed-b953571c/eidas/trustlist"
)

func main() {
	address := flag.String("listen", "unix:eidas.sock", "`ADDRESS`: unix:PATH, or HOST:PORT with -secret")
	secret := flag.String("secret", "", "`FILE` with the secret that nginx sends")
	folder := flag.String("lists", "lists", "`FOLDER` where the trusted lists are kept for the next start")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, *address, *secret, *folder)
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "sidecar:", err)
		os.Exit(1)
	}
}

// run serves until ctx ends.
func run(ctx context.Context, address, secretFile, folder string) error {
	logger := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	secret, err := readSecret(secretFile)
	if err != nil {
		return err
	}
	source, err := trustlist.NewHTTP(trustlist.HTTPConfig{})
	if err != nil {
		return err
	}
	lists, err := trustlist.NewStore(trustlist.StoreConfig{
		Config: trustlist.Config{Anchors: trustlist.DefaultAnchors(), Source: source, Logger: logger}, Dir: folder,
	})
	if err != nil {
		return err
	}
	status, err := revocation.New(revocation.Config{Logger: logger})
	if err != nil {
		return errors.Join(err, lists.Close())
	}
	validator, err := eidas.NewValidator(eidas.Config{Services: lists, Status: status, Policy: policy()})
	if err != nil {
		return errors.Join(err, lists.Close())
	}
	listener, server, err := listen(ctx, address, secret, validator, logger)
	if err != nil {
		return errors.Join(err, lists.Close())
	}
	ctx, cancel := context.WithCancel(ctx)
	var background sync.WaitGroup
	background.Go(func() { _ = lists.Run(ctx) }) // until ctx ends; it logs what fails
	err = serve(ctx, server, listener)
	cancel()
	background.Wait()
	return errors.Join(err, lists.Close())
}

// policy says who may come in. nginx sends the leaf alone, which is enough.
func policy() eidas.Policy {
	p := eidas.DefaultPolicy(eidas.RequireRoles(eidas.RoleAI))
	p.AllowServerAuthOnly = true // public CAs stop issuing clientAuth
	return p
}

func readSecret(file string) (string, error) {
	if file == "" {
		return "", nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		return "", err
	}
	secret := strings.TrimSpace(string(text))
	if len(secret) < 32 {
		return "", fmt.Errorf("secret in %s has fewer than 32 characters", file)
	}
	return secret, nil
}

// listen refuses an address that anybody can reach without a secret: whoever
// gets to the verifier says which certificate a client has shown.
func listen(ctx context.Context, address, secret string, v qwac.Validator, logger *slog.Logger) (net.Listener, *http.Server, error) {
	network := "tcp"
	address, unix := strings.CutPrefix(address, "unix:")
	switch {
	case unix:
		network = "unix"
	case secret == "":
		return nil, nil, fmt.Errorf("listening on %s needs -secret", address)
	}
	verifier, err := qwac.New(qwac.Config{Validator: v, Logger: logger, Rotation: qwac.Rotation{Store: new(qwac.MemoryStore)}})
	if err != nil {
		return nil, nil, err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, network, address)
	if err != nil {
		return nil, nil, err
	}
	if unix { // for the owner and nginx's group
		if err := os.Chmod(address, 0o660); err != nil { //nolint:gosec // the proxy has to connect
			return nil, nil, errors.Join(err, listener.Close())
		}
	}
	return listener, &http.Server{
		Handler: newSidecar(verifier, secret), MaxHeaderBytes: 2 * maxHeader,
		ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute,
	}, nil
}

// serve serves until ctx ends, and lets the requests under way finish.
func serve(ctx context.Context, server *http.Server, listener net.Listener) error {
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
	defer cancel()
	return server.Shutdown(ctx)
}
