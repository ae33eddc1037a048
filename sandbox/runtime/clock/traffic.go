package clock

import (
	"net/netip"
	"time"

	"gvisor.dev/gvisor/pkg/sentry/kernel"
	"gvisor.dev/gvisor/pkg/sentry/socket/netstack"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
)

// quietAfter is how long no packet must have come or gone for the clocks to
// jump. If they jumped while an answer is under way, the program's own time-outs
// would run out.
const quietAfter = 200 * time.Millisecond

// traffic tells whether the guest's network is at rest. What stays within the
// guest does not count: both ends are tasks that are looked at.
type traffic struct {
	answer time.Duration // how long an answer may take

	packets uint64    // all
	outside uint64    // those that come or go
	moved   time.Time // when outside changed

	asked, told     uint64    // datagrams
	askedAt, toldAt time.Time // when they changed

	conns map[stack.TransportEndpoint]conn
}

// conn is a connection that may be owed an answer.
type conn struct {
	segments uint64
	moved    time.Time
}

// count looks at the counters, and tells whether any packets moved since the last look.
func (n *traffic) count(k *kernel.Kernel, now time.Time) bool {
	inet, ok := k.RootNetworkNamespace().Stack().(*netstack.Stack)
	if !ok {
		return false
	}
	s := inet.Stack
	stats := s.Stats()
	packets := stats.IP.PacketsSent.Value() + stats.IP.PacketsReceived.Value()
	if packets == n.packets {
		return false
	}
	n.packets = packets
	outside := uint64(0)
	for _, nic := range s.NICInfo() {
		if !nic.Flags.Loopback {
			outside += nic.Stats.Tx.Packets.Value() + nic.Stats.Rx.Packets.Value()
		}
	}
	if outside == n.outside {
		return true
	}
	n.outside, n.moved = outside, now
	if asked := stats.UDP.PacketsSent.Value(); asked != n.asked {
		n.asked, n.askedAt = asked, now
	}
	if told := stats.UDP.PacketsReceived.Value(); told != n.told {
		n.told, n.toldAt = told, now
	}
	n.look(s, now)
	return true
}

// look notes which connections moved.
func (n *traffic) look(s *stack.Stack, now time.Time) {
	seen := make(map[stack.TransportEndpoint]conn, len(n.conns))
	for _, e := range s.RegisteredEndpoints() {
		ep, ok := e.(*tcp.Endpoint)
		if !ok || within(ep) {
			continue
		}
		switch ep.EndpointState() {
		case tcp.StateSynSent, tcp.StateSynRecv, tcp.StateEstablished, tcp.StateCloseWait, tcp.StateFinWait1:
		default:
			continue
		}
		stats, ok := ep.Stats().(*tcp.Stats)
		if !ok {
			continue
		}
		c := conn{stats.SegmentsSent.Value() + stats.SegmentsReceived.Value(), now}
		if before, ok := n.conns[e]; ok && before.segments == c.segments {
			c.moved = before.moved
		}
		seen[e] = c
	}
	n.conns = seen
}

// within tells connections of the guest with itself.
func within(ep *tcp.Endpoint) bool {
	info, ok := ep.Info().(*stack.TransportEndpointInfo)
	if !ok {
		return false
	}
	to, _ := netip.AddrFromSlice(info.ID.RemoteAddress.AsSlice())
	return to.Unmap().IsLoopback() || info.ID.RemoteAddress == info.ID.LocalAddress
}

// busy tells whether an answer may still be under way: a connection is being
// made, or something was said on one, a moment ago.
func (n *traffic) busy(now time.Time) bool {
	if now.Sub(n.moved) < quietAfter || n.askedAt.After(n.toldAt) && now.Sub(n.askedAt) < n.answer {
		return true
	}
	for _, c := range n.conns {
		if now.Sub(c.moved) < n.answer {
			return true
		}
	}
	return false
}
