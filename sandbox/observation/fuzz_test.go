package observation_test

import (
	"encoding/json"
	"testing"

	"github.com/sallyport-dev/sallyport/sandbox/event"
	"github.com/sallyport-dev/sallyport/sandbox/observation"
)

// FuzzAdd: the events come out of a process that the guest may own. Whatever
// they say, the document stays whole: every process that is named exists.
func FuzzAdd(f *testing.F) {
	f.Add([]byte(`[{"seq":1,"kind":"start","task":{"pid":1},"exec":{"path":"/bin/sh","argv":["sh"]}},{"seq":2,"kind":"clone","task":{"pid":1},"child":2},{"seq":3,"kind":"exec","task":{"pid":2},"exec":{"path":"/x","stdio":[{"kind":"pipe","inode":1},null,null]}}]`))
	f.Add([]byte(`[{"kind":"exec","task":{"pid":-1,"ppid":-1},"exec":{}},{"kind":"exit","task":{"pid":-1}},{"kind":"clone","child":-1},{"kind":"exec"},{"kind":"start"}]`))
	f.Add([]byte(`[{"kind":"connect","task":{"pid":9},"t":-1,"remote":{"family":"inet","ip":"x"}},{"kind":"accept"},{"kind":"rename","path":"a","target":"b"},{"kind":"open","flags":18446744073709551615,"path":"/proc/1/root/proc/1/root"}]`))
	f.Fuzz(func(t *testing.T, b []byte) {
		var events []event.Event
		if json.Unmarshal(b, &events) != nil {
			return
		}
		builder := observation.New(observation.Image{}, observation.Run{})
		for _, e := range events {
			builder.Add(e)
		}
		builder.AddNetwork(observation.Network{
			Flows: []observation.Flow{{ID: "1", Proto: "tcp", DstIP: "198.18.0.1", DstPort: 80}},
			HTTP:  []observation.HTTP{{Flow: "1"}}, DNS: []observation.DNSQuery{{Flow: "1"}},
		})
		o := builder.Build()
		if _, err := json.Marshal(o); err != nil {
			t.Fatal(err)
		}
		known := func(id, where string) {
			if id != "" && o.Processes[id] == nil {
				t.Errorf("%s names the process %q, which is not there", where, id)
			}
		}
		for id, p := range o.Processes {
			known(p.Parent, "parent")
			known(p.LineageID, "lineage_id")
			if p.ID != id || p.LineageID == "" || p.Provenance == "" {
				t.Errorf("%s: %+v", id, p)
			}
			for _, l := range append(append(p.Lineage, p.Children...), p.PipeFrom...) {
				known(l, "lineage, children or pipe_from")
			}
		}
		for kind, list := range o.Events {
			for _, e := range list {
				known(e.Process, string(kind))
				if e.Count < 1 || e.Process == "" {
					t.Errorf("%s: %+v", kind, e)
				}
			}
		}
		for _, fl := range o.Network.Flows {
			known(fl.Process, "flow")
		}
	})
}
