package network_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv6"

	"github.com/sallyport-dev/sallyport/sandbox/network"
	"github.com/sallyport-dev/sallyport/sandbox/observation"
)

func TestPing(t *testing.T) {
	g := newGuest(t)
	for _, address := range []string{"198.51.100.1", "172.17.0.1", "8.8.8.8", "2001:db8:1::1", "fd00::1"} {
		if err := g.ping(address, time.Minute); err != nil {
			t.Errorf("%s: %v", address, err)
			continue
		}
		f := g.flow("the echo", func(f observation.Flow) bool { return f.DstIP == address })
		if f.Proto != "icmp" || f.BytesOut == 0 || f.BytesIn != f.BytesOut || !strings.Contains(f.Out, "ping me") {
			t.Errorf("%s: recorded as %+v", address, f)
		}
	}
}

func TestProbeIntoTheGuest(t *testing.T) {
	g := newGuest(t)
	if _, err := g.world.Dial(t.Context(), 8080); err == nil {
		t.Fatal("nobody listens, yet the probe connected")
	}
	ln, err := gonet.ListenTCP(g.stack, full(netip.MustParseAddrPort("172.17.0.2:8080")), ipv4.ProtocolNumber)
	if err != nil {
		t.Fatal(err)
	}
	go http.Serve(ln, http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { io.WriteString(w, "from the guest to "+r.RemoteAddr) }))
	t.Cleanup(func() { ln.Close() })

	client := http.Client{Transport: &http.Transport{
		DisableKeepAlives: true,
		DialContext:       func(ctx context.Context, _, _ string) (net.Conn, error) { return g.world.Dial(ctx, 8080) },
	}}
	if status, body := g.get(&client, "http://guest/"); status != http.StatusOK || !strings.HasPrefix(body, "from the guest to 172.17.0.1:") {
		t.Errorf("%d %q", status, body)
	}
	// The answer may be there before the record of what was asked.
	r := g.records("what both said", func(r network.Records) bool {
		return len(r.Flows) > 0 && strings.Contains(r.Flows[0].Out, "from the guest") && strings.Contains(r.Flows[0].In, "GET /")
	})
	if f := r.Flows[0]; len(r.Flows) != 1 || !f.Inbound || !f.Probe || f.Direct || f.SrcIP != "172.17.0.1" || f.DstPort != 8080 {
		t.Errorf("recorded as %+v", r.Flows)
	}
}

func TestProbeOfWhoListensForIPv6Only(t *testing.T) {
	g := newGuest(t)
	ln, err := gonet.ListenTCP(g.stack, full(netip.MustParseAddrPort("[fd00::2]:8080")), ipv6.ProtocolNumber)
	if err != nil {
		t.Fatal(err)
	}
	defer ln.Close()
	conn, err := g.world.Dial(t.Context(), 8080)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := io.WriteString(conn, "anybody?"); err != nil {
		t.Fatal(err)
	}
	r := g.records("what was said", func(r network.Records) bool { return len(r.Flows) > 0 && strings.Contains(r.Flows[0].In, "anybody?") })
	if f := r.Flows[0]; !f.Inbound || !f.Probe || f.SrcIP != "fd00::1" || f.DstIP != "fd00::2" {
		t.Errorf("recorded as %+v", f)
	}
}

func TestDialGivesUpWithItsContext(t *testing.T) {
	w, err := network.New(network.Config{Token: token, Arch: runtime.GOARCH})
	if err != nil {
		t.Fatal(err)
	}
	defer w.Close()
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if _, err := w.Dial(ctx, 80); !errors.Is(err, context.DeadlineExceeded) {
		t.Errorf("no guest is there: %v", err)
	}
}

func TestCloseLeavesNothingBehind(t *testing.T) {
	cycle := func() {
		g := newGuest(t)
		g.connect("198.51.100.1:4444") // waits for first bytes
		busy := g.connect("198.51.100.1:80")
		g.say(busy, "GET / HTTP/1.1\r\nHost: x\r\n\r\n", "200 OK") // waits for the next request
		if err := g.world.Close(); err != nil {
			t.Fatal(err)
		}
		if err := g.world.Close(); err != nil {
			t.Errorf("closed twice: %v", err)
		}
		if _, err := g.world.Dial(t.Context(), 80); !errors.Is(err, net.ErrClosed) {
			t.Errorf("dialled after Close: %v", err)
		}
		if r := g.world.Records(g.start); len(r.Flows) != 2 {
			t.Errorf("records after Close: %+v", r)
		}
	}
	t.Run("warm up", func(t *testing.T) { cycle() })
	runtimes, files := stable(t)
	for range 5 {
		w, err := network.New(network.Config{Token: token, Arch: runtime.GOARCH})
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
	}
	deadline := time.Now().Add(time.Minute)
	for {
		r, f := stable(t)
		if r <= runtimes && f <= files {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines and %d files, %d and %d before", r, f, runtimes, files)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func stable(t *testing.T) (goroutines, files int) { return runtime.NumGoroutine(), descriptors(t) }

func TestNewRefusesWhatItCannotDo(t *testing.T) {
	for name, cfg := range map[string]network.Config{
		"no token":            {Arch: "amd64"},
		"a CPU without image": {Token: token, Arch: "riscv64"},
		"no such folder":      {Token: token, Arch: "amd64", Pcap: "/no/such/folder/run.pcap"},
	} {
		if w, err := network.New(cfg); err == nil {
			w.Close()
			t.Errorf("%s: accepted", name)
		}
	}
}

func TestFramesTellWhetherTheGuestSpeaks(t *testing.T) {
	g := newGuest(t)
	g.get(g.browser(dns.TypeA), "http://www.example/")
	before := g.world.Frames()
	if before < 5 {
		t.Errorf("%d frames for a query and a request", before)
	}
	g.resolve("once.more.example", dns.TypeA)
	if after := g.world.Frames(); after <= before {
		t.Errorf("%d frames, and %d after another query", before, after)
	}
}
