package config

import (
	"log/slog"
	"time"

	"github.com/sallyport-dev/sallyport/image"
)

// Config is everything that can be set. Keys in YAML are the yaml tags, in the
// environment SALLYPORT_ and the path in upper case joined by underscores:
// proxy.default_upstream is SALLYPORT_PROXY_DEFAULT_UPSTREAM. Lists in the
// environment are written as YAML ("[a, b]") or separated by commas.
type Config struct {
	Data     string   `yaml:"data"` // folder for all that lasts on this machine
	Log      Log      `yaml:"log"`
	Storage  Storage  `yaml:"storage"`
	Redis    Redis    `yaml:"redis"`
	Proxy    Proxy    `yaml:"proxy"`
	Webhook  Webhook  `yaml:"webhook"`
	Console  Console  `yaml:"console"`
	Metrics  Metrics  `yaml:"metrics"`
	Policies Policies `yaml:"policies"`
	Analysis Analysis `yaml:"analysis"`
	Sandbox  Sandbox  `yaml:"sandbox"`
	Shutdown Shutdown `yaml:"shutdown"`
	Cluster  Cluster  `yaml:"cluster"`
}

// Log is how the program writes what it does.
type Log struct {
	Level  slog.Level `yaml:"level"`  // debug, info, warn, error
	Format string     `yaml:"format"` // text or json
}

// Storage is where blobs and objects lie: one driver of the distribution
// project with its parameters, spelled as there. Empty means the filesystem
// driver below Data.
type Storage map[string]map[string]any

// Redis is the cache and queue that replicas share. Without URL the process
// runs its own in memory.
type Redis struct {
	URL string `yaml:"url"` // redis://[user:password@]host:port/db or rediss://…
}

// Proxy is the registry that clients pull from.
type Proxy struct {
	Listen          string        `yaml:"listen"`
	TLS             TLS           `yaml:"tls"`
	Auth            Auth          `yaml:"auth"`
	Limits          Limits        `yaml:"limits"`
	TrustedProxies  []string      `yaml:"trusted_proxies"`  // addresses and networks of reverse proxies whose word about clients' addresses is taken
	ForwardedHeader string        `yaml:"forwarded_header"` // in which they give it: X-Forwarded-For or Forwarded
	HeadDenials     int           `yaml:"head_denials"`     // status of a HEAD of a denied manifest: 403, or 200 for engines that go on to the GET only then
	Catalog         string        `yaml:"catalog"`          // who may list the repositories that are cached: accounts, everyone, nobody
	Names           []string      `yaml:"names"`            // host:port under which clients know the gate; image references that begin with one mean what lies behind it
	DefaultUpstream string        `yaml:"default_upstream"` // for paths that name no upstream
	Hold            time.Duration `yaml:"hold"`             // how long a pull waits for an analysis before it is told to come back
	TagFreshness    time.Duration `yaml:"tag_freshness"`    // how long a tag is believed before upstream is asked again
	TagAbsence      time.Duration `yaml:"tag_absence"`      // how long upstream's answer that it has no such image is believed
	CredentialTrust time.Duration `yaml:"credential_trust"` // how long a client's credential that opened a repository is believed to open it
	Upstreams       []Upstream    `yaml:"upstreams"`        // the closed list of registries that can be pulled from
	Cache           Cache         `yaml:"cache"`
	GrantsListen    string        `yaml:"grants_listen"` // where only who shows a grant is answered: sandboxes elsewhere, that are to reach nothing more
	Redirect        bool          `yaml:"redirect"`      // clients fetch blobs from the object storage itself, where the driver can sign addresses
}

// Console is the REST API.
type Console struct {
	Listen     string `yaml:"listen"`
	TLS        TLS    `yaml:"tls"`
	AdminToken string `yaml:"admin_token"` // the administrator's, at least 32 characters; empty: one is made, in the file admin.token of the data folder
}

// Metrics is the Prometheus endpoint, with /healthz and /readyz beside it.
type Metrics struct {
	Listen string `yaml:"listen"`
}

// Policies is where assurance policies come from besides the built-in ones and
// those made through the API.
type Policies struct {
	Dir     string   `yaml:"dir"`     // folder of .json and .yaml documents, watched
	Bundles []Bundle `yaml:"bundles"` // archives of documents, polled
}

// Bundle is one archive of policies, or of behaviour rules, in OPA's bundle format.
type Bundle struct {
	URL       string        `yaml:"url"`       // a file's path, https://… or oci://registry/repository:tag
	Key       string        `yaml:"key"`       // public keys in PEM, or the file that holds them; a bundle that none of them signed is refused
	KeyID     string        `yaml:"key_id"`    // that the signature must name; empty: any
	Algorithm string        `yaml:"algorithm"` // of the signature; default by the kind of key
	Poll      time.Duration `yaml:"poll"`      // how often to look, 1 s or more
	Token     string        `yaml:"token"`     // bearer token
	Username  string        `yaml:"username"`  // basic credentials; a registry's default to those of docker login
	Password  string        `yaml:"password"`
	CA        string        `yaml:"ca"` // file of certificates that are trusted besides the system's
}

