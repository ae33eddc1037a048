package sensor

import (
	"sync/atomic"

	"golang.org/x/sys/unix"
	"gvisor.dev/gvisor/pkg/sentry/arch"
	"gvisor.dev/gvisor/pkg/sentry/kernel"
	"gvisor.dev/gvisor/pkg/sentry/vfs"

	"github.com/sallyport-dev/sallyport/sandbox/event"
)

// hooks are system calls that do something of ours besides: trace points come
// too late to copy a file, and never see what is sent. They are put into the
// table before a kernel is made, and do nothing until there is a sink.
type hooks struct{ sink atomic.Pointer[sink] }

// install wraps the calls of a table, which is the one for this architecture.
func (h *hooks) install(calls *kernel.SyscallTable) {
	table := calls.Table
	defer calls.Init() // it copies the functions for quick look-up
	for nr, wrap := range map[uintptr]func(kernel.SyscallFn) kernel.SyscallFn{
		unix.SYS_UNLINKAT:  h.removes(event.CopyUnlink, 0, 1),
		unix.SYS_RENAMEAT2: h.removes(event.CopyReplace, 2, 3),
		unix.SYS_RENAMEAT:  h.removes(event.CopyReplace, 2, 3),
		unix.SYS_WRITE:     h.payload(sent, buffer),
		unix.SYS_WRITEV:    h.payload(sent, vector),
		unix.SYS_SENDTO:    h.payload(sent, buffer),
		unix.SYS_SENDMSG:   h.payload(sent, message),
		unix.SYS_SENDMMSG:  h.payload(sent, messages),
		unix.SYS_READ:      h.payload(received, buffer),
		unix.SYS_READV:     h.payload(received, vector),
		unix.SYS_RECVFROM:  h.payload(received, buffer),
		unix.SYS_RECVMSG:   h.payload(received, message),
		unix.SYS_RECVMMSG:  h.payload(received, messages),
	} {
		hook(table, nr, wrap)
	}
	for _, nr := range []uintptr{unix.SYS_WRITE, unix.SYS_WRITEV, unix.SYS_PWRITE64, unix.SYS_FALLOCATE, unix.SYS_OPENAT, unix.SYS_SOCKET, unix.SYS_ACCEPT, unix.SYS_ACCEPT4, unix.SYS_MKDIRAT} {
		hook(table, nr, h.meets)
	}
	for _, nr := range []uintptr{unix.SYS_CLONE, unix.SYS_CLONE3} {
		hook(table, nr, h.forks)
	}
	for _, nr := range firstCalls {
		hook(table, nr, h.first)
	}
	h.installLegacy(table)
}

func hook(table map[uintptr]kernel.Syscall, nr uintptr, wrap func(kernel.SyscallFn) kernel.SyscallFn) {
	if sc, ok := table[nr]; ok && sc.Fn != nil {
		sc.Fn = wrap(sc.Fn)
		table[nr] = sc
	}
}

// removes copies the file that a call takes away, once it has. dir is the
// argument with the folder's descriptor, or -1; name the one with the path.
func (h *hooks) removes(reason string, dir, name int) func(kernel.SyscallFn) kernel.SyscallFn {
	return func(fn kernel.SyscallFn) kernel.SyscallFn {
		return func(t *kernel.Task, nr uintptr, args arch.SyscallArguments) (uintptr, *kernel.SyscallControl, error) {
			s := h.sink.Load()
			if s == nil {
				return fn(t, nr, args)
			}
			c := newCall(t, args)
			at := int32(unix.AT_FDCWD)
			if dir >= 0 {
				at = c.int(dir)
			}
			victim := c.pathAt(at, name)
			file := openVictim(t, victim)
			result, control, err := fn(t, nr, args)
			if file != nil {
				if err == nil {
					s.copies.send(t, t, file, event.Copy{Reason: reason, Path: victim, Time: s.clock.now(t), PID: pidOf(t)})
				}
				file.DecRef(t)
			}
			return result, control, err
		}
	}
}

// openVictim opens the file at an absolute path unless it is the image's own.
func openVictim(t *kernel.Task, name string) *vfs.FileDescription {
	root := t.MountNamespace().Root(t)
	defer root.DecRef(t)
	file := openFile(t, t.Kernel(), root, name)
	if file != nil && ofImage(file) {
		file.DecRef(t)
		return nil
	}
	return file
}

func newCall(t *kernel.Task, args arch.SyscallArguments) *call {
	c := &call{t: t}
	for i := range c.args {
		c.args[i] = args[i].Uint64()
	}
	return c
}
