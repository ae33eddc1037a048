package network_test

import (
	"bytes"
	"crypto/tls"
	"encoding/base64"
	"encoding/binary"
	"encoding/hex"
	"encoding/json"
	"io"
	"net/http"
	"net/netip"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/miekg/dns"
	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"

	"github.com/sallyport-dev/sallyport/sandbox/network"
	"github.com/sallyport-dev/sallyport/sandbox/observation"
)

func TestNamesOverTLS(t *testing.T) {
	g := newGuest(t)
	want := g.resolve("dot.example", dns.TypeA).String()
	config := g.browser(dns.TypeA).Transport.(*http.Transport).TLSClientConfig.Clone()
	config.ServerName, config.NextProtos = "198.51.100.53", []string{"dot"}
	c := &dns.Conn{Conn: tls.Client(g.connect("198.51.100.53:853"), config)}
	for range 2 {
		if err := c.WriteMsg(new(dns.Msg).SetQuestion("dot.example.", dns.TypeA)); err != nil {
			t.Fatal(err)
		}
		a, err := c.ReadMsg()
		if err != nil || len(a.Answer) != 1 || a.Answer[0].(*dns.A).A.String() != want {
			t.Fatalf("%v, %v; want %s", a, err, want)
		}
	}
	f := g.flow("DNS over TLS", to("198.51.100.53:853"))
	r := g.world.Records(g.start)
	if n := len(slices.DeleteFunc(r.DNS, func(q observation.DNSQuery) bool { return q.Flow != f.ID })); f.App != "dns" || !f.TLS || f.Direct || n != 2 {
		t.Errorf("recorded as %+v, with %d questions", f, n)
	}
}

func TestNamesOverHTTPS(t *testing.T) {
	g := newGuest(t)
	want := g.resolve("doh.example", dns.TypeA).String()
	client := g.browser(dns.TypeA)
	client.Transport.(*http.Transport).ForceAttemptHTTP2 = true
	q := new(dns.Msg).SetQuestion("doh.example.", dns.TypeA)
	packed, err := q.Pack()
	if err != nil {
		t.Fatal(err)
	}
	message := func(r *http.Response, err error) string {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		defer r.Body.Close()
		body, _ := io.ReadAll(r.Body)
		var a dns.Msg
		if r.Header.Get("Content-Type") != "application/dns-message" || a.Unpack(body) != nil || len(a.Answer) != 1 {
			t.Fatalf("%d %q", r.StatusCode, body)
		}
		return a.Answer[0].(*dns.A).A.String()
	}
	if got := message(client.Post("https://dns.resolver.example/dns-query", "application/dns-message", bytes.NewReader(packed))); got != want {
		t.Errorf("posted: %s, want %s", got, want)
	}
	if got := message(client.Get("https://dns.resolver.example/dns-query?dns=" + base64.RawURLEncoding.EncodeToString(packed))); got != want {
		t.Errorf("in the address: %s, want %s", got, want)
	}
	_, body := g.get(client, "https://dns.resolver.example/resolve?name=doh.example&type=A")
	var document struct {
		Status int
		Answer []struct{ Data string }
	}
	if err := json.Unmarshal([]byte(body), &document); err != nil || document.Status != 0 || len(document.Answer) != 1 || document.Answer[0].Data != want {
		t.Errorf("as JSON: %q, want %s", body, want)
	}
	if _, body := g.get(client, "https://dns.resolver.example/resolve?name=x.invalid&type=1"); !bytes.Contains([]byte(body), []byte(`"Status":3`)) {
		t.Errorf("a name that does not exist: %q", body)
	}
	if status, _ := g.get(client, "https://dns.resolver.example/dns-query?dns=AAAA"); status != 400 {
		t.Errorf("no message: %d", status)
	}
	r := g.world.Records(g.start)
	asked := 0
	for _, q := range r.DNS {
		i := slices.IndexFunc(r.Flows, func(f observation.Flow) bool { return f.ID == q.Flow })
		if f := r.Flows[i]; q.Name == "doh.example" && f.Proto == "tcp" {
			asked++
			if f.App != "http" || f.Domain != "dns.resolver.example" {
				t.Errorf("asked on %+v", f)
			}
		}
	}
	if asked != 3 || len(r.HTTP) != 5 {
		t.Errorf("%d questions, %d requests", asked, len(r.HTTP))
	}
}

