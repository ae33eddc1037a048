package observation

import "strings"

// Limits on the index of names.
const (
	maxDomains   = 20_000 // domains
	maxNamed     = 64     // names of one domain
	maxNameFlows = 16     // flows of one name
	maxLabels    = 4      // of a domain
)

// Named is a name that a lineage asked for, or that it gave to a server.
type Named struct {
	Name    string `json:"name"`
	Lineage string `json:"lineage"`
	Process string `json:"process"` // Process.ID of the first that did
	Event   uint64 `json:"event"`
	MS      int64  `json:"ms"`
	Asked   bool   `json:"asked"`  // of a name server
	Failed  bool   `json:"failed"` // and the answer was that there is no such name
	Flows   []int  `json:"flows"`  // those to the name, as indices of Network.Flows; the first 16
}

// domains indexes the names of a run by each domain of two to four labels that
// they are, or are in: a rule with a list of domains looks up each once.
func (o *Observation) domains() map[string][]Named {
	type key struct{ name, lineage string }
	var order []key
	all := map[key]*Named{}
	note := func(name, process string, seq uint64, ms int64) *Named {
		k := key{strings.ToLower(strings.TrimSuffix(name, ".")), o.lineageOf(process)}
		n := all[k]
		if n == nil {
			if len(all) >= maxRecords {
				return nil
			}
			n = &Named{Name: k.name, Lineage: k.lineage, Process: process, Event: seq, MS: ms, Flows: []int{}}
			all[k] = n
			order = append(order, k)
		}
		return n
	}
	for i := range o.Network.DNS {
		q := &o.Network.DNS[i]
		if n := note(q.Name, q.Process, q.Event, q.TimeMS); n != nil {
			n.Failed = q.Rcode == "NXDOMAIN" && (n.Failed || !n.Asked)
			n.Asked = true
		}
	}
	for i := range o.Network.Flows {
		f := &o.Network.Flows[i]
		if f.Inbound || f.Probe || f.App == "dns" {
			continue
		}
		for _, name := range unique(f.Domain, f.SNI) {
			if n := note(name, f.Process, f.Event, f.FirstMS); n != nil && len(n.Flows) < maxNameFlows {
				n.Flows = append(n.Flows, i)
			}
		}
	}
	for i := range o.Network.HTTP {
		h := &o.Network.HTTP[i]
		if !h.Inbound && h.Host != h.IP {
			note(h.Host, h.Process, h.Event, h.TimeMS)
		}
	}
	index := map[string][]Named{}
	for _, k := range order {
		for _, d := range above(k.name) {
			list, known := index[d]
			if len(list) < maxNamed && (known || len(index) < maxDomains) {
				index[d] = append(list, *all[k])
			}
		}
	}
	return index
}

// above is the domains of two to four labels in which name lies, itself included.
func above(name string) []string {
	var list []string
	labels := 1
	for i := len(name) - 1; i >= 0 && labels <= maxLabels; i-- {
		if name[i] != '.' {
			continue
		}
		if labels >= 2 {
			list = append(list, name[i+1:])
		}
		labels++
	}
	if labels >= 2 && labels <= maxLabels {
		list = append(list, name)
	}
	return list
}

// unique is the different ones of a and b that say something.
func unique(a, b string) []string {
	var list []string
	if a != "" {
		list = append(list, a)
	}
	if b != "" && b != a {
		list = append(list, b)
	}
	return list
}
