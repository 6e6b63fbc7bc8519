package qseal_test

import (
	"context"
	"fmt"
	"log"
	"net/http"
	"net/http/httptest"
	"strings"
	"time"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/eidastest"
	"github.com/seed-b953571c/eidas/qseal"
)

func ExampleVerifier_VerifyCertificate() {
	world, err := eidastest.NewWorld(eidastest.Options{}) // in production: trustlist and revocation
	if err != nil {
		log.Fatal(err)
	}
	defer world.Close()
	validator, err := world.Validator(eidas.Policy{Authorizer: eidas.RequireRoles(eidas.RolePI)})
	if err != nil {
		log.Fatal(err)
	}
	verifier, err := qseal.New(qseal.Config{Validator: validator})
	if err != nil {
		log.Fatal(err)
	}

	// The certificate of a payment order's seal, whose signature has been verified.
	order, err := world.QTSP("LT").IssueQSealC("PSDLT-BL-LB000468", eidas.RolePI)
	if err != nil {
		log.Fatal(err)
	}
	sealer, err := verifier.VerifyCertificate(context.Background(), order.Chain, world.Now())
	fmt.Println(sealer.Identity, sealer.Roles, err)

	// A website's certificate does not seal.
	site, err := world.QTSP("LT").IssueQWAC("PSDLT-BL-LB000468", eidas.RolePI)
	if err != nil {
		log.Fatal(err)
	}
	_, err = verifier.VerifyCertificate(context.Background(), site.Chain, world.Now())
	fmt.Println(eidas.ReasonOf(err).String())
	// Output:
	// PSDLT-BL-LB000468 PSP_PI <nil>
	// wrong_type
}

func ExampleVerifier_Handler() {
	world, err := eidastest.NewWorld(eidastest.Options{}) // in production: trustlist and revocation
	if err != nil {
		log.Fatal(err)
	}
	defer world.Close()
	validator, err := world.Validator(eidas.Policy{Authorizer: eidas.RequireRoles(eidas.RolePI)})
	if err != nil {
		log.Fatal(err)
	}
	seen, err := qseal.NewReplayMemory(1<<20, 24*time.Hour)
	if err != nil {
		log.Fatal(err)
	}
	verifier, err := qseal.New(qseal.Config{
		Validator: validator,
		Profile:   qseal.BerlinGroup13(),
		Replay:    seen,
		// In production: the identity of qwac.FromContext.
		Peer: func(*http.Request) (eidas.Identity, error) { return eidas.ParseIdentity("PSDLT-BL-LB000468") },
	})
	if err != nil {
		log.Fatal(err)
	}
	bank := verifier.Handler(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seal, _ := qseal.FromContext(r.Context())
		_, _ = fmt.Fprint(w, "sealed by ", seal.Signer.Identity)
	}))

	// The TPP seals its order, and somebody sends it again.
	tpp, err := world.QTSP("DE").IssueQSealC("PSDLT-BL-LB000468", eidas.RolePI)
	if err != nil {
		log.Fatal(err)
	}
	signer, err := qseal.NewSigner(qseal.SignerConfig{Profile: qseal.BerlinGroup13(), Key: tpp.Key, Chain: tpp.Chain})
	if err != nil {
		log.Fatal(err)
	}
	for range 2 {
		order := httptest.NewRequest(http.MethodPost, "/v1/payments", strings.NewReader("amount=1"))
		order.Header.Set("X-Request-ID", "99391c7e-ad88-49ec-a2ad-99ddcb1f7721")
		if err := signer.SignRequest(order, time.Now()); err != nil {
			log.Fatal(err)
		}
		answer := httptest.NewRecorder()
		bank.ServeHTTP(answer, order)
		fmt.Println(answer.Code, answer.Body)
	}
	// Output:
	// 200 sealed by PSDLT-BL-LB000468
	// 401 {"tppMessages":[{"category":"ERROR","code":"SIGNATURE_INVALID","text":"seal has been used before"}]}
}
