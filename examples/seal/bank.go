// Package seal is the part of a bank's API server that takes payment orders: from
// a TPP that is on the connection with its QWAC and has sealed the order with its
// QSealC, in the way of the Berlin Group.
package seal

import (
	"crypto/tls"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/qseal"
	"github.com/seed-b953571c/eidas/qwac"
)

// replayWindow is how long the bank remembers an X-Request-ID.
const replayWindow = 24 * time.Hour

// newServer puts both certificates in front of the API: the validator judges them
// by the same lists and the same policy, and they must be of one TPP.
func newServer(validator *eidas.Validator, certificate tls.Certificate, logger *slog.Logger) (*http.Server, error) {
	connection, err := qwac.New(qwac.Config{Validator: validator, Logger: logger})
	if err != nil {
		return nil, err
	}
	// A bank of several instances has a store that they share.
	seen, err := qseal.NewReplayMemory(1<<22, replayWindow)
	if err != nil {
		return nil, err
	}
	seals, err := qseal.New(qseal.Config{
		Validator: validator,
		// TPPs that still sign Date, as before version 1.3.4 of the standard, are let
		// in: a metric and the log tell which ones.
		Profile: qseal.BerlinGroup13().AllowQuirks(qseal.QuirkExtraFields),
		Peer:    qwac.PeerIdentity,
		Replay:  seen, ReplayWindow: replayWindow,
		Logger: logger, Metrics: prometheus.NewRegistry(),
	})
	if err != nil {
		return nil, err
	}
	api := http.NewServeMux()
	api.HandleFunc("POST /v1/payments", payments)
	server := &http.Server{
		// The seal is verified outside of the mux, which may redirect, and inside of
		// what tells who is calling.
		Handler:           seals.Handler(api),
		TLSConfig:         &tls.Config{MinVersion: tls.VersionTLS12, Certificates: []tls.Certificate{certificate}},
		ReadHeaderTimeout: 10 * time.Second,
	}
	return server, connection.ConfigureServer(server)
}

// payments is the bank's own. What it reads of the body is sealed.
func payments(w http.ResponseWriter, r *http.Request) {
	seal, ok := qseal.FromContext(r.Context())
	if !ok {
		http.Error(w, "order is not sealed", http.StatusInternalServerError)
		return
	}
	w.WriteHeader(http.StatusCreated)
	_, _ = fmt.Fprintf(w, "order of %s, sealed by certificate %x\n", seal.Signer.Identity, seal.Signer.Leaf.SerialNumber)
}
