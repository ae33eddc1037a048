package main

import (
	"runtime"
	"testing"
)

func TestCollectAt(t *testing.T) {
	for live, want := range map[uint64]int{0: 100, 1 << 20: 400, 20 << 20: 200, 40 << 20: 100, 80 << 20: 50, 1 << 30: 50} {
		if got := collectAt(live); got != want {
			t.Errorf("%d MiB: %d, want %d", live>>20, got, want)
		}
	}
	held := make([]byte, 8<<20)
	runtime.GC()
	if live := liveHeap(); live < uint64(len(held)) {
		t.Errorf("%d bytes live, with %d held", live, len(held))
	}
	runtime.KeepAlive(held)
}
