package proxy

import (
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/redis/go-redis/v9"

	"github.com/sallyport-dev/sallyport/internal/server"
	"github.com/sallyport-dev/sallyport/proxy/account"
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
	TagAbsence   time.Duration // how long upstream's answer that it has no such image is believed; default 10 s, negative for not at all
	// CredentialTrust is how long a client's credential that opened a repository
	// is believed to open it, at upstreams that take clients' credentials;
	// default 10 min.
	CredentialTrust time.Duration
	Hold            time.Duration // how long a manifest GET waits for the gate; default 25 s (containerd gives up at 30), negative for not at all
	Fills           int           // blobs fetched at the same time; default 64
	FillDir         string        // folder for blobs being fetched where the driver's files are not on this machine; default the system's temporary folder

	Redis     redis.UniversalClient // in which replicas on one storage agree who fetches a blob; nil when there is one process only
	Shared    bool                  // other processes serve from the same storage: what a client hears of is stored before, for them
	ClaimWait time.Duration         // how long a blob is waited for that another replica fetches, where its file cannot be followed; default 15 s

	CacheSize int64         // bytes of stored blobs above which the images used longest ago are evicted; 0: no limit
	CacheKeep time.Duration // images unused for so long are evicted; 0: never
	Redirect  bool          // send clients to the storage for blobs, where its driver can

	Accounts        *account.Accounts // who pulls with credentials; nil: nobody has any here
	AccountRequired bool              // pulls without credentials are refused
	AllowHead       bool              // a HEAD of a denied manifest is answered as if it were allowed, so that engines which say nothing about a refused HEAD go on to the GET, and show its message
	Catalog         Catalog           // who may list the repositories that are cached; default CatalogAccounts
	Limits          Limits
	Proxies         server.Proxies // reverse proxies, whose word about their clients' addresses is taken

	Logger  *slog.Logger          // nil for slog.Default()
	Metrics prometheus.Registerer // nil to register nothing

	now      func() time.Time // tests turn the clock; nil for time.Now
	claimTTL time.Duration    // after which a dead replica's fetch is taken over; default 6 s
}

func (c Config) withDefaults() Config {
	if c.TagFreshness == 0 {
		c.TagFreshness = time.Minute
	}
	if c.TagAbsence == 0 {
		c.TagAbsence = 10 * time.Second
	}
	if c.CredentialTrust <= 0 {
		c.CredentialTrust = 10 * time.Minute
	}
	if c.Hold == 0 {
		c.Hold = 25 * time.Second
	}
	if c.Fills <= 0 {
		c.Fills = 64
	}
	if c.Catalog == "" {
		c.Catalog = CatalogAccounts
	}
	c.Limits = c.Limits.withDefaults()
	if c.Logger == nil {
		c.Logger = slog.Default()
	}
	if c.claimTTL <= 0 {
		c.claimTTL = 6 * time.Second
	}
	if c.now == nil {
		c.now = time.Now
	}
	return c
}

// Catalog says who may list the repositories that are cached.
type Catalog string

// Who may.
const (
	CatalogAccounts Catalog = "accounts" // who showed credentials
	CatalogEveryone Catalog = "everyone"
	CatalogNobody   Catalog = "nobody"
)

// Limits bound what one client can take. A client is a user, else an address,
// or the /64 network of an IPv6 address. The sandbox is not limited.
type Limits struct {
	Rate     float64 // requests per second; 0: any number
	Burst    int     // requests at once that Rate allows after a rest; default 10 s of it
	Requests int     // requests at the same time; 0: any number

	Stall   time.Duration // how long a client may take nothing of an answer; default 30 s
	MinRate int64         // bytes per second that it must take after that; default 16 KiB
}

func (l Limits) withDefaults() Limits {
	if l.Burst <= 0 {
		l.Burst = max(1, int(10*l.Rate))
	}
	if l.Stall <= 0 {
		l.Stall = 30 * time.Second
	}
	if l.MinRate <= 0 {
		l.MinRate = 16 << 10
	}
	return l
}
