package observation

// apps indexes the flows that the image opened to somewhere outside, so that a
// rule on one protocol looks at its flows only.
func (o *Observation) apps() map[string]map[string][]int {
	all := map[string]map[string][]int{}
	for i := range o.Network.Flows {
		f := &o.Network.Flows[i]
		if !f.outgoing() {
			continue
		}
		byLineage := all[f.App]
		if byLineage == nil {
			byLineage = map[string][]int{}
			all[f.App] = byLineage
		}
		id := o.lineageOf(f.Process)
		byLineage[id] = append(byLineage[id], i)
	}
	return all
}

// outgoing: the image opened it, to somewhere that is not itself.
func (f *Flow) outgoing() bool {
	return !f.Inbound && !f.Probe && (f.Scope == Public || f.Scope == Private)
}

// lineageOf is the LineageID of the process with this ID, "" when nobody knows it.
func (o *Observation) lineageOf(process string) string {
	if p := o.Processes[process]; p != nil {
		return p.LineageID
	}
	return ""
}
