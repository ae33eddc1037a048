package network

import (
	"net/netip"
	"sync"

	"gvisor.dev/gvisor/pkg/buffer"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/checksum"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/udp"

	"github.com/sallyport-dev/sallyport/sandbox/network/responder"
)

// datagrams are the UDP and ICMP flows. There is no endpoint and no goroutine
// for them, so that a flood costs a look-up each and nothing more.
type datagrams struct {
	mu    sync.Mutex
	flows map[tuple]*flow
}

type tuple struct {
	proto    string
	from, to netip.AddrPort
}

// flow finds or begins the flow of a tuple. Beyond the ledger's limit each
// datagram is a flow of its own, so that the table does not grow.
func (w *World) flow(t tuple) *flow {
	w.datagrams.mu.Lock()
	defer w.datagrams.mu.Unlock()
	f := w.datagrams.flows[t]
	if f == nil {
		f = w.newFlow(t.proto, t.from, t.to)
		if f.kept() {
			w.datagrams.flows[t] = f
		}
	}
	return f
}

// datagram handles one UDP packet of the guest: names, the time, memcached
// and QUIC are answered, all else is only noted. It runs on the goroutine that reads the link.
func (w *World) datagram(id stack.TransportEndpointID, pkt *stack.PacketBuffer) bool {
	payload := pkt.Data().AsRange().ToSlice()
	from, to := addrPort(id.RemoteAddress, id.RemotePort), addrPort(id.LocalAddress, id.LocalPort)
	f := w.flow(tuple{"udp", from, to})
	f.passed(payload, true, true)
	if !f.kept() {
		f.ended() // it is not met again
	}
	w.traffic.add("udp", from.Addr(), to, w.cfg.Now())
	if answer := w.respond(payload, f, to); answer != nil {
		f.passed(answer, false, true)
		w.sendUDP(id, pkt.NetworkProtocolNumber, answer)
	}
	return true
}

// respond is the answer to a datagram, nil for none.
func (w *World) respond(payload []byte, f *flow, to netip.AddrPort) []byte {
	var answer []byte
	switch {
	case to.Port() == 53:
		answer = w.resolve(payload, f, to, true)
	case to.Port() == 123:
		answer = w.tell(payload, f)
	case to.Port() == 11211:
		answer = responder.MemcachedDatagram(payload, f)
	case isQUIC(payload):
		return answerQUIC(payload, f)
	}
	if answer == nil {
		f.App("raw")
	}
	return answer
}

// sendUDP answers a datagram from the address that it was sent to.
func (w *World) sendUDP(id stack.TransportEndpointID, network tcpip.NetworkProtocolNumber, payload []byte) {
	route, err := w.stack.FindRoute(nic, id.LocalAddress, id.RemoteAddress, network, false)
	if err != nil {
		return // as a packet lost on the way
	}
	defer route.Release()
	pkt := stack.NewPacketBuffer(stack.PacketBufferOptions{
		ReserveHeaderBytes: header.UDPMinimumSize + int(route.MaxHeaderLength()),
		Payload:            buffer.MakeWithData(payload),
	})
	defer pkt.DecRef()
	pkt.TransportProtocolNumber = udp.ProtocolNumber
	length := uint16(header.UDPMinimumSize + len(payload))
	h := header.UDP(pkt.TransportHeader().Push(header.UDPMinimumSize))
	h.Encode(&header.UDPFields{SrcPort: id.LocalPort, DstPort: id.RemotePort, Length: length})
	h.SetChecksum(^h.CalculateChecksum(checksum.Combine(
		header.PseudoHeaderChecksum(udp.ProtocolNumber, id.LocalAddress, id.RemoteAddress, length),
		pkt.Data().Checksum())))
	_ = route.WritePacket(stack.NetworkHeaderParams{Protocol: udp.ProtocolNumber, TTL: 64}, pkt)
}
