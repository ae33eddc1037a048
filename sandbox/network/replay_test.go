package network_test

import (
	"crypto/sha256"
	"encoding/hex"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/miekg/dns"

	"github.com/sallyport-dev/sallyport/sandbox/network"
	"github.com/sallyport-dev/sallyport/sandbox/network/recording"
	"github.com/sallyport-dev/sallyport/sandbox/observation"
)

func TestRecordedAnswersAreGivenAgain(t *testing.T) {
	dir := t.TempDir()
	script := []byte("#!/bin/sh\necho second stage\n")
	if err := recording.Write(dir, map[string][]byte{
		"http://drop.example/a.sh": script, "https://drop.example/b?c=d": []byte("b"), "http://198.51.100.3:8080/c": []byte("c"), "http://deb.debian.org/x": []byte("mirror"),
	}); err != nil {
		t.Fatal(err)
	}
	recorded, err := recording.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { recorded.Close() })
	g := newGuest(t, func(c *network.Config) { c.Recording = recorded })
	client := g.browser(dns.TypeA)
	for url, want := range map[string]string{
		"http://drop.example/a.sh": string(script), "https://drop.example/b?c=d": "b", "http://198.51.100.3:8080/c": "c", "http://deb.debian.org/x": "mirror",
		"https://drop.example/a.sh": token, // not recorded: made up as ever
	} {
		if status, body := g.get(client, url); status != 200 || !strings.Contains(body, want) {
			t.Errorf("%s: %d %q, want %q", url, status, body, want)
		}
	}
	sources := map[string]observation.HTTP{}
	for _, h := range g.world.Records(g.start).HTTP {
		sources[h.Host+h.Path+h.Source] = h
	}
	sum := sha256.Sum256(script)
	if h := sources["drop.example/a.sh"+"recording"]; h.SHA256 != hex.EncodeToString(sum[:]) || h.Payload != "" || h.TLS {
		t.Errorf("the recorded script is noted as %+v", h)
	}
	if h := sources["drop.example/a.sh"]; h.Payload != "script" || !h.TLS {
		t.Errorf("the marker is noted as %+v", h)
	}

	// A body that is not what it was any more is not served.
	files, _ := filepath.Glob(filepath.Join(dir, hex.EncodeToString(sum[:])))
	if len(files) != 1 {
		t.Fatal(files)
	}
	if err := os.WriteFile(files[0], []byte("changed"), 0o644); err != nil {
		t.Fatal(err)
	}
	if _, body := g.get(client, "http://drop.example/a.sh"); !strings.Contains(body, token) {
		t.Errorf("after the change: %q", body)
	}
}
