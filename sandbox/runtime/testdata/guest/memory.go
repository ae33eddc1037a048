package main

import (
	"bytes"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"time"

	"golang.org/x/sys/unix"
)

// peek looks at the process that started it.
func peek(args []string) {
	if len(args) == 0 {
		fail(exec.Command("/proc/self/exe", "peek", strconv.Itoa(os.Getpid())).Run())
		return
	}
	proc := "/proc/" + args[0]
	for _, name := range []string{"environ", "maps", "mem", "status"} {
		if f, err := os.Open(proc + "/" + name); err == nil {
			f.Close()
		}
	}
	_, _ = os.Readlink(proc + "/exe")
	_, _ = os.ReadFile("/proc/self/maps")
	if f, err := os.Open(proc + "/ns/mnt"); err == nil {
		fmt.Println(unix.Setns(int(f.Fd()), unix.CLONE_NEWNS))
	}
}

// wx fills memory and makes it executable.
func wx([]string) {
	b, err := unix.Mmap(-1, 0, 1<<16, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_ANON|unix.MAP_PRIVATE)
	fail(err)
	b[0] = 0xc3
	fail(unix.Mprotect(b, unix.PROT_READ|unix.PROT_EXEC))
	_, err = unix.Mmap(-1, 0, 1<<16, unix.PROT_READ|unix.PROT_WRITE|unix.PROT_EXEC, unix.MAP_ANON|unix.MAP_PRIVATE)
	fail(err)
}

func eat(mb int) {
	var kept [][]byte
	for range mb {
		b := make([]byte, 1<<20)
		for i := range b {
			b[i] = byte(i)
		}
		kept = append(kept, b)
		time.Sleep(time.Millisecond)
	}
	fmt.Println("ate", len(kept))
	time.Sleep(time.Hour)
}

// miner has what miners say in its memory, and in no file.
func miner([]string) {
	// Written so that the program's own file holds none of them.
	for _, parts := range [][]string{{"stratum", "+tcp", "://"}, {"donate", "-lev", "el"}, {"mining.", "sub", "scribe"}, {"crypto", "night"}} {
		heap = append(heap, strings.Join(parts, "")...)
		heap = append(heap, 0)
	}
	// More than a page or two: where a few bytes lie is a matter of luck.
	heap = bytes.Repeat(heap, 1<<14)
	fmt.Println(len(heap))
	fail(os.WriteFile("/tmp/unpacked", nil, 0o600)) // says so
	time.Sleep(time.Hour)
}
