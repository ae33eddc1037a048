package observation

import (
	"net/netip"

	"github.com/sallyport-dev/sallyport/sandbox/event"
)

// How far away an address is. Documentation addresses are as public as any.
const (
	Loopback = "loopback"
	Own      = "own"     // the guest's own
	Local    = "local"   // this link or none: link-local, multicast, broadcast, unspecified
	Private  = "private" // RFC 1918, RFC 6598, RFC 4193
	Public   = "public"
)

var sharedSpace = netip.MustParsePrefix("100.64.0.0/10") // RFC 6598

func scope(s string, own map[string]bool) string {
	ip, err := netip.ParseAddr(s)
	if err != nil {
		return ""
	}
	ip = ip.Unmap().WithZone("")
	switch {
	case ip.IsLoopback():
		return Loopback
	case own[ip.String()]:
		return Own
	case ip.IsUnspecified(), ip.IsMulticast(), ip.IsLinkLocalUnicast(), ip == netip.AddrFrom4([4]byte{255, 255, 255, 255}):
		return Local
	case ip.IsPrivate(), sharedSpace.Contains(ip):
		return Private
	}
	return Public
}

// scoped is a copy of e with plain address and scope.
func scoped(e *event.Endpoint, own map[string]bool) *event.Endpoint {
	if e == nil {
		return nil
	}
	c := *e
	c.IP = plainIP(c.IP)
	c.Scope = scope(c.IP, own)
	return &c
}
