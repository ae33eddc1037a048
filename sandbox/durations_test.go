package sandbox_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sallyport-dev/sallyport/report"
)

// durations is how long runs took, by their verdicts, and how many passes they
// had. TestScenarios prints it, for docs/performance.md:
//
//	CGO_ENABLED=0 go test ./sandbox -run TestScenarios -v | grep -A9 'how long'
type durations struct {
	mu   sync.Mutex
	took map[report.Conclusion][]time.Duration
	full int // runs that used their whole time
	made map[string]int
}

var took durations

func (d *durations) add(r *report.Report, t time.Duration) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.took == nil {
		d.took, d.made = map[report.Conclusion][]time.Duration{}, map[string]int{}
	}
	d.took[r.Verdict] = append(d.took[r.Verdict], t)
	if r.Run.Status == "timeout" {
		d.full++
	}
	for _, p := range r.Run.Passes {
		d.made[p]++
	}
}

func (d *durations) print(t *testing.T) {
	t.Helper()
	d.mu.Lock()
	defer d.mu.Unlock()
	var b strings.Builder
	fmt.Fprintf(&b, "how long runs took, from image to report:\n%-14s %5s %8s %8s %8s %8s\n", "verdict", "runs", "median", "p90", "p99", "max")
	for _, verdict := range slices.Sorted(maps.Keys(d.took)) {
		list := slices.Sorted(slices.Values(d.took[verdict]))
		at := func(share float64) float64 { return list[int(share*float64(len(list)-1)+0.5)].Seconds() }
		fmt.Fprintf(&b, "%-14s %5d %6.1f s %6.1f s %6.1f s %6.1f s\n", verdict, len(list), at(.5), at(.9), at(.99), at(1))
	}
	fmt.Fprintf(&b, "%d used their whole time; passes made: %v", d.full, d.made)
	t.Log(b.String())
}
