package runtime

import (
	"encoding/json"
	"fmt"
	"os"

	"golang.org/x/sys/unix"
)

// The descriptors that a detonate process inherits, in the order of exec.Cmd.ExtraFiles.
const (
	fdControl = 3 + iota // two-way, JSON documents
	fdSensor             // the sensor's end of its socket
	fdStdout             // the guest's
	fdStderr
	fdLock // held while the run's folder is in use
	fdLink // the network card; only with a Link
)

// What the parent asks for.
const (
	askDiff    = "diff"    // write the upper layer to the diff path
	askPause   = "pause"   // stop every task
	askDestroy = "destroy" // end it
)

// What the child reports. Every ask is answered once, by its own name.
const (
	sayStarted   = "started"    // the first process has begun
	sayExited    = "exited"     // the sandbox is gone; Error is set when it died
	sayMemory    = "memory"     // the memory limit was passed; the guest is paused
	sayNoProgram = "no program" // the sandbox is well, but the guest's program cannot be loaded
	sayFailed    = "failed"     // the sandbox could not be started
)

// message is what travels on the control socket, in both directions.
type message struct {
	What  string `json:"what"`
	Error string `json:"error,omitempty"`
	Wait  uint32 `json:"wait,omitempty"` // sayExited: the wait status of the first process
	PID   int    `json:"pid,omitempty"`  // sayStarted: of the Sentry
}

// plan is what the child needs to know; it is the first document on the socket.
type plan struct {
	ID       string
	Bundle   string
	Diff     string // path; "" for none
	DiffSize int64  // at most
	Memory   int64  // at most
	Link     *linkPlan
}

type linkPlan struct {
	MAC       []byte
	MTU       int
	Addresses []string // prefixes
	Gateway4  string
	Gateway6  string
}

// socketpair returns two connected ends. Both close on exec; exec.Cmd hands
// one of them on.
func socketpair(kind int, name string) (ours, theirs *os.File, err error) {
	fds, err := unix.Socketpair(unix.AF_UNIX, kind|unix.SOCK_CLOEXEC, 0)
	if err != nil {
		return nil, nil, fmt.Errorf("making the %s socket: %w", name, err)
	}
	// Non-blocking before NewFile: the runtime's poller then serves it, and Close interrupts a Read.
	if err := unix.SetNonblock(fds[0], true); err != nil {
		return nil, nil, err
	}
	return os.NewFile(uintptr(fds[0]), name), os.NewFile(uintptr(fds[1]), name), nil
}

// conn sends and receives messages. Sending is not safe for concurrent use.
type conn struct {
	f   *os.File
	enc *json.Encoder
	dec *json.Decoder
}

func newConn(f *os.File) *conn {
	return &conn{f: f, enc: json.NewEncoder(f), dec: json.NewDecoder(f)}
}

func (c *conn) send(m message) error { return c.enc.Encode(m) }

func (c *conn) receive() (message, error) {
	var m message
	err := c.dec.Decode(&m)
	return m, err
}
