package rules

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	failing *prometheus.GaugeVec
	faults  prometheus.Gauge
}

func newMetrics(r prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		failing: prometheus.NewGaugeVec(prometheus.GaugeOpts{
			Name: "sallyport_sandbox_rules_failing", Help: "1 for a source of behaviour rules that could not be had at the last look.",
		}, []string{"source"}),
		faults: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "sallyport_sandbox_rules_left_out", Help: "Behaviour rules of authors, and sources of them, that cannot be used.",
		}),
	}
	if r == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{m.failing, m.faults} {
		if err := r.Register(c); err != nil {
			return nil, fmt.Errorf("registering metrics of behaviour rules: %w", err)
		}
	}
	return m, nil
}

func (m *metrics) looked(source string, err error) {
	v := 0.0
	if err != nil {
		v = 1
	}
	m.failing.WithLabelValues(source).Set(v)
}
