package revocation

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/netip"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"golang.org/x/sync/singleflight"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/internal/fetch"
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
	// CacheEntries bounds the answers that are kept; zero: DefaultCacheEntries.
	CacheEntries int

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

// Checker asks OCSP responders. It implements eidas.StatusChecker, is safe for
// concurrent use and starts goroutines only for questions under way.
type Checker struct {
	budget  time.Duration
	ocsp    OCSPPolicy
	fetcher fetcher
	cache   answerCache
	hashes  hashMemo
	flights singleflight.Group
	slots   chan struct{}
	metrics *metrics
	log     *slog.Logger
}

var _ eidas.StatusChecker = (*Checker)(nil)

// fetcher makes outbound requests: internal/fetch.
type fetcher interface {
	Do(ctx context.Context, q fetch.Request) (*fetch.Response, error)
}

// New returns a Checker, or an error that names the field which is no use.
func New(cfg Config) (*Checker, error) {
	if cfg.Budget < 0 || cfg.CacheEntries < 0 {
		return nil, errors.New("revocation: Budget or CacheEntries is negative")
	}
	if len(cfg.OCSP.Nonce) > 0 {
		return nil, errors.New("revocation: OCSP.Nonce is for VerifyOCSP alone")
	}
	if err := cfg.OCSP.validate(); err != nil {
		return nil, err
	}
	budget := orDefault(cfg.Budget, DefaultBudget)
	client, err := fetch.New(fetch.Config{
		AllowPrivate:  cfg.AllowPrivate,
		AllowAnyPort:  cfg.AllowAnyPort,
		Proxy:         cfg.Proxy,
		RootCAs:       cfg.RootCAs,
		Timeout:       budget,
		DialTimeout:   orDefault(cfg.DialTimeout, DefaultDialTimeout),
		HeaderTimeout: orDefault(cfg.HeaderTimeout, DefaultHeaderTimeout),
		UserAgent:     cfg.UserAgent,
	})
	if err != nil {
		return nil, fmt.Errorf("revocation: %w", err)
	}
	return newChecker(cfg, client)
}

func newChecker(cfg Config, f fetcher) (*Checker, error) {
	c := &Checker{
		budget:  orDefault(cfg.Budget, DefaultBudget),
		ocsp:    cfg.OCSP.withDefaults(),
		fetcher: f,
		slots:   make(chan struct{}, maxQuestions),
		metrics: newMetrics(),
		log:     cfg.Logger,
	}
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	entries := cfg.CacheEntries
	if entries == 0 {
		entries = DefaultCacheEntries
	}
	memory := newMemoryCache(entries, c.metrics.evictions.Inc)
	c.cache = memory
	if err := c.metrics.register(cfg.Registerer, memory.len); err != nil {
		return nil, fmt.Errorf("revocation: %w", err)
	}
	return c, nil
}

// CheckStatus answers from what is known if that still counts, else by asking
// the responders that the certificate names. The caller must have proved that
// q.Issuer signed q.Certificate and that its path ends in a trust anchor:
// the URLs are followed on that ground (rule Q3). A zero q.At means now.
//
// It returns within Config.Budget. A question goes on when its caller gives
// up, so that the answer is there for the next one; equal questions are asked
// once. Errors are *eidas.Error, see VerifyOCSP.
func (c *Checker) CheckStatus(ctx context.Context, q eidas.StatusQuery) (eidas.StatusAnswer, error) {
	t := Target{Certificate: q.Certificate, Issuer: q.Issuer, Responders: q.Responders}
	if err := t.check(); err != nil {
		return eidas.StatusAnswer{}, err
	}
	at := q.At
	if at.IsZero() {
		at = time.Now()
	}
	key := newCacheKey(t)
	known, due := c.known(key, t, at)
	if known != nil && !due {
		c.metrics.hit(known.answer.Status)
		return known.answer, nil
	}
	a, err := c.ask(ctx, key, t, at)
	if err != nil && known != nil && eidas.ReasonOf(err) != eidas.ReasonRevocationUnknown {
		// Due for renewal, which failed; it still holds. A responder that now
		// says "unknown" has taken it back (rule P3).
		a, err = known.answer, nil
	}
	c.metrics.checked(a, err)
	return a, err
}

// known returns the kept answer that holds at a time, nil for none, and whether
// it is due for renewal.
func (c *Checker) known(key cacheKey, t Target, at time.Time) (e *entry, due bool) {
	e = c.cache.Get(key)
	if e == nil || !e.counts(at, c.ocsp.Skew, t.Responders) {
		return nil, false
	}
	return e, !e.final() && at.After(e.renewAfter)
}

