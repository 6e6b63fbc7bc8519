// Package bank is a bank's own code. What is shown is its test, bank_test.go.
package bank

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"time"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/qwac"
)

// Policy says who may come in.
func Policy() eidas.Policy { return eidas.DefaultPolicy(eidas.RequireRoles(eidas.RoleAI)) }

// NewServer returns the bank's API. Consents say whose accounts a TPP may see.
func NewServer(validator *eidas.Validator, consents map[eidas.Identity]string) (*http.Server, error) {
	verifier, err := qwac.New(qwac.Config{Validator: validator})
	if err != nil {
		return nil, err
	}
	accounts := func(w http.ResponseWriter, r *http.Request) {
		tpp, _ := qwac.FromContext(r.Context())
		customer, ok := consents[tpp.Identity]
		if !ok {
			http.Error(w, "no consent", http.StatusForbidden)
			return
		}
		_, _ = fmt.Fprint(w, "accounts of ", customer)
	}
	server := &http.Server{
		Handler: http.HandlerFunc(accounts), TLSConfig: &tls.Config{MinVersion: tls.VersionTLS12}, ReadHeaderTimeout: 10 * time.Second,
	}
	return server, verifier.ConfigureServer(server)
}
