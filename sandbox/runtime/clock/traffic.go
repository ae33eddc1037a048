package clock

import (
	"time"

	"gvisor.dev/gvisor/pkg/sentry/kernel"
	"gvisor.dev/gvisor/pkg/sentry/socket/netstack"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
)

// How long an answer from outside is waited for before the clocks may jump. If
// they jumped while one is under way, the program's own timeouts would run out.
const (
	quietAfter  = 200 * time.Millisecond // the last packet
	answerAfter = 1500 * time.Millisecond
)

// traffic tells whether the guest's network is at rest.
type traffic struct {
	packets uint64
	moved   time.Time // when packets changed
	conns   map[stack.TransportEndpoint]conn

	asked, told     uint64    // datagrams out and in
	askedAt, toldAt time.Time // when they changed
}

// conn is a connection that may be owed an answer.
type conn struct {
	segments uint64
	moved    time.Time
}

// count looks at the counters, and tells whether packets moved since the last look.
func (n *traffic) count(k *kernel.Kernel, now time.Time) bool {
	s, ok := k.RootNetworkNamespace().Stack().(*netstack.Stack)
	if !ok {
		return false
	}
	ip := s.Stack.Stats().IP
	packets := ip.PacketsSent.Value() + ip.PacketsReceived.Value()
	if packets == n.packets {
		return false
	}
	n.packets, n.moved = packets, now
	n.look(s.Stack, now)
	udp := s.Stack.Stats().UDP
	if asked := udp.PacketsSent.Value(); asked != n.asked {
		n.asked, n.askedAt = asked, now
	}
	if told := udp.PacketsReceived.Value(); told != n.told {
		n.told, n.toldAt = told, now
	}
	return true
}

// look notes which connections moved.
func (n *traffic) look(s *stack.Stack, now time.Time) {
	seen := make(map[stack.TransportEndpoint]conn, len(n.conns))
	for _, e := range s.RegisteredEndpoints() {
		ep, ok := e.(*tcp.Endpoint)
		if !ok {
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

// busy tells whether an answer may still be under way: a connection is being
// made, or something was said on one, a moment ago.
func (n *traffic) busy(now time.Time) bool {
	if now.Sub(n.moved) < quietAfter {
		return true
	}
	if n.askedAt.After(n.toldAt) && now.Sub(n.askedAt) < answerAfter {
		return true
	}
	for _, c := range n.conns {
		if now.Sub(c.moved) < answerAfter {
			return true
		}
	}
	return false
}
