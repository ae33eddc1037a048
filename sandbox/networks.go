package sandbox

import (
	"fmt"
	"slices"
	"strings"

	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/sandbox/network"
	"github.com/sallyport-dev/sallyport/sandbox/protocol"
)

// Networks lists what a Profile may ask for, the default first.
func (r *Runner) Networks() []string {
	list := []string{protocol.Simulated}
	if r.cfg.Recording != nil {
		list = append(list, protocol.Replay)
	}
	if r.cfg.Gateway != nil {
		list = append(list, protocol.Gateway)
	}
	return list
}

// offered completes a profile, and refuses one that this sandbox cannot obey.
func (r *Runner) offered(p *protocol.Profile) error {
	if p.Network == "" {
		p.Network = protocol.Simulated
	}
	if list := r.Networks(); !slices.Contains(list, p.Network) {
		return fmt.Errorf("network %q is not offered by this sandbox, only %s", p.Network, strings.Join(list, ", "))
	}
	return nil
}

// network is the internet that the request asks for, for one pass.
func (p *pass) network(token string) network.Config {
	r := p.run
	cfg := network.Config{
		Token: token, Arch: image.Host().Architecture, Canaries: r.secrets, Pcap: p.file(protocol.PCAP), Logger: r.log,
	}
	switch r.req.Profile.Network {
	case protocol.Replay:
		cfg.Recording = r.runner.cfg.Recording
	case protocol.Gateway:
		cfg.Gateway = r.runner.cfg.Gateway
	}
	return cfg
}
