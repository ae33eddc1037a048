package network

import (
	"errors"
	"fmt"
	"net/netip"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/link/sniffer"
	"gvisor.dev/gvisor/pkg/tcpip/network/arp"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv6"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/icmp"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/tcpip/transport/udp"
)

const nic tcpip.NICID = 1

// Connection attempts that are not decided yet; SYNs beyond are not answered,
// which slows a flood down as a busy host would.
const attempts = 4096

// newStack makes one host that believes to have every address, and connects it
// to our end of the link.
func (w *World) newStack() error {
	s := stack.New(stack.Options{
		NetworkProtocols:   []stack.NetworkProtocolFactory{ipv4.NewProtocol, ipv6.NewProtocol, arp.NewProtocol},
		TransportProtocols: []stack.TransportProtocolFactory{tcp.NewProtocol, udp.NewProtocol, icmp.NewProtocol4, icmp.NewProtocol6},
	})
	card := &wire{fd: w.fd}
	top := stack.LinkEndpoint(card)
	if w.capture != nil {
		sniffer.LogPackets.Store(0) // gVisor's switch for the whole process: no line per packet
		sniffed, err := sniffer.NewWithWriter(card, w.capture, 65535)
		if err != nil {
			return fmt.Errorf("capture: %w", err)
		}
		top = sniffed
	}
	s.SetTransportProtocolHandler(tcp.ProtocolNumber, w.counted(tcp.NewForwarder(s, 0, attempts, w.connected).HandlePacket))
	s.SetTransportProtocolHandler(udp.ProtocolNumber, w.datagram)
	s.SetTransportProtocolHandler(icmp.ProtocolNumber4, w.echo4)
	s.SetTransportProtocolHandler(icmp.ProtocolNumber6, w.echo6)
	w.stack, w.wire = s, card // before the first frame, which may come during the next call
	return configure(s, top)
}

// configure gives the host its card. The last step lets frames in.
func configure(s *stack.Stack, top stack.LinkEndpoint) error {
	sack, moderate := tcpip.TCPSACKEnabled(true), tcpip.TCPModerateReceiveBufferOption(true)
	rest := tcpip.TCPTimeWaitTimeoutOption(0)
	steps := []func() tcpip.Error{
		func() tcpip.Error { return s.SetTransportProtocolOption(tcp.ProtocolNumber, &sack) },
		func() tcpip.Error { return s.SetTransportProtocolOption(tcp.ProtocolNumber, &moderate) },
		func() tcpip.Error { return s.SetTransportProtocolOption(tcp.ProtocolNumber, &rest) },
		func() tcpip.Error { return s.CreateNIC(nic, top) },
		func() tcpip.Error { return s.SetPromiscuousMode(nic, true) },
		func() tcpip.Error { return s.SetSpoofing(nic, true) },
	}
	// Everything goes to the guest's card, also answers to sources that it made up.
	var routes []tcpip.Route
	for _, side := range []struct {
		protocol       tcpip.NetworkProtocolNumber
		gateway, guest netip.Addr
		bits           int
		all            tcpip.Subnet
	}{
		{ipv4.ProtocolNumber, gateway4, guest4.Addr(), guest4.Bits(), header.IPv4EmptySubnet},
		{ipv6.ProtocolNumber, gateway6, guest6.Addr(), guest6.Bits(), header.IPv6EmptySubnet},
	} {
		own := tcpip.ProtocolAddress{Protocol: side.protocol, AddressWithPrefix: tcpip.AddressWithPrefix{
			Address: address(side.gateway), PrefixLen: side.bits,
		}}
		steps = append(steps,
			func() tcpip.Error { return s.AddProtocolAddress(nic, own, stack.AddressProperties{}) },
			func() tcpip.Error {
				return s.AddStaticNeighbor(nic, side.protocol, address(side.guest), tcpip.LinkAddress(guestMAC[:]))
			})
		routes = append(routes, tcpip.Route{Destination: side.all, Gateway: address(side.guest), NIC: nic})
	}
	for _, step := range steps {
		if err := step(); err != nil {
			return errors.New(err.String())
		}
	}
	s.SetRouteTable(routes)
	return nil
}

func address(a netip.Addr) tcpip.Address { return tcpip.AddrFromSlice(a.AsSlice()) }

// addrPort is an address as the standard library has it.
func addrPort(a tcpip.Address, port uint16) netip.AddrPort {
	addr, _ := netip.AddrFromSlice(a.AsSlice())
	return netip.AddrPortFrom(addr.Unmap(), port)
}
