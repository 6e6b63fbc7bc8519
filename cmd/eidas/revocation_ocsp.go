package main

import (
	"context"
	"flag"
	"time"

	"github.com/seed-b953571c/eidas/revocation"
)

func revocationOCSPCommand() *command {
	return &command{
		name:    "revocation ocsp",
		usage:   "--response FILE --certificate FILE --issuer FILE [flags]",
		summary: "judge a certificate by an OCSP response that is at hand",
		about: `
Verifies an OCSP response (RFC 6960, RFC 9919) about a certificate: who signed it,
with what right, about what, and when. Nothing is fetched. Files are DER, PEM or
base64. That the issuer signed the certificate is checked, and that it leads to
--anchor when that is given.

Without --max-age an answer counts until its nextUpdate, and one without
nextUpdate for ten minutes.
` + revocationJSON,
		exits: revocationExits,
		examples: []string{
			"eidas revocation ocsp --response answer.der --certificate qwac.pem --issuer ca.pem",
			"eidas revocation ocsp --response old.ors --certificate ee.pem --issuer ca.pem --at 1355875200 --allow-sha1 --max-age none --json",
		},
		define: func(fs *flag.FlagSet) action {
			o := &ocspFlags{}
			o.define(fs)
			return func(_ context.Context, e *env, operands []string) (int, error) {
				if len(operands) > 0 {
					return 0, usagef("unexpected argument %q", operands[0])
				}
				return e.revocationOCSP(o)
			}
		},
	}
}

// ocspFlags are the flags of "revocation ocsp".
type ocspFlags struct {
	statusFlags
	response   fileList
	responders fileList
}

func (o *ocspFlags) define(fs *flag.FlagSet) {
	o.statusFlags.define(fs)
	fs.Var(&o.response, "response", "`FILE` with the response")
	fs.Var(&o.responders, "responder", "`FILE` with responders that are trusted for the issuer, as a trusted list names them; may be repeated")
	fs.Var(&o.maxAge, "max-age", "the greatest `DURATION` since thisUpdate, such as 24h, or none to judge the past")
}

// policy is what is asked of the response.
func (o *ocspFlags) policy() revocation.OCSPPolicy {
	p := revocation.OCSPPolicy{AllowSHA1: o.allowSHA1, AllowAnyAge: o.maxAge.any}
	if age := o.maxAge.Duration; age > 0 {
		p.MaxAge, p.StrictMaxAge, p.NoNextUpdateAge = age, true, age
	}
	return p
}

func (e *env) revocationOCSP(o *ocspFlags) (int, error) {
	if len(o.response) != 1 {
		return 0, usagef("exactly one --response is needed")
	}
	if err := o.validate(); err != nil {
		return 0, err
	}
	raw, err := e.readOne(o.response[0], ocspInput())
	if err != nil {
		return 0, err
	}
	responders, err := e.readCertificates(o.responders)
	if refusal, err := refusalOf(err); err != nil || refusal != nil {
		return 0, inputError(refusal, err)
	}
	return e.revocationVerdict(&o.statusFlags, responders, func(s *pathSet, at time.Time) (revocation.Answer, error) {
		t := revocation.Target{Certificate: s.target, Issuer: s.issuer, Responders: responders}
		return revocation.VerifyOCSP(raw, t, at, o.policy())
	})
}
