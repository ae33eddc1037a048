package network_test

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"os"
	"runtime"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/sys/unix"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/link/fdbased"
	"gvisor.dev/gvisor/pkg/tcpip/network/arp"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv6"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/icmp"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/tcpip/transport/udp"

	"github.com/sallyport-dev/sallyport/sandbox/network"
	"github.com/sallyport-dev/sallyport/sandbox/observation"
)

const token = "sp-token-4711"

// guest is what a Sentry is to a World: a network stack on the other end of
// the link, configured from Link alone.
type guest struct {
	*testing.T
	world *network.World
	stack *stack.Stack
	start time.Time
}

const guestNIC tcpip.NICID = 1

func newGuest(t *testing.T, change ...func(*network.Config)) *guest {
	t.Helper()
	cfg := network.Config{Token: token, Arch: runtime.GOARCH, Logger: slog.New(slog.DiscardHandler)}
	for _, c := range change {
		c(&cfg)
	}
	start := time.Now()
	w, err := network.New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := w.Close(); err != nil {
			t.Error(err)
		}
	})
	s := guestStack(t, w.Link())
	return &guest{T: t, world: w, stack: s, start: start}
}

func guestStack(t testing.TB, link network.Link) *stack.Stack {
	t.Helper()
	s := stack.New(stack.Options{
		NetworkProtocols:   []stack.NetworkProtocolFactory{ipv4.NewProtocol, ipv6.NewProtocol, arp.NewProtocol},
		TransportProtocols: []stack.TransportProtocolFactory{tcp.NewProtocol, udp.NewProtocol, icmp.NewProtocol4, icmp.NewProtocol6},
	})
	fd, err := unix.Dup(int(link.File.Fd()))
	if err != nil {
		t.Fatal(err)
	}
	card, err := fdbased.New(&fdbased.Options{
		FDs: []int{fd}, MTU: uint32(link.MTU), EthernetHeader: true, Address: tcpip.LinkAddress(link.MAC[:]),
		PacketDispatchMode: fdbased.RecvMMsg, GSOMaxSize: 65536, GVisorGSOEnabled: true, RXChecksumOffload: true,
	})
	if err != nil {
		t.Fatal(err)
	}
	must := func(err tcpip.Error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	sack := tcpip.TCPSACKEnabled(true)
	must(s.SetTransportProtocolOption(tcp.ProtocolNumber, &sack))
	moderate := tcpip.TCPModerateReceiveBufferOption(true)
	must(s.SetTransportProtocolOption(tcp.ProtocolNumber, &moderate))
	must(s.CreateNIC(guestNIC, card))
	for _, prefix := range link.Addresses {
		must(s.AddProtocolAddress(guestNIC, tcpip.ProtocolAddress{
			Protocol: protocolOf(prefix.Addr()),
			AddressWithPrefix: tcpip.AddressWithPrefix{
				Address: tcpip.AddrFromSlice(prefix.Addr().AsSlice()), PrefixLen: prefix.Bits(),
			},
		}, stack.AddressProperties{}))
	}
	var routes []tcpip.Route
	for _, prefix := range link.Addresses {
		p := tcpip.AddressWithPrefix{Address: tcpip.AddrFromSlice(prefix.Addr().AsSlice()), PrefixLen: prefix.Bits()}
		routes = append(routes, tcpip.Route{Destination: p.Subnet(), NIC: guestNIC})
	}
	routes = append(routes,
		tcpip.Route{Destination: header.IPv4EmptySubnet, Gateway: tcpip.AddrFromSlice(link.Gateway4.AsSlice()), NIC: guestNIC},
		tcpip.Route{Destination: header.IPv6EmptySubnet, Gateway: tcpip.AddrFromSlice(link.Gateway6.AsSlice()), NIC: guestNIC})
	s.SetRouteTable(routes)
	t.Cleanup(func() {
		s.Destroy()
		unix.Close(fd)
	})
	return s
}

func protocolOf(a netip.Addr) tcpip.NetworkProtocolNumber {
	if a.Is4() {
		return ipv4.ProtocolNumber
	}
	return ipv6.ProtocolNumber
}

func full(a netip.AddrPort) tcpip.FullAddress {
	return tcpip.FullAddress{NIC: guestNIC, Addr: tcpip.AddrFromSlice(a.Addr().AsSlice()), Port: a.Port()}
}

// dial connects to an address as a program in the guest does.
func (g *guest) dial(to string) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(g.Context(), time.Minute)
	defer cancel()
	addr := netip.MustParseAddrPort(to)
	return gonet.DialContextTCP(ctx, g.stack, full(addr), protocolOf(addr.Addr()))
}

// connect is dial for a connection that must come about; it lasts for the test.
func (g *guest) connect(to string) net.Conn {
	g.Helper()
	conn, err := g.dial(to)
	if err != nil {
		g.Fatalf("connect to %s: %v", to, err)
	}
	g.Cleanup(func() { conn.Close() })
	conn.SetDeadline(time.Now().Add(time.Minute))
	return conn
}

// say writes, and expects the next bytes to hold want.
func (g *guest) say(conn net.Conn, words, want string) string {
	g.Helper()
	if _, err := io.WriteString(conn, words); err != nil {
		g.Fatalf("say %q: %v", words, err)
	}
	var heard []byte
	buf := make([]byte, 4096)
	for !strings.Contains(string(heard), want) {
		n, err := conn.Read(buf)
		heard = append(heard, buf[:n]...)
		if err != nil {
			g.Fatalf("after %q: heard %q and %v, want %q", words, heard, err, want)
		}
	}
	return string(heard)
}

