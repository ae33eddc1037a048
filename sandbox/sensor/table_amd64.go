package sensor

import (
	"golang.org/x/sys/unix"
	"gvisor.dev/gvisor/pkg/abi/linux"

	"github.com/sallyport-dev/sallyport/sandbox/event"
)

// legacyCalls are those that newer architectures have only in their *at form.
func legacyCalls(table map[uint64]decoder) {
	table[unix.SYS_OPEN] = func(c *call) *event.Event {
		return open(c, linux.AT_FDCWD, 0, uint64(uint32(c.args[1])), c.args[2])
	}
	table[unix.SYS_CREAT] = func(c *call) *event.Event {
		return open(c, linux.AT_FDCWD, 0, linux.O_WRONLY|linux.O_CREAT|linux.O_TRUNC, c.args[1])
	}
	table[unix.SYS_UNLINK] = pathCall(event.Unlink, -1, 0, nil)
	table[unix.SYS_RMDIR] = pathCall(event.Unlink, -1, 0, func(_ *call, ev *event.Event) { ev.Flags = unix.AT_REMOVEDIR })
	table[unix.SYS_RENAME] = func(c *call) *event.Event {
		return &event.Event{Kind: event.Rename, Path: c.path(0), Target: c.path(1)}
	}
	table[unix.SYS_RENAMEAT] = decodeRenameat
	table[unix.SYS_LINK] = func(c *call) *event.Event {
		return &event.Event{Kind: event.Link, Path: c.path(1), Target: c.path(0)}
	}
	table[unix.SYS_SYMLINK] = func(c *call) *event.Event {
		return &event.Event{Kind: event.Symlink, Path: c.path(1), Target: c.text(0, linux.PATH_MAX)}
	}
	table[unix.SYS_MKDIR] = pathCall(event.Mkdir, -1, 0, modeFrom(1))
	table[unix.SYS_CHMOD] = pathCall(event.Chmod, -1, 0, modeFrom(1))
	table[unix.SYS_CHOWN] = pathCall(event.Chown, -1, 0, ownersFrom(1))
	table[unix.SYS_LCHOWN] = pathCall(event.Chown, -1, 0, ownersFrom(1))
	table[unix.SYS_MKNOD] = pathCall(event.Mknod, -1, 0, nodeFrom(1))
	table[unix.SYS_READLINK] = decodeReadlink(-1, 0)
	table[unix.SYS_UTIME] = decodeUtime
	table[unix.SYS_UTIMES] = decodeUtimes(-1, 0)
	table[unix.SYS_FUTIMESAT] = decodeUtimes(0, 1)
	table[unix.SYS_IOPL] = numbered("iopl", 0)
	table[unix.SYS_IOPERM] = numbered("ioperm", 0, 1, 2)
}
