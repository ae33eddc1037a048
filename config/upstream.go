package config

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"time"

	"go.yaml.in/yaml/v3"

	"github.com/sallyport-dev/sallyport/image"
)

// Upstream is one registry behind the gate.
type Upstream struct {
	Registry     string        `yaml:"registry"`  // its name: docker.io, ghcr.io, registry.example.com:8443
	Endpoints    []Endpoint    `yaml:"endpoints"` // tried in order; default https://<registry>
	Username     string        `yaml:"username"`  // the gate's own credentials, for all endpoints that have none of their own
	Password     string        `yaml:"password"`
	PasswordFile string        `yaml:"password_file"` // instead of password; read at start
	Credentials  Words         `yaml:"credentials"`   // where credentials come from otherwise: the Credentials… below
	DockerConfig string        `yaml:"docker_config"` // file for the source docker; default Docker's and Podman's own places
	PullSecrets  []string      `yaml:"pull_secrets"`  // for the source kubernetes: name or namespace/name; default those of the namespace's default service account
	TokenHosts   []string      `yaml:"token_hosts"`   // hosts of token services outside the endpoints' own domains
	Requests     int           `yaml:"requests"`      // at the same time, blobs being read included; 0: 128
	Timeout      time.Duration `yaml:"timeout"`       // until an answer begins; 0: 20 s
}

// Where credentials for an upstream come from.
const (
	CredentialsDocker     = "docker"     // Docker's configuration file and credential helpers
	CredentialsECR        = "ecr"        // Amazon ECR, by the machine's role
	CredentialsGoogle     = "google"     // Google's registries, by application default credentials
	CredentialsACR        = "acr"        // Azure's registries, by the machine's identity
	CredentialsKubernetes = "kubernetes" // the cluster's pull secrets
	CredentialsClient     = "client"     // what the client of the gate brings, for what this client may see
)

// Endpoint is one address of an upstream. In YAML, a string is its URL.
type Endpoint struct {
	URL                string `yaml:"url"`     // https://host[:port] or http://…
	CAFile             string `yaml:"ca_file"` // PEM file of the authorities trusted for it, instead of the system's
	CertFile           string `yaml:"cert_file"`
	KeyFile            string `yaml:"key_file"`
	InsecureSkipVerify bool   `yaml:"insecure_skip_verify"` // do not check its certificate
	Username           string `yaml:"username"`             // instead of the upstream's
	Password           string `yaml:"password"`
}

// UnmarshalYAML reads an endpoint, or its URL alone.
func (e *Endpoint) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		*e = Endpoint{}
		return n.Decode(&e.URL)
	}
	type plain Endpoint
	return n.Decode((*plain)(e))
}

// Words is a list of words. In YAML, a string is a list of one.
type Words []string

// UnmarshalYAML reads a list of words, or one.
func (w *Words) UnmarshalYAML(n *yaml.Node) error {
	if n.Kind == yaml.ScalarNode {
		var one string
		if err := n.Decode(&one); err != nil {
			return err
		}
		*w = nil
		if one != "" {
			*w = Words{one}
		}
		return nil
	}
	return n.Decode((*[]string)(w))
}

func (c *Config) validateUpstreams(bad func(key, format string, args ...any)) {
	c.Proxy.DefaultUpstream = image.NormalRegistry(c.Proxy.DefaultUpstream)
	seen := map[string]bool{}
	for i := range c.Proxy.Upstreams {
		u := &c.Proxy.Upstreams[i]
		key := fmt.Sprintf("proxy.upstreams[%d]", i)
		if u.Registry == "" {
			bad(key+".registry", "is empty: name the registry, e.g. ghcr.io")
			continue
		}
		if strings.ContainsAny(u.Registry, "/ ") {
			bad(key+".registry", "%q is not a host: leave out path and scheme", u.Registry)
		}
		u.Registry = image.NormalRegistry(u.Registry)
		if seen[u.Registry] {
			bad(key+".registry", "%s is listed twice", u.Registry)
		}
		seen[u.Registry] = true
		u.validate(func(of, format string, args ...any) { bad(key+of, format, args...) })
		if slices.Contains(u.Credentials, CredentialsClient) && (c.Proxy.Auth.Has(AuthHtpasswd) || c.Proxy.Auth.Has(AuthTokens)) {
			bad(key+".credentials", "client needs proxy.auth.methods: [anonymous]: a client can send one set of credentials, the gate's or the registry's")
		}
	}
	if !seen[c.Proxy.DefaultUpstream] {
		bad("proxy.default_upstream", "%s is not among proxy.upstreams: list it there, or set another default", c.Proxy.DefaultUpstream)
	}
	if c.Proxy.TagAbsence < 0 || c.Proxy.TagAbsence > time.Hour {
		bad("proxy.tag_absence", "%s is not between 0s and 1h", c.Proxy.TagAbsence)
	}
	if c.Proxy.CredentialTrust < time.Second || c.Proxy.CredentialTrust > 24*time.Hour {
		bad("proxy.credential_trust", "%s is not between 1s and 24h", c.Proxy.CredentialTrust)
	}
}

func (u *Upstream) validate(bad func(key, format string, args ...any)) {
	if len(u.Endpoints) == 0 {
		u.Endpoints = []Endpoint{{URL: "https://" + u.Registry}}
	}
	for i, e := range u.Endpoints {
		key := fmt.Sprintf(".endpoints[%d]", i)
		p, err := url.Parse(e.URL)
		switch {
		case err != nil || p.Host == "" || (p.Scheme != "http" && p.Scheme != "https"):
			bad(key, "%q is not an http or https URL", e.URL)
		case p.User != nil:
			bad(key, "the URL holds credentials: write username and password beside it")
		case p.Scheme == "http" && (e.CAFile != "" || e.CertFile != "" || e.InsecureSkipVerify):
			bad(key, "%s is clear text, which has no certificates", e.URL)
		}
		if (e.CertFile == "") != (e.KeyFile == "") {
			bad(key, "needs both cert_file and key_file")
		}
		if e.Password != "" && e.Username == "" {
			bad(key+".username", "is empty, but there is a password")
		}
	}
	if u.Password != "" && u.PasswordFile != "" {
		bad(".password_file", "is set besides password: keep one")
	}
	if (u.Password != "" || u.PasswordFile != "") && u.Username == "" {
		bad(".username", "is empty, but there is a password")
	}
	known := []string{CredentialsDocker, CredentialsECR, CredentialsGoogle, CredentialsACR, CredentialsKubernetes, CredentialsClient}
	for _, s := range u.Credentials {
		if !slices.Contains(known, s) {
			bad(".credentials", "%q is none of %s", s, strings.Join(known, ", "))
		}
	}
	sources := slices.DeleteFunc(slices.Clone(u.Credentials), func(s string) bool { return s == CredentialsClient })
	if u.Username != "" && len(sources) > 0 {
		bad(".credentials", "names %s besides username: keep one", strings.Join(sources, ", "))
	}
	if u.DockerConfig != "" && !slices.Contains(sources, CredentialsDocker) {
		bad(".docker_config", "is set, but credentials does not name docker")
	}
	if len(u.PullSecrets) > 0 && !slices.Contains(sources, CredentialsKubernetes) {
		bad(".pull_secrets", "are set, but credentials does not name kubernetes")
	}
	if u.Requests < 0 {
		bad(".requests", "%d is negative", u.Requests)
	}
	if u.Timeout < 0 || u.Timeout > 5*time.Minute {
		bad(".timeout", "%s is not between 0s and 5m", u.Timeout)
	}
}
