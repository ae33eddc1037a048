package network_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/sallyport-dev/sallyport/sandbox/network"
	"github.com/sallyport-dev/sallyport/sandbox/observation"
)

func TestTLSIsNotTrustedWithoutTheBundle(t *testing.T) {
	g := newGuest(t)
	client := g.browser(dns.TypeA)
	client.Transport.(*http.Transport).TLSClientConfig.RootCAs = nil
	if _, err := client.Get("https://pinned.example/"); err == nil {
		t.Fatal("a client that does not know the authority accepted it")
	}
	f := g.flow("the failed handshake", func(f observation.Flow) bool { return slices.Contains(messages(f, true), "handshake_failed") })
	if f.App != "tls" || f.TLS || f.Messages[0].Fields["server_name"] != "pinned.example" {
		t.Errorf("recorded as %+v", f)
	}
}

func TestBundleKeepsWhatTheImageTrusts(t *testing.T) {
	g := newGuest(t)
	for _, existing := range []string{"", "-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----"} {
		bundle := string(g.world.Bundle([]byte(existing)))
		if !strings.HasPrefix(bundle, existing) || !strings.HasSuffix(bundle, "\n"+string(g.world.CA())) && existing != "" {
			t.Errorf("%q became %q", existing, bundle)
		}
	}
	for _, v := range g.world.Environment() {
		if !strings.HasSuffix(v, "="+network.BundlePath) {
			t.Errorf("%s does not name the bundle", v)
		}
	}
	if !slices.Contains(network.BundlePaths(), network.BundlePath) {
		t.Error("the bundle's own path is not among the paths")
	}
}
