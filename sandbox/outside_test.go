package sandbox_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/binary"
	"fmt"
	"net"
	"net/netip"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sallyport-dev/sallyport/internal/testenv"
	"github.com/sallyport-dev/sallyport/sandbox/observation"
)

// observed is what a noisy guest of the test below says or goes to. Nobody else
// on this machine has a reason to.
var observed = []netip.Prefix{
	netip.MustParsePrefix("203.0.113.160/27"), netip.MustParsePrefix("2001:db8:77::/48"), // as addresses
	netip.MustParsePrefix("198.19.0.0/16"), netip.MustParsePrefix("2001:db8:19::/48"), // for names
	netip.MustParsePrefix("169.254.169.254/32"), netip.MustParsePrefix("100.100.100.200/32"),
}

// watchInterfaces looks at every packet on every interface of this machine, the
// loopback included, until the returned function is called: it lists those that
// hold word, or come from or go to what is observed.
func watchInterfaces(t *testing.T, word string) func() []string {
	t.Helper()
	all := binary.NativeEndian.Uint16([]byte{unix.ETH_P_ALL >> 8, unix.ETH_P_ALL & 0xff})
	fd, err := unix.Socket(unix.AF_PACKET, unix.SOCK_DGRAM|unix.SOCK_CLOEXEC, int(all))
	if err != nil {
		t.Fatalf("looking at this machine's interfaces: %v", err)
	}
	if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, unix.SO_RCVBUFFORCE, 256<<20); err != nil {
		t.Fatal(err)
	}
	if err := unix.SetsockoptTimeval(fd, unix.SOL_SOCKET, unix.SO_RCVTIMEO, &unix.Timeval{Usec: 100_000}); err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	var seen []string
	var looking sync.WaitGroup
	looking.Go(func() {
		packet := make([]byte, 64<<10)
		for {
			n, from, err := unix.Recvfrom(fd, packet, 0)
			if err == unix.EAGAIN || err == unix.EINTR {
				if ctx.Err() != nil {
					return // and nothing is left to be read
				}
				continue
			}
			if err != nil {
				seen = append(seen, err.Error())
				return
			}
			if p := packet[:n]; isObserved(p) || bytes.Contains(p, []byte(word)) {
				name := "an interface"
				if at, ok := from.(*unix.SockaddrLinklayer); ok {
					if i, err := net.InterfaceByIndex(at.Ifindex); err == nil {
						name = i.Name
					}
				}
				seen = append(seen, fmt.Sprintf("%s: %x", name, p[:min(n, 80)]))
			}
		}
	})
	return func() []string {
		time.Sleep(200 * time.Millisecond) // what is under way arrives
		stop()
		looking.Wait()
		// A queue that was too short would have hidden something.
		if s, err := unix.GetsockoptTpacketStats(fd, unix.SOL_PACKET, unix.PACKET_STATISTICS); err != nil || s.Drops > 0 {
			t.Errorf("%+v packets were not looked at, %v", s, err)
		}
		unix.Close(fd)
		return seen
	}
}

// isObserved tells whether an IP packet comes from or goes to what is observed.
func isObserved(p []byte) bool {
	var ends [2]netip.Addr
	switch {
	case len(p) >= 20 && p[0]>>4 == 4:
		ends = [2]netip.Addr{netip.AddrFrom4([4]byte(p[12:16])), netip.AddrFrom4([4]byte(p[16:20]))}
	case len(p) >= 40 && p[0]>>4 == 6:
		ends = [2]netip.Addr{netip.AddrFrom16([16]byte(p[8:24])), netip.AddrFrom16([16]byte(p[24:40]))}
	default:
		return false
	}
	for _, prefix := range observed {
		if prefix.Contains(ends[0]) || prefix.Contains(ends[1]) {
			return true
		}
	}
	return false
}

// A guest resolves, connects, scans, pings, and calls at this machine's own
// addresses, while all interfaces are watched: not one packet of it is seen, and
// nobody here is called.
func TestNoPacketLeaves(t *testing.T) {
	testenv.NeedRoot(t)
	word := "noisy-" + strings.ToLower(rand.Text())
	ln, err := net.Listen("tcp", ":0") // somebody at home, at every address that this machine has
	if err != nil {
		t.Fatal(err)
	}
	var called sync.WaitGroup
	greeted := 0
	called.Go(func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			greeted++
			conn.Close()
		}
	})
	t.Cleanup(func() { ln.Close(); called.Wait() })
	port := ln.Addr().(*net.TCPAddr).Port
	homes := []string{"127.0.0.1"}
	if own, err := net.InterfaceAddrs(); err == nil {
		for _, a := range own {
			if p, err := netip.ParsePrefix(a.String()); err == nil && p.Addr().Is4() && !p.Addr().IsLoopback() {
				homes = append(homes, p.Addr().String())
			}
		}
	}

	// The watch is awake: it sees one word of our own, on the loopback.
	watched := watchInterfaces(t, word)
	conn, err := net.Dial("udp", "127.0.0.1:9")
	if err != nil {
		t.Fatal(err)
	}
	fmt.Fprint(conn, word)
	conn.Close()
	if seen := watched(); len(seen) == 0 {
		t.Fatal("the watch does not see what passes")
	}

	watched = watchInterfaces(t, word)
	r := newRunner(t, nil)
	script := fmt.Sprintf(`
say() { echo %[1]s; }
for i in 1 2 3 4 5 6 7 8 9 10 11 12; do
	nslookup $i.%[1]s.example.test >/dev/null 2>&1
	say | nc -w 1 203.0.113.$((160 + i)) $((8000 + i)) &
	nslookup udp.%[1]s.example.test 203.0.113.$((160 + i)) >/dev/null 2>&1 &
	busybox ping -c 1 -W 1 203.0.113.$((160 + i)) &
done
wget -q -O /dev/null http://web.%[1]s.example.test/%[1]s
wget -q -O /dev/null --header "X: %[1]s" http://203.0.113.190/
wget -q -O /dev/null http://169.254.169.254/%[1]s
wget -q -O /dev/null http://100.100.100.200/%[1]s
say | nc -w 1 2001:db8:77::1 80
busybox ping -c 1 -W 1 2001:db8:77::2
nslookup far.%[1]s.example.test 203.0.113.185
for home in %[2]s; do say | nc -w 1 $home %[3]d; done
wait
echo done`, word, strings.Join(homes, " "), port)
	o := run(t, r, "noisy", buildSpec(t, shell(script)))
	seen := watched()
	if len(seen) > 0 {
		t.Errorf("%d packets were seen on this machine's interfaces, the first: %s", len(seen), seen[0])
	}
	ln.Close()
	called.Wait()
	if greeted > 0 {
		t.Errorf("somebody of this machine was called %d times", greeted)
	}

	// It did make noise.
	n := o.Passes[0].Observation.Network
	protocols := map[string]int{}
	for _, f := range n.Flows {
		protocols[f.Proto]++
	}
	said := func(h observation.HTTP) bool { return strings.Contains(h.Path, word) || h.Headers["X"] == word }
	requests := 0
	for _, h := range n.HTTP {
		if said(h) {
			requests++
		}
	}
	if protocols["tcp"] < 12 || protocols["udp"] < 12 || protocols["icmp"] < 12 || len(n.DNS) < 12 || requests < 4 {
		t.Errorf("the guest was quiet: %v, %d questions, %d requests; it printed %q", protocols, len(n.DNS), requests, o.Passes[0].Observation.Run.Stderr)
	}
}