// Analysis is the gate's side of dynamic threat analysis. The settings that
// people change while it runs (endpoint, token, enabled) are kept as an object;
// these are their first values.
type Analysis struct {
	Enabled  bool   `yaml:"enabled"`
	Endpoint string `yaml:"endpoint"` // URL of a sandbox service; empty means the one on this machine
	Token    string `yaml:"token"`
	CA       string `yaml:"ca"`        // file of certificates that are trusted for the endpoint besides the system's; read again for each run
	Workers  int    `yaml:"workers"`   // runs asked for at the same time
	Replay   bool   `yaml:"replay"`    // judge stored observations again when the sandbox has other behaviour rules than before
	PullFrom string `yaml:"pull_from"` // address at which the sandbox reaches the proxy; default the proxy's own on loopback
	Attest   Attest `yaml:"attest"`
	Profile  string `yaml:"profile"` // how many passes a run has: quick, standard or thorough
	Network  string `yaml:"network"` // what images find when they go online: simulated, replay or gateway, as the sandbox offers
}

// Attest is how the gate attaches signed statements to the images that were run.
type Attest struct {
	Key          string `yaml:"key"`           // file of a private key as cosign makes it; empty: nothing is attached
	PasswordFile string `yaml:"password_file"` // of the key; empty: COSIGN_PASSWORD in the environment
	Tag          bool   `yaml:"tag"`           // also under the tag sha256-….att, where verifiers look that know no bundles
}

// Sandbox is the service that runs images.
type Sandbox struct {
	Local   bool          `yaml:"local"`   // whether `sallyport serve` runs one on this machine, where analysis.endpoint names none
	Listen  string        `yaml:"listen"`  // of `sallyport sandbox` as a service of its own
	TLS     TLS           `yaml:"tls"`     // of the same; gates elsewhere speak nothing else
	Dir     string        `yaml:"dir"`     // scratch space; default the system's temporary folder
	Token   string        `yaml:"token"`   // what clients must present; required by `sallyport sandbox`
	Runs    int           `yaml:"runs"`    // at the same time
	Limit   int           `yaml:"limit"`   // runs per month, 0 for no limit
	Timeout time.Duration `yaml:"timeout"` // wall time of one run, 1 s to 10 min
	Skip    time.Duration `yaml:"skip"`    // how much of an image's own time is skipped at most, while it only waits; 0 for none
	Offset  time.Duration `yaml:"offset"`  // of the date that images see
	Idle    time.Duration `yaml:"idle"`    // a run ends early after nothing happened for so long
	Memory  int64         `yaml:"memory"`  // bytes per run
	Rules   string        `yaml:"rules"`   // folder of additional behaviour rules, followed

	RuleBundles []Bundle `yaml:"rule_bundles"` // archives of more behaviour rules, polled

	Recording string  `yaml:"recording"` // folder of recorded web answers, for network replay
	Gateway   Gateway `yaml:"gateway"`   // for network gateway
}

// Gateway is the way by which web requests of images leave the sandbox. Without
// a proxy there is none.
type Gateway struct {
	Proxy    string   `yaml:"proxy"`    // http://, https:// or socks5://[user:password@]host:port
	Resolver string   `yaml:"resolver"` // ip:port of a name server, asked through the proxy; required with it
	Deny     []string `yaml:"deny"`     // networks that are never reached, besides all that are not public
}

// DemoUpstream is the reserved name (RFC 2606) under which the defaults know
// the throwaway registry of `sallyport demo`.
const DemoUpstream = "demo.test"

// DemoAddress is where `sallyport demo` listens.
const DemoAddress = "127.0.0.1:5055"

// Default is a Config that works without any file.
func Default() Config {
	return Config{
		Data: "data",
		Log:  Log{Format: "text"},
		Proxy: Proxy{
			Listen:          ":5000",
			Auth:            Auth{Methods: []string{AuthAnonymous}},
			Limits:          Limits{Fills: 64, Headers: 64 << 10, Stall: 30 * time.Second, MinRate: 16 << 10},
			HeadDenials:     403,
			Catalog:         "accounts",
			ForwardedHeader: "X-Forwarded-For",
			Names:           []string{"localhost:5000", "127.0.0.1:5000", "[::1]:5000"},
			DefaultUpstream: image.DockerHub,
			Hold:            25 * time.Second,
			TagFreshness:    time.Minute,
			TagAbsence:      10 * time.Second,
			CredentialTrust: 10 * time.Minute,
			Upstreams: []Upstream{
				{Registry: image.DockerHub, Endpoints: []Endpoint{{URL: "https://registry-1.docker.io"}}},
				{Registry: "ghcr.io"}, {Registry: "quay.io"}, {Registry: "registry.k8s.io"},
				{Registry: "gcr.io"}, {Registry: "public.ecr.aws"}, {Registry: "mcr.microsoft.com"},
				{Registry: DemoUpstream, Endpoints: []Endpoint{{URL: "http://" + DemoAddress}}},
			},
		},
		Webhook: Webhook{
			Listen: ":9443", Names: []string{"localhost", "127.0.0.1", "::1", "sallyport-webhook.sallyport.svc"},
			Exempt: Exempt{Namespaces: []string{"kube-system", "kube-node-lease"}}, Mutate: "off", BreakGlass: BreakGlass{MaxAge: 4 * time.Hour},
			Certificates: defaultCertificates(),
		},
		Console:  Console{Listen: "127.0.0.1:8080"},
		Metrics:  Metrics{Listen: "127.0.0.1:9090"},
		Analysis: Analysis{Enabled: true, Workers: 2, Replay: true, Profile: "standard", Network: "simulated"},
		Sandbox: Sandbox{
			Local: true, Listen: ":8443", Runs: 2, Timeout: 180 * time.Second, Idle: 10 * time.Second, Skip: 24 * time.Hour, Memory: 2 << 30,
		},
		Shutdown: Shutdown{Drain: 25 * time.Second},
		Cluster:  defaultCluster(),
	}
}
