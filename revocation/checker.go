package revocation

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sync/singleflight"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/internal/fetch"
)

// Checker asks OCSP responders. It implements eidas.StatusChecker, is safe for
// concurrent use and starts goroutines only for questions under way.
type Checker struct {
	budget     time.Duration
	hedge      time.Duration
	crlTimeout time.Duration
	ocsp       OCSPPolicy
	crl        CRLPolicy
	// rejectUnchecked is OCSPPolicy.RejectUncheckedDelegate: judged here, where
	// the delegate's CRL can be had.
	rejectUnchecked bool
	allowStale      time.Duration
	allowStaleFor   func(eidas.StatusQuery) time.Duration

	fetcher    fetcher
	crlFetcher fetcher
	breaker    breaker
	cache      answerCache
	crls       *crlStore
	hashes     hashMemo
	flights    singleflight.Group
	downloads  singleflight.Group
	slots      chan struct{}
	crlSlots   chan struct{}
	metrics    *metrics
	log        *slog.Logger
}

var _ eidas.StatusChecker = (*Checker)(nil)

// fetcher makes outbound requests: internal/fetch.
type fetcher interface {
	Do(ctx context.Context, q fetch.Request) (*fetch.Response, error)
}

// New returns a Checker, or an error that names the field which is no use.
func New(cfg Config) (*Checker, error) {
	if err := cfg.validate(); err != nil {
		return nil, err
	}
	limits := fetch.Config{
		AllowPrivate:  cfg.AllowPrivate,
		AllowAnyPort:  cfg.AllowAnyPort,
		Proxy:         cfg.Proxy,
		RootCAs:       cfg.RootCAs,
		Timeout:       orDefault(cfg.Budget, DefaultBudget),
		DialTimeout:   orDefault(cfg.DialTimeout, DefaultDialTimeout),
		HeaderTimeout: orDefault(cfg.HeaderTimeout, DefaultHeaderTimeout),
		UserAgent:     cfg.UserAgent,
	}
	responders, err := fetch.New(limits)
	if err != nil {
		return nil, fmt.Errorf("revocation: %w", err)
	}
	// A CRL may take its time: nobody waits for the whole of it.
	limits.Timeout = orDefault(cfg.CRLTimeout, DefaultCRLTimeout)
	limits.HeaderTimeout = limits.Timeout
	limits.MaxRedirects = maxCRLRedirects
	lists, err := fetch.New(limits)
	if err != nil {
		return nil, fmt.Errorf("revocation: %w", err)
	}
	return newChecker(cfg, responders, lists)
}

func newChecker(cfg Config, responders, lists fetcher) (*Checker, error) {
	m := newMetrics()
	memory := newMemoryCache(orDefault(cfg.CacheEntries, DefaultCacheEntries), m.evictions.Inc)
	c := &Checker{
		budget:          orDefault(cfg.Budget, DefaultBudget),
		hedge:           orDefault(cfg.Hedge, DefaultHedge),
		crlTimeout:      orDefault(cfg.CRLTimeout, DefaultCRLTimeout),
		ocsp:            cfg.OCSP.withDefaults(),
		crl:             cfg.CRL.withDefaults(),
		rejectUnchecked: cfg.OCSP.RejectUncheckedDelegate,
		allowStale:      cfg.AllowStale,
		allowStaleFor:   cfg.AllowStaleFor,
		fetcher:         responders,
		crlFetcher:      lists,
		cache:           memory,
		crls:            newCRLStore(orDefault(cfg.CRLBytes, DefaultCRLBytes), m.evictions.Inc),
		slots:           make(chan struct{}, maxQuestions),
		crlSlots:        make(chan struct{}, maxCRLDownloads),
		metrics:         m,
		log:             cfg.Logger,
	}
	c.ocsp.RejectUncheckedDelegate = false
	if c.log == nil {
		c.log = slog.New(slog.DiscardHandler)
	}
	if err := m.register(cfg.Registerer, memory.len, c.crls.bytes); err != nil {
		return nil, fmt.Errorf("revocation: %w", err)
	}
	return c, nil
}

// CheckStatus answers from what is known if that still counts, else by asking
// the responders that the certificate names, else by its CRLs. The caller must
// have proved that q.Issuer signed q.Certificate and that its path ends in a
// trust anchor: the URLs are followed on that ground (rule Q3). A zero q.At
// means now.
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
	if known != nil && c.use(ctx, known, key, askedAt{t, at, due}) {
		return known.answer, nil
	}
	a, err := c.ask(ctx, key, t, at)
	// "Unknown" takes back an older "good" (rule P3): nothing stands in for it.
	if err != nil && eidas.ReasonOf(err) != eidas.ReasonRevocationUnknown {
		if known != nil {
			a, err = known.answer, nil // due for renewal, which failed; it still holds
		} else if stale := c.lastKnown(q, key, at); stale != nil {
			c.metrics.stale.Inc()
			c.log.WarnContext(ctx, "revocation: last known good answer used", "thisUpdate", stale.ThisUpdate, "error", err)
			a, err = *stale, nil
		}
	}
	c.metrics.checked(a, err)
	return a, err
}

// askedAt is a question with its time; due says that the known answer to it is
// due for renewal.
type askedAt struct {
	Target
	at  time.Time
	due bool
}

