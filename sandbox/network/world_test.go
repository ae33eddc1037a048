package network_test

import (
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"

	"github.com/sallyport-dev/sallyport/sandbox/network"
	"github.com/sallyport-dev/sallyport/sandbox/observation"
)

func TestEveryNameHasAnAddressOfItsOwn(t *testing.T) {
	g := newGuest(t)
	servers := map[string]string{"udp v4": g.resolver(), "udp v6": "[fd00::1]:53", "a hard-coded resolver": "8.8.8.8:53", "a hard-coded resolver v6": "[2001:db8:8::8]:53", "tcp v4": g.resolver(), "tcp v6": "[2001:db8:8::8]:53"}
	first := map[string]string{}
	for how, server := range servers {
		for _, name := range []string{"pool.example.test", "c2.example", "UPPER.example"} {
			for _, kind := range []uint16{dns.TypeA, dns.TypeAAAA} {
				proto, _, _ := strings.Cut(strings.ReplaceAll(how, "a hard", "udp hard"), " ")
				a := g.ask(proto, server, name, kind)
				if len(a.Answer) != 1 {
					t.Fatalf("%s: %s has %v", how, name, a.Answer)
				}
				got := strings.TrimPrefix(a.Answer[0].String(), a.Answer[0].Header().String())
				key := name + dns.Type(kind).String()
				if first[key] == "" {
					first[key] = got
				}
				if first[key] != got {
					t.Errorf("%s: %s is %s and was %s", how, name, got, first[key])
				}
			}
		}
	}
	distinct := map[string]bool{}
	for _, address := range first {
		distinct[address] = true
		if a := netip.MustParseAddr(address); !netip.MustParsePrefix("198.18.0.0/15").Contains(a) && !netip.MustParsePrefix("2001:db8::/32").Contains(a) {
			t.Errorf("%s is an address that somebody may have", a)
		}
	}
	if len(distinct) != len(first) {
		t.Errorf("names share addresses: %v", first)
	}
	r := g.world.Records(g.start)
	if len(r.DNS) != len(servers)*6 {
		t.Fatalf("%d queries were recorded, %d were made", len(r.DNS), len(servers)*6)
	}
	for _, q := range r.DNS {
		if q.Rcode != "NOERROR" || len(q.Answers) != 1 || q.Name != strings.ToLower(q.Name) || strings.HasSuffix(q.Name, ".") || q.Server == "" {
			t.Errorf("recorded as %+v", q)
		}
	}
	for _, f := range r.Flows {
		if f.App != "dns" || f.Direct || f.BytesOut == 0 || f.BytesIn == 0 {
			t.Errorf("recorded as %+v", f)
		}
	}
}

