package network

import (
	"encoding/binary"
	"hash/fnv"
	"net/netip"
	"sync"
)

// openness decides which addresses and ports, never named by DNS, are open. A
// program that dials a few of them has its reasons and gets through: that is how
// command servers by address work. From the eighth address on one port, or port
// on one address, it is a scan; then one host in four is alive, with half of its
// ports open, and the rest refuses, so that a scanner neither drowns nor hangs.
// The same address and port always gives the same answer in all runs.
type openness struct {
	mu    sync.Mutex
	hosts map[uint16][]netip.Addr // let through, by port
	ports map[netip.Addr][]uint16 // let through, by address
}

const scan = 8

func (o *openness) accepts(to netip.AddrPort) bool {
	addr, port := to.Addr(), to.Port()
	o.mu.Lock()
	defer o.mu.Unlock()
	for _, known := range o.hosts[port] {
		if known == addr {
			return true
		}
	}
	if len(o.hosts[port]) < scan-1 && len(o.ports[addr]) < scan-1 {
		if o.hosts == nil {
			o.hosts, o.ports = make(map[uint16][]netip.Addr), make(map[netip.Addr][]uint16)
		}
		o.hosts[port] = append(o.hosts[port], addr)
		o.ports[addr] = append(o.ports[addr], port)
		return true
	}
	return chance(addr, 0)%4 == 0 && chance(addr, port)%2 == 0
}

// chance is a number that only depends on its arguments.
func chance(addr netip.Addr, port uint16) uint32 {
	h := fnv.New64a()
	b := addr.As16()
	_, _ = h.Write(b[:])
	_, _ = h.Write(binary.BigEndian.AppendUint16(nil, port))
	sum := h.Sum64()
	sum ^= sum >> 32 // FNV's low bits alone follow the last byte too closely
	sum *= 0x9e3779b97f4a7c15
	return uint32(sum >> 40)
}
