package network_test

import (
	"encoding/hex"
	"io"
	"net/netip"
	"slices"
	"strings"
	"testing"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"

	"github.com/sallyport-dev/sallyport/sandbox/observation"
)

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
			if c.heard == "" { // as far as one can tell
				conn.SetReadDeadline(time.Now().Add(2500 * time.Millisecond))
			}
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

func TestBytesAreEscapedUnambiguously(t *testing.T) {
	var wide []byte
	for i := range 256 {
		wide = append(wide, byte(i))
	}
	g := newGuest(t)
	conn := g.connect("198.51.100.90:9")
	conn.Write(wide)
	f := g.flow("all bytes", func(f observation.Flow) bool { return f.BytesOut == 256 })
	if !strings.HasPrefix(f.Out, `\x00\x01`) || !strings.Contains(f.Out, ` !"#`) || !strings.Contains(f.Out, `[\x5c]`) || !strings.HasSuffix(f.Out, `~\x7f`+highBytes()) {
		t.Errorf("escaped as %s", f.Out)
	}
}

func highBytes() string {
	var b strings.Builder
	for i := 0x80; i < 0x100; i++ {
		b.WriteString(`\x` + hex.EncodeToString([]byte{byte(i)}))
	}
	return b.String()
}
