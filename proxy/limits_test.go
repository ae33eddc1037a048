package proxy

import (
	"context"
	"io"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/distribution/distribution/v3/registry/storage/driver/inmemory"
	"github.com/opencontainers/go-digest"

	"github.com/sallyport-dev/sallyport/gate"
)

func TestRateOfOneClient(t *testing.T) {
	var mu sync.Mutex
	now := time.Unix(1e9, 0)
	turn := func(d time.Duration) { mu.Lock(); now = now.Add(d); mu.Unlock() }
	s := newSite(t, inmemory.New(), func(c *Config) {
		c.Accounts = accounts(t)
		c.Limits = Limits{Rate: 2, Burst: 3}
		c.now = func() time.Time { mu.Lock(); defer mu.Unlock(); return now }
	})
	for i, want := range []int{200, 200, 200, 429, 429} {
		a := s.ask("GET", "/v2/")
		if a.status != want {
			t.Fatalf("request %d: %d", i, a.status)
		}
		if want == 429 && (a.code() != "TOOMANYREQUESTS" || a.header.Get("Retry-After") != "1" || !strings.Contains(a.message(), "proxy.limits.rate")) {
			t.Errorf("%v %s", a.header, a.body)
		}
	}
	if a := s.ask("GET", "/v2/", basic("ada", "right")); a.status != 200 {
		t.Errorf("a user at the same address: %d", a.status)
	}
	turn(time.Second)
	for i, want := range []int{200, 200, 429} {
		if a := s.ask("GET", "/v2/"); a.status != want {
			t.Errorf("a second later, request %d: %d", i, a.status)
		}
	}
}

func TestRequestsOfOneClientAtTheSameTime(t *testing.T) {
	s := newSite(t, inmemory.New(), func(c *Config) { c.Limits.Requests, c.Hold = 2, 30*time.Second })
	p := s.push("team/app:1.0", 100)
	s.gate.say(p.manifest, gate.Decision{Action: gate.Wait, ID: "w"})
	var held sync.WaitGroup
	for range 2 {
		held.Go(func() {
			if a := s.ask("GET", path("team/app/manifests/1.0")); a.status != 200 {
				t.Errorf("held: %d", a.status)
			}
		})
	}
	eventually(t, "a third one is refused", func() bool {
		a := s.ask("GET", "/v2/")
		return a.status == 429 && strings.Contains(a.message(), "proxy.limits.requests")
	})
	s.gate.say(p.manifest, gate.Decision{Action: gate.Allow})
	held.Wait()
	if a := s.ask("GET", "/v2/"); a.status != 200 {
		t.Errorf("afterwards: %d", a.status)
	}
}

func TestDrainingHoldsNobody(t *testing.T) {
	s := newSite(t, inmemory.New(), func(c *Config) { c.Hold = time.Hour })
	p := s.push("team/app:1.0", 100)
	s.gate.say(p.manifest, gate.Decision{Action: gate.Wait, ID: "w", State: "running", RetryAfter: time.Second})
	got := make(chan answer)
	go func() { got <- s.ask("GET", path("team/app/manifests/1.0")) }()
	eventually(t, "the gate is asked", func() bool { s.gate.mu.Lock(); defer s.gate.mu.Unlock(); return len(s.gate.asked) > 0 })
	s.proxy.Drain()
	if a := <-got; a.status != 429 || a.header.Get("Retry-After") == "" {
		t.Errorf("held: %d %s", a.status, a.body)
	}
	if a := s.ask("GET", path("team/app/manifests/1.0")); a.status != 429 {
		t.Errorf("who comes then: %d", a.status)
	}
}

// stalled is a client that asks and then takes nothing.
func stalled(t *testing.T, s *site, path string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", s.host)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	if err := c.(*net.TCPConn).SetReadBuffer(4 << 10); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(c, "GET "+path+" HTTP/1.1\r\nHost: gate.test\r\n\r\n"); err != nil {
		t.Fatal(err)
	}
	return c
}

func TestASlowReaderHoldsNothing(t *testing.T) {
	s := newSite(t, disk(t), func(c *Config) { c.Limits = Limits{Stall: 2 * time.Second, MinRate: 1 << 30} })
	p := s.push("team/app:1.0", 8<<20) // more than sockets keep
	where := path("team/app/blobs/%s", p.layers[0])
	s.ask("GET", path("team/app/manifests/1.0"))
	var ended sync.Map // requests for the blob that ended, by the client's address
	inner := s.proxy.Handler()
	s.server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		inner.ServeHTTP(w, r)
		ended.Store(r.RemoteAddr, true)
	})
	for _, when := range []string{"while it is fetched", "when it is stored"} {
		c := stalled(t, s, where)
		// The fill goes on without it, and others are not held up.
		if a := s.ask("GET", where); a.status != 200 || digest.FromBytes(a.body) != p.layers[0] {
			t.Fatalf("%s: another client got %d, %d bytes, %v", when, a.status, len(a.body), a.err)
		}
		eventually(t, when+": the blob is stored", func() bool { _, ok := s.content.stored(context.Background(), s.ref(), p.layers[0]); return ok })
		eventually(t, when+": the slow one's request ends", func() bool { _, ok := ended.Load(c.LocalAddr().String()); return ok })
	}
	if n := s.origin.Asked("GET", p.layers[0].String()); n != 1 {
		t.Errorf("fetched %d times", n)
	}
}

func TestAClientThatTakesItsTime(t *testing.T) {
	s := newSite(t, disk(t), func(c *Config) { c.Limits = Limits{Stall: 2500 * time.Millisecond, MinRate: 1 << 30} })
	p := s.push("team/app:1.0", 12<<20)
	s.ask("GET", path("team/app/manifests/1.0"))
	where := path("team/app/blobs/%s", p.layers[0])
	for range 2 { // fetched, then stored
		resp, err := http.Get(s.server.URL + where)
		if err != nil {
			t.Fatal(err)
		}
		sum, begun := digest.Canonical.Digester(), time.Now()
		for err = error(nil); err == nil; {
			// Longer than Stall as a whole, never at once.
			time.Sleep(250 * time.Millisecond)
			_, err = io.CopyN(sum.Hash(), resp.Body, 1<<20)
		}
		resp.Body.Close()
		if err != io.EOF || sum.Digest() != p.layers[0] {
			t.Errorf("after %s: %v, Content-Length %s", time.Since(begun), err, strconv.FormatInt(resp.ContentLength, 10))
		}
	}
}
