package revocation

import (
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"net/url"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/seed-b953571c/eidas"
)

// The defaults of Config.
const (
	// DefaultBudget is what a TLS handshake waits for a status at most.
	DefaultBudget        = 1500 * time.Millisecond
	DefaultDialTimeout   = 300 * time.Millisecond
	DefaultHeaderTimeout = 700 * time.Millisecond

	// maxResponders bounds the URLs of one certificate that are asked; real
	// certificates have one or two.
	maxResponders = 4
	// maxQuestions bounds the questions under way at once. Each is about
	// another certificate under a trust anchor; more wait within their budget.
	maxQuestions = 256
)

// Config configures a Checker. The zero value is the strict default: public
// responders only, hard-fail. [DefaultConfig] is what a bank starts from.
type Config struct {
	// Budget is the time of one CheckStatus, whatever its context allows; zero:
	// DefaultBudget.
	Budget time.Duration
	// OCSP says what is asked of responses. Nonce must be empty.
	OCSP OCSPPolicy
	// CRL says what is asked of CRLs, which are consulted when no responder has
	// given a usable answer.
	CRL CRLPolicy
	// CacheEntries bounds the answers that are kept; zero: DefaultCacheEntries.
	CacheEntries int
	// CRLBytes bounds the CRLs that are kept; zero: DefaultCRLBytes.
	CRLBytes int64
	// CRLTimeout is the time of one CRL download, which goes on beyond Budget;
	// zero: DefaultCRLTimeout.
	CRLTimeout time.Duration
	// Hedge is how long a source is waited for before the next is asked as well;
	// zero: DefaultHedge.
	Hedge time.Duration
	// NegativeTTL is the longest time for which a question that has failed is not
	// asked again; zero: DefaultNegativeTTL.
	NegativeTTL time.Duration
	// BreakerFailures in a row give a host a rest of BreakerRest, and of up to
	// ten times that when it goes on failing; zero: DefaultBreakerFailures,
	// DefaultBreakerRest.
	BreakerFailures int
	BreakerRest     time.Duration
	// OCSPLimit and CRLLimit are the sizes in bytes of the largest OCSP response
	// and CRL that are read; zero: MaxOCSPSize and MaxCRLSize, which are also the
	// most: many times the largest real ones.
	OCSPLimit int64
	CRLLimit  int64
	// SHA1CertID asks with the SHA-1 of issuer and key first, for responders that
	// are known to be old. Without it SHA-256 is asked first, as RFC 9919, 3.1.1,
	// wants, and what each responder takes is learned. It weakens nothing: the
	// answer names the same issuer.
	SHA1CertID bool
	// RequireNonce, if not nil, names the hosts that are sent a nonce, and whose
	// answers without it are refused. Nil is none, since a nonce keeps answers
	// out of the responder's caches (RFC 9919, 5). It is called concurrently.
	RequireNonce func(host string) bool
	// RejectListedResponders takes no responder at its word because a trusted list
	// names it; only the issuer and its delegates then count. Some providers sign
	// with such a responder only (RFC 6960, 4.2.2.2, first case).
	RejectListedResponders bool
	// RejectOCSP asks no responder, and RejectCRL fetches no CRL: for finding out
	// what one of them says. A staple is still looked at.
	RejectOCSP bool
	RejectCRL  bool
	// RejectCRLRedirects follows no redirect of a CRL; without it two, which
	// content networks need. Responders are never followed anywhere.
	RejectCRLRedirects bool

	// AllowStale and AllowUnavailable are the fields of Leniency, for every
	// question; zero is never.
	AllowStale       time.Duration
	AllowUnavailable bool
	// AllowFor, if not nil, says what is allowed for a question, by its Use and
	// Roles or by its certificate. It may give less than AllowStale and
	// AllowUnavailable, not more. It is called concurrently.
	AllowFor func(eidas.StatusQuery) Leniency

	// Store keeps what was verified beyond the life of the process; nil: nothing
	// is kept. Run follows it.
	Store Store
	// StoreTimeout is what a question waits for it; zero: DefaultStoreTimeout.
	StoreTimeout time.Duration

	// AllowPrivate are address ranges of internal responders, which may be
	// reached though they are not public; nil: none.
	AllowPrivate []netip.Prefix
	// AllowAnyPort lets responders use other ports than 80 and 443.
	AllowAnyPort bool
	// Proxy takes every request; nil: none, and the environment is not looked
	// at. The proxy must then keep names from resolving to internal addresses.
	Proxy *url.URL
	// RootCAs are for responders at https URLs; nil: those of the system.
	RootCAs       *x509.CertPool
	DialTimeout   time.Duration // of one connection; zero: DefaultDialTimeout
	HeaderTimeout time.Duration // from request to first byte; zero: DefaultHeaderTimeout
	UserAgent     string        // empty: that of internal/fetch

	Logger     *slog.Logger          // nil: off
	Registerer prometheus.Registerer // nil: off
}

// DefaultConfig is the zero Config with the failure policy of a bank: the last
// known good answer counts for the 24 hours within which a provider must publish
// a revocation (ETSI EN 319 411-1, 6.2.4), so that a responder that is down for
// less does not keep known TPPs out.
func DefaultConfig() Config { return Config{AllowStale: DefaultMaxAge} }

func (cfg *Config) validate() error {
	for name, v := range map[string]int64{
		"CacheEntries": int64(cfg.CacheEntries), "CRLBytes": cfg.CRLBytes, "Budget": int64(cfg.Budget),
		"CRLTimeout": int64(cfg.CRLTimeout), "Hedge": int64(cfg.Hedge), "NegativeTTL": int64(cfg.NegativeTTL),
		"BreakerFailures": int64(cfg.BreakerFailures), "BreakerRest": int64(cfg.BreakerRest), "OCSPLimit": cfg.OCSPLimit,
		"CRLLimit": cfg.CRLLimit, "AllowStale": int64(cfg.AllowStale), "StoreTimeout": int64(cfg.StoreTimeout),
	} {
		if v < 0 {
			return fmt.Errorf("revocation: Config.%s is negative", name)
		}
	}
	switch {
	case cfg.OCSPLimit > MaxOCSPSize || cfg.CRLLimit > MaxCRLSize:
		return fmt.Errorf("revocation: Config.OCSPLimit exceeds %d or CRLLimit %d", MaxOCSPSize, MaxCRLSize)
	case cfg.RejectOCSP && cfg.RejectCRL:
		return errors.New("revocation: Config.RejectOCSP and RejectCRL leave nobody to ask")
	case cfg.AllowFor != nil && cfg.AllowStale == 0 && !cfg.AllowUnavailable:
		return errors.New("revocation: Config.AllowFor without AllowStale or AllowUnavailable")
	case cfg.StoreTimeout != 0 && cfg.Store == nil:
		return errors.New("revocation: Config.StoreTimeout without Store")
	case len(cfg.OCSP.Nonce) > 0:
		return errors.New("revocation: Config.OCSP.Nonce is for VerifyOCSP alone")
	}
	return errors.Join(cfg.OCSP.validate(), cfg.CRL.validate())
}
