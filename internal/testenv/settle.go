package testenv

import (
	"fmt"
	"os"
	"runtime"
	"testing"
	"time"
)

// Settles waits until ended, and tells whether it came to that. It waits at
// most for limit of the time that the machine has nothing else to do, since
// what ends needs some too, and in all for ten times as long.
func Settles(t testing.TB, limit time.Duration, ended func() bool) bool {
	t.Helper()
	began := idle(t)
	for end := time.Now().Add(10 * limit); !ended(); time.Sleep(20 * time.Millisecond) {
		if idle(t)-began > limit || time.Now().After(end) {
			return ended()
		}
	}
	return true
}

// idle is for how long the processors had nothing to do so far, on average; see
// proc_stat(5), which counts in hundredths of seconds.
func idle(t testing.TB) time.Duration {
	t.Helper()
	stat, err := os.ReadFile("/proc/stat")
	if err != nil {
		t.Fatal(err)
	}
	var user, nice, system, ticks int64
	if _, err := fmt.Sscanf(string(stat), "cpu %d %d %d %d", &user, &nice, &system, &ticks); err != nil {
		t.Fatalf("%q: %v", stat[:min(len(stat), 80)], err)
	}
	return time.Duration(ticks) * 10 * time.Millisecond / time.Duration(runtime.NumCPU())
}
