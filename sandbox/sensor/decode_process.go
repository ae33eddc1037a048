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

// decodePrctl tells the names that a thread gives itself, and what hides a
// process from others or changes what they see of it.
func decodePrctl(c *call) *event.Event {
	switch c.int(0) {
	case unix.PR_SET_NAME:
		return &event.Event{Kind: event.Name, Name: c.text(1, 16)}
	case unix.PR_SET_DUMPABLE, unix.PR_SET_MM, unix.PR_SET_PTRACER:
		return &event.Event{Kind: event.Syscall, Name: "prctl", Args: []int64{int64(c.int(0)), int64(c.int(1))}}
	}
	return nil
}

func decodeFlags(kind event.Kind, arg int) decoder {
	return func(c *call) *event.Event { return &event.Event{Kind: kind, Flags: c.args[arg]} }
}

// decodeSetns: a descriptor of a namespace has no path of its own, so what was
// opened as it is remembered.
func decodeSetns(c *call) *event.Event {
	ev := &event.Event{Kind: event.Setns, FD: c.int(0), Path: c.fdPath(c.int(0)), Flags: c.args[1]}
	if name := c.opened.name(c.pid(), c.int(0)); name != "" {
		ev.Path = name
	}
	if pid, _, ok := procPath(ev.Path); ok {
		ev.Args = []int64{int64(pid)}
	}
	return ev
}

var ptraceRequests = map[int32]string{
	0: "PTRACE_TRACEME", 1: "PTRACE_PEEKTEXT", 2: "PTRACE_PEEKDATA", 3: "PTRACE_PEEKUSER",
	4: "PTRACE_POKETEXT", 5: "PTRACE_POKEDATA", 6: "PTRACE_POKEUSER", 7: "PTRACE_CONT", 8: "PTRACE_KILL",
	9: "PTRACE_SINGLESTEP", 12: "PTRACE_GETREGS", 13: "PTRACE_SETREGS", 16: "PTRACE_ATTACH", 17: "PTRACE_DETACH",
	24: "PTRACE_SYSCALL", 0x4204: "PTRACE_GETREGSET", 0x4205: "PTRACE_SETREGSET", 0x4206: "PTRACE_SEIZE",
}

func decodePtrace(c *call) *event.Event {
	ev := numbers(event.Ptrace, 2)(c)
	ev.Name = ptraceRequests[c.int(0)]
	return ev
}

func decodeProcessVM(name string) decoder {
	return func(c *call) *event.Event {
		ev := numbers(event.ProcessVM, 1)(c)
		ev.Name = name
		return ev
	}
}

// decodeMount: a source that is no path, such as "none", stays as it is.
func decodeMount(c *call) *event.Event {
	ev := &event.Event{Kind: event.Mount, Path: c.path(1), FSType: c.text(2, 256), Flags: c.args[3]}
	ev.Target = c.text(0, linux.PATH_MAX)
	ev.Data = printable([]byte(c.text(4, 256)))
	return ev
}

func decodePivotRoot(c *call) *event.Event {
	return &event.Event{Kind: event.PivotRoot, Path: c.path(0), Target: c.path(1)}
}

// decodeKill: Args are the target and the signal. Signal 0 only asks.
func decodeKill(target, signal int) decoder {
	return func(c *call) *event.Event {
		return &event.Event{Kind: event.Kill, Args: []int64{int64(c.int(target)), int64(c.int(signal))}}
	}
}

// decodeMprotect: memory without a file that becomes executable was filled by
// the program itself.
func decodeMprotect(c *call) *event.Event {
	if c.args[2]&unix.PROT_EXEC == 0 {
		return nil
	}
	return &event.Event{Kind: event.WXMemory, Name: "mprotect", Flags: c.args[2]}
}
