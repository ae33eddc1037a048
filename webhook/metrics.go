package webhook

import (
	"fmt"
	"time"

	"github.com/prometheus/client_golang/prometheus"
)

// metrics count reviews. Labels are of closed sets: never names of images,
// namespaces or users.
type metrics struct {
	reviews *prometheus.CounterVec
	seconds prometheus.Histogram
	images  prometheus.Histogram
	stages  *prometheus.HistogramVec
	resolve prometheus.Observer // of stages
	decide  prometheus.Observer
	glass   *prometheus.CounterVec
}

func newMetrics(reg prometheus.Registerer) (*metrics, error) {
	m := &metrics{
		reviews: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sallyport_webhook_reviews_total",
			Help: "Admission reviews by result: allowed, denied, waiting, fault, audit (not allowed, but admitted), break-glass, exempt, skipped (nothing to judge), malformed; of the mutating step mutated or unchanged.",
		}, []string{"result"}),
		seconds: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "sallyport_webhook_review_seconds",
			Help:    "Time from a review's first byte to its answer.",
			Buckets: []float64{.0005, .001, .0025, .005, .01, .05, .1, .5, 1, 5, 10, 30},
		}),
		images: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name:    "sallyport_webhook_review_images",
			Help:    "Distinct images judged per review.",
			Buckets: []float64{0, 1, 2, 3, 5, 10, 20, 50},
		}),
		stages: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name:    "sallyport_webhook_stage_seconds",
			Help:    "What a review's slowest image took: resolve, to find the digest of its tag; decide, until the gate had an answer, waiting for an analysis included.",
			Buckets: []float64{.0001, .0005, .001, .0025, .005, .01, .05, .1, .5, 1, 5, 10, 30},
		}, []string{"stage"}),
		glass: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "sallyport_webhook_break_glass_total",
			Help: "Workloads that asked to pass although they are not allowed: broken or refused.",
		}, []string{"result"}),
	}
	// What Prometheus sees for the first time does not count as an increase:
	// all begin at zero.
	for vec, results := range map[*prometheus.CounterVec][]string{
		m.reviews: {"allowed", "denied", "waiting", "fault", "audit", "break-glass", "exempt", "skipped", "malformed", "mutated", "unchanged"},
		m.glass:   {"broken", "refused"},
	} {
		for _, r := range results {
			vec.WithLabelValues(r)
		}
	}
	m.resolve, m.decide = m.stages.WithLabelValues("resolve"), m.stages.WithLabelValues("decide")
	if reg == nil {
		return m, nil
	}
	for _, c := range []prometheus.Collector{m.reviews, m.seconds, m.images, m.stages, m.glass} {
		if err := reg.Register(c); err != nil {
			return nil, fmt.Errorf("registering the webhook's metrics: %w", err)
		}
	}
	return m, nil
}

func (m *metrics) done(out outcome, took time.Duration) {
	m.reviews.WithLabelValues(out.result).Inc()
	m.seconds.Observe(took.Seconds())
	m.images.Observe(float64(out.images))
	if out.images > 0 {
		m.resolve.Observe(out.spent.resolve.Seconds())
		m.decide.Observe(out.spent.decide.Seconds())
	}
}
