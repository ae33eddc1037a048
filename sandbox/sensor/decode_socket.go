package sensor

import (
	"encoding/binary"

	"golang.org/x/sys/unix"
	"gvisor.dev/gvisor/pkg/abi/linux"
	"gvisor.dev/gvisor/pkg/sentry/socket"

	"github.com/sallyport-dev/sallyport/sandbox/event"
)

// maxSockaddr is the largest socket address that the kernel takes.
const maxSockaddr = 128

func decodeSocket(c *call) *event.Event {
	ev := &event.Event{Kind: event.Socket, Args: []int64{int64(c.int(0)), int64(c.int(1)), int64(c.int(2))}, FD: -1}
	if c.errno == 0 {
		ev.FD = int32(c.result)
	}
	return ev
}

// decodeConnect runs after the call, when the local end has been chosen. The
// remote end is the one that the guest asked for: there may be no other yet.
func decodeConnect(c *call) *event.Event {
	ev := &event.Event{Kind: event.Connect, FD: c.int(0)}
	addr := c.bytes(1, min(int(c.args[2]&0xffff), maxSockaddr))
	proto := ""
	c.socket(ev.FD, func(s socket.Socket) {
		c.payloads.forget(s)
		proto = protocol(s)
		ev.Local, _ = names(c.t, s)
	})
	ev.Remote = sockaddr(addr, proto)
	return ev
}

func decodeBind(c *call) *event.Event {
	ev := &event.Event{Kind: event.Bind, FD: c.int(0)}
	addr := c.bytes(1, min(int(c.args[2]&0xffff), maxSockaddr))
	c.socket(ev.FD, func(s socket.Socket) {
		ev.Local = sockaddr(addr, protocol(s))
		if ev.Local != nil && ev.Local.Port == 0 && c.errno == 0 {
			ev.Local, _ = names(c.t, s)
		}
	})
	return ev
}

func decodeListen(c *call) *event.Event {
	ev := &event.Event{Kind: event.Listen, FD: c.int(0), Args: []int64{int64(c.int(1))}}
	c.socket(ev.FD, func(s socket.Socket) { ev.Local, _ = names(c.t, s) })
	return ev
}

func decodeAccept(c *call) *event.Event {
	if c.errno != 0 {
		return nil // nobody came
	}
	ev := &event.Event{Kind: event.Accept, FD: int32(c.result)}
	c.socket(ev.FD, func(s socket.Socket) {
		c.payloads.forget(s)
		ev.Local, ev.Remote = names(c.t, s)
	})
	return ev
}

func decodeSendto(c *call) *event.Event {
	if c.args[4] == 0 {
		return nil
	}
	return c.send(c.bytes(4, min(int(c.args[5]&0xffff), maxSockaddr)))
}

// decodeSendmsg and decodeSendmmsg look at the first message's address only;
// a batch goes to one place in practice, and the network sees every datagram.
func decodeSendmsg(c *call) *event.Event {
	header := c.bytes(1, 12) // struct msghdr: name pointer, name length
	if header == nil {
		return nil
	}
	name, size := binary.NativeEndian.Uint64(header), binary.NativeEndian.Uint32(header[8:])
	if name == 0 || size == 0 {
		return nil
	}
	return c.send(c.bytesAt(name, min(int(size&0xffff), maxSockaddr)))
}

// send reports a datagram with an address of its own. On a stream the address
// is ignored, and a connected socket was reported when it connected.
func (c *call) send(addr []byte) *event.Event {
	if len(addr) == 0 {
		return nil
	}
	var ev *event.Event
	c.socket(c.int(0), func(s socket.Socket) {
		family, kind, _ := s.Type()
		if kind == linux.SOCK_STREAM || family == linux.AF_NETLINK {
			return
		}
		ev = &event.Event{Kind: event.Send, FD: c.int(0), Remote: sockaddr(addr, protocol(s))}
		ev.Local, _ = names(c.t, s)
	})
	return ev
}

// socketCalls are the same on every architecture.
func socketCalls(table map[uint64]decoder) {
	table[unix.SYS_SOCKET] = decodeSocket
	table[unix.SYS_CONNECT] = decodeConnect
	table[unix.SYS_BIND] = decodeBind
	table[unix.SYS_LISTEN] = decodeListen
	table[unix.SYS_ACCEPT] = decodeAccept
	table[unix.SYS_ACCEPT4] = decodeAccept
	table[unix.SYS_SENDTO] = decodeSendto
	table[unix.SYS_SENDMSG] = decodeSendmsg
	table[unix.SYS_SENDMMSG] = decodeSendmsg
	table[unix.SYS_SETSOCKOPT] = decodeSetsockopt
}
