package sensor

import (
	"path"

	"golang.org/x/sys/unix"
	"gvisor.dev/gvisor/pkg/abi/linux"
	"gvisor.dev/gvisor/pkg/hostarch"

	"github.com/sallyport-dev/sallyport/sandbox/event"
)

// numbers puts the first n arguments into Args, as signed 32-bit numbers.
func numbers(kind event.Kind, n int) decoder {
	return func(c *call) *event.Event {
		ev := &event.Event{Kind: kind}
		for i := range n {
			ev.Args = append(ev.Args, int64(c.int(i)))
		}
		return ev
	}
}

// named reports a system call that has no kind of its own.
func named(name string, n int) decoder {
	return func(c *call) *event.Event {
		ev := numbers(event.Syscall, n)(c)
		ev.Name = name
		return ev
	}
}

// setuid names which of the calls it was: setuid takes one id, setresuid three.
func setuid(name string, n int) decoder {
	return func(c *call) *event.Event {
		ev := numbers(event.Setuid, n)(c)
		ev.Name = name
		return ev
	}
}

// execTry decodes the attempt, before the call: a success replaces the memory
// that holds the arguments.
func (c *call) execTry(file string, argv uint64, flags uint64) *event.Event {
	args, _ := c.t.CopyInVector(hostarch.Addr(argv), event.MaxArg, 64<<10)
	return &event.Event{Kind: event.ExecTry, Flags: flags, Exec: &event.Program{Path: file, Argv: args}}
}

func decodeExecve(c *call) *event.Event {
	return c.execTry(c.path(0), c.args[1], 0)
}

func decodeExecveat(c *call) *event.Event {
	file := c.pathAt(c.int(0), 1)
	if c.args[4]&linux.AT_EMPTY_PATH != 0 {
		file = path.Clean(file)
	}
	return c.execTry(file, c.args[2], c.args[4])
}

func decodePrctl(c *call) *event.Event {
	if c.int(0) != unix.PR_SET_NAME {
		return nil
	}
	return &event.Event{Kind: event.Name, Name: c.text(1, 16)}
}

func decodeFlags(kind event.Kind, arg int) decoder {
	return func(c *call) *event.Event { return &event.Event{Kind: kind, Flags: c.args[arg]} }
}

func decodeSetns(c *call) *event.Event {
	return &event.Event{Kind: event.Setns, FD: c.int(0), Path: c.fdPath(c.int(0)), Flags: c.args[1]}
}

// decodeMount: a source that is no path, such as "none", stays as it is.
func decodeMount(c *call) *event.Event {
	ev := &event.Event{Kind: event.Mount, Path: c.path(1), FSType: c.text(2, 256), Flags: c.args[3]}
	ev.Target = c.text(0, linux.PATH_MAX)
	return ev
}

func decodePivotRoot(c *call) *event.Event {
	return &event.Event{Kind: event.PivotRoot, Path: c.path(0), Target: c.path(1)}
}

func decodeFinitModule(c *call) *event.Event {
	return &event.Event{Kind: event.Module, FD: c.int(0), Path: c.fdPath(c.int(0)), Name: c.text(1, 256)}
}

func decodeInitModule(c *call) *event.Event {
	return &event.Event{Kind: event.Module, FD: -1, Name: c.text(2, 256)}
}

// decodeKill: Args are the target and the signal. Signal 0 only asks.
func decodeKill(target, signal int) decoder {
	return func(c *call) *event.Event {
		return &event.Event{Kind: event.Kill, Args: []int64{int64(c.int(target)), int64(c.int(signal))}}
	}
}

func decodeFsopen(c *call) *event.Event {
	return &event.Event{Kind: event.Syscall, Name: "fsopen", FSType: c.text(0, 256)}
}
