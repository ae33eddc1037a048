package gate

import (
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	decisions *prometheus.CounterVec
	seconds   prometheus.Histogram
	cache     *prometheus.CounterVec
	degraded  prometheus.Counter
}

func newMetrics(r prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		decisions: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sallyport_gate_decisions_total", Help: "Answers given: allow, deny, wait or fault.",
		}, []string{"action"}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "sallyport_gate_decision_seconds", Help: "Time until an answer.",
			Buckets: []float64{.0001, .0003, .001, .003, .01, .03, .1, .3, 1, 3, 10},
		}),
		cache: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sallyport_gate_cache_total", Help: "Where answers and results of policies were found: decision, local, redis or none.",
		}, []string{"tier"}),
		degraded: prometheus.NewCounter(prometheus.CounterOpts{
			Name: "sallyport_gate_degraded_total", Help: "Decisions made without Redis.",
		}),
	}
	// What Prometheus sees for the first time does not count as an increase.
	for _, action := range []string{string(Allow), string(Deny), string(Wait), "fault"} {
		m.decisions.WithLabelValues(action)
	}
	if r == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{m.decisions, m.seconds, m.cache, m.degraded} {
		if err := r.Register(c); err != nil {
			return nil, fmt.Errorf("registering metrics of the gate: %w", err)
		}
	}
	return m, nil
}

func (m *metrics) observe(d Decision, err error, took time.Duration) {
	action := string(d.Action)
	if err != nil {
		action = "fault"
	}
	m.decisions.WithLabelValues(action).Inc()
	m.seconds.Observe(took.Seconds())
	if d.Degraded {
		m.degraded.Inc()
	}
}

func (m *metrics) hit(tier string) { m.cache.WithLabelValues(tier).Inc() }