func TestOtherRecordTypes(t *testing.T) {
	g := newGuest(t)
	v4 := g.resolve("known.example", dns.TypeA)
	reverse, err := dns.ReverseAddr(v4.String())
	if err != nil {
		t.Fatal(err)
	}
	reverse6, err := dns.ReverseAddr(g.resolve("known.example", dns.TypeAAAA).String())
	if err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		ask  string
		kind uint16
		want string // in the answer section; empty: nothing there
		code int
	}{
		"mail exchange":           {"example.test", dns.TypeMX, "mail.example.test.", dns.RcodeSuccess},
		"text":                    {"example.test", dns.TypeTXT, "v=spf1", dns.RcodeSuccess},
		"name server":             {"example.test", dns.TypeNS, "ns1.example.test.", dns.RcodeSuccess},
		"start of authority":      {"www.example.test", dns.TypeSOA, "hostmaster.example.test.", dns.RcodeSuccess},
		"everything":              {"example.test", dns.TypeANY, "198.19.", dns.RcodeSuccess},
		"service: there is none":  {"_ldap._tcp.example.test", dns.TypeSRV, "", dns.RcodeSuccess},
		"HTTPS: there is none":    {"example.test", dns.TypeHTTPS, "", dns.RcodeSuccess},
		"pointer of a known one":  {reverse, dns.TypePTR, "known.example.", dns.RcodeSuccess},
		"pointer in version 6":    {reverse6, dns.TypePTR, "known.example.", dns.RcodeSuccess},
		"pointer of a stranger":   {"7.100.51.198.in-addr.arpa", dns.TypePTR, "", dns.RcodeNameError},
		"broken pointer":          {"x.in-addr.arpa", dns.TypePTR, "", dns.RcodeNameError},
		"reserved never to exist": {"host.invalid", dns.TypeA, "", dns.RcodeNameError},
		"own machine":             {"localhost", dns.TypeA, "127.0.0.1", dns.RcodeSuccess},
		"cloud metadata":          {"metadata.google.internal", dns.TypeA, "169.254.169.254", dns.RcodeSuccess},
		"long name, no room left": {strings.Repeat("a123456789.", 23), dns.TypeMX, strings.Repeat("a123456789.", 22), dns.RcodeSuccess},
	} {
		t.Run(name, func(t *testing.T) {
			a := g.ask("udp", g.resolver(), c.ask, c.kind)
			if a.Truncated {
				a = g.ask("tcp", g.resolver(), c.ask, c.kind)
			}
			var answers []string
			for _, rr := range a.Answer {
				answers = append(answers, rr.String())
			}
			got := strings.Join(answers, "\n")
			if a.Rcode != c.code || !strings.Contains(got, c.want) || (c.want == "") != (got == "") {
				t.Errorf("%s: %s %q, want %q", c.ask, dns.RcodeToString[a.Rcode], got, c.want)
			}
			if got == "" && len(a.Ns) != 1 {
				t.Error("a negative answer without authority would not be cached (RFC 2308)")
			}
		})
	}
}

func TestNameServerSurvivesNonsense(t *testing.T) {
	g := newGuest(t)
	to := full(netip.MustParseAddrPort(g.resolver()))
	conn, err := gonet.DialUDP(g.stack, nil, &to, ipv4.ProtocolNumber)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for _, datagram := range []string{"", "x", strings.Repeat("\xff", 512), "\x00\x01\x80\x00\x00\x01\x00\x00\x00\x00\x00\x00\x00\x00\x01\x00\x01"} {
		if _, err := conn.Write([]byte(datagram)); err != nil {
			t.Fatal(err)
		}
	}
	g.resolve("still.example", dns.TypeA)
	f := g.flow("the nonsense", func(f observation.Flow) bool { return f.BytesOut > 500 })
	if f.App != "raw" || f.BytesIn != 0 || len(g.world.Records(g.start).DNS) != 1 {
		t.Errorf("recorded as %+v", f)
	}
}

