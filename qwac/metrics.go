package qwac

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/seed-b953571c/eidas"
)

// metrics counts verdicts. Every label has a closed set of values and none is
// chosen by a peer, so the number of series does not grow with peers. All
// series exist from the start.
type metrics struct {
	verdicts *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	inFlight prometheus.Gauge
	sessions *prometheus.CounterVec
	requests *prometheus.CounterVec
	degraded *prometheus.CounterVec
	memory   *prometheus.CounterVec
	failed   *prometheus.CounterVec
	events   *prometheus.CounterVec
	unstored prometheus.Counter
	// Looked up once: they are on the path of a peer that is known.
	accepted      [len(hooks)]acceptedMetrics
	full, resumed prometheus.Counter
}

// acceptedMetrics are the series of accepted peers at one hook.
type acceptedMetrics struct {
	verdicts, remembered prometheus.Counter
	seconds              prometheus.Observer
}

// The values of label decision, and the reason of an accepted peer.
const (
	decisionAccept = "accept"
	decisionRefuse = "refuse"
	reasonNone     = "none"
)

// outcome of a request in Handler.
type outcome string

const (
	outcomeAccepted    outcome = "accepted"
	outcomeRefused     outcome = "refused"
	outcomeMisdirected outcome = "misdirected" // 421
	outcomeEarly       outcome = "early"       // 425
)

// The outcomes of handshakes with regard to sessions.
const (
	sessionFull     = "full"
	sessionResumed  = "resumed"
	sessionDeclined = "declined" // a ticket was ignored; a full handshake follows
)

// degradations are those of package eidas; another one would count as other.
var degradations = [...]eidas.Degradation{
	eidas.DegradedServerAuthOnly, eidas.DegradedNoPSD2, eidas.DegradedUnregistered, eidas.DegradedLenientClaims,
	eidas.DegradedListStale, eidas.DegradedRevocationOff, eidas.DegradedRevocationStale,
	eidas.DegradedRevocationUnchecked, eidas.DegradedDelegateUnchecked,
}

const degradedOther = "other"

func newMetrics() *metrics {
	counter := func(name, help string, labels ...string) *prometheus.CounterVec {
		return prometheus.NewCounterVec(prometheus.CounterOpts{Namespace: "eidas", Subsystem: "qwac", Name: name, Help: help}, labels)
	}
	m := &metrics{
		verdicts: counter("verdicts_total", "Verdicts about client certificates.", "hook", "decision", "reason"),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Namespace: "eidas", Subsystem: "qwac", Name: "verdict_duration_seconds", Help: "Time to a verdict that was not remembered.",
			Buckets: []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5},
		}, []string{"hook"}),
		inFlight: prometheus.NewGauge(prometheus.GaugeOpts{
			Namespace: "eidas", Subsystem: "qwac", Name: "verdicts_in_flight", Help: "Verdicts under way.",
		}),
		sessions: counter("sessions_total", "Handshakes that passed the hooks, and tickets that were ignored.", "outcome"),
		requests: counter("requests_total", "Requests judged.", "outcome"),
		degraded: counter("degraded_total", "Verdicts given under a leniency of the policy.", "degradation"),
		memory:   counter("remembered_total", "Verdicts that an earlier one was good for, with what is known now.", "hook"),
		failed:   counter("handshakes_failed_total", "Handshakes that failed, as ConnState saw them.", "reason"),
		events:   counter("rotation_events_total", "Events about the certificates of TPPs.", "kind"),
		unstored: prometheus.NewCounter(prometheus.CounterOpts{
			Namespace: "eidas", Subsystem: "qwac", Name: "rotation_store_failures_total", Help: "Failures of the RotationStore.",
		}),
	}
	for i, h := range hooks {
		m.accepted[i] = acceptedMetrics{
			verdicts:   m.verdicts.WithLabelValues(string(h), decisionAccept, reasonNone),
			seconds:    m.seconds.WithLabelValues(string(h)),
			remembered: m.memory.WithLabelValues(string(h)),
		}
		for _, r := range eidas.Reasons() {
			m.verdicts.WithLabelValues(string(h), decisionRefuse, r.String())
		}
	}
	for _, r := range eidas.Reasons() {
		m.failed.WithLabelValues(r.String())
	}
	m.failed.WithLabelValues(failedUnproved)
	m.failed.WithLabelValues(failedOther)
	m.full, m.resumed = m.sessions.WithLabelValues(sessionFull), m.sessions.WithLabelValues(sessionResumed)
	m.sessions.WithLabelValues(sessionDeclined)
	for _, o := range [...]outcome{outcomeAccepted, outcomeRefused, outcomeMisdirected, outcomeEarly} {
		m.requests.WithLabelValues(string(o))
	}
	for _, d := range degradations {
		m.degraded.WithLabelValues(string(d))
	}
	m.degraded.WithLabelValues(degradedOther)
	for _, k := range EventKinds() {
		m.events.WithLabelValues(string(k))
	}
	return m
}

