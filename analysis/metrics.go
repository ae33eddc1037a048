package analysis

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sallyport-dev/sallyport/report"
)

type metrics struct {
	runs    *prometheus.CounterVec
	seconds prometheus.Histogram
	active  prometheus.Gauge
}

func newMetrics(r prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		runs: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sallyport_analysis_runs_total", Help: "Runs that ended, by how: a conclusion, failed, or waiting for the sandbox.",
		}, []string{"result"}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "sallyport_analysis_run_seconds", Help: "Wall time of runs that ended in a report.", Buckets: []float64{1, 3, 10, 30, 60, 120, 240, 600},
		}),
		active: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "sallyport_analysis_active_runs", Help: "Runs that this process is waiting for.",
		}),
	}
	// What Prometheus sees for the first time does not count as an increase.
	for _, result := range []string{
		string(report.Malicious), string(report.Suspicious), string(report.Clean), string(report.Inconclusive), string(report.Skipped), "failed", "waiting",
	} {
		m.runs.WithLabelValues(result)
	}
	if r == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{m.runs, m.seconds, m.active} {
		if err := r.Register(c); err != nil {
			return nil, fmt.Errorf("registering metrics of analysis: %w", err)
		}
	}
	return m, nil
}
