package sensor

import (
	"encoding/binary"
	"math/bits"

	"golang.org/x/sys/unix"
	"gvisor.dev/gvisor/pkg/abi/linux"

	"github.com/sallyport-dev/sallyport/sandbox/event"
)

// numbered puts the arguments at the given places into Args, as signed 32-bit numbers.
func numbered(name string, places ...int) decoder {
	return func(c *call) *event.Event {
		ev := &event.Event{Kind: event.Syscall, Name: name}
		for _, i := range places {
			ev.Args = append(ev.Args, int64(c.int(i)))
		}
		return ev
	}
}

// onPath is a system call of no kind of its own about the path at argument i.
func onPath(name string, i int) decoder {
	return pathCall(event.Syscall, -1, i, func(_ *call, ev *event.Event) { ev.Name = name })
}

// withText is a system call of no kind of its own that gives the kernel a text.
func withText(name string, i int) decoder {
	return func(c *call) *event.Event {
		return &event.Event{Kind: event.Syscall, Name: name, Data: printable([]byte(c.text(i, 256)))}
	}
}

var bpfCommands = map[int32]string{
	0: "BPF_MAP_CREATE", 5: "BPF_PROG_LOAD", 6: "BPF_OBJ_PIN", 7: "BPF_OBJ_GET", 8: "BPF_PROG_ATTACH",
	17: "BPF_RAW_TRACEPOINT_OPEN", 18: "BPF_BTF_LOAD", 28: "BPF_LINK_CREATE",
}

const bpfProgLoad = 5

// decodeBPF: union bpf_attr begins with the type of the program.
func decodeBPF(c *call) *event.Event {
	ev := &event.Event{Kind: event.BPF, Name: bpfCommands[c.int(0)], Args: []int64{int64(c.int(0))}}
	if c.int(0) == bpfProgLoad {
		if b := c.bytes(1, 4); b != nil {
			ev.Args = append(ev.Args, int64(binary.NativeEndian.Uint32(b)))
		}
	}
	return ev
}

// decodePerf: struct perf_event_attr begins with the type of the event.
func decodePerf(c *call) *event.Event {
	ev := &event.Event{Kind: event.Syscall, Name: "perf_event_open", Args: []int64{int64(c.int(1))}}
	if b := c.bytes(0, 4); b != nil {
		ev.Args = append(ev.Args, int64(binary.NativeEndian.Uint32(b)))
	}
	return ev
}

func decodeAddKey(c *call) *event.Event {
	text := c.text(0, 32) + ";" + c.text(1, 256)
	return &event.Event{Kind: event.Syscall, Name: "add_key", Data: printable([]byte(text))}
}

func decodeFinitModule(c *call) *event.Event {
	return &event.Event{
		Kind: event.Module, Name: "finit_module", FD: c.int(0), Path: c.fdPath(c.int(0)), Flags: c.args[2],
		Data: printable([]byte(c.text(1, 256))),
	}
}

func decodeInitModule(c *call) *event.Event {
	return &event.Event{
		Kind: event.Module, Name: "init_module", FD: -1, Args: []int64{int64(c.args[1])},
		Data: printable([]byte(c.text(2, 256))),
	}
}

// decodeAffinity counts the CPUs that a thread wants: one for each thread is
// how miners use a cache.
func decodeAffinity(c *call) *event.Event {
	ev := &event.Event{Kind: event.Syscall, Name: "sched_setaffinity"}
	mask := c.bytes(2, int(min(c.args[1], 128)))
	n := 0
	for _, b := range mask {
		n += bits.OnesCount8(b)
	}
	if len(mask) >= 8 {
		ev.Flags = binary.NativeEndian.Uint64(mask)
	}
	ev.Args = []int64{int64(c.int(0)), int64(n)}
	return ev
}

func decodeFsopen(c *call) *event.Event {
	return &event.Event{Kind: event.Syscall, Name: "fsopen", FSType: c.text(0, 256)}
}

// The ioctls of interest that package unix lacks, or has on one architecture only.
const (
	fsIocSetflags   = 0x40086602
	fsIocFssetxattr = 0x401c5820
	blkDiscard      = 0x1277
	blkSecDiscard   = 0x127d
	loopSetFd       = 0x4c00
	loopConfigure   = 0x4c0a
)

