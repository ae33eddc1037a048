// Package gateway is the one way out of the simulated internet, for runs that
// were explicitly asked to have it: single web requests, through a proxy that
// the operator names, to addresses of the public internet.
//
// A request of the guest goes in; the answer that a real server gave comes out.
// The proxy is only ever told addresses that were checked, never names: a name
// is resolved first, through the same proxy, and is refused when any of its
// addresses is private, loopback, link-local, of a cloud's metadata service, of
// this machine, or otherwise not of the public internet. Beside the proxy the
// package connects to nothing, and it follows no redirection.
package gateway

import (
	"bufio"
	"context"
	"crypto/tls"
	"encoding/base64"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/net/proxy"
)

// Config is what the operator decides. All but Deny is required.
type Config struct {
	Proxy    string   // http://, https:// or socks5://[user:password@]host:port
	Resolver string   // ip:port of a name server, asked through the proxy over TCP, over TLS on port 853
	Deny     []string // further networks that are never reached, as CIDR: the organisation's own
}

// Gateway knows the way. It is safe for concurrent use.
type Gateway struct {
	proxy    *url.URL
	resolver netip.AddrPort
	special  []netip.Prefix
	deny     []netip.Prefix
}

const connectLimit = 15 * time.Second // for the proxy to have connected

// New checks the settings. It connects to nothing yet.
func New(cfg Config) (*Gateway, error) {
	u, err := url.Parse(cfg.Proxy)
	if err != nil {
		return nil, errors.New("gateway: the proxy's URL cannot be read: write http://host:port or socks5://host:port")
	}
	if !slices.Contains([]string{"http", "https", "socks5"}, u.Scheme) || u.Hostname() == "" || u.Port() == "" || strings.Trim(u.Path, "/") != "" {
		return nil, fmt.Errorf("gateway: proxy %q is not http://host:port, https://host:port or socks5://host:port", u.Redacted())
	}
	g := &Gateway{proxy: u, special: special}
	if g.resolver, err = netip.ParseAddrPort(cfg.Resolver); err != nil {
		return nil, fmt.Errorf("gateway: resolver %q is not the ip:port of a name server: names are resolved through the proxy, never by this machine", cfg.Resolver)
	}
	for _, s := range cfg.Deny {
		p, err := netip.ParsePrefix(s)
		if err != nil {
			return nil, fmt.Errorf("gateway: deny: %q is not a network such as 192.0.2.0/24", s)
		}
		if p.Addr().Is4In6() {
			return nil, fmt.Errorf("gateway: deny: write %q as an IPv4 network", s)
		}
		g.deny = append(g.deny, p)
	}
	return g, nil
}

// Dial connects through the proxy to a port of a name or an address, after all
// addresses that it may lead to were checked. The error wraps a *BlockedError
// when one must not be reached; no connection was made then.
func (g *Gateway) Dial(ctx context.Context, host string, port uint16) (net.Conn, error) {
	addrs, err := g.addresses(ctx, host)
	if err != nil {
		return nil, fmt.Errorf("gateway: %w", err)
	}
	var errs []error
	for _, a := range addrs[:min(len(addrs), 3)] {
		conn, err := g.connect(ctx, netip.AddrPortFrom(a, port))
		if err == nil {
			return conn, nil
		}
		errs = append(errs, err)
	}
	return nil, fmt.Errorf("gateway: %w", errors.Join(errs...))
}

// addresses is where a host is, all of them checked.
func (g *Gateway) addresses(ctx context.Context, host string) ([]netip.Addr, error) {
	if a, err := netip.ParseAddr(host); err == nil {
		return []netip.Addr{a.Unmap()}, g.check(host, a)
	}
	if !isName(host) {
		return nil, &BlockedError{Target: host, Why: "not a name of the public internet"}
	}
	addrs, err := g.resolve(ctx, host)
	if err != nil {
		return nil, err
	}
	for i, a := range addrs {
		if err := g.check(host, a); err != nil {
			return nil, err
		}
		addrs[i] = a.Unmap()
	}
	return addrs, nil
}

// connect has the proxy connect to an address.
func (g *Gateway) connect(ctx context.Context, to netip.AddrPort) (net.Conn, error) {
	ctx, cancel := context.WithTimeout(ctx, connectLimit)
	defer cancel()
	if g.proxy.Scheme == "socks5" {
		var auth *proxy.Auth
		if u := g.proxy.User; u != nil {
			password, _ := u.Password()
			auth = &proxy.Auth{User: u.Username(), Password: password}
		}
		d, err := proxy.SOCKS5("tcp", g.proxy.Host, auth, toProxy{to.Addr()})
		if err != nil {
			return nil, err
		}
		return d.(proxy.ContextDialer).DialContext(ctx, "tcp", to.String())
	}
	conn, err := toProxy{to.Addr()}.DialContext(ctx, "tcp", g.proxy.Host)
	if err != nil {
		return nil, err
	}
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	if g.proxy.Scheme == "https" {
		conn = tls.Client(conn, &tls.Config{ServerName: g.proxy.Hostname()})
	}
	if conn, err = g.tunnel(conn, to); err != nil {
		return nil, fmt.Errorf("proxy %s: %w", g.proxy.Host, err)
	}
	return conn, nil
}

// tunnel asks an HTTP proxy for a connection. RFC 9110 §9.3.6. It closes conn
// when there is none.
func (g *Gateway) tunnel(conn net.Conn, to netip.AddrPort) (_ net.Conn, err error) {
	defer func() {
		if err != nil {
			_ = conn.Close()
		}
	}()
	ask := "CONNECT " + to.String() + " HTTP/1.1\r\nHost: " + to.String() + "\r\n"
	if u := g.proxy.User; u != nil {
		password, _ := u.Password()
		ask += "Proxy-Authorization: Basic " + base64.StdEncoding.EncodeToString([]byte(u.Username()+":"+password)) + "\r\n"
	}
	if _, err := io.WriteString(conn, ask+"\r\n"); err != nil {
		return nil, err
	}
	r := bufio.NewReader(io.LimitReader(conn, 64<<10))
	answer, err := http.ReadResponse(r, &http.Request{Method: http.MethodConnect})
	if err != nil {
		return nil, err
	}
	if answer.StatusCode != http.StatusOK {
		return nil, fmt.Errorf("CONNECT %s: %s", to, answer.Status)
	}
	early, _ := r.Peek(r.Buffered())
	return &begun{Conn: conn, early: slices.Clone(early)}, nil
}

// begun is a connection of which the first bytes were read already.
type begun struct {
	net.Conn
	early []byte
}

func (b *begun) Read(p []byte) (int, error) {
	if len(b.early) > 0 {
		n := copy(p, b.early)
		b.early = b.early[n:]
		return n, nil
	}
	return b.Conn.Read(p)
}

// toProxy connects to the proxy, unless the guest wants to go where it is.
type toProxy struct{ target netip.Addr }

func (d toProxy) Dial(network, address string) (net.Conn, error) {
	return d.DialContext(context.Background(), network, address)
}

func (d toProxy) DialContext(ctx context.Context, network, address string) (net.Conn, error) {
	conn, err := new(net.Dialer).DialContext(ctx, network, address)
	if err != nil {
		return nil, err
	}
	if at, ok := conn.RemoteAddr().(*net.TCPAddr); !ok || at.AddrPort().Addr().Unmap() == d.target {
		_ = conn.Close()
		return nil, &BlockedError{Target: d.target.String(), Addr: d.target, Why: "the proxy's own address"}
	}
	return conn, nil
}
