package gateway_test

import (
	"bufio"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"net/netip"
	"slices"
	"strconv"
	"sync"
	"testing"

	"github.com/miekg/dns"

	"github.com/sallyport-dev/sallyport/sandbox/network/gateway"
)

// The address at which the outside's servers are, and that of its name server.
const (
	webAddress = "203.0.113.10"
	resolverAt = "192.0.2.53:53"
)

// outside is an internet of real servers on loopback: a proxy, which connects
// wherever it is asked to, a name server, a web server, and one that must never
// be seen.
type outside struct {
	proxy  string // URL
	secret *net.TCPAddr

	mu       sync.Mutex
	asked    []string // targets, as the proxy was told them
	greeted  int      // connections that the secret server took
	password string   // that the proxy was told
	names    map[string][]string
	turn     map[string]int
	web, tls string // where the web server really is
	dns      string
}

func newOutside(t *testing.T, scheme string) *outside {
	t.Helper()
	o := &outside{names: map[string][]string{}, turn: map[string]int{}}
	serve := func(handle func(net.Conn)) *net.TCPAddr {
		ln, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		var talks sync.WaitGroup
		talks.Go(func() {
			for {
				conn, err := ln.Accept()
				if err != nil {
					return
				}
				talks.Go(func() { defer conn.Close(); handle(conn) })
			}
		})
		t.Cleanup(func() { ln.Close(); talks.Wait() })
		return ln.Addr().(*net.TCPAddr)
	}
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/moved":
			http.Redirect(w, r, "http://127.0.0.1:"+strconv.Itoa(o.secret.Port)+"/", http.StatusFound)
		case "/echo":
			body, _ := io.ReadAll(r.Body)
			w.Header().Set("X-Sent", r.Method+" "+r.Host+" "+r.Header.Get("Proxy-Authorization")+r.Header.Get("X-Mine"))
			w.Write(body)
		default:
			io.WriteString(w, "real "+r.URL.RequestURI())
		}
	})
	plain, secure := httptest.NewServer(handler), httptest.NewTLSServer(handler)
	t.Cleanup(plain.Close)
	t.Cleanup(secure.Close)
	o.web, o.tls = plain.Listener.Addr().String(), secure.Listener.Addr().String()
	o.secret = serve(func(net.Conn) { o.mu.Lock(); defer o.mu.Unlock(); o.greeted++ })
	o.dns = serve(o.resolve).String()
	talk := o.connect
	if scheme == "socks5" {
		talk = o.socks
	}
	o.proxy = scheme + "://user:secret@" + serve(talk).String()
	return o
}

// resolve answers with what names has: all of an entry that ends in "+", else
// one after the other, as whoever rebinds a name does.
func (o *outside) resolve(conn net.Conn) {
	talk := &dns.Conn{Conn: conn}
	for {
		q, err := talk.ReadMsg()
		if err != nil {
			return
		}
		a := new(dns.Msg).SetReply(q)
		o.mu.Lock()
		list := o.names[q.Question[0].Name]
		if n := len(list); n > 0 && list[n-1] == "turns" {
			list = list[:n-1]
			i := o.turn[q.Question[0].Name]
			if q.Question[0].Qtype == dns.TypeAAAA {
				o.turn[q.Question[0].Name]++
			}
			list = list[i%len(list):][:1]
		}
		o.mu.Unlock()
		for _, s := range list {
			addr := netip.MustParseAddr(s)
			head := dns.RR_Header{Name: q.Question[0].Name, Class: dns.ClassINET, Rrtype: q.Question[0].Qtype}
			switch {
			case q.Question[0].Qtype == dns.TypeA && addr.Is4():
				a.Answer = append(a.Answer, &dns.A{Hdr: head, A: addr.AsSlice()})
			case q.Question[0].Qtype == dns.TypeAAAA && !addr.Is4():
				a.Answer = append(a.Answer, &dns.AAAA{Hdr: head, AAAA: addr.AsSlice()})
			}
		}
		if talk.WriteMsg(a) != nil {
			return
		}
	}
}

// reach is what a careless proxy does: it connects to whatever it is told. Only
// the two addresses for documentation are somewhere else than they say.
func (o *outside) reach(target string) (net.Conn, error) {
	o.mu.Lock()
	o.asked = append(o.asked, target)
	o.mu.Unlock()
	switch target {
	case resolverAt:
		target = o.dns
	case webAddress + ":443":
		target = o.tls
	case webAddress + ":80", webAddress + ":8080":
		target = o.web
	}
	return net.Dial("tcp", target)
}

func (o *outside) connect(conn net.Conn) {
	r := bufio.NewReader(conn)
	req, err := http.ReadRequest(r)
	if err != nil || req.Method != http.MethodConnect {
		return
	}
	o.mu.Lock()
	o.password = req.Header.Get("Proxy-Authorization")
	o.mu.Unlock()
	to, err := o.reach(req.Host)
	if err != nil {
		io.WriteString(conn, "HTTP/1.1 502 Bad Gateway\r\n\r\n")
		return
	}
	io.WriteString(conn, "HTTP/1.1 200 Connected\r\n\r\n")
	relay(conn, r, to)
}

func (o *outside) socks(conn net.Conn) {
	r := bufio.NewReader(conn)
	read := func(n int) []byte {
		b := make([]byte, n)
		if _, err := io.ReadFull(r, b); err != nil {
			return make([]byte, n)
		}
		return b
	}
	read(int(read(2)[1]))
	conn.Write([]byte{5, 2})
	user := string(read(int(read(2)[1])))
	password := string(read(int(read(1)[0])))
	o.mu.Lock()
	o.password = user + ":" + password
	o.mu.Unlock()
	conn.Write([]byte{1, 0})
	size, ok := map[byte]int{1: 4, 4: 16}[read(4)[3]]
	if !ok { // a name: the proxy would resolve it
		o.mu.Lock()
		defer o.mu.Unlock()
		o.asked = append(o.asked, "a name")
		return
	}
	addr, _ := netip.AddrFromSlice(read(size))
	to, err := o.reach(netip.AddrPortFrom(addr, binary.BigEndian.Uint16(read(2))).String())
	if err != nil {
		conn.Write([]byte{5, 1, 0, 1, 0, 0, 0, 0, 0, 0})
		return
	}
	conn.Write([]byte{5, 0, 0, 1, 0, 0, 0, 0, 0, 0})
	relay(conn, r, to)
}

// relay copies both ways until one of them ends.
func relay(conn net.Conn, r io.Reader, to net.Conn) {
	var both sync.WaitGroup
	both.Go(func() { io.Copy(to, r); to.Close() })
	both.Go(func() { io.Copy(conn, to); conn.Close() })
	both.Wait()
}

// targets is what the proxy was asked for, without the name server.
func (o *outside) targets() []string {
	o.mu.Lock()
	defer o.mu.Unlock()
	return slices.DeleteFunc(slices.Clone(o.asked), func(s string) bool { return s == resolverAt })
}

// unseen fails when anything but the name server was asked for.
func (o *outside) unseen(t *testing.T, what string) {
	t.Helper()
	o.mu.Lock()
	greeted := o.greeted
	o.mu.Unlock()
	if list := o.targets(); len(list) > 0 || greeted > 0 {
		t.Errorf("%s: the proxy was asked for %v, the secret server greeted %d times", what, list, greeted)
	}
}

func newGateway(t *testing.T, o *outside, deny ...string) *gateway.Gateway {
	t.Helper()
	g, err := gateway.New(gateway.Config{Proxy: o.proxy, Resolver: resolverAt, Deny: deny})
	if err != nil {
		t.Fatal(err)
	}
	return g
}
