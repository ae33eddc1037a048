package analysis

import (
	"fmt"

	"github.com/prometheus/client_golang/prometheus"
)

type replayMetrics struct {
	observations *prometheus.CounterVec
	running      prometheus.Gauge
	last         prometheus.Gauge
}

func newReplayMetrics(r prometheus.Registerer) (*replayMetrics, error) {
	m := &replayMetrics{
		observations: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sallyport_replay_observations_total",
			Help: "Runs judged again by other rules, by what became of their verdict: raised, lowered, changed, same, kept, missing, unreadable, failed.",
		}, []string{"outcome"}),
		running: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "sallyport_replay_running", Help: "Replays of stored observations that this process does at the moment.",
		}),
		last: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "sallyport_replay_last_timestamp_seconds", Help: "When this process last ended a replay of all observations by itself, in Unix time.",
		}),
	}
	if r == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{m.observations, m.running, m.last} {
		if err := r.Register(c); err != nil {
			return nil, fmt.Errorf("registering metrics of replays: %w", err)
		}
	}
	return m, nil
}
