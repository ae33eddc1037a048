package proxy

import (
	"github.com/prometheus/client_golang/prometheus"

	"github.com/sallyport-dev/sallyport/proxy/upstream"
)

// upstreamStates tells Prometheus how the upstreams do, by registry and endpoint
// of the configuration.
type upstreamStates struct {
	states                                     func() []upstream.State
	healthy, pause, limit, remaining, requests *prometheus.Desc
}

func newUpstreamStates(states func() []upstream.State) *upstreamStates {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc("sallyport_proxy_upstream_"+name, help, labels, nil)
	}
	return &upstreamStates{
		states:    states,
		healthy:   desc("healthy", "1 if the endpoint worked when it was last asked, 0 while it is left out.", "upstream", "endpoint"),
		pause:     desc("pause_seconds", "How long the endpoint is not asked any more because it answered 429 or its allowance is used up.", "upstream", "endpoint"),
		limit:     desc("ratelimit_limit", "Requests that the endpoint allows in its window, as its headers say.", "upstream", "endpoint"),
		remaining: desc("ratelimit_remaining", "Requests left of ratelimit_limit, as the endpoint's headers say.", "upstream", "endpoint"),
		requests:  desc("requests", "Requests under way at the upstream, blobs being read included.", "upstream"),
	}
}

// Describe implements prometheus.Collector.
func (u *upstreamStates) Describe(ch chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{u.healthy, u.pause, u.limit, u.remaining, u.requests} {
		ch <- d
	}
}

// Collect implements prometheus.Collector.
func (u *upstreamStates) Collect(ch chan<- prometheus.Metric) {
	seen := map[string]bool{}
	for _, s := range u.states() {
		gauge := func(d *prometheus.Desc, v float64, labels ...string) {
			ch <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v, labels...)
		}
		healthy := 0.0
		if s.Healthy {
			healthy = 1
		}
		gauge(u.healthy, healthy, s.Registry, s.Endpoint)
		gauge(u.pause, s.Pause.Seconds(), s.Registry, s.Endpoint)
		if s.Limit >= 0 {
			gauge(u.limit, float64(s.Limit), s.Registry, s.Endpoint)
		}
		if s.Remaining >= 0 {
			gauge(u.remaining, float64(s.Remaining), s.Registry, s.Endpoint)
		}
		if !seen[s.Registry] {
			seen[s.Registry] = true
			gauge(u.requests, float64(s.Requests), s.Registry)
		}
	}
}
