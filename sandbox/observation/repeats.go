package observation

import (
	"cmp"
	"slices"

	"golang.org/x/net/publicsuffix"
)

// The same words to so many places, within so much time, are a repeat.
const (
	minPlaces   = 3
	repeatSpan  = 5 * 60 * 1000 // ms
	maxRepeats  = 500
	maxPlaces   = 16 // that are named
	minWords    = 8  // characters
	wordsLength = 64 // characters that are compared of what is not HTTP
)

// Repeat is the same first words said to several places, none of which belongs
// to the others.
type Repeat struct {
	Lineage string   `json:"lineage"`
	Process string   `json:"process"` // Process.ID of the first
	Event   uint64   `json:"event"`
	MS      int64    `json:"ms"`
	LastMS  int64    `json:"last_ms"`
	Words   string   `json:"words"`  // method and path of a request, or the first bytes
	App     string   `json:"app"`    //
	Places  []string `json:"places"` // hosts, the first 16
	Count   int      `json:"count"`  // places in all
	Direct  int      `json:"direct"` // places for which no name was asked
}

// repeats finds programs that say the same to one place after the other.
func (o *Observation) repeats() []Repeat {
	type key struct{ lineage, words string }
	type group struct {
		Repeat
		owners map[string]bool
	}
	all := map[key]*group{}
	flows := make(map[string]*Flow, len(o.Network.Flows))
	add := func(f *Flow, words string, ms int64) {
		k := key{o.lineageOf(f.Process), words}
		g := all[k]
		if g == nil {
			g = &group{Repeat: Repeat{Lineage: k.lineage, Process: f.Process, Event: f.Event, MS: ms, Words: words, App: f.App}, owners: map[string]bool{}}
			all[k] = g
		}
		host := cmp.Or(f.Domain, f.SNI, f.DstIP)
		owner := host
		if zone, err := publicsuffix.EffectiveTLDPlusOne(host); err == nil && !f.Direct {
			owner = zone
		}
		if g.owners[owner] || ms-g.MS > repeatSpan {
			return
		}
		g.owners[owner] = true
		g.LastMS = max(g.LastMS, ms)
		g.Count++
		if f.Direct {
			g.Direct++
		}
		if len(g.Places) < maxPlaces {
			g.Places = append(g.Places, host)
		}
	}
	for i := range o.Network.Flows {
		f := &o.Network.Flows[i]
		flows[f.ID] = f
		if f.outgoing() && f.Proto == "tcp" && f.App == "raw" && len(f.Out) >= minWords {
			add(f, f.Out[:min(len(f.Out), wordsLength)], f.FirstMS)
		}
	}
	for i := range o.Network.HTTP {
		h := &o.Network.HTTP[i]
		if f := flows[h.Flow]; f != nil && f.outgoing() && len(h.Path) > 1 {
			add(f, h.Method+" "+h.Path, h.TimeMS)
		}
	}
	list := []Repeat{}
	for _, g := range all {
		if g.Count >= minPlaces {
			list = append(list, g.Repeat)
		}
	}
	slices.SortFunc(list, func(a, b Repeat) int {
		return cmp.Or(cmp.Compare(a.MS, b.MS), cmp.Compare(a.Lineage, b.Lineage), cmp.Compare(a.Words, b.Words))
	})
	return list[:min(len(list), maxRepeats)]
}
