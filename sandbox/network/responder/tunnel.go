package responder

import (
	"bufio"
	"context"
	"net"
	"net/http"
	"net/netip"
	"strconv"
)

// tunnel is a proxy that lets everybody through, as SOCKS is: the conversation
// goes on with who is at the other end. RFC 9110 §9.3.6.
type tunnel struct{}

func (tunnel) answer(r *request) *answer {
	if r.Method != http.MethodConnect || r.ProtoMajor != 1 {
		return nil
	}
	host, port, err := net.SplitHostPort(r.Host)
	number, bad := strconv.ParseUint(port, 10, 16)
	if err != nil || bad != nil || number == 0 {
		return text(http.StatusBadRequest, "400 Bad Request\n")
	}
	fields := map[string]string{"host": clip(host), "port": port}
	put(fields, "authorization", r.Header.Get("Proxy-Authorization"))
	return &answer{
		status: http.StatusOK, tunnel: true, app: "proxy", message: &message{kind: "connect", fields: fields},
		then: func(ctx context.Context, c *Conversation, reader *bufio.Reader) error {
			return c.beyond(ctx, bufio.NewReaderSize(reader, bufferSize), host, uint16(number))
		},
	}
}

// beyond goes on with the conversation as one with host and port.
func (c *Conversation) beyond(ctx context.Context, reader *bufio.Reader, host string, port uint16) error {
	inner := *c
	inner.depth++
	inner.Reader = reader
	inner.Peer, inner.Domain, inner.To = host, clip(host), netip.AddrPortFrom(c.To.Addr(), port)
	if ip, err := netip.ParseAddr(host); err == nil {
		inner.Peer, inner.Domain, inner.To = "", "", netip.AddrPortFrom(ip.Unmap().WithZone(""), port)
	}
	return c.table.converse(ctx, &inner)
}
