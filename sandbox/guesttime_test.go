package sandbox_test

import (
	"slices"
	"testing"

	"github.com/sallyport-dev/sallyport/image"
	"github.com/sallyport-dev/sallyport/report"
	"github.com/sallyport-dev/sallyport/sandbox"
	"github.com/sallyport-dev/sallyport/sandbox/protocol"
	"github.com/sallyport-dev/sallyport/test/samples"
)

// TestTimeBomb runs a server that turns into a backdoor after ten minutes, with
// its waits skipped and without. Without, the report must say that something waits.
func TestTimeBomb(t *testing.T) {
	t.Parallel()
	i := slices.IndexFunc(samples.All(), func(s samples.Sample) bool { return s.Name == "time-bomb/server" })
	img := build(t, samples.All()[i])
	ref, err := image.Parse("samples.test/time-bomb:v1")
	if err != nil {
		t.Fatal(err)
	}
	detonate := func(p protocol.Profile) *report.Report {
		o, err := newRunner(t, nil).Run(t.Context(), img, sandbox.Request{Reference: ref, Profile: p}, nil)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = o.Close() })
		return o.Report
	}
	skipped := detonate(protocol.Profile{})
	if c := skipped.Run.Coverage; skipped.Verdict != report.Malicious || c.TimeSkippedS < 500 || c.ClockJumps == 0 || c.LongestSleepS < 500 {
		t.Errorf("with its waits skipped: %s, %+v", skipped.Summary, c)
	}
	real := detonate(protocol.Profile{RealTime: true})
	if c := real.Run.Coverage; real.Verdict != report.Clean || c.TimeSkippedS != 0 || c.LongestSleepS < 500 || c.LongestSleepS > 600 || c.TimersPending == 0 || c.LongestTimerS != c.LongestSleepS {
		t.Errorf("in real time: %s, %+v", real.Summary, c)
	}
}
