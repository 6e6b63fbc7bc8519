package revocation

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/seed-b953571c/eidas"
	"github.com/seed-b953571c/eidas/internal/fetch"
)

// metrics are the metrics of a Checker. All labels are from closed sets.
type metrics struct {
	checks    *prometheus.CounterVec
	fetches   *prometheus.HistogramVec
	evictions prometheus.Counter
	conflicts prometheus.Counter
	stale     prometheus.Counter
	unchecked prometheus.Counter
	trips     prometheus.Counter
	store     *prometheus.CounterVec
	doubts    prometheus.Counter
	hits      map[eidas.Status]prometheus.Counter // of checks, looked up once
}

func newMetrics() *metrics {
	m := &metrics{
		checks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "eidas_revocation_checks_total",
			Help: "Status checks by where the answer came from and what it was.",
		}, []string{"source", "result"}),
		fetches: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "eidas_revocation_fetch_seconds",
			Help:    "Duration of requests to responders by outcome.",
			Buckets: []float64{.01, .025, .05, .1, .25, .5, 1, 1.5, 2.5},
		}, []string{"outcome"}),
		evictions: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "eidas_revocation_cache_evictions_total",
			Help: "Answers dropped before their time because the cache was full.",
		}),
		conflicts: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "eidas_revocation_sticky_conflicts_total",
			Help: "Answers that were not believed because a newer one or a revocation is known.",
		}),
		stale: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "eidas_revocation_stale_total",
			Help: "Last known good answers that were used past their time because nobody answered.",
		}),
		unchecked: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "eidas_revocation_unchecked_total",
			Help: "Certificates let through though their status was not to be had (AllowUnavailable).",
		}),
		store: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "eidas_revocation_store_total",
			Help: "Calls of the store by operation and outcome; refused is what did not verify.",
		}, []string{"op", "outcome"}),
		doubts: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "eidas_revocation_store_revocations_total",
			Help: "Revocations that the store told of.",
		}),
		trips: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "eidas_revocation_breaker_trips_total",
			Help: "Times that a host was given a rest because it kept failing.",
		}),
		hits: make(map[eidas.Status]prometheus.Counter),
	}
	for _, s := range []eidas.Status{eidas.StatusGood, eidas.StatusRevoked} {
		m.hits[s] = m.checks.WithLabelValues("cache", s.String())
	}
	return m
}

// register registers everything, with the sizes of the stores as they tell them.
func (m *metrics) register(r prometheus.Registerer, entries func() int, crlBytes func() int64) error {
	if r == nil {
		return nil
	}
	size := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "eidas_revocation_cache_entries",
		Help: "Answers in the cache.",
	}, func() float64 { return float64(entries()) })
	lists := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "eidas_revocation_crl_bytes",
		Help: "Memory of the CRLs that are kept.",
	}, func() float64 { return float64(crlBytes()) })
	for _, c := range []prometheus.Collector{m.checks, m.fetches, m.evictions, m.conflicts, m.stale, m.unchecked, m.trips, m.store, m.doubts, size, lists} {
		if err := r.Register(c); err != nil {
			return err
		}
	}
	return nil
}

// hit counts an answer from the cache without allocating.
func (m *metrics) hit(s eidas.Status) {
	if c := m.hits[s]; c != nil {
		c.Inc()
	}
}

// checked counts the outcome of a check that was not a hit.
func (m *metrics) checked(a eidas.StatusAnswer, err error) {
	source, result := a.Source, a.Status.String()
	if err != nil {
		source, result = "none", eidas.ReasonOf(err).String()
	}
	m.checks.WithLabelValues(source, result).Inc()
}

func (m *metrics) fetched(d time.Duration, err error) {
	outcome := "ok"
	if err != nil {
		outcome = fetch.KindOf(err).String()
	}
	m.fetches.WithLabelValues(outcome).Observe(d.Seconds())
}

// stored counts a call of the store.
func (m *metrics) stored(op, outcome string) { m.store.WithLabelValues(op, outcome).Inc() }
