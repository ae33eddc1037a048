package sensor

import (
	"encoding/hex"
	"strings"
	"sync/atomic"
	"time"

	"gvisor.dev/gvisor/pkg/abi/linux"
	"gvisor.dev/gvisor/pkg/sentry/kernel"
	"gvisor.dev/gvisor/pkg/sentry/seccheck"
	pb "gvisor.dev/gvisor/pkg/sentry/seccheck/points/points_go_proto"
	"gvisor.dev/gvisor/pkg/sentry/socket"
	"gvisor.dev/gvisor/pkg/sentry/vfs"

	"github.com/sallyport-dev/sallyport/sandbox/event"
)

// taskFields is what an event tells about its task. The working directory
// costs a walk and is asked for with programs only.
var taskFields = seccheck.MakeFieldMask(
	seccheck.FieldCtxtTime,
	seccheck.FieldCtxtThreadID,
	seccheck.FieldCtxtThreadGroupID,
	seccheck.FieldCtxtThreadGroupStartTime,
	seccheck.FieldCtxtParentThreadGroupID,
	seccheck.FieldCtxtCredentials,
	seccheck.FieldCtxtProcessName,
	seccheck.FieldCtxtIsExecSession,
)

// clock turns the guest's wall clock into time since the start of the run.
type clock struct{ zero atomic.Int64 }

func (c *clock) start(ns int64) { c.zero.Store(ns) }

func (c *clock) since(ns int64) time.Duration {
	return max(0, time.Duration(ns-c.zero.Load()))
}

// initState tells the end of the first process from the end of its first
// thread. They differ when another thread of it calls execve: that thread takes
// the leader's place, and the old leader goes through the same point.
type initState struct{ replaced atomic.Bool }

func (i *initState) execing(t *kernel.Task) {
	tg := t.ThreadGroup()
	if tg == t.Kernel().GlobalInit() && tg.Leader() != t {
		i.replaced.Store(true)
	}
}

func (i *initState) ends(t *kernel.Task) bool {
	tg := t.ThreadGroup()
	if tg != t.Kernel().GlobalInit() || tg.Leader() != t {
		return false
	}
	return !i.replaced.CompareAndSwap(true, false)
}

// program describes what an execve loaded.
func program(t *kernel.Task, info *pb.ExecveInfo) *event.Program {
	p := &event.Program{
		Path:   info.GetBinaryPath(),
		Argv:   info.GetArgv(),
		Env:    info.GetEnv(),
		SHA256: hex.EncodeToString(info.GetBinarySha256()),
		Size:   info.GetBinarySize(),
		Mode:   info.GetBinaryMode(),
		Links:  info.GetBinaryNlink(),
		Lower:  info.GetBinaryOverlayfsLower(),
		Upper:  info.GetBinaryOverlayfsUpper(),
		Memfd:  info.GetBinaryInMemfd(),
	}
	for i := range p.Stdio {
		p.Stdio[i] = descriptor(t, int32(i))
	}
	if p.Stdio[0] != nil {
		p.Stdio[0].Peer = peer(info.GetPipeInputProc())
	}
	if p.Stdio[1] != nil {
		p.Stdio[1].Peer = peer(info.GetPipeOutputProc())
	}
	return p
}

func peer(info *pb.PipeProcInfo) *event.Peer {
	if data := info.GetContextData(); data.GetThreadGroupId() != 0 {
		return &event.Peer{PID: data.GetThreadGroupId(), Comm: data.GetProcessName()}
	}
	return nil
}

// descriptor says what the task's descriptor fd stands for; nil when closed.
func descriptor(t *kernel.Task, fd int32) *event.FD {
	file := t.GetFile(fd)
	if file == nil {
		return nil
	}
	defer file.DecRef(t)
	d := &event.FD{Kind: "other", Path: file.MappedName(t)}
	if sock, ok := file.Impl().(socket.Socket); ok {
		d.Kind = "socket"
		d.Local, d.Remote = names(t, sock)
	}
	stat, err := file.Stat(t, vfs.StatOptions{Mask: linux.STATX_TYPE | linux.STATX_INO})
	if err != nil {
		return d
	}
	d.Inode = stat.Ino
	switch {
	case d.Kind == "socket":
	case strings.HasPrefix(d.Path, "/memfd:"):
		d.Kind = "memfd"
	case stat.Mode&linux.S_IFMT == linux.S_IFIFO:
		d.Kind = "pipe"
	case stat.Mode&linux.S_IFMT == linux.S_IFSOCK:
		d.Kind = "socket"
	case stat.Mode&linux.S_IFMT == linux.S_IFREG:
		d.Kind = "file"
	case strings.HasPrefix(d.Path, "/dev/pts/"), d.Path == "/dev/tty", d.Path == "/dev/console":
		d.Kind = "tty"
	}
	return d
}
