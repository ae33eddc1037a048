package config

import (
	"slices"
	"time"
)

// TLS is a certificate with its key, in files that are read again when they
// change. Both are empty for clear text.
type TLS struct {
	Certificate string `yaml:"certificate"` // file, PEM: the chain, leaf first
	Key         string `yaml:"key"`         // file, PEM
}

// On tells whether TLS is spoken.
func (t TLS) On() bool { return t.Certificate != "" }

// Auth says who may pull.
type Auth struct {
	Methods  []string `yaml:"methods"`  // any of the three below; with anonymous, credentials may be shown and need not
	Htpasswd string   `yaml:"htpasswd"` // file of users with bcrypt hashes, for the method of that name
}

// The ways to be let in.
const (
	AuthAnonymous = "anonymous" // without credentials
	AuthHtpasswd  = "htpasswd"  // user and password
	AuthTokens    = "tokens"    // what `sallyport token create --role puller` prints, as password or bearer token
)

// Has tells whether method is one of those allowed.
func (a Auth) Has(method string) bool { return slices.Contains(a.Methods, method) }

// Limits bound what one client of the proxy can take: a user, else an address,
// or the /64 network of an IPv6 address. 0 is no bound, except where a default
// is named.
type Limits struct {
	Rate        float64       `yaml:"rate"`        // requests per second
	Burst       int           `yaml:"burst"`       // requests at once that rate allows after a rest; 0: 10 s of it
	Requests    int           `yaml:"requests"`    // at the same time
	Connections int           `yaml:"connections"` // of one address at the same time
	Fills       int           `yaml:"fills"`       // blobs fetched from upstreams at the same time, for all clients together
	Headers     int           `yaml:"headers"`     // bytes of a request's headers
	Stall       time.Duration `yaml:"stall"`       // how long a client may take nothing of an answer
	MinRate     int64         `yaml:"min_rate"`    // bytes per second that it must take
}

// Shutdown is how the program ends when it is told to.
type Shutdown struct {
	Delay time.Duration `yaml:"delay"` // how long requests are still taken after /readyz says no, so that whoever balances load can notice
	Drain time.Duration `yaml:"drain"` // how long requests under way may take then
}

// validateFronts checks what concerns listeners and clients.
func (c *Config) validateFronts(bad func(key, format string, args ...any)) {
	for key, t := range map[string]TLS{"proxy.tls": c.Proxy.TLS, "console.tls": c.Console.TLS, "sandbox.tls": c.Sandbox.TLS} {
		if (t.Certificate == "") != (t.Key == "") {
			bad(key, "needs both certificate and key")
		}
	}
	auth := c.Proxy.Auth
	known := []string{AuthAnonymous, AuthHtpasswd, AuthTokens}
	for _, m := range auth.Methods {
		if !slices.Contains(known, m) {
			bad("proxy.auth.methods", "%q is none of anonymous, htpasswd, tokens", m)
		}
	}
	if len(auth.Methods) == 0 {
		bad("proxy.auth.methods", "is empty: nobody could pull; write at least one of anonymous, htpasswd, tokens")
	}
	if auth.Has(AuthHtpasswd) != (auth.Htpasswd != "") {
		bad("proxy.auth.htpasswd", "is set together with the method htpasswd, or neither is")
	}
	if c.Proxy.HeadDenials != 403 && c.Proxy.HeadDenials != 200 {
		bad("proxy.head_denials", "%d is neither 403 nor 200", c.Proxy.HeadDenials)
	}
	if !slices.Contains([]string{"accounts", "everyone", "nobody"}, c.Proxy.Catalog) {
		bad("proxy.catalog", "%q is none of accounts, everyone, nobody", c.Proxy.Catalog)
	}
	l := c.Proxy.Limits
	for key, n := range map[string]float64{
		"rate": l.Rate, "burst": float64(l.Burst), "requests": float64(l.Requests), "connections": float64(l.Connections),
	} {
		if n < 0 {
			bad("proxy.limits."+key, "%g is negative", n)
		}
	}
	if l.Fills < 1 {
		bad("proxy.limits.fills", "%d must be at least 1", l.Fills)
	}
	if l.Headers < 4<<10 || l.Headers > 1<<20 {
		bad("proxy.limits.headers", "%d bytes are not between 4 KiB and 1 MiB", l.Headers)
	}
	if l.Stall < time.Second || l.Stall > time.Hour {
		bad("proxy.limits.stall", "%s is not between 1s and 1h", l.Stall)
	}
	if l.MinRate < 1 {
		bad("proxy.limits.min_rate", "%d bytes per second must be at least 1", l.MinRate)
	}
	for key, d := range map[string]time.Duration{"shutdown.delay": c.Shutdown.Delay, "shutdown.drain": c.Shutdown.Drain} {
		if d < 0 || d > time.Hour {
			bad(key, "%s is not between 0s and 1h", d)
		}
	}
}
