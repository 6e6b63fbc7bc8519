package main

import (
	"flag"
	"net/netip"
	"net/url"
	"time"

	"github.com/seed-b953571c/eidas/revocation"
)

// revocationFlags say how to ask whether a certificate is revoked.
type revocationFlags struct {
	revocation string
	private    listFlag
	anyPort    bool
	proxy      string
	timeout    time.Duration
}

// verifyTimeout is what a person waits for; a server would not.
const verifyTimeout = 10 * time.Second

func (r *revocationFlags) defineRevocation(fs *flag.FlagSet) {
	fs.StringVar(&r.revocation, "revocation", "auto", "`HOW` to ask whether it is revoked: ocsp, crl, auto (OCSP, and CRLs when no responder has a usable answer) or off")
	fs.Var(&r.private, "revocation-allow-private", "addresses `CIDR`,… of responders and CRLs that are not public")
	fs.BoolVar(&r.anyPort, "revocation-allow-any-port", false, "let responders and CRLs use other ports than 80 and 443")
	fs.StringVar(&r.proxy, "revocation-proxy", "", "`URL` of a proxy for requests to responders and for CRLs")
	fs.DurationVar(&r.timeout, "timeout", verifyTimeout, "the `DURATION` within which the verdict must be reached")
}

// checker asks the responders, or fetches the CRLs, that the certificates name;
// nil when nobody is to be asked. An error is one of usage.
func (r *revocationFlags) checker() (*revocation.Checker, error) {
	if r.timeout <= 0 {
		return nil, usagef("--timeout %s is not positive", r.timeout)
	}
	switch r.revocation {
	case "off":
		if len(r.private) > 0 || r.anyPort || r.proxy != "" {
			return nil, usagef("--revocation off excludes the other --revocation flags")
		}
		return nil, nil
	case "auto", "ocsp", "crl":
	default:
		return nil, usagef("--revocation %q is none of ocsp, crl, auto and off", r.revocation)
	}
	c := revocation.Config{
		Budget: r.timeout, DialTimeout: r.timeout, HeaderTimeout: r.timeout, AllowAnyPort: r.anyPort,
		RejectOCSP: r.revocation == "crl", RejectCRL: r.revocation == "ocsp",
	}
	for _, s := range r.private {
		prefix, err := netip.ParsePrefix(s)
		if err != nil {
			return nil, usagef("--revocation-allow-private: %w", err)
		}
		c.AllowPrivate = append(c.AllowPrivate, prefix)
	}
	if r.proxy != "" {
		u, err := url.Parse(r.proxy)
		if err != nil {
			return nil, usagef("--revocation-proxy: %w", err)
		}
		c.Proxy = u
	}
	checker, err := revocation.New(c)
	if err != nil {
		return nil, usageError{err}
	}
	return checker, nil
}
