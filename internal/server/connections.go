package server

import (
	"io"
	"net"
	"net/netip"
	"sync"
)

// counting is a listener that closes connections of an address that has as
// many as it may.
type counting struct {
	net.Listener
	limit  int
	exempt Proxies

	mu   sync.Mutex
	open map[string]int // by client
}

func (l *counting) Accept() (net.Conn, error) {
	for {
		c, err := l.Listener.Accept()
		if err != nil {
			return nil, err
		}
		if l.exempt.Trusts(c.RemoteAddr().String()) {
			return c, nil
		}
		client := Client(c.RemoteAddr().String())
		if l.take(client) {
			return &counted{Conn: c, release: func() { l.give(client) }}, nil
		}
		_ = c.Close()
	}
}

func (l *counting) take(client string) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open[client] >= l.limit {
		return false
	}
	l.open[client]++
	return true
}

func (l *counting) give(client string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.open[client]--; l.open[client] <= 0 {
		delete(l.open, client)
	}
}

// counted gives its place back when it is closed. It hides nothing of the
// connection that the kernel could use: see ReadFrom.
type counted struct {
	net.Conn
	once    sync.Once
	release func()
}

func (c *counted) Close() error {
	defer c.once.Do(c.release)
	return c.Conn.Close()
}

// ReadFrom implements io.ReaderFrom: without it a file would be copied through
// this process instead of being sent by the kernel.
func (c *counted) ReadFrom(r io.Reader) (int64, error) {
	if f, ok := c.Conn.(io.ReaderFrom); ok {
		return f.ReadFrom(r)
	}
	return io.Copy(struct{ io.Writer }{c.Conn}, r)
}

// Client is whom limits count for an address "host:port": the address, or the
// /64 network of an IPv6 address, of which one client has all.
func Client(remote string) string {
	host, _, err := net.SplitHostPort(remote)
	if err != nil {
		host = remote
	}
	ip, err := netip.ParseAddr(host)
	if err != nil {
		return host
	}
	if ip = ip.Unmap().WithZone(""); ip.Is4() {
		return ip.String()
	}
	network, err := ip.Prefix(64)
	if err != nil {
		return ip.String()
	}
	return network.String()
}
