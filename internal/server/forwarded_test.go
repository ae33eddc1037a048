package server

import (
	"net/http"
	"net/netip"
	"testing"
)

func request(remote, header string, lines ...string) *http.Request {
	return &http.Request{RemoteAddr: remote, Header: http.Header{header: lines}}
}

func TestClientBehindProxies(t *testing.T) {
	const near, far = "192.0.2.1:4711", "192.0.2.2" // both trusted
	for _, c := range []struct {
		name, remote, header string
		lines                []string
		want                 string
	}{
		{"no proxy, no word", "203.0.113.9:1", XForwardedFor, nil, "203.0.113.9"},
		{"who is no proxy is not believed", "203.0.113.9:1", XForwardedFor, []string{"198.51.100.7"}, "203.0.113.9"},
		{"a proxy is", near, XForwardedFor, []string{"198.51.100.7"}, "198.51.100.7"},
		{"a proxy that says nothing asks for itself", near, XForwardedFor, nil, "192.0.2.1"},
		{"what the client said before is not", near, XForwardedFor, []string{"198.51.100.1, 198.51.100.7"}, "198.51.100.7"},
		{"nor in a line of its own", near, XForwardedFor, []string{"198.51.100.1", "198.51.100.7"}, "198.51.100.7"},
		{"two proxies", near, XForwardedFor, []string{"198.51.100.1, 198.51.100.7, " + far}, "198.51.100.7"},
		{"two proxies, two lines", near, XForwardedFor, []string{"198.51.100.7", far}, "198.51.100.7"},
		{"proxies alone: the first", near, XForwardedFor, []string{far}, "192.0.2.2"},
		{"with a port", near, XForwardedFor, []string{"198.51.100.7:5555"}, "198.51.100.7"},
		{"IPv6", near, XForwardedFor, []string{"2001:db8::7"}, "2001:db8::7"},
		{"IPv6 with a port", near, XForwardedFor, []string{"[2001:db8::7]:5555"}, "2001:db8::7"},
		{"IPv4 within IPv6", "[::ffff:192.0.2.1]:1", XForwardedFor, []string{"::ffff:198.51.100.7"}, "198.51.100.7"},
		{"an IPv6 proxy", "[2001:db8:1::1]:1", XForwardedFor, []string{"198.51.100.7"}, "198.51.100.7"},
		{"unknown", near, XForwardedFor, []string{"198.51.100.1, unknown"}, "192.0.2.1"},
		{"unknown behind two", near, XForwardedFor, []string{"198.51.100.1, unknown, " + far}, "192.0.2.2"},
		{"empty", near, XForwardedFor, []string{""}, "192.0.2.1"},
		{"the other header is not read", near, Forwarded, []string{"for=198.51.100.7"}, "192.0.2.1"},
	} {
		t.Run(c.name, func(t *testing.T) { client(t, XForwardedFor, request(c.remote, c.header, c.lines...), c.want) })
	}
}

func TestClientInForwarded(t *testing.T) {
	for line, want := range map[string]string{
		"for=198.51.100.7": "198.51.100.7",
		"For=\"198.51.100.7:5555\";proto=https;by=192.0.2.1": "198.51.100.7",
		`for="[2001:db8::7]:5555"`:                           "2001:db8::7",
		`for="[2001:db8::7]"`:                                "2001:db8::7",
		`for=198.51.100.1, for=198.51.100.7 ; proto=http`:    "198.51.100.7",
		`for=198.51.100.7,for=192.0.2.2,,`:                   "198.51.100.7",
		`host="a,for=198.51.100.9";for=198.51.100.7`:         "198.51.100.7",
		`for=198.51.100.7;host="\",for=198.51.100.9"`:        "198.51.100.7",
		`for=unknown`:                       "192.0.2.1",
		`for=_hidden`:                       "192.0.2.1",
		`proto=https`:                       "192.0.2.1",
		`for=198.51.100.1;for=198.51.100.2`: "192.0.2.1",
		`for="198.51.100.1`:                 "192.0.2.1",
		`for=198.51.100.1 for=198.51.100.2`: "192.0.2.1",
		`for = 198.51.100.1`:                "192.0.2.1",
		`for=[2001:db8::7]`:                 "192.0.2.1", // must be quoted
		`for=198.51.100.1;`:                 "192.0.2.1",
		`for=198.51.100.1;, for=192.0.2.2`:  "192.0.2.1",
		"198.51.100.1":                      "192.0.2.1",
		"":                                  "192.0.2.1",
	} {
		t.Run(line, func(t *testing.T) { client(t, "forwarded", request("192.0.2.1:1", Forwarded, line), want) })
	}
	// A line that cannot be read is that of whom the proxy asks for.
	client(t, Forwarded, request("192.0.2.1:1", Forwarded, `for="`, "for=198.51.100.7"), "198.51.100.7")
	client(t, Forwarded, request("192.0.2.1:1", Forwarded, `for="`, "for=192.0.2.2"), "192.0.2.2")
}

func client(t *testing.T, header string, r *http.Request, want string) {
	t.Helper()
	p, err := NewProxies([]string{"192.0.2.0/24", "2001:db8:1::1"}, header)
	if err != nil {
		t.Fatal(err)
	}
	if got := p.Client(r); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

func TestProxiesAreChecked(t *testing.T) {
	for _, bad := range []string{"", "example.test", "192.0.2.0/33", "192.0.2.1:80", "fe80::1%eth0", "::ffff:192.0.2.0/120"} {
		if _, err := NewProxies([]string{bad}, ""); err == nil {
			t.Errorf("%q is taken", bad)
		}
	}
	if _, err := NewProxies(nil, "X-Real-Ip"); err == nil {
		t.Error("a header is taken that nobody reads")
	}
	if (Proxies{}).Trusts("192.0.2.1:1") {
		t.Error("somebody is trusted by default")
	}
}

// Whatever a client sends, a proxy that adds the client's address to it is the
// one that is believed.
func FuzzClient(f *testing.F) {
	for _, s := range []string{"", "198.51.100.1", "unknown", `for="[2001:db8::1]:80";by=_x, for=192.0.2.2`, `for="`, `for=a;for=b`, "[::1", ",,;=", `\"`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, sent string) {
		for header, own := range map[string]string{XForwardedFor: "198.51.100.7", Forwarded: "for=198.51.100.7"} {
			p, err := NewProxies([]string{"192.0.2.0/24"}, header)
			if err != nil {
				t.Fatal(err)
			}
			if got := p.Client(request("203.0.113.9:1", header, sent)); got != "203.0.113.9" {
				t.Errorf("%s %q: a stranger is believed: %s", header, sent, got)
			}
			if got := p.Client(request("192.0.2.1:1", header, sent, own)); got != "198.51.100.7" {
				t.Errorf("%s %q, and a line of the proxy's: %s", header, sent, got)
			}
			// In the same line it may be beyond reading; then the proxy asks for itself.
			if got := p.Client(request("192.0.2.1:1", header, sent+", "+own)); got != "198.51.100.7" && (got != "192.0.2.1" || header != Forwarded) {
				t.Errorf("%s %q, continued by the proxy: %s", header, sent, got)
			}
			if _, err := netip.ParseAddr(p.Client(request("192.0.2.1:1", header, sent))); err != nil {
				t.Errorf("%s %q: %v", header, sent, err)
			}
		}
	})
}
