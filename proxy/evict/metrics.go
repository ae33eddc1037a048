package evict

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promauto"
)

type metrics struct {
	bytes, blobs    prometheus.Gauge
	images, evicted prometheus.Counter
}

func newMetrics(reg prometheus.Registerer) *metrics {
	f := promauto.With(reg)
	return &metrics{
		bytes: f.NewGauge(prometheus.GaugeOpts{
			Name: "sallyport_cache_bytes", Help: "Bytes of blobs and manifests in the cache, when this process last counted.",
		}),
		blobs: f.NewGauge(prometheus.GaugeOpts{
			Name: "sallyport_cache_blobs", Help: "Blobs in the cache, manifests among them, when this process last counted.",
		}),
		images: f.NewCounter(prometheus.CounterOpts{
			Name: "sallyport_cache_evicted_images_total", Help: "Images that this process evicted or purged.",
		}),
		evicted: f.NewCounter(prometheus.CounterOpts{
			Name: "sallyport_cache_evicted_bytes_total", Help: "Bytes that this process deleted from the cache.",
		}),
	}
}
