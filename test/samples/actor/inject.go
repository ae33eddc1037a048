package main

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"syscall"
	"unsafe"

	"golang.org/x/sys/unix"
)

// ptracePoke attaches to a process that it did not start, and writes back into
// its memory what stands there.
func ptracePoke(args []string) error {
	pid, err := strconv.Atoi(arg(args, 0, ""))
	if err != nil {
		return err
	}
	runtime.LockOSThread()
	if err := unix.PtraceAttach(pid); err != nil {
		fmt.Println("attach:", err)
	}
	var status unix.WaitStatus
	if _, err := unix.Wait4(pid, &status, unix.WALL, nil); err != nil {
		fmt.Println("wait:", err)
	}
	var regs unix.PtraceRegs
	if err := unix.PtraceGetRegs(pid, &regs); err != nil {
		fmt.Println("registers:", err)
	}
	word := make([]byte, 16)
	at := uintptr(regs.PC())
	_, err = unix.PtracePeekData(pid, at, word)
	fmt.Println("peek:", err)
	_, err = unix.PtracePokeData(pid, at, word)
	fmt.Println("poke:", err)
	return unix.PtraceDetach(pid)
}

// traceChild runs a child under its own trace, as tests and debuggers do.
func traceChild([]string) error {
	runtime.LockOSThread()
	cmd := exec.Command("/bin/true")
	cmd.SysProcAttr = &syscall.SysProcAttr{Ptrace: true}
	if err := cmd.Start(); err != nil {
		return err
	}
	_ = cmd.Wait() // it stops at its first instruction
	var regs unix.PtraceRegs
	fmt.Println("registers:", unix.PtraceGetRegs(cmd.Process.Pid, &regs))
	fmt.Println("set:", unix.PtraceSetRegs(cmd.Process.Pid, &regs))
	return unix.PtraceDetach(cmd.Process.Pid)
}

// openMemory opens the memory of a process for writing, after a look at what lies where.
func openMemory(args []string) error {
	dir := "/proc/" + arg(args, 0, "self")
	maps, err := os.ReadFile(dir + "/maps")
	fmt.Println("maps:", len(maps), err)
	f, err := os.OpenFile(dir+"/mem", os.O_RDWR, 0)
	if err != nil {
		fmt.Println("mem:", err)
		return nil
	}
	return f.Close()
}

// readMemory reads the memory of a process where its list says that something lies.
func readMemory(args []string) error {
	dir := "/proc/" + arg(args, 0, "self")
	maps, err := os.ReadFile(dir + "/maps")
	fmt.Println("maps:", len(maps), err)
	f, err := os.Open(dir + "/mem")
	if err != nil {
		fmt.Println("mem:", err)
		return nil
	}
	defer f.Close()
	var start int64
	fmt.Sscanf(string(maps), "%x-", &start)
	n, err := f.ReadAt(make([]byte, 64), start)
	fmt.Println("read:", n, err)
	return nil
}

// vmWrite writes nothing into a process: the call is what counts.
func vmWrite(args []string) error {
	pid, err := strconv.Atoi(arg(args, 0, ""))
	if err != nil {
		return err
	}
	var b [8]byte
	local := []unix.Iovec{{Base: &b[0], Len: 8}}
	remote := []unix.RemoteIovec{{Base: uintptr(unsafe.Pointer(&b[0])), Len: 8}}
	n, err := unix.ProcessVMWritev(pid, local, remote, 0)
	fmt.Println("process_vm_writev:", n, err)
	return nil
}

// kernelDoors tries interfaces of the kernel that exploits are made of.
func kernelDoors([]string) error {
	_, _, errno := unix.Syscall(unix.SYS_USERFAULTFD, unix.O_CLOEXEC, 0, 0)
	fmt.Println("userfaultfd:", errno)
	_, err := unix.KeyctlGetKeyringID(unix.KEY_SPEC_SESSION_KEYRING, true)
	fmt.Println("keyctl:", err)
	_, err = unix.AddKey("user", "k", []byte("x"), unix.KEY_SPEC_PROCESS_KEYRING)
	fmt.Println("add_key:", err)
	return kernelCrypto(nil)
}

// kernelCrypto uses one of them, as programs do that leave hashing to the kernel.
func kernelCrypto([]string) error {
	fd, err := unix.Socket(unix.AF_ALG, unix.SOCK_SEQPACKET, 0)
	fmt.Println("AF_ALG:", err)
	if err == nil {
		return unix.Close(fd)
	}
	return nil
}

// loadModule hands a file to the kernel as a module.
func loadModule(args []string) error {
	f, err := os.Open(arg(args, 0, "/tmp/net.ko"))
	if err != nil {
		return err
	}
	defer f.Close()
	fmt.Println("finit_module:", unix.FinitModule(int(f.Fd()), "", 0))
	return nil
}

// asUser executes a program as another user.
func asUser(args []string) error {
	if len(args) < 2 {
		return errors.New("give a user number and a program")
	}
	uid, err := strconv.Atoi(args[0])
	if err != nil {
		return err
	}
	if err := errors.Join(syscall.Setgroups(nil), syscall.Setgid(uid), syscall.Setuid(uid)); err != nil {
		return err
	}
	return unix.Exec(args[1], args[1:], os.Environ())
}

// wxMemory fills memory and makes it executable, as packed programs do.
func wxMemory([]string) error {
	b, err := unix.Mmap(-1, 0, 4096, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_PRIVATE|unix.MAP_ANON)
	if err != nil {
		return err
	}
	b[0] = 0xc3
	return errors.Join(unix.Mprotect(b, unix.PROT_READ|unix.PROT_EXEC), unix.Munmap(b))
}
