package observation

// Traffic is how much of one kind went to one address, counted at the link and
// therefore also beyond the limits on flows and requests.
type Traffic struct {
	Kind    string `json:"kind"` // udp, icmp, syn (attempts to connect), http (requests)
	IP      string `json:"ip"`
	Domain  string `json:"domain"` // name whose answer gave IP
	Scope   string `json:"scope"`
	Port    uint16 `json:"port"`    // of the first
	Count   int64  `json:"count"`   // packets, attempts or requests
	Peak    int64  `json:"peak"`    // the most within ten seconds
	Spoofed int64  `json:"spoofed"` // from an address that is not the guest's
	FirstMS int64  `json:"first_ms"`
	LastMS  int64  `json:"last_ms"`

	// Who it was: of the first flow to the address, "" and 0 when nobody knows.
	Process string `json:"process"`
	Event   uint64 `json:"event"`
}

// attributeTraffic finds who sent what was counted at the link.
func (o *Observation) attributeTraffic(own map[string]bool) {
	type place struct{ kind, ip string }
	first := map[place]*Flow{}
	for i := range o.Network.Flows {
		f := &o.Network.Flows[i]
		if f.Inbound || f.Event == 0 {
			continue
		}
		kinds := []string{f.Proto}
		if f.Proto == "tcp" {
			kinds = []string{"syn", "http"}
		}
		for _, kind := range kinds {
			if k := (place{kind, plainIP(f.DstIP)}); first[k] == nil {
				first[k] = f
			}
		}
	}
	for i := range o.Network.Traffic {
		t := &o.Network.Traffic[i]
		t.Scope = scope(t.IP, own)
		if f := first[place{t.Kind, plainIP(t.IP)}]; f != nil {
			t.Process, t.Event = f.Process, f.Event
		}
	}
}
