package main

import (
	"context"
	"flag"
	"time"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/revocation"
)

func revocationCRLCommand() *command {
	return &command{
		name:    "revocation crl",
		usage:   "--crl FILE… --certificate FILE --issuer FILE [flags]",
		summary: "judge a certificate by CRLs that are at hand",
		about: `
Judges one certificate by CRLs after RFC 5280, 6.3.3: complete, delta, indirect
and partitioned ones. Nothing is fetched. Files are DER, PEM or base64; --crl takes
several, and several CRLs in a file. That the issuer signed the certificate is
checked, and that it leads to --anchor when that is given.

A CRL that the issuer did not sign itself counts when the certificate of its signer
is in one of the files of --issuer, --anchor or --certificate, was issued below the
anchor, and is good by the CRLs given. The CAs above the certificate are judged by
running the command for each.
` + revocationJSON,
		exits: revocationExits,
		examples: []string{
			"eidas revocation crl --crl ca.crl --certificate qwac.pem --issuer ca.pem",
			"eidas revocation crl --crl base.crl delta.crl --certificate qwac.pem --issuer ca.pem --anchor root.pem --at 2026-11-22 --json",
		},
		define: func(fs *flag.FlagSet) action {
			c := &crlFlags{}
			c.define(fs)
			return func(_ context.Context, e *env, operands []string) (int, error) {
				if len(c.crls) == 0 {
					return 0, usagef("--crl is missing")
				}
				// "--crl A B C": what follows the first are operands to the flag package.
				c.crls = append(c.crls, operands...)
				return e.revocationCRL(c)
			}
		},
	}
}

// crlFlags are the flags of "revocation crl".
type crlFlags struct {
	statusFlags
	crls fileList
}

func (c *crlFlags) define(fs *flag.FlagSet) {
	c.statusFlags.define(fs)
	fs.Var(&c.crls, "crl", "`FILE` with a CRL or several; more files may follow, and it may be repeated")
	fs.Var(&c.maxAge, "max-age", "the greatest `DURATION` since thisUpdate of a CRL without nextUpdate, or none to judge the past with any CRL (default 1d)")
}

func (e *env) revocationCRL(c *crlFlags) (int, error) {
	if err := c.validate(); err != nil {
		return 0, err
	}
	lists, bad, err := e.readCRLs(c.crls)
	if err != nil {
		return 0, err
	}
	policy := revocation.CRLPolicy{AllowSHA1: c.allowSHA1, AllowAnyAge: c.maxAge.any, MaxAge: c.maxAge.Duration}
	return e.revocationVerdict(&c.statusFlags, nil, func(s *pathSet, at time.Time) (revocation.Answer, error) {
		set := revocation.CRLSet{CRLs: lists, Chain: s.chain, Certificates: s.all}
		t := revocation.Target{Certificate: s.target, Issuer: s.issuer}
		a, err := revocation.VerifyCRL(set, t, at, policy)
		if err != nil && bad != nil && revocation.RuleOf(err) == revocation.RuleC2 {
			return a, bad // there may be no CRL of the issuer because it could not be read
		}
		return a, err
	})
}

// readCRLs reads CRLs. One that cannot be parsed is of no use, which bad tells;
// the others still are (RFC 5280, 5.2).
func (e *env) readCRLs(files []string) (lists []*revocation.CRL, bad, err error) {
	for _, name := range files {
		ders, err := e.readBlocks(name, crlInput())
		if err != nil {
			return nil, nil, err
		}
		for _, der := range ders {
			list, err := revocation.ParseCRL(der)
			if err == nil {
				lists = append(lists, list)
			} else if bad == nil {
				bad = err
			}
		}
	}
	return lists, bad, nil
}

// inputError is the error of a file that belongs to the question, not to the
// certificate that is judged.
func inputError(refusal *eidas.Error, err error) error {
	if refusal != nil {
		return refusal.Err
	}
	return err
}
