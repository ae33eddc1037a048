package runtime_test

import (
	"fmt"
	"math"
	"net/http"
	goruntime "runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/sallyport-dev/sallyport/sandbox/event"
	"github.com/sallyport-dev/sallyport/sandbox/network"
	"github.com/sallyport-dev/sallyport/sandbox/runtime"
	"github.com/sallyport-dev/sallyport/sandbox/runtime/clock"
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

// untilRest ends a run when its clocks have nothing more to jump to.
func untilRest(t *testing.T, spec runtime.Spec) *seen {
	t.Helper()
	stop := make(chan struct{})
	spec.Stop = stop
	once := sync.OnceFunc(func() { close(stop) })
	s := &seen{}
	spec.Events = func(ev event.Event) {
		s.events = append(s.events, ev)
		if ev.Kind == event.ClockRest && ev.Name != "" {
			once()
		}
	}
	var err error
	if s.Result, err = runtime.Run(t.Context(), spec); err != nil {
		t.Fatal(err)
	}
	return s
}

func TestShellsWaitForHours(t *testing.T) {
	s := run(t, jumping(t, "sh", "-c", `date +%s
sleep 3600
timeout 3600 cat /tmp/pipe
mkfifo /tmp/p; exec 3<>/tmp/p; read -t 3600 x <&3
usleep 1800000000
date +%s`))
	var from, to int64
	if n, err := fmt.Sscan(string(s.Stdout), &from, &to); n != 2 {
		t.Fatalf("%q %q: %v", s.Stdout, s.Stderr, err)
	}
	if passed := to - from; passed < 9000 || passed > 13000 {
		t.Errorf("%d s passed", passed)
	}
}

func TestDate(t *testing.T) {
	for _, offset := range []time.Duration{400 * 24 * time.Hour, -30 * 24 * time.Hour} {
		spec := newSpec(t, "guest", "clocks")
		spec.Time.Offset = offset
		s := run(t, spec)
		agree(t, strings.TrimSpace(string(s.Stdout)), s.Started, offset)
		if last := s.events[len(s.events)-1]; last.Time > time.Hour {
			t.Errorf("the last event is dated %v after the start", last.Time)
		}
	}
}

func TestNoMoreIsSkippedThanMayBe(t *testing.T) {
	spec := jumping(t, "sh", "-c", "sleep 600; sleep 20000")
	spec.Time.MaxSkip = time.Hour
	s := untilRest(t, spec)
	c := s.Clock
	if s.End != runtime.Stopped || c.Skipped > time.Hour || c.Skipped < 500*time.Second || c.Why != clock.SkippedAll {
		t.Errorf("ended as %s: %+v", s.End, c)
	}
	if c.Pending != 1 || c.Left < 19000*time.Second || c.Left > 20000*time.Second || c.Waits != "sleep" {
		t.Errorf("left: %+v", c)
	}
}

func TestNotMoreJumpsThanMayBe(t *testing.T) {
	spec := jumping(t, "sh", "-c", "while :; do sleep 60; done")
	spec.Time.MaxJumps = 5
	if c := untilRest(t, spec).Clock; c.Jumps != 5 || c.Why != clock.JumpedAll || c.Skipped < 4*time.Minute {
		t.Errorf("%+v", c)
	}
}

// TestWhatIsPendingIsTold: also of a guest whose clocks never jumped.
func TestWhatIsPendingIsTold(t *testing.T) {
	spec := newSpec(t, "sh", "-c", "(sleep 1000) & sleep 7000")
	stop := make(chan struct{})
	spec.Stop = stop
	asleep := 0
	spec.Events = func(ev event.Event) {
		if ev.Kind == event.Exec && argv(0, "sleep")(ev) {
			if asleep++; asleep == 2 {
				time.AfterFunc(5*time.Second, func() { close(stop) }) // by then it sleeps
			}
		}
	}
	result, err := runtime.Run(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	if c := result.Clock; c.Skipped != 0 || c.Jumps != 0 || c.Pending != 2 || c.Left < 6000*time.Second || c.Left > 7000*time.Second {
		t.Errorf("%+v", c)
	}
}

// TestTicking is a program that looks at the clock once a second, for hours.
func TestTicking(t *testing.T) {
	s := run(t, jumping(t, "guest", "tick", "1s", "5h"))
	if !strings.HasPrefix(string(s.Stdout), "ticks") || s.Clock.Skipped < 4*time.Hour || s.Clock.Jumps > 600 {
		t.Errorf("%q %q, %+v", s.Stdout, s.Stderr, s.Clock)
	}
}

// TestLookingAtTheClock is a shell that does so with programs, which are events.
func TestLookingAtTheClock(t *testing.T) {
	spec := jumping(t, "sh", "-c", `end=$(( $(date +%s) + 72000 ))
while [ $(date +%s) -lt $end ]; do sleep 1; done
echo ends`)
	spec.Time.MaxJumps = 90
	spec.Limits.Wall = 3 * time.Minute
	if s := run(t, spec); string(s.Stdout) != "ends\n" || s.Clock.Skipped < 19*time.Hour {
		t.Errorf("%q %q, %+v", s.Stdout, s.Stderr, s.Clock)
	}
}

// TestLongWaitBesideTicks: what ticks must not hide what waits.
func TestLongWaitBesideTicks(t *testing.T) {
	s := run(t, jumping(t, "sh", "-c", "guest tick 1s 1000h & exec guest wait 3h nanosleep"))
	if !strings.HasPrefix(string(s.Stdout), "nanosleep 3h0m0") {
		t.Errorf("%q %q, %+v", s.Stdout, s.Stderr, s.Clock)
	}
}

func TestBusyWait(t *testing.T) {
	s := run(t, jumping(t, "guest", "spin", "2h"))
	if string(s.Stdout) != "spun\n" {
		t.Errorf("%q %q, %+v", s.Stdout, s.Stderr, s.Clock)
	}
	for _, ev := range s.find(event.ClockJump, nil) {
		if ev.Name != clock.Busy && ev.Name != clock.Wait { // the Go runtime may wait in between
			t.Errorf("jump %+v", ev)
		}
	}
}

func TestOrders(t *testing.T) {
	spec := newSpec(t, "guest", "tick", "20ms", "90m")
	orders := make(chan runtime.Order, 4)
	orders <- runtime.Order{Do: runtime.HoldJumps}
	orders <- runtime.Order{Do: runtime.JumpWhenIdle}
	spec.Time = runtime.Time{Jump: true, Orders: orders}
	var jumps []event.Event
	spec.Events = func(ev event.Event) {
		switch {
		case ev.Kind == event.ClockJump:
			jumps = append(jumps, ev)
		case ev.Kind == event.Open && ev.Path == "/tmp/ticking":
			orders <- runtime.Order{Do: runtime.JumpNow, By: 2 * time.Hour}
		}
	}
	result, err := runtime.Run(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	if len(jumps) != 1 || jumps[0].Name != clock.Ordered || time.Duration(jumps[0].Args[0]) != 2*time.Hour || !strings.HasPrefix(string(result.Stdout), "ticks") {
		t.Errorf("%q, %+v", result.Stdout, jumps)
	}
}

// TestConnectionsOutliveJumps is a program with every time-out that TCP
// programs have, an hour between its requests. Servers know its time.
func TestConnectionsOutliveJumps(t *testing.T) {
	spec := jumping(t, "guest", "keepalive", "203.0.113.80:80")
	var mu sync.Mutex
	var skipped time.Duration
	world, err := network.New(network.Config{Token: "t", Arch: goruntime.GOARCH, Now: func() time.Time {
		mu.Lock()
		defer mu.Unlock()
		return time.Now().Add(skipped)
	}})
	if err != nil {
		t.Fatal(err)
	}
	defer world.Close()
	link := runtime.Link(world.Link())
	spec.Link = &link
	spec.Events = func(ev event.Event) {
		if ev.Kind == event.ClockJump {
			mu.Lock()
			skipped += time.Duration(ev.Args[0])
			mu.Unlock()
		}
	}
	result, err := runtime.Run(t.Context(), spec)
	if err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(string(result.Stdout)), "\n")
	if len(lines) != 5 || lines[3] != "uploaded 200" || lines[4] != "unbroken" {
		t.Fatalf("%s\n%s\nended as %s, %+v", result.Stdout, result.Stderr, result.End, result.Clock)
	}
	for _, line := range lines[:3] {
		dates := strings.SplitN(line, " ", 3)[2]
		server, errS := time.Parse(http.TimeFormat, dates[:len(http.TimeFormat)])
		guest, errG := time.Parse(http.TimeFormat, dates[len(http.TimeFormat)+1:])
		if errS != nil || errG != nil || server.Sub(guest).Abs() > 10*time.Second {
			t.Errorf("the server says %v, the guest %v", server, guest)
		}
	}
	if result.Clock.Skipped < 2*time.Hour {
		t.Errorf("%+v", result.Clock)
	}
}
