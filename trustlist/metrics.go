package trustlist

import (
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// outcomes of a refresh.
const (
	outcomeOK     = "ok"     // the LOTL was had
	outcomeKept   = "kept"   // the LOTL was refused; the last good one is in use
	outcomeFailed = "failed" // there is no snapshot
)

// metrics are the metrics of a Store. Labels are reasons, outcomes, kinds of
// alarm and the territories that an authentic LOTL names.
type metrics struct {
	refreshes *prometheus.CounterVec
	refusals  *prometheus.CounterVec
	alarms    *prometheus.CounterVec
	duration  prometheus.Histogram
	state     *stateCollector

	registered []prometheus.Collector
}

func newMetrics(s *Store) *metrics {
	m := &metrics{
		refreshes: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "eidas_trustlist_refreshes_total", Help: "Refreshes by outcome.",
		}, []string{"outcome"}),
		refusals: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "eidas_trustlist_refused_total", Help: "Lists refused at a refresh, by territory and reason.",
		}, []string{"territory", "reason"}),
		alarms: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "eidas_trustlist_alarms_total", Help: "Alarms raised at a refresh, by kind.",
		}, []string{"kind"}),
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "eidas_trustlist_refresh_seconds", Help: "Duration of refreshes.",
			Buckets: []float64{.1, .5, 1, 5, 10, 30, 60, 120, 300},
		}),
		state: newStateCollector(s),
	}
	for _, o := range []string{outcomeOK, outcomeKept, outcomeFailed} {
		m.refreshes.WithLabelValues(o)
	}
	for _, k := range AlarmKinds() {
		m.alarms.WithLabelValues(string(k))
	}
	return m
}

// register registers everything, or fails with a part of it registered.
func (m *metrics) register(r prometheus.Registerer) error {
	if r == nil {
		return nil
	}
	for _, c := range []prometheus.Collector{m.refreshes, m.refusals, m.alarms, m.duration, m.state} {
		if err := r.Register(c); err != nil {
			return fmt.Errorf("trustlist: metrics: %w", err)
		}
		m.registered = append(m.registered, c)
	}
	return nil
}

// unregister takes back what was registered here, and nothing of another store.
func (m *metrics) unregister(r prometheus.Registerer) {
	for _, c := range m.registered {
		r.Unregister(c)
	}
	m.registered = nil
}

// refreshed counts a refresh.
func (m *metrics) refreshed(s *Snapshot, err error, took time.Duration) {
	m.duration.Observe(took.Seconds())
	if err != nil {
		m.refreshes.WithLabelValues(outcomeFailed).Inc()
		m.refusals.WithLabelValues("", ReasonOf(err).String()).Inc()
		return
	}
	outcome := outcomeOK
	if s.LOTL.Kept {
		outcome = outcomeKept
	}
	m.refreshes.WithLabelValues(outcome).Inc()
	for _, r := range append([]ListReport{s.LOTL}, s.Lists...) {
		if r.Reason != 0 {
			m.refusals.WithLabelValues(r.Territory, r.Reason.String()).Inc()
		}
	}
	for _, a := range s.Alarms {
		m.alarms.WithLabelValues(string(a.Kind)).Inc()
	}
}

// stateCollector tells the state of a store when it is asked, so that ages are
// those of that moment and a territory that is no longer listed is gone.
type stateCollector struct {
	store                               *Store
	ready, degraded, disk               *prometheus.Desc
	services, lotl                      *prometheus.Desc
	accepted, kept, stale, age, refresh *prometheus.Desc
}

func newStateCollector(s *Store) *stateCollector {
	one := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("eidas_trustlist_"+name, help, labels, nil)
	}
	return &stateCollector{
		store:    s,
		ready:    one("ready", "1 if there are services to decide by."),
		degraded: one("degraded", "1 if something is not as it should be: a list, a refresh or the folder."),
		disk:     one("disk_failed", "1 if the folder does not hold the lists in use."),
		services: one("services", "Services of all lists in use."),
		lotl:     one("lotl_sequence", "Sequence number of the list of trusted lists in use."),
		accepted: one("list_accepted", "1 if a copy of the list is in use.", "territory"),
		kept:     one("list_kept", "1 if the copy in use is the last good one, because what came later was refused.", "territory"),
		stale:    one("list_stale", "1 if the copy in use is past its NextUpdate.", "territory"),
		age:      one("list_age_seconds", "Time since the copy in use was had from its source or confirmed by it.", "territory"),
		refresh:  one("last_success_timestamp_seconds", "Start of the last refresh that had the list of trusted lists."),
	}
}

// Describe implements prometheus.Collector.
func (c *stateCollector) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.ready, c.degraded, c.disk, c.services, c.lotl, c.accepted, c.kept, c.stale, c.age, c.refresh} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (c *stateCollector) Collect(ch chan<- prometheus.Metric) {
	h := c.store.Health()
	tell := func(d *prometheus.Desc, v float64, labels ...string) {
		ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
	}
	services := 0
	for _, l := range h.Lists {
		services += l.Services
	}
	tell(c.ready, number(h.Ready))
	tell(c.degraded, number(h.Degraded))
	tell(c.disk, number(h.Disk != nil))
	tell(c.services, float64(services))
	tell(c.lotl, float64(h.LOTL.Sequence))
	if !h.LastSuccess.IsZero() {
		tell(c.refresh, float64(h.LastSuccess.Unix()))
	}
	lists := h.Lists
	if h.Snapshot != "" {
		lists = append(lists, h.LOTL)
	}
	for territory, l := range best(lists) {
		tell(c.accepted, number(l.Accepted), territory)
		tell(c.kept, number(l.Kept), territory)
		tell(c.stale, number(l.Stale), territory)
		if !l.Checked.IsZero() {
			tell(c.age, l.Age.Seconds(), territory)
		}
	}
}

// best returns one list of each territory, the accepted one if there is: a
// metric may be told once for each label.
func best(lists []ListHealth) map[string]ListHealth {
	all := make(map[string]ListHealth, len(lists))
	for _, l := range lists {
		if have, ok := all[l.Territory]; !ok || !have.Accepted {
			all[l.Territory] = l
		}
	}
	return all
}

func number(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
