package network_test

import (
	"bytes"
	"fmt"
	"net/netip"
	"time"

	"gvisor.dev/gvisor/pkg/tcpip"
	"gvisor.dev/gvisor/pkg/tcpip/header"
	"gvisor.dev/gvisor/pkg/tcpip/network/ipv4"
	"gvisor.dev/gvisor/pkg/tcpip/transport/icmp"
	"gvisor.dev/gvisor/pkg/waiter"
)

// ping sends one echo request, as ping(8) does by a ping socket, and waits for
// the reply to come back with the same data.
func (g *guest) ping(address string, patience time.Duration) error {
	addr := netip.MustParseAddr(address)
	protocol, transport := protocolOf(addr), icmp.ProtocolNumber6
	request := append(header.ICMPv6(make([]byte, header.ICMPv6EchoMinimumSize)), "ping me"...)
	request.SetType(header.ICMPv6EchoRequest)
	if protocol == ipv4.ProtocolNumber {
		transport = icmp.ProtocolNumber4
		h := header.ICMPv4(request)
		h.SetType(header.ICMPv4Echo)
	}
	var queue waiter.Queue
	endpoint, err := g.stack.NewEndpoint(transport, protocol, &queue)
	if err != nil {
		return fmt.Errorf("%s", err)
	}
	defer endpoint.Close()
	entry, ready := waiter.NewChannelEntry(waiter.ReadableEvents)
	queue.EventRegister(&entry)
	defer queue.EventUnregister(&entry)
	if err := endpoint.Connect(full(netip.AddrPortFrom(addr, 0))); err != nil {
		return fmt.Errorf("connect: %s", err)
	}
	timeout := time.After(patience)
	for {
		if _, err := endpoint.Write(bytes.NewReader(request), tcpip.WriteOptions{}); err == nil {
			break
		} else if _, wait := err.(*tcpip.ErrWouldBlock); !wait {
			return fmt.Errorf("write: %s", err)
		}
		time.Sleep(time.Millisecond)
	}
	select {
	case <-ready:
	case <-timeout:
		return fmt.Errorf("no reply")
	}
	var reply bytes.Buffer
	if _, err := endpoint.Read(&reply, tcpip.ReadOptions{}); err != nil {
		return fmt.Errorf("read: %s", err)
	}
	if !bytes.HasSuffix(reply.Bytes(), []byte("ping me")) {
		return fmt.Errorf("the reply is %q", reply.Bytes())
	}
	return nil
}
