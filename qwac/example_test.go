package qwac_test

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log"
	"log/slog"
	"net/http"
	"time"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/eidastest"
	"github.com/seed-b953571c/eidas/qwac"
	"github.com/seed-b953571c/eidas/revocation"
	"github.com/seed-b953571c/eidas/trustlist"
)

// newServer is a bank's API server. Who is not a TPP gets no connection.
func newServer(validator *eidas.Validator, certificates ...tls.Certificate) (*http.Server, error) {
	verifier, err := qwac.New(qwac.Config{Validator: validator, Logger: slog.Default()})
	if err != nil {
		return nil, err
	}
	accounts := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		tpp, _ := qwac.FromContext(r.Context())
		fmt.Fprintf(w, "%s may act as %s", tpp.Identity, tpp.Roles)
	})
	server := &http.Server{
		TLSConfig: &tls.Config{Certificates: certificates}, Handler: accounts, ReadHeaderTimeout: 10 * time.Second,
	}
	return server, verifier.ConfigureServer(server)
}

// newValidator judges by the trusted lists of the EU and by OCSP. Keep lists
// alive with lists.Run.
func newValidator(folder string) (*eidas.Validator, *trustlist.Store, error) {
	source, err := trustlist.NewHTTP(trustlist.HTTPConfig{})
	if err != nil {
		return nil, nil, err
	}
	lists, err := trustlist.NewStore(trustlist.StoreConfig{
		Config: trustlist.Config{Anchors: trustlist.DefaultAnchors(), Source: source, Logger: slog.Default()}, Dir: folder,
	})
	if err != nil {
		return nil, nil, err
	}
	status, err := revocation.New(revocation.DefaultConfig())
	if err != nil {
		return nil, nil, err
	}
	policy := eidas.DefaultPolicy(eidas.RequireRoles(eidas.RoleAI))
	validator, err := eidas.NewValidator(eidas.Config{Services: lists, Status: status, Policy: policy})
	return validator, lists, err
}

func Example() {
	world, err := eidastest.NewWorld(eidastest.Options{}) // instead of newValidator
	if err != nil {
		log.Fatal(err)
	}
	defer world.Close()
	validator, err := world.Validator(eidas.DefaultPolicy(eidas.RequireRoles(eidas.RoleAI)))
	if err != nil {
		log.Fatal(err)
	}
	server, err := newServer(validator)
	if err != nil {
		log.Fatal(err)
	}
	bank, err := world.Serve(server)
	if err != nil {
		log.Fatal(err)
	}
	defer bank.Close()

	// The same TPP, with certificates of two QTSPs in two countries.
	for _, territory := range []string{"LT", "DE"} {
		certificate, err := world.QTSP(territory).IssueQWAC("PSDLT-BL-LB000468", eidas.RoleAI|eidas.RolePI)
		if err != nil {
			log.Fatal(err)
		}
		request, err := http.NewRequestWithContext(context.Background(), http.MethodGet, bank.URL, nil)
		if err != nil {
			log.Fatal(err)
		}
		response, err := world.Client(certificate).Do(request)
		if err != nil {
			log.Fatal(err)
		}
		body, _ := io.ReadAll(response.Body)
		response.Body.Close()
		fmt.Println(territory+":", string(body))
	}
	// Output:
	// LT: PSDLT-BL-LB000468 may act as PSP_PI|PSP_AI
	// DE: PSDLT-BL-LB000468 may act as PSP_PI|PSP_AI
}