// flightKey makes questions one flight that are about one certificate and about
// the same few minutes: an answer for the past may not hold now, and the other
// way round.
func flightKey(key cacheKey, at time.Time) string {
	const minutes = 300
	return string(key[:]) + strconv.FormatInt(at.Unix()/minutes, 10)
}

// ask gets a new answer within the budget.
func (c *Checker) ask(ctx context.Context, key cacheKey, t Target, at time.Time) (eidas.StatusAnswer, error) {
	exempt, err := notOwed(t.Certificate)
	if err != nil {
		return eidas.StatusAnswer{}, err
	}
	if exempt {
		return eidas.StatusAnswer{Status: eidas.StatusNotOwed, Source: "none", FreshUntil: t.Certificate.NotAfter}, nil
	}
	ctx, cancel := context.WithTimeout(ctx, c.budget)
	defer cancel()
	done := c.flights.DoChan(flightKey(key, at), func() (any, error) {
		// Another flight may have ended since the cache was looked at.
		if e, due := c.known(key, t, at); e != nil && !due {
			return e, nil
		}
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.budget)
		defer cancel()
		return c.resolve(ctx, key, t, at)
	})
	select {
	case r := <-done:
		e, ok := r.Val.(*entry)
		if r.Err != nil || !ok {
			return eidas.StatusAnswer{}, r.Err
		}
		// The question may have been another caller's.
		if !e.counts(at, c.ocsp.Skew, t.Responders) {
			return eidas.StatusAnswer{}, invalid(RuleP8, "answer does not hold at %s", at)
		}
		return e.answer, nil
	case <-ctx.Done():
		return eidas.StatusAnswer{}, refuse(eidas.ReasonRevocationUnavailable, RuleQ2, ctx.Err())
	}
}

// resolve asks one responder after the other until one answers, and keeps the
// answer.
func (c *Checker) resolve(ctx context.Context, key cacheKey, t Target, at time.Time) (*entry, error) {
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		return nil, refuse(eidas.ReasonRevocationUnavailable, RuleQ2, ctx.Err())
	}
	urls := responderURLs(t.Certificate)
	if len(urls) == 0 {
		return nil, refuse(eidas.ReasonRevocationUnknown, RuleB4, errors.New("certificate names no responder"))
	}
	var last error
	for _, u := range urls {
		a, err := c.askResponder(ctx, u, t, at)
		if err == nil {
			return c.keep(ctx, key, newEntry(a, t.Certificate)), nil
		}
		c.log.WarnContext(ctx, "revocation: responder gave no usable answer", "host", u.Host, "error", err)
		// The most telling failure is reported: an authentic "unknown" before
		// an unfit answer before silence.
		if last == nil || rank(err) > rank(last) {
			last = err
		}
	}
	return nil, last
}

func rank(err error) int {
	reasons := [...]eidas.Reason{eidas.ReasonRevocationUnavailable, eidas.ReasonRevocationInvalid, eidas.ReasonRevocationUnknown}
	return slices.Index(reasons[:], eidas.ReasonOf(err))
}

// keep stores a verified answer and returns the one that counts.
func (c *Checker) keep(ctx context.Context, key cacheKey, e *entry) *entry {
	counts := c.cache.Set(key, e, time.Now())
	if counts != e {
		c.metrics.conflicts.Inc()
		c.log.WarnContext(ctx, "revocation: answer is older than what is known",
			"status", e.answer.Status.String(), "known", counts.answer.Status.String())
	}
	return counts
}

// fetch makes a request and measures it.
func (c *Checker) fetch(ctx context.Context, q fetch.Request) (*fetch.Response, error) {
	start := time.Now()
	resp, err := c.fetcher.Do(ctx, q)
	c.metrics.fetched(time.Since(start), err)
	return resp, err
}

// responderURLs are the URLs of a certificate's OCSP responders that can be
// asked, in order, each once.
func responderURLs(cert *x509.Certificate) []*url.URL {
	var list []*url.URL
	seen := make(map[string]bool)
	for _, raw := range cert.OCSPServer {
		u, err := url.Parse(raw)
		if err != nil || u.Scheme != "http" && u.Scheme != "https" || seen[u.String()] {
			continue
		}
		seen[u.String()] = true
		u.Fragment = ""
		if list = append(list, u); len(list) == maxResponders {
			break
		}
	}
	return list
}
