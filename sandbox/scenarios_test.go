package sandbox_test

import (
	"os"
	"path/filepath"
	"slices"
	"sync"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/report"
	"github.com/sallyport-dev/sallyport/sandbox"
	replayed "github.com/sallyport-dev/sallyport/sandbox/network/recording"
	"github.com/sallyport-dev/sallyport/sandbox/protocol"
	"github.com/sallyport-dev/sallyport/test/scenarios"
)

// stories tries some scenarios, several at a time, each with a runner of its
// own that has the patience that it has in use: stories have pauses.
func stories(t *testing.T, list []scenarios.Scenario, try func(*testing.T, *sandbox.Runner, scenarios.Scenario)) {
	t.Helper()
	dir := cleanFolder(t)
	var g errgroup.Group
	g.SetLimit(abreast)
	for _, s := range list {
		g.Go(func() error {
			t.Run(s.Name, func(t *testing.T) {
				world := recorded(t, s)
				try(t, runnerIn(t, filepath.Join(dir, s.Name), func(c *sandbox.Config) {
					c.Idle, c.Timeout, c.Recording = 10*time.Second, 3*time.Minute, world
				}), s)
			})
			return nil
		})
	}
	_ = g.Wait()
}

// recorded is what the story finds on the internet; nil when it needs nothing.
func recorded(t *testing.T, s scenarios.Scenario) *replayed.Recording {
	t.Helper()
	bodies, err := s.Recording(kit())
	if err != nil {
		t.Fatal(err)
	}
	if len(bodies) == 0 {
		return nil
	}
	dir := t.TempDir()
	if err := replayed.Write(dir, bodies); err != nil {
		t.Fatal(err)
	}
	world, err := replayed.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { world.Close() })
	return world
}

// tell runs a scenario and closes what is left of it at the end of the test.
func tell(t *testing.T, r *sandbox.Runner, s scenarios.Scenario, profile protocol.Profile) *sandbox.Outcome {
	t.Helper()
	img, err := s.Build(kit())
	if err != nil {
		t.Fatal(err)
	}
	ref, err := image.Parse("scenarios.test/" + s.Name + ":v1")
	if err != nil {
		t.Fatal(err)
	}
	req := sandbox.Request{Reference: ref, Profile: profile}
	if len(s.Served) > 0 {
		req.Profile.Network = protocol.Replay
	}
	began := time.Now()
	o, err := r.Run(t.Context(), img, req, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := o.Close(); err != nil {
			t.Error(err)
		}
	})
	took.add(o.Report, time.Since(began))
	t.Logf("%s in %.1f s: %v", o.Report.Verdict, time.Since(began).Seconds(), slugs(o.Report)[1:])
	return o
}

// TestScenarios runs every scenario for real. A story of an intruder must be
// malicious, with the behaviours and the evidence that it is made of; one that
// is meant well must never be.
func TestScenarios(t *testing.T) {
	stories(t, scenarios.All(), func(t *testing.T, r *sandbox.Runner, s scenarios.Scenario) {
		o := tell(t, r, s, protocol.Profile{})
		for _, fault := range s.Check(o.Report) {
			t.Error(fault)
		}
		honest(t, o.Report)
		if t.Failed() {
			dump(t, o)
		}
	})
	took.print(t)
}

// TestTimeBombInRealTime: without its time being skipped, a bomb is not seen to
// go off, and the report says for how long it would have waited.
func TestTimeBombInRealTime(t *testing.T) {
	list := slices.DeleteFunc(scenarios.All(), func(s scenarios.Scenario) bool { return s.Name != "a13-time-bomb" })
	if len(list) != 1 {
		t.Fatal("there is no time bomb")
	}
	stories(t, list, func(t *testing.T, r *sandbox.Runner, s scenarios.Scenario) {
		o := tell(t, r, s, protocol.Profile{RealTime: true})
		if c := o.Report.Run.Coverage; o.Report.Verdict != report.Clean || c.LongestSleepS < 500 || c.TimeSkippedS > 0 {
			t.Errorf("%s, %+v", o.Report.Summary, c)
			dump(t, o)
		}
	})
}

// TestScenariosAreStable runs some scenarios three times, the last time beside
// programs that keep two processors busy, and expects the same findings.
func TestScenariosAreStable(t *testing.T) {
	list := slices.DeleteFunc(scenarios.All(), func(s scenarios.Scenario) bool {
		return !s.Repeat && os.Getenv("SCENARIOS") != "all"
	})
	first := map[string][]string{}
	var mu sync.Mutex
	round := func(t *testing.T) {
		stories(t, list, func(t *testing.T, r *sandbox.Runner, s scenarios.Scenario) {
			got := slugs(tell(t, r, s, protocol.Profile{}).Report)
			mu.Lock()
			defer mu.Unlock()
			if first[s.Name] == nil {
				first[s.Name] = got
			} else if !slices.Equal(got, first[s.Name]) {
				t.Errorf("found %v, the first time %v", got, first[s.Name])
			}
		})
	}
	t.Run("first", round)
	t.Run("again", round)
	t.Run("under-load", func(t *testing.T) {
		done := make(chan struct{})
		var burners sync.WaitGroup
		for range 2 {
			burners.Go(func() {
				for n := 0; ; n++ { // it is meant to spin
					select {
					case <-done:
						return
					default:
					}
				}
			})
		}
		defer burners.Wait()
		defer close(done)
		round(t)
	})
}
