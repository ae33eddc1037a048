package judge

import (
	"context"
	"fmt"
	"runtime"
	"testing"
	"time"

	"github.com/sallyport-dev/sallyport/sandbox/event"
	"github.com/sallyport-dev/sallyport/sandbox/observation"
)

// busy is the observation of a run with n events of which hardly two are
// equal: many short processes, files read and written, connections.
func busy(n int) *observation.Observation {
	b := observation.New(observation.Image{}, observation.Run{})
	task := event.Task{TID: 1, PID: 1, CWD: "/"}
	seq := uint64(0)
	add := func(e event.Event) {
		seq++
		e.Seq, e.Time = seq, time.Duration(seq)*time.Millisecond
		b.Add(e)
	}
	program := func(path string, argv ...string) *event.Program {
		return &event.Program{Path: path, Argv: argv, Env: []string{"PATH=/usr/bin:/bin", "HOME=/root", "LANG=C"}, Lower: true, Links: 1, Size: 1,
			SHA256: "0000000000000000000000000000000000000000000000000000000000000000"}
	}
	add(event.Event{Kind: event.Start, Task: task, Exec: program("/bin/sh", "sh", "/entrypoint.sh")})
	for i := int32(2); int(seq) < n; i++ {
		child := event.Task{TID: i, PID: i, PPID: 1, CWD: "/"}
		add(event.Event{Kind: event.Clone, Task: task, Child: i})
		add(event.Event{Kind: event.Exec, Task: child, Exec: program("/usr/bin/tool", "tool", fmt.Sprint("--item=", i))})
		for k := range 20 {
			add(event.Event{Kind: event.Open, Task: child, Path: fmt.Sprintf("/usr/share/data/%d/%d", i, k)})
		}
		for k := range 3 {
			add(event.Event{Kind: event.Open, Task: child, Path: fmt.Sprintf("/var/lib/app/%d/%d", i, k), Flags: 0o101})
		}
		for k := range 3 {
			add(event.Event{Kind: event.Connect, Task: child, Remote: &event.Endpoint{
				Family: "inet", Proto: "tcp", IP: fmt.Sprintf("198.18.%d.%d", i%250, k), Port: 443},
				Local: &event.Endpoint{Family: "inet", Proto: "tcp", IP: "10.0.2.15", Port: uint16(seq%60000 + 1)}})
		}
		add(event.Event{Kind: event.Exit, Task: child, Exit: &event.Status{}})
	}
	var network observation.Network
	for i := range n / 30 {
		network.Flows = append(network.Flows, observation.Flow{ID: fmt.Sprint("f", i), Proto: "tcp", DstIP: fmt.Sprintf("198.18.%d.%d", i%250, i%3), DstPort: 443,
			App: "http", TLS: true, Direct: true, FirstMS: int64(i * 30), BytesIn: 100, Out: "GET / HTTP/1.1", In: "HTTP/1.1 200 OK"})
	}
	b.AddNetwork(network)
	b.End(observation.End{Status: observation.Completed, Duration: 3 * time.Minute})
	return b.Build()
}

// watchHeap samples the heap until the returned function is called, which returns the most.
func watchHeap() func() uint64 {
	stop, result := make(chan struct{}), make(chan uint64)
	go func() {
		var most uint64
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			var m runtime.MemStats
			runtime.ReadMemStats(&m)
			most = max(most, m.HeapAlloc)
			select {
			case <-stop:
				result <- most
				return
			case <-tick.C:
			}
		}
	}()
	return func() uint64 { close(stop); return <-result }
}

func BenchmarkJudge(b *testing.B) {
	j, err := New(Config{})
	if err != nil {
		b.Fatal(err)
	}
	for _, n := range []int{1000, 10_000, 100_000} {
		o := busy(n)
		b.Run(fmt.Sprint("events=", n), func(b *testing.B) {
			b.ReportAllocs()
			runtime.GC()
			var before runtime.MemStats
			runtime.ReadMemStats(&before)
			most := watchHeap()
			for b.Loop() {
				if _, err := j.Judge(context.Background(), o); err != nil {
					b.Fatal(err)
				}
			}
			peak := most()
			b.ReportMetric(float64((peak-min(peak, before.HeapAlloc))>>20), "peak-MB")
		})
	}
}
