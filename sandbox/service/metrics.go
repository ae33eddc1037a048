package service

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	running  prometheus.Gauge
	runs     *prometheus.CounterVec // by verdict, or failed, stopped
	refusals *prometheus.CounterVec // by code of the error
}

func newMetrics(reg prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		running: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "sallyport_sandbox_service_running", Help: "Runs under way."}),
		runs: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sallyport_sandbox_service_runs_total", Help: "Runs that ended, by verdict."}, []string{"result"}),
		refusals: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sallyport_sandbox_service_errors_total", Help: "Requests answered with an error, by its code."}, []string{"code"}),
	}
	if reg == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{m.running, m.runs, m.refusals} {
		if err := reg.Register(c); err != nil {
			return nil, fmt.Errorf("sandbox service: %w", err)
		}
	}
	return m, nil
}
