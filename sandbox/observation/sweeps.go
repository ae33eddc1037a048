package observation

import (
	"cmp"
	"slices"
	"strconv"
)

// sweptPorts is from how many ports of one address on they are listed.
const sweptPorts = 10

// PortSweep is one address of which a lineage tried many ports.
type PortSweep struct {
	Lineage string `json:"lineage"`
	IP      string `json:"ip"`
	Ports   []Try  `json:"ports"` // in order of time
}

// Try is the first attempt at one port.
type Try struct {
	Port int `json:"port"`
	Contact
}

// portSweeps turns the contacts around: who tried which ports of one address.
func (o *Observation) portSweeps() []PortSweep {
	type key struct{ lineage, ip string }
	all := map[key][]Try{}
	for lineage, ports := range o.Network.Contacts {
		for text, contacts := range ports {
			port, err := strconv.Atoi(text)
			if err != nil {
				continue
			}
			for ip, c := range contacts {
				k := key{lineage, ip}
				all[k] = append(all[k], Try{port, c})
			}
		}
	}
	list := []PortSweep{}
	for k, tries := range all {
		if len(tries) < sweptPorts {
			continue
		}
		slices.SortFunc(tries, func(a, b Try) int {
			return cmp.Or(cmp.Compare(a.MS, b.MS), cmp.Compare(a.Event, b.Event), cmp.Compare(a.Port, b.Port))
		})
		list = append(list, PortSweep{k.lineage, k.ip, tries})
	}
	slices.SortFunc(list, func(a, b PortSweep) int {
		return cmp.Or(cmp.Compare(a.Lineage, b.Lineage), cmp.Compare(a.IP, b.IP))
	})
	return list
}
