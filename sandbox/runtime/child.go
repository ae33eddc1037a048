package runtime

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// child is the detonate process, seen from the daemon, with everything that
// connects it: control socket, sensor socket, the guest's output.
type child struct {
	cmd            *exec.Cmd
	conn           *conn
	sensor         *os.File
	notices        chan message // what the child says by itself; closed when it is gone
	answers        chan message
	stdout, stderr *tail
	log            *tail // the child's own standard error

	readers sync.WaitGroup
	pipes   []*os.File
	sandbox int // pidfd of the Sentry; -1 before the start
	sentry  int // process id of the Sentry
}

// launch starts the detonate process in a user namespace of its own, in which
// it is root and outside of which it is what we are.
func launch(f *folder, spec *Spec) (c *child, err error) {
	c = &child{notices: make(chan message, 8), answers: make(chan message, 1), sandbox: -1}
	var theirs []*os.File
	defer func() {
		for _, t := range theirs {
			t.Close()
		}
		if err != nil {
			c.close()
		}
	}()
	control, controlEnd, err := socketpair(unix.SOCK_STREAM, "control")
	if err != nil {
		return nil, err
	}
	theirs = append(theirs, controlEnd)
	c.conn = newConn(control)
	sensor, sensorEnd, err := socketpair(unix.SOCK_STREAM, "sensor")
	if err != nil {
		return nil, err
	}
	theirs = append(theirs, sensorEnd)
	c.sensor = sensor
	if c.stdout, err = c.pipe(&theirs, spec.Limits.Tail); err != nil {
		return nil, err
	}
	if c.stderr, err = c.pipe(&theirs, spec.Limits.Tail); err != nil {
		return nil, err
	}
	// The order is that of the fd constants: control, sensor, stdout, stderr, lock, link.
	extra := append(append([]*os.File{}, theirs...), f.lock)
	if spec.Link != nil {
		extra = append(extra, spec.Link.File)
	}
	if c.log, err = c.pipe(&theirs, 8<<10); err != nil {
		return nil, err
	}
	c.cmd = reexec(append(flags(f.path), "detonate")...)
	c.cmd.Dir = f.path
	c.cmd.ExtraFiles = extra
	c.cmd.Stderr = theirs[len(theirs)-1]
	if err := c.cmd.Start(); err != nil {
		return nil, diagnose(hostSysctl, err)
	}
	p := plan{
		ID: "s", Bundle: filepath.Join(f.path, bundleDir), Diff: spec.DiffPath,
		Memory: spec.Limits.Memory, DiffSize: spec.Limits.Diff, Link: spec.Link.plan(),
	}
	if err := c.conn.enc.Encode(p); err != nil {
		c.kill()
		return nil, fmt.Errorf("starting a sandbox: %w", err)
	}
	c.readers.Go(c.receive)
	return c, nil
}

// reexec is a copy of this binary that does a sandbox's part: see ReexecIfSandbox.
func reexec(args ...string) *exec.Cmd {
	cmd := exec.Command("/proc/self/exe", args...)
	cmd.Args[0] = "runsc"
	cmd.Env = []string{"PATH=/usr/sbin:/usr/bin:/sbin:/bin"}
	cmd.Dir = "/"
	cmd.SysProcAttr = &syscall.SysProcAttr{
		Cloneflags:  unix.CLONE_NEWUSER | unix.CLONE_NEWNS,
		UidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Geteuid(), Size: 1}},
		GidMappings: []syscall.SysProcIDMap{{ContainerID: 0, HostID: os.Getegid(), Size: 1}},
		Credential:  &syscall.Credential{},
		Setsid:      true, // an interrupt at the terminal is the daemon's to handle
	}
	return cmd
}

// pipe makes a pipe whose writing end goes to the child, and keeps the tail of it.
func (c *child) pipe(theirs *[]*os.File, size int) (*tail, error) {
	r, w, err := os.Pipe()
	if err != nil {
		return nil, err
	}
	*theirs = append(*theirs, w)
	c.pipes = append(c.pipes, r)
	t := newTail(size)
	c.readers.Go(func() { _, _ = io.Copy(t, r) })
	return t, nil
}

// receive sorts what the child says.
func (c *child) receive() {
	defer close(c.notices)
	for {
		m, err := c.conn.receive()
		if err != nil {
			return
		}
		switch m.What {
		case askDiff, askPause:
			select {
			case c.answers <- m:
			default: // to a question that nobody waits for any more
			}
		default:
			select {
			case c.notices <- m:
			default: // more than a child ever has to say
				return
			}
		}
	}
}

func (c *child) send(m message) error { return c.conn.send(m) }

// ask sends what and waits for the answer.
func (c *child) ask(ctx context.Context, what string) (message, error) {
	select {
	case <-c.answers: // late, to an earlier question
	default:
	}
	if err := c.send(message{What: what}); err != nil {
		return message{}, err
	}
	limit := time.NewTimer(askLimit)
	defer limit.Stop()
	for {
		select {
		case m := <-c.answers:
			if m.What != what {
				continue
			}
			if m.Error != "" {
				return m, errors.New(m.Error)
			}
			return m, nil
		case <-limit.C:
			return message{}, fmt.Errorf("the sandbox did not answer %q within %v", what, askLimit)
		case <-ctx.Done():
			return message{}, ctx.Err()
		}
	}
}

// watch remembers the Sentry, so that end can wait for it.
func (c *child) watch(pid int) {
	c.sentry = pid
	if fd, err := unix.PidfdOpen(pid, 0); err == nil {
		c.sandbox = fd
	}
}

// end waits for the child, which ends by itself when its work is done, and
// kills what does not. Nothing of it is left afterwards.
func (c *child) end() {
	c.conn.f.Close() // tells the child that we are through with it
	waited := make(chan struct{})
	go func() {
		_ = c.cmd.Wait()
		close(waited)
	}()
	select {
	case <-waited:
	case <-time.After(destroyLimit):
		_ = c.cmd.Process.Kill()
		<-waited
	}
	// The Sentry has a parent-death signal; when it is gone, so are its processes.
	if c.sandbox >= 0 {
		_ = unix.PidfdSendSignal(c.sandbox, unix.SIGKILL, nil, 0)
		poll := []unix.PollFd{{Fd: int32(c.sandbox), Events: unix.POLLIN}}
		_, _ = unix.Poll(poll, int(destroyLimit.Milliseconds()))
		unix.Close(c.sandbox)
	}
	// The pipes end when no process has them; a deadline guards against one that escaped us.
	for _, p := range c.pipes {
		_ = p.SetReadDeadline(time.Now().Add(destroyLimit))
	}
	_ = c.sensor.SetReadDeadline(time.Now().Add(destroyLimit))
	c.readers.Wait()
	c.closePipes()
}

func (c *child) kill() {
	_ = c.cmd.Process.Kill()
	_ = c.cmd.Wait()
}

// close releases a child that did not come to life.
func (c *child) close() {
	if c.conn != nil {
		c.conn.f.Close()
	}
	if c.sensor != nil {
		c.sensor.Close()
	}
	c.closePipes()
	c.readers.Wait()
}

func (c *child) closePipes() {
	for _, p := range c.pipes {
		p.Close()
	}
}

func (c *child) lastWords() string {
	words, _ := c.log.result()
	return string(bytes.TrimSpace(words))
}
