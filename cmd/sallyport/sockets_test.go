package main

import (
	"testing"

	"github.com/sallyport-dev/sallyport/config"
)

// TestSocketsForSandboxes: grants have a socket of their own where the settings
// say so, and where the proxy's own speaks TLS.
func TestSocketsForSandboxes(t *testing.T) {
	for name, c := range map[string]struct {
		change func(*config.Config)
		roles  []role
		want   bool
	}{
		"by default the proxy's own": {func(*config.Config) {}, []role{roleProxy}, false},
		"where the settings say so":  {func(c *config.Config) { c.Proxy.GrantsListen = "127.0.0.1:0" }, []role{roleProxy}, true},
		"on loopback beside TLS":     {func(c *config.Config) { c.Proxy.TLS = config.TLS{Certificate: "c", Key: "k"} }, []role{roleProxy}, true},
		"not where sandboxes come by the name": {func(c *config.Config) {
			c.Proxy.TLS, c.Analysis.PullFrom = config.TLS{Certificate: "c", Key: "k"}, "gate.example:5000"
		}, []role{roleProxy}, false},
		"not without a proxy": {func(c *config.Config) { c.Proxy.GrantsListen = "127.0.0.1:0" }, []role{roleWebhook}, false},
	} {
		t.Run(name, func(t *testing.T) {
			cfg := config.Default()
			for _, address := range []*string{&cfg.Proxy.Listen, &cfg.Webhook.Listen, &cfg.Console.Listen, &cfg.Metrics.Listen} {
				*address = "127.0.0.1:0"
			}
			c.change(&cfg)
			open, err := openSockets(cfg, c.roles)
			if err != nil {
				t.Fatal(err)
			}
			defer open.close()
			if got := open.of(roleGrants) != nil; got != c.want {
				t.Errorf("a socket for grants: %v, want %v", got, c.want)
			}
		})
	}
}
