package runtime_test

import (
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/sallyport-dev/sallyport/sandbox/event"
	"github.com/sallyport-dev/sallyport/sandbox/runtime"
)

// jumping is a run of args whose clocks jump from the start.
func jumping(t testing.TB, args ...string) runtime.Spec {
	spec := newSpec(t, args...)
	orders := make(chan runtime.Order, 1)
	orders <- runtime.Order{Do: runtime.JumpWhenIdle}
	spec.Time = runtime.Time{Jump: true, Orders: orders}
	return spec
}

// every is all that the guest knows of letting time pass.
var every = []string{
	"nanosleep", "clock_nanosleep", "clock_nanosleep_until", "pselect", "ppoll", "epoll", "epoll_pwait2",
	"futex", "futex_until", "sigtimedwait", "setitimer", "timer", "timerfd", "recv_timeout", "runtime",
}

// TestSixHours waits for six hours in every way that there is.
func TestSixHours(t *testing.T) {
	each := 6 * time.Hour / time.Duration(len(every))
	s := run(t, jumping(t, "guest", "wait", each.String(), strings.Join(every, ",")))
	if s.End != runtime.Exited || s.Exit.Code != 0 {
		t.Fatalf("ended as %s %+v: %s %s", s.End, s.Exit, s.Stdout, s.Stderr)
	}
	lines := strings.Split(strings.TrimSpace(string(s.Stdout)), "\n")
	if len(lines) != len(every)+1 {
		t.Fatalf("output %q", s.Stdout)
	}
	for i, how := range every {
		var name, wall, monotonic string
		fmt.Sscan(lines[i], &name, &wall, &monotonic)
		w, errW := time.ParseDuration(wall)
		m, errM := time.ParseDuration(monotonic)
		if name != how || errW != nil || errM != nil || w < each || m < each || (w-m).Abs() > time.Second {
			t.Errorf("%s: waited %v by the wall clock, %v by the monotonic one, want %v", how, w, m, each)
		}
	}
	if s.Finished.Sub(s.Started) > time.Hour {
		t.Errorf("it took %v", s.Finished.Sub(s.Started))
	}
	agree(t, lines[len(lines)-1], s.Started, s.Clock.Skipped)
}

// agree checks a line of the guest's "clocks".
func agree(t *testing.T, line string, started time.Time, skipped time.Duration) {
	t.Helper()
	var page, call, day, monotonic, raw, boot, up float64
	if n, err := fmt.Sscanf(line, "clocks page=%f call=%f day=%f monotonic=%f raw=%f boot=%f uptime=%f", &page, &call, &day, &monotonic, &raw, &boot, &up); err != nil {
		t.Fatalf("%q: %d, %v", line, n, err)
	}
	near := func(what string, a, b, within float64) {
		t.Helper()
		if math.Abs(a-b) > within {
			t.Errorf("%s: %.3f and %.3f in %s", what, a, b, line)
		}
	}
	near("wall clock by page and by call", page, call, 5)
	near("clock_gettime and gettimeofday", call, day, 5)
	near("monotonic and raw", monotonic, raw, 5)
	near("monotonic and boot", monotonic, boot, 5)
	near("monotonic and uptime", monotonic, up, 30)
	near("wall clock and what was skipped", page, float64(started.Add(skipped).Unix()), 300)
}

func TestJumpsAreEvents(t *testing.T) {
	s := run(t, jumping(t, "sh", "-c", "sleep 3000; touch /tmp/done; sleep 500"))
	jumps := s.find(event.ClockJump, nil)
	var sum time.Duration
	for i, ev := range jumps {
		if ev.Name != "wait" || ev.Task.Comm != "sleep" || len(ev.Args) != 2 || ev.Args[0] <= 0 {
			t.Errorf("jump %+v", ev)
		}
		if i > 0 && ev.Args[1] < jumps[i-1].Args[1]+jumps[i-1].Args[0] {
			t.Errorf("the jump at %d does not follow one at %d by %d", ev.Args[1], jumps[i-1].Args[1], jumps[i-1].Args[0])
		}
		sum += time.Duration(ev.Args[0])
	}
	if len(jumps) == 0 || sum < 3400*time.Second || sum > 3500*time.Second {
		t.Errorf("%d jumps over %v", len(jumps), sum)
	}
	if c := s.Clock; c.Skipped != sum || c.Jumps != len(jumps) || c.Longest < 2900*time.Second || c.Pending != 0 {
		t.Errorf("the result says %+v, events %v in %d jumps", c, sum, len(jumps))
	}
	touch := s.one(t, event.Open, func(ev event.Event) bool { return ev.Path == "/tmp/done" })
	if touch.Time < 2900*time.Second {
		t.Errorf("the guest acted after %v of its time", touch.Time)
	}
}
