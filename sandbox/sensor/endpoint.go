package sensor

import (
	"encoding/binary"
	"net/netip"
	"strings"

	"gvisor.dev/gvisor/pkg/abi/linux"
	"gvisor.dev/gvisor/pkg/sentry/kernel"
	"gvisor.dev/gvisor/pkg/sentry/socket"

	"github.com/sallyport-dev/sallyport/sandbox/event"
)

// names returns both ends of a socket; what is not bound or connected is nil.
func names(t *kernel.Task, s socket.Socket) (local, remote *event.Endpoint) {
	proto := protocol(s)
	if addr, _, err := s.GetSockName(t); err == nil {
		local = endpoint(addr, proto)
	}
	if addr, _, err := s.GetPeerName(t); err == nil {
		remote = endpoint(addr, proto)
	}
	return local, remote
}

func protocol(s socket.Socket) string {
	family, kind, number := s.Type()
	if family != linux.AF_INET && family != linux.AF_INET6 {
		return ""
	}
	switch {
	case kind == linux.SOCK_STREAM:
		return "tcp"
	case kind == linux.SOCK_RAW:
		return "raw"
	case kind == linux.SOCK_DGRAM && (number == linux.IPPROTO_ICMP || number == linux.IPPROTO_ICMPV6):
		return "icmp"
	case kind == linux.SOCK_DGRAM:
		return "udp"
	}
	return ""
}

// endpoint translates what the kernel says. Its ports are in network byte order.
func endpoint(addr linux.SockAddr, proto string) *event.Endpoint {
	switch a := addr.(type) {
	case *linux.SockAddrInet:
		return inet("inet", netip.AddrFrom4(a.Addr), swap(a.Port), proto)
	case *linux.SockAddrInet6:
		return inet("inet6", netip.AddrFrom16(a.Addr), swap(a.Port), proto)
	case *linux.SockAddrUnix:
		b := make([]byte, len(a.Path))
		for i, c := range a.Path {
			b[i] = byte(c)
		}
		return &event.Endpoint{Family: "unix", Path: unixPath(b)}
	case *linux.SockAddrNetlink:
		return &event.Endpoint{Family: "netlink"}
	case *linux.SockAddrLink:
		return &event.Endpoint{Family: "packet"}
	}
	return nil
}

// sockaddr translates what the guest passed to a system call.
func sockaddr(b []byte, proto string) *event.Endpoint {
	if len(b) < 2 {
		return nil
	}
	switch binary.NativeEndian.Uint16(b) {
	case linux.AF_INET:
		if len(b) >= 8 {
			return inet("inet", netip.AddrFrom4([4]byte(b[4:8])), binary.BigEndian.Uint16(b[2:]), proto)
		}
	case linux.AF_INET6:
		if len(b) >= 24 {
			return inet("inet6", netip.AddrFrom16([16]byte(b[8:24])), binary.BigEndian.Uint16(b[2:]), proto)
		}
	case linux.AF_UNIX:
		return &event.Endpoint{Family: "unix", Path: unixPath(b[2:])}
	case linux.AF_NETLINK:
		return &event.Endpoint{Family: "netlink"}
	case linux.AF_PACKET:
		return &event.Endpoint{Family: "packet"}
	}
	return &event.Endpoint{Family: "other"}
}

// inet writes IPv4 addresses that were mapped into IPv6 as IPv4: they are what
// crosses the network.
func inet(family string, ip netip.Addr, port uint16, proto string) *event.Endpoint {
	if ip.Is4In6() {
		family, ip = "inet", ip.Unmap()
	}
	return &event.Endpoint{Family: family, Proto: proto, IP: ip.String(), Port: port}
}

// unixPath writes an abstract name with a leading @, as ss(8) does.
func unixPath(b []byte) string {
	if len(b) > 0 && b[0] == 0 {
		if name := strings.TrimRight(string(b[1:]), "\x00"); name != "" {
			return "@" + name
		}
		return ""
	}
	path, _, _ := strings.Cut(string(b), "\x00")
	return path
}

func swap(p uint16) uint16 { return p<<8 | p>>8 }
