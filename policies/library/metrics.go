package library

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	failures    prometheus.Counter
	generations prometheus.Counter
	policies    prometheus.Gauge
	looks       *prometheus.CounterVec
	failing     *prometheus.GaugeVec
	good        *prometheus.GaugeVec
}

func newMetrics(r prometheus.Registerer) *metrics {
	m := &metrics{
		failures: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "sallyport_policies_reload_failures_total",
			Help: "Times that policies did not load and the last good generation stayed in force.",
		}),
		generations: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "sallyport_policies_generations_total",
			Help: "Generations of policies that were put in force.",
		}),
		policies: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "sallyport_policies",
			Help: "Policies in force, disabled ones included.",
		}),
		looks: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sallyport_policies_bundle_looks_total",
			Help: "Times that a bundle was looked for: new, unchanged, or failed and the last good one stayed in force.",
		}, []string{"bundle", "result"}),
		failing: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "sallyport_policies_bundle_failing",
			Help: "1 while the last look for a bundle failed.",
		}, []string{"bundle"}),
		good: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "sallyport_policies_bundle_last_success_timestamp_seconds",
			Help: "When a bundle was last found to be in force as it is at its place.",
		}, []string{"bundle"}),
	}
	if r != nil {
		r.MustRegister(m.failures, m.generations, m.policies, m.looks, m.failing, m.good)
	}
	return m
}

func (m *metrics) swapped(policies int) {
	m.generations.Inc()
	m.policies.Set(float64(policies))
}

// looked counts one look for a bundle: new, unchanged or failed.
func (m *metrics) looked(bundle, result string, now time.Time) {
	m.looks.WithLabelValues(bundle, result).Inc()
	if result == "failed" {
		m.failing.WithLabelValues(bundle).Set(1)
		return
	}
	m.failing.WithLabelValues(bundle).Set(0)
	m.good.WithLabelValues(bundle).Set(float64(now.Unix()))
}
