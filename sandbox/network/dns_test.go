package network_test

import (
	"net/netip"
	"slices"
	"strings"
	"testing"

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
	// The client has its answer a moment before the flow's record does.
	r = g.records("all answers", func(r network.Records) bool {
		return !slices.ContainsFunc(r.Flows, func(f observation.Flow) bool { return f.BytesIn == 0 })
	})
	for _, f := range r.Flows {
		if f.App != "dns" || f.Direct || f.BytesOut == 0 {
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