// ask resolves with a client of its own, over udp or tcp, at a server.
func (g *guest) ask(network, server, name string, kind uint16) *dns.Msg {
	g.Helper()
	addr := netip.MustParseAddrPort(server)
	var conn net.Conn
	var err error
	if network == "tcp" {
		conn, err = g.dial(server)
	} else {
		to := full(addr)
		conn, err = gonet.DialUDP(g.stack, nil, &to, protocolOf(addr.Addr()))
	}
	if err != nil {
		g.Fatal(err)
	}
	defer conn.Close()
	conn.SetDeadline(time.Now().Add(time.Minute))
	q := new(dns.Msg).SetQuestion(dns.Fqdn(name), kind)
	c := &dns.Conn{Conn: conn}
	if network == "udp" {
		c.Conn = packetConn{conn.(*gonet.UDPConn)}
	}
	if err := c.WriteMsg(q); err != nil {
		g.Fatal(err)
	}
	a, err := c.ReadMsg()
	if err != nil {
		g.Fatalf("ask %s for %s: %v", server, name, err)
	}
	if a.Id != q.Id || len(a.Question) != 1 {
		g.Fatalf("the answer %v is not to %v", a, q)
	}
	return a
}

// packetConn tells the DNS library that it is UDP.
type packetConn struct{ *gonet.UDPConn }

// resolve is the address of a name, of the wanted family.
func (g *guest) resolve(name string, kind uint16) netip.Addr {
	g.Helper()
	for _, rr := range g.ask("udp", g.resolver(), name, kind).Answer {
		switch rr := rr.(type) {
		case *dns.A:
			a, _ := netip.AddrFromSlice(rr.A.To4())
			return a
		case *dns.AAAA:
			a, _ := netip.AddrFromSlice(rr.AAAA)
			return a
		}
	}
	g.Fatalf("%s has no address", name)
	return netip.Addr{}
}

func (g *guest) resolver() string { return netip.AddrPortFrom(g.world.Resolver(), 53).String() }

// browser is an HTTP client of the guest that resolves, and trusts the bundle.
func (g *guest) browser(kind uint16) *http.Client {
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(g.world.Bundle(nil)) {
		g.Fatal("the bundle holds no certificate")
	}
	t := &http.Transport{
		TLSClientConfig: &tls.Config{RootCAs: pool},
		DialContext: func(_ context.Context, _, to string) (net.Conn, error) {
			host, port, err := net.SplitHostPort(to)
			if err != nil {
				return nil, err
			}
			if _, err := netip.ParseAddr(host); err != nil {
				host = g.resolve(host, kind).String()
			}
			return g.dial(net.JoinHostPort(host, port))
		},
	}
	g.Cleanup(t.CloseIdleConnections)
	return &http.Client{Transport: t, Timeout: time.Minute}
}

// secure connects to a name and port and talks TLS.
func (g *guest) secure(host string) net.Conn {
	g.Helper()
	name, port, err := net.SplitHostPort(host)
	if err != nil {
		g.Fatal(err)
	}
	config := g.browser(dns.TypeA).Transport.(*http.Transport).TLSClientConfig.Clone()
	config.ServerName = name
	conn := tls.Client(g.connect(net.JoinHostPort(g.resolve(name, dns.TypeA).String(), port)), config)
	if err := conn.Handshake(); err != nil {
		g.Fatal(err)
	}
	return conn
}

// get fetches a page and returns its status and body.
func (g *guest) get(c *http.Client, url string) (int, string) {
	g.Helper()
	r, err := c.Get(url)
	if err != nil {
		g.Fatal(err)
	}
	defer r.Body.Close()
	body, err := io.ReadAll(r.Body)
	if err != nil {
		g.Fatal(err)
	}
	return r.StatusCode, string(body)
}

// records waits until what is recorded satisfies ok.
func (g *guest) records(what string, ok func(network.Records) bool) network.Records {
	g.Helper()
	deadline := time.Now().Add(time.Minute)
	for {
		r := g.world.Records(g.start)
		if ok(r) {
			return r
		}
		if time.Now().After(deadline) {
			g.Fatalf("never recorded: %s; flows %+v, dns %+v, http %+v", what, r.Flows, r.DNS, r.HTTP)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

// flow waits for a recorded flow.
func (g *guest) flow(what string, ok func(observation.Flow) bool) observation.Flow {
	g.Helper()
	r := g.records(what, func(r network.Records) bool { return slices.ContainsFunc(r.Flows, ok) })
	return r.Flows[slices.IndexFunc(r.Flows, ok)]
}

// to is a condition on a flow: that it goes to address and port.
func to(addr string) func(observation.Flow) bool {
	a := netip.MustParseAddrPort(addr)
	return func(f observation.Flow) bool { return f.DstIP == a.Addr().String() && f.DstPort == a.Port() }
}

func messages(f observation.Flow, out bool) (kinds []string) {
	for _, m := range f.Messages {
		if m.Out == out {
			kinds = append(kinds, m.Type)
		}
	}
	return kinds
}

// descriptors counts this process's open files.
func descriptors(t testing.TB) int {
	entries, err := os.ReadDir("/proc/self/fd")
	if err != nil {
		t.Fatal(err)
	}
	return len(entries)
}
