package gateway_test

import (
	"context"
	"crypto/rand"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sallyport-dev/sallyport/sandbox/network/gateway"
	"github.com/sallyport-dev/sallyport/sandbox/network/responder"
	"github.com/sallyport-dev/sallyport/sandbox/observation"
)

// blocked lists what must not be reached, in all the forms in which it is written.
func blocked(t *testing.T) []string {
	list := []string{
		"127.0.0.1", "127.1.2.3", "0.0.0.0", "::1", "::", "localhost", "LOCALHOST.", "a.localhost",
		"10.0.0.1", "172.16.0.1", "172.31.255.255", "192.168.1.1", "100.64.0.1", "fd00::1", "fc00::1", "fec0::1",
		"169.254.0.1", "169.254.169.254", "169.254.170.2", "100.100.100.200", "168.63.129.16", "192.0.0.192", "fd00:ec2::254", "fe80::1", "fe80::1%eth0",
		"metadata.google.internal", "224.0.0.1", "239.255.255.250", "255.255.255.255", "240.0.0.1", "ff02::1",
		"198.18.0.1", "198.51.100.1", "192.0.2.1", "2001:db8::1",
		"::ffff:127.0.0.1", "::ffff:10.0.0.1", "::ffff:a9fe:a9fe", "::127.0.0.1", "::ffff:0:127.0.0.1",
		"64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe", "64:ff9b:1::a00:1", "2002:7f00:1::", "2002:a00:1::1", "2001:0:7f00:1::", "100::1", "5f00::1", "3fff::1",
		"2130706433", "0x7f000001", "0x7f.1", "0177.0.0.1", "127.1", "0", "017700000001", "1.2.3", "a.0x7f", "[::1]", "127.0.0.1:80", "a b.example", "",
		"host", "router.lan", "printer.local", "1.0.0.127.in-addr.arpa",
	}
	own, err := net.InterfaceAddrs()
	if err != nil {
		t.Fatal(err)
	}
	for _, o := range own {
		list = append(list, netip.MustParsePrefix(o.String()).Addr().String())
	}
	return list
}

func TestWhatIsNotPublicIsNeverReached(t *testing.T) {
	for _, scheme := range []string{"http", "socks5"} {
		o := newOutside(t, scheme)
		g := newGateway(t, o)
		for _, host := range blocked(t) {
			conn, err := g.Dial(t.Context(), host, uint16(o.secret.Port))
			if err == nil {
				conn.Close()
			}
			var b *gateway.BlockedError
			if !errors.As(err, &b) {
				t.Errorf("%q by %s: %v, want a BlockedError", host, scheme, err)
			}
		}
		o.unseen(t, scheme)
	}
}

func TestNamesThatLeadInsideAreNeverReached(t *testing.T) {
	o := newOutside(t, "socks5")
	g := newGateway(t, o)
	g.Document("203.0.113.0/24")
	for name, addrs := range map[string][]string{
		"loopback.example.":   {"127.0.0.1"},
		"metadata.example.":   {"169.254.169.254"},
		"private6.example.":   {"fd00:ec2::254"},
		"mapped.example.":     {"::ffff:127.0.0.1"},
		"nat64.example.":      {"64:ff9b::7f00:1"},
		"one-of-two.example.": {webAddress, "10.0.0.1"},
	} {
		o.names[name] = addrs
		conn, err := g.Dial(t.Context(), strings.TrimSuffix(name, "."), uint16(o.secret.Port))
		if err == nil {
			conn.Close()
		}
		var b *gateway.BlockedError
		if !errors.As(err, &b) || !b.Addr.IsValid() {
			t.Errorf("%s: %v, want a BlockedError with the address", name, err)
		}
	}
	o.unseen(t, "names")

	// A name that changes its mind: whatever is connected to is what was checked.
	o.names["rebind.example."] = []string{webAddress, "127.0.0.1", "turns"}
	for range 6 {
		if conn, err := g.Dial(t.Context(), "rebind.example", uint16(o.secret.Port)); err == nil {
			conn.Close()
		}
	}
	for _, target := range o.targets() {
		if !strings.HasPrefix(target, webAddress+":") {
			t.Errorf("the proxy was asked for %s", target)
		}
	}
	if len(o.targets()) == 0 || o.greeted > 0 {
		t.Errorf("asked for %v, secret server greeted %d times", o.targets(), o.greeted)
	}
}

