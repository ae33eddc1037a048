package observation

import (
	"cmp"
	"math"
	"slices"
)

// A rhythm is at least so many calls, this far apart, whose intervals differ by
// this share of their mean. A program that tries again and again until
// something works is faster.
const (
	minCalls    = 4
	minInterval = 900 // ms; timers are late or early by some
	maxJitter   = 0.2
	maxPrelude  = 2 // calls before the regular ones
	maxRhythms  = 1_000
)

// Rhythm is calls of a lineage to one place at regular intervals.
type Rhythm struct {
	Lineage  string  `json:"lineage"`
	Process  string  `json:"process"` // Process.ID of the first caller
	Event    uint64  `json:"event"`
	MS       int64   `json:"ms"`
	LastMS   int64   `json:"last_ms"`
	Host     string  `json:"host"` // name, or address where there is none
	IP       string  `json:"ip"`
	Port     uint16  `json:"port"`
	Proto    string  `json:"proto"`
	App      string  `json:"app"`
	Scope    string  `json:"scope"`
	Direct   bool    `json:"direct"` // no name was asked for IP
	Calls    int     `json:"calls"`
	Interval int64   `json:"interval_ms"` // mean
	Jitter   float64 `json:"jitter"`      // standard deviation of the intervals by their mean
	Size     int64   `json:"size"`        // mean bytes that each call sends
	Spread   float64 `json:"spread"`      // standard deviation of the sizes by their mean
}

type call struct {
	ms, size int64
	process  string
	event    uint64
}

// rhythms finds the calls that come at regular intervals: connections, or
// requests on connections that stay open.
func (o *Observation) rhythms() []Rhythm {
	type key struct {
		lineage, host, proto string
		port                 uint16
	}
	all := map[key][]call{}
	places := map[key]*Flow{}
	flows := make(map[string]*Flow, len(o.Network.Flows))
	asked := map[string]bool{} // flows with requests
	for i := range o.Network.Flows {
		flows[o.Network.Flows[i].ID] = &o.Network.Flows[i]
	}
	add := func(f *Flow, c call) {
		host := cmp.Or(f.Domain, f.SNI, f.DstIP)
		k := key{o.lineageOf(f.Process), host, f.Proto, f.DstPort}
		if places[k] == nil {
			places[k] = f
		}
		all[k] = append(all[k], c)
	}
	for i := range o.Network.HTTP {
		h := &o.Network.HTTP[i]
		if f := flows[h.Flow]; f != nil && f.outgoing() {
			asked[f.ID] = true
			add(f, call{h.TimeMS, int64(len(h.Path) + len(h.Body)), f.Process, f.Event})
		}
	}
	for i := range o.Network.Flows {
		f := &o.Network.Flows[i]
		if f.outgoing() && !f.Refused && !asked[f.ID] && f.App != "dns" && f.App != "ntp" {
			add(f, call{f.FirstMS, f.BytesOut, f.Process, f.Event})
		}
	}
	list := []Rhythm{}
	for k, calls := range all {
		slices.SortFunc(calls, func(a, b call) int { return cmp.Or(cmp.Compare(a.ms, b.ms), cmp.Compare(a.event, b.event)) })
		calls, interval, jitter, size, spread, ok := settled(calls)
		if !ok {
			continue
		}
		f := places[k]
		list = append(list, Rhythm{
			Lineage: k.lineage, Process: calls[0].process, Event: calls[0].event, MS: calls[0].ms, LastMS: calls[len(calls)-1].ms,
			Host: k.host, IP: f.DstIP, Port: k.port, Proto: k.proto, App: f.App, Scope: f.Scope, Direct: f.Direct,
			Calls: len(calls), Interval: interval, Jitter: jitter, Size: size, Spread: spread,
		})
	}
	slices.SortFunc(list, func(a, b Rhythm) int {
		return cmp.Or(cmp.Compare(a.MS, b.MS), cmp.Compare(a.Lineage, b.Lineage), cmp.Compare(a.Host, b.Host), cmp.Compare(a.Port, b.Port))
	})
	return list[:min(len(list), maxRhythms)]
}

// settled looks for regular intervals, from the first call on or from one of the
// next two: whoever calls home registers first, or fetches something.
func settled(calls []call) (from []call, interval int64, jitter float64, size int64, spread float64, ok bool) {
	for skip := range min(maxPrelude+1, len(calls)) {
		from = calls[skip:]
		if interval, jitter, size, spread, ok = regular(from); ok {
			return from, interval, jitter, size, spread, true
		}
	}
	return nil, 0, 0, 0, 0, false
}

// regular tells whether calls, in order of time, come at regular intervals.
func regular(calls []call) (interval int64, jitter float64, size int64, spread float64, ok bool) {
	if len(calls) < minCalls {
		return 0, 0, 0, 0, false
	}
	var gaps, sizes []float64
	for i, c := range calls {
		sizes = append(sizes, float64(c.size))
		if i > 0 {
			gaps = append(gaps, float64(c.ms-calls[i-1].ms))
		}
	}
	gap, gapDeviation := deviation(gaps)
	mean, sizeDeviation := deviation(sizes)
	if gap < minInterval || gapDeviation > maxJitter*gap {
		return 0, 0, 0, 0, false
	}
	if mean > 0 {
		spread = round2(sizeDeviation / mean)
	}
	return int64(gap), round2(gapDeviation / gap), int64(mean), spread, true
}

// deviation is the mean and the standard deviation.
func deviation(list []float64) (mean, sigma float64) {
	for _, v := range list {
		mean += v
	}
	mean /= float64(len(list))
	for _, v := range list {
		sigma += (v - mean) * (v - mean)
	}
	return mean, math.Sqrt(sigma / float64(len(list)))
}

func round2(v float64) float64 { return math.Round(v*100) / 100 }