func TestTheTimeIsTheSandboxs(t *testing.T) {
	now := time.Date(2031, 5, 6, 7, 8, 9, 500_000_000, time.UTC)
	g := newGuest(t, func(c *network.Config) { c.Now = func() time.Time { return now } })
	at := full(netip.MustParseAddrPort("198.51.100.123:123"))
	conn, err := gonet.DialUDP(g.stack, nil, &at, ipv4.ProtocolNumber)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	question := make([]byte, 48)
	question[0] = 4<<3 | 3
	binary.BigEndian.PutUint64(question[40:], 0x0123456789abcdef)
	if _, err := conn.Write(question); err != nil {
		t.Fatal(err)
	}
	conn.SetReadDeadline(time.Now().Add(time.Minute))
	a := make([]byte, 128)
	n, err := conn.Read(a)
	if err != nil || n != 48 || a[0] != 4<<3|4 || a[1] != 2 || binary.BigEndian.Uint64(a[24:]) != 0x0123456789abcdef {
		t.Fatalf("answered %x, %v", a[:n], err)
	}
	seconds := int64(binary.BigEndian.Uint32(a[40:])) - 2_208_988_800
	if got := time.Unix(seconds, 0); !got.Equal(now.Truncate(time.Second)) || binary.BigEndian.Uint32(a[44:]) != 1<<31 {
		t.Errorf("it is %v and %x, want %v", got, a[44:48], now)
	}
	f := g.flow("the question", to("198.51.100.123:123"))
	if f.App != "ntp" || f.BytesIn != 48 || f.BytesOut != 48 {
		t.Errorf("recorded as %+v", f)
	}
	r, err := g.browser(dns.TypeA).Get("http://198.51.100.80/")
	if err != nil {
		t.Fatal(err)
	}
	r.Body.Close()
	if got := r.Header.Get("Date"); got != "Tue, 06 May 2031 07:08:09 GMT" {
		t.Errorf("Date %s", got)
	}
}

func TestSilentDatagramsAreOnlyNoted(t *testing.T) {
	g := newGuest(t)
	for _, target := range []string{"198.51.100.4:123", "198.51.100.5:443"} {
		at := full(netip.MustParseAddrPort(target))
		conn, err := gonet.DialUDP(g.stack, nil, &at, ipv4.ProtocolNumber)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := conn.Write([]byte("nothing that anybody knows")); err != nil {
			t.Fatal(err)
		}
		if f := g.flow(target, to(target)); f.App != "raw" || f.BytesIn != 0 {
			t.Errorf("recorded as %+v", f)
		}
		conn.Close()
	}
}

func TestQUICIsDeclinedAndNoted(t *testing.T) {
	g := newGuest(t)
	at := full(netip.MustParseAddrPort("198.51.100.6:443"))
	conn, err := gonet.DialUDP(g.stack, nil, &at, ipv4.ProtocolNumber)
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	if _, err := conn.Write(quicInitial(t)); err != nil {
		t.Fatal(err)
	}
	conn.SetReadDeadline(time.Now().Add(time.Minute))
	a := make([]byte, 128)
	n, err := conn.Read(a)
	// Version negotiation: our connection id for it is the one that it chose for us.
	if err != nil || !bytes.Equal(a[:n], []byte("\x80\x00\x00\x00\x00\x00\x08\x83\x94\xc8\xf0\x3e\x51\x57\x08\x1a\x2a\x3a\x4a")) {
		t.Fatalf("answered %x, %v", a[:n], err)
	}
	if f := g.flow("QUIC", to("198.51.100.6:443")); f.App != "quic" || f.SNI != "example.com" || len(f.JA4) != 36 || f.JA4[0] != 'q' {
		t.Errorf("recorded as %+v", f)
	}
}

// quicInitial is the client's first packet of RFC 9001, Appendix A.2.
func quicInitial(t *testing.T) []byte {
	t.Helper()
	text, err := os.ReadFile("testdata/quic-initial.hex")
	if err != nil {
		t.Fatal(err)
	}
	p, err := hex.DecodeString(strings.Join(strings.Fields(string(text)), ""))
	if err != nil {
		t.Fatal(err)
	}
	return p
}
