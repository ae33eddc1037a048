package gateway

import (
	"net/netip"
	"slices"
)

// Document lets a gateway reach an address for documentation, which tests may
// use and which is nobody's.
func (g *Gateway) Document(network string) {
	p := netip.MustParsePrefix(network)
	g.special = slices.DeleteFunc(slices.Clone(g.special), func(s netip.Prefix) bool { return s == p })
}

// Check is check.
func (g *Gateway) Check(a netip.Addr) error { return g.check(a.String(), a) }

// IsName is isName.
var IsName = isName

// MaxHosts and PerSecond are the bounds of a run.
const (
	MaxHosts  = maxHosts
	PerSecond = perSecond
)
