package sensor

import (
	"path"
	"strconv"
	"strings"

	"gvisor.dev/gvisor/pkg/abi/linux"
	"gvisor.dev/gvisor/pkg/hostarch"
	"gvisor.dev/gvisor/pkg/sentry/kernel"
	"gvisor.dev/gvisor/pkg/sentry/socket"
	"gvisor.dev/gvisor/pkg/sentry/vfs"

	"github.com/sallyport-dev/sallyport/sandbox/event"
)

// decoder turns one system call into an event, or nil when it says nothing.
type decoder func(*call) *event.Event

// call is one system call of a task that waits for the decoder.
type call struct {
	t       *kernel.Task
	args    [6]uint64
	result  int64
	errno   int32
	readsOf *reads
	opened  *opened

	payloads *payloads
}

// pid is the task's process id in its own namespace.
func (c *call) pid() int32 {
	return pidOf(c.t)
}

// foreign tells whether p is in another process' folder of /proc, and says
// something about that process which is not said to everybody.
func (c *call) foreign(p string) bool {
	pid, rest, ok := procPath(p)
	if !ok || pid == c.pid() {
		return false
	}
	first, _, _ := strings.Cut(rest, "/")
	switch first {
	case "mem", "maps", "smaps", "environ", "exe", "ns", "root", "cwd", "fd", "auxv", "pagemap", "map_files":
		return true
	}
	return false
}

// procPath splits "/proc/7/ns/mnt" into 7 and "ns/mnt". It knows /proc at other
// places, too, as long as they are called so.
func procPath(p string) (pid int32, rest string, ok bool) {
	_, after, found := strings.Cut(p, "/proc/")
	if !found {
		return 0, "", false
	}
	number, rest, _ := strings.Cut(after, "/")
	n, err := strconv.ParseInt(number, 10, 32)
	if err != nil || n <= 0 || rest == "" {
		return 0, "", false
	}
	if thread, inner, ok := strings.Cut(rest, "/"); ok && thread == "task" {
		_, rest, _ = strings.Cut(inner, "/")
	}
	return int32(n), rest, rest != ""
}

func (c *call) int(i int) int32 { return int32(c.args[i]) }

// text reads the string that argument i points to; "" when it cannot be read.
func (c *call) text(i, limit int) string {
	return c.textAt(c.args[i], limit)
}

func (c *call) textAt(addr uint64, limit int) string {
	if addr == 0 {
		return ""
	}
	s, _ := c.t.CopyInString(hostarch.Addr(addr), limit)
	return s
}

// bytes reads n bytes at argument i; nil when they cannot be read.
func (c *call) bytes(i, n int) []byte {
	return c.bytesAt(c.args[i], n)
}

func (c *call) bytesAt(addr uint64, n int) []byte {
	b := make([]byte, n)
	if got, err := c.t.CopyInBytes(hostarch.Addr(addr), b); err != nil && got < n {
		return nil
	}
	return b
}

// path is the absolute path that argument i names, relative to the working directory.
func (c *call) path(i int) string { return c.pathAt(linux.AT_FDCWD, i) }

// pathAt is the absolute path that argument i names, relative to the folder
// that is open as dirfd. Symbolic links are not followed: an attempt on a path
// that does not exist has a name too.
func (c *call) pathAt(dirfd int32, i int) string {
	name := c.text(i, linux.PATH_MAX)
	if path.IsAbs(name) {
		return path.Join("/", c.chroot(), name)
	}
	if dirfd == linux.AT_FDCWD {
		return path.Join("/", c.cwd(), name)
	}
	return path.Join("/", c.fdPath(dirfd), name)
}

// fdPath is the absolute path of what is open as fd, symbolic links followed.
func (c *call) fdPath(fd int32) string {
	file := c.t.GetFile(fd)
	if file == nil {
		return ""
	}
	defer file.DecRef(c.t)
	return c.pathOf(file.VirtualDentry())
}

func (c *call) cwd() string {
	wd := c.t.FSContext().WorkingDirectory()
	if !wd.Ok() {
		return ""
	}
	defer wd.DecRef(c.t)
	return c.pathOf(wd)
}

// chroot is where the task's root lies in the container; "" for the container's own.
func (c *call) chroot() string {
	root := c.t.FSContext().RootDirectory()
	if !root.Ok() {
		return ""
	}
	defer root.DecRef(c.t)
	return c.pathOf(root)
}

// pathOf is the path from the container's root, not from the task's.
func (c *call) pathOf(vd vfs.VirtualDentry) string {
	mntns := c.t.MountNamespace()
	if mntns == nil || !vd.Ok() {
		return ""
	}
	root := mntns.Root(c.t)
	defer root.DecRef(c.t)
	p, err := c.t.Kernel().VFS().PathnameWithDeleted(c.t, root, vd)
	if err != nil {
		return ""
	}
	return p
}

// socket calls fn with the socket that is open as fd, if it is one.
func (c *call) socket(fd int32, fn func(socket.Socket)) {
	file := c.t.GetFile(fd)
	if file == nil {
		return
	}
	defer file.DecRef(c.t)
	if s, ok := file.Impl().(socket.Socket); ok {
		fn(s)
	}
}
