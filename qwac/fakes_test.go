package qwac_test

import (
	"context"
	"crypto"
	"crypto/x509"
	"encoding/asn1"
	"time"

	"github.com/seed-b953571c/eidas"
)

type (
	oid    = asn1.ObjectIdentifier
	signer = crypto.Signer
)

// validatorFunc is a Validator that says the same of everybody.
type validatorFunc func() (*eidas.Result, error)

func (f validatorFunc) Validate(context.Context, []*x509.Certificate, eidas.Use, time.Time) (*eidas.Result, error) {
	return f()
}

// timeOf is a Validator that notes when it judges.
type timeOf struct{ at *time.Time }

func (v timeOf) Validate(_ context.Context, _ []*x509.Certificate, _ eidas.Use, at time.Time) (*eidas.Result, error) {
	*v.at = at
	return &eidas.Result{ValidUntil: at}, nil
}