func (m *metrics) collectors() []prometheus.Collector {
	return []prometheus.Collector{m.verdicts, m.seconds, m.inFlight, m.sessions, m.requests, m.degraded, m.memory, m.failed, m.events, m.unstored}
}

// Describe implements prometheus.Collector.
func (m *metrics) Describe(ch chan<- *prometheus.Desc) {
	for _, c := range m.collectors() {
		c.Describe(ch)
	}
}

// Collect implements prometheus.Collector.
func (m *metrics) Collect(ch chan<- prometheus.Metric) {
	for _, c := range m.collectors() {
		c.Collect(ch)
	}
}

func (m *metrics) begin() { m.inFlight.Inc() }

func (m *metrics) end(h hook, result *eidas.Result, refusal *eidas.Error, took time.Duration) {
	m.inFlight.Dec()
	if refusal != nil {
		m.seconds.WithLabelValues(string(h)).Observe(took.Seconds())
		m.refused(h, refusal)
		return
	}
	m.accepted[h.index()].seconds.Observe(took.Seconds())
	m.accept(h, result)
}

// remembered counts a verdict from memory. Its time is not worth a measurement,
// which would take as long.
func (m *metrics) remembered(h hook, result *eidas.Result) {
	m.accepted[h.index()].remembered.Inc()
	m.accept(h, result)
}

func (m *metrics) accept(h hook, result *eidas.Result) {
	m.accepted[h.index()].verdicts.Inc()
	for _, d := range result.Degraded {
		m.degraded.WithLabelValues(degradedLabel(d)).Inc()
	}
}

func (m *metrics) refused(h hook, refusal *eidas.Error) {
	m.verdicts.WithLabelValues(string(h), decisionRefuse, reasonLabel(refusal.Reason)).Inc()
}

func reasonLabel(reason eidas.Reason) string {
	if reason.Cause() == 0 { // not of the closed set
		reason = eidas.ReasonInternal
	}
	return reason.String()
}

func (m *metrics) handshakeFailed(reason string) { m.failed.WithLabelValues(reason).Inc() }

func degradedLabel(d eidas.Degradation) string {
	for _, known := range degradations {
		if d == known {
			return string(d)
		}
	}
	return degradedOther
}

// handshake counts what passed the hooks. A thief passes them too and fails then.
func (m *metrics) handshake(resumed bool) {
	if resumed {
		m.resumed.Inc()
		return
	}
	m.full.Inc()
}

func (m *metrics) sessionDeclined() { m.sessions.WithLabelValues(sessionDeclined).Inc() }

func (m *metrics) request(o outcome) { m.requests.WithLabelValues(string(o)).Inc() }

func (m *metrics) rotated(kind EventKind) { m.events.WithLabelValues(string(kind)).Inc() }

func (m *metrics) rotationFailed() { m.unstored.Inc() }
