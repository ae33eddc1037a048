package network

import (
	"net/netip"
	"strings"
	"sync"
	"time"
)

// names gives each name that is asked for an address of its own, so that every
// connection leads back to a name. The addresses are from ranges that nobody has
// on the internet: 198.19.0.0/16, the upper half of the range for benchmarks
// (RFC 2544), and 2001:db8::/32 (RFC 3849).
type names struct {
	now func() time.Time

	mu     sync.Mutex
	byName map[string]int
	byAddr map[netip.Addr]string
	zones  zones
}

// maxNames bounds the table; further names do not exist. It is also fewer than
// there are addresses.
const maxNames = 30_000

func newNames(now func() time.Time) *names {
	return &names{now: now, zones: zones{exists: make(map[string]bool)}, byName: make(map[string]int), byAddr: make(map[netip.Addr]string)}
}

// fixedNames have a place of their own.
var fixedNames = map[string][2]string{
	"localhost":                {"127.0.0.1", "::1"},
	"metadata.google.internal": {"169.254.169.254", "fd00:ec2::254"},
	"metadata":                 {"169.254.169.254", "fd00:ec2::254"},
	"host.docker.internal":     {"172.17.0.1", "fd00::1"},
	"gateway.docker.internal":  {"172.17.0.1", "fd00::1"},
}

// lookup is the addresses of a name in lower case, without trailing dot. The
// last result is false for a name that does not exist.
func (n *names) lookup(name string) (v4, v6 netip.Addr, ok bool) {
	if fixed, ok := fixedNames[name]; ok {
		return netip.MustParseAddr(fixed[0]), netip.MustParseAddr(fixed[1]), true
	}
	if name == "" || name == "invalid" || strings.HasSuffix(name, ".invalid") || strings.HasSuffix(name, ".arpa") {
		return v4, v6, false
	}
	n.mu.Lock()
	defer n.mu.Unlock()
	i, known := n.byName[name]
	if !known {
		if len(n.byName) >= maxNames || !n.zones.has(name, n.now()) {
			return v4, v6, false
		}
		i = len(n.byName)
		n.byName[name] = i
	}
	v4, v6 = synthetic(i)
	if !known {
		n.byAddr[v4], n.byAddr[v6] = name, name
	}
	return v4, v6, true
}

// of is the name whose answer gave an address, "" when none did.
func (n *names) of(a netip.Addr) string {
	n.mu.Lock()
	defer n.mu.Unlock()
	return n.byAddr[a]
}

// synthetic is the i-th pair of addresses; none ends in 0 or 255.
func synthetic(i int) (v4, v6 netip.Addr) {
	v4 = netip.AddrFrom4([4]byte{198, 19, byte(i / 254), byte(1 + i%254)})
	v6 = netip.AddrFrom16([16]byte{0: 0x20, 1: 0x01, 2: 0x0d, 3: 0xb8, 5: 0x19, 14: byte((i + 1) >> 8), 15: byte(i + 1)})
	return v4, v6
}
