package config

import (
	"errors"
	"fmt"
	"net"
	"net/url"
	"path/filepath"
	"slices"
	"time"
)

// Validate normalises names and reports everything that cannot work, each with its key.
func (c *Config) Validate() error {
	var errs []error
	bad := func(key, format string, args ...any) {
		errs = append(errs, fmt.Errorf("%s: %s", key, fmt.Sprintf(format, args...)))
	}
	if c.Data == "" {
		bad("data", "must name a folder")
	}
	if !slices.Contains([]string{"text", "json"}, c.Log.Format) {
		bad("log.format", "%q is neither text nor json", c.Log.Format)
	}
	for key, address := range map[string]string{
		"proxy.listen": c.Proxy.Listen, "webhook.listen": c.Webhook.Listen, "console.listen": c.Console.Listen,
		"metrics.listen": c.Metrics.Listen, "sandbox.listen": c.Sandbox.Listen,
	} {
		if _, _, err := net.SplitHostPort(address); err != nil {
			bad(key, "%q is not an address: write host:port or :port", address)
		}
	}
	if len(c.Storage) > 1 {
		bad("storage", "names %d drivers: keep one", len(c.Storage))
	}
	if c.Redis.URL != "" {
		if u, err := url.Parse(c.Redis.URL); err != nil || !slices.Contains([]string{"redis", "rediss", "unix"}, u.Scheme) {
			bad("redis.url", "must be redis://host:port/db, rediss://… or unix://…")
		}
	}
	c.validateUpstreams(bad)
	c.validateCache(bad)
	c.validateFronts(bad)
	c.validateBundles(bad)
	c.validateCluster(bad)
	c.validateWebhook(bad)
	if c.Proxy.Hold < 0 || c.Proxy.Hold > 5*time.Minute {
		bad("proxy.hold", "%s is not between 0s and 5m", c.Proxy.Hold)
	}
	if c.Proxy.TagFreshness < 0 {
		bad("proxy.tag_freshness", "%s is negative", c.Proxy.TagFreshness)
	}
	if c.Analysis.Endpoint != "" {
		if u, err := url.Parse(c.Analysis.Endpoint); err != nil || u.Host == "" || (u.Scheme != "http" && u.Scheme != "https") {
			bad("analysis.endpoint", "%q is not an http or https URL", c.Analysis.Endpoint)
		}
	}
	if c.Proxy.GrantsListen != "" {
		if _, _, err := net.SplitHostPort(c.Proxy.GrantsListen); err != nil {
			bad("proxy.grants_listen", "%q is not an address: write host:port or :port", c.Proxy.GrantsListen)
		}
		if c.Analysis.PullFrom == "" {
			bad("proxy.grants_listen", "needs analysis.pull_from, the host:port at which the sandbox reaches it")
		}
	}
	if c.Analysis.Workers < 1 {
		bad("analysis.workers", "%d must be at least 1", c.Analysis.Workers)
	}
	if p := c.Analysis.Profile; p != "quick" && p != "standard" && p != "thorough" {
		bad("analysis.profile", "%q is not quick, standard or thorough", p)
	}
	if n := c.Analysis.Network; n != "simulated" && n != "replay" && n != "gateway" {
		bad("analysis.network", "%q is not simulated, replay or gateway", n)
	}
	if g := c.Sandbox.Gateway; g.Proxy == "" && (g.Resolver != "" || len(g.Deny) > 0) {
		bad("sandbox.gateway", "says how to go out, but names no proxy")
	} else if g.Proxy != "" && g.Resolver == "" {
		bad("sandbox.gateway.resolver", "is empty: names are resolved through the proxy, by a name server at ip:port")
	}
	if c.Sandbox.Runs < 1 {
		bad("sandbox.runs", "%d must be at least 1", c.Sandbox.Runs)
	}
	if c.Sandbox.Timeout < time.Second || c.Sandbox.Timeout > 10*time.Minute {
		bad("sandbox.timeout", "%s is not between 1s and 10m", c.Sandbox.Timeout)
	}
	if s := c.Sandbox.Skip; s < 0 || s > 30*24*time.Hour {
		bad("sandbox.skip", "%s is not between 0s and 720h", s)
	}
	if o := c.Sandbox.Offset; o.Abs() > 10*365*24*time.Hour {
		bad("sandbox.offset", "%s is more than ten years", o)
	}
	if c.Sandbox.Memory < 64<<20 {
		bad("sandbox.memory", "%d bytes are less than 64 MiB", c.Sandbox.Memory)
	}
	return errors.Join(errs...)
}

// StorageDriver is the name and parameters for the storage driver factory.
func (c *Config) StorageDriver() (name string, parameters map[string]any) {
	for name, parameters := range c.Storage {
		return name, parameters
	}
	return "filesystem", map[string]any{"rootdirectory": filepath.Join(c.Data, "storage")}
}
