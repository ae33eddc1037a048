package config

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestUpstreams(t *testing.T) {
	file := filepath.Join(t.TempDir(), "sallyport.yaml")
	text := `
proxy:
  default_upstream: ghcr.io
  upstreams:
    - registry: ghcr.io
      credentials: client
      timeout: 5s
    - registry: docker.io
      endpoints:
        - https://mirror.example.com
        - url: https://second.example.com:8443
          ca_file: /etc/ssl/second.pem
          username: robot
          password: p
      credentials: [docker, kubernetes]
      docker_config: /run/docker/config.json
      pull_secrets: [regcred, other/regcred]
      token_hosts: [auth.example.net]
      requests: 8
`
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	cfg, err := Load(file, nil)
	if err != nil {
		t.Fatal(err)
	}
	want := []Upstream{
		{Registry: "ghcr.io", Endpoints: []Endpoint{{URL: "https://ghcr.io"}}, Credentials: Words{"client"}, Timeout: 5 * time.Second},
		{
			Registry:    "docker.io",
			Endpoints:   []Endpoint{{URL: "https://mirror.example.com"}, {URL: "https://second.example.com:8443", CAFile: "/etc/ssl/second.pem", Username: "robot", Password: "p"}},
			Credentials: Words{"docker", "kubernetes"}, DockerConfig: "/run/docker/config.json",
			PullSecrets: []string{"regcred", "other/regcred"}, TokenHosts: []string{"auth.example.net"}, Requests: 8,
		},
	}
	if !reflect.DeepEqual(cfg.Proxy.Upstreams, want) {
		t.Errorf("got %+v", cfg.Proxy.Upstreams)
	}
	if cfg.Proxy.TagAbsence != 10*time.Second || cfg.Proxy.CredentialTrust != 10*time.Minute {
		t.Errorf("defaults: %s, %s", cfg.Proxy.TagAbsence, cfg.Proxy.CredentialTrust)
	}
}

func TestUpstreamsAreRefused(t *testing.T) {
	for _, c := range []struct{ name, upstream, says string }{
		{"an unknown key of an endpoint", `{registry: ghcr.io, endpoints: [{url: https://a.test, cafile: x}]}`, `"proxy.upstreams[0].endpoints[0].cafile": did you mean "ca_file"?`},
		{"a password in a URL", `{registry: ghcr.io, endpoints: ["https://u:s3cret@a.test"]}`, "holds credentials"},
		{"certificates for clear text", `{registry: ghcr.io, endpoints: [{url: http://a.test, insecure_skip_verify: true}]}`, "clear text"},
		{"a certificate without key", `{registry: ghcr.io, endpoints: [{url: https://a.test, cert_file: x}]}`, "both cert_file and key_file"},
		{"an unknown source", `{registry: ghcr.io, credentials: vault}`, `"vault" is none of docker, ecr, google, acr, kubernetes, client`},
		{"two sources at once", `{registry: ghcr.io, username: u, password: p, credentials: docker}`, "names docker besides username"},
		{"two passwords", `{registry: ghcr.io, username: u, password: p, password_file: f}`, "keep one"},
		{"a password without a user", `{registry: ghcr.io, password: p}`, "username: is empty"},
		{"a file for another source", `{registry: ghcr.io, credentials: ecr, docker_config: x}`, "does not name docker"},
		{"secrets for another source", `{registry: ghcr.io, pull_secrets: [x]}`, "does not name kubernetes"},
		{"a timeout too long", `{registry: ghcr.io, timeout: 1h}`, "not between 0s and 5m"},
	} {
		file := filepath.Join(t.TempDir(), "sallyport.yaml")
		if err := os.WriteFile(file, []byte("proxy:\n  default_upstream: ghcr.io\n  upstreams:\n    - "+c.upstream+"\n"), 0o600); err != nil {
			t.Fatal(err)
		}
		_, err := Load(file, nil)
		if err == nil || !strings.Contains(err.Error(), c.says) || strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%s: got %v", c.name, err)
		}
	}
	_, err := Load("", []string{"SALLYPORT_PROXY_AUTH_METHODS=tokens", `SALLYPORT_PROXY_UPSTREAMS=[{registry: docker.io, credentials: client}]`})
	if err == nil || !strings.Contains(err.Error(), "proxy.auth.methods: [anonymous]") {
		t.Errorf("the gate's accounts and the clients' own credentials at once: %v", err)
	}
}

func TestTheExampleIsTrue(t *testing.T) {
	cfg, err := Load("../examples/sallyport.example.yaml", nil)
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range Default().Proxy.Upstreams {
		found := false
		for _, v := range cfg.Proxy.Upstreams {
			found = found || v.Registry == u.Registry
		}
		if !found && u.Registry != DemoUpstream {
			t.Errorf("%s is missing", u.Registry)
		}
	}
	// What is commented out would work, too: every word of it is a setting.
	text, err := os.ReadFile("../examples/sallyport.example.yaml")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.SplitSeq(string(text), "\n") {
		key, _, ok := strings.Cut(strings.TrimLeft(line, " #-"), ": ")
		if ok && strings.Contains(line, "#") && !strings.Contains(key, " ") && !strings.Contains(string(mustKeys(t)), "`yaml:\""+key+"\"`") && key != "registry" {
			t.Errorf("%q is no setting", key)
		}
	}
}

// mustKeys is the source that defines the keys.
func mustKeys(t *testing.T) []byte {
	t.Helper()
	src, err := os.ReadFile("upstream.go")
	if err != nil {
		t.Fatal(err)
	}
	return src
}
