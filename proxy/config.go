package proxy

import (
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"github.com/sallyport-dev/sallyport/proxy/upstream"
)

// Upstream is one registry that can be pulled from.
type Upstream = upstream.Config

// Config are the settings of a Content and of the Proxy on it.
type Config struct {
	Upstreams []Upstream // the closed list; at least one
	Default   string     // registry for paths that name none; default the first upstream
	Names     []string   // host:port under which clients know this gate, never taken for an upstream

	TagFreshness time.Duration // how long a tag is believed before upstream is asked again; default 1 min, negative for never
	Hold         time.Duration // how long a manifest GET waits for the gate; default 25 s (containerd gives up at 30), negative for not at all
	Fills        int           // blobs fetched at the same time; default 64
	FillDir      string        // folder for blobs being fetched; default below the filesystem driver's root, else the system's temporary folder

	Logger  *slog.Logger          // nil for slog.Default()
	Metrics prometheus.Registerer // nil to register nothing

	now func() time.Time // tests turn the clock; nil for time.Now
}

func (c Config) withDefaults() Config {
	if c.TagFreshness == 0 {
		c.TagFreshness = time.Minute
	}
	if c.Hold == 0 {
		c.Hold = 25 * time.Second
	}
	if c.Fills <= 0 {
		c.Fills = 64
	}
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.now == nil {
		c.now = time.Now
	}
	return c
}
