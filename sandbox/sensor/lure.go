package sensor

import (
	"encoding/json"
	"net/netip"

	"gvisor.dev/gvisor/pkg/log"
	"gvisor.dev/gvisor/pkg/sentry/kernel"

	"github.com/sallyport-dev/sallyport/sandbox/event"
	"github.com/sallyport-dev/sallyport/sandbox/runtime/lure"
)

// lures is what the configuration of the sink says about them.
func lures(config map[string]any) (c lure.Config) {
	b, err := json.Marshal(config["lure"])
	if err == nil {
		err = json.Unmarshal(b, &c)
	}
	if err != nil {
		log.Warningf("sensor: what tempts the guest is not known: %v", err)
	}
	return c
}

// lure puts what tempts into the guest's world, at its first call.
func (s *sink) lure(t *kernel.Task) {
	if len(s.lures.Sockets)+len(s.lures.Disks) == 0 {
		return
	}
	if err := lure.Put(t, s.lures, s.relayed); err != nil {
		log.Warningf("sensor: not all that tempts is there: %v", err)
	}
}

// relayed tells of a connection to a socket that leads to the network, so that
// what crosses the link has an author: the socket's path, and both ends there.
func (s *sink) relayed(r lure.Relay) {
	remote := tcp("unix", r.Remote)
	remote.Path = r.Path
	s.emit(r.Task, &event.Event{Kind: event.Connect, Local: tcp("inet", r.Local), Remote: remote})
}

func tcp(family string, at netip.AddrPort) *event.Endpoint {
	return &event.Endpoint{Family: family, Proto: "tcp", IP: at.Addr().String(), Port: at.Port()}
}
