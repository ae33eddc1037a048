package network

import (
	"strings"
	"time"

	"golang.org/x/net/publicsuffix"

	"github.com/sallyport-dev/sallyport/sandbox/observation"
)

// zones decides which registered domains exist. Nearly all do. A program that
// makes names up, one after the other until one answers, would stop at the
// first; therefore of names that look made up only the first few exist, and
// again some after many. Whoever asks for many new domains within a minute
// finds the rest missing, whatever they look like. The answer for a domain
// never changes within a run.
type zones struct {
	exists    map[string]bool
	generated int
	recent    []time.Time // of new domains, the latest burst of them
}

const (
	generatedAnswered = 3  // domains that look made up and exist
	generatedMissing  = 57 // and that then do not
	burst             = 20 // new domains within a minute that exist
)

func (z *zones) has(name string, now time.Time) bool {
	zone, err := publicsuffix.EffectiveTLDPlusOne(name)
	if err != nil { // a single label, or a public suffix
		return true
	}
	known, ok := z.exists[zone]
	if ok {
		return known
	}
	exists := z.decide(zone, now)
	if len(z.exists) < maxNames {
		z.exists[zone] = exists
	}
	return exists
}

func (z *zones) decide(zone string, now time.Time) bool {
	if label, _, _ := strings.Cut(zone, "."); observation.Generated(label) {
		z.generated++
		switch {
		case z.generated > generatedAnswered+generatedMissing:
			return true
		case z.generated > generatedAnswered:
			return false
		}
	}
	many := len(z.recent) == burst && now.Sub(z.recent[0]) < time.Minute
	if len(z.recent) == burst {
		z.recent = append(z.recent[:0], z.recent[1:]...)
	}
	z.recent = append(z.recent, now)
	return !many
}
