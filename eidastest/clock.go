package eidastest

import (
	"context"
	"crypto/x509"
	"time"

	"github.com/seed-b953571c/eidas"
)

// Clocked is a validator that judges at the world's time, whatever time it is
// asked for. Given to a server under test, SetNow moves that server through the
// years without waiting. It fits qwac.Config.Validator and is safe for
// concurrent use.
type Clocked struct {
	world     *World
	validator *eidas.Validator
}

// Clocked returns v at the world's time.
func (w *World) Clocked(v *eidas.Validator) *Clocked { return &Clocked{w, v} }

// Validate is that of the validator, at the world's time.
func (c *Clocked) Validate(ctx context.Context, peer []*x509.Certificate, use eidas.Use, _ time.Time) (*eidas.Result, error) {
	return c.validator.Validate(ctx, peer, use, c.world.Now())
}

// Recheck is that of the validator, at the world's time.
func (c *Clocked) Recheck(prev *eidas.Result, _ time.Time) (*eidas.Result, bool) {
	return c.validator.Recheck(prev, c.world.Now())
}
