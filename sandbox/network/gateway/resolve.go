package gateway

import (
	"context"
	"crypto/tls"
	"fmt"
	"net/netip"
	"time"

	"github.com/miekg/dns"
)

const (
	resolveLimit = 10 * time.Second
	maxAddresses = 32 // of one name
)

// resolve asks the operator's name server, through the proxy, for all addresses
// of a name. A name that has none is an error.
func (g *Gateway) resolve(ctx context.Context, name string) ([]netip.Addr, error) {
	ctx, cancel := context.WithTimeout(ctx, resolveLimit)
	defer cancel()
	conn, err := g.connect(ctx, g.resolver)
	if err != nil {
		return nil, fmt.Errorf("name server: %w", err)
	}
	defer conn.Close()
	defer context.AfterFunc(ctx, func() { _ = conn.SetDeadline(time.Unix(1, 0)) })()
	talk := &dns.Conn{Conn: conn}
	if g.resolver.Port() == 853 { // RFC 7858
		talk.Conn = tls.Client(conn, &tls.Config{ServerName: g.resolver.Addr().String()})
	}
	var addrs []netip.Addr
	for _, kind := range []uint16{dns.TypeA, dns.TypeAAAA} {
		q := new(dns.Msg).SetQuestion(dns.Fqdn(name), kind)
		if err := talk.WriteMsg(q); err != nil {
			return nil, fmt.Errorf("name server: %w", err)
		}
		a, err := talk.ReadMsg()
		if err != nil {
			return nil, fmt.Errorf("name server: %w", err)
		}
		if a.Id != q.Id || a.Rcode != dns.RcodeSuccess && a.Rcode != dns.RcodeNameError {
			return nil, fmt.Errorf("name server: no answer for %s: %s", name, dns.RcodeToString[a.Rcode])
		}
		addrs = append(addrs, answered(a)...)
	}
	if len(addrs) == 0 || len(addrs) > maxAddresses {
		return nil, fmt.Errorf("%s has %d addresses", name, len(addrs))
	}
	return addrs, nil
}

// answered lists the addresses in an answer, at the end of whatever aliases.
func answered(a *dns.Msg) []netip.Addr {
	var list []netip.Addr
	for _, rr := range a.Answer {
		switch r := rr.(type) {
		case *dns.A:
			if addr, ok := netip.AddrFromSlice(r.A.To4()); ok {
				list = append(list, addr)
			}
		case *dns.AAAA:
			if addr, ok := netip.AddrFromSlice(r.AAAA.To16()); ok {
				list = append(list, addr)
			}
		}
	}
	return list
}
