package observation

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/sallyport-dev/sallyport/sandbox/event"
)

// guestRun is an observation of one program that made these connections. Flow
// i has the guest's port 40000+i, by which it is joined.
func guestRun(t *testing.T, n Network) *Observation {
	t.Helper()
	b := New(Image{}, Run{Addresses: []string{"172.17.0.2"}})
	task := event.Task{TID: 1, PID: 1, CWD: "/"}
	b.Add(event.Event{Seq: 1, Kind: event.Start, Task: task, Exec: &event.Program{Path: "/app", Argv: []string{"/app"}, Lower: true, Links: 1}})
	for i := range n.Flows {
		f := &n.Flows[i]
		if f.ID == "" {
			f.ID = fmt.Sprint("f", i)
		}
		if f.Proto == "" {
			f.Proto = "tcp"
		}
		f.SrcIP, f.SrcPort = "172.17.0.2", uint16(40000+i)
		b.Add(event.Event{
			Seq: uint64(10 + i), Time: time.Duration(f.FirstMS) * time.Millisecond, Kind: event.Connect, Task: task,
			Local:  &event.Endpoint{Family: "inet", Proto: f.Proto, IP: "172.17.0.2", Port: f.SrcPort},
			Remote: &event.Endpoint{Family: "inet", Proto: f.Proto, IP: f.DstIP, Port: f.DstPort},
		})
	}
	b.AddNetwork(n)
	b.End(End{Status: Completed})
	return b.Build()
}

func TestFlowsAreIndexedByProtocol(t *testing.T) {
	o := guestRun(t, Network{Flows: []Flow{
		{App: "ssh", DstIP: "198.51.100.1", DstPort: 22}, {App: "http", DstIP: "198.51.100.1", DstPort: 80},
		{App: "ssh", DstIP: "127.0.0.1", DstPort: 22}, {App: "ssh", DstIP: "10.0.0.1", DstPort: 22}, {App: "ssh", DstIP: "10.0.0.2", DstPort: 22, Inbound: true},
	}})
	if got := o.Network.Apps["ssh"]["1.0"]; !slices.Equal(got, []int{0, 3}) || len(o.Network.Apps["http"]) != 1 {
		t.Errorf("indexed as %v", o.Network.Apps)
	}
}

func TestNamesAreIndexedByTheirDomains(t *testing.T) {
	o := guestRun(t, Network{
		Flows: []Flow{{App: "dns", Proto: "udp", DstIP: "172.17.0.1", DstPort: 53}, {App: "raw", DstIP: "198.19.0.1", DstPort: 3333, Domain: "pool.eu.example.org"}},
		DNS:   []DNSQuery{{Flow: "f0", Name: "pool.eu.example.org", Type: "A"}, {Flow: "f0", Name: "gone.example.net", Type: "A", Rcode: "NXDOMAIN"}},
	})
	for domain, want := range map[string]string{"example.org": "pool.eu.example.org", "eu.example.org": "pool.eu.example.org", "example.net": "gone.example.net"} {
		list := o.Network.Domains[domain]
		if len(list) != 1 || list[0].Name != want || list[0].Lineage != "1.0" || !list[0].Asked || list[0].Failed != (domain == "example.net") {
			t.Errorf("%s: %+v", domain, list)
		}
	}
	if n := o.Network.Domains["example.org"][0]; !slices.Equal(n.Flows, []int{1}) {
		t.Errorf("flows to it: %v", n.Flows)
	}
	if _, ok := o.Network.Domains["org"]; ok {
		t.Error("a top-level domain is indexed")
	}
}

func TestZonesCountWhatWasAsked(t *testing.T) {
	n := Network{Flows: []Flow{{App: "dns", Proto: "udp", DstIP: "172.17.0.1", DstPort: 53}}}
	for i := range 30 {
		n.DNS = append(n.DNS, DNSQuery{Flow: "f0", Name: fmt.Sprintf("%048x.t.evil.test", 0x9e3779b97f4a7c15*uint64(i+1)), Type: "TXT", TimeMS: int64(i)})
		n.DNS = append(n.DNS, DNSQuery{Flow: "f0", Name: fmt.Sprintf("service-with-a-long-name-%d.shop.example.co.uk", i), Type: "A", Rcode: "NXDOMAIN"})
	}
	n.DNS = append(n.DNS, DNSQuery{Flow: "f0", Name: "xjwqkzpfvb.test", Type: "A", Rcode: "NXDOMAIN"}, DNSQuery{Flow: "f0", Name: "1.2.0.192.in-addr.arpa", Type: "PTR"})
	zones := map[string]Zone{}
	for _, z := range guestRun(t, n).Network.Zones {
		zones[z.Name] = z
	}
	if z := zones["evil.test"]; z.Encoded != 30 || z.Names != 30 || z.Payload != 30*48 || z.Generated || !maps.Equal(z.Types, map[string]int{"TXT": 30}) || len(z.Samples) != maxSamples {
		t.Errorf("%+v", z)
	}
	if z := zones["example.co.uk"]; z.Encoded != 0 || z.Names != 30 || z.Failed != 30 {
		t.Errorf("%+v", z)
	}
	if z := zones["xjwqkzpfvb.test"]; !z.Generated || z.Failed != 1 {
		t.Errorf("%+v", z)
	}
	if len(zones) != 3 {
		t.Errorf("%d zones", len(zones))
	}
}