func TestNetworksOfTheOrganisationAreNeverReached(t *testing.T) {
	o := newOutside(t, "http")
	g := newGateway(t, o, "203.0.113.0/25", "2606:4700::/32")
	g.Document("203.0.113.0/24")
	for _, host := range []string{"203.0.113.10", "::ffff:203.0.113.10", "2606:4700::1"} {
		if _, err := g.Dial(t.Context(), host, 80); err == nil || !strings.Contains(err.Error(), "sandbox.gateway.deny") {
			t.Errorf("%s: %v", host, err)
		}
	}
	o.unseen(t, "deny")
}

func TestTheProxyItselfIsNotReachedThroughIt(t *testing.T) {
	o := newOutside(t, "http")
	g := newGateway(t, o)
	g.Document("203.0.113.0/24")
	// Its loopback address is refused for being one; take that reason away.
	g.Document("127.0.0.0/8")
	_, err := g.Dial(t.Context(), "127.0.0.1", 80)
	var b *gateway.BlockedError
	if !errors.As(err, &b) || len(o.targets()) > 0 {
		t.Errorf("%v, and it was asked for %v", err, o.targets())
	}
}

func TestPublicAddressesPass(t *testing.T) {
	g := newGateway(t, newOutside(t, "http"))
	for _, s := range []string{"1.0.0.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255", "128.0.0.0", "172.15.255.255", "172.32.0.0", "192.167.255.255", "192.169.0.0", "198.17.255.255", "198.20.0.0", "223.255.255.255", "2400::1", "2a00::1", "2001:4860::1"} {
		if err := g.Check(netip.MustParseAddr(s)); err != nil {
			t.Error(err)
		}
	}
	for _, s := range []string{"a.example", "A.Example.", "x_y.a-b.example", "1.2.3.4.example"} {
		if !gateway.IsName(s) {
			t.Errorf("%q is taken for no name", s)
		}
	}
}

func TestSettingsThatCannotWork(t *testing.T) {
	for name, c := range map[string]struct {
		cfg   gateway.Config
		names string
	}{
		"no proxy":           {gateway.Config{Resolver: resolverAt}, "proxy"},
		"another scheme":     {gateway.Config{Proxy: "ftp://a:1", Resolver: resolverAt}, "ftp"},
		"no port":            {gateway.Config{Proxy: "http://a", Resolver: resolverAt}, "http://host:port"},
		"a path":             {gateway.Config{Proxy: "http://a:1/b", Resolver: resolverAt}, "/b"},
		"no resolver":        {gateway.Config{Proxy: "http://a:1"}, "resolver"},
		"a resolver by name": {gateway.Config{Proxy: "http://a:1", Resolver: "dns.example:53"}, "dns.example"},
		"half a network":     {gateway.Config{Proxy: "http://a:1", Resolver: resolverAt, Deny: []string{"192.0.2.1"}}, "192.0.2.1"},
		"a mapped network":   {gateway.Config{Proxy: "http://a:1", Resolver: resolverAt, Deny: []string{"::ffff:192.0.2.0/120"}}, "IPv4"},
	} {
		if _, err := gateway.New(c.cfg); err == nil || !strings.Contains(err.Error(), c.names) {
			t.Errorf("%s: %v, want an error that names %q", name, err, c.names)
		}
	}
	if _, err := gateway.New(gateway.Config{Proxy: "ftp://user:hunter2@a:1", Resolver: resolverAt}); strings.Contains(err.Error(), "hunter2") {
		t.Errorf("the password is in %v", err)
	}
}

