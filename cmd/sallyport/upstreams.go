package main

import (
	"fmt"
	"os"
	"slices"
	"strings"

	"github.com/sallyport-dev/sallyport/config"
	"github.com/sallyport-dev/sallyport/proxy"
	"github.com/sallyport-dev/sallyport/proxy/upstream"
	"github.com/sallyport-dev/sallyport/proxy/upstream/keychain"
)

// upstreams gives the proxy the registries that it may ask, and the gate's own
// credentials for them. Nothing is asked yet.
func upstreams(cfg config.Proxy, c *clusterLink) ([]proxy.Upstream, error) {
	var all []proxy.Upstream
	for _, u := range cfg.Upstreams {
		one := proxy.Upstream{
			Registry: u.Registry, Username: u.Username, Password: u.Password,
			Client:     slices.Contains(u.Credentials, config.CredentialsClient),
			TokenHosts: u.TokenHosts, Requests: u.Requests, Timeout: u.Timeout,
			Settings: map[string]upstream.EndpointConfig{},
		}
		for _, e := range u.Endpoints {
			one.Endpoints = append(one.Endpoints, e.URL)
			one.Settings[e.URL] = upstream.EndpointConfig{
				CAFile: e.CAFile, CertFile: e.CertFile, KeyFile: e.KeyFile, Insecure: e.InsecureSkipVerify,
				Username: e.Username, Password: e.Password,
			}
		}
		if u.PasswordFile != "" {
			b, err := os.ReadFile(u.PasswordFile)
			if err != nil {
				return nil, fmt.Errorf("proxy.upstreams, %s, password_file: %w", u.Registry, err)
			}
			one.Password = strings.TrimSpace(string(b))
		}
		sources := slices.DeleteFunc(slices.Clone(u.Credentials), func(s string) bool { return s == config.CredentialsClient })
		if len(sources) > 0 {
			k, err := keychain.Open(keychain.Config{Sources: sources, DockerConfig: u.DockerConfig, PullSecrets: u.PullSecrets, Cluster: c.secrets})
			if err != nil {
				return nil, fmt.Errorf("proxy.upstreams, %s: %w", u.Registry, err)
			}
			one.Keychain = k
		}
		all = append(all, one)
	}
	return all, nil
}
