package revocation

import (
	"crypto/x509"
	"errors"
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
// responders only, hard-fail.
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

	// AllowStale lets the last known "good" count until this long after its
	// thisUpdate when nobody gives a usable answer; it is then marked Stale. Zero
	// is never. DefaultMaxAge, 24 h, is as long as a provider may lawfully take
	// to publish a revocation. It does not help a certificate that was never seen
	// before, nor one that a responder does not know any more, nor ever one that
	// is revoked.
	AllowStale time.Duration
	// AllowStaleFor, if not nil, takes the place of AllowStale for a question,
	// by its use or by the roles of its certificate. It may give less than
	// AllowStale, not more. It is called concurrently.
	AllowStaleFor func(eidas.StatusQuery) time.Duration

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

func (cfg *Config) validate() error {
	if cfg.CacheEntries < 0 || cfg.CRLBytes < 0 {
		return errors.New("revocation: CacheEntries or CRLBytes is negative")
	}
	if cfg.Budget < 0 || cfg.CRLTimeout < 0 || cfg.Hedge < 0 || cfg.AllowStale < 0 {
		return errors.New("revocation: Budget, CRLTimeout, Hedge or AllowStale is negative")
	}
	if cfg.AllowStaleFor != nil && cfg.AllowStale == 0 {
		return errors.New("revocation: AllowStaleFor without AllowStale")
	}
	if len(cfg.OCSP.Nonce) > 0 {
		return errors.New("revocation: OCSP.Nonce is for VerifyOCSP alone")
	}
	return errors.Join(cfg.OCSP.validate(), cfg.CRL.validate())
}
