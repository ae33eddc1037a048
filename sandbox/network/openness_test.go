package network_test

import (
	"net/netip"
	"slices"
	"testing"
	"time"

	"github.com/miekg/dns"
)

func TestScanFindsSomeHostsAndIsRefusedByTheRest(t *testing.T) {
	g := newGuest(t)
	open := func(from, n int) (found []string) {
		for i := range n {
			address := netip.AddrPortFrom(netip.AddrFrom4([4]byte{192, 0, 2, byte(from + i)}), 2375).String()
			started := time.Now()
			conn, err := g.dial(address)
			if err == nil {
				conn.Close()
				found = append(found, address)
			} else if time.Since(started) > 20*time.Second {
				t.Errorf("%s hangs a scanner for %v", address, time.Since(started))
			}
		}
		return found
	}
	if first := open(1, 7); len(first) != 7 {
		t.Errorf("the first addresses are not all open: %v", first)
	}
	scanned := open(8, 200)
	if len(scanned) < 5 || len(scanned) > 60 {
		t.Errorf("%d of 200 are open", len(scanned))
	}
	if again := open(8, 200); !slices.Equal(again, scanned) {
		t.Errorf("open changed from %v to %v", scanned, again)
	}
	if first := open(1, 7); len(first) != 7 {
		t.Errorf("the first addresses are closed now, but for %v", first)
	}
	r := g.world.Records(g.start)
	refused, dialled := map[string]bool{}, map[string]bool{}
	for _, f := range r.Flows {
		dialled[f.DstIP] = true
		if f.Refused {
			refused[f.DstIP] = true
			if f.BytesOut != 0 || !f.Direct {
				t.Errorf("recorded as %+v", f)
			}
		}
	}
	if len(refused) != 200-len(scanned) || len(dialled) != 207 || len(r.Flows) < 414 {
		t.Errorf("%d flows to %d addresses, %d refused", len(r.Flows), len(dialled), len(refused))
	}
	named := g.resolve("late.example", dns.TypeA)
	if _, err := g.dial(netip.AddrPortFrom(named, 2375).String()); err != nil {
		t.Errorf("a host with a name is never refused: %v", err)
	}
}

func TestScanOfManyPorts(t *testing.T) {
	g := newGuest(t)
	open := 0
	for port := range uint16(100) {
		conn, err := g.dial(netip.AddrPortFrom(netip.MustParseAddr("198.51.100.77"), 1000+port).String())
		if err == nil {
			open++
			conn.Close()
		}
	}
	if open < 7 || open > 80 {
		t.Errorf("%d of 100 ports are open", open)
	}
}
