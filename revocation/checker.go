package revocation

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"slices"
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
	rejectListed    bool
	rejectOCSP      bool
	rejectCRL       bool
	requireNonce    func(string) bool
	ocspLimit       int64
	crlLimit        int64
	storeTimeout    time.Duration
	allowStale      time.Duration // how long a good answer may be of use
	leniency        Leniency      // allowStale again, and the rest
	leniencyFor     func(eidas.StatusQuery) Leniency

	fetcher    fetcher
	crlFetcher fetcher
	breaker    breaker
	failures   failures
	store      Store
	cache      answerCache
	crls       *crlStore
	hashes     hashMemo
	flights    singleflight.Group
	downloads  singleflight.Group
	slots      chan struct{}
	crlSlots   chan struct{}
	saves      chan struct{}
	unsaved    unsaved
	inUse      inUse
	metrics    *metrics
	log        *slog.Logger
}

var (
	_ eidas.StatusChecker = (*Checker)(nil)
	_ eidas.StatusMemory  = (*Checker)(nil)
)

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
	if !cfg.RejectCRLRedirects {
		limits.MaxRedirects = maxCRLRedirects
	}
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
		rejectListed:    cfg.RejectListedResponders,
		rejectOCSP:      cfg.RejectOCSP,
		rejectCRL:       cfg.RejectCRL,
		requireNonce:    cfg.RequireNonce,
		allowStale:      cfg.AllowStale,
		leniency:        Leniency{AllowStale: cfg.AllowStale, AllowUnavailable: cfg.AllowUnavailable},
		leniencyFor:     cfg.AllowFor,
		ocspLimit:       orDefault(cfg.OCSPLimit, MaxOCSPSize),
		crlLimit:        orDefault(cfg.CRLLimit, MaxCRLSize),
		fetcher:         responders,
		crlFetcher:      lists,
		breaker:         breaker{failures: orDefault(cfg.BreakerFailures, DefaultBreakerFailures), rest: orDefault(cfg.BreakerRest, DefaultBreakerRest)},
		failures:        failures{limit: orDefault(cfg.NegativeTTL, DefaultNegativeTTL)},
		store:           cfg.Store,
		storeTimeout:    orDefault(cfg.StoreTimeout, DefaultStoreTimeout),
		saves:           make(chan struct{}, maxSaves),
		cache:           memory,
		hashes:          hashMemo{first: cfg.SHA1CertID},
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

// CheckStatus answers from what is known if that still counts, else from the
// client's staple, else from the store, else by asking the responders that the
// certificate names, else by its CRLs. The caller must have proved that q.Issuer
// signed q.Certificate and that its path ends in a trust anchor: the URLs are
// followed on that ground (rule Q3). A zero q.At means now.
//
// It returns within Config.Budget. A question goes on when its caller gives
// up, so that the answer is there for the next one; equal questions are asked
// once. Errors are *eidas.Error, see VerifyOCSP.
func (c *Checker) CheckStatus(ctx context.Context, query eidas.StatusQuery) (eidas.StatusAnswer, error) {
	q := question{Target: Target{Certificate: query.Certificate, Issuer: query.Issuer, Responders: query.Responders}, at: query.At}
	if err := q.check(); err != nil {
		return eidas.StatusAnswer{}, err
	}
	c.complete(&q)
	known, due := c.known(q)
	if known != nil && known.doubted.Load() {
		known, due = c.reconsider(ctx, q)
	}
	if known != nil && c.use(ctx, known, q, due) {
		return known.answer, nil
	}
	if len(query.Staple) > 0 {
		if a, ok := c.takeStaple(ctx, q, query.Staple); ok {
			return a, nil
		}
	}
	a, err := c.ask(ctx, q)
	if err != nil {
		a, err = c.lenient(ctx, query, q, err)
	}
	c.metrics.checked(a, err)
	return a, err
}

// renew asks again in the background, so that the next one does not wait.
func (c *Checker) renew(ctx context.Context, q question) <-chan singleflight.Result {
	return c.flights.DoChan(flightKey(q.key, q.at), func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.budget)
		defer cancel()
		return c.resolve(ctx, q)
	})
}

// ask gets a new answer within the budget.
func (c *Checker) ask(ctx context.Context, q question) (eidas.StatusAnswer, error) {
	exempt, err := notOwed(q.Certificate)
	if err != nil {
		return eidas.StatusAnswer{}, err
	}
	if exempt {
		return answerNotOwed(q.Certificate), nil
	}
	ctx, cancel := context.WithTimeout(ctx, c.budget)
	defer cancel()
	done := c.flights.DoChan(flightKey(q.key, q.at), func() (any, error) {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), c.budget)
		defer cancel()
		return c.find(ctx, q)
	})
	select {
	case r := <-done:
		e, ok := r.Val.(*entry)
		if r.Err != nil || !ok {
			return eidas.StatusAnswer{}, r.Err
		}
		// The question may have been another caller's.
		if !e.counts(q.at, c.ocsp.Skew, q.Responders) {
			return eidas.StatusAnswer{}, invalid(RuleP8, "answer does not hold at %s", q.at)
		}
		e.usage.touch(q.at)
		return e.answer, nil
	case <-ctx.Done():
		return eidas.StatusAnswer{}, refuse(eidas.ReasonRevocationUnavailable, RuleQ2, ctx.Err())
	}
}

