package clock

import (
	"testing"
	"time"
	"unsafe"

	"gvisor.dev/gvisor/pkg/sentry/ktime"
)

// TestLayout fails with a gVisor that keeps time in another way.
func TestLayout(t *testing.T) {
	if _, err := layout(); err != nil {
		t.Fatal(err)
	}
}

// world is a guest of which only the timers matter. Each is set again, for as
// long, when it expires.
type world struct {
	now    int64
	timers map[string]*simulated
	plan   plan
	jumps  int
	sum    time.Duration
}

type simulated struct {
	every time.Duration
	at    int64
	acts  int           // expires so often without consequence, then acts; 0: never
	until time.Duration // acts whenever it expires, and is over when so much has passed; 0: not
	fired int
}

func (w *world) pending() []Timer {
	var list []Timer
	for _, s := range w.timers {
		list = append(list, Timer{How: Wait, Left: time.Duration(s.at - w.now), key: unsafe.Pointer(s), at: ktime.FromNanoseconds(s.at)})
	}
	return list
}

// live jumps until it rests, and tells why it does and which timers acted.
func (w *world) live(t *testing.T) (rest string, acted []string) {
	for _, s := range w.timers {
		s.at = w.now + int64(s.every)
	}
	for range 10_000 {
		s := w.plan.next(w.pending(), w.now, w.sum, w.jumps)
		if s.rest != "" {
			return s.rest, acted
		}
		jump := max(s.jump, 0)
		if jump == 0 {
			jump = least // as real time passes
		} else {
			w.jumps++
			w.sum += jump
		}
		w.now += int64(jump)
		consequence := false
		for name, s := range w.timers {
			if s.at > w.now {
				continue
			}
			s.at = w.now + int64(s.every)
			if s.until > 0 {
				consequence = true
				if time.Duration(w.now) > s.until {
					acted = append(acted, name)
					delete(w.timers, name)
				}
				continue
			}
			if s.fired++; s.fired == s.acts {
				consequence = true
				acted = append(acted, name)
				delete(w.timers, name)
			}
		}
		w.plan.outcome(consequence)
	}
	t.Fatal("it never rests")
	return "", nil
}

func TestPlan(t *testing.T) {
	tests := []struct {
		name    string
		timers  map[string]*simulated
		maxSkip time.Duration
		rest    string
		acted   int
		least   time.Duration // skipped
		longest time.Duration
	}{
		{"nothing waits", nil, 24 * time.Hour, NothingWaits, 0, 0, 0},
		{"one wait", map[string]*simulated{"a": {every: time.Hour, acts: 1}}, 24 * time.Hour, NothingWaits, 1, time.Hour, time.Hour},
		{"too long a wait", map[string]*simulated{"a": {every: 25 * time.Hour, acts: 1}}, 24 * time.Hour, SkippedAll, 0, 0, 0},
		{"a wait behind ticks", map[string]*simulated{"a": {every: 10 * time.Hour, acts: 1}, "tick": {every: time.Second}}, 24 * time.Hour, SkippedAll, 1, 24 * time.Hour, 10 * time.Hour},
		{"a wait behind ticks of two kinds", map[string]*simulated{"a": {every: 10 * time.Hour, acts: 1}, "tick": {every: time.Second}, "tock": {every: time.Minute}}, 24 * time.Hour, SkippedAll, 1, 24 * time.Hour, 10 * time.Hour},
		{"a loop that counts", map[string]*simulated{"a": {every: time.Minute, acts: 60}}, 24 * time.Hour, NothingWaits, 1, time.Hour, time.Minute},
		{"only ticks", map[string]*simulated{"tick": {every: time.Second}}, 24 * time.Hour, SkippedAll, 0, 24 * time.Hour, 0},
		{"a loop that acts until the clock says so", map[string]*simulated{"a": {every: time.Second, until: 20 * time.Hour}}, 24 * time.Hour, NothingWaits, 1, 20 * time.Hour, time.Second},
		{"many that act", map[string]*simulated{"a": {every: time.Minute, acts: 3}, "b": {every: time.Hour, acts: 2}, "c": {every: 5 * time.Hour, acts: 1}}, 24 * time.Hour, NothingWaits, 3, 5 * time.Hour, 5 * time.Hour},
	}
	for _, tt := range tests {
		t.Run(tt.name, func(t *testing.T) {
			w := &world{now: 1, timers: tt.timers, plan: plan{maxSkip: tt.maxSkip, maxJumps: 600}}
			rest, acted := w.live(t)
			if rest != tt.rest || len(acted) != tt.acted || w.sum < tt.least || w.sum > tt.maxSkip || w.plan.longest != tt.longest {
				t.Errorf("%q, %v acted, %v skipped in %d jumps, longest %v", rest, acted, w.sum, w.jumps, w.plan.longest)
			}
			if w.jumps > 300 {
				t.Errorf("%d jumps", w.jumps)
			}
		})
	}
}

func TestPlanOfBusyGuest(t *testing.T) {
	p := plan{maxSkip: 10 * time.Hour, maxJumps: 100}
	sum, jumps := time.Duration(0), 0
	for ; ; jumps++ {
		s := p.busy(sum, jumps)
		if s.rest != "" {
			if s.rest != SkippedAll {
				t.Error(s.rest)
			}
			break
		}
		sum += s.jump
	}
	if sum != p.maxSkip || jumps > 20 {
		t.Errorf("%v in %d jumps", sum, jumps)
	}
}
