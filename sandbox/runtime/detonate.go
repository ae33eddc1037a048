package runtime

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"sync"
	"time"

	"github.com/google/subcommands"
	specs "github.com/opencontainers/runtime-spec/specs-go"
	"golang.org/x/sys/unix"
	"gvisor.dev/gvisor/pkg/urpc"
	"gvisor.dev/gvisor/runsc/boot"
	"gvisor.dev/gvisor/runsc/cmd/util"
	"gvisor.dev/gvisor/runsc/config"
	"gvisor.dev/gvisor/runsc/container"
	"gvisor.dev/gvisor/runsc/flag"
	"gvisor.dev/gvisor/runsc/specutils"
)

// memoryPoll is how often the guest's memory is compared with its limit.
const memoryPoll = 250 * time.Millisecond

// goodbye is how long an orderly end may take once the parent is gone.
const goodbye = 1500 * time.Millisecond

// detonate is the short-lived process between the daemon and one sandbox. It
// must be a process of its own: an attached sandbox dies with the thread that
// made it, and that must never be one of the daemon's.
type detonate struct{ util.InternalSubCommand }

func (*detonate) Name() string           { return "detonate" }
func (*detonate) Synopsis() string       { return "run one sandbox for the parent" }
func (*detonate) Usage() string          { return "detonate\n" }
func (*detonate) SetFlags(*flag.FlagSet) {}
func (*detonate) FetchSpec(*config.Config, *flag.FlagSet) (string, *specs.Spec, error) {
	return "", nil, nil
}

// Execute implements subcommands.Command.
func (*detonate) Execute(_ context.Context, _ *flag.FlagSet, args ...any) subcommands.ExitStatus {
	// The kernel should take this process first when memory is short.
	_ = os.WriteFile("/proc/self/oom_score_adj", []byte("1000"), 0)
	s := &session{conn: newConn(os.NewFile(fdControl, "control")), conf: args[0].(*config.Config)}
	if err := s.conn.dec.Decode(&s.plan); err != nil {
		return subcommands.ExitFailure // the parent is gone already
	}
	var program *StartError
	switch err := s.run(); {
	case errors.As(err, &program):
		s.say(message{What: sayNoProgram, Error: program.Detail})
	case err != nil:
		s.say(message{What: sayFailed, Error: err.Error()})
	}
	return subcommands.ExitSuccess
}

// sensorEnd is the sensor's end of its socket, as the sink wants it.
func sensorEnd() (*os.File, error) {
	fd, err := unix.FcntlInt(fdSensor, unix.F_DUPFD_CLOEXEC, 0)
	if err != nil {
		return nil, fmt.Errorf("the sensor's socket is missing: %w", err)
	}
	return os.NewFile(uintptr(fd), "sensor"), nil
}

// session is one sandbox.
type session struct {
	conn *conn
	conf *config.Config
	plan plan

	mu  sync.Mutex // of conn's sending side
	box *container.Container
}

func (s *session) say(m message) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_ = s.conn.send(m) // a parent that is gone is noticed by obey
}

