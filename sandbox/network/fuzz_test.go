package network_test

import (
	"io"
	"log/slog"
	"net"
	"net/netip"
	"runtime"
	"testing"
	"time"

	"github.com/miekg/dns"
	"golang.org/x/sys/unix"
	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"

	"github.com/sallyport-dev/sallyport/sandbox/network"
)

// Whatever frames a guest sends, the World goes on: it still closes, and still
// answers.
func FuzzFrames(f *testing.F) {
	w, err := network.New(network.Config{Token: token, Arch: runtime.GOARCH, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { w.Close() })
	ethernet := "\x02\x42\xac\x11\x00\x01\x02\x42\xac\x11\x00\x02"
	for _, seed := range []string{
		"", "x", ethernet, ethernet + "\x08\x00", ethernet + "\x08\x00\x40", // header length 0
		ethernet + "\x08\x00\x4f\x00\x00\x14\x00\x00\x00\x00\x40\x06\x00\x00\xac\x11\x00\x02\xc6\x33\x64\x01",
		ethernet + "\x08\x00\x45\x00\x00\x1c\x00\x00\x20\x00\x40\x11\x00\x00\xac\x11\x00\x02\xc6\x33\x64\x01\x00\x35\x00\x35\x00\x08\x00\x00",
		ethernet + "\x86\xdd\x60\x00\x00\x00\x00\x08\x3a\x40\xfd\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\xfd\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x80\x00\x00\x00\x00\x01\x00\x01",
		"\xff\xff\xff\xff\xff\xff\x02\x42\xac\x11\x00\x02\x08\x06\x00\x01\x08\x00\x06\x04\x00\x01\x02\x42\xac\x11\x00\x02\xac\x11\x00\x02\x00\x00\x00\x00\x00\x00\xac\x11\x00\x01",
	} {
		f.Add([]byte(seed))
	}
	fd := int(w.Link().File.Fd())
	answer := make([]byte, 64<<10)
	f.Fuzz(func(t *testing.T, frame []byte) {
		if len(frame) > 60<<10 || len(frame) == 0 {
			return
		}
		if _, err := unix.Write(fd, frame); err != nil {
			t.Fatal(err)
		}
		// An ARP request for the gateway, at last: its reply proves that the
		// frame before it was survived.
		arp := "\xff\xff\xff\xff\xff\xff\x02\x42\xac\x11\x00\x02\x08\x06\x00\x01\x08\x00\x06\x04\x00\x01\x02\x42\xac\x11\x00\x02\xac\x11\x00\x02\x00\x00\x00\x00\x00\x00\xac\x11\x00\x01"
		if _, err := unix.Write(fd, []byte(arp)); err != nil {
			t.Fatal(err)
		}
		for deadline := time.Now().Add(time.Minute); ; {
			n, _, err := unix.Recvfrom(fd, answer, unix.MSG_DONTWAIT)
			if n > 21 && answer[12] == 8 && answer[13] == 6 && answer[21] == 2 {
				return
			}
			if err == unix.EAGAIN {
				if time.Now().After(deadline) {
					t.Fatal("the gateway does not answer any more")
				}
				time.Sleep(50 * time.Microsecond)
			}
		}
	})
}

// Whatever a guest sends to a name server, it answers a proper query after it.
func FuzzNameServer(f *testing.F) {
	w, err := network.New(network.Config{Token: token, Arch: runtime.GOARCH, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { w.Close() })
	s := guestStack(f, w.Link())
	for _, name := range []string{"a.example.", "_sip._tcp.example.", "1.2.0.192.in-addr.arpa.", "."} {
		for _, kind := range []uint16{dns.TypeA, dns.TypePTR, dns.TypeSRV, dns.TypeAXFR} {
			q, err := new(dns.Msg).SetQuestion(name, kind).SetEdns0(4096, true).Pack()
			if err != nil {
				f.Fatal(err)
			}
			f.Add(q)
		}
	}
	f.Add([]byte{})
	to := full(netip.AddrPortFrom(w.Resolver(), 53))
	conn, err := gonet.DialUDP(s, nil, &to, ipv4.ProtocolNumber)
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { conn.Close() })
	last, err := new(dns.Msg).SetQuestion("last.example.", dns.TypeA).Pack()
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, query []byte) {
		if len(query) > 1400 {
			return
		}
		conn.Write(query)
		conn.Write(last)
		conn.SetReadDeadline(time.Now().Add(time.Minute))
		buf := make([]byte, 64<<10)
		for {
			n, err := conn.Read(buf)
			if err != nil {
				t.Fatalf("no answer after %q: %v", query, err)
			}
			var a dns.Msg
			if err := a.Unpack(buf[:n]); err != nil {
				t.Fatalf("the answer to %q cannot be read: %v", query, err)
			}
			if len(a.Question) == 1 && a.Question[0].Name == "last.example." {
				return
			}
		}
	})
}

// Whatever is said on any port, the World closes without a trace of it.
func FuzzConversation(f *testing.F) {
	w, err := network.New(network.Config{Token: token, Arch: runtime.GOARCH, Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { w.Close() })
	s := guestStack(f, w.Link())
	f.Add(uint16(80), []byte("GET / HTTP/1.1\r\n\r\n"))
	f.Add(uint16(53), []byte("\x00\x0c\x00\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00"))
	f.Add(uint16(443), []byte("\x16\x03\x01\x00\x05\x01\x00\x00\x01\x00"))
	f.Add(uint16(22), []byte("SSH-2.0-x\r\n\x00\x00\x00\x0c"))
	f.Fuzz(func(t *testing.T, port uint16, words []byte) {
		addr := full(netip.AddrPortFrom(netip.MustParseAddr("198.51.100.9"), max(port, 1)))
		var conn net.Conn
		conn, err := gonet.DialTCP(s, addr, ipv4.ProtocolNumber)
		if err != nil {
			return // a port that the address has not open
		}
		defer conn.Close()
		conn.Write(words)
		conn.(*gonet.TCPConn).CloseWrite()
		conn.SetReadDeadline(time.Now().Add(time.Minute))
		if _, err := io.Copy(io.Discard, conn); err != nil {
			t.Fatalf("port %d still talks after the guest finished with %q: %v", port, words, err)
		}
	})
}