func TestEveryAddressAnswersHTTP(t *testing.T) {
	g := newGuest(t)
	for name, c := range map[string]struct {
		url  string
		kind uint16
		want observation.Flow
	}{
		"by name":               {"http://www.example.test/", dns.TypeA, observation.Flow{Domain: "www.example.test", App: "http"}},
		"by name over v6":       {"http://six.example.test/", dns.TypeAAAA, observation.Flow{Domain: "six.example.test", App: "http"}},
		"by address":            {"http://198.51.100.10:8080/", dns.TypeA, observation.Flow{Direct: true, App: "http"}},
		"by v6 address":         {"http://[2001:db8:ffff::10]:31337/", dns.TypeA, observation.Flow{Direct: true, App: "http"}},
		"TLS by name":           {"https://tls.example.test/", dns.TypeA, observation.Flow{Domain: "tls.example.test", App: "http", SNI: "tls.example.test", TLS: true}},
		"TLS on a strange port": {"https://tls.example.test:6667/", dns.TypeAAAA, observation.Flow{Domain: "tls.example.test", App: "http", SNI: "tls.example.test", TLS: true}},
		"TLS by address":        {"https://198.51.100.11/", dns.TypeA, observation.Flow{Direct: true, App: "http", TLS: true}},
	} {
		t.Run(name, func(t *testing.T) {
			status, body := g.get(g.browser(c.kind), c.url)
			if status != http.StatusOK || !strings.Contains(body, "<html>") {
				t.Errorf("answered %d %q", status, body)
			}
			r := g.world.Records(g.start)
			i := slices.IndexFunc(r.HTTP, func(h observation.HTTP) bool {
				return strings.Contains(c.url, h.Host) && h.TLS == c.want.TLS && strings.Contains(c.url, portOf(h))
			})
			if i < 0 {
				t.Fatalf("no request among %+v", r.HTTP)
			}
			h := r.HTTP[i]
			f := r.Flows[slices.IndexFunc(r.Flows, func(f observation.Flow) bool { return f.ID == h.Flow })]
			got := observation.Flow{Domain: f.Domain, Direct: f.Direct, App: f.App, SNI: f.SNI, TLS: f.TLS}
			if got.Domain != c.want.Domain || got.Direct != c.want.Direct || got.App != c.want.App || got.SNI != c.want.SNI || got.TLS != c.want.TLS {
				t.Errorf("recorded as %+v, want %+v", got, c.want)
			}
			if !strings.HasPrefix(f.Out, "GET / HTTP/1.1\\x0d\\x0a") || !strings.HasPrefix(f.In, "HTTP/1.1 200 OK") {
				t.Errorf("said %.40q, heard %.40q", f.Out, f.In)
			}
			if f.BytesOut == 0 || f.BytesIn < int64(len(body)) || f.SrcPort == 0 || f.LastMS < f.FirstMS {
				t.Errorf("counted %+v", f)
			}
		})
	}
}

func portOf(h observation.HTTP) string {
	if h.Port == 80 || h.Port == 443 {
		return "/"
	}
	return ":" + strconv.Itoa(int(h.Port))
}

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

func TestPing(t *testing.T) {
	g := newGuest(t)
	for _, address := range []string{"198.51.100.1", "172.17.0.1", "8.8.8.8", "2001:db8:1::1", "fd00::1"} {
		if err := g.ping(address, 5*time.Second); err != nil {
			t.Errorf("%s: %v", address, err)
			continue
		}
		f := g.flow("the echo", func(f observation.Flow) bool { return f.DstIP == address })
		if f.Proto != "icmp" || f.BytesOut == 0 || f.BytesIn != f.BytesOut || !strings.Contains(f.Out, "ping me") {
			t.Errorf("%s: recorded as %+v", address, f)
		}
	}
}

func TestUDPIsHeardAndNotAnswered(t *testing.T) {
	g := newGuest(t)
	remote := netip.MustParseAddrPort("198.51.100.3:9999")
	to4 := full(remote)
	conn, err := gonet.DialUDP(g.stack, nil, &to4, ipv4.ProtocolNumber)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	for range 3 {
		conn.Write([]byte("flood"))
	}
	f := g.flow("three datagrams as one flow", func(f observation.Flow) bool { return f.BytesOut == 15 })
	if f.Proto != "udp" || f.App != "raw" || !f.Direct || f.Out != "floodfloodflood" {
		t.Errorf("recorded as %+v", f)
	}
}

func TestAShellThatDialsOutGetsAnOrder(t *testing.T) {
	for name, c := range map[string]struct{ says, heard string }{
		"a silent one":        {"", "id\n"},
		"one with a prompt":   {"root@box:/# ", "id\n"},
		"a foreign protocol":  {"\x00\x01\x02binary", ""},
		"a message, no order": {"hello, who is there", ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			g := newGuest(t)
			conn := g.connect("198.51.100.7:4444")
			io.WriteString(conn, c.says)
			conn.SetReadDeadline(time.Now().Add(2500 * time.Millisecond))
			buf := make([]byte, 100)
			n, _ := conn.Read(buf)
			if string(buf[:n]) != c.heard {
				t.Fatalf("heard %q, want %q", buf[:n], c.heard)
			}
			io.WriteString(conn, "uid=0(root)\n")
			f := g.flow("what the shell said", func(f observation.Flow) bool { return strings.HasSuffix(f.Out, "uid=0(root)\\x0a") })
			if f.App != "raw" || !f.Direct || (c.heard != "") != slices.Contains(messages(f, false), "order") {
				t.Errorf("recorded as %+v", f)
			}
		})
	}
}

