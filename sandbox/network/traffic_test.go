package network

import (
	"net/netip"
	"testing"
	"time"
)

func TestTrafficCountsTheMostWithinTenSeconds(t *testing.T) {
	to := netip.MustParseAddrPort("198.51.100.1:80")
	for name, c := range map[string]struct {
		n     int
		every time.Duration
		peak  int64
	}{
		"all at once":            {1000, 0, 1000},
		"a hundred in a second":  {3000, 10 * time.Millisecond, 1000},
		"a pause clears all":     {200, 11 * time.Second, 0},
		"slowly, but for long":   {2000, time.Second, 0},
		"just enough to be told": {400, 100 * time.Millisecond, 100},
	} {
		t.Run(name, func(t *testing.T) {
			var tr traffic
			start := time.Unix(1000, 0)
			for i := range c.n {
				tr.add("udp", guest4.Addr(), to, start.Add(time.Duration(i)*c.every))
			}
			list := tr.list(start, func(netip.Addr) string { return "victim.example" })
			if c.peak == 0 {
				if len(list) > 0 {
					t.Fatalf("listed as %+v", list)
				}
				return
			}
			if len(list) != 1 || list[0].Peak != c.peak || list[0].Count != int64(c.n) || list[0].Spoofed != 0 || list[0].Domain != "victim.example" {
				t.Fatalf("listed as %+v, want a peak of %d", list, c.peak)
			}
		})
	}
}

func TestTrafficFromOtherAddressesIsSpoofed(t *testing.T) {
	var tr traffic
	now := time.Unix(1000, 0)
	for i := range 200 {
		from := netip.AddrFrom4([4]byte{203, 0, 113, byte(i)})
		tr.add("syn", from, netip.MustParseAddrPort("198.51.100.1:80"), now)
	}
	if list := tr.list(now, func(netip.Addr) string { return "" }); len(list) != 1 || list[0].Spoofed != 200 {
		t.Fatalf("listed as %+v", list)
	}
}

func TestTrafficForgetsWhatIsBeyondItsLimit(t *testing.T) {
	var tr traffic
	now := time.Unix(1000, 0)
	for i := range maxTargets + 100 {
		tr.add("syn", guest4.Addr(), netip.AddrPortFrom(netip.AddrFrom4([4]byte{198, 18, byte(i >> 8), byte(i)}), 22), now)
	}
	if len(tr.targets) != maxTargets {
		t.Fatalf("%d targets are kept", len(tr.targets))
	}
}
