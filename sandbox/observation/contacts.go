package observation

import (
	"strconv"

	"github.com/sallyport-dev/sallyport/sandbox/event"
)

// contacts indexes the attempts to connect, so that no rule has to group them.
func (o *Observation) contacts() map[string]map[string]map[string]Contact {
	named := map[string]bool{}
	for _, q := range o.Network.DNS {
		for _, a := range q.Answers {
			named[plainIP(a)] = true
		}
	}
	all := map[string]map[string]map[string]Contact{}
	for _, e := range o.Events[event.Connect] {
		r := e.Remote
		if r == nil || r.Proto != "tcp" || e.Probe || (r.Scope != Public && r.Scope != Private) {
			continue
		}
		p := o.Processes[e.Process]
		if p == nil {
			continue
		}
		byPort := all[p.LineageID]
		if byPort == nil {
			byPort = map[string]map[string]Contact{}
			all[p.LineageID] = byPort
		}
		port := strconv.Itoa(int(r.Port))
		byIP := byPort[port]
		if byIP == nil {
			byIP = map[string]Contact{}
			byPort[port] = byIP
		}
		if _, ok := byIP[r.IP]; !ok {
			byIP[r.IP] = Contact{Event: e.Seq, MS: e.MS, Process: e.Process, Named: named[r.IP]}
		}
	}
	return all
}
