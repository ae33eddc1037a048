package proxy

import (
	"bufio"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/distribution/distribution/v3/registry/storage/driver/inmemory"

	"github.com/sallyport-dev/sallyport/gate"
)

// raw sends a request as it is written and returns the answer's status, 0 for
// none, and its body.
func (s *site) raw(request string) (int, string) {
	s.t.Helper()
	c, err := net.Dial("tcp", s.host)
	if err != nil {
		s.t.Fatal(err)
	}
	defer c.Close()
	_ = c.SetDeadline(time.Now().Add(20 * time.Second))
	if _, err := io.WriteString(c, request); err != nil {
		s.t.Fatal(err)
	}
	method, _, _ := strings.Cut(request, " ")
	resp, err := http.ReadResponse(bufio.NewReader(c), &http.Request{Method: method})
	if err != nil {
		return 0, err.Error()
	}
	defer resp.Body.Close()
	b, _ := io.ReadAll(resp.Body)
	return resp.StatusCode, string(b)
}

// Requests that no engine sends. None may get what is denied, however another
// reader of the same bytes would take them.
func TestRequestsThatAreWrittenByHand(t *testing.T) {
	s := newSite(t, inmemory.New())
	good := s.push("team/good:1.0", 1000)
	p := s.push("team/bad:1.0", 1000)
	if _, err := s.pull("team/bad:1.0"); err != nil {
		t.Fatal(err) // everything is cached
	}
	s.gate.deny(p.manifest)
	bad, blob := path("team/bad/manifests/1.0"), path("team/bad/blobs/%s", p.layers[0])
	for _, c := range []struct {
		name, request string
		status        int
	}{
		{"HTTP/1.0", "GET " + bad + " HTTP/1.0\r\n\r\n", 403},
		{"HTTP/1.0 for a blob", "GET " + blob + " HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", 403},
		{"HTTP/0.9", "GET " + bad + "\r\n\r\n", 400},
		{"an absolute target", "GET http://" + upstreamName + "/v2/team/bad/manifests/1.0 HTTP/1.1\r\nHost: gate.test\r\n\r\n", 403},
		{"an absolute target elsewhere", "GET http://192.0.2.1:8080/v2/team/bad/manifests/1.0 HTTP/1.1\r\nHost: gate.test\r\n\r\n", 403},
		{"a Host that is the upstream's", "GET /v2/team/bad/manifests/1.0 HTTP/1.1\r\nHost: " + upstreamName + "\r\n\r\n", 403},
		{"a Host with a path", "GET " + bad + " HTTP/1.1\r\nHost: gate.test/v2/x\r\n\r\n", 400},
		{"two Hosts", "GET " + bad + " HTTP/1.1\r\nHost: gate.test\r\nHost: quay.io\r\n\r\n", 400},
		{"no Host", "GET " + bad + " HTTP/1.1\r\n\r\n", 400},
		{"ns twice", "GET " + bad + "?ns=quay.io&ns=" + upstreamName + " HTTP/1.1\r\nHost: g\r\n\r\n", 400},
		{"NS in capitals", "GET " + bad + "?NS=quay.io HTTP/1.1\r\nHost: g\r\n\r\n", 403},
		{"a digest in the query", "GET " + bad + "?digest=" + good.manifest.String() + " HTTP/1.1\r\nHost: g\r\n\r\n", 403},
		{"a method override", "GET " + bad + " HTTP/1.1\r\nHost: g\r\nX-HTTP-Method-Override: HEAD\r\nX-Method-Override: OPTIONS\r\n\r\n", 403},
		{"an override of a push", "POST " + bad + " HTTP/1.1\r\nHost: g\r\nX-HTTP-Method-Override: GET\r\nContent-Length: 0\r\n\r\n", 405},
		{"another target in headers", "GET " + bad + " HTTP/1.1\r\nHost: g\r\nX-Original-URL: /v2/\r\nX-Rewrite-URL: /v2/\r\nX-Forwarded-Host: x\r\nX-Forwarded-For: 127.0.0.1\r\n\r\n", 403},
		{"an encoded v2", "GET /%76%32/" + upstreamName + "/team/bad/manifests/1.0 HTTP/1.1\r\nHost: g\r\n\r\n", 403},
		{"a doubly encoded slash", "GET " + path("team%%252fbad/manifests/1.0") + " HTTP/1.1\r\nHost: g\r\n\r\n", 400},
		{"a parameter in the path", "GET " + path("team/bad;x=1/manifests/1.0") + " HTTP/1.1\r\nHost: g\r\n\r\n", 400},
		{"a fragment", "GET " + bad + "#x HTTP/1.1\r\nHost: g\r\n\r\n", 400},
		{"dots from a good one", "GET " + path("team/good/manifests/../../bad/manifests/1.0") + " HTTP/1.1\r\nHost: g\r\n\r\n", 400},
		{"a dot", "GET " + path("./team/bad/manifests/1.0") + " HTTP/1.1\r\nHost: g\r\n\r\n", 400},
		{"a folded header", "GET " + bad + " HTTP/1.1\r\nHost: g\r\nAccept: x\r\n y\r\n\r\n", 403},
		{"a body that hides a request", "GET " + bad + " HTTP/1.1\r\nHost: g\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 403},
		{"an upgrade", "GET " + bad + " HTTP/1.1\r\nHost: g\r\nConnection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\nHTTP2-Settings: AAMAAABkAAQAAP__\r\n\r\n", 403},
		{"CONNECT", "CONNECT " + upstreamName + ":443 HTTP/1.1\r\nHost: g\r\n\r\n", 405},
		{"TRACE", "TRACE " + bad + " HTTP/1.1\r\nHost: g\r\n\r\n", 405},
		{"OPTIONS for all", "OPTIONS * HTTP/1.1\r\nHost: g\r\n\r\n", 405},
		{"a trailing space in the method", "GET  " + bad + " HTTP/1.1\r\nHost: g\r\n\r\n", 400},
		{"a range of a blob", "GET " + blob + " HTTP/1.1\r\nHost: g\r\nRange: bytes=0-\r\n\r\n", 403},
		{"two ranges", "GET " + blob + " HTTP/1.1\r\nHost: g\r\nRange: bytes=0-1\r\nRange: bytes=2-\r\n\r\n", 403},
	} {
		status, body := s.raw(c.request)
		// The server itself answers some of these, OPTIONS * with 200 and nothing.
		if status != c.status && !(strings.HasPrefix(c.request, "OPTIONS *") && status == 200 && body == "") {
			t.Errorf("%s: %d %s", c.name, status, body)
		}
		if raw, _ := p.img.RawManifest(); strings.Contains(body, string(raw)) {
			t.Errorf("%s: gets the manifest", c.name)
		}
	}
}

// While a verdict flips, each answer is the one of a moment between its
// question and its end: after a denial was said, nothing that is asked passes.
func TestVerdictFlips(t *testing.T) {
	s := newSite(t, disk(t))
	p := s.push("team/app:1.0", 2000)
	if _, err := s.pull("team/app:1.0"); err != nil {
		t.Fatal(err)
	}
	wheres := []string{path("team/app/manifests/1.0"), path("team/app/manifests/%s", p.manifest), path("team/app/blobs/%s", p.layers[0])}
	// Even: denied; odd: allowed, or about to be.
	var state atomic.Int64
	state.Store(1)
	stop, asked := make(chan struct{}), [2]atomic.Int64{}
	var clients sync.WaitGroup
	for i := range 4 {
		clients.Go(func() {
			for n := i; ; n++ {
				select {
				case <-stop:
					return
				default:
				}
				where, method := wheres[n%len(wheres)], []string{"HEAD", "GET"}[n/len(wheres)%2]
				before := state.Load()
				a := s.ask(method, where)
				after := state.Load()
				switch {
				case a.err != nil || (a.status != 200 && a.status != 403):
					t.Errorf("%s %s: %d %v", method, where, a.status, a.err)
				case before == after && before%2 == 0 && a.status == 200:
					t.Errorf("%s %s passed while it was denied all the time", method, where)
				}
				asked[a.status/403].Add(1)
			}
		})
	}
	for range 150 {
		s.gate.deny(p.manifest)
		state.Add(1)
		time.Sleep(2 * time.Millisecond)
		state.Add(1)
		s.gate.say(p.manifest, gate.Decision{Action: gate.Allow})
		time.Sleep(2 * time.Millisecond)
	}
	eventually(t, "both answers were seen", func() bool { return asked[0].Load() > 0 && asked[1].Load() > 0 })
	close(stop)
	clients.Wait()
}

func TestTagMovesBetweenHeadAndGet(t *testing.T) {
	s := newSite(t, inmemory.New(), func(c *Config) { c.TagFreshness = -1 })
	good := s.push("team/app:1.0", 1000)
	if a := s.ask("HEAD", path("team/app/manifests/1.0")); a.status != 200 || a.header.Get("Docker-Content-Digest") != good.manifest.String() {
		t.Fatalf("%d %v", a.status, a.header)
	}
	bad := s.push("team/app:1.0", 1001)
	s.gate.deny(bad.manifest)
	if a := s.ask("GET", path("team/app/manifests/1.0")); a.status != 403 {
		t.Errorf("the tag now means a denied image: %d", a.status)
	}
	if a := s.ask("GET", path("team/app/blobs/%s", bad.layers[0])); a.status != 403 {
		t.Errorf("its layer: %d", a.status)
	}
	if a := s.ask("GET", path("team/app/manifests/%s", good.manifest)); a.status != 200 {
		t.Errorf("what the HEAD told of: %d", a.status)
	}
	s.push("team/app:1.0", 1002)
	if a := s.ask("GET", path("team/app/manifests/1.0")); a.status != 200 {
		t.Errorf("the tag means an allowed image again: %d", a.status)
	}
}

func TestHeadOfADeniedImageForOldEngines(t *testing.T) {
	s := newSite(t, inmemory.New(), func(c *Config) { c.AllowHead = true })
	p := s.push("team/bad:1.0", 1000)
	s.gate.deny(p.manifest)
	for _, which := range []string{"1.0", p.manifest.String()} {
		where := path("team/bad/manifests/%s", which)
		h := s.ask("HEAD", where)
		if h.status != 200 || h.header.Get("Docker-Content-Digest") != p.manifest.String() || h.header.Get(decisionHeader) == "" || len(h.body) != 0 {
			t.Errorf("HEAD %s: %d %v", which, h.status, h.header)
		}
		if a := s.ask("GET", where); a.status != 403 || a.code() != "DENIED" {
			t.Errorf("GET %s: %d %s", which, a.status, a.body)
		}
	}
	if a := s.ask("HEAD", path("team/bad/blobs/%s", p.layers[0])); a.status != 403 {
		t.Errorf("HEAD of a blob: %d", a.status)
	}
	s.gate.fail(fmt.Errorf("no facts"))
	if a := s.ask("HEAD", path("team/bad/manifests/1.0")); a.status != 503 {
		t.Errorf("HEAD while the gate is at fault: %d", a.status)
	}
}
