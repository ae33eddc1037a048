package main

import (
	"errors"
	"fmt"
	"os"
	"runtime"
	"unsafe"

	"golang.org/x/sys/unix"
)

// takeName gives this program another name in lists of processes.
func takeName(args []string) error {
	runtime.LockOSThread()
	name, err := unix.BytePtrFromString(arg(args, 0, "worker-1"))
	if err != nil {
		return err
	}
	return unix.Prctl(unix.PR_SET_NAME, uintptr(unsafe.Pointer(name)), 0, 0, 0)
}

// execAs executes a program under a name that it is given.
func execAs(args []string) error {
	if len(args) < 2 {
		return errors.New("give a program and the name that it gets")
	}
	return unix.Exec(args[0], args[1:], os.Environ())
}

// hideProcess covers the folder of process 1.
func hideProcess([]string) error {
	if err := os.MkdirAll("/tmp/empty", 0o755); err != nil {
		return err
	}
	fmt.Println("mount:", unix.Mount("/tmp/empty", "/proc/1", "", unix.MS_BIND, ""))
	return nil
}
