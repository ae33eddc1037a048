package sandbox_test

import (
	"os"
	"slices"
	"testing"
	"time"

	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/report"
	"github.com/sallyport-dev/sallyport/sandbox"
	replayed "github.com/sallyport-dev/sallyport/sandbox/network/recording"
	"github.com/sallyport-dev/sallyport/sandbox/protocol"
	"github.com/sallyport-dev/sallyport/test/scenarios"
)

// stories tries some scenarios beside one another, each with a runner of its own
// that has the patience that it has in use: stories have pauses.
func stories(t *testing.T, list []scenarios.Scenario, try func(*testing.T, *sandbox.Runner, scenarios.Scenario)) {
	t.Helper()
	for _, s := range list {
		t.Run(s.Name, func(t *testing.T) {
			t.Parallel()
			world := recorded(t, s)
			try(t, newRunner(t, func(c *sandbox.Config) {
				c.Idle, c.Timeout, c.Recording = 10*time.Second, 3*time.Minute, world
			}), s)
		})
	}
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

// tell runs a scenario and closes what is left of it at the end of the test. It
// returns how long that took, too.
func tell(t *testing.T, r *sandbox.Runner, s scenarios.Scenario, profile protocol.Profile) (*sandbox.Outcome, time.Duration) {
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
	took := time.Since(began)
	t.Logf("%s in %.1f s: %v", o.Report.Verdict, took.Seconds(), slugs(o.Report)[1:])
	return o, took
}

// TestScenarios runs every scenario for real. A story of an intruder must be
// malicious, with the behaviours and the evidence that it is made of; one that
// is meant well must never be.
func TestScenarios(t *testing.T) {
	t.Parallel()
	t.Cleanup(func() { took.print(t) })
	stories(t, scenarios.All(), func(t *testing.T, r *sandbox.Runner, s scenarios.Scenario) {
		o, d := tell(t, r, s, protocol.Profile{})
		took.add(o.Report, d)
		for _, fault := range s.Check(o.Report) {
			t.Error(fault)
		}
		honest(t, o.Report)
		same(t, o.Report)
		if t.Failed() {
			dump(t, o)
		}
	})
}

// TestTimeBombInRealTime: without its time being skipped, a bomb is not seen to
// go off, and the report says for how long it would have waited.
func TestTimeBombInRealTime(t *testing.T) {
	t.Parallel()
	list := slices.DeleteFunc(scenarios.All(), func(s scenarios.Scenario) bool { return s.Name != "a13-time-bomb" })
	if len(list) != 1 {
		t.Fatal("there is no time bomb")
	}
	stories(t, list, func(t *testing.T, r *sandbox.Runner, s scenarios.Scenario) {
		o, _ := tell(t, r, s, protocol.Profile{RealTime: true})
		if c := o.Report.Run.Coverage; o.Report.Verdict != report.Clean || c.LongestSleepS < 500 || c.TimeSkippedS > 0 {
			t.Errorf("%s, %+v", o.Report.Summary, c)
			dump(t, o)
		}
	})
}

// TestScenariosAreStable runs some scenarios again, and once while the processors
// are busy: with TestScenarios that is three times.
func TestScenariosAreStable(t *testing.T) {
	list := slices.DeleteFunc(scenarios.All(), func(s scenarios.Scenario) bool {
		return !s.Repeat && os.Getenv("SCENARIOS") != "all"
	})
	again := func(t *testing.T, r *sandbox.Runner, s scenarios.Scenario) {
		o, _ := tell(t, r, s, protocol.Profile{})
		same(t, o.Report)
	}
	t.Run("under-load", func(t *testing.T) {
		burn(t)
		stories(t, list, again)
	})
	t.Run("again", func(t *testing.T) { stories(t, list, again) })
}
