package canary

import "strings"

// maxZones bounds how many zones a NameSearch remembers. In a zone beyond it a
// secret is only found within one name.
const maxZones = 1000

// NameSearch looks for the secrets of a Set in domain names, split over labels
// and over the names of successive queries below one zone. One goroutine at a
// time may use it.
type NameSearch struct {
	set   *Set
	zones map[string]*zone
}

// zone is what was asked below the last two labels of a name. Data travel in
// all labels, or in one beside counters and session numbers.
type zone struct {
	last    string
	all     *Search
	longest *Search
}

// SearchNames starts a search in the names that one guest asks for.
func (s *Set) SearchNames() *NameSearch {
	return &NameSearch{set: s, zones: make(map[string]*zone)}
}

// Add takes the next name that was asked for, and returns the secrets that it
// completed.
func (n *NameSearch) Add(name string) []Hit {
	name = strings.TrimSuffix(name, ".")
	labels := strings.Split(name, ".")
	if len(labels) < 3 {
		return nil
	}
	data, zoneLabels := labels[:len(labels)-2], labels[len(labels)-2:]
	key := strings.ToLower(strings.Join(zoneLabels, "."))
	z := n.zones[key]
	if z == nil {
		z = &zone{all: n.set.Search(), longest: n.set.Search()}
		if len(n.zones) < maxZones {
			n.zones[key] = z
		}
	}
	if name == z.last { // the same name for another record type, or again
		return nil
	}
	z.last = name

	before := [2]int{len(z.all.Hits()), len(z.longest.Hits())}
	longest := ""
	for _, label := range data {
		if len(label) > len(longest) {
			longest = label
		}
		if len(label) > 3 { // shorter ones count
			_, _ = z.all.Write([]byte(label))
		}
	}
	_, _ = z.longest.Write([]byte(longest))

	hits := z.all.Hits()[before[0]:]
	for _, h := range z.longest.Hits()[before[1]:] {
		if !contains(z.all.Hits(), h) {
			hits = append(hits, h)
		}
	}
	return hits
}

func contains(hits []Hit, h Hit) bool {
	for _, o := range hits {
		if o.Name == h.Name && o.Encoding == h.Encoding {
			return true
		}
	}
	return false
}
