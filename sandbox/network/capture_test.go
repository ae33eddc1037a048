package network_test

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/sallyport-dev/sallyport/sandbox/network"
)

func TestCaptureIsAPcapFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run.pcap")
	g := newGuest(t, func(c *network.Config) { c.Pcap = path })
	g.get(g.browser(dns.TypeA), "http://captured.example/secret-path")
	if err := g.world.Close(); err != nil {
		t.Fatal(err)
	}
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if len(b) < 24 || !slices.Equal(b[:4], []byte{0xd4, 0xc3, 0xb2, 0xa1}) || !strings.Contains(string(b), "GET /secret-path") || !strings.Contains(string(b), "\x08captured\x07example") {
		t.Errorf("%d bytes: %.40q", len(b), b)
	}
	if info, _ := os.Stat(path); info.Mode().Perm() != 0o600 {
		t.Errorf("mode %v", info.Mode())
	}
}

func TestCaptureStopsAtItsLimit(t *testing.T) {
	path := filepath.Join(t.TempDir(), "run.pcap")
	g := newGuest(t, func(c *network.Config) { c.Pcap, c.Limits.Pcap = path, 2000 })
	for range 20 {
		g.get(g.browser(dns.TypeA), "http://captured.example/")
	}
	g.world.Close()
	if info, err := os.Stat(path); err != nil || info.Size() > 2000 || info.Size() < 100 {
		t.Errorf("%v, %v", info, err)
	}
}
