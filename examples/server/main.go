// Command server is a bank's API server. It lets in every TPP that the trusted
// lists of the EU vouch for, on whatever certificate is provably its own.
package main

import (
	"context"
	"crypto/tls"
	"flag"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/qwac"
	"github.com/seed-b953571c/eidas/revocation"
	"github.com/seed-b953571c/eidas/trustlist"
)

type options struct{ address, folder, answers, certificate, key string }

func main() {
	var o options
	flag.StringVar(&o.address, "address", ":8443", "`ADDRESS` to listen at")
	flag.StringVar(&o.folder, "lists", "lists", "`FOLDER` where the trusted lists are kept for the next start")
	flag.StringVar(&o.answers, "answers", "answers", "`FOLDER` where the answers about revocation are kept for the next start")
	flag.StringVar(&o.certificate, "certificate", "", "PEM `FILE` of the server's certificate chain")
	flag.StringVar(&o.key, "key", "", "PEM `FILE` of its private key")
	demo := flag.Bool("demo", false, "make a world of its own, show one call and end")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	var err error
	if *demo {
		err = runDemo(ctx, os.Stdout)
	} else {
		err = run(ctx, o)
	}
	stop()
	if err != nil {
		fmt.Fprintln(os.Stderr, "server:", err)
		os.Exit(1)
	}
}

// run serves until ctx ends.
func run(ctx context.Context, o options) error {
	logger := slog.New(slog.NewJSONHandler(os.Stderr, nil))
	certificate, err := tls.LoadX509KeyPair(o.certificate, o.key)
	if err != nil {
		return err
	}
	lists, err := newLists(o.folder, logger)
	if err != nil {
		return err
	}
	defer func() { _ = lists.Close() }()
	answers, err := revocation.OpenFolder(o.answers)
	if err != nil {
		return err
	}
	defer func() { _ = answers.Close() }()
	status, err := newStatus(answers, logger)
	if err != nil {
		return err
	}
	validator, err := newValidator(lists, status)
	if err != nil {
		return err
	}
	server, err := newServer(validator, certificate, logger)
	if err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", o.address)
	if err != nil {
		return err
	}
	ctx, cancel := context.WithCancel(ctx)
	var background sync.WaitGroup
	background.Go(func() { _ = lists.Run(ctx) })  // until ctx ends; it logs what fails
	background.Go(func() { _ = status.Run(ctx) }) // likewise
	err = serve(ctx, server, listener)
	cancel()
	background.Wait()
	return err
}

// newLists returns the trusted lists of the EU, empty until they are run.
func newLists(folder string, logger *slog.Logger) (*trustlist.Store, error) {
	source, err := trustlist.NewHTTP(trustlist.HTTPConfig{})
	if err != nil {
		return nil, err
	}
	return trustlist.NewStore(trustlist.StoreConfig{
		Config: trustlist.Config{Anchors: trustlist.DefaultAnchors(), Source: source, Logger: logger},
		Dir:    folder,
	})
}

// newStatus asks responders and CRLs, and starts warm from what it keeps.
func newStatus(answers revocation.Store, logger *slog.Logger) (*revocation.Checker, error) {
	config := revocation.DefaultConfig()
	config.Store, config.Logger = answers, logger
	return revocation.New(config)
}

// newValidator judges by the lists and by the status of certificates.
func newValidator(lists *trustlist.Store, status eidas.StatusChecker) (*eidas.Validator, error) {
	return eidas.NewValidator(eidas.Config{Services: lists, Status: status, Policy: policy()})
}

// policy says who may come in: every TPP that may ask for account information.
func policy() eidas.Policy { return eidas.DefaultPolicy(eidas.RequireRoles(eidas.RoleAI)) }

// newServer puts the validator in front of the bank's API.
func newServer(validator *eidas.Validator, certificate tls.Certificate, logger *slog.Logger) (*http.Server, error) {
	verifier, err := qwac.New(qwac.Config{
		Validator: validator, Logger: logger,
		Deferred: true,                                        // who is refused reads why
		Rotation: qwac.Rotation{Store: new(qwac.MemoryStore)}, // news of certificates go to the log
	})
	if err != nil {
		return nil, err
	}
	api := http.NewServeMux()
	api.HandleFunc("GET /accounts", accounts)
	api.HandleFunc("POST /payments", payments)
	server := &http.Server{
		Handler: api, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute,
		TLSConfig: &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{certificate}},
	}
	return server, verifier.ConfigureServer(server)
}

// accounts is the bank's own. The identity is the same after every rotation.
func accounts(w http.ResponseWriter, r *http.Request) {
	tpp, ok := qwac.FromContext(r.Context())
	if !ok {
		http.Error(w, "nobody is calling", http.StatusInternalServerError)
		return
	}
	_, _ = fmt.Fprintf(w, "accounts for %s, which may act as %s\n", tpp.Identity, tpp.Roles)
}

// payments needs another role than the policy asks of everybody.
func payments(w http.ResponseWriter, r *http.Request) {
	tpp, ok := qwac.FromContext(r.Context())
	if !ok || !tpp.Roles.Has(eidas.RolePI) {
		http.Error(w, "needs the role "+eidas.RolePI.String(), http.StatusForbidden)
		return
	}
	_, _ = fmt.Fprintf(w, "payment of %s\n", tpp.Identity)
}

// grace is what a request under way gets when the server has to end.
const grace = 10 * time.Second

// serve serves until ctx ends, and lets the requests under way finish.
func serve(ctx context.Context, server *http.Server, listener net.Listener) error {
	failed := make(chan error, 1)
	go func() { failed <- server.ServeTLS(listener, "", "") }()
	select {
	case err := <-failed:
		return err
	case <-ctx.Done():
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	return server.Shutdown(ctx)
}
