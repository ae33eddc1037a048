package rejudge

import (
	"cmp"
	"fmt"
	"maps"
	"slices"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics of what runs. Labels are of closed sets, but for namespaces, of which
// there are maxNamespaces at most: never names of images or workloads.
type metrics struct {
	images   *prometheus.GaugeVec // by result
	violated *prometheus.GaugeVec // by namespace
	rounds   *prometheus.CounterVec
	took     prometheus.Histogram
	last     prometheus.Gauge
	reports  *prometheus.CounterVec
	evicted  *prometheus.CounterVec
}

const (
	maxNamespaces = 100
	// others stands for the namespaces with the fewest violations; no
	// namespace can have that name.
	others = "_others"
)

func newMetrics(reg prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		images: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "sallyport_running_images",
			Help: "Images of workloads that run in the cluster, by what the gate says of them now: allow, deny, wait, fault.",
		}, []string{"result"}),
		violated: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "sallyport_running_violations",
			Help: "Images of workloads that run and would be denied now; the namespaces with the most of them, the rest together as _others.",
		}, []string{"namespace"}),
		rounds: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sallyport_rejudge_rounds_total", Help: "How often what runs was judged again: done, failed.",
		}, []string{"result"}),
		took: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "sallyport_rejudge_round_seconds", Help: "How long judging what runs took.", Buckets: prometheus.ExponentialBuckets(0.1, 4, 8),
		}),
		last: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "sallyport_rejudge_last_round_seconds", Help: "When what runs was judged last, as a Unix time; 0 at replicas that are not elected.",
		}),
		reports: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sallyport_rejudge_reports_total", Help: "PolicyReport and OpenReports objects: written, removed, failed.",
		}, []string{"result"}),
		evicted: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sallyport_rejudge_evictions_total", Help: "Pods that would be denied now: evicted, refused (a disruption budget), failed.",
		}, []string{"result"}),
	}
	for vec, values := range map[*prometheus.CounterVec][]string{
		m.rounds: {"done", "failed"}, m.reports: {"written", "removed", "failed"}, m.evicted: {"evicted", "refused", "failed"},
	} {
		for _, v := range values {
			vec.WithLabelValues(v)
		}
	}
	if reg == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{m.images, m.violated, m.rounds, m.took, m.last, m.reports, m.evicted} {
		if err := reg.Register(c); err != nil {
			return nil, fmt.Errorf("registering the metrics of what runs: %w", err)
		}
	}
	return m, nil
}

// set replaces the gauges by what one round counted.
func (m *metrics) set(images, violated map[string]int) {
	for _, result := range []string{"allow", "deny", "wait", "fault"} {
		m.images.WithLabelValues(result).Set(float64(images[result]))
	}
	m.violated.Reset()
	names := slices.SortedFunc(maps.Keys(violated), func(a, b string) int {
		return cmp.Or(cmp.Compare(violated[b], violated[a]), cmp.Compare(a, b))
	})
	for i, n := range names {
		if i < maxNamespaces {
			m.violated.WithLabelValues(n).Set(float64(violated[n]))
			continue
		}
		m.violated.WithLabelValues(others).Add(float64(violated[n]))
	}
}

// clear takes the gauges back at a replica that is no more elected.
func (m *metrics) clear() {
	m.images.Reset()
	m.violated.Reset()
	m.last.Set(0)
}