func TestAnswersComeThroughTheProxy(t *testing.T) {
	for _, scheme := range []string{"http", "socks5"} {
		o := newOutside(t, scheme)
		g := newGateway(t, o)
		g.Document("203.0.113.0/24")
		o.names["real.example."] = []string{webAddress}
		s := g.Session()
		defer s.Close()
		fetch := func(method, url, name, to, body string) (int, http.Header, string, error) {
			r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
			if err != nil {
				t.Fatal(err)
			}
			r.Header = http.Header{"Proxy-Authorization": {"stolen"}, "X-Mine": {"mine"}, "Connection": {"X-Hop"}, "X-Hop": {"x"}}
			status, header, b, err := s.Fetch(r, name, netip.MustParseAddrPort(to))
			return status, header, string(b), err
		}
		if status, _, body, err := fetch("GET", "http://real.example/a?b", "real.example", "198.19.0.1:80", ""); status != 200 || body != "real /a?b" || err != nil {
			t.Errorf("%s: by name: %d %q %v", scheme, status, body, err)
		}
		if status, _, body, err := fetch("GET", "https://claimed.example/a", "", webAddress+":443", ""); status != 200 || body != "real /a" || err != nil {
			t.Errorf("%s: by address over TLS: %d %q %v", scheme, status, body, err)
		}
		if status, header, body, err := fetch("POST", "http://claimed.example/echo", "real.example", "198.19.0.1:8080", "sent"); status != 200 || body != "sent" || header.Get("X-Sent") != "POST claimed.example mine" || err != nil {
			t.Errorf("%s: sent: %d %v %q %v", scheme, status, header, body, err)
		}
		if status, header, _, err := fetch("GET", "http://real.example/moved", "real.example", "198.19.0.1:80", ""); status != 302 || !strings.Contains(header.Get("Location"), "127.0.0.1") || err != nil {
			t.Errorf("%s: moved: %d %v %v", scheme, status, header, err)
		}
		// The URL says one thing, the connection went somewhere else.
		if _, _, _, err := fetch("GET", "http://real.example/a", "", "169.254.169.254:80", ""); err == nil {
			t.Errorf("%s: a public name in the request reached the metadata service", scheme)
		}
		if !slices.Equal(o.targets(), []string{webAddress + ":80", webAddress + ":443", webAddress + ":8080", webAddress + ":80"}) || o.greeted > 0 {
			t.Errorf("%s: the proxy was asked for %v", scheme, o.targets())
		}
		if want := map[string]string{"http": "Basic dXNlcjpzZWNyZXQ=", "socks5": "user:secret"}[scheme]; o.password != want {
			t.Errorf("%s: the proxy was told %q", scheme, o.password)
		}
	}
}

func TestFloodsDoNotGoOut(t *testing.T) {
	o := newOutside(t, "http")
	g := newGateway(t, o)
	s := g.Session()
	defer s.Close()
	spent := 0
	for i := range 4 * gateway.PerSecond {
		r, _ := http.NewRequestWithContext(t.Context(), "GET", "http://a.example/", nil)
		if _, _, _, err := s.Fetch(r, "", netip.AddrPortFrom(netip.AddrFrom4([4]byte{10, 0, 0, byte(i)}), 80)); errors.Is(err, gateway.ErrSpent) {
			spent++
		}
	}
	if spent < 4*gateway.PerSecond-gateway.MaxHosts {
		t.Errorf("%d of %d requests were refused for being too many", spent, 4*gateway.PerSecond)
	}
	o.unseen(t, "flood")
}

// notes is the Log of a conversation.
type notes struct {
	mu       sync.Mutex
	http     []observation.HTTP
	messages []observation.Message
}

