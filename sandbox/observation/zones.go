package observation

import (
	"cmp"
	"slices"
	"strings"

	"golang.org/x/net/publicsuffix"
)

// Limits on zones.
const (
	maxZones   = 5_000
	maxSamples = 5 // names shown of one
)

// Zone is what one lineage asked of a domain that somebody can register.
type Zone struct {
	Name      string         `json:"name"` // e.g. example.co.uk
	Lineage   string         `json:"lineage"`
	Process   string         `json:"process"` // Process.ID of the first that asked
	Event     uint64         `json:"event"`
	MS        int64          `json:"ms"`
	LastMS    int64          `json:"last_ms"`
	Names     int            `json:"names"`     // different ones
	Questions int            `json:"questions"` //
	Failed    int            `json:"failed"`    // questions that were answered NXDOMAIN
	Encoded   int            `json:"encoded"`   // names with a label that carries data: long, and no words
	Payload   int            `json:"payload"`   // characters in those labels
	Types     map[string]int `json:"types"`     // questions by record type
	Generated bool           `json:"generated"` // the registered label looks made up by a program
	Samples   []string       `json:"samples"`   // some of the names, those with data first
}

// zones counts the questions of each lineage by registered domain.
func (o *Observation) zones() []Zone {
	type key struct{ zone, lineage string }
	type counted struct {
		Zone
		seen map[string]bool
	}
	all := map[key]*counted{}
	var order []*counted
	for i := range o.Network.DNS {
		q := &o.Network.DNS[i]
		name, err := publicsuffix.EffectiveTLDPlusOne(q.Name)
		if err != nil || strings.HasSuffix(q.Name, ".arpa") {
			continue // a public suffix itself, or an address
		}
		k := key{name, o.lineageOf(q.Process)}
		z := all[k]
		if z == nil {
			if len(all) >= maxZones {
				continue
			}
			label, _, _ := strings.Cut(name, ".")
			z = &counted{seen: map[string]bool{}, Zone: Zone{
				Name: name, Lineage: k.lineage, Process: q.Process, Event: q.Event, MS: q.TimeMS,
				Types: map[string]int{}, Samples: []string{}, Generated: Generated(label),
			}}
			all[k] = z
			order = append(order, z)
		}
		z.LastMS = max(z.LastMS, q.TimeMS)
		z.Questions++
		z.Types[q.Type]++
		if q.Rcode == "NXDOMAIN" {
			z.Failed++
		}
		if z.seen[q.Name] {
			continue
		}
		z.seen[q.Name] = true
		z.Names++
		n := carried(strings.TrimSuffix(q.Name, name))
		if n > 0 {
			z.Encoded++
			z.Payload += n
		}
		if len(z.Samples) < maxSamples && (n > 0 || z.Names == 1) {
			z.Samples = append(z.Samples, q.Name)
		}
	}
	list := make([]Zone, 0, len(order))
	for _, z := range order {
		list = append(list, z.Zone)
	}
	slices.SortStableFunc(list, func(a, b Zone) int { return cmp.Compare(a.MS, b.MS) })
	return list
}

// minData is how long a label is that carries data: base32 of 15 bytes, hex of
// 12. Hashes in names of caches and of keys are as long: only many mean something.
const minData = 24

// carried is how many characters of the labels carry data.
func carried(labels string) int {
	n := 0
	for l := range strings.SplitSeq(labels, ".") {
		if len(l) >= minData && !strings.Contains(l, "_") && (Generated(l) || digits(l)*5 >= len(l)) {
			n += len(l)
		}
	}
	return n
}

func digits(s string) int {
	n := 0
	for i := range len(s) {
		if isDigit(s[i]) {
			n++
		}
	}
	return n
}
