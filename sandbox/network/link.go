package network

import (
	"net/netip"
	"os"
)

// Link is what the guest's network card needs. It has the same fields as the
// runtime's link, so that one converts to the other. File belongs to the World
// until the sandbox process has its own copy; World.Close closes it.
type Link struct {
	File      *os.File       // the guest's end: frames with Ethernet header, one per message
	MAC       [6]byte        // as Docker makes it from the address
	MTU       int            // bytes of an IP packet
	Addresses []netip.Prefix // of the guest, IPv4 and IPv6
	Gateway4  netip.Addr     // default route
	Gateway6  netip.Addr
}

// The addresses are those of Docker's default bridge: what a program finds
// around itself in an ordinary container.
var (
	guest4   = netip.MustParsePrefix("172.17.0.2/16")
	guest6   = netip.MustParsePrefix("fd00::2/64")
	gateway4 = netip.MustParseAddr("172.17.0.1")
	gateway6 = netip.MustParseAddr("fd00::1")
)

const mtu = 1500

var (
	guestMAC   = [6]byte{0x02, 0x42, 0xac, 0x11, 0x00, 0x02}
	gatewayMAC = [6]byte{0x02, 0x42, 0xac, 0x11, 0x00, 0x01}
)

func guestLink(f *os.File) Link {
	return Link{
		File: f, MAC: guestMAC, MTU: mtu,
		Addresses: []netip.Prefix{guest4, guest6},
		Gateway4:  gateway4, Gateway6: gateway6,
	}
}
