package main

import (
	"fmt"
	"os"
	"os/exec"

	"golang.org/x/sys/unix"
)

// memfdExec copies itself to memory and executes the copy under the name of a
// kernel thread.
func memfdExec([]string) error {
	self, err := os.ReadFile("/proc/self/exe")
	if err != nil {
		return err
	}
	fd, err := unix.MemfdCreate("kworker", 0)
	if err != nil {
		return err
	}
	f := os.NewFile(uintptr(fd), "kworker")
	if _, err := f.Write(self); err != nil {
		return err
	}
	return unix.Exec(fmt.Sprintf("/proc/self/fd/%d", fd), []string{"[kworker/0:1]", "ok"}, os.Environ())
}

// memfdMap maps code from a file in memory, as runtimes with a compiler do,
// and executes a program of the image.
func memfdMap([]string) error {
	fd, err := unix.MemfdCreate("doublemapper", unix.MFD_CLOEXEC)
	if err != nil {
		return err
	}
	if err := unix.Ftruncate(fd, 4096); err != nil {
		return err
	}
	if _, err := unix.Mmap(fd, 0, 4096, unix.PROT_READ|unix.PROT_EXEC, unix.MAP_SHARED); err != nil {
		return err
	}
	out, err := exec.Command("/bin/actor", "ok").CombinedOutput()
	fmt.Printf("%s", out)
	return err
}
