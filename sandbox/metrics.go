package sandbox

import (
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

type metrics struct {
	running prometheus.Gauge
	runs    *prometheus.CounterVec   // by verdict, or failed
	stages  *prometheus.HistogramVec // seconds of unpack, detonate, judge
	events  *prometheus.CounterVec   // seen, lost, critical_lost
}

func newMetrics(reg prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		running: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "sallyport_sandbox_running", Help: "Images being run."}),
		runs: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sallyport_sandbox_runs_total", Help: "Runs that ended, by verdict."}, []string{"verdict"}),
		stages: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "sallyport_sandbox_stage_seconds", Help: "Wall time of a run's stages.",
			Buckets: []float64{.05, .1, .25, .5, 1, 2.5, 5, 10, 30, 60, 180, 600}}, []string{"stage"}),
		events: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sallyport_sandbox_events_total", Help: "Events of guests, by what became of them."}, []string{"fate"}),
	}
	if reg == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{m.running, m.runs, m.stages, m.events} {
		if err := reg.Register(c); err != nil {
			return nil, fmt.Errorf("sandbox: %w", err)
		}
	}
	return m, nil
}

func (m *metrics) ended(o *Outcome) {
	if o == nil {
		m.runs.WithLabelValues("failed").Inc()
		return
	}
	m.runs.WithLabelValues(string(o.Report.Verdict)).Inc()
	c := o.Report.Run.Coverage
	m.events.WithLabelValues("seen").Add(float64(c.EventsTotal))
	m.events.WithLabelValues("lost").Add(float64(c.EventsLost))
	m.events.WithLabelValues("critical_lost").Add(float64(c.CriticalLost))
}

func (m *metrics) stage(name string, began time.Time) {
	m.stages.WithLabelValues(name).Observe(time.Since(began).Seconds())
}
