package observation

import (
	"net/netip"

	"github.com/sallyport-dev/sallyport/sandbox/event"
)

// maxConnections is how many connects, sends and accepts are kept for joining
// them with flows.
const maxConnections = 100_000

// connections joins what the sensor saw of sockets with what crossed the link.
type connections struct {
	byLocal  map[port][]connection // of the guest's own port
	byRemote map[event.Endpoint][]connection
	n        int
}

type port struct {
	proto  string
	number uint16
}

type connection struct {
	seq     uint64
	ms      int64
	process string
	accept  bool
	local   uint16
	remote  event.Endpoint // without family
	socket  string         // path of the Unix socket that leads there
}

func newConnections() connections {
	return connections{byLocal: map[port][]connection{}, byRemote: map[event.Endpoint][]connection{}}
}

func (c *connections) add(p *Process, e *event.Event) {
	r := deref(e.Remote)
	relayed := r.Family == "unix" && r.IP != "" // a socket that leads to the network
	if c.n >= maxConnections || (r.Family != "inet" && r.Family != "inet6" && !relayed) {
		return
	}
	c.n++
	socket := r.Path
	r.Family, r.Scope, r.Path = "", "", ""
	l := deref(e.Local)
	k := connection{seq: e.Seq, ms: millis(e.Time), process: p.ID, accept: e.Kind == event.Accept, local: l.Port, remote: r, socket: socket}
	if l.Port != 0 {
		c.byLocal[port{r.Proto, l.Port}] = append(c.byLocal[port{r.Proto, l.Port}], k)
	}
	if !k.accept {
		c.byRemote[r] = append(c.byRemote[r], k)
	}
}

// join names the process of every flow, question and request that can be told.
func (c *connections) join(n *Network, processes map[string]*Process, own map[string]bool) {
	flows := make(map[string]*Flow, len(n.Flows))
	for i := range n.Flows {
		f := &n.Flows[i]
		flows[f.ID] = f
		f.Scope = scope(f.otherIP(), own)
		if k, ok := c.find(f); ok {
			f.Event, f.Process, f.Socket = k.seq, k.process, k.socket
			if p := processes[k.process]; p != nil {
				f.PID = p.PID
				p.Flows = append(p.Flows, i)
			}
		}
	}
	for i := range n.HTTP {
		h := &n.HTTP[i]
		if f := flows[h.Flow]; f != nil {
			h.Event, h.Process, h.PID = f.Event, f.Process, f.PID
			if p := processes[h.Process]; p != nil {
				p.HTTP = append(p.HTTP, i)
			}
			h.IP, h.Scope, h.Direct, h.Inbound = f.DstIP, f.Scope, f.Direct, f.Inbound
		}
	}
	for i := range n.DNS {
		q := &n.DNS[i]
		if f := flows[q.Flow]; f != nil {
			q.Event, q.Process, q.PID = f.Event, f.Process, f.PID
		}
	}
}

// find picks the socket of a flow: by the guest's own port and the other end;
// else, since a datagram's port may have been chosen after we looked, by the
// other end alone.
func (c *connections) find(f *Flow) (connection, bool) {
	mine, other := f.SrcPort, event.Endpoint{Proto: f.Proto, IP: plainIP(f.DstIP), Port: f.DstPort}
	if f.Inbound {
		mine, other = f.DstPort, event.Endpoint{Proto: f.Proto, IP: plainIP(f.SrcIP), Port: f.SrcPort}
	}
	var best connection
	found := false
	// Ports are used again; the socket that is nearest in time is the flow's.
	// The two are stamped on different sides of the link, so either may be first.
	take := func(k connection) {
		if !found || distance(k.ms, f.FirstMS) <= distance(best.ms, f.FirstMS) {
			best, found = k, true
		}
	}
	for _, k := range c.byLocal[port{f.Proto, mine}] {
		if k.accept == f.Inbound && k.remote == other {
			take(k)
		}
	}
	if found || f.Inbound {
		return best, found
	}
	for _, k := range c.byRemote[other] {
		if k.local == 0 || f.Proto != "tcp" {
			take(k)
		}
	}
	return best, found
}

// within calls fn with the processes at both ends of every connection that did
// not leave the guest.
func (c *connections) within(fn func(client, server string)) {
	for _, list := range c.byLocal {
		for _, k := range list {
			if !k.accept || !loopback(k.remote.IP) {
				continue
			}
			same := c.byLocal[port{k.remote.Proto, k.remote.Port}]
			for _, from := range same[:min(len(same), 64)] { // a port may be used again and again
				if !from.accept && from.remote.Port == k.local && loopback(from.remote.IP) {
					fn(from.process, k.process)
				}
			}
		}
	}
}

func distance(a, b int64) int64 { return max(a-b, b-a) }

func (f *Flow) otherIP() string {
	if f.Inbound {
		return f.SrcIP
	}
	return f.DstIP
}

// plainIP writes an IPv4 address that was mapped into IPv6 as IPv4.
func plainIP(s string) string {
	if ip, err := netip.ParseAddr(s); err == nil {
		return ip.Unmap().String()
	}
	return s
}