func TestAProtocolIsToldAfterSilence(t *testing.T) {
	g := newGuest(t)
	conn := g.connect("198.51.100.8:31337")
	if heard := g.say(conn, "", "id\n"); heard != "id\n" {
		t.Fatalf("heard %q", heard)
	}
	g.say(conn, "NICK late\r\nUSER late 0 * :late\r\n", " 001 late ")
	if f := g.flow("the bot", to("198.51.100.8:31337")); f.App != "irc" {
		t.Errorf("recorded as %+v", f)
	}
}

func TestScanFindsSomeHostsAndIsRefusedByTheRest(t *testing.T) {
	g := newGuest(t)
	open := func(from, n int) (found []string) {
		for i := range n {
			address := netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(from + i)}), 2375).String()
			started := time.Now()
			conn, err := g.dial(address)
			if err == nil {
				conn.Close()
				found = append(found, address)
			} else if time.Since(started) > 3*time.Second { // a SYN may get lost and be sent again
				t.Errorf("%s hangs a scanner for %v", address, time.Since(started))
			}
		}
		return found
	}
	if first := open(1, 7); len(first) != 7 {
		t.Errorf("the first addresses are not all open: %v", first)
	}
	scanned := open(8, 200)
	if len(scanned) < 5 || len(scanned) > 60 {
		t.Errorf("%d of 200 are open", len(scanned))
	}
	if again := open(8, 200); !slices.Equal(again, scanned) {
		t.Errorf("open changed from %v to %v", scanned, again)
	}
	if first := open(1, 7); len(first) != 7 {
		t.Errorf("the first addresses are closed now, but for %v", first)
	}
	r := g.world.Records(g.start)
	refused, dialled := map[string]bool{}, map[string]bool{}
	for _, f := range r.Flows {
		dialled[f.DstIP] = true
		if f.Refused {
			refused[f.DstIP] = true
			if f.BytesOut != 0 || !f.Direct {
				t.Errorf("recorded as %+v", f)
			}
		}
	}
	if len(refused) != 200-len(scanned) || len(dialled) != 207 || len(r.Flows) < 414 {
		t.Errorf("%d flows to %d addresses, %d refused", len(r.Flows), len(dialled), len(refused))
	}
	named := g.resolve("late.example", dns.TypeA)
	if _, err := g.dial(netip.AddrPortFrom(named, 2375).String()); err != nil {
		t.Errorf("a host with a name is never refused: %v", err)
	}
}

func TestScanOfManyPorts(t *testing.T) {
	g := newGuest(t)
	open := 0
	for port := range uint16(100) {
		conn, err := g.dial(netip.AddrPortFrom(netip.MustParseAddr("198.51.100.77"), 1000+port).String())
		if err == nil {
			open++
			conn.Close()
		}
	}
	if open < 7 || open > 80 {
		t.Errorf("%d of 100 ports are open", open)
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
	r := g.world.Records(g.start)
	if len(r.Flows) != 1 {
		t.Fatalf("recorded %+v", r.Flows)
	}
	f := r.Flows[0]
	if !f.Inbound || !f.Probe || f.Direct || f.SrcIP != "172.17.0.1" || f.DstPort != 8080 || !strings.Contains(f.Out, "from the guest") || !strings.Contains(f.In, "GET /") {
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
	deadline := time.Now().Add(5 * time.Second)
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