var ioctls = map[uint32]string{
	unix.SIOCSIFFLAGS: "SIOCSIFFLAGS", unix.SIOCSIFHWADDR: "SIOCSIFHWADDR", unix.SIOCSIFADDR: "SIOCSIFADDR",
	fsIocSetflags: "FS_IOC_SETFLAGS", fsIocFssetxattr: "FS_IOC_FSSETXATTR",
	unix.TIOCSTI: "TIOCSTI", unix.TUNSETIFF: "TUNSETIFF",
	blkDiscard: "BLKDISCARD", blkSecDiscard: "BLKSECDISCARD", loopSetFd: "LOOP_SET_FD", loopConfigure: "LOOP_CONFIGURE",
}

func decodeIoctl(c *call) *event.Event {
	request := uint32(c.args[1])
	name, ok := ioctls[request]
	if !ok {
		return nil
	}
	ev := &event.Event{Kind: event.Ioctl, Name: name, FD: c.int(0), Path: c.fdPath(c.int(0))}
	switch request {
	case unix.SIOCSIFFLAGS, unix.SIOCSIFHWADDR, unix.SIOCSIFADDR, unix.TUNSETIFF:
		// struct ifreq: a name of 16 bytes, then what is to be set.
		if b := c.bytes(2, unix.IFNAMSIZ+2); b != nil {
			ev.Data = printable([]byte(unix.ByteSliceToString(b[:unix.IFNAMSIZ])))
			ev.Flags = uint64(binary.NativeEndian.Uint16(b[unix.IFNAMSIZ:]))
		}
	case fsIocSetflags, fsIocFssetxattr:
		if b := c.bytes(2, 4); b != nil {
			ev.Flags = uint64(binary.NativeEndian.Uint32(b))
		}
	case unix.TIOCSTI:
		ev.Data = printable(c.bytes(2, 1))
	}
	return ev
}

// option is a socket option.
type option struct{ level, name int32 }

var options = map[option]string{
	{unix.SOL_SOCKET, unix.SO_ATTACH_FILTER}:         "SO_ATTACH_FILTER",
	{unix.SOL_SOCKET, unix.SO_ATTACH_BPF}:            "SO_ATTACH_BPF",
	{unix.SOL_SOCKET, unix.SO_ATTACH_REUSEPORT_CBPF}: "SO_ATTACH_REUSEPORT_CBPF",
	{unix.SOL_SOCKET, unix.SO_LOCK_FILTER}:           "SO_LOCK_FILTER",
	{unix.SOL_SOCKET, unix.SO_BINDTODEVICE}:          "SO_BINDTODEVICE",
	{unix.SOL_SOCKET, unix.SO_MARK}:                  "SO_MARK",
	{linux.SOL_IP, unix.IP_HDRINCL}:                  "IP_HDRINCL",
	{linux.SOL_IP, unix.IP_TRANSPARENT}:              "IP_TRANSPARENT",
	{linux.SOL_IPV6, unix.IPV6_HDRINCL}:              "IPV6_HDRINCL",
	{unix.SOL_PACKET, unix.PACKET_ADD_MEMBERSHIP}:    "PACKET_ADD_MEMBERSHIP",
	{unix.SOL_PACKET, unix.PACKET_RX_RING}:           "PACKET_RX_RING",
	{unix.SOL_PACKET, unix.PACKET_TX_RING}:           "PACKET_TX_RING",
	{unix.SOL_ALG, unix.ALG_SET_KEY}:                 "ALG_SET_KEY",
}

func decodeSetsockopt(c *call) *event.Event {
	name, ok := options[option{c.int(1), c.int(2)}]
	if !ok {
		return nil
	}
	ev := &event.Event{Kind: event.Sockopt, Name: name, FD: c.int(0)}
	if b := c.bytes(3, 4); b != nil && c.args[4] >= 4 {
		ev.Args = []int64{int64(int32(binary.NativeEndian.Uint32(b)))}
	}
	return ev
}

// printable is b as Event.Data holds it.
func printable(b []byte) string {
	s := event.Printable(b[:min(len(b), event.MaxData)])
	return s[:min(len(s), event.MaxData)]
}

func decodeNamedFlags(name string, i int) decoder {
	return func(c *call) *event.Event {
		return &event.Event{Kind: event.Syscall, Name: name, Flags: c.args[i]}
	}
}

func decodeOnFD(name string, i int) decoder {
	return func(c *call) *event.Event {
		return &event.Event{Kind: event.Syscall, Name: name, FD: c.int(i), Path: c.fdPath(c.int(i))}
	}
}
