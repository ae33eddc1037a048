package main

import (
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

// What is allocated beside the live heap before it is collected: half of that,
// since nearly all of a large one are copies that stay, and no less than
// smallRoom, since collecting a small one often costs more than it frees.
const (
	roomPercent = 50
	smallRoom   = 40 << 20
	// mostPercent bounds what a heap that is nearly empty is given.
	mostPercent = 400
	// adaptEvery is how often that is looked at.
	adaptEvery = time.Second
)

// adaptCollector sets GOGC by the size of the live heap, until stop is called.
// What an operator sets stays.
func adaptCollector() (stop func()) {
	if os.Getenv("GOGC") != "" {
		return func() {}
	}
	over := make(chan struct{})
	go func() {
		tick := time.NewTicker(adaptEvery)
		defer tick.Stop()
		for now := 100; ; {
			select {
			case <-over:
				return
			case <-tick.C:
			}
			// Setting it stops the world for a moment.
			if want := collectAt(liveHeap()); want > now+now/10 || want < now-now/10 {
				debug.SetGCPercent(want)
				now = want
			}
		}
	}()
	return func() { close(over) }
}

// collectAt is the GOGC for a live heap of so many bytes.
func collectAt(live uint64) int {
	if live == 0 {
		return 100 // not collected yet
	}
	return int(min(max(roomPercent, smallRoom*100/live), mostPercent))
}

// liveHeap is what the last collection found to be in use, in bytes.
func liveHeap() uint64 {
	sample := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	metrics.Read(sample)
	if sample[0].Value.Kind() != metrics.KindUint64 {
		return 0
	}
	return sample[0].Value.Uint64()
}
