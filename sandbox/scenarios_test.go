package sandbox_test

import (
	"testing"
	"time"

	"github.com/sallyport-dev/sallyport/sandbox"
	"github.com/sallyport-dev/sallyport/test/scenarios"
)

// atOnce is how many scenarios run at a time: they mostly wait.
const atOnce = 4

// storyteller is a runner with the patience that it has in use: stories have pauses.
func storyteller(t *testing.T) *sandbox.Runner {
	t.Helper()
	return newRunner(t, func(c *sandbox.Config) {
		c.Idle, c.Timeout, c.Concurrency = 10*time.Second, 3*time.Minute, atOnce
	})
}

// tell runs a scenario and closes what is left of it.
func tell(t *testing.T, r *sandbox.Runner, s scenarios.Scenario) *sandbox.Outcome {
	t.Helper()
	img, err := s.Build(kit())
	if err != nil {
		t.Fatal(err)
	}
	return run(t, r, s.Name, img)
}

// TestScenarios runs every scenario for real. A story of an intruder must be
// malicious, with the behaviours and the evidence that it is made of; one that
// is meant well must never be.
func TestScenarios(t *testing.T) {
	r := storyteller(t)
	t.Run("all", func(t *testing.T) {
		for _, s := range scenarios.All() {
			t.Run(s.Name, func(t *testing.T) {
				t.Parallel()
				began := time.Now()
				o := tell(t, r, s)
				t.Logf("%s in %.1f s: %v", o.Report.Verdict, time.Since(began).Seconds(), slugs(o.Report)[1:])
				for _, fault := range s.Check(o.Report) {
					t.Error(fault)
				}
				honest(t, o.Report)
				if t.Failed() {
					dump(t, o)
				}
			})
		}
	})
}
