package network

import (
	"context"
	"encoding/binary"
	"io"
	"net/netip"
	"strings"

	"github.com/miekg/dns"

	"github.com/sallyport-dev/sallyport/sandbox/network/responder"
	"github.com/sallyport-dev/sallyport/sandbox/observation"
)

const ttl = 60 // seconds

// resolve answers one DNS message and notes it; nil for what is no query.
// datagram is whether the answer must fit into one.
func (w *World) resolve(query []byte, f *flow, server netip.AddrPort, datagram bool) []byte {
	var q dns.Msg
	if q.Unpack(query) != nil || q.Response {
		return nil
	}
	f.App("dns")
	f.resolver()
	a := w.reply(&q)
	if datagram { // RFC 6891 §6.2.5: as much as the client takes, 512 unless it says
		size := dns.MinMsgSize
		if opt := q.IsEdns0(); opt != nil {
			size = max(size, int(opt.UDPSize()))
		}
		a.Truncate(size)
	}
	out, err := a.Pack()
	if err != nil { // a name that came in can go out; this is for records of ours
		w.cfg.Logger.Debug("pack DNS answer", "error", err)
		return nil
	}
	if len(q.Question) == 1 {
		question := q.Question[0]
		record := observation.DNSQuery{
			Name: canonical(question.Name), Type: dns.Type(question.Qtype).String(), Server: server.Addr().String(),
			Rcode: dns.RcodeToString[a.Rcode], Answers: []string{},
		}
		for _, rr := range a.Answer {
			record.Answers = append(record.Answers, strings.TrimPrefix(rr.String(), rr.Header().String()))
		}
		w.ledger.asked(f, question.Name, record)
	}
	return out
}

// resolveOver answers one DNS message that came in an HTTP request.
func (w *World) resolveOver(query []byte, c *responder.Conversation) []byte {
	f, ok := c.Log.(*flow)
	if !ok {
		return nil
	}
	return w.resolve(query, f, c.To, false)
}

// reply makes the answer to a query.
func (w *World) reply(q *dns.Msg) *dns.Msg {
	a := new(dns.Msg)
	a.SetReply(q)
	a.RecursionAvailable = true
	if q.Opcode != dns.OpcodeQuery {
		a.Rcode = dns.RcodeNotImplemented
		return a
	}
	if len(q.Question) != 1 {
		a.Rcode = dns.RcodeFormatError
		return a
	}
	if opt := q.IsEdns0(); opt != nil {
		a.SetEdns0(1232, false)
	}
	question := q.Question[0]
	name := canonical(question.Name)
	if addr, ok := reverse(name); ok {
		return w.pointer(a, question, addr)
	}
	v4, v6, ok := w.names.lookup(name)
	if !ok {
		a.Rcode = dns.RcodeNameError
		a.Ns = append(a.Ns, authorityFor(question.Name))
		return a
	}
	head := dns.RR_Header{Name: question.Name, Rrtype: question.Qtype, Class: dns.ClassINET, Ttl: ttl}
	switch question.Qtype {
	case dns.TypeA:
		a.Answer = append(a.Answer, &dns.A{Hdr: head, A: v4.AsSlice()})
	case dns.TypeAAAA:
		a.Answer = append(a.Answer, &dns.AAAA{Hdr: head, AAAA: v6.AsSlice()})
	case dns.TypeTXT:
		a.Answer = append(a.Answer, &dns.TXT{Hdr: head, Txt: []string{"v=spf1 -all"}})
	case dns.TypeMX:
		a.Answer = append(a.Answer, &dns.MX{Hdr: head, Preference: 10, Mx: within("mail", question.Name)})
	case dns.TypeNS:
		a.Answer = append(a.Answer, &dns.NS{Hdr: head, Ns: within("ns1", question.Name)})
	case dns.TypeSOA:
		a.Answer = append(a.Answer, authorityFor(question.Name))
	case dns.TypeANY:
		head4, head6 := head, head
		head4.Rrtype, head6.Rrtype = dns.TypeA, dns.TypeAAAA
		a.Answer = append(a.Answer, &dns.A{Hdr: head4, A: v4.AsSlice()}, &dns.AAAA{Hdr: head6, AAAA: v6.AsSlice()})
	default: // the name exists, such a record does not: RFC 2308 §2.2
		a.Ns = append(a.Ns, authorityFor(question.Name))
	}
	return a
}

