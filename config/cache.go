package config

import (
	"fmt"
	"math"
	"strconv"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"
)

// Cache bounds what the proxy keeps.
type Cache struct {
	Size Bytes         `yaml:"size"` // of blobs, above which the images used longest ago go; 0: no limit
	Keep time.Duration `yaml:"keep"` // how long an image is kept that nobody pulls; 0: for ever
}

// Bytes is a size. It is written as a number of bytes, or with one of the units
// KiB, MiB, GiB, TiB, kB, MB, GB, TB.
type Bytes int64

var units = []struct {
	name  string
	bytes float64
}{
	{"KiB", 1 << 10}, {"MiB", 1 << 20}, {"GiB", 1 << 30}, {"TiB", 1 << 40},
	{"kB", 1e3}, {"MB", 1e6}, {"GB", 1e9}, {"TB", 1e12}, {"B", 1},
}

// UnmarshalYAML implements yaml.Unmarshaler.
func (b *Bytes) UnmarshalYAML(n *yaml.Node) error {
	parsed, err := ParseBytes(n.Value)
	if err != nil || n.Kind != yaml.ScalarNode {
		return fmt.Errorf("line %d: %q is not a size: write e.g. 100GiB", n.Line, n.Value)
	}
	*b = parsed
	return nil
}

// ParseBytes reads a size.
func ParseBytes(text string) (Bytes, error) {
	number, factor := strings.TrimSpace(text), 1.0
	for _, u := range units {
		if rest, ok := strings.CutSuffix(number, u.name); ok {
			number, factor = strings.TrimSpace(rest), u.bytes
			break
		}
	}
	v, err := strconv.ParseFloat(number, 64)
	if err != nil || math.IsNaN(v) || v < 0 || v*factor >= math.MaxInt64 {
		return 0, fmt.Errorf("%q is not a size: write e.g. 100GiB", text)
	}
	return Bytes(v * factor), nil
}

func (c *Config) validateCache(bad func(key, format string, args ...any)) {
	if s := c.Proxy.Cache.Size; s > 0 && s < 64<<20 {
		bad("proxy.cache.size", "%d bytes are less than 64 MiB: write e.g. 100GiB, or 0 for no limit", s)
	}
	if k := c.Proxy.Cache.Keep; k < 0 || k > 0 && k < time.Hour {
		bad("proxy.cache.keep", "%s is less than 1h: write e.g. 720h, or 0 to keep images for ever", k)
	}
}
