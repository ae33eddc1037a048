// Package event is the vocabulary between the sensor inside the Sentry and
// everything that reads what it saw: one Event per thing that a guest's task did.
//
// The sensor writes events, the observation folds them. Events come out of a
// process that a hostile guest may own, so readers treat every field as foreign
// data; the caps below are enforced by the reader, not trusted from the writer.
package event

import (
	"strings"
	"time"
)

// Caps on what one event may carry; the sensor cuts, the reader refuses more.
const (
	MaxPath  = 4096 // bytes of a path
	MaxArgs  = 256  // elements of argv or env
	MaxArg   = 4096 // bytes of one element
	MaxData  = 1024 // bytes of Data, escapes included
	MaxFrame = 1 << 20
)

// Event is one thing that a task did. Only the fields of its Kind are set.
type Event struct {
	Seq   uint64        `json:"seq"` // total order over the whole run, from 1, no gaps but lost ones
	Time  time.Duration `json:"t"`   // nanoseconds of sandbox time since the start of the run
	Kind  Kind          `json:"kind"`
	Task  Task          `json:"task"`
	Probe bool          `json:"probe,omitempty"` // done by a process that we put into the sandbox

	Path   string  `json:"path,omitempty"` // absolute inside the container where it could be resolved
	Target string  `json:"target,omitempty"`
	FSType string  `json:"fstype,omitempty"`
	Name   string  `json:"name,omitempty"`
	Flags  uint64  `json:"flags,omitempty"` // as the system call takes them
	Mode   uint32  `json:"mode,omitempty"`
	Device uint64  `json:"dev,omitempty"`
	Args   []int64 `json:"args,omitempty"`
	Result int64   `json:"result,omitempty"` // return value; meaningless on *_try
	Errno  int32   `json:"errno,omitempty"`
	FD     int32   `json:"fd,omitempty"`
	Data   string  `json:"data,omitempty"` // bytes that came with it, as Printable writes them; at most MaxData

	Local  *Endpoint `json:"local,omitempty"`
	Remote *Endpoint `json:"remote,omitempty"`

	Exec  *Program `json:"exec,omitempty"`  // Start, Exec, ExecTry
	Child int32    `json:"child,omitempty"` // Clone: the new thread's id; equal to its process id for a process
	Exit  *Status  `json:"exit,omitempty"`
}

// Task names who did it. PID numbers are those of the container's own PID namespace.
type Task struct {
	TID   int32  `json:"tid"`
	PID   int32  `json:"pid"`
	PPID  int32  `json:"ppid,omitempty"`
	Start int64  `json:"start,omitempty"` // thread group's start in ns; PID and Start together are unique
	UID   uint32 `json:"uid"`
	EUID  uint32 `json:"euid"`
	Comm  string `json:"comm,omitempty"`
	CWD   string `json:"cwd,omitempty"` // of Start, Exec and ExecTry
}

// OwnSignal tells a signal that a process sends to itself: runtimes do so to
// interrupt their own threads, many times a second.
func (e *Event) OwnSignal() bool {
	return e.Kind == Kill && len(e.Args) > 0 && e.Args[0] == int64(e.Task.PID)
}

// Program is what an exec loaded.
type Program struct {
	Path   string   `json:"path"`
	Argv   []string `json:"argv"`
	Env    []string `json:"env,omitempty"`
	SHA256 string   `json:"sha256,omitempty"` // hex
	Size   int64    `json:"size,omitempty"`
	Mode   uint32   `json:"mode,omitempty"`
	Links  uint32   `json:"nlink,omitempty"` // 0: the file was removed already
	Lower  bool     `json:"lower,omitempty"` // on the image's read-only layer
	Upper  bool     `json:"upper,omitempty"` // on the writable layer
	Memfd  bool     `json:"memfd,omitempty"` // in memory only
	Stdio  [3]*FD   `json:"stdio"`           // what descriptors 0, 1 and 2 are; nil when closed
}

// Drift tells that the program did not come with the image: it is neither an
// unchanged file of the image's layers nor unknown. Files on tmpfs carry neither flag.
func (p *Program) Drift() bool { return !(p.Lower && !p.Upper) }

// FD is what a descriptor stands for.
type FD struct {
	Kind   string    `json:"kind"` // file, pipe, socket, tty, memfd, other
	Path   string    `json:"path,omitempty"`
	Inode  uint64    `json:"inode,omitempty"` // joins both ends of a pipe
	Peer   *Peer     `json:"peer,omitempty"`  // pipe: a process that holds the other end
	Local  *Endpoint `json:"local,omitempty"`
	Remote *Endpoint `json:"remote,omitempty"`
}

// Peer is a process at the other end of a pipe.
type Peer struct {
	PID  int32  `json:"pid"`
	Comm string `json:"comm,omitempty"`
	Path string `json:"path,omitempty"`
}

// Endpoint is a socket address.
type Endpoint struct {
	Family string `json:"family"`          // inet, inet6, unix, netlink, packet, other
	Proto  string `json:"proto,omitempty"` // tcp, udp, icmp, raw
	IP     string `json:"ip,omitempty"`
	Port   uint16 `json:"port,omitempty"`
	Path   string `json:"path,omitempty"`  // unix
	Scope  string `json:"scope,omitempty"` // how far away IP is; not the sensor's to say, the observation fills it
}

// Status is how a process ended.
type Status struct {
	Code   int32 `json:"code"`
	Signal int32 `json:"signal,omitempty"`
}

// Printable writes bytes of the guest as events and observations keep them:
// printable ASCII, the rest as \xNN.
func Printable(b []byte) string {
	const hex = "0123456789abcdef"
	var s strings.Builder
	s.Grow(len(b))
	for _, c := range b {
		if c >= 0x20 && c < 0x7f {
			s.WriteByte(c)
		} else {
			s.WriteString(`\x`)
			s.WriteByte(hex[c>>4])
			s.WriteByte(hex[c&15])
		}
	}
	return s.String()
}
