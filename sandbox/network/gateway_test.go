package network_test

import (
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/miekg/dns"

	"github.com/sallyport-dev/sallyport/sandbox/network"
	"github.com/sallyport-dev/sallyport/sandbox/network/gateway"
	"github.com/sallyport-dev/sallyport/sandbox/observation"
)

// A World with a way out still makes up everything that is not public, and asks
// the proxy for none of it.
func TestGatewayLeavesWhatIsNotPublicSimulated(t *testing.T) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	var greeted atomic.Int64
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			greeted.Add(1)
			conn.Close()
		}
	}()
	t.Cleanup(func() { ln.Close(); <-done })
	way, err := gateway.New(gateway.Config{Proxy: "http://" + ln.Addr().String(), Resolver: "192.0.2.53:53"})
	if err != nil {
		t.Fatal(err)
	}
	g := newGuest(t, func(c *network.Config) { c.Gateway = way })
	client := g.browser(dns.TypeA)
	for url, want := range map[string]string{
		"http://10.0.0.1/x.sh":                                    token,
		"http://192.168.0.1/":                                     "It works!",
		"http://198.51.100.1/x.sh":                                token,
		"http://[fd00::1]/":                                       "It works!",
		"http://169.254.169.254/latest/meta-data/instance-id":     "i-0123456789abcdef0",
		"http://metadata.google.internal/latest/meta-data/ami-id": "ami-",
		"http://172.17.0.1:2375/_ping":                            "OK",
		"https://kubernetes.default.svc/version":                  "gitVersion",
	} {
		if status, body := g.get(client, url); status != 200 || !strings.Contains(body, want) {
			t.Errorf("%s: %d %q", url, status, body)
		}
	}
	if n := greeted.Load(); n != 0 {
		t.Errorf("the proxy was called %d times", n)
	}
	f := g.flow("the refusal", func(f observation.Flow) bool { return f.DstIP == "192.168.0.1" })
	if len(f.Messages) != 1 || f.Messages[0].Type != "gateway_refused" || !strings.Contains(f.Messages[0].Fields["why"], "not an address of the public internet") {
		t.Errorf("noted as %+v", f.Messages)
	}

	// A public name is looked up through the proxy, and nothing is said but that.
	if status, _ := g.get(client, "http://real.example/"); status != 200 || greeted.Load() != 1 {
		t.Errorf("%d, the proxy was called %d times", status, greeted.Load())
	}
}