func (s *session) run() error {
	// What follows is the guest's standard input and output, not ours.
	null, err := os.Open(os.DevNull)
	if err != nil {
		return err
	}
	os.Stdin, os.Stdout, os.Stderr = null, os.NewFile(fdStdout, "stdout"), os.NewFile(fdStderr, "stderr")

	var spec specs.Spec
	b, err := os.ReadFile(filepath.Join(s.plan.Bundle, "config.json"))
	if err != nil {
		return err
	}
	if err := json.Unmarshal(b, &spec); err != nil {
		return fmt.Errorf("reading the bundle: %w", err)
	}
	if err := specutils.FixConfig(s.conf, &spec); err != nil {
		return err
	}
	s.box, err = container.New(s.conf, container.Args{
		ID: s.plan.ID, Spec: &spec, BundleDir: s.plan.Bundle, Attached: true,
	})
	if err != nil {
		return fmt.Errorf("creating the sandbox: %w", err)
	}
	defer s.box.Destroy()
	os.Stdout.Close()
	os.Stderr.Close()
	_ = unix.Close(fdSensor)
	guest, err := s.start()
	if err != nil {
		return fmt.Errorf("starting the sandbox: %w", err)
	}
	defer guest.Close()
	s.say(message{What: sayStarted, PID: s.box.Sandbox.Getpid()})

	ended := make(chan ending, 1)
	go func() { ended <- s.wait(guest) }()
	stop := make(chan struct{})
	go s.obey(stop)
	end := s.watch(ended, stop)
	if err := s.box.Destroy(); err != nil {
		return fmt.Errorf("destroying the sandbox: %w", err)
	}
	m := message{What: sayExited, Wait: uint32(end.status)}
	if end.err != nil {
		m.Error = end.err.Error()
	}
	s.say(m)
	return nil
}

// ending is how the first process ended, or why that is not known.
type ending struct {
	status unix.WaitStatus
	err    error
}

// wait waits for the end of the first process. A sandbox that dies cannot
// answer; its own end then says what happened.
func (s *session) wait(guest *urpc.Client) ending {
	var end ending
	if err := guest.Call(boot.ContMgrWait, &s.plan.ID, &end.status); err == nil {
		return end
	}
	ws, err := s.box.Sandbox.Wait(s.plan.ID)
	switch {
	case err != nil:
		end.err = err
	case ws.Signaled():
		end.err = fmt.Errorf("the sandbox was ended by signal %d (%v)", ws.Signal(), ws.Signal())
	default:
		end.err = fmt.Errorf("the sandbox ended with code %d", ws.ExitStatus())
	}
	return end
}

// watch waits for the end of the sandbox and looks after its memory.
func (s *session) watch(ended <-chan ending, stop <-chan struct{}) ending {
	poll := time.NewTicker(memoryPoll)
	defer poll.Stop()
	reported := false
	for {
		select {
		case end := <-ended:
			return end
		case <-stop:
			if pid := s.box.Sandbox.Getpid(); pid > 0 {
				_ = unix.Kill(pid, unix.SIGKILL)
			}
			return <-ended
		case <-poll.C:
			usage, err := s.box.Sandbox.Usage(false)
			if err != nil || reported || int64(usage.Total) <= s.plan.Memory {
				continue
			}
			reported = true
			_ = s.box.Sandbox.Pause(s.plan.ID)
			s.say(message{What: sayMemory})
		}
	}
}

// obey does what the parent asks until it asks for the end, or is gone.
func (s *session) obey(stop chan<- struct{}) {
	defer close(stop)
	for {
		m, err := s.conn.receive()
		if err != nil {
			// Nobody is left to tidy up after us.
			time.AfterFunc(goodbye, func() { os.Exit(1) })
			_ = os.RemoveAll(filepath.Dir(s.plan.Bundle))
			return
		}
		switch m.What {
		case askDiff:
			err = s.diff()
		case askPause:
			err = s.box.Sandbox.Pause(s.plan.ID)
		case askDestroy:
			return
		}
		answer := message{What: m.What}
		if err != nil {
			answer.Error = err.Error()
		}
		s.say(answer)
	}
}

// diff has the Sentry write the upper layer. It gets a pipe, not the file: the
// Sentry may be the guest's, and must not fill the disk.
func (s *session) diff() error {
	r, w, err := os.Pipe()
	if err != nil {
		return err
	}
	defer r.Close()
	done := make(chan error, 1)
	go func() {
		err := s.box.Sandbox.TarRootfsUpperLayer(s.plan.ID, w)
		w.Close()
		done <- err
	}()
	err = save(s.plan.Diff, r, s.plan.DiffSize)
	if err != nil {
		r.Close() // ends the Sentry's writing
	}
	return errors.Join(err, <-done)
}
