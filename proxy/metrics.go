package proxy

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

type contentMetrics struct {
	fills          *prometheus.CounterVec
	fillBytes      prometheus.Counter
	upstreamErrors *prometheus.CounterVec
	storageErrors  prometheus.Counter
}

func newContentMetrics(reg prometheus.Registerer) *contentMetrics {
	f := promauto.With(reg)
	return &contentMetrics{
		fills: f.NewCounterVec(prometheus.CounterOpts{
			Name: "sallyport_proxy_fills_total", Help: "Blobs fetched from upstreams, by result: kept or failed.",
		}, []string{"result"}),
		fillBytes: f.NewCounter(prometheus.CounterOpts{
			Name: "sallyport_proxy_fill_bytes_total", Help: "Bytes of blobs fetched from upstreams.",
		}),
		upstreamErrors: f.NewCounterVec(prometheus.CounterOpts{
			Name: "sallyport_proxy_upstream_errors_total", Help: "Failed questions to upstreams, by registry of the configuration and kind.",
		}, []string{"upstream", "kind"}),
		storageErrors: f.NewCounter(prometheus.CounterOpts{
			Name: "sallyport_proxy_storage_errors_total", Help: "Faults of the storage that pulls went on without.",
		}),
	}
}

func (m *contentMetrics) filled(bytes int64, failure error) {
	result := "kept"
	if failure != nil {
		result = "failed"
	}
	m.fills.WithLabelValues(result).Inc()
	m.fillBytes.Add(float64(bytes))
}

type frontMetrics struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	sent     *prometheus.CounterVec
}

func newFrontMetrics(reg prometheus.Registerer) *frontMetrics {
	f := promauto.With(reg)
	return &frontMetrics{
		requests: f.NewCounterVec(prometheus.CounterOpts{
			Name: "sallyport_proxy_requests_total", Help: "Requests answered, by route, method and status.",
		}, []string{"route", "method", "status"}),
		seconds: f.NewHistogramVec(prometheus.HistogramOpts{
			Name: "sallyport_proxy_request_seconds", Help: "Time until a request was answered whole, waiting for the gate included.",
			Buckets: []float64{.001, .005, .02, .1, .5, 2, 10, 30, 120},
		}, []string{"route"}),
		sent: f.NewCounterVec(prometheus.CounterOpts{
			Name: "sallyport_proxy_sent_bytes_total", Help: "Bytes of bodies sent to clients, by route.",
		}, []string{"route"}),
	}
}

func (m *frontMetrics) answered(route routeKind, method string, rec *recorder, took time.Duration) {
	switch method {
	case "GET", "HEAD":
	default:
		method = "other" // a client can invent methods
	}
	m.requests.WithLabelValues(string(route), method, strconv.Itoa(rec.status())).Inc()
	m.seconds.WithLabelValues(string(route)).Observe(took.Seconds())
	m.sent.WithLabelValues(string(route)).Add(float64(rec.sent))
}
