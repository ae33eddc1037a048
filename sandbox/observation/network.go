package observation

import "slices"

// Limits on the network's part of an observation.
const (
	maxRecords = 20_000   // of flows, questions and requests each
	maxTraffic = 5_000    // of addresses with their traffic
	maxSpoken  = 24 << 20 // bytes of excerpts, bodies and messages
	shortText  = 256      // bytes of each that are still kept when those are used up
)

// AddNetwork takes what the simulated network recorded: flows, questions and
// requests without process, which Build finds. It may be called several times.
func (b *Builder) AddNetwork(n Network) {
	to := &b.o.Network
	for _, f := range n.Flows[:b.room(len(to.Flows), len(n.Flows))] {
		f.Out, f.In = b.say(f.Out), b.say(f.In)
		f.Messages = slices.Clone(f.Messages)
		for i, m := range f.Messages {
			for _, v := range m.Fields {
				b.spoken += len(v)
			}
			if b.spoken > maxSpoken {
				f.Messages = f.Messages[:i]
				break
			}
		}
		to.Flows = append(to.Flows, f)
	}
	to.DNS = append(to.DNS, n.DNS[:min(len(n.DNS), maxRecords-len(to.DNS))]...)
	for _, h := range n.HTTP[:min(len(n.HTTP), maxRecords-len(to.HTTP))] {
		h.Body = b.say(h.Body)
		to.HTTP = append(to.HTTP, h)
	}
	to.Traffic = append(to.Traffic, n.Traffic[:min(len(n.Traffic), maxTraffic-len(to.Traffic))]...)
}

// room is how many of n more flows fit; the rest is counted, since any of them
// may be the one that matters.
func (b *Builder) room(have, n int) int {
	fit := min(n, maxRecords-have)
	b.missing += int64(n - fit)
	return fit
}

// say keeps s, or its beginning when too much was said already.
func (b *Builder) say(s string) string {
	if b.spoken+len(s) > maxSpoken && len(s) > shortText {
		s = s[:shortText]
	}
	b.spoken += len(s)
	return s
}
