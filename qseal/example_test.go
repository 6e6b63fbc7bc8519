package qseal_test

import (
	"context"
	"fmt"
	"log"

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
