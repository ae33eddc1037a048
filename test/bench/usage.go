package main

import (
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// clockTick is the kernel's USER_HZ, 100 on every Linux that Go supports.
const clockTick = 100

// meter watches a server while it is used.
type meter struct {
	pid       int
	cpu       float64 // seconds, when it started
	idle      float64 // MB resident, then
	peak      float64
	quit, end chan struct{}
}

func watch(pid int) *meter {
	m := &meter{pid: pid, quit: make(chan struct{}), end: make(chan struct{})}
	m.cpu, m.idle = processTree(pid)
	go func() {
		defer close(m.end)
		tick := time.NewTicker(50 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-m.quit:
				return
			case <-tick.C:
				_, rss := processTree(pid)
				m.peak = max(m.peak, rss)
			}
		}
	}()
	return m
}

// stop returns the CPU seconds spent since watch, and the resident memory
// above what it was then, in MB.
func (m *meter) stop() (cpu, above float64) {
	close(m.quit)
	<-m.end
	now, rss := processTree(m.pid)
	return now - m.cpu, max(m.peak, rss) - m.idle
}

// processTree sums up a process and its children.
func processTree(pid int) (cpu, rss float64) {
	cpu, rss = process(pid)
	lists, _ := filepath.Glob("/proc/" + strconv.Itoa(pid) + "/task/*/children")
	for _, list := range lists {
		text, _ := os.ReadFile(list)
		for child := range strings.FieldsSeq(string(text)) {
			id, _ := strconv.Atoi(child)
			c, r := processTree(id)
			cpu, rss = cpu+c, rss+r
		}
	}
	return cpu, rss
}

func process(pid int) (cpu, rss float64) {
	stat, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0, 0 // ended
	}
	// Fields are counted after the command's name, which may hold spaces; see
	// proc_pid_stat(5): utime and stime are the 12th and 13th, rss the 22nd.
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	number := func(i int) float64 {
		v, _ := strconv.ParseFloat(fields[i], 64)
		return v
	}
	return (number(11) + number(12)) / clockTick, number(21) * float64(os.Getpagesize()) / 1e6
}