// find looks where an answer may be by now, and asks when there is none.
func (c *Checker) find(ctx context.Context, q question) (*entry, error) {
	// Another flight may have ended since the cache was looked at.
	if e, due := c.known(q); e != nil && !due {
		return e, nil
	}
	if c.cache.Get(q.key) == nil {
		q.overwrite = c.recall(ctx, q) == recalledFalse
		if e, due := c.known(q); e != nil && !due {
			return e, nil
		}
	}
	return c.resolve(ctx, q)
}

// resolve asks whom the certificate names, and keeps the answer.
func (c *Checker) resolve(ctx context.Context, q question) (*entry, error) {
	if err := c.failures.recent(q, now()); err != nil {
		return nil, err
	}
	select {
	case c.slots <- struct{}{}:
		defer func() { <-c.slots }()
	case <-ctx.Done():
		return nil, refuse(eidas.ReasonRevocationUnavailable, RuleQ2, ctx.Err())
	}
	sources, err := c.sources(q.Target, q.at)
	if err != nil {
		return nil, err
	}
	if len(sources) == 0 {
		return nil, refuse(eidas.ReasonRevocationUnknown, RuleB4, errors.New("certificate names nobody who can be asked"))
	}
	ev, err := c.race(ctx, sources)
	if err != nil {
		if eidas.ReasonOf(err) == eidas.ReasonRevocationUnknown {
			c.cache.Drop(q.key) // an authentic answer has taken back what was known
		}
		if ctx.Err() == nil { // else it is only late, and may be there for the next one
			c.failures.note(q, err, now())
		}
		return nil, err
	}
	c.failures.forget(q)
	if !ev.RenewAfter.After(q.at) {
		// Nothing newer is to be had: a responder may sign once a week.
		ev.RenewAfter = earliest(ev.FreshUntil, q.at.Add(c.pause(renewalRest)))
	}
	return c.keep(ctx, q, ev), nil
}

// pause shortens a pause for those who want answers renewed more often.
func (c *Checker) pause(d time.Duration) time.Duration { return min(d, c.ocsp.MaxAge) }

// evidence is an answer with the bytes that prove it, in the form of a store.
type evidence struct {
	Answer
	stored []byte // nil: not worth storing
}

// sources are the responders of a certificate and then its CRLs (RFC 9919, 4.1).
func (c *Checker) sources(t Target, at time.Time) ([]source, error) {
	var list []source
	for _, u := range c.respondersOf(t.Certificate) {
		list = append(list, source{u.Host, func(ctx context.Context) (evidence, error) {
			return c.askResponder(ctx, u, t, at)
		}})
	}
	points, err := pointsOf(t.Certificate)
	if err != nil {
		return nil, err
	}
	if hasCRL(points) && !c.rejectCRL {
		list = append(list, source{"crl", func(ctx context.Context) (evidence, error) {
			return c.askCRLs(ctx, t, at)
		}})
	}
	return list, nil
}

func rank(err error) int {
	reasons := [...]eidas.Reason{eidas.ReasonRevocationUnavailable, eidas.ReasonRevocationInvalid, eidas.ReasonRevocationUnknown}
	return slices.Index(reasons[:], eidas.ReasonOf(err))
}

// keep takes in a verified answer and returns the one that counts.
func (c *Checker) keep(ctx context.Context, q question, ev evidence) *entry {
	e := newEntry(ev.Answer, q.Certificate, c.allowStale)
	if ev.Source != "staple" { // the client chose how old it is
		e.got = q.at
	}
	e.usage = c.inUse.of(q)
	counts := c.cache.Set(q.key, e, now())
	if counts != e {
		c.conflict(ctx, "answer is older than what is known", e.answer.Status.String()+" after "+counts.answer.Status.String())
		return counts
	}
	c.save(ctx, q, e, ev.stored)
	return e
}

// conflict notes that something new was not believed.
func (c *Checker) conflict(ctx context.Context, what, which string) {
	c.metrics.conflicts.Inc()
	c.log.WarnContext(ctx, "revocation: "+what, "which", which)
}

// fetch makes a request, unless its host is given a rest, and measures it. It
// returns the time at which it ended.
func (c *Checker) fetch(ctx context.Context, f fetcher, q fetch.Request) (*fetch.Response, time.Time, error) {
	start := now()
	u, err := url.Parse(q.URL)
	if err != nil {
		return nil, start, refuse(eidas.ReasonRevocationUnavailable, RuleQ2, err)
	}
	if !c.breaker.allow(u.Host, start) {
		return nil, start, refuse(eidas.ReasonRevocationUnavailable, RuleQ2, errResting)
	}
	resp, err := f.Do(ctx, q)
	end := now()
	c.metrics.fetched(end.Sub(start), err)
	if c.breaker.report(u.Host, err, end) {
		c.metrics.trips.Inc()
		c.log.WarnContext(ctx, "revocation: host is given a rest", "host", u.Host, "error", err)
	}
	return resp, end, err
}

// respondersOf are the URLs of a certificate's OCSP responders that can be
// asked, in order, each once.
func (c *Checker) respondersOf(cert *x509.Certificate) []*url.URL {
	var list []*url.URL
	if c.rejectOCSP {
		return nil
	}
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

// now is the only clock of this package.
func now() time.Time { return time.Now() }