func (w *World) pointer(a *dns.Msg, question dns.Question, addr netip.Addr) *dns.Msg {
	name := w.names.of(addr)
	if name == "" {
		a.Rcode = dns.RcodeNameError
		a.Ns = append(a.Ns, authorityFor(question.Name))
		return a
	}
	if question.Qtype == dns.TypePTR {
		head := dns.RR_Header{Name: question.Name, Rrtype: dns.TypePTR, Class: dns.ClassINET, Ttl: ttl}
		a.Answer = append(a.Answer, &dns.PTR{Hdr: head, Ptr: dns.Fqdn(name)})
	}
	return a
}

// reverse is the address that a name below in-addr.arpa or ip6.arpa stands for.
func reverse(name string) (netip.Addr, bool) {
	if short, ok := strings.CutSuffix(name, ".in-addr.arpa"); ok {
		p := strings.Split(short, ".")
		if len(p) != 4 {
			return netip.Addr{}, false
		}
		a, err := netip.ParseAddr(p[3] + "." + p[2] + "." + p[1] + "." + p[0])
		return a, err == nil
	}
	short, ok := strings.CutSuffix(name, ".ip6.arpa")
	p := strings.Split(short, ".")
	if !ok || len(p) != 32 {
		return netip.Addr{}, false
	}
	var b strings.Builder
	for i := range p {
		if len(p[i]) != 1 {
			return netip.Addr{}, false
		}
		if i > 0 && i%4 == 0 {
			b.WriteByte(':')
		}
		b.WriteString(p[31-i])
	}
	a, err := netip.ParseAddr(b.String())
	return a, err == nil
}

// authorityFor is the SOA record of the zone that a name is in: its last two labels.
func authorityFor(name string) dns.RR {
	zone := name
	if labels := dns.SplitDomainName(name); len(labels) > 2 {
		zone = dns.Fqdn(strings.Join(labels[len(labels)-2:], "."))
	}
	return &dns.SOA{
		Hdr: dns.RR_Header{Name: zone, Rrtype: dns.TypeSOA, Class: dns.ClassINET, Ttl: ttl},
		Ns:  within("ns1", zone), Mbox: within("hostmaster", zone), Serial: 1, Refresh: 3600, Retry: 600, Expire: 86400, Minttl: ttl,
	}
}

// within is the name of a host in a zone, or the zone's own where it has no
// room for one.
func within(host, zone string) string {
	name := host + "." + strings.TrimPrefix(zone, ".")
	if _, ok := dns.IsDomainName(name); !ok {
		return zone
	}
	return name
}

func canonical(name string) string { return strings.ToLower(strings.TrimSuffix(name, ".")) }

// nameServer is DNS over TCP: RFC 7766 §8, a length before each message; also
// inside of TLS, RFC 7858.
type nameServer struct{ world *World }

func (*nameServer) App() string { return "dns" }

// Claims takes every connection to the ports of DNS that begins with a
// plausible length.
func (*nameServer) Claims(first []byte, port uint16) responder.Claim {
	const header = 12
	switch {
	case port != 53 && port != 853:
		return responder.No
	case len(first) < 2+header:
		return responder.More
	}
	var h dns.Msg
	if n := int(binary.BigEndian.Uint16(first)); n < header || n > 4096 || h.Unpack(first[2:min(len(first), 2+n)]) != nil && len(first) >= 2+n {
		return responder.No
	}
	return responder.Yes
}

func (s *nameServer) Serve(_ context.Context, c *responder.Conversation) error {
	f, _ := c.Log.(*flow)
	for {
		var length [2]byte
		if _, err := io.ReadFull(c.Reader, length[:]); err != nil {
			return err
		}
		query := make([]byte, binary.BigEndian.Uint16(length[:]))
		if _, err := io.ReadFull(c.Reader, query); err != nil {
			return err
		}
		answer := s.world.resolve(query, f, c.To, false)
		if answer == nil {
			return nil
		}
		if _, err := c.Conn.Write(append(binary.BigEndian.AppendUint16(nil, uint16(len(answer))), answer...)); err != nil {
			return err
		}
	}
}
