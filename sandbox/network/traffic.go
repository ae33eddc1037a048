package network

import (
	"cmp"
	"net/netip"
	"slices"
	"sync"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/stack"

	"github.com/sallyport-dev/sallyport/sandbox/observation"
)

const (
	maxTargets  = 5_000 // addresses that are counted
	window      = 10    // seconds
	listedAfter = 100   // within a window: less is no news
)

// traffic counts what the guest sends to each address, so that a flood is known
// though only its first flows and requests are kept. It costs a look-up each.
type traffic struct {
	mu      sync.Mutex
	targets map[target]*tally
}

type target struct {
	kind string // udp, icmp, syn, http
	ip   netip.Addr
}

type tally struct {
	port           uint16
	first, last    time.Time
	count, spoofed int64
	seconds        [window]int64 // of the current window
	sum, peak      int64
}

// add counts one packet, attempt or request.
func (t *traffic) add(kind string, from netip.Addr, to netip.AddrPort, now time.Time) {
	t.mu.Lock()
	defer t.mu.Unlock()
	k := target{kind, to.Addr()}
	c := t.targets[k]
	if c == nil {
		if len(t.targets) >= maxTargets {
			return
		}
		if t.targets == nil {
			t.targets = make(map[target]*tally)
		}
		c = &tally{port: to.Port(), first: now, last: now}
		t.targets[k] = c
	}
	c.add(now)
	if from.IsValid() && from != guest4.Addr() && from != guest6.Addr() && !from.IsLinkLocalUnicast() && !from.IsUnspecified() {
		c.spoofed++
	}
}

func (c *tally) add(now time.Time) {
	was, is := int64(c.last.Sub(c.first).Seconds()), int64(now.Sub(c.first).Seconds())
	for s := was + 1; s <= min(is, was+window); s++ {
		c.sum -= c.seconds[s%window]
		c.seconds[s%window] = 0
	}
	c.last = now
	c.count++
	c.seconds[max(is, 0)%window]++
	c.sum++
	c.peak = max(c.peak, c.sum)
}

// list is the addresses that got much, in order of time since start.
func (t *traffic) list(start time.Time, domain func(netip.Addr) string) []observation.Traffic {
	t.mu.Lock()
	defer t.mu.Unlock()
	list := []observation.Traffic{}
	for k, c := range t.targets {
		if c.peak < listedAfter {
			continue
		}
		list = append(list, observation.Traffic{
			Kind: k.kind, IP: k.ip.String(), Domain: domain(k.ip), Port: c.port, Count: c.count, Peak: c.peak, Spoofed: c.spoofed,
			FirstMS: millisSince(start, c.first), LastMS: millisSince(start, c.last),
		})
	}
	slices.SortFunc(list, func(a, b observation.Traffic) int {
		return cmp.Or(cmp.Compare(a.FirstMS, b.FirstMS), cmp.Compare(a.Kind, b.Kind), cmp.Compare(a.IP, b.IP))
	})
	return list
}

// counted wraps the handler of TCP segments: every attempt to connect counts,
// also those that are too many to be answered.
func (w *World) counted(handle func(stack.TransportEndpointID, *stack.PacketBuffer) bool) func(stack.TransportEndpointID, *stack.PacketBuffer) bool {
	return func(id stack.TransportEndpointID, pkt *stack.PacketBuffer) bool {
		if h := header.TCP(pkt.TransportHeader().Slice()); len(h) >= header.TCPMinimumSize && h.Flags()&(header.TCPFlagSyn|header.TCPFlagAck) == header.TCPFlagSyn {
			from, to := addrPort(id.RemoteAddress, id.RemotePort), addrPort(id.LocalAddress, id.LocalPort)
			w.traffic.add("syn", from.Addr(), to, w.cfg.Now())
		}
		return handle(id, pkt)
	}
}
