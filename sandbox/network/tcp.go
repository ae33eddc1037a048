package network

import (
	"context"
	"fmt"
	"net"
	"net/netip"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/adapters/gonet"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv6"
	"gvisor.dev/gvisor/pkg/tcpip/transport/tcp"
	"gvisor.dev/gvisor/pkg/waiter"

	"github.com/sallyport-dev/sallyport/sandbox/network/responder"
)

// connected handles one SYN of the guest, in a goroutine of its own that
// becomes the conversation's.
func (w *World) connected(r *tcp.ForwarderRequest) {
	if !w.enter() {
		r.Complete(false)
		return
	}
	defer w.talks.Done()

	id := r.ID()
	from, to := addrPort(id.RemoteAddress, id.RemotePort), addrPort(id.LocalAddress, id.LocalPort)
	f := w.newFlow("tcp", from, to)
	defer f.ended()
	if f.domain() == "" && !isMetadata(to.Addr()) && !w.openness.accepts(to) {
		f.refuse()
		r.Complete(true)
		return
	}
	var queue waiter.Queue
	endpoint, err := r.CreateEndpoint(&queue)
	if err != nil { // a scanner that goes away after our SYN-ACK
		r.Complete(false)
		return
	}
	r.Complete(false)
	conn := gonet.NewTCPConn(&queue, endpoint)
	w.hold(conn)
	defer w.release(conn)
	defer conn.Close()
	defer func() { _ = conn.SetDeadline(time.Unix(1, 0)) }() // Close alone does not wake a reader
	reason := w.table.Serve(w.ctx, &tap{Conn: conn, flow: f, wire: true}, to, f.domain(), f)
	w.cfg.Logger.Debug("conversation ended", "flow", f.id(), "to", to, "reason", reason)
}

// newFlow starts to record what the guest sends to an address.
func (w *World) newFlow(proto string, from, to netip.AddrPort) *flow {
	domain := w.names.of(to.Addr())
	f := w.ledger.open(proto, from, to)
	f.mu.Lock() // it may be looked at already
	defer f.mu.Unlock()
	f.record.Domain = domain
	f.record.Direct = domain == "" && isForeign(to.Addr())
	return f
}

// isForeign tells whether an address is neither the guest's own, nor that of
// its gateway and resolver, nor one that only exists on its own link.
func isForeign(a netip.Addr) bool {
	return a != guest4.Addr() && a != guest6.Addr() && a != gateway4 && a != gateway6 &&
		!a.IsLoopback() && !a.IsLinkLocalUnicast() && !a.IsMulticast() && !a.IsUnspecified() && !isMetadata(a)
}

func isMetadata(a netip.Addr) bool {
	return responder.IsMetadata(a)
}

// Dial connects to a port of the guest, from the gateway's address, over IPv6
// where it does not listen for IPv4. The flow is recorded as inbound and a probe. The error is a *net.OpError when nothing
// listens there; attempts that fail are not recorded.
func (w *World) Dial(ctx context.Context, port uint16) (net.Conn, error) {
	if !w.enter() {
		return nil, fmt.Errorf("dial port %d of the guest: %w", port, net.ErrClosed)
	}
	defer w.talks.Done()
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	defer context.AfterFunc(w.ctx, cancel)()

	from, to := gateway4, netip.AddrPortFrom(guest4.Addr(), port)
	conn, err := w.dial(ctx, to, ipv4.ProtocolNumber)
	if err != nil && ctx.Err() == nil {
		over6 := netip.AddrPortFrom(guest6.Addr(), port)
		if c, err6 := w.dial(ctx, over6, ipv6.ProtocolNumber); err6 == nil {
			conn, err, from, to = c, nil, gateway6, over6
		}
	}
	if err != nil {
		return nil, fmt.Errorf("dial port %d of the guest: %w", port, err)
	}
	f := w.ledger.open("tcp", netip.AddrPortFrom(from, uint16(conn.LocalAddr().(*net.TCPAddr).Port)), to)
	f.mu.Lock()
	f.record.Inbound, f.record.Probe, f.record.App = true, true, "raw"
	f.mu.Unlock()
	w.hold(conn)
	return &probe{tap: tap{Conn: conn, flow: f, wire: true}, world: w}, nil
}

func (w *World) dial(ctx context.Context, to netip.AddrPort, protocol tcpip.NetworkProtocolNumber) (*gonet.TCPConn, error) {
	return gonet.DialContextTCP(ctx, w.stack, tcpip.FullAddress{NIC: nic, Addr: address(to.Addr()), Port: to.Port()}, protocol)
}

// probe is a connection of ours into the guest: what is read comes from it.
type probe struct {
	tap
	world *World
}

// Decrypted notes that the conversation goes on inside TLS, on the connection
// that it returns instead of plain.
func (p *probe) Decrypted(plain net.Conn) net.Conn { return p.flow.Decrypted(plain, "") }

// Close ends the connection.
func (p *probe) Close() error {
	p.world.release(p.Conn)
	_ = p.SetDeadline(time.Unix(1, 0)) // Close alone does not wake a reader
	return p.Conn.Close()
}

// tap is a connection that the guest's flow records. wire is the one that
// counts bytes; inside TLS there is a second one that does not.
type tap struct {
	net.Conn
	flow *flow
	wire bool
}

// Read notes what comes from the guest.
func (t *tap) Read(p []byte) (int, error) {
	n, err := t.Conn.Read(p)
	t.flow.passed(p[:n], true, t.wire)
	return n, err
}

// Write notes what goes to the guest.
func (t *tap) Write(p []byte) (int, error) {
	n, err := t.Conn.Write(p)
	t.flow.passed(p[:n], false, t.wire)
	return n, err
}
