package network

import (
	"gvisor.dev/gvisor/pkg/buffer"
	"gvisor.dev/gvisor/pkg/tcpip/checksum"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/icmp"
)

// echo4 answers an ICMPv4 echo request (RFC 792). The stack itself does so only
// for addresses that it was given, not for those that it merely accepts.
func (w *World) echo4(id stack.TransportEndpointID, pkt *stack.PacketBuffer) bool {
	h := header.ICMPv4(pkt.TransportHeader().Slice())
	if len(h) < header.ICMPv4MinimumSize || h.Type() != header.ICMPv4Echo {
		return false
	}
	payload := pkt.Data().AsRange().ToSlice()
	w.pinged(id, h.Ident(), payload)

	route, err := w.stack.FindRoute(nic, id.LocalAddress, id.RemoteAddress, ipv4.ProtocolNumber, false)
	if err != nil {
		return true
	}
	defer route.Release()
	reply := stack.NewPacketBuffer(stack.PacketBufferOptions{
		ReserveHeaderBytes: header.ICMPv4MinimumSize + int(route.MaxHeaderLength()),
		Payload:            buffer.MakeWithData(payload),
	})
	defer reply.DecRef()
	reply.TransportProtocolNumber = icmp.ProtocolNumber4
	r := header.ICMPv4(reply.TransportHeader().Push(header.ICMPv4MinimumSize))
	copy(r, h[:header.ICMPv4MinimumSize])
	r.SetType(header.ICMPv4EchoReply)
	r.SetChecksum(0)
	r.SetChecksum(^checksum.Checksum(r, reply.Data().Checksum()))
	_ = route.WritePacket(stack.NetworkHeaderParams{Protocol: icmp.ProtocolNumber4, TTL: 64}, reply)
	return true
}

// echo6 notes an ICMPv6 echo request; the stack answers it.
func (w *World) echo6(id stack.TransportEndpointID, pkt *stack.PacketBuffer) bool {
	h := header.ICMPv6(pkt.TransportHeader().Slice())
	if len(h) >= header.ICMPv6EchoMinimumSize && h.Type() == header.ICMPv6EchoRequest {
		w.pinged(id, h.Ident(), pkt.Data().AsRange().ToSlice())
	}
	return false
}

// pinged notes an echo request. The identifier stands for the source port, as
// in Linux' ping sockets; data may travel in it, therefore it is searched.
func (w *World) pinged(id stack.TransportEndpointID, ident uint16, payload []byte) {
	from, to := addrPort(id.RemoteAddress, ident), addrPort(id.LocalAddress, 0)
	f := w.flow(tuple{"icmp", from, to})
	f.passed(payload, true, true)
	if !f.kept() {
		f.ended() // it is not met again
	}
	w.traffic.add("icmp", from.Addr(), to, w.cfg.Now())
	f.passed(payload, false, true)
}
