package server

import (
	"fmt"
	"net"
	"net/http"
	"net/netip"
	"strings"
)

// The header fields in which a reverse proxy says for whom it asks.
const (
	XForwardedFor = "X-Forwarded-For"
	Forwarded     = "Forwarded" // RFC 7239
)

// Proxies are the reverse proxies whose word about their clients is taken. The
// zero value takes nobody's.
type Proxies struct {
	trusted []netip.Prefix
	header  string
}

// NewProxies trusts the proxies at the addresses and networks (CIDR) given, each
// of which must write header itself: a field that it passes on as it came would
// be the client's word. "" is XForwardedFor.
func NewProxies(trusted []string, header string) (Proxies, error) {
	p := Proxies{header: http.CanonicalHeaderKey(header)}
	switch p.header {
	case "":
		p.header = XForwardedFor
	case XForwardedFor, Forwarded:
	default:
		return Proxies{}, fmt.Errorf("%q is neither %s nor %s", header, XForwardedFor, Forwarded)
	}
	for _, s := range trusted {
		prefix, err := netip.ParsePrefix(s)
		if err != nil {
			addr, aerr := netip.ParseAddr(s)
			if aerr != nil || addr.Zone() != "" {
				return Proxies{}, fmt.Errorf("%q is no address and no network: write e.g. 192.0.2.10, 192.0.2.0/24 or 2001:db8::/64", s)
			}
			prefix = netip.PrefixFrom(addr, addr.BitLen())
		}
		if prefix.Addr().Is4In6() {
			return Proxies{}, fmt.Errorf("%q is an IPv4 network in IPv6's form: write it as IPv4", s)
		}
		p.trusted = append(p.trusted, prefix.Masked())
	}
	return p, nil
}

// trusts tells whether the address is one of the proxies'.
func (p Proxies) trusts(a netip.Addr) bool {
	for _, t := range p.trusted {
		if t.Contains(a) {
			return true
		}
	}
	return false
}

// Trusts tells whether an address "host:port" is one of the proxies'.
func (p Proxies) Trusts(remote string) bool {
	if len(p.trusted) == 0 {
		return false
	}
	a, ok := address(remote)
	return ok && p.trusts(a)
}

// Client returns the address, without port, of whoever sent r: the connection's
// other end, or if that is a trusted proxy, the last address in its header that
// is not one. What stands left of it is what that one said, and is not read. A
// proxy that does not say for whom it asks, or not so that it can be read, asks
// for itself.
func (p Proxies) Client(r *http.Request) string {
	if len(p.trusted) == 0 {
		if host, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
			return host
		}
		return r.RemoteAddr
	}
	peer, ok := address(r.RemoteAddr)
	if !ok {
		return r.RemoteAddr
	}
	if !p.trusts(peer) {
		return peer.String()
	}
	client, lines := peer, r.Header[p.header]
	for i := len(lines) - 1; i >= 0; i-- {
		hops, ok := hops(p.header, lines[i])
		if !ok {
			break
		}
		for j := len(hops) - 1; j >= 0; j-- {
			hop, ok := address(hops[j])
			if !ok {
				return client.String()
			}
			if client = hop; !p.trusts(client) {
				return client.String()
			}
		}
	}
	return client.String()
}

// hops are the addresses of one header line, the client's first.
func hops(header, line string) ([]string, bool) {
	if header == Forwarded {
		return forwardedFor(line)
	}
	return strings.Split(line, ","), true
}

// address reads an address with or without port, as connections and both header
// fields write it.
func address(s string) (netip.Addr, bool) {
	s = strings.TrimSpace(s)
	if host, _, err := net.SplitHostPort(s); err == nil {
		s = host
	} else if inner, ok := strings.CutPrefix(s, "["); ok {
		s = strings.TrimSuffix(inner, "]")
	}
	a, err := netip.ParseAddr(s)
	return a.Unmap().WithZone(""), err == nil
}

// forwardedFor reads the "for" of each element of a Forwarded line (RFC 7239,
// section 4); "" where an element has none. A line that does not follow the
// grammar is not read at all: two readers would see two clients in it.
func forwardedFor(line string) ([]string, bool) {
	var all []string
	for {
		hop, seen := "", map[string]bool{}
		for {
			line = strings.TrimLeft(line, " \t")
			name, rest, ok := strings.Cut(line, "=")
			if !ok || !token(name) {
				// An element may be empty (RFC 9110, section 5.6.1), a pair may not.
				if len(seen) > 0 || line != "" && line[0] != ',' {
					return nil, false
				}
				break
			}
			name = strings.ToLower(name)
			value, after, ok := pairValue(rest)
			if !ok || seen[name] {
				return nil, false
			}
			if seen[name] = true; name == "for" {
				hop = value
			}
			if line = strings.TrimLeft(after, " \t"); !strings.HasPrefix(line, ";") {
				break
			}
			line = line[1:]
		}
		if len(seen) > 0 {
			all = append(all, hop)
		}
		if line == "" {
			return all, true
		}
		if line[0] != ',' {
			return nil, false
		}
		line = line[1:]
	}
}

// pairValue reads a token or a quoted string, and returns what follows it.
func pairValue(s string) (value, after string, ok bool) {
	if !strings.HasPrefix(s, `"`) {
		end := strings.IndexFunc(s, func(c rune) bool { return !tokenChar(c) })
		if end < 0 {
			end = len(s)
		}
		return s[:end], s[end:], end > 0
	}
	var b strings.Builder
	for i := 1; i < len(s); i++ {
		switch c := s[i]; c {
		case '"':
			return b.String(), s[i+1:], true
		case '\\':
			if i++; i == len(s) {
				return "", "", false
			}
			b.WriteByte(s[i])
		default:
			b.WriteByte(c)
		}
	}
	return "", "", false
}

func token(s string) bool {
	return s != "" && strings.IndexFunc(s, func(c rune) bool { return !tokenChar(c) }) < 0
}

// tokenChar tells whether c may be in a token (RFC 9110, section 5.6.2).
func tokenChar(c rune) bool {
	return c >= '0' && c <= '9' || c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || strings.ContainsRune("!#$%&'*+-.^_`|~", c)
}
