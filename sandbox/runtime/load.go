package runtime

import (
	"bytes"
	"fmt"
	"os"
	"strconv"
	"time"
)

// loadEvery is how often Spec.Load is told.
const loadEvery = 500 * time.Millisecond

// userHz is the unit of times in /proc/PID/stat: USER_HZ, 100 on all of Linux'
// 64-bit architectures.
const userHz = 100

// load is the CPU time that a process and its descendants, living and reaped,
// have used, and for how long those of their threads that live were ready to run
// and had no processor, all together. The guest's own work is done in children
// of the Sentry. Processes that vanish meanwhile are counted by their parents.
func load(pid int) (cpu, delayed time.Duration) {
	ticks := uint64(0)
	queue := []int{pid}
	for n := 0; n < len(queue) && n < maxProcesses; n++ {
		dir := fmt.Sprintf("/proc/%d/", queue[n])
		ticks += statTicks(dir + "stat")
		threads, err := os.ReadDir(dir + "task")
		if err != nil {
			continue
		}
		for _, t := range threads {
			delayed += runDelay(dir + "task/" + t.Name() + "/schedstat")
			list, err := os.ReadFile(dir + "task/" + t.Name() + "/children")
			if err != nil {
				continue
			}
			for child := range bytes.FieldsSeq(list) {
				if id, err := strconv.Atoi(string(child)); err == nil {
					queue = append(queue, id)
				}
			}
		}
	}
	return time.Duration(ticks) * time.Second / userHz, delayed
}

// runDelay is the second of the numbers in /proc/PID/task/TID/schedstat, in
// nanoseconds; 0 where the kernel does not count it.
func runDelay(file string) time.Duration {
	line, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	fields := bytes.Fields(line)
	if len(fields) < 2 {
		return 0
	}
	ns, err := strconv.ParseInt(string(fields[1]), 10, 64)
	if err != nil {
		return 0
	}
	return time.Duration(ns)
}

// maxProcesses bounds the walk over a sandbox's host processes.
const maxProcesses = 4096

// statTicks adds up utime, stime, cutime and cstime: fields 14 to 17 of
// /proc/PID/stat, where the second is a name that may hold spaces.
func statTicks(file string) uint64 {
	line, err := os.ReadFile(file)
	if err != nil {
		return 0
	}
	fields := bytes.Fields(line[bytes.LastIndexByte(line, ')')+1:])
	const utime = 14 - 3 // the fields after the name begin with the third
	if len(fields) < utime+4 {
		return 0
	}
	sum := uint64(0)
	for _, f := range fields[utime : utime+4] {
		n, err := strconv.ParseUint(string(f), 10, 64)
		if err == nil {
			sum += n
		}
	}
	return sum
}