// use decides whether a known answer is given without asking again, and begins
// its renewal when it has been in use for a while.
func (c *Checker) use(ctx context.Context, known *entry, key cacheKey, q askedAt) bool {
	if !q.due && !known.wantsRenewal(key, q.at) {
		c.metrics.hit(known.answer.Status)
		return true
	}
	may := known.mayRenew(q.at, c.pause(renewalPause))
	if q.due && may {
		return false
	}
	// Not due yet; or tried a moment ago, in vain, and nobody waits for it again.
	if may {
		c.renew(ctx, key, q.Target, q.at)
	}
	c.metrics.hit(known.answer.Status)
	return true
}

// staleHold is how long a decision may rest on a stale answer before somebody
// is asked again.
const staleHold = 30 * time.Second

// lastKnown returns the last known good answer if AllowStale lets it count, nil
// otherwise.
func (c *Checker) lastKnown(q eidas.StatusQuery, key cacheKey, at time.Time) *eidas.StatusAnswer {
	allowed := c.allowStale
	if c.allowStaleFor != nil {
		allowed = min(allowed, c.allowStaleFor(q))
	}
	e := c.cache.Get(key)
	if allowed <= 0 || e == nil || e.answer.Status != eidas.StatusGood || !e.trusted(q.Responders) {
		return nil
	}
	// From thisUpdate, not from when it was fetched: that is when it was true.
	end := e.answer.ThisUpdate.Add(allowed)
	if at.Before(e.answer.ThisUpdate) || at.After(end) {
		return nil
	}
	a := e.answer
	a.Stale, a.FreshUntil = true, earliest(end, at.Add(staleHold))
	return &a
}

// renew asks again in the background, so that the next one does not wait.
func (c *Checker) renew(ctx context.Context, key cacheKey, t Target, at time.Time) {
	c.flights.DoChan(flightKey(key, at), func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.budget)
		defer cancel()
		return c.resolve(ctx, key, t, at)
	})
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

// resolve asks whom the certificate names, and keeps the answer.
func (c *Checker) resolve(ctx context.Context, key cacheKey, t Target, at time.Time) (*entry, error) {
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		return nil, refuse(eidas.ReasonRevocationUnavailable, RuleQ2, ctx.Err())
	}
	sources, err := c.sources(t, at)
	if err != nil {
		return nil, err
	}
	if len(sources) == 0 {
		return nil, refuse(eidas.ReasonRevocationUnknown, RuleB4, errors.New("certificate names nobody who can be asked"))
	}
	a, err := c.race(ctx, sources)
	if err != nil {
		if eidas.ReasonOf(err) == eidas.ReasonRevocationUnknown {
			c.cache.Drop(key) // an authentic answer has taken back what was known
		}
		return nil, err
	}
	if !a.RenewAfter.After(at) {
		// Nothing newer is to be had: a responder may sign once a week.
		a.RenewAfter = earliest(a.FreshUntil, at.Add(c.pause(renewalRest)))
	}
	return c.keep(ctx, key, newEntry(a, t.Certificate, c.allowStale)), nil
}

// pause shortens a pause for those who want answers renewed more often.
func (c *Checker) pause(d time.Duration) time.Duration { return min(d, c.ocsp.MaxAge) }

// sources are the responders of a certificate and then its CRLs (RFC 9919, 4.1).
func (c *Checker) sources(t Target, at time.Time) ([]source, error) {
	var list []source
	for _, u := range responderURLs(t.Certificate) {
		list = append(list, source{u.Host, func(ctx context.Context) (Answer, error) {
			return c.askResponder(ctx, u, t, at)
		}})
	}
	points, err := pointsOf(t.Certificate)
	if err != nil {
		return nil, err
	}
	if hasCRL(points) {
		list = append(list, source{"crl", func(ctx context.Context) (Answer, error) {
			return c.askCRLs(ctx, t, at)
		}})
	}
	return list, nil
}

func rank(err error) int {
	reasons := [...]eidas.Reason{eidas.ReasonRevocationUnavailable, eidas.ReasonRevocationInvalid, eidas.ReasonRevocationUnknown}
	return slices.Index(reasons[:], eidas.ReasonOf(err))
}

// keep stores a verified answer and returns the one that counts.
func (c *Checker) keep(ctx context.Context, key cacheKey, e *entry) *entry {
	counts := c.cache.Set(key, e, time.Now())
	if counts != e {
		c.conflict(ctx, "answer is older than what is known", e.answer.Status.String()+" after "+counts.answer.Status.String())
	}
	return counts
}

// conflict notes that something new was not believed.
func (c *Checker) conflict(ctx context.Context, what, which string) {
	c.metrics.conflicts.Inc()
	c.log.WarnContext(ctx, "revocation: "+what, "which", which)
}

// fetch makes a request, unless its host is given a rest, and measures it. It
// returns the time at which it ended.
func (c *Checker) fetch(ctx context.Context, f fetcher, q fetch.Request) (*fetch.Response, time.Time, error) {
	start := time.Now()
	u, err := url.Parse(q.URL)
	if err != nil {
		return nil, start, refuse(eidas.ReasonRevocationUnavailable, RuleQ2, err)
	}
	if !c.breaker.allow(u.Host, start) {
		return nil, start, refuse(eidas.ReasonRevocationUnavailable, RuleQ2, errResting)
	}
	resp, err := f.Do(ctx, q)
	now := time.Now()
	c.metrics.fetched(now.Sub(start), err)
	if c.breaker.report(u.Host, err, now) {
		c.metrics.trips.Inc()
		c.log.WarnContext(ctx, "revocation: host is given a rest", "host", u.Host, "error", err)
	}
	return resp, now, err
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
