package library

import "github.com/prometheus/client_golang/prometheus"

type metrics struct {
	failures    prometheus.Counter
	generations prometheus.Counter
	policies    prometheus.Gauge
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
	}
	if r != nil {
		r.MustRegister(m.failures, m.generations, m.policies)
	}
	return m
}

func (m *metrics) swapped(policies int) {
	m.generations.Inc()
	m.policies.Set(float64(policies))
}