func (*notes) App(string) {}
func (n *notes) Message(out bool, kind string, fields map[string]string) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.messages = append(n.messages, observation.Message{Out: out, Type: kind, Fields: fields})
}
func (n *notes) HTTP(h observation.HTTP) {
	n.mu.Lock()
	defer n.mu.Unlock()
	n.http = append(n.http, h)
}
func (*notes) Understood([]byte)                           {}
func (*notes) Hello(responder.ClientHello)                 {}
func (*notes) Decrypted(plain net.Conn, _ string) net.Conn { return plain }

func TestAGuestsRequestsGoOutOnlyWhereTheyMay(t *testing.T) {
	o := newOutside(t, "http")
	g := newGateway(t, o)
	g.Document("203.0.113.0/24")
	o.names["real.example."], o.names["inside.example."] = []string{webAddress}, []string{"127.0.0.1"}
	s := g.Session()
	defer s.Close()
	table := responder.NewTable(responder.NewHTTP(responder.HTTPConfig{
		Payloads: responder.Payloads{Script: []byte("marker"), Arch: "amd64"}, Secret: func(string) string { return "canary" }, Token: rand.Text(), Now: time.Now, Egress: s,
	}))
	get := func(method, url, name, to, body string) (string, *notes) {
		t.Helper()
		ours, theirs := net.Pipe()
		log := &notes{}
		var talk sync.WaitGroup
		talk.Go(func() {
			_ = table.Serve(t.Context(), theirs, netip.MustParseAddrPort(to), name, log)
			theirs.Close()
		})
		defer talk.Wait()
		client := http.Client{Transport: &http.Transport{
			DialContext:     func(context.Context, string, string) (net.Conn, error) { return ours, nil },
			TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, DisableKeepAlives: true,
		}, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
		r, err := http.NewRequestWithContext(t.Context(), method, url, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		a, err := client.Do(r)
		if err != nil {
			t.Fatal(err)
		}
		defer a.Body.Close()
		b, _ := io.ReadAll(a.Body)
		return string(b), log
	}
	if body, log := get("GET", "http://real.example/x.sh", "real.example", "198.19.0.1:80", ""); body != "real /x.sh" || len(log.http) != 1 || log.http[0].Source != "internet" || log.http[0].Payload != "" {
		t.Errorf("%q, %+v", body, log.http)
	}
	for name, c := range map[string]struct{ method, url, peer, to, body, want string }{
		"a name that leads inside": {"GET", "http://inside.example/x.sh", "inside.example", "198.19.0.2:80", "", "marker"},
		"another name in the Host": {"GET", "http://real.example/x.sh", "inside.example", "198.19.0.2:80", "", "marker"},
		"a private address":        {"GET", fmt.Sprintf("http://10.0.0.1:%d/x.sh", o.secret.Port), "", fmt.Sprintf("10.0.0.1:%d", o.secret.Port), "", "marker"},
		"loopback":                 {"GET", "http://127.0.0.1/x.sh", "", fmt.Sprintf("127.0.0.1:%d", o.secret.Port), "", "marker"},
		"the metadata service":     {"GET", "http://169.254.169.254/latest/meta-data/instance-id", "", "169.254.169.254:80", "", "i-0123456789abcdef0"},
		"an open Docker":           {"GET", "http://" + webAddress + ":2375/_ping", "", webAddress + ":2375", "", "OK"},
		"more than is kept of it":  {"POST", "http://real.example/x.sh", "real.example", "198.19.0.1:80", strings.Repeat("x", 65<<10), "It works!"},
	} {
		before := len(o.targets())
		body, log := get(c.method, c.url, c.peer, c.to, c.body)
		if !strings.Contains(body, c.want) || len(o.targets()) != before || o.greeted > 0 {
			t.Errorf("%s: %q, the proxy was asked for %v", name, body, o.targets()[before:])
		}
		if len(log.http) != 1 || log.http[0].Source != "" {
			t.Errorf("%s: noted as %+v", name, log.http)
		}
	}
}
