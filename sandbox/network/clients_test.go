package network_test

import (
	"io"
	"net"
	"net/netip"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/miekg/dns"
	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"

	"github.com/sallyport-dev/sallyport/internal/testenv"
	"github.com/sallyport-dev/sallyport/sandbox/network"
	"github.com/sallyport-dev/sallyport/sandbox/observation"
)

// forward makes an address of the simulated internet reachable for programs of
// this machine, at a port of the loopback.
func (g *guest) forward(proto, to string) (host, port string) {
	g.Helper()
	var work sync.WaitGroup
	target := netip.MustParseAddrPort(to)
	var at string
	var closer io.Closer
	if proto == "udp" {
		ln, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			g.Fatal(err)
		}
		at, closer = ln.LocalAddr().String(), ln
		work.Go(func() {
			buf, answer := make([]byte, 64<<10), make([]byte, 64<<10)
			for {
				n, from, err := ln.ReadFrom(buf)
				if err != nil {
					return
				}
				addr := full(target)
				conn, err := gonet.DialUDP(g.stack, nil, &addr, protocolOf(target.Addr()))
				if err != nil {
					return
				}
				conn.Write(buf[:n])
				if n, err = conn.Read(answer); err == nil {
					ln.WriteTo(answer[:n], from)
				}
				conn.Close()
			}
		})
	} else {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			g.Fatal(err)
		}
		at, closer = ln.Addr().String(), ln
		work.Go(func() {
			for {
				near, err := ln.Accept()
				if err != nil {
					return
				}
				work.Go(func() {
					defer near.Close()
					far, err := g.dial(to)
					if err != nil {
						return
					}
					defer far.Close()
					work.Go(func() {
						io.Copy(far, near)
						far.(*gonet.TCPConn).CloseWrite()
					})
					io.Copy(near, far)
				})
			}
		})
	}
	g.Cleanup(func() { closer.Close(); work.Wait() })
	host, port, _ = net.SplitHostPort(at)
	return host, port
}

// program runs a program of this machine, which may fail.
func program(t *testing.T, name string, args ...string) string {
	t.Helper()
	testenv.NeedCommand(t, name)
	out, err := exec.CommandContext(t.Context(), name, args...).CombinedOutput()
	t.Logf("%s: %v\n%s", name, err, out)
	return string(out)
}

func TestDigAsksInEveryWay(t *testing.T) {
	g := newGuest(t)
	want := g.resolve("dig.example", dns.TypeA).String()
	for name, c := range map[string]struct {
		proto, at string
		options   []string
	}{
		"UDP":        {"udp", "198.51.100.53:53", nil},
		"TCP":        {"tcp", "198.51.100.53:53", []string{"+tcp"}},
		"TLS":        {"tcp", "198.51.100.54:853", []string{"+tls"}},
		"HTTPS":      {"tcp", "198.51.100.55:443", []string{"+https"}},
		"HTTPS, GET": {"tcp", "198.51.100.56:443", []string{"+https-get"}},
		"plain HTTP": {"tcp", "198.51.100.57:80", []string{"+http-plain"}},
	} {
		host, port := g.forward(c.proto, c.at)
		said := program(t, "dig", append([]string{"@" + host, "-p", port, "+short", "+tries=1", "dig.example", "A"}, c.options...)...)
		if strings.TrimSpace(said) != want {
			t.Errorf("%s: %q, want %s", name, said, want)
		}
		f := g.flow(name, to(c.at))
		r := g.world.Records(g.start)
		if !slices.ContainsFunc(r.DNS, func(q observation.DNSQuery) bool { return q.Flow == f.ID && q.Name == "dig.example" && q.Type == "A" }) {
			t.Errorf("%s: not among the questions", name)
		}
	}
	host, port := g.forward("udp", "198.51.100.53:53")
	if said := program(t, "dig", "@"+host, "-p", port, "+short", "-x", want); strings.TrimSpace(said) != "dig.example." {
		t.Errorf("reverse: %q", said)
	}
}

func TestCurlTrustsTheBundleAndResolvesOverHTTPS(t *testing.T) {
	g := newGuest(t)
	bundle := filepath.Join(t.TempDir(), "bundle.pem")
	if err := os.WriteFile(bundle, g.world.Bundle(nil), 0o600); err != nil {
		t.Fatal(err)
	}
	address := g.resolve("curl.example", dns.TypeA).String()
	host, port := g.forward("tcp", address+":443")
	said := program(t, "curl", "-sS", "--http2", "--cacert", bundle, "--connect-to", "curl.example:443:"+net.JoinHostPort(host, port), "-w", " %{http_version} %{ssl_verify_result}", "https://curl.example/a.sh")
	if !strings.Contains(said, token) || !strings.HasSuffix(said, " 2 0") {
		t.Errorf("heard %q", said)
	}
	// Without the bundle it goes away, which tells whom it wanted.
	said = program(t, "curl", "-sS", "--cacert", "/dev/null", "--connect-to", "pinned.example:443:"+net.JoinHostPort(host, port), "https://pinned.example/")
	f := g.flow("the refusal", func(f observation.Flow) bool { return f.SNI == "pinned.example" && len(f.Messages) > 0 })
	if f.TLS || f.App != "tls" || len(f.JA4) != 36 || len(f.Messages) != 1 || f.Messages[0].Type != "handshake_failed" || f.Out == "" {
		t.Errorf("curl said %q, recorded as %+v", said, f)
	}
	dnsHost, dnsPort := g.forward("tcp", "198.51.100.60:443")
	// What it would do with the answer is of no interest: it is stopped then.
	curl := exec.CommandContext(t.Context(), "curl", "-sS", "-k", "--doh-insecure", "--doh-url", "https://"+net.JoinHostPort(dnsHost, dnsPort)+"/dns-query", "http://by-doh.example:1/")
	if err := curl.Start(); err != nil {
		t.Fatal(err)
	}
	defer curl.Wait()
	defer curl.Process.Kill()
	g.records("the name that it resolved over HTTPS, among the questions", func(r network.Records) bool {
		return slices.ContainsFunc(r.DNS, func(q observation.DNSQuery) bool { return q.Name == "by-doh.example" })
	})
}
