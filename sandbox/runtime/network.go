package runtime

import (
	"net"
	"net/netip"
	"os"

	"gvisor.dev/gvisor/pkg/control/client"
	"gvisor.dev/gvisor/pkg/urpc"
	"gvisor.dev/gvisor/runsc/boot"
	"gvisor.dev/gvisor/runsc/config"
)

// start hands the network card over and starts the first process. It stands
// in for runsc's own start, which would configure the network itself. The
// connection that it returns is to wait for the guest with.
func (s *session) start() (*urpc.Client, error) {
	guest, err := client.ConnectTo(s.box.Sandbox.ControlSocketPath)
	if err != nil {
		return nil, err
	}
	if err := s.startWith(guest); err != nil {
		guest.Close()
		return nil, err
	}
	return guest, nil
}

func (s *session) startWith(guest *urpc.Client) error {
	args := boot.CreateLinksAndRoutesArgs{LoopbackLinks: []boot.LoopbackLink{boot.DefaultLoopbackLink}}
	if s.plan.Link != nil {
		card := os.NewFile(fdLink, "network card")
		defer card.Close()
		if err := s.plan.Link.fill(&args, card); err != nil {
			return err
		}
	}
	if err := guest.Call(boot.ContMgrSetNetworkArgs, &args, nil); err != nil {
		return err
	}
	if err := guest.Call(boot.ContMgrRootContainerStart, &s.plan.ID, nil); err != nil {
		return &StartError{Detail: err.Error()}
	}
	return nil
}

func (l *linkPlan) fill(args *boot.CreateLinksAndRoutesArgs, card *os.File) error {
	link := boot.FDBasedLink{
		Name: "eth0", MTU: l.MTU, LinkAddress: l.MAC, NumChannels: 1,
		QDisc:             config.QDiscFIFO,
		RXChecksumOffload: true, // both ends are in memory
		GSOMaxSize:        64 << 10, GVisorGSOEnabled: true,
	}
	for _, s := range l.Addresses {
		p, err := netip.ParsePrefix(s)
		if err != nil {
			return err
		}
		link.Addresses = append(link.Addresses, boot.IPWithPrefix{Address: p.Addr().AsSlice(), PrefixLen: p.Bits()})
		net4 := p.Masked()
		link.Routes = append(link.Routes, boot.Route{Destination: net.IPNet{
			IP: net4.Addr().AsSlice(), Mask: net.CIDRMask(p.Bits(), net4.Addr().BitLen()),
		}})
	}
	args.FDBasedLinks = []boot.FDBasedLink{link}
	args.FilePayload.Files = []*os.File{card}
	for _, g := range []struct {
		gateway string
		bits    int
		route   *boot.DefaultRoute
	}{{l.Gateway4, 32, &args.Defaultv4Gateway}, {l.Gateway6, 128, &args.Defaultv6Gateway}} {
		if g.gateway == "" {
			continue
		}
		addr, err := netip.ParseAddr(g.gateway)
		if err != nil {
			return err
		}
		g.route.Name = link.Name
		g.route.Route = boot.Route{
			Destination: net.IPNet{IP: make(net.IP, g.bits/8), Mask: net.CIDRMask(0, g.bits)},
			Gateway:     addr.AsSlice(),
		}
	}
	return nil
}

func (l *Link) plan() *linkPlan {
	if l == nil {
		return nil
	}
	p := &linkPlan{MAC: l.MAC[:], MTU: l.MTU}
	if p.MTU == 0 {
		p.MTU = 1500
	}
	for _, a := range l.Addresses {
		p.Addresses = append(p.Addresses, a.String())
	}
	if l.Gateway4.IsValid() {
		p.Gateway4 = l.Gateway4.String()
	}
	if l.Gateway6.IsValid() {
		p.Gateway6 = l.Gateway6.String()
	}
	return p
}
