package config

import (
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestDefaultsWork(t *testing.T) {
	cfg, err := Load("", nil)
	if err != nil {
		t.Fatalf("the defaults are refused: %v", err)
	}
	if got := cfg.Proxy.Upstreams[1].Endpoints; len(got) != 1 || got[0].URL != "https://ghcr.io" {
		t.Errorf("ghcr.io's endpoint is %v", got)
	}
	if name, params := cfg.StorageDriver(); name != "filesystem" || params["rootdirectory"] != "data/storage" {
		t.Errorf("storage is %s %v", name, params)
	}
}

func TestFileAndEnvironment(t *testing.T) {
	path := write(t, `
data: /srv/gate
log: {level: debug, format: json}
storage:
  filesystem: {rootdirectory: /mnt/blobs}
proxy:
  hold: 5s
  default_upstream: registry.example.com
  upstreams:
    - registry: Registry.Example.com:443
      endpoints: ["http://10.0.0.1:5000"]
`)
	cfg, err := Load(path, []string{
		"HOME=/root",
		"SALLYPORT_SERVER=http://elsewhere",
		"SALLYPORT_DATA=/var/lib/sallyport",
		"SALLYPORT_PROXY_NAMES=gate:5000, gate.local:5000",
		"SALLYPORT_SANDBOX_TIMEOUT=20s",
		"SALLYPORT_REDIS_URL=redis://127.0.0.1:6379/0",
		"SALLYPORT_POLICIES_BUNDLES=[{url: 'oci://registry.example.com/policies:prod', key: k.pem}, {url: /b, poll: 5m}]",
	})
	if err != nil {
		t.Fatal(err)
	}
	if cfg.Data != "/var/lib/sallyport" {
		t.Errorf("the environment does not win over the file: data is %q", cfg.Data)
	}
	if cfg.Log.Level != slog.LevelDebug || cfg.Proxy.Hold != 5*time.Second || cfg.Sandbox.Timeout != 20*time.Second {
		t.Errorf("log level %v, hold %v, sandbox timeout %v", cfg.Log.Level, cfg.Proxy.Hold, cfg.Sandbox.Timeout)
	}
	if b := cfg.Policies.Bundles; len(b) != 2 || b[0].Poll != time.Minute || b[0].Key != "k.pem" || b[1].Poll != 5*time.Minute {
		t.Errorf("bundles are %+v", b)
	}
	if u := cfg.Proxy.Upstreams; len(u) != 1 || u[0].Registry != "registry.example.com" {
		t.Errorf("upstreams are %+v", u)
	}
	if n := cfg.Proxy.Names; len(n) != 2 || n[1] != "gate.local:5000" {
		t.Errorf("names are %q", n)
	}
	if _, params := cfg.StorageDriver(); params["rootdirectory"] != "/mnt/blobs" {
		t.Errorf("storage parameters are %v", params)
	}
}

func TestRefusals(t *testing.T) {
	for name, c := range map[string]struct {
		file, env string
		want      []string // all must be in the error
	}{
		"mistyped key":          {file: "proxy:\n  lisen: ':5000'\n", want: []string{":2:", `"proxy.lisen"`, `did you mean "listen"`}},
		"mistyped top key":      {file: "prxy: {}\n", want: []string{`"prxy"`, `"proxy"`}},
		"key inside a list":     {file: "proxy:\n  upstreams:\n  - registry: ghcr.io\n    endpoint: x\n", want: []string{":4:", "proxy.upstreams[0].endpoint", `"endpoints"`}},
		"wrong type":            {file: "proxy: 5\n", want: []string{"proxy must hold keys"}},
		"not YAML":              {file: "a: [\n", want: []string{"yaml"}},
		"two documents":         {file: "data: a\n---\ndata: b\n", want: []string{"second document"}},
		"bad duration":          {file: "proxy: {hold: soon}\n", want: []string{"soon"}},
		"bad level":             {file: "log: {level: loud}\n", want: []string{"loud"}},
		"bad address":           {file: "proxy: {listen: '5000'}\n", want: []string{"proxy.listen", `"5000"`}},
		"upstream twice":        {file: "proxy: {upstreams: [{registry: docker.io}, {registry: index.docker.io}]}\n", want: []string{"proxy.upstreams[1]", "twice"}},
		"upstream with path":    {file: "proxy: {upstreams: [{registry: docker.io}, {registry: a.example/b}]}\n", want: []string{"not a host"}},
		"default not listed":    {file: "proxy: {default_upstream: nowhere.example}\n", want: []string{"nowhere.example", "not among"}},
		"two storage drivers":   {file: "storage: {filesystem: {}, inmemory: {}}\n", want: []string{"storage", "2 drivers"}},
		"cache too small":       {file: "proxy: {cache: {size: 10MiB}}\n", want: []string{"proxy.cache.size", "64 MiB"}},
		"cache of no size":      {file: "proxy:\n  cache: {size: big}\n", want: []string{"line 2", `"big"`, "100GiB"}},
		"cache kept too short":  {file: "proxy: {cache: {keep: 1m}}\n", want: []string{"proxy.cache.keep", "1h"}},
		"grants from nowhere":   {file: "proxy: {grants_listen: ':5001'}\n", want: []string{"proxy.grants_listen", "analysis.pull_from"}},
		"grants, bad address":   {file: "proxy: {grants_listen: '5001'}\nanalysis: {pull_from: 'gate:5001'}\n", want: []string{"proxy.grants_listen", `"5001"`}},
		"half a certificate":    {file: "sandbox: {tls: {certificate: tls.crt}}\n", want: []string{"sandbox.tls", "both"}},
		"profile unknown":       {file: "analysis: {profile: slow}\n", want: []string{"analysis.profile", "slow"}},
		"network unknown":       {file: "analysis: {network: host}\n", want: []string{"analysis.network", "host"}},
		"gateway half":          {file: "sandbox: {gateway: {proxy: 'http://proxy.example:3128'}}\n", want: []string{"sandbox.gateway.resolver"}},
		"gateway without proxy": {file: "sandbox: {gateway: {deny: [192.0.2.0/24]}}\n", want: []string{"sandbox.gateway", "proxy"}},
		"memory too small":      {file: "sandbox: {memory: 1024}\n", want: []string{"sandbox.memory"}},
		"bundle without URL":    {file: "policies: {bundles: [{key: x}]}\n", want: []string{"policies.bundles[0].url", "is empty"}},
		"bundle in clear text":  {file: "policies: {bundles: [{url: 'http://bundles.example/x'}]}\n", want: []string{"policies.bundles[0].url", "clear text"}},
		"bundle of no scheme":   {file: "policies: {bundles: [{url: 's3://x/y'}]}\n", want: []string{"policies.bundles[0].url", `"s3"`, "oci://"}},
		"bundle of a registry":  {file: "policies: {bundles: [{url: 'oci://registry.example'}]}\n", want: []string{"names no repository"}},
		"bundle with user":      {file: "policies: {bundles: [{url: 'https://a:b@bundles.example/x'}]}\n", want: []string{"holds credentials"}},
		"bundle twice":          {file: "policies: {bundles: [{url: /a}, {url: /a}]}\n", want: []string{"policies.bundles[1].url", "twice"}},
		"bundle polled often":   {file: "policies: {bundles: [{url: /a, poll: 1ms}]}\n", want: []string{"policies.bundles[0].poll", "less than 1s"}},
		"bundle, no such alg":   {file: "policies: {bundles: [{url: /a, key: k, algorithm: none}]}\n", want: []string{"policies.bundles[0].algorithm", "ES256"}},
		"bundle, id, no key":    {file: "policies: {bundles: [{url: /a, key_id: k}]}\n", want: []string{"policies.bundles[0].key"}},
		"bundle, file, token":   {file: "policies: {bundles: [{url: /a, token: t}]}\n", want: []string{"mean nothing for a file"}},
		"bundle, token, user":   {file: "policies: {bundles: [{url: 'https://b.example', token: t, username: u, password: p}]}\n", want: []string{"keep one"}},
		"bundle, no password":   {file: "policies: {bundles: [{url: 'https://b.example', username: u}]}\n", want: []string{"go together"}},
		"bundle, mistyped key":  {env: "SALLYPORT_POLICIES_BUNDLES=[{ur: /a}]", want: []string{"SALLYPORT_POLICIES_BUNDLES", `"url"`}},
		"mistyped variable":     {env: "SALLYPORT_PROXY_LISEN=:1", want: []string{"SALLYPORT_PROXY_LISEN", "SALLYPORT_PROXY_LISTEN"}},
		"variable of bad value": {env: "SALLYPORT_SANDBOX_RUNS=many", want: []string{"SALLYPORT_SANDBOX_RUNS", "many"}},
		"several faults":        {file: "data: ''\nlog: {format: xml}\n", want: []string{"data", "log.format"}},
	} {
		t.Run(name, func(t *testing.T) {
			path := ""
			if c.file != "" {
				path = write(t, c.file)
			}
			var env []string
			if c.env != "" {
				env = []string{c.env}
			}
			_, err := Load(path, env)
			if err == nil {
				t.Fatal("accepted")
			}
			for _, w := range c.want {
				if !strings.Contains(err.Error(), w) {
					t.Errorf("the error does not say %s: %v", w, err)
				}
			}
		})
	}
}

func FuzzParse(f *testing.F) {
	f.Add("proxy:\n  listen: ':5000'\n")
	f.Add("storage: {s3: {a: [1, {b: c}]}}\nsandbox: ~\n")
	f.Add("a: &x [*x]\n")
	f.Fuzz(func(t *testing.T, text string) {
		cfg := Default()
		if parse([]byte(text), "fuzz.yaml", &cfg) == nil {
			cfg.Validate()
		}
	})
}

func write(t *testing.T, text string) string {
	t.Helper()
	path := filepath.Join(t.TempDir(), "sallyport.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}
