package runtime_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"golang.org/x/sys/unix"

	"github.com/sallyport-dev/sallyport/sandbox/event"
	"github.com/sallyport-dev/sallyport/sandbox/runtime"
)

// BenchmarkTrue is a whole run: an image on disk, a program that does nothing,
// everything torn down. CPU is that of all processes of the sandbox.
func BenchmarkTrue(b *testing.B) {
	spec := newSpec(b, "guest", "true")
	cpu := cpuOf(b)
	for b.Loop() {
		if _, err := runtime.Run(b.Context(), spec); err != nil {
			b.Fatal(err)
		}
	}
	cpu()
}

// BenchmarkFourAtATime is short runs side by side.
func BenchmarkFourAtATime(b *testing.B) {
	specs := make(chan runtime.Spec, 4)
	for range cap(specs) {
		specs <- newSpec(b, "guest", "true")
	}
	var work sync.WaitGroup
	begun := time.Now()
	for b.Loop() {
		spec := <-specs
		work.Go(func() {
			if _, err := runtime.Run(b.Context(), spec); err != nil {
				b.Error(err)
			}
			specs <- spec
		})
	}
	work.Wait()
	b.ReportMetric(float64(b.N)/time.Since(begun).Seconds(), "runs/s")
}

// BenchmarkEventCost is the same mix of system calls, with everything watched
// and with nothing.
func BenchmarkEventCost(b *testing.B) {
	for _, blind := range []bool{true, false} {
		name := "watched"
		if blind {
			name = "blind"
		}
		b.Run(name, func(b *testing.B) {
			spec := newSpec(b, "guest", "mix")
			spec.Blind = blind
			var inside time.Duration
			for b.Loop() {
				r, err := runtime.Run(b.Context(), spec)
				if err != nil {
					b.Fatal(err)
				}
				took, err := time.ParseDuration(strings.TrimSpace(string(r.Stdout)))
				if err != nil {
					b.Fatalf("the guest says %q %q", r.Stdout, r.Stderr)
				}
				inside += took
			}
			b.ReportMetric(inside.Seconds()*1000/float64(b.N), "guest-ms/op")
		})
	}
}

// BenchmarkCriticalEvents is 480,000 critical events, as fast as a guest can
// make them; none may be lost.
func BenchmarkCriticalEvents(b *testing.B) {
	const events = 480_000
	spec := newSpec(b, "guest", "remove", strconv.Itoa(events))
	spec.Limits.Wall = 10 * time.Minute
	lost := 0.0
	for b.Loop() {
		seen := 0
		spec.Events = func(ev event.Event) {
			if ev.Kind == event.Unlink {
				seen++
			}
		}
		r, err := runtime.Run(b.Context(), spec)
		if err != nil || r.End != runtime.Exited {
			b.Fatalf("%v %+v", err, r)
		}
		lost += float64(events-seen) + float64(r.LostCritical)
	}
	b.ReportMetric(lost/float64(b.N), "lost/op")
}

// BenchmarkIdle is what a sandbox that waits takes of memory: the proportional
// set size of all its processes, ten at a time.
func BenchmarkIdle(b *testing.B) {
	const sandboxes = 10
	total := 0.0
	for b.Loop() {
		stop := make(chan struct{})
		var running, work sync.WaitGroup
		running.Add(sandboxes)
		dir := b.TempDir()
		for range sandboxes {
			spec := newSpec(b, "guest", "sleep")
			spec.Dir, spec.Stop = dir, stop
			spec.OnStart = running.Done
			work.Go(func() {
				if _, err := runtime.Run(b.Context(), spec); err != nil {
					b.Error(err)
					running.Done()
				}
			})
		}
		running.Wait()
		time.Sleep(5 * time.Second) // until they have settled, see package early
		total += float64(pss(descendants(os.Getpid()))) / sandboxes
		close(stop)
		work.Wait()
	}
	b.ReportMetric(total/float64(b.N)/(1<<20), "MB/sandbox")
}

// cpuOf measures the CPU time of this process' children, and reports it per
// operation when the result is called.
func cpuOf(b *testing.B) func() {
	used := func() time.Duration {
		var own, children unix.Rusage
		_ = unix.Getrusage(unix.RUSAGE_SELF, &own)
		_ = unix.Getrusage(unix.RUSAGE_CHILDREN, &children)
		sum := time.Duration(0)
		for _, t := range []unix.Timeval{own.Utime, own.Stime, children.Utime, children.Stime} {
			sum += time.Duration(t.Nano())
		}
		return sum
	}
	before := used()
	return func() { b.ReportMetric(float64((used()-before).Microseconds())/1000/float64(b.N), "cpu-ms/op") }
}

// descendants is all processes below pid.
func descendants(pid int) []int {
	parents := map[int]int{}
	stats, _ := filepath.Glob("/proc/[0-9]*/stat")
	for _, p := range stats {
		b, err := os.ReadFile(p)
		if err != nil {
			continue
		}
		var id, ppid int
		var state string
		if _, err := fmt.Sscanf(string(b), "%d", &id); err != nil {
			continue
		}
		if _, err := fmt.Sscanf(string(b)[strings.LastIndexByte(string(b), ')')+1:], " %s %d", &state, &ppid); err == nil {
			parents[id] = ppid
		}
	}
	var list []int
	for id := range parents {
		for at, depth := id, 0; at > 1 && depth < 64; at, depth = parents[at], depth+1 {
			if at == pid && id != pid {
				list = append(list, id)
				break
			}
		}
	}
	return list
}

// pss is the proportional set size of processes, in bytes.
func pss(pids []int) int64 {
	sum := int64(0)
	for _, pid := range pids {
		b, err := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
		if err != nil {
			continue
		}
		for line := range strings.Lines(string(b)) {
			if f := strings.Fields(line); len(f) >= 2 && f[0] == "Pss:" {
				n, _ := strconv.ParseInt(f[1], 10, 64)
				sum += n << 10
			}
		}
	}
	return sum
}

// BenchmarkSixHours is a guest that lets six hours pass in every way that there
// is, all of them skipped.
func BenchmarkSixHours(b *testing.B) {
	each := 6 * time.Hour / time.Duration(len(every))
	for b.Loop() {
		s := run(b, jumping(b, "guest", "wait", each.String(), strings.Join(every, ",")))
		if s.Clock.Skipped < 5*time.Hour {
			b.Fatalf("%s: %+v", s.Stderr, s.Clock)
		}
		b.ReportMetric(float64(s.Clock.Jumps), "jumps/op")
	}
}
