package gateway

import (
	"fmt"
	"net"
	"net/netip"
	"strings"
)

// special is what is not the public internet: IANA's registries of
// special-purpose addresses (RFC 6890 and what was added since), and addresses
// of clouds that lead to the machine itself.
var special = prefixes(
	"0.0.0.0/8", "10.0.0.0/8", "100.64.0.0/10", "127.0.0.0/8", "169.254.0.0/16", "172.16.0.0/12", "192.0.0.0/24", "192.0.2.0/24",
	"192.31.196.0/24", "192.52.193.0/24", "192.88.99.0/24", "192.168.0.0/16", "192.175.48.0/24", "198.18.0.0/15", "198.51.100.0/24", "203.0.113.0/24",
	"224.0.0.0/4", "240.0.0.0/4",
	"168.63.129.16/32", // Azure: the host's own services

	"64:ff9b::/96", "64:ff9b:1::/48", // NAT64: an IPv4 address inside
	"2001::/23", "2001:db8::/32", "2002::/16", "2620:4f:8000::/48", "3fff::/20", // protocols and tunnels, documentation
)

// public is where unicast addresses of the IPv6 internet are; all else there is
// special: loopback, mapped and compatible IPv4, unique local, link-local,
// site-local, multicast.
var public = netip.MustParsePrefix("2000::/3")

func prefixes(list ...string) []netip.Prefix {
	out := make([]netip.Prefix, len(list))
	for i, s := range list {
		out[i] = netip.MustParsePrefix(s)
	}
	return out
}

// BlockedError tells that a target is one that nothing of a guest may reach.
type BlockedError struct {
	Target string     // as it was asked for
	Addr   netip.Addr // that it leads to; not valid when it is no name
	Why    string
}

func (e *BlockedError) Error() string {
	if e.Addr.IsValid() && e.Addr.String() != e.Target {
		return fmt.Sprintf("%s leads to %s: %s", e.Target, e.Addr, e.Why)
	}
	return e.Target + ": " + e.Why
}

// check tells why an address must not be reached; nil when it may.
func (g *Gateway) check(target string, a netip.Addr) error {
	blocked := func(why string) error { return &BlockedError{Target: target, Addr: a, Why: why} }
	if !a.IsValid() || a.Zone() != "" {
		return blocked("not an address of the internet")
	}
	plain := a.Unmap()
	if plain != a {
		if err := g.check(target, plain); err != nil {
			return err
		}
		a = plain
	}
	if a.Is6() && !public.Contains(a) {
		return blocked("not an address of the public internet")
	}
	for _, p := range g.special {
		if p.Contains(a) {
			return blocked("not an address of the public internet")
		}
	}
	for _, p := range g.deny {
		if p.Contains(a) {
			return blocked("denied by sandbox.gateway.deny")
		}
	}
	own, err := net.InterfaceAddrs()
	if err != nil {
		return blocked("this machine's own addresses are not known: " + err.Error())
	}
	for _, o := range own {
		if p, err := netip.ParsePrefix(o.String()); err == nil && p.Addr().Unmap() == a {
			return blocked("this machine's own address")
		}
	}
	return nil
}

// isName tells host names from numbers that only look like names, which some
// resolvers take for addresses: decimal, octal, hexadecimal. WHATWG URL, "ends
// in a number checker"; RFC 1123 §2.1.
func isName(s string) bool {
	labels := strings.Split(strings.TrimSuffix(s, "."), ".")
	last := labels[len(labels)-1]
	if len(s) > 253 || len(labels) < 2 || last == "" || last[0] >= '0' && last[0] <= '9' {
		return false // a single label is a name of somebody's own network
	}
	for _, l := range labels {
		if l == "" || len(l) > 63 || strings.ContainsFunc(l, func(c rune) bool {
			return !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_')
		}) {
			return false
		}
	}
	return !inside(strings.ToLower(strings.TrimSuffix(s, ".")))
}

// inside tells names that are nobody's on the public internet: RFC 6761, 6762,
// 8375, 9476, and ICANN's reservation of "internal".
func inside(name string) bool {
	for _, end := range []string{"localhost", "local", "internal", "home.arpa", "arpa", "onion", "alt", "localdomain", "lan", "home", "corp"} {
		if name == end || strings.HasSuffix(name, "."+end) {
			return true
		}
	}
	return false
}
