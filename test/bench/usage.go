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
	idle      float64 // MB of memory that is not of files, then
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

// stop returns the CPU seconds spent since watch, and the memory
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

func process(pid int) (cpu, memory float64) {
	dir := "/proc/" + strconv.Itoa(pid)
	stat, err := os.ReadFile(dir + "/stat")
	if err != nil {
		return 0, 0 // ended
	}
	// Fields are counted after the command's name, which may hold spaces; see
	// proc_pid_stat(5): utime and stime are the 12th and 13th.
	fields := strings.Fields(string(stat[strings.LastIndexByte(string(stat), ')')+1:]))
	number := func(text string) float64 {
		v, _ := strconv.ParseFloat(text, 64)
		return v
	}
	// Pages of the program's own file are the kernel's to drop, and come in with
	// the first use of each function: they are not counted.
	status, _ := os.ReadFile(dir + "/status")
	for line := range strings.Lines(string(status)) {
		if name, value, _ := strings.Cut(line, ":"); name == "RssAnon" || name == "RssShmem" {
			memory += number(strings.Fields(value)[0]) * 1024 / 1e6
		}
	}
	return (number(fields[11]) + number(fields[12])) / clockTick, memory
}
