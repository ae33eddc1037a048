package network

import (
	"fmt"
	"sync"
	"sync/atomic"

	"golang.org/x/sys/unix"
	"gvisor.dev/gvisor/pkg/buffer"
	"gvisor.dev/gvisor/pkg/rawfile"
	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/stack"
)

// wire is the stack's card at our end of the link: one Ethernet frame per
// message of a socket. gVisor's own (fdbased) leaks a descriptor each time and
// spins when the peer is gone, which a service that runs for months cannot have.
type wire struct {
	fd     int
	done   sync.WaitGroup
	frames atomic.Uint64 // that came from the guest

	mu         sync.RWMutex
	dispatcher stack.NetworkDispatcher
}

// maxFrame is more than the guest's card may send; the rest is cut off.
const maxFrame = 64 << 10

// Attach begins to read when the stack is ready for it. stop ends that; the nil
// dispatcher, by which a stack takes its card away, only forgets the stack.
func (w *wire) Attach(d stack.NetworkDispatcher) {
	w.mu.Lock()
	defer w.mu.Unlock()
	begin := d != nil && w.dispatcher == nil
	w.dispatcher = d
	if begin {
		w.done.Go(w.read)
	}
}

// stop ends reading and waits for the frame in hand.
func (w *wire) stop() {
	_ = unix.Shutdown(w.fd, unix.SHUT_RDWR) // wakes the reader: it gets nothing
	w.done.Wait()
}

func (w *wire) read() {
	frame := make([]byte, maxFrame)
	for {
		n, err := unix.Read(w.fd, frame)
		if err == unix.EINTR {
			continue
		}
		if err != nil || n == 0 {
			return
		}
		w.frames.Add(1)
		w.deliver(frame[:n])
	}
}

func (w *wire) deliver(frame []byte) {
	w.mu.RLock()
	d := w.dispatcher
	w.mu.RUnlock()
	if d == nil {
		return
	}
	pkt := stack.NewPacketBuffer(stack.PacketBufferOptions{Payload: buffer.MakeWithData(frame)})
	defer pkt.DecRef()
	if !w.ParseHeader(pkt) {
		return
	}
	to := header.Ethernet(pkt.LinkHeader().Slice()).DestinationAddress()
	if group := to[0]&1 == 1; !group && to != w.LinkAddress() {
		return // for nobody here
	}
	pkt.RXChecksumValidated = true // a socket damages nothing
	d.DeliverNetworkPacket(pkt.NetworkProtocolNumber, pkt)
}

// WritePackets sends frames to the guest. A guest that does not read them for a
// while loses them, as on any wire.
func (w *wire) WritePackets(pkts stack.PacketBufferList) (int, tcpip.Error) {
	batch := make([]rawfile.MMsgHdr, 0, pkts.Len())
	for _, pkt := range pkts.AsSlice() {
		slices := pkt.AsSlices()
		iovecs := make([]unix.Iovec, 0, len(slices))
		for _, s := range slices {
			iovecs = rawfile.AppendIovecFromBytes(iovecs, s, rawfile.MaxIovs)
		}
		if len(iovecs) == 0 {
			continue
		}
		var message rawfile.MMsgHdr
		message.Msg.Iov = &iovecs[0]
		message.Msg.SetIovlen(len(iovecs))
		batch = append(batch, message)
	}
	const patience = 20 // milliseconds
	for sent := 0; sent < len(batch); {
		n, errno := rawfile.NonBlockingSendMMsg(w.fd, batch[sent:])
		switch errno {
		case 0:
			sent += n
		case unix.EINTR:
		case unix.EAGAIN, unix.ENOBUFS:
			ready, err := unix.Poll([]unix.PollFd{{Fd: int32(w.fd), Events: unix.POLLOUT}}, patience)
			if err != nil && err != unix.EINTR || err == nil && ready == 0 {
				return sent, &tcpip.ErrNoBufferSpace{}
			}
		default:
			return sent, tcpip.TranslateErrno(errno)
		}
	}
	return pkts.Len(), nil
}

// AddHeader implements stack.LinkEndpoint.
func (*wire) AddHeader(pkt *stack.PacketBuffer) {
	header.Ethernet(pkt.LinkHeader().Push(header.EthernetMinimumSize)).Encode(&header.EthernetFields{
		SrcAddr: pkt.EgressRoute.LocalLinkAddress, DstAddr: pkt.EgressRoute.RemoteLinkAddress, Type: pkt.NetworkProtocolNumber,
	})
}

// ParseHeader implements stack.LinkEndpoint.
func (*wire) ParseHeader(pkt *stack.PacketBuffer) bool {
	h, ok := pkt.LinkHeader().Consume(header.EthernetMinimumSize)
	if ok {
		pkt.NetworkProtocolNumber = header.Ethernet(h).Type()
	}
	return ok
}

// Wait implements stack.LinkEndpoint.
func (w *wire) Wait() { w.done.Wait() }

// IsAttached implements stack.LinkEndpoint.
func (w *wire) IsAttached() bool {
	w.mu.RLock()
	defer w.mu.RUnlock()
	return w.dispatcher != nil
}

// MTU implements stack.LinkEndpoint.
func (*wire) MTU() uint32 { return mtu }

// MaxHeaderLength implements stack.LinkEndpoint.
func (*wire) MaxHeaderLength() uint16 { return header.EthernetMinimumSize }

// LinkAddress implements stack.LinkEndpoint.
func (*wire) LinkAddress() tcpip.LinkAddress { return tcpip.LinkAddress(gatewayMAC[:]) }

// Capabilities implements stack.LinkEndpoint.
func (*wire) Capabilities() stack.LinkEndpointCapabilities {
	return stack.CapabilityResolutionRequired | stack.CapabilityRXChecksumOffload
}

// ARPHardwareType implements stack.LinkEndpoint.
func (*wire) ARPHardwareType() header.ARPHardwareType { return header.ARPHardwareEther }

// GSOMaxSize implements stack.GSOEndpoint: TCP hands over many segments at once.
func (*wire) GSOMaxSize() uint32 { return stack.GVisorGSOMaxSize }

// SupportedGSO implements stack.GSOEndpoint.
func (*wire) SupportedGSO() stack.SupportedGSO { return stack.GVisorGSOSupported }

// The card never changes.

// SetMTU implements stack.LinkEndpoint.
func (*wire) SetMTU(uint32) {}

// SetLinkAddress implements stack.LinkEndpoint.
func (*wire) SetLinkAddress(tcpip.LinkAddress) {}

// Close implements stack.LinkEndpoint.
func (*wire) Close() {}

// SetOnCloseAction implements stack.LinkEndpoint.
func (*wire) SetOnCloseAction(func()) {}

// enlarge gives the socket room for a burst of frames; the kernel's limit may
// allow less, which costs speed only.
func enlarge(fd int) error {
	for _, option := range []int{unix.SO_SNDBUF, unix.SO_RCVBUF} {
		if err := unix.SetsockoptInt(fd, unix.SOL_SOCKET, option, 4<<20); err != nil {
			return fmt.Errorf("size of the link's buffer: %w", err)
		}
	}
	return nil
}