func TestRhythms(t *testing.T) {
	calls := func(gaps ...int64) (list []Flow) {
		at := int64(0)
		for _, g := range append([]int64{0}, gaps...) {
			at += g
			list = append(list, Flow{App: "raw", DstIP: "198.19.0.1", DstPort: 443, Domain: "c2.example", FirstMS: at, BytesOut: 120})
		}
		return list
	}
	for name, c := range map[string]struct {
		flows []Flow
		want  int // calls
	}{
		"every ten seconds":       {calls(10000, 10000, 10100, 9900), 5},
		"give or take a tenth":    {calls(10000, 11000, 9000, 10500), 5},
		"after a greeting":        {calls(900, 10000, 10000, 10100, 9900), 5},
		"after long talk":         {calls(200, 900, 3000, 10000, 10000, 10100), 0},
		"now and then":            {calls(1000, 30000, 4000, 90000), 0},
		"again and again at once": {calls(100, 100, 100, 100, 100), 0},
		"three times":             {calls(10000, 10000), 0},
	} {
		t.Run(name, func(t *testing.T) {
			list := guestRun(t, Network{Flows: c.flows}).Network.Rhythms
			if got := len(list) == 1; got != (c.want > 0) {
				t.Fatalf("found %+v", list)
			}
			if c.want > 0 && (list[0].Host != "c2.example" || list[0].Calls != c.want || list[0].Interval < 9000 || list[0].Size != 120 || list[0].Process != "1.0") {
				t.Errorf("%+v", list[0])
			}
		})
	}
}

func TestRepeatsAreTheSameWordsToSeveralOwners(t *testing.T) {
	say := func(hosts ...string) (list []Flow) {
		for _, h := range hosts {
			f := Flow{App: "raw", Out: "HELLO master 1", DstIP: h, DstPort: 9, Direct: true}
			if h[0] > '9' {
				f.Domain, f.DstIP, f.Direct = h, "198.19.0.9", false
			}
			list = append(list, f)
		}
		return list
	}
	for name, c := range map[string]struct {
		flows []Flow
		count int
	}{
		"three owners":            {say("a.one.test", "a.two.test", "203.0.113.9"), 3},
		"two owners":              {say("a.one.test", "a.two.test"), 0},
		"hosts of one owner":      {say("a.one.test", "b.one.test", "c.one.test"), 0},
		"one address, many times": {say("203.0.113.9", "203.0.113.9", "203.0.113.9"), 0},
	} {
		t.Run(name, func(t *testing.T) {
			list := guestRun(t, Network{Flows: c.flows}).Network.Repeats
			if c.count == 0 && len(list) > 0 || c.count > 0 && (len(list) != 1 || list[0].Count != c.count) {
				t.Errorf("found %+v", list)
			}
		})
	}
}

func TestPortSweeps(t *testing.T) {
	var flows []Flow
	for i := range 12 {
		flows = append(flows, Flow{DstIP: "198.18.0.1", DstPort: uint16(1000 + i), Refused: true, FirstMS: int64(i)}, Flow{DstIP: fmt.Sprint("198.18.1.", i), DstPort: 22})
	}
	list := guestRun(t, Network{Flows: flows}).Network.Sweeps
	if len(list) != 1 || list[0].IP != "198.18.0.1" || len(list[0].Ports) != 12 || list[0].Ports[0].Port != 1000 || list[0].Ports[11].Port != 1011 {
		t.Errorf("found %+v", list)
	}
}

func TestTrafficFindsItsSender(t *testing.T) {
	o := guestRun(t, Network{
		Flows:   []Flow{{App: "raw", Proto: "udp", DstIP: "198.51.100.1", DstPort: 80}},
		Traffic: []Traffic{{Kind: "udp", IP: "198.51.100.1", Port: 80, Count: 900, Peak: 900}, {Kind: "syn", IP: "198.51.100.2", Port: 80, Count: 900, Peak: 900}},
	})
	if t1 := o.Network.Traffic[0]; t1.Process != "1.0" || t1.Event != 10 || t1.Scope != Public {
		t.Errorf("%+v", t1)
	}
	if t2 := o.Network.Traffic[1]; t2.Process != "" || t2.Event != 0 {
		t.Errorf("%+v", t2)
	}
}
