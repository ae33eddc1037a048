package config

import (
	"fmt"
	"net"
	"net/url"
	"slices"
	"strings"
	"time"
)

var bundleAlgorithms = []string{
	"", "RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "HS256", "HS384", "HS512",
}

// validateBundles reports what cannot work, and sets defaults.
func (c *Config) validateBundles(bad func(key, format string, args ...any)) {
	validateBundleList("policies.bundles", c.Policies.Bundles, bad)
	validateBundleList("sandbox.rule_bundles", c.Sandbox.RuleBundles, bad)
}

func validateBundleList(name string, list []Bundle, bad func(key, format string, args ...any)) {
	seen := map[string]bool{}
	for i := range list {
		b := &list[i]
		key := fmt.Sprintf("%s[%d]", name, i)
		if b.Poll == 0 {
			b.Poll = time.Minute
		}
		if b.Poll < time.Second {
			bad(key+".poll", "%s is less than 1s", b.Poll)
		}
		remote := b.validateURL(func(format string, args ...any) { bad(key+".url", format, args...) })
		if seen[b.URL] {
			bad(key+".url", "%s is listed twice", b.URL)
		}
		seen[b.URL] = true
		if !slices.Contains(bundleAlgorithms, b.Algorithm) {
			bad(key+".algorithm", "%q is none of %s", b.Algorithm, strings.Join(bundleAlgorithms[1:], ", "))
		}
		if b.Key == "" && (b.KeyID != "" || b.Algorithm != "") {
			bad(key+".key", "is empty, but key_id or algorithm is set: no signature would be looked at")
		}
		switch {
		case !remote && (b.Token != "" || b.Username != "" || b.CA != ""):
			bad(key, "token, username and ca mean nothing for a file")
		case b.Token != "" && b.Username != "":
			bad(key, "has both token and username: keep one")
		case (b.Username == "") != (b.Password == ""):
			bad(key, "username and password go together")
		}
	}
}

// validateURL tells whether the bundle comes from another place than a file.
func (b *Bundle) validateURL(bad func(format string, args ...any)) (remote bool) {
	scheme, rest, found := strings.Cut(b.URL, "://")
	switch {
	case b.URL == "":
		bad("is empty: write a path, https://… or oci://registry/repository:tag")
	case !found || scheme == "file":
		return false
	case scheme == "oci":
		if registry, repository, _ := strings.Cut(rest, "/"); registry == "" || repository == "" {
			bad("%q names no repository: write oci://registry/repository:tag", b.URL)
		}
		return true
	case scheme == "https" || scheme == "http":
		u, err := url.Parse(b.URL)
		switch {
		case err != nil || u.Host == "":
			bad("is not a URL with a host")
		case u.User != nil:
			bad("holds credentials: write them as username and password, or token")
		case scheme == "http" && !loopback(u.Hostname()):
			bad("%q is in clear text: write https", b.URL)
		}
		return true
	default:
		bad("has the scheme %q: write a path, https://… or oci://…", scheme)
	}
	return true
}

func loopback(host string) bool {
	ip := net.ParseIP(host)
	return host == "localhost" || ip != nil && ip.IsLoopback()
}
